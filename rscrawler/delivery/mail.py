"""Alerts and notices by mail: composed once, and sent unchanged over an SMTP server."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any
from zoneinfo import ZoneInfo

from rscrawler.config.models import Config, EmailSettings
from rscrawler.delivery.alert import countries_of, subject_of
from rscrawler.delivery.channel import Batch, MessageChannel, Notice, Step
from rscrawler.delivery.smtp import address_of, send_mail
from rscrawler.delivery.timing import Wait, next_time
from rscrawler.delivery.wording import SUBJECT_LIMIT, TEXT_WIDTH, one_line, rendered, wrap
from rscrawler.identity.fingerprints import digest

_PLAIN_SUBJECT = 68  # characters that fit on one line after the header's name


@dataclass(frozen=True, kw_only=True)
class Email(MessageChannel):
    """The channel of `[alerts.email]`; `alerts.ops.recipients` are the operators."""

    settings: EmailSettings
    operator_recipients: Sequence[str] = ()  # as configured: with display names
    has_one_server = True

    @property
    def waits_for_cycles(self) -> bool:
        """Only without a daily digest, which has everything up to its hour."""
        return self.settings.digest == "cycle"

    def reason_to_wait(self, oldest: datetime, now: datetime) -> Wait | None:
        """A daily digest is due from the first digest time after the oldest row on."""
        if self.settings.digest != "daily":
            return None
        due = next_time(oldest, self.settings.digest_at, ZoneInfo(self.settings.timezone))
        return Wait("daily digest", due) if now < due else None

    def identity(self, key: str) -> str:
        """A Message-ID with its angle brackets."""
        domain = address_of(self.settings.sender).rpartition("@")[2]
        return f"<rscrawler.{digest(key)}@{domain}>"

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A text and an HTML part with every article; for a flood counts, with the text attached.

        With a note, which explains the summary, the list is in the mail itself.
        """
        alerts = batch.alerts
        is_summary = bool(batch.is_flood or batch.note)
        subject = subject_of(alerts)
        if batch.note:
            subject = one_line(f"Possibly sent before: {subject}")
        mail = self._mail(subject, self.settings.recipients, message_id, batch.now)
        mail["X-RSCrawler-Articles"] = ", ".join(alert.article_id for alert in alerts)
        mail["X-RSCrawler-Run"] = ", ".join(dict.fromkeys(row.run_id for row in batch.rows))
        values = {
            "subject": subject,
            "heading": subject if is_summary or len(alerts) > 1 else "",
            "note": batch.note,
            "alerts": alerts,
            "levels": Counter(str(alert.level) for alert in alerts).most_common(),
            "countries": countries_of(alerts),
        }
        template = "summary" if is_summary else "alerts"
        mail.set_content(rendered(f"{template}.txt.j2", **values), cte="quoted-printable")
        html = rendered(f"{template}.html.j2", **values)
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
        if is_summary and not batch.note:
            articles = rendered("alerts.txt.j2", heading="", alerts=alerts)
            mail.add_attachment(articles, filename="articles.txt", cte="base64")
        return mail.as_bytes()

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """A mail with a text part only."""
        mail = self._mail(notice.subject, self.operator_recipients, message_id, notice.now)
        mail.set_content(notice.text.rstrip() + "\n", cte="quoted-printable")
        return mail.as_bytes()

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Step]:
        """Send to all addresses in one SMTP session."""
        return send_mail(self.settings, content, addresses)

    def _mail(
        self, subject: str, recipients: Sequence[str], message_id: str, now: datetime
    ) -> EmailMessage:
        mail, sender = EmailMessage(policy=_POLICY), _address(self.settings.sender)
        mail["From"] = sender
        mail["To"] = [_address(written) for written in recipients]
        mail["Subject"] = subject
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = message_id
        mail["List-Id"] = f"rscrawler alerts <rscrawler-alerts.{sender.domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"  # for Exchange (MS-OXCMAIL)
        return mail


def configured(config: Config) -> Iterator[Email]:
    """The channel, if `[alerts.email]` is configured."""
    settings, operators = config.alerts.email, config.alerts.ops.recipients
    if settings is not None:
        yield Email(
            "email",
            tuple(dict.fromkeys(map(address_of, settings.recipients))),
            tuple(dict.fromkeys(map(address_of, operators))),
            settings=settings,
            operator_recipients=operators,
        )


def _address(written: str) -> Address:
    name, address = parseaddr(written)
    return Address(display_name=name, addr_spec=address)


class _MailPolicy(EmailPolicy):
    """The standard policy, except for headers that it would encode and break.

    The standard policy also decodes encoded words in a value. With one in a subject, a page could
    inject a line feed and a header.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if name.lower() == "subject":
            return name, one_line(value, SUBJECT_LIMIT)
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        lower = name.lower()
        if lower == "subject":
            return f"{name}: {self._encoded(value)}{self.linesep}"
        if lower in ("from", "to"):
            # Of a name longer than a line, the standard policy drops the quotes: with a comma in
            # it, it would be two addresses, which servers refuse.
            written = f",{self.linesep} ".join(map(self._mailbox, value.addresses))
            return f"{name}: {written}{self.linesep}"
        if lower == "message-id" or lower.startswith("list-"):
            return f"{name}: {value}{self.linesep}"
        if lower.startswith("x-rscrawler-"):
            # Ids joined by ", "; the first is on the line of the name, where `grep` finds it.
            return f"{self.linesep} ".join(wrap(f"{name}: {value}")) + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")

    def _mailbox(self, address: Address) -> str:
        if address.display_name.isascii():
            return formataddr((address.display_name, address.addr_spec))
        encoded = Header(address.display_name, "utf-8", TEXT_WIDTH, "From")
        return f"{encoded.encode(linesep=self.linesep)}{self.linesep} <{address.addr_spec}>"

    def _encoded(self, subject: str) -> str:
        if subject.isascii() and "=?" not in subject:
            # Spam filters count a subject that is encoded without need.
            return f"{self.linesep} ".join(wrap(subject, width=_PLAIN_SUBJECT))
        header = Header(subject, "utf-8", maxlinelen=TEXT_WIDTH, header_name="Subject")
        return header.encode(linesep=self.linesep)


_POLICY = _MailPolicy(linesep="\r\n")
