"""What came of one attempt to serve one recipient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """The recipient's side has taken the message."""


@dataclass(frozen=True, slots=True)
class Passing:
    """It has not, and may later; `error` is one line, without addresses that hold tokens."""

    error: str


@dataclass(frozen=True, slots=True)
class Unreachable(Passing):
    """Nobody could be asked: other messages for the same channel would fare the same now."""


@dataclass(frozen=True, slots=True)
class Doubtful(Unreachable):
    """The whole of it was handed over and no answer came: it may have been taken.

    `was_cut`: the connection broke before the time for an answer was up.
    """

    was_cut: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """Its end goes out now; if nothing more is heard, it may have been taken."""

    error: str


@dataclass(frozen=True, slots=True)
class Refused:
    """It will not, it says; it may later all the same. `error` is one line."""

    error: str


Outcome = Served | Passing | Sending | Refused
SERVED = Served()


def last_words(steps: Iterable[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """What came of each recipient in the end, of what was told step by step."""
    last: dict[str, Outcome] = {}
    for outcomes in steps:
        last |= outcomes
    return last
