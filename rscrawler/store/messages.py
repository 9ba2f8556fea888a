"""Messages and their recipients: how a message is claimed, sent, marked and retried.

The bytes of a message never change. To send it, a process claims it: of several processes,
only the first succeeds, since each locks the message's row to look. It sends the message to
the recipients that were not served yet. When none is pending, the message and the rows in it
have ended; recipients that refused it are retried all the same.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Delete,
    Row,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.store.database import Database, Part
from rscrawler.store.leases import is_void
from rscrawler.store.lookups import among
from rscrawler.store.tables import Moment, message, outbox, recipient

ALERT_KINDS = frozenset({"alert", "summary"})
# Renewed at each step, and longer than any; void at once when a process of this machine has died.
CLAIM_DURATION = timedelta(minutes=15)
# No retry is scheduled further ahead: a later time was written by a clock that was ahead.
FURTHEST_TRY = timedelta(hours=8)
_UNCLAIMED = {"claimed_by": None, "claimed_until": None}
IS_OPEN = recipient.c.state.in_(["pending", "refused"])  # still to be served
_IS_UNSERVED = recipient.c.state.in_(["pending", "refused", "failed"])
_ATTEMPTS_BEFORE_REPLACEMENT = 3  # after these, configured addresses replace one that was removed
# An address with few attempts may come from a service with a newer configuration.
_MAY_BE_STRANDED = and_(IS_OPEN, recipient.c.attempts >= _ATTEMPTS_BEFORE_REPLACEMENT)
_SINCE = bindparam("since", type_=Moment)
_SERVED_SINCE = (
    select(recipient.c.message_id)
    .join(message, message.c.message_id == recipient.c.message_id)
    .where(recipient.c.address == bindparam("address"), recipient.c.state == "done")
    .where(recipient.c.next_try_at > _SINCE)  # so is that of any later message: for the index
    .where(message.c.channel == bindparam("channel"), message.c.created_at > _SINCE)
    .limit(1)
)
_UNSERVED = (
    select(
        message.c.message_id, message.c.channel, message.c.kind, message.c.created_at,
        recipient.c.address, recipient.c.state, recipient.c.attempts, recipient.c.next_try_at,
        recipient.c.last_error, message.c.claimed_by, message.c.claimed_until,
    )
    .join(message, message.c.message_id == recipient.c.message_id)
    .where(_IS_UNSERVED)
    .order_by(message.c.created_at, message.c.message_id, recipient.c.address)
)  # fmt: skip
_OPEN = _UNSERVED.where(IS_OPEN)


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as it is stored and sent; `kind` is alert, summary, ops or weekly."""

    message_id: str
    channel: str
    kind: str
    created_at: datetime
    content: bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that only this process may send for now.

    `attempts` maps the addresses to serve now to their number of attempts, including this one.
    """

    message_id: str
    owner: str
    channel: str
    created_at: datetime
    content: bytes
    attempts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """The outcome of one attempt: done, failed, or pending or refused until `next_try_at`."""

    address: str
    state: str
    error: str | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient that was not served; `last_error` is None until an attempt has ended.

    `state` is pending, refused (but retried), or failed: given up, and not reached since.
    """

    message_id: str
    channel: str
    kind: str
    created_at: datetime
    address: str
    state: str
    attempts: int
    next_try_at: datetime
    last_error: str | None
    claimed_by: str | None
    claimed_until: datetime | None

    def is_put_off_by_wrong_clock(self, now: datetime) -> bool:
        """Whether a clock that was ahead has set its next try: it is due."""
        return self.next_try_at > now + FURTHEST_TRY

    def due_at(self, now: datetime) -> datetime:
        """When it was or will be due; if that is of a wrong clock, when it was composed."""
        return self.created_at if self.is_put_off_by_wrong_clock(now) else self.next_try_at

    def is_due(self, now: datetime, since: datetime | None = None) -> bool:
        """Whether it is to be served now; with `since`, whether it has been since then."""
        # The creation may also be of a wrong clock.
        is_put_off = self.is_put_off_by_wrong_clock(now)
        is_of_future = is_put_off and self.created_at > now + CLOCK_TOLERANCE
        return self.state != "failed" and (self.due_at(now) <= (since or now) or is_of_future)

    def is_claimed(self, now: datetime) -> bool:
        """Whether a live process sends the message now."""
        return _is_claimed(self.claimed_by, self.claimed_until, now)

    def failures(self, now: datetime) -> int:
        """How many attempts have failed; one that is running has not."""
        is_begun = self.state == "pending" and self.next_try_at <= now
        return max(0, self.attempts - (is_begun and self.is_claimed(now)))

    @property
    def reason(self) -> str:
        """Why the last attempt failed."""
        return self.last_error or "interrupted before it ended"


def write_messages(
    database: Database, messages: Iterable[NewMessage], *marks: Update | Delete
) -> bool:
    """Store messages, due at once, in one transaction with `marks` on what they report.

    False, and nothing is stored, if a mark does not change one row, or a message with that id
    exists: another process was first.
    """
    with database.writing() as connection:
        is_first = all(connection.execute(mark).rowcount == 1 for mark in marks)
        if not (is_first and all(insert_message(database, connection, new) for new in messages)):
            connection.rollback()
            return False
        return True


def insert_message(database: Database, connection: Connection, new: NewMessage) -> bool:
    """Store a message, due at once; False if one with that id exists."""
    values = asdict(new)
    addresses = values.pop("addresses")
    insert = database.insert_missing(message).values(**values, state="pending")
    if connection.execute(insert.returning(message.c.message_id)).first() is None:
        return False
    _insert_recipients(connection, new.message_id, addresses, new.created_at)
    return True


def _insert_recipients(
    connection: Connection, message_id: str, addresses: Iterable[str], due_at: datetime
) -> None:
    waiting = {"message_id": message_id, "state": "pending", "next_try_at": due_at}
    connection.execute(recipient.insert(), [{"address": each, **waiting} for each in addresses])


class MessageStore(Part):
    """Messages and their recipients in the database."""

    def add(self, *messages: NewMessage) -> bool:
        """Store messages without rows; False, and nothing, if one with such an id exists."""
        return write_messages(self._database, messages)

    # What is to be sent.

    def open_addresses(self) -> dict[str, tuple[str, ...]]:
        """The addresses still to be served, by message id."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self._undelivered(_OPEN):
            found[each.message_id] = (*found.get(each.message_id, ()), each.address)
        return found

    def message(self, message_id: str, addresses: tuple[str, ...]) -> NewMessage | None:
        """A message, for these of its recipients."""
        stored = select(message.c.channel, message.c.kind, message.c.created_at, message.c.content)
        row = self._database.row(stored.filter_by(message_id=message_id))
        return None if row is None else NewMessage(message_id, *row, addresses)

    def undelivered(self) -> list[Undelivered]:
        """Recipients still to be served, and those given up that no later message has reached."""
        unserved = self._undelivered(_UNSERVED)
        given_up: dict[tuple[str, str], list[Undelivered]] = defaultdict(list)
        for each in unserved:
            if each.state == "failed":
                given_up[each.channel, each.address].append(each)
        reached = set[Undelivered]()
        for failed in given_up.values():
            # Reached are those before the last message that arrived. Found by halving: a query may
            # read all that the address has got by other channels since.
            count = bisect_left(failed, True, key=lambda each: not self._is_reached_since(each))
            reached.update(failed[:count])
        return [each for each in unserved if each not in reached]

    def _undelivered(self, query: Select[Any]) -> list[Undelivered]:
        return [Undelivered(*row) for row in self._database.lookup(query)]

    def _is_reached_since(self, given_up: Undelivered) -> bool:
        """Whether the address has got a later message of the channel."""
        of_it = {"address": given_up.address, "channel": given_up.channel}
        return bool(self._database.lookup(_SERVED_SINCE, since=given_up.created_at, **of_it))

    def composed_lately(self, kind: str, since: datetime, now: datetime) -> int:
        """How many messages of a kind a channel has got since a time: that with most of them."""
        of_kind = message.c.kind == kind, message.c.created_at.between(since, now)
        counts = select(func.count(message.c.message_id)).where(*of_kind)
        return max(self._database.scalars(counts.group_by(message.c.channel)), default=0)

    def due(self, now: datetime) -> list[Undelivered]:
        """Of each message with recipients to serve now one of them, the oldest message first."""
        due = (each for each in self.undelivered() if each.is_due(now))
        return list({each.message_id: each for each in due}.values())

    # Sending.

    def claimed(self, now: datetime) -> dict[str, str]:
        """The live processes that send a message now, by its id."""
        claimed = (each for each in self.undelivered() if each.is_claimed(now))
        return {each.message_id: each.claimed_by or "" for each in claimed}

    def claim(
        self, message_id: str, owner: str, now: datetime, *, excluding: Collection[str] = ()
    ) -> ClaimedMessage | None:
        """Claim a message for sending; None if it is done, claimed, or due for no recipient.

        Addresses in `excluding` are left for later. The attempt is counted here, so that it counts
        even if the process is killed. The claim of a process that died on this machine is void at
        once; one of another machine when it expires.
        """
        claim = {"state": "pending", "claimed_by": owner, "claimed_until": now + CLAIM_DURATION}
        claimed = update(message).filter_by(message_id=message_id).values(claim)
        tried_at = recipient.c.next_try_at
        is_due = or_(tried_at <= now, tried_at > now + FURTHEST_TRY)
        begin = (
            update(recipient)
            .where(IS_OPEN, recipient.c.message_id == message_id, is_due)
            .where(recipient.c.address.not_in(excluding))
            .values(state="pending", attempts=recipient.c.attempts + 1)
            .returning(recipient.c.address, recipient.c.attempts)
        )
        with self._database.writing() as connection:
            row = _free_message(connection, message_id, now)
            if row is None or not (due := connection.execute(begin).all()):
                return None
            connection.execute(claimed)
        attempts = {each.address: each.attempts for each in sorted(due)}
        return ClaimedMessage(message_id, owner, row.channel, row.created_at, row.content, attempts)

    def mark(self, message_id: str, outcomes: Iterable[RecipientOutcome]) -> bool:
        """Store outcomes of an attempt; True if this ends the message, and somebody was served."""
        pending = update(recipient).filter_by(message_id=message_id, state="pending")
        with self._database.writing() as connection:
            for outcome in outcomes:
                values: dict[str, Any] = {"state": outcome.state, "last_error": outcome.error}
                if outcome.next_try_at is not None:
                    values["next_try_at"] = outcome.next_try_at
                connection.execute(pending.filter_by(address=outcome.address).values(values))
            return end_message(connection, message_id)

    def renew(self, claimed: ClaimedMessage, now: datetime) -> bool:
        """Renew a claim; False if it has been lost."""
        until = {"claimed_until": now + CLAIM_DURATION}
        return self._database.execute(_claim_of(claimed).values(until)) == 1

    def release(self, claimed: ClaimedMessage) -> None:
        """Release a claim, if it has not been lost."""
        self._database.execute(_claim_of(claimed).values(_UNCLAIMED))

    def retry_refused(self, channel: str, addresses: Sequence[str], now: datetime) -> None:
        """Make what addresses refused due at once, since they have accepted another message."""
        of_channel = select(message.c.message_id).filter_by(channel=channel)
        is_later = recipient.c.message_id.in_(of_channel), recipient.c.next_try_at > now
        refused = update(recipient).filter_by(state="refused").where(*is_later)
        accepting = refused.where(among(recipient.c.address, addresses))
        self._database.execute(accepting.values(next_try_at=now))

    # Decisions of people, and of a new configuration.

    def readdress(self, message_id: str, addresses: Collection[str], now: datetime) -> None:
        """Redirect a message to `addresses` from others at which it failed repeatedly.

        It stays as it is while it is being sent, or if none of `addresses` is new to it; a
        cancelled recipient counts as new.
        """
        is_of_this = recipient.c.message_id == message_id
        is_gone = and_(is_of_this, _MAY_BE_STRANDED, recipient.c.address.not_in(addresses))
        gone = update(recipient).where(is_gone).values(state="cancelled")
        others = select(recipient.c.address).where(is_of_this, recipient.c.state != "cancelled")
        reopened = update(message).filter_by(message_id=message_id).values(state="pending")
        with self._database.writing() as connection:
            if _free_message(connection, message_id, now) is None:
                return
            known = set(connection.scalars(others))
            new = [each for each in addresses if each not in known]
            if not new or not connection.execute(gone).rowcount:
                return
            former = delete(recipient).where(is_of_this, recipient.c.address.in_(new))
            connection.execute(former)
            _insert_recipients(connection, message_id, new, now)
            connection.execute(reopened)

    def retry_failed(self, now: datetime) -> int:
        """Make every recipient that refused or was given up due again; returns their number."""
        is_failed = recipient.c.state.in_(["refused", "failed"])
        of_these = message.c.message_id.in_(select(recipient.c.message_id).where(is_failed))
        again = update(recipient).where(is_failed).values(_due_again(now))
        with self._database.writing() as connection:
            connection.execute(update(message).where(of_these).values(state="pending"))
            return connection.execute(again).rowcount

    def retry(self, message_id: str, now: datetime) -> bool:
        """Make the unserved recipients of a message due again; False if none can be now."""
        return self._change_unserved(message_id, now, _due_again(now))

    def cancel(self, message_id: str, now: datetime) -> bool:
        """Cancel a message for its unserved recipients; False if none can be now."""
        return self._change_unserved(message_id, now, {"state": "cancelled"})

    def _change_unserved(self, message_id: str, now: datetime, values: dict[str, Any]) -> bool:
        """Change the unserved recipients of a message; False if none, or while it is being sent."""
        chosen = update(message).filter_by(message_id=message_id)
        unserved = update(recipient).filter_by(message_id=message_id).where(_IS_UNSERVED)
        with self._database.writing() as connection:
            row = _free_message(connection, message_id, now)
            if row is None or not connection.execute(unserved.values(values)).rowcount:
                return False
            connection.execute(chosen.values(state="pending", **_UNCLAIMED))
            end_message(connection, message_id)
            return True


def _claim_of(claimed: ClaimedMessage) -> Update:
    return update(message).filter_by(message_id=claimed.message_id, claimed_by=claimed.owner)


def _free_message(connection: Connection, message_id: str, now: datetime) -> Row[Any] | None:
    """Lock a message for this transaction; None if there is none, or a live process sends it."""
    locked = select(message).filter_by(message_id=message_id).with_for_update()
    row = connection.execute(locked).first()
    return row if row and not _is_claimed(row.claimed_by, row.claimed_until, now) else None


def _is_claimed(owner: str | None, until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now and not is_void(owner or "", until, now)


def _due_again(now: datetime) -> dict[str, Any]:
    return {"state": "pending", "attempts": 0, "next_try_at": now}


def end_message(connection: Connection, message_id: str) -> bool:
    """End a message with its rows if no recipient is pending; True if so, and one was served."""
    chosen = select(recipient.c.state).filter_by(message_id=message_id).distinct()
    states = set(connection.scalars(chosen))
    if "pending" in states:
        return False
    end = "done" if "done" in states <= {"done", "cancelled"} else "failed"
    ended = update(message).filter_by(message_id=message_id).values(state=end, **_UNCLAIMED)
    connection.execute(ended)
    connection.execute(update(outbox).filter_by(message_id=message_id).values(state="done"))
    return "done" in states
