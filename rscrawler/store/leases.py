"""Leases: who may do a thing that two must not do at once.

A lease names its owner and ends by itself unless renewed. An owner that died on
this machine loses it at once; one on another machine, when it runs out.
"""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import and_, delete, or_, select, update

from rscrawler.store.database import Part
from rscrawler.store.tables import lease

LEASE_DURATION = timedelta(minutes=2)
LEASE_RENEWAL = timedelta(seconds=30)
LONGEST_REST = timedelta(minutes=10)  # the greatest download delay that a profile may have
RESTING = "(resting)"  # owner of a lease that nobody may take for a while
SERVICE = "service:"  # before the owner: the lease of a service


@dataclass(frozen=True, slots=True)
class ServiceSign:
    """What a service that was not ended left: it ran until `expires_at`, or still does."""

    owner: str
    expires_at: datetime

    @property
    def seen_at(self) -> datetime:
        """Its last sign of life."""
        return self.expires_at - LEASE_DURATION

    def is_living(self, now: datetime) -> bool:
        """Whether it has given a sign of life lately, and its process is not known to be dead."""
        return self.expires_at > now and is_alive(self.owner)


def site_lease(site: str) -> str:
    """The lease that keeps two crawls of a site apart."""
    return f"site:{site}"


def service_lease(owner: str) -> str:
    """The lease that says of a service that it still runs."""
    return f"{SERVICE}{owner}"


def process_identity() -> str:
    """`host/pid/start`: names this process, and no later one with the same number."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_start_of(pid)}"


def is_alive(owner: str) -> bool:
    """Whether `owner` may still run: False only for one of this machine that is known dead.

    What stands behind a further slash tells two parts of one process apart.
    """
    host, pid, start, *_ = [*owner.split("/"), "", ""]
    if host != socket.gethostname() or not pid.isdigit():
        return True
    return _start_of(int(pid)) == start


def runs_here(owner: str) -> bool:
    """Whether `owner` is a process of this machine, and runs."""
    return owner.partition("/")[0] == socket.gethostname() and is_alive(owner)


def _start_of(pid: int) -> str:
    """When a process started, as the system counts it; empty when there is none."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    with suppress(OSError):
        if not Path("/proc/self/stat").exists():
            os.kill(pid, 0)
            return "running"
    return ""


class LeaseStore(Part):
    """Leases in the database."""

    def acquire(
        self, name: str, owner: str, now: datetime, *, rest: timedelta = timedelta()
    ) -> bool:
        """Take or renew a lease; False if somebody else holds it, or it rests.

        `rest`: how long a lease whose holder was found dead must rest before it is taken. A rest
        that would still last longer than any does was begun before the clock was set back.
        """
        is_resting = lease.c.owner == RESTING
        rests_too_long = and_(is_resting, lease.c.expires_at > now + LONGEST_REST)
        taken = {"owner": owner, "expires_at": now + LEASE_DURATION}
        is_free = or_(lease.c.owner == owner, lease.c.expires_at <= now, rests_too_long)
        take = self._database.upsert(lease, taken, is_free, name=name)
        with self._database.writing() as connection:
            holder = connection.scalar(select(lease.c.owner).filter_by(name=name))
            if holder is not None and holder != owner and not is_alive(holder):
                dead = update(lease).filter_by(name=name, owner=holder)
                connection.execute(dead.values(owner=RESTING, expires_at=now + rest))
            return connection.execute(take.returning(lease.c.name)).first() is not None

    def renew(self, name: str, owner: str, now: datetime) -> bool:
        """Keep a lease; False if it has been lost."""
        held = update(lease).filter_by(name=name, owner=owner)
        return self._database.execute(held.values(expires_at=now + LEASE_DURATION)) == 1

    def release(self, name: str, owner: str) -> None:
        """Give a lease back, if it is still this owner's."""
        self._database.execute(delete(lease).filter_by(name=name, owner=owner))

    def rest(self, name: str, owner: str, until: datetime) -> None:
        """Give a lease back, if it is still this owner's; nobody may take it before `until`."""
        held = update(lease).filter_by(name=name, owner=owner)
        self._database.execute(held.values(owner=RESTING, expires_at=until))

    def services(self) -> list[ServiceSign]:
        """The services that run or died without a word, the last heard of at the end."""
        query = (
            select(lease.c.owner, lease.c.expires_at)
            .where(lease.c.name.startswith(SERVICE))
            .order_by(lease.c.expires_at)
        )
        return [ServiceSign(*row) for row in self._database.rows(query)]

    def forget_dead_services(self, now: datetime) -> None:
        """Remove what services left that died: a living one does their work."""
        dead = [service_lease(each.owner) for each in self.services() if not each.is_living(now)]
        if dead:
            self._database.execute(delete(lease).where(lease.c.name.in_(dead)))

    def held(self, now: datetime, names: Iterable[str] | None = None) -> dict[str, str]:
        """The leases (of `names`; None: all) that live processes hold, with their owners."""
        query = (
            select(lease.c.name, lease.c.owner)
            .where(lease.c.expires_at > now, lease.c.owner != RESTING)
            .order_by(lease.c.name)
        )
        if names is not None:
            query = query.where(lease.c.name.in_(list(names)))
        rows = self._database.rows(query)
        return {row.name: row.owner for row in rows if is_alive(row.owner)}

    def holder(self, name: str) -> str | None:
        """Who holds a lease, expired or not; None: nobody."""
        return self._database.scalar(select(lease.c.owner).filter_by(name=name))
