"""A connection to PostgreSQL that does not wait for a frozen server for ever, as the driver does.

TCP timeouts detect a machine that is gone, but not a server process that is frozen: its operating
system still acknowledges what is sent to it.
"""

import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Self, TypeVar

import psycopg

LONGEST_SILENCE_SECONDS = 300.0
TIMEOUT_SECONDS = 30

ResultT = TypeVar("ResultT")
_Waiting = Generator[Any, Any, ResultT]  # yields what it waits for, and is sent what is ready


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that gives up if its server is silent for long and accepts no new connection.

    A server that accepts a new connection meanwhile is at work, even for hours.
    """

    _reconnect: Callable[[], psycopg.Connection[Any]]

    @classmethod
    def connect(cls, *place: Any, **options: Any) -> Self:
        """Connect as the driver does, and keep the arguments for a new connection.

        Raises:
            psycopg.OperationalError: the server cannot be reached, or the database cannot hold
                the texts of all languages.
        """
        # Without these, the driver waits for the timeouts of the operating system.
        timeouts = {
            "connect_timeout": TIMEOUT_SECONDS,
            "tcp_user_timeout": 1000 * TIMEOUT_SECONDS,  # ms without an acknowledgement
        }
        # A pooler may give each transaction another session of the server, which does not know the
        # statements that the driver prepared in the last one.
        connection = super().connect(*place, prepare_threshold=None, **{**timeouts, **options})
        encoding = connection.info.parameter_status("server_encoding")
        if encoding not in ("UTF8", None):  # None: a pooler does not say
            connection.close()
            raise psycopg.OperationalError(
                f"the database has the encoding {encoding}: make one with ENCODING 'UTF8' "
                "LOCALE 'C' TEMPLATE template0"
            )
        again = {**options, "connect_timeout": TIMEOUT_SECONDS}
        connection._reconnect = partial(psycopg.Connection.connect, *place, **again)
        # For locks of a machine that died, or of a session that was left open, in a transaction.
        # Not a connection parameter, since poolers refuse it.
        connection.execute(f"SET lock_timeout = '{TIMEOUT_SECONDS}s'")
        connection.commit()
        return connection

    def wait(self, gen: _Waiting[ResultT], *args: Any, **kwargs: Any) -> ResultT:
        """The result of an exchange of the driver with the server.

        Raises:
            psycopg.OperationalError: the server does not respond.
        """
        return super().wait(self._limited(gen), *args, **kwargs)

    def _limited(self, exchange: _Waiting[ResultT]) -> _Waiting[ResultT]:
        heard_at = time.monotonic()
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted  # empty several times a second while the server is silent
                if ready:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at >= LONGEST_SILENCE_SECONDS:
                    if self._accepts_connections():
                        heard_at = time.monotonic()
                        continue
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"the server has not responded for {LONGEST_SILENCE_SECONDS:g} s"
                    )
                wanted = exchange.send(ready)
        except StopIteration as end:
            result: ResultT = end.value
            return result

    def _accepts_connections(self) -> bool:
        try:
            self._reconnect().close()
        except psycopg.OperationalError:
            return False
        return True
