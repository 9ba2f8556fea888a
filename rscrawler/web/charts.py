"""Pictures of the coverage: how much, on whom, when, how soon it was told."""

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
from rscrawler.web.dashboard import Dashboard, chosen, dashboard_of
from rscrawler.web.plots import (
    Series,
    Week,
    country_map,
    has_map,
    last_weeks,
    monday_of,
    plot,
)

SPANS = {"13": "3 months", "26": "half a year", "52": "a year"}
_DEFAULT_SPAN = "26"


@dataclass(frozen=True, slots=True)
class _Delay:
    """From publication to alert, over the alerts of one week."""

    week: Week
    alerts: int
    median: timedelta | None
    most: timedelta | None  # of 95 %


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the page is about: a topic and some weeks."""

    topic: str
    weeks: Sequence[Week]

    def link(self, week: Week | None = None, **filters: str) -> str:
        """The address of the articles of a week (None: of all) that fit some filters."""
        first, last = (week, week) if week else (self.weeks[0], self.weeks[-1])
        days = {"since": first.first.isoformat(), "until": last.last.isoformat()}
        return f"/?{urlencode({'topic': self.topic, **filters, **days})}"


def charts(request: Request) -> Response:
    """The page."""
    dashboard = dashboard_of(request)
    dashboard.catch_up()
    topics = list(dict.fromkeys([*dashboard.config.alerts.topics, *dashboard.titles]))
    topic = chosen(request.query_params, "topic", topics, next(iter(topics), ""))
    span = chosen(request.query_params, "weeks", SPANS, _DEFAULT_SPAN)
    weeks = last_weeks(dashboard.now(), int(span))
    scope, minimum, insights = _Scope(topic, weeks), dashboard.minimum, dashboard.store.insights
    requested = (topic, minimum, weeks[0].start, weeks[-1].end)
    by_level, by_country = (insights.by_day(name, *requested) for name in ("level", "country"))
    codes = dashboard.countries([topic])
    countries = {code: country_name(code) for code in codes}
    levels = {
        str(level): str(level) for level in reversed(Level) if level.rank and level.reaches(minimum)
    }
    return dashboard.page(
        request,
        "charts.html.j2",
        topic=topic,
        topics=topics,
        span=span,
        spans=SPANS,
        total=sum(by_level.values()),
        weeks=weeks,
        link=scope.link,
        by_level=_by_week(scope, by_level, levels, "level"),
        by_country=_by_week(scope, by_country, countries, "country"),
        map=_map(scope, by_country, codes) if has_map(topic) else None,
        delays=_delays(dashboard, weeks),
        hours=_hours(insights.hours(*requested)),
    )


def _by_week(
    scope: _Scope, by_day: Mapping[tuple[str, str], int], names: Mapping[str, str], filter_: str
) -> dict[str, object]:
    """Plot and table of articles a week, by level or country."""
    found: Counter[tuple[date, str]] = Counter()
    for (day, value), count in by_day.items():
        found[monday_of(date.fromisoformat(day)), value] += count
    series = [
        Series(
            name,
            [found[week.first, value] for week in scope.weeks],
            [scope.link(week, **{filter_: value}) for week in scope.weeks],
        )
        for value, name in names.items()
    ]
    labels = [week.label for week in scope.weeks]
    return {
        "plot": plot("StackedBar", f"Articles a week by {filter_}", labels, series),
        "heads": list(names.items()),
        "series": series,
    }


def _map(
    scope: _Scope, by_country: Mapping[tuple[str, str], int], codes: Sequence[str]
) -> dict[str, object]:
    """The countries shaded by how many articles name them."""
    counts = dict.fromkeys(codes, 0)
    for (_, code), count in by_country.items():
        if code in counts:
            counts[code] += count
    links = {code: scope.link(country=code) for code in codes}
    return {
        "plot": country_map(scope.topic, "Articles by country", counts, links),
        "rows": [
            (f"{country_name(code)} ({code})", links[code], counts[code])
            for code in sorted(codes, key=lambda code: -counts[code])
        ],
    }


def _hours(counts: Mapping[int, int]) -> dict[str, object]:
    """The hours of the day at which articles were published, UTC."""
    values = [counts.get(hour, 0) for hour in range(24)]
    names = [f"{hour:02}:00" for hour in range(24)]
    return {
        "plot": plot("Bar", "Hour of publication", names, [Series("articles", values)]),
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
    labels = [week.label for week in weeks]
    return {
        "plot": plot("Line", "Minutes from publication to alert", labels, series, unit=" min"),
        "rows": [row for row in rows[::-1] if row.alerts],
    }


def _delay_in(week: Week, found: Sequence[tuple[str, datetime, timedelta]]) -> _Delay:
    spans = sorted(span for _, at, span in found if week.start <= at < week.end)
    if len(spans) < 2:
        only = next(iter(spans), None)
        return _Delay(week, len(spans), only, only)
    cuts = quantiles([span.total_seconds() for span in spans], n=20, method="inclusive")
    return _Delay(week, len(spans), timedelta(seconds=cuts[9]), timedelta(seconds=cuts[18]))
