"""Jobs of the schedules: when each fires next, which service runs it, how it ended.

Any number of services share these tables. A fire time is claimed in one transaction
that moves the job on to its next one, so each runs once; a run whose service has
died is given back, and is then due again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, update
from sqlalchemy.exc import SQLAlchemyError

from rscrawler.store.database import Database
from rscrawler.store.leases import SERVICE, is_alive
from rscrawler.store.tables import fired, job, lease

# What any part of the store raises when a statement fails.
DatabaseFailure = SQLAlchemyError
KEPT = timedelta(days=30)  # how long ended runs are kept
QUEUE = "(queue)"  # who fired a run that was handed over to the workers' queue


@dataclass(frozen=True, slots=True)
class JobState:
    """When a job runs next and how it last went. `definition` is its schedule as text.

    `failures` counts failed runs in a row; `last_outcome` is one line.
    """

    job_id: str
    definition: str
    next_fire_at: datetime
    last_fired_at: datetime | None = None
    last_outcome: str | None = None
    failures: int = 0


_STATE = [job.c[name] for name in JobState.__slots__]


@dataclass(frozen=True, slots=True)
class Firing:
    """One run of a job: the fire time that it stands for, and which service claimed it."""

    job_id: str
    fire_at: datetime
    fired_by: str


class JobStore:
    """Jobs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> dict[str, JobState]:
        """The state of every job ever scheduled, by id."""
        rows = self._database.rows(select(*_STATE))
        return {row.job_id: JobState(**row._mapping) for row in rows}

    def state(self, job_id: str) -> JobState | None:
        """The state of one job; None if it was never scheduled."""
        row = self._database.row(select(*_STATE).where(job.c.job_id == job_id))
        return None if row is None else JobState(**row._mapping)

    def schedule(self, job_id: str, definition: str, next_fire_at: datetime) -> None:
        """Let a job fire at a time, if it is new or its schedule has changed."""
        values = {"definition": definition, "next_fire_at": next_fire_at}
        first = {"job_id": job_id, "failures": 0, **values}
        is_another = job.c.definition != definition
        self._database.execute(self._database.upsert(job, first, values, is_another))

    def move(self, job_id: str, *, expected: datetime, to: datetime, now: datetime) -> bool:
        """Let a job fire at another time than `expected`; False if another service moved it.

        Deletes ended runs later than `now`, which a clock that was ahead recorded.
        """
        with self._database.writing() as connection:
            moved = connection.execute(
                update(job)
                .where(job.c.job_id == job_id, job.c.next_fire_at == expected)
                .values(next_fire_at=to)
            )
            connection.execute(
                delete(fired).where(
                    fired.c.job_id == job_id, fired.c.fire_at > now, fired.c.ended_at.is_not(None)
                )
            )
            return moved.rowcount == 1

    def claim(
        self,
        firing: Firing,
        *,
        next_fire_at: datetime,
        now: datetime,
        hand_over: Callable[[Any], bool] | None = None,
    ) -> bool:
        """Claim one run of a job, and move the job on to its next; False if it is not to be run.

        That is: another service claimed it (the job's next fire time is no longer
        `firing.fire_at`), a run of the job has not ended, or this fire time has been run.

        `hand_over` is called with the driver's connection, in the same transaction: what
        it writes and the claim happen both or neither. If it returns False, the claim is undone.
        """
        is_running = exists().where(fired.c.job_id == firing.job_id, fired.c.ended_at.is_(None))
        with self._database.writing() as connection:
            moved = connection.execute(
                update(job)
                .where(
                    job.c.job_id == firing.job_id, job.c.next_fire_at == firing.fire_at, ~is_running
                )
                .values(next_fire_at=next_fire_at)
            )
            if moved.rowcount != 1:
                return False
            inserted = connection.execute(
                self._database.insert(fired)
                .values(
                    job_id=firing.job_id,
                    fire_at=firing.fire_at,
                    fired_by=firing.fired_by,
                    fired_at=now,
                )
                .on_conflict_do_nothing()
                .returning(fired.c.job_id)
            )
            if inserted.first() is None:
                return False
            connection.execute(
                update(job).where(job.c.job_id == firing.job_id).values(last_fired_at=now)
            )
            connection.execute(
                delete(fired).where(
                    fired.c.job_id == firing.job_id,
                    fired.c.fire_at < now - KEPT,
                    fired.c.ended_at.is_not(None),
                )
            )
            if hand_over is not None and not hand_over(connection.connection.driver_connection):
                connection.rollback()
                return False
            return True

    def end(
        self,
        firing: Firing,
        *,
        outcome: str,
        has_failed: bool,
        now: datetime,
        next_fire_at: datetime | None = None,
    ) -> bool:
        """Record that a run has ended; False if it had been given back, as after a long silence.

        `next_fire_at` moves the job to its next time; None leaves that as it is.
        """
        with self._database.writing() as connection:
            ended = connection.execute(
                update(fired).where(*_is(firing)).values(ended_at=now, outcome=outcome)
            )
            if ended.rowcount != 1:
                return False
            values: dict[str, Any] = {
                "last_outcome": outcome,
                "failures": job.c.failures + 1 if has_failed else 0,
            }
            if next_fire_at is not None:
                values["next_fire_at"] = next_fire_at
            connection.execute(update(job).where(job.c.job_id == firing.job_id).values(values))
            return True

    def give_back(self, firing: Firing) -> bool:
        """Undo a claim whose run was cut short: the job is due again."""
        with self._database.writing() as connection:
            undone = connection.execute(delete(fired).where(*_is(firing)))
            if undone.rowcount != 1:
                return False
            connection.execute(
                update(job)
                .where(job.c.job_id == firing.job_id, job.c.next_fire_at > firing.fire_at)
                .values(next_fire_at=firing.fire_at)
            )
            return True

    def is_open(self, firing: Firing) -> bool:
        """Whether a run that was claimed has not ended, and was not given back."""
        return self._database.scalar(select(fired.c.job_id).where(*_is(firing))) is not None

    def unended(self) -> set[str]:
        """The ids of jobs with a run that has not ended."""
        return set(self._database.scalars(select(fired.c.job_id).where(fired.c.ended_at.is_(None))))

    def handed_over(self, before: datetime) -> list[Firing]:
        """Runs that were handed over to the queue before a time and have not ended."""
        query = (
            select(fired.c.job_id, fired.c.fire_at, fired.c.fired_by)
            .where(fired.c.ended_at.is_(None))
            .where(fired.c.fired_by == QUEUE, fired.c.fired_at < before)
            .order_by(fired.c.fire_at)
        )
        return [Firing(*row) for row in self._database.rows(query)]

    def orphans(self, now: datetime) -> list[Firing]:
        """Runs that have not ended and whose service is dead: known so, or long silent.

        A run that was handed over to the queue has no service.
        """
        query = (
            select(fired.c.job_id, fired.c.fire_at, fired.c.fired_by, lease.c.expires_at)
            .outerjoin(lease, lease.c.name == SERVICE + fired.c.fired_by)
            .where(fired.c.ended_at.is_(None))
            .order_by(fired.c.fire_at)
        )
        rows = self._database.rows(query)
        return [
            Firing(row.job_id, row.fire_at, row.fired_by)
            for row in rows
            if row.expires_at is None or row.expires_at <= now or not is_alive(row.fired_by)
        ]


def _is(firing: Firing) -> tuple[ColumnElement[bool], ...]:
    return (
        fired.c.job_id == firing.job_id,
        fired.c.fire_at == firing.fire_at,
        fired.c.fired_by == firing.fired_by,
        fired.c.ended_at.is_(None),
    )
