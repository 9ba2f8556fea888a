"""A function for each page: what it shows, taken from the store."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from prometheus_client import CONTENT_TYPE_LATEST

from rscrawler.delivery.alert import Alert, Interest, Passage, alert_of, outlet_of
from rscrawler.delivery.wording import country_name
from rscrawler.items import Article, Event, Level
from rscrawler.monitoring.metrics import render_metrics
from rscrawler.monitoring.status import SiteStatus
from rscrawler.scheduling.schedules import load_schedules
from rscrawler.sites import SiteProfile
from rscrawler.store.browsing import Copy, Coverage
from rscrawler.store.health import Run
from rscrawler.web.charts import BarChart, bar_chart
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.evidence import marked_article
from rscrawler.web.messages import JSON, BadRequest, NotFound, Request, Response
from rscrawler.web.versions import version_changes

ARTICLE_ID = r"[0-9a-f]{1,20}"
PAGE_SIZE = 25
RUNS_SHOWN = 10
DAYS_SHOWN = 28
VERSIONS_SHOWN = 20
COPIES_SHOWN = 50
FEED_TYPES = {
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}
_ADDRESS = re.compile(r"\b\w[\w+.-]*://\S+|\S+@\S+")


# Flagged coverage.


@dataclass(frozen=True, slots=True)
class _Entry:
    """A piece in the list, in words that are safe to show."""

    alert: Alert
    passage: Passage | None
    first_seen_at: datetime | None
    versions: int
    is_removed: bool
    is_copy: bool


def coverage(dashboard: Dashboard, request: Request) -> Response:
    """Flagged pieces, newest first, by filter."""
    wanted, chosen = _coverage_of(dashboard, request)
    behind = request.parameters.get("behind", "")
    if re.fullmatch(f"(?:{ARTICLE_ID})?", behind) is None:
        raise BadRequest(f"behind: {behind[:80]!r} is not the id of a piece")
    page = dashboard.store.browsing.coverage(wanted, PAGE_SIZE, behind=behind or None)
    copies = dashboard.store.browsing.copies(each.article_id for each in page.articles)
    interest = Interest(wanted.topics, wanted.minimum, dashboard.topics, dashboard.sites)
    older = None
    if page.has_more:
        older = urlencode({**chosen, "behind": page.articles[-1].article_id})
    return Response(
        dashboard.render(
            "coverage.html.j2",
            dashboard.status(),
            entries=[
                _entry(each, interest, copies.get(each.article_id, ())) for each in page.articles
            ],
            chosen=chosen,
            is_filtered=bool(chosen),
            is_first_page=not behind,
            newest=urlencode(chosen),
            older=older,
            levels=_LEVELS,
            countries=[(code, country_name(code)) for code in dashboard.countries],
            sites=[(name, name) for name in _site_names(dashboard)],
        )
    )


_LEVELS = {
    Level.PRIMARY: "primary only",
    Level.SUBSTANTIAL: "substantial and above",
    Level.MENTION: "mentions too",
}


def _entry(article: Article, interest: Interest, copies: Sequence[Copy]) -> _Entry:
    alert = alert_of(article, interest, reprints=[copy.url for copy in copies])
    # The headline stands above; a passage of the text says more.
    from_body = (each for each in alert.passages if not each.where)
    return _Entry(
        alert=alert,
        passage=next(from_body, next(iter(alert.passages), None)),
        first_seen_at=article.first_seen_at,
        versions=article.version,
        is_removed=article.event is Event.REMOVED,
        is_copy=article.duplicate_of is not None,
    )


def _coverage_of(dashboard: Dashboard, request: Request) -> tuple[Coverage, dict[str, str]]:
    """What the parameters ask for, and those of them that were given.

    Raises:
        BadRequest: a parameter has a value that is not among the choices.
    """
    words = request.parameters.get("q", "").strip()[:200]
    topic = _choice(request, "topic", dashboard.topics)
    level = _choice(request, "level", [str(level) for level in _LEVELS])
    site = _choice(request, "site", _site_names(dashboard))
    country = _choice(request, "country", dashboard.countries)
    given = {"q": words, "topic": topic, "level": level, "country": country, "site": site}
    wanted = Coverage(
        topics=[topic] if topic else dashboard.config.alerts.topics,
        minimum=Level(level) if level else dashboard.minimum,
        country=country or None,
        site=site or None,
        words=words.split(),
    )
    return wanted, {name: value for name, value in given.items() if value}


def _choice(request: Request, name: str, allowed: Collection[str]) -> str:
    value = request.parameters.get(name, "")
    if value and value not in allowed:
        raise BadRequest(f"{name}: {value[:80]!r} is not known; allowed: {', '.join(allowed)}")
    return value


def _site_names(dashboard: Dashboard) -> list[str]:
    enabled = [name for name, profile in dashboard.sites.items() if profile.enabled]
    return list(dict.fromkeys([*enabled, *dashboard.store.health.crawled_sites()]))


# One piece.


def article(dashboard: Dashboard, _request: Request, article_id: str) -> Response:
    """A piece with its evidence, versions, copies and sources."""
    store = dashboard.store
    known = store.articles.by_ids([article_id]).get(article_id)
    history = store.articles.history(article_id)
    if known is None or not history:
        raise NotFound("no piece has this id")
    piece = history[-1]
    # One version more than is shown: the oldest shown is compared with it.
    changes = list(version_changes(history[-VERSIONS_SHOWN - 1 :]))[-VERSIONS_SHOWN:]
    first = None
    if piece.duplicate_of is not None:
        first = store.articles.latest_record(piece.duplicate_of)
    followed = store.articles.latest_record(piece.follows) if piece.follows else None
    copies = store.browsing.copies([article_id]).get(article_id, [])
    addresses = store.discovery.addresses_of(article_id)
    return Response(
        dashboard.render(
            "article.html.j2",
            dashboard.status(),
            piece=piece,
            known=known,
            outlet=outlet_of(piece, dashboard.sites),
            marked=marked_article(piece),
            is_removed=piece.event is Event.REMOVED,
            alerted=sorted(store.articles.alerted_topics(article_id)),
            first=first,
            followed=followed,
            copies=copies[:COPIES_SHOWN],
            addresses=addresses,
            sources=list(dict.fromkeys(path for each in addresses for path in each.seen_in)),
            versions=changes[::-1],
            hidden_versions=len(history) - len(changes),
        )
    )


# Sites.


@dataclass(frozen=True, slots=True)
class _SitePanel:
    """All that is shown of a site."""

    name: str
    profile: SiteProfile | None
    status: SiteStatus
    runs: list[Run]
    chart: BarChart


def sites(dashboard: Dashboard, _request: Request) -> Response:
    """The health of each site, its last cycles, its pieces a day."""
    now = dashboard.now()
    status = dashboard.status()
    since = datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) - timedelta(
        days=DAYS_SHOWN - 1
    )
    panels = [
        _SitePanel(
            name=name,
            profile=dashboard.sites.get(name),
            status=site,
            runs=dashboard.store.health.runs(name, RUNS_SHOWN),
            chart=bar_chart(
                dashboard.store.browsing.pieces_per_day(name, since), now.date(), DAYS_SHOWN
            ),
        )
        for name, site in status.sites.items()
    ]
    return Response(
        dashboard.render(
            "sites.html.j2",
            status,
            panels=panels,
            counters=_COUNTERS,
            other_problems=[
                (problem, without_addresses(problem.message))
                for problem in status.problems
                if problem.subject not in status.sites
            ],
        )
    )


# What the table of cycles shows, by heading.
_COUNTERS = {
    "requests": "requests",
    "not modified": "not_modified",
    "new": "articles_new",
    "updated": "articles_updated",
    "removed": "articles_removed",
    "flagged": "flagged",
    "dropped": "dropped",
    "errors": "errors",
}


# The outbox.


def outbox(dashboard: Dashboard, _request: Request) -> Response:
    """What waits to be delivered, and why."""
    status = dashboard.status()
    waiting = [(each, without_addresses(each.last_error or "")) for each in status.outbox.waiting]
    page = dashboard.render("outbox.html.j2", status, summary=status.outbox, waiting=waiting)
    return Response(page)


def without_addresses(text: str) -> str:
    """`text` without mail and web addresses: who is told is nobody's business here."""
    return _ADDRESS.sub("(address)", text)


# For machines.


def feed(dashboard: Dashboard, request: Request, topic: str, kind: str) -> Response:
    """A feed as the last delivery wrote it."""
    # Looked up, not pieced together: no path leads out of the folder.
    if topic not in dashboard.config.alerts.topics:
        raise NotFound(f"no alerts are sent on {topic!r}, so it has no feed")
    path = dashboard.config.output_dir / "feeds" / f"{topic}.{kind}"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("nothing was delivered yet; the next delivery writes the feed") from None
    etag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    if request.if_none_match == etag:
        return Response(b"", FEED_TYPES[kind], 304, {"ETag": etag})
    return Response(content, FEED_TYPES[kind], headers={"ETag": etag})


def metrics(dashboard: Dashboard, _request: Request) -> Response:
    """Prometheus text."""
    content = render_metrics(dashboard.config, dashboard.store, dashboard.now(), dashboard.jobs())
    return Response(content, CONTENT_TYPE_LATEST)


def healthz(dashboard: Dashboard, _request: Request) -> Response:
    """The object of `status --json`; 503 when something is unhealthy.

    Raises:
        ConfigurationError: a schedule is wrong, so that nobody knows which jobs should run.
    """
    load_schedules(dashboard.config)
    status = dashboard.status()
    shown = status.to_json()
    for problem in shown["outbox"]["problems"]:
        problem["message"] = without_addresses(problem["message"])
    body = json.dumps(shown, ensure_ascii=False).encode() + b"\n"
    return Response(body, JSON, 200 if status.is_healthy else 503)
