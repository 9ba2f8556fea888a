"""The `news` spider: sources → addresses → article pages.

It asks, reads and writes down what it met; what follows from that is decided in
`rscrawler.decisions` and carried out by the pipelines.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.errors import StoreError
from rscrawler.extraction import IncompletePage, NotAnArticle, extract
from rscrawler.identity.addresses import (
    address_key,
    addresses_by_key,
    canonical_url,
    other_form,
)
from rscrawler.sites import SiteProfile, Source, SourceKind
from rscrawler.spiders.asked import AskedArticle, AskedSource, asked_by
from rscrawler.spiders.findings import Discovery, read_source
from rscrawler.spiders.http import (
    cause_of,
    header_of,
    is_forbidden_by_robots,
    is_off_site,
    page_digest,
    page_of,
    reason_of,
    status_of,
    validators,
    was_held_back,
)
from rscrawler.spiders.readers import UnreadableSource, page_address, page_number
from rscrawler.spiders.session import CrawlSession, session_from_arguments
from rscrawler.store.discovery import (
    AddressState,
    FoundAddress,
    KnownAddress,
    SourceReading,
    SourceState,
)
from rscrawler.visits import FetchedArticle, GoneArticle

logger = logging.getLogger(__name__)

GONE_STATUSES = frozenset({404, 410})
PERMANENT_REDIRECTS = frozenset({301, 308})
HANDLED_STATUSES = [304, *GONE_STATUSES]
SOURCE_PRIORITY = 100
# An address that answers 404 this often is taken for none of an article here.
MAX_GONE_ATTEMPTS = 3
# The same for one that redirects to another site.
MAX_OFF_SITE_ATTEMPTS = 3


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
        # Scrapy logs either with its traceback.
        crawler.signals.connect(spider.on_broken_page, signals.item_error)
        crawler.signals.connect(spider.on_broken_page, signals.spider_error)
        crawler.signals.connect(spider.on_closed, signals.spider_closed)
        return spider

    def prepare(self) -> None:
        """Set up what one cycle keeps in memory."""
        self.profile: SiteProfile = self.session.profile
        self._asked: set[str] = set()  # keys of addresses and ids of articles, asked for
        self.discovery = Discovery(self.session)
        self._asked_sources: set[str] = set()
        self._asked_articles = 0
        self._stopping: asyncio.Future[None] | None = None
        self._turn = self.session.turn()
        self._watch: asyncio.Task[None] | None = None  # there while it is this crawl's turn

    # Requests.

    async def start(self) -> AsyncIterator[Any]:
        """Ask for every source, for what earlier cycles left, and for what is due."""
        session, now = self.session, self.session.now()
        paused_until = decisions.asked_pause(session.state.not_before, now)
        if paused_until is not None and paused_until > now:
            self.count("paused")
            logger.warning("%s asked to be left alone until %s", session.site, paused_until)
            return
        if not self._turn.begin():
            holder = session.store.leases.holder(session.lease_name)
            self.count("leased")
            logger.warning("%s is being crawled by another process (%s)", session.site, holder)
            return
        self._watch = asyncio.create_task(self._watch_turn())
        session.store.health.record_start(session.run_id, session.site, now)
        session.store.discovery.adopt_rules(
            session.site, session.rules_digest, self.profile.sitemap_addresses
        )
        await self._turn.wait_for_hosts()
        states = session.store.discovery.sources(session.site)
        for source in self.profile.sources:
            url = self.profile.address(source.path)
            state = states.pop(url, SourceState(url))
            yield self.source_request(source, url, state)
        for request in self._unread_sitemaps(states.values()):
            yield request
        pending = session.store.discovery.pending(session.site, now, with_passed=session.is_full)
        for address in pending:
            for request in self.article_requests(address, now):
                yield request
        for known in session.store.articles.due(session.site, now):
            for request in self.revisit_requests(known):
                yield request

    async def _watch_turn(self) -> None:
        """Stop when another process has taken the turn."""
        await self._turn.keep()
        logger.error("%s: its lease was lost to another process; stopping", self.session.site)
        await self.crawler.stop_async()

    def source_request(self, source: Source, url: str, state: SourceState) -> Request:
        """A request for one page of a source; conditional where "not modified" says it all."""
        self._asked_sources.add(url)
        is_conditional = (
            url == state.url
            and state.walk_to is None
            and not self.session.is_full
            and decisions.trusts_not_modified(state.read_at, self.session.now())
        )
        asked = AskedSource(source, state, page_number(source, url), is_conditional)
        return Request(
            url,
            callback=self.parse_source,
            errback=self.source_failed,
            headers=validators(state.etag, state.last_modified) if is_conditional else None,
            cb_kwargs={"asked": asked},
            meta={"handle_httpstatus_list": [304]},
            priority=SOURCE_PRIORITY,
            dont_filter=True,
        )

    def article_requests(
        self, address: KnownAddress | FoundAddress, now: datetime
    ) -> Iterator[Request]:
        """A request for a page that was never read, unless it was asked for already."""
        if address.key in self._asked or self.limit_is_reached():
            return
        self._asked.add(address.key)
        self._asked_articles += 1
        stored = address if isinstance(address, KnownAddress) else None
        asked = AskedArticle(
            address.key,
            found_at=stored.seen_at if stored else now,
            hint=address.published_at,
            attempts=stored.attempts if stored else 0,
            is_second_look=address.state is AddressState.REJECTED,
        )
        yield self._article_request(address.url, asked)

    def revisit_requests(self, known: KnownArticle) -> Iterator[Request]:
        """A conditional request for a page that is known, unless it was asked for already."""
        if known.article_id in self._asked or self.limit_is_reached():
            return
        self._asked.add(known.article_id)
        self._asked_articles += 1
        yield self._revisit(known, known.url)

    def _revisit(self, known: KnownArticle, url: str) -> Request:
        asked = AskedArticle(address_key(url, self.profile), known.first_seen_at, known=known)
        return self._article_request(
            url,
            asked,
            headers=validators(known.etag, known.last_modified) if not known.removed_at else None,
            priority=-1,
        )

    def _article_request(
        self,
        url: str,
        asked: AskedArticle,
        headers: dict[str, str] | None = None,
        priority: int = 0,
    ) -> Request:
        return Request(
            url,
            callback=self.parse_article,
            errback=self.article_failed,
            headers=headers,
            cb_kwargs={"asked": asked},
            meta={"handle_httpstatus_list": HANDLED_STATUSES},
            priority=priority,
            dont_filter=True,
        )

    def limit_is_reached(self) -> bool:
        """Whether this cycle has asked for as many article pages as it may."""
        limit = self.session.limit
        return limit is not None and self._asked_articles >= limit

    # Sources.

    def parse_source(self, response: Response, asked: AskedSource) -> Iterator[Request]:
        """Read one page of a source, write its addresses down, and go on from them."""
        source, state = asked.source, asked.state
        store, now = self.session.store.discovery, self.session.now()
        digest = page_digest(response.body)
        if asked.is_conditional and (response.status == 304 or digest == state.body_digest):
            store.record_not_modified(self.session.site, state.url, now)
            self.count("sources/unchanged")
            return
        try:
            entries, sitemaps = read_source(response, source, self.profile)
        except UnreadableSource as error:
            self._record_source_failure(source, state, f"{response.url} {error}")
            return
        findings = self.discovery.findings(entries, sitemaps, source, state)
        next_page = self.discovery.next_page(source, state, asked.page, findings)
        store.record_reading(
            SourceReading(
                site=self.session.site,
                url=state.url,
                kind=source.kind,
                path=source.path,
                read_at=now,
                found=findings.addresses,
                due_articles=tuple(each.article_id for each in findings.changed),
                sitemaps=tuple(each.url for each in findings.sitemaps),
                is_first_page=asked.page == 1,
                etag=header_of(response, "ETag"),
                last_modified=header_of(response, "Last-Modified"),
                body_digest=digest,
                dated_at=state.dated_at,
                walk_to=None if next_page is None else max(next_page, state.walk_to or 0),
            )
        )
        self.count("sources/read")
        self.count(f"sources/links/{source.kind}", len(findings.keys))
        for address in findings.unread:
            yield from self.article_requests(address, now)
        for known in findings.changed:
            yield from self.revisit_requests(known)
        if next_page is not None:
            yield self.source_request(source, page_address(source, state.url, next_page), state)
        for each in findings.sitemaps:
            if each.url not in self._asked_sources:
                yield self.source_request(source, each.url, each)

    def _unread_sitemaps(self, states: Iterable[SourceState]) -> Iterator[Request]:
        """Requests for the sitemaps of an index that a new reading of it need not lead to."""
        sitemaps = (each for each in self.profile.sources if each.kind is SourceKind.SITEMAP)
        source = next(sitemaps, None)
        for state in states:
            # An index that does not date its sitemaps cannot tell which of them has changed.
            is_to_read = state.walk_to is not None or state.dated_at is None
            if source is not None and is_to_read and state.kind == source.kind:
                yield self.source_request(source, state.url, state)

    # Articles.

    def parse_article(
        self, response: Response, asked: AskedArticle
    ) -> Iterator[FetchedArticle | GoneArticle | Request]:
        """Read one article page."""
        now, key, known = self.session.now(), asked.key, asked.known
        hint = asked.hint or self.discovery.published.get(key)
        asked = replace(asked, hint=hint)
        if response.status in GONE_STATUSES:
            elsewhere = self._elsewhere(asked, response.url)
            if elsewhere is not None:
                if known is not None:
                    key = address_key(elsewhere, self.profile)
                yield self._article_request(
                    elsewhere,
                    replace(asked, key=key, is_elsewhere=True),
                    priority=-1,
                )
            elif known is not None:
                yield GoneArticle(known, now)
            else:
                self._is_not_there(response, asked)
            return
        if known is not None and known.removed_at is None:
            if response.status == 304 or page_digest(response.body) == known.page_digest:
                self._record_unchanged(known, key, now)
                return
        elif response.status == 304:
            self._record_article_failure(
                response.url, asked, "answers 304 to an unconditional request"
            )
            return
        try:
            page = page_of(response, now, hint)
            article = extract(page, self.profile, self.session.site)
        except NotAnArticle as error:
            if known is not None and asked.is_elsewhere:
                yield GoneArticle(known, now)  # its own address has said so before
            elif known is not None:
                reason = f"was an article and is none now: {error}"
                self._record_article_failure(response.url, asked, reason)
            elif decisions.is_surely_an_article(hint, asked.found_at, now):
                self._record_article_failure(response.url, asked, str(error))
            else:
                self._reject(asked, response.url, str(error))
            return
        except IncompletePage as error:
            self._record_article_failure(response.url, asked, str(error))
            return
        addresses, declared = self._addresses(response, key, [article.url, *article.aliases])
        yield FetchedArticle(
            article=article,
            addresses=addresses,
            declared=declared,
            has_moved=_has_moved(response),
            is_elsewhere=asked.is_elsewhere,
            found_at=asked.found_at,
            page_digest=page_digest(response.body),
            etag=header_of(response, "ETag"),
            last_modified=header_of(response, "Last-Modified"),
            dated_at=self.discovery.dates.get(key),
            asked_for=known,
        )

    def _addresses(
        self, response: Response, key: str, declared: Sequence[str]
    ) -> tuple[tuple[tuple[str, str], ...], frozenset[str]]:
        redirected = response.meta.get("redirect_urls", [])
        asked = redirected[0] if redirected else response.url
        return addresses_by_key(
            key,
            canonical_url(asked, self.profile) or asked,
            (*redirected, response.url),
            declared,
            self.profile,
        )

    def _elsewhere(self, asked: AskedArticle, url: str) -> str | None:
        """Where else the page may be, of which `url` says that it is not there.

        Some templates declare an address at which nothing is; and a site may answer an address
        only with its trailing slash, or only without.
        """
        if asked.is_elsewhere:
            return None
        if asked.known is None:
            is_early = asked.attempts < MAX_GONE_ATTEMPTS and not asked.is_second_look
            return other_form(url) if is_early else None
        found = self.session.store.discovery.urls_of(asked.known.article_id)
        return next((each for each in found if each != asked.known.url), None)

    def _is_not_there(self, response: Response, asked: AskedArticle) -> None:
        """The page of an address that was never read answers that there is none."""
        now = self.session.now()
        self.count("articles/gone")
        is_last = asked.attempts + 1 >= MAX_GONE_ATTEMPTS
        if is_last and not decisions.is_surely_an_article(asked.hint, asked.found_at, now):
            self._reject(asked, response.url, f"answers {response.status}")
        else:
            self.session.store.discovery.record_attempt(
                self.session.site, asked.key, decisions.retry_at(asked.attempts + 1, now)
            )

    def _reject(self, asked: AskedArticle, url: str, reason: str) -> None:
        """An address leads to no article here, as far as can be seen now."""
        self.count("rejected")
        logger.info("%s is no article: %s", url, reason)
        now = self.session.now()
        self.session.store.discovery.record_rejected(
            self.session.site, asked.key, url, now, decisions.second_look_at(asked.found_at, now)
        )

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
            dated_at=self.discovery.dates.get(key),
        )

    # Failures.

    def source_failed(self, failure: Failure) -> None:
        """A source could not be fetched: after the retries, so for this cycle."""
        request: Request = failure.request  # type: ignore[attr-defined]
        asked: AskedSource = request.cb_kwargs["asked"]
        if was_held_back(failure, request):
            self.count("sources/held_back")
            return
        reason = f"{request.url}: {reason_of(failure)}"
        self._record_source_failure(asked.source, asked.state, reason, failure)

    def _record_source_failure(
        self, source: Source, state: SourceState, reason: str, failure: Failure | None = None
    ) -> None:
        if failure is not None and is_forbidden_by_robots(failure):
            self.count("sources/forbidden")
        elif failure is not None and self._is_end_of_walk(failure, state):
            self.count("sources/ended")
            self.session.store.discovery.record_end_of_walk(
                self.session.site, state.url, self.session.now()
            )
            return
        elif failure is not None and status_of(failure) in GONE_STATUSES and state.read_at is None:
            # A tag that was never used, a section that this site does not have.
            self.count("sources/absent")
            logger.info("%s", reason)
            return
        else:
            self.count("sources/failed")
            self.count(f"sources/failed/{cause_of(failure) if failure else 'not readable'}")
            self.count("errors")
        logger.warning("source %s", reason)
        self.session.store.discovery.record_source_failure(
            self.session.site,
            state.url,
            source.kind,
            error=cause_of(failure) if failure else reason.removeprefix(f"{state.url}: "),
            now=self.session.now(),
        )

    def _is_end_of_walk(self, failure: Failure, state: SourceState) -> bool:
        """Whether a page behind a source's first one, or a sitemap of an index, is not there."""
        own = {self.profile.address(source.path) for source in self.profile.sources}
        request: Request = failure.request  # type: ignore[attr-defined]
        is_further = request.cb_kwargs["asked"].page > 1 or state.url not in own
        return status_of(failure) in GONE_STATUSES and is_further

    def article_failed(self, failure: Failure) -> None:
        """An article page could not be fetched: after the retries, so for this cycle."""
        request: Request = failure.request  # type: ignore[attr-defined]
        asked: AskedArticle = request.cb_kwargs["asked"]
        if was_held_back(failure, request):
            return  # it waits as before
        if is_forbidden_by_robots(failure):
            self.count("articles/forbidden")
            if asked.known is None:
                # It stays pending: the rules may change, or could only not be had just now.
                self.session.store.discovery.record_attempt(
                    self.session.site,
                    asked.key,
                    decisions.retry_at(asked.attempts + 1, self.session.now()),
                    is_asked=False,
                )
            return
        is_last = asked.attempts + 1 >= MAX_OFF_SITE_ATTEMPTS
        # What a feed dated is an article: it is the site that leads astray, for now.
        is_doubtful = asked.known is None and asked.hint is None
        if is_off_site(failure) and is_last and is_doubtful:
            first = request.meta.get("redirect_urls", [request.url])[0]
            self._reject(asked, first, f"it leads to another site: {request.url}")
            return
        self._record_article_failure(request.url, asked, reason_of(failure))

    def _record_article_failure(self, url: str, asked: AskedArticle, reason: str) -> None:
        logger.warning("article %s: %s", url, reason)
        self.count("errors")
        now = self.session.now()
        if asked.known is None:
            self.session.store.discovery.record_attempt(
                self.session.site, asked.key, decisions.retry_at(asked.attempts + 1, now)
            )
        else:
            self.session.store.articles.record_failed_check(
                asked.known.article_id, decisions.recheck_at(asked.known, now)
            )

    def on_broken_page(self, response: Response | Failure | None, failure: Failure) -> None:
        """The program broke on a page, in a callback or pipeline: it is tried again, ever later."""
        if isinstance(failure.value, StoreError):
            self._stop_unrecorded()
            return
        # Where an errback broke, Scrapy hands on the failure that it was called for.
        request = getattr(response, "request", None)
        asked = asked_by(request) if isinstance(request, Request) else None
        reason = f"the program broke on it: {failure.value!r}"
        if isinstance(asked, AskedArticle) and request is not None:
            self._record_article_failure(request.url, asked, reason)
        elif isinstance(asked, AskedSource):
            self._record_source_failure(asked.source, asked.state, f"{asked.state.url}: {reason}")
        else:
            self.count("errors")

    def _stop_unrecorded(self) -> None:
        """What cannot be recorded is not to be asked for; its address stays pending."""
        self.count("errors")
        self.count("unrecorded")
        if self._stopping is None:
            logger.info("%s: nothing can be recorded: stopping", self.session.site)
            self._stopping = asyncio.ensure_future(self.crawler.stop_async())

    def on_closed(self, spider: Spider, reason: str) -> None:
        """Remember the dates that sources gave, and give the lease back."""
        if self._watch is None:
            return
        self._watch.cancel()
        store = self.session.store
        known = store.discovery.addresses(self.session.site, self.discovery.dates)
        store.articles.record_dates(
            {
                address.article_id: self.discovery.dates[key]
                for key, address in known.items()
                if address.article_id and address.seen_at >= self.session.started_at
            }
        )
        self._turn.end()

    def count(self, name: str, by: int = 1) -> None:
        """Add to one of this project's counters."""
        self.crawler.stats.inc_value(f"rscrawler/{name}", by)


def _has_moved(response: Response) -> bool:
    """Whether the address that was asked for leads on to the page's for good."""
    reasons = response.meta.get("redirect_reasons", [])
    return bool(reasons) and PERMANENT_REDIRECTS.issuperset(reasons)


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
