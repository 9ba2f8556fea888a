"""Cron expressions as triggers for APScheduler."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = timedelta(milliseconds=1)
DAY = timedelta(days=1)
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # cron counts from Sunday
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# APScheduler's name of each field, in crontab's order: its label in errors, and its values.
_FIELDS = {
    "minute": ("minute", "0-59"),
    "hour": ("hour", "0-23"),
    "day": ("day of the month", "1-31"),
    "month": ("month", "1-12 or jan-dec"),
    "day_of_week": ("day of the week", "0-7 or sun-sat"),
}
_NUMBERS = {
    "month": {name: str(number) for number, name in enumerate(_MONTHS, 1)},
    "day_of_week": {name: str(number) for number, name in enumerate(_WEEKDAYS)},
}


class WallClockTrigger(CronTrigger):  # type: ignore[misc]
    """A `CronTrigger` on the wall clock of `zone`, whose fire times are in UTC.

    `CronTrigger` adds a day as 24 hours, which misses times when the clocks change, so it runs on
    a wall clock without a zone. A time that the clock skips in spring fires when it would have
    been; one that occurs twice in autumn fires the first time, with `repeats` both times, as
    "every 20 minutes" must.
    """

    __slots__ = ("repeats", "zone")

    def __init__(self, *, repeats: bool, zone: ZoneInfo, **fields: Any) -> None:
        super().__init__(timezone=UTC, **fields)
        self.repeats, self.zone = repeats, zone

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> Any:
        """The first match after the previous fire time; without one, at or after `now`."""
        start = now.astimezone(UTC)
        if previous_fire_time is not None:
            start = previous_fire_time.astimezone(UTC) + INSTANT
        wall = self._wall(start)
        # Times before `wall` are still ahead if the clock skipped them, or will go back over them.
        change = abs(self._wall(start + DAY) - self._wall(start - DAY) - 2 * DAY)
        found = (self._first(each, start) for each in {wall, wall - change})
        return min(filter(None, found), default=None)

    def _wall(self, moment: datetime) -> datetime:
        """The wall clock's time, as if it were UTC."""
        return moment.astimezone(self.zone).replace(tzinfo=UTC, fold=0)

    def _first(self, wall: datetime, start: datetime) -> datetime | None:
        """When the clock first shows a match, of those from `wall` on; not before `start`."""
        while match := super().get_next_fire_time(None, wall):
            for fold in (0, 1) if self.repeats else (0,):
                at: datetime = match.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
                if at >= start:
                    return at
            wall = match + INSTANT
        return None


def cron_trigger(expression: str, timezone: str, jitter: timedelta = timedelta(0)) -> BaseTrigger:
    """The trigger for a crontab(5) expression of five fields on the wall clock of `timezone`.

    If both day fields are restricted, a day has to match only one of them.

    Raises:
        ValueError: names the field, the error and what is allowed.
    """
    texts = expression.split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(label for label, _ in _FIELDS.values())
        raise ValueError(f"has {len(texts)} fields; allowed: five ({names})")
    values = {name: _translated(name, text) for name, text in zip(_FIELDS, texts, strict=True)}
    _, hour, day, _, weekday = texts
    restrictions = [values]
    if not day.startswith("*") and not weekday.startswith("*"):
        restrictions = [values | {"day_of_week": "*"}, values | {"day": "*"}]
    triggers = [
        WallClockTrigger(repeats=hour.startswith("*"), zone=ZoneInfo(timezone), **fields)
        for fields in restrictions
    ]
    if triggers[0].get_next_fire_time(None, EPOCH) is None:
        raise ValueError(
            "names a day that its months do not have; allowed: a day that occurs, such as 28"
        )
    # The jitter is added in UTC: on the wall clock, it would lose which of two 02:30 is meant.
    return OrTrigger(triggers, jitter=jitter.total_seconds())


def _translated(name: str, text: str) -> str:
    """Translate a cron field for APScheduler, which counts weekdays from Monday."""
    label, allowed = _FIELDS[name]
    try:
        numbers = re.sub(r"[a-z]+", lambda word: _NUMBERS[name][word.group()], text.lower())
        if not re.fullmatch(r"[\d*,/-]+", numbers):
            raise ValueError(text)
        if name == "day_of_week" and numbers != "*":
            days = {day % 7 for part in numbers.split(",") for day in _weekdays(part)}
            numbers = ",".join(_WEEKDAYS[day] for day in sorted(days))
        CronTrigger.FIELDS_MAP[name](name, numbers)
    except (KeyError, ValueError):
        raise ValueError(
            f"{label}: {text!r} is not valid; allowed: *, {allowed}, "
            "lists (1,2), ranges (1-5), steps (*/2)"
        ) from None
    return numbers


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
