"""CSS selectors, compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from lxml.cssselect import CSSSelector
from lxml.html import HtmlElement


@lru_cache(maxsize=1024)
def compiled(selector: str) -> CSSSelector:
    """`selector` as an XPath over an element and all below it.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return CSSSelector(selector, translator="html")


def is_specific(selector: str) -> bool:
    """Whether `selector` asks for more than the name of an element."""
    return not selector.isalnum()


def select(scope: HtmlElement, selector: str) -> list[HtmlElement]:
    """What `selector` matches in `scope`, itself included, in document order."""
    return cast("list[HtmlElement]", compiled(selector)(scope))


def select_all(
    scopes: Iterable[HtmlElement], selectors: Iterable[str]
) -> Iterator[tuple[str, HtmlElement]]:
    """Every match with its selector: by preference of the selectors, then in document order."""
    scopes = list(scopes)
    for selector in selectors:
        for scope in scopes:
            for element in select(scope, selector):
                yield selector, element
