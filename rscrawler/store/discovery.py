"""Sources and the addresses that they lead to.

An address is written down in the same transaction as the validators of the page
that showed it. So a source that answers "not modified" never hides an address
whose article could not be fetched yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Insert, and_, case, func, or_, select, update

from rscrawler.store.database import Database, in_portions
from rscrawler.store.tables import address, source


class AddressState(StrEnum):
    """What has become of an address."""

    PENDING = "pending"
    PASSED = "passed"
    KNOWN = "known"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source since it was last read."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    body_digest: str | None = None
    read_at: datetime | None = None
    dated_at: datetime | None = None
    next_page: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class FoundAddress:
    """An address as a source shows it; `dated_at` and `published_at` are the source's word."""

    key: str
    url: str
    dated_at: datetime | None = None
    published_at: datetime | None = None
    state: AddressState = AddressState.PENDING


@dataclass(frozen=True, slots=True)
class KnownAddress:
    """An address that was met before."""

    key: str
    url: str
    state: AddressState
    article_id: str | None
    seen_in: tuple[str, ...] = ()
    dated_at: datetime | None = None
    published_at: datetime | None = None
    attempts: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceReading:
    """One page of a source, read: what it led to and how the walk goes on.

    `etag`, `last_modified` and `body_digest` are of the first page; None leaves the
    stored ones as they are (a further page has none worth keeping).
    """

    site: str
    url: str
    kind: str
    path: str
    read_at: datetime
    found: tuple[FoundAddress, ...] = ()
    is_first_page: bool = True
    etag: str | None = None
    last_modified: str | None = None
    body_digest: str | None = None
    dated_at: datetime | None = None
    next_page: str | None = None


_KNOWN_ADDRESS = (
    address.c.key,
    address.c.url,
    address.c.state,
    address.c.article_id,
    address.c.seen_in,
    address.c.dated_at,
    address.c.published_hint,
    address.c.attempts,
    address.c.next_try_at,
)


class DiscoveryStore:
    """Sources and addresses in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self, site: str) -> dict[str, SourceState]:
        """What is remembered of each source of a site, by its URL."""
        columns = (
            source.c.url, source.c.etag, source.c.last_modified, source.c.body_digest,
            source.c.read_at, source.c.dated_at, source.c.next_page, source.c.failures,
        )  # fmt: skip
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns).where(source.c.site == site))
            return {row.url: SourceState(*row) for row in rows}

    def addresses(self, site: str, keys: Iterable[str]) -> dict[str, KnownAddress]:
        """Those of `keys` that were met before."""
        found: dict[str, KnownAddress] = {}
        with self._database.reading() as connection:
            for portion in in_portions(list(keys)):
                rows = connection.execute(
                    select(*_KNOWN_ADDRESS).where(
                        address.c.site == site, address.c.key.in_(portion)
                    )
                )
                found.update((row.key, _known_address(row)) for row in rows)
        return found

    def pending(self, site: str, now: datetime, *, with_passed: bool = False) -> list[KnownAddress]:
        """Addresses still to be fetched and due, oldest first; `with_passed` adds the archive."""
        due = and_(
            address.c.state == AddressState.PENDING,
            or_(address.c.next_try_at.is_(None), address.c.next_try_at <= now),
        )
        if with_passed:
            due = or_(due, address.c.state == AddressState.PASSED)
        query = (
            select(*_KNOWN_ADDRESS)
            .where(address.c.site == site, due)
            .order_by(address.c.seen_at, address.c.key)
        )
        with self._database.reading() as connection:
            return [_known_address(row) for row in connection.execute(query)]

    def count_pending(self, site: str) -> int:
        """How many addresses still wait to be fetched, due or not."""
        query = (
            select(func.count())
            .select_from(address)
            .where(address.c.site == site, address.c.state == AddressState.PENDING)
        )
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def record_reading(self, reading: SourceReading) -> None:
        """Write down a page of a source and every address on it, in one transaction."""
        values = {
            "kind": reading.kind,
            "read_at": reading.read_at,
            "next_page": reading.next_page,
            "failures": 0,
        }
        if reading.is_first_page:
            values |= {
                "etag": reading.etag,
                "last_modified": reading.last_modified,
                "body_digest": reading.body_digest,
                "dated_at": reading.dated_at,
            }
        insert_source = self._database.upsert(source).values(
            site=reading.site, url=reading.url, **values
        )
        with self._database.writing() as connection:
            connection.execute(
                insert_source.on_conflict_do_update(index_elements=["site", "url"], set_=values)
            )
            if reading.found:
                connection.execute(
                    self._insert_addresses(),
                    [_address_row(reading, each) for each in reading.found],
                )

    def _insert_addresses(self) -> Insert:
        insert = self._database.upsert(address)
        line = func.char(10) if not self._database.is_postgresql else func.chr(10)
        shown_before = (line + address.c.seen_in + line).contains(
            line + insert.excluded.seen_in + line
        )
        return insert.on_conflict_do_update(
            index_elements=["site", "key"],
            set_={
                "seen_in": case(
                    (address.c.seen_in == "", insert.excluded.seen_in),
                    (shown_before, address.c.seen_in),
                    else_=address.c.seen_in + line + insert.excluded.seen_in,
                ),
                "dated_at": _later(address.c.dated_at, insert.excluded.dated_at),
                "published_hint": func.coalesce(
                    address.c.published_hint, insert.excluded.published_hint
                ),
                # What an archive passed over is wanted once a listing shows it.
                "state": case(
                    (
                        and_(
                            address.c.state == AddressState.PASSED,
                            insert.excluded.state == AddressState.PENDING,
                        ),
                        AddressState.PENDING,
                    ),
                    else_=address.c.state,
                ),
            },
        )

    def record_not_modified(self, site: str, url: str, now: datetime) -> None:
        """A source answered that nothing changed since it was last read."""
        with self._database.writing() as connection:
            connection.execute(
                update(source)
                .where(source.c.site == site, source.c.url == url)
                .values(read_at=now, failures=0)
            )

    def record_source_failure(self, site: str, url: str, kind: str) -> None:
        """A source could not be read; its validators and its walk stay as they were."""
        insert = self._database.upsert(source).values(site=site, url=url, kind=kind, failures=1)
        with self._database.writing() as connection:
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["site", "url"], set_={"failures": source.c.failures + 1}
                )
            )

    def record_rejected(self, site: str, key: str, url: str, now: datetime) -> None:
        """The page behind an address is no article: it is not asked for again."""
        insert = self._database.upsert(address).values(
            site=site, key=key, url=url, state=AddressState.REJECTED, seen_at=now, seen_in=""
        )
        with self._database.writing() as connection:
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["site", "key"],
                    set_={"state": AddressState.REJECTED, "next_try_at": None},
                )
            )

    def record_attempt(self, site: str, key: str, next_try_at: datetime) -> None:
        """An address could not be fetched this time; it stays pending."""
        with self._database.writing() as connection:
            connection.execute(
                update(address)
                .where(address.c.site == site, address.c.key == key)
                .values(attempts=address.c.attempts + 1, next_try_at=next_try_at)
            )

    def sources_of(self, article_id: str) -> list[str]:
        """The paths of the sources that showed a piece, in the order in which they did."""
        query = (
            select(address.c.seen_in)
            .where(address.c.article_id == article_id)
            .order_by(address.c.seen_at, address.c.key)
        )
        with self._database.reading() as connection:
            lines = [line for text in connection.scalars(query) for line in text.split("\n")]
        return list(dict.fromkeys(line for line in lines if line))


def _known_address(row: Sequence[object]) -> KnownAddress:
    key, url, state, article_id, seen_in, *rest = row
    return KnownAddress(
        key,  # type: ignore[arg-type]
        url,  # type: ignore[arg-type]
        AddressState(str(state)),
        article_id,  # type: ignore[arg-type]
        tuple(str(seen_in).split("\n")) if seen_in else (),
        *rest,  # type: ignore[arg-type]
    )


def _address_row(reading: SourceReading, found: FoundAddress) -> dict[str, object]:
    return {
        "site": reading.site,
        "key": found.key,
        "url": found.url,
        "state": found.state,
        "seen_at": reading.read_at,
        "seen_in": reading.path,
        "dated_at": found.dated_at,
        "published_hint": found.published_at,
    }


def _later(
    stored: ColumnElement[datetime | None], offered: ColumnElement[datetime | None]
) -> ColumnElement[datetime | None]:
    """SQL for the later of two times of which either may be NULL; text sorts by time."""
    return case(
        (offered.is_(None), stored),
        (stored.is_(None), offered),
        (offered > stored, offered),
        else_=stored,
    )
