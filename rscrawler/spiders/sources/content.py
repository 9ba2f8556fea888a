"""A page of a source as it was fetched, and what it says: addresses, dates, what is next."""

import re
from dataclasses import dataclass
from datetime import datetime

from rscrawler.extraction.dates import EARLIEST, read_date
from rscrawler.sites import Source

_FALSE_UTF16 = re.compile(
    rb"\A((?:\xef\xbb\xbf)?\s*<\?xml[^>]*?)\sencoding\s*=\s*[\"']utf-?16[\"']", re.IGNORECASE
)


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


def moment_of(text: str) -> datetime | None:
    """The date that a source gives; None if it is none, as the year 1 of an undated page."""
    found = read_date(text)
    return found.at if found is not None and found.at >= EARLIEST else None


def without_false_encoding(body: bytes) -> bytes:
    """XML without a declaration of UTF-16 that its own bytes belie: .NET writes it on UTF-8."""
    return _FALSE_UTF16.sub(rb"\1", body)
