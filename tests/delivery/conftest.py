"""What the tests of delivery share: a mailbox behind a real SMTP server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config import Config
from tests.delivery.helpers import a_config
from tests.delivery.listener import Listener, listening
from tests.delivery.mailbox import Mailbox, serving

EmailConfig = Callable[..., Config]


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A server that takes every mail, until told otherwise."""
    with serving(Mailbox()) as mailbox:
        yield mailbox


@pytest.fixture
def email_config(mailbox: Mailbox, tmp_path: Path) -> EmailConfig:
    """Makes configurations that mail to the mailbox; keywords change `alerts.email`."""

    def make(alerts: dict[str, Any] | None = None, **email: Any) -> Config:
        values = {
            "host": "127.0.0.1",
            "port": mailbox.port,
            "security": "none",
            "sender": "Central Asia monitor <monitor@example.org>",
            "recipients": ["desk@example.org"],
            "timeout": "30s",
        }
        return a_config(tmp_path / "out", email=values | email, **(alerts or {}))

    return make


@pytest.fixture
def listener() -> Iterator[Listener]:
    """An HTTP server that takes every POST, until told otherwise."""
    with listening() as listener:
        yield listener
