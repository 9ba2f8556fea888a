"""What the spider hands to the pipelines: a page read, or a page gone.

An item starts as the facts of one visit; each pipeline adds what it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rscrawler.decisions import KnownArticle
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article, Event


@dataclass(slots=True)
class FetchedArticle:
    """An article page that was fetched and read; from `known` on, what the dedupe pipeline adds.

    Attributes:
        addresses: (key, url) of every address that led to the page, and of those that it declares
            to be its own.
        declared: the keys of such as only the page itself says so.
        asked_for: the piece whose page was asked for; None if the address was never read.
        found_at: when the first of the addresses was met.
        has_moved: the one that was asked for leads on for good.
        is_elsewhere: it was asked for since the piece's own led to nothing.
        is_archived: the page was read from the archive. That is no news, and no visit: the next
            one stays when it was.
        known: the piece whose page this is; None if it is a new one.
        event: what its record is; None if it is as it was.
        merged: a piece that turns out to be this one.
        led_here: a piece whose address leads here, though they stay two.
    """

    article: Article
    addresses: tuple[tuple[str, str], ...]
    found_at: datetime
    page_digest: str
    declared: frozenset[str] = frozenset()
    has_moved: bool = False
    is_elsewhere: bool = False
    etag: str | None = None
    last_modified: str | None = None
    dated_at: datetime | None = None
    asked_for: KnownArticle | None = None
    is_archived: bool = False
    known: KnownArticle | None = None
    fingerprint: Fingerprint | None = None
    event: Event | None = None
    merged: KnownArticle | None = None
    led_here: KnownArticle | None = None

    def __repr__(self) -> str:
        """Short: Scrapy puts items into its log."""
        return f"<FetchedArticle {self.article.url}>"


@dataclass(slots=True)
class GoneArticle:
    """A known article whose page answered 404 or 410."""

    known: KnownArticle
    checked_at: datetime
