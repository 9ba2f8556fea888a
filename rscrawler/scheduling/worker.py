"""The workers' queue, and a worker, which runs what is in it on any machine.

The queue is Procrastinate's, on the PostgreSQL that holds the store. The service hands a run
over in the transaction that claims it, so that a run is in the queue exactly if it is claimed.
`lock` is the site, so that no two of its crawls run at once; `queueing_lock` is the job, so that
it waits in the queue once at most (the claim sees to that already).

A worker does with a run what the service does with its own (`runs`). Three things Procrastinate
leaves to it:

- A worker stops when its database goes away. This one then begins anew.
- A run whose worker died stays marked as running. One of the workers looks for such runs,
  outside the queue: a task in the queue that did so could itself be stuck.
- A run whose end could not be written, since the database was away just then, stays
  marked as running too, by a worker that lives. Each worker looks for its own.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from procrastinate import (
    App,
    BaseRetryStrategy,
    JobContext,
    PsycopgConnector,
    RetryDecision,
    SyncPsycopgConnector,
)
from procrastinate import jobs as procrastinate_jobs
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.errors import StoreError
from rscrawler.scheduling.adaptive import Adaptive
from rscrawler.scheduling.processes import ChildRunner
from rscrawler.scheduling.runs import Runner, judge_overdue, write_end
from rscrawler.scheduling.schedules import Job, ScheduledJob
from rscrawler.store import Store
from rscrawler.store.jobs import QUEUE, Firing
from rscrawler.store.leases import process_identity
from rscrawler.store.postgresql import LONGEST_SILENCE_SECONDS

logger = logging.getLogger(__name__)

QUEUE_NAME = "crawls"
TASK_NAME = "rscrawler.crawl"
SWEEPER = "sweeper"  # the lease of the worker that looks after the runs of dead ones
LOST_AFTER = timedelta(minutes=1)  # a claimed run that is in no queue
LONGEST_PAUSE = timedelta(minutes=1)


class JobQueue:
    """The service's end of the queue."""

    def __init__(self) -> None:
        # Never opened: it writes with the store's own connection.
        self._app = App(connector=SyncPsycopgConnector())

    @staticmethod
    def install(store: Store) -> None:
        """Make the queue's tables, unless they are there; any number of processes may try.

        Raises:
            StoreError: the database cannot be reached.
        """
        store.jobs.install_queue("procrastinate_jobs", SchemaManager.get_schema())

    def hand_over(self, scheduled: ScheduledJob, fire_at: datetime) -> Callable[[Any], bool]:
        """What puts a run into the queue, given the driver's connection of a transaction.

        It gives False, and the transaction is of no more use, if a run of the same job
        waits there that is no longer claimed; a worker drops that one when it meets it.
        """
        arguments = task_arguments(scheduled, fire_at)

        def defer(connection: Any) -> bool:
            deferrer = self._app.configure_task(
                TASK_NAME,
                queue=QUEUE_NAME,
                lock=",".join(scheduled.leases),
                queueing_lock=scheduled.id,
                connection=connection,
            )
            try:
                deferrer.defer(**arguments)
            except AlreadyEnqueued:
                return False
            except ConnectorException as error:
                raise StoreError(f"the queue: {error.__cause__ or error}") from error
            return True

        return defer


class _PutOffError(Exception):
    """The run is due again after a pause: its site is busy, or this worker stops."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__(f"put off for {pause}")
        self.pause = pause


class _Retry(BaseRetryStrategy):
    """Retry the run after any failure; it is not lost.

    A crawl that fails is none. It ends its run, as it does in the service, and the job's next
    run tries again.
    """

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate_jobs.Job
    ) -> RetryDecision:
        """When the run is due again."""
        pause = min(timedelta(seconds=2 ** min(job.attempts, 10)), LONGEST_PAUSE)
        if isinstance(exception, _PutOffError):
            pause = exception.pause
        elif isinstance(exception, asyncio.CancelledError):
            pause = timedelta()
        return RetryDecision(retry_at=utc_now() + pause)


class Worker:
    """Runs what is in the queue until it is told to stop.

    Args:
        store: open; the caller closes it.
        config_path: the file that children are told to read; None: their own default.
        name: in the log; None: host and process.
        heartbeat: how often it says that it lives, and looks for runs of dead workers.
        dead_after: a worker that has not said so for this long counts as dead.
        run: starts a child process.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        *,
        run: ChildRunner,
        config_path: Path | None = None,
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
        self._runner = Runner(run, config_path, self._stopping)
        self._running: set[int] = set()  # Procrastinate's job ids
        self._unexplained: set[int] = set()  # of jobs that seem to be ours, and do not run
        self._worker_id: int | None = None  # Procrastinate's; another one after each start
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
        """Take nothing more and let every child close down; a second call kills them."""
        if self._stopping.is_set() and self._serving is not None:
            self._serving.cancel()
        self._stopping.set()

    def _complain(self, error: Exception) -> None:
        """Say once what is wrong, however often it is met."""
        complaint = str(error).strip().partition("\n")[0] or type(error).__name__
        if complaint != self._complaint:
            logger.error("worker %s: trying again: %s", self._name, complaint)
        self._complaint = complaint

    def _complain_no_more(self) -> None:
        if self._complaint:
            logger.info("worker %s works again", self._name)
        self._complaint = ""

    def _task_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Nobody asks the tasks that write ends down how it went; `_look_after` mends it."""
        self._complain(context.get("exception") or RuntimeError(context["message"]))

    # One connection to the queue, for as long as it lasts.

    async def _serve(self) -> None:
        JobQueue.install(self._store)
        self._worker_id = None
        app = self._application()
        async with app.open_async():
            self._complain_no_more()
            working = self._serving = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE_NAME],
                    name=self._name,
                    concurrency=self._at_once,
                    install_signal_handlers=False,
                    delete_jobs=procrastinate_jobs.DeleteJobCondition.ALWAYS,  # the store remembers
                    update_heartbeat_interval=self._heartbeat.total_seconds(),
                    stalled_worker_timeout=self._dead_after.total_seconds(),
                    # A run that was put off is announced by nobody.
                    fetch_job_polling_interval=min(self._heartbeat.total_seconds(), 5.0),
                )
            )
            others: list[asyncio.Task[Any]] = [
                asyncio.create_task(self._stopping.wait()),
                asyncio.create_task(self._look_after(app)),
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
        app.task(name=TASK_NAME, queue=QUEUE_NAME, pass_context=True, retry=_Retry())(self._take)
        return app

    # One run.

    async def _take(self, context: JobContext, /, **arguments: Any) -> None:
        job_id = context.job.id
        assert job_id is not None
        self._worker_id = context.job.worker_id
        self._running.add(job_id)
        try:
            await self._run(*run_of(arguments))
        finally:
            self._running.discard(job_id)

    async def _run(self, scheduled: ScheduledJob, fire_at: datetime) -> None:
        firing = Firing(scheduled.id, fire_at, QUEUE)
        if not self._store.jobs.is_open(firing):
            logger.debug("job %s: this run has ended already", scheduled.id)
            return
        if self._store.leases.held(self._now(), scheduled.leases):
            raise _PutOffError(self._heartbeat)
        outcome = await self._runner.run(scheduled, self._config)
        if outcome is None:
            raise _PutOffError(timedelta())
        self._runner.log(outcome)
        judge_overdue(self._store, scheduled, outcome, self._now())
        write_end(self._store, scheduled, firing, outcome, self._now())

    # Runs that nobody runs.

    async def _look_after(self, app: App) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.total_seconds())
            try:
                # The queue's own connections wait for as long as a server says nothing.
                async with asyncio.timeout(LONGEST_SILENCE_SECONDS):
                    await self._take_up_own(app)
                    if self._store.leases.acquire(SWEEPER, self._owner, self._now()):
                        await self._sweep(app)
                self._complain_no_more()
            except TimeoutError:
                self._complain(StoreError("the database does not answer"))
            except Exception as error:
                self._complain(error)

    async def _sweep(self, app: App) -> None:
        """Let others run what dead workers have left."""
        for job in await app.job_manager.get_stalled_jobs(
            queue=QUEUE_NAME, seconds_since_heartbeat=self._dead_after.total_seconds()
        ):
            logger.warning("job %s: its worker has died; it is for another", _id_of(job))
            await app.job_manager.retry_job(job)
        await self._give_back_lost(app)

    async def _take_up_own(self, app: App) -> None:
        """Let runs be run again that are marked as this worker's, and twice seemed to be nobody's.

        Once is not enough: one that was fetched just now has not begun yet.
        """
        if self._worker_id is None:
            return
        marked = await app.job_manager.list_jobs_async(status="doing", worker_id=self._worker_id)
        forgotten = {job.id: job for job in marked if job.id and job.id not in self._running}
        for number in self._unexplained & forgotten.keys():
            logger.warning("job %s: the end of its run was not written", _id_of(forgotten[number]))
            await app.job_manager.retry_job(forgotten[number])
        self._unexplained = set(forgotten)

    async def _give_back_lost(self, app: App) -> None:
        """Make runs due again that were handed over, and are in the queue no more."""
        handed_over = self._store.jobs.handed_over(self._now() - LOST_AFTER)
        if not handed_over:
            return
        queued = {_id_of(job) for job in await app.job_manager.list_jobs_async(queue=QUEUE_NAME)}
        for firing in handed_over:
            if firing.job_id not in queued and self._store.jobs.give_back(firing):
                logger.warning(
                    "job %s: its run is not in the queue; it is due again", firing.job_id
                )


def task_arguments(scheduled: ScheduledJob, fire_at: datetime) -> dict[str, Any]:
    """A run as it lies in the queue, in JSON values: all that a worker must know of it."""
    job = scheduled.job
    return {
        "job_id": job.id,
        "sites": list(scheduled.sites),
        "fire_at": fire_at.isoformat(),
        "full": job.full,
        "time_limit_seconds": job.time_limit.total_seconds() if job.time_limit else None,
        "adaptive": job.adaptive.model_dump(mode="json") if job.adaptive else None,
    }


def run_of(arguments: Mapping[str, Any]) -> tuple[ScheduledJob, datetime]:
    """What `task_arguments` wrote. The times of the job, but for adaptive ones, stay behind."""
    seconds, adaptive = arguments["time_limit_seconds"], arguments["adaptive"]
    job = Job.model_construct(
        id=arguments["job_id"],
        action="crawl",
        sites=arguments["sites"],
        full=arguments["full"],
        time_limit=None if seconds is None else timedelta(seconds=seconds),
        adaptive=None if adaptive is None else Adaptive.model_validate(adaptive),
    )
    scheduled = ScheduledJob(job, Path(), tuple(arguments["sites"]))
    return scheduled, datetime.fromisoformat(arguments["fire_at"])


def _id_of(job: procrastinate_jobs.Job) -> str:
    return str(job.task_kwargs["job_id"])
