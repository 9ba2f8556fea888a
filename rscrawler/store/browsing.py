"""Queries for people: articles by words and filters, their copies, their deliveries, counts.

Read-only, on the search index of `store.index`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, text

from rscrawler.items import Article, Level, Novelty
from rscrawler.store.database import Part
from rscrawler.store.index import author_value
from rscrawler.store.lookups import among
from rscrawler.store.tables import (
    LAST_VERSION,
    article,
    article_text,
    entry,
    facet,
    message,
    outbox,
    recipient,
    version,
)
from rscrawler.store.words import Term, terms_of

_PORTION = 100  # articles read at a time


@dataclass(frozen=True, slots=True)
class ArticleFilter:
    """The conditions that an article must meet, as far as given.

    Its flag on one of `topics` must reach `minimum`, and name `country` if that is given;
    with the minimum `none` and no country, any article will do. All words of `query` must be
    in title, subtitle or body; a word also matches longer ones that begin with it, a "phrase"
    does not. `since` and `until` (exclusive) limit the date of publication, `seen_after` the
    first sight. Folded copies are left out, unless a `site` is named.
    """

    topics: Sequence[str]
    minimum: Level
    country: str | None = None
    site: str | None = None
    section: str | None = None
    author: str | None = None
    novelty: Novelty | None = None
    since: datetime | None = None
    until: datetime | None = None
    seen_after: datetime | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """An article that repeats another one."""

    article_id: str
    site: str
    url: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """The delivery of one version to one channel."""

    version: int
    channel: str
    kind: str | None
    created_at: datetime
    message_id: str | None  # None: a line of the JSONL, or in no message yet
    composed_at: datetime | None
    state: str  # pending · done · failed
    served: int  # number of recipients


class BrowseStore(Part):
    """Articles, their copies, deliveries and counts in the database."""

    def articles(
        self, wanted: ArticleFilter, limit: int, *, page: int = 1
    ) -> tuple[list[Article], int]:
        """One page (from 1) of the wanted articles, newest first, and the total of all pages.

        An article's age counts from its publication, or from first sight if that is earlier or
        the date is unknown.
        """
        ordered = _newest_first(self._chosen(wanted).add_columns(func.count().over()))
        query = ordered.limit(limit).offset((page - 1) * limit)
        rows: Sequence[Any] = self._database.rows(query)
        total = rows[0][1] if rows else 0
        if not rows and page > 1:
            total = self.count(wanted)
        return self._of_numbers([row[0] for row in rows]), total

    def count(self, wanted: ArticleFilter) -> int:
        """The number of wanted articles."""
        return self._database.count(self._chosen(wanted))

    def all_articles(self, wanted: ArticleFilter) -> Iterator[Article]:
        """Every wanted article, newest first."""
        numbers = self._database.scalars(_newest_first(self._chosen(wanted)))
        for start in range(0, len(numbers), _PORTION):
            yield from self._of_numbers(numbers[start : start + _PORTION])

    def _of_numbers(self, numbers: Sequence[int]) -> list[Article]:
        query = (
            select(article.c.number, version.c.record)
            .join(version, LAST_VERSION)
            .where(article.c.number.in_(numbers))
        )
        records = {row.number: row.record for row in self._database.rows(query)}
        return [Article.from_json(records[number]) for number in numbers if number in records]

    def _chosen(self, wanted: ArticleFilter) -> Select[Any]:
        """The numbers of the wanted articles."""
        query = select(entry.c.number)
        if wanted.minimum is not Level.NONE or wanted.country is not None:
            is_flagged = or_(false(), *(_is_flagged(wanted, each) for each in wanted.topics))
            query = query.where(is_flagged)
        if wanted.site is None:
            query = query.where(entry.c.is_folded == 0)
        else:
            query = query.where(entry.c.site == wanted.site)
        if wanted.section is not None:
            query = query.where(_has("section", facet.c.value == wanted.section))
        if wanted.author is not None:
            has_name = facet.c.value.contains(author_value(wanted.author), autoescape=True)
            query = query.where(_has("author", has_name))
        if wanted.novelty is not None:
            query = query.where(entry.c.novelty == wanted.novelty)
        if wanted.since is not None:
            query = query.where(entry.c.age >= wanted.since)
        if wanted.until is not None:
            query = query.where(entry.c.age < wanted.until)
        if wanted.seen_after is not None:
            query = query.where(entry.c.first_seen_at > wanted.seen_after)
        if wanted.query.strip():
            query = query.where(self._matches(wanted.query))
        return query

    def _matches(self, query: str) -> ColumnElement[bool]:
        """The condition that an article matches a query; none matches a query without words."""
        terms = terms_of(query)
        if not terms:
            return false()
        if self._database.is_postgresql:
            found = text("words @@ CAST(:terms AS TSQUERY)").bindparams(terms=_tsquery(terms))
        else:
            found = text("article_text MATCH :terms").bindparams(terms=_fts5(terms))
        return entry.c.number.in_(select(article_text.c.rowid).where(found))

    def sections(self, limit: int) -> list[str]:
        """The slugs of sections, the most frequent first."""
        query = select(facet.c.value).filter_by(name="section").group_by(facet.c.value)
        often_first = query.order_by(func.count().desc(), facet.c.value)
        return self._database.scalars(often_first.limit(limit))

    def article_of(self, identity: str) -> str | None:
        """The article id for an article id or record id; None if it is unknown."""
        is_named = or_(version.c.article_id == identity, version.c.record_id == identity)
        return self._database.scalar(select(version.c.article_id).where(is_named).limit(1))

    def copies(self, article_ids: Iterable[str]) -> dict[str, list[Copy]]:
        """The copies of articles, by the id of the article that they repeat; first-seen first."""
        found: dict[str, list[Copy]] = {}
        query = (
            select(article.c.duplicate_of, *article.c[Copy.__slots__])
            .where(among(article.c.duplicate_of, list(article_ids)))
            .order_by(article.c.first_seen_at, article.c.number)
        )
        for first, *values in self._database.rows(query):
            found.setdefault(first, []).append(Copy(*values))
        return found

    def sendings(self, article_id: str) -> list[Sending]:
        """The deliveries of all versions of an article, in the order of the outbox."""
        served = (
            select(func.count())
            .where(recipient.c.message_id == outbox.c.message_id, recipient.c.state == "done")
            .scalar_subquery()
        )
        query = (
            select(
                version.c.version, outbox.c.channel, message.c.kind, outbox.c.created_at,
                outbox.c.message_id, message.c.created_at,
                func.coalesce(message.c.state, outbox.c.state), served,
            )
            .select_from(outbox)
            .join(version, version.c.record_id == outbox.c.record_id)
            .join(message, message.c.message_id == outbox.c.message_id, isouter=True)
            .where(version.c.article_id == article_id)
            .order_by(outbox.c.number)
        )  # fmt: skip
        return [Sending(*row) for row in self._database.rows(query)]

    # Counts. Only `articles_per_site` includes folded copies.

    def by_day(
        self, name: str, topic: str, minimum: Level, since: datetime, until: datetime
    ) -> dict[tuple[str, str], int]:
        """The number of flagged articles by UTC day of publication (`2026-11-24`) and value.

        The value is that of the facet `level` or `country`; an article counts for each country.
        """
        found = facet.alias()
        is_counted = and_(found.c.article == entry.c.number, found.c.name == f"{name}/{topic}")
        day = func.substr(entry.c.age, 1, 10)
        query = _flagged(topic, minimum, since, until).join(found, is_counted)
        counted = query.add_columns(day, found.c.value, func.count())
        rows = self._database.rows(counted.group_by(day, found.c.value))
        return {(row[0], row[1]): row[2] for row in rows}

    def hours(self, topic: str, minimum: Level, since: datetime, until: datetime) -> dict[int, int]:
        """The number of flagged articles that were published in each hour of the day, UTC.

        Not those without a date before first sight, or without a time (recorded as midnight).
        """
        hour = func.substr(entry.c.age, 12, 2)
        has_time = func.substr(entry.c.age, 11, 9) != "T00:00:00"
        query = (
            _flagged(topic, minimum, since, until)
            .where(entry.c.age < entry.c.first_seen_at, has_time)
            .add_columns(hour, func.count())
            .group_by(hour)
        )
        return {int(row[0]): row[1] for row in self._database.rows(query)}

    def articles_per_site(self, since: datetime) -> Counter[str]:
        """The number of articles that each site published since a time, flagged or not."""
        counted = select(entry.c.site, func.count()).group_by(entry.c.site)
        rows = self._database.rows(counted.where(entry.c.age >= since))
        return Counter({row[0]: row[1] for row in rows})


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(entry.c.age.desc(), entry.c.number.desc())


def _has(name: str, is_wanted: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that a facet of the article has a wanted value."""
    return entry.c.number.in_(select(facet.c.article).where(facet.c.name == name, is_wanted))


def _reaches(minimum: Level) -> ColumnElement[bool]:
    return facet.c.value.in_(str(each) for each in Level if each.rank and each.reaches(minimum))


def _is_flagged(wanted: ArticleFilter, topic: str) -> ColumnElement[bool]:
    is_flagged = _has(f"level/{topic}", _reaches(wanted.minimum))
    if wanted.country is None:
        return is_flagged
    return and_(is_flagged, _has(f"country/{topic}", facet.c.value == wanted.country))


def _fts5(terms: Sequence[Term]) -> str:
    """The terms as a query of FTS5."""
    return " ".join(f'"{" ".join(each.words)}"{"*" if each.is_prefix else ""}' for each in terms)


def _tsquery(terms: Sequence[Term]) -> str:
    """The terms as a `tsquery` of PostgreSQL."""
    phrases = (" <-> ".join(f"'{word}'" for word in each.words) for each in terms)
    ends = (":*" if each.is_prefix else "" for each in terms)
    return " & ".join(f"({phrase}{end})" for phrase, end in zip(phrases, ends, strict=True))


def _flagged(topic: str, minimum: Level, since: datetime, until: datetime) -> Select[tuple[()]]:
    """Rows of `entry` and `facet`, without columns yet, for flagged articles by publication."""
    return (
        select()
        .select_from(entry)
        .join(facet, facet.c.article == entry.c.number)
        .where(
            facet.c.name == f"level/{topic}",
            _reaches(minimum),
            entry.c.is_folded == 0,
            entry.c.age >= since,
            entry.c.age < until,
        )
    )
