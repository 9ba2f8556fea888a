"""The service: starts what is due, each run once, and says how it went.

The store is the truth about when a job fires next and who runs it; APScheduler is the
clock that wakes the service at the next fire time. Besides that it looks round every
few seconds by the monotonic clock: so it notices a machine that slept, a wall clock
that jumped, and another service on the same database that died.

A run is a child process (`processes`). A job whose time has come while a run of it, or
of one of its sites, goes on is started as soon as that has ended, once.

With workers, crawls are handed over to their queue instead (`queue`), and one of the
services that share the store does all the delivery.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from rscrawler.clock import utc_now
from rscrawler.config import Config, format_duration
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.items import rfc3339
from rscrawler.monitoring.waiting import delivery_is_due, word_is_due
from rscrawler.recovery import StoreKeeper
from rscrawler.scheduling.due import Due, Later, Moved, decide
from rscrawler.scheduling.outcome import RunOutcome, judge_run
from rscrawler.scheduling.processes import ChildRunner, run_rscrawler
from rscrawler.scheduling.runs import command_of, judge_overdue, site_leases, write_end
from rscrawler.scheduling.schedules import Action, Job, ScheduledJob, Schedules
from rscrawler.scheduling.trouble import StoreTrouble, tell_directly_what_waits
from rscrawler.scheduling.visits import paused_until
from rscrawler.store import Store
from rscrawler.store.jobs import QUEUE, Firing
from rscrawler.store.leases import LEASE_RENEWAL, process_identity, service_lease

if TYPE_CHECKING:
    from rscrawler.scheduling.queue import JobQueue

logger = logging.getLogger(__name__)
children_log = logging.getLogger("rscrawler.children")  # what they say, for those who ask

LOOK_ROUND = timedelta(seconds=5)
OUTBOX_CHECK = timedelta(minutes=1)
DELIVERY_PAUSE = timedelta(seconds=15)  # the same with workers, whose crawls deliver nothing
DELIVERER = "deliverer"  # with workers: the lease of the service that does all the delivery

ResultT = TypeVar("ResultT")
Load = Callable[[], tuple[Config, Schedules]]


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that goes on, and the sites that it crawls."""

    task: asyncio.Task[None]
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _EndedRun:
    """A run whose end is still to be written down; `firing` is None for a delivery of its own."""

    scheduled: ScheduledJob
    firing: Firing | None
    outcome: RunOutcome | None  # None: it was stopped, and is given back


class Service:
    """Runs the jobs of the schedules until it is told to stop.

    Args:
        store: open; the caller closes it.
        load: reads configuration and schedules, at the start and at every reload.
        keeper: opens the store anew when it was lost; None: it is never opened anew.
        config_path: the file that children are told to read; None: their own default.
        run: starts a child; a test hands in another.
        now: the time.
        owner: the name of this service among those that share the store.

    Raises:
        ConfigurationError: what `load` finds wrong.
    """

    def __init__(
        self,
        store: Store,
        load: Load,
        *,
        keeper: StoreKeeper | None = None,
        config_path: Path | None = None,
        run: ChildRunner = run_rscrawler,
        now: Callable[[], datetime] = utc_now,
        owner: str | None = None,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._load = load
        self._config_path = config_path
        self._run_child = run
        self._now = now
        self._owner = owner or process_identity()
        self._config, self._schedules = load()
        self._queue = _queue_of(self._config)
        self._delivers = self._queue is None
        self._runs: dict[str, _Run] = {}  # by job id
        self._unwritten: dict[str, _EndedRun] = {}  # by job id
        self._waiting: set[str] = set()  # ids of due jobs that wait for a site
        self._alive_at: datetime | None = None
        self._outbox_checked_at: datetime | None = None
        self._has_word_for_ops = False
        self._delivery_has_failed = False
        self._trouble = StoreTrouble(lambda: self._config)
        self._fault: Exception | None = None  # what this process cannot get over
        self._is_planned = False
        self._stopping = asyncio.Event()
        self._wake = asyncio.Event()

    # The life of the service.

    async def run(self) -> None:
        """Run until `stop` is called; SIGTERM and SIGINT call it, SIGHUP calls `reload`.

        Raises:
            StoreError: the store has failed for long, and another process should try.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # held since the very start
        clock = AsyncIOScheduler(timezone=UTC)
        clock.start()
        logger.info("service started, jobs: %s", self._job_ids())
        try:
            while not self._stopping.is_set():
                next_at = self.look_round()
                if next_at is not None:
                    # Without a grace time a wake-up that comes late is not dropped.
                    clock.add_job(
                        self._ring,
                        "date",
                        run_date=next_at,
                        id="next",
                        replace_existing=True,
                        misfire_grace_time=None,
                    )
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), LOOK_ROUND.total_seconds())
                self._wake.clear()
            await self.finish_runs()
        finally:
            clock.shutdown(wait=False)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
        if self._fault is not None:
            raise StoreError(
                f"the service ends, since it cannot go on: {type(self._fault).__name__}: "
                f"{self._fault}"
            ) from self._fault
        self._leave()
        logger.info("service stopped")

    async def _ring(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        """Start nothing more and let every child close down; a second call kills them."""
        if self._stopping.is_set():
            for run in self._runs.values():
                run.task.cancel()
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Read configuration and schedules again; if anything is wrong, all stays as it is."""
        try:
            self._config, self._schedules = self._load()
        except ConfigurationError as error:
            for problem in error.problems:
                logger.error("not reloaded: %s", problem)
            return
        logger.info("reloaded, jobs: %s", self._job_ids())
        self._queue = _queue_of(self._config)
        self._delivers = self._queue is None
        self._is_planned = False
        self._wake.set()

    def _job_ids(self) -> str:
        return ", ".join(scheduled.id for scheduled in self._schedules.active) or "none"

    async def finish_runs(self) -> None:
        """Wait for every child, and write down how each ended."""
        if self._runs:
            await asyncio.wait([run.task for run in self._runs.values()])
        if self._unwritten:  # nothing to write says nothing of the store
            self._attempt(self._write_ends)

    def _leave(self) -> None:
        def release() -> None:
            for name in (service_lease(self._owner), DELIVERER):
                self._store.leases.release(name, self._owner)

        self._attempt(release)

    # One look round.

    def look_round(self) -> datetime | None:
        """Start everything that is due and free; gives the next fire time that is known.

        1. Write down what has ended. 2. Say that this service lives. 3. Give back the
        runs of dead services. 4. Start what is due, or hand it over. 5. Deliver what is due.
        """
        return self._attempt(self._look_round)

    def _look_round(self) -> datetime | None:
        self._write_ends()
        now = self._now()
        self._plan(now)
        self._keep_alive(now)
        if self._queue is not None:
            self._delivers = self._store.leases.acquire(DELIVERER, self._owner, now)
        self._adopt_orphans(now)
        next_at = self._start_due(now)
        self._check_outbox(now)
        return next_at

    def _attempt(self, steps: Callable[[], ResultT]) -> ResultT | None:
        """Do what needs the store; one that fails is mended if it can be, and tried again."""
        try:
            self._mend_store()
            result = steps()
        except Exception as error:
            self._trouble.met(error, self._now())
            if self._trouble.is_hopeless(self._now()):
                self._fault = error
                self._stopping.set()
            return None
        self._trouble.over(self._now())
        return result

    def _mend_store(self) -> None:
        """Open the store anew if it fails, or if its file is another one.

        Not while a run goes on: it has the former one open, and its pieces may not be in
        the JSONL yet, from which a new one would be rebuilt.
        """
        if self._keeper is None or self._runs:
            return
        if self._keeper.is_lost:
            logger.warning("the database is another file than before: it is opened anew")
        elif not self._trouble.wants_reopening(self._now()):
            return
        self._store = self._keeper.reopen(
            is_damaged=self._trouble.is_damage and not self._keeper.is_lost
        )
        self._is_planned = False
        self._alive_at = self._outbox_checked_at = None

    def _keep_alive(self, now: datetime) -> None:
        since = None if self._alive_at is None else abs(now - self._alive_at)
        if since is not None and since < LEASE_RENEWAL:
            return
        self._store.leases.acquire(service_lease(self._owner), self._owner, now)
        self._store.leases.forget_dead_services(now)
        self._alive_at = now

    def _adopt_orphans(self, now: datetime) -> None:
        for firing in self._store.jobs.orphans(now):
            is_queued = firing.fired_by == QUEUE and self._queue is not None
            if (
                firing.fired_by != self._owner
                and not is_queued
                and self._store.jobs.give_back(firing)
            ):
                logger.warning(
                    "job %s: its run of %s was cut short when %s died; it is due again",
                    firing.job_id,
                    rfc3339(firing.fire_at),
                    firing.fired_by,
                )

    def _plan(self, now: datetime) -> None:
        """After a start or a reload: give jobs that are new, or have other times, their next."""
        if self._is_planned:
            return
        if self._queue is not None:
            self._queue.install(self._store)
        for scheduled in self._schedules.active:
            first = scheduled.first_fire(now)
            self._store.jobs.schedule(scheduled.id, scheduled.job.when, first)
        self._is_planned = True

    def _start_due(self, now: datetime) -> datetime | None:
        states, jobs = self._store.jobs.states(), self._store.jobs
        grace = self._config.scheduling.misfire_grace
        later: list[datetime] = []
        handed_over = jobs.unended() if self._queue is not None else set()
        for scheduled in self._schedules.active:
            if scheduled.id in self._runs or scheduled.id in self._unwritten:
                continue
            if scheduled.id in handed_over or not (self._delivers or _is_crawl(scheduled)):
                continue
            state = states.get(scheduled.id)
            if state is None:
                logger.warning("job %s: the store has lost it; it is planned anew", scheduled.id)
                self._is_planned = False
                continue
            stored = state.next_fire_at
            match decide(scheduled, stored, now, grace, self._paused_until(scheduled, stored, now)):
                case Later(at):
                    later.append(at)
                case Moved(to, why):
                    logger.warning("job %s: %s", scheduled.id, why)
                    jobs.move(scheduled.id, expected=stored, to=to, now=now)
                    later.append(to)
                case Due() as due if not self._must_wait(scheduled, now):
                    self._claim(scheduled, stored, due, now)
        return min(later, default=None)

    def _paused_until(
        self, scheduled: ScheduledJob, stored: datetime, now: datetime
    ) -> datetime | None:
        """Until when an adaptive job's sites ask for a pause, if its time is beyond `max`."""
        if scheduled.slots is not None or stored <= scheduled.fire_after(now):
            return None
        return paused_until(self._store, scheduled.sites, now)

    def _must_wait(self, scheduled: ScheduledJob, now: datetime) -> bool:
        """Whether one of the job's sites is being crawled, by anybody."""
        if not scheduled.sites or self._queue is not None:
            return False  # it is the worker that waits
        names = site_leases(scheduled)
        own = {site for run in self._runs.values() for site in run.sites}
        if own.isdisjoint(scheduled.sites) and not self._store.leases.held(now, names):
            self._waiting.discard(scheduled.id)
            return False
        if scheduled.id not in self._waiting:
            self._waiting.add(scheduled.id)
            logger.debug("job %s waits: its site is being crawled", scheduled.id)
        return True

    def _claim(self, scheduled: ScheduledJob, stored: datetime, due: Due, now: datetime) -> None:
        """Claim a run and start it, or hand it over, unless another service has it."""
        hand_over = None
        if self._queue is not None and _is_crawl(scheduled):
            hand_over = self._queue.hand_over(scheduled, due.fire_at)
        firing = Firing(scheduled.id, due.fire_at, QUEUE if hand_over else self._owner)
        if not self._store.jobs.claim(
            firing,
            expected=stored,
            next_fire_at=due.next_fire_at,
            now=now,
            hand_over=hand_over,
        ):
            return
        minutes = (now - due.fire_at) // timedelta(minutes=1)
        if minutes > 0:
            late = format_duration(timedelta(minutes=minutes))
            logger.info("job %s: runs %s late, for %s", scheduled.id, late, rfc3339(due.fire_at))
        if hand_over is None:
            self._start(scheduled, firing)

    def _check_outbox(self, now: datetime) -> None:
        if not self._delivers or _OUTBOX.id in self._runs:
            return
        checked = self._outbox_checked_at
        is_slow = self._queue is None or self._delivery_has_failed
        pause = OUTBOX_CHECK if is_slow else DELIVERY_PAUSE
        is_time = checked is None or abs(now - checked) >= pause
        # A delivery that has failed is itself something to tell, and would at once fail again.
        is_urgent = self._has_word_for_ops and not self._delivery_has_failed
        if not (is_time or is_urgent):
            return
        self._outbox_checked_at = now
        if self._has_word_for_ops or self._has_something_to_deliver(now):
            self._has_word_for_ops = False
            self._start(_OUTBOX, None)

    def _has_something_to_deliver(self, now: datetime) -> bool:
        if delivery_is_due(self._config, self._store, now):
            return True
        return self._queue is not None and word_is_due(self._config, self._store)

    # Runs.

    def _start(self, scheduled: ScheduledJob, firing: Firing | None) -> None:
        task = asyncio.get_running_loop().create_task(self._run(scheduled, firing))
        self._runs[scheduled.id] = _Run(task, scheduled.sites)

    async def _run(self, scheduled: ScheduledJob, firing: Firing | None) -> None:
        """One run, to its end. Nothing that goes wrong in it gets out of here."""
        limit = scheduled.job.time_limit or self._config.scheduling.time_limit
        outcome: RunOutcome | None = None
        try:
            command = command_of(scheduled, self._config_path)
            result = await self._run_child(command, limit, self._stopping)
            for line in result.error_lines:
                children_log.info("job %s: %s", scheduled.id, line)
            if result.was_stopped:
                logger.info("job %s was stopped; it is due again at the next start", scheduled.id)
            else:
                outcome = judge_run(scheduled, result, limit)
        except asyncio.CancelledError:
            logger.warning("job %s was killed; it is due again at the next start", scheduled.id)
        except Exception as error:
            line = f"job {scheduled.id} failed: could not be run: {error}"
            outcome = RunOutcome(line, f"failed: {error}", has_failed=True, is_healthy=False)
            if not isinstance(error, OSError):
                logger.exception("job %s: the service has a fault", scheduled.id)
        finally:
            self._unwritten[scheduled.id] = _EndedRun(scheduled, firing, outcome)
            self._runs.pop(scheduled.id, None)
            self._wake.set()
        if outcome is not None and not (scheduled is _OUTBOX and outcome.is_healthy):
            logger.log(logging.INFO if outcome.is_healthy else logging.WARNING, outcome.line)

    def _write_ends(self) -> None:
        """Write down every run that has ended; one that cannot be is kept for the next time."""
        for job_id, ended in list(self._unwritten.items()):
            if ended.outcome is not None:
                self._write_end(ended.scheduled, ended.firing, ended.outcome)
            elif ended.firing is not None:
                self._store.jobs.give_back(ended.firing)
            del self._unwritten[job_id]

    def _write_end(
        self, scheduled: ScheduledJob, firing: Firing | None, outcome: RunOutcome
    ) -> None:
        now = self._now()
        if judge_overdue(self._store, scheduled, outcome, now):
            self._has_word_for_ops = True
        if firing is not None:
            write_end(self._store, scheduled, firing, outcome, now)
            return
        self._delivery_has_failed = outcome.has_failed
        if outcome.has_failed:
            tell_directly_what_waits(self._config, self._store, now)


def _is_crawl(scheduled: ScheduledJob) -> bool:
    return scheduled.job.action is Action.CRAWL


def _queue_of(config: Config) -> JobQueue | None:
    """The workers' queue, if there are workers. The package that it needs is an extra."""
    if not config.uses_workers:
        return None
    from rscrawler.scheduling.queue import JobQueue

    return JobQueue()


# The service's own delivery. No file can hold a job of such an id.
_OUTBOX = ScheduledJob(
    job=Job.model_construct(id="(outbox)", action=Action.DELIVER, every=OUTBOX_CHECK),
    file=Path(),
    sites=(),
    slots=None,
)
