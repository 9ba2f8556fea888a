"""Judging flags, and a page on how often flags were right."""

from collections import Counter
from collections.abc import Iterable, Iterator

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.items import Level
from rscrawler.store.judgements import Judgement, Verdict
from rscrawler.web.access import authorized_form
from rscrawler.web.article import ARTICLE_ID, topic_panels
from rscrawler.web.dashboard import Dashboard, chosen
from rscrawler.web.plots import Series, last_weeks, monday_of, plot, week_label

WEEKS_SHOWN = 26
LISTED = 50
_MOST = 10
_MOST_READ = 500  # articles, for the entities in them
_NOTE_LIMIT = 2_000


async def judge(dashboard: Dashboard, request: Request) -> Response:
    """Store a judgement on a flag."""
    article_id = request.path_params["article_id"]
    name, form = await authorized_form(dashboard.config, request, "judge")
    await run_in_threadpool(_record_judgement, dashboard, article_id, name, form)
    return RedirectResponse(f"/articles/{article_id}#judgements", 303)


def _record_judgement(dashboard: Dashboard, article_id: str, name: str, form: QueryParams) -> None:
    """Store the judgement in a form, of the version shown; "wrong" must not repeat the flag."""
    is_id = ARTICLE_ID.fullmatch(article_id)
    history = dashboard.store.articles.history(article_id) if is_id else []
    if not history:
        raise HTTPException(404, "no article has this id")
    shown = (each for each in history if each.record_id == form.get("record"))
    article = next(shown, history[-1])
    panels = {panel.flag.topic: panel for panel in topic_panels(dashboard, article)}
    panel = panels[chosen(form, "topic", panels, None)]
    flag = panel.flag
    verdict = Verdict(chosen(form, "verdict", [*Verdict], None))
    level, countries = flag.level, flag.countries
    if verdict is Verdict.WRONG:
        level = Level(chosen(form, "level", [*Level], None))
        named = set(form.getlist("country"))
        if not named <= {*panel.choices}:
            raise HTTPException(400, f"country: allowed: {', '.join(panel.choices)}")
        countries = tuple(c for c in panel.choices if c in named and level is not Level.NONE)
        if (level, set(countries)) == (flag.level, set(flag.countries)):
            raise HTTPException(
                400,
                "level: the judgement says wrong, but names what the flag says; "
                "choose the true level or the true countries",
            )
    note = form.get("note", "").replace("\r\n", "\n").replace("\x00", "").strip()
    judgement = Judgement(
        article_id=article.article_id,
        record_id=article.record_id,
        topic=flag.topic,
        flagged_level=flag.level,
        flagged_countries=flag.countries,
        verdict=verdict,
        level=level,
        countries=countries,
        note=note.encode("utf-8", "ignore").decode()[:_NOTE_LIMIT],
        judged_by=name,
        judged_at=dashboard.now(),
    )
    dashboard.store.judgements.add(judgement)


def judgements(dashboard: Dashboard, request: Request) -> Response:
    """Precision over time, and the most frequent errors."""
    store, alerts = dashboard.store, dashboard.config.alerts
    topics = dashboard.topics(store.judgements.topics())
    topic = chosen(request.query_params, "topic", topics, next(iter(topics), ""))
    held = store.judgements.current(topic)
    flagged = [each for each in held if each.flagged_level.reaches(alerts.minimum)]
    right = [each for each in flagged if each.level.reaches(alerts.minimum)]
    wrong = [each for each in held if each.verdict is Verdict.WRONG]
    return dashboard.page(
        request,
        "judgements.html.j2",
        topic=topic,
        topics=topics,
        total=len(held),
        flagged=len(flagged),
        right=len(right),
        exactly=len(held) - len(wrong),
        precision=_precision(dashboard, flagged, right) if flagged else None,
        levels=_most(
            (str(each.flagged_level), str(each.level))
            for each in wrong
            if each.level is not each.flagged_level
        ),
        countries=_most(
            (code, "flagged by mistake" if code in each.flagged_countries else "missed")
            for each in wrong
            for code in sorted(set(each.flagged_countries) ^ set(each.countries))
        ),
        entities=_most(_entities(dashboard, topic, wrong)),
        shown=[(each, store.articles.latest_record(each.article_id)) for each in held[:LISTED]],
    )


def _precision(
    dashboard: Dashboard, flagged: Iterable[Judgement], right: Iterable[Judgement]
) -> dict[str, object]:
    """The share of flags that were right, in per cent, by week of judging."""
    judged_in = Counter(monday_of(each.judged_at.date()) for each in flagged)
    right_in = Counter(monday_of(each.judged_at.date()) for each in right)
    rows = []
    for week in last_weeks(dashboard.now(), WEEKS_SHOWN):
        judged, well = judged_in[week], right_in[week]
        share = round(100 * well / judged, 1) if judged else None
        rows.append((week_label(week), judged, well, share))
    shares = Series("right", [row[3] for row in rows])
    title = "Share of flags that were right, in per cent"
    return {
        "plot": plot("Line", title, [row[0] for row in rows], [shares], unit="%"),
        "rows": [row for row in rows[::-1] if row[1]],
    }


def _entities(dashboard: Dashboard, topic: str, wrong: list[Judgement]) -> Iterator[tuple[str]]:
    """The entities in articles that were flagged too high on a topic, once for each article."""
    too_high = [each.article_id for each in wrong if each.level.rank < each.flagged_level.rank]
    for article_id in too_high[:_MOST_READ]:
        article = dashboard.store.articles.latest_record(article_id)
        flags = [flag for flag in article.topics if flag.topic == topic] if article else []
        yield from {(each.entity,) for flag in flags for each in flag.evidence}


def _most(cases: Iterable[tuple[str, ...]]) -> list[tuple[tuple[str, ...], int]]:
    return Counter(cases).most_common(_MOST)
