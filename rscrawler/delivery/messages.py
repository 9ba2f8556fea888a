"""Messages out of outbox rows: composed once, then stored as they will be sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from rscrawler.config import AlertSettings, EmailSettings
from rscrawler.delivery.alert import Alert, Interest, alert_of
from rscrawler.delivery.chat import address_key, alerts_content
from rscrawler.delivery.email.mail import (
    Envelope,
    address_of,
    compose_alerts,
    compose_summary,
)
from rscrawler.delivery.jsonl import line_of
from rscrawler.delivery.timing import composing_waits
from rscrawler.items import Article
from rscrawler.store import Store
from rscrawler.store.outbox import NewMessage, OutboxRow


def compose_due(alerts: AlertSettings, store: Store, interest: Interest, now: datetime) -> int:
    """Compose every message whose time has come; gives their number."""
    composed = 0
    for waiting in store.outbox.unassigned():
        channel = waiting.channel
        if channel not in alerts.alert_channels:
            continue  # it waits, and `status` says so: a setting may be missing by mistake
        if composing_waits(channel, waiting.oldest, alerts, now):
            continue
        if channel.startswith("webhook:"):
            composed += _compose_each(store, channel, now)
        else:
            composed += _compose_together(alerts, store, interest, channel, now)
    return composed


def _compose_each(store: Store, channel: str, now: datetime) -> int:
    """A message for each record: who listens to a webhook is a machine."""
    name = channel.removeprefix("webhook:")
    return sum(
        store.outbox.assign(
            NewMessage(
                message_id=f"{channel}/{row.record_id}",
                channel=channel,
                kind="alert",
                created_at=now,
                content=line_of(row.record).rstrip(b"\n"),
                addresses=(name,),
            ),
            [row.number],
        )
        for row in store.outbox.unassigned_rows(channel)
    )


def _compose_together(
    alerts: AlertSettings, store: Store, interest: Interest, channel: str, now: datetime
) -> int:
    """One message for all rows; 0 when another process has taken them meanwhile."""
    while rows := store.outbox.unassigned_rows(channel):
        new = _message(alerts, store, interest, channel, rows, now)
        if store.outbox.assign(new, [row.number for row in rows]):
            return 1
    return 0


def _message(
    settings: AlertSettings,
    store: Store,
    interest: Interest,
    channel: str,
    rows: Sequence[OutboxRow],
    now: datetime,
) -> NewMessage:
    alerts = alerts_of(rows, store, interest)
    is_summary = len(alerts) > settings.flood_limit
    key = " ".join([channel, *(row.record_id for row in rows)])
    if channel == "email" and settings.email is not None:
        message_id = mail_id(settings.email, key)
        envelope = Envelope(
            message_id,
            settings.email.sender,
            settings.email.recipients,
            now,
            run_ids=tuple(dict.fromkeys(row.run_id for row in rows)),
            article_ids=tuple(alert.article_id for alert in alerts),
        )
        compose = compose_summary if is_summary else compose_alerts
        content = compose(alerts, envelope)
        addresses = mail_addresses(settings.email.recipients)
    else:
        message_id = f"{channel}/{_digest(key)}"
        content = alerts_content(alerts, is_summary=is_summary)
        addresses = chat_addresses(settings, channel.removeprefix("channel:"))
    kind = "summary" if is_summary else "alert"
    return NewMessage(message_id, channel, kind, now, content, addresses)


def alerts_of(rows: Sequence[OutboxRow], store: Store, interest: Interest) -> list[Alert]:
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


def mail_id(settings: EmailSettings, key: str) -> str:
    """The Message-ID, with its brackets, of what `key` names: the same for the same key."""
    domain = address_of(settings.sender).rpartition("@")[2]
    return f"<rscrawler.{_digest(key)}@{domain}>"


def mail_addresses(written: Sequence[str]) -> tuple[str, ...]:
    """The bare addresses, each once."""
    return tuple(dict.fromkeys(map(address_of, written)))


def chat_addresses(settings: AlertSettings, name: str) -> tuple[str, ...]:
    """What stands in the store for each Apprise address of a channel."""
    keys = (address_key(name, address) for address in settings.channel_addresses(name))
    return tuple(dict.fromkeys(keys))


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
