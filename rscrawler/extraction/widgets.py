"""What class, id and label say of a block: is it a widget, an appeal?

A name counts as a whole, with what themes put before and behind it: `follow` and
`td-follow-box` name one, `follow-up` and `follow-the-money` do not.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from lxml.etree import _Element as Element

from rscrawler.extraction.text import text_of
from rscrawler.extraction.tree import ALL_HEADINGS, LEAST_TEXT, text_length

# What themes call the parts around the name of a widget: `td-related-posts`, `c-share__list`.
_FRAME = (
    r"(?:actions?|area|articles?|banner|bar|block|body|box(?:es)?|buttons?|cards?|carousel|component"
    r"|container|content|count|default|description|desktop|element|feed|footer|form|grid|group|head"
    r"|header|heading|headline|holder|icons?|image|inline|inner|items?|label|large|left|links?|list"
    r"|main|menu|message|mobile|module|news|now|outer|panel|placeholder|posts?|prompt|rail|reply"
    r"|respond|responsive|right|row|section|sidebar|slider|slot|small|stories|story|strip|teasers?"
    r"|text|title|tools|unit|us|widget|wrap|wrapper|zone|\d+)"
)
_THEME = r"(?!(?:has|is|no|not|non|with|without|hide|hides|tag|category|topic|type)-)[a-z0-9]+"


def _name(words: str) -> re.Pattern[str]:
    """A pattern for all of a name that is one of `words`."""
    return re.compile(rf"(?:{_THEME}-)*(?:{words})(?:-{_FRAME})*", re.IGNORECASE)


# Classes of blocks that are never the article's own words.
_WIDGET = _name(
    r"newsletters?|subscribe|sign-?up|donat(?:e|ions?|ing|or)|fundrais\w*|paywall"
    r"|social-(?:share|sharing|follow)|addthis|follow-?us"
    r"|related(?:posts)?|recommend\w*|read-?(?:next|also)|more-?(?:from|stories|on)|most-?(?:read|popular)"
    r"|up-?next|next-?(?:post|article)|around-the-web"
    r"|promo(?:s|ted|tions?|tional)?|advert\w*|ads?|ad-tag|sponsor(?:s|ed)?|outbrain|taboola"
    r"|comments?|disqus|cta|call-?to-?action|popup|modal|cookies?|breadcrumbs?|pagination"
    r"|pull-?quotes?|infobox|author-?(?:bio|box|card)|social-(?:author|date)|byline"
    r"|post-?(?:tags|meta|date)|tags-list|captions?|photo-?credit"
    r"|twitter-tweet|instagram-media|tiktok-embed|fb-post|embed(?:-media)?"
    r"|sr-only|visually-hidden|screen-reader-text|skip-link"
)
# Words that may as well say what a text is about, or how it is set.
_MAYBE_WIDGET = _name(
    r"share|sharing|follow|latest|trending|popular|read-?more|keep-?reading|show-?(?:more|less)"
    r"|appeal|membership|subscriptions?|tags|aside"
)
_APPEAL = _name(
    r"donat\w*|newsletters?|subscrib(?:e|ing)|subscriptions?|sign-?up|appeal|fundrais\w*|membership|promo|cta|support-us"
    r"|giving"
)
# Widgets that are long as a rule.
_KNOWN_PROSE = re.compile(r"quote|tweet|media|embed|post$|bio|author|caption|credit", re.IGNORECASE)
_RUNNING = ("p", "li", "blockquote", "dd", "td")
_LINKED_TO = ("p", "li", "blockquote", "table", *ALL_HEADINGS)  # by ids that tell their subject
_SENTENCE_END = re.compile(r"[.!?…][”’\"')\]]*(?:\s|$)")
_LEAST_SENTENCE = 40  # characters


class _Named(Enum):
    """What a name says of its element."""

    WIDGET = "a widget"
    MAYBE = "a widget, unless it holds prose"


def is_widget(element: Element) -> bool:
    """Whether an element is named as a widget, and its text does not deny it.

    An id may be made of a headline, and some classes are everyday words: in a block of prose
    they say nothing.
    """
    classes, tag = element.get("class"), element.tag
    kind = _named_by(classes) if classes else None
    if kind is _Named.WIDGET:
        return True
    if tag in ALL_HEADINGS:
        return False
    is_named = kind is _Named.MAYBE or (
        tag not in _LINKED_TO
        and any(
            value and _named_by("-".join(value.split())) is not None
            for value in (element.get("id"), element.get("aria-label"), element.get("data-role"))
        )
    )
    return is_named and not _is_prose(element)


def is_doubtful(element: Element) -> bool:
    """Whether a widget is one by its class alone, and long prose by its text."""
    classes = element.get("class")
    return (
        classes is not None
        and "hidden" not in element.attrib
        and _named_by(classes) is _Named.WIDGET
        and not _KNOWN_PROSE.search(classes)
        and text_length(element) >= LEAST_TEXT
        and _is_prose(element)
    )


def is_appeal_block(element: Element) -> bool:
    """Whether a block is named as one that asks the reader for something."""
    marks = (element.get("class"), None if element.tag in _LINKED_TO else element.get("id"))
    return any(mark and _names_appeal(mark) for mark in marks)


@lru_cache(maxsize=8192)
def _named_by(names: str) -> _Named | None:
    """What the plainest of some names says."""
    tokens = _tokens(names)
    if any(_WIDGET.fullmatch(token) for token in tokens):
        return _Named.WIDGET
    return _Named.MAYBE if any(_MAYBE_WIDGET.fullmatch(token) for token in tokens) else None


@lru_cache(maxsize=8192)
def _names_appeal(names: str) -> bool:
    return any(_APPEAL.fullmatch(token) for token in _tokens(names))


def _tokens(names: str) -> list[str]:
    return [re.sub(r"[-_]+", "-", name).strip("-") for name in names.split()]


def _is_prose(element: Element) -> bool:
    """Whether a block has more paragraphs of sentences than fields and ways to other pages."""
    ways = sum(1 for _ in element.iter("form", "input", "button", "iframe"))
    prose = 0
    running = list(element.iter(*_RUNNING)) or [element]
    for block in (*running, *element.iter(*ALL_HEADINGS)):
        length = text_length(block)
        linked = sum(text_length(link) for link in block.iter("a"))
        if linked > 0.5 * length or (not length and block.find(".//a") is not None):
            ways += 1
        elif block.tag not in ALL_HEADINGS:
            prose += _holds_sentence(text_of(block))
    return prose > ways


def _holds_sentence(text: str) -> bool:
    return len(text) >= _LEAST_SENTENCE and _SENTENCE_END.search(text) is not None
