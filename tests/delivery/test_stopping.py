"""A command that is told to end finishes the message in hand, and sends no other."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rscrawler.config import load_config
from rscrawler.delivery import deliver
from rscrawler.store import Store
from tests.delivery.helpers import an_article, record
from tests.delivery.mailbox import Mailbox
from tests.workspace import PROGRAM, Workspace, wait_until

EMAIL = """
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "m@example.org"
recipients = ["desk@example.org"]
"""


@pytest.fixture
def workspace(mailbox: Mailbox, tmp_path: Path) -> Workspace:
    """Two mails are due, and the site does not answer."""
    workspace = Workspace(tmp_path)
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


def begun(workspace: Workspace, mailbox: Mailbox, command: str) -> subprocess.Popen[str]:
    """The command, while the server thinks about the first mail, which it has taken."""
    mailbox.answering.clear()
    process = subprocess.Popen(
        [*PROGRAM, command, "--json"],
        cwd=workspace.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: bool(mailbox.received))
    return process


@pytest.mark.parametrize(
    ("command", "number"),
    [("deliver", signal.SIGTERM), ("deliver", signal.SIGINT), ("crawl", signal.SIGTERM)],
)
def test_a_signal_lets_the_mail_in_hand_be_finished_and_none_begun(
    workspace: Workspace, mailbox: Mailbox, command: str, number: signal.Signals
) -> None:
    process = begun(workspace, mailbox, command)
    process.send_signal(number)
    mailbox.answering.set()
    said, complained = process.communicate()
    assert process.returncode == 1
    assert json.loads(said)["delivered"] == 1
    assert "delivery: stopped by a signal; 1 wait for the next one" in complained
    assert len(mailbox.received) == 1
    assert workspace.run("deliver").status == 0
    first, second = mailbox.received
    assert first.mail["Message-ID"] != second.mail["Message-ID"]


def test_a_second_signal_ends_it_at_once(workspace: Workspace, mailbox: Mailbox) -> None:
    process = begun(workspace, mailbox, "deliver")

    def has_ended() -> bool:
        process.terminate()
        return process.poll() is not None

    wait_until(has_ended)
    process.communicate()
    assert process.returncode == -signal.SIGTERM
