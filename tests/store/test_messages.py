"""Messages: rows decide who sends, and what is still to be sent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from rscrawler.delivery.timing import SLOW, next_try
from rscrawler.store import Store
from rscrawler.store.leases import process_identity
from rscrawler.store.messages import (
    CLAIM_DURATION,
    FURTHEST_TRY,
    NewMessage,
    RecipientOutcome,
)
from rscrawler.store.tables import message as message_table
from tests.delivery.helpers import NOW, an_article, record

SOON = NOW + CLAIM_DURATION  # when a claim of now runs out
MESSAGE = NewMessage("<1@example.org>", "email", "alert", NOW, b"bytes", ("one@a.org", "two@a.org"))


def a_message(store: Store) -> NewMessage:
    """A message that carries one row."""
    record(store, an_article(1), "email")
    (row,) = store.outbox.unassigned_rows("email")
    assert store.outbox.assign(MESSAGE, [row.number])
    return MESSAGE


def states(store: Store) -> dict[str, str]:
    """The state of each recipient who was not served."""
    return {each.address: each.state for each in store.messages.undelivered()}


def test_rows_go_into_one_message_whoever_asks_first(open_store: Callable[[], Store]) -> None:
    store, other = open_store(), open_store()
    for number in (1, 2):
        record(store, an_article(number), "email")
    numbers = [row.number for row in store.outbox.unassigned_rows("email")]
    assert other.outbox.assign(MESSAGE, numbers[1:])
    assert not store.outbox.assign(replace(MESSAGE, message_id="<2@example.org>"), numbers)
    assert [row.number for row in store.outbox.unassigned_rows("email")] == numbers[:1]
    assert [each.message_id for each in store.messages.due(NOW)] == [MESSAGE.message_id]


def test_a_message_that_exists_carries_rows_that_come_again(store: Store) -> None:
    message = a_message(store)
    for number in (2, 3):
        record(store, an_article(number), "email")
    pending, ended = store.outbox.unassigned_rows("email")
    assert store.outbox.assign(replace(message, content=b"other"), [pending.number])
    served = [RecipientOutcome(address, "done") for address in message.addresses]
    assert store.messages.mark(message.message_id, served)
    assert store.outbox.assign(message, [ended.number])
    assert [each.channel for each in store.outbox.pending()] == ["articles", "flagged"]
    assert store.messages.due(NOW) == []


def test_a_message_without_rows_is_added_once(store: Store) -> None:
    assert store.messages.add(MESSAGE)
    assert not store.messages.add(MESSAGE)
    assert len(store.messages.due(NOW)) == 1


def test_a_message_is_claimed_by_one_process_until_it_is_given_back(
    open_store: Callable[[], Store],
) -> None:
    store, other = open_store(), open_store()
    message = a_message(store)
    claimed = store.messages.claim(message.message_id, "host-a/1/1", NOW)
    assert claimed is not None
    assert claimed.content == b"bytes"
    assert list(claimed.attempts) == ["one@a.org", "two@a.org"]
    assert other.messages.claim(message.message_id, "host-b/2/2", NOW) is None
    store.messages.release(replace(claimed, owner="host-b/2/2"))
    assert other.messages.claim(message.message_id, "host-b/2/2", NOW) is None
    store.messages.release(claimed)
    assert other.messages.claim(message.message_id, "host-b/2/2", NOW) is not None


def test_no_pace_puts_off_so_far_that_it_passes_for_a_wrong_clock() -> None:
    assert next_try(99, "", NOW, SLOW) - NOW < FURTHEST_TRY
    assert SLOW[1] * 1.2 < FURTHEST_TRY


def test_a_claim_runs_out(store: Store) -> None:
    message = a_message(store)
    store.messages.claim(message.message_id, "host-a/1/1", NOW)
    assert store.messages.claim(message.message_id, "host-b/2/2", SOON)


def test_a_claim_by_a_clock_that_was_ahead_is_void_unless_its_process_runs_here(
    store: Store,
) -> None:
    message, ahead = a_message(store), NOW + timedelta(days=300)
    assert store.messages.claim(message.message_id, "host-a/1/1", ahead)
    assert store.messages.claim(message.message_id, process_identity(), ahead) is None
    assert store.messages.claimed(NOW) == {}
    here = store.messages.claim(message.message_id, process_identity(), NOW)
    assert here is not None
    assert store.messages.renew(here, ahead)
    assert store.messages.claim(message.message_id, "host-b/2/2", NOW) is None


def test_a_claim_is_renewed_by_who_holds_it(store: Store) -> None:
    message = a_message(store)
    claimed = store.messages.claim(message.message_id, "host-a/1/1", NOW)
    assert claimed is not None
    assert not store.messages.renew(replace(claimed, owner="host-b/2/2"), SOON)
    assert store.messages.renew(claimed, SOON)
    assert store.messages.claim(message.message_id, "host-b/2/2", SOON) is None


def test_a_claim_waits_for_another_that_is_not_stored_yet(
    open_store: Callable[[], Store],
) -> None:
    store, other = open_store(), open_store()
    message = a_message(store)
    first = update(message_table).values(claimed_by="host-a/1/1", claimed_until=SOON)
    with ThreadPoolExecutor() as pool:
        with store.messages._database.writing() as connection:
            connection.execute(first)
            claim = pool.submit(other.messages.claim, message.message_id, "host-b/2/2", NOW)
            assert not wait([claim], timeout=0.3).done
        assert claim.result() is None
    assert [each.attempts for each in store.messages.undelivered()] == [0, 0]


def test_an_attempt_counts_from_its_claim_on_however_it_ends(store: Store) -> None:
    message = a_message(store)
    host = process_identity().split("/")[0]
    for attempts in (1, 2):
        claimed = store.messages.claim(message.message_id, f"{host}/99999999{attempts}/1", NOW)
        assert claimed is not None
        assert set(claimed.attempts.values()) == {attempts}
    waiting = {each.address: (each.attempts, each.reason) for each in store.messages.undelivered()}
    assert waiting == dict.fromkeys(message.addresses, (2, "interrupted before it ended"))


def test_a_message_can_be_cancelled_while_none_sends_it_or_its_sender_died(store: Store) -> None:
    message, me = a_message(store), process_identity()
    claimed = store.messages.claim(message.message_id, me, NOW)
    assert claimed is not None
    assert not store.messages.cancel(message.message_id, NOW)
    store.messages.release(claimed)
    dead = f"{me.split('/')[0]}/999999999/1"
    assert store.messages.claim(message.message_id, dead, NOW)
    assert store.messages.cancel(message.message_id, NOW)
    assert store.messages.undelivered() == []


def test_a_message_nobody_is_due_for_is_not_claimed_and_not_kept(store: Store) -> None:
    message = a_message(store)
    store.messages.mark(
        message.message_id,
        [RecipientOutcome(address, "pending", "busy", SOON) for address in message.addresses],
    )
    assert store.messages.due(NOW) == []
    assert store.messages.claim(message.message_id, "host-a/1/1", NOW) is None
    assert store.messages.claim(message.message_id, "host-b/2/2", SOON) is not None


def test_a_message_ends_with_its_last_recipient(store: Store) -> None:
    message = a_message(store)
    one, two = message.addresses
    assert store.messages.claim(message.message_id, "host-a/1/1", NOW)
    assert not store.messages.mark(message.message_id, [RecipientOutcome(one, "done")])
    assert states(store) == {two: "pending"}
    late = [RecipientOutcome(two, "pending", "busy", SOON)]
    assert not store.messages.mark(message.message_id, late)
    (waiting,) = store.messages.undelivered()
    assert (waiting.attempts, waiting.last_error, waiting.next_try_at) == (1, "busy", SOON)
    assert store.messages.mark(message.message_id, [RecipientOutcome(two, "done")])
    assert store.messages.undelivered() == []
    assert store.outbox.unassigned() == []
    assert store.messages.claim(message.message_id, "host-a/1/1", SOON) is None


def test_a_recipient_who_was_served_stays_served(store: Store) -> None:
    message = a_message(store)
    one, _ = message.addresses
    store.messages.mark(message.message_id, [RecipientOutcome(one, "done")])
    store.messages.mark(message.message_id, [RecipientOutcome(one, "pending", "late", SOON)])
    claimed = store.messages.claim(message.message_id, "host-a/1/1", SOON)
    assert claimed is not None
    assert list(claimed.attempts) == ["two@a.org"]


def test_a_failed_recipient_can_be_made_due_again(store: Store) -> None:
    message = a_message(store)
    outcomes = [RecipientOutcome(address, "failed", "no") for address in message.addresses]
    assert not store.messages.mark(message.message_id, outcomes)
    assert set(states(store).values()) == {"failed"}
    assert store.messages.due(NOW) == []
    assert store.messages.retry_failed(NOW) == 2
    assert [each.message_id for each in store.messages.due(NOW)] == [MESSAGE.message_id]


def test_what_was_given_up_is_undelivered_until_its_address_gets_a_later_message_of_the_channel(
    store: Store,
) -> None:
    def end(number: int, state: str, channel: str = "email") -> None:
        at = NOW + number * timedelta(minutes=1)
        new = NewMessage(f"{channel} {number}", channel, "alert", at, b"bytes", ("desk@a.org",))
        assert store.messages.add(new)
        store.messages.mark(new.message_id, [RecipientOutcome("desk@a.org", state)])

    def undelivered() -> list[str]:
        return [each.message_id for each in store.messages.undelivered()]

    for number in (1, 2, 4, 5, 7):
        end(number, "failed")
    end(9, "done", "channel:desk")
    assert undelivered() == ["email 1", "email 2", "email 4", "email 5", "email 7"]
    end(3, "done")
    assert undelivered() == ["email 4", "email 5", "email 7"]
    end(6, "done")
    assert undelivered() == ["email 7"]
    end(8, "done")
    assert undelivered() == []


def test_who_refused_a_message_that_is_over_is_tried_again(store: Store) -> None:
    message = a_message(store)
    refused = [RecipientOutcome(address, "refused", "no", SOON) for address in message.addresses]
    assert not store.messages.mark(message.message_id, refused)
    assert store.outbox.unassigned() == []
    assert set(states(store).values()) == {"refused"}
    assert store.messages.due(NOW) == []
    claimed = store.messages.claim(message.message_id, "host-a/1/1", SOON)
    assert claimed is not None
    one, two = message.addresses
    again = RecipientOutcome(one, "refused", "no", SOON)
    assert not store.messages.mark(message.message_id, [again])
    assert states(store) == {one: "refused", two: "pending"}
    assert store.messages.renew(claimed, SOON)
    assert store.messages.mark(message.message_id, [RecipientOutcome(two, "done")])
    assert states(store) == {one: "refused"}


def test_what_an_address_refused_is_due_at_once_when_it_takes_something(store: Store) -> None:
    message = a_message(store)
    one, two = message.addresses
    later = SOON + timedelta(hours=2)
    refused = [RecipientOutcome(address, "refused", "no", later) for address in message.addresses]
    store.messages.mark(message.message_id, refused)
    store.messages.retry_refused("webhook:hook", [one], SOON)
    assert store.messages.due(SOON) == []
    store.messages.retry_refused("email", [one], SOON)
    claimed = store.messages.claim(message.message_id, "host-a/1/1", SOON)
    assert claimed is not None
    assert list(claimed.attempts) == [one]
    assert states(store)[two] == "refused"
