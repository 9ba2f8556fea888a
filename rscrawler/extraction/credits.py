"""Paragraphs that only say who made a picture.

A credit is no sentence. What begins as one ("Photographs by satellite show …") or stands in
brackets and names an agency ("(Reuters first reported the deal.)") and says something is the
author's own.
"""

from __future__ import annotations

import re

from rscrawler.extraction.text import any_of, straight

_KIND = r"(?:photo(?:graph)?s?|images?|pictures?|(?:photo )?illustrations?|graphics?|screenshots?)"
_PLACE = r"(?:(?:top|lead|main|cover|file|header|featured?|banner|home ?page) )"
_ROLE = r"(?:credits?|by|via|source|courtesy(?: of)?|from)"
_LABEL = re.compile(
    rf"^\W*(?:{_PLACE}+{_KIND}(?: and caption)?(?: {_ROLE})?|{_KIND}(?: and caption)? {_ROLE})"
    r"\s*[:|]",
    re.IGNORECASE,
)
_BARE_LABEL = re.compile(rf"^\W*(?:{_KIND}|credits?)(?: and caption)?\s*[:|]\s*", re.IGNORECASE)
_UNMARKED_LABEL = re.compile(
    rf"^\W*(?:{_PLACE}*{_KIND} credits?|{_KIND}(?: taken)? (?:by|via|courtesy(?: of)?))\s+",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"^[(\[]([^()\[\]]{2,90})[)\]]\.?$")
_SOURCE = any_of(
    r"^(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}(?:/\S*)?$",
    r"\b(?:reuters|shutterstock|getty|associated press|wikimedia|wikipedia|flickr|alamy|unsplash"
    r"|pixabay|creative commons|cc[- ]by\S*|public domain|photo|image|picture|handout|dvids|tass"
    r"|sputnik|xinhua|epa|zuma|ria novosti|anadolu|screenshot|screengrab|white house|kremlin"
    r"|\S+\.(?:com|org|ru|kz|uz|kg|tj|tm|net|gov|mil|int|ua))\b",
    r"^(?:AP|AFP|EPA|TASS|DOD)(?:/|$)",
)
_PICTURE = re.compile(r"\b(?:photo|image|picture|handout|screenshot|screengrab)s?\b", re.IGNORECASE)
# Small words that stand in a credit beside names.
_SMALL_WORDS = frozenset(
    word
    for words in (
        "a an and the of by via from for in on at to with under",
        "courtesy credit credits source provided supplied released taken own",
        "photo photos image images picture pictures photograph photographs photographer",
        "illustration illustrations graphic graphics collage design map still video frame capture",
        "screenshot screengrab screen grab handout file archive pool press service office staff",
        "author authors artist family official government public affairs",
        "publication social media",
        "domain creative commons licence license licensed",
        "reuters shutterstock getty wikimedia wikipedia flickr alamy unsplash pixabay kremlin",
        "youtube twitter telegram",
    )
    for word in words.split()
)
# With one of these a text says something.
_SAYS = re.compile(
    r"\b(?:is|are|was|were|has|have|had|do|does|did|will|would|can|could|may|might|must|should|shall"
    r"|be|been|says?|said|shows?|showed|tells?|told|seems?|becomes?|became|makes?|made|comes?|came"
    r"|goes|went|gives?|gave|finds?|found|wants?|needs?|i|we|you|he|she|they|it|who|which|what|how"
    r"|why|there|this|these|not|never|nobody|\w+n't)\b",
    re.IGNORECASE,
)
_STOPS = re.compile(r"[.!?…][\s”\"')\]]*$")
_PARTS = re.compile(r"(?<=[.;|!?])\s+|\s*[(\[]|\s+[–—-]\s+")
_SLASH = re.compile(r"(?<=\S)\s*/\s*(?=\S)")
_CAPTION_AND_SITE = re.compile(r"^([A-Z].*?)(?:,|\s/)\s+(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}$")
_POINTS = re.compile(r"\b(?:see|read|more|text|according)\b", re.IGNORECASE)  # a reference does
_BY_SOMEBODY = re.compile(rf"^\W*{_KIND} by ([^,]+), who(?:se)? [^,.;]+$", re.IGNORECASE)
_ABOUT_ITS_MAKER = re.compile(
    r"^([^!?]{2,60})\.\s+(?:she|he|they)\s+(?:is|are|was|works)\s[^.]*\b(?:photo(?:graph|journal)\w*|artists?"
    r"|illustrators?|journalists?|reporters?|designers?|cartoonists?)\b[^.]*\.?$",
    re.IGNORECASE,
)
_LONGEST_LABELLED = 400  # characters: a caption may stand behind the label
_LONGEST = 90  # characters of a credit without its label
_LONGEST_CAPTION = 120
_WORDS_OF_A_NAME = 3


def is_credit(text: str) -> bool:
    """Whether a paragraph is a photo credit, perhaps with its caption."""
    text = straight(text)
    if len(text) > _LONGEST_LABELLED:
        return False
    if bracketed := _BRACKETED.match(text):
        return is_credit(bracketed[1]) or _is_bracketed_credit(bracketed[1])
    if _LABEL.match(text):
        return True
    if label := _BARE_LABEL.match(text):
        rest = text[label.end() :]
        is_short = len(rest) <= _LONGEST_CAPTION and not _SAYS.search(rest)
        return is_short or _is_source(_PARTS.split(rest)[-1]) or _is_maker(rest)
    if label := _UNMARKED_LABEL.match(text):
        return _is_name(text[label.end() :])
    return False


def _is_bracketed_credit(text: str) -> bool:
    if by := _BY_SOMEBODY.match(text):
        return _is_of_names(by[1])
    if not _SOURCE.search(text):
        return False
    if _is_of_slash(text) or _is_caption_and_site(text):
        return True
    is_note = _PICTURE.search(text) is not None and _is_name(text)
    return is_note or any(map(_is_source, (text, _PARTS.split(text)[-1])))


def _is_of_slash(text: str) -> bool:
    """Whether a text is an agency and a name that may be in small letters: `tass/ anna lee`."""
    sides = _SLASH.split(text)
    if len(sides) != 2 or _STOPS.search(text) or _SAYS.search(text):
        return False
    return any(
        _is_source(source) and len(maker.split()) <= _WORDS_OF_A_NAME
        for source, maker in (sides, sides[::-1])
    )


def _is_caption_and_site(text: str) -> bool:
    found = _CAPTION_AND_SITE.match(text)
    return found is not None and not (_SAYS.search(found[1]) or _POINTS.search(found[1]))


def _is_maker(text: str) -> bool:
    """Whether a text is a name and what its bearer does: that she is a photographer."""
    found = _ABOUT_ITS_MAKER.match(text)
    return found is not None and _is_of_names(found[1])


def _is_source(text: str) -> bool:
    """Whether a text names an agency, a site or the like and nothing besides."""
    return _SOURCE.search(text) is not None and _is_of_names(text)


def _is_name(text: str) -> bool:
    """Whether a text may be whoever made a picture: names, or a few words that say nothing."""
    if len(text) > _LONGEST:
        return False
    return _is_of_names(text) or not (_STOPS.search(text) or _SAYS.search(text))


def _is_of_names(text: str) -> bool:
    words = (word.strip(".,;:!?()[]'\"“”‘’©*_|") for word in text.split())
    return all(word in _SMALL_WORDS or _is_as_names_are(word) for word in words)


def _is_as_names_are(word: str) -> bool:
    """Whether a word is no plain lower-case one: `Reuters`, `@anna`, `shutterstock/li`."""
    return not (word.isascii() and word.isalpha() and word.islower())
