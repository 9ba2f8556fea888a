"""JSONL lines: which records wait for their file, and how far each file is whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection, or_, select, update

from rscrawler.store.database import Database
from rscrawler.store.lookups import among
from rscrawler.store.outbox import JSONL_CHANNELS, OutboxRow, pending_rows
from rscrawler.store.tables import jsonl_file, outbox


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

    def commit_lines(self, file: str, numbers: Sequence[int], committed_bytes: int) -> bool:
        """The lines of these rows are on the disk: the rows are done, the file whole to there.

        False, and nothing is changed, if one of the rows was done already.
        """
        with self._database.writing() as connection:
            if _mark_done(connection, file, numbers) != len(numbers):
                connection.rollback()
                return False
            self._set_committed(connection, file, committed_bytes)
            return True

    def pending_numbers(self, channel: str, record_ids: Iterable[str]) -> list[int]:
        """The numbers of the rows, of these records, that are still pending on a channel."""
        query = select(outbox.c.number).where(
            outbox.c.channel == channel,
            outbox.c.state == "pending",
            among(outbox.c.record_id, list(record_ids)),
        )
        return self._database.scalars(query.order_by(outbox.c.number))

    def match_file(
        self, file: str, channel: str, present: Collection[str], committed_bytes: int
    ) -> None:
        """Bring the rows into line with what a file was found to hold.

        Args:
            file: the file, relative to the output folder.
            channel: the channel of the file.
            present: the ids of the records whose line is there.
            committed_bytes: how much of the file is whole.

        Rows whose line is there are done; rows of the file whose line is not, pending again.
        """
        with self._database.writing() as connection:
            rows = connection.execute(
                select(outbox.c.number, outbox.c.record_id).where(
                    outbox.c.channel == channel,
                    or_(outbox.c.file == file, outbox.c.state == "pending"),
                )
            ).all()
            connection.execute(
                update(outbox).where(outbox.c.file == file).values(state="pending", file=None)
            )
            there = [row.number for row in rows if row.record_id in present]
            _mark_done(connection, file, there)
            self._set_committed(connection, file, committed_bytes)

    def _set_committed(self, connection: Connection, file: str, committed_bytes: int) -> None:
        whole = {"committed_bytes": committed_bytes}
        connection.execute(self._database.upsert(jsonl_file, {"file": file, **whole}, whole))


def _mark_done(connection: Connection, file: str, numbers: Sequence[int]) -> int:
    """Mark those of the rows that are pending as written; gives how many."""
    return connection.execute(
        update(outbox)
        .where(among(outbox.c.number, numbers), outbox.c.state == "pending")
        .values(state="done", file=file)
    ).rowcount
