"""Pictures of the coverage: how much, on whom, when, how soon it was told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import quantiles
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from rscrawler.delivery.wording import country_name
from rscrawler.items import Level
from rscrawler.web.catching_up import catch_up_briefly
from rscrawler.web.dashboard import Dashboard, dashboard_of
from rscrawler.web.errors import BadRequest
from rscrawler.web.plots import Series, bars, country_map, has_map, lines, stacked_bars
from rscrawler.web.weeks import Week, last_weeks, monday_of

SPANS = {"13": "3 months", "26": "half a year", "52": "a year"}
_DEFAULT_SPAN = "26"


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in a table, and where its articles are."""

    count: int
    link: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table; `head_link` leads to all that it counts."""

    head: str
    head_link: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Delay:
    """From publication to alert, over the alerts of one week."""

    week: Week
    alerts: int
    median: timedelta | None = None
    most: timedelta | None = None  # of 95 %


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the page is about: a topic, some weeks, and how to link to its articles."""

    topic: str
    minimum: Level
    weeks: Sequence[Week]

    def link(self, week: Week | None = None, **filters: str) -> str:
        """The address of the articles of a week (None: of all) that fit some filters."""
        first, last = (week, week) if week else (self.weeks[0], self.weeks[-1])
        values = {
            "topic": self.topic,
            **filters,
            "since": first.first.isoformat(),
            "until": last.last.isoformat(),
        }
        return f"/?{urlencode(values)}"


def charts(request: Request) -> Response:
    """The page."""
    dashboard = dashboard_of(request)
    catch_up_briefly(dashboard)
    topics = list(dict.fromkeys([*dashboard.config.alerts.topics, *dashboard.topics]))
    topic = _one_of("topic", request, topics)
    span = _one_of("weeks", request, SPANS, _DEFAULT_SPAN)
    weeks = last_weeks(dashboard.now(), int(span))
    scope = _Scope(topic, dashboard.minimum, weeks)
    since, until, insights = weeks[0].start, weeks[-1].end, dashboard.store.insights
    by_level = insights.levels_by_day(topic, scope.minimum, since, until)
    by_country = insights.countries_by_day(topic, scope.minimum, since, until)
    codes = dashboard.countries([topic])
    levels = [
        str(level) for level in reversed(Level) if level.rank and level.reaches(scope.minimum)
    ]
    hours = insights.hours(topic, scope.minimum, since, until)
    return dashboard.page(
        request,
        "charts.html.j2",
        topic=topic,
        topics=topics,
        span=span,
        spans=SPANS,
        total=sum(by_level.values()),
        week_link=scope.link(),
        by_level=_by_week(scope, by_level, {name: name for name in levels}, "level"),
        by_country=_by_week(
            scope, by_country, {code: country_name(code) for code in codes}, "country"
        ),
        map=_map(scope, by_country, codes),
        delays=_delays(dashboard, weeks),
        hours=_hours(hours),
    )


def _one_of(
    name: str, request: Request, allowed: Sequence[str] | Mapping[str, str], default: str = ""
) -> str:
    value = request.query_params.get(name) or default or next(iter(allowed), "")
    if value not in allowed:
        raise BadRequest(f"{name}: {value[:80]!r} is not known; allowed: {', '.join(allowed)}")
    return value


def _by_week(
    scope: _Scope, by_day: Mapping[tuple[str, str], int], names: Mapping[str, str], filter_: str
) -> dict[str, object]:
    """Plot and table of articles a week, by level or country."""
    found: Counter[tuple[date, str]] = Counter()
    for (day, value), count in by_day.items():
        found[monday_of(date.fromisoformat(day)), value] += count
    counts = {value: [found[week.first, value] for week in scope.weeks] for value in names}
    series = [
        Series(name, counts[value], [scope.link(week, **{filter_: value}) for week in scope.weeks])
        for value, name in names.items()
    ]
    rows = [
        Row(
            week.label,
            scope.link(week),
            [
                Cell(each.values[at], each.links[at])  # type: ignore[arg-type]
                for each in series
            ],
        )
        for at, week in enumerate(scope.weeks)
    ]
    title = f"Articles a week by {filter_}"
    return {
        "plot": stacked_bars(title, [week.label for week in scope.weeks], series),
        "heads": list(names.items()),
        "rows": rows[::-1],
    }


def _map(
    scope: _Scope, by_country: Mapping[tuple[str, str], int], codes: Sequence[str]
) -> dict[str, object] | None:
    """The countries shaded by how many articles name them; None without outlines of them."""
    if not has_map(scope.topic):
        return None
    counts = {
        code: sum(count for (_, of), count in by_country.items() if of == code) for code in codes
    }
    links = {code: scope.link(country=code) for code in codes}
    rows = [
        Row(f"{country_name(code)} ({code})", links[code], [Cell(counts[code], links[code])])
        for code in sorted(codes, key=lambda code: -counts[code])
    ]
    return {"plot": country_map(scope.topic, "Articles by country", counts, links), "rows": rows}


def _hours(counts: Mapping[int, int]) -> dict[str, object]:
    """The hours of the day at which articles were published, UTC."""
    values = [counts.get(hour, 0) for hour in range(24)]
    names = [f"{hour:02}:00" for hour in range(24)]
    return {
        "plot": bars("Hour of publication", names, [Series("articles", values)]),
        "rows": list(zip(names, values, strict=True)),
        "total": sum(values),
    }


def _delays(dashboard: Dashboard, weeks: Sequence[Week]) -> dict[str, object]:
    """The time from publication to alert, week by week."""
    found = dashboard.store.history.alert_delays(weeks[0].start, weeks[-1].end)
    rows = [_delay_in(week, found) for week in weeks]
    named = {"median": [row.median for row in rows], "95 %": [row.most for row in rows]}
    series = [
        Series(name, [round(span.total_seconds() / 60, 1) if span else None for span in spans])
        for name, spans in named.items()
    ]
    return {
        "plot": lines(
            "Minutes from publication to alert", [week.label for week in weeks], series, unit=" min"
        ),
        "rows": [row for row in rows[::-1] if row.alerts],
    }


def _delay_in(week: Week, found: Sequence[tuple[str, datetime, timedelta]]) -> Delay:
    spans = sorted(span for _, at, span in found if week.start <= at < week.end)
    if not spans:
        return Delay(week, 0)
    if len(spans) == 1:
        return Delay(week, 1, spans[0], spans[0])
    cuts = quantiles([span.total_seconds() for span in spans], n=20, method="inclusive")
    return Delay(week, len(spans), timedelta(seconds=cuts[9]), timedelta(seconds=cuts[18]))
