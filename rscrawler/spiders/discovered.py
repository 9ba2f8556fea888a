"""Compares the entries of a source with what is stored; the spider requests what follows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.identity.addresses import canonical_url
from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.reading import ShownArticle
from rscrawler.spiders.session import CrawlSession
from rscrawler.spiders.sources import Entry
from rscrawler.store.discovery import Address, AddressState, SourceState

# The latest sitemaps of an index are read once a day even with unchanged dates: some never change.
# Without dates, those at both ends may be the latest.
LATEST_SITEMAPS = 3
MOST_UNDATED = 50  # of the other sitemaps without a date that one cycle reads again
# A date further ahead is an error, and ignored: no real change would ever be dated later.
MOST_AHEAD = timedelta(days=1)


@dataclass(slots=True)
class DiscoveredLinks:
    """What follows from one page of a source, as far as its portions were added.

    Attributes:
        now: when the page was fetched.
        addresses: addresses with something new to store, except those in `redated`.
        redated: addresses of `dated_later`; once their dates are stored, they are not later again.
        unread: addresses to request that lead to no known article yet.
        articles: how many known articles it shows.
        rejected: how many rejected addresses it shows.
        dated_later: the dates of known articles that it dates later than before.
        rejected_later: rejected addresses that it dates later, each as stored and as shown.
        returned: known articles that were recorded as removed.
        has_links: whether it shows an article that no earlier page in this cycle has shown.
        has_news: whether it shows an address that is unknown, or found since the last full reading.
    """

    session: CrawlSession
    source: Source
    state: SourceState
    now: datetime
    addresses: list[Address] = field(default_factory=list)
    redated: list[Address] = field(default_factory=list)
    unread: list[Address] = field(default_factory=list)
    articles: int = 0
    rejected: int = 0
    dated_later: dict[KnownArticle, datetime | None] = field(default_factory=dict)
    rejected_later: list[tuple[Address, Address]] = field(default_factory=list)
    returned: list[KnownArticle] = field(default_factory=list)
    has_links: bool = False
    has_news: bool = False

    @property
    def revisits(self) -> dict[KnownArticle, datetime | None]:
        """Known articles to request again, with the later date if that is the reason."""
        revisits: dict[KnownArticle, datetime | None] = dict.fromkeys(self.returned)
        if not decisions.are_rewritten(len(self.dated_later), self.articles):
            revisits |= self.dated_later
        return revisits

    @property
    def retried(self) -> list[Address]:
        """Rejected addresses to request again, since it dates them later."""
        return [] if self._dates_mean_nothing else [before for before, _ in self.rejected_later]

    @property
    def to_store(self) -> Iterator[Address]:
        """The addresses to store once the whole page is known, in their new states."""
        state = AddressState.REJECTED if self._dates_mean_nothing else AddressState.PENDING
        yield from (*self.addresses, *self.redated)
        yield from (replace(address, state=state) for _, address in self.rejected_later)

    @property
    def _dates_mean_nothing(self) -> bool:
        """Whether its later dates of rejected addresses mean nothing; see `are_rewritten`."""
        # Articles count, too; `revisits` counts them alone, as other pages often have no date.
        later = len(self.dated_later) + len(self.rejected_later)
        return decisions.are_rewritten(later, self.articles + self.rejected)

    def add(self, shown: Iterable[ShownArticle]) -> None:
        """Add what follows from a portion of the page; stores nothing."""
        session, found = self.session, self._by_key(shown)
        stored = session.store.discovery.addresses(session.site, found)
        articles = session.store.articles.by_ids(
            before.article_id for before in stored.values() if before.article_id
        )
        self.articles += len(articles)
        for key, address in found.items():
            before = stored.get(key)
            if before is None or self._was_found_since_read(before):
                self.has_news = True
            if before is not None:
                self._add_stored(address, before, articles.get(before.article_id or ""))
            elif self._must_skip(address):
                self.addresses.append(replace(address, state=AddressState.SKIPPED))
            else:
                self.unread.append(address)
                self.addresses.append(address)
        url, read_at = self.state.url, self.state.read_at
        if read_at is None or any(before.seen_at <= read_at for before in stored.values()):
            session.reaching_back.add(url)
        shown_before = session.shown.setdefault(url, set())
        self.has_links |= not found.keys() <= shown_before
        shown_before.update(found)

    def _add_stored(self, address: Address, before: Address, article: KnownArticle | None) -> None:
        """Add what follows from an address that is stored as `before`, perhaps as an `article`'s.

        A skipped address is requested once a source other than a sitemap shows it (any source on a
        full crawl); a rejected one once a source gives its date of publication, or dates it later
        (but not nearly all addresses). Both become pending, since a date that is stored is not
        later any more.
        """
        # Dates are stored even if all are changed at once, so that a later change is detected.
        is_later = _is_after(address.dated_at, before.dated_at)
        is_redated = article is not None and decisions.is_dated_later(
            article, address.dated_at, before.dated_at
        )
        is_published = address.published_hint is not None and before.published_hint is None
        becomes_pending = before.state is AddressState.SKIPPED and self._is_wanted
        if before.state is AddressState.REJECTED:
            self.rejected += 1
            becomes_pending = is_published
            if not is_published and _is_after(address.dated_at, before.dated_at or before.seen_at):
                self.rejected_later.append((before, address))
                return
        if is_later or is_published or becomes_pending or self.source.path not in before.seen_in:
            state = AddressState.PENDING if becomes_pending else before.state
            addresses = self.redated if is_redated else self.addresses
            addresses.append(replace(address, state=state))
        if article is not None:
            if is_redated:
                self.dated_later[article] = address.dated_at
            elif article.removed_at:
                self.returned.append(article)
        elif becomes_pending:
            self.unread.append(before)

    def _must_skip(self, address: Address) -> bool:
        """Whether a new address is not wanted: on a sitemap, and older than the site's baseline.

        A fixed profile may accept more addresses of a sitemap than before, when it is first read by
        the new rules. Without a date, all addresses are old on a sitemap that is read for the first
        time, if the profile names it or has just changed; a sitemap that an index names later has
        news.
        """
        if self._is_wanted:
            return False
        session = self.session
        baseline_at, is_unread = session.state.baseline_at, self.state.read_at is None
        if baseline_at is None:  # it waits for other sources; new since the last cycle is news
            return self.state.body_digest is None
        if address.dated_at is not None:
            is_older = not decisions.was_read_too_soon(address.dated_at, baseline_at)
            return is_older and self.state.body_digest is None
        is_own = self.state.url == session.profile.address(self.source.path)
        return is_unread and (is_own or session.has_new_links)

    @property
    def _is_wanted(self) -> bool:
        """Whether to request all that it shows; a sitemap's archive only on a full crawl."""
        return self.session.is_full or self.source.kind is not SourceKind.SITEMAP

    def _was_found_since_read(self, before: Address) -> bool:
        """Whether an address was found since this source was last read to its end.

        That is elsewhere, or before a further page failed in an earlier cycle.
        """
        read_at = self.state.read_at
        if self.source.path not in before.seen_in:
            return read_at is None or before.seen_at >= read_at
        is_repeated = before.key in self.session.shown.get(self.state.url, ())
        return read_at is not None and before.seen_at > read_at and not is_repeated

    def _by_key(self, shown: Iterable[ShownArticle]) -> dict[str, Address]:
        found: dict[str, Address] = {}
        for key, url, dated_at, published_hint in shown:
            if published_hint is not None:
                self.session.published_hints.setdefault(key, published_hint)
            if key not in found:
                if dated_at is not None and dated_at > self.now + MOST_AHEAD:
                    dated_at = None
                found[key] = Address(key, url, self.now, dated_at, published_hint)
        return found

    def next_page(self, page: int, *, has_next: bool) -> int | None:
        """The number of the source's next page to request; None if pagination ends here."""
        state, session = self.state, self.session
        goes_on = has_next and decisions.follows_pagination(
            page=page,
            max_pages=session.profile.max_pages,
            must_reach=state.pagination_cursor or 0,
            is_first_run=state.read_at is None,
            is_full=session.is_full,
            has_links=self.has_links,
            has_news=self.has_news,
        )
        return page + 1 if goes_on else None

    def unread_sitemaps(self, sitemaps: Sequence[Entry]) -> Iterator[SourceState]:
        """The sitemaps of an index to read: on the site's hosts, and unread or perhaps changed."""
        if not sitemaps:
            return
        states, now = self.session.store.discovery.sources(self.session.site), self.session.now()
        latest = sorted(filter(None, (each.dated_at for each in sitemaps)))[-LATEST_SITEMAPS:]
        redated = [
            replace(state, dated_at=None)
            for entry in sitemaps
            if (state := states.get(entry.url))
            and state.read_at
            and state.dated_at != entry.dated_at
        ]
        # Some indexes write the present time beside every sitemap: it means no more than no date.
        is_rewritten = decisions.are_rewritten(len(redated), len(sitemaps))
        again = to_read_again(redated) if is_rewritten else {each.url for each in redated}
        for entry in sitemaps:
            if canonical_url(entry.url, self.session.profile) is None:
                continue  # on another host, which is never crawled
            state = states.get(entry.url, SourceState(entry.url))
            is_latest = entry.dated_at in latest
            is_due = is_latest and not decisions.trusts_not_modified(state.read_at, now)
            is_unread = state.read_at is None or entry.url in again
            if self.session.is_full or is_unread or is_due:
                yield replace(state, dated_at=entry.dated_at)


def to_read_again(sitemaps: Sequence[SourceState]) -> set[str]:
    """The addresses of sitemaps to read again, though their index does not date them later.

    Of those that may have changed all the same: both ends by number or day, and the longest unread.
    """
    unsure = [
        each
        for each in sorted(sitemaps, key=lambda each: (len(each.url), each.url))
        if each.requested_at is not None
        and (each.dated_at is None or decisions.was_read_too_soon(each.dated_at, each.requested_at))
    ]
    ends = (*unsure[:LATEST_SITEMAPS], *unsure[-LATEST_SITEMAPS:])
    others = unsure[LATEST_SITEMAPS:-LATEST_SITEMAPS]
    others.sort(key=lambda each: max(filter(None, (each.requested_at, each.failed_at))))
    return {each.url for each in (*ends, *others[:MOST_UNDATED])}


def _is_after(dated_at: datetime | None, before: datetime | None) -> bool:
    return dated_at is not None and (before is None or dated_at > before)
