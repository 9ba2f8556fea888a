"""One attempt to serve one recipient: what came of it, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from threading import Thread
from typing import TypeVar

ResultT = TypeVar("ResultT")


class Fate(Enum):
    """What came of a message for one recipient."""

    SERVED = auto()  # the recipient's side has taken it
    PASSING = auto()  # not taken now; it may be later
    UNREACHABLE = auto()  # no connection: the channel's other messages would fare the same now
    SENDING = auto()  # its end goes out now; if nothing more is heard, it may have been taken
    CUT_OFF = auto()  # all was sent, and the connection broke: it may have been taken
    UNANSWERED = auto()  # all was sent, and no answer came in time: it may have been taken
    REFUSED = auto()  # rejected for good; retried at the slow pace all the same


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt; `error` is one line, without addresses that hold tokens."""

    fate: Fate
    error: str = ""


Step = Mapping[str, Outcome]  # what came of some recipients, by address
SERVED = Outcome(Fate.SERVED)
CUT_SHORT = Outcome(Fate.SENDING, "cut short before the other side said that it took it")


def last_words(steps: Iterable[Step]) -> dict[str, Outcome]:
    """What came of each recipient in the end."""
    return {address: outcome for step in steps for address, outcome in step.items()}


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
