"""Which elements of a page are its own article, and what around them is the article's too.

Where a profile names containers, each match is scored by signs that are independent of each
other: the selector, the tag of its headline and its agreement with what the page declares. Some
themes print one article in several elements; the others are found by what they share with the best.
Where no selector helps, `locate` finds the region.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import cast

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.context import PageContext, links_elsewhere
from rscrawler.extraction.structured import AGREEMENT
from rscrawler.extraction.text import likeness, text_of
from rscrawler.extraction.vocabulary import pattern, region_kind

HEADINGS = ("h1", "h2", "h3", "h4")
_LENGTH = etree.XPath("string-length()")
_DATA_HEADLINE = etree.XPath(
    "descendant-or-self::*[@data-headline][1]/@data-headline", smart_strings=False
)
_LEAST_TEXT, _LEAST_OWN_TEXT = 200, 40  # characters of paragraphs
_SURE, _CERTAIN = 4.0, 6.0  # scores
_OUTERMOST = frozenset({"main", "body", "html"})
_CLOSED = frozenset({"nav", "aside", "form"})
# Regions whose links and names are nobody's fields.
_OTHER_KINDS = frozenset(
    {"request", "consent", "related", "comments", "navigation", "sidebar", "advertising"}
)
_POST_ID = re.compile(r"(?:^|[\s_-])(?:post|elid|id)[-_]?(\d{3,})(?=$|\s)")
_LEAST_HEADLINE = 4  # words from which a link to another article is a headline


@dataclass(frozen=True)
class Own:
    """The own article: `parts` in document order; the first in `parts` need not be `main`.

    `foreign` are elements in the parts that belong to other articles; from the place `behind` on,
    all is theirs.
    """

    parts: tuple[Element, ...]
    main: Element
    headline: Element | None
    origin: str
    page: PageContext
    foreign: tuple[Element, ...] = ()
    behind: int | None = None
    _matches: dict[str, list[Element]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_from_profile(self) -> bool:
        """Whether the profile's selectors led here."""
        return self.origin.startswith("profile")

    def matches(self, selector: str) -> list[Element]:
        """What a selector matches in the parts, in reading order."""
        found = self._matches.get(selector)
        if found is None:
            select = self.page.index.select
            found = [element for part in self.parts for element in select(part, selector)]
            if found and (self.foreign or self.behind is not None):
                found = [element for element in found if not self.is_foreign(element)]
            self._matches[selector] = found
        return found

    def places(
        self, selectors: list[str], *, only_behind: bool = False
    ) -> Iterator[tuple[str, list[Element]]]:
        """What each selector matches in the parts, then what each matches beside them; with origin.

        `only_behind`: of what is beside them, only what follows the parts.
        """
        for selector in selectors:
            if found := self.matches(selector):
                yield f"profile: {selector}", found
        for selector in selectors:
            if found := self._beside(selector, only_behind=only_behind):
                yield f"profile: {selector}, beside the container", found

    def is_foreign(self, element: Element) -> bool:
        """Whether an element belongs to another article that the parts hold."""
        index = self.page.index
        if self.behind is not None and index.place(element) >= self.behind:
            return self.holds(element)
        return any(index.is_within(element, other) for other in self.foreign)

    def holds(self, element: Element) -> bool:
        """Whether an element lies in one of the parts."""
        return any(self.page.index.is_within(element, part) for part in self.parts)

    def _beside(self, selector: str, *, only_behind: bool) -> list[Element]:
        """What a selector matches beside the parts; a bare tag says too little."""
        if selector.isalnum():
            return []
        index = self.page.index
        found = [e for e in index.select(index.root, selector) if not self._is_in_other(e)]
        if not found:
            return found
        closed, start, end = self._surroundings
        start = index.end(self.parts[-1]) if only_behind else start
        return [
            element
            for element in found
            if start <= (place := index.place(element)) <= end and not _covers(closed, place)
        ]

    def _is_in_other(self, element: Element) -> bool:
        """Whether an element lies in the parts, or in an `article` that does not hold them."""
        return any(
            ancestor in self.parts or (ancestor.tag == "article" and ancestor not in self._around)
            for ancestor in (element, *element.iterancestors())
        )

    @cached_property
    def _around(self) -> set[Element]:
        """The elements that hold the parts."""
        return {ancestor for part in self.parts for ancestor in part.iterancestors()}

    @cached_property
    def _surroundings(self) -> tuple[list[tuple[int, int]], int, int]:
        """From where to where on the page fields are nobody's, and between what all others are own.

        Forward, up to the first sign of another article. Backward, a level on which another
        article stands before is left out whole: what lies between may be that one's end.
        """
        index = self.page.index
        first, last = index.place(self.parts[0]), index.end(self.parts[-1])
        closed, fences = self._borders()
        before = max((fence for fence in fences if fence < first), default=-1)
        start, outermost = first, index.root
        for outermost in self.parts[0].iterancestors():
            start = index.place(outermost) if index.place(outermost) > before else start
            if outermost.tag in _OUTERMOST:
                break
        behind = (fence - 1 for fence in fences if fence > last)
        return closed, start, min(behind, default=index.end(outermost))

    def _borders(self) -> tuple[list[tuple[int, int]], list[int]]:
        """The regions beside the parts that hold nobody's fields, and where others begin."""
        index, markup = self.page.index, self.page.profile.markup
        others = set(index.select_all(index.root, (*markup.foreign, *markup.body)))
        closed: list[tuple[int, int]] = []
        fences: list[int] = []
        until = -1
        for element in index.root.iter(etree.Element):
            place = index.place(element)
            if place <= until or element in self._around:
                continue
            if element in self.parts:
                until = index.end(element)
            elif element.tag == "article" or element in others:
                fences.append(place)
                until = index.end(element)
            elif (is_closed := _is_closed(element)) or _holds_others(element):
                until = index.end(element)
                closed.append((place if is_closed else place + 1, until))
            elif self._heads_another(element):
                fences.append(place)
        return closed, fences

    def _heads_another(self, element: Element) -> bool:
        """Whether an element is the heading of another article, or a link to one."""
        if element.tag == "a":
            is_headline = len(text_of(element).split()) >= _LEAST_HEADLINE
            return is_headline and self.page.is_foreign_link(element.get("href"))
        text = text_of(element) if element.tag in HEADINGS else ""
        if not text or pattern("tag_labels").match(text):
            return False
        index = self.page.index
        if any(index.select(element, each) for each in self.page.profile.markup.subtitle):
            return False
        is_before = index.place(element) < index.place(self.parts[0])
        is_own = self.page.agrees(text) >= AGREEMENT or (is_before and element.tag == "h1")
        return links_elsewhere(element, self.page) or not is_own


def _covers(intervals: list[tuple[int, int]], place: int) -> bool:
    """Whether one of the intervals, which are in order and apart, has the place."""
    number = bisect_right(intervals, place, key=itemgetter(0))
    return number > 0 and place <= intervals[number - 1][1]


def _is_closed(element: Element) -> bool:
    """Whether an element is a region that holds nobody's fields, itself included."""
    if element.tag not in ("header", "footer"):
        return element.tag in _CLOSED
    parent = element.getparent()
    return parent is None or parent.tag == "body" or element.find(".//nav") is not None


def _holds_others(element: Element) -> bool:
    """Whether what is in an element is a widget's or a biography's, by its names."""
    classes, anchor = element.get("class") or "", element.get("id") or ""
    if not (classes or anchor) or element.tag in _OUTERMOST:
        return False
    names = f"{classes} {anchor}"
    kind = region_kind(names)
    is_other = kind is not None and kind[0] in _OTHER_KINDS
    return is_other or pattern("biographies").search(names) is not None


@dataclass(frozen=True)
class _Candidate:
    """An element that could be the own article."""

    score: float
    element: Element
    headline: Element | None
    origin: str


def find_container(page: PageContext) -> Own | None:
    """The article's container by the profile's selectors or `article` elements; None without."""
    candidates = _candidates(page)
    best = max(candidates, key=lambda each: each.score, default=None)
    if best is None or best.score < 0:
        return None
    parts = _parts(best, candidates, page)
    if not any(_has_text(part, _LEAST_OWN_TEXT) for part in parts):
        parts = _with_body(parts, page)
    own = Own(parts, best.element, best.headline, best.origin, page)
    foreign = tuple(_foreign_in(own))
    return replace(own, foreign=foreign, behind=_first_behind(own, foreign)) if foreign else own


def _candidates(page: PageContext) -> list[_Candidate]:
    """Elements that could be the own article; none that another article's headline heads.

    What a later selector finds is not looked for once the page's own headline heads one.
    """
    markup, index = page.profile.markup, page.index
    foreign = set(index.select_all(index.root, markup.foreign))
    found: dict[Element, _Candidate] = {}
    ranks = len(markup.container)
    for rank, selector in enumerate((*markup.container, "article")):
        origin = f"profile: {selector}" if rank < ranks else "fallback: article"
        for element in index.select(index.root, selector):
            headline = own_headline(element, page)
            if element in found or (headline is not None and links_elsewhere(headline, page)):
                continue
            score = _score(element, headline, rank, ranks, page)
            # The profile's mark of foreign articles is weak evidence: the own one may carry it.
            if score < _SURE and not foreign.isdisjoint(element.iterancestors()):
                score -= 1.5
            elif element in foreign:
                score -= 1.0
            found[element] = _Candidate(score, element, headline, origin)
        if any(candidate.score >= _CERTAIN for candidate in found.values()):
            break
    return list(found.values())


def _score(
    element: Element, headline: Element | None, rank: int, ranks: int, page: PageContext
) -> float:
    score = 2.0 * (ranks - rank) / ranks if rank < ranks else 0.0
    if headline is None:
        return score + _score_headless(element, page, is_listed=rank < ranks)
    text = text_of(headline)
    agreement = page.agrees(text)
    if agreement >= AGREEMENT:
        score += 2.0 + 2.0 * agreement
    elif page.titles:
        score -= 1.0
    return score + (1.5 if headline.tag == "h1" else 0.0)


def _score_headless(element: Element, page: PageContext, *, is_listed: bool) -> float:
    """What speaks for an element without a headline: one before it, or one that it names."""
    before = page.headline_before(element) if is_listed else None
    data = _data_headline(element)
    if data is not None and page.titles:
        is_printed = before is not None and likeness(text_of(before), data) >= AGREEMENT
        return 3.0 if is_printed or page.agrees(data) >= AGREEMENT else -4.0
    if not _has_text(element):
        return -3.0
    if before is None:
        return -1.0
    return 3.0 if page.agrees(text_of(before)) >= AGREEMENT else 1.0


def own_headline(element: Element, page: PageContext) -> Element | None:
    """The headline of the article that `element` is, not that of an article nested in it."""
    for selector in page.profile.markup.title:
        for found in page.index.select(element, selector):
            if not _in_nested_article(found, element):
                return found
    headings = [h for h in element.iter(*HEADINGS) if not _in_nested_article(h, element)]
    if not headings:
        return None
    bodies = set(page.index.select_all(element, page.profile.markup.body)) - {element}
    return next((h for h in headings if bodies.isdisjoint(h.iterancestors())), None)


def _in_nested_article(inner: Element, outer: Element) -> bool:
    for ancestor in inner.iterancestors():
        if ancestor is outer:
            return False
        if ancestor.tag == "article":
            return True
    return False


def _parts(
    main: _Candidate, candidates: list[_Candidate], page: PageContext
) -> tuple[Element, ...]:
    """The chosen element and every other one of the profile's kind that prints the same article."""
    ids = _post_ids(main.element)
    title = text_of(main.headline) if main.headline is not None else None
    parts = [main.element]
    for candidate in candidates:
        element, headline = candidate.element, candidate.headline
        if not candidate.origin.startswith("profile"):
            continue
        if any(
            page.index.is_within(element, part) or page.index.is_within(part, element)
            for part in parts
        ):
            continue
        if headline is not None:
            same = page.agrees(text_of(headline)) >= AGREEMENT or (
                title is not None and likeness(text_of(headline), title) >= AGREEMENT
            )
        else:
            data = _data_headline(element)
            same = bool(ids & _post_ids(element)) or (
                data is not None and page.agrees(data) >= AGREEMENT
            )
        if same:
            parts.append(element)
    return tuple(sorted(parts, key=page.index.place))


def _with_body(parts: tuple[Element, ...], page: PageContext) -> tuple[Element, ...]:
    """The parts, and the profile's body that follows them, where they hold no text themselves."""
    index, end = page.index, page.index.end(parts[-1])
    headings = list(index.root.iter(*HEADINGS))
    for body in index.select_all(index.root, page.profile.markup.body):
        between = [h for h in headings if end < index.place(h) < index.place(body)]
        is_parted = any(
            links_elsewhere(h, page) or page.agrees(text_of(h)) < AGREEMENT for h in between
        )
        if index.place(body) > end and not is_parted:
            return (*parts, body)
    return parts


def _foreign_in(own: Own) -> Iterator[Element]:
    """The elements in the parts that are other articles, by the profile or by their headline."""
    page = own.page
    keep = {*own.parts, *(a for part in own.parts for a in part.iterancestors())}
    if own.headline is not None:
        keep |= {own.headline, *own.headline.iterancestors()}
    for part in own.parts:
        named = page.index.select_all(part, page.profile.markup.foreign)
        nested = [e for e in dict.fromkeys((*named, *part.iter("article"))) if e not in keep]
        headless = [element for element in nested if own_headline(element, page) is None]
        headed = [element for element in nested if element not in headless]
        yield from headed
        if headless and _has_text_outside(part, nested):
            yield from headless
        yield from _other_bodies(part, own, headed)


def _first_behind(own: Own, foreign: tuple[Element, ...]) -> int | None:
    """The place of the first other article behind the own text; what is loose there is theirs."""
    index = own.page.index
    last = max(
        (
            index.place(text)
            for part in own.parts
            for text in part.iter("p", "li", "blockquote")
            if text_length(text) >= _LEAST_OWN_TEXT
            and not any(index.is_within(text, other) for other in foreign)
        ),
        default=None,
    )
    places = (index.place(each) for each in foreign if each.tag == "article")
    return None if last is None else min((p for p in places if p > last), default=None)


def _other_bodies(part: Element, own: Own, foreign: list[Element]) -> Iterator[Element]:
    """The bodies in a part that another headline than the own parts from the first."""
    index = own.page.index
    bodies: list[Element] = []
    for selector in own.page.profile.markup.body:
        if bodies := index.select(part, selector):
            break
    bodies = [b for b in bodies if not any(index.is_within(b, other) for other in foreign)]
    if own.headline is not None and own.holds(own.headline):
        behind = [b for b in bodies if index.place(b) > index.place(own.headline)]
        bodies = behind or bodies
    if len(bodies) < 2:
        return
    first = bodies[0]
    headings = [
        h
        for h in part.iter(*HEADINGS)
        if h is not own.headline
        and index.place(h) > index.end(first)
        and not any(index.is_within(h, body) for body in bodies)
    ]
    fence = min(map(index.place, headings), default=None)
    for body in bodies[1:]:
        if not index.is_within(body, first) and fence is not None and index.place(body) > fence:
            yield body


def _has_text_outside(part: Element, inner: list[Element]) -> bool:
    within = {paragraph for element in inner for paragraph in element.iter("p")}
    return any(p not in within and text_length(p) >= _LEAST_OWN_TEXT for p in part.iter("p"))


def text_length(element: Element) -> int:
    """Characters of the text in `element`, white space and all."""
    return int(cast("float", _LENGTH(element)))


def _has_text(element: Element, least: int = _LEAST_TEXT) -> bool:
    """Whether the paragraphs in `element` have at least `least` characters."""
    length = 0
    for paragraph in element.iter("p", "li", "blockquote"):
        length += text_length(paragraph)
        if length >= least:
            return True
    return False


def _data_headline(element: Element) -> str | None:
    found = cast("list[str]", _DATA_HEADLINE(element))
    return found[0] if found else None


def _post_ids(element: Element) -> set[str]:
    values = [element.get("class"), element.get("id"), element.get("data-id"), element.get("elid")]
    ids = {match for value in values if value for match in _POST_ID.findall(value)}
    return ids | {value for value in values[2:] if value}
