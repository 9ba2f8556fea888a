"""A database that cannot be used is one clear line; one that can survives what it meets."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, func, inspect, select, text

from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.store import Store
from rscrawler.store import database as database_module
from rscrawler.store.database import open_database
from rscrawler.store.discovery import Address, AddressState
from rscrawler.store.health import SiteState
from rscrawler.store.lookups import among
from rscrawler.store.migrations import CURRENT_VERSION, STEPS
from rscrawler.store.tables import address, metadata, schema_version
from tests.databases import Databases, set_version
from tests.delivery.helpers import an_article, record
from tests.workspace import opened_files

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """The URL of a database without tables."""
    if database_url.startswith("sqlite"):
        yield database_url
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.empty() as url:
        yield url


def trouble(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        open_database(url)
    # The error still holds what was at work as it was raised, so nothing is closed by accident.
    assert url.removeprefix("sqlite:///") not in opened_files(os.getpid())
    line = str(caught.value)
    assert "\n" not in line
    return line


# What cannot be used.


def test_an_old_sqlite_is_named(tmp_path: Path) -> None:
    code = (
        "import sqlite3\n"
        "sqlite3.sqlite_version_info, sqlite3.sqlite_version = (3, 34, 1), '3.34.1'\n"
        "from rscrawler.cli import main\n"
        "main()"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, "status"], cwd=tmp_path, text=True, capture_output=True
    )
    assert found.returncode == 1
    assert found.stderr.startswith("rscrawler: this Python is linked to SQLite 3.34.1; 3.35")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "rscrawler.db",
        "mysql://localhost/x",
        "postgresql+nodriver://localhost/x",
        "postgres://localhost/x",
        "sqlite:/x",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x.db?timeout=soon",
        "postgresql+psycopg://localhost:port/x",
        "postgresql+psycopg://[::1/x",
    ],
)
def test_a_url_of_another_kind_says_what_is_allowed(url: str) -> None:
    with pytest.raises(ConfigurationError, match="allowed: sqlite:///path or postgresql"):
        open_database(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://user:hunter2@127.0.0.1:1/x",
        "postgresql+psycopg://user:h%75nter2@127.0.0.1:1/x",
        "postgresql+psycopg://user@127.0.0.1:1/x?password=hunter2",
        "postgresql+psycopg://user@127.0.0.1:1/x?password=a&password=hunter2&connect_timeout=1",
        "postgresql+psycopg://user@127.0.0.1:1/x?sslpassword=hunter2&PassWord=hunter2",
    ],
)
def test_a_password_is_in_no_message(url: str) -> None:
    line = trouble(url)
    assert "hunter2" not in line
    assert "user" in line
    with pytest.raises(ConfigurationError) as caught:
        open_database("mysql://user:hunter2@127.0.0.1/x")
    assert "hunter2" not in str(caught.value)


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    database.close()
    assert modes == dict.fromkeys(("x.db", "x.db-wal", "x.db-shm"), 0o600)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"not a database, though long enough to look like one" * 100)
    line = trouble(f"sqlite:///{path}")
    assert str(path) in line
    assert "damaged" in line


def test_a_database_with_a_torn_page_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    Store.open(f"sqlite:///{path}").close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert "damaged" in trouble(f"sqlite:///{path}")


@pytest.mark.parametrize("kind", ["folder in its place", "file in place of its folder"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, kind: str) -> None:
    in_the_way = tmp_path / "in-the-way"
    if kind == "folder in its place":
        in_the_way.mkdir()
        path = in_the_way
    else:
        in_the_way.write_text("a file")
        path = in_the_way / "x.db"
    assert str(path) in trouble(f"sqlite:///{path}")


def test_a_server_that_is_not_there_is_named() -> None:
    assert "127.0.0.1" in trouble("postgresql+psycopg://user@127.0.0.1:1/x")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_language_says_how_to_make_one(
    databases: Databases, encoding: str
) -> None:
    options = f"ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    with databases.empty(options) as url:
        line = trouble(url)
    assert f"has the encoding {encoding}: make one with ENCODING 'UTF8'" in line


def test_a_newer_schema_says_which_program_is_needed(database_url: str) -> None:
    Store.open(database_url).close()
    set_version(database_url, CURRENT_VERSION + 7)
    line = trouble(database_url)
    assert f"schema {CURRENT_VERSION + 7}" in line
    assert "install the newer rscrawler" in line


def test_a_store_that_is_open_writes_nothing_once_a_newer_version_has_migrated_the_database(
    database_url: str,
) -> None:
    with closing(Store.open(database_url)) as store:
        store.health.record_start("before", "sample", NOON)
        set_version(database_url, CURRENT_VERSION + 7)
        with pytest.raises(StoreError, match=rf"schema {CURRENT_VERSION + 7}, .* restart what"):
            store.health.record_start("after", "another", NOON)
        assert store.health.crawled_sites() == ["sample"]


def test_a_lock_that_is_never_given_back_is_one_line(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "SQLITE_BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr("rscrawler.store.postgresql.TIMEOUT_SECONDS", 1)
    store = Store.open(database_url)
    store.health.record_start("before", "site", NOON)
    holder = create_engine(database_url)
    with holder.connect() as held:
        held.execute(text("UPDATE site SET name = name"))
        with pytest.raises(StoreError, match=r"database is locked|lock timeout"):
            store.health.record_start("run", "site", NOON)
        assert store.health.problems() == []  # reading goes on
    store.health.record_start("run", "site", NOON)
    assert store.health.crawled_sites() == ["site"]
    holder.dispose()
    store.close()


def test_a_server_that_is_frozen_is_one_line_and_answers_again_later(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rscrawler.store.postgresql.TIMEOUT_SECONDS", 2)
    with databases.with_tables() as url, closing(open_database(url)) as database:
        ask, frozen = select(func.pg_backend_pid()), list[int]()

        def freeze_and_ask() -> None:
            with database.writing() as connection:
                own = connection.execute(ask).scalar_one()
                frozen.extend((own, parent_of(own)))
                monkeypatch.setattr("rscrawler.store.postgresql.LONGEST_SILENCE_SECONDS", 0.3)
                for pid in frozen:
                    os.kill(pid, signal.SIGSTOP)  # the system still acknowledges what is sent
                connection.execute(ask)

        try:
            with pytest.raises(StoreError, match=r"has not responded for 0\.3 s"):
                freeze_and_ask()
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
            monkeypatch.undo()
        assert database.scalar(ask) not in frozen


def parent_of(pid: int) -> int:
    """The process that started one, as Linux says."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_server_that_is_at_work_for_long_is_waited_for(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rscrawler.store.postgresql.LONGEST_SILENCE_SECONDS", 0.1)
    with databases.with_tables() as url, closing(open_database(url)) as database:
        assert database.scalar(select(func.pg_sleep(1).is_not(None)))


def test_a_connection_that_is_lost_during_a_query_is_one_line_and_replaced(
    databases: Databases, caplog: pytest.LogCaptureFixture
) -> None:
    own_end = select(func.pg_terminate_backend(func.pg_backend_pid()))
    with databases.with_tables() as url, closing(open_database(url)) as database:
        for read in (database.rows, database.lookup):
            with pytest.raises(StoreError, match="terminating connection"):
                read(own_end)
            assert database.scalar(select(1)) == 1
    assert caplog.messages == []


def test_a_statement_needs_nothing_that_an_earlier_one_left_in_its_session(
    databases: Databases,
) -> None:
    # As behind a pooler, which may give each transaction another session.
    with databases.with_tables() as url, closing(open_database(url)) as database:
        for _ in range(10):
            database.scalar(select(func.now()))
        statements = select(func.count()).select_from(text("pg_prepared_statements"))
        assert database.scalar(statements) == 0


def test_a_server_that_only_lets_itself_be_read_is_one_line(databases: Databases) -> None:
    # As one that takes over from another, or whose disk is nearly full.
    with databases.with_tables() as url:
        store = Store.open(f"{url}&options=-c%20default_transaction_read_only%3Don")
        with pytest.raises(StoreError, match="read-only transaction"):
            store.health.record_start("run", "site", NOON)
        assert store.health.crawled_sites() == []
        store.close()


def test_a_server_that_another_has_replaced_is_left(databases: Databases) -> None:
    with databases.with_tables() as url:
        store = Store.open(url)
        with store.health._database.reading() as connection:
            connection.execute(text("SET default_transaction_read_only = on"))
        with pytest.raises(StoreError, match="read-only transaction"):
            store.health.record_start("run", "site", NOON)
        store.health.record_start("run", "site", NOON)  # over a new connection
        assert store.health.crawled_sites() == ["site"]
        store.close()


# What can.


def test_a_database_is_opened_again_as_it_was_left(open_store: Callable[[], Store]) -> None:
    open_store().health.record_start("run", "site", NOON)
    assert open_store().health.site("site").last_run_at == NOON


def test_a_new_database_has_the_current_schema_and_says_so(database_url: str) -> None:
    Store.open(database_url).close()
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT version FROM schema_version")).all() == [
            CURRENT_VERSION
        ]
        assert set(engine.dialect.get_table_names(connection)) >= set(metadata.tables)
    engine.dispose()
    assert len(STEPS) + 1 == CURRENT_VERSION


def test_several_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    failures: list[Exception] = []

    def open_it() -> None:
        try:
            Store.open(database_url).close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_database_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, check_same_thread=False)) as another:
        another.execute("BEGIN IMMEDIATE")  # as it does to switch to the write-ahead log
        end = threading.Timer(0.5, another.rollback)
        end.start()
        Store.open(f"sqlite:///{path}").close()  # SQLite's own time-out does not count here
        end.join()


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    database = open_database(database_url)

    def stop_half_way() -> None:
        with database.writing() as connection:
            connection.execute(schema_version.insert().values(version=99, applied_at=NOON))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        stop_half_way()
    with database.reading() as connection:
        assert connection.scalar(text("SELECT max(version) FROM schema_version")) == CURRENT_VERSION
    database.close()


def test_a_database_that_lost_only_its_version_is_opened_with_all_that_it_holds(
    database_url: str,
) -> None:
    with closing(Store.open(database_url)) as store:
        store.health.record_start("run", "sample", NOON)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(schema_version.delete())
    engine.dispose()
    with closing(Store.open(database_url)) as store:
        assert store.health.crawled_sites() == ["sample"]


def test_times_keep_their_moment_and_order_as_text(store: Store) -> None:
    moment = datetime(2026, 11, 24, 12, 0, 0, 1, tzinfo=UTC)
    store.health.record_start("run", "site", moment.astimezone(NOON.tzinfo))
    assert store.health.site("site").last_run_at == moment


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(Exception, match="has no time zone"):
        store.health.record_start("run", "site", datetime(2026, 11, 24))  # noqa: DTZ001


def test_a_list_is_looked_up_by_an_index(tmp_path: Path) -> None:
    query = select(address.c.url).where(address.c.site == "x", among(address.c.key, ["/a", "/b"]))
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    with database.reading() as connection:
        explained = f"EXPLAIN QUERY PLAN {query.compile(connection)}"
        plan = connection.exec_driver_sql(explained, ("x", '["/a", "/b"]')).all()
    database.close()
    assert "(site=? AND key=?)" in plan[0][3]


@pytest.mark.parametrize("count", [0, 1, 40_000])
def test_lists_of_any_length_are_looked_up_at_once(store: Store, count: int) -> None:
    keys = [f"/article-{number}" for number in range(count)]
    found = [Address(key, f"https://example.org{key}", NOON) for key in keys[:2]]
    store.discovery.record_found("site", "/feed", found)
    met = store.discovery.addresses("site", [*keys, "/another"])
    assert sorted(met) == keys[:2]
    assert all(address.seen_at == NOON for address in met.values())


def test_a_schema_that_is_older_is_brought_up_step_by_step(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rscrawler.store import migrations

    Store.open(database_url).close()
    step = ["ALTER TABLE site ADD COLUMN added_later INTEGER"]
    monkeypatch.setattr(migrations, "STEPS", [*STEPS, step])
    monkeypatch.setattr(migrations, "CURRENT_VERSION", CURRENT_VERSION + 1)
    for _ in range(2):
        Store.open(database_url).close()
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT max(version) FROM schema_version")) == (
            CURRENT_VERSION + 1
        )
        assert connection.execute(text("SELECT added_later FROM site")).all() == []
    engine.dispose()


@pytest.mark.parametrize("robots", [("etag", "last_modified"), ()], ids=["first", "later"])
def test_a_database_of_the_first_schema_becomes_like_a_new_one_and_keeps_its_rows(
    database_url: str, robots: tuple[str, ...]
) -> None:
    store = Store.open(database_url)
    store.health.record_start("run", "site", NOON)
    found = [Address("/old", "https://example.org/old", NOON)]
    store.discovery.record_found("site", "/feed", found)
    store.close()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        as_new = _columns(connection)
        connection.execute(text("ALTER TABLE site DROP COLUMN rules_digest"))
        for name in robots:
            connection.execute(text(f"ALTER TABLE robots DROP COLUMN {name}"))
        _drop_what_came_later(connection)
        for column in ("outbox ADD start_byte BIGINT", "outbox ADD end_byte BIGINT"):
            connection.execute(text(f"ALTER TABLE {column}"))
        connection.execute(text("ALTER TABLE job ADD last_ended_at VARCHAR(27)"))
        connection.execute(text("ALTER TABLE article ADD dated_at VARCHAR(27)"))
        connection.execute(text("ALTER TABLE source RENAME requested_at TO asked_at"))
        connection.execute(text("ALTER TABLE source RENAME pagination_cursor TO walk_to"))
        connection.execute(text("ALTER TABLE problem RENAME notified_at TO told_at"))
        connection.execute(text("UPDATE address SET state = 'passed'"))
        connection.execute(text("UPDATE schema_version SET version = 1"))
    store = Store.open(database_url)
    assert store.health.site("site") == SiteState("site", last_run_at=NOON)
    (address_now,) = store.discovery.addresses("site", ["/old"]).values()
    assert address_now.state is AddressState.SKIPPED
    store.close()
    with engine.connect() as connection:
        assert _columns(connection) == as_new
    engine.dispose()


def test_words_with_apostrophes_that_schema_13_indexed_are_indexed_again(
    store: Store, database_url: str
) -> None:
    record(store, an_article(1, title="Oʻzbekiston"))
    record(store, an_article(2, title="Kazakhstan"))
    store.index.catch_up()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for statement in map(str, STEPS[13 - 1]):
            connection.execute(text(statement))
    engine.dispose()
    assert store.index.backlog() == 1


def test_the_layout_seen_by_the_extraction_before_schema_17_is_not_compared_any_more(
    store: Store, database_url: str
) -> None:
    seen = [f'{{"origins":{{"body":{{"{origin}":6}}}}}}' for origin in ("trafilatura", "densest")]
    for number, observation in enumerate(seen):
        store.health.record_start(f"run {number}", "site", NOON)
        store.health.record_end(
            f"run {number}", "site", NOON, succeeded=True, counters={}, observation=observation
        )
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for statement in map(str, STEPS[16 - 1]):
            connection.execute(text(statement))
    engine.dispose()
    assert store.history.observations("site", NOON + timedelta(days=1), 9) == seen[1:]


def _drop_what_came_later(connection: Connection) -> None:
    for index in ("recipient_served", "message_composed"):
        connection.execute(text(f"DROP INDEX {index}"))
    connection.execute(text("DROP INDEX address_over_limit"))
    connection.execute(text("ALTER TABLE address DROP COLUMN over_limit"))
    connection.execute(text("DROP TABLE judgement"))
    connection.execute(text("DROP INDEX outbox_record"))
    for column in ("failed_at", "last_error"):
        connection.execute(text(f"ALTER TABLE source DROP COLUMN {column}"))
    of_table = " ON article" if connection.dialect.name == "postgresql" else ""
    connection.execute(text(f"DROP TRIGGER article_folded{of_table}"))
    for column in ("follows", "is_folded", "is_merged"):
        connection.execute(text(f"ALTER TABLE article DROP COLUMN {column}"))


def _columns(connection: Connection) -> dict[str, list[tuple[str, str]]]:
    inspector = inspect(connection)
    return {
        table: [(column["name"], str(column["type"])) for column in inspector.get_columns(table)]
        for table in metadata.tables
    }


def test_a_step_that_fails_leaves_the_old_schema_and_number(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rscrawler.store import migrations

    Store.open(database_url).close()

    def break_off(_: Connection) -> None:
        raise RuntimeError("in the middle")

    step = ["ALTER TABLE site ADD COLUMN half INTEGER", break_off]

    with monkeypatch.context() as patched:
        patched.setattr(migrations, "STEPS", [*STEPS, step])
        patched.setattr(migrations, "CURRENT_VERSION", CURRENT_VERSION + 1)
        with pytest.raises(RuntimeError):
            Store.open(database_url)
    store = Store.open(database_url)
    assert store.health.site("none").last_run_at is None
    store.close()
    engine = create_engine(database_url)
    with engine.connect() as connection, pytest.raises(Exception, match="half"):
        connection.execute(text("SELECT half FROM site"))
    engine.dispose()


def test_a_transaction_waits_for_the_disk_unless_it_need_not(database_url: str) -> None:
    database = open_database(database_url)
    asks = "SHOW synchronous_commit" if database.is_postgresql else "PRAGMA synchronous"
    said = []
    for waits in (True, False, True):
        with database.writing(waits_for_disk=waits) as connection:
            said.append(connection.exec_driver_sql(asks).scalar())
    database.close()
    assert said == (["on", "off", "on"] if database.is_postgresql else [2, 1, 2])


def test_threads_read_side_by_side_each_over_a_connection_of_its_own(store: Store) -> None:
    store.health.record_start("run", "site", NOON)
    with ThreadPoolExecutor(12) as threads:
        found = list(threads.map(lambda _: store.health.site("site").last_run_at, range(600)))
    assert found == [NOON] * 600
    store.health.record_start("later", "site", NOON)  # nothing is held
