"""The outbox: deliveries, the messages that carry them, and their recipients.

A row is one record for one channel, written in the transaction that stores the
record. A JSONL row is done when its line is on the disk. Any other row is put into
a message, whose bytes never change. To send a message, a process claims it by a
conditional update: of several processes, only the first succeeds. It sends the
message to the recipients that were not served yet. When none is pending, message
and rows have ended; recipients that refused it are retried all the same.
"""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Delete,
    Label,
    Select,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.store.database import Database, Part
from rscrawler.store.leases import is_alive
from rscrawler.store.lookups import among
from rscrawler.store.tables import (
    ARTICLES_CHANNEL,
    FLAGGED_CHANNEL,
    LAST_VERSION,
    article,
    flag,
    jsonl_file,
    message,
    outbox,
    recipient,
    site,
    version,
)

JSONL_CHANNELS = (ARTICLES_CHANNEL, FLAGGED_CHANNEL)
# No retry is scheduled further ahead: a later time was written by a clock that was ahead.
FURTHEST_TRY = timedelta(hours=8)
IS_OPEN = recipient.c.state.in_(["pending", "refused"])  # still to be served
_IS_UNSERVED = recipient.c.state.in_(["pending", "refused", "failed"])
_ATTEMPTS_BEFORE_REPLACEMENT = 3  # after these, configured addresses replace one that was removed
_FAILED = recipient.alias()
# For addresses that were given up once: when the last message that reached them was composed.
_LAST_SERVED = (
    select(message.c.channel, recipient.c.address, func.max(message.c.created_at).label("at"))
    .join(message, message.c.message_id == recipient.c.message_id)
    .where(
        recipient.c.state == "done",
        recipient.c.address.in_(select(_FAILED.c.address).where(_FAILED.c.state == "failed")),
    )
    .group_by(message.c.channel, recipient.c.address)
    .subquery()
)
_UNASSIGNED = and_(
    outbox.c.state == "pending",
    outbox.c.message_id.is_(None),
    outbox.c.channel.not_in(JSONL_CHANNELS),
)
_WAITING_ROW = (outbox.c.channel, outbox.c.record_id, outbox.c.run_id, outbox.c.created_at)
_WAITING_ROWS = select(*_WAITING_ROW).where(_UNASSIGNED).order_by(outbox.c.number)
_WAITING_ADDRESS = (recipient.c.message_id, recipient.c.address)
_WAITING_ADDRESSES = select(*_WAITING_ADDRESS).where(IS_OPEN).order_by(*_WAITING_ADDRESS)
_COMMITTED = select(jsonl_file.c.committed_bytes).where(jsonl_file.c.file == bindparam("file"))
_UNDELIVERED = (
    select(
        message.c.message_id, message.c.channel, message.c.kind, recipient.c.address,
        recipient.c.state, recipient.c.attempts, recipient.c.next_try_at,
        recipient.c.last_error, message.c.claimed_by, message.c.claimed_until,
    )
    .join(message, message.c.message_id == recipient.c.message_id)
    .outerjoin(
        _LAST_SERVED,
        and_(
            _LAST_SERVED.c.channel == message.c.channel,
            _LAST_SERVED.c.address == recipient.c.address,
        ),
    )
    .where(
        _IS_UNSERVED,
        or_(IS_OPEN, _LAST_SERVED.c.at.is_(None), _LAST_SERVED.c.at <= message.c.created_at),
    )
    .order_by(message.c.created_at, message.c.message_id, recipient.c.address)
)  # fmt: skip

# A required parameter cannot be compiled beside a list of constants.
_SINCE: BindParameter[datetime] = bindparam("since", required=False)
_FURTHEST: BindParameter[datetime] = bindparam("furthest", required=False)
_TOLERATED: BindParameter[datetime] = bindparam("tolerated", required=False)
_IS_OF_WRONG_CLOCK = recipient.c.next_try_at > _FURTHEST
_IS_DUE = and_(
    recipient.c.message_id == message.c.message_id,
    IS_OPEN,
    or_(
        recipient.c.next_try_at <= _SINCE,
        and_(
            _IS_OF_WRONG_CLOCK,
            # Its creation may also be of a wrong clock.
            or_(message.c.created_at <= _SINCE, message.c.created_at > _TOLERATED),
        ),
    ),
)
_HAS_TO_BE_SENT = message.c.state.in_(["pending", "failed"])
_DUE_MESSAGES = (
    select(message.c.message_id, message.c.channel, message.c.kind)
    .where(_HAS_TO_BE_SENT, exists().where(_IS_DUE))
    .order_by(message.c.created_at, message.c.message_id)
)
_DUE_SINCE = (
    select(
        message.c.channel,
        message.c.kind,
        func.min(case((_IS_OF_WRONG_CLOCK, message.c.created_at), else_=recipient.c.next_try_at)),
    )
    .where(_HAS_TO_BE_SENT, _IS_DUE)
    .group_by(message.c.channel, message.c.kind)
)
# An address with few attempts may come from a service with a newer configuration.
_MAY_BE_STRANDED = and_(IS_OPEN, recipient.c.attempts >= _ATTEMPTS_BEFORE_REPLACEMENT)
_STRANDED = (
    select(message.c.message_id)
    .join_from(recipient, message)
    .where(
        message.c.channel == bindparam("channel", required=False),
        among(message.c.kind, "kinds"),
        _MAY_BE_STRANDED,
        ~among(recipient.c.address, "addresses"),
    )
    .distinct()
)


def _counted(where: ColumnElement[bool], *labels: Label[Any]) -> Select[Any]:
    """The number and least age of the rows by channel, and by `labels`."""
    counted = select(outbox.c.channel, func.count(), func.min(outbox.c.created_at), *labels)
    groups = ["channel", *(each.name for each in labels)]
    return counted.where(where).group_by(*groups).order_by(*groups)


_WAITING = _counted(outbox.c.state == "pending")
_IN_CYCLE = and_(among(outbox.c.run_id, "running"), among(outbox.c.channel, "patient"))
_UNASSIGNED_COUNTED = _counted(_UNASSIGNED, _IN_CYCLE.label("in_cycle"))


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A pending row: one record for one channel; `record` is its JSON text."""

    number: int
    channel: str
    record_id: str
    run_id: str
    recorded_at: datetime
    record: str


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
    address: str
    state: str
    attempts: int
    next_try_at: datetime
    last_error: str | None
    claimed_by: str | None
    claimed_until: datetime | None

    def failures(self, now: datetime) -> int:
        """How many attempts have failed; one that is running has not."""
        is_running = (
            self.state == "pending"
            and self.next_try_at <= now < (self.claimed_until or now)
            and is_alive(self.claimed_by or "")
        )
        return max(0, self.attempts - is_running)

    @property
    def reason(self) -> str:
        """Why the last attempt failed."""
        return self.last_error or "interrupted before it ended"


@dataclass(frozen=True, slots=True)
class WaitingChannel:
    """The number of pending rows of a channel; `oldest` is when the first was created."""

    channel: str
    count: int
    oldest: datetime
    in_cycle: bool = False  # their cycles still run


def write_messages(
    database: Database, messages: Iterable[NewMessage], *marks: tuple[Update | Delete, int]
) -> bool:
    """Store messages, due at once, in one transaction with `marks` on what they report.

    False, and nothing is stored, if a mark does not change its number of rows, or a message with
    that id exists: another process was first.

    Raises:
        ValueError: a message has no recipient.
    """
    with database.writing() as connection:
        is_first = all(connection.execute(mark).rowcount == rows for mark, rows in marks)
        if not (is_first and all(_insert_message(database, connection, new) for new in messages)):
            connection.rollback()
            return False
        return True


def _insert_message(database: Database, connection: Connection, new: NewMessage) -> bool:
    if not new.addresses:
        raise ValueError(f"message {new.message_id} has no recipient")
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


class _Rows(Part):
    def _pending(self, *where: ColumnElement[bool], limit: int | None = None) -> list[OutboxRow]:
        """Pending rows with their records, in the order of the outbox."""
        query = (
            select(
                outbox.c.number, outbox.c.channel, outbox.c.record_id, outbox.c.run_id,
                version.c.recorded_at, version.c.record,
            )
            .join(version, version.c.record_id == outbox.c.record_id)
            .where(outbox.c.state == "pending", *where)
            .order_by(outbox.c.number)
            .limit(limit)
        )  # fmt: skip
        return [OutboxRow(*row) for row in self._database.rows(query)]


class LineStore(_Rows):
    """The JSONL rows of the outbox, and the committed sizes of their files."""

    def pending_lines(self, limit: int) -> list[OutboxRow]:
        """Records still to be written to a JSONL file, in the order of the outbox."""
        return self._pending(outbox.c.channel.in_(JSONL_CHANNELS), limit=limit)

    def committed_bytes(self, file: str) -> int | None:
        """The committed size of a JSONL file; None if the file is unknown."""
        found = self._database.lookup(_COMMITTED, file=file)
        return found[0][0] if found else None

    def commit_lines(self, file: str, numbers: Sequence[int], committed_bytes: int) -> bool:
        """Mark rows as done, whose lines are on the disk, and store the file's committed size.

        False, and nothing is changed, if one of the rows was done already.
        """
        with self._database.writing() as connection:
            if _mark_done(connection, file, numbers) != len(numbers):
                connection.rollback()
                return False
            self._set_committed(connection, file, committed_bytes)
            return True

    def match_file(
        self, file: str, channel: str, present: Collection[str], committed_bytes: int
    ) -> None:
        """Reconcile the rows with a file, a path in the output folder.

        Rows of the records `present` in the file become done, its other rows pending again;
        `committed_bytes` becomes its committed size.
        """
        of_file = or_(outbox.c.file == file, outbox.c.state == "pending")
        rows = select(outbox.c.number, outbox.c.record_id).filter_by(channel=channel).where(of_file)
        again = update(outbox).filter_by(file=file).values(state="pending", file=None)
        with self._database.writing() as connection:
            found = connection.execute(rows).all()
            connection.execute(again)
            there = [row.number for row in found if row.record_id in present]
            _mark_done(connection, file, there)
            self._set_committed(connection, file, committed_bytes)

    def _set_committed(self, connection: Connection, file: str, committed_bytes: int) -> None:
        whole = {"committed_bytes": committed_bytes}
        connection.execute(self._database.upsert(jsonl_file, whole, file=file))


def _mark_done(connection: Connection, file: str, numbers: Sequence[int]) -> int:
    """Mark the pending ones of the rows as done; returns how many."""
    pending = update(outbox).where(among(outbox.c.number, numbers), outbox.c.state == "pending")
    return connection.execute(pending.values(state="done", file=file)).rowcount


class OutboxStore(_Rows):
    """The outbox, the messages and their recipients in the database."""

    # From rows to messages.

    def waiting(self) -> list[WaitingChannel]:
        """The pending rows, by channel."""
        return [WaitingChannel(*row) for row in self._database.lookup(_WAITING)]

    def unassigned(
        self, running: Collection[str] = (), patient: Collection[str] = ()
    ) -> list[WaitingChannel]:
        """The rows that are in no message yet, by channel.

        For the channels `patient`, those of the cycles `running` are a group of their own.
        """
        found = self._database.lookup(
            _UNASSIGNED_COUNTED, running=list(running), patient=list(patient)
        )
        return [WaitingChannel(*row) for row in found]

    def unassigned_rows(self, channel: str, excluding: Collection[str] = ()) -> list[OutboxRow]:
        """The rows of a channel that are in no message yet, in the order of the outbox.

        Those of the cycles `excluding`, given by their ids, are left out.
        """
        is_other = outbox.c.run_id.not_in(excluding)
        return self._pending(outbox.c.channel == channel, _UNASSIGNED, is_other)

    def assign(self, new: NewMessage, numbers: Sequence[int]) -> bool:
        """Store a message with these rows; False, and nothing, if one is in a message already."""
        rows = update(outbox).where(among(outbox.c.number, numbers), _UNASSIGNED)
        assigned = rows.values(message_id=new.message_id)
        return write_messages(self._database, [new], (assigned, len(numbers)))

    def add(self, *messages: NewMessage) -> bool:
        """Store messages without rows; False, and nothing, if one with such an id exists."""
        return write_messages(self._database, messages)

    # For the spool.

    def waiting_rows(self) -> list[dict[str, Any]]:
        """The rows of all channels that are in no message yet."""
        names = [column.name for column in _WAITING_ROW]
        return [dict(zip(names, row, strict=True)) for row in self._database.lookup(_WAITING_ROWS)]

    def restore_rows(self, rows: Iterable[dict[str, Any]]) -> int:
        """Restore lost `waiting_rows` whose records are known; returns how many."""
        lost = [{**row, "state": "pending"} for row in rows]
        is_of_these = among(version.c.record_id, [row["record_id"] for row in lost])
        insert = self._database.insert_missing(outbox)
        with self._database.writing() as connection:
            known = set(connection.scalars(select(version.c.record_id).where(is_of_these)))
            if not (new := [row for row in lost if row["record_id"] in known]):
                return 0
            return len(connection.execute(insert.returning(outbox.c.number), new).all())

    def waiting_messages(self) -> dict[str, tuple[str, ...]]:
        """The addresses still to be served, by message id."""
        left: dict[str, tuple[str, ...]] = {}
        for message_id, address in self._database.lookup(_WAITING_ADDRESSES):
            left[message_id] = (*left.get(message_id, ()), address)
        return left

    def message(self, message_id: str, addresses: tuple[str, ...]) -> NewMessage | None:
        """A message, for these of its recipients."""
        row = self._database.row(select(message).filter_by(message_id=message_id))
        if row is None:
            return None
        return NewMessage(message_id, row.channel, row.kind, row.created_at, row.content, addresses)

    # After a lost database was rebuilt.

    def unalerted(
        self, topics: Sequence[str], levels: Sequence[str], since: datetime
    ) -> list[tuple[str, str]]:
        """`(topic, record)` of flagged articles first seen since a time that were never alerted.

        Only those published since the newest article that their site had before; not those in the
        outbox, which the spool has restored, and no copies or removed articles.
        """
        rows = outbox.c.record_id == version.c.record_id
        is_in_outbox = exists().where(rows, outbox.c.channel.not_in(JSONL_CHANNELS))
        published, fetched = article.c.published_at, article.c.fetched_at
        before = (
            select(
                article.c.site,
                # A page's own date may lie in the future.
                func.max(case((published > fetched, fetched), else_=published)).label("newest"),
            )
            .where(article.c.first_seen_at < since)
            .group_by(article.c.site)
            .subquery()
        )
        query = (
            select(flag.c.topic, version.c.record)
            .join(article, article.c.article_id == flag.c.article_id)
            .join(site, site.c.name == article.c.site)
            .join(before, before.c.site == article.c.site)
            .join(version, LAST_VERSION)
            .where(
                flag.c.topic.in_(topics),
                flag.c.level.in_(levels),
                flag.c.alerted_at.is_(None),
                site.c.baseline_at.is_not(None),
                article.c.first_seen_at >= since,
                published >= before.c.newest,
                article.c.removed_at.is_(None),
                article.c.duplicate_of.is_(None),
                ~is_in_outbox,
            )
            .order_by(article.c.published_at.desc())
        )
        return [(row.topic, row.record) for row in self._database.rows(query)]

    def alert_unalerted(
        self, flags: Iterable[tuple[str, str]], messages: Sequence[NewMessage], now: datetime
    ) -> bool:
        """Store messages that alert these `(article_id, topic)`; False if one was alerted before.

        A message that exists already, restored from the spool, stays as it is.
        """
        is_of_these = among(message.c.message_id, [each.message_id for each in messages])
        known = self._database.scalars(select(message.c.message_id).where(is_of_these))
        new = [each for each in messages if each.message_id not in known]
        alerted = update(flag).values(alerted_at=now).filter_by(alerted_at=None)
        marks = ((alerted.filter_by(article_id=of, topic=topic), 1) for of, topic in flags)
        return write_messages(self._database, new, *marks)

    # Sending.

    def due_messages(self, now: datetime) -> list[tuple[str, str, str]]:
        """`(message_id, channel, kind)` of messages with a recipient to serve, oldest first."""
        return [(*row,) for row in self._database.lookup(_DUE_MESSAGES, **_bounds(now, now))]

    def due_since(self, now: datetime, then: datetime) -> list[tuple[str, str, datetime]]:
        """`(channel, kind, since when)` of messages that were due then and still are."""
        return [(*row,) for row in self._database.lookup(_DUE_SINCE, **_bounds(now, then))]

    def claim(
        self,
        message_id: str,
        owner: str,
        now: datetime,
        until: datetime,
        *,
        excluding: Collection[str] = (),
    ) -> ClaimedMessage | None:
        """Claim a message for sending; None if it is done, claimed, or due for no recipient.

        Addresses in `excluding` are left for later. The attempt is counted here, so that it counts
        even if the process is killed. The claim of a process that died on this machine is void at
        once; one of another machine when it expires.
        """
        chosen = update(message).filter_by(message_id=message_id)
        claim = {"state": "pending", "claimed_by": owner, "claimed_until": until}
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
            row = connection.execute(select(message).filter_by(message_id=message_id)).first()
            is_free = _is_unclaimed(now)
            if row is not None and row.claimed_by is not None and not is_alive(row.claimed_by):
                is_free = or_(is_free, message.c.claimed_by == row.claimed_by)
            free = chosen.where(message.c.state != "done", is_free)
            if row is None or connection.execute(free.values(claim)).rowcount != 1:
                return None
            due = connection.execute(begin).all()
            if not due:
                connection.rollback()
                return None
        attempts = {each.address: each.attempts for each in sorted(due)}
        return ClaimedMessage(message_id, row.channel, row.created_at, row.content, attempts)

    def mark(self, message_id: str, outcomes: Iterable[RecipientOutcome]) -> bool:
        """Store outcomes of an attempt; True if this ends the message, and somebody was served."""
        pending = update(recipient).filter_by(message_id=message_id, state="pending")
        with self._database.writing() as connection:
            for outcome in outcomes:
                values: dict[str, Any] = {"state": outcome.state, "last_error": outcome.error}
                if outcome.next_try_at is not None:
                    values["next_try_at"] = outcome.next_try_at
                connection.execute(pending.filter_by(address=outcome.address).values(values))
            return _end_message(connection, message_id)

    def renew(self, message_id: str, owner: str, until: datetime) -> bool:
        """Renew a claim; False if it has been lost."""
        return self._change_claim(message_id, owner, claimed_until=until)

    def release(self, message_id: str, owner: str) -> None:
        """Release a claim, if it is still this owner's."""
        self._change_claim(message_id, owner, claimed_by=None, claimed_until=None)

    def _change_claim(self, message_id: str, owner: str, **values: Any) -> bool:
        """Change a claim that is still this owner's; False if it has been lost."""
        held = update(message).filter_by(message_id=message_id, claimed_by=owner)
        return self._database.execute(held.values(values)) == 1

    def retry_refused(self, channel: str, address: str, now: datetime) -> None:
        """Make what an address refused due at once, since it has accepted another message."""
        of_channel = select(message.c.message_id).filter_by(channel=channel)
        refused = update(recipient).filter_by(state="refused", address=address)
        later = refused.where(recipient.c.next_try_at > now)
        self._database.execute(
            later.where(recipient.c.message_id.in_(of_channel)).values(next_try_at=now)
        )

    def stranded(
        self, channel: str, kinds: Collection[str], addresses: Collection[str]
    ) -> list[str]:
        """Ids of messages that failed repeatedly at an address that their channel no longer has."""
        found = self._database.lookup(
            _STRANDED, channel=channel, kinds=list(kinds), addresses=list(addresses)
        )
        return [message_id for (message_id,) in found]

    def readdress(self, message_id: str, addresses: Collection[str], now: datetime) -> None:
        """Replace the recipients of a message that are gone from the configuration by new ones.

        Nothing changes if none of `addresses` is new, or while the message is being sent. A
        cancelled recipient counts as new.
        """
        chosen = update(message).filter_by(message_id=message_id)
        free = chosen.where(_is_unclaimed(now)).values(state="pending")
        of_message = select(recipient.c.address).filter_by(message_id=message_id)
        of_others = of_message.where(recipient.c.state != "cancelled")
        former = delete(recipient).filter_by(message_id=message_id, state="cancelled")
        is_other = recipient.c.address.not_in(addresses)
        of_this = update(recipient).filter_by(message_id=message_id)
        gone = of_this.where(_MAY_BE_STRANDED, is_other)
        with self._database.writing() as connection:
            is_free = connection.execute(free).rowcount == 1
            is_unserved = connection.execute(gone.values(state="cancelled")).rowcount > 0
            known = set(connection.scalars(of_others))
            new = [each for each in addresses if each not in known]
            if not (is_free and is_unserved and new):
                connection.rollback()
                return
            connection.execute(former.where(recipient.c.address.in_(new)))
            _insert_recipients(connection, message_id, new, now)

    def retry_failed(self, now: datetime) -> int:
        """Make every recipient that refused or was given up due again; returns their number."""
        unserved = recipient.c.state.in_(["refused", "failed"])
        of_these = message.c.message_id.in_(select(recipient.c.message_id).where(unserved))
        with self._database.writing() as connection:
            connection.execute(update(message).where(of_these).values(state="pending"))
            return connection.execute(
                update(recipient).where(unserved).values(_due_again(now))
            ).rowcount

    def retry(self, message_id: str, now: datetime) -> bool:
        """Make the unserved recipients of a message due again; False if none can be now."""
        return self._change_unserved(message_id, now, _due_again(now))

    def cancel(self, message_id: str, now: datetime) -> bool:
        """Cancel a message for its unserved recipients; False if none can be now."""
        return self._change_unserved(message_id, now, {"state": "cancelled"})

    def _change_unserved(self, message_id: str, now: datetime, values: dict[str, Any]) -> bool:
        """Change the unserved recipients of a message; False if none, or while it is being sent."""
        chosen = update(message).filter_by(message_id=message_id)
        free = chosen.where(_is_unclaimed(now)).values(claimed_by=None, claimed_until=None)
        unserved = update(recipient).filter_by(message_id=message_id).where(_IS_UNSERVED)
        with self._database.writing() as connection:
            is_free = connection.execute(free).rowcount == 1
            if not (is_free and connection.execute(unserved.values(values)).rowcount):
                connection.rollback()
                return False
            connection.execute(chosen.values(state="pending"))
            _end_message(connection, message_id)
            return True

    # What is pending.

    def undelivered(self) -> list[Undelivered]:
        """Recipients still to be served, and those given up that no later message has reached."""
        return [Undelivered(*row) for row in self._database.lookup(_UNDELIVERED)]

    def pending_line_count(self) -> int:
        """The number of lines still to be written to JSONL files."""
        return sum(each.count for each in self.waiting() if each.channel in JSONL_CHANNELS)

    # For reports and feeds.

    def delivered_by_site(self, run_id: str) -> dict[str, int]:
        """The number of messages with articles of a run that reached somebody, by site."""
        has_served = exists().where(
            recipient.c.message_id == outbox.c.message_id, recipient.c.state == "done"
        )
        query = (
            select(article.c.site, func.count(outbox.c.message_id.distinct()))
            .join(version, version.c.record_id == outbox.c.record_id)
            .join(article, article.c.article_id == version.c.article_id)
            .where(outbox.c.run_id == run_id, outbox.c.state == "done", has_served)
            .group_by(article.c.site)
        )
        return {row[0]: row[1] for row in self._database.rows(query)}

    def flagged_records(self, topic: str, levels: Collection[str]) -> Generator[str]:
        """The JSON text of flagged versions that are in the JSONL, newest first.

        Only articles that have one of `levels` on the topic, or were alerted on it. Removed and
        folded articles are left out. Close it if it is not read to the end.
        """
        query = (
            select(version.c.record)
            .join(outbox, outbox.c.record_id == version.c.record_id)
            .join(article, article.c.article_id == version.c.article_id)
            .join(flag, flag.c.article_id == version.c.article_id)
            .where(
                outbox.c.state == "done",
                outbox.c.channel == FLAGGED_CHANNEL,
                flag.c.topic == topic,
                or_(flag.c.level.in_(levels), flag.c.alerted_at.is_not(None)),
                article.c.removed_at.is_(None),
                article.c.is_folded == 0,
            )
            .order_by(outbox.c.number.desc())
        )
        with closing(self._database.streamed(query)) as rows:
            yield from (row.record for row in rows)


def _bounds(now: datetime, since: datetime) -> dict[str, datetime]:
    return {"since": since, "furthest": now + FURTHEST_TRY, "tolerated": now + CLOCK_TOLERANCE}


def _is_unclaimed(now: datetime) -> ColumnElement[bool]:
    return or_(message.c.claimed_until.is_(None), message.c.claimed_until <= now)


def _due_again(now: datetime) -> dict[str, Any]:
    return {"state": "pending", "attempts": 0, "next_try_at": now}


def _end_message(connection: Connection, message_id: str) -> bool:
    """End a message with its rows if no recipient is pending; True if so, and one was served."""
    chosen = select(recipient.c.state).filter_by(message_id=message_id).distinct()
    states = set(connection.scalars(chosen))
    if "pending" in states:
        return False
    end = {
        "state": "done" if "done" in states <= {"done", "cancelled"} else "failed",
        "claimed_by": None,
        "claimed_until": None,
    }
    connection.execute(update(message).filter_by(message_id=message_id).values(end))
    connection.execute(update(outbox).filter_by(message_id=message_id).values(state="done"))
    return "done" in states
