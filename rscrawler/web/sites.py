"""The health page: sites and their sources, cycles, problems, schedules."""

from datetime import timedelta
from operator import itemgetter
from statistics import median_high
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rscrawler.delivery.ops import advice_for
from rscrawler.schedules import planned_jobs
from rscrawler.web.dashboard import Dashboard

RUNS_IN_STRIP = 60
RATE_OVER = timedelta(weeks=4)


def sites(dashboard: Dashboard, request: Request) -> Response:
    """The health page."""
    status, now, store = dashboard.status(), dashboard.now(), dashboard.store
    states, running = store.jobs.states(), store.jobs.unended()
    jobs: list[dict[str, Any]] = [
        {
            "scheduled": scheduled,
            "state": states.get(scheduled.id),
            "next_fire_at": scheduled.next_fire(states.get(scheduled.id), now),
            "is_running": scheduled.id in running,
        }
        for scheduled in planned_jobs(dashboard.config)
    ]
    counts = store.browsing.articles_per_site(now - RATE_OVER)
    delays: dict[str, list[timedelta]] = {}
    for name, _, delay in store.history.record_delays(now - RATE_OVER):
        delays.setdefault(name, []).append(delay)
    return dashboard.page(
        request,
        "sites.html.j2",
        status=status,
        panels=[
            {
                "name": name,
                "status": site,
                "articles_a_week": counts[name] / (RATE_OVER / timedelta(weeks=1)),
                "delay": median_high(delays[name]) if name in delays else None,
                "next_visit_at": min(
                    (each["next_fire_at"] for each in jobs if name in each["scheduled"].sites),
                    default=None,
                ),
                "profile": dashboard.sites.get(name),
                "not_before": store.health.site(name).not_before,
                "sources": [state for _, state in sorted(store.discovery.sources(name).items())],
                "runs": store.health.runs(name, RUNS_IN_STRIP),
            }
            for name, site in status.sites.items()
        ],
        jobs=sorted(jobs, key=itemgetter("next_fire_at")),
        is_served=any(service.is_alive_at(now) for service in store.leases.services()),
        problems=sorted(status.problems, key=lambda each: each.since),
        advice=advice_for,
    )
