"""`status`: is all well, and what waits?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rscrawler.config import Config
from rscrawler.delivery import OutboxSummary, outbox_summary
from rscrawler.items import rfc3339
from rscrawler.sites import load_sites
from rscrawler.store import Store
from rscrawler.store.health import Problem

OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site: when it was crawled, how much of it is known, what is wrong."""

    last_run_at: datetime | None
    last_success_at: datetime | None
    articles: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The health of everything."""

    sites: dict[str, SiteStatus]
    outbox: OutboxSummary
    outbox_problems: tuple[Problem, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether there is no problem anywhere."""
        return not self.outbox_problems and not any(site.problems for site in self.sites.values())

    def to_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        return {
            "healthy": self.is_healthy,
            "sites": {
                name: {
                    "last_run": rfc3339(site.last_run_at),
                    "last_success": rfc3339(site.last_success_at),
                    "articles": site.articles,
                    "problems": [_problem_json(problem) for problem in site.problems],
                }
                for name, site in self.sites.items()
            },
            "outbox": {
                "pending": self.outbox.pending,
                "failed": self.outbox.failed,
                "problems": [_problem_json(problem) for problem in self.outbox_problems],
            },
        }

    def waiting_lines(self) -> Iterator[str]:
        """What waits in the outbox, why and until when, a line each."""
        for each in self.outbox.waiting:
            until = f" until {rfc3339(each.until)}" if each.until else ""
            error = f" (last error: {each.last_error})" if each.last_error else ""
            yield f"{each.channel}: {each.count} {each.why}{until}{error}"


def _problem_json(problem: Problem) -> dict[str, Any]:
    return {"code": problem.code, "message": problem.message, "since": rfc3339(problem.since)}


def read_status(config: Config, store: Store, now: datetime) -> Status:
    """The health of every enabled site and of any that was ever crawled."""
    problems = store.health.problems()
    enabled = [name for name, profile in load_sites(config).items() if profile.enabled]
    names = dict.fromkeys([*enabled, *store.health.crawled_sites()])
    return Status(
        sites={name: _site_status(store, name, problems) for name in names},
        outbox=outbox_summary(config, store, now),
        outbox_problems=tuple(each for each in problems if each.subject == OUTBOX),
    )


def _site_status(store: Store, name: str, problems: list[Problem]) -> SiteStatus:
    state = store.health.site(name)
    return SiteStatus(
        last_run_at=state.last_run_at,
        last_success_at=state.last_success_at,
        articles=store.articles.count(name),
        problems=tuple(each for each in problems if each.subject == name),
    )
