"""CSS selectors over one page, answered from an index of its classes.

Profiles ask some thirty selectors of every page, nearly all for a class, or for an element
by name. Looking those up is several times faster than as many XPath walks of the tree. What
the index can not answer goes to lxml's own translation.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import cast

from cssselect import parser
from lxml.cssselect import CSSSelector
from lxml.etree import XPath
from lxml.etree import _Element as Element

_NAME = re.compile(r"[\w-]+")
_ATTRIBUTE_TESTS: dict[str, Callable[[str, str], bool]] = {
    "exists": str.startswith,
    "=": str.__eq__,
    "~=": lambda value, wanted: wanted in value.split(),
    "*=": lambda value, wanted: wanted != "" and wanted in value,
    "^=": lambda value, wanted: wanted != "" and value.startswith(wanted),
    "$=": lambda value, wanted: wanted != "" and value.endswith(wanted),
}


@dataclass(frozen=True)
class _Compound:
    """What one element must be: `article.page-article:not(.image-article)`."""

    tag: str | None
    classes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str, str], ...] = ()  # name, operator (see above), value
    excluded: tuple[_Compound, ...] = ()

    def fits(self, element: Element) -> bool:
        if self.tag is not None and element.tag != self.tag:
            return False
        if self.classes:
            names = _tokens(element.get("class") or "")
            if not all(name in names for name in self.classes):
                return False
        for name, operator, wanted in self.attributes:
            value = element.get(name)
            if value is None or not _ATTRIBUTE_TESTS[operator](value, wanted):
                return False
        return not any(other.fits(element) for other in self.excluded)


class Index:
    """The elements of one page by class, in document order; keeps the tree's elements alive."""

    def __init__(self, root: Element) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = dict(zip(self._elements, range(len(self._elements)), strict=True))
        self._ends: dict[Element, int] = {}
        self._found: dict[str, list[int]] = {}
        by_names = defaultdict[str, list[int]](list)
        for place, names in enumerate([element.get("class") for element in self._elements]):
            if names:
                by_names[names].append(place)
        self._by_class = defaultdict[str, list[list[int]]](list)
        for names, places in by_names.items():
            for name in _tokens(names):
                self._by_class[name].append(places)

    @property
    def root(self) -> Element:
        """The element that holds all others."""
        return self._elements[0]

    def select(self, scope: Element, selector: str) -> list[Element]:
        """What `selector` matches in `scope`, itself included, in document order.

        Raises:
            cssselect.SelectorError: it is not a CSS selector.
        """
        places = self._found.get(selector)
        if places is None:
            places = self._found[selector] = self._find(selector)
        elements = self._elements
        if not places or scope is elements[0]:
            return [elements[place] for place in places]
        first, last = self._places[scope], self.end(scope)
        if places[-1] < first or places[0] > last:
            return []
        return [elements[place] for place in places if first <= place <= last]

    def select_all(self, scope: Element, selectors: Iterable[str]) -> list[Element]:
        """Every match in `scope`: by preference of the selectors, then in document order."""
        return [element for selector in selectors for element in self.select(scope, selector)]

    def place(self, element: Element) -> int:
        """Where `element` stands on the page, counted in document order."""
        return self._places[element]

    def end(self, element: Element) -> int:
        """The place of the last node in `element`."""
        end = self._ends.get(element)
        if end is None:
            last = element
            while len(last):
                last = last[-1]
            end = self._ends[element] = self._places[last]
        return end

    def is_within(self, inner: Element, outer: Element) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return self._places[outer] <= self._places[inner] <= self.end(outer)

    def _find(self, selector: str) -> list[int]:
        """The places of all that `selector` matches on the page."""
        parts = _parsed(selector)
        if parts is None:
            return [self._places[element] for element in select(self.root, selector)]
        if any(name not in self._by_class for each in parts for name in each.classes):
            return []
        wanted, *around = parts
        if wanted.classes:
            places = sorted(chain.from_iterable(self._by_class[wanted.classes[0]]))
        else:
            names = tuple(name for name, _, _ in wanted.attributes)
            places = [self._places[each] for each in _having(wanted.tag, names)(self.root)]
        if wanted != _Compound(None, wanted.classes[:1]):
            places = [place for place in places if wanted.fits(self._elements[place])]
        if around:
            places = [place for place in places if _is_inside(self._elements[place], around)]
        return places


@lru_cache(maxsize=1024)
def _having(tag: str | None, attributes: tuple[str, ...]) -> Callable[[Element], list[Element]]:
    """Finds the elements of a page with that tag and those attributes."""
    tests = "".join(f"[@{name}]" for name in attributes)
    return cast(
        "Callable[[Element], list[Element]]", XPath(f"descendant-or-self::{tag or '*'}{tests}")
    )


def select(scope: Element, selector: str) -> list[Element]:
    """What `selector` matches in `scope`, itself included, in document order; without an index.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return cast("list[Element]", _as_xpath(selector)(scope))


@lru_cache(maxsize=1024)
def _as_xpath(selector: str) -> CSSSelector:
    return CSSSelector(selector, translator="html")


@lru_cache(maxsize=8192)
def _tokens(names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names.split()))


@lru_cache(maxsize=1024)
def _parsed(selector: str) -> tuple[_Compound, ...] | None:
    """A selector from its last compound outward; None if the index can not answer it."""
    found = parser.parse(selector)
    if len(found) != 1 or found[0].pseudo_element is not None:
        return None
    compounds: list[_Compound | None] = []
    tree: parser.Tree = found[0].parsed_tree
    while isinstance(tree, parser.CombinedSelector):
        compounds.append(_compound(tree.subselector) if tree.combinator == " " else None)
        tree = tree.selector
    compounds.append(_compound(tree))
    parts = [each for each in compounds if each is not None]
    return tuple(parts) if len(parts) == len(compounds) else None


def _compound(tree: parser.Tree) -> _Compound | None:
    classes: list[str] = []
    attributes: list[tuple[str, str, str]] = []
    excluded: list[_Compound] = []
    while not isinstance(tree, parser.Element):
        if isinstance(tree, parser.Class):
            classes.append(tree.class_name)
        elif isinstance(tree, parser.Hash):
            attributes.append(("id", "=", tree.id))
        elif isinstance(tree, parser.Attrib) and tree.namespace is None:
            if tree.operator not in _ATTRIBUTE_TESTS or not _NAME.fullmatch(tree.attrib):
                return None
            value = tree.value.value or "" if tree.value is not None else ""
            attributes.append((tree.attrib.lower(), tree.operator, value))
        elif isinstance(tree, parser.Negation):
            other = _compound(tree.subselector)
            if other is None:
                return None
            excluded.append(other)
        else:
            return None
        tree = tree.selector
    if tree.namespace is not None:
        return None
    tag = tree.element.lower() if tree.element else None
    return _Compound(tag, tuple(reversed(classes)), tuple(attributes), tuple(excluded))


def _is_inside(element: Element, around: Sequence[_Compound]) -> bool:
    """Whether the ancestors of `element` fit `around`, from the inside out."""
    number = 0
    for node in element.iterancestors():
        if around[number].fits(node):
            number += 1
            if number == len(around):
                return True
    return False
