"""What is pending in the outbox: why, since when and until when."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.config import Config
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery.channels import Channels, message_channels
from rscrawler.delivery.timing import Wait
from rscrawler.store import Store
from rscrawler.store.outbox import FURTHEST_TRY, JSONL_CHANNELS, Undelivered

_NEXT = Wait("goes out with the next delivery")


@dataclass(frozen=True, slots=True)
class Waiting:
    """Undelivered rows or messages of a channel; `until` is None if no time is known."""

    channel: str
    count: int
    why: str
    until: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class OutboxSummary:
    """The numbers of pending and of failed (refused or given up) deliveries, and the reasons."""

    pending: int
    failed: int
    waiting: tuple[Waiting, ...]


def outbox_summary(config: Config, store: Store, now: datetime) -> OutboxSummary:
    """The state of the outbox.

    A delivery that was given up counts until a later message reaches the same address, or the
    address leaves the configuration.
    """
    channels, undelivered = message_channels(config), store.outbox.undelivered()
    pending = [each for each in undelivered if each.state == "pending"]
    failed = [
        each
        for each in undelivered
        if each.state != "pending" and channels.is_addressed(each.channel, each.address)
    ]
    lines = store.outbox.pending_line_count()
    waiting = [Waiting("jsonl", lines, _NEXT.why)] if lines else []
    for rows in store.outbox.unassigned():
        wait = channels.wait_to_compose(rows.channel, rows.oldest, now) or _NEXT
        waiting.append(Waiting(rows.channel, rows.count, wait.why, wait.until))
    total = sum(each.count for each in waiting) + len(pending)
    for each in (*pending, *failed):
        wait = _wait_of(channels, each, now)
        error = f"{each.address}: {each.reason}" if each.failures(now) else None
        waiting.append(Waiting(each.channel, 1, wait.why, wait.until, error))
    return OutboxSummary(total, len(failed), tuple(waiting))


def _wait_of(channels: Channels, each: Undelivered, now: datetime) -> Wait:
    if each.state == "failed":
        return Wait("given up")
    if wait := channels.wait_to_send(each.channel, each.kind, now):
        return wait
    if not (failures := each.failures(now)):
        return Wait("is being sent") if each.attempts else _NEXT
    times = "once" if failures == 1 else f"{failures} times"
    is_of_wrong_clock = each.next_try_at - now > FURTHEST_TRY  # it is due now
    return Wait(
        f"{'refused' if each.state == 'refused' else 'failed'} {times}",
        None if is_of_wrong_clock else each.next_try_at,
    )


def due_since(
    config: Config, store: Store, now: datetime, *, ago: timedelta = timedelta(0)
) -> datetime | None:
    """Since when the oldest due delivery has been waiting, at least; None if nothing is due.

    With `ago`, only what was due that long ago counts. A creation time in the future, by more than
    clocks may differ, comes from a clock that was ahead; such a row is due.
    """
    return min(_due(config, store, now, now - ago), default=None)


def _due(config: Config, store: Store, now: datetime, then: datetime) -> Iterator[datetime]:
    channels = message_channels(config)

    def is_old(oldest: datetime) -> bool:
        return oldest <= then or oldest > now + CLOCK_TOLERANCE

    for lines in store.outbox.waiting():
        if lines.channel in JSONL_CHANNELS and is_old(lines.oldest):
            yield min(lines.oldest, then)
    for rows in store.outbox.unassigned():
        if is_old(rows.oldest) and not channels.wait_to_compose(rows.channel, rows.oldest, then):
            yield min(rows.oldest, then)
    for name, kind, since in store.outbox.due_since(now, then):
        if not channels.wait_to_send(name, kind, then):
            yield min(since, then)


def notice_is_due(config: Config, store: Store) -> bool:
    """Whether a problem has begun or ended without a notice to the operators so far."""
    ops = config.alerts.ops
    if not (ops.recipients or ops.channels):
        return False
    is_unnotified = any(problem.notified_at is None for problem in store.health.problems())
    return is_unnotified or bool(store.health.problems(ended=True))
