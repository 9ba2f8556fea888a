"""robots.txt is heeded, fetched once a day, and its failure is read as RFC 9309 says."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

from rscrawler.spiders.refusals import ForbiddenByRobots
from rscrawler.spiders.session import CrawlSession, session_of

logger = logging.getLogger(__name__)

# RFC 9309, 2.4: a cached robots.txt should not be used for more than a day.
FRESH_FOR = timedelta(hours=24)
DISALLOW_ALL = b"User-agent: *\nDisallow: /\n"
ALLOW_ALL = b""


class RobotsRulesMiddleware(RobotsTxtMiddleware):
    """Scrapy's own, one request at a time, and with a refusal that can be told from others.

    Requests that wait for robots.txt side by side share one Deferred in Scrapy 2.19, which
    gives the rules to the first of them and None to the rest: those were sent unchecked.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._turn = asyncio.Lock()

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of the request's host."""
        async with self._turn:
            return await super().robot_parser(request)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Let the request pass, or raise `ForbiddenByRobots`."""
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise ForbiddenByRobots(str(error)) from None


class RobotsCacheMiddleware:
    """Answers Scrapy's request for robots.txt from the store while it is fresh.

    A 4xx answer means that everything is allowed; a 5xx one or none at all, that
    nothing is (RFC 9309, 2.3.1). Only real answers are kept.
    """

    def __init__(self, session: CrawlSession) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        return cls(session_of(crawler))

    def process_request(self, request: Request) -> Response | None:
        """The kept robots.txt, if this asks for it and there is a fresh one."""
        if not _asks_for_robots(request):
            return None
        host = urlparse_cached(request).netloc
        body = self._session.store.discovery.robots(host, self._session.now() - FRESH_FOR)
        return None if body is None else _answer(request, body)

    def process_response(self, request: Request, response: Response) -> Response:
        """Keep an answer; turn a server's error into its meaning."""
        if not _asks_for_robots(request) or "rscrawler-cached" in response.flags:
            return response
        if response.status >= 500 or response.status == 429:
            logger.warning("%s answers %d: nothing is asked of it", request.url, response.status)
            return _answer(request, DISALLOW_ALL)
        if 300 <= response.status < 400:
            return response
        body = response.body if response.status < 400 else ALLOW_ALL
        host = urlparse_cached(request).netloc
        self._session.store.discovery.record_robots(host, body, self._session.now())
        return _answer(request, body)

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        """No answer at all: nothing is asked of the host in this cycle."""
        if not _asks_for_robots(request):
            return None
        logger.warning("%s cannot be reached: %s", request.url, exception)
        return _answer(request, DISALLOW_ALL)


def _asks_for_robots(request: Request) -> bool:
    return urlparse_cached(request).path == "/robots.txt"


def _answer(request: Request, body: bytes) -> Response:
    return Response(request.url, body=body, request=request, flags=["rscrawler-cached"])
