"""A call to somebody else's code, or machine, that may take so long and no longer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from threading import Thread
from typing import TypeVar

ResultT = TypeVar("ResultT")


def within(limit: timedelta, call: Callable[[], ResultT]) -> ResultT:
    """What a call gives; one that takes longer is left alone.

    Raises:
        TimeoutError: it took longer.
        Exception: whatever it raises.
    """
    result: Future[ResultT] = Future()

    def run() -> None:
        try:
            result.set_result(call())
        except Exception as error:
            result.set_exception(error)

    # A daemon thread: one that never comes back must not keep the process from ending.
    Thread(target=run, name="bounded", daemon=True).start()
    return result.result(limit.total_seconds())
