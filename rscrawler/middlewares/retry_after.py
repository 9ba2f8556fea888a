"""Obeys Retry-After, and stops requests to a host that does not respond."""

import asyncio
import logging
from datetime import datetime, timedelta

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.http import Response
from twisted.internet.error import ConnectError

from rscrawler.clock import to_the_minute
from rscrawler.config import format_duration
from rscrawler.decisions import LONGEST_PAUSE, requested_pause
from rscrawler.spiders.http import HeldBack, error_text, http_date
from rscrawler.spiders.session import CrawlSession, SiteComponent

logger = logging.getLogger(__name__)

PAUSING_STATUSES = frozenset({429, 503})
# After this many requests in a row without a response, retries included, the cycle sends no more.
MAX_UNANSWERED = 6
MAX_BROKEN = 20  # the same for responses with status 429, or 500 or more
NO_ANSWER = (
    CannotResolveHostError,
    ConnectError,  # no route to the host, for example: Scrapy does not wrap it
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)


class RetryAfterMiddleware(SiteComponent):
    """Delays every request to the site until its Retry-After has passed.

    A pause longer than `crawl.retry_after_limit` ends the cycle's requests; its end is
    stored, and no later cycle sends a request before it. A host that does not respond, or
    only with errors, ends them too, so that a cycle over a dead site is short.
    """

    def __init__(self, session: CrawlSession) -> None:
        super().__init__(session)
        self._paused_until = requested_pause(session.state.not_before, session.now())
        self._limit = session.config.crawl.retry_after_limit
        self._unanswered = self._broken = self._status = 0
        self._is_logged, self._cause = False, ""

    async def process_request(self, request: Request) -> None:
        """Wait for the end of a short pause; raise `HeldBack` for a long one or a dead host."""
        if self._unanswered >= MAX_UNANSWERED:
            raise self._held_back(
                f"the host left {MAX_UNANSWERED} requests in a row unanswered: {self._cause}"
            )
        if self._broken >= MAX_BROKEN:
            raise self._held_back(
                f"the host answered {MAX_BROKEN} requests in a row with HTTP {self._status}"
            )
        while self._paused_until is not None:
            remaining = self._paused_until - self._session.now()
            if remaining <= timedelta():
                self._paused_until = None
            elif remaining > self._limit:
                until = to_the_minute(self._paused_until)
                raise self._held_back(f"the host asked for a pause until {until}")
            else:
                await asyncio.sleep(remaining.total_seconds())

    def _held_back(self, reason: str) -> HeldBack:
        """The exception for a refused request; only the first one of a cycle is logged."""
        if not self._is_logged:
            logger.warning("%s: no more requests in this cycle: %s", self._session.site, reason)
            self._is_logged = True
        return HeldBack(reason)

    def process_response(self, request: Request, response: Response) -> Response:
        """Record the pause that a 429 or 503 asks for; Scrapy's retry then comes after it."""
        self._unanswered, self._status = 0, response.status
        is_broken = response.status == 429 or response.status >= 500
        self._broken = self._broken + 1 if is_broken else 0
        if response.status in PAUSING_STATUSES:
            now = self._session.now()
            if pause := retry_after(response.headers.get("Retry-After"), now):
                until = now + pause
                self._paused_until = max(until, self._paused_until or until)
                span = format_duration(timedelta(seconds=round(pause.total_seconds())))
                logger.warning("%s asks for a pause of %s", request.url, span)
                if pause > self._limit:
                    self._session.store.health.record_not_before(
                        self._session.site, self._paused_until
                    )
        return response

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Count the requests without a response, so that a dead host is not requested for hours."""
        if isinstance(exception, NO_ANSWER):
            self._unanswered, self._cause = self._unanswered + 1, error_text(exception, request)


def retry_after(header: bytes | None, now: datetime) -> timedelta | None:
    """The pause of a Retry-After header, seconds or a date (RFC 9110, 10.2.3); None if invalid."""
    if not header:
        return None
    text = header.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) < 10 else LONGEST_PAUSE.total_seconds()
        return min(timedelta(seconds=seconds), LONGEST_PAUSE)
    until = http_date(text)
    return None if until is None else min(max(until - now, timedelta()), LONGEST_PAUSE)
