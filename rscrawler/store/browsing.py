"""What a person looks through: flagged coverage by filter, copies, pieces a day.

Read-only. Nothing here grows with the number of known pieces alone: the list walks
over flagged ones, newest first, and stops when its page is full.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    type_coerce,
)

from rscrawler.items import Article, Level
from rscrawler.store.database import Database, in_portions
from rscrawler.store.tables import article, flag, version

# Flagged pieces looked at in one go while a page is being filled.
_PORTION = 200


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which flagged pieces are wanted.

    One of `topics` must reach `minimum` on the piece, and name `country` if that is
    given. `words` must all occur in the title, in any case. Copies that say no more than the
    first-seen piece are listed under that alone, unless a `site` is named.
    """

    topics: Sequence[str]
    minimum: Level
    country: str | None = None
    site: str | None = None
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CoveragePage:
    """Some pieces in their last versions, and whether older ones follow."""

    articles: list[Article]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """A piece whose text is that of another."""

    article_id: str
    site: str
    url: str
    first_seen_at: datetime


class BrowseStore:
    """The store as people read it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def coverage(self, wanted: Coverage, limit: int, *, behind: str | None = None) -> CoveragePage:
        """The next `limit` wanted pieces, newest first, behind the piece of an id (None: all).

        A piece is as old as its date of publication, or as when it was first seen if it
        has none or one that lies after that.
        """
        numbers: list[int] = []
        with self._database.reading() as connection:
            query = _flagged_numbers(wanted)
            if behind is not None:
                query = _behind(connection, query, behind)
            streaming = connection.execution_options(yield_per=_PORTION)
            with streaming.execute(query) as candidates:
                for portion in candidates.scalars().partitions():
                    numbers += self._matching(connection, wanted, portion)
                    if len(numbers) > limit:
                        break
            articles = self._articles(connection, numbers[:limit])
        return CoveragePage(articles, len(numbers) > limit)

    def _matching(
        self, connection: Connection, wanted: Coverage, numbers: Sequence[int]
    ) -> list[int]:
        """Those of `numbers`, in their order, whose last version fits."""
        record = self._record()
        query = select(article.c.number, record["title"], record["topics"]).where(
            article.c.number.in_(numbers)
        )
        fitting = {
            number
            for number, title, flags in connection.execute(_with_last_version(query))
            if _fits(wanted, title, flags)
        }
        return [number for number in numbers if number in fitting]

    def _record(self) -> Any:
        """The text column of a version's record as JSON, for either database."""
        if self._database.is_postgresql:
            # PostgreSQL reads no JSON that holds the one character which its texts cannot.
            return cast(func.replace(version.c.record, r"\u0000", r"\u0020"), JSON)
        return type_coerce(version.c.record, JSON)

    def _articles(self, connection: Connection, numbers: Sequence[int]) -> list[Article]:
        query = select(article.c.number, version.c.record).where(article.c.number.in_(numbers))
        found = {
            number: Article.from_record(json.loads(record))
            for number, record in connection.execute(_with_last_version(query))
        }
        return [found[number] for number in numbers]

    def article_of(self, identity: str) -> str | None:
        """The id of the piece that an article id or a record id stands for, if there is one."""
        query = select(version.c.article_id).where(
            or_(version.c.article_id == identity, version.c.record_id == identity)
        )
        with self._database.reading() as connection:
            return connection.scalar(query.limit(1))

    def copies(self, article_ids: Iterable[str]) -> dict[str, list[Copy]]:
        """The pieces recorded as copies of others, by the id of theirs; first-seen first."""
        found: dict[str, list[Copy]] = {}
        columns = (article.c[name] for name in Copy.__slots__)
        query = select(article.c.duplicate_of, *columns).order_by(
            article.c.first_seen_at, article.c.number
        )
        with self._database.reading() as connection:
            for portion in in_portions(list(article_ids)):
                of_these = query.where(article.c.duplicate_of.in_(portion))
                for first, *values in connection.execute(of_these):
                    found.setdefault(first, []).append(Copy(*values))
        return found

    def pieces_per_day(self, site: str, since: datetime) -> dict[str, int]:
        """How many pieces of a site were published on each UTC day (`2026-11-24`) since a time.

        A piece without a date counts on the day on which it was first seen; days without
        pieces are not there.
        """
        day = func.substr(type_coerce(_age(), String), 1, 10)
        query = (
            select(day, func.count())
            # A piece is not seen before it is published: this bound is the one with an index.
            .where(article.c.site == site, article.c.first_seen_at >= since, _age() >= since)
            .group_by(day)
            .order_by(day)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}


def _age() -> ColumnElement[datetime]:
    """When a piece was published, as far as that can be believed."""
    published, seen = article.c.published_at, article.c.first_seen_at
    return case((published < seen, published), else_=seen)


def _flagged_numbers(wanted: Coverage) -> Select[Any]:
    """The numbers of pieces whose flags and site fit, newest first."""
    levels = [level for level in Level if level.reaches(wanted.minimum)]
    flagged = select(flag.c.article_id).where(
        flag.c.topic.in_(wanted.topics), flag.c.level.in_(levels)
    )
    query = select(article.c.number).where(article.c.article_id.in_(flagged))
    if wanted.site is None:
        query = query.where(article.c.is_folded == 0)
    else:
        query = query.where(article.c.site == wanted.site)
    return query.order_by(_age().desc(), article.c.number.desc())


def _behind(connection: Connection, query: Select[Any], article_id: str) -> Select[Any]:
    """What of the query follows a piece; all of it if the piece is not known."""
    last = connection.execute(
        select(_age(), article.c.number).where(article.c.article_id == article_id)
    ).one_or_none()
    if last is None:
        return query
    age, number = last
    return query.where(or_(_age() < age, and_(_age() == age, article.c.number < number)))


def _with_last_version(query: Select[Any]) -> Select[Any]:
    return query.join(
        version,
        and_(
            version.c.article_id == article.c.article_id,
            version.c.version == article.c.version,
        ),
    )


def _fits(wanted: Coverage, title: str | None, flags: list[dict[str, Any]]) -> bool:
    folded = (title or "").casefold()
    return all(word.casefold() in folded for word in wanted.words) and any(
        each["topic"] in wanted.topics
        and Level(each["level"]).reaches(wanted.minimum)
        and (wanted.country is None or wanted.country in each["countries"])
        for each in flags
    )
