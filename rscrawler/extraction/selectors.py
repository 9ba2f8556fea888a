"""Matches CSS selectors on one page, with an index of its elements by tag and class.

A profile has some thirty selectors, nearly all with a class. The index finds their few candidates
several times faster than an XPath query. Selectors that it cannot answer are translated to XPath.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import contains, itemgetter
from typing import cast

from cssselect import parser
from lxml.etree import _Element as Element

from rscrawler.sites import xpath_of

_Holds = Callable[[str, str], bool]
_OPERATORS: dict[str, _Holds] = {
    "exists": str.startswith,  # every value starts with ""
    "=": str.__eq__,
    "~=": lambda value, wanted: wanted in value.split(),
    "*=": contains,
    "^=": str.startswith,
    "$=": str.endswith,
}


@dataclass(frozen=True)
class _Compound:
    """The conditions on one element: `article.page-article:not(.image-article)`.

    `marks` are its tag and classes (`article`, `.page-article`), `attributes` (name, operator,
    value), `excluded` the arguments of `:not()`.
    """

    marks: tuple[str, ...]
    attributes: tuple[tuple[str, _Holds, str], ...]
    excluded: tuple[_Compound, ...]


class Index:
    """The elements of one page in document order; keeps the tree's elements alive."""

    def __init__(self, root: Element) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = dict(zip(self._elements, range(len(self._elements)), strict=True))
        self._ends: dict[Element, int] = {}
        self._found: dict[str, Sequence[int]] = {}
        marked: defaultdict[str, list[int]] = defaultdict(list)
        named: defaultdict[str | None, list[int]] = defaultdict(list)
        for place, element in enumerate(self._elements):
            marked[element.tag].append(place)
            named[element.get("class")].append(place)
        for names, places in named.items():
            for name in {*(names or "").split()}:
                marked[f".{name}"] += places
        self._marked = marked

    @property
    def root(self) -> Element:
        """The element that holds all others."""
        return self._elements[0]

    def select(self, scope: Element, selector: str) -> list[Element]:
        """The matches of `selector` in `scope`, itself included, in document order.

        Raises:
            cssselect.SelectorError: it is not a CSS selector.
        """
        return self.between(*self.span(scope), selector)

    def between(self, first: int, last: int, selector: str) -> list[Element]:
        """The matches of `selector` from one place to another, both included."""
        places = self._found.get(selector)
        if places is None:
            places = self._found[selector] = self._find(selector)
        return [self._elements[place] for place in _slice(places, first, last)]

    def select_all(self, scope: Element, selectors: Iterable[str]) -> list[Element]:
        """All matches in `scope`, selector by selector, each in document order."""
        return [element for selector in selectors for element in self.select(scope, selector)]

    def place(self, element: Element) -> int:
        """The place of `element`: its number in document order."""
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

    def span(self, element: Element) -> tuple[int, int]:
        """The place of `element`, and that of the last node in it."""
        return self._places[element], self.end(element)

    def is_within(self, inner: Element, outer: Element) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return self._places[outer] <= self._places[inner] <= self.end(outer)

    def _find(self, selector: str) -> Sequence[int]:
        """The places of all matches of `selector` on the page."""
        compounds = _parsed(selector)
        if not compounds:
            return [self._places[element] for element in select(self.root, selector)]
        *outer, last = compounds
        innermost, around = self._matching(last, []), [(0, len(self._elements))]
        for compound in outer:
            places = [p for p in self._matching(compound, innermost) if covers(around, p)]
            around = outer_intervals((p + 1, self.end(self._elements[p])) for p in places)
        return [p for p in innermost if covers(around, p)] if outer else innermost

    def _matching(self, compound: _Compound, inner: Sequence[int]) -> Sequence[int]:
        """The places of the elements that match; at least of those that hold some of `inner`."""
        places: Sequence[int]
        elements = self._elements
        if compound.marks:
            first, *others = (self._marked.get(mark, ()) for mark in compound.marks)
            places = sorted(set(first).intersection(*others) if others else first)
        elif inner:
            around = with_ancestors(self._elements[place] for place in inner)
            places = sorted(map(self._places.__getitem__, around))
        else:
            places = range(len(self._elements))
        for name, holds, wanted in compound.attributes:
            places = [
                place
                for place in places
                if (value := elements[place].get(name)) is not None and holds(value, wanted)
            ]
        for each in compound.excluded:
            left_out = set(self._matching(each, places))
            places = [place for place in places if place not in left_out]
        return places


def with_ancestors(elements: Iterable[Element]) -> set[Element]:
    """The elements and all their ancestors."""
    return {each for element in elements for each in (element, *element.iterancestors())}


def outer_intervals(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The intervals, sorted, without those inside another."""
    outer: list[tuple[int, int]] = []
    for interval in sorted(intervals):
        if not outer or interval[0] > outer[-1][1]:
            outer.append(interval)
    return outer


def covers(intervals: list[tuple[int, int]], place: int) -> bool:
    """Whether the place is in one of the intervals, which are sorted and disjoint."""
    number = bisect_right(intervals, place, key=itemgetter(0))
    return number > 0 and place <= intervals[number - 1][1]


def _slice(places: Sequence[int], first: int, last: int) -> Sequence[int]:
    """The part of the sorted places from `first` to `last`, both included."""
    if not places or (first <= places[0] and places[-1] <= last):
        return places
    return places[bisect_left(places, first) : bisect_right(places, last)]


def select(scope: Element, selector: str) -> list[Element]:
    """The matches of `selector` in `scope`, itself included, in document order; without an index.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return cast("list[Element]", xpath_of(selector)(scope))


@lru_cache(maxsize=1024)
def _parsed(selector: str) -> tuple[_Compound, ...]:
    """The compounds of a selector, the outermost first; empty if the index cannot answer it."""
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
    # XPath is quicker where nothing but an attribute is asked for; behind a blank it is quadratic.
    is_answered = len(parts) == len(compounds) and (len(parts) > 1 or parts[0].marks)
    return tuple(reversed(parts)) if is_answered else ()


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
            value = tree.value.value or "" if tree.value is not None else ""
            matches_nothing = not value and tree.operator in ("*=", "^=", "$=")
            if tree.operator not in _OPERATORS or tree.flag or matches_nothing:
                return None
            attributes.append((tree.attrib.lower(), _OPERATORS[tree.operator], value))
        elif isinstance(tree, parser.Negation) and (other := _compound(tree.subselector)):
            excluded.append(other)
        else:
            return None
        tree = tree.selector
    if tree.namespace is not None:
        return None
    marks += [tree.element.lower()] if tree.element else []
    return _Compound(tuple(marks), tuple(attributes), tuple(excluded))
