"""Judging flags, and how often they were right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.items import Article, Level
from rscrawler.store.judgements import Judgement, Verdict
from rscrawler.web.access import checked_form, visitor_of
from rscrawler.web.article import ARTICLE_ID, topic_panels
from rscrawler.web.dashboard import Dashboard, dashboard_of
from rscrawler.web.errors import BadRequest, Forbidden, NotFound
from rscrawler.web.plots import Series, lines
from rscrawler.web.weeks import Week, last_weeks

WEEKS_SHOWN = 26
LISTED = 50
_MOST = 10
_NOTE_LIMIT = 2_000

Form = Mapping[str, list[str]]


async def judge(request: Request) -> Response:
    """Write down what somebody says of a flag."""
    dashboard = dashboard_of(request)
    form = await checked_form(request, dashboard.key)
    visitor = visitor_of(request, dashboard.config)
    if visitor.name is None:
        raise Forbidden("log in to judge, or open the dashboard on the machine that it runs on")
    article_id = request.path_params["article_id"]
    await run_in_threadpool(_judge, dashboard, article_id, visitor.name, form)
    return RedirectResponse(f"/articles/{article_id}#judgements", 303)


def _judge(dashboard: Dashboard, article_id: str, name: str, form: Form) -> None:
    piece = None
    if ARTICLE_ID.fullmatch(article_id):
        piece = dashboard.store.articles.latest_record(article_id)
    if piece is None:
        raise NotFound("no article has this id")
    dashboard.store.judgements.add(_judgement(dashboard, piece, name, form))


def _judgement(dashboard: Dashboard, piece: Article, name: str, form: Form) -> Judgement:
    """What a form says.

    Raises:
        BadRequest: it says nothing, or nothing that can be.
    """
    panels = {panel.topic: panel for panel in topic_panels(dashboard, piece)}
    panel = panels[_field(form, "topic", panels)]
    verdict = Verdict(_field(form, "verdict", [str(each) for each in Verdict]))
    level, countries = panel.level, panel.countries
    if verdict is Verdict.WRONG:
        level = Level(_field(form, "level", [str(each) for each in Level]))
        known = [code for code, _ in panel.choices]
        chosen = set(form.get("country", []))
        if not chosen <= set(known):
            raise BadRequest(f"country: allowed: {', '.join(known)}")
        countries = tuple(code for code in known if code in chosen)
        if level is Level.NONE:
            countries = ()
        if (level, set(countries)) == (panel.level, set(panel.countries)):
            raise BadRequest(
                "level: what was said to be wrong is what the flag says; "
                "choose the true level or the true countries"
            )
    note = form.get("note", [""])[-1].replace("\r\n", "\n").replace("\x00", "").strip()
    return Judgement(
        article_id=piece.article_id,
        record_id=piece.record_id,
        topic=panel.topic,
        flagged_level=panel.level,
        flagged_countries=panel.countries,
        verdict=verdict,
        level=level,
        countries=countries,
        note=note.encode("utf-8", "ignore").decode()[:_NOTE_LIMIT],
        judged_by=name,
        judged_at=dashboard.now(),
    )


def _field(form: Form, name: str, allowed: Iterable[str]) -> str:
    value, known = form.get(name, [""])[-1], list(allowed)
    if value not in known:
        raise BadRequest(f"{name}: allowed: {', '.join(known)}")
    return value


# How often flags were right.


@dataclass(frozen=True, slots=True)
class _Precision:
    """The judgements of one week on what was flagged."""

    week: Week
    flagged: int
    right: int

    @property
    def percent(self) -> float | None:
        """The share of right flags; None without any."""
        return round(100 * self.right / self.flagged, 1) if self.flagged else None


def judgements(request: Request) -> Response:
    """Precision over time, and what was judged wrong most."""
    dashboard = dashboard_of(request)
    store, minimum = dashboard.store, dashboard.minimum
    counts = store.judgements.topics()
    topics = list(dict.fromkeys([*dashboard.config.alerts.topics, *counts]))
    topic = request.query_params.get("topic") or next(iter(topics), "")
    if topic not in topics:
        raise BadRequest(f"topic: {topic[:80]!r} is not known; allowed: {', '.join(topics)}")
    held = store.judgements.that_hold(topic)
    flagged = [each for each in held if each.flagged_level.reaches(minimum)]
    wrong = [each for each in held if each.verdict is Verdict.WRONG]
    weeks = last_weeks(dashboard.now(), WEEKS_SHOWN)
    precision = [_precision_in(week, flagged, minimum) for week in weeks]
    shown = held[:LISTED]
    pieces = {each.article_id: store.articles.latest_record(each.article_id) for each in shown}
    percents = [each.percent for each in precision]
    return dashboard.page(
        request,
        "judgements.html.j2",
        topic=topic,
        topics=topics,
        total=len(held),
        flagged=len(flagged),
        right=sum(each.level.reaches(minimum) for each in flagged),
        exactly=sum(each.verdict is Verdict.RIGHT for each in held),
        precision=[each for each in precision if each.flagged],
        plot=lines(
            "Share of flags that were right, in per cent",
            [week.label for week in weeks],
            [Series("right", percents)],
            unit="%",
        )
        if flagged
        else None,
        levels=_most(
            (str(each.flagged_level), str(each.level))
            for each in wrong
            if each.level is not each.flagged_level
        ),
        countries=_most(
            (code, "named, and not meant" if code in each.flagged_countries else "meant, not named")
            for each in wrong
            for code in sorted(set(each.flagged_countries) ^ set(each.countries))
        ),
        entities=_most(_entities(dashboard, wrong)),
        shown=[(each, pieces[each.article_id]) for each in shown],
    )


def _precision_in(week: Week, flagged: Iterable[Judgement], minimum: Level) -> _Precision:
    of_week = [each for each in flagged if week.first <= each.judged_at.date() <= week.last]
    return _Precision(week, len(of_week), sum(each.level.reaches(minimum) for each in of_week))


def _entities(dashboard: Dashboard, wrong: list[Judgement]) -> Iterator[tuple[str]]:
    """The names that stand in what was flagged too high, once for each article."""
    too_high = {
        each.article_id: each.topic for each in wrong if each.level.rank < each.flagged_level.rank
    }
    for article_id, topic in list(too_high.items())[:500]:
        piece = dashboard.store.articles.latest_record(article_id)
        flags = [flag for flag in piece.topics if flag.topic == topic] if piece else []
        yield from {(each.entity,) for flag in flags for each in flag.evidence}


def _most(cases: Iterable[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
    return Counter(cases).most_common(_MOST)
