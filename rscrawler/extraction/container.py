"""Finds the elements that are a page's own article, and the article's fields beside them.

Each match of a profile's `container` is a candidate, scored by independent signs: the rank of its
selector, the tag of its headline, and the headline's agreement with what the page declares. If no
selector helps, `locate` finds the article's region.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import cast

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.blocks import FOREIGN_KINDS, HEADINGS, kind_of
from rscrawler.extraction.context import AGREEMENT, PageContext, links_elsewhere
from rscrawler.extraction.selectors import Span, covers, outer_spans, with_ancestors
from rscrawler.extraction.text import text_of
from rscrawler.extraction.vocabulary import pattern

_LENGTH = etree.XPath("string-length()")
_LEAST_TEXT, _LEAST_OWN_TEXT = 200, 40  # characters of paragraphs
_SURE, _CERTAIN = 4.0, 6.0  # from here on, a foreign ancestor is ignored; no more selectors
_CLOSED = FOREIGN_KINDS - {"hidden"}  # hidden elements may hold a date or an author
_POST = re.compile(r"(?<!\S)post-\d+(?!\S)")
_OUTERMOST = frozenset({"main", "body", "html"})


@dataclass(frozen=True)
class OwnArticle:
    """A page's own article: `parts` in document order, the first of which is the container.

    No part lies in another. `foreign` are elements in the parts that belong to other articles.
    """

    parts: tuple[Element, ...]
    headline: Element | None
    origin: str
    context: PageContext
    foreign: tuple[Element, ...] = ()
    _matches: dict[str, list[Element]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_from_profile(self) -> bool:
        """Whether a selector of the profile found it."""
        return self.origin.startswith("profile")

    def matches(self, selector: str) -> list[Element]:
        """The matches of a selector in the parts, without foreign ones, in reading order."""
        found = self._matches.get(selector)
        if found is None:
            between = self.context.index.between
            found = [e for first, last in self._spans for e in between(first, last, selector)]
            if found and self.foreign:
                found = [element for element in found if not self.is_foreign(element)]
            self._matches[selector] = found
        return found

    def search(
        self, selectors: list[str], *, beside: bool = True, only_behind: bool = False
    ) -> Iterator[tuple[str, list[Element]]]:
        """The matches of each selector in the parts, then those beside them; each with its origin.

        `only_behind`: beside the parts, only matches that follow them.
        """
        for selector in selectors:
            if found := self.matches(selector):
                yield f"profile: {selector}", found
        for selector in selectors if beside else ():
            if found := self._beside(selector, only_behind=only_behind):
                yield f"profile: {selector}, beside the container", found

    def is_foreign(self, element: Element) -> bool:
        """Whether an element belongs to another article inside the parts."""
        return covers(self._foreign_spans, self.context.index.place(element))

    @cached_property
    def _spans(self) -> list[Span]:
        """The first and last place of each part."""
        return list(map(self.context.index.span, self.parts))

    @cached_property
    def _foreign_spans(self) -> list[Span]:
        return outer_spans(map(self.context.index.span, self.foreign))

    def _beside(self, selector: str, *, only_behind: bool) -> list[Element]:
        """The matches of a selector beside the parts; none for a bare tag, which is too general."""
        index = self.context.index
        if selector.isalnum():
            return []
        found = [e for e in index.select(index.root, selector) if not self._is_elsewhere(e)]
        if not found:
            return found
        (closed, _), (start, end) = self._landmarks, self._search_span
        start = index.end(self.parts[-1]) if only_behind else start
        within = [element for element in found if start <= index.place(element) <= end]
        return [element for element in within if not covers(closed, index.place(element))]

    def _is_elsewhere(self, element: Element) -> bool:
        """Whether an element lies in the parts, or in an `article` that does not hold them."""
        if covers(self._spans, self.context.index.place(element)):
            return True
        article = next(element.iterancestors("article"), None)
        return article is not None and article not in self._around

    @cached_property
    def _around(self) -> set[Element]:
        """The ancestors of the parts."""
        return with_ancestors(self.parts).difference(self.parts)

    @cached_property
    def _landmarks(self) -> tuple[list[Span], list[int]]:
        """The regions closed to the search for fields; the places where other articles begin."""
        index, markup = self.context.index, self.context.profile.markup
        others = set(index.select_all(index.root, (*markup.foreign, *markup.body)))
        closed, fences = list[Span](), list[int]()
        for element in index.root.iter(etree.Element):
            place = index.place(element)
            if (closed and place <= closed[-1][1]) or element in self._around:
                continue
            if element in self.parts:
                closed.append(index.span(element))
                continue
            is_other = element.tag == "article" or element in others
            if is_other or _is_closed(element):
                closed.append(index.span(element))
            if is_other or (element.tag in HEADINGS and links_elsewhere(element, self.context)):
                fences.append(place)
        return closed, fences

    @cached_property
    def _search_span(self) -> Span:
        """The first and last place of the search for fields beside the parts.

        Forward, it ends at the first sign of another article. Backward, it leaves out an ancestor
        in which another article precedes the parts: what lies between may be that article's end.
        """
        index, (_, fences) = self.context.index, self._landmarks
        first, last = self._spans[0][0], self._spans[-1][1]
        around = list(self.parts[0].iterancestors())
        outermost = next((each for each in around if each.tag in _OUTERMOST), index.root)
        earliest = max(index.place(outermost), *(at + 1 for at in fences if at < first), 0)
        start = min((at for at in map(index.place, around) if at >= earliest), default=first)
        end = min((fence - 1 for fence in fences if fence > last), default=index.end(outermost))
        return start, end


def _is_closed(element: Element) -> bool:
    """Whether an element is a region without the article's fields: a menu, a biography."""
    if element.tag == "header" and element.find(".//nav") is not None:
        return True
    if element.tag in _OUTERMOST:
        return False
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    is_biography = pattern("biographies").search(names) is not None
    return is_biography or kind_of(element)[0] in _CLOSED


@dataclass(frozen=True)
class _Candidate:
    score: float
    element: Element
    headline: Element | None
    origin: str


def find_container(page: PageContext) -> OwnArticle | None:
    """The page's own article by the profile's selectors or as an `article`; None if none fits."""
    candidates = _candidates(page)
    best = max(candidates, key=lambda each: each.score, default=None)
    if best is None or best.score < 0:
        return None
    found = list(_of_same_post(best, candidates))
    # Without the profile's body, it may be a head with a standfirst of some sentences.
    has_body = any(page.index.select_all(part, page.profile.markup.body) for part in found)
    if not any(_has_text(part, _LEAST_OWN_TEXT if has_body else _LEAST_TEXT) for part in found):
        found += _body_behind(best.element, candidates, page)
    at = {page.index.place(each): each for each in found}
    parts = tuple(at[first] for first, _ in outer_spans(map(page.index.span, found)))
    own = OwnArticle(parts, best.headline, best.origin, page)
    return replace(own, foreign=tuple(_foreign_in(own, found)))


def _of_same_post(best: _Candidate, candidates: list[_Candidate]) -> Iterator[Element]:
    """The best candidate, and those of its selector that are the same post: `post-2657538411`."""
    yield best.element
    if post := _POST.search(best.element.get("class") or ""):
        for each in candidates:
            if each.origin == best.origin and post[0] in (each.element.get("class") or "").split():
                yield each.element


def _candidates(page: PageContext) -> list[_Candidate]:
    """The elements that can be the page's own article, none with another article's headline.

    Later selectors are not tried once the page's own headline heads a candidate.
    """
    markup, index = page.profile.markup, page.index
    foreign = set(index.select_all(index.root, markup.foreign))
    found: dict[Element, _Candidate] = {}
    ranks = len(markup.container)
    for rank, selector in enumerate((*markup.container, "article")):
        is_named = rank < ranks
        origin = f"profile: {selector}" if is_named else "fallback: article"
        for element in index.select(index.root, selector):
            if element in found:
                continue
            headline = own_headline(element, page)
            if headline is not None and links_elsewhere(headline, page):
                continue
            score = 2.0 * (ranks - rank) / ranks if is_named else 0.0
            if headline is None or (
                headline.tag != "h1" and not _has_text(element, _LEAST_OWN_TEXT)
            ):
                score += _headless_score(element, page) if is_named else -1.0
            else:
                score += _headline_score(headline, page)
            # `foreign` is weak evidence: it may match the page's own article, too.
            if score < _SURE and not foreign.isdisjoint(element.iterancestors()):
                score -= 1.5
            elif element in foreign:
                score -= 1.0
            found[element] = _Candidate(score, element, headline, origin)
        if any(candidate.score >= _CERTAIN for candidate in found.values()):
            break
    return list(found.values())


def _headline_score(headline: Element, page: PageContext) -> float:
    """The score that a headline adds to its element."""
    agreement = page.agrees(text_of(headline))
    score = 1.5 if headline.tag == "h1" else 0.0
    if agreement >= AGREEMENT:
        return score + 2.0 + 2.0 * agreement
    return score - 1.0 if page.titles else score


def _headless_score(element: Element, page: PageContext) -> float:
    """The score of an element without a headline, by the headline before it."""
    if not _has_text(element):
        return -3.0
    before = page.headline_before(element)
    if before is None:
        return -1.0
    return 3.0 if page.agrees(text_of(before)) >= AGREEMENT else 1.0


def own_headline(element: Element, page: PageContext) -> Element | None:
    """The headline of `element`, not one of an article nested in it."""
    for selector in page.profile.markup.title:
        for found in page.index.select(element, selector):
            if _can_head(found, element, page):
                return found
    headings = [h for h in element.iter(*HEADINGS) if _can_head(h, element, page)]
    if not headings:
        return None
    bodies = set(page.index.select_all(element, page.profile.markup.body))
    return next((h for h in headings if bodies.isdisjoint(h.iterancestors())), None)


def _can_head(heading: Element, element: Element, page: PageContext) -> bool:
    """Whether a heading is neither a nested article's nor the outlet's name."""
    if text_of(heading) in page.structured.site_names:
        return False
    article = next(heading.iterancestors("article"), None)
    return article is None or article is element or element not in article.iterancestors()


def _body_behind(
    head: Element, candidates: list[_Candidate], page: PageContext
) -> Iterator[Element]:
    """The candidate with the profile's body behind `head`, which has no text; else the body."""
    index, end = page.index, page.index.end(head)
    bodies = index.select_all(index.root, page.profile.markup.body)
    body = next((body for body in bodies if index.place(body) > end), None)
    if body is None:
        return
    between = (h for h in index.root.iter(*HEADINGS) if end < index.place(h) < index.place(body))
    heads = (h for h in between if not any(map(_is_closed, h.iterancestors())))
    if any(links_elsewhere(h, page) or page.agrees(text_of(h)) < AGREEMENT for h in heads):
        return
    found = (each.element for each in candidates if index.place(each.element) > end)
    yield next((element for element in found if index.is_within(body, element)), body)


def _foreign_in(own: OwnArticle, found: list[Element]) -> Iterator[Element]:
    """The elements in the parts that are other articles, by the profile or a headline.

    `found` are the parts, and what was found inside them: the same post.
    """
    page, markup = own.context, own.context.profile.markup
    keep = with_ancestors(found if own.headline is None else (*found, own.headline))
    for part in own.parts:
        named = page.index.select_all(part, markup.foreign)
        bare = set(named) - with_ancestors(page.index.select_all(part, markup.body))
        nested = (e for e in dict.fromkeys((*named, *part.iter("article"))) if e not in keep)
        foreign = [element for element in nested if element in bare or _is_headed(element, page)]
        yield from foreign
        yield from _other_bodies(part, own, foreign)


def _other_bodies(part: Element, own: OwnArticle, foreign: list[Element]) -> Iterator[Element]:
    """The bodies in a part that another heading separates from the first."""
    index = own.context.index
    found = (index.select(part, selector) for selector in own.context.profile.markup.body)
    others = set(foreign)
    bodies = next(filter(None, found), [])
    bodies = [each for each in bodies if others.isdisjoint((each, *each.iterancestors()))]
    if len(bodies) < 2:
        return
    within, end = set(bodies), index.end(bodies[0])
    behind = (h for h in part.iter(*HEADINGS) if index.place(h) > end and h is not own.headline)
    fences = (index.place(h) for h in behind if within.isdisjoint(h.iterancestors()))
    fence = next(fences, index.end(part))
    yield from (body for body in bodies if index.place(body) > fence)


def _is_headed(element: Element, page: PageContext) -> bool:
    """Whether the element's headline precedes its text, and is not above a biography behind it."""
    headline, place = own_headline(element, page), page.index.place
    if headline is None:
        return False
    bodies = page.index.select_all(element, page.profile.markup.body)
    first = next((p for p in element.iter("p") if text_length(p) >= _LEAST_OWN_TEXT), headline)
    return all(place(headline) <= place(text) for text in bodies or [first])


def text_length(element: Element) -> int:
    """Characters of the text in `element`, including white space."""
    return int(cast("float", _LENGTH(element)))


def _has_text(element: Element, least: int = _LEAST_TEXT) -> bool:
    """Whether the paragraphs in `element` have at least `least` characters."""
    lengths = accumulate(map(text_length, element.iter("p", "li", "blockquote")))
    return any(length >= least for length in lengths)
