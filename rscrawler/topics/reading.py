"""A text read for a topic: its sentences, and how far each is about the topic.

No grammar beyond this: a name that comes early in its sentence leads it, a name in a list of
strangers says nothing of the rest, and the sentences after one that the topic leads go on with
it. Every other rule of language changed no figure on real articles.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from rscrawler.topics.contexts import SURE_WEIGHT, Mention, Part
from rscrawler.topics.matcher import SpanT
from rscrawler.topics.others import Other
from rscrawler.topics.text import JoinedText, Zone, sentence_spans

_ABOUT_TWO_NAMES = 0.8
# A sentence of which this much is about the topic names it; below the second, hardly.
NAMES = 0.5
TOUCHES = 0.25
# What each next sentence of a paragraph keeps if it names nobody, and if it names others.
_GOES_ON = 0.85
_BESIDE_OTHERS = 0.4
_LEADING_WORDS = 8
_LEADING_CHARACTERS = 100
_DATELINE = re.compile(
    r"\W{0,3}(?:[A-ZÀ-ÞА-Я][A-ZÀ-ÞА-Я.'’ -]{2,40}(?:,\s[A-ZÀ-Þ][\w.]+)?|[A-Z]\w+,\s[A-Z][\w.]+)"
    r"(?:\s\([^)]{2,40}\))?(?:,\s\w+\.?\s\d+)?\s*(?:[—–]|-{1,2}\s)"
)
# Bounded, so that no text makes the search slow.
_WORD = r"[“\"'‘(]{0,3}+[A-ZÀ-ÞА-ЯЁ][^\s,;/•:]{0,40}+"
_NAME = rf"(?:the\s)?{_WORD}(?:\s(?:(?:of|the|de)\s){{0,2}}{_WORD}){{0,3}}"
_SEPARATOR = r"(?:\s?[,;/•]\s?(?:(?:and|or)\s)?|\s(?:and|or|y|e|et|und|&|[—–-]{1,2})\s)"
_LIST = re.compile(rf"{_NAME}(?:{_SEPARATOR}{_NAME}){{2,}}")
_NEXT = re.compile(_SEPARATOR)
_STRANGERS = 2
_ENGLISH = re.compile(r"\b(?:the|of|and|to|in)\b", re.IGNORECASE)
_ENGLISH_SHARE = 0.08
_SAMPLE = 4000


@dataclass(slots=True)
class Sentence:
    """A sentence with the topic's names in it, and the `others` that it names.

    It is `named` by so much for its own names; `about` counts, too, what it takes up from the
    sentence before it.
    """

    text: str
    start: int
    mentions: Sequence[Mention]
    others: Sequence[Other]
    named: float = 0.0
    about: float = 0.0

    @property
    def words(self) -> int:
        """About how many words it has."""
        return self.text.count(" ") + 1

    @property
    def is_led(self) -> bool:
        """Whether a name of the topic leads it."""
        return any(each.part is Part.LEADS and each.is_sure for each in self.mentions)


@dataclass
class Reading:
    """A text read for a topic; what features are made of."""

    titles: list[Sentence] = field(default_factory=list)
    subtitles: list[Sentence] = field(default_factory=list)
    paragraphs: list[list[Sentence]] = field(default_factory=list)
    tags: list[Mention] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    genres: dict[str, int] = field(default_factory=dict)

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
            if each.entity.weight >= SURE_WEIGHT
        ]

    @cached_property
    def words(self) -> int:
        """The words of the body."""
        return sum(sentence.words for sentence in self.body)


def read(
    joined: JoinedText, hits: Sequence[Mention], others: Sequence[Other], genres: dict[str, int]
) -> Reading:
    """Read a text in which `hits` and `others` stand, both in order."""
    reach = [hit.end for hit in hits]
    others = [
        each
        for each in others
        if (at := bisect_right(reach, each.start)) == len(hits) or hits[at].start >= each.end
    ]
    reading = Reading(others=Counter(each.whose for each in others), genres=genres)
    sample = joined.text[:_SAMPLE]
    is_english = len(_ENGLISH.findall(sample)) > _ENGLISH_SHARE * sample.count(" ")
    for zone in joined.zones:
        here = _within(hits, zone.start, zone.end)
        if zone.field == "tags":
            reading.tags += here
            continue
        sentences = _sentences(zone, here, _within(others, zone.start, zone.end))
        if is_english:
            _carry(sentences)
        if zone.field == "title":
            reading.titles += sentences
        elif zone.field == "subtitle":
            reading.subtitles += sentences
        else:
            reading.paragraphs.append(sentences)
    return reading


def _within(spans: Sequence[SpanT], first: int, last: int) -> Sequence[SpanT]:
    """Those of `spans`, which are in order, that start in [first, last)."""
    begun = bisect_left(spans, first, key=lambda each: each.start)
    return spans[begun : bisect_left(spans, last, begun, key=lambda each: each.start)]


def _sentences(zone: Zone, hits: Sequence[Mention], others: Sequence[Other]) -> list[Sentence]:
    sentences: list[Sentence] = []
    dateline = _DATELINE.match(zone.text) if zone.paragraph == 0 else None
    said = zone.start + (dateline.end() if dateline else 0)
    for start, end in sentence_spans(zone.text):
        first, last = zone.start + start, zone.start + end
        inside, strangers = _within(hits, first, last), _within(others, first, last)
        sentence = Sentence(zone.text[start:end], first, (), strangers)
        if inside:
            sentence.mentions = _mentions(sentence, inside, said)
            sentence.named = sentence.about = _named(sentence)
        sentences.append(sentence)
    return sentences


def _mentions(sentence: Sentence, hits: Sequence[Mention], said: int) -> list[Mention]:
    """The names of a sentence; those before `said` stand in a dateline."""
    text, first = sentence.text, sentence.start
    listed = _listed(text, [hit.start - first for hit in hits])
    stranger = sentence.others[0].start if sentence.others else first + len(text)
    mentions: list[Mention] = []
    for hit in hits:
        before = hit.start - first
        part = Part.NAMED
        if hit.start < said or before in listed:
            part = Part.LISTED
        elif (
            hit.start < stranger
            and before <= _LEADING_CHARACTERS
            and text[:before].count(" ") < _LEADING_WORDS
        ):
            part = Part.LEADS
        mentions.append(replace(hit, part=part))
    return mentions


def _named(sentence: Sentence) -> float:
    telling = [each for each in sentence.mentions if each.is_sure]
    unlisted = {each.entity.name for each in telling if each.part is not Part.LISTED}
    value = max((each.strength for each in telling), default=0.0)
    return max(value, _ABOUT_TWO_NAMES) if len(unlisted) > 1 else value


def _carry(sentences: Sequence[Sentence]) -> None:
    """Hand on what a sentence is about to those after it, where the topic leads it.

    Only in English: elsewhere the others' names are not known.
    """
    kept = 0.0
    for sentence in sentences:
        kept *= _BESIDE_OTHERS if sentence.others else _GOES_ON
        sentence.about = max(sentence.named, kept)
        if sentence.named >= TOUCHES:
            kept = sentence.named if sentence.is_led else 0.0


def _listed(text: str, names: Sequence[int]) -> set[int]:
    """Which of `names`, by their starts, stand in a list with two others or more."""
    listed: set[int] = set()
    for found in _LIST.finditer(text):
        ends = [each.start() for each in _NEXT.finditer(text, found.start(), found.end())]
        ends.append(found.end())
        ours = names[bisect_left(names, found.start()) : bisect_left(names, found.end())]
        if len(ends) - len({bisect_right(ends, name) for name in ours}) >= _STRANGERS:
            listed.update(ours)
    return listed
