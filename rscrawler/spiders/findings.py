"""What the entries on a source mean, given what is known; the spider carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.identity.addresses import address_key, canonical_url, is_article_address
from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.session import CrawlSession
from rscrawler.spiders.sources import Entry
from rscrawler.store.discovery import AddressState, FoundAddress, KnownAddress, SourceState

# Of an index: read once a day though their dates have not moved, since some never move.
LATEST_SITEMAPS = 3


@dataclass(frozen=True, slots=True)
class Findings:
    """What one page of a source means.

    Attributes:
        keys: of every article's address that it shows.
        addresses: those that tell something not yet written down.
        unread: those whose page is to be asked for.
        articles: how many known pieces it shows.
        dated_later: those of them that it says have changed since.
        returned: those that were recorded as removed.
        sitemaps: further sitemaps that are to be read.
        has_news: it shows an address that was not known before this cycle.
    """

    keys: frozenset[str]
    addresses: tuple[FoundAddress, ...]
    unread: tuple[FoundAddress | KnownAddress, ...]
    articles: int
    dated_later: tuple[KnownArticle, ...]
    returned: tuple[KnownArticle, ...]
    sitemaps: tuple[SourceState, ...]
    has_news: bool

    @property
    def changed(self) -> tuple[KnownArticle, ...]:
        """Known pieces that are to be asked for again."""
        if decisions.are_rewritten(len(self.dated_later), self.articles):
            return self.returned
        return (*self.dated_later, *self.returned)

    def plus(self, other: Findings) -> Findings:
        """Both together: two portions of one page."""
        return Findings(
            keys=self.keys | other.keys,
            addresses=(*self.addresses, *other.addresses),
            unread=(*self.unread, *other.unread),
            articles=self.articles + other.articles,
            dated_later=(*self.dated_later, *other.dated_later),
            returned=(*self.returned, *other.returned),
            sitemaps=(*self.sitemaps, *other.sitemaps),
            has_news=self.has_news or other.has_news,
        )


class Discovery:
    """What one cycle has found out so far from the sources of its site.

    `dates` holds the latest date that a source gave, by address key; `published` the one of
    publication; `shown` the keys that the walk through each source has shown.
    """

    def __init__(self, session: CrawlSession) -> None:
        self._session = session
        self.dates: dict[str, datetime] = {}
        self.published: dict[str, datetime] = {}
        self.shown: dict[str, set[str]] = {}

    def findings(
        self,
        entries: Iterable[Entry],
        sitemaps: Sequence[Entry],
        source: Source,
        state: SourceState,
    ) -> Findings:
        """What a page of `source` means; looks up what is known, writes nothing."""
        session = self._session
        found = self._addresses(entries)
        known = session.store.discovery.addresses(session.site, found)
        articles = session.store.articles.by_ids(
            before.article_id for before in known.values() if before.article_id
        )
        to_write: list[FoundAddress] = []
        unread: list[FoundAddress | KnownAddress] = []
        changed: list[KnownArticle] = []
        returned: list[KnownArticle] = []
        has_news = False
        for key, address in found.items():
            before = known.get(key)
            has_news = has_news or before is None or before.seen_at >= session.started_at
            if before is None:
                if self._is_archived(address, source, state):
                    address = replace(address, state=AddressState.PASSED)
                else:
                    unread.append(address)
                to_write.append(address)
                continue
            if before.state is AddressState.PASSED and not self._is_wanted(source):
                address = replace(address, state=AddressState.PASSED)
            if _tells_more(address, before, source):
                to_write.append(address)
            if article := articles.get(before.article_id or ""):
                self._date(address_key(article.url, session.profile), address.dated_at)
                if _is_later(address, before) and decisions.is_dated_later(
                    article, address.dated_at
                ):
                    changed.append(article)
                elif article.removed_at:
                    returned.append(article)
            elif self._is_wanted_after_all(before, address, source):
                unread.append(before)
        return Findings(
            keys=frozenset(found),
            addresses=tuple(to_write),
            unread=tuple(unread),
            articles=len(articles),
            dated_later=tuple(changed),
            returned=tuple(returned),
            sitemaps=tuple(self._unread_sitemaps(sitemaps)),
            has_news=has_news,
        )

    def _addresses(self, entries: Iterable[Entry]) -> dict[str, FoundAddress]:
        profile = self._session.profile
        found: dict[str, FoundAddress] = {}
        for entry in entries:
            url = canonical_url(entry.url, profile)
            if url is None or not is_article_address(url, profile):
                continue
            key = address_key(url, profile)
            self._date(key, entry.dated_at)
            if entry.published_at is not None:
                self.published.setdefault(key, entry.published_at)
            found.setdefault(key, FoundAddress(key, url, entry.dated_at, entry.published_at))
        return found

    def _date(self, key: str, dated_at: datetime | None) -> None:
        """Remember the latest date of an address; a piece's own is what it is asked for by."""
        if dated_at is not None:
            self.dates[key] = max(dated_at, self.dates.get(key, dated_at))

    def next_page(
        self, has_next: bool, state: SourceState, page: int, findings: Findings
    ) -> int | None:
        """The page that the walk through a source goes on to; None: it has ended."""
        shown = self.shown.setdefault(state.url, set())
        has_links = not findings.keys <= shown
        shown |= findings.keys
        goes_on = has_next and decisions.walks_on(
            page=page,
            max_pages=self._session.profile.max_pages,
            must_reach=state.walk_to or 0,
            is_first_run=state.read_at is None,
            is_full=self._session.is_full,
            has_links=has_links,
            has_news=findings.has_news,
        )
        return page + 1 if goes_on else None

    def _is_archived(self, address: FoundAddress, source: Source, state: SourceState) -> bool:
        """Whether an address on a sitemap is from before this site was watched.

        A mended profile may take more addresses there for articles than the former one.
        """
        if self._is_wanted(source):
            return False
        baseline_at = self._session.state.baseline_at
        if baseline_at is None:
            return True
        is_older = address.dated_at is not None and address.dated_at < baseline_at
        is_new_to_us = state.read_at is None or self._session.has_new_rules
        return is_new_to_us and is_older

    def _is_wanted(self, source: Source) -> bool:
        """Whether a source shows what is wanted now, not an archive of all there ever was."""
        return self._session.is_full or source.kind is not SourceKind.SITEMAP

    def _is_wanted_after_all(
        self, before: KnownAddress, address: FoundAddress, source: Source
    ) -> bool:
        """Whether an address that led to no record is to be asked for now.

        One that was passed over in an archive, once a listing shows it; one whose page
        was no article, once a feed says when it was published, or a source dates it later.
        """
        if before.state is AddressState.PASSED:
            return self._is_wanted(source)
        if before.state is not AddressState.REJECTED:
            return False
        if address.published_at is not None and before.published_at is None:
            return True
        return address.dated_at is not None and address.dated_at > (
            before.dated_at or before.seen_at
        )

    def _unread_sitemaps(self, sitemaps: Sequence[Entry]) -> Iterable[SourceState]:
        """The sitemaps of an index that are to be read, as far as hosts and dates tell."""
        if not sitemaps:
            return
        states, now = self._session.store.discovery.sources(self._session.site), self._session.now()
        dates = sorted(each.dated_at for each in sitemaps if each.dated_at is not None)
        latest = dates[-LATEST_SITEMAPS:][:1]
        for entry in sitemaps:
            if canonical_url(entry.url, self._session.profile) is None:
                continue  # on another host, where no crawl goes
            state = states.get(entry.url, SourceState(entry.url))
            is_as_read = (
                entry.dated_at is not None
                and state.read_at is not None
                and state.dated_at == entry.dated_at
                and not decisions.was_read_too_soon(entry.dated_at, state.read_at)
                and (
                    entry.dated_at < latest[0] or decisions.trusts_not_modified(state.read_at, now)
                )
            )
            if self._session.is_full or not is_as_read:
                yield replace(state, dated_at=entry.dated_at)


def _tells_more(address: FoundAddress, before: KnownAddress, source: Source) -> bool:
    """Whether a known address is shown by a further source, dated later, or wanted at last."""
    is_wanted_now = before.state is AddressState.PASSED and address.state is AddressState.PENDING
    is_published = address.published_at is not None and before.published_at is None
    is_new_here = source.path not in before.seen_in
    return is_new_here or _is_later(address, before) or is_wanted_now or is_published


def _is_later(address: FoundAddress, before: KnownAddress) -> bool:
    """Whether an address is dated later than any source has dated it so far.

    What was re-dated together with all the others is told from what is re-dated after that.
    """
    return address.dated_at is not None and (
        before.dated_at is None or address.dated_at > before.dated_at
    )
