"""Where in the own container the body is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import cast

from lxml import etree, html
from lxml.etree import _Element as Element

from rscrawler.extraction.body import Paragraph, paragraphs_of
from rscrawler.extraction.container import Own
from rscrawler.extraction.text import words
from rscrawler.extraction.tree import text_length
from rscrawler.sites import Markup

_LEAST_PROSE = 60  # characters from which a paragraph is running text and no list of links
_LEAST_BODY = 300  # characters; with less, a later selector that finds three times as much wins
_MOST = 0.8  # of the text that trafilatura confirms must be in the element taken for the body


def body_paragraphs(
    own: Own, selectors: list[str], furniture: set[Element]
) -> tuple[list[Paragraph], str, list[Element]]:
    """The paragraphs of the own article, what found them, and widgets that may be none.

    Args:
        own: the own article, after other articles were cut from it.
        selectors: the profile's for the body, best first. Where none finds text, trafilatura
            says which part of the container is text, and that part is read whole.
        furniture: elements to leave out.
    """
    best: list[Paragraph] = []
    origin = ""
    doubtful: list[Element] = []
    for selector in selectors:
        if _length(best) >= _LEAST_BODY:
            break
        found = max(
            (_held_by(part, selector, own, furniture, doubtful) for part in own.parts),
            key=_length,
            default=[],
        )
        if _length(found) > 3 * _length(best):
            best, origin = found, f"profile: {selector}"
    if best:
        return best, origin, doubtful
    root = max(own.parts, key=lambda part: _length(paragraphs_of(part, furniture)))
    return _confirmed(root, furniture, doubtful), "trafilatura", doubtful


def _held_by(
    part: Element, selector: str, own: Own, furniture: set[Element], doubtful: list[Element]
) -> list[Paragraph]:
    holders = own.nearby.page.index.select(part, selector)
    return [
        paragraph
        for holder in holders
        if holder not in furniture and not set(holder.iterancestors()).intersection(holders)
        for paragraph in paragraphs_of(holder, furniture, doubtful)
    ]


def _confirmed(root: Element, furniture: set[Element], doubtful: list[Element]) -> list[Paragraph]:
    """The paragraphs of the smallest element with most of what trafilatura takes for text.

    Trafilatura drops subheads and short paragraphs, and keeps bylines: it tells where the text
    is, and what it is is read from there.
    """
    # A tree of its own kind: text that does not begin as a page does it takes for none.
    markup = etree.tostring(root, encoding="unicode", method="html", with_tail=False)
    page = html.document_fromstring(markup)
    text = _text_finder()(next(page.iter(root.tag), page), include_comments=False, fast=True) or ""
    lines = [set(words(line)) for line in text.splitlines()]
    found = paragraphs_of(root, furniture)
    if not lines:
        return _densest(found)
    total, lengths = 0, dict[Element, int]()
    for paragraph in found:
        own_words = set(words(paragraph.text))
        is_confirmed = any(len(own_words & line) >= _MOST * len(own_words) for line in lines)
        if not is_confirmed or paragraph.element is None:
            continue
        total += len(paragraph.text)
        for element in (paragraph.element, *paragraph.element.iterancestors()):
            lengths[element] = lengths.get(element, 0) + len(paragraph.text)
            if element is root:
                break
    holders = [element for element, length in lengths.items() if length >= _MOST * total]
    if not holders:
        return []
    depth = {element: sum(1 for _ in element.iterancestors()) for element in holders}
    return paragraphs_of(max(holders, key=depth.__getitem__), furniture, doubtful)


@lru_cache(maxsize=1)
def _text_finder() -> Callable[..., str | None]:
    """`trafilatura.extract`: slow to load and seldom needed, so only loaded when it is."""
    with warnings.catch_warnings():
        # Loading it, urllib3 warns that proxies of one kind will not work; none is used.
        warnings.simplefilter("ignore")
        from trafilatura import extract
    return cast("Callable[..., str | None]", extract)


def _densest(paragraphs: list[Paragraph]) -> list[Paragraph]:
    """The paragraphs of the element that holds most text, for pieces too short to be judged."""
    held: dict[Element | None, list[Paragraph]] = {}
    for paragraph in paragraphs:
        if paragraph.tag == "p" and paragraph.element is not None:
            held.setdefault(paragraph.element.getparent(), []).append(paragraph)
    return max(held.values(), key=_length, default=[])


def furniture_of(own: Own, markup: Markup) -> set[Element]:
    """The elements whose text is another field's, or nobody's."""
    listed = [*markup.cut, *markup.subtitle, *markup.caption, *markup.credit]
    found = {element for _, element in own.matches(listed)}
    linked = [*markup.authors, *markup.sections, *markup.published_text]
    found |= {element for _, element in own.matches(linked) if not _is_in_prose(element)}
    if own.headline is not None:
        found.add(own.headline)
    return found


def _is_in_prose(element: Element) -> bool:
    """Whether an element that looks like a byline is a few words of a running paragraph."""
    block = next(element.iterancestors("p", "li", "blockquote"), None)
    if block is None:
        return False
    return text_length(block) - text_length(element) >= _LEAST_PROSE


def running_text(paragraphs: list[Paragraph]) -> set[Element]:
    """The blocks of running text: a link in one is no byline, section or tag."""
    return {
        paragraph.element
        for paragraph in paragraphs
        if paragraph.element is not None
        and paragraph.element.tag in ("p", "li", "blockquote", "h2", "h3", "h4")
        and len(paragraph.text) * (1 - paragraph.linked_share) >= _LEAST_PROSE
    }


def _length(paragraphs: list[Paragraph]) -> int:
    return sum(len(paragraph.text) for paragraph in paragraphs)
