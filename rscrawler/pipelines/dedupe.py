"""Whose page is this: a piece that is known, a copy of one, or a new one?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Self

from scrapy.crawler import Crawler

from rscrawler import decisions, similarity
from rscrawler.decisions import KnownArticle, in_substance
from rscrawler.extraction.addresses import address_key, slug_stem
from rscrawler.items import Article
from rscrawler.spiders.reading import fingerprint_of
from rscrawler.spiders.session import CrawlSession, session_of
from rscrawler.store.articles import Fingerprint, Twin
from rscrawler.store.discovery import KnownAddress
from rscrawler.visits import FetchedArticle, PageOutcome


class DedupePipeline:
    """Gives an item its identity, its event, its sources and the piece that it repeats.

    1. A known address, or the address that a known page was asked by: that piece. An address
       that only the page itself names as its own counts if title or text are that piece's too.
    2. On the same site, the same slug and nearly the same text, or another slug and the same
       title and text: that piece, moved.
    3. Nearly the same text anywhere else: a piece of its own, `duplicate_of` the first seen.
    """

    def __init__(self, session: CrawlSession) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        return cls(session_of(crawler))

    def process_item(self, outcome: PageOutcome) -> PageOutcome:
        """The same outcome; its page with identity, event, fingerprint and `duplicate_of`."""
        if outcome.page is not None:
            self.identify(outcome.page)
        return outcome

    def identify(self, item: FetchedArticle) -> None:
        """Say whose page it is, in place."""
        article, keys = item.article, [key for key, _ in item.addresses]
        print_ = item.fingerprint or fingerprint_of(
            article, slug_stem(article.url, self._session.profile)
        )
        if self._session.store.batch.concerns(article.site, keys, print_):
            self._session.store.batch.flush()
        met = self._session.store.discovery.addresses(article.site, keys)
        showing = (path for address in met.values() for path in address.seen_in)
        article.found_in = list(dict.fromkeys(showing))
        known = self._known(item, met)
        if known is not None and any(
            met[key].article_id != known.article_id for key in _leading(met, item.declared)
        ):
            print_ = self._without_declared(item, print_)
        if known is None or known.text_digest != print_.text_digest:
            twins = self._twins(article, print_)
            if known is None and (named := self._declared(item, met)) is not None:
                if self._is_piece(named, article, twins):
                    known = named
                else:
                    print_ = self._without_declared(item, print_)
            if known is None:
                known = self._moved(twins, article, print_)
            article.duplicate_of = _first_seen(twins, known)
        else:
            article.duplicate_of = known.duplicate_of
        item.known, item.fingerprint = known, print_
        item.event = decisions.event_of(known, print_.text_digest)
        if known is not None and item.event is not None and self._is_degraded(known, article):
            item.event = None
        self._identify(item, known)

    def _known(self, item: FetchedArticle, met: dict[str, KnownAddress]) -> KnownArticle | None:
        """The piece whose page this is."""
        articles = self._session.store.articles
        leading = [key for key, _ in item.addresses if key not in item.declared]
        pieces = [met[key].article_id for key in _leading(met, leading)]
        here = pieces[-1] if pieces else None
        if item.asked_for is None:
            if here is None:
                return None
            _keep_addresses(item, met, others_than=set(pieces) - {here})
            return articles.by_ids([here])[here]
        # Another address may have led to the same piece since this page was asked for.
        asked_for = item.asked_for.article_id
        here = here or asked_for
        found = articles.by_ids({asked_for, here})
        if here == asked_for:
            return found[here]
        if pieces[0] == here:
            item.merged = found[asked_for]  # while its page was on the way, or long ago
            return found[here]
        return self._led_here(item, found[asked_for], found[here], met)

    def _led_here(
        self,
        item: FetchedArticle,
        asked_for: KnownArticle,
        owner: KnownArticle,
        met: dict[str, KnownAddress],
    ) -> KnownArticle:
        """The piece that goes on where the address of one leads to that of another.

        For good: the new address of a piece that was retitled and moved may be met before the
        old one is asked for again, and is then taken for that of a copy. Else they stay two, as
        they do where a piece's own address leads to nothing, and an old one to another piece.
        """
        if item.is_elsewhere or not item.has_moved:
            item.led_here = asked_for
            _keep_addresses(item, met, others_than={asked_for.article_id})
            return owner
        if owner.duplicate_of == asked_for.article_id:
            item.merged = owner
            return asked_for
        item.merged = asked_for
        return owner

    def _declared(self, item: FetchedArticle, met: dict[str, KnownAddress]) -> KnownArticle | None:
        """The piece whose address the page names as its own, if there is one."""
        named = _leading(met, item.declared)
        return self._session.store.articles.by_addresses(item.article.site, named)

    def _is_piece(self, known: KnownArticle, article: Article, twins: list[Twin]) -> bool:
        """Whether title or text are those of a piece whose address a page declares.

        Templates that name one canonical address on many pages make no one piece of them.
        """
        if known.article_id in {twin.article_id for twin in twins}:
            return True
        before = self._session.store.articles.latest_record(known.article_id)
        return before is not None and in_substance(before.title) == in_substance(article.title)

    def _without_declared(self, item: FetchedArticle, print_: Fingerprint) -> Fingerprint:
        """Let a page that names another piece's address go by the one that led to it.

        Gives its fingerprint, with the slug of that address.
        """
        article = item.article
        item.addresses = tuple(pair for pair in item.addresses if pair[0] not in item.declared)
        article.url = item.addresses[0][1]
        article.aliases = []
        article.extraction = replace(
            article.extraction,
            provenance={**article.extraction.provenance, "url": "response: url"},
            warnings=(*article.extraction.warnings, "url: what the page declares is another's"),
        )
        return replace(print_, slug_stem=slug_stem(article.url, self._session.profile))

    def _is_degraded(self, known: KnownArticle, article: Article) -> bool:
        before = self._session.store.articles.latest_record(known.article_id)
        return before is not None and decisions.is_mere_degradation(before, article)

    def _twins(self, article: Article, print_: Fingerprint) -> list[Twin]:
        candidates = self._session.store.articles.twins(
            article.site, print_.slug_stem, print_.body_digest, print_.bands
        )
        return [twin for twin in candidates if self._is_same_text(twin, article, print_)]

    def _is_same_text(self, twin: Twin, article: Article, print_: Fingerprint) -> bool:
        if twin.body_digest is not None and twin.body_digest == print_.body_digest:
            return True

        def body_of_twin() -> str:
            record = self._session.store.articles.latest_record(twin.article_id)
            return record.body if record is not None else ""

        likeness = similarity.likeness(twin.signature, print_.signature)
        return similarity.is_same_text(likeness, article.body, body_of_twin)

    def _moved(
        self, twins: list[Twin], article: Article, print_: Fingerprint
    ) -> KnownArticle | None:
        for twin in twins:
            if twin.site == article.site and (
                twin.slug_stem == print_.slug_stem or twin.text_digest == print_.text_digest
            ):
                return self._session.store.articles.by_ids([twin.article_id])[twin.article_id]
        return None

    def _identify(self, item: FetchedArticle, known: KnownArticle | None) -> None:
        article = item.article
        if known is None:
            key = address_key(article.url, self._session.profile)
            article.article_id = decisions.new_article_id(article.site, key)
            article.version = 1
            article.first_seen_at = item.found_at
        else:
            article.article_id = known.article_id
            article.version = known.version + 1
            article.first_seen_at = known.first_seen_at
        article.record_id = decisions.new_record_id(article.article_id, article.version)
        if item.event is not None:
            article.aliases = self._aliases(item)

    def _aliases(self, item: FetchedArticle) -> list[str]:
        """Every address that ever led to the piece, but for other spellings of its own."""
        article, profile = item.article, self._session.profile
        known = self._session.store.discovery.urls_of(article.article_id) if item.known else []
        by_key = {
            address_key(url, profile): url
            for url in (*known, *(url for _, url in item.addresses), *article.aliases)
        }
        by_key.pop(address_key(article.url, profile), None)
        return list(by_key.values())


def _keep_addresses(
    item: FetchedArticle, met: dict[str, KnownAddress], others_than: Collection[str | None]
) -> None:
    """Leave to other pieces the addresses that only led on to this page."""
    item.addresses = tuple(
        (key, url)
        for key, url in item.addresses
        if key in item.declared or key not in met or met[key].article_id not in others_than
    )


def _leading(met: dict[str, KnownAddress], keys: Collection[str]) -> list[str]:
    """Those of `keys` that lead to a piece already."""
    return [key for key in keys if key in met and met[key].article_id is not None]


def _was_before(twin: Twin, known: KnownArticle) -> bool:
    """Whether a piece can be the copy of a twin: never of itself, or of one seen after it."""
    if twin.article_id == known.article_id:
        return False
    if known.duplicate_of is not None and known.duplicate_of in (
        twin.article_id,
        twin.duplicate_of,
    ):
        return True  # as it is: both may have been found at one moment, on one page
    return twin.first_seen_at < known.first_seen_at


def _first_seen(twins: list[Twin], known: KnownArticle | None) -> str | None:
    """The first-seen member of the story that these twins make, other than the piece itself."""
    if known is not None:
        twins = [twin for twin in twins if _was_before(twin, known)]
    first = next(iter(twins), None)
    if first is None or (known is not None and first.duplicate_of == known.article_id):
        return None
    return first.duplicate_of or first.article_id
