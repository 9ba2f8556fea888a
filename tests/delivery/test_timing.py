"""Alerts go out at the hour that was requested, in the zone that was requested."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from rscrawler.config.models import AlertSettings, Config, QuietHours
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.timing import (
    GIVE_UP_AFTER,
    LEAST_ATTEMPTS,
    SLOW,
    Wait,
    gives_up,
    next_time,
    next_try,
    quiet_until,
)
from rscrawler.store.outbox import PendingRows

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(start=time(22), end=time(6, 30), timezone="America/New_York")
NOON = QuietHours(start=time(12), end=time(13))
EMAIL = {"host": "h", "sender": "m@example.org", "recipients": ["d@example.org"]}


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    """A moment in UTC, from a wall clock."""
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC).astimezone(UTC)


def daily(**changes: object) -> AlertSettings:
    """Settings with a digest at 7 in New York."""
    email = EMAIL | {"digest": "daily", "digest_at": "07:00", "timezone": "America/New_York"}
    others = {
        "channels": {"desk": "json://localhost/"},
        "webhooks": {"desk": {"url": "http://localhost/", "secret": "x"}},
    }
    return AlertSettings.model_validate({"email": email, **others, **changes})


def wait_to_compose(
    name: str, oldest: datetime, alerts: AlertSettings, now: datetime
) -> Wait | None:
    """Why a channel's rows are not composed yet."""
    return message_channels(Config(alerts=alerts)).wait_to_compose(
        PendingRows(name, 1, oldest), now
    )


def wait_to_send(name: str, alerts: AlertSettings, now: datetime) -> Wait | None:
    """Why a channel's messages are not sent yet."""
    return message_channels(Config(alerts=alerts)).wait_to_send(name, "alert", now)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-24 21:59", None),
        ("2026-11-24 22:00", "2026-11-25 06:30"),
        ("2026-11-25 00:00", "2026-11-25 06:30"),
        ("2026-11-25 06:29", "2026-11-25 06:30"),
        ("2026-11-25 06:30", None),
    ],
)
def test_quiet_hours_that_pass_midnight(now: str, until: str | None) -> None:
    expected = at(until, NEW_YORK) if until else None
    assert quiet_until(NIGHT, at(now, NEW_YORK)) == expected


def test_quiet_hours_within_a_day() -> None:
    assert quiet_until(NOON, at("2026-11-24 12:30")) == at("2026-11-24 13:00")
    assert quiet_until(NOON, at("2026-11-24 11:59")) is None
    assert quiet_until(NOON, at("2026-11-24 13:00")) is None


@pytest.mark.parametrize(("start", "hours"), [("2026-03-07 22:00", 7.5), ("2026-10-31 22:00", 9.5)])
def test_quiet_hours_last_as_long_as_the_wall_clock_says(start: str, hours: float) -> None:
    moment = at(start, NEW_YORK)
    assert quiet_until(NIGHT, moment) == moment + timedelta(hours=hours)


def test_quiet_hours_that_begin_in_the_hour_that_comes_twice_end_in_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    quiet = QuietHours(start=time(1), end=time(2, 45), timezone="Europe/Berlin")
    again = timedelta(hours=1)
    first, end = at("2026-10-25 02:30", berlin), at("2026-10-25 02:45", berlin)
    assert quiet_until(quiet, first) == end
    assert quiet_until(quiet, first + again) == end + again
    assert quiet_until(quiet, end + again) is None


def test_a_time_that_the_clock_skips_still_comes() -> None:
    assert next_time(at("2026-03-08 00:00", NEW_YORK), time(2, 30), NEW_YORK) == at(
        "2026-03-08 07:30"
    )


def test_a_time_that_the_clock_shows_twice_comes_once() -> None:
    first = next_time(at("2026-11-01 00:00", NEW_YORK), time(1, 30), NEW_YORK)
    assert first == at("2026-11-01 05:30")
    assert next_time(first, time(1, 30), NEW_YORK) == at("2026-11-02 06:30")


def test_a_digest_waits_for_its_time_and_is_caught_up_when_it_was_missed() -> None:
    oldest = at("2026-11-24 08:00", NEW_YORK)
    due = at("2026-11-25 07:00", NEW_YORK)
    before = due - timedelta(seconds=1)
    assert wait_to_compose("email", oldest, daily(), before) == Wait("daily digest", due)
    for late in (timedelta(0), timedelta(hours=5), timedelta(days=9)):
        assert wait_to_compose("email", oldest, daily(), due + late) is None


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end() -> None:
    settings = daily(quiet_hours={"start": "06:00", "end": "09:00", "timezone": "America/New_York"})
    oldest = at("2026-11-24 08:00", NEW_YORK)
    wait = wait_to_compose("email", oldest, settings, at("2026-11-25 07:10", NEW_YORK))
    assert wait == Wait("quiet hours", at("2026-11-25 09:00", NEW_YORK))


def test_a_digest_goes_out_at_the_later_of_its_time_and_the_end_of_the_quiet_hours() -> None:
    night = {"start": "22:00", "end": "06:00", "timezone": "America/New_York"}
    oldest = at("2026-11-24 23:00", NEW_YORK)
    after_the_night = wait_to_compose("email", oldest, daily(quiet_hours=night), oldest)
    assert after_the_night == Wait("daily digest", at("2026-11-25 07:00", NEW_YORK))
    long = daily(quiet_hours={**night, "end": "09:00"})
    noon = at("2026-11-24 12:00", NEW_YORK)
    for now in (noon, at("2026-11-24 23:00", NEW_YORK)):
        in_the_night = wait_to_compose("email", noon, long, now)
        assert in_the_night == Wait("quiet hours", at("2026-11-25 09:00", NEW_YORK))


def test_only_mail_is_digested_and_only_people_are_left_in_peace() -> None:
    settings = daily(quiet_hours=NIGHT.model_dump())
    night = at("2026-11-24 23:00", NEW_YORK)
    assert wait_to_compose("webhook:desk", night, settings, night) is None
    assert wait_to_send("channel:desk", settings, night) is not None
    day = at("2026-11-24 12:00", NEW_YORK)
    assert wait_to_compose("channel:desk", day, settings, day) is None


def test_the_pause_between_attempts_doubles_up_to_an_hour_with_a_fifth_of_jitter() -> None:
    now = at("2026-11-24 12:00")
    for attempts, minutes in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (500, 60)]:
        pauses = {
            (next_try(attempts, f"key-{n}", now) - now) / timedelta(minutes=1) for n in range(50)
        }
        assert len(pauses) == 50
        assert 0.8 * minutes <= min(pauses) < max(pauses) <= 1.2 * minutes


def test_the_slow_pace_goes_from_half_an_hour_to_six() -> None:
    now = at("2026-11-24 12:00")
    for attempts, hours in [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 6), (6, 6)]:
        pause = (next_try(attempts, "key", now, SLOW) - now) / timedelta(hours=1)
        assert 0.8 * hours <= pause <= 1.2 * hours


def test_a_message_is_given_up_after_three_days_and_a_dozen_attempts() -> None:
    created = at("2026-11-24 12:00")
    assert not gives_up(70, created, created + GIVE_UP_AFTER - timedelta(seconds=1))
    assert not gives_up(LEAST_ATTEMPTS - 1, created, created + 10 * GIVE_UP_AFTER)
    assert gives_up(LEAST_ATTEMPTS, created, created + GIVE_UP_AFTER)
