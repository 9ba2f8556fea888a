"""Is a job due, and for which of its fire times? Decided over plain values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.config import format_duration
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.items import rfc3339
from rscrawler.scheduling.schedules import ScheduledJob
from rscrawler.scheduling.times import fire_after


@dataclass(frozen=True, slots=True)
class Later:
    """The job fires at `at`, after now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """The job's stored fire time is of no use: it fires at `to`. `why` is for the log."""

    to: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """The job is to run now, for `fire_at`; it fires next at `next_fire_at`."""

    fire_at: datetime
    next_fire_at: datetime


def decide(
    scheduled: ScheduledJob,
    stored: datetime,
    now: datetime,
    grace: timedelta,
    paused_until: datetime | None = None,
) -> Later | Moved | Due:
    """What is to happen with a job whose fire time is stored as `stored`.

    `paused_until`: when the first of an adaptive job's sites may be visited again.

    1. One that lies further ahead than the job's times allow was planned by a clock that has
       been set back since, and is moved back. An adaptive job has no times but `max` and the
       pause that its site asked for: it is due now.
    2. One that lies ahead is waited for.
    3. One that was missed by less than `grace` is run now; of several that were missed,
       one run does for all.
    4. One that was missed by more is given up, for the latest that was not, or for the
       next to come. An adaptive job is never given up: only the present counts for it.
    """
    latest = max(scheduled.fire_after(now + CLOCK_TOLERANCE), paused_until or now)
    if stored > latest:
        to = now if scheduled.slots is None else scheduled.fire_after(now)
        return Moved(
            to,
            f"was to fire at {rfc3339(stored)}, further ahead than its times allow: the clock "
            f"was set back; now at {rfc3339(to)}",
        )
    if stored > now:
        return Later(stored)
    fire_at, oldest = stored, now - grace
    if scheduled.slots is not None and stored < oldest:
        fire_at = fire_after(scheduled.slots, scheduled.id, scheduled.job.jitter, oldest)
    if fire_at > now:
        return Moved(
            fire_at,
            f"missed its run of {rfc3339(stored)} by more than scheduling.misfire_grace "
            f"({format_duration(grace)}); next at {rfc3339(fire_at)}",
        )
    return Due(fire_at, scheduled.fire_after(now))
