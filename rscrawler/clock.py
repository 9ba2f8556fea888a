"""The current time, times in UTC, and the names of the months."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# January first: English, French, Spanish, Portuguese, Italian, German; Russian, Kyrgyz, Tajik and
# Uzbek in Cyrillic, without their endings; Kazakh; Uzbek and Turkmen in Latin letters.
MONTHS = Path(__file__).with_name("months.txt").read_text("utf-8").splitlines()
MONTH_ENDINGS = "аиуыья"


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


def in_utc(moment: Any) -> datetime | None:
    """Convert a time to UTC; without a zone it is UTC already. None if it is not a datetime."""
    if not isinstance(moment, datetime):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
