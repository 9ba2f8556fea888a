"""One commit for what a crawl writes within a moment.

On a small machine the commit of an article, which waits for the disk, takes as long
as the rest of its handling. In a crawl the writes of fifty milliseconds therefore
share a transaction, each with a savepoint of its own. Their order is kept and an
article stays whole, so a crash loses what it would have lost had it come that much
earlier: the pages are still pending. Nobody outside the transaction can see it, so
nothing is handed on, or taken for known, before it is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine

COMMIT_WITHIN_SECONDS = 0.05


class Timer(Protocol):
    """What `asyncio`'s `call_later` gives."""

    def cancel(self) -> None:
        """Do not call."""


CallLater = Callable[[float, Callable[[], None]], Timer]


class JointTransaction:
    """Opened by the first write, committed a moment later; for one thread."""

    def __init__(self, engine: Engine, call_later: CallLater) -> None:
        self._engine = engine
        self._call_later = call_later
        self._connection: Connection | None = None
        self._timer: Timer | None = None
        self._error: Exception | None = None

    @property
    def open_connection(self) -> Connection | None:
        """The connection that sees what is not yet committed; None: everything is."""
        return self._connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose writes are all kept, or on an error none of them.

        Raises:
            DatabaseError: also if the commit of earlier writes has failed meanwhile.
        """
        self._raise_error()
        connection = self._connection or self._open()
        connection.exec_driver_sql("SAVEPOINT piece")
        try:
            yield connection
        except BaseException:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT piece")
            raise
        finally:
            connection.exec_driver_sql("RELEASE SAVEPOINT piece")

    def _open(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._timer = self._call_later(COMMIT_WITHIN_SECONDS, self._commit_in_time)
        return connection

    def commit(self) -> None:
        """Make everything durable that was written so far.

        Raises:
            DatabaseError: it, or an earlier commit, has failed; those writes are undone.
        """
        self._raise_error()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        with connection:
            connection.commit()

    def _commit_in_time(self) -> None:
        # There is no caller to tell: the next writer is.
        try:
            self.commit()
        except Exception as error:  # whatever it is, it is raised again
            self._error = error

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
