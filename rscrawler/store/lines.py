"""The JSONL rows of the outbox, and the committed sizes of their files.

A row is done when its line is on the disk.
"""

from collections.abc import Collection, Generator, Sequence
from contextlib import closing

from sqlalchemy import Connection, bindparam, or_, select, update

from rscrawler.store.database import Part
from rscrawler.store.lookups import among
from rscrawler.store.outbox import OutboxRow, pending_rows
from rscrawler.store.tables import (
    FLAGGED_CHANNEL,
    JSONL_CHANNELS,
    article,
    flag,
    jsonl_file,
    outbox,
    version,
)

_COMMITTED = select(jsonl_file.c.committed_bytes).where(jsonl_file.c.file == bindparam("file"))


class LineStore(Part):
    """The JSONL rows of the outbox, and the committed sizes of their files."""

    def pending_lines(self, limit: int) -> list[OutboxRow]:
        """Records still to be written to a JSONL file, in the order of the outbox."""
        is_line = outbox.c.channel.in_(JSONL_CHANNELS)
        return pending_rows(self._database, is_line, limit=limit)

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


def _mark_done(connection: Connection, file: str, numbers: Sequence[int]) -> int:
    """Mark the pending ones of the rows as done; returns how many."""
    pending = update(outbox).where(among(outbox.c.number, numbers), outbox.c.state == "pending")
    return connection.execute(pending.values(state="done", file=file)).rowcount
