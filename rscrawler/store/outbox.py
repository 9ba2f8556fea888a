"""The outbox: what is still to be handed on, and to whom.

A row is one record for one channel, written in the transaction that makes the
record known. A JSONL row is done when its line is on the disk. Any other row is
put into a message, whose bytes never change again; the message is claimed by a
conditional update, sent to those of its recipients that have not been served, and
is done (with its rows) when none is pending; who refused it is tried again all the
same. Whoever asks second, of several processes, gets nothing: the rows decide.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.store.database import Database
from rscrawler.store.leases import is_alive
from rscrawler.store.lookups import among
from rscrawler.store.tables import (
    ARTICLES_CHANNEL,
    FLAGGED_CHANNEL,
    LAST_VERSION,
    article,
    flag,
    message,
    outbox,
    recipient,
    site,
    version,
)

JSONL_CHANNELS = (ARTICLES_CHANNEL, FLAGGED_CHANNEL)
# No pace puts a next try off so far: what is further away was written by a clock that was ahead.
FURTHEST_TRY = timedelta(hours=8)
_TRIED = ("pending", "refused")  # states of recipients who are still to be served


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One record that waits for one channel; `record` is its JSON text."""

    number: int
    channel: str
    record_id: str
    run_id: str
    created_at: datetime
    recorded_at: datetime
    record: str


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A row that no message carries yet, as it is kept outside the database."""

    channel: str
    record_id: str
    run_id: str
    created_at: datetime

    def to_json(self) -> dict[str, str]:
        """As plain text."""
        return asdict(self) | {"created_at": self.created_at.isoformat()}


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message as it will be sent, and sent again; `kind` is alert, summary, ops or weekly."""

    message_id: str
    channel: str
    kind: str
    created_at: datetime
    content: bytes
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DueRecipient:
    """An addressee who is to be served now; `attempts` counts the one that is begun."""

    address: str
    attempts: int


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that this process alone may send for now."""

    message_id: str
    channel: str
    kind: str
    created_at: datetime
    content: bytes
    recipients: tuple[DueRecipient, ...]


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """What came of one attempt.

    `state` is done, failed, or until `next_try_at` pending or refused.
    """

    address: str
    state: str
    error: str | None = None
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A recipient who has not been served.

    Pending; refused, and tried again nevertheless; or failed (given up), with nothing served since.

    `last_error` is None while no attempt has come to an end.
    """

    message_id: str
    channel: str
    kind: str
    address: str
    state: str
    attempts: int
    next_try_at: datetime
    last_error: str | None

    @property
    def reason(self) -> str:
        """Why the last attempt failed."""
        return self.last_error or "cut short before it ended"


@dataclass(frozen=True, slots=True)
class WaitingChannel:
    """Rows of a channel that are not done; `oldest` is when the first was written."""

    channel: str
    count: int
    oldest: datetime


def waiting_channels(
    database: Database, where: ColumnElement[bool] | None = None
) -> list[WaitingChannel]:
    """The outbox, channel by channel, as far as it is not done."""
    query = (
        select(outbox.c.channel, func.count(), func.min(outbox.c.created_at))
        .where(outbox.c.state == "pending", *([] if where is None else [where]))
        .group_by(outbox.c.channel)
        .order_by(outbox.c.channel)
    )
    return [WaitingChannel(*row) for row in database.rows(query)]


def pending_rows(
    database: Database, where: ColumnElement[bool], limit: int | None
) -> list[OutboxRow]:
    """Pending rows with their records, in the order of the outbox."""
    query = (
        select(
            outbox.c.number, outbox.c.channel, outbox.c.record_id, outbox.c.run_id,
            outbox.c.created_at, version.c.recorded_at, version.c.record,
        )
        .join(version, version.c.record_id == outbox.c.record_id)
        .where(outbox.c.state == "pending", where)
        .order_by(outbox.c.number)
        .limit(limit)
    )  # fmt: skip
    return [OutboxRow(*row) for row in database.rows(query)]


def insert_messages(connection: Connection, messages: Iterable[NewMessage]) -> None:
    """Write messages and their recipients, all due at once, in the caller's transaction.

    Raises:
        ValueError: one is for nobody.
    """
    for new in messages:
        if not new.addresses:
            raise ValueError(f"message {new.message_id} has no recipient")
        values = asdict(new)
        addresses = values.pop("addresses")
        connection.execute(message.insert().values(**values, state="pending"))
        waiting = {"state": "pending", "attempts": 0, "next_try_at": new.created_at}
        connection.execute(
            recipient.insert(),
            [{"message_id": new.message_id, "address": each, **waiting} for each in addresses],
        )


class OutboxStore:
    """The outbox, the messages and their recipients in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # From rows to messages.

    def unassigned(self) -> list[WaitingChannel]:
        """The channels with rows that no message carries yet."""
        return waiting_channels(self._database, _is_unassigned())

    def unassigned_rows(self, channel: str) -> list[OutboxRow]:
        """The rows of a channel that no message carries yet, in the order of the outbox."""
        return pending_rows(
            self._database, and_(outbox.c.channel == channel, _is_unassigned()), None
        )

    def assign(self, new: NewMessage, numbers: Sequence[int]) -> bool:
        """Let a message carry these rows; False, and no message, if another carries one."""
        with self._database.writing() as connection:
            assigned = connection.execute(
                update(outbox)
                .where(among(outbox.c.number, numbers), _is_unassigned())
                .values(message_id=new.message_id)
            )
            if assigned.rowcount != len(numbers):
                connection.rollback()
                return False
            insert_messages(connection, [new])
            return True

    def add(self, new: NewMessage) -> bool:
        """A message that carries no rows; False if there is one of that id already."""
        with self._database.writing() as connection:
            if connection.scalar(
                select(message.c.message_id).where(message.c.message_id == new.message_id)
            ):
                return False
            insert_messages(connection, [new])
            return True

    # What the spool keeps.

    def waiting_rows(self) -> list[WaitingRow]:
        """The rows of every channel that no message carries yet."""
        columns = (outbox.c.channel, outbox.c.record_id, outbox.c.run_id, outbox.c.created_at)
        query = select(*columns).where(_is_unassigned()).order_by(outbox.c.number)
        return [WaitingRow(*row) for row in self._database.rows(query)]

    def restore_rows(self, rows: Iterable[WaitingRow]) -> int:
        """Rows that were lost, of records that are known; returns how many."""
        restored = 0
        with self._database.writing() as connection:
            for row in rows:
                known = select(version.c.record_id).where(version.c.record_id == row.record_id)
                if connection.scalar(known) is not None:
                    insert = self._database.insert(outbox).values(**asdict(row), state="pending")
                    restored += connection.execute(insert.on_conflict_do_nothing()).rowcount
        return restored

    def waiting_messages(self) -> dict[str, tuple[str, ...]]:
        """The addresses that are still to be served, by message."""
        columns = (recipient.c.message_id, recipient.c.address)
        query = select(*columns).where(recipient.c.state.in_(_TRIED)).order_by(*columns)
        left: dict[str, tuple[str, ...]] = {}
        for message_id, address in self._database.rows(query):
            left[message_id] = (*left.get(message_id, ()), address)
        return left

    def message(self, message_id: str) -> NewMessage | None:
        """A message, for those of its recipients who are still to be served."""
        left = self.waiting_messages().get(message_id)
        query = select(message).where(message.c.message_id == message_id)
        row = self._database.row(query)
        if row is None or not left:
            return None
        return NewMessage(message_id, row.channel, row.kind, row.created_at, row.content, left)

    # After a rebuilding.

    def untold(
        self, topics: Sequence[str], levels: Sequence[str], since: datetime
    ) -> list[tuple[str, str]]:
        """`(topic, record)` of pieces first seen since then, flagged and told to nobody.

        Only of sites that were known before: what is newer there than the last known piece.
        """
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
            )
            .order_by(article.c.published_at.desc())
        )
        return [(row.topic, row.record) for row in self._database.rows(query)]

    def tell_untold(
        self, told: Iterable[tuple[str, str]], messages: Iterable[NewMessage], now: datetime
    ) -> bool:
        """Write messages that tell of `(article_id, topic)`; False if others told of one."""
        with self._database.writing() as connection:
            for article_id, topic in told:
                chosen = (flag.c.article_id == article_id, flag.c.topic == topic)
                marked = connection.execute(
                    update(flag).where(*chosen, flag.c.alerted_at.is_(None)).values(alerted_at=now)
                )
                if marked.rowcount != 1:
                    connection.rollback()
                    return False
            insert_messages(connection, messages)
            return True

    # Sending.

    def due_messages(
        self, now: datetime, since: datetime | None = None
    ) -> list[tuple[str, str, str]]:
        """`(message_id, channel, kind)` of messages with a recipient to serve, oldest first.

        With `since`, only those that were due at that time in the past already.
        """
        is_due = _is_due(now, now if since is None else since)
        query = (
            select(message.c.message_id, message.c.channel, message.c.kind)
            .where(message.c.state.in_(["pending", "failed"]), exists().where(is_due))
            .order_by(message.c.created_at, message.c.message_id)
        )
        return [(row.message_id, row.channel, row.kind) for row in self._database.rows(query)]

    def claim(
        self, message_id: str, owner: str, now: datetime, until: datetime
    ) -> ClaimedMessage | None:
        """Take a message, to send it; None if it is done, nobody is due, or another has it.

        The attempt counts from here on, so that one counts that is killed. The claim of
        a process of this machine that has died is void at once; one of another machine,
        when it runs out.
        """
        chosen = message.c.message_id == message_id
        with self._database.writing() as connection:
            holder = connection.scalar(select(message.c.claimed_by).where(chosen))
            free = or_(message.c.claimed_until.is_(None), message.c.claimed_until <= now)
            if holder is not None and not is_alive(holder):
                free = or_(free, message.c.claimed_by == holder)
            claimed = connection.execute(
                update(message)
                .where(chosen, message.c.state != "done", free)
                .values(state="pending", claimed_by=owner, claimed_until=until)
            )
            if claimed.rowcount != 1:
                return None
            row = connection.execute(select(message).where(chosen)).one()
            due = connection.execute(
                update(recipient)
                .where(
                    recipient.c.message_id == message_id,
                    recipient.c.state.in_(_TRIED),
                    or_(recipient.c.next_try_at <= now, _is_of_wrong_clock(now)),
                )
                .values(state="pending", attempts=recipient.c.attempts + 1)
                .returning(recipient.c.address, recipient.c.attempts)
            ).all()
            if not due:
                connection.rollback()
                return None
        return ClaimedMessage(
            message_id,
            row.channel,
            row.kind,
            row.created_at,
            row.content,
            tuple(DueRecipient(*each) for each in sorted(due)),
        )

    def mark(self, message_id: str, outcomes: Iterable[RecipientOutcome]) -> bool:
        """Note what came of an attempt; the message and its rows end when nobody is pending.

        True if they have, and somebody was served.
        """
        with self._database.writing() as connection:
            for outcome in outcomes:
                values: dict[str, Any] = {"state": outcome.state, "last_error": outcome.error}
                if outcome.next_try_at is not None:
                    values["next_try_at"] = outcome.next_try_at
                connection.execute(
                    update(recipient)
                    .where(
                        recipient.c.message_id == message_id,
                        recipient.c.address == outcome.address,
                        recipient.c.state == "pending",
                    )
                    .values(values)
                )
            return _settle(connection, message_id)

    def renew(self, message_id: str, owner: str, until: datetime) -> bool:
        """Keep a claim; False if it has been lost."""
        return self._change_claim(message_id, owner, claimed_until=until)

    def release(self, message_id: str, owner: str) -> None:
        """Give a claim back, if it is still this owner's."""
        self._change_claim(message_id, owner, claimed_by=None, claimed_until=None)

    def _change_claim(self, message_id: str, owner: str, **values: Any) -> bool:
        """Change a claim that is still this owner's; False if it has been lost."""
        chosen = update(message).where(message.c.message_id == message_id)
        return (
            self._database.execute(chosen.where(message.c.claimed_by == owner).values(values)) == 1
        )

    def wake(self, channel: str, address: str, now: datetime) -> None:
        """What an address refused is due at once, now that it takes something."""
        of_channel = select(message.c.message_id).where(message.c.channel == channel)
        self._database.execute(
            update(recipient)
            .where(
                recipient.c.state == "refused",
                recipient.c.next_try_at > now,
                recipient.c.address == address,
                recipient.c.message_id.in_(of_channel),
            )
            .values(next_try_at=now)
        )

    def retry_failed(self, now: datetime) -> int:
        """Make every recipient that refused or was given up due again; gives their number."""
        unserved = recipient.c.state.in_(["refused", "failed"])
        with self._database.writing() as connection:
            failed = select(recipient.c.message_id).where(unserved)
            connection.execute(
                update(message).where(message.c.message_id.in_(failed)).values(state="pending")
            )
            return connection.execute(
                update(recipient)
                .where(unserved)
                .values(state="pending", attempts=0, next_try_at=now)
            ).rowcount

    def retry(self, message_id: str, now: datetime) -> bool:
        """Make whoever was not served by one message due again; False if nobody is to be."""
        return self._change_unserved(
            message_id, now, {"state": "pending", "attempts": 0, "next_try_at": now}
        )

    def cancel(self, message_id: str, now: datetime) -> bool:
        """Give one message up, for whoever was not served by it; False if nobody is left to be."""
        return self._change_unserved(message_id, now, {"state": "cancelled"})

    def _change_unserved(self, message_id: str, now: datetime, values: dict[str, Any]) -> bool:
        """Change the unserved recipients of a message that is not being sent this moment."""
        free = or_(message.c.claimed_until.is_(None), message.c.claimed_until <= now)
        with self._database.writing() as connection:
            held = connection.execute(
                update(message)
                .where(message.c.message_id == message_id, free)
                .values(claimed_by=None, claimed_until=None)
            )
            changed = connection.execute(
                update(recipient)
                .where(
                    recipient.c.message_id == message_id,
                    recipient.c.state.in_([*_TRIED, "failed"]),
                )
                .values(values)
            )
            if held.rowcount != 1 or not changed.rowcount:
                connection.rollback()
                return False
            if values["state"] == "pending":
                connection.execute(
                    update(message)
                    .where(message.c.message_id == message_id)
                    .values(state="pending")
                )
            else:
                _settle(connection, message_id)
            return True

    # What waits.

    def undelivered(self) -> list[Undelivered]:
        """Recipients still to be served, and those given up whom nothing has reached since."""
        query = (
            select(
                message.c.message_id, message.c.channel, message.c.kind, recipient.c.address,
                recipient.c.state, recipient.c.attempts, recipient.c.next_try_at,
                recipient.c.last_error, message.c.created_at,
            )
            .join(message, message.c.message_id == recipient.c.message_id)
            .where(recipient.c.state.in_([*_TRIED, "failed"]))
            .order_by(message.c.created_at, message.c.message_id, recipient.c.address)
        )  # fmt: skip
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            given_up = sorted({row.address for row in rows if row.state == "failed"})
            served_at = _last_served(connection, given_up)
        return [
            Undelivered(*row[:-1])
            for row in rows
            if row.state != "failed"
            or served_at.get((row.channel, row.address), row.created_at) <= row.created_at
        ]

    def pending_line_count(self) -> int:
        """How many lines wait for their JSONL file."""
        query = select(func.count()).where(
            outbox.c.state == "pending", outbox.c.channel.in_(JSONL_CHANNELS)
        )
        return self._database.scalar(query) or 0

    # What messages and feeds are made of.

    def delivered_by_site(self, run_id: str) -> dict[str, int]:
        """How many messages that reached somebody carried pieces that a run found, by site."""
        has_served = exists().where(
            recipient.c.message_id == outbox.c.message_id, recipient.c.state == "done"
        )
        query = (
            select(article.c.site, func.count(outbox.c.message_id.distinct()))
            .join(version, version.c.record_id == outbox.c.record_id)
            .join(article, article.c.article_id == version.c.article_id)
            .where(
                outbox.c.run_id == run_id,
                outbox.c.state == "done",
                has_served,
            )
            .group_by(article.c.site)
        )
        return {row[0]: row[1] for row in self._database.rows(query)}

    def flagged_records(self) -> Generator[str]:
        """The JSON text of flagged versions that are in the JSONL, newest first.

        Removed pieces, and copies that say no more than the first, are left out. Close it when
        it is not read to the end.
        """
        query = (
            select(version.c.record)
            .join(outbox, outbox.c.record_id == version.c.record_id)
            .join(article, article.c.article_id == version.c.article_id)
            .where(
                outbox.c.state == "done",
                outbox.c.channel == FLAGGED_CHANNEL,
                article.c.removed_at.is_(None),
                article.c.is_folded == 0,
            )
            .order_by(outbox.c.number.desc())
        )
        with (
            self._database.reading() as connection,
            connection.execution_options(yield_per=100).scalars(query) as records,
        ):
            yield from records


def _last_served(
    connection: Connection, addresses: Sequence[str]
) -> dict[tuple[str, str], datetime]:
    """When the latest message was composed that reached an address, by channel and address."""
    query = (
        select(message.c.channel, recipient.c.address, func.max(message.c.created_at))
        .join(message, message.c.message_id == recipient.c.message_id)
        .where(recipient.c.state == "done", among(recipient.c.address, addresses))
        .group_by(message.c.channel, recipient.c.address)
    )
    return {(row[0], row[1]): row[2] for row in connection.execute(query)}


def _is_unassigned() -> ColumnElement[bool]:
    return and_(
        outbox.c.state == "pending",
        outbox.c.message_id.is_(None),
        outbox.c.channel.not_in(JSONL_CHANNELS),
    )


def _is_due(now: datetime, since: datetime) -> ColumnElement[bool]:
    created_at = message.c.created_at  # which may be of a wrong clock as well
    return and_(
        recipient.c.message_id == message.c.message_id,
        recipient.c.state.in_(_TRIED),
        or_(
            recipient.c.next_try_at <= since,
            and_(
                _is_of_wrong_clock(now),
                or_(created_at <= since, created_at > now + CLOCK_TOLERANCE),
            ),
        ),
    )


def _is_of_wrong_clock(now: datetime) -> ColumnElement[bool]:
    return recipient.c.next_try_at > now + FURTHEST_TRY


def _settle(connection: Connection, message_id: str) -> bool:
    """End a message, and the rows it carries, once no recipient is pending.

    Gives whether it ended and somebody was served.
    """
    states = set(
        connection.scalars(
            select(recipient.c.state).where(recipient.c.message_id == message_id).distinct()
        )
    )
    if "pending" in states:
        return False
    connection.execute(
        update(message)
        .where(message.c.message_id == message_id)
        .values(
            state="done" if "done" in states <= {"done", "cancelled"} else "failed",
            claimed_by=None,
            claimed_until=None,
        )
    )
    connection.execute(update(outbox).where(outbox.c.message_id == message_id).values(state="done"))
    return "done" in states
