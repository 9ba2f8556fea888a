"""Alerts by mail, over an SMTP server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rscrawler.config import Config, EmailSettings
from rscrawler.delivery.channel import Batch, MessageChannel, Notice, digest
from rscrawler.delivery.email.mail import (
    Envelope,
    address_of,
    compose_alerts,
    compose_notice,
    compose_summary,
)
from rscrawler.delivery.email.smtp import send_mail
from rscrawler.delivery.outcome import Outcome
from rscrawler.delivery.timing import Wait, next_time


@dataclass(frozen=True)
class Email(MessageChannel):
    """`[alerts.email]`, and `alerts.ops.recipients` as the operators."""

    settings: EmailSettings
    operator_recipients: tuple[str, ...]  # as written: with names
    name = "email"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The bare addresses of the recipients."""
        return _bare(self.settings.recipients)

    @property
    def operators(self) -> tuple[str, ...]:
        """The bare addresses of the operators."""
        return _bare(self.operator_recipients)

    def waits(self, oldest: datetime, now: datetime) -> Wait | None:
        """A daily mail is due at the first digest time after the oldest row, or later."""
        if self.settings.digest != "daily":
            return None
        due = next_time(oldest, self.settings.digest_at, ZoneInfo(self.settings.timezone))
        return Wait("daily digest", due) if now < due else None

    def identity(self, key: str) -> str:
        """A Message-ID with its brackets."""
        domain = address_of(self.settings.sender).rpartition("@")[2]
        return f"<rscrawler.{digest(key)}@{domain}>"

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A mail with everything, or for a flood its summary."""
        envelope = Envelope(
            message_id,
            self.settings.sender,
            self.settings.recipients,
            batch.now,
            run_ids=tuple(dict.fromkeys(row.run_id for row in batch.rows)),
            article_ids=tuple(alert.article_id for alert in batch.alerts),
        )
        if batch.is_flood or batch.note:
            return compose_summary(batch.alerts, envelope, batch.note)
        return compose_alerts(batch.alerts, envelope)

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """A mail in plain text."""
        envelope = Envelope(message_id, self.settings.sender, self.operator_recipients, notice.now)
        return compose_notice(notice.subject, notice.text, envelope)

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Mapping[str, Outcome]]:
        """One conversation for all addresses."""
        return send_mail(self.settings, content, addresses)


def configured(config: Config) -> Iterator[Email]:
    """The channel, if there is an `[alerts.email]`."""
    if config.alerts.email is not None:
        yield Email(config.alerts.email, tuple(config.alerts.ops.recipients))


def _bare(written: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(address_of, written)))
