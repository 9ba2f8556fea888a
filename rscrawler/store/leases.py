"""Leases: claims that expire, on what only one process may do at a time.

A lease names its owner, and expires unless it is renewed. An owner that died on
this machine loses it at once; one on another machine when it expires.
"""

import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import and_, bindparam, delete, or_, select, update

from rscrawler.store.database import Part
from rscrawler.store.lookups import among
from rscrawler.store.tables import Moment, lease, run, site

LEASE_DURATION = timedelta(minutes=2)
LEASE_RENEWAL = timedelta(seconds=30)
LONGEST_CYCLE = timedelta(minutes=10)  # at whose end its alerts go out together
LONGEST_CLAIM = timedelta(days=1)  # one that would last longer is of a clock that was ahead
LONGEST_REST = timedelta(minutes=10)  # the maximum of a profile's download delay
RESTING = "(resting)"  # owner of a lease that nobody can take until it expires
# Prefixes of the leases that services and workers renew while they run; the owner follows.
SERVICE, WORKER = "service:", "worker:"


@dataclass(frozen=True, slots=True)
class ServiceLease:
    """The lease of a service or worker, which runs, or died without releasing it."""

    name: str
    owner: str
    expires_at: datetime

    @property
    def seen_at(self) -> datetime:
        """When it was last renewed: the service's last sign of life."""
        return self.expires_at - LEASE_DURATION

    def is_alive_at(self, now: datetime) -> bool:
        """Whether it has not expired, and the service's process is not known to be dead."""
        return self.expires_at > now and not is_void(self.owner, self.expires_at, now)


_LEASE = lease.c[ServiceLease.__slots__]
_HELD = (
    select(*_LEASE)
    .where(lease.c.expires_at > bindparam("now", type_=Moment), lease.c.owner != RESTING)
    .order_by(lease.c.name)
)
_HELD_OF = _HELD.where(among(lease.c.name, "names"))
_RUNNING = (
    select(run.c.run_id, run.c.site)
    .join(site, and_(site.c.name == run.c.site, site.c.last_run_at == run.c.started_at))
    .where(run.c.ended_at.is_(None), run.c.started_at > bindparam("since", type_=Moment))
)


def site_lease(site: str) -> str:
    """The name of the lease that a crawl of a site holds."""
    return f"site:{site}"


def host_lease(host: str) -> str:
    """The name of the lease that a crawl holds of each host of its site."""
    return f"host:{host}"


def process_identity() -> str:
    """`host/pid/start`: identifies this process, and no later one with the same process id."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_start_of(pid)}"


def in_words(owner: str) -> str:
    """An owner for messages: `process 4711 on host`."""
    host, pid, *_ = [*owner.split("/"), ""]
    return f"process {pid} on {host}" if pid.isdigit() else owner


def is_alive(owner: str) -> bool:
    """Whether `owner` may still run: False only for a process of this machine known to be dead.

    A part behind a further slash distinguishes owners in one process.
    """
    host, pid, start, *_ = [*owner.split("/"), "", ""]
    if host != socket.gethostname() or not pid.isdigit():
        return True
    return _start_of(int(pid)) == start


def runs_here(owner: str) -> bool:
    """Whether `owner` is a process of this machine that runs."""
    return owner.partition("/")[0] == socket.gethostname() and is_alive(owner)


def is_void(owner: str, until: datetime, now: datetime) -> bool:
    """Whether a claim is of a dead process, or of another machine's clock that was ahead.

    The latter would last longer than `LONGEST_CLAIM`.
    """
    return not is_alive(owner) or (until > now + LONGEST_CLAIM and not runs_here(owner))


def _start_of(pid: int) -> str:
    """When a process started, in clock ticks since boot; "" if there is none, or it has ended."""
    with suppress(OSError, IndexError):
        state, *values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if state in "ZX" else values[18]  # Z: nobody has waited for it yet
    return ""


class LeaseStore(Part):
    """Leases in the database."""

    def acquire(
        self, name: str, owner: str, now: datetime, *, rest: timedelta = timedelta()
    ) -> bool:
        """Take or renew a lease; False if another owner holds it, or it rests.

        `rest`: how long a lease whose owner was found dead must rest before it can be taken. A rest
        that would last longer than `LONGEST_REST`, or a lease of another machine that would last
        longer than `LONGEST_CLAIM`, is of a clock that was ahead: it is free.
        """
        taken = {"owner": owner, "expires_at": now + LEASE_DURATION}
        is_free = or_(lease.c.owner == owner, lease.c.expires_at <= now)
        with self._database.writing() as connection:
            holder = connection.scalar(select(lease.c.owner).filter_by(name=name)) or owner
            if holder != owner and not is_alive(holder):
                dead = update(lease).filter_by(name=name, owner=holder)
                connection.execute(dead.values(owner=RESTING, expires_at=now + rest))
            elif not runs_here(holder):
                longest = LONGEST_REST if holder == RESTING else LONGEST_CLAIM
                is_free = or_(is_free, lease.c.expires_at > now + longest)
            take = self._database.upsert(lease, taken, is_free, name=name)
            return connection.execute(take.returning(lease.c.name)).first() is not None

    def renew(self, name: str, owner: str, now: datetime) -> bool:
        """Renew a lease; False if it has been lost."""
        held = update(lease).filter_by(name=name, owner=owner)
        return self._database.execute(held.values(expires_at=now + LEASE_DURATION)) == 1

    def release(self, name: str, owner: str) -> None:
        """Release a lease, if it is still this owner's."""
        self._database.execute(delete(lease).filter_by(name=name, owner=owner))

    def rest(self, name: str, owner: str, until: datetime) -> None:
        """Release a lease, if it is still this owner's; nobody can take it before `until`."""
        held = update(lease).filter_by(name=name, owner=owner)
        self._database.execute(held.values(owner=RESTING, expires_at=until))

    def services(self, *kinds: str) -> list[ServiceLease]:
        """The leases of services that run, or died without releasing them; latest renewal last.

        `kinds` are `SERVICE`, which is the default, and `WORKER`.
        """
        is_of_kind = or_(*(lease.c.name.startswith(kind) for kind in kinds or (SERVICE,)))
        query = select(*_LEASE).where(is_of_kind).order_by(lease.c.expires_at)
        return [ServiceLease(*row) for row in self._database.rows(query)]

    def forget_dead(self, kind: str, now: datetime) -> None:
        """Delete the leases of dead services or workers: a living one takes over their work."""
        if dead := [each.name for each in self.services(kind) if not each.is_alive_at(now)]:
            self._database.execute(delete(lease).where(lease.c.name.in_(dead)))

    def held(self, now: datetime, names: Iterable[str] | None = None) -> dict[str, str]:
        """The owners of the leases (of `names`; None: all) that live processes hold, by name."""
        if names is None:
            rows = self._database.lookup(_HELD, now=now)
        else:
            rows = self._database.lookup(_HELD_OF, now=now, names=list(names))
        return {name: owner for name, owner, until in rows if not is_void(owner, until, now)}

    def running_cycles(self, now: datetime) -> list[str]:
        """The ids of cycles, not older than `LONGEST_CYCLE`, that a living process still crawls."""
        held = self.held(now)
        rows = self._database.lookup(_RUNNING, since=now - LONGEST_CYCLE) if held else ()
        return [run_id for run_id, name in rows if site_lease(name) in held]

    def holder(self, name: str) -> str | None:
        """The owner of a lease, expired or not; None without one."""
        return self._database.scalar(select(lease.c.owner).filter_by(name=name))
