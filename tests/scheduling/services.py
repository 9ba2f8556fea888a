"""What the tests of the service share: jobs, a clock set by hand, children that are none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rscrawler.config import Config
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.schedules import Job, ScheduledJob, Schedules
from rscrawler.scheduling.service import Service
from rscrawler.store import Store

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def scheduled(job_id: str = "job", sites: Sequence[str] = ("site",), **keys: Any) -> ScheduledJob:
    """A job as a file would give it; every 20 minutes unless said otherwise."""
    if not keys.keys() & {"every", "cron", "adaptive"}:
        keys["every"] = "20m"
    is_crawl = keys.get("action", "crawl") == "crawl"
    names = list(sites) if is_crawl else []
    job = Job.model_validate({"id": job_id, "sites": names, **keys})
    return ScheduledJob(job, Path("jobs.toml"), tuple(names), job.slots)


def crawled(
    *sites: str,
    status: int = 0,
    errors: Sequence[str] = (),
    output_problem: str | None = None,
    **site: Any,
) -> ChildResult:
    """How a crawl ends that printed a report."""
    report = {
        "run_id": "run-1",
        "requests": 21,
        "not_modified": 20,
        "articles_new": 0,
        "flagged": 0,
        "output_problem": output_problem,
        "sites": {name: {"problems": [], "note": None, **site} for name in sites or ("site",)},
    }
    return ChildResult(status, json.dumps(report), tuple(errors), timedelta(seconds=1.2))


DELIVERED = ChildResult(0, '{"served": 0, "waiting": 0}', (), timedelta(0))


def crashed(status: int, *errors: str) -> ChildResult:
    """How a child ends that printed no report."""
    return ChildResult(status, "", errors, timedelta(seconds=1))


@dataclass
class Children:
    """Takes the place of child processes: keeps what was started, and ends as it is told.

    `results` are those of crawls in turn, `deliveries` those of deliveries, then good ones
    follow; an exception is raised. While `gate` is set, children do not end before it is.
    """

    started: list[list[str]] = field(default_factory=list)
    results: list[ChildResult | Exception] = field(default_factory=list)
    deliveries: list[ChildResult | Exception] = field(default_factory=list)
    gate: asyncio.Event | None = None
    limits: list[timedelta] = field(default_factory=list)

    async def run(
        self, arguments: Sequence[str], limit: timedelta, stopping: asyncio.Event
    ) -> ChildResult:
        self.started.append(list(arguments))
        self.limits.append(limit)
        if self.gate is not None:
            waits = [asyncio.ensure_future(each.wait()) for each in (self.gate, stopping)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
        if stopping.is_set():
            return ChildResult(1, "", (), timedelta(0), was_stopped=True)
        if arguments[0] == "deliver":
            result = self.deliveries.pop(0) if self.deliveries else DELIVERED
        else:
            result = self.results.pop(0) if self.results else crawled()
        if isinstance(result, Exception):
            raise result
        return result


class Clock:
    """The time, set by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span


@dataclass
class World:
    """One database, one clock, and any number of services."""

    open_store: Callable[[], Store]
    clock: Clock = field(default_factory=Clock)
    children: Children = field(default_factory=Children)
    config: Config = field(default_factory=Config)

    def service(self, *jobs: ScheduledJob, owner: str | None = None, **options: Any) -> Service:
        schedules = Schedules(jobs or (scheduled(),))
        return Service(
            self.open_store(),
            options.pop("load", lambda: (self.config, schedules)),
            **{"run": self.children.run, "now": self.clock, "owner": owner, **options},
        )


async def step(*services: Service) -> None:
    """Each service looks round, and what it starts comes to its end."""
    for service in services:
        service.look_round()
        await service.finish_runs()


async def begin(service: Service) -> None:
    """The service looks round, and what it starts begins."""
    service.look_round()
    for _ in range(3):
        await asyncio.sleep(0)
