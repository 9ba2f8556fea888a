"""Deletes old texts, but never the knowledge that an article was seen."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, select, update

from rscrawler.errors import StoreError
from rscrawler.items import PRUNED
from rscrawler.store.database import Part
from rscrawler.store.messages import IS_OPEN
from rscrawler.store.tables import message, outbox, recipient, run, version

logger = logging.getLogger(__name__)

_VERSIONS_PER_TRANSACTION = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """How much was deleted."""

    versions: int
    messages: int
    runs: int


class RetentionStore(Part):
    """Retention in the database. The JSONL files are the user's own and stay as they are."""

    def preview(self, before: datetime) -> Pruned:
        """What `prune` would delete. Changes nothing."""
        count = self._database.count
        return Pruned(
            versions=count(select(version.c.record_id).where(_old_texts(before))),
            messages=count(select(message.c.message_id).where(_old_messages(before))),
            runs=count(select(run.c.run_id).where(_old_runs(before))),
        )

    def prune(
        self, before: datetime, on_versions: Callable[[int], object] = lambda _: None
    ) -> Pruned:
        """Delete the text of versions, the bytes of messages and the runs from before a time.

        Kept for good: addresses, articles with their fingerprints, flags, and records without body
        and evidence. What is still to be delivered is kept whole; messages that were given up
        cannot be sent again. `on_versions` is called with the number of versions pruned so far.
        """
        versions, last = 0, ""
        while rows := self._prune_versions(before, behind=last):
            versions, last = versions + len(rows), rows[-1]
            on_versions(versions)
        is_old = _old_messages(before)
        of_these = recipient.c.message_id.in_(select(message.c.message_id).where(is_old))
        failed = update(recipient).filter_by(state="failed").where(of_these)
        forgotten = update(message).where(is_old).values(content=b"")
        with self._database.writing() as connection:
            connection.execute(failed.values(state="cancelled"))
            messages = connection.execute(forgotten).rowcount
            runs = connection.execute(delete(run).where(_old_runs(before))).rowcount
        try:
            self._database.compact()
        except StoreError as error:
            logger.warning("deleted texts still take up disk space, prune again: %s", error)
        return Pruned(versions, messages, runs)

    def _prune_versions(self, before: datetime, *, behind: str) -> list[str]:
        """Prune some versions, sorted by id, with ids greater than `behind`; returns the ids."""
        query = (
            select(version.c.record_id, version.c.record)
            .where(_old_texts(before), version.c.record_id > behind)
            .order_by(version.c.record_id)
            .limit(_VERSIONS_PER_TRANSACTION)
        )
        with self._database.writing() as connection:
            rows = connection.execute(query).all()
            for row in rows:
                pruned = json.dumps(_without_text(json.loads(row.record)))
                chosen = update(version).filter_by(record_id=row.record_id)
                connection.execute(chosen.values(record=pruned))
        return [row.record_id for row in rows]


def _old_texts(before: datetime) -> ColumnElement[bool]:
    waits = exists().where(outbox.c.record_id == version.c.record_id, outbox.c.state == "pending")
    is_pruned = version.c.record.like('%"body": null,%')  # within a text, quotes are escaped
    return and_(version.c.recorded_at < before, ~is_pruned, ~waits)


def _old_messages(before: datetime) -> ColumnElement[bool]:
    waits = exists().where(recipient.c.message_id == message.c.message_id, IS_OPEN)
    return and_(~waits, message.c.created_at < before, message.c.content != b"")


def _old_runs(before: datetime) -> ColumnElement[bool]:
    return and_(run.c.started_at < before, run.c.ended_at.is_not(None))


def _without_text(record: dict[str, Any]) -> dict[str, Any]:
    extraction = record["extraction"]
    return {
        **record,
        "body": None,
        "topics": [{**flag, "evidence": []} for flag in record["topics"]],
        "extraction": {**extraction, "warnings": [*extraction["warnings"], PRUNED]},
    }
