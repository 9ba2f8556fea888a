"""Archived pages, read again by today's site profile, without a request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from scrapy.crawler import Crawler
from scrapy.http import TextResponse
from scrapy.http.headers import Headers
from scrapy.responsetypes import responsetypes
from scrapy.statscollectors import StatsCollector

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.errors import RscrawlerError
from rscrawler.extensions.archive import ArchivedPage, archived_pages
from rscrawler.identity.changes import summarize
from rscrawler.items import Article, ChangeSummary, Event, Level, fields_on_page
from rscrawler.pipelines.dedupe import DedupePipeline
from rscrawler.pipelines.store import StorePipeline
from rscrawler.spiders.http import page_digest
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.outcomes import FetchedArticle, Kind, PageOutcome, RequestedArticle
from rscrawler.spiders.reading import ArticleToRead, PageReader, Unread
from rscrawler.spiders.session import CrawlSession
from rscrawler.store.discovery import Address
from rscrawler.store.leases import LEASE_RENEWAL


class SiteIsBusy(RscrawlerError):
    """A crawl of the site runs, or has taken its lease."""


class Verdict(StrEnum):
    """What today's profile makes of an archived page."""

    UNCHANGED = "unchanged"  # title, subtitle and body are in substance as recorded
    CHANGED = "changed"
    NEW = "now_articles"  # it led to no record, and would lead to one now
    LOST = "no_longer_articles"
    REJECTED = "no_articles"  # neither then nor now
    WORSE = "fallen_back"  # read by a fallback where the profile's selectors read it before
    OVERTAKEN = "overtaken"  # what is recorded comes from a later visit, which is not archived
    UNREADABLE = "unreadable"  # cut off, empty or garbage


# What says nothing of the article as it was seen last: another of its pages may.
_UNSETTLED = frozenset({Verdict.LOST, Verdict.REJECTED, Verdict.UNREADABLE, Verdict.OVERTAKEN})


@dataclass(frozen=True, slots=True)
class Reading:
    """One archived page, read again.

    `article` is what it gives now (None if nothing), `before` the recorded version, `outcome`
    what makes another one, if it does; `beside` names what differs beside title, subtitle and
    body in a page whose text is unchanged, which makes no version.
    """

    verdict: Verdict
    url: str
    article: Article | None = None
    before: Article | None = None
    reason: str | None = None
    beside: tuple[str, ...] = ()
    outcome: PageOutcome | None = field(default=None, repr=False)

    @property
    def change(self) -> ChangeSummary | None:
        """What it changes of the recorded version; None where that is not known any more."""
        if self.before is None or self.before.is_pruned or self.article is None:
            return None
        return summarize(self.before, self.article)

    @property
    def levels(self) -> dict[str, tuple[Level, Level]]:
        """The topics on which the level changes: the one before, and the one now."""
        if self.outcome is None:
            return {}  # what makes no version was not flagged again
        before, after = (_levels_of(each) for each in (self.before, self.article))
        return {
            topic: (before.get(topic, Level.NONE), after.get(topic, Level.NONE))
            for topic in sorted({*before, *after})
            if before.get(topic, Level.NONE) is not after.get(topic, Level.NONE)
        }


def _levels_of(article: Article | None) -> dict[str, Level]:
    return {flag.topic: flag.level for flag in article.topics} if article else {}


class _Reader:
    """Reads archived pages of one site; writes nothing."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self._store = session.store
        self._pages = PageReader({session.site: session.profile}, session.flagger)
        self._dedupe = DedupePipeline(session)

    def read(self, page: ArchivedPage, address: Address | None) -> Reading:
        """What a page gives now, and how that compares with what is recorded."""
        known = self._known(address)
        if known is not None and _is_overtaken(known, page):
            return Reading(Verdict.OVERTAKEN, page.url)
        item = self._item(page, address)
        if isinstance(item, Unread):
            if item.kind is not Kind.NOT_ARTICLE:
                return Reading(Verdict.UNREADABLE, page.url, reason=item.reason)
            verdict = Verdict.REJECTED if known is None else Verdict.LOST
            return Reading(verdict, page.url, reason=item.reason.removeprefix(f"{page.url}: "))
        first_met = address.seen_at if address else page.fetched_at
        found_at = known.first_seen_at if known else first_met
        requested = RequestedArticle(item.addresses[0][0], found_at, known=known)
        at = item.article.fetched_at
        outcome = PageOutcome(Kind.READ, requested, item.addresses[0][1], at, page=item)
        self._dedupe.identify(item, requested)
        if item.known is None:
            item.article.topics = item.flags or []
            return Reading(Verdict.NEW, page.url, item.article, outcome=outcome)
        # It may have turned out to be another known article, under a further address.
        if _is_overtaken(item.known, page):
            return Reading(Verdict.OVERTAKEN, page.url)
        return self._compared(outcome, item, item.known)

    def _known(self, address: Address | None) -> KnownArticle | None:
        if address is None or address.article_id is None:
            return None
        return self._store.articles.by_ids([address.article_id]).get(address.article_id)

    def _item(self, page: ArchivedPage, address: Address | None) -> FetchedArticle | Unread:
        """What the spider would have made of the page."""
        headers = Headers(page.headers)
        make = responsetypes.from_args(headers=headers, url=page.url, body=page.body)
        if not issubclass(make, TextResponse):
            return Unread(Kind.INCOMPLETE, f"{page.url}: the answer is not a page of text")
        item = self._pages.read(
            ArticleToRead(
                site=self._session.site,
                url=page.url,
                body=page.body,
                content_type=page.header("Content-Type"),
                fetched_at=page.fetched_at,
                key=page.key,
                led_by=(address.url if address else page.url, page.url),
                published_at=address.published_hint if address else None,
            )
        )
        if isinstance(item, FetchedArticle):
            item.etag, item.last_modified = page.header("ETag"), page.header("Last-Modified")
            item.is_archived = True
        assert isinstance(item, FetchedArticle | Unread)
        return item

    def _compared(self, outcome: PageOutcome, item: FetchedArticle, known: KnownArticle) -> Reading:
        article, url = item.article, item.article.url
        before = self._store.articles.latest_record(known.article_id)
        if item.event is Event.UPDATED:
            article.topics = item.flags or []
            # A later visit found the same page: what came between the two stays overtaken.
            article.fetched_at = max(article.fetched_at, known.fetched_at)
            return Reading(Verdict.CHANGED, url, article, before, outcome=outcome)
        if item.fingerprint.text_digest != known.text_digest:
            return Reading(Verdict.WORSE, url, article, before)
        beside = tuple(
            name
            for name, field in fields_on_page().items()
            if field.is_beside and before and getattr(before, name) != getattr(article, name)
        )
        return Reading(Verdict.UNCHANGED, url, article, before, beside=beside)


def _is_overtaken(known: KnownArticle, page: ArchivedPage) -> bool:
    return decisions.is_overtaken(known, page.fetched_at, page_digest(page.body))


def reparse(
    session: CrawlSession, files: Iterable[Path], since: datetime | None = None
) -> Iterator[Reading]:
    """Read the latest page of each article in `files` (the latest file first); writes nothing.

    Where that page gives no article or is overtaken, the others are tried (one run may have
    requested an article by several addresses); what gave none comes last. `since`
    leaves out pages that were fetched earlier.
    """
    reader = _Reader(session)
    settled: set[str] = set()
    failed: dict[str, Reading] = {}
    for page in archived_pages(files, since):
        # What is known of the address that was requested.
        address = session.store.discovery.addresses(session.site, [page.key]).get(page.key)
        identity = (address.article_id if address else None) or page.key
        if identity in settled:
            continue
        reading = reader.read(page, address)
        if reading.verdict in _UNSETTLED:
            if identity not in failed or failed[identity].verdict is Verdict.OVERTAKEN:
                failed[identity] = reading
            continue
        settled.add(identity)
        failed.pop(identity, None)
        yield reading
    yield from failed.values()


def recorded(session: CrawlSession, readings: Iterator[Reading]) -> Iterator[Reading]:
    """The readings as they come; each that makes a version is then recorded.

    Recorded as by a crawl, but that nobody is alerted. Crawls of the site are kept away.

    Raises:
        SiteIsBusy: one runs, or has taken the site in the meantime.
        StoreError: the database cannot be written.
    """
    crawl_lease = session.crawl_lease()
    pipeline = StorePipeline(session, StatsCollector(Crawler(NewsSpider)))
    if not crawl_lease.begin():
        holder = session.store.leases.holder(session.lease_name)
        raise SiteIsBusy(f"{session.site} is being crawled by another process ({holder})")
    renewed_at = session.now()
    try:
        for reading in readings:
            yield reading
            if session.now() - renewed_at >= LEASE_RENEWAL:
                if not crawl_lease.renew():
                    raise SiteIsBusy(f"{session.site} has been taken by another process")
                renewed_at = session.now()
            if reading.outcome is not None:
                pipeline.process_item(reading.outcome)
        session.store.batch.flush()
    finally:
        crawl_lease.end()
