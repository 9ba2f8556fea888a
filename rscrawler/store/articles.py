"""Articles, their versions, and the outbox rows of these.

`record` makes articles known: it writes article, version, addresses, fingerprints, flags
and outbox rows in one transaction.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, zip_longest
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
    update,
)

from rscrawler.decisions import PARSE_AGAIN, KnownArticle
from rscrawler.identity.fingerprints import BANDS, KEYS, Fingerprint
from rscrawler.identity.kinship import Candidate
from rscrawler.items import Article, Event, Level, Novelty, TopicFlag
from rscrawler.store.database import Part
from rscrawler.store.discovery import AddressState
from rscrawler.store.lookups import among
from rscrawler.store.tables import LAST_VERSION, address, article, band, flag, outbox, version


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page: its own addresses by key, and what to store of the response."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    page_digest: str | None = None  # None: keep the stored digest and validators
    etag: str | None = None
    last_modified: str | None = None
    next_check_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """All that is written of a version in a transaction; each of `channels` gets an outbox row.

    `is_folded`: a duplicate that adds nothing to what it repeats. `line`: the record as JSON text;
    without it, the article is serialized.
    """

    article: Article
    fingerprint: Fingerprint
    visit: Visit
    run_id: str
    recorded_at: datetime
    channels: tuple[str, ...]
    alerted_topics: tuple[str, ...] = ()
    is_folded: bool = False
    line: str | None = None


_Row = dict[str, Any]
_KNOWN = article.c[KnownArticle.__slots__]
_KEY_NAMES = tuple(f"key_{number}" for number in range(KEYS))
_PER_KEY = 40  # articles for each key, as a rule the latest: a standing text can have thousands
_MOST_CANDIDATES = 40


def _limited(query: Select[Any], limit: int) -> Select[Any]:
    """A part of a union; SQLite allows its order and limit only within a subquery."""
    return select(query.limit(limit).subquery())


# Queries are built once: for a new article, building them took longer than running them.

# A union, not an OR: each part uses its own index.
_SHARING = union_all(
    _limited(
        select(article.c.number)
        .where(article.c.site == bindparam("site"), article.c.slug_stem == bindparam("slug_stem"))
        .order_by(article.c.number.desc()),
        _PER_KEY,
    ),
    _limited(
        select(article.c.number)
        .where(article.c.body_digest == bindparam("body_digest"))
        .order_by(article.c.number),
        _PER_KEY,
    ),
    # One query for all bands is a seventh faster; only nearly equal texts reach its limit.
    _limited(
        select(band.c.article).where(
            band.c.key.in_([bindparam(name) for name in _KEY_NAMES[:BANDS]])
        ),
        BANDS * _PER_KEY,
    ),
    *(
        _limited(
            select(band.c.article)
            .where(band.c.key == bindparam(name))
            .order_by(band.c.article.desc()),
            _PER_KEY,
        )
        for name in _KEY_NAMES[BANDS:]
    ),
).subquery()
_MOST_SHARING = (
    select(_SHARING.c.number)
    .group_by(_SHARING.c.number)
    .order_by(func.count().desc(), _SHARING.c.number)
    .limit(_MOST_CANDIDATES)
)
_CANDIDATES = (
    select(*article.c[Candidate.__slots__])
    .where(article.c.number.in_(_MOST_SHARING), article.c.is_merged == 0)
    .order_by(article.c.first_seen_at, article.c.number)
)
_COUNT = select(func.count()).where(article.c.site == bindparam("site"))
_RECORDS = select(version.c.record).where(version.c.article_id == bindparam("article_id"))
_LATEST = _RECORDS.order_by(version.c.version.desc()).limit(1)
_BY_IDS = select(*_KNOWN).where(among(article.c.article_id, "ids"))
_IS_ALERTED = flag.c.alerted_at.is_not(None)
# Columns of an article's row that later versions do not change.
_KEPT = {"number", "article_id", "site", "novelty", "first_seen_at", "is_merged"}


class ArticleStore(Part):
    """Articles in the database."""

    # Statements in the database's dialect, built at the first recording, since few commands record.

    @cached_property
    def _upsert_article(self) -> Insert:
        """Insert an article, or update the row of an earlier version."""
        insert = self._database.insert(article)
        updated = {each: insert.excluded[each] for each in sorted({*article.c.keys()} - _KEPT)}
        return insert.on_conflict_do_update(
            index_elements=["article_id"],
            set_=updated,
            where=article.c.version < insert.excluded.version,
        ).returning(article.c.article_id, article.c.number)

    @cached_property
    def _upsert_address(self) -> Insert:
        article_id = self._database.insert(address).excluded.article_id
        known = {"state": AddressState.KNOWN, "article_id": article_id, "next_try_at": None}
        return self._database.upsert(address, known)

    @cached_property
    def _upsert_flag(self) -> Insert:
        level = self._database.insert(flag).excluded.level
        return self._database.upsert(flag, {"level": level, **self._first_alert()})

    @cached_property
    def _upsert_alerted(self) -> Insert:
        return self._database.upsert(flag, self._first_alert())

    def _first_alert(self) -> dict[str, ColumnElement[datetime | None]]:
        offered = self._database.insert(flag).excluded
        return {"alerted_at": func.coalesce(flag.c.alerted_at, offered.alerted_at)}

    # Look-ups.

    def by_ids(self, article_ids: Iterable[str]) -> dict[str, KnownArticle]:
        """The known articles among these, by id."""
        if not (ids := list(article_ids)):
            return {}
        found = map(_known_article, self._database.lookup(_BY_IDS, ids=ids))
        return {known.article_id: known for known in found}

    def due(self, site: str, now: datetime) -> list[KnownArticle]:
        """Articles whose next check is due, the longest due first."""
        query = select(*_KNOWN).where(article.c.site == site, article.c.next_check_at <= now)
        ordered = query.order_by(article.c.next_check_at, article.c.number)
        return list(map(_known_article, self._database.rows(ordered)))

    def candidates(self, site: str, fingerprint: Fingerprint) -> list[Candidate]:
        """Articles on any site that may have the same text, first-seen first.

        They have the same body, a shared key, or (on the same site) the same slug but for its
        suffix; at most 40, those that share most. Merged articles are left out.
        """
        wanted = {
            **dict(zip_longest(_KEY_NAMES, fingerprint.keys[:KEYS])),
            "site": site,
            "slug_stem": fingerprint.slug_stem,
            "body_digest": fingerprint.body_digest,
        }
        return [Candidate(*row) for row in self._database.lookup(_CANDIDATES, **wanted)]

    def count(self, site: str) -> int:
        """The number of known articles of a site."""
        found: int = self._database.lookup(_COUNT, site=site)[0][0]
        return found

    def is_empty(self) -> bool:
        """Whether no article is known at all."""
        return self._database.scalar(select(article.c.number).limit(1)) is None

    def latest_record(self, article_id: str) -> Article | None:
        """The last version of an article; None if the article is unknown."""
        rows = self._database.lookup(_LATEST, article_id=article_id)
        return Article.from_json(rows[0][0]) if rows else None

    def history(self, article_id: str) -> list[Article]:
        """Every version of an article, oldest first."""
        query = select(version.c.record).filter_by(article_id=article_id)
        records = self._database.scalars(query.order_by(version.c.version))
        return list(map(Article.from_json, records))

    def alerted_topics(self, article_id: str) -> set[str]:
        """The topics on which an article was alerted."""
        query = select(flag.c.topic).where(flag.c.article_id == article_id, _IS_ALERTED)
        return set(self._database.scalars(query))

    def flags_alerted(self, article_id: str, *, excluding: str) -> list[TopicFlag]:
        """The flags of an article, and of those of its duplicates that were alerted.

        `excluding` is a duplicate to leave out.
        """
        alerted = select(flag.c.article_id).where(_IS_ALERTED)
        is_alerted_copy = and_(
            article.c.duplicate_of == article_id, article.c.article_id.in_(alerted)
        )
        query = (
            select(version.c.record)
            .join(article, LAST_VERSION)
            .where(or_(article.c.article_id == article_id, is_alerted_copy))
            .where(article.c.article_id != excluding)
        )
        articles = map(Article.from_json, self._database.scalars(query))
        return [flag for each in articles for flag in each.topics]

    def records(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every stored record, in the order of recording.

        `since` is inclusive, `until` exclusive; both are times of recording.
        """
        return map(json.loads, self._lines(_recorded(since, until)))

    def latest_articles(self, *, since: datetime | None = None) -> Iterator[Article]:
        """The last version of every article, if it was recorded since a time."""
        return map(Article.from_json, self._lines(_recorded(since).join(article, LAST_VERSION)))

    def count_records(self, *, since: datetime | None = None, until: datetime | None = None) -> int:
        """How many `records` there are."""
        return self._database.count(_recorded(since, until))

    def count_latest(self, *, since: datetime | None = None) -> int:
        """How many `latest_articles` there are."""
        return self._database.count(_recorded(since).join(article, LAST_VERSION))

    def _lines(self, query: Select[Any]) -> Iterator[str]:
        ordered = query.order_by(version.c.recorded_at, version.c.record_id)
        return (row[0] for row in self._database.streamed(ordered))

    # Writing.

    def record(self, *recordings: Recording, waits_for_disk: bool = True) -> None:
        """Record versions, with their outbox rows, in one transaction."""
        with self._database.writing(waits_for_disk=waits_for_disk) as connection:
            self._write(connection, recordings)

    def restore(self, recordings: Iterable[Recording]) -> int:
        """Record versions again that a lost database had; returns their number.

        Gaps and any order are allowed: of each article, the highest version is the last.
        In one transaction: a store with only a part of them would pass for complete.
        Their outbox rows are done: `channels` are JSONL files that have their lines already.
        """
        count = 0
        with self._database.writing() as connection:
            for recording in recordings:
                self._write(connection, [recording], is_restored=True)
                count += 1
        return count

    def _write(
        self, connection: Connection, recordings: Sequence[Recording], *, is_restored: bool = False
    ) -> None:
        """Write versions with their articles, addresses, keys, flags and outbox rows.

        `is_restored`: rows that exist already stay, and the outbox rows are done. Keys and flags
        are those of the highest version; of former ones, only their alerts are kept.
        """
        insert = self._database.insert_missing if is_restored else Table.insert
        state = "done" if is_restored else "pending"
        versions = (_version_row(each.article, each.recorded_at, each.line) for each in recordings)
        _execute_many(connection, insert(version), versions)
        articles = connection.execute(self._upsert_article, list(map(_article_row, recordings)))
        numbers = {row.article_id: row.number for row in articles}
        latest = [each for each in recordings if each.article.article_id in numbers]
        former = [each for each in recordings if each.article.article_id not in numbers]
        addresses, rows = list[_Row](), list[_Row]()
        for each in recordings:
            item, at = each.article, each.recorded_at
            addresses += _address_rows(item.site, item.article_id, each.visit, at)
            rows += _outbox_rows(item, each.channels, each.run_id, at, state)
        _execute_many(connection, self._upsert_address, addresses)
        keys = (
            {"key": key, "article": numbers[each.article.article_id]}
            for each in latest
            for key in each.fingerprint.keys
        )
        _execute_many(connection, self._database.insert_missing(band), keys)
        if updated := [each.article.article_id for each in latest if each.article.version > 1]:
            # A topic that the update no longer names keeps its row, with the time of its alert.
            known = update(flag).where(among(flag.c.article_id, updated))
            connection.execute(known.values(level=Level.NONE))
        _execute_many(connection, self._upsert_flag, chain.from_iterable(map(_flag_rows, latest)))
        before = (row | {"level": Level.NONE} for each in former for row in _flag_rows(each))
        alerted = (row for row in before if row["alerted_at"])
        _execute_many(connection, self._upsert_alerted, alerted)
        _execute_many(connection, insert(outbox), rows)

    def record_unchanged(
        self, site: str, article_id: str, visit: Visit, fetched_at: datetime, url: str | None = None
    ) -> None:
        """Record that an article was requested again, and that its text is unchanged.

        If `visit` has no page digest, digest and validators stay. `url` is the present address of
        the page, for an article that has moved: it is requested there from now on.
        """
        values = {"fetched_at": fetched_at, "gone_at": None, **_fields(visit, "next_check_at")}
        if url is not None:
            values["url"] = url
        if visit.page_digest is not None:
            values |= _fields(visit, "page_digest", "etag", "last_modified")
        rows = _address_rows(site, article_id, visit, fetched_at)
        with self._database.writing() as connection:
            connection.execute(_changed(article_id, **values))
            _execute_many(connection, self._upsert_address, rows)

    def record_failed_check(
        self, article_id: str, next_check_at: datetime, *, parse_again: bool = False
    ) -> None:
        """Set when to request an article again whose page could not be read."""
        again = {"etag": None, "last_modified": PARSE_AGAIN} if parse_again else {}
        self._database.execute(_changed(article_id, next_check_at=next_check_at, **again))

    def merge(self, copy_id: str, article_id: str) -> None:
        """Merge `copy_id` into `article_id`: its addresses lead there; it is no longer requested.

        Its records stay, and its alerts count for the article, too. Its text is no candidate for
        duplicates any more, and articles that repeated it now repeat the article.
        """
        alerted = select(flag).where(flag.c.article_id == copy_id, _IS_ALERTED)
        addresses = update(address).filter_by(article_id=copy_id)
        repeating = update(article).filter_by(duplicate_of=copy_id)
        with self._database.writing() as connection:
            flags = connection.execute(alerted).mappings().all()
            rows = [{**each, "article_id": article_id} for each in flags]
            _execute_many(connection, self._upsert_alerted, rows)
            connection.execute(addresses.values(article_id=article_id))
            connection.execute(_changed(copy_id, next_check_at=None, is_folded=1, is_merged=1))
            itself = repeating.filter_by(article_id=article_id)
            connection.execute(itself.values(duplicate_of=None, is_folded=0))
            connection.execute(repeating.values(duplicate_of=article_id))

    def record_gone(
        self, article_id: str, *, gone_at: datetime, next_check_at: datetime | None
    ) -> None:
        """Record that an article's page is gone; the article does not count as removed yet."""
        self._database.execute(_changed(article_id, gone_at=gone_at, next_check_at=next_check_at))

    def record_removal(
        self, item: Article, *, removed_at: datetime, run_id: str, channels: Sequence[str]
    ) -> None:
        """Record the removal of an article, as its next version, in one transaction."""
        removed = {"version": item.version, "removed_at": removed_at, "next_check_at": None}
        former = _changed(item.article_id, **removed).filter_by(version=item.version - 1)
        rows = _outbox_rows(item, channels, run_id, removed_at)
        with self._database.writing() as connection:
            connection.execute(former)
            connection.execute(version.insert(), _version_row(item, removed_at))
            _execute_many(connection, outbox.insert(), rows)


def _changed(article_id: str, **values: Any) -> Update:
    return update(article).where(article.c.article_id == article_id).values(values)


def _known_article(values: Sequence[Any]) -> KnownArticle:
    known = KnownArticle(*values)
    return replace(known, novelty=Novelty(known.novelty))


def _recorded(since: datetime | None, until: datetime | None = None) -> Select[Any]:
    """The records of versions recorded from `since` (inclusive) to `until` (exclusive)."""
    query = select(version.c.record)
    if since is not None:
        query = query.where(version.c.recorded_at >= since)
    return query if until is None else query.where(version.c.recorded_at < until)


def _fields(source: object, *names: str) -> dict[str, Any]:
    return {name: getattr(source, name) for name in names}


def _article_row(recording: Recording) -> dict[str, Any]:
    item, visit, fingerprint = recording.article, recording.visit, recording.fingerprint
    is_removed = item.event is Event.REMOVED
    return {
        **_fields(item, "article_id", "site", "novelty", "first_seen_at"),
        **_fields(item, "url", "version", "published_at", "modified_at", "fetched_at"),
        **_fields(item, "duplicate_of", "follows"),
        **_fields(visit, "page_digest", "etag", "last_modified"),
        **_fields(fingerprint, "text_digest", "body_digest", "slug_stem", "signature"),
        "is_folded": int(recording.is_folded),
        "next_check_at": None if is_removed else visit.next_check_at,
        "gone_at": None,
        "removed_at": recording.recorded_at if is_removed else None,
    }


def record_text(record: dict[str, Any]) -> str:
    """A record as the JSON text that the database stores."""
    # UTF-8 cannot encode a lone surrogate; this writes its JSON escape.
    text = json.dumps(record, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _version_row(item: Article, recorded_at: datetime, line: str | None = None) -> dict[str, Any]:
    return {
        **_fields(item, "record_id", "article_id", "version", "event"),
        "recorded_at": recorded_at,
        "record": line or record_text(item.to_record()),
    }


def _execute_many(connection: Connection, statement: Executable, rows: Iterable[_Row]) -> None:
    if given := list(rows):
        connection.execute(statement, given)


def _address_rows(site: str, article_id: str, visit: Visit, seen_at: datetime) -> list[_Row]:
    known = {
        "site": site,
        "state": AddressState.KNOWN,
        "article_id": article_id,
        "seen_at": seen_at,
    }
    return [{**known, "key": key, "url": url} for key, url in visit.addresses.items()]


def _flag_rows(recording: Recording) -> list[_Row]:
    article_id, now = recording.article.article_id, recording.recorded_at
    alerted = recording.alerted_topics
    return [
        {
            "article_id": article_id,
            "topic": each.topic,
            "level": each.level,
            "alerted_at": now if each.topic in alerted else None,
        }
        for each in recording.article.topics
    ]


def _outbox_rows(
    item: Article,
    channels: Sequence[str],
    run_id: str,
    created_at: datetime,
    state: str = "pending",
) -> list[_Row]:
    row = {"record_id": item.record_id, "run_id": run_id, "created_at": created_at, "state": state}
    return [{**row, "channel": channel} for channel in channels]
