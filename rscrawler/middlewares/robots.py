"""Obeys robots.txt: requests it conditionally, and handles its failures as RFC 9309 says."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Self

from protego import Protego
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.httpobj import urlparse_cached

from rscrawler.errors import StoreError
from rscrawler.spiders import http
from rscrawler.spiders.session import log_error, session_of
from rscrawler.store.discovery import KeptRobots

logger = logging.getLogger(__name__)

# RFC 9309, 2.4: a cached robots.txt should not be used for more than a day.
FRESH_FOR = timedelta(hours=24)
DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
ALLOW_ALL = b""


class RobotsMiddleware:
    """Requests robots.txt conditionally, and follows the rules of RFC 9309.

    A 4xx response allows everything, except 429: like 5xx or no response it forbids everything
    (2.3.1), unless a copy of the last day is stored. Other 4xx and 2xx responses are stored.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler, self._session = crawler, session_of(crawler)
        self._rules: dict[str, asyncio.Future[Protego]] = {}  # by host, of this cycle

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self | RobotsTxtMiddleware:
        """Built for the spider's site; Scrapy's own class in `scrapy shell`, which has no site.

        Raises:
            NotConfigured: `ROBOTSTXT_OBEY` is off.
        """
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        try:
            return cls(crawler)
        except NotConfigured:
            return RobotsTxtMiddleware(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass if the rules of its host allow it; one task fetches them.

        Raises:
            ForbiddenByRobots, HeldBack: the rules forbid it, or cannot be read.
        """
        parts = urlparse_cached(request)
        if request.meta.get("dont_obey_robotstxt") or parts.scheme in ("data", "file"):
            return
        host, settings = parts.netloc, self._crawler.settings
        if host not in self._rules:
            fetching = self._fetch(host, f"{parts.scheme}://{host}/robots.txt")
            self._rules[host] = asyncio.ensure_future(fetching)
        rules = await self._rules[host]
        if rules.can_fetch(request.url, settings["ROBOTSTXT_USER_AGENT"]):
            return
        self._crawler.stats.inc_value("robotstxt/forbidden")
        if (reason := self._session.unread_robots.get(host)) is not None:
            raise http.HeldBack(f"its robots.txt {reason}")
        raise http.ForbiddenByRobots("Forbidden by robots.txt")

    async def _fetch(self, host: str, url: str) -> Protego:
        kept, headers = None, dict[str, str]()
        with _failure_logged(host):
            kept = self._session.store.discovery.robots(host)
        if kept is not None:
            headers = http.validators(kept.etag, kept.last_modified, kept.fetched_at)
        request = Request(
            url,
            headers=headers,
            priority=RobotsTxtMiddleware.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True},
            callback=NO_CALLBACK,
        )
        return http.robots_rules(await self._applicable_body(request, host, kept))

    async def _applicable_body(self, request: Request, host: str, kept: KeptRobots | None) -> bytes:
        """The robots.txt to apply, by the status of the host's response or its absence."""
        now, store = self._session.now(), self._session.store.discovery
        try:
            response = await self._crawler.engine.download_async(request)
        except Exception as error:
            if type(error) is IgnoreRequest and "DOWNLOAD_MAXSIZE" not in str(error):
                return ALLOW_ALL  # too many redirects count as no robots.txt
            reason = f"cannot be read: {http.error_text(error, request)}"
            return self._fallback_body(host, kept, reason)
        if response.status >= 500 or response.status == 429:
            return self._fallback_body(host, kept, f"answers HTTP {response.status}")
        if response.status == 304 and kept is not None:
            kept = replace(kept, fetched_at=now)
        elif 300 <= response.status < 400:
            return ALLOW_ALL  # a redirect that leads nowhere
        else:
            kept = KeptRobots(
                host=host,
                body=http.whole_lines(response.body) if response.status < 300 else ALLOW_ALL,
                fetched_at=now,
                etag=http.header_of(response, "ETag"),
                last_modified=http.header_of(response, "Last-Modified"),
            )
        with _failure_logged(host):
            store.record_robots(kept)
        return kept.body

    def _fallback_body(self, host: str, kept: KeptRobots | None, reason: str) -> bytes:
        """The rules if robots.txt cannot be read: a copy of the last day, else forbid all."""
        if kept is not None and self._session.now() - kept.fetched_at < FRESH_FOR:
            return kept.body
        log_error(self._crawler, f"the robots.txt of {host} {reason}: no requests to the host")
        self._session.unread_robots[host] = reason
        return DISALLOW_ALL


@contextmanager
def _failure_logged(host: str) -> Iterator[None]:
    """Log an error of the store and go on: the site is not to blame for it."""
    try:
        yield
    except StoreError as error:
        logger.warning("the robots.txt of %s cannot be stored or loaded: %s", host, error)
