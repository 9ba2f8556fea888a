"""Copies a whole store to another database: from SQLite to PostgreSQL, or back.

One transaction of the target inserts all rows, reads them back, and compares them with
the source, table by table; only then is it committed.
"""

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.exc import DatabaseError

from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.store.damage import is_foreign
from rscrawler.store.database import Database, first_line, open_database, parsed_url, sqlite_file
from rscrawler.store.leases import LeaseStore, in_words
from rscrawler.store.messages import MessageStore
from rscrawler.store.tables import metadata, schema_version

ROWS_PER_BATCH = 500
OnRows = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class CopiedTable:
    """A table that is the same in both databases.

    `digest` (32 hex digits) is the sum of the digests of its rows: it does not depend on
    their order, which differs between the databases.
    """

    name: str
    rows: int
    digest: str


def migrate_store(
    source_url: str, target_url: str, now: datetime, on_rows: OnRows = lambda *_: None
) -> list[CopiedTable]:
    """Copy every table of one database into another, which must be empty.

    `on_rows` is called for each batch copied or compared: with its number of rows, and the total.

    Raises:
        ConfigurationError: a URL is invalid, both name one database, or the source does not exist
            or is a SQLite file of another program.
        StoreError: a database cannot be used; the source is in use (a process holds a
            lease, or sends a message); the target is not empty; the copy differs from the
            source. No row is then kept in the target.
    """
    for key, url in (("FROM_URL", source_url), ("TO_URL (else database_url)", target_url)):
        parsed_url(url, key)
    if identity_of(source_url) == identity_of(target_url):
        raise ConfigurationError(
            "TO_URL (else database_url): is the same database as FROM_URL; name another, empty one"
        )
    file = sqlite_file(source_url)
    if file is not None and not file.is_file():
        raise ConfigurationError(f"FROM_URL: {file} is not there; allowed: an existing database")
    if file is not None and is_foreign(file):
        raise ConfigurationError(f"FROM_URL: {file} is not a database of rscrawler")
    with (
        closing(open_database(source_url)) as source,
        closing(open_database(target_url)) as target,
    ):
        return _copy(source, target, now, on_rows)


def identity_of(url: str) -> tuple[object, ...]:
    """The identity of a database, the same for every valid spelling of its URL."""
    if (file := sqlite_file(url)) is not None:
        return (file.resolve(),)
    parsed = parsed_url(url)
    host = parsed.host or parsed.query.get("host") or "localhost"
    port = parsed.port or parsed.query.get("port") or 5432
    return host, str(port), parsed.database or parsed.username


def _copy(source: Database, target: Database, now: datetime, on_rows: OnRows) -> list[CopiedTable]:
    tables = [table for table in metadata.sorted_tables if table is not schema_version]
    with source.writing(is_snapshot=True) as reading, target.writing() as writing:
        # A message that is being sent now would be sent again from the copy.
        if held := LeaseStore(source).held(now) | MessageStore(source).claimed(now):
            name, owner = next(iter(held.items()))
            raise StoreError(
                f"the source is in use: {in_words(owner)} holds {name}; stop services, workers, "
                "crawls and deliveries first"
            )
        for table in tables:
            if _count(table, writing):
                raise StoreError(
                    f"the target is not empty: table {table.name} has rows; name an empty database"
                )
        total = 2 * sum(_count(table, reading) for table in tables)
        copied = []
        for table in tables:
            before = _summary(table, reading, lambda rows: on_rows(rows, total), copy_to=writing)
            after = _summary(table, writing, lambda rows: on_rows(rows, total))
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


def _summary(
    table: Table,
    connection: Connection,
    on_batch: Callable[[int], object],
    copy_to: Connection | None = None,
) -> CopiedTable:
    """The row count and digest of a table; its rows are inserted into `copy_to`, if given."""
    count = total = 0
    result = connection.execute(select(table), execution_options={"yield_per": ROWS_PER_BATCH})
    for batch in result.mappings().partitions():
        rows = [dict(row) for row in batch]
        on_batch(len(rows))
        if copy_to is not None:
            _insert(table, rows, copy_to)
        count += len(rows)
        # SQLAlchemy returns the same values for every driver: times in UTC, bytes, numbers.
        digests = (hashlib.blake2b(repr(row).encode(), digest_size=16) for row in rows)
        total += sum(int(each.hexdigest(), 16) for each in digests)
    return CopiedTable(table.name, count, f"{total % 2**128:032x}")


def _insert(table: Table, rows: list[dict[str, Any]], connection: Connection) -> None:
    try:
        connection.execute(table.insert(), rows)
    except DatabaseError as error:
        raise StoreError(
            f"table {table.name}: the target refuses a row: {first_line(error)}; nothing was kept"
        ) from error


def _set_sequences(tables: list[Table], connection: Connection) -> None:
    """Set PostgreSQL's sequences to the highest numbers: inserted numbers do not advance them."""
    for table in tables:
        if (column := table.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            # Without rows, the highest number is NULL, which changes nothing.
            connection.execute(select(func.setval(sequence, func.max(column))))
