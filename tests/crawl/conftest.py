"""Workspaces whose commands start quickly: whole crawls are many here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rscrawler.demo.mailbox import Mailbox
from tests.crawl.probes import Program, QuickWorkspace


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    running = Program(tmp_path_factory.mktemp("program"))
    yield running
    running.close()


@pytest.fixture
def workspace(tmp_path: Path, program: Program) -> QuickWorkspace:
    """An empty folder in which commands are run."""
    return QuickWorkspace(tmp_path, program)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Mailbox]:
    with Mailbox(tmp_path / "mailbox") as running:
        yield running
