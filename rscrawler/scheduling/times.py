"""When a job fires: a fixed grid or cron's wall clock, and a jitter that never adds up.

A slot is a moment of the schedule itself; the jitter of each slot follows from the
job's id and the slot alone. So fire times do not drift, and every service on every
machine computes the same ones.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Slots(Protocol):
    """Moments in time, without end."""

    def slot_after(self, moment: datetime) -> datetime:
        """The first of them after `moment`, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Grid:
    """Every whole multiple of `step` since the Unix epoch."""

    step: timedelta

    def slot_after(self, moment: datetime) -> datetime:
        """The first multiple after `moment`."""
        return _EPOCH + ((moment - _EPOCH) // self.step + 1) * self.step


def jitter_of(job_id: str, slot: datetime, jitter: timedelta) -> timedelta:
    """Between nothing and `jitter`, the same for the same job and slot everywhere."""
    key = f"{job_id} {slot.astimezone(UTC).isoformat()}".encode()
    digest = hashlib.blake2b(key, digest_size=4).digest()
    return jitter * (int.from_bytes(digest, "big") / 2**32)


def fire_after(slots: Slots, job_id: str, jitter: timedelta, moment: datetime) -> datetime:
    """The first fire time after `moment`: the earliest slot that its jitter puts there."""
    slot = slots.slot_after(moment - jitter)
    earliest: datetime | None = None
    while earliest is None or slot < earliest:
        fire_at = slot + jitter_of(job_id, slot, jitter)
        if fire_at > moment and (earliest is None or fire_at < earliest):
            earliest = fire_at
        slot = slots.slot_after(slot)
    return earliest
