"""Whether a delivery has anything to do, and since when."""

from __future__ import annotations

from datetime import datetime, timedelta

from rscrawler.config import Config
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.messages import composing_waits, sending_waits
from rscrawler.delivery.sending import ALERT_KINDS
from rscrawler.store import Store
from rscrawler.store.outbox import JSONL_CHANNELS


def delivery_is_due(config: Config, store: Store, now: datetime) -> bool:
    """Whether the outbox holds a line to write, a message to compose or one to send again."""
    return due_since(config, store, now) is not None


def due_since(
    config: Config, store: Store, now: datetime, *, ago: timedelta = timedelta(0)
) -> datetime | None:
    """Since when something of the outbox waits that is due; None: nothing is.

    With `ago`, only what was due so long ago already counts. What bears a time to come, by more
    than clocks may differ, was written by one that was ahead, and is due.
    """
    alerts, channels, then = config.alerts, message_channels(config), now - ago

    def is_old(oldest: datetime) -> bool:
        return oldest <= then or oldest > now + CLOCK_TOLERANCE

    lines = (
        min(each.oldest, then)
        for each in store.outbox.waiting()
        if each.channel in JSONL_CHANNELS and is_old(each.oldest)
    )
    rows = (
        min(each.oldest, then)
        for each in store.outbox.unassigned()
        if (channel := channels.get(each.channel)) is not None
        and channel.gets_alerts
        and is_old(each.oldest)
        and composing_waits(channel, each.oldest, alerts, then) is None
    )
    messages = (
        then
        for _, name, kind in store.outbox.due_messages(now, since=then)
        if (channel := channels.get(name)) is not None
        and not (kind in ALERT_KINDS and sending_waits(channel, alerts, then))
    )
    return min((*lines, *rows, *messages), default=None)


def word_is_due(config: Config, store: Store) -> bool:
    """Whether a problem has begun or ended of which the operators are still to be told."""
    ops = config.alerts.ops
    if not (ops.recipients or ops.channels):
        return False
    is_untold = any(problem.told_at is None for problem in store.health.problems())
    return is_untold or bool(store.health.problems(ended=True))
