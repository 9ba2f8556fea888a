"""What the spider hands to the pipelines: a page read, or a page gone.

An item starts as the facts of one visit; each pipeline adds what it decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rscrawler.decisions import KnownArticle
from rscrawler.items import Article, Event
from rscrawler.store.articles import Fingerprint


@dataclass(slots=True)
class FetchedArticle:
    """An article page that was fetched and read.

    `addresses` are the (key, url) pairs of every address that led to the page, and of those
    that it declares to be its own; the keys of such as only it says so are in `declared`.
    `found_at` is when the first of them was met; `has_moved`: the one that was asked for leads
    on for good; `is_elsewhere`: it was asked for since the piece's own led to nothing. The last
    four fields are given by the dedupe pipeline, and `known` too: `event` None means unchanged,
    `merged` is a piece that turns out to be this one, and `led_here` one whose address leads
    here, though they stay two.
    `is_archived`: the page was read from the archive. That is no news, and no visit: the next
    one stays when it was.
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
    known: KnownArticle | None = None
    is_archived: bool = False
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
