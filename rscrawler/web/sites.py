"""The health of everything: sites and their sources, cycles, problems, schedules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from rscrawler.delivery.ops import ADVICE
from rscrawler.monitoring.status import SiteStatus
from rscrawler.scheduling.schedules import ScheduledJob
from rscrawler.sites import SiteProfile
from rscrawler.store.discovery import SourceState
from rscrawler.store.health import Problem, Run
from rscrawler.store.jobs import JobState
from rscrawler.web.dashboard import Dashboard, dashboard_of
from rscrawler.web.machines import without_addresses

RUNS_SHOWN = 10
RUNS_IN_STRIP = 60
RATE_OVER = timedelta(weeks=4)
# What the table of cycles shows, by heading.
COUNTERS = {
    "requests": "requests",
    "not modified": "not_modified",
    "new": "articles_new",
    "updated": "articles_updated",
    "removed": "articles_removed",
    "flagged": "flagged",
    "dropped": "dropped",
    "errors": "errors",
}


@dataclass(frozen=True, slots=True)
class SourcePanel:
    """One source of a site; `path` is without the site's own address."""

    path: str
    state: SourceState


@dataclass(frozen=True, slots=True)
class SitePanel:
    """All that is shown of a site."""

    name: str
    profile: SiteProfile | None
    status: SiteStatus
    not_before: datetime | None
    next_visit_at: datetime | None
    articles_a_week: float
    delay: timedelta | None
    sources: Sequence[SourcePanel]
    runs: Sequence[Run]


@dataclass(frozen=True, slots=True)
class JobPanel:
    """A job of the schedules, and when it fires next."""

    job: ScheduledJob
    state: JobState | None
    next_fire_at: datetime
    is_running: bool


def sites(request: Request) -> Response:
    """The page."""
    dashboard = dashboard_of(request)
    status, now = dashboard.status(), dashboard.now()
    jobs = _jobs(dashboard, now)
    counts = dashboard.store.insights.articles_per_site(now - RATE_OVER)
    delays: dict[str, list[timedelta]] = {}
    for name, _, delay in dashboard.store.history.record_delays(now - RATE_OVER):
        delays.setdefault(name, []).append(delay)
    weeks = RATE_OVER / timedelta(weeks=1)
    return dashboard.page(
        request,
        "sites.html.j2",
        status=status,
        panels=[
            _panel(dashboard, name, site, jobs, counts[name] / weeks, delays.get(name, ()))
            for name, site in status.sites.items()
        ],
        jobs=jobs,
        is_served=any(service.is_living(now) for service in dashboard.store.leases.services()),
        counters=COUNTERS,
        runs_shown=RUNS_SHOWN,
        problems=[
            (each, without_addresses(each.message), ADVICE[each.code])
            for each in sorted(status.problems, key=_since)
        ],
    )


def _since(problem: Problem) -> datetime:
    return problem.since


def _panel(
    dashboard: Dashboard,
    name: str,
    status: SiteStatus,
    jobs: Iterable[JobPanel],
    articles_a_week: float,
    delays: Sequence[timedelta],
) -> SitePanel:
    store, profile = dashboard.store, dashboard.sites.get(name)
    base = urlsplit(profile.base_url).netloc if profile else ""
    sources = store.discovery.sources(name)
    state = store.health.site(name)
    return SitePanel(
        name=name,
        profile=profile,
        status=status,
        not_before=state.not_before,
        next_visit_at=min(
            (each.next_fire_at for each in jobs if name in each.job.sites), default=None
        ),
        articles_a_week=articles_a_week,
        delay=sorted(delays)[len(delays) // 2] if delays else None,
        sources=[SourcePanel(_path(url, base), source) for url, source in sorted(sources.items())],
        runs=store.health.runs(name, RUNS_IN_STRIP),
    )


def _path(url: str, host: str) -> str:
    """The address of a source, without the host if that is the site's."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return (parts.path or "/") + query if parts.netloc == host else url


def _jobs(dashboard: Dashboard, now: datetime) -> list[JobPanel]:
    """The jobs that run, the next to fire first."""
    states: Mapping[str, JobState] = dashboard.store.jobs.states()
    running = dashboard.store.jobs.unended()
    panels = []
    for job in dashboard.jobs():
        state = states.get(job.id)
        next_fire_at = state.next_fire_at if state else job.first_fire(now)
        panels.append(JobPanel(job, state, next_fire_at, job.id in running))
    return sorted(panels, key=lambda each: each.next_fire_at)
