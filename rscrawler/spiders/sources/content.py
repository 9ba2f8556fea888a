"""The input and output of source parsers: a fetched page, its addresses and dates."""

import re
from dataclasses import dataclass
from datetime import datetime

from rscrawler.extraction.dates import EARLIEST, read_date
from rscrawler.sites import Source

_FALSE_UTF16 = re.compile(
    rb"\A((?:\xef\xbb\xbf)?\s*<\?xml[^>]*?)\sencoding\s*=\s*[\"']utf-?16[\"']", re.IGNORECASE
)


class UnreadableSource(Exception):
    """The response does not fit its kind of source: garbage, empty or cut off."""


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page of a source of `site`.

    `link_header` is the response's `Link`; `within` selects elements whose links count (none: all).
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
    """One address on a source, with the dates and the title that the source gives it."""

    url: str
    dated_at: datetime | None = None
    published_at: datetime | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class SourceContent:
    """A page's entries, the sitemaps that it names, and its next page if it names one."""

    entries: tuple[Entry, ...]
    sitemaps: tuple[Entry, ...] = ()
    next_url: str | None = None


def moment_of(text: str) -> datetime | None:
    """Parse a source's date; None if it is invalid or too early, as the year 1 of undated pages."""
    found = read_date(text)
    return found.at if found is not None and found.at >= EARLIEST else None


def without_false_encoding(body: bytes) -> bytes:
    """XML without a false declaration of UTF-16, which .NET writes into UTF-8."""
    return _FALSE_UTF16.sub(rb"\1", body)
