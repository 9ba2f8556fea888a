"""The table of channels, and what waits for them in the outbox: why, and until when.

All other code finds the configured channels here.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rscrawler.config.models import Config, QuietHours
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery import chat, mail, webhook
from rscrawler.delivery.channel import MessageChannel, Notice
from rscrawler.delivery.timing import Wait, quiet_until
from rscrawler.store import Store
from rscrawler.store.messages import ALERT_KINDS, NewMessage, Undelivered
from rscrawler.store.outbox import PendingRows
from rscrawler.store.tables import JSONL_CHANNELS

# Each function yields the channels of its kind that are configured.
CHANNELS: tuple[Callable[[Config], Iterator[MessageChannel]], ...] = (
    mail.configured,
    chat.configured,
    webhook.configured,
)
_AT_END = Wait("to go out at the end of the cycle")
_NEXT = Wait("to go out with the next delivery")
_NOT_CONFIGURED = Wait(
    "no configured channel of this name takes it; configure one to send what waits"
)


@dataclass(frozen=True, slots=True)
class Channels:
    """The configured channels that send messages, by name."""

    by_name: Mapping[str, MessageChannel]
    quiet_hours: QuietHours | None

    def uncomposed(self, store: Store, now: datetime) -> list[PendingRows]:
        """The rows that are in no message yet, by channel, and by whether their cycle must end."""
        patient = [name for name, channel in self.by_name.items() if channel.waits_for_cycles]
        return store.outbox.unassigned(store.leases.running_cycles(now), patient)

    def wait_to_compose(self, rows: PendingRows, now: datetime) -> Wait | None:
        """Why rows are not composed yet; None if they are due."""
        channel, oldest = self.by_name.get(rows.channel), rows.oldest
        if channel is None or not channel.addresses:
            return _NOT_CONFIGURED
        if rows.in_cycle:
            return _AT_END
        # The row was created by a clock that was far ahead; it has waited long enough.
        is_of_wrong_clock = oldest > now + timedelta(days=1)
        digest = None if is_of_wrong_clock else channel.reason_to_wait(oldest, now)
        due = (digest and digest.until) or now  # a digest may fall into quiet hours
        return self.wait_to_send(rows.channel, "alert", due) or digest

    def wait_to_send(self, name: str, kind: str, now: datetime) -> Wait | None:
        """Why a message of this kind is not sent yet; None if it may go out."""
        channel = self.by_name.get(name)
        if channel is None:
            return _NOT_CONFIGURED
        if kind not in ALERT_KINDS or not channel.is_for_people or self.quiet_hours is None:
            return None
        until = quiet_until(self.quiet_hours, now)
        return Wait("quiet hours", until) if until else None

    def is_addressed(self, name: str, address: str) -> bool:
        """Whether the address is still configured for the channel."""
        return name in self.by_name and address in self.by_name[name].all_addresses

    def notices(self, notice: Notice) -> list[NewMessage]:
        """A message for each channel that has operators."""
        return [each.notice(notice) for each in self.by_name.values() if each.operators]


def message_channels(config: Config) -> Channels:
    """The configured channels that send messages."""
    found = (channel for configured in CHANNELS for channel in configured(config))
    return Channels({each.name: each for each in found}, config.alerts.quiet_hours)


def alert_channels(config: Config) -> tuple[str, ...]:
    """The names of the channels that get alerts."""
    by_name = message_channels(config).by_name
    return tuple(name for name, each in by_name.items() if each.addresses)


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

    A delivery counts as failed until a later message reaches the same address, or the address
    leaves the configuration. From then on it is pending until it is given up, or until another
    address takes its place.
    """
    channels = message_channels(config)
    pending: list[Undelivered] = []
    failed: list[Undelivered] = []
    for each in store.messages.undelivered():
        if each.state != "pending" and channels.is_addressed(each.channel, each.address):
            failed.append(each)
        elif each.state != "failed":
            pending.append(each)
    lines = store.outbox.pending_line_count()
    waiting = [Waiting("jsonl", lines, _NEXT.why)] if lines else []
    for rows in channels.uncomposed(store, now):
        wait = channels.wait_to_compose(rows, now) or _NEXT
        waiting.append(Waiting(rows.channel, rows.count, wait.why, wait.until))
    total = sum(each.count for each in waiting) + len(pending)
    alike: Counter[Waiting] = Counter()
    for each in (*pending, *failed):
        wait = _wait_of(channels, each, now)
        error = f"{each.address}: {each.reason}" if each.failures(now) else None
        alike[Waiting(each.channel, 1, wait.why, wait.until, error)] += 1
    waiting += [replace(each, count=count) for each, count in alike.items()]
    return OutboxSummary(total, len(failed), tuple(waiting))


def _wait_of(channels: Channels, each: Undelivered, now: datetime) -> Wait:
    if each.state == "failed":
        return Wait("given up")
    if wait := channels.wait_to_send(each.channel, each.kind, now):
        return wait
    if not (failures := each.failures(now)):
        return Wait("being sent") if each.attempts else _NEXT
    times = "once" if failures == 1 else f"{failures} times"
    return Wait(
        f"{'refused' if each.state == 'refused' else 'failed'} {times}",
        None if each.is_put_off_by_wrong_clock(now) else each.next_try_at,
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

    for lines in store.outbox.pending():
        if lines.channel in JSONL_CHANNELS and is_old(lines.oldest):
            yield min(lines.oldest, then)
    for rows in channels.uncomposed(store, now):
        if is_old(rows.oldest) and not channels.wait_to_compose(rows, then):
            yield min(rows.oldest, then)
    for each in store.messages.undelivered():
        if each.is_due(now, then) and not channels.wait_to_send(each.channel, each.kind, then):
            yield min(each.due_at(now), then)


def notice_is_due(config: Config, store: Store) -> bool:
    """Whether a problem has begun or ended without a notice to the operators so far."""
    ops = config.alerts.ops
    if not (ops.recipients or ops.channels):
        return False
    is_unnotified = any(problem.notified_at is None for problem in store.health.problems())
    return is_unnotified or bool(store.health.problems(ended=True))
