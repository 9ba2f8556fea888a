"""A page as a flat list of text blocks, and the regions (block elements) that hold them.

Both come from one walk over the tree. A block ends where a block element begins or ends, or at two
line breaks. `locate` and `label` work on these values.
"""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from itertools import accumulate

from lxml import etree
from lxml.etree import _Attrib as Attributes
from lxml.etree import _Element as Element

from rscrawler.extraction.text import text_of
from rscrawler.extraction.vocabulary import region_kind
from rscrawler.text import clean

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_UNREAD = frozenset({
    "script", "style", "noscript", "template", "svg", "iframe", "head", "object", "embed", "canvas",
    "select", "button", "input", "textarea", "option", "map", "audio", "video", "dialog",
    "datalist", "math",
})  # fmt: skip
_BLOCKS = HEADINGS | {
    "html", "body", "p", "div", "li", "ul", "ol", "dl", "dt", "dd", "table", "thead", "tbody",
    "tfoot", "tr", "blockquote", "pre", "section", "article", "main", "aside", "header", "footer",
    "nav", "form", "figure", "figcaption", "hr", "center", "address", "details", "summary",
    "fieldset", "caption", "legend", "menu", "noscript",
}  # fmt: skip
# The page in a button or head, behind an open `div` or an `astro-island`; an article in noscript.
_HOLDS_TEXT = etree.XPath(
    "self::*[self::button or self::head][.//h1]"
    " | self::noscript[.//p][not(contains(translate(., 'JS', 'js'), 'javascript'))]"
)
_READ_IF_HOLDING_TEXT = frozenset({"button", "noscript", "head"})
_CELLS = frozenset({"td", "th"})
# The tags of blocks; in other elements it is "div", or a tag around it (_KEPT_BELOW).
_TEXT_TAGS = HEADINGS | {"p", "li", "blockquote", "pre", "dt", "dd", "tr", "figcaption", "summary"}
_KEPT_BELOW = {"div": HEADINGS | {"li", "blockquote", "figcaption", "dd"},
               "p": frozenset({"blockquote", "figcaption"})}  # fmt: skip
_KIND_OF_TAG = {
    "nav": "navigation", "footer": "navigation", "menu": "navigation", "aside": "sidebar",
    "form": "form", "figcaption": "caption", "noscript": "hidden",
}  # fmt: skip
# Kinds of regions whose text, links and names are not the article's.
FOREIGN_KINDS = frozenset({
    "navigation", "sidebar", "related", "comments", "advertising", "request", "form", "hidden",
    "consent",
})  # fmt: skip
_ANCHORED = frozenset({"section", "table"})  # their ids are made of their headings
_KINDS_OF_TEXT = frozenset({"caption", "about", "embed", "sharing", "advertising"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# Classes of words that only screen readers say: "opens in a new window" in a link.
_SPOKEN = re.compile(
    r"^(?!.*\bnot-sr-only)(?:.*[\s_-])?"
    r"(?:sr-only|screen-reader-text|visually-hidden|hide-text)(?:\s|$)"
)
_SENTENCE_ENDS, _CLOSING = frozenset(".!?…。！？؟:;।"), "”’\"')]»"
_SEPARATORS = " *•·.…_=~#–—-"
_BREAK = "\v"  # stands for a `br`; white space that no page can hold
_LEAST_PROSE, _LEAST_SENTENCE = 80, 30  # unlinked characters
_LEAST_HEADLINE = 4  # words


@dataclass(slots=True, eq=False)
class Region:
    """A block element; it holds the blocks with the numbers from `first` on, before `end`.

    `kind` is its kind by its tag, classes, id or the profile, None for most; `name` is the tag or
    class that gave it.
    """

    element: Element
    tag: str
    first: int
    end: int = 0
    kind: str | None = None
    name: str = ""

    def holds(self, number: int | None) -> bool:
        """Whether the block of that number is in the region."""
        return number is not None and self.first <= number < self.end


@dataclass(slots=True, eq=False)
class Block:
    """A continuous text, such as a paragraph or heading; `linked` of its characters are links.

    `links` are (address, text). `lines` is the text split at single line breaks, empty without any.
    `label` is what the block is, and `rule` the rule that gave the label.
    """

    text: str
    tag: str
    region: Region
    links: list[tuple[str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    linked: int = 0
    label: str = "text"
    rule: str = ""
    prose: int = field(init=False)
    """Unlinked characters if it is running text (long or a sentence, mostly unlinked), else 0."""

    def __post_init__(self) -> None:
        unlinked = len(self.text) - self.linked
        is_long = unlinked >= _LEAST_PROSE or (unlinked >= _LEAST_SENTENCE and self.is_sentence)
        self.prose = 0 if self.is_heading or self.linked > unlinked or not is_long else unlinked

    @property
    def element(self) -> Element | None:
        """The heading, or the element that holds nothing else; None if there is none."""
        is_alone = self.is_heading or self.region.end - self.region.first == 1
        return self.region.element if is_alone else None

    @property
    def is_heading(self) -> bool:
        """Whether it is a heading, `h1` to `h6`."""
        return self.tag in HEADINGS

    @property
    def is_sentence(self) -> bool:
        """Whether it ends as a sentence does."""
        return self.text.rstrip(_CLOSING)[-1:] in _SENTENCE_ENDS

    @property
    def is_link(self) -> bool:
        """Whether at least 70 % of it is linked."""
        return self.linked >= 0.7 * len(self.text)

    @property
    def has_words_of_headline(self) -> bool:
        """Whether it has enough words for a headline."""
        return self.text.count(" ") >= _LEAST_HEADLINE - 1

    @property
    def is_small_print(self) -> bool:
        """Whether it is beside a picture and nearly all in `small`: a caption."""
        element = self.region.element
        if len(element) == 0 or next(element.iter("img", "picture"), None) is None:
            return False
        # Sums that stop early: one may hold thousands of others.
        lengths = accumulate(len(text_of(each)) for each in element.iter("small"))
        return any(length >= 0.9 * len(self.text) for length in lengths)


def blocks_of(root: Element, left_out: Container[Element] = ()) -> tuple[list[Block], list[Region]]:
    """The blocks and regions in `root`, both in document order.

    Block elements in `left_out` become regions of the kind `cut`; the text of inline elements in
    it is dropped.
    """
    walk = _Walk(root, left_out)
    return walk.blocks, walk.regions


class _Walk:
    def __init__(self, root: Element, left_out: Container[Element]) -> None:
        self.blocks: list[Block] = []
        self.regions: list[Region] = []
        self._left_out = left_out
        self._open: list[tuple[Region, str]] = []  # open regions, each with its blocks' tag
        self._pieces: list[str] = []
        self._links: list[tuple[str, str]] = []
        self._link: tuple[str, int] | None = None  # the open link: address, its first piece
        self._breaks = 0
        # An explicit stack; elements without children are visited once, others also at their end.
        waiting = [(root, False)]
        while waiting:
            element, is_read = waiting.pop()
            if not is_read and self._start(element):
                self._text(element.text)
                if len(element):
                    waiting.append((element, True))
                    waiting.extend([(child, False) for child in reversed(element)])
                    continue
            self._end(element)
            if element is not root:
                self._text(element.tail)

    def _start(self, element: Element) -> bool:
        """Begin an element; False if its content is skipped."""
        tag = element.tag
        if not self._open:
            self._open_region(element, None, "")
            return True
        if tag in _UNREAD and (tag not in _READ_IF_HOLDING_TEXT or not _HOLDS_TEXT(element)):
            return False
        is_cut = element in self._left_out
        if tag in _BLOCKS:
            self._flush()
            kind, name = ("cut", "profile") if is_cut else kind_of(element)
            self._open_region(element, kind, name)
        elif tag == "br":
            self._breaks += 1
            if self._breaks >= 2:
                self._flush()
            else:
                self._pieces.append(_BREAK)
        elif is_cut or (element.attrib and _is_unseen(element)):
            return False
        elif tag in _CELLS:
            if any(piece.strip() for piece in self._pieces):
                self._pieces.append(" | ")
        elif tag == "a":
            self._end_link()
            self._link = (element.get("href") or "", len(self._pieces))
        return True

    def _open_region(self, element: Element, kind: str | None, name: str) -> None:
        tag = str(element.tag)
        region = Region(element, tag if self._open else "div", len(self.blocks), 0, kind, name)
        tag = tag if tag in _TEXT_TAGS else "div"
        if self._open and (around := self._open[-1][1]) in _KEPT_BELOW.get(tag, ()):
            tag = around
        self.regions.append(region)
        self._open.append((region, tag))

    def _end(self, element: Element) -> None:
        region, _ = self._open[-1]
        if region.element is element:
            self._flush()
            region.end = len(self.blocks)
            self._open.pop()
        elif element.tag == "a":
            self._end_link()

    def _text(self, text: str | None) -> None:
        if text and (self._pieces or not text.isspace()):
            if self._breaks and text.strip():
                self._breaks = 0
            self._pieces.append(text)

    def _end_link(self) -> None:
        if self._link is not None:
            href, start = self._link
            self._links.append((href, clean("".join(self._pieces[start:]))))
            self._link = None

    def _flush(self) -> None:
        """End the block, if it has text."""
        self._breaks = 0
        if not self._pieces:
            return
        link = self._link
        self._end_link()
        printed = "".join(self._pieces)
        text = clean(printed)
        if text.strip(_SEPARATORS):
            region, tag = self._open[-1]
            lines = printed.split(_BREAK) if _BREAK in printed else []
            lines = [line for piece in lines if (line := clean(piece))]
            links = [each for each in self._links if each[1]]
            linked = min(len(text), sum(len(each) for _, each in links)) if links else 0
            self.blocks.append(Block(text, tag, region, links, lines, linked))
        self._pieces, self._links = [], []
        if link is not None:  # the link continues in the next block
            self._link = (link[0], 0)


def _is_hidden(attributes: Attributes) -> bool:
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    style = attributes.get("style")
    return style is not None and _HIDDEN.search(style) is not None


def _is_unseen(element: Element) -> bool:
    """Whether an element in a line is hidden, or holds words for screen readers alone.

    A lone colon for them, behind a kicker, belongs to the headline.
    """
    if _is_hidden(element.attrib):
        return True
    return is_spoken(element) and any(map(str.isalnum, text_of(element)))


def is_spoken(element: Element) -> bool:
    """Whether an element's class says that its words are for screen readers alone."""
    return _SPOKEN.search(element.get("class", "")) is not None


def kind_of(element: Element) -> tuple[str | None, str]:
    """The kind of region by an element's tag, classes and id, and the name that gave it, if any."""
    tag = str(element.tag)
    if tag in _KIND_OF_TAG:
        return _KIND_OF_TAG[tag], tag
    attributes = element.attrib
    if tag in ("html", "body") or not attributes:
        return None, ""
    if _is_hidden(attributes):
        return "hidden", "hidden"
    names = attributes.get("class", "")
    is_text = tag in _TEXT_TAGS
    if not is_text and tag not in _ANCHORED:
        names = f"{names} {attributes.get('id', '')}"
    kind, name = region_kind(names) or (None, "")
    return (None, "") if is_text and kind not in _KINDS_OF_TEXT else (kind, name)
