"""Pruning forgets text, and never that an article was seen."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from rscrawler.cli.records import schema_of
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import PRUNED, Article, Event, Level, TopicFlag
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.messages import NewMessage, RecipientOutcome

THEN = datetime(2024, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def record(
    store: Store, article_id: str, at: datetime, channels: tuple[str, ...] = (), tag: str = "oil"
) -> None:
    article = Article(
        site="site",
        url=f"https://site.example/{article_id}/",
        fetched_at=at,
        title="A title",
        body="Some text of the article.",
        record_id=f"{article_id}-1",
        article_id=article_id,
        version=1,
        first_seen_at=at,
        tags=[tag],
        topics=[TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KZ",))],
    )
    store.articles.record(
        Recording(
            article=article,
            fingerprint=Fingerprint(f"text {article_id}", f"body {article_id}", article_id),
            visit=Visit({f"/{article_id}": article.url}, "page"),
            run_id="run",
            recorded_at=at,
            channels=channels,
        )
    )


def test_old_text_is_forgotten_and_its_article_is_not(store: Store) -> None:
    record(store, "old", THEN)
    record(store, "young", NOW)
    pruned = store.retention.prune(NOW - timedelta(days=365))
    assert pruned.versions == 1
    old, young = (store.articles.latest_record(name) for name in ("old", "young"))
    assert old is not None
    assert young is not None
    assert (old.body, old.title, PRUNED in old.extraction.warnings) == ("", "A title", True)
    assert old.level_on("central-asia") is Level.PRIMARY
    assert young.body == "Some text of the article."
    assert store.discovery.addresses("site", ["/old"])["/old"].article_id == "old"
    same_body = Fingerprint("x", "body old", "")
    assert [each.article_id for each in store.articles.candidates("x", same_body)] == ["old"]


def test_text_that_was_forgotten_is_unknown_in_every_record(store: Store) -> None:
    record(store, "old", THEN)
    store.retention.prune(NOW)
    (exported,) = store.articles.records()
    assert (exported["body"], exported["word_count"]) == (None, 5)
    latest = store.articles.latest_record("old")
    assert latest is not None
    removal = replace(latest, event=Event.REMOVED).to_record()
    assert (removal["body"], removal["word_count"]) == (None, None)
    for each in (exported, removal):
        jsonschema.validate(each, schema_of("article"))
        assert Article.from_json(json.dumps(each)).body == ""


def test_a_run_that_goes_on_is_not_forgotten(store: Store) -> None:
    for run_id in ("ended", "goes-on"):
        store.health.record_start(run_id, "site", THEN)
    store.health.record_end("ended", "site", THEN, succeeded=True, counters={})
    assert store.retention.prune(NOW).runs == 1


def test_an_article_whose_tag_is_the_mark_of_pruning_is_pruned_too(store: Store) -> None:
    record(store, "old", THEN, tag=PRUNED)
    assert store.retention.preview(NOW).versions == 1
    assert store.retention.prune(NOW).versions == 1
    assert store.retention.prune(NOW).versions == 0


def test_a_second_pruning_finds_nothing_more(store: Store) -> None:
    record(store, "old", THEN)
    store.retention.prune(NOW)
    assert store.retention.prune(NOW).versions == 0


def test_what_waits_to_be_delivered_is_kept_whole(store: Store) -> None:
    record(store, "old", THEN, channels=("articles",))
    assert store.retention.prune(NOW).versions == 0


def test_the_content_of_a_message_that_was_given_up_is_forgotten_and_it_is_not_sent_again(
    store: Store,
) -> None:
    for name, outcome in (("given-up", "failed"), ("waits", "refused")):
        store.messages.add(NewMessage(name, "email", "ops", THEN, b"mail", ("a@x.org",)))
        store.messages.mark(name, [RecipientOutcome("a@x.org", outcome, "no", NOW)])
    assert store.retention.preview(NOW).messages == 1
    assert store.retention.prune(NOW).messages == 1
    assert store.messages.open_addresses() == {"waits": ("a@x.org",)}
    assert not store.messages.retry("given-up", NOW)
    assert [each.message_id for each in store.messages.undelivered()] == ["waits"]


def test_what_is_forgotten_stays_so_though_the_file_cannot_be_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("rscrawler.store.database.SQLITE_BUSY_TIMEOUT_SECONDS", 0.01)
    file = tmp_path / "rscrawler.db"
    with (
        closing(Store.open(f"sqlite:///{file}")) as store,
        closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        record(store, "old", THEN)
        compact = store.retention._database.compact

        def while_another_writes() -> None:
            other.execute("BEGIN IMMEDIATE")
            compact()

        monkeypatch.setattr(store.retention._database, "compact", while_another_writes)
        assert store.retention.prune(NOW).versions == 1
    assert caplog.messages == [
        "deleted texts still take up disk space, prune again: "
        f"database sqlite:///{file}: database is locked"
    ]


def test_the_room_that_compacting_took_is_given_back_while_a_service_has_the_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rscrawler.store.database._WAL_BYTES", 2**16)
    url, wal = f"sqlite:///{tmp_path}/rscrawler.db", tmp_path / "rscrawler.db-wal"
    with closing(Store.open(url)) as service:
        service.leases.acquire("service", "owner", NOW)
        with closing(Store.open(url)) as pruning:
            for number in range(50):
                record(pruning, f"old-{number}", THEN, tag="x" * 200_000)  # a tag is kept
            pruning.retention.prune(NOW)
        assert wal.stat().st_size > 10_000_000
        for seconds in (30, 60):
            service.leases.renew("service", "owner", NOW + timedelta(seconds=seconds))
        assert wal.stat().st_size == 2**16
