"""Sources and the addresses that they lead to.

An address is stored with the validators of the page that showed it, in the same
transaction, or before. So a source that responds "not modified" never hides an
address whose article could not be fetched yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from rscrawler.decisions import CHECKS_OF_REJECTED, LONGEST_RETRY, PARSE_AGAIN
from rscrawler.identity.addresses import on_present_base
from rscrawler.sites import SiteProfile, SourceKind
from rscrawler.store.database import Part
from rscrawler.store.lookups import among
from rscrawler.store.tables import address, article, robots, source
from rscrawler.store.tables import site as site_table


class AddressState(StrEnum):
    """The states of an address; `tables.address` explains them."""

    PENDING = "pending"
    SKIPPED = "skipped"
    KNOWN = "known"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class SourceState:
    """The stored state of a source."""

    url: str
    etag: str | None = None
    last_modified: str | None = None
    body_digest: str | None = None
    read_at: datetime | None = None
    dated_at: datetime | None = None
    requested_at: datetime | None = None
    pagination_cursor: int | None = None
    failures: int = 0
    kind: str = ""
    failed_at: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """An address as it is stored, or as a source shows it.

    `dated_at` and `published_hint` are dates that sources gave.
    """

    key: str
    url: str
    seen_at: datetime  # for the first time
    dated_at: datetime | None = None
    published_hint: datetime | None = None
    state: AddressState = AddressState.PENDING
    article_id: str | None = None
    seen_in: tuple[str, ...] = ()
    attempts: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeptRobots:
    """A host's robots.txt, and the validators that came with it."""

    host: str
    body: bytes
    fetched_at: datetime
    etag: str | None = None
    last_modified: str | None = None


_ADDRESS = address.c[Address.__slots__]
_NEWLINE = literal("\n")
_BY_KEYS = select(*_ADDRESS).where(
    address.c.site == bindparam("site"), among(address.c.key, "keys")
)


class DiscoveryStore(Part):
    """Sources and addresses in the database."""

    @cached_property
    def _insert_address(self) -> Insert:
        """Insert an address that a source shows; a stored one is completed."""
        known, offered = address.c, self._database.insert(address).excluded
        shown_before = _has_line(known.seen_in, offered.seen_in)
        is_later = or_(known.dated_at.is_(None), offered.dated_at > known.dated_at)
        # A skipped or rejected address may be wanted now.
        is_put_aside = or_(
            known.state == AddressState.SKIPPED, known.state == AddressState.REJECTED
        )
        updated = {
            "seen_in": case(
                (known.seen_in == "", offered.seen_in),
                (shown_before, known.seen_in),
                else_=known.seen_in + _NEWLINE + offered.seen_in,
            ),
            "dated_at": case((is_later, offered.dated_at), else_=known.dated_at),
            "published_hint": func.coalesce(known.published_hint, offered.published_hint),
            "state": case((is_put_aside, offered.state), else_=known.state),
        }
        return self._database.upsert(address, updated)

    @cached_property
    def _upsert_source(self) -> Insert:
        """Insert the state of a source, or update all of it but the date, which an index gives."""
        offered = self._database.insert(source).excluded
        updated = {each: offered[each] for each in SourceState.__slots__ if each != "dated_at"}
        return self._database.upsert(source, updated)

    def sources(self, site: str) -> dict[str, SourceState]:
        """The stored state of each source of a site, by its URL."""
        rows = self._database.rows(select(*source.c[SourceState.__slots__]).filter_by(site=site))
        return {row.url: SourceState(*row) for row in rows}

    def addresses(self, site: str, keys: Iterable[str]) -> dict[str, Address]:
        """The stored addresses among `keys`, by key."""
        found = map(_address_of, self._database.lookup(_BY_KEYS, site=site, keys=list(keys)))
        return {known.key: known for known in found}

    def due(self, site: str, now: datetime, *, with_skipped: bool = False) -> list[Address]:
        """Addresses whose request is due, longest first; `with_skipped` adds the archive."""
        tried = address.c.next_try_at
        # A time further ahead than any retry was written by a clock that was ahead.
        is_due = or_(tried.is_(None), tried <= now, tried > now + 2 * LONGEST_RETRY)
        is_due_again = or_(tried <= now, tried > now + 2 * CHECKS_OF_REJECTED[-1])
        due = {AddressState.PENDING: is_due, AddressState.REJECTED: is_due_again}
        if with_skipped:
            due[AddressState.SKIPPED] = true()  # never tried
        found: list[Address] = []
        for state, condition in due.items():  # one by one, so that the index is used
            found += self._oldest_first(address.c.site == site, address.c.state == state, condition)
        return sorted(found, key=lambda each: (each.next_try_at or each.seen_at, each.key))

    def latest_skipped(self, site: str, limit: int) -> list[Address]:
        """The addresses in a site's archive that sources date last, those first."""
        of_archive = select(*_ADDRESS).filter_by(site=site, state=AddressState.SKIPPED)
        query = of_archive.order_by(address.c.dated_at.desc().nulls_last(), address.c.key)
        return list(map(_address_of, self._database.rows(query.limit(limit))))

    def failing(self, site: str, seen: tuple[datetime, datetime], attempts: int) -> list[Address]:
        """Pending addresses, first seen in a span of time, that failed at least so many times."""
        is_pending = address.c.site == site, address.c.state == AddressState.PENDING
        has_failed = address.c.attempts >= attempts, address.c.seen_at.between(*seen)
        return self._oldest_first(*is_pending, *has_failed)

    def has_recent(self, site: str, since: datetime) -> bool:
        """Whether a source dated an address after a time, or led to one without a date."""
        dates = address.c.dated_at, address.c.published_hint
        is_undated = and_(*(each.is_(None) for each in dates))
        return self._has(site, or_(is_undated, *(each > since for each in dates)))

    def has_shown_any(self, site: str, path: str) -> bool:
        """Whether a source ever led to an address."""
        return self._has(site, _has_line(address.c.seen_in, literal(path)))

    def has_outstanding(self, site: str) -> bool:
        """Whether any address that has led to no article is still to be requested."""
        is_pending = address.c.state == AddressState.PENDING
        is_tried = address.c.state == AddressState.REJECTED, address.c.next_try_at.is_not(None)
        return self._has(site, or_(is_pending, and_(*is_tried)))

    def _has(self, site: str, condition: ColumnElement[bool]) -> bool:
        query = select(address.c.key).where(address.c.site == site, condition)
        return self._database.scalar(query.limit(1)) is not None

    def record_found(self, site: str, path: str, found: Iterable[Address]) -> None:
        """Store addresses of a page that is so long that it is processed in portions.

        The page itself is stored with the last portion (`record_reading`).
        """
        if rows := _address_rows(site, path, found):
            with self._database.writing(waits_for_disk=False) as connection:
                connection.execute(self._insert_address, rows)

    def record_reading(
        self,
        site: str,
        path: str,
        state: SourceState,
        found: Iterable[Address] = (),
        *,
        due_articles: Sequence[str] = (),
        sitemaps: Iterable[SourceState] = (),
    ) -> None:
        """Store the state of a source after a response, and what a page shows, in one transaction.

        `due_articles` are the ids of articles that have changed according to the page: they stay
        due until they are requested. `sitemaps` are the changed ones of an index: every cycle
        requests them until they are read. It does not wait for the disk: what a power failure
        loses is requested again.
        """
        unfinished = {"site": site, "kind": state.kind, "pagination_cursor": 1}
        children = [{**unfinished, "url": each.url, "dated_at": each.dated_at} for each in sitemaps]
        rows = _address_rows(site, path, found)
        with self._database.writing(waits_for_disk=False) as connection:
            connection.execute(self._upsert_source, {**asdict(state), "site": site})
            if children:
                dated_at = self._database.insert(source).excluded.dated_at
                known = {"pagination_cursor": 1, "dated_at": dated_at}
                connection.execute(self._database.upsert(source, known), children)
            if rows:
                connection.execute(self._insert_address, rows)
            if due_articles:
                due = update(article).where(among(article.c.article_id, due_articles))
                connection.execute(due.values(next_check_at=state.requested_at))

    def adopt_rules(self, site: str, profile: SiteProfile) -> None:
        """Store the rules by which the site is read from now on; if they changed, reset its state.

        Rejected addresses become pending, and sources and articles lose their validators, since
        the same page may have another meaning now. Sources move to the present `base_url`. Of the
        stored sitemaps, only the profile's own are kept; an index will list its own again.
        """
        known = select(site_table.c.rules_digest).filter_by(name=site)
        adopted = update(site_table).filter_by(name=site).values(rules_digest=profile.rules_digest)
        with self._database.writing() as connection:
            former = connection.scalar(known)
            if former == profile.rules_digest:
                return
            connection.execute(adopted)
            if former is not None:
                _move_sources(connection, site, profile)
                _read_again(connection, site, profile)

    def record_source_failure(
        self, site: str, url: str, kind: str, *, error: str, now: datetime
    ) -> None:
        """Record why a source could not be read; its validators and pagination cursor stay."""
        again = {"failures": source.c.failures + 1, "failed_at": now, "last_error": error}
        upsert = self._database.upsert
        self._database.execute(upsert(source, again, site=site, url=url, kind=kind, failures=1))

    def record_rejected(
        self, site: str, key: str, url: str, now: datetime, next_try_at: datetime | None
    ) -> None:
        """Reject an address: no article, gone or off site; retry at `next_try_at` (None: never)."""
        rejected = {"state": AddressState.REJECTED, "next_try_at": next_try_at}
        upsert = self._database.upsert
        self._database.execute(upsert(address, rejected, site=site, key=key, url=url, seen_at=now))

    def record_attempt(
        self, site: str, key: str, next_try_at: datetime, *, is_counted: bool = True
    ) -> None:
        """Set when to retry an address that could not be fetched; unless known, it is pending."""
        attempts = address.c.attempts + int(is_counted)
        pending = {"state": AddressState.PENDING, "attempts": attempts, "next_try_at": next_try_at}
        chosen = update(address).filter_by(site=site, key=key)
        self._database.execute(chosen.where(address.c.state != AddressState.KNOWN).values(pending))

    def record_over_limit(self, site: str, key: str, *, is_over: bool) -> None:
        """Record whether the page of an address exceeded its limits when it was last read."""
        chosen = update(address).filter_by(site=site, key=key)
        self._database.execute(chosen.values(over_limit=is_over or None))

    def over_limit(self, site: str) -> list[Address]:
        """Addresses whose pages exceeded their limits when last read, oldest first."""
        return self._oldest_first(address.c.site == site, address.c.over_limit.is_not(None))

    def robots(self, host: str) -> KeptRobots | None:
        """The robots.txt of a host as last fetched; None if it never was."""
        row = self._database.row(select(*robots.c[KeptRobots.__slots__]).filter_by(host=host))
        return KeptRobots(*row) if row else None

    def record_robots(self, kept: KeptRobots) -> None:
        """Store the robots.txt of a host."""
        self._database.execute(self._database.upsert(robots, asdict(kept), host=kept.host))

    def addresses_of(self, article_id: str) -> list[Address]:
        """Every address that leads to an article, oldest first."""
        return self._oldest_first(address.c.article_id == article_id)

    def _oldest_first(self, *where: ColumnElement[bool]) -> list[Address]:
        query = select(*_ADDRESS).where(*where).order_by(address.c.seen_at, address.c.key)
        return list(map(_address_of, self._database.rows(query)))


def _move_sources(connection: Connection, site: str, profile: SiteProfile) -> None:
    """Give the profile's sources, as stored, their addresses on the present `base_url`."""
    stored = select(source.c.url).filter_by(site=site)
    urls = connection.scalars(stored.order_by(source.c.requested_at.desc().nulls_last())).all()
    missing = profile.own_sources.keys() - urls
    for url in urls:
        if (present := on_present_base(url, profile)) in missing:
            connection.execute(update(source).filter_by(site=site, url=url).values(url=present))
            missing.remove(present)


def _read_again(connection: Connection, site: str, profile: SiteProfile) -> None:
    """Reset what a site's former rules led to; see `DiscoveryStore.adopt_rules`."""
    unread = dict.fromkeys(("etag", "last_modified", "body_digest", "dated_at"))
    connection.execute(update(source).filter_by(site=site).values(unread))
    # Not those that are no longer requested by age: nearly all of an archive.
    articles = update(article).filter_by(site=site).where(article.c.next_check_at.is_not(None))
    connection.execute(articles.values(etag=None, last_modified=PARSE_AGAIN))
    sitemaps = delete(source).filter_by(site=site, kind=SourceKind.SITEMAP)
    connection.execute(sitemaps.where(source.c.url.not_in(profile.sitemap_addresses)))
    rejected = update(address).filter_by(site=site, state=AddressState.REJECTED)
    connection.execute(rejected.values(state=AddressState.PENDING, next_try_at=None))


def _has_line(text: ColumnElement[str], line: ColumnElement[str]) -> ColumnElement[bool]:
    lines = _NEWLINE + text + _NEWLINE
    # LIKE would ignore case in SQLite, and has wildcards.
    return func.replace(lines, _NEWLINE + line + _NEWLINE, "") != lines


def _address_of(values: Sequence[Any]) -> Address:
    fields = dict(zip(Address.__slots__, values, strict=True))
    fields["state"] = AddressState(fields["state"])
    fields["seen_in"] = tuple(fields["seen_in"].split("\n")) if fields["seen_in"] else ()
    return Address(**fields)


def _address_rows(site: str, path: str, found: Iterable[Address]) -> list[dict[str, object]]:
    shown = ("key", "url", "seen_at", "dated_at", "published_hint", "state")
    of_source = {"site": site, "seen_in": path}
    return [{name: getattr(each, name) for name in shown} | of_source for each in found]
