"""RSS and Atom feeds."""

import io
import re
import time
from datetime import datetime
from itertools import islice
from typing import Any

from lxml import etree

from rscrawler.extraction.dates import read_date
from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    moment_of,
    without_false_encoding,
)

MAX_ENTRIES = 1_000  # the newest come first
# Elements that can hold the address or a date of an entry, in RSS 0.9 to 2.0, RDF and Atom.
_ENTRY_PARTS = frozenset({
    "link", "origlink", "guid", "id", "url", "uri", "homepage",
    "published", "pubdate", "issued", "created", "updated", "modified", "lastbuilddate", "date",
})  # fmt: skip


def read(page: SourcePage) -> SourceContent:
    """The entries of a feed, in its order."""
    import feedparser

    try:
        feed = feedparser.parse(
            # A stream: feedparser opens bytes that look like an address or a path.
            io.BytesIO(_without_texts(without_false_encoding(page.body))),
            response_headers={"content-location": page.url},
            # Only links and dates are used; sanitizing the rest of a broken feed is slow.
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    # &#x110000; for example, or a <category> that ends after its <item>.
    except (ValueError, OverflowError, LookupError) as error:
        raise UnreadableSource(f"is not a feed that can be read: {error}") from error
    if not feed.get("version"):
        raise UnreadableSource("is not a feed")
    entries = []
    for entry in feed.entries:
        if url := web_address(_link(entry), page.url):
            published, changed = _date(entry, "published"), _date(entry, "updated")
            # `dc:date`, the only date of RSS 1.0, is `updated` in feedparser.
            is_dated_once = published is None and not feed.version.startswith("atom")
            entries.append(
                Entry(url, changed or published, changed if is_dated_once else published)
            )
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
    return next((each for each in given if each and isinstance(each, str)), "")


def _without_texts(body: bytes) -> bytes:
    """Reduce the entries of a well-formed feed to addresses and dates; only cut any other short.

    feedparser handles each character reference of a full text separately, which took three
    quarters of its time. It also detects a false declaration of an encoding, and so gets the
    original bytes of a feed that declares an encoding other than UTF.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return _cut_off(body)
    entries = list(root.iter("{*}item", "{*}entry"))
    for entry in entries[MAX_ENTRIES:]:
        entry.getparent().remove(entry)
    declared = root.getroottree().docinfo.encoding or "utf-8"
    if not body.isascii() and not declared.lower().startswith("utf"):
        return _cut_off(body)
    for entry in entries[:MAX_ENTRIES]:
        for part in list(entry):
            name = str(part.tag).rpartition("}")[2].lower()
            if name not in _ENTRY_PARTS:
                entry.remove(part)
    return etree.tostring(root.getroottree(), encoding="utf-8")


def _cut_off(body: bytes) -> bytes:
    """The bytes of a feed up to the end of its last entry that is used."""
    ends = re.finditer(rb"</(?:item|entry)\s*>", body, re.IGNORECASE)
    last = next(islice(ends, MAX_ENTRIES - 1, None), None)
    return body if last is None else body[: last.end()]


def _date(entry: Any, name: str) -> datetime | None:
    """A date of an entry by our parser, since feedparser reads 2 PM as 2 AM; else by feedparser."""
    if name not in entry:
        return None
    text, parsed = entry[name], entry.get(f"{name}_parsed")
    found = read_date(text)
    is_read = found is not None and found.has_time and found.odd_zone is None
    if isinstance(parsed, time.struct_time) and not is_read:
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", parsed)
    return moment_of(text)
