"""What past cycles leave for those who watch: observations, sums, delays, the weekly mail."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from rscrawler.items import Event, Novelty
from rscrawler.store.database import Database
from rscrawler.store.outbox import (
    NewMessage,
    WaitingChannel,
    insert_messages,
    waiting_channels,
)
from rscrawler.store.tables import article, message, outbox, run, total, version

WEEKLY_KIND = "weekly"
_ALERT_KINDS = ("alert", "summary")


@dataclass(frozen=True, slots=True)
class Cycles:
    """The ended cycles of one site over some time, and the sums of their counters."""

    count: int
    succeeded: int
    counters: Mapping[str, int]


def alert_delays(
    database: Database, since: datetime, until: datetime | None = None
) -> list[tuple[str, datetime, timedelta]]:
    """Site, time of alert and time from publication to it of each piece of news alerted then.

    The alert counts from when its message was composed, once all of its recipients
    are served; a piece on several channels counts on each.
    """
    query = (
        select(article.c.site, message.c.created_at, article.c.published_at)
        .join(outbox, outbox.c.message_id == message.c.message_id)
        .join(version, version.c.record_id == outbox.c.record_id)
        .join(article, article.c.article_id == version.c.article_id)
        .where(
            message.c.created_at >= since,
            message.c.kind.in_(_ALERT_KINDS),
            message.c.state == "done",
            version.c.event == Event.NEW,
            article.c.published_at.is_not(None),
        )
    )
    if until is not None:
        query = query.where(message.c.created_at < until)
    return [(row[0], row[1], row[1] - row[2]) for row in database.rows(query)]


class HistoryStore:
    """The past, as monitoring reads it from the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def observations(self, site: str, before: datetime, limit: int) -> list[str]:
        """What cycles that started before a time observed, as JSON, newest first."""
        query = (
            select(run.c.observation)
            .where(run.c.site == site, run.c.started_at < before, run.c.observation.is_not(None))
            .order_by(run.c.started_at.desc(), run.c.run_id.desc())
            .limit(limit)
        )
        return self._database.scalars(query)

    def last_recorded_at(self) -> datetime | None:
        """When the newest version of any piece was recorded."""
        return self._database.scalar(select(func.max(version.c.recorded_at)))

    def totals(self) -> dict[str, dict[str, int]]:
        """Sums over all cycles ever, by site and name."""
        sums: dict[str, dict[str, int]] = {}
        for row in self._database.rows(select(total).order_by(total.c.site, total.c.name)):
            sums.setdefault(row.site, {})[row.name] = int(row.value)
        return sums

    def cycles_since(self, since: datetime) -> dict[str, Cycles]:
        """The cycles that ended since a time, by site."""
        query = (
            select(run.c.site, run.c.succeeded, run.c.counters)
            .where(run.c.ended_at >= since)
            .order_by(run.c.site)
        )
        counts: Counter[str] = Counter()
        succeeded: Counter[str] = Counter()
        counters: dict[str, Counter[str]] = {}
        for row in self._database.rows(query):
            counts[row.site] += 1
            succeeded[row.site] += bool(row.succeeded)
            counters.setdefault(row.site, Counter()).update(json.loads(row.counters or "{}"))
        return {name: Cycles(counts[name], succeeded[name], counters[name]) for name in counts}

    def first_run_at(self) -> datetime | None:
        """When the first cycle that is still remembered began; None: there was none."""
        first: datetime | None = self._database.scalar(select(func.min(run.c.started_at)))
        return first

    def publications(self, site: str, since: datetime, limit: int | None = None) -> list[datetime]:
        """When a site's pieces (the last `limit` of them) were published since a time; in order.

        An undated piece counts from when it was first seen, unless it was there before
        anybody looked.
        """
        dated = (
            select(article.c.published_at)
            .where(article.c.site == site, article.c.published_at >= since)
            .order_by(article.c.published_at.desc())
            .limit(limit)
        )
        undated = (
            select(article.c.first_seen_at)
            .where(
                article.c.site == site,
                article.c.published_at.is_(None),
                article.c.first_seen_at >= since,
                article.c.novelty != Novelty.BASELINE,
            )
            .order_by(article.c.first_seen_at.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            moments = [*connection.scalars(dated), *connection.scalars(undated)]
        return sorted(moments)[-limit:] if limit else sorted(moments)

    # Delays.

    def record_delays(self, since: datetime) -> list[tuple[str, timedelta]]:
        """Site and time from publication to record of each piece of news recorded since."""
        query = (
            select(article.c.site, article.c.published_at, version.c.recorded_at)
            .join(version, version.c.article_id == article.c.article_id)
            .where(
                version.c.recorded_at >= since,
                version.c.event == Event.NEW,
                article.c.novelty == Novelty.NEW,
                article.c.published_at.is_not(None),
            )
        )
        return [
            (row.site, row.recorded_at - row.published_at) for row in self._database.rows(query)
        ]

    def alert_delays(self, since: datetime) -> list[tuple[str, timedelta]]:
        """Site and time from publication to alert of each piece of news alerted since."""
        return [(site, delay) for site, _, delay in alert_delays(self._database, since)]

    def waiting_channels(self) -> list[WaitingChannel]:
        """The outbox, channel by channel, as far as it is not done."""
        return waiting_channels(self._database)

    # The weekly mail.

    def last_weekly_at(self) -> datetime | None:
        """When the last weekly message was composed; None: never."""
        query = select(func.max(message.c.created_at)).where(message.c.kind == WEEKLY_KIND)
        last: datetime | None = self._database.scalar(query)
        return last

    def record_weekly(self, messages: Sequence[NewMessage]) -> bool:
        """Write the weekly messages; False if another process has written the same ones."""
        wanted = [new.message_id for new in messages]
        exists = select(func.count()).where(message.c.message_id.in_(wanted))
        with self._database.writing() as connection:
            if connection.scalar(exists):
                return False
            insert_messages(connection, messages)
            return True
