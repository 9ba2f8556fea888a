"""Parses dates as pages write them, to moments in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=2)  # clocks and zones differ; more is a mistake
_FARTHEST = timedelta(hours=14)  # of any zone from UTC
# English, French, Spanish, Portuguese, Italian, German, Russian.
_MONTHS = (
    "january jan janvier janv enero ene janeiro gennaio gen januar jänner января янв",
    "february feb février févr fevrier febrero fevereiro fev febbraio februar февраля фев",
    "march mar mars marzo março märz mrz марта мар",
    "april apr avril avr abril abr aprile апреля апр",
    "may mai mayo maio maggio mag мая май",
    "june jun juin junio junho giugno giu juni июня июн",
    "july jul juillet juil julio julho luglio lug juli июля июл",
    "august aug août aout agosto ago августа авг",
    "september sept sep septembre septiembre setembro set settembre сентября сент сен",
    "october oct octobre octubre outubro out ottobre ott oktober okt октября окт",
    "november nov novembre noviembre novembro ноября нояб ноя",
    "december dec décembre déc diciembre dic dezembro dez dicembre dezember декабря дек",
)
_NUMBER_OF = {word: number for number, words in enumerate(_MONTHS, 1) for word in words.split()}
_MONTH = rf"(?P<name>{'|'.join(sorted(_NUMBER_OF, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})\b"
_PRINTED = [
    re.compile(printed, re.IGNORECASE)
    for printed in (
        rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        rf"\b{_DAY}\s+(?:of\s+|de\s+)?{_MONTH},?\s+(?:de\s+|del\s+)?{_YEAR}",
        r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>(?:19|20)\d{2})(?!\.?\d)",
        rf"(?<![\d/-])(?P<day>\d{{1,2}})(?P<bar>[/-])(?P<month>\d{{1,2}})(?P=bar){_YEAR}",
        r"\b(?P<year>(?:19|20)\d{2})[-./年]\s?(?P<month>\d{1,2})[-./月]\s?(?P<day>\d{1,2})(?!\d)",
    )
]
# Hours ahead of UTC. Names of several offsets (IST, or ALMT, which has changed) are left out.
_HOURS = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "bst": 1, "cet": 1, "cest": 2, "eet": 2,
    "eest": 3, "msk": 3, "uzt": 5, "tjt": 5, "tmt": 5, "kgt": 6,
    "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip
_PLACES = {
    "et": ZoneInfo("America/New_York"),
    "ct": ZoneInfo("America/Chicago"),
    "mt": ZoneInfo("America/Denver"),
    "pt": ZoneInfo("America/Los_Angeles"),
}
_PLACES |= {"eastern time": _PLACES["et"], "pacific time": _PLACES["pt"]}
# The time zone behind a time, known or not: `EST`, `UTC+5`, `+0500`, `Astana time`.
_ZONE = (
    r"(?-i:(?:UTC|GMT|utc|gmt)\s?[+-]\d{1,2}(?::?\d{2})?\b|[+-]\d{4}\b|\+\d{2}:\d{2}\b"
    r"|(?!(?:AT|OCT|SAT|SEPT|THAT)\b)[A-Z]{1,4}T\b|UTC\b|MSK\b|Z\b|utc\b|gmt\b|[ecmp][sd]t\b)"
    r"|(?!reading)(?:\w+ )?time\b"
)
_CLOCK = re.compile(
    r"(?<![\d.])(\d{1,2})[:.h](\d{2})(?!\d|\.\d)(?::(\d{2}))?\s*([ap]\.?m\b\.?)?[\s(]*("
    + _ZONE
    + ")?",
    re.IGNORECASE,
)
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{1,2})(?:[.,]\d+)?)?\s*([+-][\d:]+|(?![AP]M\b)[A-Z]{1,5})?)?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FoundDate:
    """A parsed date in UTC, and what the text left open."""

    at: datetime
    has_time: bool = True
    has_zone: bool = True
    odd_zone: str | None = None
    """The name of an unknown zone; the time is then ignored."""

    @property
    def is_moment(self) -> bool:
        """Whether the text gave time and zone."""
        return self.has_time and self.has_zone

    def is_refined_by(self, other: FoundDate) -> bool:
        """Whether `other` may be this date with time and zone; midnight UTC counts as a day."""
        if self.is_moment or not other.is_moment or other.at.time() == time():
            return False
        length = timedelta() if self.has_time else timedelta(days=1)
        return -_FARTHEST <= other.at - self.at <= length + _FARTHEST

    def warnings(self, field: str) -> list[str]:
        """The warnings for `field` if it takes this date."""
        if self.odd_zone is not None:
            return [f"{field}: time zone {self.odd_zone} is not known, the day alone is taken"]
        if not self.has_time:
            return [f"{field}: the page prints a day without a time"]
        return [] if self.has_zone else [f"{field}: no time zone given, UTC assumed"]


def read_date(text: str, *, day_first: bool = False) -> FoundDate | None:
    """Parse a date: ISO 8601, RFC 2822, seconds or milliseconds since 1970, or printed.

    None if `text` is none of these. A day alone becomes midnight UTC. Relative dates ("2 hours
    ago") are not parsed: they depend on the time of the crawl. In `3/4/2021` the first number is
    the day if the caller knows so (`day_first`); otherwise it is ambiguous, and None.
    """
    text = " ".join(text.split())
    if not text or len(text) > 200:
        return None
    try:
        return _iso(text) or _epoch(text) or _printed(text, day_first=day_first)
    except (ValueError, OverflowError):
        return None


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Whether an article seen at `now` can have been published at `moment`."""
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
    return _in_zone(naive, zone)


def _in_zone(naive: datetime, zone: str | None) -> FoundDate:
    """Convert `naive` to UTC; without a zone it is UTC, with an unknown one only the day counts."""
    if not zone:
        return FoundDate(naive.replace(tzinfo=UTC), has_zone=False)
    offset = _offset(zone, naive)
    if offset is None:
        day = datetime(naive.year, naive.month, naive.day, tzinfo=UTC)
        return FoundDate(day, has_time=False, odd_zone=zone)
    return FoundDate((naive - offset).replace(tzinfo=UTC))


def _offset(zone: str, naive: datetime) -> timedelta | None:
    """How far a zone is ahead of UTC at that time; None if its name is unknown."""
    name = zone.casefold()
    if name in _PLACES:
        return naive.replace(tzinfo=_PLACES[name]).utcoffset()
    if name in _HOURS:
        return timedelta(hours=_HOURS[name])
    digits = re.fullmatch(r"(?:utc|gmt)?\s?([+-])(\d{1,2}?):?(\d{2})?", name)
    if digits is None:
        return None
    offset = timedelta(hours=int(digits[2]), minutes=int(digits[3] or 0))
    return -offset if digits[1] == "-" else offset


def _epoch(text: str) -> FoundDate | None:
    if not re.fullmatch(r"\d{9,10}(?:\d{3})?(?:\.\d+)?", text):
        return None
    seconds = float(text)
    return FoundDate(datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC))


def _printed(text: str, *, day_first: bool) -> FoundDate | None:
    for pattern in _PRINTED:
        match = pattern.search(text)
        if match is None:
            continue
        found = match.groupdict()
        day, year = int(found["day"]), int(found["year"])
        month = int(found["month"]) if "month" in found else _NUMBER_OF[found["name"].lower()]
        if "bar" in found and day <= 12 and not day_first and day != month:
            if month <= 12:
                return None
            day, month = month, day
        date = datetime(year, month, day, tzinfo=UTC)
        clock = _CLOCK.search(text[: match.start()] + " " + text[match.end() :])
        is_time = clock is not None and int(clock[1]) < 24 and int(clock[2]) < 60
        return _with_clock(date, clock) if clock and is_time else FoundDate(date, has_time=False)
    return None


def _with_clock(date: datetime, clock: re.Match[str]) -> FoundDate:
    hour, half = int(clock[1]), (clock[4] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    naive = datetime(  # noqa: DTZ001 - the zone follows
        date.year, date.month, date.day, hour, int(clock[2]), int(clock[3] or 0)
    )
    return _in_zone(naive, clock[5])
