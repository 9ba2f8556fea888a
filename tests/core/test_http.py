"""Headers: which validators go with a conditional request, and what is kept of a response's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from scrapy.http import Response

from rscrawler.spiders.http import header_of, validators

MODIFIED, DATE = datetime(2026, 11, 24, 12, 0, 7, tzinfo=UTC), "Tue, 24 Nov 2026 12:00:07 GMT"


@pytest.mark.parametrize(
    ("date", "seconds_after", "is_sent"),
    [
        (DATE, -30, False),
        (DATE, 0.9, False),
        (DATE, 59, False),
        (DATE, 60, True),
        (DATE.replace("GMT", "-0000"), 60, True),
        (DATE.replace("GMT", "+0100"), 60, True),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 60, False),  # nginx on NixOS
        ("Tue, 01 Jan 1980 00:00:01 GMT", 60, False),  # App Engine
        ("yesterday", 60, False),
        ("", 60, False),
        (None, 60, False),
    ],
)
def test_a_date_is_sent_only_if_it_can_be_true_and_was_past_when_the_page_was_read(
    date: str | None, seconds_after: float, is_sent: bool
) -> None:
    read_at = MODIFIED + timedelta(seconds=seconds_after)
    expected = {"If-None-Match": "x"} | ({"If-Modified-Since": date} if is_sent else {})
    assert validators("x", date, read_at) == expected


@pytest.mark.parametrize(
    ("etag", "expected"),
    [
        ('"21a8-66197f98-gzip"', '"21a8-66197f98-gzip", "21a8-66197f98"'),  # Apache 2.4.71
        ('"21a8-66197f98-br"', '"21a8-66197f98-br", "21a8-66197f98"'),
        ('W/"21a8-gzip"', 'W/"21a8-gzip", W/"21a8"'),
        ('"a-gzip-b"', '"a-gzip-b"'),
        ("", None),
    ],
)
def test_an_etag_of_a_compressed_page_is_sent_without_the_name_of_its_coding_too(
    etag: str, expected: str | None
) -> None:
    assert validators(etag, None, None).get("If-None-Match") == expected


def test_a_header_is_text_that_every_database_can_store() -> None:
    headers = {"ETag": b'"a\0b\xe9"', "Last-Modified": b"\0"}
    response = Response("https://gazette.example/", headers=headers)
    assert header_of(response, "ETag") == '"ab\xe9"'
    assert header_of(response, "Last-Modified") is None
    assert header_of(response, "Link") is None
