"""The charts of the coverage: by week, country, level and hour, and the delay of alerts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from rscrawler import PACKAGE_DIR
from rscrawler.delivery.wording import country_name
from rscrawler.items import Level
from rscrawler.monitoring.metrics import QUANTILES, quantile_of
from rscrawler.store.history import Delay
from rscrawler.web.dashboard import Dashboard, chosen
from rscrawler.web.plots import Series, last_weeks, monday_of, plot, week_label

SPANS = {"13": "3 months", "26": "half a year", "52": "a year"}
_DEFAULT_SPAN = "26"
_MAPS = PACKAGE_DIR / "web" / "templates" / "maps"


def charts(dashboard: Dashboard, request: Request) -> Response:
    """The page of charts."""
    dashboard.catch_up()
    topics = dashboard.topics(dashboard.titles)
    topic = chosen(request.query_params, "topic", topics, next(iter(topics), ""))
    span = chosen(request.query_params, "weeks", SPANS, _DEFAULT_SPAN)
    weeks = last_weeks(dashboard.now(), int(span))
    start = datetime.combine(weeks[0], time(), UTC)
    end = start + timedelta(weeks=len(weeks))

    def link(week: date | None = None, **filters: str) -> str:
        """The address of the articles of a week (None: of all weeks) that match the filters."""
        first, last = (week, week) if week else (weeks[0], weeks[-1])
        until = last + timedelta(days=6)
        query = {"topic": topic, **filters, "since": first, "until": until}
        return f"/?{urlencode({name: value for name, value in query.items() if value})}"

    minimum, browsing = dashboard.config.alerts.minimum, dashboard.store.browsing
    by_level, by_country = (
        browsing.by_day(name, topic, minimum, start, end) for name in ("level", "country")
    )
    countries = {code: country_name(code) for code in dashboard.countries([topic])}
    counts = Counter(dict.fromkeys(countries, 0))
    for (_, code), count in by_country.items():
        if code in countries:
            counts[code] += count
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
        link=link,
        by_level=_by_week(weeks, link, by_level, levels, "level"),
        by_country=_by_week(weeks, link, by_country, countries, "country"),
        counts=counts,
        has_map=(_MAPS / f"{topic}.html.j2").is_file(),
        delays=_delays(weeks, dashboard.store.history.alert_delays(start, end)),
        hours=_hours(browsing.hours(topic, minimum, start, end)),
    )


def _by_week(
    weeks: Sequence[date],
    link: Callable[..., str],
    by_day: Mapping[tuple[str, str], int],
    names: Mapping[str, str],
    filter_: str,
) -> dict[str, object]:
    """Plot and table of articles per week, by level or country."""
    found: Counter[tuple[date, str]] = Counter()
    for (day, value), count in by_day.items():
        found[monday_of(date.fromisoformat(day)), value] += count
    series = [
        Series(
            name,
            [found[week, value] for week in weeks],
            [link(week, **{filter_: value}) for week in weeks],
        )
        for value, name in names.items()
    ]
    title = f"Articles a week by {filter_}"
    return {
        "plot": plot("StackedBar", title, [*map(week_label, weeks)], series),
        "heads": ["Week of", *(f"#{value}" for value in names)],
        "names": names,
        "series": series,
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


def _delays(weeks: Sequence[date], found: Sequence[Delay]) -> dict[str, object]:
    """The time from publication to alert, week by week: median and 95th percentile."""
    minutes: dict[date, list[float]] = {week: [] for week in weeks}
    for _, at, delay in found:
        minutes[monday_of(at.date())].append(delay / timedelta(minutes=1))
    cuts = {
        week: [quantile_of(each, quantile) for quantile in QUANTILES]
        for week, each in minutes.items()
        if each
    }
    series = [
        Series(name, [round(cuts[week][which], 1) if week in cuts else None for week in weeks])
        for which, name in enumerate(("median", "95 %"))
    ]
    title = "Minutes from publication to alert"
    return {
        "plot": plot("Line", title, [*map(week_label, weeks)], series, unit=" min"),
        "rows": [
            (week, len(minutes[week]), *(timedelta(minutes=each) for each in cuts[week]))
            for week in reversed(cuts)
        ],
    }
