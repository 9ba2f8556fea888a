"""Raises and clears problems that no crawl detects: a dead service, a full disk."""

from __future__ import annotations

from datetime import datetime

from rscrawler.config import Config
from rscrawler.monitoring.status import (
    AMPLE_ROOM_MIB,
    DISK_SUBJECT,
    SCHEDULE_SUBJECT,
    dead_service,
    disk_problems,
    full_folders,
)
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.leases import runs_here


def notice(config: Config, store: Store, now: datetime) -> None:
    """Raise or clear, before a delivery, that the service is dead and that a disk is full.

    A job that is late is left to `status`: after a machine has slept, all are for a moment. So is
    a service that runs here and gives no sign of life: it has slept, or its clock has jumped.
    """
    is_here = any(runs_here(service.owner) for service in store.leases.services())
    if (dead := dead_service(store, now)) and not is_here:
        store.health.raise_problem(dead.subject, dead.code, dead.message, dead.since)
    else:
        store.health.clear_problem(SCHEDULE_SUBJECT, ProblemCode.OVERDUE)
    if full := next(disk_problems(config, now), None):
        store.health.raise_problem(full.subject, full.code, full.message, full.since)
    elif not any(full_folders(config, AMPLE_ROOM_MIB)):
        store.health.clear_problem(DISK_SUBJECT, ProblemCode.DISK_FULL)
