"""Cron expressions with cron's own meaning, in any time zone.

Five fields: minute, hour, day of the month, month, day of the week (0 and 7 are
Sunday); `*`, lists, ranges, steps and English three-letter names. If both day
fields are restricted, a day that fits either will do, as in crontab(5).

APScheduler's trigger is not used: it counts 0 as Monday, wants both day fields to
fit, and at the end of summer time gives 02:30 twice and then never leaves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
# Forty years can pass between two 29ths of February on one day of the week.
_SEARCHED_DAYS = 41 * 366
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"allowed: *, {self.low}-{self.high}{names}, lists (1,2), ranges (1-5), steps (*/2)"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class CronTimes:
    """The moments that a cron expression names in a time zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    fits_either_day: bool
    runs_every_hour: bool
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, timezone: str) -> CronTimes:
        """The times of `expression` on the wall clocks of `timezone`.

        Raises:
            ValueError: naming the field, what is wrong with it and what is allowed.
        """
        texts = expression.split()
        if len(texts) != len(_FIELDS):
            names = ", ".join(field.name for field in _FIELDS)
            raise ValueError(f"has {len(texts)} fields; allowed: five ({names})")
        minutes, hours, days, months, weekdays = (
            _values(text, field) for text, field in zip(texts, _FIELDS, strict=True)
        )
        either = not texts[2].startswith("*") and not texts[4].startswith("*")
        if not either and not any(min(days) <= _DAYS_IN_MONTH[month - 1] for month in months):
            raise ValueError(
                "names a day that its months do not have; allowed: one that comes, such as 28"
            )
        return cls(
            minutes=tuple(sorted(minutes)),
            hours=tuple(sorted(hours)),
            days=frozenset(days),
            months=frozenset(months),
            weekdays=frozenset(day % 7 for day in weekdays),
            fits_either_day=either,
            runs_every_hour=texts[1].startswith("*"),
            zone=ZoneInfo(timezone),
        )

    def slot_after(self, moment: datetime) -> datetime:
        """The first of the moments after `moment`, in UTC.

        When the clocks go forward, a time that they skip counts as the moment it would
        have been. When they go back, a time that they show twice counts once, the first
        time; only where the hour field is `*` or `*/n` does it count twice, so that
        "every 20 minutes" knows no gap.
        """
        first = moment.astimezone(self.zone).date()
        for ahead in range(_SEARCHED_DAYS):
            day = first + ahead * _DAY
            if not self._fits(day):
                continue
            slot = min((each for each in self._moments(day) if each > moment), default=None)
            if slot is not None:
                return slot
        raise ValueError("the expression names no moment")

    def _fits(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        fits_month = day.day in self.days
        fits_week = day.isoweekday() % 7 in self.weekdays
        return fits_month or fits_week if self.fits_either_day else fits_month and fits_week

    def _moments(self, day: date) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone)
                yield wall.astimezone(UTC)
                if self.runs_every_hour:
                    again = wall.replace(fold=1).astimezone(UTC)
                    if again.astimezone(self.zone).replace(fold=0) == wall:
                        yield again


def _values(text: str, field: _Field) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        first_text, dash, last_text = span.partition("-")
        if span == "*":
            first, last = field.low, field.high
        else:
            first = _number(first_text, field, part)
            last = _number(last_text, field, part) if dash else first
            if slash and not dash:
                last = field.high  # "5/15" is "5-59/15"
            if first > last and last == 0 and field.high == 7:
                last = 7  # "fri-sun"
        step = int(step_text) if re.fullmatch(r"[1-9]\d?", step_text) else 0
        if slash and not step:
            raise ValueError(f"{field.name}: {part!r} has no such step; {field.allowed}")
        if first > last:
            raise ValueError(f"{field.name}: {part!r} ends before it begins; {field.allowed}")
        found.update(range(first, last + 1, step or 1))
    return found


def _number(text: str, field: _Field, part: str) -> int:
    if text.lower() in field.names:
        return field.names.index(text.lower()) + field.low
    if re.fullmatch(r"\d{1,2}", text) and field.low <= int(text) <= field.high:
        return int(text)
    raise ValueError(f"{field.name}: {part!r} is not among its values; {field.allowed}")
