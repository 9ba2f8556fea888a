"""Runs go through the queue to a worker: each once, whoever dies."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from rscrawler.config import Config, checked
from rscrawler.delivery.ops import end_overdue
from rscrawler.errors import ConfigurationError
from rscrawler.schedules import active_jobs
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.service import DELIVERER, Service
from rscrawler.scheduling.worker import (
    LOST_AFTER,
    Worker,
    hand_over,
    install_queue,
    run_of,
    task_arguments,
)
from rscrawler.store.jobs import QUEUE, Firing
from tests.cluster.conftest import Plant
from tests.scheduling.services import MINUTE, NOON, crashed, scheduled, step
from tests.workspace import DEADLINE_SECONDS

ELSEWHERE = "another-machine/17/4711"


def look_round(plant: Plant, *jobs: Any) -> None:
    """A service looks round once."""
    asyncio.run(step(plant.service(*(jobs or (scheduled(),)))))


def work(worker: Worker, until: Callable[[], bool]) -> None:
    """The worker serves until something holds, then stops."""

    async def scenario() -> None:
        serving = asyncio.create_task(worker.run())
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not until() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        worker.stop()
        await serving

    asyncio.run(scenario())


def is_idle(plant: Plant) -> Callable[[], bool]:
    return lambda: not plant.queued()


# The configuration.


def test_workers_need_postgresql() -> None:
    with pytest.raises(ConfigurationError, match="needs a database_url of PostgreSQL"):
        checked(Config, {"scheduling": {"executor": "procrastinate"}}, "rscrawler.toml")


def test_workers_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rscrawler.config.models.find_spec", lambda _: None)
    values = {
        "database_url": "postgresql+psycopg://localhost/x",
        "scheduling": {"executor": "procrastinate"},
    }
    with pytest.raises(ConfigurationError, match=r'pip install "rscrawler\[workers\]"'):
        checked(Config, values, "rscrawler.toml")


def test_a_job_of_several_sites_becomes_one_for_each(plant: Plant, tmp_path: Any) -> None:
    text = '[[job]]\nid = "news"\nevery = "1h"\nsites = ["rferl", "novastan"]\n'
    (tmp_path / "jobs.toml").write_text(text)
    sites = {"rferl": {"enabled": True}, "novastan": {"enabled": True}}
    config = plant.config.model_copy(update={"sites": sites})
    ids = {job.id: job.sites for job in active_jobs(config, tmp_path)}
    assert ids["news/rferl"] == ("rferl",)
    assert ids["news/novastan"] == ("novastan",)
    assert "news" not in ids


# Handing over.


def test_the_tables_are_made_once_when_several_processes_start(plant: Plant) -> None:
    stores = [plant.open_store() for _ in range(4)]
    threads = [threading.Thread(target=install_queue, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert plant.queued() == []


def test_a_run_comes_out_of_the_queue_as_it_went_in() -> None:
    adaptive = {"min": "10m", "max": "2h"}
    of_both = scheduled("news", ["site", "other"], adaptive=adaptive, full=True, time_limit="90s")
    job, _ = of_both.by_site()
    assert job.id == "news/site"
    run, fire_at = run_of(task_arguments(job, NOON))
    assert fire_at == NOON
    for name in ("id", "sites", "full", "time_limit", "adaptive", "action"):
        assert getattr(run.job, name) == getattr(job.job, name)
    assert run.leases == job.leases == ["site:site", "host:site.example"]


def test_of_two_services_one_hands_a_run_over_and_none_runs_it(plant: Plant) -> None:
    async def scenario() -> None:
        services = [plant.service(scheduled(), owner=f"service/{n}/1") for n in (1, 2)]
        await step(*services, *services)
        (row,) = plant.queued()
        assert (row["status"], row["queueing_lock"]) == ("todo", "job")
        assert row["lock"] == "host:site.example"
        assert plant.children.started == []
        plant.clock.advance(20 * MINUTE)
        await step(*services)
        assert len(plant.queued()) == 1  # the first still waits: it does not pile up

    asyncio.run(scenario())


def test_a_run_that_cannot_be_queued_is_not_claimed(plant: Plant) -> None:
    look_round(plant)
    plant.change("DELETE FROM fired")
    plant.change("UPDATE job SET next_fire_at = '2026-11-24T12:00:00.000000Z'")
    look_round(plant)  # the queue refuses: the same job waits there
    store = plant.open_store()
    assert store.jobs.unended() == set()
    assert store.jobs.states()["job"].next_fire_at == NOON


def test_operators_are_notified_if_no_worker_ends_a_run_for_a_day(plant: Plant) -> None:
    store, late = plant.open_store(), "job job: no worker has ended its run of 2026-11-24T12:00:00Z"

    def crawl_by_hand() -> None:
        began = plant.clock()
        store.health.record_start(f"{began}", "site", began)
        store.health.record_end(f"{began}", "site", began + MINUTE, succeeded=True, counters={})
        plant.clock.advance(2 * MINUTE)
        end_overdue(store, plant.clock())

    async def watch(service: Service, span: timedelta) -> None:
        end = plant.clock() + span
        while plant.clock() < end:
            plant.clock.advance(min(30 * MINUTE, end - plant.clock()))
            await step(service)

    async def scenario() -> None:
        await step(service := plant.service(scheduled()))
        await watch(service, timedelta(days=1))
        assert store.health.problems() == []
        store.leases.acquire("site:site", "another-machine/1/1", plant.clock())  # it is crawled
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
        for cause in ("sleep", "off", "no database"):
            if cause == "off":
                service = plant.service(scheduled())
            elif cause == "no database":
                plant.change("ALTER TABLE lease RENAME TO away")
                await watch(service, MINUTE)
            plant.clock.advance(timedelta(days=2))
            if cause == "no database":
                plant.change("ALTER TABLE away RENAME TO lease")
            await watch(service, 50 * MINUTE)
            assert store.health.problems() == []

    asyncio.run(scenario())
    work(plant.worker(), is_idle(plant))
    assert store.health.problems() == []


def test_one_service_delivers_and_another_takes_that_over_when_it_leaves(plant: Plant) -> None:
    deliver = scheduled("deliver", action="deliver", every="1m")
    first = plant.service(deliver, owner="service/1/1")
    second = plant.service(deliver, owner=ELSEWHERE)
    store = plant.open_store()

    async def scenario() -> None:
        await step(first, second)
        assert store.leases.holder(DELIVERER) == "service/1/1"
        assert [arguments[0] for arguments in plant.children.started] == ["deliver"]
        store.leases.release(DELIVERER, "service/1/1")
        plant.clock.advance(MINUTE)
        await step(second)

    asyncio.run(scenario())
    assert store.leases.holder(DELIVERER) == ELSEWHERE
    assert len(plant.children.started) == 2


# Working.


def test_a_worker_runs_a_run_once_and_writes_its_end_down(plant: Plant) -> None:
    look_round(plant, scheduled(full=True, time_limit="90s"))
    work(plant.worker(), until=is_idle(plant))
    assert plant.children.started == [["crawl", "site", "--json", "--full"]]
    assert plant.children.limits == [timedelta(seconds=90)]
    state = plant.open_store().jobs.states()["job"]
    assert (state.last_outcome, state.failures) == ("ok", 0)


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (crashed(-9), "ended by SIGKILL"),
        (OSError("no more processes"), "could not be run: no more processes"),
    ],
)
def test_a_run_that_fails_ends_and_makes_its_site_overdue(
    plant: Plant, result: ChildResult | Exception, why: str
) -> None:
    plant.children.results.append(result)
    look_round(plant)
    work(plant.worker(), until=is_idle(plant))
    store = plant.open_store()
    assert store.jobs.states()["job"].last_outcome == f"failed: {why}"
    assert [problem.code for problem in store.health.problems()] == ["overdue"]


def test_an_adaptive_job_gets_its_next_visit_from_the_worker(plant: Plant) -> None:
    look_round(plant, scheduled(adaptive={"min": "5m", "max": "30m"}))
    work(plant.worker(), until=is_idle(plant))
    next_at = plant.open_store().jobs.states()["job"].next_fire_at
    assert NOON + 5 * MINUTE <= next_at <= NOON + 30 * MINUTE


def test_a_run_whose_worker_died_is_taken_over(plant: Plant) -> None:
    look_round(plant)
    plant.change(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - '1h'::interval)"
    )
    plant.change("UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1")
    work(plant.worker(), until=is_idle(plant))
    assert len(plant.children.started) == 1


def test_a_run_whose_worker_is_forgotten_is_taken_over(plant: Plant) -> None:
    look_round(plant)
    plant.change("INSERT INTO procrastinate_workers DEFAULT VALUES")
    plant.change("UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1")
    plant.change("DELETE FROM procrastinate_workers")
    work(plant.worker(), until=is_idle(plant))
    assert len(plant.children.started) == 1


def test_a_run_whose_worker_died_after_its_end_makes_way_for_the_next_one(plant: Plant) -> None:
    look_round(plant)
    plant.change("UPDATE procrastinate_jobs SET status = 'doing'")
    store = plant.open_store()
    store.jobs.end(Firing("job", NOON, QUEUE), outcome="ok", has_failed=False, now=NOON)
    plant.clock.advance(20 * MINUTE)
    look_round(plant)
    assert [row["status"] for row in plant.queued()] == ["doing", "todo"]
    work(plant.worker(), until=is_idle(plant))
    assert len(plant.children.started) == 1


@pytest.mark.parametrize(
    "written_by",
    [
        ["FUNCTION procrastinate_finish_job_v1"],
        ["FUNCTION procrastinate_retry_job_v2", "TABLE fired"],
    ],
    ids=["in the queue", "anywhere"],
)
def test_a_run_whose_end_could_not_be_written_leaves_the_queue_while_another_goes_on(
    plant: Plant, caplog: pytest.LogCaptureFixture, written_by: list[str]
) -> None:
    long, short = scheduled("long", ["a"]), scheduled("short", ["b"])
    plant.children.gate = asyncio.Event()  # never set
    look_round(plant, long)
    lost = False

    def is_written_after_all() -> bool:
        nonlocal lost
        if plant.children.gate is not None and plant.children.started:
            plant.children.gate = None
            claim(plant, short)
            for each in written_by:
                plant.change(f"ALTER {each} RENAME TO away")
        elif not lost and "trying again" in caplog.text:
            for each in written_by:
                kind, name = each.split()
                plant.change(f"ALTER {kind} away RENAME TO {name}")
            lost = True
        return lost and [row["queueing_lock"] for row in plant.queued()] == ["long"]

    work(plant.worker(at_once=2), until=is_written_after_all)
    assert [arguments[1] for arguments in plant.children.started] == ["a", "b"]
    assert [row["queueing_lock"] for row in plant.queued()] == ["long"]


def claim(plant: Plant, job: Any) -> None:
    """Claim a run as a service does, in one transaction with what puts it into the queue."""
    store = plant.open_store()
    store.jobs.schedule(job.id, job.job.when, NOON)
    firing, put = Firing(job.id, NOON, QUEUE), partial(hand_over, job, NOON)
    store.jobs.claim(firing, next_fire_at=NOON + MINUTE, now=NOON, hand_over=put)


@pytest.mark.parametrize("lease", ["site:site", "host:site.example"])
def test_a_run_of_a_site_or_a_host_that_is_being_crawled_waits(plant: Plant, lease: str) -> None:
    look_round(plant)
    store = plant.open_store()
    store.leases.acquire(lease, ELSEWHERE, NOON)
    has_waited = False

    def ran_after_all() -> bool:
        nonlocal has_waited
        rows = plant.queued()
        if not has_waited and rows and rows[0]["attempts"] >= 2:
            assert plant.children.started == []
            store.leases.release(lease, ELSEWHERE)
            has_waited = True
        return not rows

    work(plant.worker(), until=ran_after_all)
    assert has_waited
    assert len(plant.children.started) == 1


def test_a_run_that_has_ended_is_not_run_again(plant: Plant) -> None:
    look_round(plant)
    store = plant.open_store()
    store.jobs.end(Firing("job", NOON, QUEUE), outcome="ok", has_failed=False, now=NOON)
    work(plant.worker(), until=is_idle(plant))
    assert plant.children.started == []


def test_a_run_that_is_in_no_queue_is_due_again(plant: Plant) -> None:
    look_round(plant)
    plant.change("DELETE FROM procrastinate_jobs")
    plant.clock.advance(LOST_AFTER + timedelta(seconds=1))
    store = plant.open_store()
    work(plant.worker(), until=lambda: not store.jobs.unended())
    look_round(plant)
    assert len(plant.queued()) == 1


def test_a_worker_that_is_stopped_leaves_its_run_to_another(plant: Plant) -> None:
    look_round(plant)
    plant.children.gate = asyncio.Event()
    work(plant.worker(), until=lambda: bool(plant.children.started))
    (row,) = plant.queued()
    assert row["status"] == "todo"
    plant.children.gate = None
    work(plant.worker(), until=is_idle(plant))
    assert plant.open_store().jobs.states()["job"].last_outcome == "ok"


def test_a_worker_says_once_that_its_database_is_frozen_and_goes_on_when_it_is_back(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rscrawler.store.postgresql.TIMEOUT_SECONDS", 2)
    caplog.set_level(logging.INFO, "rscrawler.scheduling.worker")
    look_round(plant, scheduled("first", ["a"]))
    frozen: list[psutil.Process] = []
    impatient = pytest.MonkeyPatch()
    # Either limit may be met first; this one holds for a round that begins before the freeze.
    impatient.setattr("rscrawler.scheduling.worker.LONGEST_SILENCE_SECONDS", 3.0)
    thaw_at = 0.0

    def ran_both() -> bool:
        nonlocal thaw_at
        if not thaw_at:
            if plant.children.started and not plant.queued():
                impatient.setattr("rscrawler.store.postgresql.LONGEST_SILENCE_SECONDS", 0.3)
                caplog.clear()
                frozen.extend(plant.server())
                for each in frozen:
                    each.suspend()
                thaw_at = time.monotonic() + DEADLINE_SECONDS / 2
            return False
        if frozen and ("trying again" in caplog.text or time.monotonic() > thaw_at):
            while frozen:
                frozen.pop().resume()
            impatient.undo()
            second = scheduled("second", ["b"])
            claim(plant, second)
        return not frozen and "works again" in caplog.text and len(plant.children.started) == 2

    try:
        work(plant.worker(), until=ran_both)
    finally:
        for each in frozen:
            each.resume()
        impatient.undo()
    assert [arguments[1] for arguments in plant.children.started] == ["a", "b"]
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert len(said) == len(set(said)) > 0


def test_without_workers_what_lies_in_the_queue_is_due_again(plant: Plant) -> None:
    look_round(plant)
    process_config = Config.model_validate({"database_url": plant.url})
    service = plant.service(scheduled())
    service._load = lambda: (process_config, service._jobs)
    service.reload()
    asyncio.run(step(service, service))
    assert plant.children.started == [["crawl", "site", "--json"]]
