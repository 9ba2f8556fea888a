"""Publication histories to replay: read from a CSV, or generated for five unlike sites.

A generated history carries the rates that it was drawn from, so that a schedule
which knows them can be set beside one which has to learn them.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rscrawler.errors import ConfigurationError
from rscrawler.items import parse_rfc3339

RATE_STEP = timedelta(minutes=15)
YEAR = timedelta(days=365)
_DEFAULT_START = datetime(2025, 1, 6, tzinfo=UTC)
_HOURS_PER_STEP = RATE_STEP / timedelta(hours=1)

RateAt = Callable[[datetime], float]
"""Articles an hour at a moment (UTC)."""


@dataclass(frozen=True, slots=True)
class SiteHistory:
    """What one site published between two moments (UTC), oldest first.

    `rates` are the true rates, in articles an hour for each `RATE_STEP` from
    `start`, as they follow from the hour and the season; None when they are not
    known, as for a history from a file. `foresight` is what they would be to one
    who knew the chance events behind them as well (when a burst will come); None
    when there are none.
    """

    name: str
    start: datetime
    end: datetime
    moments: tuple[datetime, ...]
    rates: tuple[float, ...] | None = None
    foresight: tuple[float, ...] | None = None


def read_histories(path: Path) -> list[SiteHistory]:
    """The histories in a CSV: a line holds a moment and, optionally, its source.

    A first line whose first cell is not a moment is a heading. Moments are ISO 8601
    with a time zone. Every history spans the whole file, from its first moment to
    its last, so that the sources can share a budget.

    Raises:
        ConfigurationError: the file cannot be read, holds fewer than two moments, or
            a line has no moment; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [(number, row) for number, row in enumerate(csv.reader(lines), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: cannot be read as CSV: {error}") from error
    by_source: dict[str, list[datetime]] = {}
    for number, row in rows:
        try:
            moment = parse_rfc3339(row[0].strip())
        except ValueError as error:
            if number == 1:
                continue
            raise ConfigurationError(
                f"{path}: line {number}: {error}; allowed: a moment such as "
                "2025-01-06T09:30:00Z, then optionally a comma and the source"
            ) from None
        source = row[1].strip() if len(row) > 1 else ""
        by_source.setdefault(source or path.stem, []).append(moment)
    everything = [moment for moments in by_source.values() for moment in moments]
    if len(set(everything)) < 2:
        raise ConfigurationError(f"{path}: fewer than two moments: there is nothing to replay")
    start, end = min(everything), max(everything) + timedelta(seconds=1)
    return [
        SiteHistory(source, start, end, tuple(sorted(moments)))
        for source, moments in by_source.items()
    ]


def write_histories(histories: list[SiteHistory], path: Path) -> None:
    """Writes the moments so that `read_histories` reads them back, to the microsecond."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["moment", "source"])
        for history in histories:
            writer.writerows((moment.isoformat(), history.name) for moment in history.moments)


def five_sites(
    seed: int, start: datetime = _DEFAULT_START, span: timedelta = YEAR
) -> list[SiteHistory]:
    """A year (or `span`) of five sites that publish in unlike ways; the same for one seed."""
    end = start + span
    makers = (_magazine, _wire, _weekly, _blog, _irregular)
    return [make(random.Random(f"{seed}/{make.__name__}"), start, end) for make in makers]


def poisson_history(
    name: str, rate: RateAt, start: datetime, end: datetime, chance: random.Random
) -> SiteHistory:
    """A history whose articles come independently of each other at `rate`."""
    rates = tuple(rate(step) for step in _steps(start, end))
    moments: list[datetime] = []
    for step, articles_an_hour in zip(_steps(start, end), rates, strict=True):
        count = _poisson(articles_an_hour * _HOURS_PER_STEP, chance)
        moments.extend(step + RATE_STEP * chance.random() for _ in range(count))
    return SiteHistory(name, start, end, tuple(sorted(moments)), rates)


def _magazine(chance: random.Random, start: datetime, end: datetime) -> SiteHistory:
    """A think tank's magazine: five articles a weekday by office hours in Washington.

    One or two are set to appear at midnight there (05:00 UTC in winter), the rest
    come between the morning and the end of the working day; weekends are nearly
    empty, public holidays too.
    """
    zone = ZoneInfo("America/New_York")
    holidays = {(1, 1), (1, 20), (7, 4), (11, 11), (11, 27), (12, 24), (12, 25), (12, 31)}

    def rate(moment: datetime) -> float:
        local = moment.astimezone(zone)
        hour = local.hour + local.minute / 60
        night = 1.4 * _bump(hour, 0.4, 0.4)
        day = 2.0 * _bump(hour, 10.5, 1.8) + 1.5 * _bump(hour, 14.5, 1.8)
        if local.weekday() >= 5 or (local.month, local.day) in holidays:
            return 0.08 * (night + day) + 0.004
        return night + day + 0.004

    return poisson_history("magazine", rate, start, end, chance)


def _wire(chance: random.Random, start: datetime, end: datetime) -> SiteHistory:
    """A news wire: about 70 articles a day round the clock, fewer at night and at weekends."""

    def rate(moment: datetime) -> float:
        hour = moment.hour + moment.minute / 60
        daily = 3.1 + 1.5 * math.cos(math.tau * (hour - 13.0) / 24)
        return daily * (0.75 if moment.weekday() >= 5 else 1.0)

    return poisson_history("wire", rate, start, end, chance)


def _weekly(chance: random.Random, start: datetime, end: datetime) -> SiteHistory:
    """One article a week, on Thursday at ten in London give or take; now and then none."""
    zone = ZoneInfo("Europe/London")
    hour_of_issue, spread, issued = 10.0, 1.0, 0.95

    def rate(moment: datetime) -> float:
        local = moment.astimezone(zone)
        if local.weekday() != 3:
            return 0.0
        return issued * _bump(local.hour + local.minute / 60, hour_of_issue, spread)

    moments = []
    for day in _days(start, end):
        local = datetime(day.year, day.month, day.day, tzinfo=zone)
        if local.weekday() == 3 and chance.random() < issued:
            hour = min(max(chance.gauss(hour_of_issue, spread), 0.0), 23.9)
            moments.append((local + timedelta(hours=hour)).astimezone(UTC))
    inside = tuple(moment for moment in moments if start <= moment < end)
    return SiteHistory("weekly", start, end, inside, tuple(map(rate, _steps(start, end))))


def _blog(chance: random.Random, start: datetime, end: datetime) -> SiteHistory:
    """A blog that writes in bursts: for some hours a post every half hour or so, then days of none.

    Its rates know at which hours bursts are likely; its foresight knows the bursts.
    """
    zone = ZoneInfo("Europe/Berlin")
    shortest, longest, posts_an_hour = 1.5, 6.0, 1.6

    def background(moment: datetime) -> float:
        return 0.02 if 8 <= moment.astimezone(zone).hour < 23 else 0.002

    def bursts_an_hour(moment: datetime) -> float:
        return (4.0 if 8 <= moment.astimezone(zone).hour < 23 else 0.6) / 168

    bursts = [
        (step, step + timedelta(hours=chance.uniform(shortest, longest)))
        for step in _steps(start, end)
        if chance.random() < bursts_an_hour(step) * _HOURS_PER_STEP
    ]

    def with_bursts(moment: datetime) -> float:
        is_burst = any(begin <= moment < finish for begin, finish in bursts)
        return (posts_an_hour if is_burst else 0.0) + background(moment)

    def without_knowing_them(moment: datetime) -> float:
        # A burst that began h hours ago still runs with the chance that it is longer than h.
        running = sum(
            bursts_an_hour(moment - step * RATE_STEP)
            * _HOURS_PER_STEP
            * min(1.0, (longest - step * _HOURS_PER_STEP) / (longest - shortest))
            for step in range(int(longest / _HOURS_PER_STEP))
        )
        return posts_an_hour * running + background(moment)

    drawn = poisson_history("blog", with_bursts, start, end, chance)
    rates = tuple(without_knowing_them(step) for step in _steps(start, end))
    return replace(drawn, rates=rates, foresight=drawn.rates)


def _irregular(chance: random.Random, start: datetime, end: datetime) -> SiteHistory:
    """A newsroom whose habits change: summer time, holiday lulls, two new rhythms in the year."""
    zone = ZoneInfo("Europe/Warsaw")

    def rate(moment: datetime) -> float:
        local = moment.astimezone(zone)
        hour, is_weekend = local.hour + local.minute / 60, local.weekday() >= 5
        share_of_year = (moment - start) / YEAR
        office = 5.0 * _bump(hour, 11.0, 2.5) * (0.1 if is_weekend else 1.0)
        if share_of_year < 0.35:
            articles = office
        elif share_of_year < 0.75:  # an evening desk is added, weekends included
            articles = office + 4.0 * _bump(hour, 19.0, 1.2)
        else:  # mornings only, after a reorganisation
            articles = 7.0 * _bump(hour, 7.0, 1.0) * (0.2 if is_weekend else 1.0)
        return articles * _lull(local.date()) + 0.01

    return poisson_history("irregular", rate, start, end, chance)


def _lull(day: date) -> float:
    """What is left of a Polish newsroom's output on `day`."""
    quiet = (((4, 17), (4, 22)), ((8, 4), (8, 22)), ((12, 22), (12, 31)), ((1, 1), (1, 6)))
    return 0.15 if any(first <= (day.month, day.day) <= last for first, last in quiet) else 1.0


def _bump(hour: float, centre: float, spread: float) -> float:
    """A normal density over the hours of a day, wrapped at midnight; it sums to one a day."""
    distance = (hour - centre + 12.0) % 24.0 - 12.0
    return math.exp(-0.5 * (distance / spread) ** 2) / (spread * math.sqrt(math.tau))


def _steps(start: datetime, end: datetime) -> Iterator[datetime]:
    moment = start
    while moment < end:
        yield moment
        moment += RATE_STEP


def _days(start: datetime, end: datetime) -> Iterator[date]:
    day = start.date()
    while day <= end.date():
        yield day
        day += timedelta(days=1)


def _poisson(mean: float, chance: random.Random) -> int:
    """A Poisson draw by Knuth's product of uniforms: right for the small means of one step."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
