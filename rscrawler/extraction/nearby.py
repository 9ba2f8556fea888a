"""What stands around the own container and is still the own article's.

A layout may print tags, a credit, the byline or the headline beside the container, in the
same wrapper or behind it. They are looked for outward from the container, level by level, up
to the first block of another article. Forward, all up to that block counts. Backward, a level
on which another article stands before is left out whole, since what lies between may be that
article's end as well as the own one's beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from lxml.etree import _Element as Element

from rscrawler.extraction.selectors import is_specific
from rscrawler.extraction.structured import AGREEMENT
from rscrawler.extraction.surroundings import Surroundings, links_elsewhere
from rscrawler.extraction.text import text_of
from rscrawler.extraction.tree import HEADINGS

_OUTERMOST = frozenset({"main", "body", "html"})
_CLOSED = frozenset({"nav", "aside", "form", "script", "style", "noscript", "template"})
_PAGE_ENDS = frozenset({"header", "footer"})
# Closed blocks that are nobody's fields, whatever links they hold.
_WIDGET = re.compile(
    r"(?:^|[\s_-])(?:newsletters?|subscri\w+|sign-?up|donat\w+|related|recommend\w*|latest"
    r"|trending|popular|most-?read|up-?next|side-?bar|(?:author-?)?bio(?:graph(?:y|ies))?"
    r"|author-?(?:box|card)|promo\w*|advert\w*|ads?|comments?|menu|breadcrumbs?|more-?from"
    r"|around-the-web|read-?(?:more|next))(?:$|[\s_-])",
    re.IGNORECASE,
)
_TAGS_LABEL = re.compile(r"^\W*(?:tags?|topics?|filed under|tagged(?: with)?|sections?)\W*$", re.I)
_LEAST_HEADLINE = 4  # words from which a link to another article is a headline
_DEEPEST = 40  # levels into which a block beside the container is looked


@dataclass(frozen=True)
class Nearby:
    """The blocks around `parts`, found when first asked for.

    `wants_body`: the parts hold no text, so a body beside them is theirs. `excluded`: blocks
    that have become parts themselves.
    """

    parts: tuple[Element, ...]
    page: Surroundings
    wants_body: bool = False
    excluded: frozenset[Element] = frozenset()

    @cached_property
    def before(self) -> tuple[Element, ...]:
        """The own blocks before the first part, in reading order."""
        found: list[Element] = []
        for siblings in _levels(self.parts[0], preceding=True):
            level: list[Element] = []
            if not all(self._take(sibling, level, preceding=True) for sibling in siblings):
                break
            found += level
        return tuple(reversed(found))

    @cached_property
    def after(self) -> tuple[Element, ...]:
        """The own blocks behind the last part, in reading order."""
        found: list[Element] = []
        for siblings in _levels(self.parts[-1], preceding=False):
            if not all(self._take(sibling, found, preceding=False) for sibling in siblings):
                break
        return tuple(found)

    def matches(self, selector: str, *, only_behind: bool = False) -> list[Element]:
        """What a selector matches nearby, if it names a class or attribute: a tag says too little.

        Args:
            selector: a CSS selector.
            only_behind: leave out what stands before the parts.
        """
        if not is_specific(selector):
            return []
        blocks = self.after if only_behind else (*self.before, *self.after)
        return [
            element
            for block in blocks
            if block not in self.excluded
            for element in self.page.index.select(block, selector)
        ]

    def _take(
        self, element: Element, found: list[Element], *, preceding: bool, depth: int = 0
    ) -> bool:
        """Add what is own in a block to `found`; whether the stretch goes on behind it."""
        if not isinstance(element.tag, str) or _is_closed(element):
            return True
        if self._is_fence(element):
            return False
        if self.wants_body and element in self.bodies:
            found.append(element)
            return True
        is_mixed = False
        for inner in self._seen(element):
            if self._is_shut(inner):
                is_mixed = True
            elif self._is_loose_fence(inner, preceding=preceding):
                return False
        if not is_mixed:
            found.append(element)
            return True
        if depth >= _DEEPEST:
            return False
        children = reversed(element) if preceding else iter(element)
        return all(
            self._take(child, found, preceding=preceding, depth=depth + 1) for child in children
        )

    def _seen(self, element: Element) -> Iterator[Element]:
        """What is in a block, but nothing inside fences, bodies and closed blocks."""
        stack = [element]
        while stack:
            inner = stack.pop()
            if not isinstance(inner.tag, str):
                continue
            yield inner
            if not self._is_shut(inner):
                stack.extend(reversed(inner))

    @cached_property
    def bodies(self) -> set[Element]:
        """The bodies that may be own ones, wherever they stand on the page."""
        if not self.wants_body:
            return set()
        root = self.parts[0].getroottree().getroot()
        found = self.page.index.select_all([root], self.page.profile.markup.body)
        return {element for _, element in found}

    def _is_shut(self, element: Element) -> bool:
        """Whether a block is not looked into: a fence, a closed block, or a body taken whole."""
        return self._is_fence(element) or element in self.bodies or _is_closed(element)

    def _is_fence(self, element: Element) -> bool:
        """Whether an element is another article, or its body, by its name or class."""
        markup = self.page.profile.markup
        return element.tag == "article" or self.page.index.fits(
            element, markup.foreign if self.wants_body else (*markup.foreign, *markup.body)
        )

    def _is_loose_fence(self, element: Element, *, preceding: bool) -> bool:
        """Whether an element is another article's headline, without any block that says so."""
        if element.tag == "a":
            is_foreign = self.page.is_foreign_link(element.get("href"))
            return is_foreign and len(text_of(element).split()) >= _LEAST_HEADLINE
        if element.tag not in HEADINGS:
            return False
        text = text_of(element)
        if not text or _TAGS_LABEL.match(text) or self._is_subtitle(element):
            return False
        if links_elsewhere(element, self.page):
            return True
        is_own = self.page.agrees(text) >= AGREEMENT or (preceding and element.tag == "h1")
        return not is_own

    def _is_subtitle(self, element: Element) -> bool:
        return any(self.page.index.select(element, s) for s in self.page.profile.markup.subtitle)


def _levels(element: Element, *, preceding: bool) -> Iterator[Iterator[Element]]:
    """The siblings on each level outward, from the nearest one."""
    node: Element | None = element
    while node is not None and node.tag not in _OUTERMOST:
        yield node.itersiblings(preceding=preceding)
        node = node.getparent()


def _is_closed(element: Element) -> bool:
    tag = element.tag
    if tag in _CLOSED:
        return True
    if tag in _PAGE_ENDS:
        parent = element.getparent()
        if parent is None or parent.tag == "body" or next(element.iter("nav"), None) is not None:
            return True
    return any(
        value and _names_widget(value)
        for value in (element.get("class"), element.get("id"), element.get("aria-label"))
    )


@lru_cache(maxsize=8192)
def _names_widget(value: str) -> bool:
    return _WIDGET.search(value) is not None
