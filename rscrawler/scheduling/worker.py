"""A worker: takes runs out of the queue, on any machine, and runs each as a child process.

Procrastinate hands the runs out; what is done with one is what the service does with its
own (`runs`, `processes`). Three things it leaves to us:

- A worker stops when its database goes away. This one then begins anew.
- A run whose worker died stays marked as running. One of the workers looks for such runs,
  outside the queue: a task in the queue that did so could itself be stuck.
- A run whose end could not be written, since the database was away just then, stays
  marked as running too, by a worker that lives. Each worker looks for its own.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate import jobs as procrastinate_jobs

from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.errors import StoreError
from rscrawler.scheduling.outcome import judge_run
from rscrawler.scheduling.processes import ChildRunner, run_rscrawler
from rscrawler.scheduling.queue import (
    QUEUE_NAME,
    TASK_NAME,
    DeferredRun,
    connection_string,
    install_queue,
)
from rscrawler.scheduling.runs import command_of, judge_overdue, log_run, site_leases, write_end
from rscrawler.store import Store
from rscrawler.store.jobs import QUEUE, Firing
from rscrawler.store.leases import process_identity

logger = logging.getLogger(__name__)
children_log = logging.getLogger("rscrawler.children")

SWEEPER = "sweeper"  # the lease of the worker that looks after the runs of dead ones
LOST_AFTER = timedelta(minutes=1)  # a claimed run that is in no queue
LONGEST_PAUSE = timedelta(minutes=1)


class SiteBusyError(Exception):
    """A site of the run is being crawled by somebody; the run is to wait."""


class StoppedError(Exception):
    """The worker was told to stop; the run is for another one."""


class _Retry(BaseRetryStrategy):
    """Whatever keeps a worker from running a run, the run is tried again: it is not lost.

    A crawl that fails is none of these. It ends its run, as it does in the service, and
    the job's next run tries again.
    """

    def __init__(self, busy_pause: timedelta) -> None:
        self._busy_pause = busy_pause

    def get_retry_decision(
        self, *, exception: BaseException, job: procrastinate_jobs.Job
    ) -> RetryDecision:
        """When the run is due again."""
        pause = min(timedelta(seconds=2 ** min(job.attempts, 10)), LONGEST_PAUSE)
        if isinstance(exception, SiteBusyError):
            pause = self._busy_pause
        elif isinstance(exception, StoppedError | asyncio.CancelledError):
            pause = timedelta()
        return RetryDecision(retry_at=utc_now() + pause)


class Worker:
    """Runs what is in the queue until it is told to stop.

    Args:
        store: open; the caller closes it.
        config: with a PostgreSQL database.
        config_path: the file that children are told to read; None: their own default.
        name: in the log; None: host and process.
        at_once: how many runs at a time.
        heartbeat: how often it says that it lives, and looks for runs of dead workers.
        dead_after: a worker that has not said so for this long counts as dead.
        run: starts a child; a test hands in another.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        *,
        config_path: Path | None = None,
        name: str | None = None,
        at_once: int = 1,
        heartbeat: timedelta = timedelta(seconds=10),
        dead_after: timedelta = timedelta(seconds=30),
        run: ChildRunner = run_rscrawler,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store, self._config, self._config_path = store, config, config_path
        self._owner = process_identity()
        self._name = name or self._owner
        self._at_once, self._heartbeat, self._dead_after = at_once, heartbeat, dead_after
        self._run_child, self._now = run, now
        self._running: set[int] = set()  # Procrastinate's job ids
        self._failing: dict[str, Mapping[str, str]] = {}  # sources that fail, by site
        self._unexplained: set[int] = set()  # of jobs that seem to be ours, and do not run
        self._worker_id: int | None = None  # Procrastinate's; another one after each start
        self._complaint = ""
        self._stopping = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one kills the children."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.set_exception_handler(self._task_failed)
        logger.info("worker %s started, %d at once", self._name, self._at_once)
        try:
            while not self._stopping.is_set():
                try:
                    await self._serve()
                except Exception as error:
                    self._complain(error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), 1.0)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            loop.set_exception_handler(None)
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

    def _task_failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Nobody asks the tasks that write ends down how it went; `_look_after` mends it."""
        self._complain(context.get("exception") or RuntimeError(context["message"]))

    # One connection to the queue, for as long as it lasts.

    async def _serve(self) -> None:
        install_queue(self._store)
        self._worker_id = None
        app = self._application()
        async with app.open_async():
            if self._complaint:
                logger.info("worker %s works again", self._name)
                self._complaint = ""
            working = asyncio.create_task(self._work(app))
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
        connector = PsycopgConnector(
            conninfo=connection_string(self._config), min_size=1, max_size=self._at_once + 2
        )
        app = App(connector=connector)
        retry = _Retry(busy_pause=self._heartbeat)
        app.task(name=TASK_NAME, queue=QUEUE_NAME, pass_context=True, retry=retry)(self._take)
        return app

    async def _work(self, app: App) -> None:
        self._serving = asyncio.current_task()
        await app.run_worker_async(
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

    # One run.

    async def _take(self, context: JobContext, /, **arguments: Any) -> None:
        job_id = context.job.id
        assert job_id is not None
        self._worker_id = context.job.worker_id
        self._running.add(job_id)
        try:
            await self._run(DeferredRun.from_arguments(arguments))
        finally:
            self._running.discard(job_id)

    async def _run(self, run: DeferredRun) -> None:
        scheduled = run.scheduled
        firing = Firing(scheduled.id, run.fire_at, QUEUE)
        if not self._store.jobs.is_open(firing):
            logger.debug("job %s: this run has ended already", scheduled.id)
            return
        if held := self._store.leases.held(self._now(), site_leases(scheduled)):
            raise SiteBusyError(f"{', '.join(held)} is held")
        limit = scheduled.job.time_limit or self._config.scheduling.time_limit
        command = command_of(scheduled, self._config_path)
        result = await self._run_child(command, limit, self._stopping)
        for line in result.error_lines:
            children_log.info("job %s: %s", scheduled.id, line)
        if result.was_stopped:
            logger.info("job %s was stopped; it is for another worker", scheduled.id)
            raise StoppedError
        outcome = judge_run(scheduled, result, limit)
        log_run(outcome, self._failing)
        now = self._now()
        judge_overdue(self._store, scheduled, outcome, now)
        write_end(self._store, scheduled, firing, outcome, now)

    # Runs that nobody runs.

    async def _look_after(self, app: App) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.total_seconds())
            try:
                await self._take_up_own(app)
                if self._store.leases.acquire(SWEEPER, self._owner, self._now()):
                    await self._take_up_of_the_dead(app)
                    await self._give_back_lost(app)
            except Exception as error:
                self._complain(error)

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

    async def _take_up_of_the_dead(self, app: App) -> None:
        stalled = await app.job_manager.get_stalled_jobs(
            queue=QUEUE_NAME, seconds_since_heartbeat=self._dead_after.total_seconds()
        )
        for job in stalled:
            logger.warning("job %s: its worker has died; it is for another one", _id_of(job))
            await app.job_manager.retry_job(job)

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


def _id_of(job: procrastinate_jobs.Job) -> str:
    return str(job.task_kwargs["job_id"])
