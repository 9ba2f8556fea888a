"""What a Retry-After header asks for, and what it cannot ask for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import Response
from twisted.internet.error import NoRouteError

from rscrawler.config import Config
from rscrawler.middlewares.retry_after import (
    MAX_BROKEN,
    MAX_UNANSWERED,
    RetryAfterMiddleware,
    retry_after,
)
from rscrawler.spiders.http import HeldBack

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def middleware() -> RetryAfterMiddleware:
    session: Any = SimpleNamespace(
        config=Config(),
        now=lambda: NOON,
        site="s",
        store=MagicMock(),
        state=MagicMock(not_before=None),
    )
    return RetryAfterMiddleware(session)


def test_a_pause_is_told_as_durations_are_written(
    middleware: RetryAfterMiddleware, caplog: pytest.LogCaptureFixture
) -> None:
    response = Response("https://example.org/", 503, {"Retry-After": "3600"})
    middleware.process_response(Request(response.url), response)
    assert caplog.messages == ["https://example.org/ asks for a pause of 1h"]


def test_a_host_to_which_no_route_leads_gets_no_more_requests_and_the_reason_says_so(
    middleware: RetryAfterMiddleware,
) -> None:
    request = Request("https://example.org/")
    for _ in range(MAX_UNANSWERED):
        asyncio.run(middleware.process_request(request))
        middleware.process_exception(request, NoRouteError())  # type: ignore[no-untyped-call]
    with pytest.raises(HeldBack, match="6 requests in a row unanswered: No route to host"):
        asyncio.run(middleware.process_request(request))


def test_a_host_that_answers_with_errors_gets_no_more_requests_and_the_reason_names_the_status(
    middleware: RetryAfterMiddleware,
) -> None:
    response = Response("https://example.org/", 502)
    for _ in range(MAX_BROKEN + 1):  # one was under way
        middleware.process_response(Request(response.url), response)
    with pytest.raises(HeldBack, match=rf"{MAX_BROKEN} requests in a row with HTTP 502"):
        asyncio.run(middleware.process_request(Request(response.url)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"120", timedelta(minutes=2)),
        (b" 0 ", timedelta()),
        (b"Tue, 24 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        (b"Tue, 24 Nov 2026 11:00:00 GMT", timedelta()),
        (b"99999999999", DAY),
        (b"9" * 5000, DAY),
        (b"Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        (b"-5", None),
        (b"soon", None),
        (b"\xb2", None),
        (b"", None),
        (None, None),
    ],
)
def test_a_pause_is_read_in_seconds_or_by_date_and_bounded(
    header: bytes | None, expected: timedelta | None
) -> None:
    assert retry_after(header, NOON) == expected


@given(st.binary(max_size=60))
def test_no_header_breaks_the_crawl(header: bytes) -> None:
    pause = retry_after(header, NOON)
    assert pause is None or timedelta() <= pause <= DAY
