"""One test alert through every configured channel, at once and past the outbox."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rscrawler.clock import utc_now
from rscrawler.config import AlertSettings, Config
from rscrawler.delivery.alert import Interest, alert_of
from rscrawler.delivery.chat import alerts_content
from rscrawler.delivery.email.mail import Envelope, compose_alerts
from rscrawler.delivery.messages import chat_addresses, mail_addresses, mail_id
from rscrawler.delivery.outcome import Served, last_words
from rscrawler.delivery.sending import transport_of
from rscrawler.items import Article, Evidence, Extraction, TopicFlag

_TITLE = "A test alert: everything is set up"
_BODY = "This piece does not exist. It shows what an alert on Kazakhstan and Uzbekistan looks like."


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """Whether a test alert was taken; `address` is one of mail, or stands for one in the store."""

    channel: str
    address: str
    error: str | None

    @property
    def is_ok(self) -> bool:
        """Whether it was taken."""
        return self.error is None


def send_test_alert(
    config: Config, now: datetime | None = None, titles: Mapping[str, str] | None = None
) -> list[ChannelResult]:
    """Send one test alert to every address of every channel, those of the operators included."""
    alerts, now = config.alerts, now or utc_now()
    article = _sample(alerts, now)
    interest = Interest(alerts.topics, alerts.minimum, titles or {})
    sample = [alert_of(article, interest)]
    results = []
    for channel, addresses in _everybody(alerts).items():
        if channel == "email" and alerts.email:
            message_id = mail_id(alerts.email, f"test {uuid.uuid4().hex}")
            envelope = Envelope(message_id, alerts.email.sender, addresses, now)
            content = compose_alerts(sample, envelope)
        elif channel.startswith("webhook:"):
            content = json.dumps(article.to_record(), ensure_ascii=False).encode()
        else:
            content = alerts_content(sample, is_summary=False)
        results += _results(alerts, channel, content, addresses)
    return results


def _everybody(alerts: AlertSettings) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    if alerts.email:
        found["email"] = mail_addresses([*alerts.email.recipients, *alerts.ops.recipients])
    for name in alerts.channels:
        found[f"channel:{name}"] = chat_addresses(alerts, name)
    for name in alerts.webhooks:
        found[f"webhook:{name}"] = (name,)
    return found


def _results(
    alerts: AlertSettings, channel: str, content: bytes, addresses: tuple[str, ...]
) -> list[ChannelResult]:
    transport = transport_of(alerts, channel)
    if transport is None:
        raise ValueError(f"{channel} is not configured")
    return [
        ChannelResult(channel, address, None if isinstance(outcome, Served) else outcome.error)
        for address, outcome in last_words(transport(content, addresses)).items()
    ]


def _sample(alerts: AlertSettings, now: datetime) -> Article:
    def evidence(term: str, country: str) -> Evidence:
        start = _BODY.index(term)
        return Evidence(term, term, country, "body", 0, _BODY, start, start + len(term))

    shown = (evidence("Kazakhstan", "KZ"), evidence("Uzbekistan", "UZ"))
    return Article(
        site="test",
        url="https://example.org/test-alert/",
        title=_TITLE,
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
            TopicFlag(topic, alerts.minimum, 1.0, ("KZ", "UZ"), shown) for topic in alerts.topics
        ],
        extraction=Extraction("test"),
    )
