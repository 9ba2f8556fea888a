"""Decides when something may go out, from plain values and a given time."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rscrawler.config.models import QuietHours

GIVE_UP_AFTER = timedelta(days=3)
LEAST_ATTEMPTS = 12  # before giving up; they take about six hours
_JITTER = 0.2
Pace = tuple[timedelta, timedelta]  # the first wait, doubled each time up to the second
USUAL: Pace = timedelta(minutes=1), timedelta(hours=1)
SLOW: Pace = timedelta(minutes=30), timedelta(hours=6)  # where a retry may do harm


@dataclass(frozen=True, slots=True)
class Wait:
    """Why something does not go out yet, and until when."""

    why: str
    until: datetime | None = None  # None if no time is known


def quiet_until(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the current quiet hours end; None if `now` is outside quiet hours.

    Local time counts, so they are an hour shorter or longer when clocks change.
    """
    zone = ZoneInfo(quiet.timezone)
    local = now.astimezone(zone)
    wall = local.time()
    if quiet.start < quiet.end:
        is_quiet = quiet.start <= wall < quiet.end
    else:
        is_quiet = wall >= quiet.start or wall < quiet.end
    if not is_quiet:
        return None
    # When clocks go back, the end occurs twice; the second may still be ahead.
    again = _moment(local.date(), quiet.end.replace(fold=1), zone)
    is_over = _moment(local.date(), quiet.end, zone) <= now
    return again if is_over and now < again else next_time(now, quiet.end, zone)


def next_time(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first moment after `after`, in UTC, at which the local time is `at`.

    A time that clocks skip counts as if they had not been changed; of one that occurs twice, the
    first counts.
    """
    day = after.astimezone(zone).date()
    moment = _moment(day, at, zone)
    return moment if moment > after else _moment(day + timedelta(days=1), at, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    # In UTC, since Python compares two times of one zone by their local time.
    return datetime.combine(day, at, zone).astimezone(UTC)


def next_try(attempts: int, key: str, now: datetime, pace: Pace = USUAL) -> datetime:
    """When to retry after `attempts` failures: at the given pace, with a jitter of ± 20 %.

    The jitter depends on `key` and `attempts` alone.
    """
    first, longest = pace
    pause = min(first * (1 << min(attempts - 1, 10)), longest)
    digest = hashlib.blake2b(f"{key} {attempts}".encode(), digest_size=4).digest()
    share = int.from_bytes(digest, "big") / 0xFFFFFFFF
    return now + pause * (1 + _JITTER * (2 * share - 1))


def gives_up(attempts: int, created_at: datetime, now: datetime) -> bool:
    """Whether a failure has lasted too long to go on retrying.

    It takes both days and attempts: days with the machine off are not enough.
    """
    return attempts >= LEAST_ATTEMPTS and now - created_at >= GIVE_UP_AFTER
