"""Sending stored messages: claim, hand over, mark, recipient by recipient."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rscrawler.delivery.channel import MessageChannel, Round
from rscrawler.delivery.messages import sending_waits
from rscrawler.delivery.outcome import Doubtful, Outcome, Refused, Sending, Served, Unreachable
from rscrawler.delivery.timing import SLOW, USUAL, Pace, gives_up, next_try
from rscrawler.store.leases import process_identity
from rscrawler.store.outbox import ClaimedMessage, RecipientOutcome

logger = logging.getLogger(__name__)

# Renewed at each step, and longer than any; a dead process loses it at once.
CLAIM_DURATION = timedelta(minutes=15)
FEW_ATTEMPTS = 3  # which a process may die of before something is wrong with the message
ALERT_KINDS = frozenset({"alert", "summary"})


@dataclass(slots=True)
class Sent:
    """What one round of sending did; `unreachable` channels are left alone in it."""

    messages: int = 0  # that have no recipient left to serve, and served one
    served: int = 0  # recipients
    put_off: int = 0  # recipients: a passing failure
    failed: int = 0  # recipients: refused, or given up
    unreachable: set[str] = field(default_factory=set)
    was_stopped: bool = False  # with messages left


def send_due(delivery: Round, sent: Sent, skip: Collection[str] = ()) -> None:
    """Send every message that is due, once, until one must stop; counts in `sent`.

    Kinds in `skip` are left out.
    """
    owner, outbox = process_identity(), delivery.store.outbox
    for message_id, name, kind in _each_due(delivery):
        now = delivery.clock()
        if delivery.must_stop():
            sent.was_stopped = True
            return
        channel = delivery.channels.get(name)
        if channel is None or kind in skip or name in sent.unreachable:
            continue
        if kind in ALERT_KINDS and sending_waits(channel, delivery.alerts, now):
            continue
        claimed = outbox.claim(message_id, owner, now, now + CLAIM_DURATION)
        if claimed is None:
            continue
        try:
            _send(claimed, owner, channel, delivery, sent)
        finally:
            outbox.release(message_id, owner)


def _each_due(delivery: Round) -> Iterator[tuple[str, str, str]]:
    """Each message that is due, and then those that became due meanwhile."""
    begun: set[str] = set()

    def due() -> list[tuple[str, str, str]]:
        found = delivery.store.outbox.due_messages(delivery.clock())
        return [each for each in found if each[0] not in begun]

    while fresh := due():
        for each in fresh:
            begun.add(each[0])
            yield each


def _send(
    claimed: ClaimedMessage, owner: str, channel: MessageChannel, delivery: Round, sent: Sent
) -> None:
    outbox = delivery.store.outbox
    attempts = claimed.attempts
    last: dict[str, Outcome] = {}
    states: dict[str, str] = {}
    is_over = False
    with closing(_outcomes(channel, claimed.content, list(attempts))) as steps:
        for outcomes in steps:
            now = delivery.clock()
            marks = [
                _mark(claimed, address, attempts[address], outcome, now)
                for address, outcome in outcomes.items()
            ]
            is_ours = outbox.renew(claimed.message_id, owner, now + CLAIM_DURATION)
            if marks:
                is_over = outbox.mark(claimed.message_id, marks)
            for mark in marks:
                if mark.state == "done":
                    outbox.wake(claimed.channel, mark.address, now)
            last |= outcomes
            states |= {mark.address: mark.state for mark in marks}
            if not is_ours:
                logger.warning("%s: another process has taken it over", claimed.message_id)
                break
    counted = Counter(states.values())
    sent.messages += is_over and counted["done"] > 0
    sent.served += counted["done"]
    sent.put_off += counted["pending"]
    sent.failed += counted["refused"] + counted["failed"]
    if any(isinstance(outcome, Unreachable) for outcome in last.values()):
        sent.unreachable.add(claimed.channel)


def _outcomes(
    channel: MessageChannel, content: bytes, addresses: Sequence[str]
) -> Generator[Mapping[str, Outcome]]:
    """What a channel tells; a bug in it is its own trouble and stops no other."""
    left = set(addresses)
    try:
        for outcomes in channel.send(content, addresses):
            left.difference_update(outcomes)
            yield outcomes
    except Exception as error:
        logger.exception("a message could not be sent")
        yield dict.fromkeys(sorted(left), Unreachable(type(error).__name__))


def _mark(
    claimed: ClaimedMessage, address: str, attempts: int, outcome: Outcome, now: datetime
) -> RecipientOutcome:
    if isinstance(outcome, Served):
        return RecipientOutcome(address, "done")
    if not isinstance(outcome, Sending) and gives_up(attempts, claimed.created_at, now):
        return RecipientOutcome(address, "failed", outcome.error)
    state = "refused" if isinstance(outcome, Refused) else "pending"
    due = next_try(attempts, claimed.message_id, now, _pace(outcome, attempts))
    if isinstance(outcome, Sending) and attempts < FEW_ATTEMPTS:
        due = now  # our claim holds while we live; if we die, an alert should not wait for it
    return RecipientOutcome(address, state, outcome.error, due)


def _pace(outcome: Outcome, attempts: int) -> Pace:
    """Slow where trying again is of little use, or may make another copy.

    A connection that broke once has more often lost the message than its answer.
    """
    match outcome:
        case Doubtful(was_cut=True) if attempts == 1:
            return USUAL
        case Doubtful() | Sending() | Refused():
            return SLOW
        case _:
            return USUAL
