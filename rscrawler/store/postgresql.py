"""PostgreSQL's driver, which waits for an answer for as long as a server says nothing.

The network tells of a machine that is gone, not of a server that is frozen: its system goes on
acknowledging what is sent to it.
"""

import time
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, Self, TypeVar

import psycopg

LONGEST_SILENCE_SECONDS = 300.0
CONNECT_SECONDS = 30

ResultT = TypeVar("ResultT")
_Waiting = Generator[Any, Any, ResultT]  # gives what it waits for, and is sent what is there


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that is given up once its server has said nothing for too long, to anybody.

    A server that lets itself be reached meanwhile is at work, be it for hours.
    """

    _reach: Callable[[], psycopg.Connection[Any]]

    @classmethod
    def connect(cls, *place: Any, **options: Any) -> Self:
        """A connection, as the driver makes it."""
        connection = super().connect(*place, **options)
        again = {**options, "connect_timeout": CONNECT_SECONDS}
        connection._reach = partial(psycopg.Connection.connect, *place, **again)
        return connection

    def wait(self, gen: _Waiting[ResultT], *args: Any, **kwargs: Any) -> ResultT:
        """What the driver's exchange with the server comes to.

        Raises:
            psycopg.OperationalError: the server does not answer.
        """
        return super().wait(self._limited(gen), *args, **kwargs)

    def _limited(self, exchange: _Waiting[ResultT]) -> _Waiting[ResultT]:
        heard_at = time.monotonic()
        try:
            wanted = next(exchange)
            while True:
                ready = yield wanted  # nothing, several times a second while nothing is heard
                if ready:
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at >= LONGEST_SILENCE_SECONDS:
                    if self._is_reached():
                        heard_at = time.monotonic()
                        continue
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"the server has not answered for {LONGEST_SILENCE_SECONDS:g} s"
                    )
                wanted = exchange.send(ready)
        except StopIteration as end:
            result: ResultT = end.value
            return result

    def _is_reached(self) -> bool:
        try:
            self._reach().close()
        except psycopg.OperationalError:
            return False
        return True
