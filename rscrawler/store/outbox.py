"""The rows of the outbox: what is still to be delivered, as a line of the JSONL or in a message.

A row is one record for one channel, written in the transaction that stores the record. A
JSONL row is done when its line is on the disk. Any other row is put into a message, and is done
when that has ended (`store.messages`).
"""

from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    update,
)

from rscrawler.store.database import Part
from rscrawler.store.lookups import among
from rscrawler.store.messages import NewMessage, end_message, insert_message, write_messages
from rscrawler.store.tables import (
    FLAGGED_CHANNEL,
    JSONL_CHANNELS,
    LAST_VERSION,
    article,
    flag,
    jsonl_file,
    message,
    outbox,
    site,
    version,
)

_UNASSIGNED = and_(
    outbox.c.state == "pending",
    outbox.c.message_id.is_(None),
    outbox.c.channel.not_in(JSONL_CHANNELS),
)
_COUNTED = (
    select(outbox.c.channel, func.count(), func.min(outbox.c.created_at))
    .group_by(outbox.c.channel)
    .order_by(outbox.c.channel)
)
_PENDING_ROWS = update(outbox).filter_by(state="pending")
_PENDING = _COUNTED.where(outbox.c.state == "pending")
_IS_IN_CYCLE = and_(among(outbox.c.run_id, "running"), among(outbox.c.channel, "patient"))
_IN_NO_MESSAGE = (
    _COUNTED.add_columns(_IS_IN_CYCLE.label("in_cycle"))
    .where(_UNASSIGNED)
    .group_by("in_cycle")
    .order_by("in_cycle")
)
_SPOOLED = outbox.c["channel", "record_id", "run_id", "created_at"]
_TO_SPOOL = select(*_SPOOLED).where(_UNASSIGNED).order_by(outbox.c.number)
_COMMITTED = select(jsonl_file.c.committed_bytes).where(jsonl_file.c.file == bindparam("file"))


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
class PendingRows:
    """The pending rows of a channel: how many, and when the oldest was created."""

    channel: str
    count: int
    oldest: datetime
    in_cycle: bool = False  # their cycles still run


@dataclass(frozen=True, slots=True)
class UnalertedFlag:
    """A flag that was never alerted; `record` is the last version of its article as JSON text."""

    article_id: str
    topic: str
    record_id: str
    record: str


class OutboxStore(Part):
    """The rows of the outbox in the database."""

    def pending(self) -> list[PendingRows]:
        """The pending rows, by channel."""
        return [PendingRows(*row) for row in self._database.lookup(_PENDING)]

    def pending_line_count(self) -> int:
        """The number of lines still to be written to JSONL files."""
        return sum(each.count for each in self.pending() if each.channel in JSONL_CHANNELS)

    def _rows(self, *where: ColumnElement[bool], limit: int | None = None) -> list[OutboxRow]:
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

    # Lines of the JSONL, and the committed sizes of its files.

    def pending_lines(self, limit: int) -> list[OutboxRow]:
        """Records still to be written to a JSONL file, in the order of the outbox."""
        return self._rows(outbox.c.channel.in_(JSONL_CHANNELS), limit=limit)

    def committed_bytes(self, file: str) -> int | None:
        """The committed size of a JSONL file; None if the file is unknown."""
        rows = self._database.lookup(_COMMITTED, file=file)
        return rows[0][0] if rows else None

    def commit_lines(self, file: str, numbers: Sequence[int], committed_bytes: int) -> bool:
        """Mark rows as done, whose lines are on the disk, and store the file's committed size.

        False, and nothing is changed, if one of the rows was done already.
        """
        written = _PENDING_ROWS.where(among(outbox.c.number, numbers))
        with self._database.writing() as connection:
            done = connection.execute(written.values(state="done", file=file))
            if done.rowcount != len(numbers):
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
        again = update(outbox).filter_by(file=file).values(state="pending", file=None)
        is_there = among(outbox.c.record_id, list(present))
        written = _PENDING_ROWS.filter_by(channel=channel).where(is_there)
        with self._database.writing() as connection:
            connection.execute(again)
            connection.execute(written.values(state="done", file=file))
            self._set_committed(connection, file, committed_bytes)

    def _set_committed(self, connection: Connection, file: str, committed_bytes: int) -> None:
        whole = {"committed_bytes": committed_bytes}
        connection.execute(self._database.upsert(jsonl_file, whole, file=file))

    def flagged_records(self, topic: str, levels: Collection[str]) -> Generator[str]:
        """The JSON text of flagged versions that are in the JSONL, newest first.

        Only articles that have one of `levels` on the topic, or were alerted on it. Removed and
        folded articles are left out. Close it if it is not read to the end.
        """
        query = self._flagged(version.c.record, topic, levels)
        with closing(self._database.streamed(query)) as rows:
            yield from (row.record for row in rows)

    def flagged_ids(self, topic: str, levels: Collection[str], limit: int) -> list[str]:
        """The ids of the first of these records, without reading any."""
        return self._database.scalars(self._flagged(outbox.c.record_id, topic, levels).limit(limit))

    def _flagged(
        self, column: ColumnElement[str], topic: str, levels: Collection[str]
    ) -> Select[str]:
        return (
            select(column)
            .select_from(version)
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

    # From rows to messages.

    def unassigned(
        self, running: Collection[str] = (), patient: Collection[str] = ()
    ) -> list[PendingRows]:
        """The rows that are in no message yet, by channel.

        For the channels `patient`, those of the cycles `running` are a group of their own.
        """
        cycles = {"running": list(running), "patient": list(patient)}
        return [PendingRows(*row) for row in self._database.lookup(_IN_NO_MESSAGE, **cycles)]

    def unassigned_rows(self, channel: str, excluding: Collection[str] = ()) -> list[OutboxRow]:
        """The rows of a channel that are in no message yet, in the order of the outbox.

        Those of the cycles `excluding`, given by their ids, are left out.
        """
        is_other = outbox.c.run_id.not_in(excluding)
        return self._rows(outbox.c.channel == channel, _UNASSIGNED, is_other)

    def assign(self, new: NewMessage, numbers: Sequence[int]) -> bool:
        """Store a message with these rows; False, and nothing, if one is in a message already.

        A message that exists already, restored from the spool, stays as it is: its id is that of
        its rows. If it has ended, so have they.
        """
        rows = update(outbox).where(among(outbox.c.number, numbers), _UNASSIGNED)
        with self._database.writing() as connection:
            assigned = connection.execute(rows.values(message_id=new.message_id))
            if assigned.rowcount != len(numbers):
                connection.rollback()
                return False
            if not insert_message(self._database, connection, new):
                end_message(connection, new.message_id)
            return True

    # For the spool.

    def rows_to_spool(self) -> list[dict[str, Any]]:
        """The rows of all channels that are in no message yet, without their records."""
        rows = self._database.lookup(_TO_SPOOL)
        return [dict(zip(_SPOOLED.keys(), row, strict=True)) for row in rows]

    def restore_rows(self, rows: Iterable[dict[str, Any]]) -> int:
        """Restore lost `rows_to_spool` whose records are known; returns how many."""
        if not (lost := [{**row, "state": "pending"} for row in rows]):
            return 0
        is_of_these = among(version.c.record_id, [row["record_id"] for row in lost])
        insert = self._database.insert_missing(outbox)
        with self._database.writing() as connection:
            known = set(connection.scalars(select(version.c.record_id).where(is_of_these)))
            if not (new := [row for row in lost if row["record_id"] in known]):
                return 0
            return len(connection.execute(insert.returning(outbox.c.number), new).all())

    # After a lost database was rebuilt.

    def unalerted(
        self, topics: Sequence[str], levels: Sequence[str], since: datetime, oldest: datetime
    ) -> list[UnalertedFlag]:
        """The flags of articles that were never alerted, the last published first.

        Only articles first seen since a time, and published since `oldest` and the newest article
        that their site had before; no copies, no removed ones, and none that the spool restored.
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
            select(flag.c.article_id, flag.c.topic, version.c.record_id, version.c.record)
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
                published >= oldest,
                article.c.removed_at.is_(None),
                article.c.duplicate_of.is_(None),
                ~is_in_outbox,
            )
            .order_by(published.desc())
        )
        return [UnalertedFlag(*row) for row in self._database.rows(query)]

    def alert_unalerted(
        self, flags: Iterable[UnalertedFlag], messages: Sequence[NewMessage], now: datetime
    ) -> bool:
        """Store messages that alert these flags; False if one was alerted before.

        A message that exists already, restored from the spool, stays as it is.
        """
        is_of_these = among(message.c.message_id, [each.message_id for each in messages])
        known = self._database.scalars(select(message.c.message_id).where(is_of_these))
        new = [each for each in messages if each.message_id not in known]
        alerted = update(flag).values(alerted_at=now).filter_by(alerted_at=None)
        marks = (alerted.filter_by(article_id=each.article_id, topic=each.topic) for each in flags)
        return write_messages(self._database, new, *marks)
