"""The outbox: rows decide who delivers, and what is still to be delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from rscrawler.delivery.timing import SLOW, next_try
from rscrawler.store import Store
from rscrawler.store.leases import process_identity
from rscrawler.store.outbox import FURTHEST_TRY, NewMessage, RecipientOutcome
from tests.delivery.helpers import NOW, an_article, record

FILE = "articles/2026-11-24.jsonl"
SOON = NOW + timedelta(minutes=5)
MESSAGE = NewMessage("<1@example.org>", "email", "alert", NOW, b"bytes", ("one@a.org", "two@a.org"))


def a_message(store: Store) -> NewMessage:
    """A message that carries one row."""
    record(store, an_article(1), "email")
    (row,) = store.outbox.unassigned_rows("email")
    assert store.outbox.assign(MESSAGE, [row.number])
    return MESSAGE


def states(store: Store) -> dict[str, str]:
    """The state of each recipient who was not served."""
    return {each.address: each.state for each in store.outbox.undelivered()}


# Rows.


def test_each_channel_of_a_record_has_a_row(store: Store) -> None:
    article = record(store, an_article(1), "email", "webhook:hook")
    assert [row.channel for row in store.lines.pending_lines(10)] == ["articles", "flagged"]
    assert [(each.channel, each.count, each.oldest) for each in store.outbox.unassigned()] == [
        ("email", 1, NOW),
        ("webhook:hook", 1, NOW),
    ]
    (row,) = store.outbox.unassigned_rows("email")
    assert (row.record_id, row.run_id, row.recorded_at) == (article.record_id, "run-1", NOW)


def test_lines_are_committed_with_their_file_or_not_at_all(store: Store) -> None:
    record(store, an_article(1))
    numbers = [row.number for row in store.lines.pending_lines(10)]
    assert store.lines.commit_lines(FILE, numbers[:1], 5)
    assert store.lines.committed_bytes(FILE) == 5
    assert not store.lines.commit_lines(FILE, numbers, 9)
    assert store.lines.committed_bytes(FILE) == 5
    assert store.outbox.pending_line_count() == 1
    assert store.lines.committed_bytes("articles/2026-11-25.jsonl") is None


def test_rows_are_matched_with_what_a_file_holds(store: Store) -> None:
    articles = [record(store, an_article(number)) for number in (1, 2, 3)]
    rows = [row for row in store.lines.pending_lines(10) if row.channel == "articles"]
    store.lines.commit_lines(FILE, [rows[0].number], 5)
    store.lines.match_file(FILE, "articles", {articles[1].record_id, "unknown-1"}, 9)
    waiting = [row.number for row in store.lines.pending_lines(10) if row.channel == "articles"]
    assert waiting == [rows[0].number, rows[2].number]
    assert store.lines.committed_bytes(FILE) == 9


# Messages.


def test_rows_go_into_one_message_whoever_asks_first(open_store: Callable[[], Store]) -> None:
    store, other = open_store(), open_store()
    for number in (1, 2):
        record(store, an_article(number), "email")
    numbers = [row.number for row in store.outbox.unassigned_rows("email")]
    assert other.outbox.assign(MESSAGE, numbers[1:])
    assert not store.outbox.assign(replace(MESSAGE, message_id="<2@example.org>"), numbers)
    assert [row.number for row in store.outbox.unassigned_rows("email")] == numbers[:1]
    assert store.outbox.due_messages(NOW) == [(MESSAGE.message_id, "email", "alert")]


def test_a_message_without_rows_is_added_once(store: Store) -> None:
    assert store.outbox.add(MESSAGE)
    assert not store.outbox.add(MESSAGE)
    assert len(store.outbox.due_messages(NOW)) == 1


def test_a_message_is_claimed_by_one_process_until_it_is_given_back(
    open_store: Callable[[], Store],
) -> None:
    store, other = open_store(), open_store()
    message = a_message(store)
    claimed = store.outbox.claim(message.message_id, "host-a/1/1", NOW, SOON)
    assert claimed is not None
    assert claimed.content == b"bytes"
    assert list(claimed.attempts) == ["one@a.org", "two@a.org"]
    assert other.outbox.claim(message.message_id, "host-b/2/2", NOW, SOON) is None
    store.outbox.release(message.message_id, "host-b/2/2")
    assert other.outbox.claim(message.message_id, "host-b/2/2", NOW, SOON) is None
    store.outbox.release(message.message_id, "host-a/1/1")
    assert other.outbox.claim(message.message_id, "host-b/2/2", NOW, SOON) is not None


def test_no_pace_puts_off_so_far_that_it_passes_for_a_wrong_clock() -> None:
    assert next_try(99, "", NOW, SLOW) - NOW < FURTHEST_TRY
    assert SLOW.longest * 1.2 < FURTHEST_TRY


def test_a_claim_runs_out(store: Store) -> None:
    message = a_message(store)
    store.outbox.claim(message.message_id, "host-a/1/1", NOW, SOON)
    assert store.outbox.claim(message.message_id, "host-b/2/2", SOON, SOON + timedelta(hours=1))


def test_a_claim_is_renewed_by_who_holds_it(store: Store) -> None:
    message = a_message(store)
    store.outbox.claim(message.message_id, "host-a/1/1", NOW, SOON)
    assert not store.outbox.renew(message.message_id, "host-b/2/2", SOON)
    assert store.outbox.renew(message.message_id, "host-a/1/1", SOON + timedelta(hours=1))
    assert store.outbox.claim(message.message_id, "host-b/2/2", SOON, SOON) is None


def test_an_attempt_counts_from_its_claim_on_however_it_ends(store: Store) -> None:
    message = a_message(store)
    host = process_identity().split("/")[0]
    for attempts in (1, 2):
        claimed = store.outbox.claim(message.message_id, f"{host}/99999999{attempts}/1", NOW, SOON)
        assert claimed is not None
        assert set(claimed.attempts.values()) == {attempts}
    waiting = {each.address: (each.attempts, each.reason) for each in store.outbox.undelivered()}
    assert waiting == dict.fromkeys(message.addresses, (2, "interrupted before it ended"))


def test_a_message_nobody_is_due_for_is_not_claimed_and_not_kept(store: Store) -> None:
    message = a_message(store)
    store.outbox.mark(
        message.message_id,
        [RecipientOutcome(address, "pending", "busy", SOON) for address in message.addresses],
    )
    assert store.outbox.due_messages(NOW) == []
    assert store.outbox.claim(message.message_id, "host-a/1/1", NOW, SOON) is None
    assert store.outbox.claim(message.message_id, "host-b/2/2", SOON, SOON) is not None


def test_a_message_ends_with_its_last_recipient(store: Store) -> None:
    message = a_message(store)
    one, two = message.addresses
    assert store.outbox.claim(message.message_id, "host-a/1/1", NOW, SOON)
    assert not store.outbox.mark(message.message_id, [RecipientOutcome(one, "done")])
    assert states(store) == {two: "pending"}
    late = [RecipientOutcome(two, "pending", "busy", SOON)]
    assert not store.outbox.mark(message.message_id, late)
    (waiting,) = store.outbox.undelivered()
    assert (waiting.attempts, waiting.last_error, waiting.next_try_at) == (1, "busy", SOON)
    assert store.outbox.mark(message.message_id, [RecipientOutcome(two, "done")])
    assert store.outbox.undelivered() == []
    assert store.outbox.unassigned() == []
    assert store.outbox.claim(message.message_id, "host-a/1/1", SOON, SOON) is None


def test_a_recipient_who_was_served_stays_served(store: Store) -> None:
    message = a_message(store)
    one, _ = message.addresses
    store.outbox.mark(message.message_id, [RecipientOutcome(one, "done")])
    store.outbox.mark(message.message_id, [RecipientOutcome(one, "pending", "late", SOON)])
    claimed = store.outbox.claim(message.message_id, "host-a/1/1", SOON, SOON)
    assert claimed is not None
    assert list(claimed.attempts) == ["two@a.org"]


def test_a_failed_recipient_can_be_made_due_again(store: Store) -> None:
    message = a_message(store)
    outcomes = [RecipientOutcome(address, "failed", "no") for address in message.addresses]
    assert not store.outbox.mark(message.message_id, outcomes)
    assert set(states(store).values()) == {"failed"}
    assert store.outbox.due_messages(NOW) == []
    assert store.outbox.retry_failed(NOW) == 2
    assert store.outbox.due_messages(NOW) == [(message.message_id, "email", "alert")]


def test_who_refused_a_message_that_is_over_is_tried_again(store: Store) -> None:
    message = a_message(store)
    refused = [RecipientOutcome(address, "refused", "no", SOON) for address in message.addresses]
    assert not store.outbox.mark(message.message_id, refused)
    assert store.outbox.unassigned() == []
    assert set(states(store).values()) == {"refused"}
    assert store.outbox.due_messages(NOW) == []
    assert store.outbox.claim(message.message_id, "host-a/1/1", SOON, SOON + timedelta(hours=1))
    one, two = message.addresses
    assert not store.outbox.mark(message.message_id, [RecipientOutcome(one, "refused", "no", SOON)])
    assert states(store) == {one: "refused", two: "pending"}
    assert store.outbox.renew(message.message_id, "host-a/1/1", SOON + timedelta(hours=1))
    assert store.outbox.mark(message.message_id, [RecipientOutcome(two, "done")])
    assert states(store) == {one: "refused"}


def test_what_an_address_refused_is_due_at_once_when_it_takes_something(store: Store) -> None:
    message = a_message(store)
    one, two = message.addresses
    later = SOON + timedelta(hours=2)
    refused = [RecipientOutcome(address, "refused", "no", later) for address in message.addresses]
    store.outbox.mark(message.message_id, refused)
    store.outbox.retry_refused("webhook:hook", one, SOON)
    assert store.outbox.due_messages(SOON) == []
    store.outbox.retry_refused("email", one, SOON)
    claimed = store.outbox.claim(message.message_id, "host-a/1/1", SOON, later)
    assert claimed is not None
    assert list(claimed.attempts) == [one]
    assert states(store)[two] == "refused"
