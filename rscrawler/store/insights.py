"""Counts over flagged coverage: what the charts are drawn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, String, and_, func, select, type_coerce

from rscrawler.items import Level
from rscrawler.store.database import Database
from rscrawler.store.history import alert_delays
from rscrawler.store.index_tables import entry, facet

_MIDNIGHT = "T00:00:00"


class InsightStore:
    """Sums over the index. Copies of other articles are left out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def levels_by_day(
        self, topic: str, minimum: Level, since: datetime, until: datetime
    ) -> dict[tuple[str, str], int]:
        """How many articles were published on each UTC day, by day (`2026-11-24`) and level."""
        return self._by_day(_flagged(topic, minimum, since, until), facet.c.value)

    def countries_by_day(
        self, topic: str, minimum: Level, since: datetime, until: datetime
    ) -> dict[tuple[str, str], int]:
        """The same by country; an article counts for each of its countries."""
        country = facet.alias("country")
        query = _flagged(topic, minimum, since, until).join(
            country,
            and_(country.c.article == entry.c.number, country.c.name == f"country/{topic}"),
        )
        return self._by_day(query, country.c.value)

    def _by_day(
        self, query: Select[tuple[()]], value: ColumnElement[str]
    ) -> dict[tuple[str, str], int]:
        day = func.substr(type_coerce(entry.c.age, String), 1, 10)
        counted = query.add_columns(day, value, func.count()).group_by(day, value)
        return {(row[0], row[1]): row[2] for row in self._database.rows(counted)}

    def hours(self, topic: str, minimum: Level, since: datetime, until: datetime) -> dict[int, int]:
        """How many articles were published in each hour of the day, UTC.

        Those without a date, or with one without a time (recorded as midnight), do not count.
        """
        moment = type_coerce(entry.c.age, String)
        hour = func.substr(moment, 12, 2)
        query = (
            _flagged(topic, minimum, since, until)
            .where(entry.c.age < entry.c.first_seen_at, func.substr(moment, 11, 9) != _MIDNIGHT)
            .add_columns(hour, func.count())
            .group_by(hour)
        )
        return {int(row[0]): row[1] for row in self._database.rows(query)}

    def alert_delays(self, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
        """When each alert was composed, and the time from publication to then.

        Only of new articles, and once all recipients are served; one on several channels
        counts on each.
        """
        found = alert_delays(self._database, since, until)
        return [(composed_at, delay) for _, composed_at, delay in found]

    def articles_per_site(self, since: datetime) -> Counter[str]:
        """How many articles of each site were published since a time, flagged or not."""
        query = (
            select(entry.c.site, func.count()).where(entry.c.age >= since).group_by(entry.c.site)
        )
        return Counter({row[0]: row[1] for row in self._database.rows(query)})


def _flagged(topic: str, minimum: Level, since: datetime, until: datetime) -> Select[tuple[()]]:
    """Rows of `entry` and `facet` for each flagged article."""
    levels: Sequence[str] = [str(each) for each in Level if each.rank and each.reaches(minimum)]
    return (
        select()
        .select_from(entry)
        .join(facet, facet.c.article == entry.c.number)
        .where(
            facet.c.name == f"level/{topic}",
            facet.c.value.in_(levels),
            entry.c.is_folded == 0,
            entry.c.age >= since,
            entry.c.age < until,
        )
    )
