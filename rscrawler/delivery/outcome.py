"""What came of one attempt to serve one recipient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """The recipient's side has taken the message."""


@dataclass(frozen=True, slots=True)
class Passing:
    """Not taken now; it may be later. `error` is one line, without addresses that hold tokens."""

    error: str


@dataclass(frozen=True, slots=True)
class Unreachable(Passing):
    """No connection: other messages for the same channel would fare the same now."""


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
    """Rejected for good, as the other side says; retried at the slow pace all the same."""

    error: str


Outcome = Served | Passing | Sending | Refused
SERVED = Served()
CUT_SHORT = Sending("cut short before the other side said that it took it")


def last_words(steps: Iterable[Mapping[str, Outcome]]) -> dict[str, Outcome]:
    """What came of each recipient in the end."""
    last: dict[str, Outcome] = {}
    for outcomes in steps:
        last |= outcomes
    return last
