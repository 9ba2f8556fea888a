"""The service: APScheduler fires each job when it is due, the store lets each run happen once.

- APScheduler has each job with its trigger. It coalesces late runs and runs one instance at a time.
- The store holds the next fire time of each job. To start a run, a service claims it there,
  which moves the job to its next fire time. So any number of services can share a database,
  and a restarted one knows its missed runs; one later than the misfire grace is skipped.
  APScheduler follows the store, not vice versa.
- Every few seconds, by the monotonic clock, the service checks what no trigger reports: a machine
  that slept, a wall clock that jumped, another service that died, a store that failed.

A run is a child process (`processes`). With workers, which may be on other machines, a worker is a
service that runs only crawls; the others leave these to it, and one of them delivers.
"""

import asyncio
import logging
import signal
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from rscrawler.clock import utc_now
from rscrawler.config import Config, format_duration
from rscrawler.decisions import CLOCK_TOLERANCE, MOST_CRAWLS, lacks_place, requested_pause
from rscrawler.delivery.channels import due_since, notice_is_due
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.items import rfc3339
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.schedules import Job, ScheduledJob
from rscrawler.scheduling.processes import ChildRunner
from rscrawler.scheduling.runs import RunOutcome, log_outcome, record_end, run_job
from rscrawler.scheduling.trouble import StoreTrouble, notify_of_undelivered
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing
from rscrawler.store.leases import (
    LEASE_RENEWAL,
    SERVICE,
    WORKER,
    in_words,
    process_identity,
)
from rscrawler.store.migrations import NewerDatabase

logger = logging.getLogger(__name__)

CHECK_INTERVAL = timedelta(seconds=5)
OUTBOX_CHECK = timedelta(minutes=1)
WORKERS_OUTBOX_CHECK = timedelta(seconds=15)  # with workers, whose crawls deliver nothing
LEAST_GRACE = timedelta(seconds=1)  # APScheduler fires a little late
WORKERS_TIME = timedelta(hours=1)  # for what waited while the service or the store was off
DELIVERER = "deliverer"  # with workers: the lease of the service that does all the delivery
OUTBOX_ID = "(outbox)"  # of the service's own delivery; no schedule file can have such an id

ResultT = TypeVar("ResultT")
Load = Callable[[], tuple[Config, Sequence[ScheduledJob]]]


@dataclass(slots=True)
class _Run:
    """A run in progress; after the end of its task, one whose end is still to be recorded."""

    scheduled: ScheduledJob
    firing: Firing | None  # None for the service's own delivery
    task: asyncio.Task[None]
    outcome: RunOutcome | None = None  # none while it runs, and if it was interrupted


class Service:
    """Runs the jobs of the schedules until `stop` is called.

    Args:
        keeper: has the store, and reopens one that fails or was replaced; the caller closes it.
        load: reads the configuration and the active jobs, at the start and at every reload.
        run: starts a child process.
        now: the current time; APScheduler reads the wall clock itself.
        owner: its name in claims and leases; None: host, process id and start time.
        worker: a worker's name in the log; None: this is no worker.
        at_once: the number of crawls that it runs at a time.

    Raises:
        ConfigurationError: as `load`.
    """

    def __init__(
        self,
        keeper: StoreKeeper,
        load: Load,
        *,
        run: ChildRunner,
        now: Callable[[], datetime] = utc_now,
        owner: str | None = None,
        worker: str | None = None,
        at_once: int = MOST_CRAWLS,
    ) -> None:
        self._name = "service" if worker is None else f"worker {worker}"
        self._is_worker, self._at_once = worker is not None, at_once
        self._store = keeper.store
        self._keeper = keeper
        self._load = load
        self._now = now
        self._owner = owner or process_identity()
        self._lease = f"{WORKER if self._is_worker else SERVICE}{self._owner}"
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()
        self._run_child = run
        self._read_files()
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
        self._runs: dict[str, _Run] = {}  # by job id
        self._failing = set[str]()  # the ids of jobs whose last run failed
        self._known_causes = dict[str, Mapping[str, str]]()  # of failed sources, by site
        self._renewed_at: datetime | None = None  # its lease, in the open store
        self._awake_since: datetime  # since then it has renewed its lease without a long gap
        self._trouble = StoreTrouble(lambda: self._config, is_quiet=self._is_worker)
        self._fault: Exception | None = None  # the error that ends this process

    def _read_files(self) -> None:
        self._config, self._all_jobs = self._load()
        uses_workers = self._config.uses_workers
        self._delivers = not uses_workers  # with workers: while it has the lease `DELIVERER`
        # Those that this process runs.
        self._jobs: Sequence[ScheduledJob] = [
            each
            for each in self._all_jobs
            if not uses_workers or each.job.is_crawl is self._is_worker
        ]
        self._jobs_by_lease = defaultdict[str, set[str]](set)
        for each in self._all_jobs:
            for lease in each.leases:
                self._jobs_by_lease[lease].add(each.id)
        every = WORKERS_OUTBOX_CHECK if uses_workers else OUTBOX_CHECK
        outbox_job = Job.model_construct(id=OUTBOX_ID, action="deliver", every=every)
        self._outbox_job = ScheduledJob(outbox_job, Path())
        self._is_planned = False

    # The life of the service.

    async def run(self) -> None:
        """Run until `stop` is called; SIGTERM and SIGINT call it, SIGHUP calls `reload`.

        Raises:
            StoreError: the store has failed for so long that another process should try.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # blocked by `__main__`
        self.start()
        logger.info("%s started, jobs: %s", self._name, self._job_ids())
        try:
            while not self._stopping.is_set():
                self.check()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), CHECK_INTERVAL.total_seconds())
                self._wake.clear()
            await self.finish_runs()
        finally:
            self._scheduler.shutdown(wait=False)
        if (fault := self._fault) is not None:
            why = f"{type(fault).__name__}: {fault}"
            raise StoreError(f"the {self._name} ends, since it cannot go on: {why}") from fault
        self._attempt(self._release_leases)
        logger.info("%s stopped", self._name)

    def start(self) -> None:
        """Start APScheduler in the running event loop; it has no jobs before the first `check`."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further run and let every child close down; a second call kills them."""
        if self._stopping.is_set():
            for run in self._runs.values():
                run.task.cancel()
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Read configuration and schedules again; if either is invalid, nothing changes."""
        try:
            self._read_files()
        except ConfigurationError as error:
            for problem in error.problems:
                logger.error("not reloaded: %s", problem)
            return
        logger.info("reloaded, jobs: %s", self._job_ids())
        self._wake.set()

    def _job_ids(self) -> str:
        return ", ".join(scheduled.id for scheduled in self._jobs) or "none"

    async def finish_runs(self) -> None:
        """Wait for every child, and record how each ended."""
        if self._runs:  # else `_attempt` would report that the store works
            await asyncio.wait([run.task for run in self._runs.values()])
            self._attempt(self._record_ends)

    def _release_leases(self) -> None:
        for name in (self._lease, DELIVERER):
            self._store.leases.release(name, self._owner)

    # Every few seconds.

    def check(self) -> None:
        """Check what no trigger reports, and let APScheduler's jobs follow the store.

        1. Record the runs that have ended. 2. Renew this service's leases.
        3. Give back the runs of dead services and workers. 4. Follow the store's fire times.
        """
        self._attempt(self._check)

    def _check(self) -> None:
        self._record_ends()
        now = self._now()
        self._keep_alive(now)
        if self._config.uses_workers and not self._is_worker:
            self._delivers = self._store.leases.acquire(DELIVERER, self._owner, now)
        self._adopt_orphans(now)
        self._follow_store(now)
        if self._scheduler.running:
            self._scheduler.wakeup()  # its timer does not see a wall clock that jumped

    def _attempt(self, steps: Callable[[], ResultT]) -> ResultT | None:
        """Run steps that need the store, reopened first if need be; None if they fail."""
        try:
            self._reopen_store()
            result = steps()
        except Exception as error:
            is_outdated = isinstance(error, NewerDatabase)
            if not is_outdated:
                self._trouble.failed(error, self._now())
            if is_outdated or self._trouble.is_hopeless(self._now()):
                self._fault = error
                self._stopping.set()
                self._wake.set()
            return None
        self._trouble.recovered(self._now())
        return result

    def _reopen_store(self) -> None:
        """Reopen the store if it fails, or if its file was replaced.

        Not during a run, which has the old store open: the new one would be rebuilt from the
        JSONL, and the run's articles may not be in that yet.
        """
        if not all(run.task.done() for run in self._runs.values()):
            return
        if self._trouble.error or self._keeper.is_lost:
            self._store = self._keeper.reopen()
            self._is_planned = False
            self._renewed_at = None

    def _keep_alive(self, now: datetime) -> None:
        """Renew the lease of this process; with workers, report what none of them has run."""
        if self._renewed_at is not None and abs(now - self._renewed_at) < LEASE_RENEWAL:
            return
        self._store.leases.acquire(self._lease, self._owner, now)
        self._store.leases.forget_dead(WORKER if self._is_worker else SERVICE, now)
        if self._renewed_at is None or abs(now - self._renewed_at) >= WORKERS_TIME:
            self._awake_since = now
        is_watching = self._config.uses_workers and not self._is_worker
        if is_watching and now - self._awake_since >= WORKERS_TIME:
            self._report_unrun(now)
        self._renewed_at = now

    def _report_unrun(self, now: datetime) -> None:
        """Raise `overdue` for the sites of jobs that no worker has run: perhaps none is alive.

        Not if there was a good cycle by other means, which ends the problem.
        """
        before, states = now - self._config.monitoring.overdue_after, self._store.jobs.states()
        for scheduled in self._all_jobs:
            state = states.get(scheduled.id)
            if state is None or state.next_fire_at >= before:
                continue
            if not self._store.leases.held(now, scheduled.leases):
                since = rfc3339(state.next_fire_at)
                message = f"job {scheduled.id}: no worker has run what was due at {since}"
                for site in scheduled.sites:
                    good_at = self._store.health.site(site, as_of=now).last_success_at
                    if good_at is None or good_at < before:
                        self._store.health.raise_problem(site, ProblemCode.OVERDUE, message, now)

    def _adopt_orphans(self, now: datetime) -> None:
        """Make runs due again whose service died, and claims whose response was lost here."""
        elsewhere = [each for each in self._store.jobs.open_runs() if each.job_id not in self._runs]
        if not elsewhere:
            return
        running = self._store.leases.services(SERVICE, WORKER)
        others = {each.owner for each in running if each.is_alive_at(now)} - {self._owner}
        for firing in elsewhere:
            if firing.fired_by not in others and self._store.jobs.give_back(firing):
                logger.warning(
                    "job %s: its run of %s was interrupted when %s died; it is due again",
                    firing.job_id,
                    rfc3339(firing.fire_at),
                    in_words(firing.fired_by),
                )

    # Fire times.

    def _plan(self, now: datetime) -> None:
        """Schedule every job in the store, after a start or a reload; APScheduler's follow it."""
        for scheduled in self._all_jobs:
            self._store.jobs.schedule(scheduled.id, scheduled.job.when, scheduled.first_fire(now))
        self._scheduler.remove_all_jobs()
        self._is_planned = True

    def _follow_store(self, now: datetime) -> None:
        """Set the fire time of every job that is not running to the one in the store.

        It may differ: other services claim runs and plan the next visits of adaptive jobs, and a
        run that was interrupted or had to wait for its site or host is still due.
        """
        if not self._is_planned:
            self._plan(now)
        states = self._store.jobs.states()
        self._failing = {job_id for job_id, state in states.items() if state.failures}
        elsewhere = self._store.jobs.unended() if self._config.uses_workers else set()
        busy = {*self._runs, *elsewhere}
        for scheduled in self._jobs:
            if scheduled.id in busy:
                continue
            if state := states.get(scheduled.id):
                self._set_fire_time(scheduled, self._due_at(scheduled, state.next_fire_at, now))
            else:
                logger.warning(
                    "job %s is gone from the database; it is scheduled again", scheduled.id
                )
                self._is_planned = False
        if OUTBOX_ID not in self._runs and not self._is_worker:
            planned = self._scheduler.get_job(OUTBOX_ID)
            at = min(planned.next_run_time, now + OUTBOX_CHECK) if planned else now
            self._set_fire_time(self._outbox_job, at)

    def _set_fire_time(self, scheduled: ScheduledJob, at: datetime) -> None:
        """Make a job fire at a time, and from then on by its trigger."""
        planned = self._scheduler.get_job(scheduled.id)
        if planned is None:
            named = {"args": [scheduled], "id": scheduled.id}
            self._scheduler.add_job(self._fire, scheduled.job.trigger, next_run_time=at, **named)
        elif planned.next_run_time != at:
            planned.modify(next_run_time=at)

    def _due_at(self, scheduled: ScheduledJob, stored: datetime, now: datetime) -> datetime:
        """The stored fire time of a job, which moves on if that is too far ahead or too long ago.

        An adaptive job is then due now.
        """
        if (why := self._why_it_moves(scheduled, stored, now)) is None:
            return stored
        next_at = scheduled.fire_after(now) if scheduled.job.adaptive is None else now
        if self._store.jobs.move(scheduled.id, expected=stored, to=next_at, now=now):
            logger.warning("job %s: %s; next at %s", scheduled.id, why, rfc3339(next_at))
        return next_at

    def _why_it_moves(self, scheduled: ScheduledJob, stored: datetime, now: datetime) -> str | None:
        """Why a stored fire time does not hold; None if it does.

        If a clock that was ahead set it, it is later than the schedule allows; for an adaptive job
        later than `max` and the pause that its sites asked for. An adaptive job is never too late:
        a late visit is as good as one on time.
        """
        is_adaptive = scheduled.job.adaptive is not None
        grace = self._config.scheduling.misfire_grace
        earliest = now - max(grace, LEAST_GRACE)
        if stored > scheduled.fire_after(now + CLOCK_TOLERANCE) + scheduled.job.jitter:
            sites = map(self._store.health.site, scheduled.sites if is_adaptive else ())
            pauses = (requested_pause(site.not_before, now) or now for site in sites)
            if stored > min(pauses, default=now):
                ahead = "further ahead than its schedule allows: the clock was set back"
                return f"was due at {rfc3339(stored)}, {ahead}"
        elif stored < earliest and not is_adaptive and scheduled.fire_after(earliest) > now:
            span = format_duration(grace)
            missed = f"missed its run of {rfc3339(stored)}"
            return f"{missed} by more than scheduling.misfire_grace ({span})"
        return None

    # Runs.

    async def _fire(self, scheduled: ScheduledJob) -> None:
        """Run a job that APScheduler fires, unless this service has nothing to run."""
        if self._stopping.is_set() or not (self._delivers or scheduled.job.is_crawl):
            return
        if scheduled.id == OUTBOX_ID:
            if self._attempt(lambda: self._has_something_to_deliver(self._now())):
                await self._run(scheduled, None)
        elif firing := self._attempt(lambda: self._claim(scheduled)):
            await self._run(scheduled, firing)

    def _claim(self, scheduled: ScheduledJob) -> Firing | None:
        """Claim a run that is due in the store; None if this service is not to run it."""
        now = self._now()
        if self._must_wait(scheduled, now):  # first, mostly without a query: many may wait
            return None
        state = self._store.jobs.state(scheduled.id)
        if state is None:
            return None
        fire_at = self._due_at(scheduled, state.next_fire_at, now)
        if fire_at > now:
            return None
        firing = Firing(scheduled.id, fire_at, self._owner)
        rivals = chain.from_iterable(self._jobs_by_lease[each] for each in scheduled.leases)
        if not self._store.jobs.claim(
            firing, next_fire_at=scheduled.fire_after(now), now=now, rivals=rivals
        ):
            return None
        minutes = (now - fire_at) // timedelta(minutes=1)
        if minutes > 0:
            late = format_duration(timedelta(minutes=minutes))
            logger.info("job %s: runs %s late, due at %s", scheduled.id, late, rfc3339(fire_at))
        return firing

    def _must_wait(self, scheduled: ScheduledJob, now: datetime) -> bool:
        """Whether one of the job's sites or hosts is being crawled, or too many crawls run."""
        if not scheduled.sites:
            return False
        crawls = {each for each, run in self._runs.items() if run.scheduled.job.is_crawl}
        if lacks_place(crawls, self._failing, scheduled.id, self._at_once):
            return True
        own = {lease for run in self._runs.values() for lease in run.scheduled.leases}
        return not own.isdisjoint(scheduled.leases) or bool(
            self._store.leases.held(now, scheduled.leases)
        )

    def _has_something_to_deliver(self, now: datetime) -> bool:
        is_due = due_since(self._config, self._store, now) is not None
        return is_due or notice_is_due(self._config, self._store)

    async def _run(self, scheduled: ScheduledJob, firing: Firing | None) -> None:
        """Run a job from start to end; raises nothing. The next check records the end."""
        task = asyncio.current_task()
        assert task is not None
        run = self._runs[scheduled.id] = _Run(scheduled, firing, task)
        try:
            run.outcome = await run_job(self._run_child, scheduled, self._config, self._stopping)
        except asyncio.CancelledError:
            logger.warning("job %s was killed; it is due again at the next start", scheduled.id)
        if run.outcome is not None and not (firing is None and run.outcome.is_healthy):
            log_outcome(run.outcome, self._known_causes)
        self._wake.set()

    def _record_ends(self) -> None:
        """Record the end of every ended run; those that cannot be recorded are kept for later."""
        for job_id, run in list(self._runs.items()):
            if run.task.done():
                self._record_end(run, self._now())
                del self._runs[job_id]

    def _record_end(self, run: _Run, now: datetime) -> None:
        """Record the end of a run, or give back the claim of an interrupted one."""
        if run.outcome is not None:
            # A reload may have changed the limits of an adaptive job meanwhile.
            known = (each for each in self._jobs if each.id == run.scheduled.id)
            scheduled = next(known, run.scheduled)
            record_end(self._store, scheduled, run.firing, run.outcome, now)
            if run.firing is None and run.outcome.has_failed:
                self._set_fire_time(self._outbox_job, now + OUTBOX_CHECK)
                notify_of_undelivered(self._config, self._store, self._now)
        elif run.firing is not None:
            self._store.jobs.give_back(run.firing)
