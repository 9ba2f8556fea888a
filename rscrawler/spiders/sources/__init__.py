"""Parsers of sources: they return addresses and dates, and decide nothing.

Each kind of source is a module with `read(page)`, and a row in `KINDS`; `sites.Source` is
its configuration in a profile.
"""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit, urlunsplit

from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.sources import endpoint, feed, listing, sitemap
from rscrawler.spiders.sources.content import Entry, SourceContent, SourcePage, UnreadableSource

__all__ = [
    "KINDS",
    "Entry",
    "SourceContent",
    "SourcePage",
    "UnreadableSource",
    "page_address",
    "read_source",
]

KINDS: dict[SourceKind, Callable[[SourcePage], SourceContent]] = {
    SourceKind.SECTION: listing.read,
    SourceKind.TAG: listing.read,
    SourceKind.FEED: feed.read,
    SourceKind.SITEMAP: sitemap.read,
    SourceKind.JSON: endpoint.read,
}


def read_source(page: SourcePage) -> SourceContent:
    """Parse a page of a source.

    Raises:
        UnreadableSource: the page does not fit its kind of source.
    """
    if not page.body.strip():
        raise UnreadableSource("is empty")
    return KINDS[page.source.kind](page)


def page_address(source: Source, url: str, page: int) -> str:
    """The address of a source's `page`-th page, from 1; the first is the source's own."""
    if page <= 1 or not source.page_parameter:
        return url
    parts, name = urlsplit(url), source.page_parameter
    if name.startswith("/"):
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}{name}{page}/"))
    kept = [each for each in parts.query.split("&") if each and each.partition("=")[0] != name]
    return urlunsplit(parts._replace(query="&".join([*kept, urlencode({name: page})])))
