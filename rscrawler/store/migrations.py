"""Numbered steps from an older schema to the current one. Append-only.

A new database is created from `tables.metadata`, and gets the last number. All
steps run in one transaction, which also stores the number that they lead to.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain

from sqlalchemy import Connection, Dialect, Engine, func, inspect, select, text
from sqlalchemy.schema import CreateIndex, CreateTable

from rscrawler.errors import StoreError
from rscrawler.store import tables

Step = Sequence[str | Callable[[Connection], None]]

# Step N (from 1) migrates schema N to N + 1.
STEPS: list[Step] = [
    ["ALTER TABLE site ADD COLUMN rules_digest VARCHAR(32)"],
    # It holds what can be requested again; some databases have its new columns already.
    ["DROP TABLE robots", tables.robots.create],
    [
        "ALTER TABLE article ADD COLUMN follows VARCHAR(20)",
        "ALTER TABLE article ADD COLUMN is_folded INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE article ADD COLUMN is_merged INTEGER NOT NULL DEFAULT 0",
        "UPDATE article SET is_folded = 1 WHERE duplicate_of IS NOT NULL",
        # A merged article has passed on all its addresses; every other one has some.
        "UPDATE article SET is_merged = 1 WHERE NOT EXISTS "
        "(SELECT 1 FROM address WHERE address.article_id = article.article_id)",
    ],
    [
        tables.judgement.create,
        "CREATE INDEX outbox_record ON outbox (record_id)",
        tables.create_index,
    ],
    [
        "ALTER TABLE source ADD COLUMN failed_at VARCHAR(27)",
        "ALTER TABLE source ADD COLUMN last_error TEXT",
    ],
    [
        "ALTER TABLE address ADD COLUMN over_limit BOOLEAN",
        "CREATE INDEX address_over_limit ON address (site) WHERE over_limit IS NOT NULL",
    ],
    [
        "ALTER TABLE outbox DROP COLUMN start_byte",
        "ALTER TABLE outbox DROP COLUMN end_byte",
        "ALTER TABLE job DROP COLUMN last_ended_at",
    ],
    [
        "ALTER TABLE source RENAME COLUMN asked_at TO requested_at",
        "ALTER TABLE source RENAME COLUMN walk_to TO pagination_cursor",
        "ALTER TABLE problem RENAME COLUMN told_at TO notified_at",
        "UPDATE address SET state = 'skipped' WHERE state = 'passed'",
    ],
    ["ALTER TABLE article DROP COLUMN dated_at"],
    # Their pagination now leads to pages never read before: limit it as on a first run.
    ["UPDATE source SET read_at = NULL WHERE kind IN ('section', 'tag')"],
    ["UPDATE article SET is_folded = 1 WHERE is_merged = 1"],
    [
        "DROP INDEX outbox_message",
        "CREATE INDEX outbox_message ON outbox (message_id) WHERE message_id IS NOT NULL",
    ],
    # These apostrophes were part of words.
    [
        "INSERT INTO unindexed (article_id) SELECT DISTINCT article_id FROM version WHERE"
        " record LIKE '%ʹ%' OR record LIKE '%ʺ%' OR record LIKE '%ʻ%' OR record LIKE '%ʼ%'"
        " OR record LIKE '%ʽ%' OR record LIKE '%ʾ%' OR record LIKE '%ʿ%'"
    ],
    ["CREATE INDEX recipient_served ON recipient (address, state, next_try_at)"],
    ["CREATE INDEX message_composed ON message (kind, created_at)"],
    # Text that no selector finds is located in another way since then, with other origins.
    ["UPDATE run SET observation = NULL WHERE observation LIKE '%\"trafilatura\"%'"],
]
CURRENT_VERSION = 1 + len(STEPS)


class NewerDatabase(StoreError):
    """A newer version of the program has migrated the database."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"the database has schema {found}, this program knows up to {CURRENT_VERSION}; "
            "install the newer rscrawler that wrote it, and restart what still runs an older one"
        )


def refuse_newer(connection: Connection) -> None:
    """Raise NewerDatabase if the database was migrated after this process had opened it."""
    found = connection.exec_driver_sql("SELECT max(version) FROM schema_version").scalar()
    if found is not None and found > CURRENT_VERSION:
        raise NewerDatabase(found)


def migrate(engine: Engine, now: datetime) -> None:
    """Migrate the database to the current schema; safe when several processes start at once.

    Raises:
        NewerDatabase: the database was written by a newer version of the program.
    """
    with engine.connect() as connection:
        if _version(connection) == CURRENT_VERSION:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Another process may be migrating, which takes long for a large database.
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(tables.MIGRATION_LOCK)
        found = _version(connection)
        if found == CURRENT_VERSION:
            return
        if found is None:
            for statement in _creation(connection.dialect):
                connection.exec_driver_sql(statement)
            tables.create_index(connection)
        elif found > CURRENT_VERSION:
            raise NewerDatabase(found)
        else:
            for part in chain.from_iterable(STEPS[found - 1 :]):
                if isinstance(part, str):
                    connection.execute(text(part))
                else:
                    part(connection)
        stamp = tables.schema_version.insert()
        connection.execute(stamp.values(version=CURRENT_VERSION, applied_at=now))


@lru_cache
def _creation(dialect: Dialect) -> list[str]:
    """The statements that create the tables; to compile them takes longer than to run them."""
    parts: list[CreateTable | CreateIndex] = []
    for table in tables.metadata.sorted_tables:
        # What is there already stays: a database that lost only its version has all its tables.
        parts.append(CreateTable(table, if_not_exists=True))
        parts += [CreateIndex(index, if_not_exists=True) for index in table.indexes]
    return [str(part.compile(dialect=dialect)) for part in parts]


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(tables.schema_version.name):
        return None
    found: int | None = connection.scalar(select(func.max(tables.schema_version.c.version)))
    return found
