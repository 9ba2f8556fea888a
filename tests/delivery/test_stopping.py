"""A command that is told to end finishes the message in hand, and sends no other."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

import pytest

from rscrawler.config import load_config
from rscrawler.delivery import deliver
from rscrawler.store import Store
from tests.delivery.helpers import an_article, record
from tests.delivery.mailbox import Mailbox
from tests.workspace import Running, Workspace, wait_until

EMAIL = """
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "m@example.org"
recipients = ["desk@example.org"]
"""


@pytest.fixture
def late(workspace: Workspace, mailbox: Mailbox) -> Workspace:
    """Two mails are due, and the site does not answer."""
    workspace.write_config("http://127.0.0.1:1", EMAIL.format(port=mailbox.port))
    config = load_config(workspace.config)
    store = Store.open(config.database)
    before = datetime.now(UTC) - timedelta(hours=1)
    mailbox.reply = "451 not now"
    record(store, an_article(1), "email", at=before)
    deliver(config, store, now=before)
    record(store, an_article(2), "email", at=before)
    store.close()
    mailbox.reply = "250 OK"
    return workspace


def begun(workspace: Workspace, mailbox: Mailbox, command: str) -> Running:
    """The command, while the server thinks about the first mail, which it has taken."""
    mailbox.answering.clear()
    process = workspace.start(command, "--json")
    wait_until(lambda: bool(mailbox.received))
    return process


@pytest.mark.parametrize(
    ("command", "number"),
    [("deliver", signal.SIGTERM), ("deliver", signal.SIGINT), ("crawl", signal.SIGTERM)],
)
def test_a_signal_lets_the_mail_in_hand_be_finished_and_none_begun(
    late: Workspace, mailbox: Mailbox, command: str, number: signal.Signals
) -> None:
    process = begun(late, mailbox, command)
    process.send_signal(number)
    mailbox.answering.set()
    stopped = process.wait()
    assert stopped.status == 1
    assert stopped.json["delivered"] == 1
    assert "delivery: stopped by a signal; 1 wait for the next delivery" in stopped.stderr
    assert len(mailbox.received) == 1
    assert late.run("deliver").status == 0
    first, second = mailbox.received
    assert first.mail["Message-ID"] != second.mail["Message-ID"]


def test_a_second_signal_ends_it_at_once(late: Workspace, mailbox: Mailbox) -> None:
    process = begun(late, mailbox, "deliver")

    def has_ended() -> bool:
        process.send_signal(signal.SIGTERM)
        return process.poll() is not None

    wait_until(has_ended)
    assert process.wait().status == -signal.SIGTERM
