"""What the tests of whole crawls share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rscrawler.demo.server import Mailbox


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mailbox") as running:
        yield running
