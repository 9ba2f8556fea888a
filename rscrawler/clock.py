"""The time."""

from datetime import UTC, datetime
from typing import Any


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def in_utc(moment: Any) -> datetime | None:
    """The same moment in UTC; one without a zone is taken as UTC. None for what is no moment."""
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
