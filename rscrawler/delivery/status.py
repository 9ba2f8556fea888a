"""What waits in the outbox, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rscrawler.config import AlertSettings, Config
from rscrawler.delivery.channel import Channels
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.messages import composing_waits, sending_waits
from rscrawler.delivery.ops import is_addressed
from rscrawler.delivery.sending import ALERT_KINDS
from rscrawler.store import Store
from rscrawler.store.outbox import FURTHEST_TRY, Undelivered, WaitingChannel

_NEXT = "goes out with the next delivery"
_UNKNOWN = "the channel is not configured"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that waits on a channel; `until` is None where no time is known."""

    channel: str
    count: int
    why: str
    until: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """Deliveries still to be made, those refused or given up, and what they wait for."""

    pending: int
    failed: int
    waiting: tuple[Waiting, ...]


def outbox_summary(config: Config, store: Store, now: datetime) -> OutboxSummary:
    """The state of the outbox.

    One that was given up counts until something later reaches the same address, or the
    address leaves the configuration.
    """
    alerts, channels = config.alerts, message_channels(config)
    lines = store.outbox.pending_line_count()
    undelivered = store.outbox.undelivered()
    pending = [each for each in undelivered if each.state == "pending"]
    failed = [
        each
        for each in undelivered
        if each.state != "pending" and is_addressed(channels, each.channel, each.address)
    ]
    unassigned = store.outbox.unassigned()
    waiting = (
        *([Waiting("jsonl", lines, _NEXT)] if lines else []),
        *(_of_rows(alerts, channels, rows, now) for rows in unassigned),
        *(_of_recipient(alerts, channels, each, now) for each in pending),
        *(_of_recipient(alerts, channels, each, now) for each in failed),
    )
    total = lines + sum(rows.count for rows in unassigned) + len(pending)
    return OutboxSummary(total, len(failed), waiting)


def _of_rows(
    alerts: AlertSettings, channels: Channels, rows: WaitingChannel, now: datetime
) -> Waiting:
    channel = channels.get(rows.channel)
    if channel is None or not channel.gets_alerts:
        return Waiting(rows.channel, rows.count, _UNKNOWN)
    wait = composing_waits(channel, rows.oldest, alerts, now)
    if wait is None:
        return Waiting(rows.channel, rows.count, _NEXT)
    return Waiting(rows.channel, rows.count, wait.why, wait.until)


def _of_recipient(
    alerts: AlertSettings, channels: Channels, each: Undelivered, now: datetime
) -> Waiting:
    channel = channels.get(each.channel)
    if each.state == "failed":
        return Waiting(each.channel, 1, "given up", None, _error(each))
    if channel is None:
        return Waiting(each.channel, 1, _UNKNOWN, None, _error(each))
    wait = sending_waits(channel, alerts, now) if each.kind in ALERT_KINDS else None
    if wait is not None:
        return Waiting(each.channel, 1, wait.why, wait.until, _error(each))
    if each.attempts == 0:
        return Waiting(each.channel, 1, _NEXT)
    times = "once" if each.attempts == 1 else f"{each.attempts} times"
    why = f"refused {times}" if each.state == "refused" else f"failed {times}"
    is_of_wrong_clock = each.next_try_at - now > FURTHEST_TRY  # and due, whatever it says
    until = None if is_of_wrong_clock else each.next_try_at
    return Waiting(each.channel, 1, why, until, _error(each))


def _error(each: Undelivered) -> str | None:
    return f"{each.address}: {each.reason}" if each.attempts else None
