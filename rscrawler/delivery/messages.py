"""Messages out of outbox rows: composed once, then stored as they will be sent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from rscrawler.config import AlertSettings
from rscrawler.delivery.alert import Alert, Interest, alert_of
from rscrawler.delivery.channel import Batch, MessageChannel, Round
from rscrawler.delivery.timing import Wait, quiet_until
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.outbox import OutboxRow


def composing_waits(
    channel: MessageChannel, oldest: datetime, alerts: AlertSettings, now: datetime
) -> Wait | None:
    """Why a message is not composed yet of rows, the oldest written at `oldest`; None: it is."""
    return sending_waits(channel, alerts, now) or channel.waits(oldest, now)


def sending_waits(channel: MessageChannel, alerts: AlertSettings, now: datetime) -> Wait | None:
    """Why an alert is not sent yet; None: it is."""
    if alerts.quiet_hours is None or not channel.is_for_people:
        return None
    until = quiet_until(alerts.quiet_hours, now)
    return Wait("quiet hours", until) if until else None


def compose_due(delivery: Round, now: datetime) -> int:
    """Compose every message whose time has come; returns their number."""
    composed = 0
    for waiting in delivery.store.outbox.unassigned():
        channel = delivery.channels.get(waiting.channel)
        if channel is None or not channel.gets_alerts:
            continue  # it waits, and `status` says so: a setting may be missing by mistake
        if composing_waits(channel, waiting.oldest, delivery.alerts, now) is None:
            composed += _compose(channel, delivery, now)
    return composed


def batch_of(delivery: Round, rows: Sequence[OutboxRow], now: datetime, note: str = "") -> Batch:
    """Rows for one channel, with what is to be said of them."""
    alerts_of_rows = partial(alerts_of, delivery.store, delivery.interest)
    return Batch(rows, now, delivery.alerts.flood_limit, alerts_of_rows, note=note)


def _compose(channel: MessageChannel, delivery: Round, now: datetime) -> int:
    composed, outbox = 0, delivery.store.outbox
    while rows := outbox.unassigned_rows(channel.name):
        batch = batch_of(delivery, rows, now)
        assigned = [
            outbox.assign(new, [row.number for row in carried])
            for new, carried in channel.compose(batch)
        ]
        composed += sum(assigned)
        if all(assigned):
            break  # else another process has taken some meanwhile: those that are left
    return composed


def alerts_of(store: Store, interest: Interest, rows: Sequence[OutboxRow]) -> list[Alert]:
    """What is to be said of each row's piece; the most telling first, then as they came."""
    articles = [Article.from_record(json.loads(row.record)) for row in rows]
    copies = store.browsing.copies(article.article_id for article in articles)
    alerts = [
        alert_of(
            article,
            interest,
            reprints=[copy.url for copy in copies.get(article.article_id, ())],
            title_before=_title_before(article, store),
            followed=store.articles.latest_record(article.follows) if article.follows else None,
        )
        for article in articles
    ]
    return sorted(alerts, key=lambda alert: -alert.level.rank)


def _title_before(article: Article, store: Store) -> str | None:
    if article.change is None or "title" not in article.change.fields:
        return None
    return store.articles.title_of(article.article_id, article.version - 1)
