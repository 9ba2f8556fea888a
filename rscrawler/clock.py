"""The current time, and times and spans in words."""

from datetime import UTC, datetime, timedelta
from typing import Any


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def in_utc(moment: Any) -> datetime | None:
    """Convert a time to UTC; without a zone it is UTC already. None if it is not a datetime."""
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_the_minute(moment: datetime) -> str:
    """The time as in messages: `2026-11-24 12:00 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span_in_words(span: timedelta) -> str:
    """`3.4 days`, `14 h` or `25 min`."""
    hours = span / timedelta(hours=1)
    if hours >= 48:
        return f"{hours / 24:.1f} days".replace(".0 ", " ")
    return f"{hours:.0f} h" if hours >= 1 else f"{span / timedelta(minutes=1):.0f} min"
