"""The service: on time, once, and never silently dead."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.schedules import ScheduledJob
from rscrawler.scheduling import trouble
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.runs import judge_run, record_end
from rscrawler.scheduling.service import OUTBOX_CHECK, Service
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing, JobStore
from rscrawler.store.leases import LEASE_DURATION
from rscrawler.store.messages import NewMessage
from tests.delivery.helpers import on_sqlite
from tests.delivery.mailbox import Mailbox, serving
from tests.monitoring.conftest import Pulse
from tests.scheduling.services import (
    MINUTE,
    NOON,
    Clock,
    World,
    begin,
    crashed,
    crawled,
    notified_by_mail,
    run_in_turn,
    scheduled,
    step,
    wait_for_late_notifications,
)
from tests.workspace import DEADLINE_SECONDS, wait_until

ELSEWHERE = "another-machine/17/4711"
DEAD = f"{socket.gethostname()}/999999999/1"


@pytest.fixture
def world(tmp_path: Path, clock: Clock, empty_database: Path) -> Iterator[World]:
    shutil.copy(empty_database, tmp_path)
    opened: list[Store] = []

    def open_store() -> Store:
        opened.append(Store.open(f"sqlite:///{tmp_path / 'rscrawler.db'}"))
        return opened[-1]

    yield World(open_store, clock)
    for store in opened:
        store.close()


@pytest.fixture
def shared_world(open_store: Callable[[], Store], clock: Clock) -> World:
    """A test that takes it runs on SQLite and on PostgreSQL."""
    return World(open_store, clock)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "rscrawler.scheduling")
    return caplog


def next_fire(world: World, job_id: str = "job") -> datetime:
    return world.open_store().jobs.states()[job_id].next_fire_at


# On time.


def test_a_new_job_runs_at_once_and_then_on_its_grid(world: World) -> None:
    async def scenario() -> None:
        service = world.service(scheduled(every="20m", full=True))
        world.clock.now = NOON + 3 * MINUTE
        await step(service)
        assert world.children.started == [["crawl", "site", "--json", "--full"]]
        assert next_fire(world) == NOON + 20 * MINUTE
        world.clock.now = NOON + 20 * MINUTE - timedelta(seconds=1)
        await step(service)
        assert len(world.children.started) == 1
        world.clock.now = NOON + 20 * MINUTE
        await step(service)
        assert len(world.children.started) == 2

    asyncio.run(scenario())


@on_sqlite
def test_runs_that_were_missed_are_caught_up_once(
    shared_world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        await step(shared_world.service())
        shared_world.clock.advance(timedelta(hours=3, minutes=7))
        await step(shared_world.service())

    asyncio.run(scenario())
    assert len(shared_world.children.started) == 2
    assert next_fire(shared_world) == NOON + timedelta(hours=3, minutes=20)
    assert "job job: runs 2h late" in log.text.replace("167m", "2h")


def test_a_daily_run_that_was_missed_for_two_days_is_caught_up_for_the_last(
    world: World,
) -> None:
    async def scenario() -> None:
        job = scheduled(cron="0 7 * * *")
        await step(world.service(job))
        world.clock.now = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
        await step(world.service(job))

    asyncio.run(scenario())
    assert len(world.children.started) == 1
    assert next_fire(world) == datetime(2026, 11, 28, 7, tzinfo=UTC)


def test_a_run_that_was_missed_for_too_long_is_skipped_with_a_word(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        job = scheduled(cron="0 7 * * 3")
        await step(world.service(job))
        world.clock.now = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
        await step(world.service(job))

    asyncio.run(scenario())
    assert world.children.started == []
    assert next_fire(world) == datetime(2026, 12, 2, 7, tzinfo=UTC)
    assert "missed its run of 2026-11-25T07:00:00Z" in log.text


@pytest.mark.parametrize(
    "first", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)]
)
def test_a_daily_digest_goes_out_once_a_day_when_the_clocks_change(
    world: World, first: datetime
) -> None:
    fired: list[str] = []

    async def scenario() -> None:
        world.clock.now = first
        service = world.service(
            scheduled(action="digest", cron="30 2 * * *", timezone="Europe/Berlin")
        )
        for _ in range(3 * 24):
            before = len(world.children.started)
            await step(service)
            if len(world.children.started) > before:
                fired.append(f"{world.clock.now:%m-%d}")
            world.clock.advance(60 * MINUTE)

    asyncio.run(scenario())
    assert fired == [f"{first + timedelta(days=days):%m-%d}" for days in range(3)]
    assert world.children.started == [["deliver", "--json"]] * 3


def test_a_job_whose_time_comes_while_it_runs_is_run_once_more_when_it_has_ended(
    world: World,
) -> None:
    async def scenario() -> None:
        service = world.service()
        world.children.gate = asyncio.Event()
        await begin(service)
        for _ in range(3):
            world.clock.advance(20 * MINUTE)
            await begin(service)
        assert len(world.children.started) == 1
        world.children.gate.set()
        await service.finish_runs()
        await step(service)
        await step(service)
        assert len(world.children.started) == 2

    asyncio.run(scenario())
    assert next_fire(world) == NOON + 80 * MINUTE


def test_a_clock_that_was_far_ahead_does_not_silence_a_job(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        service = world.service()
        world.clock.now = NOON + timedelta(days=365)
        await step(service)
        world.clock.now = NOON + 1 * MINUTE
        await step(service)
        assert next_fire(world) == NOON + 20 * MINUTE
        world.clock.now = NOON + 20 * MINUTE
        await step(service)

    asyncio.run(scenario())
    assert len(world.children.started) == 2
    assert "the clock was set back" in log.text


@on_sqlite
def test_runs_are_repeated_when_the_clock_goes_back_over_them(shared_world: World) -> None:
    async def scenario() -> None:
        service = shared_world.service()
        for _ in range(4):
            await step(service)
            shared_world.clock.advance(20 * MINUTE)
        shared_world.clock.now = NOON + 10 * MINUTE
        await step(service)
        shared_world.clock.advance(10 * MINUTE)
        await step(service)

    asyncio.run(scenario())
    assert len(shared_world.children.started) == 5


# Each run once.


def test_two_services_on_one_database_run_each_job_once(shared_world: World) -> None:
    async def scenario() -> None:
        jobs = (scheduled("a", ["x"], jitter="5m"), scheduled("b", ["y"], every="7m"))
        services = [shared_world.service(*jobs), shared_world.service(*jobs, owner=ELSEWHERE)]
        for minute in range(41):
            shared_world.clock.now = NOON + minute * MINUTE
            await step(*services[:: 1 if minute % 2 else -1])

    asyncio.run(scenario())
    started = [arguments[1] for arguments in shared_world.children.started]
    assert started.count("x") == 2
    assert started.count("y") == 7


def test_a_service_that_another_was_quicker_than_runs_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw the job due, and before it claimed the run the other had claimed and ended it."""

    async def scenario() -> None:
        quicker, slower = world.service(), world.service(owner=ELSEWHERE)
        await step(quicker)
        seen = replace(world.open_store().jobs.states()["job"], next_fire_at=NOON)
        monkeypatch.setattr(JobStore, "states", lambda _: {"job": seen})
        await step(slower, slower)

    asyncio.run(scenario())
    assert len(world.children.started) == 1


@pytest.mark.parametrize("jobs", [["job"], ["job", "rival"]], ids=["of a job", "of rivals"])
def test_of_many_that_claim_a_run_at_the_same_moment_one_gets_it(
    open_store: Callable[[], Store], jobs: list[str]
) -> None:
    for job_id in jobs:
        open_store().jobs.schedule(job_id, "every 20m", NOON)
    stores, won = [open_store() for _ in range(6)], list[str]()
    barrier, turns = threading.Barrier(len(stores)), cycle(jobs)

    def claim(store: Store, owner: str) -> None:
        firing = Firing(next(turns), NOON, owner)
        barrier.wait()
        if store.jobs.claim(firing, next_fire_at=NOON + MINUTE, now=NOON, rivals=jobs):
            won.append(owner)

    threads = [
        threading.Thread(target=claim, args=(store, f"host-{number}/1/1"))
        for number, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_the_run_of_a_service_that_died_on_this_machine_is_taken_over_at_once(
    shared_world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        shared_world.children.gate = asyncio.Event()
        await begin(dead := shared_world.service(owner=DEAD))
        shared_world.children.gate = None
        await step(shared_world.service())
        dead.stop()
        await dead.finish_runs()

    asyncio.run(scenario())
    assert len(shared_world.children.started) == 2
    died = f"process 999999999 on {socket.gethostname()} died"
    assert f"was interrupted when {died}; it is due again" in log.text


def test_a_claim_whose_answer_was_lost_is_due_again_to_the_service_that_made_it(
    world: World,
) -> None:
    async def scenario() -> None:
        service, jobs = world.service(owner=ELSEWHERE), world.open_store().jobs
        await step(service)
        world.clock.advance(20 * MINUTE)
        lost = Firing("job", world.clock.now, ELSEWHERE)
        assert jobs.claim(lost, next_fire_at=NOON + 40 * MINUTE, now=world.clock.now)
        await step(service)

    asyncio.run(scenario())
    assert len(world.children.started) == 2


def test_the_run_of_a_silent_service_elsewhere_is_taken_over_when_its_lease_has_run_out(
    shared_world: World,
) -> None:
    async def scenario() -> None:
        shared_world.children.gate = asyncio.Event()
        await begin(silent := shared_world.service(owner=ELSEWHERE))
        service = shared_world.service()
        shared_world.clock.advance(LEASE_DURATION - timedelta(seconds=1))
        await begin(service)
        assert len(shared_world.children.started) == 1
        shared_world.clock.advance(timedelta(seconds=1))
        await begin(service)
        assert len(shared_world.children.started) == 2
        shared_world.children.gate.set()
        await service.finish_runs()
        await silent.finish_runs()

    asyncio.run(scenario())
    assert shared_world.open_store().jobs.states()["job"].last_outcome == "ok"


def test_the_run_of_a_service_elsewhere_whose_clock_was_ahead_blocks_its_job_no_longer(
    world: World,
) -> None:
    async def scenario() -> None:
        world.children.gate = asyncio.Event()
        world.clock.advance(timedelta(days=40))
        await begin(killed := world.service(owner=ELSEWHERE))
        world.open_store().leases.acquire("site:site", f"{ELSEWHERE}/crawl", world.clock())
        world.clock.advance(-timedelta(days=40))
        await begin(service := world.service())
        world.clock.advance(20 * MINUTE)
        await begin(service)
        assert len(world.children.started) == 2
        world.children.gate.set()
        await service.finish_runs()
        await killed.finish_runs()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "jobs",
    [
        (scheduled("a", ["x", "y"]), scheduled("b", ["y"])),
        tuple(scheduled(name, [name], host="outlet.example") for name in ("en", "ru")),
    ],
    ids=["one site", "one host"],
)
def test_two_jobs_of_one_site_or_host_do_not_run_at_once(
    world: World, jobs: tuple[ScheduledJob, ...]
) -> None:
    async def scenario() -> None:
        await run_in_turn(world, [world.service(*jobs)], first=1, both=2)

    asyncio.run(scenario())


def test_of_many_crawls_that_are_due_sixteen_run_at_once_and_the_others_after_them(
    world: World,
) -> None:
    async def scenario() -> None:
        crawls = (scheduled(f"job-{n}", [f"site-{n}"]) for n in range(40))
        service = world.service(scheduled("delivery", action="deliver"), *crawls)
        world.children.gate = asyncio.Event()
        await begin(service)
        kinds = Counter(arguments[0] for arguments in world.children.started)
        assert kinds == {"deliver": 1, "crawl": 16}
        world.children.gate.set()
        for _ in range(3):
            await service.finish_runs()
            await step(service)
        assert len({tuple(each) for each in world.children.started}) == 41

    asyncio.run(scenario())


def test_sites_that_do_not_answer_take_at_most_half_of_the_places(world: World) -> None:
    async def scenario() -> None:
        dead, live = (
            [scheduled(f"{kind}-{n}", [f"{kind}-{n}"]) for n in range(20)]
            for kind in ("dead", "live")
        )
        world.children.results = [crashed(1)] * len(dead)
        service = world.service(*dead)
        for _ in range(2):
            await step(service)
        world.clock.advance(20 * MINUTE)
        world.children.started.clear()
        world.children.gate = asyncio.Event()
        await begin(world.service(*dead, *live))
        kinds = Counter(arguments[1][:4] for arguments in world.children.started)
        assert kinds == {"dead": 8, "live": 8}

    asyncio.run(scenario())


@pytest.mark.parametrize("lease", ["site:site", "host:site.example"])
def test_a_job_waits_while_its_site_or_its_host_is_crawled_by_hand(
    shared_world: World, lease: str
) -> None:
    async def scenario() -> None:
        leases = shared_world.open_store().leases
        leases.acquire(lease, ELSEWHERE, NOON)
        service = shared_world.service()
        await step(service)
        assert shared_world.children.started == []
        leases.release(lease, ELSEWHERE)
        await step(service)
        assert len(shared_world.children.started) == 1

    asyncio.run(scenario())


# What goes wrong in a run.


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (crashed(1, "Traceback", "ValueError: no"), "failed: exit status 1: ValueError: no"),
        (crashed(2, "rscrawler: x.toml: wrong"), "failed: exit status 2: x.toml: wrong"),
        (
            replace(crashed(1, "rscrawler: x: no room"), output='{"error": "x: no room"}'),
            "failed: exit status 1: x: no room",
        ),
        (crashed(-11), "failed: ended by SIGSEGV"),
        (crashed(0), "failed: printed no report"),
        (OSError("no more processes"), "failed: could not be run: no more processes"),
    ],
)
def test_a_crash_is_one_line_and_a_problem_until_the_next_run_goes_well(
    world: World, log: pytest.LogCaptureFixture, result: Any, line: str
) -> None:
    async def scenario() -> None:
        service = world.service()
        world.children.results = [result]
        await step(service)
        (problem,) = world.open_store().health.problems()
        assert (problem.subject, problem.code) == ("site", ProblemCode.OVERDUE)
        assert world.open_store().jobs.states()["job"].failures == 1
        world.clock.advance(20 * MINUTE)
        await step(service)

    asyncio.run(scenario())
    assert len([record for record in log.records if line in record.getMessage()]) == 1
    assert world.open_store().health.problems() == []
    state = world.open_store().jobs.states()["job"]
    assert (state.failures, state.last_outcome) == (0, "ok")


def test_a_crash_does_not_harm_another_job(world: World) -> None:
    async def scenario() -> None:
        world.children.results = [RuntimeError("boom"), crawled("y")]
        await step(world.service(scheduled("a", ["x"]), scheduled("b", ["y"])))

    asyncio.run(scenario())
    outcomes = {
        job_id: state.last_outcome for job_id, state in world.open_store().jobs.states().items()
    }
    assert outcomes == {"a": "failed: could not be run: boom", "b": "ok"}


def test_a_run_that_was_ended_after_its_time_limit_is_a_problem(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        world.children.results = [replace(crashed(-15), timed_out=True)]
        await step(world.service(scheduled(time_limit="2m")))

    asyncio.run(scenario())
    assert world.children.limits == [timedelta(minutes=2)]
    (problem,) = world.open_store().health.problems()
    assert problem.message == "job job failed: ended after its time limit of 2m"
    assert "job job (site) failed: ended after its time limit of 2m" in log.text


@pytest.mark.parametrize(
    ("good", "overdue"),
    [(["x"], ["y"]), ([], ["x", "y"]), (["x", "y"], ["x", "y"])],
    ids=["one is good", "none is good", "the run failed after both were good"],
)
def test_of_a_run_that_was_ended_only_sites_without_a_good_cycle_are_overdue(
    world: World, good: list[str], overdue: list[str]
) -> None:
    health = world.open_store().health
    for site in good:
        health.record_start("run", site, NOON + MINUTE)
        health.record_end("run", site, NOON + MINUTE, succeeded=True, counters={})

    async def scenario() -> None:
        ended = replace(crashed(-15), timed_out=True, elapsed=30 * MINUTE)
        world.clock.advance(30 * MINUTE)
        world.children.results = [ended]
        await step(world.service(scheduled(sites=["x", "y"])))

    asyncio.run(scenario())
    assert [problem.subject for problem in health.problems()] == overdue


def test_a_cycle_that_a_signal_ended_makes_its_site_overdue_until_a_good_one(
    world: World,
) -> None:
    ended = crawled(status=1, errors=["site: the cycle did not end well"], succeeded=False)
    found = []

    async def scenario() -> None:
        service = world.service()
        world.children.results = [crashed(-9), ended, crawled()]
        for _ in range(3):
            await step(service)
            found.append([problem.message for problem in world.open_store().health.problems()])
            world.clock.advance(20 * MINUTE)

    asyncio.run(scenario())
    assert found == [
        ["job job failed: ended by SIGKILL"],
        ["job job unhealthy: site: the cycle did not end well"],
        [],
    ]


def test_a_cycle_is_one_line_for_people(world: World, log: pytest.LogCaptureFixture) -> None:
    asyncio.run(step(world.service()))
    assert [record.getMessage() for record in log.records] == [
        "cycle site: 21 requests (20 not modified), 0 new, 0 flagged, 1.2 s, run run-1"
    ]


def test_an_unhealthy_cycle_names_its_problems(world: World, log: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        problem = {"code": "unreachable", "message": "none of its 9 sources could be read"}
        world.children.results = [crawled(status=1, problems=[problem])]
        await step(world.service())

    asyncio.run(scenario())
    assert "site: unreachable: none of its 9 sources could be read" in log.text
    assert log.records[0].levelno == logging.WARNING
    assert world.open_store().jobs.states()["job"].failures == 1


def test_the_line_of_a_cycle_names_the_last_page_that_failed_beside_the_number_of_errors() -> None:
    told = "site: 2 errors (last: article https://site.example/a: HTTP 500)"
    printed = json.dumps({**json.loads(crawled().output), "errors": 2})
    result = ChildResult(1, printed, (f"rscrawler: {told}",), MINUTE)
    outcome = judge_run(scheduled(), result, MINUTE)
    assert (outcome.line.count("2 errors,"), outcome.line.count(told)) == (1, 1)


def test_a_site_in_a_pause_is_no_failure_of_a_run_that_visited_another() -> None:
    paused = {
        "note": "asked for a pause",
        "problems": [{"code": "unreachable", "message": "until 9"}],
    }
    report = json.loads(crawled("alpha", "beta").output)
    report["sites"]["beta"] |= paused
    result = ChildResult(1, json.dumps(report), (), MINUTE)
    outcome = judge_run(scheduled(sites=("alpha", "beta")), result, MINUTE)
    assert (outcome.has_failed, outcome.is_healthy, outcome.finished) == (False, False, ("alpha",))


def test_each_source_that_fails_is_a_line_with_its_cause_until_it_fails_for_another(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    cycles = [
        {"/feed": "HTTP 503", "/europe/": "timeout"},
        {"/feed": "HTTP 503", "/europe/": "HTTP 503"},
        {"/feed": "HTTP 503", "/europe/": "HTTP 503"},
        {},
        {"/feed": "HTTP 503"},
    ]

    async def scenario() -> None:
        service = world.service()
        for failed in cycles:
            world.children.results = [crawled(status=int(bool(failed)), failed_sources=failed)]
            await step(service)
            world.clock.advance(20 * MINUTE)

    asyncio.run(scenario())
    lines = [each.getMessage() for each in log.records if "source" in each.getMessage()]
    assert lines == [
        "site: source /feed failed: HTTP 503",
        "site: source /europe/ failed: timeout",
        "site: source /europe/ failed: HTTP 503",
        "site: source /feed failed: HTTP 503",
    ]


def test_an_output_folder_that_cannot_be_written_is_no_fault_of_the_site(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    problem = "output/articles: cannot be written: No space left on device"

    async def scenario() -> None:
        errors = ["a warning", f"rscrawler: {problem}"]
        world.children.results = [crawled(status=1, errors=errors, output_problem=problem)]
        await step(world.service())

    asyncio.run(scenario())
    store = world.open_store()
    assert store.health.problems() == []
    state = store.jobs.states()["job"]
    assert (state.failures, state.last_outcome) == (0, f"unhealthy: {problem}")
    assert log.text.count(problem) == 1


def test_a_delivery_that_cannot_write_the_output_folder_makes_the_outbox_overdue(
    world: World,
) -> None:
    problem = "output/articles: cannot be written: No space left on device"
    printed = json.dumps({"served": 0, "waiting": 4, "output_problem": problem})
    delivery = scheduled("hand-over", action="deliver")
    for result, problems in (
        (ChildResult(1, printed, (f"rscrawler: {problem}",), MINUTE), [ProblemCode.OVERDUE]),
        (ChildResult(0, '{"served": 0, "waiting": 0}', (), MINUTE), []),
    ):
        outcome = judge_run(delivery, result, MINUTE)
        assert outcome.is_healthy == (not problems)
        record_end(world.open_store(), delivery, None, outcome, NOON)
        assert [each.code for each in world.open_store().health.problems()] == problems


def test_a_site_that_was_left_alone_is_neither_a_success_nor_a_failure(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        world.open_store().health.raise_problem("site", ProblemCode.OVERDUE, "late", NOON)
        world.children.results = [crawled(note="is being crawled by another process")]
        await step(world.service())

    asyncio.run(scenario())
    assert "cycle site: skipped: site is being crawled by another process" in log.text
    assert [problem.message for problem in world.open_store().health.problems()] == ["late"]


def test_a_store_that_fails_is_complained_of_once_and_the_end_of_a_run_is_kept(
    world: World, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    async def scenario() -> None:
        service = world.service()
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "end", locked)
            await step(service, service, service)
        await step(service)

    asyncio.run(scenario())
    assert log.text.count("database is locked") == 1
    assert world.open_store().jobs.states()["job"].last_outcome == "ok"
    assert len(world.children.started) == 1


# Stopping and reloading.


@on_sqlite
def test_a_run_that_is_stopped_is_due_again_at_the_next_start(shared_world: World) -> None:
    async def scenario() -> None:
        service = shared_world.service()
        shared_world.children.gate = asyncio.Event()
        await begin(service)
        service.stop()
        await service.finish_runs()
        shared_world.children.gate = None
        await step(shared_world.service())

    asyncio.run(scenario())
    assert len(shared_world.children.started) == 2
    assert shared_world.open_store().jobs.states()["job"].last_outcome == "ok"


def test_the_second_request_to_stop_kills_what_runs(world: World) -> None:
    async def never_ends(*_: Any) -> Any:
        await asyncio.Event().wait()

    async def scenario() -> None:
        service = world.service(run=never_ends)
        await begin(service)
        service.stop()
        service.stop()
        await service.finish_runs()

    asyncio.run(scenario())
    assert next_fire(world) == NOON


def test_run_ends_when_it_is_told_to_stop(world: World) -> None:
    async def scenario() -> None:
        service = world.service()
        running = asyncio.create_task(service.run())
        await asyncio.sleep(0)
        service.stop()
        await running

    asyncio.run(scenario())


@on_sqlite
def test_run_starts_a_job_when_its_time_has_come(store: Store) -> None:
    """On the real clock; the job comes around every second, so this ends within two."""
    world = World(lambda: store, Clock())

    async def scenario() -> None:
        service = world.service(scheduled(every="1s"), now=lambda: datetime.now(UTC))
        running = asyncio.create_task(service.run())
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(world.children.started) < 3:
                await asyncio.sleep(0.01)
        service.stop()
        await running

    asyncio.run(scenario())


def test_a_reload_brings_new_times_and_keeps_the_old_jobs_when_a_file_is_wrong(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    answers: list[Any] = [(scheduled(),), ConfigurationError("a: wrong", "b: wrong")]

    def load() -> tuple[Config, tuple[ScheduledJob, ...]]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Config(), answer

    async def scenario() -> None:
        service = world.service(load=load)
        await step(service)
        service.reload()
        await step(service)
        assert next_fire(world) == NOON + 20 * MINUTE
        answers.append((scheduled(every="7m"), scheduled("new", ["other"])))
        service.reload()
        world.children.results = [crawled(), crawled("other")]
        await step(service)

    asyncio.run(scenario())
    refused = [r.getMessage() for r in log.records if r.levelno == logging.ERROR]
    assert refused == ["not reloaded: a: wrong", "not reloaded: b: wrong"]
    assert world.children.started[-1][1] == "other"
    assert next_fire(world) < NOON + 20 * MINUTE


# Adaptive jobs, and the outbox.


def test_the_visit_after_a_run_is_planned_by_a_schedule_that_was_reloaded_meanwhile(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    jobs = [scheduled(adaptive={"min": "5h", "max": "6h"})]

    async def scenario() -> None:
        service = world.service(load=lambda: (world.config, tuple(jobs)))
        world.children.gate = asyncio.Event()
        await begin(service)
        world.clock.advance(MINUTE)
        jobs[0] = scheduled(adaptive={"min": "5m", "max": "30m"})
        service.reload()
        service.check()
        world.children.gate.set()
        await service.finish_runs()
        await step(service)

    asyncio.run(scenario())
    assert len(world.children.started) == 1
    assert next_fire(world) <= NOON + 31 * MINUTE
    assert "the clock was set back" not in log.text


def adaptive_world_step(world: World, failures: int = 0) -> datetime:
    async def scenario() -> None:
        world.children.results = [crashed(1) for _ in range(failures)]
        service = world.service(scheduled(adaptive={"min": "10m", "max": "6h"}))
        for _ in range(failures or 1):
            await step(service)
            world.clock.now = max(next_fire(world), world.clock.now)

    asyncio.run(scenario())
    return next_fire(world)


def test_an_adaptive_job_is_visited_within_its_limits(world: World) -> None:
    assert NOON + 10 * MINUTE <= adaptive_world_step(world) <= NOON + timedelta(hours=6)


def test_an_adaptive_job_backs_off_while_its_runs_fail(world: World) -> None:
    next_at = adaptive_world_step(world, failures=5)
    state = world.open_store().jobs.states()["job"]
    assert state.last_fired_at is not None
    assert next_at - state.last_fired_at >= 10 * MINUTE * 2**5


def test_an_adaptive_job_leaves_a_site_alone_for_as_long_as_it_asks(world: World) -> None:
    health = world.open_store().health
    health.record_start("run", "site", NOON)
    health.record_not_before("site", NOON + timedelta(hours=20))
    assert adaptive_world_step(world) == NOON + timedelta(hours=20)


@pytest.mark.parametrize("ahead", [timedelta(hours=8), timedelta(days=7), timedelta(days=365)])
@pytest.mark.parametrize("asks_for_a_pause", [False, True])
def test_an_adaptive_job_runs_at_once_when_a_clock_that_was_ahead_is_set_right(
    world: World, log: pytest.LogCaptureFixture, ahead: timedelta, asks_for_a_pause: bool
) -> None:
    health = world.open_store().health
    health.record_start("run", "site", NOON)

    async def scenario() -> None:
        service = world.service(scheduled(adaptive={"min": "10m", "max": "6h"}))
        world.clock.now = NOON + ahead
        if asks_for_a_pause:
            health.record_not_before("site", world.clock.now + timedelta(hours=20))
        await step(service)
        world.clock.now = NOON + MINUTE
        await step(service, service)

    asyncio.run(scenario())
    assert len(world.children.started) == 2
    assert "the clock was set back" in log.text


def test_an_adaptive_job_waits_out_a_pause_beyond_its_limits(
    world: World, log: pytest.LogCaptureFixture
) -> None:
    health = world.open_store().health
    health.record_start("run", "site", NOON)
    health.record_not_before("site", NOON + timedelta(hours=20))

    async def scenario() -> None:
        service = world.service(scheduled(adaptive={"min": "10m", "max": "6h"}))
        await step(service)
        for _ in range(19):
            world.clock.advance(timedelta(hours=1))
            await step(service)

    asyncio.run(scenario())
    assert len(world.children.started) == 1
    assert "the clock was set back" not in log.text


WITH_OPERATORS = Config.model_validate(
    {"alerts": {"channels": {"desk": "json://localhost:9"}, "ops": {"channels": ["desk"]}}}
)


def test_the_outbox_is_delivered_when_something_is_due_and_only_then(world: World) -> None:
    world.config = WITH_OPERATORS

    async def scenario() -> None:
        service = world.service(scheduled(cron="0 7 * * *"))
        await step(service)
        assert world.children.started == []
        world.open_store().messages.add(
            NewMessage("m-1", "channel:desk", "ops", NOON, b"{}", ("key",))
        )
        await step(service)
        assert world.children.started == []
        world.clock.advance(OUTBOX_CHECK)
        await step(service)
        assert world.children.started == [["deliver", "--json"]]

    asyncio.run(scenario())


def test_operators_are_told_of_a_crash_within_a_minute(world: World) -> None:
    world.config = WITH_OPERATORS

    async def scenario() -> None:
        service: Service = world.service()
        world.children.results = [crashed(1)]
        await step(service)
        world.clock.advance(OUTBOX_CHECK)
        await step(service)

    asyncio.run(scenario())
    assert world.children.started[-1] == ["deliver", "--json"]


def test_operators_are_not_told_of_a_crash_that_the_next_run_makes_up_for(world: World) -> None:
    world.config = WITH_OPERATORS

    async def scenario() -> None:
        service = world.service(scheduled(every="20s"))
        world.children.results = [crashed(-9)]
        await step(service)
        for _ in range(3):
            world.clock.advance(OUTBOX_CHECK / 3)
            await step(service)

    asyncio.run(scenario())
    assert [command[0] for command in world.children.started] == ["crawl"] * 4


@pytest.mark.parametrize(
    "result", [crashed(2, "rscrawler: x.toml: wrong"), OSError("no processes")]
)
def test_a_delivery_that_fails_is_tried_again_after_a_minute_whatever_there_is_to_tell(
    world: World, log: pytest.LogCaptureFixture, result: Any
) -> None:
    world.config = WITH_OPERATORS

    async def scenario() -> None:
        service = world.service()
        world.children.results = [crashed(1)]
        world.children.deliveries = [result] * 100
        for _ in range(3 * 60 // 5 + 1):  # three minutes, as the service looks round
            await step(service, service)
            world.clock.advance(timedelta(seconds=5))

    asyncio.run(scenario())
    assert log.text.count("job (outbox) failed") == 3


def test_the_service_sends_the_notices_once_that_no_delivery_process_can_send(
    world: World, pulse: Pulse, tmp_path: Path
) -> None:
    wrong = crashed(2, "rscrawler: environment: RSCRAWLER_COLOUR: unknown key")

    async def scenario(mailbox: Mailbox) -> None:
        service = world.service(scheduled(cron="0 12 * * *"))
        world.clock.now = NOON - MINUTE
        await step(service)
        world.clock.now = NOON
        world.children.results, world.children.deliveries = [wrong], [wrong] * 32
        for _ in range(5):
            await step(service, service)
            assert mailbox.received == []
            world.clock.advance(MINUTE)
        for _ in range(25):
            await step(service, service)
            world.clock.advance(MINUTE)
        notices = {str(each.mail["Subject"]): each for each in mailbox.received}
        assert sorted(notices) == ["Problem: outbox: overdue", "Problem: site: overdue"]
        assert len(mailbox.received) == 2
        assert {each.recipients for each in notices.values()} == {("ops@example.org",)}
        assert "job job failed: exit status 2" in notices["Problem: site: overdue"].text
        assert "job (outbox) failed: exit status 2" in notices["Problem: outbox: overdue"].text
        world.children.deliveries = []
        waiting = NewMessage("m-1", "email", "ops", NOON, b"", ("ops@example.org",))
        world.open_store().messages.add(waiting)
        await step(service, service)

    with serving(Mailbox()) as mailbox:
        world.config = notified_by_mail(mailbox, tmp_path, heartbeat_url=pulse.url)
        asyncio.run(scenario(mailbox))
    assert pulse.paths == ["/ping/some-secret/fail"]
    # The delivery that works again tells of its end.
    assert [each.subject for each in world.open_store().health.problems(ended=True)] == ["outbox"]


def test_notices_that_a_slow_server_takes_from_the_service_are_sent_once(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(trouble, "NOTIFICATION_LIMIT", timedelta(seconds=0.2))

    async def scenario(mailbox: Mailbox) -> None:
        service = world.service()
        world.children.results, world.children.deliveries = [crashed(2)], [crashed(2)] * 12
        for _ in range(9):
            await step(service, service)
            world.clock.advance(MINUTE)
        wait_until(lambda: bool(mailbox.received))
        mailbox.answering.set()
        wait_for_late_notifications()
        for _ in range(3):
            await step(service, service)
            world.clock.advance(MINUTE)
        subjects = [str(each.mail["Subject"]) for each in mailbox.received]
        assert sorted(subjects) == ["Problem: outbox: overdue", "Problem: site: overdue"]

    with serving(Mailbox()) as mailbox:
        mailbox.answering.clear()
        world.config = notified_by_mail(mailbox, tmp_path)
        asyncio.run(scenario(mailbox))


def test_notices_that_reach_nobody_from_the_service_are_tried_again(world: World) -> None:
    world.config = WITH_OPERATORS

    async def scenario() -> None:
        service = world.service()
        world.children.results, world.children.deliveries = [crashed(2)], [crashed(2)] * 99
        for _ in range(12):
            await step(service, service)
            world.clock.advance(MINUTE)

    asyncio.run(scenario())
    waiting = world.open_store().messages.undelivered()
    assert len(waiting) == 2
    assert all(each.state == "pending" and each.attempts > 1 for each in waiting)
