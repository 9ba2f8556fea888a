"""Decides which article a fetched text is, repeats or follows, from its relation to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.decisions import KnownArticle, own_signs
from rscrawler.identity.addresses import share_number
from rscrawler.identity.fingerprints import Fingerprint, likeness
from rscrawler.identity.sameness import Decision, Relation
from rscrawler.items import Article

# With a lower estimate a text is neither the same news nor an update; its error is about 0.04.
_LEAST_LIKENESS = 0.15
# An issue of a long series has hundreds of candidates; comparing more of them finds nothing more.
_MOST_COMPARED = 10
# A notice, statement or column that is printed again later than this is about another event.
_LONGEST_STORY = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A stored article whose text may be the same news as another's."""

    article_id: str
    site: str
    url: str
    first_seen_at: datetime
    published_at: datetime | None
    duplicate_of: str | None
    slug_stem: str
    text_digest: str
    body_digest: str | None
    signature: bytes | None


@dataclass(frozen=True, slots=True)
class Relative:
    """A stored article, and the relation of the fetched text to it."""

    article: Candidate
    decision: Decision
    has_same_title: bool = False
    has_same_language: bool = True


def worth_comparing(
    candidates: Sequence[Candidate], fingerprint: Fingerprint
) -> Sequence[Candidate]:
    """The candidates that are compared word by word, in their order.

    These are the most similar ones by their signatures, where an equal body counts as 1.
    """
    ranks = {each.article_id: _likeness(each, fingerprint) for each in candidates}
    wanted = sorted(ranks, key=ranks.__getitem__, reverse=True)[:_MOST_COMPARED]
    found = (each for each in candidates if each.article_id in wanted)
    return [each for each in found if ranks[each.article_id] >= _LEAST_LIKENESS]


def are_alike(first: Fingerprint, second: Fingerprint) -> bool:
    """Whether two texts that share a key are worth comparing."""
    return _likeness(first, second) >= _LEAST_LIKENESS


def _likeness(first: Candidate | Fingerprint, second: Fingerprint) -> float:
    if has_same_body(first, second):
        return 1.0
    return likeness(first.signature, second.signature)


def has_same_body(first: Candidate | Fingerprint, second: Fingerprint) -> bool:
    """Whether both bodies are equal once normalized, and long enough to tell."""
    return first.body_digest is not None and first.body_digest == second.body_digest


def moved_article(
    relatives: Sequence[Relative], article: Article, fingerprint: Fingerprint
) -> str | None:
    """The id of the stored article that moved to this one's address on the same site, if any.

    Its text is the same except for edits, and its slug except for the suffix, or the number in its
    address; or title, subtitle and body are equal, and the page itself shows that it is an article:
    one notice can stand in the place of several. Or it has the same moment of publication, and the
    same number, whatever was rewritten; or it was edited when it moved, and has the same title and
    slug, or a slug with more words. Both declare the same language, if any.
    """
    has_sign = bool(own_signs(article, article.extraction.provenance))
    at = article.published_at
    # A day alone, midnight in most zones, is no moment: a column can have two issues a day.
    is_moment = at is not None and bool(at.minute or at.second)
    for each in relatives:
        stored, is_same = each.article, each.decision.relation is Relation.SAME_ARTICLE
        if stored.site != article.site or not each.has_same_language:
            continue  # an edition in another language may wait for its translation
        is_equal = has_sign and stored.text_digest == fingerprint.text_digest
        has_number = share_number(stored.url, article.url)
        if is_same and (is_equal or has_number or stored.slug_stem == fingerprint.slug_stem):
            return stored.article_id
        is_renamed = (
            each.has_same_title
            and (is_same or each.decision.relation is Relation.UPDATE)
            and _may_be_renamed(stored.slug_stem, fingerprint.slug_stem)
        )
        if is_moment and stored.published_at == at and (has_number or is_renamed):
            return stored.article_id
    return None


def _may_be_renamed(first: str, second: str) -> bool:
    shorter, longer = sorted((first, second), key=len)
    return longer == shorter or longer.startswith(f"{shorter}-")


def repeated_or_followed(
    relatives: Sequence[Relative], known: KnownArticle | None, published_at: datetime | None
) -> tuple[str | None, str | None]:
    """The id of the first-seen article with the same news; without one, of what the text updates.

    The latter is the last-seen article whose story it continues. Of a copy, the id of its original.
    """
    earlier = [each for each in relatives if _can_relate_to(each.article, known, published_at)]
    first = next((each.article for each in earlier if each.decision.is_same_news), None)
    if first is not None and (known is None or first.duplicate_of != known.article_id):
        return first.duplicate_of or first.article_id, None
    updated = [each.article for each in earlier if each.decision.relation is Relation.UPDATE]
    followed = updated[-1].duplicate_of or updated[-1].article_id if updated else None
    return None, None if known is not None and followed == known.article_id else followed


def _can_relate_to(
    candidate: Candidate, known: KnownArticle | None, published_at: datetime | None
) -> bool:
    """Whether the article can repeat or follow the candidate: not itself, a later or a far one."""
    at = candidate.published_at
    if at is not None and published_at is not None and abs(at - published_at) > _LONGEST_STORY:
        return False
    if known is None:
        return True
    if candidate.article_id == known.article_id:
        return False
    # As recorded: both may have been found at one moment, on one page.
    if known.duplicate_of in {candidate.article_id, candidate.duplicate_of} - {None}:
        return True
    return candidate.first_seen_at < known.first_seen_at
