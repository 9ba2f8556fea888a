"""Parsers of sources: they return addresses and dates, and decide nothing.

Each kind of source is a function of a page, and a row in `KINDS`; `sites.Source` is its
configuration in a profile.
"""

import io
import json
import re
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any, TypeVar
from urllib.parse import urldefrag, urlencode, urlsplit, urlunsplit

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.dates import EARLIEST, read_date
from rscrawler.extraction.page import looks_truncated, parse_page, whole_utf8
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import web_address
from rscrawler.sites import Source, SourceKind

MAX_ENTRIES = 1_000  # of a feed or an endpoint
MAX_SITEMAP_BYTES = 50 * 2**20  # what the sitemap protocol allows
MAX_ADDRESSES = 50_000  # of a sitemap: the same
MAX_SITEMAPS = 5_000  # of an index: one a day for 13 years

# Any page made by a site has some of these, and garbage has none.
_PAGE_ELEMENTS = ("title", "main", "div", "section", "article", "header", "nav", "h1", "h2", "ul")
_NEXT = "[rel~='next'][href]"  # WordPress and Drupal declare it, from whatever number they count
_NEXT_HEADER = re.compile(r"<([^<>]+)>[^<,]*;\s*rel\s*=\s*\"?next\b", re.IGNORECASE)  # RFC 8288
# Elements that can hold the address or a date of an entry, in RSS 0.9 to 2.0, RDF and Atom.
_ENTRY_PARTS = frozenset({
    "link", "origlink", "guid", "id", "url", "uri", "homepage",
    "published", "pubdate", "issued", "created", "updated", "modified", "lastbuilddate", "date",
})  # fmt: skip
_FALSE_UTF16 = re.compile(
    rb"\A((?:\xef\xbb\xbf)?\s*<\?xml[^>]*?)\sencoding\s*=\s*[\"']utf-?16[\"']", re.IGNORECASE
)
_CHARACTER_REFERENCE = re.compile(rb"&#(x[0-9a-f]+|[0-9]+);?", re.IGNORECASE)
# In CDATA it is right; in UTF-16 a zero byte follows.
_AMPERSAND = re.compile(rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?:amp;|(?!#?\w+;|\0))", re.DOTALL)
_END_OF_XML = re.compile(
    rb"</(?:[\w-]+:)?(?:rss|feed|rdf|urlset|sitemapindex)\s*>|<urlset[^>]*/>", re.IGNORECASE
)
_XML = re.compile(r"[^?#]*\.xml(?:\.gz)?(?:[?#]|$)", re.IGNORECASE)  # the address of such a file
_START_OF_JSON = re.compile(r"[\[{]\s*(?:[\[{\"\]}]|null|false)")
_ONLY_COMMENTS = re.compile(r"(?:\s|(?><!--.*?-->))*+", re.DOTALL)
_GZIP_MAGIC = b"\x1f\x8b"
_PACKED_CHUNK_BYTES = 2**14  # each can unpack to a thousand times as many
FEED_KINDS = frozenset({SourceKind.FEED, SourceKind.JSON})
LISTING_KINDS = frozenset({SourceKind.SECTION, SourceKind.TAG})
_Listed = TypeVar("_Listed")


class UnreadableSource(Exception):
    """The response does not fit its kind of source: garbage, empty or truncated."""


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a source of `site`.

    `link_header` is the response's `Link`; `within` selects elements whose links count (none: all).
    `requested_url` may have redirected to `url`.
    """

    site: str
    url: str
    body: bytes
    content_type: str | None
    source: Source
    link_header: str | None = None
    within: tuple[str, ...] = ()
    requested_url: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One address on a source, with the dates and the title that the source gives it."""

    url: str
    dated_at: datetime | None = None
    published_hint: datetime | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class SourceContent:
    """A page's entries, the sitemaps that it names, and its next page if it names one."""

    entries: tuple[Entry, ...]
    sitemaps: tuple[Entry, ...] = ()
    next_url: str | None = None


def read_source(page: SourcePage) -> SourceContent:
    """Parse a page of a source.

    Raises:
        UnreadableSource: the page does not fit its kind of source.
    """
    if not page.body.strip():
        raise UnreadableSource("is empty")
    return KINDS[page.source.kind](page)


def is_truncated(page: SourcePage) -> bool:
    """Whether a page of a source stops within its document, so that entries may be missing.

    Such a page can be a whole response: Caddy ends one properly whose origin died on the way, and
    so does a program that fails while it prints. JSON and packed sitemaps are unreadable then.
    """
    if page.source.kind in (SourceKind.FEED, SourceKind.SITEMAP):
        end = page.body[-4096:].replace(b"\0", b"")  # of UTF-16
        return not page.body.startswith(_GZIP_MAGIC) and not _END_OF_XML.search(end)
    return page.source.kind is not SourceKind.JSON and looks_truncated(page.body)


def page_address(source: Source, url: str, page: int) -> str:
    """The address of a source's `page`-th page, from 1; the first is the source's own."""
    if page <= 1 or not source.page_parameter:
        return url
    parts, name = urlsplit(url), source.page_parameter
    if name.startswith("/"):
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}{name}{page}/"))
    kept = [each for each in parts.query.split("&") if each and each.partition("=")[0] != name]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode({name: page})])))


def _moment(text: str) -> datetime | None:
    """Parse a source's date; None if it is invalid or too early, as the year 1 of undated pages."""
    found = read_date(text)
    return found.at if found is not None and found.at >= EARLIEST else None


def _xml_parser(*, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(recover=recover, resolve_entities=False, no_network=True, huge_tree=True)


def _without_false_encoding(body: bytes) -> bytes:
    """XML without a false declaration of UTF-16, which .NET writes into UTF-8."""
    return _FALSE_UTF16.sub(rb"\1", body)


def _mended(body: bytes) -> bytes:
    """Malformed XML without references to what is no character, its ampersands escaped by number.

    Some programs write an emoji as the two halves of a surrogate pair, at which parsers give up;
    and parsers take `&copy=2` in an address for a sign. After an error, libxml2 drops `&amp;`.
    """

    def true_one(reference: re.Match[bytes]) -> bytes:
        digits = reference[1].lower()
        number = int(digits[:9].lstrip(b"x"), 16 if digits.startswith(b"x") else 10)
        return reference[0] if number < 0xD800 or 0xDFFF < number <= sys.maxunicode else b""

    body = _CHARACTER_REFERENCE.sub(true_one, body)
    return _AMPERSAND.sub(lambda found: found[1] or b"&#38;", body)


# Listings (sections and tags): HTML pages whose links are the entries.


def _read_listing(page: SourcePage) -> SourceContent:
    """The links in the elements that `within` selects, in page order, without repeats.

    The next page is the first that is declared anywhere on the page (`rel="next"` of HTML).
    """
    root = parse_page(page.body, page.content_type)
    scopes = [found for selector in page.within for found in select(root, selector)]
    base = web_address(str(root.xpath("string(//head/base/@href)")), page.url) or page.url
    hrefs = (link.get("href", "") for scope in scopes or [root] for link in scope.iter("a"))
    # Menus and cards repeat addresses: each one is made absolute only once.
    links = dict.fromkeys(web_address(href, base) for href in dict.fromkeys(hrefs))
    entries = tuple(Entry(link) for link in links if link)
    if not entries and next(root.iter(*_PAGE_ELEMENTS), None) is None:
        raise UnreadableSource("is not an HTML page")  # a page without links is fine
    following = (web_address(each.get("href", ""), base) for each in select(root, _NEXT))
    further = (urldefrag(each).url for each in following if each)
    own = urldefrag(page.url).url  # a script's button leads to `#`
    return SourceContent(entries, next_url=next((each for each in further if each != own), None))


# RSS and Atom feeds.


def _read_feed(page: SourcePage) -> SourceContent:
    import feedparser

    try:
        feed = feedparser.parse(
            # A stream: feedparser opens bytes that look like an address or a path.
            io.BytesIO(_without_texts(_without_false_encoding(page.body))),
            # Without a type, feedparser takes XML that declares no encoding for Latin-1.
            response_headers={"content-location": page.url, "content-type": "application/xml"},
            # Only links and dates are used; sanitizing the rest of a broken feed is slow.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    # &#x110000; for example, or a <category> that ends after its <item>.
    except (ValueError, OverflowError, LookupError) as error:
        raise UnreadableSource(f"is not a feed that can be read: {error}") from error
    if not feed.get("version"):
        is_html = b"<html" in page.body[:4096].lower()
        raise UnreadableSource("is not a feed, but a web page" if is_html else "is not a feed")
    entries = []
    for entry in feed.entries:
        if url := web_address(_link(entry), page.url):
            published, changed = _feed_date(entry, "published"), _feed_date(entry, "updated")
            # `dc:date`, the only date of RSS 1.0, is `updated` in feedparser.
            is_dated_once = published is None and not feed.version.startswith("atom")
            entries.append(
                Entry(url, changed or published, changed if is_dated_once else published)
            )
    if feed.entries and not entries:
        raise UnreadableSource("has no address in any entry")
    return SourceContent(tuple(entries))


def _link(entry: Any) -> str:
    """The first HTML page that an entry links to; feedparser takes the last link, even a picture's.

    FeedBurner and Pheedo link to counters of clicks, and name the page in elements of their own.
    """
    # A feed's own element of the same name, or attributes on it, can replace feedparser's value.
    links = (each for each in entry.get("links", ()) if isinstance(each, dict))
    pages = (
        each.get("href")
        for each in links
        if each.get("rel") == "alternate" and "html" in each.get("type", "")
    )
    named = (entry.get("feedburner_origlink"), entry.get("pheedo_origlink"))
    given = (*named, next(pages, None), entry.get("link"))
    found = next((each for each in given if each and isinstance(each, str)), "")
    # In a malformed feed, feedparser leaves the one in a guid, and the other in an attribute.
    return found.replace("&#38;", "&").replace("&amp;", "&")


def _without_texts(body: bytes) -> bytes:
    """Reduce the entries of a well-formed feed to addresses and dates; only cut any other short.

    feedparser handles each character reference of a full text separately, which took three
    quarters of its time. It also detects a false declaration of an encoding, and so gets the
    original bytes of a feed that declares an encoding other than UTF. Because of one broken
    character (a text cut inside a letter) it would read a whole feed in UTF-8 as Latin.
    """
    try:
        root = etree.fromstring(body, _xml_parser())
    except etree.XMLSyntaxError:
        return _shortened(_mended(whole_utf8(body) or body))
    entries = [*root.iter("{*}item", "{*}entry")]
    used = _ends(entries, MAX_ENTRIES)
    for entry in set(entries).difference(used):
        entry.getparent().remove(entry)
    declared = root.getroottree().docinfo.encoding or "utf-8"
    if not body.isascii() and not declared.lower().startswith("utf"):
        return _shortened(body)
    for entry in used:
        for part in list(entry):
            if _name(part) not in _ENTRY_PARTS:
                entry.remove(part)
    return etree.tostring(root.getroottree(), encoding="utf-8")


def _shortened(body: bytes) -> bytes:
    """The bytes of a feed without the entries that are not used, those in the middle."""
    ends = [end.end() for end in re.finditer(rb"</(?:item|entry)\s*>", body, re.IGNORECASE)]
    half = MAX_ENTRIES // 2
    return body if len(ends) <= MAX_ENTRIES else body[: ends[half - 1]] + body[ends[-half - 1] :]


def _feed_date(entry: Any, name: str) -> datetime | None:
    """A date of an entry by our parser, since feedparser reads 2 PM as 2 AM; else by feedparser."""
    if name not in entry:
        return None
    text, parsed = entry[name], entry.get(f"{name}_parsed")
    found = read_date(text)
    is_read = found is not None and found.has_time and found.odd_zone is None
    if isinstance(parsed, time.struct_time) and not is_read:
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", parsed)
    return _moment(text)


# Sitemaps and indexes of sitemaps, compressed or not.


def _read_sitemap(page: SourcePage) -> SourceContent:
    """The addresses in a sitemap, or the sitemaps in an index."""
    body = _unpacked(page.body) if page.body.startswith(_GZIP_MAGIC) else page.body
    body = _without_false_encoding(body)
    try:
        root = etree.fromstring(body, _xml_parser())
    except etree.XMLSyntaxError:
        try:
            root = etree.fromstring(_mended(body), _xml_parser(recover=True))
        except etree.XMLSyntaxError as error:
            raise UnreadableSource(f"is not XML: {error.msg}") from None
    if root is None or _name(root) not in ("urlset", "sitemapindex"):
        raise UnreadableSource("is not a sitemap")
    # Whatever the root is called, and wherever they are: some entries lack their end tag.
    listed = tuple(_locations(_ends(root.iter("{*}url"), MAX_ADDRESSES), page.url))
    sitemaps = tuple(_locations(_ends(root.iter("{*}sitemap"), MAX_SITEMAPS), page.url))
    if not sitemaps and all(_XML.match(each.url) for each in listed):
        return SourceContent((), listed[:MAX_SITEMAPS])  # an index that calls them pages
    return SourceContent(listed, sitemaps)


def _unpacked(body: bytes) -> bytes:
    """The content of all members: some programs append to a packed file (RFC 1952, 2.2).

    What is not packed behind them, such as a comment of WordPress' cache, is ignored.
    """
    unpacked, at = bytearray(), 0
    while body.startswith(_GZIP_MAGIC, at):
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS + 16)  # gzip
        while not unpacker.eof:
            if not (chunk := body[at : at + _PACKED_CHUNK_BYTES]):
                raise UnreadableSource("is truncated")
            try:
                unpacked += unpacker.decompress(chunk)
            except zlib.error as error:
                raise UnreadableSource(f"cannot be unpacked: {error}") from None
            if len(unpacked) > MAX_SITEMAP_BYTES:
                raise UnreadableSource("is too large once unpacked")
            at += len(chunk) - len(unpacker.unused_data)
    return bytes(unpacked)


def _ends(listed: Iterable[_Listed], most: int) -> list[_Listed]:
    """What is listed; of too many those at both ends, since the newest are at one of them."""
    entries, half = [*listed], most // 2
    return entries if len(entries) <= most else [*entries[:half], *entries[-half:]]


def _locations(elements: Iterable[Element], base: str) -> Iterator[Entry]:
    for element in elements:
        # Direct children only: an image or a video in it may have another `loc` and date.
        values = _texts_of_parts(element)
        locations = [part.text for part in element if _name(part) == "loc"] or [element.text]
        news = next((_texts_of_parts(part) for part in element if _name(part) == "news"), {})
        published = _moment(news.get("publication_date", ""))
        dated_at = _moment(values.get("lastmod", "")) or published
        for text in locations:
            if location := web_address(_with_scheme(text or "", base), base):
                yield Entry(location, dated_at, published)


def _with_scheme(location: str, base: str) -> str:
    """An address in the sitemap `base`, relative or not, with a scheme if it begins with the host.

    The protocol allows neither relative addresses nor a missing scheme; some programs write them.
    """
    location = location.strip()
    first, host = location.partition("/")[0], urlsplit(base).netloc
    is_host = first.removeprefix("www.") == host.removeprefix("www.")
    return f"//{location}" if is_host else location


def _texts_of_parts(element: Element) -> dict[str, str]:
    return {_name(part): (part.text or "").strip() for part in element}


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


# JSON endpoints, such as WordPress' `/wp-json/wp/v2/posts`; `paths` locate the fields.


def _read_endpoint(page: SourcePage) -> SourceContent:
    """The articles in the list, and the next page that the response or its header names."""
    paths = page.source.paths
    content = _json(page.body)
    listed = _at(content, paths.entries)
    if isinstance(listed, dict) and listed and all(map(str.isdecimal, listed)):
        listed = [*listed.values()]  # what PHP makes of a list with gaps
    if not isinstance(listed, list):
        raise UnreadableSource(f"has no list at {paths.entries!r}; see paths.entries")
    entries = []
    for item in _ends(listed, MAX_ENTRIES):
        if url := web_address(_text_at(item, paths.address), page.url):
            published = _date_at(item, paths.published)
            title = unescape(_text_at(item, paths.title)).strip() or None
            changed = _date_at(item, paths.modified)
            entries.append(Entry(url, changed or published, published, title))
    if listed and not entries:
        raise UnreadableSource(f"has no address at {paths.address!r}; see paths.address")
    header = _NEXT_HEADER.search(page.link_header or "")
    following = _text_at(content, paths.next) or (header[1] if header else "")
    return SourceContent(tuple(entries), next_url=web_address(following, page.url))


def _json(body: bytes) -> Any:
    """The JSON in a response, whatever is printed before it, and comments behind it.

    Plug-ins of WordPress print PHP's notices, texts or a BOM; its caches append a comment. Texts
    may hold control characters and broken UTF-8, of which a few programs write JSON by hand.
    """
    text = body.decode(json.detect_encoding(body), "replace")
    start = _START_OF_JSON.search(text)
    with suppress(ValueError, RecursionError):
        decoder, begin = json.JSONDecoder(strict=False), start.start() if start else 0
        content, end = decoder.raw_decode(text, begin)
        if _ONLY_COMMENTS.fullmatch(text, end):  # else a page with a script
            return content
    raise UnreadableSource("is not JSON")


def _at(value: Any, path: str) -> Any:
    """The value at a path such as `title.rendered` or `0.link`; None if there is none."""
    for name in filter(None, path.split(".")):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _text_at(value: Any, path: str) -> str:
    found = _at(value, path) if path else None
    return found if isinstance(found, str) else ""


def _date_at(value: Any, path: str) -> datetime | None:
    found = _at(value, path) if path else None
    return _moment(str(found)) if isinstance(found, str | int | float) else None


KINDS: dict[SourceKind, Callable[[SourcePage], SourceContent]] = {
    SourceKind.SECTION: _read_listing,
    SourceKind.TAG: _read_listing,
    SourceKind.FEED: _read_feed,
    SourceKind.SITEMAP: _read_sitemap,
    SourceKind.JSON: _read_endpoint,
}
