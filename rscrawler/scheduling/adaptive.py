"""When to visit a site next: the adaptive policy (`docs/scheduling-policy.md`).

The density of visits is proportional to the rate of articles, by the half hour of the week, to
the power `EMPHASIS`, between 0.5, where the mean delay is least, and where the median is. The next
visit is when the density, added up from now, reaches one visit; so the last visit before a busy
hour waits for that hour. All functions are pure, except `plan_visit`, which reads the store.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import Field, model_validator

from rscrawler.config import Duration, Model
from rscrawler.decisions import requested_pause
from rscrawler.scheduling.rates import (
    BIN,
    BINS,
    HOUR,
    MEMORY,
    WINDOW,
    PublicationHistory,
    WeeklyRates,
    learn,
)
from rscrawler.store import Store

EMPHASIS = 0.7
DEFAULT_VISITS_PER_DAY = 48.0


class Adaptive(Model):
    """The limits of the interval, and a budget; None: 48 visits a day, or as near as they allow."""

    min: Duration = Field(default=timedelta(minutes=5), description="the shortest interval")
    max: Duration = Field(default=timedelta(hours=6), description="the longest interval")
    visits_per_day: float | None = Field(default=None, gt=0, description="mean over a week")

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if not timedelta(0) < self.min <= self.max:
            raise ValueError(f"min ({self.min}) must be above zero and at most max ({self.max})")
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
    shortest, longest = limits.min.total_seconds(), limits.max.total_seconds()
    level = plan.rates.level(history, moment)
    wait = min(max(seconds_to_next(plan, level, moment, longest), shortest), longest)
    if failures > 0:
        # The exponent is bounded so that a long outage cannot overflow it.
        wait = max(wait, min(shortest * 2.0 ** min(failures, 32), longest))
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
