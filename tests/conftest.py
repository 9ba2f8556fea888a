"""What the tests share: a store on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from rscrawler.store import Store
from tests.databases import Databases, started_server
from tests.workspace import Program, Workspace

IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30

# How long an example takes says how busy the machine is.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Let what tests write be in memory, if there is room: a crawl waits for its disk often."""
    gc.disable()  # what collecting makes stays
    if not config.getoption("numprocesses", None):  # else other processes run the tests
        import scrapy.core.downloader.contextfactory  # noqa: F401 (slow from deeper, see `crawling`)
    if IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ROOM_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over modules and tests, which stay."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server of this test run's own, from a wheel."""
    server = started_server()
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # The server itself is never killed, and flushing hundreds of databases takes long.
        for setting in ("fsync = off", "full_page_writes = off", "max_wal_size = '128MB'"):
            connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def databases(postgresql_url: str) -> Iterator[Databases]:
    """The databases of that server."""
    databases = Databases(postgresql_url)
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of a store: to copy it takes less than to make them."""
    file = tmp_path_factory.mktemp("empty") / "rscrawler.db"
    Store.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a row; a test that takes it runs once on each kind."""
    if request.param == "sqlite":
        empty: Path = request.getfixturevalue("empty_database")
        yield f"sqlite:///{shutil.copy(empty, tmp_path / 'rscrawler.db')}"
        return
    databases: Databases = request.getfixturevalue("databases")
    with databases.with_tables() as url:
        yield url


@pytest.fixture
def open_store(database_url: str) -> Iterator[Callable[[], Store]]:
    """Opens the test's database, any number of times, as further processes would."""
    opened: list[Store] = []

    def open_again() -> Store:
        opened.append(Store.open(database_url))
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    """An empty store."""
    return open_store()


@pytest.fixture(scope="session")
def program() -> Iterator[Program]:
    """The program, loaded once for all commands."""
    running = Program()
    yield running
    running.close()


@pytest.fixture
def workspace(tmp_path: Path, program: Program) -> Workspace:
    """An empty folder in which commands are run."""
    return Workspace(tmp_path, program)
