"""Finding the page's own article among those that the page carries.

No single sign decides. Every element that could be an article is scored by signs
that are independent of each other: the profile's selectors, agreement of its
headline with what the page declares, a headline that links elsewhere, a link to
the page's own address. The best one is the own container. Some themes print one
piece in several elements (headline here, text there); the others of these are
found by what they share with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import cast

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.nearby import Nearby
from rscrawler.extraction.structured import AGREEMENT
from rscrawler.extraction.surroundings import Surroundings, links_elsewhere, links_home
from rscrawler.extraction.text import likeness, text_of
from rscrawler.extraction.tree import HEADINGS, LEAST_TEASER, has_text, is_within

_LAST_H1 = etree.XPath("preceding::h1[1]")
_DATA_HEADLINE = etree.XPath(
    "descendant-or-self::*[@data-headline][1]/@data-headline", smart_strings=False
)
_SURE = 4.0  # the score from which a container need not be compared with the headline's place
_BEST_FALLBACK = 6.5  # the most that an element can score which no selector of the profile matches
_PAGE_FURNITURE = frozenset({"header", "nav", "footer", "aside"})
_POST_ID = re.compile(r"(?:^|[\s_-])(?:post|elid|id)[-_]?(\d{3,})(?=$|\s)")
_HEADLINE_CLASS = re.compile(r"headline|(?:^|[\s_-])title(?:$|[\s_-])", re.IGNORECASE)


@dataclass(frozen=True)
class Own:
    """The own article: `parts` in document order; the first in `parts` need not be `main`.

    `nearby` is what stands around the parts and may hold fields that they lack.
    """

    parts: tuple[Element, ...]
    main: Element
    headline: Element | None
    origin: str
    nearby: Nearby
    _matches: dict[str, list[Element]] = field(default_factory=dict, repr=False, compare=False)

    def matches(self, selectors: Iterable[str]) -> Iterator[tuple[str, Element]]:
        """Every match in the parts, with its selector: by preference, then in reading order.

        Found once for each selector, so only asked for when nothing is cut any more.
        """
        for selector in selectors:
            if selector not in self._matches:
                self._matches[selector] = [
                    element
                    for part in self.parts
                    for element in self.nearby.page.index.select(part, selector)
                ]
            for element in self._matches[selector]:
                yield selector, element

    def places(
        self, selectors: list[str], *, only_behind: bool = False
    ) -> Iterator[tuple[str, list[Element]]]:
        """The matches of each selector in the parts, then of each nearby, with their origin.

        `only_behind`: of what is nearby, only what follows the parts.
        """
        for selector in selectors:
            yield f"profile: {selector}", [element for _, element in self.matches([selector])]
        for selector in selectors:
            found = self.nearby.matches(selector, only_behind=only_behind)
            if found:
                yield f"profile: {selector}, beside the container", found

    @property
    def is_from_profile(self) -> bool:
        """Whether the profile's selectors led here."""
        return self.origin.startswith("profile")


@dataclass(frozen=True)
class _Candidate:
    """An element that could be the own article; `order` is its place among the candidates."""

    score: float
    order: int
    element: Element
    headline: Element | None
    origin: str

    @property
    def holds_text(self) -> bool:
        return self.element.tag != "main" and has_text(self.element, LEAST_TEASER)

    @property
    def is_sure(self) -> bool:
        return self.score >= _SURE and (self.origin.startswith("profile") or self.holds_text)


def find_own(root: Element, page: Surroundings) -> Own | None:
    """The page's own article, None if the page has none. The tree stays as it is."""
    candidates = _candidates(root, page)
    likely = [candidate for candidate in candidates if candidate.score > 0]
    if len(likely) > 1:
        # The profile's mark of foreign articles is weak evidence: the own one may carry it.
        foreign = {
            element for _, element in page.index.select_all([root], page.profile.markup.foreign)
        }
        likely = [replace(c, score=c.score - _foreignness(c, foreign)) for c in likely]
    best = max(likely, key=lambda candidate: (candidate.score, -candidate.order), default=None)
    grown = _grown(root, page) if best is None or not best.is_sure else None
    if best is None or (grown is not None and not best.holds_text):
        return grown
    parts = _parts(best, candidates, page)
    own = Own(parts, best.element, best.headline, best.origin, Nearby(parts, page))
    return own if any(has_text(part, LEAST_TEASER) for part in parts) else _with_body(own, page)


def _foreignness(candidate: _Candidate, foreign: set[Element]) -> float:
    """What the profile's mark of foreign articles takes from a score.

    More when it is on a block around, unless the declared headline says that this is the piece.
    """
    is_in_block = not foreign.isdisjoint(candidate.element.iterancestors())
    if is_in_block and candidate.score < _SURE:
        return 1.5
    return 1.0 if candidate.element in foreign else 0.0


def _candidates(root: Element, page: Surroundings) -> list[_Candidate]:
    selectors = page.profile.markup.container
    ranked: dict[Element, tuple[int, str]] = {}
    for rank, selector in enumerate(selectors):
        for element in page.index.select(root, selector):
            ranked.setdefault(element, (rank, f"profile: {selector}"))
    found: list[_Candidate] = []

    def add(element: Element, rank: int, origin: str) -> None:
        headline = own_headline(element, page)
        score = _score(element, headline, rank, len(selectors), page)
        found.append(_Candidate(score, len(found), element, headline, origin))

    for element, (rank, origin) in ranked.items():
        add(element, rank, origin)
    if max((candidate.score for candidate in found), default=0.0) < _BEST_FALLBACK:
        for element in root.iter("article", "main"):
            if element not in ranked:
                add(element, len(selectors), f"fallback: {element.tag}")
    return found


def _score(
    element: Element, headline: Element | None, rank: int, ranks: int, page: Surroundings
) -> float:
    score = 2.0 * (ranks - rank) / ranks if rank < ranks else 0.0
    if element.tag == "main":
        score -= 2.0  # holds the article as a rule, and much else
    if headline is None:
        return score + _score_headless(element, page, is_listed=rank < ranks)
    text = text_of(headline)
    agreement = page.agrees(text)
    if agreement >= AGREEMENT:
        score += 2.0 + 2.0 * agreement
    elif page.titles:
        score -= 1.0
    score += 1.5 if headline.tag == "h1" else 0.0
    if links_elsewhere(headline, page):
        score -= 6.0
    elif links_home(headline, page):
        score += 1.0
    if any(ancestor.tag in _PAGE_FURNITURE for ancestor in element.iterancestors()):
        score -= 2.0
    return score


def _score_headless(element: Element, page: Surroundings, *, is_listed: bool) -> float:
    """What speaks for an element without a headline: one before it, or one that it names."""
    before = _headline_before(element, page) if is_listed else None
    data = _data_headline(element)
    if data is not None and page.titles:
        is_printed = before is not None and likeness(text_of(before), data) >= AGREEMENT
        return 3.0 if is_printed or page.agrees(data) >= AGREEMENT else -4.0
    if not has_text(element):
        return -3.0
    if before is None:
        return -1.0
    return 3.0 if page.agrees(text_of(before)) >= AGREEMENT else 1.0


def own_headline(element: Element, page: Surroundings) -> Element | None:
    """The headline of the article that `element` is, not that of an article nested in it."""
    for selector in page.profile.markup.title:
        for found in page.index.select(element, selector):
            if not _in_nested_article(found, element):
                return found
    headings = [h for h in element.iter(*HEADINGS) if not _in_nested_article(h, element)]
    if not headings:
        return None
    bodies = {body for _, body in page.index.select_all([element], page.profile.markup.body)} - {
        element
    }
    return next((h for h in headings if bodies.isdisjoint(h.iterancestors())), None)


def _headline_before(element: Element, page: Surroundings) -> Element | None:
    """The last main headline before `element`, if it is not the link to another article."""
    found = cast("list[Element]", _LAST_H1(element))
    return found[0] if found and not links_elsewhere(found[0], page) else None


def _in_nested_article(inner: Element, outer: Element) -> bool:
    for ancestor in inner.iterancestors():
        if ancestor is outer:
            return False
        if ancestor.tag == "article":
            return True
    return False


def _parts(
    main: _Candidate, candidates: list[_Candidate], page: Surroundings
) -> tuple[Element, ...]:
    """The chosen element and every other one of the profile's kind that prints the same piece."""
    ids = _post_ids(main.element)
    title = text_of(main.headline) if main.headline is not None else None
    parts = [main.element]
    for candidate in candidates:
        element, headline = candidate.element, candidate.headline
        if not candidate.origin.startswith("profile"):
            continue
        if any(is_within(element, part) or is_within(part, element) for part in parts):
            continue
        if headline is not None:
            same = not links_elsewhere(headline, page) and (
                page.agrees(text_of(headline)) >= AGREEMENT
                or (title is not None and likeness(text_of(headline), title) >= AGREEMENT)
            )
        else:
            data = _data_headline(element)
            same = bool(ids & _post_ids(element)) or (
                data is not None and page.agrees(data) >= AGREEMENT
            )
        if same:
            parts.append(element)
    if len(parts) == 1:
        return (main.element,)
    order = {element: number for number, element in enumerate(main.element.getroottree().iter())}
    return tuple(sorted(parts, key=order.__getitem__))


def _with_body(own: Own, page: Surroundings) -> Own:
    """The own article with the body that stands beside its container."""
    nearby = Nearby(own.parts, page, wants_body=True)
    added = tuple(block for block in nearby.after if block in nearby.bodies)
    if not added:
        return own
    return replace(own, parts=own.parts + added, nearby=replace(nearby, excluded=frozenset(added)))


def _grown(root: Element, page: Surroundings) -> Own | None:
    """From the element with the declared headline upwards until it holds the paragraphs."""
    best: tuple[float, Element] | None = None
    for element in root.iter(*HEADINGS, "div", "span", "p", "strong"):
        is_heading = element.tag in HEADINGS
        if not is_heading and not _HEADLINE_CLASS.search(
            f"{element.get('class') or ''} {element.get('itemprop') or ''}"
        ):
            continue
        if any(ancestor.tag == "nav" for ancestor in element.iterancestors()):
            continue
        if links_elsewhere(element, page):
            continue
        agreement = page.agrees(text_of(element))
        if agreement >= AGREEMENT:
            score = agreement + (0.5 if element.tag == "h1" else 0.2 if is_heading else 0.0)
        elif element.tag == "h1":
            score = 0.3
        else:
            continue
        if best is None or score > best[0]:
            best = (score, element)
    if best is None or (best[0] <= 0.3 and len(list(root.iter("h1"))) > 1):
        return None
    headline = best[1]
    for ancestor in headline.iterancestors():
        if ancestor.tag in ("body", "html") and not has_text(ancestor):
            return None
        if has_text(ancestor):
            near = Nearby((ancestor,), page)
            return Own((ancestor,), ancestor, headline, "fallback: headline", near)
    return None


def _data_headline(element: Element) -> str | None:
    found = cast("list[str]", _DATA_HEADLINE(element))
    return found[0] if found else None


def _post_ids(element: Element) -> set[str]:
    values = [element.get("class"), element.get("id"), element.get("data-id"), element.get("elid")]
    ids = {match for value in values if value for match in _POST_ID.findall(value)}
    return ids | {value for value in values[2:] if value}
