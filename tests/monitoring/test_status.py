"""`status` finds what nobody was there to notice, and raises no alarm without a cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.decisions import MOST_CRAWLS
from rscrawler.delivery import deliver
from rscrawler.delivery.channels import OutboxSummary, Waiting, due_since
from rscrawler.monitoring.status import Status, read_status
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing
from rscrawler.store.leases import (
    LEASE_DURATION,
    host_lease,
    process_identity,
    site_lease,
)
from rscrawler.store.messages import NewMessage, RecipientOutcome
from tests.delivery.helpers import NOW, an_article, on_sqlite, record
from tests.monitoring.conftest import RunCycle

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
SITE = "responsiblestatecraft"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(output_dir=tmp_path)


def codes(status: Status, site: str = SITE) -> list[str]:
    return [problem.code for problem in status.sites[site].problems]


@on_sqlite
def test_a_fresh_install_is_healthy(config: Config, store: Store) -> None:
    status = read_status(config, store, NOW)
    assert status.is_healthy
    assert status.sites[SITE].last_run_at is None
    assert status.sites[SITE].state == "not crawled yet"


@on_sqlite
def test_the_state_of_a_site_says_whether_it_is_watched_at_all(
    tmp_path: Path, store: Store, run_cycle: RunCycle
) -> None:
    run_cycle(NOW, site=SITE)

    def state(now: datetime, **keys: bool) -> str:
        config = Config(output_dir=tmp_path, sites={SITE: keys})
        return read_status(config, store, now).sites[SITE].state

    assert state(NOW) == "healthy"
    assert state(NOW + 3 * DAY) == "unhealthy"
    assert state(NOW + 3 * DAY, enabled=False) == "not enabled"


@on_sqlite
def test_a_site_is_overdue_a_day_after_its_last_good_cycle(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 23 * HOUR)) == []
    status = read_status(config, store, NOW + 25 * HOUR)
    (problem,) = status.sites[SITE].problems
    assert problem.code == "overdue"
    assert problem.since == NOW + DAY
    assert problem.message == "no good cycle for 25 h; last good cycle 2026-11-24 12:00 UTC"
    assert not status.is_healthy


def test_a_cycle_of_a_clock_that_was_ahead_makes_no_site_well(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    publish_daily(store)
    run_cycle(NOW, site=SITE)
    run_cycle(NOW + 30 * DAY, site=SITE)
    store.health.record_not_before(SITE, NOW + 31 * DAY)
    status = read_status(config, store, NOW + 23 * HOUR)
    assert (codes(status), status.sites[SITE].last_success_at) == ([], NOW)
    status = read_status(config, store, NOW + 25 * HOUR)
    assert (codes(status), status.sites[SITE].last_run_at) == (["overdue"], NOW)


@on_sqlite
def test_a_site_that_is_switched_off_is_not_overdue(
    tmp_path: Path, store: Store, run_cycle: RunCycle
) -> None:
    config = Config(output_dir=tmp_path, sites={SITE: {"enabled": False}})
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 3 * DAY)) == []


@on_sqlite
def test_how_late_is_overdue_can_be_set(tmp_path: Path, store: Store, run_cycle: RunCycle) -> None:
    config = Config.model_validate({"output_dir": tmp_path, "monitoring": {"overdue_after": "2h"}})
    run_cycle(NOW, site=SITE)
    assert codes(read_status(config, store, NOW + 3 * HOUR)) == ["overdue"]


@on_sqlite
def test_a_silence_that_began_after_the_last_cycle_is_not_guessed(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    publish_daily(store)
    run_cycle(NOW + HOUR, site=SITE)
    assert "silent" not in codes(read_status(config, store, NOW + 30 * DAY))


@on_sqlite
def test_a_silence_that_the_last_cycle_met_is_told(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    publish_daily(store)
    run_cycle(NOW + 5 * DAY, site=SITE)
    (problem,) = read_status(config, store, NOW + 5 * DAY).sites[SITE].problems
    assert problem.code == "silent"
    assert problem.since == NOW + 4 * DAY


@on_sqlite
@pytest.mark.parametrize("days", [85, 400])
def test_a_site_that_has_stopped_stays_silent(
    config: Config, store: Store, run_cycle: RunCycle, days: int
) -> None:
    publish_daily(store)
    run_cycle(NOW + days * DAY, site=SITE)
    (problem,) = read_status(config, store, NOW + days * DAY).sites[SITE].problems
    assert (problem.code, problem.since) == ("silent", NOW + 4 * DAY)


def publish_daily(store: Store) -> None:
    """Twenty articles, one a day, the last of them now."""
    for number in range(20):
        moment = NOW - (19 - number) * DAY
        article = an_article(number, site=SITE, published_at=moment, first_seen_at=moment)
        record(store, article, at=moment)


# The outbox.


def said_of_outbox(config: Config, store: Store, at: datetime) -> list[str]:
    problems = read_status(config, store, at).others["outbox"]
    assert all(problem.code == "overdue" and problem.since < at for problem in problems)
    return [problem.message for problem in problems]


@on_sqlite
def test_problems_of_channels_and_of_the_output_folder_are_shown_under_outbox(
    config: Config, store: Store
) -> None:
    for subject in ("outbox", "outbox/email", "output"):  # the first by an older version
        store.health.raise_problem(subject, ProblemCode.DELIVERY_FAILING, subject, NOW)
    shown = read_status(config, store, NOW).to_json()["outbox"]
    assert {each["code"] for each in shown["problems"]} == {"delivery-failing"}
    assert [each["message"] for each in shown["problems"]] == ["outbox", "outbox/email", "output"]


@on_sqlite
def test_records_that_nobody_writes_out_are_told_after_a_day(config: Config, store: Store) -> None:
    record(store, an_article(1))
    assert said_of_outbox(config, store, NOW + 23 * HOUR) == []
    assert said_of_outbox(config, store, NOW + DAY) == [
        "what was due 24 h ago has not gone out: nothing delivers"
    ]
    deliver(config, store, now=NOW + DAY)
    assert said_of_outbox(config, store, NOW + 2 * DAY) == []


@on_sqlite
def test_what_waits_for_its_time_or_for_a_channel_is_not_told(tmp_path: Path, store: Store) -> None:
    email = {"host": "127.0.0.1", "port": 1, "security": "none", "digest": "daily"}
    names = {"sender": "a@example.org", "recipients": ["b@example.org"], "digest_at": "11:00"}
    config = Config.model_validate(
        {"output_dir": tmp_path, "alerts": {"email": {**email, **names}}}
    )
    record(store, an_article(1), "email", "channel:gone")
    deliver(config, store, now=NOW)
    # The digest was due for an hour when a day had passed; it has two days to go out.
    assert said_of_outbox(config, store, NOW + 25 * HOUR) == []
    assert len(said_of_outbox(config, store, NOW + 48 * HOUR)) == 1


@on_sqlite
def test_an_alert_that_nobody_sends_is_told(tmp_path: Path, store: Store) -> None:
    alerts = {"channels": {"desk": "json://127.0.0.1:1/"}}
    config = Config.model_validate({"output_dir": tmp_path, "alerts": alerts})
    store.messages.add(NewMessage("m-1", "channel:desk", "alert", NOW, b"{}", ("key",)))
    assert said_of_outbox(config, store, NOW + 23 * HOUR) == []
    assert len(said_of_outbox(config, store, NOW + DAY)) == 1


@on_sqlite
def test_the_outbox_is_overdue_since_its_oldest_message_was_due(
    tmp_path: Path, store: Store
) -> None:
    alerts = {"channels": {"desk": "json://127.0.0.1:1/"}}
    config = Config.model_validate({"output_dir": tmp_path, "alerts": alerts})
    for number, due_at in enumerate((NOW + 2 * HOUR, NOW + HOUR, NOW + 3 * HOUR)):
        new = NewMessage(f"m-{number}", "channel:desk", "alert", NOW, b"{}", ("key",))
        store.messages.add(new)
        tried = RecipientOutcome("key", "pending", "no answer", due_at)
        store.messages.mark(new.message_id, [tried])
    for later in (2 * DAY, 3 * DAY):
        (problem,) = read_status(config, store, NOW + later).others["outbox"]
        assert (problem.code, problem.since) == ("overdue", NOW + HOUR)
    of_wrong_clock = RecipientOutcome("key", "pending", "no answer", NOW + 300 * DAY)
    store.messages.mark("m-0", [of_wrong_clock])  # it is due since it was composed
    (problem,) = read_status(config, store, NOW + 2 * DAY).others["outbox"]
    assert problem.since == NOW


@on_sqlite
def test_what_a_clock_that_was_ahead_has_put_off_or_written_is_told(
    tmp_path: Path, store: Store
) -> None:
    alerts = {"channels": {"desk": "json://127.0.0.1:1/"}}
    config = Config.model_validate({"output_dir": tmp_path, "alerts": alerts})
    ahead = NOW + 30 * DAY
    store.messages.add(NewMessage("m-1", "channel:desk", "alert", NOW, b"{}", ("key",)))
    store.messages.mark("m-1", [RecipientOutcome("key", "pending", "no answer", ahead)])
    assert said_of_outbox(config, store, NOW + 23 * HOUR) == []
    assert len(said_of_outbox(config, store, NOW + DAY)) == 1
    deliver(config, store, now=NOW + DAY)
    assert said_of_outbox(config, store, NOW + DAY + HOUR) == []
    record(store, an_article(1), at=ahead)
    assert due_since(config, store, NOW + DAY)
    assert len(said_of_outbox(config, store, NOW + DAY)) == 1


@on_sqlite
def test_recipients_who_wait_for_the_same_reason_are_one_line(config: Config, store: Store) -> None:
    recipients = ("one@example.org", "two@example.org")
    store.messages.add(NewMessage("m-1", "email", "alert", NOW, b"", recipients))
    (line,) = read_status(config, store, NOW).waiting_lines()
    assert line.startswith("email: 2 no configured channel of this name takes it")


@on_sqlite
def test_what_was_tried_in_vain_says_when_it_is_tried_next(config: Config, store: Store) -> None:
    waiting = (
        Waiting("email", 1, "failed once", NOW, "desk@example.org: refused"),
        Waiting("email", 2, "held by quiet hours", NOW),
        Waiting("jsonl", 3, "the next delivery"),
    )
    status = replace(read_status(config, store, NOW), outbox=OutboxSummary(6, 0, waiting))
    assert list(status.waiting_lines()) == [
        "email: 1 failed once; next try at 2026-11-24T12:00:00Z "
        "(last error: desk@example.org: refused)",
        "email: 2 held by quiet hours until 2026-11-24T12:00:00Z",
        "jsonl: 3 the next delivery",
    ]


# The disk.


@on_sqlite
def test_a_disk_that_is_nearly_full_is_told(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = {tmp_path: 31, tmp_path / "elsewhere": 32}

    def usage(folder: Path) -> Any:
        return SimpleNamespace(free=left[folder] * 2**20)

    monkeypatch.setattr("shutil.disk_usage", usage)
    (tmp_path / "elsewhere").mkdir()
    config = Config.model_validate(
        {
            "output_dir": tmp_path / "not-there-yet",
            "database_url": f"sqlite:///{tmp_path / 'elsewhere' / 'x.db'}",
        }
    )
    status = read_status(config, store, NOW)
    (problem,) = status.others["disk"]
    assert problem.message == (
        f"{tmp_path / 'not-there-yet'}: 31 MiB are left to write to; at least 32 should be"
    )
    assert not status.is_healthy
    assert status.to_json()["disk"]["problems"][0]["code"] == "disk-full"


# The service.

SERVICE = "another-host/1/1"


def a_service(store: Store, owner: str = SERVICE, at: datetime = NOW) -> None:
    """A service that has planned its jobs at noon, and lives at a time."""
    store.leases.acquire(f"service:{owner}", owner, at)
    store.jobs.schedule("job", "every 20m", NOW)


EVERY_20_MINUTES = 'every = "20m"'


def a_job(job_id: str = "job", times: str = EVERY_20_MINUTES) -> str:
    return f'[[job]]\nid = "{job_id}"\nsites = ["{SITE}"]\n{times}\n'


def with_jobs(config: Config, *jobs: str) -> Config:
    """A configuration with a schedule file of these jobs."""
    folder = config.output_dir / "schedules"
    folder.mkdir(exist_ok=True)
    (folder / "jobs.toml").write_text("".join(jobs))
    return config.model_copy(update={"schedules_dir": folder})


def said_of_schedule(
    config: Config, store: Store, at: datetime, times: str = EVERY_20_MINUTES, job_id: str = "job"
) -> list[str]:
    status = read_status(with_jobs(config, a_job(job_id, times)), store, at)
    shown = status.to_json()["schedule"]["problems"]
    assert len(shown) == len(status.others["schedule"])
    assert all(problem.since < at for problem in status.others["schedule"])
    return [problem.message for problem in status.others["schedule"]]


@on_sqlite
def test_a_service_that_died_on_this_machine_is_missed_at_once(
    config: Config, store: Store
) -> None:
    host = process_identity().split("/")[0]
    a_service(store, f"{host}/999999999/1")
    assert said_of_schedule(config, store, NOW + timedelta(seconds=1)) == [
        f"the service (process 999999999 on {host}) has died or hangs: "
        "no sign of life since 2026-11-24T12:00:00Z; "
        "start it again, and stop it if cron is to take its place"
    ]


@on_sqlite
def test_a_service_elsewhere_is_missed_when_it_is_silent(config: Config, store: Store) -> None:
    a_service(store)
    assert said_of_schedule(config, store, NOW + LEASE_DURATION - timedelta(seconds=1)) == []
    (said,) = said_of_schedule(config, store, NOW + LEASE_DURATION)
    assert "(process 1 on another-host) has died or hangs" in said


@on_sqlite
def test_one_service_that_lives_is_enough(config: Config, store: Store) -> None:
    a_service(store, at=NOW - HOUR)
    a_service(store, process_identity())
    assert said_of_schedule(config, store, NOW + timedelta(seconds=1)) == []


@on_sqlite
def test_jobs_are_missed_though_their_service_was_ended_in_peace(
    config: Config, store: Store, run_cycle: RunCycle
) -> None:
    owner = process_identity()
    a_service(store, owner)
    store.leases.release(f"service:{owner}", owner)
    minutes = timedelta(minutes=1)
    times = 'every = "10s"'
    assert said_of_schedule(config, store, NOW + 4 * minutes, times) == []
    assert said_of_schedule(config, store, NOW + 12 * minutes, times) == [
        "job job was due at 2026-11-24T12:00:00Z, but no service runs: the last was stopped"
    ]
    run_cycle(NOW + 11 * minutes, site=SITE)  # from cron, or by hand
    assert said_of_schedule(config, store, NOW + 12 * minutes, times) == []


@on_sqlite
def test_crawls_by_cron_need_no_service(config: Config, store: Store, run_cycle: RunCycle) -> None:
    run_cycle(NOW, site=SITE)
    assert said_of_schedule(config, store, NOW + 20 * HOUR) == []


@on_sqlite
@pytest.mark.parametrize(
    ("times", "patience"),
    [
        ('every = "20m"', HOUR),
        ('every = "1m"', HOUR / 12),
        ('cron = "*/10 * * * *"', HOUR / 2),
        ('cron = "0 7 * * mon"', DAY),
        ('adaptive = { min = "5m", max = "2h" }', 6 * HOUR),
    ],
)
def test_a_job_that_a_living_service_does_not_run_is_missed_after_three_of_its_spans(
    config: Config, store: Store, times: str, patience: timedelta
) -> None:
    a_service(store)
    store.leases.acquire(f"service:{SERVICE}", SERVICE, NOW + patience)
    assert said_of_schedule(config, store, NOW + patience, times) == []
    later = NOW + patience + timedelta(seconds=1)
    assert said_of_schedule(config, store, later, times) == [
        "job job was due at 2026-11-24T12:00:00Z, but no service has run it"
    ]
    assert said_of_schedule(config, store, later, times, job_id="another") == []


def begin_run(store: Store, job_id: str) -> None:
    store.jobs.schedule(job_id, "every 1d", NOW)
    firing = Firing(job_id, NOW, SERVICE)
    assert store.jobs.claim(firing, next_fire_at=NOW + DAY, now=NOW)


@on_sqlite
def test_a_job_that_waits_for_another_one_of_its_site_to_deliver_is_not_missed(
    config: Config, store: Store
) -> None:
    later = NOW + 5 * HOUR
    a_service(store)
    store.leases.acquire(f"service:{SERVICE}", SERVICE, later)
    begin_run(store, "full")
    config = with_jobs(config, a_job(), a_job("full", 'every = "1d"'))
    assert read_status(config, store, later).others["schedule"] == ()


@on_sqlite
def test_a_job_that_waits_since_too_many_runs_go_on_is_not_missed(
    config: Config, store: Store
) -> None:
    later = NOW + 5 * HOUR
    a_service(store)
    store.leases.acquire(f"service:{SERVICE}", SERVICE, later)
    for number in range(MOST_CRAWLS):
        assert len(said_of_schedule(config, store, later)) == 1
        begin_run(store, f"other-{number}")
    assert said_of_schedule(config, store, later) == []


@on_sqlite
def test_a_job_waits_a_day_for_a_living_worker_which_may_be_busy(
    config: Config, store: Store
) -> None:
    scheduling = config.scheduling.model_copy(update={"executor": "workers"})
    config = config.model_copy(update={"scheduling": scheduling})
    missed = ["job job was due at 2026-11-24T12:00:00Z, but no worker has run it"]
    a_service(store)
    for later, said in ((NOW + DAY, []), (NOW + DAY + HOUR, missed)):
        store.leases.acquire(f"service:{SERVICE}", SERVICE, later)
        assert said_of_schedule(config, store, later) == missed
        store.leases.acquire("worker:another-host/2/2", "another-host/2/2", later)
        assert said_of_schedule(config, store, later) == said


@on_sqlite
def test_a_failing_job_that_waits_since_half_of_the_places_are_for_others_is_not_missed(
    config: Config, store: Store
) -> None:
    def fail(job_id: str) -> None:
        store.jobs.schedule(job_id, "every 20m", NOW)
        failed = Firing(job_id, NOW, SERVICE)
        assert store.jobs.claim(failed, next_fire_at=NOW + HOUR / 3, now=NOW)
        assert store.jobs.end(failed, outcome="failed: timeout", has_failed=True, now=NOW)

    later = NOW + 5 * HOUR
    fail("job")
    store.leases.acquire(f"service:{SERVICE}", SERVICE, later)
    for number in range(MOST_CRAWLS // 2):
        assert len(said_of_schedule(config, store, later)) == 1
        begin_run(store, f"well-{number}")  # jobs that do not fail leave it its place
        assert len(said_of_schedule(config, store, later)) == 1
        fail(f"other-{number}")
        again = Firing(f"other-{number}", NOW + HOUR / 3, SERVICE)
        assert store.jobs.claim(again, next_fire_at=NOW + HOUR, now=NOW + HOUR / 3)
    assert said_of_schedule(config, store, later) == []


@on_sqlite
@pytest.mark.parametrize("lease", [None, site_lease(SITE), host_lease(f"{SITE}.org")])
def test_a_job_that_runs_or_has_to_wait_is_not_missed(
    config: Config, store: Store, lease: str | None
) -> None:
    later = NOW + 5 * HOUR
    a_service(store)
    store.leases.acquire(f"service:{SERVICE}", SERVICE, later)
    if lease is None:
        firing = Firing("job", NOW, SERVICE)
        next_fire_at = NOW + timedelta(minutes=20)
        assert store.jobs.claim(firing, next_fire_at=next_fire_at, now=NOW)
    else:
        store.leases.acquire(lease, SERVICE, later)
    assert said_of_schedule(config, store, later) == []
