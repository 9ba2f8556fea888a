"""Numbered steps from an older schema to the current one; only ever appended.

A new database is made whole from `tables.metadata` and stamped with the last
number. All steps run in one transaction, with the number that they lead to.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, Engine, func, inspect, select, text

from rscrawler.errors import StoreError
from rscrawler.store import tables
from rscrawler.store.index_tables import create_index

Step = Callable[[Connection], None]


def _add_rules_digest(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE site ADD COLUMN rules_digest VARCHAR(32)"))


def _add_robots_validators(connection: Connection) -> None:
    # Some databases of schema 1 and 2 have them already.
    known = {column["name"] for column in inspect(connection).get_columns("robots")}
    for name in ("etag", "last_modified"):
        if name not in known:
            connection.execute(text(f"ALTER TABLE robots ADD COLUMN {name} TEXT"))


def _add_relations(connection: Connection) -> None:
    for column in (
        "follows VARCHAR(20)",
        "is_folded INTEGER NOT NULL DEFAULT 0",
        "is_merged INTEGER NOT NULL DEFAULT 0",
    ):
        connection.execute(text(f"ALTER TABLE article ADD COLUMN {column}"))
    connection.execute(text("UPDATE article SET is_folded = 1 WHERE duplicate_of IS NOT NULL"))
    # A merged article has handed all its addresses on; no other is without one.
    connection.execute(
        text(
            "UPDATE article SET is_merged = 1 WHERE NOT EXISTS "
            "(SELECT 1 FROM address WHERE address.article_id = article.article_id)"
        )
    )


def _add_judgements_and_index(connection: Connection) -> None:
    tables.judgement.create(connection)
    connection.execute(text("CREATE INDEX outbox_record ON outbox (record_id)"))
    create_index(connection)


def _add_causes_of_failures(connection: Connection) -> None:
    for column in ("failed_at VARCHAR(27)", "last_error TEXT"):
        connection.execute(text(f"ALTER TABLE source ADD COLUMN {column}"))


def _add_over_limit(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE address ADD COLUMN over_limit BOOLEAN"))
    connection.execute(
        text("CREATE INDEX address_over_limit ON address (site) WHERE over_limit IS NOT NULL")
    )


def _drop_unread_columns(connection: Connection) -> None:
    for table, column in (
        ("outbox", "start_byte"),
        ("outbox", "end_byte"),
        ("job", "last_ended_at"),
    ):
        connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


# Step N brings schema N to N + 1. Schema 1 was the first.
STEPS: list[Step] = [
    _add_rules_digest,
    _add_robots_validators,
    _add_relations,
    _add_judgements_and_index,
    _add_causes_of_failures,
    _add_over_limit,
    _drop_unread_columns,
]
CURRENT_VERSION = 1 + len(STEPS)
_POSTGRESQL_LOCK = 7_226_104_115


def migrate(engine: Engine, now: datetime) -> None:
    """Bring the database to the current schema; safe when several processes start at once.

    Raises:
        StoreError: the database was written by a newer version of the program.
    """
    with engine.connect() as connection:
        if _version(connection) == CURRENT_VERSION:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRESQL_LOCK}
            )
        found = _version(connection)
        if found is None:
            tables.metadata.create_all(connection)
            create_index(connection)
        elif found > CURRENT_VERSION:
            raise StoreError(
                f"the database has schema {found}, this program knows up to {CURRENT_VERSION}; "
                "install the newer rscrawler that wrote it"
            )
        for step in STEPS[(found or CURRENT_VERSION) - 1 :]:
            step(connection)
        if found != CURRENT_VERSION:
            connection.execute(
                tables.schema_version.insert().values(version=CURRENT_VERSION, applied_at=now)
            )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(tables.schema_version.name):
        return None
    found: int | None = connection.scalar(select(func.max(tables.schema_version.c.version)))
    return found
