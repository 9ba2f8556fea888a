"""When a job fires, as triggers for APScheduler: an interval, a cron expression, the policy.

Each gives the first moment after the last fire time that it is asked from, in UTC, so fire
times do not drift and jitter does not accumulate.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from rscrawler.scheduling.adaptive import Adaptive, NextVisit, VisitState, next_visit
from rscrawler.scheduling.rates import PublicationHistory

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = timedelta(milliseconds=1)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # cron counts from Sunday


class EveryTrigger(IntervalTrigger):  # type: ignore[misc]
    """The multiples of `every` since 1970 (UTC), each late by a random part of `jitter`.

    `IntervalTrigger` counts on from the last fire time, jitter included; this one does not.
    """

    def __init__(self, every: timedelta, jitter: timedelta = timedelta(0)) -> None:
        super().__init__(
            seconds=every.total_seconds(),
            start_date=_EPOCH,
            timezone=UTC,
            jitter=jitter.total_seconds(),
        )

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> Any:
        """The first multiple after the last fire time, or at or after `now`."""
        return super().get_next_fire_time(None, _start(previous_fire_time, now))


class WallClockTrigger(CronTrigger):  # type: ignore[misc]
    """`CronTrigger` in UTC, which fires once at a wall clock time that autumn repeats.

    With `repeats` it fires both times, as "every 20 minutes" must.
    """

    __slots__ = ("repeats",)

    def __init__(self, *, repeats: bool, **fields: Any) -> None:
        super().__init__(**fields)
        self.repeats = repeats

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> Any:
        """The first moment after the last fire time, or at or after `now`."""
        start = _start(previous_fire_time, now)
        while True:
            moment = super().get_next_fire_time(None, start.astimezone(self.timezone))
            if moment is None:
                return None
            at = moment.astimezone(UTC)
            if self.repeats or not moment.fold:
                return at
            start = at + _INSTANT


class AdaptiveTrigger(BaseTrigger):  # type: ignore[misc]
    """The adaptive policy: the earliest visit that any source calls for.

    Without `sources` nothing is known of them yet, and it fires after `max`.
    """

    def __init__(
        self,
        limits: Adaptive,
        sources: Sequence[tuple[PublicationHistory, VisitState]] = (),
    ) -> None:
        self.limits, self.sources = limits, sources

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next visit after one that ends at `now`."""
        return self.next_visit(now).at

    def next_visit(self, now: datetime) -> NextVisit:
        """The same, with the reason."""
        visits = (next_visit(history, state, self.limits, now) for history, state in self.sources)
        latest = NextVisit(now + self.limits.max, "nothing is known of its sites")
        return min(visits, key=lambda visit: visit.at, default=latest)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str  # APScheduler's
    label: str
    allowed: str
    names: tuple[str, ...] = ()

    def translated(self, text: str) -> str:
        """The field as APScheduler reads it.

        Raises:
            ValueError: it is not a field of cron.
        """
        numbers = re.sub(r"[a-z]+", self._number, text.lower())
        if not re.fullmatch(r"[\d*,/-]+", numbers):
            raise ValueError(text)
        if self.name == "day_of_week":
            numbers = _weekday_names(numbers)
        CronTrigger.FIELDS_MAP[self.name](self.name, numbers)
        return numbers

    def _number(self, name: re.Match[str]) -> str:
        first = 1 if self.names is _MONTHS else 0
        return str(self.names.index(name.group()) + first)


_FIELDS = (
    _Field("minute", "minute", "0-59"),
    _Field("hour", "hour", "0-23"),
    _Field("day", "day of the month", "1-31"),
    _Field("month", "month", "1-12 or jan-dec", _MONTHS),
    _Field("day_of_week", "day of the week", "0-7 or sun-sat", _WEEKDAYS),
)


def cron_trigger(expression: str, timezone: str, jitter: timedelta = timedelta(0)) -> BaseTrigger:
    """The trigger for a crontab(5) expression of five fields on the wall clock of `timezone`.

    If both day fields are restricted, a day that fits either will do.

    Raises:
        ValueError: naming the field, what is wrong with it and what is allowed.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(field.label for field in _FIELDS)
        raise ValueError(f"has {len(texts)} fields; allowed: five ({names})")
    values = {}
    for text, field in zip(texts, _FIELDS, strict=True):
        try:
            values[field.name] = field.translated(text)
        except ValueError:
            raise ValueError(
                f"{field.label}: {text!r} is not valid; allowed: *, {field.allowed}, "
                "lists (1,2), ranges (1-5), steps (*/2)"
            ) from None
    _, hour, day, _, weekday = texts
    restrictions = [values]
    if not day.startswith("*") and not weekday.startswith("*"):
        restrictions = [values | {"day_of_week": "*"}, values | {"day": "*"}]
    triggers = [
        WallClockTrigger(repeats=hour.startswith("*"), timezone=ZoneInfo(timezone), **fields)
        for fields in restrictions
    ]
    if triggers[0].get_next_fire_time(None, _EPOCH) is None:
        raise ValueError(
            "names a day that its months do not have; allowed: one that comes, such as 28"
        )
    # The jitter is added in UTC: added to the wall clock it would lose which of two 02:30 is meant.
    return OrTrigger(triggers, jitter=jitter.total_seconds())


def _weekday_names(numbers: str) -> str:
    """Weekdays by name, since APScheduler counts them from Monday and cron from Sunday."""
    if numbers == "*":
        return numbers
    days = {day % 7 for part in numbers.split(",") for day in _weekdays(part)}
    return ",".join(_WEEKDAYS[day] for day in sorted(days))


def _weekdays(part: str) -> range:
    span, slash, step = part.partition("/")
    first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
    begin, by = int(first), int(step) if slash else 1
    end = int(last) if dash else 7 if slash else begin
    if end == 0 < begin:
        end = 7  # "fri-sun"
    if not (begin <= end <= 7 and by > 0):
        raise ValueError(part)
    return range(begin, end + 1, by)


def _start(previous: datetime | None, now: datetime) -> datetime:
    return now if previous is None else previous.astimezone(UTC) + _INSTANT
