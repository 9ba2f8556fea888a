"""Dates as pages write them, as moments in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=2)  # clocks and zones differ; more is a mistake
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "(" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_PRINTED = (
    re.compile(rf"\b{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}})\b", re.IGNORECASE),
    re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+(?P<year>\d{{4}})\b", re.IGNORECASE),
)
_CLOCK = re.compile(
    r"\b(\d{1,2})[:.](\d{2})(?::(\d{2}))?\s*([ap]\.?m\b\.?)?\s*(utc|gmt|z\b)?", re.IGNORECASE
)
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FoundDate:
    """A date that was read: in UTC, and what the text left open."""

    at: datetime
    has_time: bool = True
    has_zone: bool = True

    def warnings(self, field: str) -> list[str]:
        """What to tell of `field` if it is taken from here."""
        if not self.has_time:
            return [f"{field}: the page prints a day without a time"]
        return [] if self.has_zone else [f"{field}: no time zone given, UTC assumed"]


def read_date(text: str) -> FoundDate | None:
    """The date that `text` is: ISO 8601, RFC 2822, seconds since 1970, or printed English.

    None if it is none of these. A day alone becomes midnight UTC. Relative dates ("2 hours
    ago") are not read: they would hold the time of the crawl.
    """
    text = " ".join(text.split())
    if not text or len(text) > 200:
        return None
    try:
        return _iso(text) or _epoch(text) or _rfc_2822(text) or _printed(text)
    except (ValueError, OverflowError):
        return None


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Whether a piece seen at `now` can have been published at `moment`."""
    return EARLIEST <= moment <= now + LATEST_AHEAD


def _iso(text: str) -> FoundDate | None:
    match = _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    if hour is None:
        return FoundDate(datetime(int(year), int(month), int(day), tzinfo=UTC), has_time=False)
    naive = datetime(  # noqa: DTZ001 - the zone follows
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0)
    )
    offset = _offset(zone)
    at = (naive - (offset or timedelta())).replace(tzinfo=UTC)
    return FoundDate(at, has_zone=offset is not None)


def _offset(zone: str | None) -> timedelta | None:
    if not zone:
        return None
    if zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def _epoch(text: str) -> FoundDate | None:
    if not re.fullmatch(r"\d{9,10}(?:\d{3})?(?:\.\d+)?", text):
        return None
    seconds = float(text)
    return FoundDate(datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC))


def _rfc_2822(text: str) -> FoundDate | None:
    if not re.match(r"(?:[A-Za-z]{3},\s*)?\d{1,2} [A-Za-z]{3} \d{4} \d", text):
        return None
    moment = parsedate_to_datetime(text)
    if moment.tzinfo is None:
        return FoundDate(moment.replace(tzinfo=UTC), has_zone=False)
    return FoundDate(moment.astimezone(UTC))


def _printed(text: str) -> FoundDate | None:
    for pattern in _PRINTED:
        match = pattern.search(text)
        if match is None:
            continue
        one, two = match[1], match[2]
        month, day = (one, two) if two.isdigit() else (two, one)
        date = datetime(int(match["year"]), _MONTHS[month.lower()], int(day), tzinfo=UTC)
        clock = _CLOCK.search(text[: match.start()] + " " + text[match.end() :])
        return _with_clock(date, clock) if clock else FoundDate(date, has_time=False)
    return None


def _with_clock(date: datetime, clock: re.Match[str]) -> FoundDate:
    hour, half = int(clock[1]), (clock[4] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    at = date.replace(hour=hour, minute=int(clock[2]), second=int(clock[3] or 0))
    return FoundDate(at, has_zone=bool(clock[5]))
