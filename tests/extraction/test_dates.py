"""Dates as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler.extraction.dates import is_plausible, read_date

moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - hypothesis wants bounds without a zone
    max_value=datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.builds(
        lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-12 * 60, 14 * 60)
    ),
).map(lambda moment: moment.replace(microsecond=0))


@given(moments)
def test_iso_and_mail_dates_are_read_back(moment: datetime) -> None:
    for text in (
        moment.isoformat(),
        moment.isoformat(" "),
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.123456Z"),
        moment.strftime("%a, %d %b %Y %H:%M:%S %z"),
        str(int(moment.timestamp())) if moment.year > 2001 else moment.isoformat(),
    ):
        found = read_date(text)
        assert found is not None, text
        assert found.at == moment, text
        assert found.has_time, text
        assert found.has_zone, text


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    found = read_date(text)
    assert found is None or found.at.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "Jun 21, 2022",
        "June 21, 2022",
        "21 June 2022",
        "21st of June 2022",
        "Published on Tuesday, June 21, 2022",
        "2022-06-21",
        "JUN 21 2022",
        "Jun. 21, 2022",
    ],
)
def test_a_printed_day_is_midnight_and_says_that_it_has_no_time(text: str) -> None:
    found = read_date(text)
    assert found is not None
    assert found.at == datetime(2022, 6, 21, tzinfo=UTC)
    assert found.warnings("published_at") == ["published_at: the page prints a day without a time"]


def test_a_printed_time_without_a_zone_is_utc_and_says_so() -> None:
    found = read_date("June 21, 2022 | 2:05 PM")
    assert found is not None
    assert found.at == datetime(2022, 6, 21, 14, 5, tzinfo=UTC)
    assert found.warnings("published_at") == ["published_at: no time zone given, UTC assumed"]
    naive = read_date("2022-06-21T14:05:00")
    assert naive is not None
    assert naive.at == found.at
    assert not naive.has_zone


@pytest.mark.parametrize(
    "text", ["", "2 hours ago", "yesterday", "2022-13-45", "June 31, 2022", "soon", "12/05/2022"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


def test_absurd_dates_are_told() -> None:
    now = datetime(2024, 12, 14, tzinfo=UTC)
    assert is_plausible(now + timedelta(days=1), now)
    assert not is_plausible(now + timedelta(days=3), now)
    assert not is_plausible(datetime(1970, 1, 1, tzinfo=UTC), now)
