"""Whether a delivery has anything to do."""

from __future__ import annotations

from datetime import datetime

from rscrawler.config import Config
from rscrawler.delivery.sending import ALERT_KINDS, transport_of
from rscrawler.delivery.timing import composing_waits, sending_waits
from rscrawler.store import Store


def delivery_is_due(config: Config, store: Store, now: datetime) -> bool:
    """Whether the outbox holds a line to write, a message to compose or one to send again."""
    alerts = config.alerts
    if store.outbox.pending_line_count():
        return True
    if any(
        rows.channel in alerts.alert_channels
        and composing_waits(rows.channel, rows.oldest, alerts, now) is None
        for rows in store.outbox.unassigned()
    ):
        return True
    return any(
        transport_of(alerts, channel) is not None
        and not (kind in ALERT_KINDS and sending_waits(channel, alerts, now))
        for _, channel, kind in store.outbox.due_messages(now)
    )


def word_is_due(config: Config, store: Store) -> bool:
    """Whether a problem has begun or ended of which the operators are still to be told."""
    ops = config.alerts.ops
    if not (ops.recipients or ops.channels):
        return False
    is_untold = any(problem.told_at is None for problem in store.health.problems())
    return is_untold or bool(store.health.ended_problems())
