"""A dry run: the stored articles that today's identity rules would fold or unfold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rscrawler.identity.addresses import slug_stem
from rscrawler.identity.fingerprints import fingerprint_of
from rscrawler.identity.kinship import repeated_or_followed
from rscrawler.items import Article
from rscrawler.pipelines.dedupe import relatives_of
from rscrawler.sites import SiteProfile
from rscrawler.store import Store


@dataclass(frozen=True, slots=True)
class GroupChange:
    """An article whose `duplicate_of` or `follows` would change; None stands for no article."""

    article_id: str
    url: str
    title: str | None
    duplicate_of: str | None
    follows: str | None
    duplicate_of_now: str | None
    follows_now: str | None

    def __str__(self) -> str:
        """`repeats a1 → follows b2`."""
        before = _in_words(self.duplicate_of, self.follows)
        return f"{before} → {_in_words(self.duplicate_of_now, self.follows_now)}"


def _in_words(duplicate_of: str | None, follows: str | None) -> str:
    if duplicate_of is not None:
        return f"repeats {duplicate_of}"
    return "stands alone" if follows is None else f"follows {follows}"


@dataclass(slots=True)
class Regrouping:
    """The result for the articles of a store; the text of `skipped` ones has been pruned."""

    total: int = 0
    skipped: int = 0
    changes: list[GroupChange] = field(default_factory=list)


def regrouped(
    store: Store, sites: Mapping[str, SiteProfile], articles: Iterable[Article]
) -> Regrouping:
    """Decide again which earlier article each of the store's `articles` repeats or follows.

    Writes nothing. Articles recorded by an older version share fewer keys, so that fewer cut
    reprints are found among them; articles of unknown sites are left out.
    """
    result = Regrouping()
    for article in articles:
        profile = sites.get(article.site)
        known = store.articles.by_ids([article.article_id]).get(article.article_id)
        if profile is None or known is None:
            continue
        if article.is_pruned:
            result.skipped += 1
            continue
        result.total += 1
        fingerprint = fingerprint_of(article, slug_stem(article.url, profile))
        relatives = relatives_of(article, fingerprint, store.articles)
        before = known.duplicate_of, known.follows
        now = repeated_or_followed(relatives, known, article.published_at)
        if now != before:
            change = GroupChange(article.article_id, article.url, article.title, *before, *now)
            result.changes.append(change)
    return result
