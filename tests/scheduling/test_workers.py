"""With workers, services run no crawl and workers nothing else; any of them may die."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from rscrawler.config import Config, checked
from rscrawler.delivery.ops import end_overdue
from rscrawler.errors import ConfigurationError
from rscrawler.monitoring.status import read_status
from rscrawler.schedules import active_jobs
from rscrawler.scheduling.service import DELIVERER, Service
from rscrawler.store import Store
from rscrawler.store.jobs import Firing
from rscrawler.store.leases import LEASE_DURATION, SERVICE
from tests.delivery.helpers import on_sqlite
from tests.delivery.mailbox import Mailbox, serving
from tests.scheduling.services import (
    MINUTE,
    NOON,
    Clock,
    World,
    begin,
    crashed,
    notified_by_mail,
    run_in_turn,
    scheduled,
    step,
    wait_for_late_notifications,
)

ELSEWHERE = "another-machine/17/4711"
DEAD = f"{socket.gethostname()}/999999999/1"
POSTGRESQL = "postgresql+psycopg://localhost/x"  # never opened: `World` has the database


def with_workers(**keys: Any) -> Config:
    keys = {"database_url": POSTGRESQL, "scheduling": {"executor": "workers"}} | keys
    return checked(Config, keys, "rscrawler.toml")


@pytest.fixture
def world(open_store: Callable[[], Store], clock: Clock) -> World:
    """A test that takes it runs on SQLite and on PostgreSQL."""
    return World(open_store, clock, config=with_workers())


def worker_of(world: World, *jobs: Any, at_once: int = 2, **options: Any) -> Service:
    return world.service(*jobs, worker="w", at_once=at_once, **options)


# The configuration.


def test_workers_need_postgresql() -> None:
    with pytest.raises(ConfigurationError, match='"workers" needs a database_url of PostgreSQL'):
        with_workers(database_url="sqlite:///x.db")


def test_the_former_name_of_the_setting_is_understood() -> None:
    assert with_workers(scheduling={"executor": "procrastinate"}).uses_workers


def test_a_job_of_several_sites_becomes_one_for_each(tmp_path: Path) -> None:
    text = '[[job]]\nid = "news"\nevery = "1h"\nsites = ["rferl", "novastan"]\n'
    (tmp_path / "jobs.toml").write_text(text)
    sites = {"rferl": {"enabled": True}, "novastan": {"enabled": True}}
    ids = {job.id: job.sites for job in active_jobs(with_workers(sites=sites), tmp_path)}
    assert ids["news/rferl"] == ("rferl",)
    assert ids["news/novastan"] == ("novastan",)
    assert "news" not in ids


# Who runs what.


def test_workers_run_each_crawl_once_and_services_none(world: World) -> None:
    jobs = (scheduled("a", ["x"]), scheduled("b", ["y"]), scheduled("d", action="deliver"))

    async def scenario() -> None:
        services = [world.service(*jobs, owner=f"service-{n}/1/1") for n in (1, 2)]
        workers = [worker_of(world, *jobs, owner=f"worker-{n}/1/1") for n in (1, 2)]
        for _ in range(3):
            await step(*services, *workers)
            world.clock.advance(20 * MINUTE)

    asyncio.run(scenario())
    started = world.children.started
    assert [sum(each[1] == site for each in started) for site in ("x", "y")] == [3, 3]
    assert sum(each[0] == "deliver" for each in started) == 3


def test_a_worker_runs_so_many_crawls_at_a_time_and_the_others_after_them(world: World) -> None:
    jobs = [scheduled(f"job-{n}", [f"site-{n}"]) for n in range(3)]

    async def scenario() -> None:
        await run_in_turn(world, [worker_of(world, *jobs)], first=2, both=3)

    asyncio.run(scenario())


@on_sqlite
def test_a_worker_of_one_crawl_at_a_time_also_runs_jobs_that_failed(world: World) -> None:
    async def scenario() -> None:
        worker = worker_of(world, scheduled(), at_once=1)
        world.children.results.append(crashed(1))
        await step(worker)
        world.clock.advance(20 * MINUTE)
        await step(worker)

    asyncio.run(scenario())
    assert len(world.children.started) == 2
    assert world.open_store().jobs.states()["job"].last_outcome == "ok"


@pytest.mark.parametrize("other", ["a", "b"], ids=["site", "host"])
def test_a_run_waits_for_one_of_its_site_or_host_that_another_worker_begins(
    world: World, other: str
) -> None:
    jobs = scheduled("often", ["a"], host="h"), scheduled("whole", [other], host="h", full=True)

    async def scenario() -> None:
        workers = [worker_of(world, *jobs, owner=f"worker-{n}/1/1") for n in (1, 2)]
        # The second begins before the crawl of the first has its leases.
        await run_in_turn(world, workers, first=1, both=2)

    asyncio.run(scenario())
    assert {each.last_outcome for each in world.open_store().jobs.states().values()} == {"ok"}


def test_one_service_delivers_and_another_takes_that_over_when_it_leaves(world: World) -> None:
    deliver = scheduled("deliver", action="deliver", every="1m")
    first = world.service(deliver, owner="service/1/1")
    second = world.service(deliver, owner=ELSEWHERE)
    leases = world.open_store().leases

    async def scenario() -> None:
        await step(worker_of(world, deliver), first, second)
        assert leases.holder(DELIVERER) == "service/1/1"
        assert [arguments[0] for arguments in world.children.started] == ["deliver"]
        leases.release(DELIVERER, "service/1/1")
        world.clock.advance(MINUTE)
        await step(second)

    asyncio.run(scenario())
    assert leases.holder(DELIVERER) == ELSEWHERE
    assert len(world.children.started) == 2


# The dead.


@pytest.mark.parametrize(
    ("owner", "silence"), [(DEAD, timedelta()), (ELSEWHERE, LEASE_DURATION)], ids=["here", "away"]
)
@pytest.mark.parametrize("finder", ["a worker", "a service"])
def test_the_run_of_a_worker_that_died_is_run_by_another(
    world: World, owner: str, silence: timedelta, finder: str
) -> None:
    async def scenario() -> None:
        world.children.gate = asyncio.Event()
        await begin(dead := worker_of(world, owner=owner))
        if silence:
            world.clock.advance(silence - timedelta(seconds=1))
            await step(world.service(owner="service/1/1"))
            await step(worker_of(world, owner="worker/1/1"))
            assert len(world.children.started) == 1
            world.clock.advance(timedelta(seconds=1))
        if finder == "a service":
            await step(world.service(owner="service/1/1"))
            assert world.open_store().jobs.unended() == set()
        world.children.gate.set()
        await step(worker_of(world, owner="worker/1/1"))
        await dead.finish_runs()

    asyncio.run(scenario())
    assert len(world.children.started) == 2
    assert world.open_store().jobs.states()["job"].last_outcome == "ok"


@on_sqlite
def test_a_run_that_an_older_version_put_into_its_queue_is_due_again(world: World) -> None:
    jobs = world.open_store().jobs
    jobs.schedule("job", "every 20m", NOON)
    queued = Firing("job", NOON, "(queue)")
    assert jobs.claim(queued, next_fire_at=NOON + 20 * MINUTE, now=NOON)
    asyncio.run(step(worker_of(world)))
    assert len(world.children.started) == 1


def test_workers_do_not_hide_that_the_service_is_dead(world: World) -> None:
    store = world.open_store()
    store.leases.acquire(f"service:{DEAD}", DEAD, NOON)
    asyncio.run(step(worker_of(world)))
    assert [each.owner for each in store.leases.services(SERVICE)] == [DEAD]
    (problem,) = read_status(world.config, store, world.clock()).others["schedule"]
    assert "has died or hangs" in problem.message


def test_operators_are_notified_if_no_worker_runs_a_job_for_a_day(world: World) -> None:
    late = "job job: no worker has run what was due at 2026-11-24T12:00:00Z"
    store = world.open_store()

    def crawl_by_hand() -> None:
        began = world.clock()
        store.health.record_start(f"{began}", "site", began)
        store.health.record_end(f"{began}", "site", began + MINUTE, succeeded=True, counters={})
        world.clock.advance(2 * MINUTE)
        end_overdue(store, world.clock())

    async def watch(service: Service, span: timedelta) -> None:
        end = world.clock() + span
        while world.clock() < end:
            world.clock.advance(min(50 * MINUTE, end - world.clock()))
            await step(service)

    async def scenario() -> None:
        await step(service := world.service())
        await watch(service, timedelta(days=1))
        assert store.health.problems() == []
        store.leases.acquire("site:site", "another-machine/1/1", world.clock())  # it is crawled
        await watch(service, MINUTE)
        assert store.health.problems() == []
        store.leases.release("site:site", "another-machine/1/1")
        for days in range(2):
            await watch(service, MINUTE + timedelta(days=days))
            (problem,) = store.health.problems()
            assert (problem.subject, problem.code, problem.message) == ("site", "overdue", late)
            crawl_by_hand()
            await step(service)
            assert store.health.problems() == []
        for is_new in (False, True):  # it slept, or was off
            service = world.service() if is_new else service
            world.clock.advance(timedelta(days=2))
            await watch(service, 50 * MINUTE)
            assert store.health.problems() == []
        await step(worker_of(world))

    asyncio.run(scenario())
    assert store.health.problems() == []


@on_sqlite
def test_a_worker_logs_that_the_database_fails_and_notifies_nobody(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "rscrawler.scheduling")

    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the database is away"))

    async def scenario() -> None:
        worker = worker_of(world)
        with monkeypatch.context() as patch:
            patch.setattr("rscrawler.store.jobs.JobStore.open_runs", gone)
            for _ in range(3):
                await step(worker)
                world.clock.advance(5 * MINUTE)
        await step(worker)

    with serving(Mailbox()) as mailbox:
        settings = notified_by_mail(mailbox, tmp_path)
        world.config = with_workers(alerts=settings.alerts, output_dir=tmp_path)
        asyncio.run(scenario())
        wait_for_late_notifications()
        assert mailbox.received == []
    assert caplog.text.count("the database is away") == 1
    assert "the database works again" in caplog.text
    assert len(world.children.started) == 1
