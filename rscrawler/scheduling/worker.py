"""The queue of crawls, and the worker that runs them on any machine.

The queue is Procrastinate's, in the PostgreSQL database of the store. The service claims a run
and puts it into the queue in one transaction. `lock` names the first of the job's hosts, so two
crawls of it are not fetched at once; `queueing_lock` is the job's id, so at most one run of a job
waits (the claim ensures that already).

A worker treats a run as the service does (`runs`). It handles three failures that Procrastinate
does not:

- Procrastinate's worker stops when the database goes away. This one then starts another.
- A run whose worker died stays marked as running. One worker at a time looks for such runs, and
  does so outside the queue: a task in the queue could itself be stuck.
- A run whose end could not be written, because the database was away, stays marked as running
  although its worker is alive. Each worker looks for its own.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate import jobs as procrastinate_jobs
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.errors import StoreError
from rscrawler.schedules import Job, ScheduledJob
from rscrawler.schedules.adaptive import Adaptive
from rscrawler.scheduling.processes import ChildRunner
from rscrawler.scheduling.runs import Runner, record_end
from rscrawler.store import Store
from rscrawler.store.database import first_line
from rscrawler.store.jobs import QUEUE, Firing
from rscrawler.store.leases import process_identity
from rscrawler.store.postgresql import LONGEST_SILENCE_SECONDS

logger = logging.getLogger(__name__)

QUEUE_NAME = "crawls"
TASK_NAME = "rscrawler.crawl"
SWEEPER = "sweeper"  # the lease of the worker that retries the runs of dead workers
LOST_AFTER = timedelta(minutes=1)  # a claimed run that is not in the queue by then is lost
# Procrastinate's ids of a job and its worker, and how often the job was tried before.
_Attempt = tuple[int | None, int | None, int]


# The service's side of the queue. Never opened: it writes with the store's own connection.
_app = App(connector=SyncPsycopgConnector())


def install_queue(store: Store) -> None:
    """Create the queue's tables unless they exist; several processes may do so at once.

    Raises:
        StoreError: the database cannot be reached.
    """
    store.jobs.install_queue("procrastinate_jobs", SchemaManager.get_schema())


def hand_over(scheduled: ScheduledJob, fire_at: datetime, connection: Any) -> bool:
    """Add a run to the queue by a driver's connection, in the transaction that claims the run.

    False if the queue still holds a run of the job that is no longer claimed: the transaction must
    be rolled back. A worker drops that run when it fetches it.
    """
    deferrer = _app.configure_task(
        TASK_NAME,
        queue=QUEUE_NAME,
        lock=min(scheduled.host_leases, default=""),
        queueing_lock=scheduled.id,
        connection=connection,
    )
    try:
        deferrer.defer(**task_arguments(scheduled, fire_at))
    except AlreadyEnqueued:
        return False
    except ConnectorException as error:
        raise StoreError(f"the queue: {error.__cause__ or error}") from error
    return True


class _RetryLaterError(Exception):
    """The run must be tried again: its host is busy, or this worker stops."""


class Worker:
    """Runs the crawls in the queue until `stop` is called.

    Args:
        store: open; the caller closes it.
        name: its name in the log; None: host, process id and start time.
        heartbeat: how often it reports that it is alive, looks for abandoned runs, and retries one.
        dead_after: a worker that has not reported for this long counts as dead.
        run: starts a child process.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        *,
        run: ChildRunner,
        name: str | None = None,
        at_once: int = 1,
        heartbeat: timedelta = timedelta(seconds=10),
        dead_after: timedelta = timedelta(seconds=30),
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._config, self._now = store, config, now
        self._owner = process_identity()
        self._name = name or self._owner
        self._at_once, self._heartbeat, self._dead_after = at_once, heartbeat, dead_after
        self._stopping = asyncio.Event()
        self._runner = Runner(run, self._stopping)
        self._ended: set[_Attempt] = set()  # of runs that ended here since the last check
        self._ended_before: set[_Attempt] = set()
        self._complaint = ""
        self._serving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one kills the children."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.set_exception_handler(self._task_failed)
        logger.info("worker %s started, %d at once", self._name, self._at_once)
        while not self._stopping.is_set():
            try:
                await self._serve()
            except Exception as error:
                self._complain(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1.0)
        with suppress(StoreError):
            self._store.leases.release(SWEEPER, self._owner)
        logger.info("worker %s stopped", self._name)

    def stop(self) -> None:
        """Start no further run and let every child close down; a second call kills them."""
        if self._stopping.is_set() and self._serving is not None:
            self._serving.cancel()
        self._stopping.set()

    def _complain(self, error: Exception) -> None:
        """Log an error, unless it is the same as the last one."""
        complaint = first_line(error)
        if complaint != self._complaint:
            logger.error("worker %s: trying again: %s", self._name, complaint)
        self._complaint = complaint

    def _log_recovery(self) -> None:
        if self._complaint:
            logger.info("worker %s works again", self._name)
        self._complaint = ""

    def _task_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log why a task that writes the end of a run failed; `_sweep_own` does it again."""
        self._complain(context.get("exception") or RuntimeError(context["message"]))

    # One connection to the queue, for as long as it lasts.

    async def _serve(self) -> None:
        install_queue(self._store)
        app = self._application()
        async with app.open_async():
            self._log_recovery()
            working = self._serving = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE_NAME],
                    name=self._name,
                    concurrency=self._at_once,
                    install_signal_handlers=False,
                    delete_jobs=procrastinate_jobs.DeleteJobCondition.ALWAYS,  # the store has them
                    update_heartbeat_interval=self._heartbeat.total_seconds(),
                    stalled_worker_timeout=self._dead_after.total_seconds(),
                    # Poll, since no notification announces a run that was put off.
                    fetch_job_polling_interval=min(self._heartbeat.total_seconds(), 5.0),
                )
            )
            others: list[asyncio.Task[Any]] = [
                asyncio.create_task(self._stopping.wait()),
                asyncio.create_task(self._sweep_regularly(app)),
            ]
            try:
                await asyncio.wait([working, *others], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in others:
                    task.cancel()
                working.cancel()
                with suppress(asyncio.CancelledError):
                    await working
            if not self._stopping.is_set():
                raise StoreError("the connection to the queue was lost")

    def _application(self) -> App:
        address = "postgresql://" + self._config.database.partition("://")[2]
        app = App(
            connector=PsycopgConnector(conninfo=address, min_size=1, max_size=self._at_once + 2)
        )
        # Any exception retries the run, so that it is not lost. A failed crawl raises none: its run
        # ends, as in the service, and the job's next run tries again.
        retry = RetryStrategy(wait=ceil(self._heartbeat.total_seconds()))
        task = app.task(name=TASK_NAME, queue=QUEUE_NAME, pass_context=True, retry=retry)
        task(self._run_task)
        return app

    # One run.

    async def _run_task(self, context: JobContext, /, **arguments: Any) -> None:
        try:
            await self._run(*run_of(arguments))
        finally:
            self._ended.add(_attempt_of(context.job))

    async def _run(self, scheduled: ScheduledJob, fire_at: datetime) -> None:
        firing = Firing(scheduled.id, fire_at, QUEUE)
        if not self._store.jobs.is_open(firing):
            logger.debug("job %s: this run has ended already", scheduled.id)
            return
        is_busy = self._store.leases.held(self._now(), scheduled.leases)
        outcome = None if is_busy else await self._runner.run(scheduled, self._config)
        if outcome is None:
            raise _RetryLaterError
        self._runner.log(outcome)
        record_end(self._store, scheduled, firing, outcome, self._now())

    # Abandoned runs.

    async def _sweep_regularly(self, app: App) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.total_seconds())
            try:
                # The queue's own connections have no timeout for a server that does not respond.
                async with asyncio.timeout(LONGEST_SILENCE_SECONDS):
                    await self._sweep_own(app)
                    if self._store.leases.acquire(SWEEPER, self._owner, self._now()):
                        await self._sweep(app)
                self._log_recovery()
            except TimeoutError:
                self._complain(StoreError("the database does not respond"))
            except Exception as error:
                self._complain(error)

    async def _sweep(self, app: App) -> None:
        """Retry the runs of dead workers, and make lost runs due again."""
        for job in await app.job_manager.get_stalled_jobs(
            queue=QUEUE_NAME, seconds_since_heartbeat=self._dead_after.total_seconds()
        ):
            await self._take_up(app, job, "its worker has died; another will run it")
        await self._give_back_lost(app)

    async def _sweep_own(self, app: App) -> None:
        """Take up runs that ended here before the last check, and are still marked as running."""
        for job in await app.job_manager.list_jobs_async(queue=QUEUE_NAME, status="doing"):
            if _attempt_of(job) in self._ended_before:
                await self._take_up(app, job, "the end of its run was not written")
        self._ended_before, self._ended = self._ended, set()

    async def _take_up(self, app: App, job: procrastinate_jobs.Job, why: str) -> None:
        """Retry a run, or delete it if the store has its end: the job's next one may wait then."""
        scheduled, fire_at = run_of(job.task_kwargs)
        if self._store.jobs.is_open(Firing(scheduled.id, fire_at, QUEUE)):
            logger.warning("job %s: %s", scheduled.id, why)
            await app.job_manager.retry_job(job)
        else:
            ended = procrastinate_jobs.Status.SUCCEEDED
            await app.job_manager.finish_job(job, status=ended, delete_job=True)

    async def _give_back_lost(self, app: App) -> None:
        """Make runs due again that were handed over but are no longer in the queue."""
        handed_over = self._store.jobs.handed_over(self._now() - LOST_AFTER)
        if not handed_over:
            return
        jobs = await app.job_manager.list_jobs_async(queue=QUEUE_NAME)
        queued = {job.task_kwargs["job_id"] for job in jobs}
        for firing in handed_over:
            if firing.job_id not in queued and self._store.jobs.give_back(firing):
                logger.warning(
                    "job %s: its run is not in the queue; it is due again", firing.job_id
                )


def task_arguments(scheduled: ScheduledJob, fire_at: datetime) -> dict[str, Any]:
    """A run as JSON values for the queue: everything that a worker must know of it."""
    job = scheduled.job
    return {
        "job_id": job.id,
        "sites": list(scheduled.sites),
        "hosts": dict(scheduled.hosts),
        "fire_at": fire_at.isoformat(),
        "full": job.full,
        "time_limit_seconds": job.time_limit.total_seconds() if job.time_limit else None,
        "adaptive": job.adaptive.model_dump(mode="json") if job.adaptive else None,
    }


def run_of(arguments: Mapping[str, Any]) -> tuple[ScheduledJob, datetime]:
    """The run in `task_arguments`; of the job's schedule, only `adaptive` is passed on."""
    seconds, adaptive = arguments["time_limit_seconds"], arguments["adaptive"]
    job = Job.model_construct(
        id=arguments["job_id"],
        action="crawl",
        sites=arguments["sites"],
        full=arguments["full"],
        time_limit=None if seconds is None else timedelta(seconds=seconds),
        adaptive=None if adaptive is None else Adaptive.model_validate(adaptive),
    )
    # A run that an older version put into the queue has no hosts.
    hosts = arguments.get("hosts") or dict.fromkeys(arguments["sites"], ())
    return ScheduledJob(job, Path(), hosts), datetime.fromisoformat(arguments["fire_at"])


def _attempt_of(job: procrastinate_jobs.Job) -> _Attempt:
    return job.id, job.worker_id, job.attempts
