"""Schedules to set beside the adaptive one, all in one shape.

A policy is a function of what an observer could know (`Seen`) that gives the next
visit. Those that keep something between visits are made afresh for each replay.
Times are seconds since the Unix epoch.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

from benchmarks.replay.histories import RATE_STEP, SiteHistory
from rscrawler.schedules.adaptive import (
    DAY,
    HOUR,
    Adaptive,
    PublicationHistory,
    VisitPlan,
    learn,
    next_visit,
    weekly_plan,
)
from rscrawler.schedules.triggers import cron_trigger

WEEK = 7 * DAY
_STEP = RATE_STEP.total_seconds()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known after a visit at `now`: the articles so far (dated), and how many were new."""

    now: float
    history: PublicationHistory
    fresh: int


Policy = Callable[[Seen], float]
PolicyMaker = Callable[[], Policy]


def fixed(interval: timedelta) -> PolicyMaker:
    """A visit every `interval`."""
    seconds = interval.total_seconds()
    return lambda: lambda seen: seen.now + seconds


def cron(expression: str, timezone: str = "UTC") -> PolicyMaker:
    """A visit at the times of a crontab line of five fields, as a `cron` job has them.

    Raises:
        ValueError: the line is not a crontab expression.
    """
    trigger = cron_trigger(expression, timezone)

    def choose(seen: Seen) -> float:
        now = datetime.fromtimestamp(seen.now, UTC)
        following: datetime = trigger.get_next_fire_time(now, now)
        return following.timestamp()

    return lambda: choose


def adaptive(limits: Adaptive) -> PolicyMaker:
    """The policy of `rscrawler.schedules.adaptive`, learning from what it has seen alone."""

    def make() -> Policy:
        plan: VisitPlan | None = None
        planned_on = -1.0

        def choose(seen: Seen) -> float:
            nonlocal plan, planned_on
            day = seen.now // DAY
            if plan is None or day != planned_on:
                plan, planned_on = weekly_plan(learn(seen.history, seen.now), limits), day
            now = datetime.fromtimestamp(seen.now, UTC)
            return next_visit(seen.history, limits, now, plan=plan).timestamp()

        return choose

    return make


def miniflux(limits: Adaptive, factor: float = 1.0) -> PolicyMaker:
    """Miniflux's entry-frequency scheduler: a week divided by (weekly count x factor).

    The weekly count is the one of its `WeeklyFeedEntryCount`: a week over the mean
    gap between the entries of the last seven days, rounded up, and 0 for fewer than
    two; a count of 0 waits the longest interval. From `ScheduleNextCheck`, Miniflux
    2.2, where `factor` is a whole number and 1 by default.
    """
    shortest, longest = limits.min.total_seconds(), limits.max.total_seconds()

    def choose(seen: Seen) -> float:
        moments = seen.history.moments
        recent = moments[bisect_left(moments, seen.now - WEEK) :]
        span = recent[-1] - recent[0] if len(recent) > 1 else 0.0
        if span <= 0.0:
            return seen.now + longest
        weekly = math.ceil(WEEK / (span / (len(recent) - 1)))
        return seen.now + min(max(WEEK / (weekly * factor), shortest), longest)

    return lambda: choose


def stormcrawler(limits: Adaptive, increase: float = 0.5) -> PolicyMaker:
    """StormCrawler's `AdaptiveScheduler`, with its rates of 0.5 by default.

    Nothing new: the interval grows by `increase` of itself, up to the longest.
    Something new: it goes half of the way to the shortest.
    """
    shortest, longest, decrease = limits.min.total_seconds(), limits.max.total_seconds(), 0.5

    def make() -> Policy:
        interval = DAY / limits.budget

        def choose(seen: Seen) -> float:
            nonlocal interval
            if seen.fresh:
                interval = (1.0 - decrease) * interval + decrease * shortest
            else:
                interval = min(interval * (1.0 + increase), longest)
            return seen.now + interval

        return choose

    return make


def at_moments(visits: Sequence[float]) -> PolicyMaker:
    """Visits at moments settled beforehand, in ascending order."""

    def choose(seen: Seen) -> float:
        following = bisect_right(visits, seen.now)
        return visits[following] if following < len(visits) else math.inf

    return lambda: choose


def least_mean_visits(
    sites: Sequence[tuple[SiteHistory, Sequence[float]]], visits: float, limits: Adaptive
) -> list[list[float]]:
    """The moments that make the mean delay least when the rates are known in advance.

    `sites` share `visits`; each comes with its rates in articles an hour for each
    `RATE_STEP`. Starts from a density of √λ within the limits, then moves each visit
    between its neighbours to where Λ(t₋₁, t) = λ(t) (t₊₁ - t), the condition of Sia,
    Cho and Cho (2007), whenever that lessens the delay; a few rounds settle it.
    """
    lowest, highest = HOUR / limits.max.total_seconds(), HOUR / limits.min.total_seconds()
    weights = [math.sqrt(rate) for _, rates in sites for rate in rates]
    density = _scaled(weights, visits, lowest, highest)
    return [
        _settled(_placed(history, part), history, rates, limits)
        for (history, rates), part in zip(sites, _split(density, sites), strict=True)
    ]


def least_median_visits(
    sites: Sequence[tuple[SiteHistory, Sequence[float]]], visits: float, limits: Adaptive
) -> list[list[float]]:
    """The moments that make the median delay least when the rates are known in advance.

    An article under a density of f is found within m with a chance of min(1, m f), so
    the budget goes in whole to the busiest steps, at a density of 1/m (at most 1/min),
    and the others are left at 1/max; m is the least for which the wanted share of the
    news is found in time. Visits are whole, though, and a busy stretch ends with one
    that is a little early, so shares from a half upwards are tried and the one is
    taken whose median (two standard errors above it, for the articles are few) is
    least under the rates. It is a bound to measure against, not a schedule to wish
    for: what is not in the busiest hours waits.
    """
    lowest, highest = HOUR / limits.max.total_seconds(), HOUR / limits.min.total_seconds()
    hours = _STEP / HOUR
    all_rates = [rate for _, rates in sites for rate in rates]
    busiest = sorted(range(len(all_rates)), key=lambda step: -all_rates[step])
    found = list(accumulate((all_rates[step] for step in busiest), initial=0.0))

    def within(wait: float) -> tuple[int, float]:
        """How many steps are dense, and the share found within `wait` hours."""
        dense = min(highest, 1.0 / wait)
        if dense <= lowest:
            return 0, min(1.0, wait * lowest)
        steps = int((visits - lowest * hours * len(all_rates)) / ((dense - lowest) * hours))
        steps = min(max(steps, 0), len(all_rates))
        part = found[steps] * min(1.0, wait * dense)
        return steps, (part + (found[-1] - found[steps]) * wait * lowest) / found[-1]

    def placed(share: float) -> list[list[float]]:
        short, long = 1e-3, limits.max / timedelta(hours=1)
        for _ in range(40):
            middle = (short + long) / 2
            if within(middle)[1] < share:
                short = middle
            else:
                long = middle
        density = [lowest] * len(all_rates)
        for step in busiest[: within(long)[0]]:
            density[step] = min(highest, 1.0 / long)
        parts = _split(density, sites)
        return [_placed(history, part) for (history, _), part in zip(sites, parts, strict=True)]

    middle_article = min(0.5 + 1.0 / math.sqrt(max(found[-1] * hours, 1.0)), 0.95)
    tried = [placed(share / 100) for share in range(50, 100, 5)]
    return min(tried, key=lambda each: _waiting(sites, each, middle_article))


def _waiting(
    sites: Sequence[tuple[SiteHistory, Sequence[float]]],
    visits: Sequence[Sequence[float]],
    share: float,
) -> float:
    """Seconds within which an article is found with a chance of `share`, under the rates."""
    waits: list[tuple[float, float]] = []
    for (history, rates), moments in zip(sites, visits, strict=True):
        start, end = history.start.timestamp(), history.end.timestamp()
        following = 0
        for third in range(3 * len(rates)):
            moment = start + (third + 0.5) * _STEP / 3
            while following < len(moments) and moments[following] < moment:
                following += 1
            visit = moments[following] if following < len(moments) else end
            waits.append((visit - moment, rates[third // 3]))
    waits.sort()
    wanted = share * sum(rate for _, rate in waits)
    for wait, rate in waits:
        wanted -= rate
        if wanted <= 0.0:
            return wait
    return math.inf


def _split(
    density: Sequence[float], sites: Sequence[tuple[SiteHistory, Sequence[float]]]
) -> list[Sequence[float]]:
    """The stretches of a density over all sites that belong to each of them."""
    edges = list(accumulate((len(rates) for _, rates in sites), initial=0))
    return [density[begin:end] for begin, end in pairwise(edges)]


def _scaled(weights: Sequence[float], visits: float, lowest: float, highest: float) -> list[float]:
    """clamp(c * weight) in visits an hour for each step, with the c that spends `visits`."""
    wanted = visits / (_STEP / HOUR)
    below, above = 1e-9, 1e9
    for _ in range(60):
        scale = math.sqrt(below * above)
        if sum([min(max(scale * weight, lowest), highest) for weight in weights]) > wanted:
            above = scale
        else:
            below = scale
    return [min(max(below * weight, lowest), highest) for weight in weights]


def _placed(history: SiteHistory, density: Sequence[float]) -> list[float]:
    """A visit wherever the summed density passes a half, one and a half, and so on."""
    start, total = history.start.timestamp(), 0.5
    visits: list[float] = []
    for step, visits_an_hour in enumerate(density):
        share = visits_an_hour * _STEP / HOUR
        visits.extend(
            start + (step + (due - total) / share) * _STEP
            for due in range(math.ceil(total), math.ceil(total + share))
        )
        total += share
    return visits


def _settled(
    visits: list[float], history: SiteHistory, rates: Sequence[float], limits: Adaptive
) -> list[float]:
    start, last = history.start.timestamp(), len(rates) - 1
    running = list(accumulate((rate * _STEP for rate in rates), initial=0.0))
    shortest = limits.min.total_seconds()
    longest = limits.max.total_seconds()

    def rate_at(moment: float) -> float:
        return rates[min(int((moment - start) / _STEP), last)]

    def until(moment: float) -> float:
        step = min(int((moment - start) / _STEP), last)
        return running[step] + rates[step] * (moment - start - step * _STEP)

    for _ in range(4):
        for at in range(1, len(visits) - 1):
            before, here, after = visits[at - 1 : at + 2]
            already = until(before)
            low, high = (
                max(before + shortest, after - longest),
                min(after - shortest, before + longest),
            )
            if high <= low:
                continue
            for _ in range(12):
                middle = (low + high) / 2
                if until(middle) - already < rate_at(middle) * (after - middle):
                    low = middle
                else:
                    high = middle
            # What an article waits for less, by being found at the middle visit.
            if (until(low) - already) * (after - low) > (until(here) - already) * (after - here):
                visits[at] = low
    return visits
