"""One page, read: what a reader process is given, what it does with it, what it gives back.

All that takes long for a long or a pathological page is here, so that it can be done where it
holds up nobody: parsing, extraction, fingerprint and flags of an article's page; parsing of a
source's. `spiders.pool` has the processes.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from rscrawler.extraction import IncompletePage, NotAnArticle, Page
from rscrawler.identity.addresses import slug_stem
from rscrawler.identity.fingerprints import Fingerprint, fingerprint_of
from rscrawler.items import Article, TopicFlag
from rscrawler.sites import SiteProfile
from rscrawler.spiders.normalize import normalize_article
from rscrawler.spiders.outcomes import Kind
from rscrawler.spiders.sources import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    read_source,
)
from rscrawler.topics import FlaggableText, Flagger

PORTION = 500  # entries of a source that are looked up and written down together


@dataclass(frozen=True, slots=True)
class ArticleToRead:
    """An article page as it was fetched; `known_text` is the digest of the text it had before."""

    site: str
    url: str
    body: bytes
    content_type: str | None
    fetched_at: datetime
    published_at: datetime | None = None
    known_text: str | None = None


@dataclass(frozen=True, slots=True)
class ReadArticle:
    """What an article page says; `flags` is None where the text is the one that was known."""

    article: Article
    fingerprint: Fingerprint
    flags: list[TopicFlag] | None


@dataclass(frozen=True, slots=True)
class ReadSource:
    """What a page of a source leads to; a portion at a time, since there may be many."""

    portions: tuple[bytes, ...]
    sitemaps: tuple[Entry, ...]
    next_url: str | None

    @classmethod
    def of(cls, content: SourceContent) -> Self:
        """In portions, packed."""
        entries = content.entries
        starts = range(0, len(entries), PORTION) or [0]
        packed = (pickle.dumps(entries[start : start + PORTION]) for start in starts)
        return cls(tuple(packed), content.sitemaps, content.next_url)

    def entries(self) -> Iterator[tuple[Entry, ...]]:
        """The portions, at least one."""
        for portion in self.portions:
            yield pickle.loads(portion)  # noqa: S301 (our own)


@dataclass(frozen=True, slots=True)
class Unread:
    """Why nothing came of a page."""

    kind: Kind
    reason: str


PageToRead = ArticleToRead | SourcePage
Reading = ReadArticle | ReadSource | Unread


class PageReader:
    """Reads pages of some sites, one at a time, in this process."""

    def __init__(self, profiles: Mapping[str, SiteProfile], flagger: Flagger) -> None:
        self._profiles, self._flagger = profiles, flagger

    def prepare(self) -> None:
        """Do what is done once, for this process and those forked from it."""
        import feedparser  # noqa: F401

        from rscrawler.extraction import extract  # noqa: F401

        self._flagger.flag(FlaggableText(title="what is made for the first text"))

    def read(self, page: PageToRead) -> Reading:
        """What a page says, or why it says nothing."""
        try:
            if isinstance(page, SourcePage):
                return ReadSource.of(read_source(page))
            return self._article(page, self._profiles[page.site])
        except NotAnArticle as error:
            return Unread(Kind.NOT_ARTICLE, str(error))
        except (IncompletePage, UnreadableSource) as error:
            return Unread(Kind.INCOMPLETE, str(error))

    def _article(self, page: ArticleToRead, profile: SiteProfile) -> ReadArticle:
        from rscrawler.extraction import extract

        parsed = Page.of(page.url, page.body, page.content_type, page.fetched_at, page.published_at)
        article = extract(parsed, profile, page.site)
        normalize_article(article)
        fingerprint = fingerprint_of(article, slug_stem(article.url, profile))
        flags = None
        if fingerprint.text_digest != page.known_text:
            flags = self._flagger.flag(FlaggableText.from_article(article))
        return ReadArticle(article, fingerprint, flags)
