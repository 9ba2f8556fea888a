"""The paragraphs of an element, in reading order.

What counts as the article's own words is decided here. Left out: embeds (a quoted
tweet is somebody else's page), pull quotes (they repeat the text), captions, tables
of contents and other widgets, lines of asterisks. Kept: a biographical line that
the author ends the text with, editor's notes, tables (a row is a paragraph).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.tree import ALL_HEADINGS, text_length
from rscrawler.extraction.widgets import is_doubtful, is_widget
from rscrawler.text import clean


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_SKIPPED = _words("""
    script style noscript template form button input select textarea iframe object embed
    video audio svg canvas nav aside figure figcaption picture img footer header dialog
    map
""")
_BLOCKS = _words("""
    p div section article main li ul ol dl dt dd h1 h2 h3 h4 h5 h6 blockquote pre tr table
    thead tbody tfoot caption address details summary hr center fieldset header footer
""")
_INLINE = _words("""
    a abbr b cite em font i mark q s small span strong sub sup u
""")
_CELLS = frozenset({"td", "th"})
_UNSEEN_CLASS = re.compile(
    r"(?:^|\s)(?:sr-only|visually-hidden|screen-reader-text|skip-link)(?:$|\s)"
)
_SMALL_PRINT = _words("small em i span")
_PICTURES = _words("img picture video iframe")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_LINE_BREAK = "\v"  # white space that no page can hold
_SEPARATOR = re.compile(r"[\s*•·.…_=~#–—-]*$")


@dataclass
class Paragraph:
    """One paragraph of the body, and what tells whether it is the article's own.

    `links` are pairs of an address as printed and the linked text. `lines` are what single line
    breaks divide; empty if there is none.
    """

    text: str
    tag: str = "p"
    element: Element | None = None
    links: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def is_heading(self) -> bool:
        """Whether it heads what follows."""
        return self.tag in ALL_HEADINGS

    @property
    def linked_share(self) -> float:
        """How much of the text is linked, 0 … 1."""
        linked = sum(len(clean(text)) for _, text in self.links)
        return min(1.0, linked / len(self.text)) if self.text else 0.0


def paragraphs_of(
    root: Element, skipped: set[Element], doubtful: list[Element] | None = None
) -> list[Paragraph]:
    """The paragraphs in `root`, in reading order.

    A paragraph ends with its block or at two line breaks. Elements in `skipped`, scripts,
    forms, figures, embeds, hidden elements and widgets are left out, with all in them. Widgets
    that hold so much prose that they might be none are added to `doubtful`.
    """
    reader = _Reader()
    walk = etree.iterwalk(root, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        if event == "start":
            if element is not root and (element in skipped or _is_left_out(element, root)):
                walk.skip_subtree()
                reader.skipped.add(element)
                if doubtful is not None and element not in skipped and is_doubtful(element):
                    doubtful.append(element)
                if element.tag in _BLOCKS or element.tag in ("figure", "aside", "form"):
                    reader.flush()
                continue
            reader.start(element)
        elif event == "end":
            if element not in reader.skipped:
                reader.end(element)
            if element is not root:
                reader.text(element.tail)
        elif element is not root:
            reader.text(element.tail)
    reader.flush()
    return reader.paragraphs


class _Reader:
    """Collects text into paragraphs while the tree is walked."""

    def __init__(self) -> None:
        self.paragraphs: list[Paragraph] = []
        self.skipped: set[Element] = set()
        self._pieces: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._blocks: list[Element] = []
        self._link_start: tuple[str, int] | None = None
        self._breaks = 0

    def start(self, element: Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self.flush()
            self._blocks.append(element)
        elif tag == "br":
            self._breaks += 1
            if self._breaks >= 2:
                self.flush()
            else:
                self._pieces.append(_LINE_BREAK)
        elif tag in _CELLS and any(piece.strip() for piece in self._pieces):
            self._pieces.append(" | ")
        elif tag == "a":
            self._link_start = (element.get("href") or "", len(self._pieces))
        self.text(element.text)

    def end(self, element: Element) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            self.flush()
            if self._blocks:
                self._blocks.pop()
        elif tag == "a" and self._link_start is not None:
            href, start = self._link_start
            self._links.append((href, "".join(self._pieces[start:])))
            self._link_start = None

    def text(self, text: str | None) -> None:
        if text:
            if self._breaks and text.strip():
                self._breaks = 0
            self._pieces.append(text)

    def flush(self) -> None:
        self._breaks = 0
        printed = "".join(self._pieces)
        text = clean(printed)
        if self._link_start is not None:
            href, start = self._link_start
            self._links.append((href, "".join(self._pieces[start:])))
            self._link_start = (href, 0)
        if text and not _SEPARATOR.match(text):
            block = self._blocks[-1] if self._blocks else None
            tag = str(block.tag) if block is not None else "p"
            lines = printed.split(_LINE_BREAK) if _LINE_BREAK in printed else []
            lines = [line for piece in lines if (line := clean(piece))]
            self.paragraphs.append(Paragraph(text, tag, block, self._links, lines))
        self._pieces, self._links = [], []


def _is_left_out(element: Element, root: Element) -> bool:
    tag = element.tag
    if tag in _SKIPPED:
        return not (tag == "figure" and _is_table(element)) and not (
            tag in ("header", "footer") and text_length(element) > 600
        )
    if tag in _SMALL_PRINT and _is_caption(element):
        return True
    attributes = element.attrib
    if not attributes:
        return False
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    if style and _HIDDEN.search(style):
        return True
    if tag in _INLINE:
        return bool(_UNSEEN_CLASS.search(attributes.get("class") or ""))
    return is_widget(element) and not _holds_most(element, root)


def _holds_most(element: Element, root: Element) -> bool:
    """Whether `element` is a wrapper of the text, whatever its class says."""
    if element.tag in ("p", "blockquote", "li", "a", "span"):
        return False
    within = sum(text_length(p) for p in element.iter("p"))
    return within > 0.6 * max(1, sum(text_length(p) for p in root.iter("p")))


def _is_caption(small: Element) -> bool:
    """Whether small print stands under a picture, with nothing else in their block."""
    block = small.getparent()
    if block is None or not any(child.tag in _PICTURES for child in block.iter()):
        return False
    beside = [block.text, *(child.tail for child in block)]
    return not any(text and text.strip() for text in beside) and all(
        child.tag in _SMALL_PRINT or child.tag in _PICTURES or child.tag in ("br", "a", "div")
        for child in block
    )


def _is_table(figure: Element) -> bool:
    return next(figure.iter("table"), None) is not None
