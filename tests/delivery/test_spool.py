"""What waits for delivery survives the loss of the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rscrawler.delivery import deliver
from rscrawler.delivery.spool import sync_spool
from rscrawler.extensions.jsonl import JsonlExtension
from rscrawler.sites import load_sites
from rscrawler.spiders.session import CrawlSession
from rscrawler.store import Store
from rscrawler.store.messages import MessageStore, NewMessage
from rscrawler.topics import Flagger
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW, a_config, an_article, on_sqlite, record
from tests.delivery.mailbox import Mailbox

pytestmark = on_sqlite
HOUR = timedelta(hours=1)
SITE = "responsiblestatecraft"
TWO = ["one@example.org", "two@example.org"]


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Store]:
    """The store that takes the place of one that was lost."""
    with closing(Store.open(f"sqlite:///{tmp_path / 'another.db'}")) as store:
        yield store


def spool(tmp_path: Path) -> list[Path]:
    """The messages that wait."""
    folder = tmp_path / "out" / "rscrawler.db.spool"
    return sorted(path for path in folder.glob("*.json") if path.name != "rows.json")


def test_a_message_goes_out_as_it_was_to_those_who_had_not_got_it(
    store: Store, another: Store, mailbox: Mailbox, email_config: EmailConfig, tmp_path: Path
) -> None:
    config = email_config(recipients=TWO)
    mailbox.refuse["two@example.org"] = "451 later"
    record(store, an_article(1), "email")
    assert deliver(config, store, now=NOW).put_off == 1
    (kept,) = spool(tmp_path)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    mailbox.refuse.clear()
    assert deliver(config, another, now=NOW + HOUR).served == 1
    first, second = mailbox.received
    assert second.recipients == ("two@example.org",)
    assert first.mail["Message-ID"] == second.mail["Message-ID"]
    assert spool(tmp_path) == []
    assert deliver(config, another, now=NOW + HOUR).served == 0


def test_a_message_of_any_bytes_is_kept_as_version_0_2_0_kept_it(
    store: Store, another: Store, tmp_path: Path
) -> None:
    config, content = a_config(tmp_path / "out"), "Бишкек 🌾".encode() + bytes(range(256))
    new = NewMessage("webhook:h/1", "webhook:h", "alert", NOW, content, ("h#1", "ü#2"))
    store.messages.add(new)
    sync_spool(config, store)
    (kept,) = spool(tmp_path)
    values = json.loads(kept.read_bytes())
    assert values["content"] == content.decode("latin-1")
    kept.write_text(json.dumps(values | {"created_at": NOW.isoformat()}))
    sync_spool(config, another)
    assert another.messages.message("webhook:h/1", ("h#1", "ü#2")) == new


def test_recipients_are_read_as_often_for_many_messages_as_for_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, counts = MessageStore.open_addresses, list[int]()

    def counted(self: MessageStore) -> dict[str, tuple[str, ...]]:
        counts[-1] += 1
        return read(self)

    monkeypatch.setattr(MessageStore, "open_addresses", counted)
    for messages in (2, 1, 20):  # the first time there is no spool to be read
        for number in range(messages):
            new = NewMessage(f"{messages}-{number}", "email", "ops", NOW, b"mail", ("a@x.org",))
            store.messages.add(new)
        counts.append(0)
        sync_spool(a_config(tmp_path / "out"), store)
    assert len(spool(tmp_path)) == 23
    assert counts[1] == counts[2]


def test_an_alert_is_kept_before_its_record_is_in_the_jsonl(
    store: Store, another: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    """Else who rebuilds a database that was lost in a crawl takes it for told."""
    config = email_config()
    record(store, an_article(1), "email")
    session = CrawlSession(config, SITE, load_sites(config)[SITE], store, Flagger(()))
    crawler: Any = SimpleNamespace(spider=SimpleNamespace(session=session))
    JsonlExtension(crawler).spider_closed()
    assert list((config.output_dir / "articles").glob("*.jsonl"))
    record(another, an_article(1))  # rebuilt from the line
    assert deliver(config, another, now=NOW).served == 1


def test_alerts_that_no_message_carries_yet_are_kept_too(
    store: Store, another: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({"quiet_hours": {"start": "11:00", "end": "13:00"}})
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)
    record(another, an_article(1))
    assert deliver(config, another, now=NOW).composed == 0
    assert deliver(config, another, now=NOW + 2 * HOUR).served == 1
    assert mailbox.only().mail["X-RSCrawler-Articles"] == an_article(1).article_id
    assert deliver(config, another, now=NOW + 2 * HOUR).served == 0


def test_what_was_sent_is_not_sent_again_by_a_store_that_knows_it(
    store: Store, mailbox: Mailbox, email_config: EmailConfig, tmp_path: Path
) -> None:
    mailbox.refuse["desk@example.org"] = "451 later"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    (kept,) = spool(tmp_path)
    left_behind = kept.read_bytes()
    mailbox.refuse.clear()
    deliver(email_config(), store, now=NOW + HOUR)
    kept.write_bytes(left_behind)  # as after a crash
    assert deliver(email_config(), store, now=NOW + 2 * HOUR).served == 0
    assert spool(tmp_path) == []


@pytest.mark.parametrize("is_up", [False, True])
def test_a_message_of_the_spool_carries_the_rows_that_an_older_database_has_again(
    store: Store, another: Store, mailbox: Mailbox, email_config: EmailConfig, is_up: bool
) -> None:
    mailbox.refuse["desk@example.org"] = "451 later"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    if is_up:
        mailbox.refuse.clear()
    sync_spool(email_config(), another)
    record(another, an_article(1), "email")  # a crawl after a backup was restored
    for hours in (1, 2):
        deliver(email_config(), another, now=NOW + hours * HOUR)
    assert len(mailbox.received) == int(is_up)
    assert another.outbox.unassigned() == []
    assert len(another.messages.undelivered()) == int(not is_up)


def test_a_spool_that_cannot_be_written_holds_up_no_alert(
    store: Store,
    mailbox: Mailbox,
    email_config: EmailConfig,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "rscrawler.db.spool").write_text("in the way")
    record(store, an_article(1), "email")
    assert deliver(email_config(), store, now=NOW).served == 1
    assert "pending alerts are only in the database" in caplog.text
