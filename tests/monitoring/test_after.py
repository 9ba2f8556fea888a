"""Signs of life after a cycle: heartbeat, weekly mail, metrics file."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.errors import StoreError
from rscrawler.monitoring import direct
from rscrawler.monitoring.after import after_cycle
from rscrawler.monitoring.cycle import CycleOutcome, CycleReport
from rscrawler.store import Store
from rscrawler.store.discovery import SourceState
from rscrawler.store.health import ProblemCode
from tests.crawl.probes import FEED, sources
from tests.delivery.helpers import NOW, on_sqlite
from tests.delivery.listener import dripping
from tests.delivery.mailbox import Mailbox, serving
from tests.monitoring.conftest import Pulse, RunCycle
from tests.sample_site import Fault, SampleSite
from tests.workspace import Workspace

WEEK = timedelta(days=7)
DONE = CycleOutcome({"errors": 0}, True, {})
SKIPPED = CycleOutcome({"errors": 0}, True, {}, "is being crawled by another process")
STOPPED = CycleOutcome({"errors": 0}, False, {})


def report(outcome: CycleOutcome = DONE) -> CycleReport:
    """A cycle over one site that has ended."""
    return CycleReport("run", NOW, 1.0, {"sample": outcome})


def a_config(folder: Path, alerts: dict[str, Any] | None = None, **monitoring: Any) -> Config:
    return Config(output_dir=folder, alerts=alerts or {}, monitoring=monitoring)


@on_sqlite
def test_a_good_cycle_is_told_as_such_only_while_all_is_well_elsewhere(
    store: Store, tmp_path: Path, pulse: Pulse
) -> None:
    config = a_config(tmp_path, heartbeat_url=pulse.url)
    after_cycle(config, store, report(), NOW)
    for subject, code in (
        ("responsiblestatecraft", ProblemCode.LAYOUT_DRIFT),
        ("outbox/email", ProblemCode.DELIVERY_FAILING),
    ):
        store.health.raise_problem(subject, code, "why", NOW)
        after_cycle(config, store, report(), NOW)
        store.health.clear_problem(subject, code)
    after_cycle(config, store, report(), NOW)
    good, bad = "/ping/some-secret", "/ping/some-secret/fail"
    assert pulse.paths == [good, bad, bad, good]


@on_sqlite
@pytest.mark.parametrize("outcome", [SKIPPED, STOPPED])
def test_a_cycle_that_did_nothing_or_was_stopped_is_no_sign_of_life(
    store: Store, tmp_path: Path, pulse: Pulse, outcome: CycleOutcome
) -> None:
    config = a_config(tmp_path, heartbeat_url=pulse.url)
    after_cycle(config, store, report(outcome), NOW)
    assert pulse.paths == []


@on_sqlite
def test_a_cycle_whose_store_cannot_be_read_is_a_bad_one(
    store: Store, tmp_path: Path, pulse: Pulse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.health, "problems", broken)
    config = a_config(tmp_path, heartbeat_url=pulse.url)
    after_cycle(config, store, report(), NOW)
    assert pulse.paths == ["/ping/some-secret/fail"]


@pytest.fixture
def heard(workspace: Workspace, pulse: Pulse) -> Iterator[SampleSite]:
    """A site whose cycles send a heartbeat."""
    with SampleSite(stories=3) as site:
        extra = f'[monitoring]\nheartbeat_url = "{pulse.url}"\n'
        workspace.write_config(site.base_url, sources(FEED) + extra)
        yield site


def test_a_page_that_cannot_be_read_once_raises_no_alarm(
    workspace: Workspace, pulse: Pulse, heard: SampleSite
) -> None:
    heard.fail(heard.stories[0].path, Fault.SERVER_ERROR)
    result = workspace.run("crawl", "--json")
    assert (result.status, result.json["errors"]) == (1, 1)
    assert workspace.run("status").status == 0
    assert pulse.paths == ["/ping/some-secret"]


@pytest.mark.usefixtures("heard")
def test_a_crawl_that_cannot_write_its_records_says_so_to_whoever_listens(
    workspace: Workspace, pulse: Pulse
) -> None:
    workspace.output.mkdir()
    (workspace.output / "articles").write_text("a file where the folder should be")
    result = workspace.run("crawl")
    assert result.status == 1
    assert "cannot be written" in result.stderr
    assert pulse.paths == ["/ping/some-secret/fail"]


def broken(*_: object) -> Any:
    raise StoreError("database is locked")


@on_sqlite
def test_of_three_signs_each_is_given_though_the_others_fail(
    store: Store,
    tmp_path: Path,
    pulse: Pulse,
    run_cycle: RunCycle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run_cycle(NOW - WEEK)
    path = tmp_path / "rscrawler.prom"
    config = a_config(tmp_path, heartbeat_url=pulse.url, metrics_file=path, weekly_mail=True)
    with monkeypatch.context() as patch:
        patch.setattr(store.history, "last_weekly_at", broken)
        after_cycle(config, store, report(), NOW)
    assert path.exists()
    path.unlink()
    monkeypatch.setattr(store.history, "totals", broken)
    after_cycle(config, store, report(), NOW)
    assert not path.exists()
    assert pulse.paths == ["/ping/some-secret"] * 2
    assert caplog.messages == [
        "the weekly mail was not written: database is locked",
        f"metrics file {path}: database is locked",
    ]


@on_sqlite
def test_a_query_stays_behind_the_path(store: Store, tmp_path: Path, pulse: Pulse) -> None:
    config = a_config(tmp_path, heartbeat_url=f"{pulse.url}/?create=1")
    store.health.raise_problem("topics", ProblemCode.WATCH_LIST, "not TOML", NOW)
    after_cycle(config, store, report(), NOW)
    assert pulse.paths == ["/ping/some-secret/fail?create=1"]


@on_sqlite
@pytest.mark.parametrize("status", [404, 500])
def test_a_heartbeat_that_is_refused_is_logged_without_its_address(
    status: int, store: Store, tmp_path: Path, pulse: Pulse, caplog: pytest.LogCaptureFixture
) -> None:
    pulse.status = status
    with caplog.at_level(logging.WARNING):
        after_cycle(a_config(tmp_path, heartbeat_url=pulse.url), store, report(), NOW)
    assert caplog.messages == [f"the heartbeat did not arrive: HTTP {status}"]


@on_sqlite
def test_a_heartbeat_that_finds_nobody_fails_nothing(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = a_config(tmp_path, heartbeat_url="http://127.0.0.1:9/some-secret")
    with caplog.at_level(logging.WARNING):
        after_cycle(config, store, report(), NOW)
    assert len(caplog.messages) == 1
    assert "some-secret" not in caplog.text


@on_sqlite
def test_a_heartbeat_must_be_answered_whole_within_the_timeout(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(direct, "HEARTBEAT_TIMEOUT", timedelta(seconds=0.2))
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as port:
        config = a_config(tmp_path, heartbeat_url=f"http://127.0.0.1:{port}/")
        after_cycle(config, store, report(), NOW)
    late = "no response within 0.2 s; it may have been accepted"
    assert caplog.messages == [f"the heartbeat did not arrive: {late}"]


def test_a_heartbeat_goes_to_the_web_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="an http or https address"):
        a_config(tmp_path, heartbeat_url="file:///etc/passwd")


def mail_settings(mailbox: Mailbox, **alerts: Any) -> dict[str, Any]:
    return {
        "email": {
            "host": "127.0.0.1",
            "port": mailbox.port,
            "security": "none",
            "sender": "Monitor <monitor@example.org>",
            "recipients": ["desk@example.org"],
        },
        **alerts,
    }


def read_a_source(store: Store, path: str) -> None:
    url = f"https://sample.example.org{path}"
    state = SourceState(url, kind="section", requested_at=NOW + WEEK)
    store.discovery.record_reading("sample", path, state)


def test_a_week_is_told_once_with_what_was_checked_and_found(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    with serving(Mailbox()) as mailbox:
        ops = {"recipients": ["ops@example.org"]}
        config = a_config(tmp_path, mail_settings(mailbox, ops=ops), weekly_mail=True)
        run_cycle(NOW, articles_new=40)
        after_cycle(config, store, report(), NOW)
        deliver(config, store, now=NOW)
        assert mailbox.received == []
        run_cycle(NOW + WEEK, articles_new=2, flagged=1)
        read_a_source(store, "/europe/")
        read_a_source(store, "/media/")
        for minutes in (1, 2):
            now = NOW + WEEK + timedelta(minutes=minutes)
            after_cycle(config, store, report(), now)
            deliver(config, store, now=now)
        received = mailbox.only()
    assert received.recipients == ("ops@example.org",)
    assert received.mail["Subject"] == "All well: 2 sources checked, 42 new"
    assert "sample: 2 of 2 cycles good, 42 new, 0 updated, 1 flagged" in received.text


def days_of_weekly_mails(store: Store, folder: Path, moments: Iterable[datetime]) -> list[str]:
    """The dates of the mails that go out if cycles end at these moments."""
    with serving(Mailbox()) as mailbox:
        config = a_config(folder, mail_settings(mailbox), weekly_mail=True)
        for now in moments:
            after_cycle(config, store, report(), now)
            deliver(config, store, now=now)
        return [str(each.mail["Date"])[:16] for each in mailbox.received]


@on_sqlite
def test_with_a_cycle_a_day_the_weekly_mail_comes_each_seventh_day(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    run_cycle(NOW)
    # Each cycle takes a second less than the one before.
    moments = (NOW + timedelta(days=day, seconds=40 - day) for day in range(30))
    dates = days_of_weekly_mails(store, tmp_path, moments)
    assert dates == ["Tue, 01 Dec 2026", "Tue, 08 Dec 2026", "Tue, 15 Dec 2026", "Tue, 22 Dec 2026"]


@on_sqlite
def test_a_weekly_mail_of_a_clock_that_was_ahead_holds_up_no_other(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    run_cycle(NOW)
    moments = (NOW + timedelta(days=days) for days in (400, 7, 8, 14))
    dates = days_of_weekly_mails(store, tmp_path, moments)
    assert dates == ["Wed, 29 Dec 2027", "Tue, 01 Dec 2026", "Tue, 08 Dec 2026"]


@on_sqlite
def test_without_operators_the_week_is_told_to_those_who_get_the_alerts(
    store: Store, tmp_path: Path, run_cycle: RunCycle
) -> None:
    with serving(Mailbox()) as mailbox:
        config = a_config(tmp_path, mail_settings(mailbox), weekly_mail=True)
        run_cycle(NOW - WEEK)
        run_cycle(NOW)
        site = "responsiblestatecraft"
        store.health.raise_problem(site, ProblemCode.SILENT, "no new article", NOW)
        after_cycle(config, store, report(), NOW)
        deliver(config, store, now=NOW)
        received = mailbox.only()
    assert received.recipients == ("desk@example.org",)
    assert received.mail["Subject"] == "Not all well (1): 0 sources checked, 0 new"
    assert f"{site}: silent since 2026-11-24 12:00 UTC: no new article" in received.text


def test_two_processes_write_one_weekly_mail(
    store: Store, tmp_path: Path, run_cycle: RunCycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Mailbox()) as mailbox:
        config = a_config(tmp_path, mail_settings(mailbox), weekly_mail=True)
        run_cycle(NOW - WEEK)
        # Both ask before either has written.
        monkeypatch.setattr(store.history, "last_weekly_at", lambda _: None)
        after_cycle(config, store, report(), NOW)
        after_cycle(config, store, report(), NOW)
        deliver(config, store, now=NOW)
        assert len(mailbox.received) == 1


@on_sqlite
def test_metrics_are_written_whole_and_leave_no_other_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "metrics" / "rscrawler.prom"
    after_cycle(a_config(tmp_path, metrics_file=path), store, report(), NOW)
    assert path.read_text(encoding="utf-8").endswith("rscrawler_healthy 1.0\n")
    assert [each.name for each in path.parent.iterdir()] == ["rscrawler.prom"]


@on_sqlite
def test_metrics_that_cannot_be_written_fail_nothing(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file, not a folder", encoding="utf-8")
    path = tmp_path / "taken" / "rscrawler.prom"
    with caplog.at_level(logging.WARNING):
        after_cycle(a_config(tmp_path, metrics_file=path), store, report(), NOW)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"metrics file {path}: ")
