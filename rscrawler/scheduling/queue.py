"""The workers' queue: Procrastinate on the PostgreSQL that holds the store.

The service hands a run over in the transaction that claims it, so that a run is in the
queue exactly if it is claimed. `lock` is the site, so that no two of its crawls run at
once; `queueing_lock` is the job, so that it waits in the queue once at most (the claim
sees to that already).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.schema import SchemaManager

from rscrawler.config import Config
from rscrawler.errors import StoreError
from rscrawler.scheduling.adaptive import Adaptive
from rscrawler.scheduling.runs import site_leases
from rscrawler.scheduling.schedules import Action, Job, ScheduledJob
from rscrawler.store import Store

QUEUE_NAME = "crawls"
TASK_NAME = "rscrawler.crawl"
_TABLE = "procrastinate_jobs"


@dataclass(frozen=True, slots=True)
class DeferredRun:
    """One run of a crawl job, as it lies in the queue: all that a worker must know of it."""

    scheduled: ScheduledJob
    fire_at: datetime

    def to_arguments(self) -> dict[str, Any]:
        """The same as JSON values."""
        job = self.scheduled.job
        return {
            "job_id": job.id,
            "sites": list(self.scheduled.sites),
            "fire_at": self.fire_at.isoformat(),
            "full": job.full,
            "time_limit_seconds": job.time_limit.total_seconds() if job.time_limit else None,
            "adaptive": job.adaptive.model_dump(mode="json") if job.adaptive else None,
        }

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> Self:
        """What `to_arguments` wrote. The times of the job, but for adaptive ones, stay behind."""
        seconds, adaptive = arguments["time_limit_seconds"], arguments["adaptive"]
        job = Job.model_construct(
            id=arguments["job_id"],
            action=Action.CRAWL,
            sites=arguments["sites"],
            full=arguments["full"],
            time_limit=None if seconds is None else timedelta(seconds=seconds),
            adaptive=None if adaptive is None else Adaptive.model_validate(adaptive),
        )
        scheduled = ScheduledJob(job, Path(), tuple(arguments["sites"]))
        return cls(scheduled, datetime.fromisoformat(arguments["fire_at"]))


class JobQueue:
    """The service's end of the queue."""

    def __init__(self) -> None:
        # Never opened: it writes with the store's own connection.
        self._app = App(connector=SyncPsycopgConnector())

    def install(self, store: Store) -> None:
        """Make the queue's tables, unless they are there."""
        install_queue(store)

    def hand_over(self, scheduled: ScheduledJob, fire_at: datetime) -> Callable[[Any], bool]:
        """What puts a run into the queue, given the driver's connection of a transaction.

        It gives False, and the transaction is of no more use, if a run of the same job
        waits there that is no longer claimed; a worker drops that one when it meets it.
        """
        run = DeferredRun(scheduled, fire_at)

        def defer(connection: Any) -> bool:
            deferrer = self._app.configure_task(
                TASK_NAME,
                queue=QUEUE_NAME,
                lock=",".join(site_leases(scheduled)),
                queueing_lock=scheduled.id,
                connection=connection,
            )
            try:
                deferrer.defer(**run.to_arguments())
            except AlreadyEnqueued:
                return False
            except ConnectorException as error:
                raise StoreError(f"the queue: {error.__cause__ or error}") from error
            return True

        return defer


def install_queue(store: Store) -> None:
    """Make the queue's tables, unless they are there; any number of processes may try.

    Raises:
        StoreError: the database cannot be reached.
    """
    store.jobs.install_queue(_TABLE, SchemaManager.get_schema())


def connection_string(config: Config) -> str:
    """The store's address as the driver itself takes it."""
    return "postgresql" + config.database[config.database.index("://") :]
