"""robots.txt is heeded, asked for conditionally, and its failure is read as RFC 9309 says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler
from twisted.internet.defer import Deferred

from rscrawler.spiders.http import (
    ForbiddenByRobots,
    HeldBack,
    header_of,
    in_words,
    validators,
)
from rscrawler.spiders.session import session_of
from rscrawler.store.discovery import KeptRobots

logger = logging.getLogger(__name__)

# RFC 9309, 2.4: a cached robots.txt should not be used for more than a day.
FRESH_FOR = timedelta(hours=24)
MAX_BYTES = 512 * 1024  # of a robots.txt; RFC 9309, 2.5, asks for at least 500 KiB
DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
ALLOW_ALL = b""
MADE_HERE = "rscrawler"  # flags an answer that stands for one; it passes here again


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's own, with conditional requests, refusals that can be told from others, RFC 9309.

    A 4xx answer means that everything is allowed; a 5xx one or none at all, that nothing
    is (2.3.1), unless one of the last day is kept. Only real answers are kept.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session = session_of(crawler)
        self._lock = asyncio.Lock()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsTxtMiddleware:  # type: ignore[override]
        """Built for the spider's site; Scrapy's own in `scrapy shell`, which has none."""
        try:
            return cls(crawler)
        except NotConfigured:
            return RobotsTxtMiddleware(crawler)

    # Any request.

    async def process_request(self, request: Request) -> None:  # type: ignore[override]
        """Let a request pass that the rules allow; ask for them only if they have changed.

        Raises:
            ForbiddenByRobots, HeldBack: the rules forbid it, or cannot be read.
        """
        if not _asks_for_robots(request):
            self.process_request_2(await self.robot_parser(request), request)
        elif (kept := self._kept(request)) is not None:
            for name, value in validators(kept.etag, kept.last_modified).items():
                request.headers[name] = value

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of the request's host.

        Requests that wait for robots.txt side by side share one Deferred in Scrapy 2.19, which
        gives the rules to the first of them and None to the rest: those were sent unchecked.
        """
        async with self._lock:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Let the request pass, or raise `ForbiddenByRobots` or `HeldBack`."""
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            reason = self._session.unread_robots.get(urlparse_cached(request).netloc)
            if reason is not None:
                raise HeldBack(f"its robots.txt {reason}") from None
            raise ForbiddenByRobots(str(error)) from None

    # robots.txt itself.

    def process_response(self, request: Request, response: Response) -> Response:
        """Keep a robots.txt; turn a server's error, or "not modified", into its meaning."""
        if not _asks_for_robots(request) or MADE_HERE in response.flags:
            return response
        store, now = self._session.store.discovery, self._session.now()
        if response.status == 304 and (kept := self._kept(request)) is not None:
            store.record_robots(replace(kept, fetched_at=now))
            return _answer(request, kept.body)
        if response.status >= 500 or response.status == 429:
            return self._unavailable(request, f"answers HTTP {response.status}")
        if 300 <= response.status < 400:
            return response
        body = _cut(response.body) if response.status < 400 else ALLOW_ALL
        store.record_robots(
            KeptRobots(
                host=urlparse_cached(request).netloc,
                body=body,
                fetched_at=now,
                etag=header_of(response, "ETag"),
                last_modified=header_of(response, "Last-Modified"),
            )
        )
        return _answer(request, body)

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        """No answer at all has the meaning of a server's error."""
        if not _asks_for_robots(request):
            return None
        return self._unavailable(request, f"cannot be read: {in_words(exception)}")

    def _unavailable(self, request: Request, reason: str) -> Response:
        urls = [*request.meta.get("redirect_urls", ()), request.url]
        return _answer(
            request, self._without_answer([urlsplit(url).netloc for url in urls], reason)
        )

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        """Ask nothing of a host whose answer is broken; many redirects mean that it has none."""
        if isinstance(exc, IgnoreRequest):
            super()._robots_error(exc, netloc)
            return
        body = self._without_answer([netloc], f"cannot be read: {in_words(exc)}")
        rules = build_from_crawler(self._parserimpl, self.crawler, body)
        waiting, self._parsers[netloc] = self._parsers[netloc], rules
        assert isinstance(waiting, Deferred)
        waiting.callback(rules)

    def _without_answer(self, hosts: Sequence[str], reason: str) -> bytes:
        """The rules of a host whose robots.txt cannot be read: of the last day, else "nothing".

        `hosts`: the one that was asked, and those that it led to.
        """
        for each in reversed(hosts):
            kept = self._session.store.discovery.robots(each)
            if kept is not None and self._session.now() - kept.fetched_at < FRESH_FOR:
                return kept.body
        logger.warning("the robots.txt of %s %s: nothing is asked of the host", hosts[0], reason)
        self._session.unread_robots[hosts[0]] = reason
        self._stats.inc_value("rscrawler/errors")
        return DISALLOW_ALL

    def _kept(self, request: Request) -> KeptRobots | None:
        return self._session.store.discovery.robots(urlparse_cached(request).netloc)


def _asks_for_robots(request: Request) -> bool:
    return urlparse_cached(request).path == "/robots.txt"


def _cut(body: bytes) -> bytes:
    """What is read of a robots.txt: whole lines alone."""
    if len(body) <= MAX_BYTES:
        return body
    return body[: max(body.rfind(b"\n", 0, MAX_BYTES), 0)]


def _answer(request: Request, body: bytes) -> Response:
    return Response(request.url, body=body, request=request, flags=[MADE_HERE])
