"""The service gets over the loss of its store, or says that it cannot."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text

from rscrawler.config import Config
from rscrawler.delivery.records import day_lines
from rscrawler.errors import StoreError
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.monitoring.direct import report_store_failure, report_store_recovery
from rscrawler.scheduling import trouble
from rscrawler.scheduling.service import Service
from rscrawler.scheduling.trouble import ENDED_AFTER, NOTIFIED_AFTER
from rscrawler.store import Store
from rscrawler.store.database import DamagedDatabase
from rscrawler.store.jobs import JobStore
from rscrawler.store.tables import job
from tests.delivery.helpers import an_article, record
from tests.delivery.mailbox import Mailbox, serving
from tests.monitoring.conftest import Pulse
from tests.scheduling.services import (
    MINUTE,
    NOON,
    Clock,
    World,
    begin,
    notified_by_mail,
    scheduled,
    step,
    wait_for_late_notifications,
)
from tests.workspace import wait_until

SITE = "responsiblestatecraft"
PAGE_BYTES = 4096


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "rscrawler.scheduling")
    return caplog


@pytest.fixture
def open_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], StoreKeeper]]:
    """Opens the store at a URL as a service does."""
    monkeypatch.chdir(tmp_path)  # the service's own configuration, the default, has relative paths
    kept: list[StoreKeeper] = []

    def open_store(url: str) -> StoreKeeper:
        config = Config.model_validate(
            {
                "output_dir": tmp_path,
                "database_url": url,
                "alerts": {
                    "channels": {"desk": "json://localhost:9"},
                    "ops": {"channels": ["desk"]},
                },
            }
        )
        kept.append(StoreKeeper(config))
        return kept[-1]

    yield open_store
    for keeper in kept:
        keeper.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite file."""
    return tmp_path / "service.db"


@pytest.fixture
def keep_file(open_kept: Callable[[str], StoreKeeper], file: Path) -> Callable[[], StoreKeeper]:
    return lambda: open_kept(f"sqlite:///{file}")


@pytest.fixture
def keep(open_kept: Callable[[str], StoreKeeper], database_url: str) -> Callable[[], StoreKeeper]:
    """A test that takes it runs on SQLite and on PostgreSQL."""
    return lambda: open_kept(database_url)


def service_of(keeper: StoreKeeper, clock: Clock) -> tuple[World, Service]:
    world = World(lambda: keeper.store, clock)
    return world, world.service(scheduled(every="20m"), keeper=keeper)


async def next_run(world: World, service: Service) -> None:
    """The next fire time comes, and as many looks round as it may take to mend a store."""
    before = len(world.children.started)
    world.clock.advance(20 * MINUTE)
    await step(service, service, service)
    assert world.children.started[before:] == [["crawl", "site", "--json"]]


def test_jobs_that_have_left_the_store_are_planned_anew(
    keep: Callable[[], StoreKeeper], log: pytest.LogCaptureFixture, clock: Clock
) -> None:
    async def scenario() -> None:
        keeper = keep()
        world, service = service_of(keeper, clock)
        await step(service)
        with keeper.store._database.writing() as connection:
            connection.execute(delete(job))
        await next_run(world, service)

    asyncio.run(scenario())
    assert "job job is gone from the database; it is scheduled again" in log.text


def recorded(keeper: StoreKeeper, folder: Path) -> None:
    """An article that is in the store and in the JSONL, from which the store can be rebuilt."""
    article = an_article(1, site=SITE, published_at=NOON, first_seen_at=NOON)
    record(keeper.store, article, at=NOON)
    (folder / "articles").mkdir()
    lines = folder / "articles" / "2026-11-24.jsonl"
    lines.write_text(json.dumps(article.to_record()) + "\n", encoding="utf-8")


def warnings_of(log: pytest.LogCaptureFixture) -> list[str]:
    """The lines of log beyond those that tell of runs."""
    return [each.getMessage() for each in log.records if each.levelno >= logging.WARNING]


def test_a_database_that_was_made_anew_is_used_and_is_one_line_of_log(
    keep: Callable[[], StoreKeeper], log: pytest.LogCaptureFixture, tmp_path: Path, clock: Clock
) -> None:
    async def scenario() -> None:
        keeper = keep()
        recorded(keeper, tmp_path)
        world, service = service_of(keeper, clock)
        await step(service)
        with keeper.store._database.writing() as connection:
            names = [table.name for table in reversed(job.metadata.sorted_tables)]
            for name in names:
                connection.execute(text(f"DROP TABLE {name}"))
        await next_run(world, service)

    asyncio.run(scenario())
    (line,) = warnings_of(log)
    assert line.startswith("The database was missing or empty. It has been rebuilt from the JSONL")


def damage(file: Path, *tables: str) -> None:
    """Overwrite the first page of each table, as a bad disk may."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_master"))
    with file.open("r+b") as stream:
        for table in tables:
            stream.seek((roots[table] - 1) * PAGE_BYTES)
            stream.write(b"\xa5" * PAGE_BYTES)


def test_a_damaged_file_is_set_aside_and_the_operators_hear_of_it(
    keep_file: Callable[[], StoreKeeper], log: pytest.LogCaptureFixture, file: Path, clock: Clock
) -> None:
    async def scenario() -> StoreKeeper:
        keeper = keep_file()
        recorded(keeper, file.parent)
        world, service = service_of(keeper, clock)
        await step(service)
        keeper.store.close()
        damage(file, "job", "lease", "fired")
        await next_run(world, service)
        return keeper

    keeper = asyncio.run(scenario())
    (aside,) = file.parent.glob("service.db.damaged-*")
    (line,) = warnings_of(log)
    assert line.startswith(f"The database was damaged and is now {aside}. It has been rebuilt")
    assert keeper.store.articles.count(SITE) == 1
    (due,) = keeper.store.messages.due(datetime.now(UTC))
    assert (due.channel, due.kind) == ("channel:desk", "ops")


def test_a_log_that_is_cut_off_while_it_is_open_is_damage(
    keep_file: Callable[[], StoreKeeper], file: Path
) -> None:
    keeper = keep_file()
    recorded(keeper, file.parent)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    keeper.store.health.record_start("run", SITE, NOON)
    os.truncate(f"{file}-wal", 0)
    with (
        pytest.raises(DamagedDatabase, match="is damaged"),
        closing(Store.open(f"sqlite:///{file}")) as store,
    ):
        store.health.record_start("another", SITE, NOON)
    assert keep_file().store.articles.count(SITE) == 1
    assert list(file.parent.glob("service.db.damaged-*"))


def test_a_line_that_is_no_record_is_logged_once_however_often_the_store_is_rebuilt(
    keep_file: Callable[[], StoreKeeper], log: pytest.LogCaptureFixture, file: Path
) -> None:
    keeper = keep_file()
    recorded(keeper, file.parent)
    (lines,) = (file.parent / "articles").iterdir()
    with lines.open("a", encoding="utf-8") as stream:
        stream.write('{"record_id": 1}\n')
    for _ in range(2):
        file.unlink()
        keeper.reopen()
    said = [each.split(": ")[-1] for each in warnings_of(log)]
    assert said.count("left out") == 1
    assert sum("has been rebuilt" in each for each in warnings_of(log)) == 2


def test_what_was_flagged_last_is_looked_for_in_the_files_of_the_last_days(
    keep_file: Callable[[], StoreKeeper], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(1, 9):
        seen_at = NOON - timedelta(days=8 - day)
        article = an_article(day, site=SITE, first_seen_at=seen_at, fetched_at=seen_at)
        for folder in ("articles", "flagged"):
            path = file.parent / folder / f"2026-11-0{day}.jsonl"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(article.to_record()) + "\n", encoding="utf-8")
    read = Counter[str]()

    def counted(path: Path) -> Iterator[bytes]:
        read[f"{path.parent.name}/{path.name}"] += 1
        return day_lines(path)

    monkeypatch.setattr("rscrawler.maintenance.recovery.day_lines", counted)
    store = keep_file().store
    (due,) = store.messages.due(datetime.now(UTC))
    message = store.messages.message(due.message_id, ("",))
    assert message is not None
    assert b"part 8" in message.content
    assert b"part 7" not in message.content
    assert [each for each, times in read.items() if times > 1] == [
        f"flagged/2026-11-0{day}.jsonl" for day in range(5, 9)
    ]


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_was_removed_or_replaced_is_let_go(
    keep_file: Callable[[], StoreKeeper],
    file: Path,
    log: pytest.LogCaptureFixture,
    is_replaced: bool,
    clock: Clock,
) -> None:
    async def scenario() -> None:
        keeper = keep_file()
        world, service = service_of(keeper, clock)
        await step(service)
        for suffix in ("", "-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
        if is_replaced:
            Store.open(f"sqlite:///{file}").close()
        await next_run(world, service)

    asyncio.run(scenario())
    assert warnings_of(log) == []
    with closing(Store.open(f"sqlite:///{file}")) as seen_by_others:
        assert seen_by_others.jobs.states()["job"].last_outcome == "ok"


def test_a_file_that_was_emptied_is_let_go_and_can_be_rebuilt(
    keep_file: Callable[[], StoreKeeper], file: Path
) -> None:
    keeper = keep_file()
    recorded(keeper, file.parent)
    os.truncate(file, 0)
    assert keeper.is_lost
    assert keeper.reopen().articles.count(SITE) == 1
    assert not keeper.is_lost


def test_a_store_is_not_taken_from_a_run(
    keep_file: Callable[[], StoreKeeper], file: Path, clock: Clock
) -> None:
    async def scenario() -> None:
        keeper = keep_file()
        world, service = service_of(keeper, clock)
        world.children.gate = asyncio.Event()
        await begin(service)
        file.rename(file.with_name("elsewhere.db"))
        service.check()
        assert not file.exists()
        world.children.gate.set()
        await service.finish_runs()
        await next_run(world, service)
        assert file.exists()

    asyncio.run(scenario())


def test_looking_after_the_file_gives_no_lock_away(
    keep_file: Callable[[], StoreKeeper], file: Path
) -> None:
    """Else the next process to end takes itself for the last one, and removes the WAL in use."""
    keeper = keep_file()
    wal = file.with_name(f"{file.name}-wal")
    used = wal.stat().st_ino
    assert not keeper.is_lost
    command = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
        "connection.execute('SELECT count(*) FROM site'); connection.close()"
    )
    subprocess.run([sys.executable, "-c", command, str(file)], check=True)
    assert wal.exists()
    assert wal.stat().st_ino == used


def locked(*_: object, **__: object) -> None:
    raise StoreError("database is locked")


def test_a_store_that_fails_now_and_then_is_complained_of_once(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    clock: Clock,
) -> None:
    world, service = service_of(keep_file(), clock)
    for _ in range(5):
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", locked)
            service.check()
        world.clock.advance(timedelta(seconds=5))
        service.check()
    assert warnings_of(log) == ["the database failed, trying again: database is locked"]


def test_operators_are_told_directly_when_the_store_fails_for_minutes_and_when_it_is_over(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    pulse: Pulse,
    clock: Clock,
    tmp_path: Path,
) -> None:
    world, service = service_of(keep_file(), clock)
    with serving(Mailbox()) as mailbox:
        service._config = notified_by_mail(mailbox, tmp_path, heartbeat_url=pulse.url)
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", locked)
            service.check()
            world.clock.advance(NOTIFIED_AFTER - timedelta(seconds=1))
            service.check()
            assert mailbox.received == []
            world.clock.advance(timedelta(seconds=1))
            service.check()
            world.clock.advance(timedelta(hours=2))
            service.check()
        assert len(mailbox.received) == 1
        world.clock.advance(MINUTE)
        service._jobs = ()
        service.check()
        subjects = [received.mail["Subject"] for received in mailbox.received]
        assert {each for received in mailbox.received for each in received.recipients} == {
            "ops@example.org"
        }
    assert subjects == ["Problem: the database fails", "Over: the database fails"]
    assert pulse.paths == ["/ping/some-secret/fail"] * 2
    assert log.text.count("database is locked") == 2
    assert "the database has failed for 2 h, trying again" in log.text


def test_operators_who_cannot_be_reached_while_the_store_fails_are_told_once_they_can(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    tmp_path: Path,
) -> None:
    world, service = service_of(keep_file(), clock)
    with serving(Mailbox(refuse={"ops@example.org": "451 later"})) as mailbox:
        service._config = notified_by_mail(mailbox, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", locked)
            service.check()
            world.clock.advance(NOTIFIED_AFTER)
            service.check()  # refused, as if the network failed as well
            mailbox.refuse.clear()
            mailbox.answering.clear()
            patch.setattr(trouble, "NOTIFICATION_LIMIT", timedelta(seconds=0.2))
            world.clock.advance(NOTIFIED_AFTER)
            service.check()  # taken, and answered late
            wait_until(lambda: bool(mailbox.received))
            world.clock.advance(NOTIFIED_AFTER)
            service.check()  # known
        mailbox.answering.set()
        wait_for_late_notifications()
        service._jobs = ()
        service.check()
        subjects = [received.mail["Subject"] for received in mailbox.received]
    assert subjects == ["Problem: the database fails", "Over: the database fails"]


@pytest.mark.parametrize("can_be_marked", [True, False])
def test_service_and_commands_tell_once_between_them(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    tmp_path: Path,
    can_be_marked: bool,
) -> None:
    world, service = service_of(keep_file(), clock)
    output = tmp_path / "output"
    if can_be_marked:
        output.mkdir()
    else:
        output.write_text("a file where the folder should be, as a full or read-only disk")
    with serving(Mailbox()) as mailbox:
        config = service._config = notified_by_mail(mailbox, output)
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", locked)
            service.check()
            for _ in range(3):
                world.clock.advance(NOTIFIED_AFTER)
                service.check()
                report_store_failure(config, StoreError("locked"), world.clock.now)
        service._jobs = ()
        service.check()
        report_store_recovery(config, world.clock.now)
        subjects = [received.mail["Subject"] for received in mailbox.received]
    assert subjects == ["Problem: the database fails", "Over: the database fails"]


def test_a_service_that_alone_cannot_use_its_store_says_so_once(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    clock: Clock,
    tmp_path: Path,
) -> None:
    world, service = service_of(keep_file(), clock)
    with serving(Mailbox()) as mailbox:
        config = service._config = notified_by_mail(mailbox, tmp_path / "output")
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", locked)
            service.check()
            for _ in range(3):
                world.clock.advance(NOTIFIED_AFTER)
                service.check()
                report_store_recovery(config, world.clock.now)  # as a command that can use it
        service._jobs = ()
        service.check()
        subjects = [received.mail["Subject"] for received in mailbox.received]
    assert subjects == ["Problem: the database fails", "Over: the database fails"]


def test_a_service_that_cannot_get_over_a_fault_ends_with_an_error(
    keep_file: Callable[[], StoreKeeper], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("quick")

    world, service = service_of(keep_file(), clock)
    monkeypatch.setattr(JobStore, "open_runs", broken)
    monkeypatch.setattr("rscrawler.scheduling.service.CHECK_INTERVAL", timedelta(0))

    def now() -> Any:
        world.clock.advance(MINUTE)
        return world.clock.now

    monkeypatch.setattr(service, "_now", now)
    with pytest.raises(StoreError, match="the service ends, since it cannot go on: KeyError"):
        asyncio.run(service.run())
    assert world.clock.now >= NOON + ENDED_AFTER


def test_a_service_that_ends_while_its_store_fails_does_not_say_that_it_works_again(
    keep_file: Callable[[], StoreKeeper],
    monkeypatch: pytest.MonkeyPatch,
    log: pytest.LogCaptureFixture,
    clock: Clock,
) -> None:
    _, service = service_of(keep_file(), clock)
    monkeypatch.setattr(JobStore, "states", locked)
    service.check()
    asyncio.run(service.finish_runs())
    assert "database is locked" in log.text
    assert "works again" not in log.text


def test_a_service_waits_for_a_database_that_is_away(
    keep_file: Callable[[], StoreKeeper], monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    def away(*_: object) -> None:
        raise StoreError("connection refused")

    async def scenario() -> None:
        world, service = service_of(keep_file(), clock)
        with monkeypatch.context() as patch:
            patch.setattr(JobStore, "states", away)
            for _ in range(10):
                service.check()
                world.clock.advance(timedelta(hours=1))
        await next_run(world, service)

    asyncio.run(scenario())
