"""Matches CSS selectors on one page, by the shapes of its elements.

A profile has some thirty selectors, nearly all with a class. The shape of an element is its tag and
its class attribute, and all pages of a site have the same shapes. So each shape is tested once
against all selectors, and the result is cached. That is several times faster than an XPath query
for each selector. Selectors that shapes cannot answer are translated to XPath.
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
_Shape = tuple[str, str | None]  # an element's tag and its class attribute
_OPERATORS: dict[str, _Holds] = {
    "exists": str.startswith,  # every value starts with ""
    "=": str.__eq__,
    "~=": lambda value, wanted: wanted in value.split(),
    "*=": contains,
    "^=": str.startswith,
    "$=": str.endswith,
}
_MOST_SHAPES = 2048  # cached for a profile
Span = tuple[int, int]  # the places of the first and the last node of a part of the page


@dataclass(frozen=True, eq=False)
class _Compound:
    """The conditions on one element: `article.page-article:not(.image-article)`.

    `names` are (operator, value) for its class attribute, `attributes` (name, operator, value) for
    others; `excluded` are the arguments of `:not()`.
    """

    tag: str
    names: tuple[tuple[_Holds, str], ...]
    attributes: tuple[tuple[str, _Holds, str], ...]
    excluded: tuple[_Compound, ...]

    @property
    def has_shape(self) -> bool:
        """Whether it asks for a tag or a class, so that not every shape fits."""
        return bool(self.tag or self.names)

    @property
    def mark(self) -> str:
        """A class or else the tag that every matching element has; empty if there is none."""
        classes = (name for holds, name in self.names if holds is _OPERATORS["~="])
        return next(classes, self.tag)

    def fits(self, shape: _Shape) -> bool:
        """Whether elements of that shape can match."""
        tag, names = shape
        if self.tag and tag != self.tag:
            return False
        return not self.names or (
            names is not None and all(holds(names, wanted) for holds, wanted in self.names)
        )

    def among(self, found: list[Element]) -> list[Element]:
        """The matching ones of the elements, all of which have fitting shapes."""
        for name, holds, wanted in self.attributes:
            found = [
                e for e in found if (value := e.get(name)) is not None and holds(value, wanted)
            ]
        for other in self.excluded:
            others = set(other.among([e for e in found if other.fits((e.tag, e.get("class")))]))
            found = [element for element in found if element not in others]
        return found


class _Sheet(dict[_Shape, tuple[_Compound, ...]]):
    """Maps a shape to the compounds of some selectors that it fits; cached for all pages."""

    def __init__(self, selectors: Iterable[str]) -> None:
        self.parsed = {selector: _parsed(selector) for selector in selectors}
        self._marked: defaultdict[str, list[_Compound]] = defaultdict(list)
        for compound in (each for compounds in self.parsed.values() for each in compounds):
            if compound.has_shape:
                self._marked[compound.mark].append(compound)

    def __missing__(self, shape: _Shape) -> tuple[_Compound, ...]:
        if len(self) >= _MOST_SHAPES:
            self.clear()
        tag, names = shape
        marks = dict.fromkeys(("", tag, *(names or "").split()))
        each = (each for mark in marks if mark in self._marked for each in self._marked[mark])
        found = self[shape] = tuple(compound for compound in each if compound.fits(shape))
        return found


_sheet = lru_cache(maxsize=64)(_Sheet)


class Index:
    """The elements of one page in document order; keeps the tree's elements alive.

    `selectors` are those used on every page of the site; XPath answers others.
    """

    def __init__(self, root: Element, selectors: tuple[str, ...] = ()) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = dict(zip(self._elements, range(len(self._elements)), strict=True))
        self._ends: dict[Element, int] = {}
        self._found: dict[str, list[int]] = {}
        self._sheet = _sheet(selectors)
        self._fitting: defaultdict[_Compound, list[int]] = defaultdict(list)
        # A name in bytes need not be encoded for each element.
        shapes = [(each.tag, each.get(b"class")) for each in self._elements]
        for place, compounds in enumerate(map(self._sheet.__getitem__, shapes)):
            for compound in compounds:
                self._fitting[compound].append(place)

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
        elements, places = self._elements, self._found.get(selector)
        if places is None:
            compounds = self._sheet.parsed.get(selector, ())
            if len(compounds) == 1:
                within = _slice(self._fitting.get(compounds[0], ()), first, last)
                return compounds[0].among([elements[place] for place in within])
            places = self._found[selector] = self._find(selector, compounds)
        return [elements[place] for place in _slice(places, first, last)]

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

    def span(self, element: Element) -> Span:
        """The place of `element`, and that of the last node in it."""
        return self._places[element], self.end(element)

    def is_within(self, inner: Element, outer: Element) -> bool:
        """Whether `inner` is `outer` or lies in it."""
        return self._places[outer] <= self._places[inner] <= self.end(outer)

    def _find(self, selector: str, compounds: tuple[_Compound, ...]) -> list[int]:
        """The places of all matches of `selector` on the page."""
        if not compounds:
            return [self._places[element] for element in select(self.root, selector)]
        innermost, around = self._matching(compounds[-1], []), [(0, len(self._elements))]
        for compound in compounds[:-1]:
            places = [p for p in self._matching(compound, innermost) if covers(around, p)]
            around = outer_spans((p + 1, self.end(self._elements[p])) for p in places)
        return [place for place in innermost if covers(around, place)]

    def _matching(self, compound: _Compound, inner: list[int]) -> list[int]:
        """The places of the elements that match; at least of those that hold some of `inner`."""
        places = self._fitting.get(compound, [])
        if not compound.has_shape:
            around = with_ancestors(self._elements[place] for place in inner)
            places = sorted(map(self._places.__getitem__, around if inner else self._elements))
        if not (compound.attributes or compound.excluded):
            return places
        return [self._places[e] for e in compound.among([self._elements[p] for p in places])]


def with_ancestors(elements: Iterable[Element]) -> set[Element]:
    """The elements and all their ancestors."""
    return {each for element in elements for each in (element, *element.iterancestors())}


def outer_spans(spans: Iterable[Span]) -> list[Span]:
    """The spans, sorted, without those inside another."""
    outer: list[Span] = []
    for first, last in sorted(spans):
        if not outer or first > outer[-1][1]:
            outer.append((first, last))
    return outer


def covers(spans: list[Span], place: int) -> bool:
    """Whether the place is in one of the spans, which are sorted and disjoint."""
    number = bisect_right(spans, place, key=itemgetter(0))
    return number > 0 and place <= spans[number - 1][1]


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
    is_answered = len(parts) == len(compounds) and (len(parts) > 1 or parts[0].has_shape)
    return tuple(reversed(parts)) if is_answered else ()


def _compound(tree: parser.Tree) -> _Compound | None:
    conditions: list[tuple[str, _Holds, str]] = []
    excluded: list[_Compound] = []
    while not isinstance(tree, parser.Element):
        if isinstance(tree, parser.Class):
            conditions.append(("class", _OPERATORS["~="], tree.class_name))
        elif isinstance(tree, parser.Hash):
            conditions.append(("id", _OPERATORS["="], tree.id))
        elif isinstance(tree, parser.Attrib) and tree.namespace is None:
            value = tree.value.value or "" if tree.value is not None else ""
            matches_nothing = not value and tree.operator in ("*=", "^=", "$=")
            if tree.operator not in _OPERATORS or tree.flag or matches_nothing:
                return None
            conditions.append((tree.attrib.lower(), _OPERATORS[tree.operator], value))
        elif isinstance(tree, parser.Negation) and (other := _compound(tree.subselector)):
            excluded.append(other)
        else:
            return None
        tree = tree.selector
    if tree.namespace is not None:
        return None
    names = tuple(each[1:] for each in conditions if each[0] == "class")
    others = tuple(each for each in conditions if each[0] != "class")
    return _Compound((tree.element or "").lower(), names, others, tuple(excluded))
