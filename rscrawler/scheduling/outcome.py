"""What a run came to, read from how its child ended: one line for people, and a verdict."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from rscrawler.config import format_duration
from rscrawler.delivery.ops import OUTBOX_SUBJECT
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.schedules import Action, ScheduledJob
from rscrawler.store.health import ProblemCode

_LONGEST_REASON = 300
# Counters that are worth a word only when there is something to count.
_RARE_COUNTERS = {
    "articles_updated": "updated",
    "articles_removed": "removed",
    "duplicates": "duplicates",
    "dropped": "dropped",
    "errors": "errors",
    "delivered": "delivered",
}


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run went: `line` for the log, `summary` for the store.

    `has_failed`: it did not do its work. A site that is unhealthy but was visited is no
    failure; one that cannot be reached is. `finished` are the subjects (sites, or `outbox`)
    that it dealt with to the end; `failed_sources` the causes of each of them, by address.
    """

    line: str
    summary: str
    has_failed: bool
    is_healthy: bool
    finished: tuple[str, ...] = ()
    failed_sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def judge_run(scheduled: ScheduledJob, result: ChildResult, limit: timedelta) -> RunOutcome:
    """The outcome of a run that was not stopped; `limit` is the time that it had."""
    report = None if result.timed_out else _report(result)
    if report is None:
        return _failure(scheduled, _why_it_failed(result, limit))
    if scheduled.job.action is Action.CRAWL:
        return _judge_crawl(scheduled, report, result)
    if problem := report.get("output_problem"):
        return _failure(scheduled, problem)
    numbers = [
        f"{report[key]} {key}" for key in ("served", "delivered", "waiting") if key in report
    ]
    return _outcome(
        str(scheduled.job.action), numbers, result, has_failed=False, finished=(OUTBOX_SUBJECT,)
    )


def _judge_crawl(
    scheduled: ScheduledJob, report: Mapping[str, Any], result: ChildResult
) -> RunOutcome:
    sites: Mapping[str, Any] = report.get("sites", {})
    notes = [f"{name} {site['note']}" for name, site in sites.items() if site.get("note")]
    visited = tuple(name for name, site in sites.items() if not site.get("note"))
    subject = f"cycle {','.join(scheduled.sites)}"
    if not visited:
        line = f"{subject}: skipped: {'; '.join(notes) or 'no site was visited'}"
        return RunOutcome(line, line.partition(": ")[2], has_failed=False, is_healthy=True)
    parts = [
        f"{report.get('requests', 0)} requests ({report.get('not_modified', 0)} not modified)",
        f"{report.get('articles_new', 0)} new",
        f"{report.get('flagged', 0)} flagged",
        *(f"{report[key]} {word}" for key, word in _RARE_COUNTERS.items() if report.get(key)),
        *notes,
    ]
    problems = [
        (each["code"], f"{name}: {each['code']}: {each['message']}")
        for name, site in sites.items()
        for each in site.get("problems", ())
    ]
    parts.extend(text for _, text in problems)
    if problem := report.get("output_problem"):
        parts.append(problem)  # the site was visited all the same, and its records wait
    outcome = _outcome(
        subject,
        parts,
        result,
        has_failed=any(code == ProblemCode.UNREACHABLE for code, _ in problems),
        run_id=report.get("run_id"),
        finished=tuple(name for name in visited if not _has(sites[name], ProblemCode.OVERDUE)),
    )
    failed = {name: sites[name].get("failed_sources", {}) for name in visited}
    return replace(outcome, failed_sources=failed)


def _has(site: Mapping[str, Any], code: ProblemCode) -> bool:
    return any(each["code"] == code for each in site.get("problems", ()))


def _outcome(
    subject: str,
    parts: list[str],
    result: ChildResult,
    *,
    has_failed: bool,
    finished: tuple[str, ...],
    run_id: str | None = None,
) -> RunOutcome:
    is_healthy = result.exit_status == 0
    said = "" if is_healthy else _last_error(result)
    if said and not any(part in said for part in parts):
        parts = [*parts, said]
    tail = [f"{result.elapsed.total_seconds():.1f} s", *([f"run {run_id}"] if run_id else [])]
    return RunOutcome(
        line=f"{subject}: {', '.join([*parts, *tail])}",
        summary="ok" if is_healthy else f"unhealthy: {said or 'see the log'}",
        has_failed=has_failed,
        is_healthy=is_healthy,
        finished=finished,
    )


def _failure(scheduled: ScheduledJob, why: str) -> RunOutcome:
    about = f" ({','.join(scheduled.sites)})" if scheduled.sites else ""
    return RunOutcome(
        line=f"job {scheduled.id}{about} failed: {why}",
        summary=f"failed: {why}",
        has_failed=True,
        is_healthy=False,
    )


def _why_it_failed(result: ChildResult, limit: timedelta) -> str:
    if result.timed_out:
        reason = f"ended after its time limit of {format_duration(limit)}"
    else:
        reason = _exit_reason(result.exit_status)
    said = _last_error(result)
    return f"{reason}: {said}" if said else reason


def _report(result: ChildResult) -> Mapping[str, Any] | None:
    """What the child printed, if its exit status vouches for it; a bare error is no report."""
    if result.exit_status not in (0, 1):
        return None
    with suppress(json.JSONDecodeError):
        value = json.loads(result.output)
        if isinstance(value, dict) and "error" not in value:
            return value
    return None


def _exit_reason(status: int) -> str:
    if status >= 0:
        return f"exit status {status}" if status else "printed no report"
    with suppress(ValueError):
        return f"ended by {signal.Signals(-status).name}"
    return f"ended by signal {-status}"


def _last_error(result: ChildResult) -> str:
    """The last line on standard error that says something, cut to a readable length."""
    return next(_spoken(result.error_lines), "")[:_LONGEST_REASON]


def _spoken(lines: tuple[str, ...]) -> Iterator[str]:
    for line in reversed(lines):
        if text := line.strip().removeprefix("rscrawler: "):
            yield text
