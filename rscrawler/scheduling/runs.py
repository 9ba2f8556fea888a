"""What is the same for every run, wherever it is run: its command, and what its end means."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rscrawler.delivery.ops import OUTBOX_SUBJECT
from rscrawler.items import rfc3339
from rscrawler.scheduling.outcome import RunOutcome
from rscrawler.scheduling.schedules import Action, ScheduledJob
from rscrawler.scheduling.visits import plan_visit
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing
from rscrawler.store.leases import site_lease

logger = logging.getLogger(__name__)


def command_of(scheduled: ScheduledJob, config_path: Path | None) -> list[str]:
    """The arguments of rscrawler for a run; `config_path` None leaves the child its own default."""
    config = ["--config", str(config_path)] if config_path else []
    if scheduled.job.action is not Action.CRAWL:
        return ["deliver", "--json", *config]
    full = ["--full"] if scheduled.job.full else []
    return ["crawl", *scheduled.sites, "--json", *full, *config]


def site_leases(scheduled: ScheduledJob) -> list[str]:
    """The leases that say of the job's sites that they are being crawled."""
    return [site_lease(site) for site in scheduled.sites]


def write_end(
    store: Store, scheduled: ScheduledJob, firing: Firing, outcome: RunOutcome, now: datetime
) -> None:
    """Write down how a run ended; an adaptive job gets its next visit."""
    next_fire_at: datetime | None = None
    if scheduled.job.adaptive is not None:
        state = store.jobs.states().get(scheduled.id)
        before = 0 if state is None else state.failures
        failures = before + 1 if outcome.has_failed else 0
        visit = plan_visit(store, scheduled.sites, scheduled.job.adaptive.limits, failures, now)
        next_fire_at = visit.at
        logger.debug("job %s: next at %s: %s", scheduled.id, rfc3339(visit.at), visit.reason)
    store.jobs.end(
        firing,
        outcome=outcome.summary,
        has_failed=outcome.has_failed,
        now=now,
        next_fire_at=next_fire_at,
    )


def log_run(outcome: RunOutcome, failing: dict[str, Mapping[str, str]]) -> None:
    """Log how a run went, after a line for each source that fails anew or for another reason.

    `failing` keeps the causes by site and address, from run to run of this process. Of a site that
    cannot be reached it is not known which sources would fail next.
    """
    for site, causes in outcome.failed_sources.items():
        known = failing.get(site, {})
        for url, cause in causes.items():
            if known.get(url) != cause:
                logger.warning("%s: source %s failed: %s", site, url, cause)
        failing[site] = {**known, **causes} if outcome.has_failed else causes
    logger.log(logging.INFO if outcome.is_healthy else logging.WARNING, outcome.line)


def judge_overdue(
    store: Store, scheduled: ScheduledJob, outcome: RunOutcome, now: datetime
) -> bool:
    """A run that did not come to its end makes its sites overdue; one that did ends that.

    True if there is something to tell the operators.
    """
    has_word = False
    if outcome.has_failed and not outcome.finished:
        for subject in scheduled.sites or (OUTBOX_SUBJECT,):
            message = f"job {scheduled.id} {outcome.summary}"
            store.health.raise_problem(subject, ProblemCode.OVERDUE, message, now)
            has_word = True
    for subject in outcome.finished:
        if store.health.clear_problem(subject, ProblemCode.OVERDUE) is not None:
            has_word = True
    return has_word
