"""Weeks from Monday to Sunday, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta


@dataclass(frozen=True, slots=True)
class Week:
    """One week; both days belong to it."""

    first: date

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + timedelta(days=6)

    @property
    def start(self) -> datetime:
        """When it begins."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """When the next one begins."""
        return self.start + timedelta(days=7)

    @property
    def label(self) -> str:
        """`24 Nov` of its Monday."""
        return f"{self.first.day} {_MONTHS[self.first.month - 1]}"


# `%b` would follow the machine's locale.
_MONTHS = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def last_weeks(now: datetime, count: int) -> list[Week]:
    """The last weeks, this one included, oldest first."""
    monday = monday_of(now.astimezone(UTC).date())
    return [Week(monday - timedelta(weeks=back)) for back in reversed(range(count))]


def monday_of(day: date) -> date:
    """The first day of a day's week."""
    return day - timedelta(days=day.weekday())
