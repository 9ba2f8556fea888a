"""The health of everything: sites and schedules, the outbox, and figures for machines."""

from datetime import timedelta
from operator import itemgetter
from statistics import median_high
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from rscrawler.delivery.ops import advice_for
from rscrawler.monitoring.metrics import Metrics
from rscrawler.schedules import load_schedules, planned_jobs
from rscrawler.store.messages import Undelivered
from rscrawler.web.access import authorized_form
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.texts import without_addresses

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


def metrics(dashboard: Dashboard, _: Request) -> Response:
    """Metrics in the text format of Prometheus."""
    found = Metrics(dashboard.config, dashboard.store, dashboard.now())
    return Response(generate_latest(found), headers={"Content-Type": CONTENT_TYPE_LATEST})


def healthz(dashboard: Dashboard, _: Request) -> Response:
    """The object of `status --json`, without addresses of recipients; 503 when unhealthy.

    Raises:
        ConfigurationError: a schedule is invalid, so it is not known which jobs should run.
    """
    load_schedules(dashboard.config)
    status = dashboard.status()
    shown = status.to_json()
    for subject in (*shown["sites"].values(), *(shown[name] for name in status.others)):
        for problem in subject["problems"]:
            problem["message"] = without_addresses(problem["message"])
    return JSONResponse(shown, 200 if status.is_healthy else 503)


# The outbox.


def outbox(dashboard: Dashboard, request: Request) -> Response:
    """Pending deliveries with their reasons, and messages with failed attempts."""
    status = dashboard.status()
    failed: dict[str, list[Undelivered]] = {}
    for each in dashboard.store.messages.undelivered():
        if each.failures(dashboard.now()):
            failed.setdefault(each.message_id, []).append(each)
    return dashboard.page(
        request,
        "outbox.html.j2",
        status=status,
        summary=status.outbox,
        problems=status.others["outbox"],
        failed=failed,
        done=request.query_params.get("done", ""),
    )


async def change_message(dashboard: Dashboard, request: Request) -> Response:
    """Make a failed message due with the next delivery (`retry`), or give it up (`cancel`)."""
    how = request.url.path.rpartition("/")[2]
    _, form = await authorized_form(dashboard.config, request, "retry or cancel a message")

    def change() -> bool:
        messages = dashboard.store.messages
        retry_or_cancel = messages.retry if how == "retry" else messages.cancel
        # PostgreSQL refuses a NUL, so no id has one.
        return retry_or_cancel(form.get("message", "").replace("\0", ""), dashboard.now())

    if not await run_in_threadpool(change):
        raise HTTPException(
            400, "message: it was delivered, given up, or is being sent now; reload the page"
        )
    return RedirectResponse(f"/outbox?done={how}", 303)
