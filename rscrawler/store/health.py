"""Sites, runs and problems: what `status` tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, func, select, update

from rscrawler.store.database import Database
from rscrawler.store.tables import problem, run, site


class ProblemCode(StrEnum):
    """What can be unhealthy."""

    UNREACHABLE = "unreachable"
    ROBOTS_DISALLOWED = "robots-disallowed"
    LAYOUT_DRIFT = "layout-drift"
    SILENT = "silent"
    DELIVERY_FAILING = "delivery-failing"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something unhealthy about a site (or `outbox`), and since when."""

    subject: str
    code: ProblemCode
    message: str
    since: datetime
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SiteState:
    """When a site was last crawled, and with success; `baseline_at` is None before the first."""

    name: str
    baseline_at: datetime | None = None
    last_run_at: datetime | None = None
    last_success_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One cycle over one site, with its counters."""

    run_id: str
    site: str
    started_at: datetime
    ended_at: datetime | None
    succeeded: bool
    counters: Mapping[str, int]


class HealthStore:
    """Sites, runs and problems in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def site(self, name: str) -> SiteState:
        """The state of a site; an empty one if it was never crawled."""
        with self._database.reading() as connection:
            row = connection.execute(select(site).where(site.c.name == name)).one_or_none()
        return SiteState(**row._mapping) if row else SiteState(name)

    def record_start(self, run_id: str, name: str, now: datetime) -> None:
        """A cycle over a site begins."""
        insert_site = self._database.upsert(site).values(name=name, last_run_at=now)
        with self._database.writing() as connection:
            connection.execute(
                insert_site.on_conflict_do_update(
                    index_elements=["name"], set_={"last_run_at": now}
                )
            )
            connection.execute(run.insert().values(run_id=run_id, site=name, started_at=now))

    def record_end(
        self, run_id: str, name: str, now: datetime, *, succeeded: bool, counters: Mapping[str, int]
    ) -> None:
        """A cycle over a site has ended; its first success ends the site's baseline."""
        with self._database.writing() as connection:
            connection.execute(
                update(run)
                .where(run.c.run_id == run_id, run.c.site == name)
                .values(ended_at=now, succeeded=int(succeeded), counters=json.dumps(dict(counters)))
            )
            if succeeded:
                connection.execute(
                    update(site)
                    .where(site.c.name == name)
                    .values(last_success_at=now, baseline_at=func.coalesce(site.c.baseline_at, now))
                )

    def record_not_before(self, name: str, moment: datetime) -> None:
        """A site asked to be left alone until `moment`."""
        with self._database.writing() as connection:
            connection.execute(update(site).where(site.c.name == name).values(not_before=moment))

    def runs(self, name: str, limit: int) -> list[Run]:
        """The last ended cycles of a site, newest first."""
        query = (
            select(run)
            .where(run.c.site == name, run.c.ended_at.is_not(None))
            .order_by(run.c.started_at.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [
                Run(
                    row.run_id,
                    row.site,
                    row.started_at,
                    row.ended_at,
                    bool(row.succeeded),
                    json.loads(row.counters or "{}"),
                )
                for row in connection.execute(query)
            ]

    def problems(self) -> list[Problem]:
        """Everything that is unhealthy now, by subject and code."""
        query = select(problem).order_by(problem.c.subject, problem.c.code)
        with self._database.reading() as connection:
            return [
                Problem(row.subject, ProblemCode(row.code), row.message, row.since, row.told_at)
                for row in connection.execute(query)
            ]

    def raise_problem(self, subject: str, code: ProblemCode, message: str, now: datetime) -> None:
        """Something is unhealthy; if it already was, only its message is brought up to date."""
        insert = self._database.upsert(problem).values(
            subject=subject, code=code, message=message, since=now
        )
        with self._database.writing() as connection:
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["subject", "code"], set_={"message": message}
                )
            )

    def clear_problem(self, subject: str, code: ProblemCode) -> Problem | None:
        """Something is healthy again; gives the problem that ended, if there was one."""
        where = (problem.c.subject == subject, problem.c.code == code)
        with self._database.writing() as connection:
            row = connection.execute(select(problem).where(*where)).one_or_none()
            if row is None:
                return None
            connection.execute(delete(problem).where(*where))
        return Problem(row.subject, ProblemCode(row.code), row.message, row.since, row.told_at)

    def mark_told(self, subject: str, code: ProblemCode, now: datetime) -> None:
        """The operators have been told of a problem."""
        with self._database.writing() as connection:
            connection.execute(
                update(problem)
                .where(problem.c.subject == subject, problem.c.code == code)
                .values(told_at=now)
            )
