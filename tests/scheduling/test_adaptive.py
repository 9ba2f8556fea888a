from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rscrawler.schedules.adaptive import (
    Adaptive,
    PublicationHistory,
    VisitPlan,
    learn,
    next_visit,
    weekly_plan,
)

MONDAY = datetime(2025, 6, 2, tzinfo=UTC)
LIMITS = Adaptive(min=timedelta(minutes=5), max=timedelta(hours=6), visits_per_day=48)


def weekdays_at_ten(weeks: int, a_day: int = 4) -> PublicationHistory:
    """Articles from ten to noon UTC, Monday to Friday, for `weeks` up to `MONDAY`."""
    first = MONDAY - timedelta(weeks=weeks)
    return PublicationHistory.of(
        (
            first + timedelta(weeks=week, days=day, hours=10, minutes=120 * article / a_day)
            for week in range(weeks)
            for day in range(5)
            for article in range(a_day)
        ),
        since=first,
    )


def bursty(weeks: int) -> PublicationHistory:
    """Three hours of eight articles at a random moment of each second day."""
    chance = random.Random(5)
    moments = []
    for day in range(0, weeks * 7, 2):
        begin = MONDAY - timedelta(days=day + chance.random() * 2)
        moments += [begin + timedelta(hours=3 * chance.random()) for _ in range(8)]
    return PublicationHistory.of((m for m in moments if m < MONDAY), since=min(moments))


def visits_in(history: PublicationHistory, begin: datetime, end: datetime) -> list[datetime]:
    """The visits from `begin` on, when nothing further is published."""
    visits, now, plans = [], begin, dict[date, VisitPlan]()
    while now < end:
        visits.append(now)
        if now.date() not in plans:
            plans[now.date()] = weekly_plan(learn(history, now.timestamp()), LIMITS)
        now = next_visit(history, LIMITS, now, plan=plans[now.date()])
    return visits


def wait(history: PublicationHistory, now: datetime = MONDAY, failures: int = 0) -> timedelta:
    return next_visit(history, LIMITS, now, failures) - now


def test_a_source_without_history_is_visited_at_the_even_interval_of_the_budget() -> None:
    visit = next_visit(PublicationHistory(), LIMITS, MONDAY)
    assert visit - MONDAY == pytest.approx(timedelta(minutes=30), abs=timedelta(seconds=1))


def test_the_hours_that_bring_news_get_the_visits() -> None:
    history = weekdays_at_ten(weeks=8)
    busy = visits_in(history, MONDAY + timedelta(hours=10), MONDAY + timedelta(hours=12))
    quiet = visits_in(history, MONDAY + timedelta(hours=2), MONDAY + timedelta(hours=4))
    monday = visits_in(history, MONDAY, MONDAY + timedelta(days=1))
    sunday = visits_in(history, MONDAY + timedelta(days=6), MONDAY + timedelta(days=7))
    assert len(busy) > 3 * len(quiet)
    assert len(monday) > 1.5 * len(sunday)


def test_a_visit_before_a_busy_hour_does_not_sleep_through_it() -> None:
    history = weekdays_at_ten(weeks=8)
    before = MONDAY + timedelta(hours=9, minutes=20)
    at_night = MONDAY + timedelta(hours=2)
    assert next_visit(history, LIMITS, before) < MONDAY + timedelta(hours=10)
    assert wait(history, before) < wait(history, at_night)


def test_a_week_spends_the_budget() -> None:
    visits = visits_in(weekdays_at_ten(weeks=8), MONDAY, MONDAY + timedelta(days=7))
    assert len(visits) == pytest.approx(7 * 48, rel=0.05)


def test_a_new_habit_replaces_an_old_one() -> None:
    first = MONDAY - timedelta(weeks=16)
    history = PublicationHistory.of(
        (first + timedelta(days=day, hours=4 if day < 56 else 16) for day in range(112)),
        since=first,
    )
    rates = learn(history, MONDAY.timestamp())
    old, new = (
        rates.expected(*((MONDAY + timedelta(hours=hour + edge)).timestamp() for edge in (-1, 1)))
        for hour in (4, 16)
    )
    assert new > 2 * old


def test_quiet_days_since_watching_began_lower_the_rate() -> None:
    article = MONDAY - timedelta(days=2)
    short = PublicationHistory.of([article], since=article)
    long = PublicationHistory.of([article], since=MONDAY - timedelta(weeks=12))
    week = MONDAY.timestamp(), (MONDAY + timedelta(weeks=1)).timestamp()
    expected_short = learn(short, MONDAY.timestamp()).expected(*week)
    expected_long = learn(long, MONDAY.timestamp()).expected(*week)
    assert expected_long < expected_short / 3


def test_a_burst_brings_the_next_visit_nearer_at_a_site_that_writes_in_bursts() -> None:
    history = bursty(weeks=12)
    now = MONDAY + timedelta(hours=12)
    fresh = tuple((now - timedelta(minutes=10 * n)).timestamp() for n in (3, 2, 1))
    burst = replace(history, moments=(*history.moments, *fresh))
    assert learn(history, now.timestamp()).persistence > 0.5
    assert wait(burst, now) < wait(history, now) / 2


def test_articles_that_come_independently_do_not_look_like_bursts() -> None:
    chance = random.Random(3)
    moments = [MONDAY - timedelta(weeks=16 * chance.random()) for _ in range(600)]
    history = PublicationHistory.of(moments, since=min(moments))
    assert learn(history, MONDAY.timestamp()).persistence < 0.1


def test_what_lies_in_the_future_changes_nothing() -> None:
    history = weekdays_at_ten(weeks=6)
    now = MONDAY + timedelta(hours=9)
    later = tuple((now + timedelta(hours=n)).timestamp() for n in range(1, 200))
    foreseeing = replace(history, moments=(*history.moments, *later))
    assert next_visit(foreseeing, LIMITS, now) == next_visit(history, LIMITS, now)


def test_a_plan_holds_for_its_utc_day() -> None:
    history = bursty(weeks=6)
    plan = weekly_plan(learn(history, MONDAY.timestamp()), LIMITS)
    evening = MONDAY + timedelta(hours=21)
    fresh = replace(history, moments=(*history.moments, evening.timestamp() - 60))
    assert next_visit(fresh, LIMITS, evening, plan=plan) == next_visit(fresh, LIMITS, evening)


def test_the_zone_in_which_now_is_told_does_not_matter() -> None:
    history = weekdays_at_ten(weeks=4)
    now = MONDAY + timedelta(hours=8)
    almaty = now.astimezone(timezone(timedelta(hours=5)))
    assert next_visit(history, LIMITS, almaty) == next_visit(history, LIMITS, now)


def test_failures_double_the_wait_up_to_the_ceiling() -> None:
    history = PublicationHistory()
    waits = [wait(history, failures=failures) for failures in (3, 4, 5, 9, 100_000)]
    minutes = [round(each / timedelta(minutes=1)) for each in waits]
    assert minutes == [40, 80, 160, 360, 360]


def test_a_failure_never_brings_a_visit_forward() -> None:
    history = weekdays_at_ten(weeks=8)
    night = MONDAY + timedelta(hours=1)
    assert wait(history, night, failures=1) == wait(history, night)


@pytest.mark.parametrize("requested", [timedelta(minutes=90), timedelta(days=1)])
def test_retry_after_is_obeyed_even_beyond_the_ceiling(requested: timedelta) -> None:
    visit = next_visit(PublicationHistory(), LIMITS, MONDAY, retry_after=MONDAY + requested)
    assert visit == MONDAY + requested


@pytest.mark.parametrize(
    "requested", [timedelta(hours=-1), timedelta(days=2), timedelta(days=4000)]
)
def test_a_retry_after_that_has_passed_or_is_longer_than_any_changes_nothing(
    requested: timedelta,
) -> None:
    visit = next_visit(PublicationHistory(), LIMITS, MONDAY, retry_after=MONDAY + requested)
    assert visit - MONDAY == wait(PublicationHistory())


moments = st.lists(
    st.floats(MONDAY.timestamp() - 150 * 86_400, MONDAY.timestamp() + 10 * 86_400), max_size=60
)


@settings(max_examples=60)
@given(
    moments=moments,
    failures=st.integers(0, 40),
    now=st.datetimes(datetime(2025, 5, 1), datetime(2025, 6, 20), timezones=st.just(UTC)),  # noqa: DTZ001
    budget=st.floats(4, 288),
)
def test_floor_and_ceiling_hold_whatever_the_history(
    moments: list[float], failures: int, now: datetime, budget: float
) -> None:
    history = PublicationHistory(tuple(sorted(moments)), min(moments, default=now.timestamp()))
    limits = LIMITS.model_copy(update={"visits_per_day": budget})
    visit = next_visit(history, limits, now, failures)
    assert limits.min <= visit - now <= limits.max


@pytest.mark.parametrize(
    ("shortest", "longest", "visits_per_day", "budget"),
    [
        (timedelta(minutes=5), timedelta(hours=6), None, 48),
        (timedelta(hours=1), timedelta(hours=6), None, 24),
        (timedelta(minutes=1), timedelta(minutes=10), None, 144),
        (timedelta(minutes=5), timedelta(hours=6), 100, 100),
    ],
)
def test_the_budget_is_48_a_day_or_as_near_as_the_limits_allow(
    shortest: timedelta, longest: timedelta, visits_per_day: float | None, budget: float
) -> None:
    assert Adaptive(
        min=shortest, max=longest, visits_per_day=visits_per_day
    ).budget == pytest.approx(budget)


@pytest.mark.parametrize(
    ("shortest", "longest", "visits_per_day", "message"),
    [
        (timedelta(0), timedelta(hours=1), None, 'more than "0s"'),
        (timedelta(hours=2), timedelta(hours=1), None, "at most max"),
        (timedelta(minutes=5), timedelta(hours=6), 3, "allowed: 4 to 288"),
        (timedelta(minutes=5), timedelta(hours=6), 300, "allowed: 4 to 288"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(
    shortest: timedelta, longest: timedelta, visits_per_day: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Adaptive(min=shortest, max=longest, visits_per_day=visits_per_day)
