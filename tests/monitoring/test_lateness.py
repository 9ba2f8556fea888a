"""Silence and lateness are told by the clock, and weekends are neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rscrawler.clock import span_in_words
from rscrawler.monitoring.status import ENOUGH_HISTORY, overdue_site, silence
from rscrawler.store.health import SiteState

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def working_days(weeks: int) -> list[datetime]:
    """Four articles each working day of so many weeks, from 9 to 18 o'clock."""
    return [
        MONDAY + week * 7 * DAY + day * DAY + hours * HOUR
        for week in range(weeks)
        for day in range(5)
        for hours in (0, 3, 6, 9)
    ]


def test_a_weekend_is_no_silence() -> None:
    published = working_days(8)
    assert silence("site", published, published[-1] + 64 * HOUR, factor=4.0) is None


def test_a_holiday_week_is_no_silence() -> None:
    published = working_days(8)
    assert silence("site", published, published[-1] + 10 * DAY, factor=4.0) is None


def test_far_more_than_the_longest_usual_gap_is() -> None:
    published = working_days(8)
    late = silence("site", published, published[-1] + 11 * DAY, factor=4.0)
    assert late is not None
    assert late.since == published[-1] + 4 * 63 * HOUR
    assert late.message == (
        "no new article for 11 days, since 2026-04-24 18:00 UTC; the longest usual gap is 2.6 days"
    )


def test_a_single_long_holiday_does_not_become_the_usual() -> None:
    published = working_days(8)
    after = [moment + 14 * DAY for moment in working_days(4)]
    with_holiday = [moment for moment in published if moment < MONDAY + 28 * DAY]
    with_holiday += [moment + 28 * DAY for moment in after]
    assert silence("site", with_holiday, with_holiday[-1] + 11 * DAY, factor=4.0) is not None


def test_nothing_is_silent_before_two_days() -> None:
    hourly = [MONDAY + number * HOUR for number in range(24 * 20)]
    assert silence("site", hourly, hourly[-1] + 47 * HOUR, factor=4.0) is None
    assert silence("site", hourly, hourly[-1] + 49 * HOUR, factor=4.0) is not None


def test_a_site_known_for_few_days_may_have_a_long_weekend() -> None:
    hourly = [MONDAY + number * HOUR for number in range(24 * 4)]
    assert silence("site", hourly, hourly[-1] + 80 * HOUR, factor=4.0) is None
    assert silence("site", hourly, hourly[-1] + 97 * HOUR, factor=4.0) is not None


def test_a_wire_of_200_articles_a_day_is_known_for_long_enough_by_what_is_compared() -> None:
    published = [MONDAY + number * DAY / 200 for number in range(200 * 90)][-ENOUGH_HISTORY:]
    assert silence("site", published, published[-1] + 49 * HOUR, factor=4.0) is not None


def test_too_few_articles_say_nothing() -> None:
    assert (
        silence("site", [MONDAY + number * DAY for number in range(9)], MONDAY + 90 * DAY, 4.0)
        is None
    )


def test_dates_in_the_future_do_not_count() -> None:
    published = [*working_days(8), MONDAY + 365 * DAY]
    assert silence("site", published, published[-2] + 11 * DAY, factor=4.0) is not None


def overdue(**changes: Any) -> bool:
    state = replace(SiteState("site", last_run_at=MONDAY, last_success_at=MONDAY), **changes)
    return overdue_site(state, MONDAY + 25 * HOUR, DAY) is not None


def test_a_site_is_overdue_a_day_after_its_last_good_cycle() -> None:
    assert overdue()
    assert not overdue(last_success_at=MONDAY + 2 * HOUR)


def test_a_site_that_was_never_crawled_is_not_overdue() -> None:
    assert not overdue(last_run_at=None, last_success_at=None)


def test_a_site_that_never_succeeded_is() -> None:
    assert overdue(last_success_at=None)


def test_a_site_that_asked_for_a_pause_is_not_overdue_in_it() -> None:
    assert not overdue(not_before=MONDAY + 20 * HOUR)


@pytest.mark.parametrize(
    ("span", "words"),
    [(82 * HOUR, "3.4 days"), (96 * HOUR, "4 days"), (14 * HOUR, "14 h"), (HOUR / 2, "30 min")],
)
def test_spans_are_told_in_the_fitting_unit(span: timedelta, words: str) -> None:
    assert span_in_words(span) == words
