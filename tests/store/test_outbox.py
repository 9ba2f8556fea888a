"""The outbox: each channel of a record has a row; JSONL rows are done with their lines."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from rscrawler.store import Store
from rscrawler.store.database import open_database
from rscrawler.store.history import HistoryStore
from rscrawler.store.messages import MessageStore, NewMessage, RecipientOutcome
from rscrawler.store.outbox import OutboxStore
from tests.delivery.helpers import NOW, an_article, record

FILE = "articles/2026-11-24.jsonl"


def test_each_channel_of_a_record_has_a_row(store: Store) -> None:
    article = record(store, an_article(1), "email", "webhook:hook")
    assert [row.channel for row in store.outbox.pending_lines(10)] == ["articles", "flagged"]
    assert [(each.channel, each.count, each.oldest) for each in store.outbox.unassigned()] == [
        ("email", 1, NOW),
        ("webhook:hook", 1, NOW),
    ]
    (row,) = store.outbox.unassigned_rows("email")
    assert (row.record_id, row.run_id, row.recorded_at) == (article.record_id, "run-1", NOW)


def test_lines_are_committed_with_their_file_or_not_at_all(store: Store) -> None:
    record(store, an_article(1))
    numbers = [row.number for row in store.outbox.pending_lines(10)]
    assert store.outbox.commit_lines(FILE, numbers[:1], 5)
    assert store.outbox.committed_bytes(FILE) == 5
    assert not store.outbox.commit_lines(FILE, numbers, 9)
    assert store.outbox.committed_bytes(FILE) == 5
    assert store.outbox.pending_line_count() == 1
    assert store.outbox.committed_bytes("articles/2026-11-25.jsonl") is None


def test_rows_are_matched_with_what_a_file_holds(store: Store) -> None:
    articles = [record(store, an_article(number)) for number in (1, 2, 3)]
    rows = [row for row in store.outbox.pending_lines(10) if row.channel == "articles"]
    store.outbox.commit_lines(FILE, [rows[0].number], 5)
    store.outbox.match_file(FILE, "articles", {articles[1].record_id, "unknown-1"}, 9)
    waiting = [row.number for row in store.outbox.pending_lines(10) if row.channel == "articles"]
    assert waiting == [rows[0].number, rows[2].number]
    assert store.outbox.committed_bytes(FILE) == 9


def test_what_waits_and_what_was_sent_is_found_without_the_written_lines_and_past_messages(
    tmp_path: Path,
) -> None:
    queries = list[str]()
    with closing(open_database(f"sqlite:///{tmp_path / 'x.db'}")) as database:
        messages = MessageStore(database)
        for number in range(100):
            new = NewMessage(f"{number}", "email", "alert", NOW, b"bytes", ("desk@a.org",))
            assert messages.add(new)
            messages.mark(new.message_id, [RecipientOutcome("desk@a.org", "failed", "no")])
        with database.reading() as connection:
            driver: Any = connection.connection.driver_connection
            driver.set_trace_callback(queries.append)
        OutboxStore(database).rows_to_spool()
        HistoryStore(database).delivered_by_site("run")
        assert len(messages.undelivered()) == 100
        HistoryStore(database).last_weekly_at(NOW)
        HistoryStore(database).alert_delays(NOW)
        with database.reading() as connection:
            plans = [
                str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all())
                for query in [each for each in queries if each.startswith("SELECT")]
            ]
    waiting, delivered, undelivered, *reached, weekly, delays = plans
    assert "USING INDEX outbox_pending (state=?)" in waiting
    assert "USING INDEX outbox_run (run_id=? AND state=?)" in delivered
    assert "USING INDEX recipient_due (state=?)" in undelivered
    assert len(reached) < 10
    for each in reached:
        assert "recipient_served (address=? AND state=? AND next_try_at>?)" in each
    assert "message_composed (kind=? AND created_at<?)" in weekly
    assert "message_composed (kind=? AND created_at>?)" in delays
