"""CSS selectors over one page, answered from the shapes of its elements.

Profiles ask some thirty selectors of every page, nearly all for a class. What an element can be is
told by its tag and its class attribute, which are the same on every page of a site: each shape is
looked at once for all selectors, and the answer is kept. That is several times faster than as many
XPath walks of the tree. The other selectors go to lxml's own translation.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
_MOST_SHAPES = 8192  # that are kept for a profile


@dataclass(frozen=True, eq=False)
class _Form:
    """What the shape of an element must be: its tag, and what the class attribute holds."""

    tag: str
    names: tuple[tuple[_Holds, str], ...]

    @property
    def is_any(self) -> bool:
        """Whether it is every shape."""
        return not (self.tag or self.names)

    def fits(self, shape: _Shape) -> bool:
        """Whether elements of that shape can be such."""
        tag, names = shape
        if self.tag and tag != self.tag:
            return False
        return not self.names or (
            names is not None and all(holds(names, wanted) for holds, wanted in self.names)
        )


_form = lru_cache(maxsize=1024)(_Form)  # the same one for all selectors that ask for it


@dataclass(frozen=True, eq=False)
class _Compound:
    """What one element must be: `article.page-article:not(.image-article)`.

    `attributes` are (name, operator, value), without those of the class attribute.
    """

    form: _Form
    attributes: tuple[tuple[str, _Holds, str], ...] = ()
    excluded: tuple[_Compound, ...] = ()

    def among(self, found: list[Element]) -> list[Element]:
        """Those of the elements, whose shapes fit, that are such."""
        for name, holds, wanted in self.attributes:
            found = [
                element
                for element in found
                if (value := element.get(name)) is not None and holds(value, wanted)
            ]
        for other in self.excluded:
            fitting = [e for e in found if other.form.fits((e.tag, e.get("class")))]
            others = set(other.among(fitting))
            found = [element for element in found if element not in others]
        return found


class _Sheet(dict[_Shape, tuple[_Form, ...]]):
    """Of selectors, the forms that elements of a shape have; kept from page to page."""

    def __init__(self, selectors: Iterable[str]) -> None:
        self.parsed = {selector: _parsed(selector) for selector in selectors}
        forms = {each.form for compounds in self.parsed.values() for each in compounds}
        self._forms = [form for form in forms if not form.is_any]

    def __missing__(self, shape: _Shape) -> tuple[_Form, ...]:
        if len(self) >= _MOST_SHAPES:
            self.clear()
        found = self[shape] = tuple(form for form in self._forms if form.fits(shape))
        return found

    def places(self, shapes: list[_Shape]) -> _Places:
        """Where among the shapes each form is."""
        found = defaultdict(list)
        for place, forms in enumerate(map(self.__getitem__, shapes)):
            for form in forms:
                found[form].append(place)
        return found


_Places = dict[_Form, list[int]]
_sheet = lru_cache(maxsize=64)(_Sheet)


class Index:
    """The elements of one page in document order; keeps the tree's elements alive.

    `selectors` are those that are asked of every page of the site.
    """

    def __init__(self, root: Element, selectors: tuple[str, ...] = ()) -> None:
        self._elements: list[Element] = list(root.iter())
        self._places = dict(zip(self._elements, range(len(self._elements)), strict=True))
        self._ends: dict[Element, int] = {}
        self._found: dict[str, list[int]] = {}
        self._shapes: list[_Shape] = [(each.tag, each.get("class")) for each in self._elements]
        self._sheet = _sheet(selectors)
        self._forms = self._sheet.places(self._shapes)

    @property
    def root(self) -> Element:
        """The element that holds all others."""
        return self._elements[0]

    def select(self, scope: Element, selector: str) -> list[Element]:
        """What `selector` matches in `scope`, itself included, in document order.

        Raises:
            cssselect.SelectorError: it is not a CSS selector.
        """
        return self.between(self._places[scope], self.end(scope), selector)

    def between(self, first: int, last: int, selector: str) -> list[Element]:
        """What `selector` matches from one place to another, the last included."""
        elements, places = self._elements, self._found.get(selector)
        if places is None:
            compounds, forms = self._parsed(selector)
            if len(compounds) == 1 and not compounds[0].form.is_any:
                fitting = _slice(forms.get(compounds[0].form, ()), first, last)
                return compounds[0].among([elements[place] for place in fitting])
            places = self._found[selector] = self._find(selector, compounds, forms)
        return [elements[place] for place in _slice(places, first, last)]

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

    def _parsed(self, selector: str) -> tuple[tuple[_Compound, ...], _Places]:
        """The compounds of a selector, and where on the page shapes fit them."""
        compounds = self._sheet.parsed.get(selector)
        if compounds is not None:
            return compounds, self._forms
        sheet = _sheet((selector,))
        return sheet.parsed[selector], sheet.places(self._shapes)

    def _find(self, selector: str, compounds: tuple[_Compound, ...], forms: _Places) -> list[int]:
        """The places of all that `selector` matches on the page."""
        if not compounds:
            return [self._places[element] for element in select(self.root, selector)]
        if any(each.form not in forms and not each.form.is_any for each in compounds):
            return []
        places = self._being(compounds[-1], forms, [])
        outer: list[int] | None = None
        for compound in compounds[:-1] if places else ():
            found = self._being(compound, forms, places)
            outer = found if outer is None else self._inside(found, outer)
        return places if outer is None else self._inside(places, outer)

    def _being(self, compound: _Compound, forms: _Places, inner: list[int]) -> list[int]:
        """The places of the elements that are such; enough of them to hold all of `inner`."""
        if not compound.form.is_any:
            places = forms[compound.form]
            if not (compound.attributes or compound.excluded):
                return places
            found = [self._elements[place] for place in places]
        elif inner:
            each = (a for place in inner for a in self._elements[place].iterancestors())
            found = list(dict.fromkeys(each))
        else:
            found = self._elements
        return sorted(self._places[element] for element in compound.among(found))

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


def _slice(places: Sequence[int], first: int, last: int) -> Sequence[int]:
    """Those of the places, which are in order, from `first` to `last`."""
    if not places or (first <= places[0] and places[-1] <= last):
        return places
    return places[bisect_left(places, first) : bisect_right(places, last)]


def select(scope: Element, selector: str) -> list[Element]:
    """What `selector` matches in `scope`, itself included, in document order; without an index.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return cast("list[Element]", _as_xpath(selector)(scope))


@lru_cache(maxsize=1024)
def _as_xpath(selector: str) -> CSSSelector:
    return CSSSelector(selector, translator="html")


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
    names: list[tuple[_Holds, str]] = []
    attributes: list[tuple[str, _Holds, str]] = []
    excluded: list[_Compound] = []
    while not isinstance(tree, parser.Element):
        if isinstance(tree, parser.Class):
            names.append((_OPERATORS["~="], tree.class_name))
        elif isinstance(tree, parser.Hash):
            attributes.append(("id", _OPERATORS["="], tree.id))
        elif isinstance(tree, parser.Attrib) and tree.namespace is None:
            if tree.operator not in _OPERATORS:
                return None
            value = tree.value.value or "" if tree.value is not None else ""
            if not value and tree.operator in ("*=", "^=", "$="):  # nothing is such
                return None
            if tree.attrib.lower() == "class":
                names.append((_OPERATORS[tree.operator], value))
            else:
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
    form = _form((tree.element or "").lower(), tuple(names))
    return _Compound(form, tuple(attributes), tuple(excluded))
