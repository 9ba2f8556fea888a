"""The tables of the workers' queue, which are another program's, beside ours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, inspect, select

from rscrawler.store.database import Database

_LOCK = 7_226_104_116  # of PostgreSQL's advisory locks; the one of our own schema is next to it


class QueueStore:
    """What the queue needs of our database before it can look after itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def install(self, table: str, schema: str) -> bool:
        """Run another program's SQL, unless a table of its is there; True if it was run.

        Safe when several processes start at once. PostgreSQL only.
        """
        with self._database.writing() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if inspect(connection).has_table(table):
                return False
            # The driver's own method: it takes many statements at once, and no parameters.
            driver: Any = connection.connection.driver_connection
            driver.execute(schema)
            return True
