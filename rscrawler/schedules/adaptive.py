"""When to visit a site next: the adaptive policy (`docs/scheduling-policy.md`).

A site's rate of publication is learnt for every half hour of the week: (articles on this day of
the week) × (share of a day's articles in this half hour, smoothed over its neighbours). Each factor
is shrunk towards an even spread, with the weight of one imagined week or article. Older weeks count
for less. Rates are learnt from articles published before the last UTC midnight, so they hold until
the next one. Later articles enter through `WeeklyRates.level`: the part of the past hours' surplus
or deficit that tends to persist at this site.

The density of visits is proportional to the rate, to the power `EMPHASIS`, between 0.5, where the
mean delay is least, and where the median is. The next visit is when the density, added up from now,
reaches one visit; so the last visit before a busy hour waits for that hour. All functions are pure,
except `plan_visit`, which reads the store.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Self

from pydantic import model_validator

from rscrawler.config.models import Duration, Model, format_duration, key
from rscrawler.decisions import requested_pause
from rscrawler.store import Store

EMPHASIS = 0.7
DEFAULT_VISITS_PER_DAY = 48.0
HOUR = 3_600.0
DAY = 86_400.0
BIN = 1_800  # seconds
BINS_A_DAY = 48
BINS = 7 * BINS_A_DAY  # bin 0 begins on Thursday, as the Unix epoch does
WINDOW_BINS = 6  # three hours: the span in which a burst shows
WINDOWS = BINS // WINDOW_BINS
WINDOW = WINDOW_BINS * BIN
MEMORY = timedelta(weeks=16)  # older articles are ignored

# Tuned on generated years other than those of the benchmark; none is sensitive:
# halving or doubling one changes the median delay by less than a tenth.
_HALF_LIFE_WEEKS = 4.0
_DAY_WEEKS = 1.0
_SHAPE_ARTICLES = 1.0
_NEVER_QUITE_ZERO = 0.02
_KERNEL = (1.0, 2.0, 3.0, 2.0, 1.0)  # bins: an hour to either side


class Adaptive(Model):
    """The limits of the interval, and a budget; None: 48 visits a day, or as near as they allow."""

    min: Duration = key("5m", "the shortest interval")
    max: Duration = key("6h", "the longest interval")
    visits_per_day: float | None = key(None, "mean over a week", gt=0)

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if not timedelta(0) < self.min <= self.max:
            longest = format_duration(self.max)
            raise ValueError(f'min: allowed: more than "0s", and at most max ("{longest}")')
        if self.visits_per_day not in (None, self.budget):
            fewest, most = timedelta(days=1) / self.max, timedelta(days=1) / self.min
            raise ValueError(
                f"visits_per_day is {self.visits_per_day:g}; with these min and max, allowed: "
                f"{fewest:g} to {most:g}"
            )
        return self

    @property
    def budget(self) -> float:
        """Visits a day."""
        fewest, most = timedelta(days=1) / self.max, timedelta(days=1) / self.min
        return min(max(self.visits_per_day or DEFAULT_VISITS_PER_DAY, fewest), most)


# The rate of publication.


@dataclass(frozen=True, slots=True)
class PublicationHistory:
    """When a site's articles were published, or first seen if they give no date.

    In seconds since the Unix epoch. The time before `since` counts as unknown, not as quiet.
    """

    moments: tuple[float, ...] = ()  # ascending
    since: float = math.inf

    @classmethod
    def of(cls, moments: Iterable[datetime], since: datetime) -> Self:
        """A history of aware datetimes in any order."""
        seconds = tuple(sorted(moment.timestamp() for moment in moments))
        return cls(seconds, since.timestamp())


@dataclass(frozen=True, slots=True)
class WeeklyRates:
    """Articles an hour for each half hour of the week, and how much a surplus persists.

    `persistence` is the covariance of the relative surplus of neighbouring three-hour windows:
    0 for a site whose articles come independently, above 1 for one that publishes in bursts.
    """

    articles_an_hour: tuple[float, ...]
    persistence: float = 0.0

    def expected(self, begin: float, end: float) -> float:
        """Articles expected between two moments (seconds since the epoch)."""
        total, moment = 0.0, begin
        while moment < end:
            edge = min(end, (moment // BIN + 1) * BIN)
            total += self.articles_an_hour[int(moment // BIN) % BINS] * (edge - moment) / HOUR
            moment = edge
        return total

    def level(self, history: PublicationHistory, now: float) -> float:
        """How much busier (above 1) or quieter (below 1) than usual the next hours probably are.

        The mean of a gamma level (mean 1, variance `persistence`), given the last window's count.
        """
        seen = bisect_right(history.moments, now) - bisect_left(history.moments, now - WINDOW)
        expected = self.expected(now - WINDOW, now)
        return (1.0 + self.persistence * seen) / (1.0 + self.persistence * expected)


EVEN_RATES = WeeklyRates((1.0,) * BINS)  # of a site without a past


def learn(history: PublicationHistory, now: float) -> WeeklyRates:
    """The rates from the history before the last UTC midnight; `now` is in epoch seconds."""
    midnight = now // DAY * DAY
    first_day = max(history.since // DAY * DAY, midnight - MEMORY.total_seconds())
    if not first_day < midnight:
        return EVEN_RATES
    begin = bisect_left(history.moments, first_day)
    until = bisect_left(history.moments, midnight)
    counts = Counter([int(moment) // BIN for moment in history.moments[begin:until]])
    if not counts:
        return EVEN_RATES

    first_bin, end_bin = int(first_day) // BIN, int(midnight) // BIN
    # Weights are by whole weeks: if each day weighed a little less than the next, tomorrow's
    # day of the week would always look busier than yesterday's.
    weights = [
        0.5 ** ((end_bin - 1 - bin_) // BINS / _HALF_LIFE_WEEKS)
        for bin_ in range(first_bin, end_bin, BINS_A_DAY)
    ]
    exposure = [0.0] * 7  # weighted count of each day of the week
    for day, weight in enumerate(weights):
        exposure[(first_bin // BINS_A_DAY + day) % 7] += weight
    by_day, by_time = [0.0] * 7, [0.0] * BINS_A_DAY
    for bin_, count in counts.items():
        weighted = count * weights[(bin_ - first_bin) // BINS_A_DAY]
        by_day[bin_ // BINS_A_DAY % 7] += weighted
        by_time[bin_ % BINS_A_DAY] += weighted

    rates = _shrunk(by_day, by_time, exposure)
    return WeeklyRates(tuple(rates), _persistence(_windows(counts, rates, first_bin, end_bin)))


def _shrunk(by_day: list[float], by_time: list[float], exposure: list[float]) -> list[float]:
    """Articles an hour for each bin, from weighted counts and the weighted days observed."""
    total = sum(by_day)
    mean = total / sum(exposure)  # articles a day
    days = [
        (count + _DAY_WEEKS * mean) / (seen + _DAY_WEEKS)
        for count, seen in zip(by_day, exposure, strict=True)
    ]
    shape = [
        (count + _SHAPE_ARTICLES / BINS_A_DAY) / (total + _SHAPE_ARTICLES)
        for count in _smoothed(by_time)
    ]
    least = _NEVER_QUITE_ZERO * mean / 24
    return [max(articles * part * HOUR / BIN, least) for articles in days for part in shape]


def _smoothed(counts: list[float]) -> list[float]:
    """`counts` smoothed over their neighbours, in a circle; the sum stays the same."""
    size, reach, mass = len(counts), len(_KERNEL) // 2, sum(_KERNEL)
    wrapped = counts[-reach:] + counts + counts[:reach]
    return [
        sum(weight * wrapped[at + offset] for offset, weight in enumerate(_KERNEL)) / mass
        for at in range(size)
    ]


def _windows(
    counts: Counter[int], rates: list[float], first_bin: int, end_bin: int
) -> list[tuple[int, float]]:
    """(articles, expected articles) of each past window."""
    running = list(accumulate((rate * BIN / HOUR for rate in rates), initial=0.0))
    usual = [running[begin + WINDOW_BINS] - running[begin] for begin in range(0, BINS, WINDOW_BINS)]
    first, end = first_bin // WINDOW_BINS, end_bin // WINDOW_BINS
    seen = [0] * (end - first)
    for bin_, count in counts.items():
        seen[bin_ // WINDOW_BINS - first] += count
    return [(count, usual[window % WINDOWS]) for window, count in enumerate(seen, first)]


def _persistence(windows: list[tuple[int, float]]) -> float:
    """The relative covariance of neighbouring windows minus its standard error, at least 0.

    For independent articles the covariance is 0, however few they are; a variance would not
    show that. The standard error is subtracted as the part that may be chance.
    """
    covariance = product = 0.0
    for (seen, usual), (seen_next, usual_next) in pairwise(windows):
        covariance += (seen - usual) * (seen_next - usual_next)
        product += usual * usual_next
    if product <= 0.0:
        return 0.0
    return max(0.0, covariance / product - 1.0 / math.sqrt(product))


# The next visit.


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """The density of visits over the week; valid until the next UTC midnight, as the rates are."""

    rates: WeeklyRates
    visits_an_hour: tuple[float, ...]  # for each half hour


def plan_visit(
    store: Store, sites: Sequence[str], limits: Adaptive, failures: int, now: datetime
) -> datetime:
    """The earliest next visit of any of the sites, after a visit that ended at `now`.

    `failures` counts the job's failed runs in a row.
    """
    visits = []
    for name in sites:
        site = store.health.site(name)
        published = store.history.publications(name, now - MEMORY)
        history = PublicationHistory.of(published, since=site.baseline_at or now)
        visits.append(next_visit(history, limits, now, failures, site.not_before))
    return min(visits)


def next_visit(
    history: PublicationHistory,
    limits: Adaptive,
    now: datetime,
    failures: int = 0,
    retry_after: datetime | None = None,
    plan: VisitPlan | None = None,
) -> datetime:
    """The time of the next visit to a site that was visited at `now`.

    1. After `failures` in a row: `min`, doubled for each of them, at most `max`; but not earlier
       than planned.
    2. Otherwise as planned, within `min` and `max`; without any history, the budget's even
       interval. `plan`: the `weekly_plan` of this history from earlier in the same UTC day.
    3. Never before `retry_after`, the end of the pause that the host asked for, which may
       exceed `max` (`decisions.requested_pause`).
    """
    moment = now.timestamp()
    plan = plan or weekly_plan(learn(history, moment), limits)
    # The exponent is bounded so that a long outage cannot overflow it.
    shortest = limits.min.total_seconds() * 2.0 ** min(failures, 32)
    longest, level = limits.max.total_seconds(), plan.rates.level(history, moment)
    wait = min(max(seconds_to_next(plan, level, moment, longest), shortest), longest)
    at = now.astimezone(UTC) + timedelta(seconds=wait)
    return max(at, requested_pause(retry_after, now) or at)


def weekly_plan(rates: WeeklyRates, limits: Adaptive) -> VisitPlan:
    """The budget's visits spread over the week by the rate to the power `EMPHASIS`, in limits."""
    weights = [math.pow(rate, EMPHASIS) for rate in rates.articles_an_hour]
    scale = budget_scale(weights, limits, limits.budget)
    return VisitPlan(rates, tuple(densities(weights, limits, scale)))


def densities(weights: Sequence[float], limits: Adaptive, scale: float) -> list[float]:
    """Visits an hour in proportion to the weights, within the limits."""
    lowest, highest = timedelta(hours=1) / limits.max, timedelta(hours=1) / limits.min
    return [min(max(scale * weight, lowest), highest) for weight in weights]


def budget_scale(weights: Sequence[float], limits: Adaptive, visits_per_day: float) -> float:
    """The scale at which `densities` add up to `visits_per_day`."""
    wanted = visits_per_day * 7 * HOUR / BIN  # the sum of the densities over all bins
    # At the one, all densities are clamped to the lowest, at the other to the highest.
    below = timedelta(hours=1) / limits.max / max(weights)
    above = timedelta(hours=1) / limits.min / min(weights)
    for _ in range(24):
        scale = math.sqrt(below * above)
        if sum(densities(weights, limits, scale)) > wanted:
            above = scale
        else:
            below = scale
    return below


def seconds_to_next(plan: VisitPlan, level: float, now: float, longest: float) -> float:
    """Seconds from `now` until the density, raised or lowered by `level`, adds up to one visit.

    The effect of the level fades with a time constant of three hours; `longest` at most.
    """
    boost, wait, visits = math.pow(level, EMPHASIS) - 1.0, 0.0, 0.0
    while wait < longest:
        moment = now + wait
        step = (moment // BIN + 1) * BIN - moment
        density = plan.visits_an_hour[int(moment // BIN) % BINS] / HOUR
        density *= 1.0 + boost * math.exp(-wait / WINDOW)
        if visits + density * step >= 1.0:
            return wait + (1.0 - visits) / density
        visits += density * step
        wait += step
    return longest
