"""Small questions about places in a tree."""

from __future__ import annotations

from typing import cast

from lxml import etree
from lxml.etree import _Element as Element

_LENGTH = etree.XPath("string-length()")
HEADINGS = ("h1", "h2", "h3", "h4")
ALL_HEADINGS = (*HEADINGS, "h5", "h6")
LEAST_TEXT = 200  # characters of paragraphs from which an element can be an article's text
LEAST_TEASER = 40  # characters of text that a card has beside its headline


def is_within(inner: Element, outer: Element) -> bool:
    """Whether `inner` is `outer` or lies in it."""
    return inner is outer or any(ancestor is outer for ancestor in inner.iterancestors())


def is_behind(element: Element, other: Element) -> bool:
    """Whether `element` comes after `other` in the document."""
    chain = [other, *other.iterancestors()]
    inner = element
    for ancestor in element.iterancestors():
        if ancestor in chain:
            index = chain.index(ancestor)
            return index > 0 and ancestor.index(inner) > ancestor.index(chain[index - 1])
        inner = ancestor
    return False


def text_length(element: Element) -> int:
    """Characters of the text in `element`, white space and all."""
    return int(cast("float", _LENGTH(element)))


def has_text(element: Element, least: int = LEAST_TEXT) -> bool:
    """Whether the paragraphs in `element` have at least `least` characters."""
    length = 0
    for paragraph in element.iter("p", "li", "blockquote"):
        length += text_length(paragraph)
        if length >= least:
            return True
    return False


def remove(element: Element) -> None:
    """Take `element` and all below it out of its tree; the text behind it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
