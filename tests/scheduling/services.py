"""What the tests of the service share: jobs, a clock set by hand, children that are none."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import apscheduler.schedulers.base
import pytest
from apscheduler.schedulers import SchedulerAlreadyRunningError

from rscrawler.config import Config
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.schedules import Job, ScheduledJob
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.service import Service
from rscrawler.store import Store
from tests.delivery.mailbox import Mailbox
from tests.workspace import wait_until

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def notified_by_mail(mailbox: Mailbox, output_dir: Path, **monitoring: str) -> Config:
    """A configuration whose operators are notified by mail."""
    email = {
        "host": "127.0.0.1",
        "port": mailbox.port,
        "security": "none",
        "sender": "monitor@example.org",
        "recipients": ["desk@example.org"],
    }
    alerts = {"email": email, "ops": {"recipients": ["ops@example.org"]}}
    return Config.model_validate(
        {"output_dir": output_dir, "alerts": alerts, "monitoring": monitoring}
    )


def wait_for_late_notifications() -> None:
    """Return when no thread waits for a slow server any more."""
    wait_until(lambda: all(thread.name != "bounded" for thread in threading.enumerate()))


def scheduled(
    job_id: str = "job",
    sites: Sequence[str] = ("site",),
    *,
    host: str | None = None,
    **keys: Any,
) -> ScheduledJob:
    """A job as a file would give it; every 20 minutes, and a host for each site, unless given."""
    if not keys.keys() & {"every", "cron", "adaptive"}:
        keys["every"] = "20m"
    is_crawl = keys.get("action", "crawl") == "crawl"
    names = list(sites) if is_crawl else []
    job = Job.model_validate({"id": job_id, "sites": names, **keys})
    hosts = {name: [host or f"{name}.example"] for name in names}
    return ScheduledJob(job, Path("jobs.toml"), hosts)


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
        "sites": {
            name: {"problems": [], "note": None, "succeeded": True, **site}
            for name in sites or ("site",)
        },
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
    """The time, set by hand; a test that takes the fixture `clock` sets APScheduler's with it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, span: timedelta) -> None:
        self.now += span


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Noon, for APScheduler too."""
    clock = Clock()

    class ByHand(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> ByHand:
            at = clock.now.astimezone(tz)
            return cls.combine(at.date(), at.timetz())

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", ByHand)
    return clock


@dataclass
class World:
    """One database, one clock, and any number of services."""

    open_store: Callable[[], Store]
    clock: Clock
    children: Children = field(default_factory=Children)
    config: Config = field(default_factory=Config)

    def service(self, *jobs: ScheduledJob, owner: str | None = None, **options: Any) -> Service:
        jobs = jobs or (scheduled(),)
        return Service(
            options.pop("keeper", None) or StoreKeeper(self.config, lambda _: self.open_store()),
            options.pop("load", lambda: (self.config, jobs)),
            **{"run": self.children.run, "now": self.clock, "owner": owner, **options},
        )


async def step(*services: Service) -> None:
    """Each service checks its jobs in turn, and whatever starts comes to its end."""
    for service in services:
        await begin(service)
        await service.finish_runs()


async def begin(service: Service) -> None:
    """The service checks its jobs, and what is due begins."""
    with suppress(SchedulerAlreadyRunningError):
        service.start()
    service.check()
    await _settle()


async def run_in_turn(world: World, services: Sequence[Service], *, first: int, both: int) -> None:
    """Crawls begin, all of the first service; once they have ended, the last one goes on.

    `first` crawls have started before the end of these, and `both` after it.
    """
    world.children.gate = asyncio.Event()
    for service in services:
        await begin(service)
    assert len(world.children.started) == first
    world.children.gate.set()
    await services[0].finish_runs()
    await step(services[-1])
    assert len(world.children.started) == both


async def _settle() -> None:
    """Let APScheduler wake up, start what is due, and tell of what has ended."""
    for _ in range(10):
        await asyncio.sleep(0)
