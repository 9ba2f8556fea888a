"""Schedule files: which jobs run, and when.

The shipped files are in `schedules/`; `schedules_dir` or `--schedules` adds a folder. A file in it
replaces a shipped file of the same name, and a job in it a shipped job with the same id.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, Self

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from rscrawler import PACKAGE_DIR
from rscrawler.config import Config, checked, read_toml, toml_files
from rscrawler.config.models import Duration, Model, TimeZoneName, format_duration, key, matching
from rscrawler.decisions import requested_pause
from rscrawler.errors import ConfigurationError
from rscrawler.schedules.adaptive import Adaptive
from rscrawler.schedules.triggers import EPOCH, INSTANT, cron_trigger
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.store.jobs import JobState
from rscrawler.store.leases import host_lease, site_lease

logger = logging.getLogger(__name__)

SHORTEST = timedelta(seconds=1)

# A digest job is a delivery: `digest_at` decides when a digest is composed.
_Action = Annotated[
    Literal["crawl", "deliver", "digest"],
    AfterValidator(lambda word: "deliver" if word == "digest" else word),
]


class Job(Model):
    """A job; exactly one of `every`, `cron` and `adaptive` says when it runs."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [way]} for way in ("every", "cron", "adaptive")]}
    )
    id: Annotated[
        str,
        *matching(
            "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            "at most 64 letters (a-z), digits, . _ and -, beginning with a letter or digit",
        ),
    ]
    action: _Action = "crawl"
    sites: list[str] = key([], "names of sites; empty: all enabled ones")
    every: Duration | None = key(None, "at its multiples since 1970, UTC")
    cron: str | None = key(None, "minute, hour, day of month, month, day of week (0, 7: Sunday)")
    adaptive: Adaptive | None = None
    jitter: Duration = key(
        timedelta(0),  # jobs of the program's own are constructed without validation
        "delays each run of `every` or `cron` by up to this; `adaptive` ignores it",
        json_schema_extra={"default": "0s"},
    )
    timezone: TimeZoneName = key("UTC", "of `cron`; the others ignore it")
    full: bool = key(False, "follow pagination and sitemaps to the end")
    enabled: bool = True
    time_limit: Duration | None = key(
        None, "a run that takes longer is ended; default: scheduling.time_limit"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        whens = [name for name in ("every", "cron", "adaptive") if getattr(self, name) is not None]
        if len(whens) != 1:
            raise ValueError(
                f"has {' and '.join(whens) or 'no time'}; "
                "allowed: exactly one of every, cron, adaptive"
            )
        if self.every is not None and not max(SHORTEST, self.jitter) <= self.every:
            raise ValueError("every: allowed: at least 1s, and at least jitter")
        if self.time_limit is not None and self.time_limit < SHORTEST:
            raise ValueError("time_limit: allowed: at least 1s")
        if self.cron is not None:
            try:
                cron_trigger(self.cron, self.timezone)
            except ValueError as error:
                raise ValueError(f"cron: {self.cron!r}: {error}") from None
        if not self.is_crawl and (self.sites or self.full or self.adaptive):
            raise ValueError(
                "sites, full and adaptive are for crawls; remove them "
                f'from a {self.action}, or set action = "crawl"'
            )
        return self

    @property
    def is_crawl(self) -> bool:
        """Whether it crawls; otherwise it delivers."""
        return self.action == "crawl"

    @property
    def when(self) -> str:
        """The schedule as text; it changes exactly when the fire times do."""
        late = f", up to {format_duration(self.jitter)} later" if self.jitter else ""
        if self.every is not None:
            return f"every {format_duration(self.every)}{late}"
        if self.cron is not None:
            return f"cron {self.cron} ({self.timezone}){late}"
        assert self.adaptive is not None
        visits = self.adaptive.visits_per_day
        budget = f", {visits:g} visits a day" if visits else ""
        spans = f"{format_duration(self.adaptive.min)} to {format_duration(self.adaptive.max)}"
        return f"adaptive, {spans}{budget}"

    @cached_property
    def trigger(self) -> BaseTrigger:
        """The trigger for APScheduler; for an adaptive job, an interval of `max`."""
        if self.cron is not None:
            return cron_trigger(self.cron, self.timezone, self.jitter)
        return IntervalTrigger(
            seconds=self.span.total_seconds(),
            start_date=EPOCH,
            timezone=UTC,
            jitter=self.jitter.total_seconds(),
        )

    @property
    def span(self) -> timedelta:
        """The interval of a job without `cron`; for an adaptive job the longest."""
        if self.every is not None:
            return self.every
        assert self.adaptive is not None
        return self.adaptive.max


class ScheduleFile(Model):
    """A schedule file."""

    job: list[Job] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class ScheduledJob:
    """A job of a schedule file; `hosts` are those of each enabled site that it crawls."""

    job: Job
    file: Path
    hosts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def sites(self) -> tuple[str, ...]:
        """The enabled sites that it crawls."""
        return tuple(self.hosts)

    @property
    def leases(self) -> list[str]:
        """The leases that its crawls take: of its sites, and of hosts, which sites may share."""
        hosts = sorted(set(chain(*self.hosts.values())))
        return [*map(site_lease, self.hosts), *map(host_lease, hosts)]

    @property
    def is_active(self) -> bool:
        """Whether it runs: it is enabled and, if it is a crawl, so is one of its sites."""
        return self.job.enabled and (not self.job.is_crawl or bool(self.sites))

    def by_site(self) -> tuple[ScheduledJob, ...]:
        """One job for each of its sites, so that workers can share them; itself if it has one.

        Their ids are `JOB/SITE`, which no schedule file can have.
        """
        if len(self.hosts) < 2:
            return (self,)
        parts = []
        for site, hosts in self.hosts.items():
            job = self.job.model_copy(update={"id": f"{self.id}/{site}", "sites": [site]})
            parts.append(replace(self, job=job, hosts={site: hosts}))
        return tuple(parts)

    def first_fire(self, now: datetime) -> datetime:
        """The fire time of a job that never ran: now, but for a `cron` job its next time."""
        return now if self.job.cron is None else self.fire_after(now)

    def next_fire(self, state: JobState | None, now: datetime) -> datetime:
        """Its next fire time: the one in `state`, unless its schedule has changed since."""
        if state is not None and state.definition == self.job.when:
            return state.next_fire_at
        return self.first_fire(now)

    def fire_after(self, moment: datetime) -> datetime:
        """The first fire time after `moment`.

        For an adaptive job after `max`: its next visit is planned only when one has ended. Others
        do not count from a fire time, whose jitter would accumulate.
        """
        if self.job.adaptive is not None:
            return moment + self.job.span
        fire_at: datetime = self.job.trigger.get_next_fire_time(None, moment + INSTANT)
        return fire_at

    def usual_span(self, now: datetime) -> timedelta:
        """The usual time from one run to the next."""
        if self.job.cron is None:
            return self.job.span
        following = self.fire_after(now)
        return self.fire_after(following) - following


def shipped_schedules_dir() -> Path:
    """The shipped `schedules/`: inside an installed package, else at the top of the project."""
    installed = PACKAGE_DIR / "schedules" / "shipped"
    return installed if installed.is_dir() else PACKAGE_DIR.parent / "schedules"


def active_jobs(config: Config, extra_dir: Path | None = None) -> tuple[ScheduledJob, ...]:
    """The active jobs of `load_schedules`."""
    return tuple(each for each in load_schedules(config, extra_dir) if each.is_active)


def load_schedules(config: Config, extra_dir: Path | None = None) -> tuple[ScheduledJob, ...]:
    """The jobs of the shipped files and of `extra_dir` (None: the configuration's folder).

    In the order of files and lines; with workers, each is divided by site.

    Raises:
        ConfigurationError: lists every problem in every file.
    """
    if extra_dir is not None:
        own_files = toml_files(extra_dir, "--schedules")
    else:
        own_files = config.own_files("schedules_dir")
    own_names = {path.name for path in own_files}
    # The folder of shipped files may have been removed, to have none of their jobs.
    shipped_files = (p for p in shipped_schedules_dir().glob("*.toml") if p.name not in own_names)
    profiles, problems = dict[str, SiteProfile](), list[str]()
    try:
        profiles = load_sites(config)
    except ConfigurationError as error:
        problems.extend(error.problems)  # and those of schedules, but for names of sites
    jobs: dict[str, ScheduledJob] = {}
    for scheduled in _read([*sorted(shipped_files), *own_files], profiles, problems):
        other = jobs.pop(scheduled.id, None)  # an own job replaces a shipped one
        if other is not None and other.file.parent == scheduled.file.parent:
            problems.append(
                f"{scheduled.file}: job.id: {scheduled.id!r} is taken by another job in "
                f"{other.file}; give each job an id of its own"
            )
        jobs[scheduled.id] = scheduled
    if problems:
        raise ConfigurationError(*problems)
    if config.uses_workers:
        return tuple(part for whole in jobs.values() for part in whole.by_site())
    return tuple(jobs.values())


def _read(
    paths: Iterable[Path], profiles: Mapping[str, SiteProfile], problems: list[str]
) -> Iterator[ScheduledJob]:
    """The jobs of these files; errors are added to `problems`."""
    for path in paths:
        try:
            content = checked(ScheduleFile, read_toml(path), str(path))
        except ConfigurationError as error:
            problems.extend(error.problems)
            continue
        for number, job in enumerate(content.job):
            known = ", ".join(sorted(profiles))
            problems.extend(
                f"{path}: job.{number}.sites: {name!r} is not a known site; allowed: {known}"
                for name in job.sites
                if profiles and name not in profiles
            )
            sites = dict.fromkeys(job.sites or profiles) if job.is_crawl else ()
            hosts = {
                name: sorted(profile.all_hosts)
                for name in sites
                if (profile := profiles.get(name)) and profile.enabled
            }
            yield ScheduledJob(job, path, hosts)


def planned_jobs(config: Config) -> tuple[ScheduledJob, ...]:
    """The active jobs; empty if a file is invalid, which is logged but fails no command or page."""
    try:
        return active_jobs(config)
    except ConfigurationError as error:
        for problem in error.problems:
            logger.warning("%s", problem)
        return ()


def next_tries(store: Store, jobs: Iterable[ScheduledJob], now: datetime) -> dict[str, datetime]:
    """When each site is crawled next by a job, as far as the store knows.

    Until the end of a pause that the site asked for, a job leaves it out.
    """
    states, found = store.jobs.states(), dict[str, datetime]()
    for scheduled in jobs:
        state = states.get(scheduled.id)
        if state is not None and state.next_fire_at >= now:
            for site in scheduled.sites:
                at, pause = state.next_fire_at, store.health.site(site).not_before
                if (until := requested_pause(pause, now)) and until > at:
                    at = until if scheduled.job.adaptive else scheduled.fire_after(until)
                found[site] = min(found.get(site, at), at)
    return found
