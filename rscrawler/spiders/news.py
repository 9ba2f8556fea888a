"""The `news` spider: sources → addresses → article pages.

It asks, reads and writes down what it met; what follows from that is decided in
`rscrawler.decisions` and carried out by the pipelines.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.extraction import Hints, IncompletePage, NotAnArticle, Page, extract
from rscrawler.extraction.addresses import address_key, canonical_url
from rscrawler.extraction.page import looks_cut_off
from rscrawler.sites import SiteProfile, Source, SourceKind
from rscrawler.spiders.readers import (
    Entry,
    UnreadableSource,
    page_address,
    page_number,
    read_feed,
    read_listing,
    read_sitemap,
)
from rscrawler.spiders.refusals import ForbiddenByRobots
from rscrawler.spiders.session import CrawlSession, session_from_arguments
from rscrawler.store.discovery import (
    AddressState,
    FoundAddress,
    KnownAddress,
    SourceReading,
    SourceState,
)
from rscrawler.store.leases import LEASE_RENEWAL
from rscrawler.visits import FetchedArticle, GoneArticle

logger = logging.getLogger(__name__)

GONE_STATUSES = frozenset({404, 410})
HANDLED_STATUSES = [304, *GONE_STATUSES]
SOURCE_PRIORITY = 100
# An address that answers 404 this often is given up: it never was an article here.
MAX_GONE_ATTEMPTS = 3


@dataclass(slots=True)
class _Sorted:
    """What one page of a source means: addresses to write down, and what to ask for."""

    addresses: list[FoundAddress]
    has_news: bool
    due_articles: list[str]
    requests: list[Request]


class NewsSpider(Spider):
    """One cycle over one site."""

    name = "news"
    session: CrawlSession

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """A spider with a session: the one handed in, or one made of the arguments."""
        session = kwargs.pop("session", None) or session_from_arguments(
            kwargs.pop("site", None),
            kwargs.pop("config", None),
            kwargs.pop("full", False),
            kwargs.pop("limit", None),
        )
        for key, value in crawl_settings(session).items():
            crawler.settings.set(key, value, priority="spider")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.session = session
        spider.prepare()
        crawler.signals.connect(spider.on_item_error, signals.item_error)
        crawler.signals.connect(spider.on_closed, signals.spider_closed)
        return spider

    def prepare(self) -> None:
        """Set up what one cycle keeps in memory."""
        self.profile: SiteProfile = self.session.profile
        self._asked: set[str] = set()  # keys of addresses and ids of articles, asked for
        self._dates: dict[str, datetime] = {}  # latest date that a source gave, by address key
        self.shown: dict[str, set[str]] = {}  # keys that a walk has shown so far, by source
        self._asked_sources: set[str] = set()
        self._asked_articles = 0
        self._lease_renewal: asyncio.Task[None] | None = None  # there while the lease is held

    # Requests.

    async def start(self) -> AsyncIterator[Any]:
        """Ask for every source, for what earlier cycles left, and for what is due."""
        session, now = self.session, self.session.now()
        if session.state.not_before is not None and session.state.not_before > now:
            self.count("paused")
            logger.warning(
                "%s asked to be left alone until %s", session.site, session.state.not_before
            )
            return
        if not session.store.leases.acquire(session.lease_name, session.owner, now):
            holder = session.store.leases.holder(session.lease_name)
            self.count("leased")
            logger.warning("%s is being crawled by another process (%s)", session.site, holder)
            return
        self._lease_renewal = asyncio.create_task(self._keep_lease())
        session.store.health.record_start(session.run_id, session.site, now)
        states = session.store.discovery.sources(session.site)
        for source in self.profile.sources:
            url = self.profile.address(source.path)
            state = states.pop(url, SourceState(url))
            yield self.source_request(source, url, state)
        for request in self._unread_sitemaps(states.values()):
            yield request
        pending = session.store.discovery.pending(session.site, now, with_passed=session.is_full)
        for address in pending:
            for request in self.article_requests(address):
                yield request
        for known in session.store.articles.due(session.site, now):
            for request in self.revisit_requests(known):
                yield request

    async def _keep_lease(self) -> None:
        """Renew the lease while the crawl goes on; without it, stop."""
        session = self.session
        while True:
            await asyncio.sleep(LEASE_RENEWAL.total_seconds())
            if not session.store.leases.renew(session.lease_name, session.owner, session.now()):
                logger.error("%s: its lease was lost to another process; stopping", session.site)
                await self.crawler.stop_async()
                return

    def source_request(self, source: Source, url: str, state: SourceState) -> Request:
        """A request for one page of a source; conditional where "not modified" says it all."""
        self._asked_sources.add(url)
        is_conditional = (
            url == state.url
            and state.walk_to is None
            and not self.session.is_full
            and decisions.trusts_not_modified(state.read_at, self.session.now())
        )
        return Request(
            url,
            callback=self.parse_source,
            errback=self.source_failed,
            headers=_validators(state.etag, state.last_modified) if is_conditional else None,
            cb_kwargs={
                "source": source,
                "state": state,
                "page": page_number(source, url),
                "is_conditional": is_conditional,
            },
            meta={"handle_httpstatus_list": [304]},
            priority=SOURCE_PRIORITY,
            dont_filter=True,
        )

    def article_requests(
        self, address: KnownAddress | FoundAddress, found_at: datetime | None = None
    ) -> Iterator[Request]:
        """A request for a page that was never read, unless it was asked for already."""
        if address.key in self._asked or self.limit_is_reached():
            return
        self._asked.add(address.key)
        self._asked_articles += 1
        if isinstance(address, KnownAddress):
            found_at = address.seen_at
        yield Request(
            address.url,
            callback=self.parse_article,
            errback=self.article_failed,
            cb_kwargs={
                "key": address.key,
                "found_at": found_at,
                "hint": address.published_at,
                "attempts": address.attempts if isinstance(address, KnownAddress) else 0,
            },
            meta={"handle_httpstatus_list": HANDLED_STATUSES},
            dont_filter=True,
        )

    def revisit_requests(self, known: KnownArticle) -> Iterator[Request]:
        """A conditional request for a page that is known, unless it was asked for already."""
        if known.article_id in self._asked or self.limit_is_reached():
            return
        self._asked.add(known.article_id)
        self._asked_articles += 1
        yield Request(
            known.url,
            callback=self.parse_article,
            errback=self.article_failed,
            headers=_validators(known.etag, known.last_modified) if not known.removed_at else None,
            cb_kwargs={
                "key": address_key(known.url, self.profile),
                "found_at": known.first_seen_at,
                "hint": None,
                "attempts": 0,
                "known": known,
            },
            meta={"handle_httpstatus_list": HANDLED_STATUSES},
            priority=-1,
            dont_filter=True,
        )

    def limit_is_reached(self) -> bool:
        """Whether this cycle has asked for as many article pages as it may."""
        limit = self.session.limit
        return limit is not None and self._asked_articles >= limit

    # Sources.

    def parse_source(
        self,
        response: Response,
        source: Source,
        state: SourceState,
        page: int,
        is_conditional: bool,
    ) -> Iterator[Request]:
        """Read one page of a source, write its addresses down, and go on from them."""
        store, now = self.session.store.discovery, self.session.now()
        digest = page_digest(response.body)
        if is_conditional and (response.status == 304 or digest == state.body_digest):
            store.record_not_modified(self.session.site, state.url, now)
            self.count("sources/unchanged")
            return
        try:
            entries, sitemaps = self._read(response, source)
        except UnreadableSource as error:
            self._record_source_failure(source, state, f"{response.url} {error}")
            return
        found = self._sort(entries, source, state)
        changed = self._changed_sitemaps(sitemaps)
        next_page = self._next_page(source, state, page, found)
        store.record_reading(
            SourceReading(
                site=self.session.site,
                url=state.url,
                kind=source.kind,
                path=source.path,
                read_at=now,
                found=tuple(found.addresses),
                due_articles=tuple(found.due_articles),
                sitemaps=tuple(each.url for each in changed),
                is_first_page=page == 1,
                etag=_header(response, "ETag"),
                last_modified=_header(response, "Last-Modified"),
                body_digest=digest,
                dated_at=state.dated_at,
                walk_to=None if next_page is None else max(next_page, state.walk_to or 0),
            )
        )
        self.count("sources/read")
        self.count(f"sources/links/{source.kind}", len(found.addresses))
        yield from found.requests
        if next_page is not None:
            yield self.source_request(source, page_address(source, state.url, next_page), state)
        for each in changed:
            if each.url not in self._asked_sources:
                yield self.source_request(source, each.url, each)

    def _next_page(
        self,
        source: Source,
        state: SourceState,
        page: int,
        found: _Sorted,
    ) -> int | None:
        shown = self.shown.setdefault(state.url, set())
        has_links = any(address.key not in shown for address in found.addresses)
        shown.update(address.key for address in found.addresses)
        goes_on = source.is_paged and decisions.walks_on(
            page=page,
            max_pages=self.profile.max_pages,
            must_reach=state.walk_to or 0,
            is_first_run=self._is_first_run(state),
            is_full=self.session.is_full,
            has_links=has_links,
            has_news=found.has_news,
        )
        return page + 1 if goes_on else None

    def _is_first_run(self, state: SourceState) -> bool:
        """Whether a source was never walked through; an interrupted first walk still counts."""
        return state.read_at is None

    def _read(
        self, response: Response, source: Source
    ) -> tuple[Iterable[Entry], tuple[Entry, ...]]:
        if not response.body.strip():
            raise UnreadableSource("is empty")
        if source.kind is SourceKind.FEED:
            return read_feed(response.body, response.url), ()
        if source.kind is SourceKind.SITEMAP:
            content = read_sitemap(response.body)
            return content.entries, content.sitemaps
        if not isinstance(response, TextResponse):
            raise UnreadableSource("is not a page of text")
        links = read_listing(response.selector.root, response.url, self.profile)
        if not links:
            raise UnreadableSource("shows not one link")
        return links, ()

    def _sort(self, entries: Iterable[Entry], source: Source, state: SourceState) -> _Sorted:
        """What a source's entries mean, given what is known."""
        found: dict[str, FoundAddress] = {}
        for entry in entries:
            url = canonical_url(entry.url, self.profile)
            if url is None or not self.profile.links.is_article_path(_path(url)):
                continue
            key = address_key(url, self.profile)
            if entry.dated_at is not None:
                self._dates[key] = max(entry.dated_at, self._dates.get(key, entry.dated_at))
            found.setdefault(key, FoundAddress(key, url, entry.dated_at, entry.published_at))
        store = self.session.store
        known = store.discovery.addresses(self.session.site, found)
        articles = store.articles.by_ids(
            before.article_id for before in known.values() if before.article_id
        )
        addresses: list[FoundAddress] = []
        due: list[str] = []
        requests: list[Request] = []
        has_news = False
        for key, address in found.items():
            before = known.get(key)
            if before is None or before.seen_at >= self.session.started_at:
                has_news = True
            if before is None and self._is_archived(address, source, state):
                addresses.append(replace(address, state=AddressState.PASSED))
                continue
            is_passed = before is not None and before.state is AddressState.PASSED
            if is_passed and not self._is_wanted(source):
                addresses.append(replace(address, state=AddressState.PASSED))
            else:
                addresses.append(address)
            if before is None:
                requests.extend(self.article_requests(address, self.session.now()))
            elif before.article_id in articles:
                article = articles[before.article_id]
                if article.removed_at or decisions.is_dated_later(article, address.dated_at):
                    due.append(article.article_id)
                    requests.extend(self.revisit_requests(article))
            elif self._is_wanted_after_all(before, address, source):
                requests.extend(self.article_requests(before))
        return _Sorted(addresses, has_news, due, requests)

    def _is_archived(self, entry: FoundAddress, source: Source, state: SourceState) -> bool:
        """Whether an address on a sitemap is from before this site was watched."""
        if source.kind is not SourceKind.SITEMAP or self.session.is_full:
            return False
        baseline_at = self.session.state.baseline_at
        if baseline_at is None:
            return True
        return state.read_at is None and entry.dated_at is not None and entry.dated_at < baseline_at

    def _is_wanted(self, source: Source) -> bool:
        """Whether a source shows what is wanted now, not an archive of all there ever was."""
        return self.session.is_full or source.kind is not SourceKind.SITEMAP

    def _is_wanted_after_all(
        self, before: KnownAddress, entry: FoundAddress, source: Source
    ) -> bool:
        """Whether an address that led to no record is to be asked for now.

        One that was passed over in an archive, once a listing shows it; one whose page
        was no article, once a source dates it later.
        """
        if before.state is AddressState.PASSED:
            return self._is_wanted(source)
        return (
            before.state is AddressState.REJECTED
            and entry.dated_at is not None
            and entry.dated_at > (before.dated_at or before.seen_at)
        )

    def _changed_sitemaps(self, sitemaps: Sequence[Entry]) -> list[SourceState]:
        """The sitemaps of an index that are to be read, as far as their dates tell."""
        if not sitemaps:
            return []
        states = self.session.store.discovery.sources(self.session.site)
        changed: list[SourceState] = []
        for entry in sitemaps:
            state = states.get(entry.url, SourceState(entry.url))
            is_as_read = (
                entry.dated_at is not None
                and state.read_at is not None
                and state.dated_at == entry.dated_at
            )
            if self.session.is_full or not is_as_read:
                changed.append(replace(state, dated_at=entry.dated_at))
        return changed

    def _unread_sitemaps(self, states: Iterable[SourceState]) -> Iterator[Request]:
        """Requests for sitemaps that an index led to in an earlier cycle, which never read them."""
        sitemaps = (each for each in self.profile.sources if each.kind is SourceKind.SITEMAP)
        source = next(sitemaps, None)
        for state in states:
            if source is not None and state.walk_to is not None and state.kind == source.kind:
                yield self.source_request(source, state.url, state)

    # Articles.

    def parse_article(
        self,
        response: Response,
        key: str,
        found_at: datetime,
        hint: datetime | None,
        attempts: int,
        known: KnownArticle | None = None,
    ) -> Iterator[FetchedArticle | GoneArticle]:
        """Read one article page."""
        now = self.session.now()
        if response.status in GONE_STATUSES:
            yield from self._gone(response, key, attempts, known)
            return
        if known is not None and known.removed_at is None:
            if response.status == 304 or page_digest(response.body) == known.page_digest:
                self._record_unchanged(known, key, now)
                return
        elif response.status == 304:
            self._record_article_failure(
                response.url, key, attempts, "answers 304 to an unconditional request", known
            )
            return
        try:
            page = Page(
                response.url,
                _root(response),
                now,
                Hints(published_at=hint),
                is_cut_off=looks_cut_off(response.body),
            )
            article = extract(page, self.profile, self.session.site)
        except NotAnArticle as error:
            if hint is None:
                self._rejected(response, key, known, str(error))
            else:  # a feed carries articles only: it is the page that was not understood
                self._record_article_failure(response.url, key, attempts, str(error), known)
            return
        except IncompletePage as error:
            self._record_article_failure(response.url, key, attempts, str(error), known)
            return
        yield FetchedArticle(
            article=article,
            addresses=tuple(self._addresses(response, key, article.url, article.aliases)),
            found_at=found_at,
            page_digest=page_digest(response.body),
            etag=_header(response, "ETag"),
            last_modified=_header(response, "Last-Modified"),
            dated_at=self._dates.get(key),
            known=known,
        )

    def _addresses(
        self, response: Response, key: str, url: str, aliases: list[str]
    ) -> Iterator[tuple[str, str]]:
        redirected = response.meta.get("redirect_urls", [])
        asked = redirected[0] if redirected else response.url
        pairs = {key: canonical_url(asked, self.profile) or asked}
        for each in (*redirected, response.url, url, *aliases):
            canonical = canonical_url(each, self.profile)
            if canonical is not None:
                pairs.setdefault(address_key(canonical, self.profile), canonical)
        yield from pairs.items()

    def _gone(
        self, response: Response, key: str, attempts: int, known: KnownArticle | None
    ) -> Iterator[GoneArticle]:
        now = self.session.now()
        if known is not None:
            yield GoneArticle(known, now)
            return
        self.count("articles/gone")
        if attempts + 1 >= MAX_GONE_ATTEMPTS:
            self._rejected(response, key, None, f"answers {response.status}")
        else:
            self.session.store.discovery.record_attempt(
                self.session.site, key, decisions.retry_at(attempts + 1, now)
            )

    def _rejected(
        self, response: Response, key: str, known: KnownArticle | None, reason: str
    ) -> None:
        if known is not None:
            self._record_article_failure(
                response.url, key, 0, f"was an article and is none now: {reason}", known
            )
            return
        self.count("rejected")
        logger.info("%s is no article: %s", response.url, reason)
        store = self.session.store.discovery
        store.record_rejected(self.session.site, key, response.url, self.session.now())

    def _record_unchanged(self, known: KnownArticle, key: str, now: datetime) -> None:
        self.count("articles/unchanged")
        self.session.store.articles.record_unchanged(
            known.article_id,
            site=self.session.site,
            address_keys=(),
            fetched_at=now,
            next_check_at=decisions.next_check(
                known.first_seen_at, now, self.session.config.crawl.recheck_after
            ),
            dated_at=self._dates.get(key),
        )

    # Failures.

    def source_failed(self, failure: Failure) -> None:
        """A source could not be fetched: after the retries, so for this cycle."""
        request: Request = failure.request  # type: ignore[attr-defined]
        source, state = request.cb_kwargs["source"], request.cb_kwargs["state"]
        self._record_source_failure(source, state, f"{request.url}: {_reason(failure)}", failure)

    def _record_source_failure(
        self, source: Source, state: SourceState, reason: str, failure: Failure | None = None
    ) -> None:
        if failure is not None and _is_forbidden_by_robots(failure):
            self.count("sources/forbidden")
        elif failure is not None and self._is_end_of_walk(failure, state):
            self.count("sources/ended")
            self.session.store.discovery.record_end_of_walk(
                self.session.site, state.url, self.session.now()
            )
            return
        elif failure is not None and _status(failure) in GONE_STATUSES and state.read_at is None:
            # A tag that was never used, a section that this site does not have.
            self.count("sources/absent")
            logger.info("%s", reason)
            return
        else:
            self.count("sources/failed")
            self.count("errors")
        logger.warning("source %s", reason)
        self.session.store.discovery.record_source_failure(
            self.session.site, state.url, source.kind
        )

    def _is_end_of_walk(self, failure: Failure, state: SourceState) -> bool:
        """Whether a page behind a source's first one, or a sitemap of an index, is not there."""
        own = {self.profile.address(source.path) for source in self.profile.sources}
        request: Request = failure.request  # type: ignore[attr-defined]
        is_further = request.cb_kwargs["page"] > 1 or state.url not in own
        return _status(failure) in GONE_STATUSES and is_further

    def article_failed(self, failure: Failure) -> None:
        """An article page could not be fetched: after the retries, so for this cycle."""
        request: Request = failure.request  # type: ignore[attr-defined]
        kwargs = request.cb_kwargs
        if _is_forbidden_by_robots(failure):
            self.count("articles/forbidden")
            if "known" not in kwargs:
                # It stays pending: the rules may change, or could only not be had just now.
                self.session.store.discovery.record_attempt(
                    self.session.site,
                    kwargs["key"],
                    decisions.retry_at(kwargs["attempts"] + 1, self.session.now()),
                )
            return
        self._record_article_failure(
            request.url, kwargs["key"], kwargs["attempts"], _reason(failure), kwargs.get("known")
        )

    def _record_article_failure(
        self,
        url: str,
        key: str,
        attempts: int,
        reason: str,
        known: KnownArticle | None = None,
    ) -> None:
        logger.warning("article %s: %s", url, reason)
        self.count("errors")
        if known is None:
            self.session.store.discovery.record_attempt(
                self.session.site, key, decisions.retry_at(attempts + 1, self.session.now())
            )

    def on_item_error(self, item: object, response: Response | None, failure: Failure) -> None:
        """A pipeline broke on a page: the page stays to be fetched, the cycle counts as failed."""
        self.count("errors")
        self.count("broken")
        if isinstance(item, FetchedArticle) and item.known is None:
            key = item.addresses[0][0]
            self.session.store.discovery.record_attempt(
                self.session.site, key, decisions.retry_at(1, self.session.now())
            )

    def on_closed(self, spider: Spider, reason: str) -> None:
        """Remember the dates that sources gave, and give the lease back."""
        if self._lease_renewal is None:
            return
        self._lease_renewal.cancel()
        store = self.session.store
        known = store.discovery.addresses(self.session.site, self._dates)
        store.articles.record_dates(
            {
                address.article_id: self._dates[key]
                for key, address in known.items()
                if address.article_id and address.seen_at >= self.session.started_at
            }
        )
        store.leases.release(self.session.lease_name, self.session.owner)

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of this project's counters."""
        self.crawler.stats.inc_value(f"rscrawler/{name}", by)


def crawl_settings(session: CrawlSession) -> dict[str, Any]:
    """Scrapy's settings, as far as site and configuration decide them."""
    crawl, profile = session.config.crawl, session.profile
    return {
        "USER_AGENT": session.config.user_agent,
        "DOWNLOAD_DELAY": profile.download_delay,
        "CONCURRENT_REQUESTS": profile.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": profile.concurrency,
        "DOWNLOAD_TIMEOUT": crawl.timeout.total_seconds(),
        "DOWNLOAD_MAXSIZE": int(crawl.max_response_mib * 2**20),
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": crawl.retries,
    }


def page_digest(body: bytes) -> str:
    """32 hex digits of a page's bytes."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _root(response: Response) -> Any:
    if not isinstance(response, TextResponse):
        raise IncompletePage(response.url, "the answer is not a page of text")
    return response.selector.root


def _validators(etag: str | None, last_modified: str | None) -> dict[str, str]:
    headers = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: value for name, value in headers.items() if value}


def _header(response: Response, name: str) -> str | None:
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3] if url.count("/") >= 3 else "/"


def _status(failure: Failure) -> int | None:
    return failure.value.response.status if isinstance(failure.value, HttpError) else None


def _reason(failure: Failure) -> str:
    status = _status(failure)
    return f"answers {status}" if status else str(failure.value) or type(failure.value).__name__


def _is_forbidden_by_robots(failure: Failure) -> bool:
    return isinstance(failure.value, ForbiddenByRobots)
