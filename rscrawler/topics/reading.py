"""A text read for a topic: its sentences, and how far each is about the topic.

No grammar beyond this: a name that comes early in its sentence leads it, and a name in a list of
strangers says nothing of the rest. Other rules of language changed no figure on real articles.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from rscrawler.topics.contexts import SURE_WEIGHT, Hit
from rscrawler.topics.others import Surroundings
from rscrawler.topics.text import JoinedText, Zone, sentence_spans


class Part(StrEnum):
    """The part that a name plays in its sentence."""

    LEADS = "leads"
    NAMED = "named"
    LISTED = "listed"


# How far a sentence is about the topic by the best part that a name plays in it.
_ABOUT = {Part.LEADS: 1.0, Part.NAMED: 0.6, Part.LISTED: 0.05}
_ABOUT_TWO_NAMES = 0.8
_ABOUT_WIDER_NAME = 0.1
_ALONE = 1.25  # times as much where nobody else is named
# A sentence of which this much is about the topic names it; below the second, hardly.
NAMES = 0.5
TOUCHES = 0.25
# What each next sentence of a paragraph keeps if it names nobody, and if it names others.
_GOES_ON = 0.85
_BESIDE_OTHERS = 0.4
# What a sentence that names nobody is about it under a headline that the topic leads alone.
_UNDER_HEADLINE = 0.5
_LEADING_WORDS = 8
_LEADING_CHARACTERS = 100
_DATELINE = re.compile(
    r"^\W{0,3}(?:[A-ZÀ-ÞА-Я][A-ZÀ-ÞА-Я.'’ -]{2,40}(?:,\s[A-ZÀ-Þ][\w.]+)?|[A-Z]\w+,\s[A-Z][\w.]+)"
    r"(?:\s\([^)]{2,40}\))?(?:,\s\w+\.?\s\d+)?\s*(?:[—–]|-{1,2}\s)"
)
_SEPARATOR = re.compile(
    r"[,;/•]\s*+(?:(?:and|or)\s++)?|(?<!\s)\s++(?:and|or|y|e|et|und|&|[—–-]{1,2})\s++"
)
_ITEM_WORDS = 6
_SMALL_WORDS = frozenset(("of", "the", "de", "in", "from", "to", "with", "for", "at", "by"))
_LIST = 3
_STRANGERS = 2
_ENGLISH = re.compile(r"\b(?:the|of|and|to|in)\b", re.IGNORECASE)
_ENGLISH_SHARE = 0.08
_SAMPLE = 4000


@dataclass(frozen=True, slots=True)
class Mention:
    """A name with the part it plays in its sentence."""

    hit: Hit
    part: Part

    @property
    def strength(self) -> float:
        """How much it says, in 0 … 1."""
        return self.hit.entity.weight * (0.05 if self.hit.passing else _ABOUT[self.part])


@dataclass(slots=True)
class Sentence:
    """A sentence, `named` of which is about the topic by its own names.

    `about` counts, too, what it takes up from the sentence before it.
    """

    zone: Zone
    words: int
    mentions: Sequence[Mention]
    others: Sequence[str]
    named: float = 0.0
    about: float = 0.0

    @property
    def is_led(self) -> bool:
        """Whether a name of the topic leads it."""
        return any(each.part is Part.LEADS and each.hit.is_sure for each in self.mentions)


@dataclass
class Reading:
    """A text read for a topic; what features are made of."""

    titles: list[Sentence] = field(default_factory=list)
    subtitles: list[Sentence] = field(default_factory=list)
    paragraphs: list[list[Sentence]] = field(default_factory=list)
    tags: list[Mention] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    genres: dict[str, int] = field(default_factory=dict)
    is_english: bool = True

    @cached_property
    def body(self) -> list[Sentence]:
        """The sentences of all paragraphs."""
        return [sentence for paragraph in self.paragraphs for sentence in paragraph]

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The sentences of headlines and body."""
        return [*self.titles, *self.subtitles, *self.body]

    @cached_property
    def mentions(self) -> list[Mention]:
        """All names of the topic."""
        return [each for sentence in self.sentences for each in sentence.mentions] + self.tags

    @cached_property
    def sure(self) -> list[Mention]:
        """The names in headlines and body that are no wider than the topic."""
        return [
            each
            for sentence in self.sentences
            for each in sentence.mentions
            if each.hit.entity.weight >= SURE_WEIGHT
        ]

    @cached_property
    def words(self) -> int:
        """The words of the body."""
        return sum(sentence.words for sentence in self.body)


def read(joined: JoinedText, hits: Sequence[Hit], around: Surroundings) -> Reading:
    """Read a text in which `hits` stand, in order, with what is named around them."""
    reading = Reading(genres=around.genres)
    taken = sorted((hit.start, hit.end) for hit in hits)
    reach = [end for _, end in taken]
    others = [
        each
        for each in around.others
        if (at := bisect_right(reach, each[0])) == len(taken) or taken[at][0] >= each[1]
    ]
    reading.others = Counter(whose for _, _, whose in others)
    sample = joined.text[:_SAMPLE]
    reading.is_english = (
        len(_ENGLISH.findall(sample)) > _ENGLISH_SHARE * sample.count(" ") if sample else True
    )
    starts = [start for start, _, _ in others]
    position = 0
    for index, zone in enumerate(joined.zones):
        found = position
        while position < len(hits) and hits[position].zone == index:
            position += 1
        if zone.field == "tags":
            reading.tags += [Mention(hit, Part.NAMED) for hit in hits[found:position]]
            continue
        here = others[
            bisect_left(starts, zone.start) : bisect_left(starts, zone.start + len(zone.text))
        ]
        sentences = _sentences(zone, hits[found:position], here)
        headed = any(each.is_led and not each.others for each in reading.titles)
        _carry(sentences, reading.is_english, _UNDER_HEADLINE if headed else 0.0)
        if zone.field == "title":
            reading.titles += sentences
        elif zone.field == "subtitle":
            reading.subtitles += sentences
        else:
            reading.paragraphs.append(sentences)
    return reading


def _sentences(
    zone: Zone, hits: Sequence[Hit], others: Sequence[tuple[int, int, str]]
) -> list[Sentence]:
    sentences: list[Sentence] = []
    dateline = 0
    if zone.paragraph == 0 and hits and (found := _DATELINE.match(zone.text[:120])):
        dateline = zone.start + found.end()
    at = other = 0
    for start, end in sentence_spans(zone.text):
        first, last = zone.start + start, zone.start + end
        begun, other_begun = at, other
        while at < len(hits) and hits[at].start < last:
            at += 1
        while other < len(others) and others[other][0] < last:
            other += 1
        inside, strangers = hits[begun:at], others[other_begun:other]
        text = zone.text[start:end]
        sentence = Sentence(zone, text.count(" ") + 1, (), [whose for _, _, whose in strangers])
        if inside:
            sentence.mentions = _mentions(text, first, inside, strangers, dateline)
            sentence.named = _named(sentence)
        sentences.append(sentence)
    return sentences


def _mentions(
    text: str,
    first: int,
    hits: Sequence[Hit],
    others: Sequence[tuple[int, int, str]],
    dateline: int,
) -> list[Mention]:
    listed = _listed(text, [(hit.start - first, hit.end - first) for hit in hits])
    stranger = others[0][0] if others else first + len(text)
    mentions: list[Mention] = []
    for hit in hits:
        before = hit.start - first
        part = Part.NAMED
        if hit.end <= dateline or before in listed:
            part = Part.LISTED
        elif (
            hit.start < stranger
            and before <= _LEADING_CHARACTERS
            and text[:before].count(" ") < _LEADING_WORDS
        ):
            part = Part.LEADS
        mentions.append(Mention(hit, part))
    return mentions


def _named(sentence: Sentence) -> float:
    telling = [each for each in sentence.mentions if each.hit.is_sure]
    if not telling:
        return _ABOUT_WIDER_NAME
    value = max(each.strength for each in telling)
    if not sentence.others:
        value = min(1.0, _ALONE * value)
    unlisted = {each.hit.entity.name for each in telling if each.part is not Part.LISTED}
    return max(value, _ABOUT_TWO_NAMES) if len(unlisted) > 1 else value


def _carry(sentences: Sequence[Sentence], is_english: bool, headline: float) -> None:
    """Hand on what a sentence, or the headline, is about to those after it.

    Only where the topic leads, and only in English: elsewhere the others' names are not known.
    """
    kept = 0.0
    for sentence in sentences:
        kept *= _BESIDE_OTHERS if sentence.others else _GOES_ON
        above = headline if is_english and not sentence.others else 0.0
        sentence.about = max(sentence.named, kept, above)
        if sentence.named >= TOUCHES:
            kept = sentence.named if is_english and sentence.is_led else 0.0


def _listed(text: str, names: Sequence[tuple[int, int]]) -> set[int]:
    """Where the topic's names start that stand in a list with two others or more."""
    cuts = [(found.start(), found.end()) for found in _SEPARATOR.finditer(text)]
    if len(cuts) < _LIST - 1:
        return set()
    listed: set[int] = set()
    items: list[tuple[int, int]] = []
    starts = [0, *(end for _, end in cuts)]
    for start, end in zip(starts, [*(start for start, _ in cuts), len(text)], strict=True):
        words = text[start:end].split(None, _ITEM_WORDS)
        if 0 < len(words) <= _ITEM_WORDS and all(map(_is_name_word, words)):
            items.append((start, end))
            continue
        if items:
            listed |= _with_strangers([*items, (start, start + _head(text[start:end]))], names)
        tail = _tail(text[start:end])
        items = [(end - tail, end)] if tail else []
    return listed | _with_strangers(items, names)


def _with_strangers(items: Sequence[tuple[int, int]], names: Sequence[tuple[int, int]]) -> set[int]:
    """The names in a list of `items`, if two or more of those are no names of the topic."""
    ours: set[int] = set()
    strangers = 0
    at = bisect_left(names, (items[0][0],)) if items else 0
    for start, end in items:
        before = at
        while at < len(names) and names[at][0] < end:
            at += 1
        ours.update(first for first, _ in names[before:at])
        strangers += before == at and start < end
    return ours if len(items) >= _LIST and strangers >= _STRANGERS else set()


def _is_name_word(word: str) -> bool:
    return word[0].isupper() or word in _SMALL_WORDS or word.lstrip("(“\"'‘")[:1].isupper()


def _head(text: str) -> int:
    """How many characters of `text` are a name at its start."""
    position = 0
    for word in text.split()[:_ITEM_WORDS]:
        if not _is_name_word(word):
            break
        position = text.index(word, position) + len(word)
    return position


def _tail(text: str) -> int:
    """How many characters of `text` are a name at its end."""
    position = len(text)
    for word in reversed(text.split()[-_ITEM_WORDS:]):
        if not word[0].isupper():
            break
        position = text.rindex(word, 0, position)
    return len(text) - position
