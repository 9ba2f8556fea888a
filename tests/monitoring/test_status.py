"""`status` finds what nobody was there to notice, and raises no alarm without a cause."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from rscrawler.config import Config
from rscrawler.monitoring.status import Status, read_status
from rscrawler.store import Store
from rscrawler.store.jobs import service_lease
from rscrawler.store.leases import process_identity
from tests.delivery.helpers import NOW, a_piece, record
from tests.monitoring.conftest import RunCycle
from tests.scheduling.services import scheduled

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SITE = "responsiblestatecraft"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(output_dir=tmp_path)


def codes(status: Status, site: str = SITE) -> list[str]:
    return [problem.code for problem in status.sites[site].problems]


def test_a_fresh_install_is_healthy(config: Config, store: Store) -> None:
    status = read_status(config, store, NOW, ())
    assert status.is_healthy
    assert status.sites[SITE].last_run_at is None


def test_a_site_is_overdue_a_day_after_its_last_good_cycle(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 23 * HOUR, ())) == []
    status = read_status(config, store, NOW + 25 * HOUR, ())
    (problem,) = status.sites[SITE].problems
    assert problem.code == "overdue"
    assert problem.since == NOW + DAY
    assert problem.message == "no good cycle for 25 h; last good cycle 2026-11-24 12:00 UTC"
    assert not status.is_healthy


def test_a_site_that_is_switched_off_is_not_overdue(
    tmp_path: Path, store: Store, run_cycle: RunCycle
) -> None:
    config = Config(output_dir=tmp_path, sites={SITE: {"enabled": False}})
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 3 * DAY, ())) == []


def test_how_late_is_overdue_can_be_set(tmp_path: Path, store: Store, run_cycle: RunCycle) -> None:
    config = Config.model_validate({"output_dir": tmp_path, "monitoring": {"overdue_after": "2h"}})
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 3 * HOUR, ())) == ["overdue"]


def test_a_silence_that_began_after_the_last_cycle_is_not_guessed(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    publish_daily(store)
    run_cycle(NOW + HOUR, site=SITE)
    assert "silent" not in codes(read_status(config, store, NOW + 30 * DAY, ()))


def test_a_silence_that_the_last_cycle_met_is_told(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    publish_daily(store)
    run_cycle(NOW + 5 * DAY, site=SITE)
    (problem,) = read_status(config, store, NOW + 5 * DAY, ()).sites[SITE].problems
    assert problem.code == "silent"
    assert problem.since == NOW + 4 * DAY


def publish_daily(store: Store) -> None:
    """Twenty pieces, one a day, the last of them now."""
    for number in range(20):
        moment = NOW - (19 - number) * DAY
        piece = a_piece(number, site=SITE, published_at=moment, first_seen_at=moment)
        record(store, piece, at=moment)


def late_jobs(config: Config, store: Store, jobs: list[str]) -> list[str]:
    status = read_status(config, store, NOW + 2 * DAY, [scheduled(each) for each in jobs])
    shown = status.to_json()["schedule"]["problems"]
    assert len(shown) == len(status.schedule_problems)
    return [problem.message for problem in status.schedule_problems]


def test_a_job_of_a_dead_service_is_overdue(config: Config, store: Store) -> None:
    owner = "another-host/1/1"
    store.leases.acquire(service_lease(owner), owner, NOW)
    store.jobs.schedule("rs-sections", "every 20m", NOW)
    assert late_jobs(config, store, ["rs-sections"]) == [
        "job rs-sections was to run at 2026-11-24T12:00:00Z, and no service has run it"
    ]
    assert late_jobs(config, store, ["another"]) == []  # it left the schedules


def test_a_service_that_was_ended_is_not_missed(config: Config, store: Store) -> None:
    owner = process_identity()
    store.leases.acquire(service_lease(owner), owner, NOW)
    store.jobs.schedule("rs-sections", "every 20m", NOW)
    store.leases.release(service_lease(owner), owner)
    assert late_jobs(config, store, ["rs-sections"]) == []
