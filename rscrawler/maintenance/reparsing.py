"""Parses archived pages again with today's site profile, without requests."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from scrapy.http import TextResponse
from scrapy.http.headers import Headers
from scrapy.responsetypes import responsetypes

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.errors import RscrawlerError
from rscrawler.extensions.archive import ArchivedPage, archived_pages
from rscrawler.identity.addresses import address_key
from rscrawler.identity.changes import summarize
from rscrawler.items import Article, ChangeSummary, Event, Level, fields_on_page
from rscrawler.pipelines.dedupe import DedupePipeline
from rscrawler.pipelines.store import StorePipeline
from rscrawler.spiders.http import page_digest
from rscrawler.spiders.outcomes import FetchedArticle, PageKind, PageOutcome, RequestedArticle
from rscrawler.spiders.reading import ArticleToRead, PageReader, ReadFailure
from rscrawler.spiders.session import CrawlLease, CrawlSession
from rscrawler.store.discovery import Address
from rscrawler.store.leases import LEASE_RENEWAL


class Reparsed(StrEnum):
    """The result of parsing an archived page with today's profile."""

    UNCHANGED = "unchanged"  # title, subtitle and body equal the recorded ones once normalized
    CHANGED = "changed"
    NEW = "now_articles"  # it led to no record, and would lead to one now
    LOST = "no_longer_articles"
    REJECTED = "no_articles"  # neither then nor now
    WORSE = "fallen_back"  # extracted by a fallback; the profile's selectors matched before
    OVERTAKEN = "overtaken"  # the record comes from a later visit, which is not archived
    UNREADABLE = "unreadable"  # truncated, empty or garbage


# These leave the latest state of the article open: another of its pages may show it.
_OPEN = frozenset({Reparsed.LOST, Reparsed.REJECTED, Reparsed.UNREADABLE, Reparsed.OVERTAKEN})


@dataclass(frozen=True, slots=True)
class ReparsedPage:
    """The result for one archived page.

    `article` is extracted now (None if nothing is), `before` is the recorded version. `outcome`
    is what records a new version, if there is one. `beside` names the other fields that differ
    if title, subtitle and body are unchanged; they make no version.
    """

    result: Reparsed
    url: str
    article: Article | None = None
    before: Article | None = None
    reason: str | None = None
    beside: tuple[str, ...] = ()
    outcome: PageOutcome | None = field(default=None, repr=False)

    @property
    def change(self) -> ChangeSummary | None:
        """Its changes to the recorded version; None without an article or the recorded text."""
        if self.before is None or self.before.is_pruned or self.article is None:
            return None
        return summarize(self.before, self.article)

    @property
    def levels(self) -> dict[str, tuple[Level, Level]]:
        """The changed levels by topic: (before, now)."""
        if self.outcome is None:
            return {}  # without a new version, nothing was flagged again
        before, after = (
            {flag.topic: flag.level for flag in (article.topics if article else ())}
            for article in (self.before, self.article)
        )
        levels = {
            topic: (before.get(topic, Level.NONE), after.get(topic, Level.NONE))
            for topic in sorted({*before, *after})
        }
        return {topic: pair for topic, pair in levels.items() if pair[0] is not pair[1]}


class _Reader:
    """Reads archived pages of one site; writes nothing."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self._store = session.store
        self._pages = PageReader({session.site: session.profile}, session.flagger)
        self._dedupe = DedupePipeline(session)

    def read(self, page: ArchivedPage, address: Address) -> ReparsedPage:
        """Parse a page, and compare the result with the record."""
        article_id = address.article_id or ""
        known = self._store.articles.by_ids([article_id]).get(article_id)
        if known is not None and _is_overtaken(known, page):
            return ReparsedPage(Reparsed.OVERTAKEN, page.url)
        item = self._item(page, address)
        if isinstance(item, ReadFailure):
            if item.kind is not PageKind.NOT_ARTICLE:
                return ReparsedPage(Reparsed.UNREADABLE, page.url, reason=item.reason)
            result = Reparsed.REJECTED if known is None else Reparsed.LOST
            return ReparsedPage(result, page.url, reason=item.reason.removeprefix(f"{page.url}: "))
        found_at = known.first_seen_at if known else address.seen_at
        first = Address(*next(iter(item.visit.addresses.items())), found_at)
        at = item.article.fetched_at
        requested = RequestedArticle(first, known)
        outcome = PageOutcome(PageKind.READ, requested, first.url, at, page=item)
        self._dedupe.process_item(outcome)
        if item.known is None:
            return ReparsedPage(Reparsed.NEW, page.url, item.article, outcome=outcome)
        # The page may be another known article, at a further address.
        if _is_overtaken(item.known, page):
            return ReparsedPage(Reparsed.OVERTAKEN, page.url)
        return self._compared(outcome, item, item.known)

    def _item(self, page: ArchivedPage, address: Address) -> FetchedArticle | ReadFailure:
        """Parse the page as the spider would."""
        headers = Headers(page.headers)
        make = responsetypes.from_args(headers=headers, url=page.url, body=page.body)
        if not issubclass(make, TextResponse):
            return ReadFailure(PageKind.INCOMPLETE, f"{page.url}: the response is not text")
        before = self._store.articles.latest_record(address.article_id or "")
        hint, had_sign = decisions.reading_hints(before, address.published_hint)
        item = self._pages.read(
            ArticleToRead(
                site=self._session.site,
                url=page.url,
                body=page.body,
                content_type=page.header("Content-Type"),
                fetched_at=page.fetched_at,
                key=page.key,
                redirect_chain=(address.url, page.url),
                published_hint=hint,
                # The archive does not tell whether a redirect was permanent.
                needs_sign=had_sign or address_key(page.url, self._session.profile) != page.key,
            )
        )
        if isinstance(item, FetchedArticle):
            etag, modified = page.header("ETag"), page.header("Last-Modified")
            item.visit = replace(item.visit, etag=etag, last_modified=modified)
            item.is_archived = True
        assert isinstance(item, FetchedArticle | ReadFailure)
        return item

    def _compared(
        self, outcome: PageOutcome, item: FetchedArticle, known: KnownArticle
    ) -> ReparsedPage:
        article, url = item.article, item.article.url
        before = self._store.articles.latest_record(known.article_id)
        if item.event is Event.UPDATED:
            # If a later visit found the same page, pages between the two must stay overtaken.
            article.fetched_at = max(article.fetched_at, known.fetched_at)
            return ReparsedPage(Reparsed.CHANGED, url, article, before, outcome=outcome)
        if item.fingerprint.text_digest != known.text_digest:
            return ReparsedPage(Reparsed.WORSE, url, article, before)
        beside = tuple(
            name
            for name, field in fields_on_page().items()
            if field.is_beside_text and before and getattr(before, name) != getattr(article, name)
        )
        return ReparsedPage(Reparsed.UNCHANGED, url, article, before, beside=beside)


def _is_overtaken(known: KnownArticle, page: ArchivedPage) -> bool:
    return decisions.is_overtaken(known, page.fetched_at, page_digest(page.body))


def reparse(
    session: CrawlSession, files: Iterable[Path], since: datetime | None = None
) -> Iterator[ReparsedPage]:
    """Parse the latest page of each article in `files` (the latest file first); write nothing.

    If that page gives no article or is overtaken, the article's other pages are tried (one run
    may request it by several addresses); articles whose pages all fail come last. `since` skips
    pages fetched earlier.
    """
    reader = _Reader(session)
    settled: set[str] = set()
    failed: dict[str, ReparsedPage] = {}
    for page in archived_pages(files, since):
        stored = session.store.discovery.addresses(session.site, [page.key])
        address = stored.get(page.key, Address(page.key, page.url, page.fetched_at))
        identity = address.article_id or page.key
        if identity in settled:
            continue
        reading = reader.read(page, address)
        if reading.result in _OPEN:
            if identity not in failed or failed[identity].result is Reparsed.OVERTAKEN:
                failed[identity] = reading
            continue
        settled.add(identity)
        failed.pop(identity, None)
        yield reading
    yield from failed.values()


def recorded(session: CrawlSession, readings: Iterator[ReparsedPage]) -> Iterator[ReparsedPage]:
    """Yield each reading, then record its new version, if it has one.

    As in a crawl, but nobody is alerted. The crawl lease of the site is held meanwhile.

    Raises:
        RscrawlerError: a crawl of the site runs, or has taken the lease in the meantime.
        StoreError: the database cannot be written.
    """
    crawl_lease = CrawlLease(session)
    pipeline = StorePipeline(session)
    if not crawl_lease.begin():
        raise RscrawlerError(f"{session.site} is being crawled by {crawl_lease.holder()}")
    renewed_at = session.now()
    try:
        for reading in readings:
            yield reading
            if session.now() - renewed_at >= LEASE_RENEWAL:
                if not crawl_lease.renew():
                    raise RscrawlerError(f"{session.site} has been taken by another process")
                renewed_at = session.now()
            if reading.outcome is not None:
                pipeline.process_item(reading.outcome)
        session.store.batch.flush()
    finally:
        crawl_lease.end()
