"""What came of one attempt to serve one recipient."""

from __future__ import annotations

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
class Permanent:
    """It never will; `error` is one line."""

    error: str


Outcome = Served | Passing | Permanent
SERVED = Served()
