"""Observations of a site's layout: counted during a cycle, stored, and added up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from rscrawler.decisions import KnownArticle
from rscrawler.items import Novelty
from rscrawler.spiders.outcomes import PageKind, PageOutcome, RequestedArticle
from rscrawler.spiders.session import CrawlSession
from rscrawler.store.discovery import AddressState

CONTAINER, BODY = "container", "body"
# The parts of an article page that are watched: their names in its provenance, and the profile's
# for their selectors. Not subtitles: whether articles have one is a habit that changes.
FIELDS = {
    name: name for name in (CONTAINER, BODY, "title", "authors", "sections", "tags", "image")
} | {"published_at": "published_text"}
WITHOUT_PAGES = '{"pages":0,"unread":0,'  # how the stored text of a cycle begins that read none
FAR_APART = timedelta(days=1)  # two dates that differ by more are not the same date


@dataclass(frozen=True, slots=True)
class Observation:
    """What one cycle, or several together, observed.

    Attributes:
        pages: article pages that were extracted.
        unread: pages that should hold an article (it is known, or a source gave its date), but
            gave none.
        misdated: pages whose date differs from the source's by more than a day. Known pages with
            the stored date are none if the source's is after first sight: some feeds date an
            article anew with each change.
        origins: for each field, the number of pages by origin; "" if the field is missing.
        lengths: the number of bodies by their words, in powers of two (8: 128 to 255).
        links: the number of article addresses on a source's first page, by its address. Further
            pages are read only if there is news, and many sites repeat the first in their place.
        findings: messages about drift, by the part of the site: see `drift.find_drift`.
    """

    pages: int = 0
    unread: int = 0
    misdated: int = 0
    origins: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lengths: Mapping[int, int] = field(default_factory=dict)
    links: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, str] = field(default_factory=dict)

    @property
    def holds_pages(self) -> bool:
        """Whether article pages were requested and read, or should have been articles."""
        return bool(self.pages or self.unread)

    @property
    def says_something(self) -> bool:
        """Whether anything was read that shows the layout."""
        return self.holds_pages or bool(self.links)

    def plus(self, other: Observation) -> Observation:
        """The sum of both, for article pages only: without links and findings."""
        return Observation(
            pages=self.pages + other.pages,
            unread=self.unread + other.unread,
            misdated=self.misdated + other.misdated,
            origins={
                name: dict(Counter(self.origins.get(name)) + Counter(other.origins.get(name)))
                for name in FIELDS
            },
            lengths=dict(Counter(self.lengths) + Counter(other.lengths)),
        )

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The observation that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values.pop("rejected", None)  # of older versions
        values["lengths"] = {int(power): count for power, count in values["lengths"].items()}
        return cls(**values)


def is_misdated(
    published_at: datetime | None, hint: datetime | None, known: KnownArticle | None
) -> bool:
    """Whether a page's date is not that of the source, `hint`; see `Observation`."""
    if published_at is None or hint is None:
        return False
    is_redated = (
        known is not None and known.published_at == published_at and hint > known.first_seen_at
    )
    return abs(published_at - hint) > FAR_APART and not is_redated


class Observer:
    """Counts what the article pages of one crawl show."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self._unread: set[str] = set()  # keys
        self._misdated = 0
        self._origins: dict[str, Counter[str]] = {name: Counter() for name in FIELDS}
        self._lengths: Counter[int] = Counter()

    def outcome_recorded(self, outcome: PageOutcome) -> None:
        """Count the outcome of an article page."""
        requested, address = outcome.requested, outcome.requested.address
        hint = address.published_hint
        if outcome.page is None:
            # A page that is requested again was counted, and is no further evidence.
            is_counted = address.state is AddressState.REJECTED or address.attempts > 0
            is_empty = outcome.is_whole_page and outcome.kind is not PageKind.OVER_LIMIT
            novelty = self._session.novelty_of(hint, address.seen_at)
            is_evidence = not is_counted and not self._is_of_archive(requested, novelty)
            if is_empty and is_evidence and (requested.known or hint):
                self._unread.add(address.key)
            return
        self._unread.discard(address.key)
        article = outcome.page.article
        if self._is_of_archive(requested, article.novelty):
            return
        for name in FIELDS:
            self._origins[name][article.extraction.provenance.get(name, "")] += 1
        self._lengths[article.word_count.bit_length()] += 1
        self._misdated += is_misdated(article.published_at, hint, outcome.page.known)

    def _is_of_archive(self, requested: RequestedArticle, novelty: Novelty) -> bool:
        """Whether the page is old; an archive may have a former layout.

        If a usual cycle has just found it, it may seem old only since its date is wrong.
        """
        if requested.known is not None:
            return requested.known.novelty is Novelty.BACKFILL
        session = self._session
        is_fresh = not session.is_full and requested.address.seen_at >= session.started_at
        return novelty is Novelty.BACKFILL and not is_fresh

    def observation(self, links: Mapping[str, int]) -> Observation:
        """The observation so far; `links` says to how many articles each source led."""
        return Observation(
            pages=self._lengths.total(),
            unread=len(self._unread),
            misdated=self._misdated,
            origins={name: dict(counts) for name, counts in self._origins.items() if counts},
            lengths=dict(self._lengths),
            links=links,
        )
