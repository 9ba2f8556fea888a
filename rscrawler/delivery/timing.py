"""When something may go out, decided over plain values with the time handed in."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rscrawler.config import QuietHours

GIVE_UP_AFTER = timedelta(days=3)
LEAST_ATTEMPTS = 12  # before giving up; some seven hours of them
_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait before trying again: `first`, doubling, up to `longest`."""

    first: timedelta
    longest: timedelta


USUAL = Pace(timedelta(minutes=1), timedelta(hours=1))
SLOW = Pace(timedelta(minutes=30), timedelta(hours=6))  # where an attempt may do harm


@dataclass(frozen=True, slots=True)
class Wait:
    """Why something does not go out yet, and until when."""

    why: str
    until: datetime | None = None  # where no time is known


def quiet_until(quiet: QuietHours, now: datetime) -> datetime | None:
    """When the quiet hours that `now` is in end; None outside them.

    The clock on the wall counts, so they last an hour less or more when it is changed.
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
    # Of an end that the clock shows twice, the second may be the one to come.
    again = _moment(local.date(), quiet.end.replace(fold=1), zone)
    is_over = _moment(local.date(), quiet.end, zone) <= now
    return again if is_over and now < again else next_time(now, quiet.end, zone)


def next_time(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first moment after `after`, in UTC, at which the wall clock shows `at`.

    A time that the clock skips counts as the moment it would have been; of one that it
    shows twice, the first counts.
    """
    day = after.astimezone(zone).date()
    moment = _moment(day, at, zone)
    return moment if moment > after else _moment(day + timedelta(days=1), at, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    # Compared in UTC: two times of one zone would be compared by the wall clock.
    return datetime.combine(day, at, zone).astimezone(UTC)


def next_try(attempts: int, key: str, now: datetime, pace: Pace = USUAL) -> datetime:
    """When to try again after `attempts` failures: as the pace says, ± a fifth.

    The jitter depends on `key` and `attempts` alone.
    """
    pause = min(pace.first * (1 << min(attempts - 1, 10)), pace.longest)
    digest = hashlib.blake2b(f"{key} {attempts}".encode(), digest_size=4).digest()
    share = int.from_bytes(digest, "big") / 0xFFFFFFFF
    return now + pause * (1 + _JITTER * (2 * share - 1))


def gives_up(attempts: int, created_at: datetime, now: datetime) -> bool:
    """Whether a passing failure has lasted too long to go on trying.

    Days in which nobody tried, since the machine was off, do not count for it alone.
    """
    return attempts >= LEAST_ATTEMPTS and now - created_at >= GIVE_UP_AFTER
