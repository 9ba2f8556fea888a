"""Paragraphs that are nobody's prose: photo credits, ways to other articles, furniture."""

from __future__ import annotations

import re
from collections.abc import Callable

from rscrawler.extraction.body import Paragraph
from rscrawler.extraction.credits import is_credit
from rscrawler.extraction.text import any_of, straight
from rscrawler.text import clean

_POINTER = re.compile(
    r"^\W*(?:read (?:more|also|next|the (?:full|rest)|on|part \w+)|see (?:also|more)"
    r"|related(?: \w+)?|also (?:read|see)|further reading|more (?:on|from|stories|like this)"
    r"|recommended|watch|listen"
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
        return True
    label = _POINTER.match(straight(paragraph.text))
    return label is not None and linked >= 0.8 * (len(paragraph.text) - label.end())
