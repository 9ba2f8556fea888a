"""The text of elements, as a reader sees it."""

import re
from functools import lru_cache

from lxml.etree import _Element as Element

from rscrawler.text import clean

# The apostrophe comes first: a leading look-behind would be tried at each character.
_APOSTROPHE = re.compile(r"[’ʼ](?<=\w.)(?=\w)|’(?<=s.)(?=\s)")
_WORD = re.compile(r"[^\W_]+")
_UNREAD = frozenset({"script", "style", "noscript", "template"})
_PARTING = frozenset({"br", "p", "div", "li", "td", "th", "tr", "h1", "h2", "h3", "h4", "option"})


def text_of(element: Element) -> str:
    """The cleaned text in `element`; line breaks and block ends separate words."""
    if len(element) == 0:
        return clean(element.text or "")
    pieces: list[str] = []
    # An explicit stack, since broken pages nest thousands of elements.
    stack: list[Element | str] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            pieces.append(node)
            continue
        if node is not element and node.tail:
            stack.append(node.tail)
        tag = node.tag
        if not isinstance(tag, str) or tag in _UNREAD:
            continue
        if tag in _PARTING:
            stack.append(" ")
            pieces.append(" ")
        stack.extend(reversed(node))
        if node.text:
            pieces.append(node.text)
    return clean("".join(pieces))


def is_marked(element: Element, marks: frozenset[str]) -> bool:
    """Whether an element has one of the classes, or of the properties of microdata."""
    given = f"{element.get('class') or ''} {element.get('itemprop') or ''}"
    return not marks.isdisjoint(given.split())


@lru_cache(maxsize=256)  # a page's declared headlines are compared with each of its headings
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def likeness(one: str, other: str) -> float:
    """How similar two headlines are, 0 to 1: the Dice coefficient of their sets of words.

    A headline shortened for search engines or for a card still agrees with the long one.
    """
    first, second = _words(one), _words(other)
    return 2 * len(first & second) / (len(first) + len(second)) if first and second else 0.0


def straight(text: str) -> str:
    """`text` with straight apostrophes; quotation marks stay as printed."""
    if "’" not in text and "ʼ" not in text:
        return text
    return _APOSTROPHE.sub("'", text)
