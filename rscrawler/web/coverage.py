"""The first page: a search for articles by words and filters; also as JSONL, CSV and feed."""

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode, urljoin

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from rscrawler.delivery.alert import Alert, Interest, Passage, Segment, alert_of
from rscrawler.delivery.feeds import FEED_SIZE, feed_of
from rscrawler.delivery.records import csv_lines, jsonl_lines
from rscrawler.delivery.wording import country_name, words_of_slug
from rscrawler.items import Article, Level, Novelty, parse_rfc3339, rfc3339
from rscrawler.store.browsing import ArticleFilter
from rscrawler.store.words import Term, terms_of
from rscrawler.web.dashboard import Dashboard, chosen
from rscrawler.web.texts import found_passage

PAGE_SIZE = 25
MAX_PAGE = 1_000_000
FILTERS = (
    "q", "topic", "country", "level", "site", "section", "author", "novelty", "since", "until",
    "new",
)  # fmt: skip
FORMATS = ("jsonl", "csv", "atom")
LEVELS = {
    "primary": "primary only",
    "substantial": "substantial and above",
    "mention": "mentions too",
    "none": "every article",
}
NOVELTIES = {"new": "news", "backfill": "older, found late", "baseline": "found in the first cycle"}
_FEED_TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
_MEDIA_TYPES = {"jsonl": "application/x-ndjson", "csv": "text/csv; charset=utf-8"}
_VISIT_ENDS_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Search:
    """The articles that the parameters ask for; `given` are the parameters that were set."""

    wanted: ArticleFilter
    given: dict[str, str]
    page: int

    def link(self, **changes: str) -> str:
        """The address with these parameters changed; empty ones are left out."""
        values = {**self.given, **changes}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"/?{query}" if query else "/"


def coverage(dashboard: Dashboard, request: Request) -> Response:
    """Flagged articles, newest first, by words and filters."""
    dashboard.catch_up()
    parameters = request.query_params
    kind = chosen(parameters, "format", FORMATS)
    if not kind:
        _record_visit(request.session, dashboard.now())
    since = request.session.get("since")
    last_visit = parse_rfc3339(since) if since else None
    search = _search_for(dashboard, parameters, last_visit)
    if kind == "atom":
        return _feed(request, dashboard, search)
    if kind:
        return _download(dashboard, search, kind)
    return _page(request, dashboard, search, last_visit)


def _page(
    request: Request, dashboard: Dashboard, search: Search, last_visit: datetime | None
) -> Response:
    wanted, store = search.wanted, dashboard.store
    articles, total = store.browsing.articles(wanted, PAGE_SIZE, page=search.page)
    more = 0
    if wanted.query and wanted.minimum is not Level.NONE:
        everything = replace(wanted, minimum=Level.NONE, country=None)
        more = store.browsing.count(everything) - total
    return dashboard.page(
        request,
        "coverage.html.j2",
        entries=_entries(dashboard, wanted, articles),
        search=search,
        total=total,
        more=more,
        last_page=max(1, -(-total // PAGE_SIZE)),
        is_empty=not total and store.articles.is_empty(),
        last_visit=last_visit,
        backlog=store.index.backlog(),
        levels=LEVELS,
        novelties=NOVELTIES,
        countries=[(code, country_name(code)) for code in dashboard.countries(wanted.topics)],
        sites=[(name, name) for name in dashboard.site_names()],
        sections=[(slug, words_of_slug(slug)) for slug in store.browsing.sections(200)],
    )


def _entries(
    dashboard: Dashboard, wanted: ArticleFilter, articles: Sequence[Article]
) -> Iterator[dict[str, Any]]:
    """The entries of the list, with texts that are safe to show."""
    ids = [each.article_id for each in articles]
    copies = dashboard.store.browsing.copies(ids)
    judgements = dashboard.store.judgements.of_articles(ids)
    interest, terms = _interest(dashboard, wanted), terms_of(wanted.query)
    for article in articles:
        reprints = [copy.url for copy in copies.get(article.article_id, ())]
        alert = alert_of(article, interest, reprints=reprints)
        yield {
            "alert": alert,
            "passage": _passage(article, alert, terms),
            "article": article,
            "judgements": judgements.get(article.article_id, ()),
        }


def _passage(article: Article, alert: Alert, terms: list[Term]) -> Passage | None:
    """The passage to show: with a search term, else with evidence, else the start of the text."""
    if terms and (segments := found_passage(article, terms)):
        return Passage("", tuple(segments))
    # Prefer a passage of the body: the headline is shown anyway.
    if alert.passages:
        return next((each for each in alert.passages if not each.where), alert.passages[0])
    return Passage("", (Segment(article.paragraphs[0][:300]),)) if article.paragraphs else None


def _interest(dashboard: Dashboard, wanted: ArticleFilter) -> Interest:
    minimum = wanted.minimum if wanted.minimum is not Level.NONE else Level.MENTION
    return Interest(wanted.topics, minimum, dashboard.titles, dashboard.sites)


# Articles as a file.


def _feed(request: Request, dashboard: Dashboard, search: Search) -> Response:
    articles = dashboard.store.browsing.all_articles(search.wanted)
    given = ", ".join(f"{name} {value}" for name, value in search.given.items())
    content = feed_of(
        list(islice(articles, FEED_SIZE)),
        _interest(dashboard, search.wanted),
        name=urlencode(search.given),
        title=f"Coverage: {given}" if given else "Flagged coverage",
        url=urljoin(dashboard.config.web.url or str(request.base_url), search.link(format="atom")),
    )
    return _with_etag(request, content, _FEED_TYPES["atom"])


def _download(dashboard: Dashboard, search: Search, kind: str) -> Response:
    records = (
        article.to_record() for article in dashboard.store.browsing.all_articles(search.wanted)
    )
    lines = csv_lines(records) if kind == "csv" else jsonl_lines(records)
    # In blocks of a hundred lines, since the server sends each block by itself.
    return StreamingResponse(
        iter(lambda: b"".join(islice(lines, 100)), b""),
        headers={
            "Content-Type": _MEDIA_TYPES[kind],
            "Content-Disposition": f'attachment; filename="coverage.{kind}"',
        },
    )


def feed(dashboard: Dashboard, request: Request) -> Response:
    """A feed as the last delivery wrote it."""
    config = dashboard.config
    topic, kind = request.path_params["topic"], request.path_params["kind"]
    # Only known names become part of the path, so it cannot leave the folder.
    if topic not in config.alerts.topics or kind not in _FEED_TYPES:
        raise HTTPException(404, "no alerts are sent on a topic of that name, so it has no feed")
    path = config.output_dir / "feeds" / f"{topic}.{kind}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise HTTPException(
            404, "nothing was delivered yet; the next delivery writes the feed"
        ) from None
    return _with_etag(request, content, _FEED_TYPES[kind])


def _with_etag(request: Request, content: bytes, media_type: str) -> Response:
    """The content with an ETag; 304 if the client has it already.

    A client may send several ETags, and Apache appends `-gzip` to those of what it packs.
    """
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    etag = {"ETag": f'"{digest}"'}
    if digest in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=etag)
    return Response(content, headers={**etag, "Content-Type": media_type})


# Parameters.


def _search_for(
    dashboard: Dashboard, parameters: Mapping[str, str], last_visit: datetime | None
) -> Search:
    """Parse the parameters of an address; a value that is not allowed is an HTTPException (400)."""
    given = {name: text for name in FILTERS if (text := parameters.get(name, "").strip()[:200])}
    if "country" in given:
        given["country"] = given["country"].upper()
    allowed: dict[str, Collection[str]] = {
        "topic": dashboard.titles,
        "country": dashboard.countries(dashboard.titles),
        "level": LEVELS,
        "site": dashboard.site_names(),
        "novelty": NOVELTIES,
        "new": ("1",),
    }
    for name, values in allowed.items():
        chosen(given, name, values)
    since, until = _day(given, "since"), _day(given, "until")
    days = {"since": since, "until": until}
    given |= {name: day.date().isoformat() for name, day in days.items() if day}
    wanted = ArticleFilter(
        topics=[given["topic"]] if "topic" in given else dashboard.config.alerts.topics,
        minimum=Level(given.get("level", dashboard.config.alerts.minimum)),
        country=given.get("country"),
        site=given.get("site"),
        section=given.get("section", "").replace("\0", "") or None,  # PostgreSQL refuses a NUL
        author=given.get("author"),
        novelty=Novelty(given["novelty"]) if "novelty" in given else None,
        since=since,
        until=until + timedelta(days=1) if until else None,
        seen_after=last_visit if "new" in given else None,
        query=given.get("q", ""),
    )
    return Search(wanted, given, _page_number(parameters))


def _day(parameters: Mapping[str, str], name: str) -> datetime | None:
    """The start of a day, UTC; None if the parameter is empty."""
    value = parameters.get(name)
    if not value:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = date.min
    # The first and the last year are not allowed, so that adding days cannot overflow.
    if not 1 < day.year < 9999:
        raise HTTPException(400, f"{name}: {value[:80]!r} is not a date; allowed: 2026-11-24")
    return datetime.combine(day, time(), UTC)


def _page_number(parameters: Mapping[str, str]) -> int:
    value = parameters.get("page") or "1"
    if not re.fullmatch("[0-9]{1,7}", value) or int(value) == 0:
        raise HTTPException(400, f"page: {value[:80]!r} is not a number; allowed: 1 to {MAX_PAGE}")
    return min(int(value), MAX_PAGE)


def _record_visit(session: dict[str, Any], now: datetime) -> None:
    """Start a new visit after half an hour without one: `since` is the last page before it."""
    seen = session.get("seen")
    if seen and now - parse_rfc3339(seen) > _VISIT_ENDS_AFTER:
        session["since"] = seen
    session["seen"] = rfc3339(now)
