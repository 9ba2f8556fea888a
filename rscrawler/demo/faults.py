"""What can go wrong on the wire, on demand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A way in which the site misbehaves."""

    SERVER_ERROR = "server-error"  # 500
    TOO_MANY = "too-many"  # 429 with Retry-After
    HANG = "hang"  # the request is read and never answered
    TRUNCATED = "truncated"  # half of the announced bytes, then the connection closes
    GARBAGE = "garbage"  # random bytes, called text/html
    HUGE = "huge"  # 48 MiB of text, without a Content-Length
    EMPTY = "empty"  # 200 and no body
    WALL = "wall"  # 200 and a form of consent, a whole page, in the place of what is asked
    FORBIDDEN_ROBOTS = "forbidden-robots"  # robots.txt disallows everything
    LYING_304 = "lying-304"  # "not modified" to any conditional request
    NO_VALIDATORS = "no-validators"  # neither sends nor honours ETag and Last-Modified
    REDIRECT_AWAY = "redirect-away"  # 302 to another host


@dataclass(slots=True)
class FaultRule:
    """A fault on every path that begins with `prefix`, `remaining` times (None: always)."""

    prefix: str
    fault: Fault
    remaining: int | None
    retry_after_seconds: int


class Faults:
    """The rules in force; the newest matching one decides."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(self, rule: FaultRule) -> None:
        """Puts `rule` before all others."""
        self._rules.insert(0, rule)

    def clear(self) -> None:
        """Makes the site well again."""
        self._rules.clear()

    def take(self, path: str) -> FaultRule | None:
        """The rule for a request to `path`, used up by one; None when it is to be served well."""
        for rule in self._rules:
            if path.startswith(rule.prefix) and rule.remaining != 0:
                if rule.remaining is not None:
                    rule.remaining -= 1
                return rule
        return None
