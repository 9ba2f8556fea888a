"""CSS selectors over one page, answered from an index of its classes.

Profiles ask some thirty selectors of every page, nearly all for a class, or for an element
by name. Looking those up is several times faster than as many XPath walks of the tree. What
the index can not answer goes to lxml's own translation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import cast

from cssselect import parser
from lxml.cssselect import CSSSelector
from lxml.etree import _Element as Element

_ATTRIBUTE_TESTS: dict[str, Callable[[str, str], bool]] = {
    "": str.startswith,  # an attribute that must only be there
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
    classes: tuple[str, ...]
    attributes: tuple[tuple[str, str, str], ...]  # name, operator ("" if it must only be there)
    excluded: tuple[_Compound, ...]

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
        places = self._fitting(parts[0])
        if len(parts) > 1:
            places = [place for place in places if _is_inside(self._elements[place], parts[1:])]
        return places

    def _fitting(self, wanted: _Compound) -> list[int]:
        elements = self._elements
        if wanted.classes:
            found = [self._by_class[name] for name in wanted.classes]
            if len(found) == len(found[0]) == 1:
                places = found[0][0]
            else:
                each = [set(chain.from_iterable(groups)) for groups in found]
                places = sorted(each[0].intersection(*each[1:]))
            if wanted.tag is not None:
                places = [place for place in places if elements[place].tag == wanted.tag]
        else:
            places = [self._places[element] for element in self.root.iter(wanted.tag)]
        for name, operator, value in wanted.attributes:
            holds = _ATTRIBUTE_TESTS[operator]
            places = [
                place
                for place in places
                if (given := elements[place].get(name)) is not None and holds(given, value)
            ]
        for other in wanted.excluded:
            places = [place for place in places if not other.fits(elements[place])]
        return places


def is_specific(selector: str) -> bool:
    """Whether `selector` asks for more than the name of an element."""
    return not selector.isalnum()


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
    parts: list[_Compound] = []
    tree: parser.Tree = found[0].parsed_tree
    while isinstance(tree, parser.CombinedSelector):
        compound = _compound(tree.subselector) if tree.combinator == " " else None
        if compound is None:
            return None
        parts.append(compound)
        tree = tree.selector
    compound = _compound(tree)
    if compound is None:
        return None
    parts.append(compound)
    return tuple(parts)


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
            operator = "" if tree.operator == "exists" else tree.operator
            if operator not in _ATTRIBUTE_TESTS:
                return None
            value = tree.value.value or "" if tree.value is not None else ""
            attributes.append((tree.attrib.lower(), operator, value))
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


def _is_inside(element: Element, around: tuple[_Compound, ...]) -> bool:
    """Whether the ancestors of `element` fit `around`, from the inside out."""
    waiting = iter(around)
    wanted = next(waiting)
    for node in element.iterancestors():
        if wanted.fits(node):
            following = next(waiting, None)
            if following is None:
                return True
            wanted = following
    return False
