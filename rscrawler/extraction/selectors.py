"""CSS selectors over one page, answered from an index of its classes.

Profiles ask some thirty selectors of every page, nearly all for a class. Looking those up is
several times faster than as many XPath walks of the tree. The others go to lxml's own translation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import contains
from typing import cast

from cssselect import parser
from lxml.cssselect import CSSSelector
from lxml.etree import _Element as Element

_Holds = Callable[[str, str], bool]
_Shape = tuple[str, str | None]  # an element's tag and its class attribute
_OPERATORS: dict[str, _Holds] = {
    "exists": str.startswith,  # with nothing
    "=": str.__eq__,
    "~=": lambda value, wanted: wanted in value.split(),
    "*=": contains,
    "^=": str.startswith,
    "$=": str.endswith,
}


@dataclass(frozen=True)
class _Compound:
    """What one element must be: `article.page-article:not(.image-article)`.

    `marks` are its classes and its tag, as `_marks` writes them.
    """

    marks: tuple[str, ...]
    attributes: tuple[tuple[str, _Holds, str], ...] = ()  # name, operator, value
    excluded: tuple[_Compound, ...] = ()

    def among(self, found: list[Element]) -> list[Element]:
        """Those of the elements, which have its marks, that are such."""
        for name, holds, wanted in self.attributes:
            found = [
                element
                for element in found
                if (value := element.get(name)) is not None and holds(value, wanted)
            ]
        for other in self.excluded:
            marked = [element for element in found if other.is_marked(_shape(element))]
            others = set(other.among(marked))
            found = [element for element in found if element not in others]
        return found

    def is_marked(self, shape: _Shape) -> bool:
        """Whether elements of that shape have its marks."""
        marks = _marks(shape)
        return all(mark in marks for mark in self.marks)


class Index:
    """The elements of one page by shape, in document order; keeps the tree's elements alive."""

    def __init__(self, root: Element) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = dict(zip(self._elements, range(len(self._elements)), strict=True))
        self._ends: dict[Element, int] = {}
        self._found: dict[str, list[int]] = {}
        self._shapes: defaultdict[_Shape, list[int]] = defaultdict(list)
        for place, element in enumerate(self._elements):
            self._shapes[element.tag, element.get("class")].append(place)
        self._marked: defaultdict[str, list[_Shape]] = defaultdict(list)
        for shape in self._shapes:
            for mark in _marks(shape):
                self._marked[mark].append(shape)

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
        within = places[bisect_left(places, first) : bisect_right(places, last)]
        return [elements[place] for place in within]

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
        compounds = _parsed(selector)
        if not compounds:
            return [self._places[element] for element in select(self.root, selector)]
        places = self._fitting(compounds[0])
        for compound in compounds[1:]:
            places = self._inside(self._fitting(compound), places) if places else places
        return places

    def _inside(self, places: list[int], outer: list[int]) -> list[int]:
        """Those of the places that lie in an element of `outer`; both are in order."""
        found: list[int] = []
        number, end = 0, -1
        for place in places:
            while number < len(outer) and outer[number] < place:
                end = max(end, self.end(self._elements[outer[number]]))
                number += 1
            if place <= end:
                found.append(place)
        return found

    def _fitting(self, wanted: _Compound) -> list[int]:
        """The places of the elements that are as wanted."""
        shapes = self._marked.get(wanted.marks[0], []) if wanted.marks else list(self._shapes)
        if len(wanted.marks) > 1:
            shapes = [shape for shape in shapes if wanted.is_marked(shape)]
        named = [each for each in wanted.attributes if each[0] == "class"]
        for _, holds, value in named:
            shapes = [s for s in shapes if s[1] is not None and holds(s[1], value)]
        places = [place for shape in shapes for place in self._shapes[shape]]
        places.sort()
        if len(named) == len(wanted.attributes) and not wanted.excluded:
            return places
        found = wanted.among([self._elements[place] for place in places])
        return [self._places[element] for element in found]


def select(scope: Element, selector: str) -> list[Element]:
    """What `selector` matches in `scope`, itself included, in document order; without an index.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return cast("list[Element]", _as_xpath(selector)(scope))


@lru_cache(maxsize=1024)
def _as_xpath(selector: str) -> CSSSelector:
    return CSSSelector(selector, translator="html")


def _shape(element: Element) -> _Shape:
    return element.tag, element.get("class")


@lru_cache(maxsize=8192)
def _marks(shape: _Shape) -> tuple[str, ...]:
    """The tag of an element and its classes, as a selector writes them."""
    tag, names = shape
    return (tag, *(f".{name}" for name in dict.fromkeys((names or "").split())))


@lru_cache(maxsize=1024)
def _parsed(selector: str) -> tuple[_Compound, ...]:
    """The compounds of a selector, the outermost first; empty if the index can not answer it."""
    found = parser.parse(selector)
    if len(found) != 1 or found[0].pseudo_element is not None:
        return ()
    compounds: list[_Compound | None] = []
    tree: parser.Tree = found[0].parsed_tree
    while isinstance(tree, parser.CombinedSelector):
        compounds.append(_compound(tree.subselector) if tree.combinator == " " else None)
        tree = tree.selector
    compounds.append(_compound(tree))
    parts = [each for each in compounds if each is not None]
    return tuple(reversed(parts)) if len(parts) == len(compounds) else ()


def _compound(tree: parser.Tree) -> _Compound | None:
    marks: list[str] = []
    attributes: list[tuple[str, _Holds, str]] = []
    excluded: list[_Compound] = []
    while not isinstance(tree, parser.Element):
        if isinstance(tree, parser.Class):
            marks.append(f".{tree.class_name}")
        elif isinstance(tree, parser.Hash):
            attributes.append(("id", _OPERATORS["="], tree.id))
        elif isinstance(tree, parser.Attrib) and tree.namespace is None:
            if tree.operator not in _OPERATORS:
                return None
            value = tree.value.value or "" if tree.value is not None else ""
            if not value and tree.operator in ("*=", "^=", "$="):  # nothing is such
                return None
            attributes.append((tree.attrib.lower(), _OPERATORS[tree.operator], value))
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
    if tree.element:
        marks.append(tree.element.lower())
    return _Compound(tuple(marks), tuple(attributes), tuple(excluded))
