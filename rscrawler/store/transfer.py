"""Moving a whole store from one database to another: SQLite to PostgreSQL, and back.

Everything is copied in one transaction of the target, read back from it there, and
compared with the source table by table; only then is it committed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Integer, Table, func, select, text
from sqlalchemy.exc import DatabaseError

from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.store.database import Database, is_same_database, open_database, sqlite_file
from rscrawler.store.leases import LeaseStore
from rscrawler.store.tables import metadata, schema_version

ROWS_PER_BATCH = 500
_DIGEST_BYTES = 16
OnRows = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that is the same in both databases.

    `digest` (32 hex digits) is the sum of the digests of its rows: their order, which
    the two databases see differently, does not matter.
    """

    name: str
    rows: int
    digest: str


def migrate_store(
    source_url: str, target_url: str, now: datetime, on_rows: OnRows = lambda *_: None
) -> list[CopiedTable]:
    """Copy every table of one database into another, which must be empty.

    `on_rows` is called with how many rows were copied or compared, and how many there are to be.

    Raises:
        ConfigurationError: a URL is of no use, both name one database, or the source is not there.
        StoreError: a database cannot be used; the source is in use (somebody holds a
            lease); the target holds something already; what was copied is not the same.
            The target is then as it was.
    """
    if is_same_database(source_url, target_url):
        raise ConfigurationError(
            "TO_URL (else database_url): is the same database as FROM_URL; name another, empty one"
        )
    file = sqlite_file(source_url)
    if file is not None and not file.is_file():
        raise ConfigurationError(f"FROM_URL: {file} is not there; allowed: a store that is")
    source = open_database(source_url)
    try:
        target = open_database(target_url)
        try:
            return _copy(source, target, now, on_rows)
        finally:
            target.close()
    finally:
        source.close()


def _copy(source: Database, target: Database, now: datetime, on_rows: OnRows) -> list[CopiedTable]:
    if held := LeaseStore(source).held(now):
        name, owner = next(iter(held.items()))
        raise StoreError(
            f"the source is in use: {owner} holds {name}; stop services, workers and crawls first"
        )
    tables = [table for table in metadata.sorted_tables if table is not schema_version]
    with source.snapshot() as reading, target.writing() as writing:
        for table in tables:
            if _count(table, writing):
                raise StoreError(
                    f"the target is not empty: table {table.name} has rows; name an empty database"
                )
        seen, total = 0, 2 * sum(_count(table, reading) for table in tables)

        def watched(batches: Iterator[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
            nonlocal seen
            for rows in batches:
                yield rows
                seen += len(rows)
                on_rows(seen, total)

        copied = []
        for table in tables:
            before = _summary(table, watched(_transfer(table, reading, writing)))
            after = _summary(table, watched(_batches(table, writing)))
            if before != after:
                raise StoreError(
                    f"table {table.name}: {before.rows} rows with digest {before.digest} were "
                    f"read, but {after.rows} with {after.digest} arrived; nothing was kept"
                )
            copied.append(after)
        if target.is_postgresql:
            _set_sequences(tables, writing)
    return copied


def _count(table: Table, connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _transfer(
    table: Table, reading: Connection, writing: Connection
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a table, each batch as soon as it is written to the target."""
    for rows in _batches(table, reading):
        try:
            writing.execute(table.insert(), rows)
        except DatabaseError as error:
            reason = str(error.orig).strip().partition("\n")[0]
            raise StoreError(
                f"table {table.name}: the target refuses a row: {reason}; nothing was kept"
            ) from error
        yield rows


def _batches(table: Table, connection: Connection) -> Iterator[list[dict[str, Any]]]:
    result = connection.execute(select(table), execution_options={"yield_per": ROWS_PER_BATCH})
    for rows in result.mappings().partitions():
        yield [dict(row) for row in rows]


def _summary(table: Table, batches: Iterator[list[dict[str, Any]]]) -> CopiedTable:
    count = total = 0
    for rows in batches:
        count += len(rows)
        total += sum(_row_digest(row) for row in rows)
    digest = (total % 2 ** (8 * _DIGEST_BYTES)).to_bytes(_DIGEST_BYTES, "big").hex()
    return CopiedTable(table.name, count, digest)


def _row_digest(row: dict[str, Any]) -> int:
    written = json.dumps(row, sort_keys=True, default=_plain)
    digest = hashlib.blake2b(written.encode(), digest_size=_DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big")


def _plain(value: object) -> str:
    """What JSON has no form for."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(f"{value!r} cannot be compared")


def _set_sequences(tables: list[Table], connection: Connection) -> None:
    """PostgreSQL numbers on from a sequence, which rows that bring their number leave as it is."""
    for table in tables:
        column = table.autoincrement_column
        if column is None or not isinstance(column.type, Integer):
            continue
        highest = connection.scalar(select(func.max(column)))
        if highest is not None:
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:table, :column), :highest)"),
                {"table": table.name, "column": column.name, "highest": highest},
            )
