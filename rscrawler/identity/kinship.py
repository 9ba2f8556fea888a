"""Which article a fetched text is, repeats or follows, drawn from how it relates to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.decisions import KnownArticle
from rscrawler.identity.fingerprints import Fingerprint, likeness
from rscrawler.identity.sameness import Relation, Verdict

# An estimate below this is too little for the same news or an update; it errs by 0.04 or so.
_LEAST_LIKENESS = 0.15
# An issue of a long series has hundreds of candidates, and no comparison tells more than these.
_MOST_COMPARED = 10
# What is printed again later, a notice or a column of last year's, goes on with no story.
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
    """A stored article, and what a text is to it."""

    article: Candidate
    verdict: Verdict


def worth_comparing(
    candidates: Sequence[Candidate], fingerprint: Fingerprint
) -> Sequence[Candidate]:
    """The candidates that are compared word by word, in their order.

    Those of the same body, and of the others the most alike as their signatures estimate it.
    """
    ranks = {each.article_id: _likeness(each, fingerprint) for each in candidates}
    found = sorted(ranks, key=lambda article_id: -ranks[article_id])[:_MOST_COMPARED]
    wanted = {article_id for article_id in found if ranks[article_id] >= _LEAST_LIKENESS}
    return [each for each in candidates if each.article_id in wanted]


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


def moved_article(relatives: Sequence[Relative], site: str, fingerprint: Fingerprint) -> str | None:
    """The id of the article that is now at another address of its site.

    Its text is the same but for edits, and either its slug is the same but for the suffix or
    nothing in its text differs at all.
    """
    return next(
        (
            each.article.article_id
            for each in relatives
            if each.verdict.relation is Relation.SAME_ARTICLE
            and each.article.site == site
            and (
                each.article.slug_stem == fingerprint.slug_stem
                or each.article.text_digest == fingerprint.text_digest
            )
        ),
        None,
    )


def repeated_article(relatives: Sequence[Relative], known: KnownArticle | None) -> str | None:
    """The id of the first-seen article of the same news, other than the article itself."""
    earlier = (
        each.article
        for each in relatives
        if each.verdict.is_same_news and _was_before(each.article, known)
    )
    first = next(earlier, None)
    if first is None or (known is not None and first.duplicate_of == known.article_id):
        return None
    return first.duplicate_of or first.article_id


def followed_article(
    relatives: Sequence[Relative], known: KnownArticle | None, published_at: datetime | None
) -> str | None:
    """The id of the last-seen article that the text, published then, is an update of."""
    earlier = [
        each.article.duplicate_of or each.article.article_id
        for each in relatives
        if each.verdict.relation is Relation.UPDATE
        and _was_before(each.article, known)
        and not _are_far_apart(each.article.published_at, published_at)
    ]
    last = next(reversed(earlier), None)
    return None if known is not None and last == known.article_id else last


def _are_far_apart(first: datetime | None, second: datetime | None) -> bool:
    return first is not None and second is not None and abs(first - second) > _LONGEST_STORY


def _was_before(candidate: Candidate, known: KnownArticle | None) -> bool:
    """Whether an article can repeat or follow another: never itself, or one seen after it."""
    if known is None:
        return True
    if candidate.article_id == known.article_id:
        return False
    if known.duplicate_of is not None and known.duplicate_of in (
        candidate.article_id,
        candidate.duplicate_of,
    ):
        return True  # as it is: both may have been found at one moment, on one page
    return candidate.first_seen_at < known.first_seen_at
