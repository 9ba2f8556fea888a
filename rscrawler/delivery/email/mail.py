"""Composing a mail: the bytes that are stored, sent, and sent again."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import TYPE_CHECKING, Any

from rscrawler import PACKAGE_DIR
from rscrawler.delivery.alert import Alert, Passage
from rscrawler.delivery.wording import (
    SUBJECT_LIMIT,
    date_in_words,
    in_words,
    isolated,
    one_line,
)

if TYPE_CHECKING:
    from jinja2 import Environment

TEXT_WIDTH = 76
POSSIBLY_TOLD = "Possibly told before: "
_PLAIN_SUBJECT = 68  # letters, with the header's name on one line
_NO_BREAKS: dict[str, Any] = {"break_long_words": False, "break_on_hyphens": False}
_TEMPLATES = PACKAGE_DIR / "delivery" / "email" / "templates"


class _MailPolicy(EmailPolicy):
    """The standard policy, but for headers that it would encode and break.

    It also decodes what looks like an encoded word in a value that it is given: a
    subject that holds one could so bring a line feed, and a header of its own.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if name.lower() == "subject":
            return name, one_line(value, SUBJECT_LIMIT)
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:
        lower = name.lower()
        if lower == "subject":
            return f"{name}: {_encoded(value, self.linesep)}{self.linesep}"
        if lower == "message-id" or lower.startswith("list-"):
            return f"{name}: {value}{self.linesep}"
        if lower.startswith("x-rscrawler-"):
            # Ids, divided by ", ": the first of them beside the name, where `grep` finds it.
            lines = textwrap.wrap(f"{name}: {value}", TEXT_WIDTH, **_NO_BREAKS)
            return f"{self.linesep} ".join(lines) + self.linesep
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        return self.fold(name, value).encode("ascii", "surrogateescape")


def _encoded(subject: str, linesep: str) -> str:
    if subject.isascii() and "=?" not in subject and len(subject) <= _PLAIN_SUBJECT:
        return subject
    header = Header(subject, "utf-8", maxlinelen=TEXT_WIDTH, header_name="Subject")
    return header.encode(linesep=linesep)


_POLICY = _MailPolicy(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a mail is from and to, and what names it. `message_id` is with its brackets."""

    message_id: str
    sender: str
    recipients: Sequence[str]
    created_at: datetime
    run_ids: Sequence[str] = ()
    article_ids: Sequence[str] = ()


def compose_alerts(alerts: Sequence[Alert], envelope: Envelope) -> bytes:
    """The mail with everything newly flagged: a text and an HTML part."""
    subject = subject_of(alerts)
    values = {"alerts": alerts, "heading": subject if len(alerts) > 1 else "", "subject": subject}
    mail = _mail(subject, envelope)
    mail.set_content(_rendered("alerts.txt.j2", values), cte="quoted-printable")
    mail.add_alternative(
        _rendered("alerts.html.j2", values), subtype="html", cte="quoted-printable"
    )
    return mail.as_bytes()


def compose_summary(alerts: Sequence[Alert], envelope: Envelope, note: str = "") -> bytes:
    """The one mail for a flood: counts, and the whole list as an attached text.

    With a note, which says why there is a summary, the list is in the mail itself.
    """
    subject = one_line(f"{POSSIBLY_TOLD}{subject_of(alerts)}" if note else subject_of(alerts))
    values = {
        "subject": subject,
        "heading": subject,
        "note": note,
        "alerts": alerts,
        "levels": Counter(str(alert.level) for alert in alerts).most_common(),
        "countries": Counter(name for alert in alerts for name in alert.countries).most_common(),
    }
    mail = _mail(subject, envelope)
    mail.set_content(_rendered("summary.txt.j2", values), cte="quoted-printable")
    mail.add_alternative(
        _rendered("summary.html.j2", values), subtype="html", cte="quoted-printable"
    )
    if not note:
        mail.add_attachment(list_of(alerts), filename="articles.txt", cte="base64")
    return mail.as_bytes()


def compose_notice(subject: str, text: str, envelope: Envelope) -> bytes:
    """A mail in plain text alone, for the operators."""
    mail = _mail(one_line(subject, SUBJECT_LIMIT), envelope)
    mail.set_content(text.rstrip() + "\n", cte="quoted-printable")
    return mail.as_bytes()


def subject_of(alerts: Sequence[Alert]) -> str:
    """The title of a single piece, or how many there are, on what."""
    if len(alerts) == 1:
        prefix = "Updated: " if alerts[0].is_update else ""
        return one_line(prefix + alerts[0].title, SUBJECT_LIMIT)
    updates = sum(alert.is_update for alert in alerts)
    kind = "new" if not updates else "updated" if updates == len(alerts) else "new and updated"
    topics = in_words(dict.fromkeys(topic for alert in alerts for topic in alert.topics))
    counted = Counter(name for alert in alerts for name in alert.countries)
    countries = in_words(name for name, _ in counted.most_common())
    subject = f"{len(alerts)} {kind} articles on {topics or 'your topics'}"
    return one_line(f"{subject}: {countries}" if countries else subject, SUBJECT_LIMIT)


def list_of(alerts: Sequence[Alert]) -> str:
    """Title, date and link of each piece, as text."""
    return "\n".join(
        f"{alert.title}\n  {date_in_words(alert.published_at)} · {alert.level}"
        f"{' · ' if alert.countries else ''}{in_words(alert.countries)}\n  {alert.link or '-'}\n"
        + (f"  {alert.page}\n" if alert.page else "")
        for alert in alerts
    )


def address_of(written: str) -> str:
    """The bare address in `Name <address>`."""
    return parseaddr(written)[1]


def _mail(subject: str, envelope: Envelope) -> EmailMessage:
    mail = EmailMessage(policy=_POLICY)
    sender = _address(envelope.sender)
    mail["From"] = sender
    mail["To"] = [_address(written) for written in envelope.recipients]
    mail["Subject"] = subject
    mail["Date"] = format_datetime(envelope.created_at)
    mail["Message-ID"] = envelope.message_id
    mail["List-Id"] = f"rscrawler alerts <rscrawler-alerts.{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    if envelope.article_ids:
        mail["X-RSCrawler-Articles"] = ", ".join(envelope.article_ids)
    if envelope.run_ids:
        mail["X-RSCrawler-Run"] = ", ".join(envelope.run_ids)
    return mail


def _address(written: str) -> Address:
    name, address = parseaddr(written)
    return Address(display_name=name, addr_spec=address)


def _rendered(template: str, values: dict[str, Any]) -> str:
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "date": date_in_words,
        "words": in_words,
        "wrapped": _wrapped,
        "starred": _starred,
        "isolated": isolated,
    }
    return environment


def _starred(passage: Passage) -> str:
    """The passage with its terms between asterisks."""
    text = "".join(f"*{each.text}*" if each.entity else each.text for each in passage.stretches)
    return isolated(text)


def _wrapped(text: str, indent: str = "", hanging: str = "") -> str:
    """The text at the width of a terminal; lines after the first are indented by both."""
    return textwrap.fill(
        text,
        TEXT_WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        **_NO_BREAKS,
    )
