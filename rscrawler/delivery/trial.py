"""One test alert through every configured channel, sent at once and without the outbox."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime

from rscrawler.clock import utc_now
from rscrawler.config.models import AlertSettings, Config
from rscrawler.delivery.alert import Interest, alert_of
from rscrawler.delivery.channel import Batch, last_outcomes
from rscrawler.delivery.channels import message_channels
from rscrawler.items import Article, Evidence, Extraction, TopicFlag
from rscrawler.store.outbox import OutboxRow

_BODY = (
    "This article does not exist. It shows what an alert on Kazakhstan and Uzbekistan looks like."
)


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """The result of a test alert for one address; `error` is None if it was accepted.

    `address` is a mail address, or the name by which the store knows a chat or webhook.
    """

    channel: str
    address: str
    error: str | None


def send_test_alert(config: Config) -> list[ChannelResult]:
    """Send one test alert to every address of every channel, including the operators'."""
    alerts, now = config.alerts, utc_now()
    article = _sample(alerts, now)
    interest = Interest(alerts.topics, alerts.minimum, {})
    record = json.dumps(article.to_record(), ensure_ascii=False)
    row = OutboxRow(0, "", uuid.uuid4().hex, "test", now, record)  # a new id for each message
    batch = Batch([row], [alert_of(article, interest)], now)
    return [
        ChannelResult(channel.name, address, outcome.error or None)
        for channel in message_channels(config).by_name.values()
        for message, _ in channel.compose(batch)
        for address, outcome in last_outcomes(
            channel.send_guarded(message.content, channel.all_addresses)
        ).items()
    ]


def _sample(alerts: AlertSettings, now: datetime) -> Article:
    evidence = tuple(
        Evidence(term, term, country, "body", 0, _BODY, start, start + len(term))
        for term, country in (("Kazakhstan", "KZ"), ("Uzbekistan", "UZ"))
        for start in [_BODY.index(term)]
    )
    return Article(
        site="test",
        url="https://example.org/test-alert/",
        title="A test alert: everything is set up",
        authors=["rscrawler"],
        sections=["test"],
        language="en",
        published_at=now,
        first_seen_at=now,
        fetched_at=now,
        body=_BODY,
        record_id="test-1",
        article_id="test",
        version=1,
        topics=[
            TopicFlag(topic, alerts.minimum, 1.0, ("KZ", "UZ"), evidence) for topic in alerts.topics
        ],
        extraction=Extraction("test"),
    )
