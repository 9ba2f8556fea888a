"""Sitemaps and indexes of sitemaps, compressed or not."""

import zlib
from collections.abc import Iterator
from itertools import islice

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    moment_of,
    without_false_encoding,
)

MAX_BYTES = 50 * 2**20  # what the sitemap protocol allows
MAX_ADDRESSES = 50_000  # the same
MAX_SITEMAPS = 5_000  # of an index: one a day for 13 years
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31


def read(page: SourcePage) -> SourceContent:
    """The addresses in a sitemap, or the sitemaps in an index."""
    body = _unpacked(page.body) if page.body.startswith(_GZIP_MAGIC) else page.body
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(without_false_encoding(body), parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableSource(f"is not XML: {error.msg}") from None
    if root is None or _name(root) not in ("urlset", "sitemapindex"):
        raise UnreadableSource("is not a sitemap")
    if _name(root) == "sitemapindex":
        return SourceContent((), tuple(islice(_entries(root), MAX_SITEMAPS)))
    return SourceContent(tuple(islice(_entries(root), MAX_ADDRESSES)))


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)
    try:
        unpacked = unpacker.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise UnreadableSource(f"cannot be unpacked: {error}") from None
    if unpacker.unconsumed_tail:
        raise UnreadableSource("is too large once unpacked")
    if not unpacker.eof:
        raise UnreadableSource("is cut off")
    return unpacked


def _entries(root: Element) -> Iterator[Entry]:
    for element in root:
        # Direct children only: an image or a video in it may have another `loc` and date.
        values = _texts_of_parts(element)
        news = next((_texts_of_parts(part) for part in element if _name(part) == "news"), {})
        # Relative addresses, which the protocol does not allow, are ignored.
        if location := web_address(values.get("loc", ""), ""):
            published = moment_of(news.get("publication_date", ""))
            yield Entry(location, moment_of(values.get("lastmod", "")) or published, published)


def _texts_of_parts(element: Element) -> dict[str, str]:
    return {_name(part): (part.text or "").strip() for part in element}


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
