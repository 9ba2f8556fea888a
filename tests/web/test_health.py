"""Every way to ask after the health gives the same answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rscrawler.clock import utc_now
from rscrawler.config import Config, load_config
from rscrawler.monitoring.after import compose_weekly
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.leases import process_identity
from rscrawler.web.dashboard import Dashboard
from tests.web.conftest import served
from tests.workspace import Workspace

SITE = "responsiblestatecraft"
OUTBOX = "outbox"
ELSEWHERE = "another-machine/17/4711"
LONG_AGO = utc_now() - timedelta(days=3)


def nothing(store: Store) -> None:
    """All is well."""


def problems(subject: str, *codes: ProblemCode) -> Callable[[Store], None]:
    def raise_them(store: Store) -> None:
        for code in codes:
            store.health.raise_problem(subject, code, "what is wrong", LONG_AGO)

    return raise_them


def a_dead_service(store: Store) -> None:
    store.leases.acquire(f"service:{ELSEWHERE}", ELSEWHERE, LONG_AGO)
    store.jobs.schedule("rs-sections", "every 20m", LONG_AGO)


def idle_jobs(store: Store) -> None:
    """A service lives, and does nothing."""
    owner = process_identity()
    store.leases.acquire(f"service:{owner}", owner, utc_now())
    for job_id in ("rs-sections", "rs-sitemap"):
        store.jobs.schedule(job_id, "every 20m", LONG_AGO)


def a_site_that_nobody_crawls(store: Store) -> None:
    store.health.record_start("run", SITE, LONG_AGO)
    store.health.record_end("run", SITE, LONG_AGO, succeeded=True, counters={})


TROUBLES: list[tuple[str, Callable[[Store], None], set[tuple[str, str]]]] = [
    ("none", nothing, set()),
    *(
        (f"{name} of {subject}", problems(subject, *codes), {(subject, str(c)) for c in codes})
        for subject in (SITE, OUTBOX)
        for name, codes in (("one problem", [ProblemCode.SILENT]), ("every problem", ProblemCode))
    ),
    ("dead service", a_dead_service, {("schedule", "overdue")}),
    ("idle jobs", idle_jobs, {("schedule", "overdue")}),
    ("no cycle", a_site_that_nobody_crawls, {(SITE, "overdue")}),
]


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [(trouble, expected) for _, trouble, expected in TROUBLES],
    ids=[name for name, _, _ in TROUBLES],
)
def test_status_health_check_metrics_and_weekly_mail_agree(
    workspace: Workspace,
    trouble: Callable[[Store], None],
    expected: set[tuple[str, str]],
) -> None:
    workspace.config.write_text(
        '[alerts.channels]\ndesk = "json://localhost:9"\n\n[alerts.ops]\nchannels = ["desk"]\n'
    )
    config = load_config(workspace.config)
    with closing(Store.open(config.database)) as store:
        trouble(store)
        status = workspace.run("status", "--json")
        dashboard = Dashboard(config, store, now=utc_now)
        with served(dashboard) as browser:
            health, metrics = browser.get("/healthz"), browser.get("/metrics").text
        mail = weekly_mail(config, store, dashboard)
        shown = workspace.run("status").stdout
        if run_at := status.json["sites"][SITE]["last_run"]:
            assert f"{SITE}  {run_at}  " in shown
        codes = [each["code"] for each in status.json["sites"][SITE]["problems"]]
        assert shown.splitlines()[1].endswith(", ".join(codes) or "not crawled yet")
    is_healthy = not expected
    assert all(f"{subject}: {code} since 2" in shown for subject, code in expected)
    assert status.json["healthy"] is is_healthy
    assert status.status == (0 if is_healthy else 1)
    assert health.status == (200 if is_healthy else 503)
    assert json.loads(health.body) == status.json
    assert samples(metrics, "rscrawler_healthy") == {(): float(is_healthy)}
    assert set(samples(metrics, "rscrawler_problem")) == expected
    assert mail.startswith("All well" if is_healthy else "Not all well")


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric, by the values of its labels `subject` and `code`."""
    return {
        tuple(sample.labels[label] for label in ("subject", "code") if label in sample.labels): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def weekly_mail(config: Config, store: Store, dashboard: Dashboard) -> str:
    """The subject of a weekly mail that is due now."""
    now = utc_now()
    store.health.record_start("first", "a-former-site", now - timedelta(days=8))
    assert compose_weekly(config, store, now)
    (message,) = [each for each in store.messages.due(now) if each.kind == "weekly"]
    claimed = store.messages.claim(message.message_id, "test", now)
    assert claimed is not None
    subject: str = json.loads(claimed.content)["title"]
    return subject
