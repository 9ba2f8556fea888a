"""Parses one page: the input, the work and the result of a reader process.

All steps that take long for a long or pathological page are here, so that they can run in another
process: parsing, extraction, fingerprint and flags of an article page; parsing of a source, and the
choice of its article addresses. `spiders.pool` has the processes.
"""

import pickle
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

from rscrawler import PACKAGE_DIR
from rscrawler.clock import utc_now
from rscrawler.extraction.page import IncompletePage, NotAnArticle, Page
from rscrawler.identity.addresses import (
    addresses_by_key,
    article_address,
    canonical_url,
    slug_stem,
)
from rscrawler.identity.fingerprints import fingerprint_of
from rscrawler.sites import SiteProfile, host_of
from rscrawler.spiders.http import page_digest
from rscrawler.spiders.outcomes import FetchedArticle, PageKind
from rscrawler.spiders.sources import (
    LISTING_KINDS,
    Entry,
    SourcePage,
    UnreadableSource,
    is_truncated,
    read_source,
)
from rscrawler.store.articles import Visit
from rscrawler.topics import FlaggableText, Flagger

_FIRST_PAGE = PACKAGE_DIR / "spiders" / "first_page.html"  # a sample with every part of a page
PORTION = 500  # addresses of a source that are looked up and stored together

# (key, canonical address, dated_at, published_hint) of an article, by a source.
ShownArticle = tuple[str, str, datetime | None, datetime | None]


@dataclass(frozen=True, slots=True)
class ArticleToRead:
    """An article page as it was fetched.

    Attributes:
        key: the key of the requested address.
        redirect_chain: the requested address and its redirects; `url` is the last one.
        published_hint: the date of publication that a source gave.
        needs_sign: whether that date alone does not make it an article.
        known_text: the digest of the stored text; None if it is unknown.
    """

    site: str
    url: str
    body: bytes
    content_type: str | None
    fetched_at: datetime
    key: str = ""
    redirect_chain: tuple[str, ...] = ()
    published_hint: datetime | None = None
    needs_sign: bool = False
    known_text: str | None = None


@dataclass(frozen=True, slots=True)
class ReadSource:
    """The content of a source's page; its articles are pickled, since there may be many.

    `is_whole`: every entry is an article's address. `is_truncated`: there may be more entries.
    """

    pickled_portions: tuple[bytes, ...]
    sitemaps: tuple[Entry, ...]
    next_url: str | None
    is_whole: bool
    is_truncated: bool

    def portions(self) -> Iterator[list[ShownArticle]]:
        """Yield the articles in portions, of which there is at least one."""
        for portion in self.pickled_portions:
            yield pickle.loads(portion)  # noqa: S301 (our own)


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """Why a page gave no result."""

    kind: PageKind
    reason: str


PageToRead = ArticleToRead | SourcePage
ReadResult = FetchedArticle | ReadSource | ReadFailure


class TimeLimitExceeded(BaseException):
    """The time limit has passed. Not an `Exception`, so that no broad handler catches it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TimeLimitExceeded` in the block after this time; in the main thread only."""

    def ring(*_: Any) -> None:
        raise TimeLimitExceeded

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class PageReader:
    """Parses pages of the given sites, one at a time, in this process."""

    def __init__(self, profiles: Mapping[str, SiteProfile], flagger: Flagger) -> None:
        self._profiles, self._flagger = profiles, flagger
        # Cached, since a site's sources show the same addresses again and again.
        self._article_address: dict[str, Callable[[str], tuple[str, str] | None]] = {
            site: lru_cache(maxsize=16_384)(partial(article_address, profile=profile))
            for site, profile in profiles.items()
        }

    def prepare(self, limit_seconds: float) -> None:
        """Parse a sample page for each site, so that this process and its forks have all they need.

        All sites share one page's time limit: a pattern in a profile that never ends must not stop
        the others. A site that is left out does the work with its first page.
        """
        import feedparser  # noqa: F401

        first_page = _FIRST_PAGE.read_bytes()
        with suppress(TimeLimitExceeded), time_limit(limit_seconds):
            for site, profile in self._profiles.items():
                url = profile.address("/2022/11/24/what-the-first-page-takes/")
                read = self.read(ArticleToRead(site, url, first_page, "text/html", utc_now()))
                if isinstance(read, FetchedArticle):
                    read.article.to_record()
        self._flagger.flag(FlaggableText(title="what the first text takes"))

    def read(self, page: PageToRead) -> ReadResult:
        """Parse a page; `ReadFailure` says why it gave no result."""
        try:
            if isinstance(page, SourcePage):
                return self._source(page)
            return self._article(page, self._profiles[page.site])
        except NotAnArticle as error:
            return ReadFailure(PageKind.NOT_ARTICLE, str(error))
        except (IncompletePage, UnreadableSource) as error:
            return ReadFailure(PageKind.INCOMPLETE, str(error))

    def _source(self, page: SourcePage) -> ReadSource:
        content, profile = read_source(page), self._profiles[page.site]
        listed = [each.url for each in (*content.entries, *content.sitemaps)]
        is_own = page.source.kind not in LISTING_KINDS and page.requested_url in profile.own_sources
        # No link of a sitemap or a new feed is missed otherwise, since some may be empty. A further
        # page says nothing about its source.
        if is_own and listed and not any(canonical_url(each, profile) for each in listed):
            host = host_of(urlsplit(listed[0]))
            raise UnreadableSource(f"has only addresses on other hosts, such as {host}")
        address_of = self._article_address[page.site]
        shown: list[ShownArticle] = [
            (*address, entry.dated_at, entry.published_hint)
            for entry in content.entries
            if (address := address_of(entry.url)) is not None
        ]
        starts = range(0, len(shown), PORTION) or [0]
        portions = (pickle.dumps(shown[start : start + PORTION]) for start in starts)
        is_whole = len(shown) == len(content.entries)
        return ReadSource(
            tuple(portions), content.sitemaps, content.next_url, is_whole, is_truncated(page)
        )

    def _article(self, page: ArticleToRead, profile: SiteProfile) -> FetchedArticle:
        from rscrawler.extraction.article import extract

        parsed = Page.of(
            page.url,
            page.body,
            page.content_type,
            page.fetched_at,
            page.published_hint,
            needs_sign=page.needs_sign,
        )
        article = extract(parsed, profile, page.site)
        article.normalize()
        fingerprint = fingerprint_of(article, slug_stem(article.url, profile))
        has_topics = fingerprint.text_digest != page.known_text
        if has_topics:
            article.topics = self._flagger.flag(FlaggableText.from_article(article))
        addresses, declared_keys = addresses_by_key(
            page.key, page.redirect_chain or (page.url,), (article.url, *article.aliases), profile
        )
        return FetchedArticle(
            article=article,
            visit=Visit(addresses, page_digest(page.body)),
            declared_keys=declared_keys,
            fingerprint=fingerprint,
            has_topics=has_topics,
        )
