"""`rscrawler status`: the health of all sites and of the service, and what waits."""

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from rscrawler.clock import span_in_words, to_the_minute
from rscrawler.config import Config
from rscrawler.decisions import CLOCK_TOLERANCE, lacks_place, requested_pause
from rscrawler.delivery.channels import OutboxSummary, due_since, outbox_summary
from rscrawler.delivery.ops import DATABASE_SUBJECT, OUTBOX_SUBJECT, is_of_deliveries
from rscrawler.items import rfc3339
from rscrawler.monitoring.direct import store_problem
from rscrawler.schedules import ScheduledJob, next_tries, planned_jobs
from rscrawler.sites import load_sites
from rscrawler.store import Store
from rscrawler.store.database import sqlite_file
from rscrawler.store.health import Problem, ProblemCode, SiteState
from rscrawler.store.leases import WORKER, in_words, runs_here

SCHEDULE_SUBJECT = "schedule"
DISK_SUBJECT = "disk"
TOPICS_SUBJECT = "topics"
HISTORY = timedelta(days=90)  # before the last article: by it a site's silence is measured
ENOUGH_HISTORY = 3_000  # articles at most, for a site that publishes so many in less time
ENOUGH_ARTICLES = 10
# No silence is reported before this: a weekend is none …
SHORTEST_SILENCE = timedelta(days=2)
# … and a long weekend is none either, as long as few weekends are known.
SHORTEST_SILENCE_OF_NEW_SITE = timedelta(days=4)
FAMILIAR_AFTER = timedelta(days=14)
SHORTEST_LATENESS = timedelta(minutes=5)  # of a job
# A cycle writes far less, but other programs may fill the rest of the disk.
LEAST_SPACE_MIB = 32
AMPLE_SPACE_MIB = 64  # ends the problem for operators: free space fluctuates


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site: its last crawls, its number of articles, its problems."""

    last_run_at: datetime | None
    last_success_at: datetime | None
    articles: int
    problems: tuple[Problem, ...]
    is_enabled: bool

    @property
    def state(self) -> str:
        """The state in words; a site without a good cycle so far is not called healthy."""
        if self.problems:
            return "unhealthy"
        if not self.is_enabled:
            return "not enabled"
        unproven = "no good cycle yet" if self.last_run_at else "not crawled yet"
        return "healthy" if self.last_success_at else unproven


@dataclass(frozen=True, slots=True)
class Status:
    """The health of everything."""

    sites: Mapping[str, SiteStatus]
    outbox: OutboxSummary
    others: Mapping[str, tuple[Problem, ...]]  # problems of subjects other than sites
    next_tries: Mapping[str, datetime]  # when each site is crawled next, by the schedules

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem, of sites and other subjects."""
        of_sites = (site.problems for site in self.sites.values())
        return tuple(chain(*of_sites, *self.others.values()))

    @property
    def is_healthy(self) -> bool:
        """Whether there is no problem anywhere."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        sites = {
            name: {
                "last_run": rfc3339(site.last_run_at),
                "last_success": rfc3339(site.last_success_at),
                "articles": site.articles,
                "problems": self._json_of(site.problems),
            }
            for name, site in self.sites.items()
        }
        counts = {"pending": self.outbox.pending, "failed": self.outbox.failed}
        others = {
            subject: {
                **(counts if subject == OUTBOX_SUBJECT else {}),
                "problems": self._json_of(problems),
            }
            for subject, problems in self.others.items()
        }
        return {"healthy": self.is_healthy, "sites": sites, **others}

    def _json_of(self, problems: Iterable[Problem]) -> list[dict[str, Any]]:
        return [
            {
                "code": problem.code,
                "message": problem.message,
                "since": rfc3339(problem.since),
                "next_try": rfc3339(self.next_tries.get(problem.subject)),
            }
            for problem in problems
        ]

    def waiting_lines(self) -> Iterator[str]:
        """A line for each item that waits in the outbox: why, and until when."""
        for each in self.outbox.waiting:
            behind = "; next try at" if each.last_error else " until"
            until = f"{behind} {rfc3339(each.until)}" if each.until else ""
            error = f" (last error: {each.last_error})" if each.last_error else ""
            yield f"{each.channel}: {each.count} {each.why}{until}{error}"


def read_status(config: Config, store: Store, now: datetime) -> Status:
    """The health of every enabled site and of any that was ever crawled.

    Finds problems that no process could record: a site that is overdue, one that has fallen
    silent since its last cycle, a dead service, a late job. A service that was stopped properly is
    not reported as dead.
    """
    jobs, known = planned_jobs(config), defaultdict[str, list[Problem]](list)
    for problem in store.health.problems():
        subject = OUTBOX_SUBJECT if is_of_deliveries(problem.subject) else problem.subject
        known[subject].append(problem)
    if not any(each.code is ProblemCode.OVERDUE for each in known[OUTBOX_SUBJECT]):
        known[OUTBOX_SUBJECT] += _overdue_deliveries(config, store, now)
    if (store_failure := store_problem(config)) is not None:
        known[DATABASE_SUBJECT].append(store_failure)
    enabled = {name for name, profile in load_sites(config).items() if profile.enabled}
    names = dict.fromkeys([*sorted(enabled), *store.health.crawled_sites()])
    dead = _dead_service(store, now)
    return Status(
        sites={
            name: _site_status(config, store, now, name, known[name], is_enabled=name in enabled)
            for name in names
        },
        next_tries=next_tries(store, jobs, now),
        outbox=outbox_summary(config, store, now),
        others={
            OUTBOX_SUBJECT: tuple(known[OUTBOX_SUBJECT]),
            SCHEDULE_SUBJECT: (dead,) if dead else tuple(_late_jobs(config, store, now, jobs)),
            DISK_SUBJECT: tuple(_disk_problems(config, now)),
            DATABASE_SUBJECT: tuple(known[DATABASE_SUBJECT]),
            TOPICS_SUBJECT: tuple(known[TOPICS_SUBJECT]),
        },
    )


def _site_status(
    config: Config, store: Store, now: datetime, name: str, known: list[Problem], is_enabled: bool
) -> SiteStatus:
    """The status of a site with its known problems; one that is not enabled has none."""
    state = store.health.site(name, as_of=now + CLOCK_TOLERANCE)
    found: dict[ProblemCode, Problem] = {}
    if is_enabled:
        silent = site_silence(config, store, name, state.last_success_at)
        overdue = overdue_site(state, now, config.monitoring.overdue_after)
        found = {each.code: each for each in (silent, overdue, *known) if each is not None}
    return SiteStatus(
        last_run_at=state.last_run_at,
        last_success_at=state.last_success_at,
        articles=store.articles.count(name),
        problems=tuple(found[code] for code in ProblemCode if code in found),
        is_enabled=is_enabled,
    )


def site_silence(
    config: Config, store: Store, site: str, crawled_at: datetime | None
) -> Problem | None:
    """The problem of a site that was silent at `crawled_at`, its last success (None: never)."""
    if crawled_at is None:
        return None
    # Mostly one row shows that it was not silent; the history has up to thousands.
    if store.history.has_published(site, crawled_at - SHORTEST_SILENCE, crawled_at):
        return None
    # Before the last article, not the cycle: else a site that has stopped is well after 90 days.
    last = store.history.publications(site, datetime.fromtimestamp(0, UTC), 1)
    since = min([*last, crawled_at]) - HISTORY
    published = store.history.publications(site, since, ENOUGH_HISTORY)
    return silence(site, published, crawled_at, config.monitoring.silent_after_factor)


def silence(
    site: str, published: Sequence[datetime], crawled_at: datetime, factor: float
) -> Problem | None:
    """The problem of a site that has published nothing for far longer than usual.

    Usual is the second-longest gap between two articles, so that weekends count and a single
    holiday does not.

    Args:
        site: its name.
        published: when the site's articles were published, for `HISTORY` before the last one.
        crawled_at: when the site was last crawled successfully; later articles are not known.
        factor: a gap longer than this many times the usual one is a silence.
    """
    times = sorted(moment for moment in published if moment <= crawled_at)
    if len(times) < ENOUGH_ARTICLES:
        return None
    gaps = sorted(later - earlier for earlier, later in pairwise(times))
    usual = gaps[-2]
    is_familiar = times[-1] - times[0] >= FAMILIAR_AFTER
    shortest = SHORTEST_SILENCE if is_familiar else SHORTEST_SILENCE_OF_NEW_SITE
    limit = max(usual * factor, shortest)
    since = times[-1] + limit
    if crawled_at <= since:
        return None
    message = (
        f"no new article for {span_in_words(crawled_at - times[-1])}, since "
        f"{to_the_minute(times[-1])}; the longest usual gap is {span_in_words(usual)}"
    )
    return Problem(site, ProblemCode.SILENT, message, since)


def overdue_site(state: SiteState, now: datetime, after: timedelta) -> Problem | None:
    """The problem of a site without a successful crawl for longer than `after`.

    A site that was never crawled is not overdue. For one that asked for a pause, `after` counts
    from the end of that pause.
    """
    reference = state.last_success_at or state.last_run_at
    if reference is None:
        return None
    since = max(reference, requested_pause(state.not_before, now) or reference) + after
    if now <= since:
        return None
    late = span_in_words(now - reference)
    if state.last_success_at is None:
        message = f"no good cycle so far; the last cycle began {late} ago"
    else:
        last = to_the_minute(state.last_success_at)
        message = f"no good cycle for {late}; last good cycle {last}"
    return Problem(state.name, ProblemCode.OVERDUE, message, since)


# Other subjects.


def _overdue_deliveries(config: Config, store: Store, now: datetime) -> Iterator[Problem]:
    long_ago = config.monitoring.overdue_after
    if since := due_since(config, store, now, ago=long_ago):
        message = f"what was due {span_in_words(long_ago)} ago has not gone out: nothing delivers"
        yield Problem(OUTBOX_SUBJECT, ProblemCode.OVERDUE, message, since)


def _dead_service(store: Store, now: datetime) -> Problem | None:
    """The problem of a service that died or hangs, if no other one is alive."""
    services = store.leases.services()
    if not services or any(service.is_alive_at(now) for service in services):
        return None
    last = services[-1]
    message = (
        f"the service ({in_words(last.owner)}) has died or hangs: no sign of life since "
        f"{rfc3339(last.seen_at)}; start it again, and stop it if cron is to take its place"
    )
    return Problem(SCHEDULE_SUBJECT, ProblemCode.OVERDUE, message, last.seen_at)


def _late_jobs(
    config: Config, store: Store, now: datetime, jobs: Sequence[ScheduledJob]
) -> Iterator[Problem]:
    states, running, services = store.jobs.states(), store.jobs.unended(), store.leases.services()
    busy = {lease for job in jobs if job.id in running for lease in job.leases}
    busy |= store.leases.held(now).keys()
    failing = {job_id for job_id, state in states.items() if state.failures}
    # How many crawls workers run at once is not known here.
    are_working = any(each.is_alive_at(now) for each in store.leases.services(WORKER))
    for job in jobs:
        state = states.get(job.id)
        if state is None:
            continue
        # It may wait for its own run, another crawl of its sites or hosts, or a place.
        has_no_place = are_working if config.uses_workers else lacks_place(running, failing, job.id)
        is_busy = job.id in running or not busy.isdisjoint(job.leases)
        patience = config.monitoring.overdue_after
        if not (is_busy or (has_no_place and job.sites)):
            patience = min(max(3 * job.usual_span(now), SHORTEST_LATENESS), patience)
        since = state.next_fire_at + patience
        if not services:  # the last was stopped; a crawl by hand or from cron counts as a run
            crawled = [store.health.site(site, as_of=now).last_run_at for site in job.sites]
            since = max([since, *(at + patience for at in crawled if at)])
        if now > since:
            due = rfc3339(state.next_fire_at)
            runner = "worker" if config.uses_workers and job.sites else "service"
            who = f"no {runner} has run it" if services else "no service runs: the last was stopped"
            message = f"job {job.id} was due at {due}, but {who}"
            yield Problem(SCHEDULE_SUBJECT, ProblemCode.OVERDUE, message, since)


def _disk_problems(
    config: Config, now: datetime, least: int = LEAST_SPACE_MIB
) -> Iterator[Problem]:
    """A problem for each folder that is written to and has less than `least` MiB free."""
    database = sqlite_file(config.database)
    folders = [config.output_dir, *([database.parent] if database else [])]
    for folder in dict.fromkeys(folders):
        if (left := _mib_left(folder)) is not None and left < least:
            message = f"{folder}: {left} MiB are left to write to; at least {least} should be"
            yield Problem(DISK_SUBJECT, ProblemCode.DISK_FULL, message, now)


def has_room(folder: Path) -> bool:
    """Whether `LEAST_SPACE_MIB` are left for the folder, as far as can be known."""
    return (left := _mib_left(folder)) is None or left >= LEAST_SPACE_MIB


def _mib_left(folder: Path) -> int | None:
    present = next((each for each in (folder, *folder.parents) if each.exists()), None)
    return None if present is None else shutil.disk_usage(present).free // 2**20


def raise_health_problems(config: Config, store: Store, now: datetime) -> None:
    """Raise or clear, before a delivery, problems no crawl detects: a dead service, a full disk.

    Late jobs are left to `status`: after a machine has slept, all are late for a moment. So is a
    service that runs here without a sign of life: it has slept, or its clock has jumped.
    """
    is_here = any(runs_here(service.owner) for service in store.leases.services())
    dead = None if is_here else _dead_service(store, now)
    message, since = (dead.message, dead.since) if dead else (None, now)
    store.health.raise_or_clear(SCHEDULE_SUBJECT, ProblemCode.OVERDUE, message, since)
    full = next(_disk_problems(config, now), None)
    if full or not any(_disk_problems(config, now, AMPLE_SPACE_MIB)):
        message = full.message if full else None
        store.health.raise_or_clear(DISK_SUBJECT, ProblemCode.DISK_FULL, message, now)
