"""A page of a source as it was fetched, and what it says: addresses, dates, what is next."""

from dataclasses import dataclass
from datetime import datetime

from rscrawler.sites import Source


class UnreadableSource(Exception):
    """The answer is not what its kind of source should be: garbage, empty or cut off."""


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a source of `site`.

    `link_header` is the answer's `Link`; `within` the profile's selectors of where links count.
    """

    site: str
    url: str
    body: bytes
    content_type: str | None
    source: Source
    link_header: str | None = None
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One address on a source, and what the source says of it."""

    url: str
    dated_at: datetime | None = None
    published_at: datetime | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class SourceContent:
    """A page's entries, the sitemaps that it names, and its next page if it names that."""

    entries: tuple[Entry, ...]
    sitemaps: tuple[Entry, ...] = ()
    next_url: str | None = None
