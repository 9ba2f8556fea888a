"""The search index of the dashboard: a narrow row, facets and words for each article.

It is derived from the records, and can be rebuilt at any time. When a version is written or an
article is folded or unfolded, a trigger leaves a mark in the same transaction.
`IndexStore.catch_up` processes the marks, a few in a transaction, so that no crawl waits for
the index or pays for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from rscrawler.items import Article, Level
from rscrawler.store.database import Part
from rscrawler.store.tables import (
    INDEX_LOCK,
    LAST_VERSION,
    article,
    article_text,
    entry,
    facet,
    unindexed,
    version,
)
from rscrawler.store.words import fold, words_of

# Few, so that no crawl waits long for its own transaction.
ARTICLES_PER_TRANSACTION = 20


class IndexStore(Part):
    """The index in the database."""

    def backlog(self) -> int:
        """The number of articles still to be indexed; versions and prune mark one several times."""
        return self._database.count(select(unindexed.c.article_id).distinct())

    def catch_up(self) -> None:
        """Process all marks, newest first."""
        while self.index_some():
            pass

    def index_some(self) -> bool:
        """Index some marked articles; False if there were none."""
        if self._database.scalar(select(unindexed.c.number).limit(1)) is None:
            return False
        marks = (
            select(unindexed.c.number, unindexed.c.article_id)
            .order_by(unindexed.c.number.desc())
            .limit(ARTICLES_PER_TRANSACTION)
        )
        with self._database.writing() as connection:
            # Otherwise a slow process could write an older text over a newer one.
            if self._database.is_postgresql:
                connection.execute(INDEX_LOCK)
            found = connection.execute(marks).all()
            if found:
                self._index(connection, {row.article_id for row in found})
                numbers = [row.number for row in found]
                connection.execute(delete(unindexed).where(unindexed.c.number.in_(numbers)))
        return True

    def _index(self, connection: Connection, article_ids: Iterable[str]) -> None:
        query = (
            select(article.c.number, article.c.is_folded, version.c.record)
            .join(version, LAST_VERSION)
            .where(article.c.article_id.in_(sorted(article_ids)))
        )
        records = [
            (number, is_folded, Article.from_json(record))
            for number, is_folded, record in connection.execute(query)
        ]
        if not records:
            return
        former = [number for number, _, _ in records]
        connection.execute(delete(entry).where(entry.c.number.in_(former)))
        connection.execute(delete(facet).where(facet.c.article.in_(former)))
        connection.execute(delete(article_text).where(article_text.c.rowid.in_(former)))
        connection.execute(insert(entry), [_entry(*each) for each in records])
        if facets := [row for number, _, record in records for row in _facets(number, record)]:
            connection.execute(insert(facet), facets)
        words = [{"rowid": number, "words": self._words(record)} for number, _, record in records]
        connection.execute(insert(article_text), words)

    def _words(self, record: Article) -> str:
        parts = (record.title, record.subtitle, record.body)
        words = [word for part in parts for word in words_of(part or "")]
        return tsvector(words) if self._database.is_postgresql else " ".join(words)


def _entry(number: int, is_folded: int, record: Article) -> dict[str, Any]:
    seen = record.first_seen_at or record.fetched_at
    return {
        "number": number,
        "article_id": record.article_id,
        "site": record.site,
        "age": min(record.published_at or seen, seen),
        "first_seen_at": seen,
        "novelty": record.novelty,
        "is_folded": is_folded,
    }


def _facets(number: int, record: Article) -> Iterator[dict[str, Any]]:
    found: dict[tuple[str, str], None] = {}
    for flag in record.topics:
        if flag.level is not Level.NONE:
            found[f"level/{flag.topic}", str(flag.level)] = None
            found |= dict.fromkeys((f"country/{flag.topic}", code) for code in flag.countries)
    found |= dict.fromkeys(("section", _value(slug)) for slug in record.sections)
    found |= dict.fromkeys(("author", author_value(name)) for name in record.authors)
    return ({"name": name, "value": value, "article": number} for name, value in found if value)


def author_value(name: str) -> str:
    """An author's name as indexed and searched: without case and accents, with single spaces."""
    return _value(" ".join(fold(name).split()))


def _value(printed: str) -> str:
    """A value that any database accepts: no NUL, no lone surrogate, at most 200 characters."""
    return printed.encode("utf-8", "ignore").decode().replace("\x00", "")[:200]


def tsvector(words: Sequence[str]) -> str:
    """The words with their positions, as PostgreSQL writes a tsvector; only letters and digits."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(words, start=1):
        places[word].append(min(place, 16_383))
    # PostgreSQL itself keeps 255 positions of a word.
    return " ".join(f"'{word}':{','.join(map(str, at[:255]))}" for word, at in places.items())
