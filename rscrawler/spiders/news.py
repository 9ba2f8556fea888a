"""The `news` spider: sources → addresses → article pages.

It stores the addresses that it discovers, and yields the outcome of each article page.
`rscrawler.decisions` decides what follows, and the pipelines record it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, Self, TypeVar

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Response, TextResponse
from twisted.python.failure import Failure
from w3lib.html import get_base_url, get_meta_refresh

from rscrawler import decisions
from rscrawler.clock import to_the_minute
from rscrawler.decisions import KnownArticle
from rscrawler.extraction.page import looks_truncated
from rscrawler.identity.addresses import address_key, canonical_url, on_present_base, slash_variant
from rscrawler.sites import SiteProfile, Source, SourceKind
from rscrawler.spiders import http
from rscrawler.spiders.discovered import DiscoveredLinks, to_read_again
from rscrawler.spiders.outcomes import (
    FetchedArticle,
    PageKind,
    PageOutcome,
    RequestedArticle,
    RequestedSource,
)
from rscrawler.spiders.reading import PORTION, ArticleToRead, PageReader, ReadFailure, ReadSource
from rscrawler.spiders.session import CrawlLease, CrawlSession, log_error, session_from_arguments
from rscrawler.spiders.sources import FEED_KINDS, LISTING_KINDS, SourcePage, page_address
from rscrawler.store.articles import Visit
from rscrawler.store.discovery import Address, AddressState, SourceState

logger = logging.getLogger(__name__)

GONE_STATUSES = frozenset({404, 410})
END_STATUSES = GONE_STATUSES | {400}  # past the last page; WordPress' JSON responds 400
# Of requests; a new article has 0. Scrapy lowers the priority by 1 with each retry.
SOURCE_PRIORITY = 100
REVISIT_PRIORITY = -10
FURTHER_PRIORITY = -20  # of sources beyond the first hundred: an index can name a thousand
FAILED_PRIORITY = -30  # last: after a number of errors in a row, a cycle sends no more requests
MANY_SOURCES, MAX_SOURCES = 100, 1_000  # in one cycle, sitemaps included
LATEST = 20  # articles of the archive of a site with sitemaps alone, as of two pages of a listing
MAX_SITEMAP_DEPTH = 5  # in one cycle; the protocol allows 1, an endless chain has no last one
_Validated = TypeVar("_Validated", SourceState, Visit)
_HEAD_BYTES = 8_192  # of a page that leads on; to decode all of a large page takes seconds


class NewsSpider(Spider):
    """Crawls one site for one cycle."""

    name = "news"

    def __init__(self, session: CrawlSession | None = None, **arguments: Any) -> None:
        super().__init__()
        self.session = session or session_from_arguments(**arguments)
        self.profile: SiteProfile = self.session.profile
        self._site, self._discovery = self.session.site, self.session.store.discovery
        assert self.session.readers is not None
        self._readers = self.session.readers
        self.has_begun = False
        self._requested: set[str] = set()  # address keys and article ids
        # Unread pages without an article and, so far, without a date by a source; by address key.
        self._undated: dict[str, RequestedArticle] = {}
        self._requested_sources: set[str] = set()
        self._own_sources = self.profile.own_sources
        self._is_any_working = False  # whether any source answered in the last cycle
        self._stopping: asyncio.Future[None] | None = None
        self._lease = CrawlLease(self.session)
        self._watch: asyncio.Task[None] | None = None  # set while this crawl holds the lease

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Create the spider with the given session, or one made from the spider arguments."""
        spider = super().from_crawler(crawler, *args, **kwargs)
        if not crawler.settings.frozen:  # `scrapy shell` freezes them before it creates the spider
            crawl, profile = spider.session.config.crawl, spider.profile
            own = {
                "USER_AGENT": spider.session.config.user_agent,
                "DOWNLOAD_DELAY": profile.download_delay,
                "CONCURRENT_REQUESTS": profile.concurrency,
                "CONCURRENT_REQUESTS_PER_DOMAIN": profile.concurrency,
                "DOWNLOAD_TIMEOUT": crawl.timeout.total_seconds(),
                "DOWNLOAD_MAXSIZE": int(crawl.max_response_mib * 2**20),
                "DOWNLOAD_WARNSIZE": 0,
                "RETRY_TIMES": crawl.retries,
            }
            crawler.settings.update(own, priority="spider")
        crawler.signals.connect(spider.on_idle, signals.spider_idle)
        crawler.signals.connect(spider.on_closed, signals.spider_closed)
        return spider

    def parse(self, response: Response) -> Iterator[Request | dict[str, Any]]:
        """Parse one page for `scrapy parse`, `check` and `shell`; nothing is stored.

        An article page yields its record; a source yields requests for its sitemaps and articles.

        @source
        @returns requests 1
        """
        reader = PageReader({self._site: self.profile}, self.session.flagger)
        if (source := self._own_sources.get(response.url)) is not None:
            reading = reader.read(self._source_page(source, response))
        else:
            content_type, now = http.header_of(response, "Content-Type"), self.session.now()
            url, body = response.url, response.body
            reading = reader.read(ArticleToRead(self._site, url, body, content_type, now))
        if isinstance(reading, ReadFailure):
            logger.warning("%s: %s: %s", response.url, reading.kind, reading.reason)
        elif isinstance(reading, FetchedArticle):
            yield reading.article.to_record()
        else:
            articles = (url for _, url, *_ in chain.from_iterable(reading.portions()))
            for url in (*(each.url for each in reading.sitemaps), *articles):
                yield Request(url, callback=self.parse)

    # Requests.

    async def start(self) -> AsyncIterator[Any]:
        """Request every source, addresses left by earlier cycles, and articles due for a check."""
        self.has_begun = True
        session, now = self.session, self.session.now()
        paused_until = decisions.requested_pause(session.state.not_before, now)
        if paused_until is not None and paused_until > now:
            self.count("paused")
            until = to_the_minute(paused_until)
            logger.warning("%s asked for a pause until %s", session.site, until)
            return
        if not self._lease.begin():
            self.count("leased")
            logger.warning("%s is being crawled by %s", session.site, self._lease.holder())
            return
        self._watch = asyncio.create_task(self._watch_lease())
        session.store.health.record_start(session.run_id, session.site, now)
        self._discovery.adopt_rules(session.site, self.profile)
        await self._lease.wait_for_hosts()
        states = self._discovery.sources(session.site)
        last_run_at = session.state.last_run_at or now
        self._is_any_working = any(
            url in self._own_sources and each.requested_at and each.requested_at >= last_run_at
            for url, each in states.items()
        )
        listed = [each for url, each in states.items() if url not in self._own_sources]
        sitemaps = [each for each in listed if each.kind == SourceKind.SITEMAP]
        for url, source in self._own_sources.items():
            yield self._source_request(source, url, states.get(url, SourceState(url)))
        for request in self._known_sitemap_requests(sitemaps):
            yield request
        addresses = self._discovery.due(session.site, now, with_skipped=session.is_full)
        due = session.store.articles.due(session.site, now)
        # Failed pages come last: Scrapy requests pages while this method still yields others.
        failed = [each for each in addresses if each.attempts]
        untried = [each for each in addresses if not each.attempts]
        requests = self._article_requests(untried, due), self._article_requests(failed, ())
        for request in chain.from_iterable(requests):
            yield request

    async def _watch_lease(self) -> None:
        await self._lease.keep()
        logger.error("%s: its lease was lost or could not be renewed; stopping", self._site)
        self.stop()

    def _source_request(
        self, source: Source, url: str, state: SourceState, page: int = 1, depth: int = 0
    ) -> Request:
        """The request for one page of a source; conditional if a 304 would leave nothing to do."""
        self._requested_sources.add(url)
        is_conditional = (
            url == state.url
            and state.pagination_cursor is None
            and not self.session.is_full
            and decisions.trusts_not_modified(state.read_at, self.session.now())
        )
        is_further = len(self._requested_sources) > MANY_SOURCES
        priority = FURTHER_PRIORITY if is_further else SOURCE_PRIORITY
        if state.failures and self._is_any_working:  # else the host was out of reach
            priority = FAILED_PRIORITY
        validators = http.validators(state.etag, state.last_modified, state.requested_at)
        return Request(
            url,
            callback=self.parse_source,
            errback=self.source_failed,
            headers=validators if is_conditional else None,
            cb_kwargs={"requested": RequestedSource(source, state, page, is_conditional, depth)},
            meta={"handle_httpstatus_list": [304]},
            priority=priority,
            dont_filter=True,
        )

    def _article_requests(
        self, unread: Iterable[Address], known: Iterable[KnownArticle]
    ) -> Iterator[Request]:
        """Requests for unread addresses and known articles, each at most once in a cycle."""
        for address in unread:
            if self._admit(address.key):
                url = on_present_base(address.url, self.profile)
                yield self._article_request(RequestedArticle(replace(address, url=url)))
        for article in known:
            if self._admit(article.article_id):
                url = on_present_base(article.url, self.profile)
                own = Address(address_key(url, self.profile), url, article.first_seen_at)
                yield self._article_request(RequestedArticle(own, article))

    def _admit(self, identity: str) -> bool:
        """Admit a page to this cycle if it is new to it and within its limit; whether it was."""
        limit = self.session.limit
        if identity in self._requested or (limit is not None and len(self._requested) >= limit):
            return False
        self._requested.add(identity)
        return True

    def _article_request(self, requested: RequestedArticle) -> Request:
        """The request for an article page; conditional for a known article at its own address."""
        known, headers = requested.known, None
        if known is not None and known.removed_at is None and not requested.is_elsewhere:
            headers = http.validators(known.etag, known.last_modified, known.fetched_at)
        if requested.address.attempts:
            priority = FAILED_PRIORITY
        else:
            priority = 0 if known is None and not requested.is_elsewhere else REVISIT_PRIORITY
        return Request(
            requested.address.url,
            callback=self.parse_article,
            errback=self.article_failed,
            headers=headers,
            cb_kwargs={"requested": requested},
            meta={"handle_httpstatus_list": [304, *GONE_STATUSES]},
            priority=priority,
            dont_filter=True,
        )

    # Sources.

    async def parse_source(
        self, response: Response, requested: RequestedSource
    ) -> AsyncIterator[Request]:
        """Parse one page of a source, store its addresses, and request what follows."""
        source, state = requested.source, requested.state
        digest, now = http.page_digest(response.body), self.session.now()
        if requested.is_conditional and (response.status == 304 or digest == state.body_digest):
            unchanged = replace(state_after(self.session, requested, now), read_at=state.read_at)
            if response.status != 304:  # a server may date the same content anew
                unchanged = with_validators(unchanged, response)
            self._discovery.record_reading(self._site, source.path, unchanged)
            self.count("sources/unchanged")
            return
        if response.status == 200 and requested.page == 1:
            self.session.unparsed.add(state.url)  # for now
        reading = await self._readers.read(self._source_page(source, response))
        if isinstance(reading, ReadFailure):
            if reading.kind is PageKind.OVER_LIMIT:
                self.count("over_limit")
            self.record_source_failure(requested, response.url, reading.reason)
            return
        assert isinstance(reading, ReadSource)
        if reading.is_whole and requested.page == 1 and source.kind in FEED_KINDS:
            self.session.whole_feeds.add(state.url)
        discovered = DiscoveredLinks(self.session, source, state, now)
        sitemaps = list(discovered.unread_sitemaps(reading.sitemaps))
        await self._add_articles(reading, discovered)
        is_on_site = canonical_url(reading.next_url or "", self.profile) is not None
        following = reading.next_url if is_on_site else None  # no other host is ever crawled
        has_next = source.is_paged or following is not None
        next_page = discovered.next_page(requested.page, has_next=has_next)
        revisits = discovered.revisits
        if revisits:  # or a batched recording would overwrite that they are due
            self.session.store.batch.flush(waits_for_disk=False)
        if reading.is_truncated:
            self._note_truncated(requested, response.url)
        state = state_after(self.session, requested, now, next_page)
        if requested.page == 1:  # a further page says nothing about the source
            state = replace(with_validators(state, response), body_digest=digest)
        self._discovery.record_reading(
            self._site,
            source.path,
            state,
            tuple(discovered.to_store),
            due_articles=[each.article_id for each in revisits],
            sitemaps=sitemaps,
        )
        self.count("sources/read")
        self.session.revisits |= {each.article_id: at for each, at in revisits.items()}
        unread = (*discovered.unread, *discovered.retried)
        articles = self._article_requests(unread, revisits)
        dated = self._undated.keys() & self.session.published_hints.keys()
        again = [self._article_request(self._undated.pop(key)) for key in dated]
        requests = chain(again, articles, self._sitemap_requests(sitemaps, requested))
        for number, request in enumerate(requests, 1):
            yield request
            if number % PORTION == 0:
                await asyncio.sleep(0)
        if next_page is not None:
            url = following or page_address(source, state.url, next_page)
            yield self._source_request(source, url, state, next_page)

    def _note_truncated(self, requested: RequestedSource, url: str) -> None:
        """Note a truncated page; the first in a row says nothing about the links of a source."""
        logger.warning("source %s: is truncated; read again with the next cycle", url)
        state = requested.state
        self.session.truncated.setdefault(state.url, requested.page)
        if requested.page == 1 and state.pagination_cursor is None:
            del self.session.linked[state.url]

    def _source_page(self, source: Source, response: Response) -> SourcePage:
        return SourcePage(
            site=self._site,
            url=response.url,
            body=response.body,
            content_type=http.header_of(response, "Content-Type"),
            source=source,
            link_header=http.header_of(response, "Link"),
            within=tuple(self.profile.links.within),
            requested_url=response.meta.get("redirect_urls", [response.url])[0],
        )

    async def _add_articles(self, reading: ReadSource, discovered: DiscoveredLinks) -> None:
        """Add what follows from a page of a source; other tasks run between two portions.

        The addresses of all portions but the last are stored at once. The last ones are stored with
        the source's validators, when the whole page is known. So are later dates of articles, since
        their total number decides whether the articles are due.
        """
        for number, shown in enumerate(reading.portions()):
            if number:
                path, found = discovered.source.path, discovered.addresses
                self._discovery.record_found(self._site, path, found)
                discovered.addresses.clear()
                await asyncio.sleep(0)
            discovered.add(shown)
        url = discovered.state.url
        self.session.linked.setdefault(url, len(self.session.shown[url]))
        self.session.unparsed.discard(url)

    def _sitemap_requests(
        self, sitemaps: Iterable[SourceState], requested: RequestedSource
    ) -> Iterator[Request]:
        """Requests for the sitemaps of an index, each once, up to the limits of a cycle."""
        depth = requested.depth + 1
        for each in sitemaps:
            if each.url in self._requested_sources:
                continue
            if depth > MAX_SITEMAP_DEPTH:
                deep = f"{each.url} is nested too deep; it is read in the next cycle"
                log_error(self.crawler, deep)
                return
            if len(self._requested_sources) >= MAX_SOURCES:
                rest = f"{each.url} and later sitemaps are read in the next cycle"
                if self.session.is_full:
                    log_error(self.crawler, rest)
                else:
                    logger.warning("%s", rest)
                return
            yield self._source_request(requested.source, each.url, each, depth=depth)

    def _known_sitemap_requests(self, states: Sequence[SourceState]) -> Iterator[Request]:
        """Requests for sitemaps that were not read, or may have changed without a later date."""
        sitemaps = (each for each in self.profile.sources if each.kind is SourceKind.SITEMAP)
        source, again = next(sitemaps, None), to_read_again(states)
        for state in states:
            if source is None or len(self._requested_sources) >= MAX_SOURCES:
                return
            if state.pagination_cursor is not None or state.url in again:
                yield self._source_request(source, state.url, state)

    def source_failed(self, failure: Failure) -> None:
        """Handle a source that could not be fetched in this cycle, after all retries."""
        request: Request = failure.request  # type: ignore[attr-defined]
        requested: RequestedSource = request.cb_kwargs["requested"]
        status, cause = http.status_of(failure), http.reason_of(failure)
        is_forbidden = isinstance(failure.value, http.ForbiddenByRobots)
        if http.was_held_back(failure, request):
            self.count("sources/held_back")
        elif self._is_end_of_pagination(requested, status) or (is_forbidden and requested.page > 1):
            ended = state_after(self.session, requested, self.session.now())
            self._discovery.record_reading(self._site, requested.source.path, ended)
        elif status in GONE_STATUSES and not self._has_led_somewhere(requested):
            self.count("sources/absent")
            # A tag that was never used, a section or usual address that this site does not have.
            is_usual = "sources" not in self.profile.model_fields_set
            if is_usual or requested.source.kind in LISTING_KINDS:
                logger.info("%s: %s", request.url, cause)
            else:
                url = requested.state.url  # not where it redirected to
                logger.warning("source %s: %s; it never led to an article", url, cause)
        else:
            self.record_source_failure(requested, request.url, cause, is_forbidden=is_forbidden)

    def _has_led_somewhere(self, requested: RequestedSource) -> bool:
        """Whether the source was read and led to an address: not if a notice stood in its place."""
        is_read = requested.state.read_at is not None
        return is_read and self._discovery.has_shown_any(self._site, requested.source.path)

    def record_source_failure(
        self, requested: RequestedSource, url: str, cause: str, *, is_forbidden: bool = False
    ) -> None:
        """Count, log and store why a source could not be read."""
        self.count("sources/forbidden" if is_forbidden else "sources/failed")
        error = f"source {requested.state.url if requested.page == 1 else url}: {cause}"
        if is_forbidden:
            logger.warning("%s", error)
        else:
            log_error(self.crawler, error)
            self.session.failed_sources[requested.state.url] = cause
        kind, now = requested.source.kind, self.session.now()
        self._discovery.record_source_failure(
            self._site, requested.state.url, kind, error=cause, now=now
        )

    def _is_end_of_pagination(self, requested: RequestedSource, status: int | None) -> bool:
        """Whether a further page of a source, or a sitemap of an index, does not exist."""
        if requested.page > 1:
            return status in END_STATUSES
        return status in GONE_STATUSES and requested.state.url not in self._own_sources

    # Articles.

    async def parse_article(
        self, response: Response, requested: RequestedArticle
    ) -> AsyncIterator[PageOutcome | Request]:
        """Parse one article page; yields its outcome, or a request to another address of it."""
        address = requested.address
        if address.published_hint is None:
            hint = self.session.published_hints.get(address.key)
            address = replace(address, published_hint=hint)
            requested = replace(requested, address=address)
        if response.status in GONE_STATUSES:
            if (elsewhere := self._elsewhere(requested, response.url)) is not None:
                yield self._request_elsewhere(requested, elsewhere)
            else:
                reason = f"answers {response.status}"
                yield self._outcome(PageKind.GONE, requested, response.url, reason)
        elif is_unchanged(response, requested):
            yield self._outcome(PageKind.UNCHANGED, requested, response.url)
        elif response.status == 304:
            reason = "answers 304 to an unconditional request"
            yield self._outcome(PageKind.REFUSED, requested, response.url, reason)
        elif not isinstance(response, TextResponse):
            # A PDF, a recording: requested again, like any page that is not an article.
            reason = f"{response.url}: the response is not text"
            yield self._outcome(PageKind.NOT_ARTICLE, requested, response.url, reason)
        else:
            outcome = await self._read(response, requested)
            following = self._led_on(requested, response) if outcome.page is None else None
            yield following or self._request_dated(requested, outcome) or outcome

    def _request_dated(self, requested: RequestedArticle, outcome: PageOutcome) -> Request | None:
        """The request for a page again that a source has dated since it was read without a date.

        If none has, but one that has not answered yet does, the page is requested then.
        """
        key, is_undated = requested.address.key, requested.address.published_hint is None
        if outcome.kind is not PageKind.NOT_ARTICLE or requested.known or not is_undated:
            return None
        if key in self.session.published_hints:
            return self._article_request(requested)
        self._undated[key] = requested
        return None

    async def _read(self, response: TextResponse, requested: RequestedArticle) -> PageOutcome:
        known, articles = requested.known, self.session.store.articles
        before = articles.latest_record(known.article_id) if known else None
        # Whether the requested address redirects to the page's permanently, or for a while.
        has_moved = http.has_moved(response.meta)
        is_other = address_key(response.url, self.profile) != requested.address.key
        is_away = bool(response.meta.get("redirect_reasons")) and not has_moved and is_other
        hint, had_sign = decisions.reading_hints(before, requested.address.published_hint)
        page = await self._readers.read(
            ArticleToRead(
                site=self._site,
                url=response.url,
                body=response.body,
                content_type=http.header_of(response, "Content-Type"),
                fetched_at=self.session.now(),
                key=requested.address.key,
                redirect_chain=(*response.meta.get("redirect_urls", ()), response.url),
                published_hint=hint,
                needs_sign=is_away or had_sign,
                known_text=known.text_digest if known and not known.removed_at else None,
            )
        )
        if isinstance(page, ReadFailure):
            outcome = self._outcome(page.kind, requested, response.url, page.reason)
            is_html = b"<html" in response.body[:2048].lower()  # else perhaps a temporary fault
            outcome.is_whole_page = is_html and not looks_truncated(response.body)
            return outcome
        assert isinstance(page, FetchedArticle)
        outcome = self._outcome(PageKind.READ, requested, response.url)
        page.visit = with_validators(page.visit, response)
        page.has_moved = has_moved
        outcome.page = page
        return outcome

    def _outcome(
        self, kind: PageKind, requested: RequestedArticle, url: str, reason: str = ""
    ) -> PageOutcome:
        return PageOutcome(kind, requested, url, self.session.now(), reason)

    def _elsewhere(self, requested: RequestedArticle, url: str) -> str | None:
        """Another address to try, after `url` responded 404 or 410; None if there is none.

        Some templates declare an address that does not exist; and some sites respond only with the
        trailing slash, or only without it.
        """
        if requested.is_elsewhere:
            return None
        if requested.known is None:
            is_early = requested.address.attempts < decisions.MAX_ATTEMPTS
            is_rejected = requested.address.state is AddressState.REJECTED
            return slash_variant(url) if is_early and not is_rejected else None
        found = self._discovery.addresses_of(requested.known.article_id)
        urls = (on_present_base(each.url, self.profile) for each in found)
        own = on_present_base(requested.known.url, self.profile)
        return next((each for each in urls if each != own), None)

    def _led_on(self, requested: RequestedArticle, response: TextResponse) -> Request | None:
        """The request for the address on this site to which a page leads by a meta element.

        Only for an unread address, and once. Like a temporary redirect, it may lead to a notice.
        """
        if requested.known is not None or requested.is_elsewhere:
            return None
        head = response.body[:_HEAD_BYTES].decode("utf-8", "replace")
        try:
            _, url = get_meta_refresh(head, get_base_url(head, response.url))
        except ValueError:  # an invalid address
            return None
        if not url or canonical_url(url, self.profile) is None:
            return None
        request, meta = self._request_elsewhere(requested, url), response.meta
        request.meta["redirect_urls"] = [*meta.get("redirect_urls", ()), response.url]
        request.meta["redirect_reasons"] = [*meta.get("redirect_reasons", ()), "meta refresh"]
        return request

    def _request_elsewhere(self, requested: RequestedArticle, url: str) -> Request:
        """The request for another address that may have the page."""
        # An unread address is stored by its own key, whatever form of it is requested.
        key = address_key(url, self.profile) if requested.known else requested.address.key
        other = replace(requested.address, key=key, url=url)
        return self._article_request(replace(requested, address=other, is_elsewhere=True))

    def article_failed(self, failure: Failure) -> Iterator[PageOutcome]:
        """Handle an article page that could not be fetched in this cycle, after all retries."""
        request: Request = failure.request  # type: ignore[attr-defined]
        requested: RequestedArticle = request.cb_kwargs["requested"]
        if http.was_held_back(failure, request):
            return  # it stays pending or due
        if isinstance(failure.value, http.ForbiddenByRobots):
            yield self._outcome(PageKind.FORBIDDEN, requested, request.url)
        elif isinstance(failure.value, http.OffSite):
            first = request.meta.get("redirect_urls", [request.url])[0]
            yield self._outcome(PageKind.OFF_SITE, requested, first, http.reason_of(failure))
        else:
            yield self._outcome(PageKind.REFUSED, requested, request.url, http.reason_of(failure))

    # The end.

    def on_idle(self) -> None:
        """Request the latest articles of the archive if the first cycles found nothing else.

        They show whether the profile is right, before the site publishes anything.
        """
        is_first = self._watch is not None and self.session.state.baseline_at is None
        if self._requested or not is_first or self._discovery.has_outstanding(self._site):
            return
        if self.session.store.articles.count(self._site):
            return  # another cycle of the baseline has read some
        latest = self._discovery.latest_skipped(self._site, LATEST)
        for request in self._article_requests(latest, ()):
            self.crawler.engine.crawl(request)

    def stop(self) -> None:
        """End this crawl, in a separate task: the end cancels the task that watches the lease."""
        if self._stopping is None:
            logger.info("%s: stopping this crawl", self._site)
            self._stopping = asyncio.ensure_future(self.crawler.stop_async())

    async def on_closed(self) -> None:
        """Release the leases, after all other handlers have recorded the end of the crawl."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.sleep(0)
            self._lease.end()

    def count(self, name: str) -> None:
        """Increase one of this project's statistics, `rscrawler/NAME`."""
        self.crawler.stats.inc_value(f"rscrawler/{name}")


def state_after(
    session: CrawlSession, requested: RequestedSource, now: datetime, next_page: int | None = None
) -> SourceState:
    """The state of a source after a response at `now`; without a next page, it is read.

    But the next cycle requests it again up to its truncated page. The baseline waits for that, too,
    but not for ever: some sources always end too soon.
    """
    before = requested.state
    is_read, cursor = True, session.truncated.get(before.url)
    if next_page is not None:
        is_read, cursor = False, max(next_page, before.pagination_cursor or 0)
    elif cursor is not None:
        is_read = session.state.baseline_at is not None
    return replace(
        before,
        kind=requested.source.kind,
        requested_at=now,
        read_at=now if is_read else before.read_at,
        pagination_cursor=cursor,
        failures=0,
    )


def with_validators(of: _Validated, response: Response) -> _Validated:
    """The state of a source, or the visit of an article page, with a response's validators."""
    etag, modified = (http.header_of(response, each) for each in ("ETag", "Last-Modified"))
    return replace(of, etag=etag, last_modified=modified)


def is_unchanged(response: Response, requested: RequestedArticle) -> bool:
    """Whether the page is unchanged (304 or the same bytes), and was parsed by the same rules."""
    known = requested.known
    if known is None or known.removed_at or known.last_modified == decisions.PARSE_AGAIN:
        return False
    return response.status == 304 or http.page_digest(response.body) == known.page_digest
