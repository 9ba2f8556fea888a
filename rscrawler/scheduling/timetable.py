"""APScheduler's jobs, one for each schedule, and how their fire times follow the store's."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from rscrawler.config import format_duration
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.items import rfc3339
from rscrawler.scheduling.schedules import Action, Job, ScheduledJob
from rscrawler.scheduling.visits import paused_until
from rscrawler.store import Store

logger = logging.getLogger(__name__)

OUTBOX_CHECK = timedelta(minutes=1)
# The service's own delivery. No file can hold a job of such an id.
OUTBOX = ScheduledJob(
    Job.model_construct(id="(outbox)", action=Action.DELIVER, every=OUTBOX_CHECK), Path(), ()
)

Fire = Callable[[ScheduledJob], Coroutine[Any, Any, Any]]


class Timetable:
    """When APScheduler starts which job.

    Args:
        fire: runs a job that is due; gives None if there was nothing to run.
        ended: called with the job's id and what `fire` gave.
        misfired: called with a job that was late by more than its misfire grace.
    """

    def __init__(
        self,
        fire: Fire,
        ended: Callable[[str, Any], None],
        misfired: Callable[[ScheduledJob], None],
    ) -> None:
        self._fire = fire
        self._scheduler = AsyncIOScheduler(timezone=UTC)

        def job_ended(event: JobEvent) -> None:
            ended(event.job_id, event.retval)

        def job_missed(event: JobEvent) -> None:
            if job := self._scheduler.get_job(event.job_id):
                misfired(*job.args)

        self._scheduler.add_listener(job_ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
        self._scheduler.add_listener(job_missed, EVENT_JOB_MISSED)

    def start(self) -> None:
        """Start jobs in the running event loop from now on."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job, and cancel those that run."""
        self._scheduler.shutdown(wait=False)

    def wake(self) -> None:
        """Look for due jobs now: APScheduler's timer does not see a wall clock that jumped."""
        if self._scheduler.running:
            self._scheduler.wakeup()

    def rebuild(
        self, jobs: Iterable[ScheduledJob], grace: timedelta, outbox_check: timedelta, now: datetime
    ) -> None:
        """Replace all jobs; each is paused until `fire_at`, but for the delivery, which is due."""
        for stale in self._scheduler.get_jobs():
            stale.remove()
        for scheduled in jobs:
            # A late visit of an adaptive job serves as well as one on time.
            is_given_up = scheduled.job.adaptive is None
            self._add(
                scheduled,
                scheduled.job.trigger,
                next_run_time=None,
                misfire_grace_time=max(1, round(grace.total_seconds())) if is_given_up else None,
            )
        trigger = IntervalTrigger(seconds=outbox_check.total_seconds(), timezone=UTC)
        self._add(OUTBOX, trigger, next_run_time=now, misfire_grace_time=None)

    def _add(self, scheduled: ScheduledJob, trigger: Any, **options: Any) -> None:
        self._scheduler.add_job(
            self._fire,
            trigger,
            args=[scheduled],
            id=scheduled.id,
            coalesce=True,
            max_instances=1,
            **options,
        )

    def fire_at(self, job_id: str, at: datetime) -> None:
        """Let a job fire at a time, and from then on by its trigger."""
        job = self._scheduler.get_job(job_id)
        if job is not None and job.next_run_time != at:
            job.modify(next_run_time=at)

    def deliver_by(self, at: datetime) -> None:
        """Let the next delivery be no later than `at`."""
        job = self._scheduler.get_job(OUTBOX.id)
        if job is not None:
            self.fire_at(OUTBOX.id, min(job.next_run_time, at))


def corrected(store: Store, scheduled: ScheduledJob, stored: datetime, now: datetime) -> datetime:
    """The stored fire time of a job, unless it was set by a clock that was ahead.

    That is: it lies further ahead than the schedule allows. An adaptive job has no times but
    `max` and the pause that its sites asked for, so it is due now; another gets its next time.
    """
    is_adaptive = scheduled.job.adaptive is not None
    latest = scheduled.fire_after(now + CLOCK_TOLERANCE) + scheduled.job.jitter
    if stored > latest and is_adaptive:
        latest = paused_until(store, scheduled.sites, now)
    if stored <= latest:
        return stored
    fire_at = now if is_adaptive else scheduled.fire_after(now)
    logger.warning(
        "job %s: was due at %s, further ahead than its schedule allows: the clock was set back; "
        "now due at %s",
        scheduled.id,
        rfc3339(stored),
        rfc3339(fire_at),
    )
    store.jobs.move(scheduled.id, expected=stored, to=fire_at, now=now)
    return fire_at


def skip_missed(store: Store, scheduled: ScheduledJob, grace: timedelta, now: datetime) -> None:
    """Move a job that was late by more than `grace` on to its next fire time."""
    state = store.jobs.states().get(scheduled.id)
    if state is None or state.next_fire_at > now:
        return
    fire_at = scheduled.fire_after(now)
    if store.jobs.move(scheduled.id, expected=state.next_fire_at, to=fire_at, now=now):
        logger.warning(
            "job %s: missed its run of %s by more than scheduling.misfire_grace (%s); next at %s",
            scheduled.id,
            rfc3339(state.next_fire_at),
            format_duration(grace),
            rfc3339(fire_at),
        )
