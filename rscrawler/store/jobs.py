"""Jobs of the schedules: when each fires next, which service runs it, how it ended.

Any number of services share these tables. One transaction claims a fire time and moves
the job to its next one, so each fire time runs once. A run whose service has died is
given back, and is then due again.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Delete, delete, exists, select, update

from rscrawler.store.database import Part
from rscrawler.store.tables import fired, job

KEPT = timedelta(days=30)  # how long ended runs are kept


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


@dataclass(frozen=True, slots=True)
class Firing:
    """One run of a job: its fire time, and the service that claimed it."""

    job_id: str
    fire_at: datetime
    fired_by: str


_STATES = select(*job.c[JobState.__slots__])
_OPEN_RUNS = select(*fired.c[Firing.__slots__]).filter_by(ended_at=None).order_by(fired.c.fire_at)


class JobStore(Part):
    """Jobs in the database."""

    def states(self) -> dict[str, JobState]:
        """The state of every job ever scheduled, by id."""
        states = (JobState(*row) for row in self._database.lookup(_STATES))
        return {state.job_id: state for state in states}

    def state(self, job_id: str) -> JobState | None:
        """The state of a job; None if it was never scheduled."""
        row = self._database.row(_STATES.where(job.c.job_id == job_id))
        return None if row is None else JobState(*row)

    def schedule(self, job_id: str, definition: str, next_fire_at: datetime) -> None:
        """Set when a job fires next, if it is new or its schedule has changed."""
        values = {"definition": definition, "next_fire_at": next_fire_at}
        is_another = job.c.definition != definition
        self._database.execute(self._database.upsert(job, values, is_another, job_id=job_id))

    def move(self, job_id: str, *, expected: datetime, to: datetime, now: datetime) -> bool:
        """Move a job from the fire time `expected` to another; False if another service moved it.

        Deletes ended runs with fire times after `now`, which a clock that was ahead recorded.
        """
        known = update(job).filter_by(job_id=job_id, next_fire_at=expected)
        with self._database.writing() as connection:
            moved = connection.execute(known.values(next_fire_at=to))
            connection.execute(_delete_ended(job_id).where(fired.c.fire_at > now))
            return moved.rowcount == 1

    def claim(
        self,
        firing: Firing,
        *,
        next_fire_at: datetime,
        now: datetime,
        rivals: Iterable[str] = (),
    ) -> bool:
        """Claim one run of a job, and move the job to its next fire time; False if it must not run.

        It must not if another service has moved the job from `firing.fire_at`, or a run of it or of
        one of its `rivals` (ids of jobs) has not ended. If this fire time has run before, the job
        moves, but the result is False.
        """
        job_id = firing.job_id
        either = {job_id, *rivals}
        is_running = exists().where(fired.c.job_id.in_(either), fired.c.ended_at.is_(None))
        # On PostgreSQL claims of rivals wait for each other; without an order, they could deadlock.
        locked = select(job.c.job_id).where(job.c.job_id.in_(either)).order_by(job.c.job_id)
        due = update(job).filter_by(job_id=job_id, next_fire_at=firing.fire_at).where(~is_running)
        new = self._database.insert_missing(fired).values(**asdict(firing), fired_at=now)
        with self._database.writing() as connection:
            connection.execute(locked.with_for_update())
            if connection.execute(due.values(next_fire_at=next_fire_at)).rowcount != 1:
                return False
            if connection.execute(new.returning(fired.c.job_id)).first() is None:
                return False
            connection.execute(update(job).filter_by(job_id=job_id).values(last_fired_at=now))
            connection.execute(_delete_ended(job_id).where(fired.c.fire_at < now - KEPT))
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
        """Record the end of a run; False if it was given back, as when its service was long silent.

        `next_fire_at` moves the job to its next time; None leaves that as it is.
        """
        failures = job.c.failures + 1 if has_failed else 0
        values: dict[str, Any] = {"last_outcome": outcome, "failures": failures}
        if next_fire_at is not None:
            values["next_fire_at"] = next_fire_at
        with self._database.writing() as connection:
            ended = update(fired).filter_by(**_open(firing)).values(ended_at=now, outcome=outcome)
            if connection.execute(ended).rowcount != 1:
                return False
            connection.execute(update(job).filter_by(job_id=firing.job_id).values(values))
            return True

    def give_back(self, firing: Firing) -> bool:
        """Undo the claim of an interrupted run: it is due again; False if it is not open."""
        known = update(job).filter_by(job_id=firing.job_id)
        later = known.where(job.c.next_fire_at > firing.fire_at)
        with self._database.writing() as connection:
            if connection.execute(delete(fired).filter_by(**_open(firing))).rowcount != 1:
                return False
            connection.execute(later.values(next_fire_at=firing.fire_at))
            return True

    def unended(self) -> set[str]:
        """The ids of jobs with a run that has not ended."""
        return {firing.job_id for firing in self.open_runs()}

    def open_runs(self) -> list[Firing]:
        """Runs that have not ended: they run, or their service died."""
        return [Firing(*row) for row in self._database.lookup(_OPEN_RUNS)]


def _open(firing: Firing) -> dict[str, Any]:
    return {**asdict(firing), "ended_at": None}


def _delete_ended(job_id: str) -> Delete:
    return delete(fired).where(fired.c.job_id == job_id, fired.c.ended_at.is_not(None))
