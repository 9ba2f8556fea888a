"""A class and a row in the table make a channel that everything else knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from rscrawler.config import Config
from rscrawler.delivery import channels, deliver
from rscrawler.delivery.channel import SERVED, Batch, MessageChannel, Notice, Outcome
from rscrawler.delivery.channels import alert_channels, outbox_summary
from rscrawler.delivery.trial import send_test_alert
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW, an_article, on_sqlite, record
from tests.delivery.mailbox import Mailbox


@dataclass(frozen=True)
class Pager(MessageChannel):
    """Sends titles alone."""

    name: str = "pager"
    addresses: tuple[str, ...] = ("desk",)
    operators: tuple[str, ...] = ("night",)
    sent: list[bytes] = field(default_factory=list)

    def content(self, batch: Batch, message_id: str) -> bytes:
        return "\n".join(alert.title for alert in batch.alerts).encode()

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        return notice.subject.encode()

    def attempt(self, content: bytes, address: str) -> Outcome:
        self.sent.append(content)
        return SERVED


class Broken(Pager):
    """Has a bug."""

    def attempt(self, content: bytes, address: str) -> Outcome:
        raise ValueError("not foreseen")


def add(monkeypatch: pytest.MonkeyPatch, pager: Pager) -> None:
    def configured(config: Config) -> Iterator[Pager]:
        yield pager

    monkeypatch.setattr(channels, "CHANNELS", (*channels.CHANNELS, configured))


@on_sqlite
def test_it_gets_alerts_word_for_the_operators_and_trials(
    store: Store, mailbox: Mailbox, email_config: EmailConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    pager, config = Pager(), email_config()
    add(monkeypatch, pager)
    assert alert_channels(config) == ("email", "pager")
    record(store, an_article(1), "email", "pager")
    store.health.raise_problem("sample", ProblemCode.UNREACHABLE, "no answer", NOW)
    assert deliver(config, store, now=NOW).served == 3
    assert pager.sent == [str(an_article(1).title).encode(), b"Problem: sample: unreachable"]
    assert [each.channel for each in send_test_alert(config)] == ["email", "pager", "pager"]


@on_sqlite
def test_a_bug_in_one_stops_no_other_and_loses_nothing(
    store: Store, mailbox: Mailbox, email_config: EmailConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, Broken())
    record(store, an_article(1), "pager", "email")
    sent = deliver(email_config(), store, now=NOW)
    assert (sent.served, sent.put_off) == (1, 1)
    assert mailbox.only().recipients == ("desk@example.org",)
    assert outbox_summary(email_config(), store, NOW).waiting[-1].last_error == "desk: ValueError"
    tried = {each.address: each.error for each in send_test_alert(email_config())}
    assert tried == {"desk@example.org": None, "desk": "ValueError", "night": "ValueError"}
