"""Sites, runs and problems, which `status` reports."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, literal, select, update

from rscrawler.store.database import Part
from rscrawler.store.messages import NewMessage, write_messages
from rscrawler.store.tables import Moment, problem, run, site, total

RUNS_KEPT = timedelta(days=365)


class ProblemCode(StrEnum):
    """The kinds of problems: each has a line in `delivery.ops.ADVICE` and a section in the docs."""

    UNREACHABLE = "unreachable"
    ROBOTS_DISALLOWED = "robots-disallowed"
    LAYOUT_DRIFT = "layout-drift"
    SILENT = "silent"
    DELIVERY_FAILING = "delivery-failing"
    OVERDUE = "overdue"
    DISK_FULL = "disk-full"
    REBUILT = "rebuilt"
    PAGES_FAILING = "pages-failing"
    OVER_LIMIT = "over-limit"
    WATCH_LIST = "watch-list"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a site, or of another subject such as `outbox/email`, and since when."""

    subject: str
    code: ProblemCode
    message: str
    since: datetime
    notified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SiteState:
    """When a site was last crawled, and last with success; no baseline before the first success."""

    name: str
    baseline_at: datetime | None = None
    last_run_at: datetime | None = None
    last_success_at: datetime | None = None
    not_before: datetime | None = None
    rules_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One cycle over one site, with its counters."""

    started_at: datetime
    succeeded: bool
    counters: Mapping[str, int]


_PROBLEMS = (
    select(*problem.c[Problem.__slots__])
    .where(problem.c.ended == bindparam("ended"))
    .order_by(problem.c.subject, problem.c.code)
)
_SITE = select(*site.c[SiteState.__slots__]).where(site.c.name == bindparam("name"))
_CURRENT = select(problem.c.since).where(
    problem.c.subject == bindparam("subject"),
    problem.c.code == bindparam("code"),
    problem.c.ended == 0,
)


class HealthStore(Part):
    """Sites, runs and problems in the database."""

    def site(self, name: str, *, as_of: datetime | None = None) -> SiteState:
        """The state of a site; an empty one if it was never crawled.

        `as_of`: cycles with a later date, by a clock that was ahead, are left out; a baseline with
        a later date counts as reached at `as_of`.
        """
        rows = self._database.lookup(_SITE, name=name)
        state = SiteState(*rows[0]) if rows else SiteState(name)
        if as_of is not None and state.baseline_at is not None:
            state = replace(state, baseline_at=min(state.baseline_at, as_of))
        times = (state.last_run_at, state.last_success_at)
        if as_of is None or all(moment is None or moment <= as_of for moment in times):
            return state
        past = (run.c.site == name, run.c.started_at <= as_of)
        good = (*past, run.c.succeeded == 1, run.c.ended_at <= as_of)
        return replace(
            state,
            last_run_at=self._database.scalar(select(func.max(run.c.started_at)).where(*past)),
            last_success_at=self._database.scalar(select(func.max(run.c.ended_at)).where(*good)),
        )

    def crawled_sites(self) -> list[str]:
        """The names of all sites that were ever crawled."""
        return self._database.scalars(select(site.c.name).order_by(site.c.name))

    def record_start(self, run_id: str, name: str, now: datetime) -> None:
        """Record the start of a cycle over a site.

        Cycles with a later date, by a clock that was ahead, are dated just before it, and a later
        baseline at its start. Otherwise their observations would be ignored until that time, and
        then pass for the latest; and nothing found before a baseline's date would be news.
        """
        with self._database.writing() as connection:
            connection.execute(self._database.upsert(site, {"last_run_at": now}, name=name))
            ahead = update(site).where(site.c.name == name, site.c.baseline_at > now)
            connection.execute(ahead.values(baseline_at=now))
            just_before = now - timedelta(microseconds=1)
            for moment in (run.c.started_at, run.c.ended_at):
                later = update(run).where(run.c.site == name, moment >= now)
                connection.execute(later.values({moment: just_before}))
            connection.execute(run.insert().values(run_id=run_id, site=name, started_at=now))

    def record_end(
        self,
        run_id: str,
        name: str,
        now: datetime,
        *,
        succeeded: bool,
        counters: Mapping[str, int],
        observation: str | None = None,
    ) -> None:
        """Record the end of a cycle over a site; its first success ends the site's baseline.

        `observation`: what it saw of the layout, as JSON.
        """
        # Each total is there from the first cycle: Prometheus sees no increase in one that appears.
        totals = {
            **counters,
            "dropped/NotAnArticle": counters.get("dropped", 0),  # the only reason
            "cycles/succeeded": int(succeeded),
            "cycles/failed": int(not succeeded),
        }
        ended = {
            "ended_at": now,
            "succeeded": int(succeeded),
            "counters": json.dumps(dict(counters)),
            "observation": observation,
        }
        baseline_at = func.coalesce(site.c.baseline_at, literal(now, Moment))
        with self._database.writing() as connection:
            connection.execute(update(run).filter_by(run_id=run_id, site=name).values(ended))
            self._add_totals(connection, name, totals)
            if succeeded:
                known = update(site).filter_by(name=name)
                connection.execute(known.values(last_success_at=now, baseline_at=baseline_at))
            old = delete(run).where(run.c.site == name, run.c.started_at < now - RUNS_KEPT)
            connection.execute(old)

    def _add_totals(self, connection: Connection, name: str, counts: Mapping[str, int]) -> None:
        more = total.c.value + self._database.insert(total).excluded.value
        connection.execute(
            self._database.upsert(total, {"value": more}),
            [{"site": name, "name": key, "value": count} for key, count in counts.items()],
        )

    def record_not_before(self, name: str, moment: datetime) -> None:
        """Record that a site asked for no requests until `moment`."""
        self._database.execute(update(site).filter_by(name=name).values(not_before=moment))

    def runs(
        self, name: str, limit: int | None = None, *, since: datetime | None = None
    ) -> list[Run]:
        """The ended cycles of a site (`since`: ended since then), newest first; at most `limit`."""
        has_ended = run.c.ended_at.is_not(None) if since is None else run.c.ended_at >= since
        of_site = select(run).where(run.c.site == name, has_ended)
        query = of_site.order_by(run.c.started_at.desc()).limit(limit)
        return [
            Run(each.started_at, bool(each.succeeded), json.loads(each.counters or "{}"))
            for each in self._database.rows(query)
        ]

    def problems(self, *, ended: bool = False) -> list[Problem]:
        """The current problems, by subject and code; or those that `ended` and await the notice."""
        return [
            Problem(subject, ProblemCode(code), *others)
            for subject, code, *others in self._database.lookup(_PROBLEMS, ended=int(ended))
        ]

    def raise_problem(self, subject: str, code: ProblemCode, message: str, now: datetime) -> None:
        """Raise a problem; if it exists, only its message is updated.

        A problem that comes back before the notice of its end counts as never ended.
        """
        values = {"message": message, "ended": 0}
        upsert = self._database.upsert
        self._database.execute(upsert(problem, values, subject=subject, code=code, since=now))

    def clear_problem(self, subject: str, code: ProblemCode) -> None:
        """Clear a problem.

        If the operators were notified of it, it is kept until they are notified of its end.
        """
        # Most are not there: a look costs less than a transaction, and waits for no other writer.
        if not self._database.lookup(_CURRENT, subject=subject, code=code):
            return
        present = {"subject": subject, "code": code, "ended": 0}
        with self._database.writing() as connection:
            connection.execute(delete(problem).filter_by(**present, notified_at=None))
            connection.execute(update(problem).filter_by(**present).values(ended=1))

    def raise_or_clear(
        self, subject: str, code: ProblemCode, message: str | None, now: datetime
    ) -> None:
        """Raise a problem, or clear it if `message` is None."""
        if message is None:
            self.clear_problem(subject, code)
        else:
            self.raise_problem(subject, code, message, now)

    def notify_start(
        self, started: Sequence[Problem], messages: Sequence[NewMessage], now: datetime
    ) -> bool:
        """Store the notices that problems began; False if another process has done so for one."""
        notified = update(problem).filter_by(notified_at=None).values(notified_at=now)
        marks = (notified.filter_by(**_key(each)) for each in started)
        return write_messages(self._database, messages, *marks)

    def notify_end(self, ended: Sequence[Problem], messages: Sequence[NewMessage]) -> bool:
        """Store the notices that problems ended, and delete these; False if one is gone already."""
        over = (delete(problem).filter_by(**_key(each), ended=1) for each in ended)
        return write_messages(self._database, messages, *over)


def _key(known: Problem) -> dict[str, Any]:
    return {"subject": known.subject, "code": known.code, "since": known.since}
