"""Sites, outbox, feeds, metrics and health; and what is told to nobody."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from rscrawler.cli.inputs import open_existing
from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.errors import ConfigurationError, StoreError
from rscrawler.items import rfc3339
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.store import Store
from rscrawler.store.browsing import BrowseStore
from rscrawler.store.health import ProblemCode
from rscrawler.store.jobs import Firing
from rscrawler.store.leases import process_identity
from rscrawler.store.messages import CLAIM_DURATION, NewMessage, RecipientOutcome
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import NOW, an_article, record
from tests.web import desk
from tests.web.conftest import Browser, served
from tests.workspace import wait_until

SITE = "responsiblestatecraft"
PATHS = ("/", "/sites", "/outbox", "/charts", "/judgements", "/healthz", "/metrics", "/?format=csv")


def a_cycle(store: Store, *, succeeded: bool = True, **counters: int) -> None:
    """A cycle over the shipped site that ended just now."""
    run_id = f"run-{len(store.health.runs(SITE, 100))}"
    store.health.record_start(run_id, SITE, NOW - timedelta(minutes=1))
    store.health.record_end(run_id, SITE, NOW, succeeded=succeeded, counters=counters)


def test_a_site_is_not_called_healthy_before_its_first_good_cycle(
    browser: Browser, shelf: Store
) -> None:
    assert ">not crawled yet<" in browser.get("/sites").text
    shelf.health.record_start("cut-short", SITE, NOW - timedelta(minutes=2))
    assert ">no good cycle yet<" in browser.get("/sites").text
    a_cycle(shelf)
    assert ">healthy<" in browser.get("/sites").text


def test_a_site_shows_its_cycles_with_their_counters(browser: Browser, shelf: Store) -> None:
    a_cycle(shelf, requests=1234, articles_new=7)
    a_cycle(shelf, succeeded=False, errors=3)
    answer = browser.get("/sites")
    rows = answer.rows[:2]
    assert answer.tree.xpath("count(//div[starts-with(@aria-label, 'Cycles of')]//tr[td])") == 2
    assert answer.tree.xpath("count(//ol[@class='strip']/li)") == 2
    assert any("ok 1,234 0 7" in row for row in rows)
    assert any("failed" in row and row.endswith(" 3") for row in rows)


def test_problems_show_on_every_page_and_in_health(browser: Browser, shelf: Store) -> None:
    a_cycle(shelf)
    assert browser.get("/healthz").status == 200
    shelf.health.raise_problem(SITE, ProblemCode.UNREACHABLE, "nobody <answers>", NOW)
    assert browser.get("/").texts("//*[contains(@class, 'state')]") == ["● 1 problem"]
    assert "nobody <answers>" in browser.get("/sites").texts("//div[@class='card problem']/p")
    health = browser.get("/healthz")
    assert health.status == 503
    site = json.loads(health.body)["sites"][SITE]
    assert site["problems"] == [
        {
            "code": "unreachable",
            "message": "nobody <answers>",
            "since": rfc3339(NOW),
            "next_try": None,
        }
    ]


def test_the_outbox_says_what_waits_and_why(browser: Browser, shelf: Store) -> None:
    assert "Nothing waits" in browser.get("/outbox").text
    record(shelf, an_article(1), "email")
    rows = browser.get("/outbox").rows
    assert rows == [
        "jsonl 2 to go out with the next delivery",
        "e-mail 1 to go out with the next delivery",
    ]


def test_a_message_that_is_being_sent_has_not_failed(browser: Browser, shelf: Store) -> None:
    new = NewMessage("m-1", "email", "alert", NOW, b"mail", ("secret.desk@example.org",))
    shelf.messages.add(new)
    claimed = shelf.messages.claim("m-1", process_identity(), NOW)
    assert claimed is not None
    assert browser.get("/outbox").rows == ["e-mail 1 being sent"]
    busy = RecipientOutcome("secret.desk@example.org", "pending", "busy", NOW)
    shelf.messages.mark("m-1", [busy])
    shelf.messages.release(claimed)
    shelf.messages.claim("m-1", process_identity(), NOW)
    failed, waiting = browser.get("/outbox").rows
    assert failed.startswith("e-mail alert 1 2 ")
    assert waiting.startswith("e-mail 1 failed once ")


def test_a_message_that_failed_is_retried_or_given_up(browser: Browser, shelf: Store) -> None:
    message_id = desk.fail_a_message(shelf)
    assert "550 5.1.1 (address) no such user" in " ".join(browser.get("/outbox").rows)
    answer = browser.submit("/outbox/retry", {"message": message_id})
    assert (answer.status, answer.headers["Location"]) == (303, "/outbox?done=retry")
    assert [each.message_id for each in shelf.messages.due(NOW)] == [message_id]
    desk.fail_again(shelf)
    answer = browser.submit("/outbox/cancel", {"message": message_id})
    assert answer.headers["Location"] == "/outbox?done=cancel"
    assert shelf.messages.undelivered() == []
    assert shelf.messages.due(NOW + timedelta(days=30)) == []
    again = browser.submit("/outbox/retry", {"message": message_id})
    assert again.status == 400


def test_a_message_that_is_being_sent_is_left_alone(browser: Browser, shelf: Store) -> None:
    message_id = desk.fail_a_message(shelf)
    shelf.messages.retry(message_id, NOW)
    assert shelf.messages.claim(message_id, "a sender", NOW)
    assert not shelf.messages.cancel(message_id, NOW)
    assert not shelf.messages.retry(message_id, NOW)
    assert shelf.messages.cancel(message_id, NOW + CLAIM_DURATION)


def test_health_says_what_each_source_last_did_and_why_it_failed(
    browser: Browser, shelf: Store
) -> None:
    a_cycle(shelf)
    url = "https://responsiblestatecraft.org/feeds/feed.rss"
    for _ in range(2):
        shelf.discovery.record_source_failure(SITE, url, "feed", error="HTTP 503", now=NOW)
    answer = browser.get("/sites")
    assert "/feeds/feed.rss feed never 2 in a row , just now HTTP 503" in answer.rows
    read = replace(shelf.discovery.sources(SITE)[url], requested_at=NOW, failures=0)
    shelf.discovery.record_reading(SITE, "/feeds/feed.rss", read)
    assert "/feeds/feed.rss feed just now just now HTTP 503" in browser.get("/sites").rows


def test_health_says_what_fires_next_and_what_to_do(browser: Browser, shelf: Store) -> None:
    a_cycle(shelf)
    shelf.jobs.schedule("rs-sections", "every 20m, up to 1m later", NOW + timedelta(minutes=7))
    shelf.health.raise_problem(SITE, ProblemCode.LAYOUT_DRIFT, "no headline", NOW)
    answer = browser.get("/sites")
    assert any("rs-sections" in row and "in 7 min" in row for row in answer.rows)
    assert "in 7 min" in answer.texts("//dl[@class='facts']//dd")
    assert "rscrawler sites check" in answer.texts("//div[@class='card problem']")[0]


def test_what_was_planned_by_another_schedule_is_not_said_to_fire(
    browser: Browser, shelf: Store
) -> None:
    a_cycle(shelf)
    shelf.jobs.schedule("rs-sections", "every 7d", NOW + timedelta(days=6))
    row = next(row for row in browser.get("/sites").rows if "rs-sections" in row)
    assert row.endswith("every 20m, up to 1m later due never")


def test_no_page_shows_who_is_told_or_what_opens_a_channel(
    browser: Browser, shelf: Store, config: Config
) -> None:
    a_cycle(shelf)
    record(shelf, an_article(1), "email", "channel:ops")
    for hours in range(4):
        deliver(config, shelf, now=NOW + timedelta(days=hours))
    error = "rscrawler: email: secret.desk@example.org: 550 no such user"
    shelf.health.raise_problem(SITE, ProblemCode.OVERDUE, f"job rs-sections failed: {error}", NOW)
    shelf.jobs.schedule("rs-sections", "every 20m, up to 1m later", NOW)
    firing = Firing("rs-sections", NOW, "me")
    assert shelf.jobs.claim(firing, next_fire_at=NOW + timedelta(minutes=20), now=NOW)
    assert shelf.jobs.end(firing, outcome=error, has_failed=True, now=NOW)
    pages = {path: browser.get(path) for path in PATHS}
    assert pages["/outbox"].rows
    assert "email: (address) 550 no such user" in " ".join(pages["/sites"].rows)
    assert json.loads(pages["/healthz"].body)["outbox"]["problems"]
    for path, page in pages.items():
        for secret in ("secret.desk", "hidden-token", "json://", "sqlite:"):
            assert secret not in page.text, path


def test_feeds_are_served_as_the_delivery_wrote_them(
    browser: Browser, shelf: Store, config: Config
) -> None:
    assert browser.get("/feeds/central-asia.atom").status == 404
    record(shelf, an_article(1))
    deliver(config, shelf, now=NOW)
    for kind, content_type in (("atom", "application/atom+xml"), ("json", "application/feed+json")):
        answer = browser.get(f"/feeds/central-asia.{kind}")
        written = config.output_dir / "feeds" / f"central-asia.{kind}"
        assert answer.body == written.read_bytes()
        assert answer.headers["Content-Type"].startswith(content_type)
        etag = answer.headers["ETag"]
        packed = f'{etag[:-1]}-gzip"'  # as Apache changes it
        for known in (etag, f"W/{etag}", packed, f'"of-before", {etag}'):
            again = browser.get(f"/feeds/central-asia.{kind}", headers={"If-None-Match": known})
            assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/secret.json",
        "/feeds/../rscrawler.db",
        "/feeds/..%2Frscrawler.db",
        "/feeds/%2e%2e/secret.json",
        "/feeds/..%5csecret.json",
        "//etc/passwd",
        "/feeds/central-asia.atom/",
        "/feeds/central-asia.html",
    ],
)
def test_nothing_but_the_feeds_of_alerted_topics_is_served(
    browser: Browser, shelf: Store, config: Config, path: str
) -> None:
    record(shelf, an_article(1))
    deliver(config, shelf, now=NOW)
    for folder in (config.output_dir, config.output_dir / "feeds"):
        (folder / "secret.json").write_text("secret", encoding="utf-8")
    answer = browser.get(path)
    assert answer.status == 404
    assert "secret<" not in answer.text


def test_metrics_are_prometheus_text(browser: Browser, shelf: Store) -> None:
    a_cycle(shelf, requests=5)
    answer = browser.get("/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert f'rscrawler_requests_total{{site="{SITE}"}} 5.0' in answer.text.splitlines()


def test_a_store_that_cannot_be_read_is_an_answer_too(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("database x: disk I/O error")

    monkeypatch.setattr(BrowseStore, "articles", fail)
    answer = browser.get("/")
    assert answer.status == 503
    assert "database x: disk I/O error" in answer.text


def test_a_bug_is_a_500_that_tells_the_log_and_not_the_visitor(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr(BrowseStore, "articles", fail)
    answer = browser.get("/")
    assert answer.status == 500
    assert "inner workings" not in answer.text
    wait_until(lambda: "inner workings" in caplog.text)  # logged behind the response


def test_a_wrong_schedule_makes_health_unhealthy_and_no_page_unreadable(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: object) -> None:
        raise ConfigurationError("jobs.toml: x: unknown key")

    for module in ("schedules", "web.health"):
        monkeypatch.setattr(f"rscrawler.{module}.load_schedules", wrong)
    assert [browser.get(path).status for path in ("/", "/sites", "/metrics")] == [200] * 3
    assert browser.get("/healthz").status == 503


def test_a_damaged_database_makes_health_unhealthy(config: Config, tmp_path: Path) -> None:
    Store.open(config.database).close()
    (tmp_path / "garbage").write_bytes(b"no database at all " * 100)
    with (
        closing(StoreKeeper(config, open_existing)) as keeper,
        served(Dashboard(config, keeper, now=lambda: NOW)) as browser,
    ):
        assert browser.get("/").status == 200
        for suffix in ("-wal", "-shm"):  # with them, SQLite would read it as before
            Path(f"{config.output_dir / 'rscrawler.db'}{suffix}").unlink(missing_ok=True)
        (tmp_path / "garbage").replace(config.output_dir / "rscrawler.db")
        answer = browser.get("/healthz")
        assert answer.status == 503
        assert json.loads(answer.body)["healthy"] is False
        assert browser.get("/").status == 503
