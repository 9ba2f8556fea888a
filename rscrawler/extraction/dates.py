"""Parses dates as pages write them, to moments in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from rscrawler.extraction.vocabulary import compiled, table
from rscrawler.text import MONTH_ENDINGS, MONTHS

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST_AHEAD = timedelta(days=2)  # clocks and zones differ; more is a mistake
_FARTHEST = timedelta(hours=14)  # of any zone from UTC
_NUMBER_OF = {word: number for number, words in enumerate(MONTHS, 1) for word in words.split()}
_NAMES = "|".join(sorted(_NUMBER_OF, key=len, reverse=True))
# Polish for November; in Croatian, which writes "3. listopada", it is October.
_MONTH = rf"(?!(?<=\.\s)listopada)(?P<name>{_NAMES})[{MONTH_ENDINGS}]?\b\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|\.)?"
_YEAR = r"(?P<year>(?:19|20)\d{2})(?!\d)"
_PRINTED = [
    re.compile(printed, re.IGNORECASE)
    for printed in (
        rf"\b{_MONTH}\s+{_DAY}(?:\s*,\s*|\s+){_YEAR}",
        # Of C and Java, with the year behind the time: Tue Jan 28 15:28:56 CET 2020
        rf"\b{_MONTH}\s+{_DAY}(?=\s+\d\d:\d\d:\d\d\s+(?:\S{{1,6}}\s+)?{_YEAR}$)",
        rf"\b{_DAY}[\s-]+(?:of\s+|de\s+)?{_MONTH},?[\s-]+(?:de\s+|del\s+)?{_YEAR}",
        rf"\b{_YEAR}[\s-]{table('dates')['year']},?\s+{_DAY}[\s-]+{_MONTH}",
        r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>(?:19|20)\d{2})(?!\.?\d)",
        r"(?<![\d.])(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d\d)(?!\.?\d)",
        rf"(?<![\d/-])(?P<day>\d{{1,2}})(?P<bar>[/-])(?P<month>\d{{1,2}})(?P=bar){_YEAR}",
        r"\b(?P<year>(?:19|20)\d{2})[-./年]\s?(?P<month>\d{1,2})[-./月]\s?(?P<day>\d{1,2})(?!\d)",
    )
]
# Zones by their names; those of several offsets (IST, or ALMT, which has changed) are left out.
_ZONES: dict[str, tzinfo] = {
    name: timezone(timedelta(hours=ahead))
    for ahead, names in {
        0: "z ut utc gmt wet", 1: "bst cet", 2: "cest eet", 3: "eest msk", 5: "uzt tjt tmt pkt",
        6: "kgt", 10: "aest", 11: "aedt", -4: "edt", -5: "est cdt", -6: "cst mdt", -7: "mst pdt",
        -8: "pst",
    }.items()
    for name in names.split()
}  # fmt: skip
_ZONES |= {
    name: ZoneInfo(f"America/{place}")
    for place, names in {
        "New_York": ("et", "eastern time"), "Chicago": ("ct",), "Denver": ("mt",),
        "Los_Angeles": ("pt", "pacific time"),
    }.items()
    for name in names
}  # fmt: skip
# The time zone behind a time, known or not: `EST`, `UTC+5`, `+0500`, `Astana time`.
_ZONE = (
    r"(?-i:(?:UTC|GMT|utc|gmt)\s?[+-]\d{1,2}(?::?\d{2})?\b|[+-]\d{4}\b|\+\d{1,2}:\d{2}\b|\+0\d\b"
    r"|(?<=:\d\d:\d\d\s)[+-]\d{2}(?::\d{2})?\b"  # behind seconds; else it can end an hour
    r"|(?!(?:AT|OCT|SAT|SEPT|THAT)\b)[A-Z]{1,4}T\b|UTC\b|MSK\b|Z\b|utc\b|gmt\b|[ecmp][sd]t\b)"
    r"|(?!reading)(?:\w+ )?time\b"
)
_CLOCK = re.compile(
    r"(?<![\d.])(\d{1,2})[:.h](\d{2})(?!\d|\.\d)(?::(\d{2})(?:\.\d+)?)?\s*([ap]\.?\s?m\b\.?)?[\s(]*"
    f"({_ZONE})?",
    re.IGNORECASE,
)
_RELATIVE = compiled(table("dates")["relative"])
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T\s]+([01]?\d|2[0-4]):([0-5]\d)(?::([0-6]?\d)(?:[.,]\d+)?)?"
    r"\s*([+-][\d:]+|(?![AP]M\b)[A-Z]{1,5})?|[+-]\d\d:\d\d|Z)?\s*$",  # a day of XML with a zone
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


def read_date(
    text: str, *, day_first: bool = False, now: datetime | None = None
) -> FoundDate | None:
    """Parse a date: ISO 8601, RFC 2822, seconds or milliseconds since 1970, or printed.

    None if `text` is none of these. A day alone becomes midnight UTC. "Today" and
    "yesterday" before a time need the time of the crawl (`now`). In `3/4/2021` the first number is
    the day if the weekday before it or the caller (`day_first`) says so; else it is None.
    """
    text = " ".join(text.replace("İ", "I").split())  # "İyun", "NİSAN"
    if now is not None:
        text = _RELATIVE.sub(lambda m: f"{now - timedelta(days=not m['today']):%Y-%m-%d} ", text)
    if not text or len(text) > 200:
        return None
    try:
        return _iso(text) or _epoch(text) or _printed(text, day_first=day_first)
    except (KeyError, ValueError, OverflowError):  # "aprıl" without its dot, 3/4/2021
        return None


def without_date(text: str) -> str:
    """`text` with a bar in the place of the date and time that it prints."""
    found = next((printed for printed in _PRINTED if printed.search(text)), None)
    return _CLOCK.sub("|", found.sub("|", text)) if found else text


def is_plausible(moment: datetime, now: datetime) -> bool:
    """Whether an article seen at `now` can have been published at `moment`."""
    return EARLIEST <= moment <= now + LATEST_AHEAD


def _iso(text: str) -> FoundDate | None:
    match = _ISO.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    date = datetime(int(year), int(month), int(day), tzinfo=UTC)
    if hour is None:
        return FoundDate(date, has_time=False)
    return _at(date, int(hour), int(minute), int(second or 0), zone)


def _at(date: datetime, hour: int, minute: int, second: int, zone: str | None) -> FoundDate:
    """A time of a day; without a zone it is UTC, with an unknown one only the day counts."""
    moment = date + timedelta(hours=hour, minutes=minute, seconds=second)  # 24:00 is the next day
    if not zone:
        return FoundDate(moment, has_zone=False)
    known = _zone(zone.casefold())
    if known is None:
        return FoundDate(date, has_time=False, odd_zone=zone)
    return FoundDate(moment.replace(tzinfo=known).astimezone(UTC))


def _zone(name: str) -> tzinfo | None:
    digits = re.fullmatch(r"(?:utc|gmt)?\s?([+-])([01]?\d):?([0-5]\d)?", name)
    if digits is None:
        return _ZONES.get(name)
    ahead = timedelta(hours=int(digits[2]), minutes=int(digits[3] or 0))
    return timezone(-ahead if digits[1] == "-" else ahead)


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
        year += 2000 if year < 100 else 0
        month = int(found["month"]) if "month" in found else _NUMBER_OF[found["name"].lower()]
        rest = f"{text[: match.start()]}\v{text[match.end() :]}"  # white space that no text has
        dates = [datetime(year, month, day, tzinfo=UTC)] if month <= 12 else []
        if "bar" in found and day <= 12 and day != month:
            dates += [datetime(year, day, month, tzinfo=UTC)]
            named = [each for each in dates if re.search(rf"(?i)\b{each:(?:%a|%A)}\W*\v", rest)]
            if len(named) == 1:
                dates = named
            elif day_first:
                dates = dates[:1]
        (date,) = dates  # ValueError if it is none, or can be two
        clock = _CLOCK.search(rest)
        if clock is None or int(clock[1]) > 23 or int(clock[2]) > 59:
            return FoundDate(date, has_time=False)
        hour, half = int(clock[1]), (clock[4] or "").lower()[:1]
        if half:
            hour = hour % 12 + (12 if half == "p" else 0)
        return _at(date, hour, int(clock[2]), int(clock[3] or 0), clock[5])
    return None
