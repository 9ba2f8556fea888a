"""Replays of publication histories under schedules: what each would have cost and given.

A replay shows a policy only what its visits would have shown it: the articles published
up to each visit, with their dates. The delay of an article is the time from its
publication to the visit that finds it (to the end of the history, if none does).
"""

from __future__ import annotations

import heapq
import math
import statistics
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

from benchmarks.replay import policies
from benchmarks.replay.histories import SiteHistory
from benchmarks.replay.policies import PolicyMaker, Seen
from rscrawler.schedules.adaptive import (
    BIN,
    BINS,
    DAY,
    EMPHASIS,
    EVEN_RATES,
    HOUR,
    Adaptive,
    PublicationHistory,
    VisitPlan,
    WeeklyRates,
    budget_scale,
    densities,
    learn,
    next_visit,
    weekly_plan,
)

ALL = "all sites"
ALL_SHARED = "all, one budget"
ADAPTIVE = "adaptive"
FIXED = "fixed interval"
LEAST_MEAN = "optimum for the mean"
LEAST_MEDIAN = "optimum for the median"
FORESIGHT = "optimum with foresight"
_PLOT_WIDTH = 48


@dataclass(frozen=True, slots=True)
class Replay:
    """One history under one schedule: `delays` in seconds, one for each article."""

    requests: int
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a comparison; delays in minutes, None when nothing was published.

    `site` is a history's name; `ALL` for the articles of every site together, each
    site with the budget to itself; `ALL_SHARED` when the sites share their budgets.
    """

    site: str
    schedule: str
    requests: int
    articles: int
    median: float | None
    p95: float | None
    mean: float | None


class _Observer:
    """One site, watched visit by visit; it learns dates of publication, or of first sight."""

    def __init__(self, history: SiteHistory, is_dated: bool = True) -> None:
        self.is_dated = is_dated
        self.published = [moment.timestamp() for moment in history.moments]
        self.start, self.end = history.start.timestamp(), history.end.timestamp()
        self.known = PublicationHistory((), self.start)
        self.requests = 0
        self.delays: list[float] = []

    def visit(self, now: float) -> Seen:
        found = len(self.delays)
        until = bisect_right(self.published, now, found)
        self.requests += 1
        if until > found:
            self.delays.extend(now - moment for moment in self.published[found:until])
            if self.is_dated:
                self.known = PublicationHistory(tuple(self.published[:until]), self.start)
            else:
                moments = (*self.known.moments, *[now] * (until - found))
                self.known = PublicationHistory(moments, self.start)
        return Seen(now, self.known, until - found)

    def replay(self) -> Replay:
        missed = (self.end - moment for moment in self.published[len(self.delays) :])
        return Replay(self.requests, (*self.delays, *missed))


def replay(history: SiteHistory, policy: PolicyMaker, is_dated: bool = True) -> Replay:
    """`history` under a schedule whose first visit is at its start.

    `is_dated`: whether the site dates its articles; if not, all that the schedule knows
    of an article is the visit that found it.
    """
    observer, choose = _Observer(history, is_dated), policy()
    now = observer.start
    while now < observer.end:
        now = choose(observer.visit(now))
    return observer.replay()


def replay_shared(
    histories: Sequence[SiteHistory], limits: Adaptive, visits_per_day: float
) -> dict[str, Replay]:
    """All histories at once, adaptively, with one budget shared anew each UTC day."""
    observers = {history.name: _Observer(history) for history in histories}
    plans: dict[str, VisitPlan] = {}
    shares: dict[str, Adaptive] = {}
    planned_on = -1.0
    due = [(observer.start, name) for name, observer in observers.items()]
    heapq.heapify(due)
    while due:
        now, name = heapq.heappop(due)
        observer = observers[name]
        if now >= observer.end:
            continue
        if now // DAY != planned_on:
            planned_on = now // DAY
            rates = {each: learn(other.known, now) for each, other in observers.items()}
            shares = share_budget(rates, limits, visits_per_day)
            plans = {each: weekly_plan(rates[each], shares[each]) for each in rates}
        seen = observer.visit(now)
        moment = datetime.fromtimestamp(now, UTC)
        chosen = next_visit(seen.history, shares[name], moment, plan=plans[name])
        heapq.heappush(due, (chosen.timestamp(), name))
    return {name: observer.replay() for name, observer in observers.items()}


def share_budget(
    rates: Mapping[str, WeeklyRates], limits: Adaptive, visits_per_day: float
) -> dict[str, Adaptive]:
    """One budget shared by several sources (of one host, or of one service).

    The share of a source follows from the same rule as its hours: one density over
    all hours of all sources, each within `min` and `max`. A source without a history
    counts as the average of the others.

    Raises:
        ValueError: the budget is beyond what `min` and `max` allow for so many sources.
    """
    Adaptive(min=limits.min, max=limits.max, visits_per_day=visits_per_day / len(rates))
    known = [sum(each.articles_an_hour) / BINS for each in rates.values() if each is not EVEN_RATES]
    average = WeeklyRates((sum(known) / len(known) if known else 1.0,) * BINS)
    comparable = {name: average if each is EVEN_RATES else each for name, each in rates.items()}
    weights = {
        name: [rate**EMPHASIS for rate in each.articles_an_hour]
        for name, each in comparable.items()
    }
    scale = budget_scale(list(chain(*weights.values())), limits, visits_per_day)
    plans = {name: densities(each, limits, scale) for name, each in weights.items()}
    fewest, most = timedelta(days=1) / limits.max, timedelta(days=1) / limits.min
    return {
        name: Adaptive(
            min=limits.min,
            max=limits.max,
            visits_per_day=min(max(sum(visits) * BIN / HOUR / 7, fewest), most),
        )
        for name, visits in plans.items()
    }


def compare(
    histories: Sequence[SiteHistory],
    limits: Adaptive,
    others: Mapping[str, PolicyMaker] | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """Every schedule on every history at the adaptive policy's number of requests.

    Rows come by site, then for all together; within a site the adaptive policy, a
    fixed interval, the published formulas as they are and tuned to the same number
    of requests, `others`, and (where the rates are known) the optimum for the mean,
    for the median and with foresight. `report` is told each site as it begins.
    """
    by_schedule: dict[str, list[Replay]] = {}
    rows: list[Row] = []
    for history in histories:
        report(history.name)
        replays = _site_replays(history, limits, others or {})
        rows.extend(row_of(history.name, name, each) for name, each in replays.items())
        for name, each in replays.items():
            by_schedule.setdefault(name, []).append(each)
    if len(histories) > 1:
        report(ALL)
        rows.extend(
            row_of(ALL, name, pooled(replays))
            for name, replays in by_schedule.items()
            if len(replays) == len(histories)
        )
        report(ALL_SHARED)
        together = _shared_replays(histories, limits)
        rows.extend(row_of(ALL_SHARED, name, each) for name, each in together.items())
    return rows


def render_plot(rows: Iterable[Row]) -> str:
    """The rows as bars of text: solid to the median, light on to the 95th percentile.

    The scale is logarithmic in minutes and the same for all; a row without articles
    has no bar.
    """
    drawn = list(rows)
    longest = max((row.p95 for row in drawn if row.p95 is not None), default=0.0)
    name_width = max((len(row.schedule) for row in drawn), default=0)
    lines: list[str] = []
    site = None
    for row in drawn:
        if row.site != site:
            site = row.site
            lines += ["", site] if lines else [site]
        if row.median is None or row.p95 is None:
            lines.append(f"  {row.schedule:{name_width}}  nothing published")
            continue
        solid, whole = _bar(row.median, longest), _bar(row.p95, longest)
        bar = "█" * solid + "░" * (whole - solid)
        figures = f"{row.median:.1f} min (95 %: {row.p95:.0f}), {row.requests} requests"
        lines.append(f"  {row.schedule:{name_width}}  {bar:{_PLOT_WIDTH}}  {figures}")
    return "\n".join(lines)


def _bar(minutes: float, longest: float) -> int:
    if longest <= 0.0:
        return 0
    return round(_PLOT_WIDTH * math.log1p(minutes) / math.log1p(longest))


def _site_replays(
    history: SiteHistory, limits: Adaptive, others: Mapping[str, PolicyMaker]
) -> dict[str, Replay]:
    chosen = replay(history, policies.adaptive(limits))
    requests = chosen.requests

    def miniflux(factor: float) -> Replay:
        return replay(history, policies.miniflux(limits, factor))

    def stormcrawler(increase: float) -> Replay:
        return replay(history, policies.stormcrawler(limits, increase))

    replays = {
        ADAPTIVE: chosen,
        FIXED: replay(history, policies.fixed((history.end - history.start) / requests)),
        "Miniflux": miniflux(1.0),
        "Miniflux, same requests": _matched(miniflux, requests, 1e-2, 1e3),
        "StormCrawler": stormcrawler(0.5),
        "StormCrawler, same requests": _matched(stormcrawler, requests, 10.0, 1e-3),
    }
    replays |= {name: replay(history, policy) for name, policy in others.items()}
    if history.rates is not None:
        known = [(history, history.rates)]
        [visits] = policies.least_mean_visits(known, requests, limits)
        replays[LEAST_MEAN] = replay(history, policies.at_moments(visits))
        [visits] = policies.least_median_visits(known, requests, limits)
        replays[LEAST_MEDIAN] = replay(history, policies.at_moments(visits))
    if history.foresight is not None:
        [visits] = policies.least_mean_visits([(history, history.foresight)], requests, limits)
        replays[FORESIGHT] = replay(history, policies.at_moments(visits))
    return replays


def _shared_replays(histories: Sequence[SiteHistory], limits: Adaptive) -> dict[str, Replay]:
    """The budgets put together: what sharing adds to choosing the hours."""
    shared = replay_shared(histories, limits, limits.budget * len(histories))
    requests = sum(each.requests for each in shared.values())
    even = [
        replay(history, policies.fixed((history.end - history.start) * len(histories) / requests))
        for history in histories
    ]
    replays = {ADAPTIVE: pooled(shared.values()), FIXED: pooled(even)}
    known = [(history, history.rates) for history in histories if history.rates is not None]
    if len(known) == len(histories):
        for name, optimum in (
            (LEAST_MEAN, policies.least_mean_visits),
            (LEAST_MEDIAN, policies.least_median_visits),
        ):
            replays[name] = pooled(
                replay(history, policies.at_moments(visits))
                for history, visits in zip(histories, optimum(known, requests, limits), strict=True)
            )
    return replays


def _matched(run: Callable[[float], Replay], requests: int, few: float, many: float) -> Replay:
    """The replay whose number of requests is nearest, by bisection of the policy's knob."""
    best = run(few)
    for _ in range(14):
        middle = (few * many) ** 0.5
        tried = run(middle)
        if abs(tried.requests - requests) < abs(best.requests - requests):
            best = tried
        if abs(tried.requests - requests) <= 0.01 * requests:
            break
        if tried.requests < requests:
            few = middle
        else:
            many = middle
    return best


def pooled(replays: Iterable[Replay]) -> Replay:
    """The requests and articles of several replays together."""
    parts = list(replays)
    return Replay(
        sum(part.requests for part in parts),
        tuple(delay for part in parts for delay in part.delays),
    )


def row_of(site: str, schedule: str, played: Replay) -> Row:
    """A replay's figures."""
    if not played.delays:
        return Row(site, schedule, played.requests, 0, None, None, None)
    minutes = sorted(delay / 60 for delay in played.delays)
    p95 = minutes[min(len(minutes) - 1, int(0.95 * len(minutes)))]
    return Row(
        site,
        schedule,
        played.requests,
        len(minutes),
        statistics.median(minutes),
        p95,
        statistics.fmean(minutes),
    )
