"""CSS selectors over one page, answered from an index of its classes.

Profiles ask some thirty selectors of every page, nearly all for a class, or for an element
by name. Looking those up is several times faster than as many XPath walks of the tree. What
the index can not answer goes to lxml's own translation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast

from cssselect import parser
from lxml.cssselect import CSSSelector
from lxml.etree import _Element as Element

_ATTRIBUTE_TESTS: dict[str, Callable[[str, str], bool]] = {
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

    @cached_property
    def is_plain(self) -> bool:
        """Whether one class, or the name alone, says it all."""
        parts = len(self.classes) + (self.tag is not None)
        return parts == 1 and not self.attributes and not self.excluded

    def fits(self, element: Element) -> bool:
        if self.tag is not None and element.tag != self.tag:
            return False
        if self.classes:
            names = _tokens(element.get("class") or "")
            if not all(name in names for name in self.classes):
                return False
        for name, operator, wanted in self.attributes:
            value = element.get(name)
            if value is None or (operator and not _ATTRIBUTE_TESTS[operator](value, wanted)):
                return False
        return not any(other.fits(element) for other in self.excluded)


class Index:
    """The elements of one page by class, in document order; keeps the tree's elements alive."""

    def __init__(self, root: Element) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = {element: place for place, element in enumerate(self._elements)}
        self._ends: dict[Element, int] = {}
        self._by_class: dict[str, list[int]] = {}
        for place, element in enumerate(self._elements):
            if names := element.get("class"):
                for name in _tokens(names):
                    self._by_class.setdefault(name, []).append(place)

    def select(self, scope: Element, selector: str) -> list[Element]:
        """What `selector` matches in `scope`, itself included, in document order.

        Raises:
            cssselect.SelectorError: it is not a CSS selector.
        """
        chain = _parsed(selector)
        if chain is None:
            return select(scope, selector)
        wanted = chain[0]
        if wanted.classes and wanted.classes[0] not in self._by_class:
            return []
        found = self._likely(scope, wanted)
        if not wanted.is_plain:
            found = [element for element in found if wanted.fits(element)]
        if len(chain) > 1:
            found = [element for element in found if _is_inside(element, chain[1:], scope)]
        return found

    def select_all(
        self, scopes: Iterable[Element], selectors: Iterable[str]
    ) -> Iterator[tuple[str, Element]]:
        """Every match with its selector: by preference of the selectors, then in document order."""
        scopes = list(scopes)
        for selector in selectors:
            for scope in scopes:
                for element in self.select(scope, selector):
                    yield selector, element

    def fits(self, element: Element, selectors: Iterable[str]) -> bool:
        """Whether one of `selectors` matches `element`, wherever on the page it stands."""
        for selector in selectors:
            chain = _parsed(selector)
            if chain is None:
                if element in select(self._elements[0], selector):
                    return True
            elif chain[0].fits(element) and (
                len(chain) == 1 or _is_inside(element, chain[1:], self._elements[0])
            ):
                return True
        return False

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

    def _likely(self, scope: Element, wanted: _Compound) -> list[Element]:
        """What has the first of the wanted classes, or else the wanted name, in `scope`."""
        if not wanted.classes:
            return list(scope.iter(wanted.tag))
        places = self._by_class[wanted.classes[0]]
        first, last = self._places[scope], self.end(scope)
        if places[-1] < first or places[0] > last:
            return []
        start = bisect_left(places, first)
        return [
            self._elements[place] for place in places[start : bisect_right(places, last, start)]
        ]


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
    chain: list[_Compound] = []
    tree: parser.Tree = found[0].parsed_tree
    while isinstance(tree, parser.CombinedSelector):
        compound = _compound(tree.subselector) if tree.combinator == " " else None
        if compound is None:
            return None
        chain.append(compound)
        tree = tree.selector
    compound = _compound(tree)
    if compound is None:
        return None
    chain.append(compound)
    return tuple(chain) if chain[0].classes or chain[0].tag else None


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
            if operator and operator not in _ATTRIBUTE_TESTS:
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


def _is_inside(element: Element, around: tuple[_Compound, ...], scope: Element) -> bool:
    """Whether the ancestors of `element` within `scope` fit `around`, from the inside out."""
    waiting = iter(around)
    wanted = next(waiting)
    node: Element | None = element
    while node is not None and node is not scope:
        node = node.getparent()
        if node is not None and wanted.fits(node):
            following = next(waiting, None)
            if following is None:
                return True
            wanted = following
    return False
