"""Selectors for a site, found in a few of its article pages.

The generic profile reads most pages well, and then a selector adds no text; it says what
the profile counts on, so that drift is noticed when it no longer matches. So one for the
container or the body is only taken if every sample reads the same with it. For a field
that the generic profile does not find, the names that sites commonly give it are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml.etree import _Element as Element

from rscrawler.extraction import PageError, extract
from rscrawler.extraction.selectors import select
from rscrawler.extraction.text import text_of
from rscrawler.items import Article
from rscrawler.probing.visitor import Answer
from rscrawler.sites import Markup, SiteProfile

_MOST = 0.8  # of a body's paragraphs are in the element that holds it
_PARAGRAPHS = ("p", "li", "blockquote", "h2", "h3", "h4", "tr")
# Names of columns and grids: they say where an element stands, not what it is.
_LAYOUT = re.compile(
    r"^(?:row|col(?:umns?)?(?:-.*)?|container|wrapper|inner|outer|clearfix|grid|flex|main|content"
    r"|left|right|center|hentry|type-.*|status-.*|category-.*|tag-.*|format-.*|has-.*|is-.*)$"
)
# Names with numbers, or with the letters of a build (`Body_root__aB`), do not last.
_LASTING = re.compile(r"(?!.*__[a-z]{0,2}[A-Z])[A-Za-z][A-Za-z_-]{2,}")
_TELLING = re.compile(r"body|text|news|article|entry|post|story|content|itemprop", re.IGNORECASE)

# What sites call a field that the generic profile did not find, in order of preference.
_COMMON: dict[str, tuple[str, ...]] = {
    "authors": (
        "[itemprop='author']", ".byline a", ".author-name", ".author a", ".post-author a",
        ".article-author", ".byline", ".author",
    ),
    "sections": (
        "a[rel~='category']", ".cat-links a", ".post-categories a", ".category a", ".section a",
        "a.section", ".breadcrumb a:last-of-type",
    ),
    "subtitle": (
        ".subtitle", ".standfirst", ".dek", ".deck", ".entry-subtitle", ".article-subtitle",
        ".field--name-field-subtitle", ".lead",
    ),
    "tags": ("a[rel='tag']", ".tags a", ".tag-links a", ".field--name-field-tags a"),
}  # fmt: skip
_LONGEST_NAME = 6  # words
_LONGEST_LINE = 80  # characters of a byline that stood in the body


@dataclass(frozen=True, slots=True)
class Sample:
    """An article page and what a profile reads on it; `trouble` says why it reads nothing."""

    answer: Answer
    article: Article | None
    trouble: str | None = None


def read_sample(answer: Answer, profile: SiteProfile, site: str, now: datetime) -> Sample:
    """What `profile` reads on a page."""
    try:
        article = extract(answer.page(now), profile, site)
    except PageError as error:
        return Sample(answer, None, error.reason)
    return Sample(answer, article)


def induce_markup(samples: Sequence[Sample], profile: SiteProfile, site: str) -> Markup:
    """The markup of `profile` with what the samples, all of them read, have in common."""
    markup = profile.markup
    if not samples:
        return markup
    now = max(sample.article.fetched_at for sample in samples if sample.article)

    def read(changed: Markup) -> list[Article | None]:
        tried = profile.model_copy(update={"markup": changed})
        return [read_sample(sample.answer, tried, site, now).article for sample in samples]

    before = [sample.article for sample in samples]
    for name, selectors in _COMMON.items():
        if any(getattr(article, name) for article in before if article):
            continue
        for selector in selectors:
            changed = markup.model_copy(update={name: [selector, *getattr(markup, name)]})
            after = read(changed)
            if all(_has(article, name) for article in after) and _is_same(before, after):
                markup, before = changed, after
                break
    for name, find in (("body", _bodies), ("container", _containers)):
        for selector in _selectors(find(samples)):
            kept = [] if name == "body" else markup.container
            changed = markup.model_copy(update={name: [selector, *kept]})
            after = read(changed)
            if _is_same(before, after) and _is_found_by(after, name, selector):
                markup, before = changed, after
                break
    return markup


def _has(article: Article | None, name: str) -> bool:
    if article is None:
        return False
    if name == "authors":
        names = article.authors
        return bool(names) and all(len(each.split()) <= _LONGEST_NAME for each in names)
    return bool(getattr(article, name))


def _is_same(before: Sequence[Article | None], after: Sequence[Article | None]) -> bool:
    """Whether the pages read as they did; one short line less is allowed: it became a field."""
    for one, other in zip(before, after, strict=True):
        if one is None or other is None or one.title != other.title:
            return False
        lost = [text for text in one.paragraphs if text not in other.paragraphs]
        if any(text not in one.paragraphs for text in other.paragraphs):
            return False
        if len(lost) > 1 or any(len(text) > _LONGEST_LINE for text in lost):
            return False
    return True


def _is_found_by(articles: Sequence[Article | None], name: str, selector: str) -> bool:
    wanted = f"profile: {selector}"
    return all(a is not None and a.extraction.provenance.get(name) == wanted for a in articles)


# The elements, and what all pages call them.


def _bodies(samples: Sequence[Sample]) -> list[tuple[Element, Element]]:
    """For each page its article and the smallest element in it with most of the body."""
    return [(container, body) for _, container, body in _places(samples)]


def _containers(samples: Sequence[Sample]) -> list[tuple[Element, Element]]:
    """For each page its tree and the smallest element with headline and body."""
    return [(root, container) for root, container, _ in _places(samples)]


def _places(
    samples: Sequence[Sample],
) -> Iterator[tuple[Element, Element, Element]]:
    for sample in samples:
        if sample.article is None:
            continue
        root = sample.answer.tree()
        title = sample.article.title
        headline = next((h for h in root.iter("h1", "h2") if text_of(h) == title), None)
        body = _holder(root, set(sample.article.paragraphs))
        if headline is None or body is None:
            continue
        around = set(headline.iterancestors())
        container = next((e for e in (body, *body.iterancestors()) if e in around), root)
        yield root, container, body


def _holder(root: Element, texts: set[str]) -> Element | None:
    held: dict[Element, int] = {}
    total = 0
    for element in root.iter(*_PARAGRAPHS):
        if text_of(element) in texts:
            total += 1
            for ancestor in element.iterancestors():
                held[ancestor] = held.get(ancestor, 0) + 1
    holders = [element for element, count in held.items() if count >= _MOST * total]
    return max(holders, key=lambda e: sum(1 for _ in e.iterancestors()), default=None)


def _selectors(found: list[tuple[Element, Element]]) -> Iterator[str]:
    """What picks the element, and no other, in its scope on every page, by telling names."""
    names = list(_names(found[0][1])) if found else []
    for name in names:
        if _TELLING.search(name) and all(select(scope, name) == [e] for scope, e in found):
            yield name


def _names(element: Element) -> Iterator[str]:
    if itemprop := element.get("itemprop"):
        yield f"[itemprop='{itemprop}']"
    for name in (element.get("class") or "").split():
        if _LASTING.fullmatch(name) and not _LAYOUT.match(name):
            yield f".{name}"
    identity = element.get("id") or ""
    if _LASTING.fullmatch(identity):
        yield f"#{identity}"
