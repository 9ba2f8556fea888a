"""Paragraphs that are nobody's prose: photo credits, ways to other articles, furniture."""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml.etree import _Element as Element

from rscrawler.extraction.body import Paragraph
from rscrawler.extraction.credits import is_credit
from rscrawler.extraction.text import any_of, straight
from rscrawler.text import clean

_POINTER = re.compile(
    r"^\W*(?:read (?:more|also|next|the (?:full|rest)|on|part \w+)|see (?:also|more)"
    r"|related(?: \w+)?|also (?:read|see)|further reading|more (?:on|from|stories|like this)"
    r"|recommended|watch|listen|what else"
    r"|for more (?:of|on|from|about)|here (?:is|are) (?:some )?more"
    r"|(?:our|other) (?:latest|earlier|recent|related) (?:\w+ )?(?:coverage|articles|stories)"
    r"|don't miss|up next|you (?:may|might) also (?:like|enjoy|be interested)"
    r"|(?:keep|continue) reading|editors?'?s? picks?|trending|latest|most (?:read|popular))\b"
    r"\s*[:：>»→–—-]?",
    re.IGNORECASE,
)
_CHROME = any_of(
    r"^\W*(?:follow us on social|google cta|keep reading(?:\s*show less)?|show (?:less|more)"
    r"|read (?:more|less)|continue reading|advertisement|sponsored|share|tweet|print|e-?mail"
    r"|facebook|twitter|linkedin|whatsapp|telegram|reddit|copy link|share this|tags|comments?"
    r"|latest|newsletter|related (?:articles|stories|posts)|recommended|most read|trending"
    r"|related|see also|also read|read also|further reading|more on this(?: topic)?"
    r"|more stories|more from \S+(?: \S+)?)\W*$",
)
_SYNDICATION = re.compile(r"^The post .{3,200} (?:first appeared|appeared first) on ")
_LEAST_SENTENCE = 60  # characters
_SENTENCE_END = re.compile(r"(?<!\.)\.[”\"')\]]*$|^[“\"].*[.?!…,][”\"]$")
_LONG_WORD = re.compile(r"\b[^\W\d_]{4,}")
_MOST_LINKED = 0.5  # of the paragraphs beside such a sentence
_MOST_CAPITALS = 0.5  # of the long words of a sentence; a headline in title case has more


def insertions_among(
    paragraphs: list[Paragraph], is_foreign_link: Callable[[str], bool]
) -> set[int]:
    """The indexes of the paragraphs of a body that are insertions.

    A whole sentence that links to an earlier piece is none where it stands in the running text.
    """
    return {
        index
        for index, paragraph in enumerate(paragraphs)
        if is_insertion(paragraph, is_foreign_link) and not _is_linked_sentence(index, paragraphs)
    }


def is_insertion(paragraph: Paragraph, is_foreign_link: Callable[[str], bool]) -> bool:
    """Whether a paragraph is a photo credit, the way to another article, or furniture.

    Args:
        paragraph: one paragraph of the body.
        is_foreign_link: whether an address as printed leads to another article of the site.
    """
    text = paragraph.text
    if len(text) <= 60 and _CHROME.match(text):
        return True
    return is_credit(text) or _is_pointer(paragraph, is_foreign_link)


def _is_pointer(paragraph: Paragraph, is_foreign_link: Callable[[str], bool]) -> bool:
    foreign = [text for href, text in paragraph.links if is_foreign_link(href)]
    if not foreign:
        return False
    linked = sum(len(clean(text)) for text in foreign)
    if linked >= 0.9 * len(paragraph.text):
        return paragraph.tag != "li" or not says_more(paragraph.text, foreign)
    label = _POINTER.match(straight(paragraph.text))
    return label is not None and linked >= 0.8 * (len(paragraph.text) - label.end())


def says_more(text: str, linked: list[str]) -> bool:
    """Whether a text has words of its own beside those that are linked: `Title, by Ann Lee`."""
    rest = text
    for link in map(clean, linked):
        rest = rest.replace(link, " ", 1)
    return len(re.findall(r"[^\W\d_]{2,}", rest)) >= 2


def reads_as_label(text: str) -> bool:
    """Whether a text begins as the way to other articles does: `Read more:`, `Related`."""
    return _POINTER.match(straight(text)) is not None


def is_pointer_text(text: str) -> bool:
    """Whether a text of which no link is known is the way to another article: `Read also: …`."""
    label = _POINTER.match(straight(text))
    return bool(label and label[0].rstrip().endswith(tuple(":：>»→–—-"))) or bool(
        _SYNDICATION.match(text)
    )


def _is_linked_sentence(index: int, paragraphs: list[Paragraph]) -> bool:
    """Whether a linked paragraph is a sentence between two of the text, in the same block.

    A lone question may be a headline, as all that ends without a full stop.
    """
    paragraph = paragraphs[index]
    text = straight(paragraph.text)
    if (
        not 0 < index < len(paragraphs) - 1
        or paragraph.tag != "p"
        or len(text) < _LEAST_SENTENCE
        or not _SENTENCE_END.search(text)
        or is_credit(text)
        or reads_as_label(text)
        or _has_picture_beside(paragraph.element)
    ):
        return False
    words = _LONG_WORD.findall(text)
    if sum(word[0].isupper() for word in words) > _MOST_CAPITALS * len(words):
        return False
    block = _flow_of(paragraph)
    return all(
        not beside.is_heading
        and beside.linked_share < _MOST_LINKED
        and len(beside.text) >= _LEAST_SENTENCE
        and _flow_of(beside) is block
        for beside in (paragraphs[index - 1], paragraphs[index + 1])
    )


def _has_picture_beside(element: Element | None) -> bool:
    """Whether a picture stands in a paragraph or right beside it: it is a card."""
    if element is None:
        return False
    beside = (element, element.getprevious(), element.getnext())
    return any(
        block is not None and (block.tag == "img" or block.find(".//img") is not None)
        for block in beside
    )


def _flow_of(paragraph: Paragraph) -> Element | None:
    """The element in whose running text a paragraph stands, on its own or as a quotation."""
    element = paragraph.element
    parent = element.getparent() if element is not None else None
    if parent is not None and parent.tag == "blockquote" and "embed" not in parent.get("class", ""):
        return parent.getparent()
    return parent
