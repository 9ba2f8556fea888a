"""JSONL lines: which records wait for their file, and how far each file is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, or_, select, update

from rscrawler.store.database import Database
from rscrawler.store.lookups import among
from rscrawler.store.outbox import JSONL_CHANNELS, OutboxRow, pending_rows
from rscrawler.store.tables import jsonl_file, outbox


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """Where the line of an outbox row lies in its file; `end` is behind its line feed."""

    number: int
    start: int
    end: int


class LineStore:
    """The JSONL rows of the outbox, and their files, in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pending_lines(self, limit: int) -> list[OutboxRow]:
        """Records that wait to be written to a JSONL file, in the order of the outbox."""
        return pending_rows(self._database, outbox.c.channel.in_(JSONL_CHANNELS), limit)

    def committed_bytes(self, file: str) -> int | None:
        """How much of a JSONL file is known to be whole; None: nothing is known of the file."""
        return self._database.scalar(
            select(jsonl_file.c.committed_bytes).where(jsonl_file.c.file == file)
        )

    def commit_lines(self, file: str, lines: Sequence[PlacedLine], committed_bytes: int) -> bool:
        """Lines of a file are on the disk: their rows are done, the file is whole to there.

        False, and nothing is changed, if one of the rows was done already.
        """
        with self._database.writing() as connection:
            if not _mark_lines(connection, file, lines):
                return False
            self._set_committed(connection, file, committed_bytes)
            return True

    def pending_numbers(self, channel: str, record_ids: Iterable[str]) -> dict[str, int]:
        """The numbers of the rows, of these records, that are still pending on a channel."""
        query = (
            select(outbox.c.record_id, outbox.c.number)
            .where(
                outbox.c.channel == channel,
                outbox.c.state == "pending",
                among(outbox.c.record_id, list(record_ids)),
            )
            .order_by(outbox.c.number)
        )
        return {row.record_id: row.number for row in self._database.rows(query)}

    def match_file(
        self, file: str, channel: str, present: Mapping[str, tuple[int, int]], committed_bytes: int
    ) -> None:
        """Bring the rows into line with what a file was found to hold.

        Args:
            file: the file, relative to the output folder.
            channel: the channel of the file.
            present: start and end of each record's line, by record id.
            committed_bytes: how much of the file is whole.

        Rows whose line is there are done; rows of the file whose line is not, pending again.
        """
        with self._database.writing() as connection:
            rows = connection.execute(
                select(outbox.c.number, outbox.c.record_id, outbox.c.state).where(
                    outbox.c.channel == channel,
                    or_(outbox.c.file == file, outbox.c.state == "pending"),
                )
            ).all()
            found = [row for row in rows if row.record_id in present]
            connection.execute(
                update(outbox)
                .where(outbox.c.file == file)
                .values(state="pending", file=None, start_byte=None, end_byte=None)
            )
            placed = [PlacedLine(row.number, *present[row.record_id]) for row in found]
            _mark_lines(connection, file, placed)
            self._set_committed(connection, file, committed_bytes)

    def _set_committed(self, connection: Connection, file: str, committed_bytes: int) -> None:
        whole = {"committed_bytes": committed_bytes}
        connection.execute(self._database.upsert(jsonl_file, {"file": file, **whole}, whole))


def _mark_lines(connection: Connection, file: str, lines: Sequence[PlacedLine]) -> bool:
    """Mark pending rows as written; False, and nothing is changed, if one is not pending."""
    numbers = [line.number for line in lines]
    pending = connection.execute(
        select(outbox.c.number)
        .where(among(outbox.c.number, numbers), outbox.c.state == "pending")
        .with_for_update()
    ).all()
    if len(pending) != len(lines):
        return False
    if lines:
        connection.execute(
            update(outbox)
            .where(outbox.c.number == bindparam("row"))
            .values(
                state="done", file=file, start_byte=bindparam("start"), end_byte=bindparam("end")
            ),
            [{"row": line.number, "start": line.start, "end": line.end} for line in lines],
        )
    return True
