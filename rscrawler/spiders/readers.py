"""What a source's answer says: addresses, their dates, further sitemaps.

Plain functions over bytes and parsed pages; nothing here decides what is wanted.
"""

from __future__ import annotations

import io
import re
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import feedparser
from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.dates import read_date
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import absolute
from rscrawler.sites import SiteProfile, Source

MAX_SITEMAP_BYTES = 50 * 2**20  # what the sitemap protocol allows
MAX_SITEMAP_ADDRESSES = 50_000  # the same
MAX_SITEMAPS = 5_000  # of an index: one a day for 13 years
MAX_FEED_ENTRIES = 1_000  # the newest stand first
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW_BITS = 31
# All that may hold an address or a date of a feed's entry, in RSS 0.9 to 2.0, RDF and Atom.
_FEED_ENTRY_PARTS = frozenset({
    "link", "guid", "id", "url", "uri", "homepage",
    "published", "pubdate", "issued", "created", "updated", "modified", "lastbuilddate", "date",
})  # fmt: skip


class UnreadableSource(Exception):
    """The answer is not what its kind of source should be: garbage, empty or cut off."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One address on a source, and what the source says of its dates."""

    url: str
    dated_at: datetime | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceContent:
    """A source's own entries, and the sitemaps that it names."""

    entries: tuple[Entry, ...]
    sitemaps: tuple[Entry, ...] = ()


def read_listing(root: Element, url: str, profile: SiteProfile) -> list[Entry]:
    """Every link of a section or tag page, in page order, without repeats."""
    scopes = [found for selector in profile.links.within for found in select(root, selector)] or [
        root
    ]
    base = _base_of(root, url)
    hrefs = (link.get("href") for scope in scopes for link in scope.iter("a"))
    # The same addresses stand in menus and cards of one page: each is made absolute once.
    links = dict.fromkeys(
        _absolute(base, href) for href in dict.fromkeys(hrefs) if href is not None
    )
    return [Entry(link) for link in links if link]


def _base_of(root: Element, url: str) -> str:
    declared = root.xpath("string(//head/base/@href)")
    return urljoin(url, str(declared).strip()) if declared else url


def _absolute(base: str, href: str) -> str | None:
    link = absolute(href, base)
    return link if _is_of_web(link) else None


@lru_cache(maxsize=16_384)  # a site's pages show the same menus
def _is_of_web(link: str) -> bool:
    try:
        return urlsplit(link).scheme in ("http", "https")
    except ValueError:  # a link such as `http://[` is no address
        return False


def read_feed(body: bytes, url: str) -> list[Entry]:
    """The entries of an RSS or Atom feed, in its order.

    Raises:
        UnreadableSource: it is not a feed.
    """
    try:
        feed = feedparser.parse(
            # Bytes as such that look like an address or a path would be opened.
            io.BytesIO(_without_texts(body)),
            response_headers={"content-location": url},
            # Only links and dates are used; cleaning the rest of a broken feed takes long.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except (ValueError, OverflowError) as error:  # &#x110000; for example
        raise UnreadableSource(f"is not a feed that can be read: {error}") from error
    if not feed.get("version"):
        raise UnreadableSource("is not a feed")
    return [
        Entry(
            url=link,
            dated_at=_moment(
                entry["updated_parsed"]
                if "updated_parsed" in entry
                else entry.get("published_parsed")
            ),
            published_at=_moment(entry.get("published_parsed")),
        )
        for entry in feed.entries
        if entry.get("link") and (link := _absolute(url, entry.link))
    ]


def _without_texts(body: bytes) -> bytes:
    """A well-formed feed whose entries keep addresses and dates alone; another as it is.

    feedparser handles each character reference of a full text by itself: three quarters of
    its time. It also sees through a wrong declaration of an encoding, and so gets the bytes
    of a feed that declares any but Unicode's.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return _cut_off(body)
    entries = list(root.iter("{*}item", "{*}entry"))
    for entry in entries[MAX_FEED_ENTRIES:]:
        entry.getparent().remove(entry)
    declared = root.getroottree().docinfo.encoding or "utf-8"
    if not body.isascii() and not declared.lower().startswith("utf"):
        return _cut_off(body)
    for entry in entries[:MAX_FEED_ENTRIES]:
        for part in list(entry):
            if _name(part) not in _FEED_ENTRY_PARTS:
                entry.remove(part)
    return etree.tostring(root.getroottree(), encoding="utf-8")


def _cut_off(body: bytes) -> bytes:
    """A feed that is no XML, up to the last entry that is looked at."""
    ends = re.finditer(rb"</(?:item|entry)\s*>", body, re.IGNORECASE)
    last = next(islice(ends, MAX_FEED_ENTRIES - 1, None), None)
    return body if last is None else body[: last.end()]


def _moment(parsed: time.struct_time | None) -> datetime | None:
    if parsed is None:
        return None
    try:
        return datetime(*parsed[:6], tzinfo=UTC)
    except ValueError:
        return None


def read_sitemap(body: bytes) -> SourceContent:
    """The addresses in a sitemap or a sitemap index.

    Raises:
        UnreadableSource: it is neither.
    """
    if body.startswith(_GZIP_MAGIC):
        body = _unpacked(body)
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableSource(f"is not XML: {error.msg}") from None
    if root is None or _name(root) not in ("urlset", "sitemapindex"):
        raise UnreadableSource("is not a sitemap")
    if _name(root) == "sitemapindex":
        return SourceContent((), tuple(islice(_sitemap_entries(root), MAX_SITEMAPS)))
    return SourceContent(tuple(islice(_sitemap_entries(root), MAX_SITEMAP_ADDRESSES)))


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP_WINDOW_BITS)
    try:
        unpacked = unpacker.decompress(body, MAX_SITEMAP_BYTES)
    except zlib.error as error:
        raise UnreadableSource(f"cannot be unpacked: {error}") from None
    if unpacker.unconsumed_tail:
        raise UnreadableSource("is too large once unpacked")
    if not unpacker.eof:
        raise UnreadableSource("is cut off")
    return unpacked


def _sitemap_entries(root: Any) -> Iterator[Entry]:
    for element in root:
        # Of its own: an image or a video in it may have another `loc` and another date.
        values = _texts_of_parts(element)
        news = next((_texts_of_parts(part) for part in element if _name(part) == "news"), {})
        # A relative one, which the protocol does not allow, is no address either.
        if location := _absolute("", values.get("loc", "")):
            published = read_date(news.get("publication_date", ""))
            changed = read_date(values.get("lastmod", "")) or published
            yield Entry(
                location, changed.at if changed else None, published.at if published else None
            )


def _texts_of_parts(element: Any) -> dict[str, str]:
    return {_name(part): (part.text or "").strip() for part in element}


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def page_address(source: Source, url: str, page: int) -> str:
    """The address of a source's `page`-th page; the first one is the source's own."""
    if page <= 1 or not source.page_parameter:
        return url
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] != source.page_parameter]
    query.append((source.page_parameter, str(page)))
    return urlunsplit(parts._replace(query=urlencode(query)))


def page_number(source: Source, url: str) -> int:
    """The number of a source's page, from its address."""
    values = dict(parse_qsl(urlsplit(url).query))
    value = values.get(source.page_parameter or "", "1")
    return int(value) if value.isascii() and value.isdigit() else 1
