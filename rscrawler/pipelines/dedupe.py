"""Identifies the article of a page: known, moved, or new (perhaps a copy or a follow-up)."""

import re
from collections.abc import Collection, Set
from dataclasses import replace

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.extraction.reprint import is_reprint_line
from rscrawler.identity import kinship
from rscrawler.identity.addresses import address_key, slug_stem
from rscrawler.identity.fingerprints import Fingerprint, new_article_id, new_record_id, normalized
from rscrawler.identity.kinship import Candidate, Relative
from rscrawler.identity.sameness import Decision, Relation, Text, compare, decide
from rscrawler.items import Article
from rscrawler.spiders.outcomes import FetchedArticle, PageOutcome, RequestedArticle
from rscrawler.spiders.session import CrawlSession, SiteComponent
from rscrawler.store.articles import ArticleStore
from rscrawler.store.discovery import Address

_WITH_DIGIT = re.compile(r"\S*\d\S*")


class DedupePipeline(SiteComponent):
    """Identifies a page's article; sets its event, sources, and what it repeats or follows.

    1. An address of a known article led to the page: that article. An address that only the page
       itself declares counts if title or text are that article's, too.
    2. The same text on the same site, as `kinship.moved_article` says: that article, moved.
    3. The same news anywhere else: a separate article, `duplicate_of` the first seen.
    4. The same story with new facts: a separate article, `follows` the last seen.
    """

    def __init__(self, session: CrawlSession) -> None:
        super().__init__(session)
        self._articles, self._discovery = session.store.articles, session.store.discovery

    def process_item(self, outcome: PageOutcome) -> PageOutcome:
        """Set identity, event and relatives of the article, if the page was read."""
        page, requested = outcome.page, outcome.requested
        if page is None:
            return outcome
        article, keys = page.article, list(page.visit.addresses)
        batch = self._session.store.batch
        if batch.concerns(article.site, keys, page.fingerprint):
            batch.flush(waits_for_disk=False)
        stored = self._discovery.addresses(article.site, keys)
        showing = (path for address in stored.values() for path in address.seen_in)
        article.found_in = list(dict.fromkeys(showing))
        known = self._known(page, requested, stored)
        if known is not None and {*_article_ids(stored, page.declared_keys)} - {known.article_id}:
            self._drop_declared(page)
        if known is None or known.text_digest != page.fingerprint.text_digest:
            known = self._related(page, known, stored)
        else:
            article.duplicate_of, article.follows = known.duplicate_of, known.follows
        page.known = known
        page.event = decisions.event_of(known, page.fingerprint.text_digest)
        if known is not None and page.event is not None:
            page.before = self._articles.latest_record(known.article_id)
            if page.before is not None and decisions.is_mere_degradation(page.before, article):
                page.event = None
        self._set_identity(page, requested)
        return outcome

    def _known(
        self, page: FetchedArticle, requested: RequestedArticle, stored: dict[str, Address]
    ) -> KnownArticle | None:
        """The stored article to which the page's addresses lead; None if there is none."""
        leading = [key for key in page.visit.addresses if key not in page.declared_keys]
        leading_ids = _article_ids(stored, leading)
        here = leading_ids[-1] if leading_ids else None
        if requested.known is None:
            if here is None:
                return None
            _drop_addresses(page, stored, of=set(leading_ids) - {here})
            return self._articles.by_ids([here])[here]
        # Another address may have led to the same article since this page was requested.
        requested_id = requested.known.article_id
        here = here or requested_id
        found = self._articles.by_ids({requested_id, here})
        former, owner = found[requested_id], found[here]
        if here == requested_id:
            return owner
        # Whether the requested address leads to it by now. A change of the profile's rules may
        # have given the address another key, which is not stored.
        leads_here = _article_ids(stored, [requested.address.key]) == [here]
        if not leads_here and (requested.is_elsewhere or not page.has_moved):
            # A temporary redirect; or the article's own address is gone, and an old one leads here.
            page.led_here = former
            _drop_addresses(page, stored, of={requested_id})
            return owner
        # A permanent redirect. If an article was retitled and moved, its new address may have been
        # found before the old one was requested again, and recorded as a copy: keep the original.
        if not leads_here and owner.duplicate_of == former.article_id:
            former, owner = owner, former
        page.merged = former
        return owner

    def _related(
        self, page: FetchedArticle, known: KnownArticle | None, stored: dict[str, Address]
    ) -> KnownArticle | None:
        """Set what the text repeats or follows; returns the stored article that it is, if any."""
        article = page.article
        relatives = relatives_of(article, page.fingerprint, self._articles)
        known = known or self._declared_article(page, relatives, stored)
        if known is None:
            moved = kinship.moved_article(relatives, article, page.fingerprint)
            known = self._articles.by_ids([moved])[moved] if moved else None
        article.duplicate_of, followed = kinship.repeated_or_followed(
            relatives, known, article.published_at
        )
        if article.duplicate_of is None:
            article.follows = followed or (known.follows if known else None)
        return known

    def _declared_article(
        self, page: FetchedArticle, relatives: list[Relative], stored: dict[str, Address]
    ) -> KnownArticle | None:
        """The article whose address the page declares, if title or text are that article's, too.

        Some templates declare one canonical address on many pages; these are separate articles.
        """
        owners = self._articles.by_ids(_article_ids(stored, page.declared_keys)).values()
        owner = min(owners, key=lambda each: each.first_seen_at, default=None)
        if owner is None:
            return None
        if any(
            each.decision.is_same_news and each.article.article_id == owner.article_id
            for each in relatives
        ):
            return owner
        before = self._articles.latest_record(owner.article_id)
        if before is not None and normalized(before.title) == normalized(page.article.title):
            return owner
        self._drop_declared(page)
        return None

    def _drop_declared(self, page: FetchedArticle) -> None:
        """Drop the declared addresses, which are another article's; keep what led here."""
        article = page.article
        addresses = page.visit.addresses.items()
        kept = {key: url for key, url in addresses if key not in page.declared_keys}
        page.visit = replace(page.visit, addresses=kept)
        article.url = next(iter(kept.values()))
        article.aliases = []
        article.extraction = replace(
            article.extraction,
            provenance={**article.extraction.provenance, "url": "response: url"},
            warnings=(*article.extraction.warnings, "url: the declared one is another article's"),
        )
        stem = slug_stem(article.url, self._session.profile)
        page.fingerprint = replace(page.fingerprint, slug_stem=stem)

    def _set_identity(self, page: FetchedArticle, requested: RequestedArticle) -> None:
        article, known = page.article, page.known
        if known is None:
            key = address_key(article.url, self._session.profile)
            article.article_id = new_article_id(article.site, key)
            article.version = 1
            article.first_seen_at = requested.address.seen_at
        else:
            article.article_id = known.article_id
            article.version = known.version + 1
            article.first_seen_at = known.first_seen_at
        article.record_id = new_record_id(article.article_id, article.version)
        if page.event is not None:
            article.aliases = self._aliases(page)

    def _aliases(self, page: FetchedArticle) -> list[str]:
        """Every address that ever led to the article, except other spellings of its own."""
        article, profile = page.article, self._session.profile
        known = self._discovery.addresses_of(article.article_id) if page.known else []
        urls = (*(each.url for each in known), *page.visit.addresses.values())
        by_key = {address_key(url, profile): url for url in (*urls, *article.aliases)}
        by_key.pop(address_key(article.url, profile), None)
        return list(by_key.values())


def _drop_addresses(page: FetchedArticle, stored: dict[str, Address], of: Set[str]) -> None:
    """Drop the addresses of other articles (`of`, ids), which only redirected to this page."""
    kept = {
        key: url
        for key, url in page.visit.addresses.items()
        if key in page.declared_keys or key not in stored or stored[key].article_id not in of
    }
    page.visit = replace(page.visit, addresses=kept)


def _article_ids(stored: dict[str, Address], keys: Collection[str]) -> list[str]:
    """The ids of the articles to which `keys` already lead."""
    ids = (stored[key].article_id for key in keys if key in stored)
    return [article_id for article_id in ids if article_id is not None]


def relatives_of(
    article: Article, fingerprint: Fingerprint, articles: ArticleStore
) -> list[Relative]:
    """Stored articles with a similar text, and its relation to each; first-seen first."""
    candidates = articles.candidates(article.site, fingerprint)
    compared = kinship.worth_comparing(candidates, fingerprint)
    if not compared:
        return []
    text = _compared(article.title, article.body)

    def relative(candidate: Candidate) -> Relative:
        before = articles.latest_record(candidate.article_id)
        assert before is not None  # an article has a version
        is_same_language = len({article.language, before.language} - {None}) < 2
        if candidate.text_digest == fingerprint.text_digest:
            equal = Decision(Relation.SAME_ARTICLE, "equal")
            return Relative(candidate, equal, True, is_same_language)
        # A stored text that was deleted can be compared only by its digest.
        body = article.body if kinship.has_same_body(candidate, fingerprint) else before.body
        if not body:
            return Relative(candidate, Decision(Relation.DIFFERENT, "forgotten"))
        is_same_title = normalized(before.title) == normalized(article.title)
        decision = decide(compare(_compared(before.title, body), text))
        return Relative(candidate, decision, is_same_title, is_same_language)

    return list(map(relative, compared))


def _compared(title: str | None, body: str) -> Text:
    """The text to compare: without the numbers of a reprint line, such as a date or `24.kg`."""
    paragraphs = (
        _WITH_DIGIT.sub("", each) if is_reprint_line(each) else each for each in body.split("\n\n")
    )
    return Text(title, "\n\n".join(paragraphs))
