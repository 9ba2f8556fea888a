"""Problems that no cycle finds are reported: a service that died, a disk that is nearly full."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.delivery.ops import is_of_outbox
from rscrawler.monitoring.status import raise_health_problems, read_status
from rscrawler.store import Store
from rscrawler.store.leases import process_identity
from tests.delivery.helpers import NOW

MINUTE = timedelta(minutes=1)
DEAD = "another-host/1/1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    email = {"host": "127.0.0.1", "port": 1, "security": "none", "sender": "a@example.org"}
    alerts = {"email": {**email, "recipients": ["b@example.org"]}}
    return Config.model_validate(
        {"output_dir": tmp_path, "alerts": {**alerts, "ops": {"recipients": ["ops@example.org"]}}}
    )


def reported(store: Store) -> list[tuple[str, str]]:
    """The problems that have begun and have not ended, except that no mail leaves here."""
    problems = [each for each in store.health.problems() if not is_of_outbox(each.subject)]
    assert all(problem.notified_at is not None for problem in problems)
    return [(problem.subject, problem.code) for problem in problems]


def look(config: Config, store: Store, minutes: int) -> list[tuple[str, str]]:
    """Look and deliver, as each delivery from the command line does."""
    now = NOW + minutes * MINUTE
    raise_health_problems(config, store, now)
    deliver(config, store, now=now)
    return reported(store)


def test_a_service_that_died_is_reported_until_another_one_lives(
    config: Config, store: Store
) -> None:
    store.leases.acquire(f"service:{DEAD}", DEAD, NOW)
    assert look(config, store, 1) == []
    assert look(config, store, 3) == [("schedule", "overdue")]
    assert look(config, store, 4) == [("schedule", "overdue")]
    assert len(read_status(config, store, NOW + 4 * MINUTE).others["schedule"]) == 1
    store.leases.acquire(f"service:{process_identity()}", process_identity(), NOW + 5 * MINUTE)
    assert look(config, store, 5) == []


def test_a_service_that_runs_here_has_slept_and_not_died(config: Config, store: Store) -> None:
    store.leases.acquire(f"service:{process_identity()}", process_identity(), NOW)
    assert look(config, store, 300) == []
    assert len(read_status(config, store, NOW + 300 * MINUTE).others["schedule"]) == 1


def test_a_disk_that_is_nearly_full_is_reported_until_there_is_ample_room(
    config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {"MiB": 31}

    def usage(_: Path) -> Any:
        return SimpleNamespace(free=left["MiB"] * 2**20)

    monkeypatch.setattr("shutil.disk_usage", usage)
    for minutes, left["MiB"] in enumerate((31, 33, 30, 63)):
        assert look(config, store, minutes) == [("disk", "disk-full")]
    left["MiB"] = 64
    assert look(config, store, 9) == []
