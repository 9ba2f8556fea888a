"""A run of a job, in a service or worker: its command, its outcome, and its record in the store.

The outcome is judged from the child's exit status and the report that it printed.
"""

import asyncio
import json
import logging
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from rscrawler.config import Config, format_duration
from rscrawler.delivery.ops import OUTBOX_SUBJECT
from rscrawler.schedules import ScheduledJob
from rscrawler.schedules.adaptive import plan_visit
from rscrawler.scheduling.processes import ChildResult, ChildRunner
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing

logger = logging.getLogger(__name__)
children_log = logging.getLogger("rscrawler.children")  # their standard error, shown with -v

_LONGEST_REASON = 300
# Counters that are shown only if they are not zero.
_RARE_COUNTERS = (
    "articles_updated", "articles_removed", "duplicates", "dropped", "errors", "delivered",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The outcome of a run: `line` for the log, `summary` for the store.

    `has_failed`: it did not do its work. An unhealthy site that was visited is no failure, an
    unreachable one is. `finished` are the subjects (sites, or `outbox`) that it completed,
    `unfinished` those that it began, or was to begin, and did not complete. `failed_sources` maps
    each site to the causes of failed sources, by address.
    """

    line: str
    summary: str
    has_failed: bool
    is_healthy: bool
    finished: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    failed_sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    elapsed: timedelta = timedelta()  # of a failed run


async def run_job(
    run_child: ChildRunner, scheduled: ScheduledJob, config: Config, stopping: asyncio.Event
) -> RunOutcome | None:
    """Run a job from start to end; None if it was stopped, and is to be run again."""
    limit = scheduled.job.time_limit or config.scheduling.time_limit
    try:
        result = await run_child(_command_of(scheduled), limit, stopping)
        for line in result.error_lines:
            children_log.info("job %s: %s", scheduled.id, line)
        if result.was_stopped:
            logger.info("job %s was stopped; it is due again", scheduled.id)
            return None
        return judge_run(scheduled, result, limit)
    except Exception as error:
        if not isinstance(error, OSError):
            logger.exception("job %s: a bug in the program that runs it", scheduled.id)
        return failed_run(scheduled, f"could not be run: {error}")


def log_outcome(outcome: RunOutcome, known_causes: dict[str, Mapping[str, str]]) -> None:
    """Log an outcome, after a line for each source that newly fails or has another cause.

    `known_causes` are those of former runs, by site, and get the new ones. A failed run may not
    have tried every source, so the known causes are kept then.
    """
    for site, causes in outcome.failed_sources.items():
        known = known_causes.get(site, {})
        for url, cause in causes.items():
            if known.get(url) != cause:
                logger.warning("%s: source %s failed: %s", site, url, cause)
        known_causes[site] = {**known, **causes} if outcome.has_failed else causes
    logger.log(logging.INFO if outcome.is_healthy else logging.WARNING, outcome.line)


def _command_of(scheduled: ScheduledJob) -> list[str]:
    """The arguments of rscrawler for a run; the environment names its configuration."""
    if not scheduled.job.is_crawl:
        return ["deliver", "--json"]
    return ["crawl", *scheduled.sites, "--json", *(["--full"] if scheduled.job.full else [])]


def record_end(
    store: Store,
    scheduled: ScheduledJob,
    firing: Firing | None,
    outcome: RunOutcome,
    now: datetime,
) -> None:
    """Record the end of a run; `firing` is None for the service's own delivery.

    Raise `overdue` for unfinished subjects, except for sites that had a good cycle in the run, and
    clear it for finished ones. An adaptive job also gets the time of its next visit.
    """
    began = now - outcome.elapsed
    good_at = {each: store.health.site(each).last_success_at for each in outcome.unfinished}
    late = [each for each, at in good_at.items() if at is None or at < began]
    for subject in late or outcome.unfinished:  # if every site is good, the run failed afterwards
        message = f"job {scheduled.id} {outcome.summary}"
        store.health.raise_problem(subject, ProblemCode.OVERDUE, message, now)
    for each in outcome.finished:
        store.health.clear_problem(each, ProblemCode.OVERDUE)
    if firing is None:
        return
    next_fire_at: datetime | None = None
    if scheduled.job.adaptive is not None:
        state = store.jobs.state(scheduled.id)
        failures = 1 + (state.failures if state else 0) if outcome.has_failed else 0
        next_fire_at = plan_visit(store, scheduled.sites, scheduled.job.adaptive, failures, now)
    store.jobs.end(
        firing,
        outcome=outcome.summary,
        has_failed=outcome.has_failed,
        now=now,
        next_fire_at=next_fire_at,
    )


# The outcome of a run.


def failed_run(scheduled: ScheduledJob, why: str, elapsed: timedelta = timedelta()) -> RunOutcome:
    """The outcome of a run that did nothing, or printed no report."""
    about = f" ({','.join(scheduled.sites)})" if scheduled.sites else ""
    return RunOutcome(
        line=f"job {scheduled.id}{about} failed: {why}",
        summary=f"failed: {why}",
        has_failed=True,
        is_healthy=False,
        unfinished=scheduled.sites or (OUTBOX_SUBJECT,),
        elapsed=elapsed,
    )


def judge_run(scheduled: ScheduledJob, result: ChildResult, limit: timedelta) -> RunOutcome:
    """The outcome of a run that was not stopped; `limit` is its time limit."""
    report = None if result.timed_out else _report(result)
    if report is None:
        return failed_run(scheduled, _why_it_failed(result, limit), result.elapsed)
    if scheduled.job.is_crawl:
        return _judge_crawl(scheduled, report, result)
    if problem := report.get("output_problem"):
        return failed_run(scheduled, problem)
    counts = [f"{report[key]} {key}" for key in ("served", "delivered", "waiting") if key in report]
    return replace(_outcome(scheduled.job.action, counts, result), finished=(OUTBOX_SUBJECT,))


def _judge_crawl(
    scheduled: ScheduledJob, report: Mapping[str, Any], result: ChildResult
) -> RunOutcome:
    sites: Mapping[str, Any] = report.get("sites", {})
    notes = [f"{name} {site['note']}" for name, site in sites.items() if site.get("note")]
    visited = {name: site for name, site in sites.items() if not site.get("note")}
    subject = f"cycle {','.join(scheduled.sites)}"
    if not visited:
        summary = f"skipped: {'; '.join(notes) or 'no site was visited'}"
        return RunOutcome(f"{subject}: {summary}", summary, has_failed=False, is_healthy=True)
    problems = [(name, each) for name, site in sites.items() for each in site.get("problems", ())]
    parts = [
        f"{report.get('requests', 0)} requests ({report.get('not_modified', 0)} not modified)",
        f"{report.get('articles_new', 0)} new",
        f"{report.get('flagged', 0)} flagged",
        *(f"{report[k]} {k.removeprefix('articles_')}" for k in _RARE_COUNTERS if report.get(k)),
        *notes,
        *(f"{name}: {each['code']}: {each['message']}" for name, each in problems),
    ]
    if problem := report.get("output_problem"):
        parts.append(problem)  # no failure: the site was visited, and its records wait
    overdue = {name for name, each in problems if each["code"] == ProblemCode.OVERDUE}
    # Without a problem that says why, a signal from elsewhere has ended the cycle.
    cut = [name for name, site in visited.items() if not (site["succeeded"] or site["problems"])]
    lost = {name for name, each in problems if each["code"] == ProblemCode.UNREACHABLE}
    return replace(
        _outcome(subject, parts, result, report.get("run_id")),
        has_failed=bool(cut) or not lost.isdisjoint(visited),
        finished=tuple(name for name in visited if name not in {*overdue, *cut}),
        unfinished=tuple(cut),
        failed_sources={name: site.get("failed_sources", {}) for name, site in visited.items()},
    )


def _outcome(
    subject: str, parts: Sequence[str], result: ChildResult, run_id: str | None = None
) -> RunOutcome:
    """The outcome of a run whose child printed a report."""
    is_healthy = result.exit_status == 0
    error = "" if is_healthy else _last_error(result)
    if error and not any(error in part for part in parts):
        parts = [*parts, error]
    tail = [f"{result.elapsed.total_seconds():.1f} s", *([f"run {run_id}"] if run_id else [])]
    return RunOutcome(
        line=f"{subject}: {', '.join([*parts, *tail])}",
        summary="ok" if is_healthy else f"unhealthy: {error or 'see the log'}",
        has_failed=False,
        is_healthy=is_healthy,
    )


def _report(result: ChildResult) -> Mapping[str, Any] | None:
    """The child's report; None if it ended otherwise than with 0 or 1, or printed an error."""
    if result.exit_status not in (0, 1):
        return None
    with suppress(json.JSONDecodeError):
        value = json.loads(result.output)
        if isinstance(value, dict) and "error" not in value:
            return value
    return None


def _why_it_failed(result: ChildResult, limit: timedelta) -> str:
    status = result.exit_status
    if result.timed_out:
        reason = f"ended after its time limit of {format_duration(limit)}"
    elif status >= 0:
        reason = f"exit status {status}" if status else "printed no report"
    else:
        reason = f"ended by signal {-status}"
        with suppress(ValueError):
            reason = f"ended by {signal.Signals(-status).name}"
    error = _last_error(result)
    return f"{reason}: {error}" if error else reason


def _last_error(result: ChildResult) -> str:
    """The last non-empty line on standard error, cut to a readable length."""
    lines = (line.strip().removeprefix("rscrawler: ") for line in reversed(result.error_lines))
    return next(filter(None, lines), "")[:_LONGEST_REASON]
