"""Annotates a text for a topic: its sentences, and how far each is about the topic.

The grammar is three rules: a name early in its sentence leads it; a name in a list of other
entities does not make it the subject; sentences after one that the topic leads continue it.

The other entities (the world's states and regions, `others.toml`) and the words frequent in some
kinds of articles (`genres.toml`) are data, the same for every topic.
"""

import re
import tomllib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from rscrawler.text import UNSPACED, UNSPACED_LETTER
from rscrawler.topics.contexts import SURE_WEIGHT, Mention, Role
from rscrawler.topics.matcher import Match, Spelling, within
from rscrawler.topics.text import FlaggableText, Zone, sentence_spans

OTHERS, GENRES = "others", "genres"  # the groups of matches other than the topic's names
NAMES = 0.25  # a sentence names the topic if its `named` is at least this
# The share of `about` that each next sentence keeps: without other entities, and with them.
_GOES_ON, _BESIDE_OTHERS = 0.85, 0.4
# A name among the first eight words leads its sentence, unless another entity stands before it.
_BEGINNING = re.compile(rf"(?: *+(?:[{UNSPACED}]|[^ {UNSPACED}]++)){{0,8}}")
_DATELINE = re.compile(
    r"\W{0,3}(?:[A-ZÀ-ÞА-Я][A-ZÀ-ÞА-Я.'’ -]{2,40}(?:,\s[A-ZÀ-Þ][\w.]+)?|[A-Z]\w+,\s[A-Z][\w.]+)"
    r"(?:\s\([^)]{2,40}\))?(?:,\s\w+\.?\s\d+)?\s*(?:[—–]|-{1,2}\s)"
)
# Bounded repetitions, so that no text makes the search slow.
_WORD = r"[“\"'‘(]{0,3}+[A-ZÀ-ÞА-ЯЁ][^\s,;/•:]{0,40}+"
_NAME = rf"(?:the\s)?{_WORD}(?:\s(?:(?:of|the|de)\s){{0,2}}{_WORD}){{0,4}}"
_SEPARATOR = r"(?:\s?[,;/•]\s?(?:(?:and|or)\s)?|\s(?:and|or|y|e|et|und|&|[—–-]{1,2})\s)"
_LIST = re.compile(rf"{_NAME}(?:{_SEPARATOR}{_NAME}){{2,}}")
_NEXT = re.compile(_SEPARATOR)
_LEAST_OTHERS = 2  # other names in a list
# More states in a sentence are a list, whatever separates them: the countries of a form.
_MOST_STATES = 20
_ENGLISH = 0.012  # least share of "the" among the words of an English text
_FOLDER = Path(__file__).parent / "data"


@dataclass(slots=True)
class Sentence:
    """A sentence with its mentions of the topic, and its matches of `others`.

    `named` is the strength of its strongest sure mention, 0 to 1; `is_led`: one of them leads it.
    `about` is `named`, or more that carries over from the sentence before it; `words` are counted.
    """

    text: str
    start: int
    mentions: Sequence[Mention]
    others: Sequence[Match]
    named: float = 0.0
    about: float = 0.0
    is_led: bool = False
    words: int = field(init=False)

    def __post_init__(self) -> None:
        letters = 0 if self.text.isascii() else len(UNSPACED_LETTER.findall(self.text))
        self.words = self.text.count(" ") + 1 + letters


class AnnotatedText:
    """A text with what it says of a topic; features are computed from it.

    `passages` are the paragraphs that mention the topic; others are not split. `sure` are mentions
    in headlines and body of entities no wider than the topic, of these `kinds`. `others` counts
    names by other state or region, `genres` words by genre, `words` all words of the body.
    """

    def __init__(
        self,
        found: Mapping[str, list[list[Sentence]]],
        others: Iterable[Match] | None,
        genre_words: Iterable[Match],
    ) -> None:
        self.titles, self.subtitles, self.body, tags = (
            list(chain(*found[field])) for field in ("title", "subtitle", "body", "tags")
        )
        self.paragraphs = found["body"]
        self.passages = [each for each in self.paragraphs if any(s.mentions for s in each)]
        self.sentences = [*self.titles, *self.subtitles, *self.body]
        self.mentions = [each for one in self.sentences + tags for each in one.mentions]
        named = (each for one in self.sentences for each in one.mentions)
        self.sure = [each for each in named if each.entity.weight >= SURE_WEIGHT]
        self.kinds = {each.entity.kind for each in self.sure}
        even = {"": len(self.sure)}  # nothing competes: half of all names, about the average
        self.others = Counter(even if others is None else (each.owner for each in others))
        self.genres = Counter(each.owner for each in genre_words)
        self.words = sum(each.words for each in self.body)


def states() -> dict[str, list[str]]:
    """The names of each state by ISO 3166 code; the first is its English name."""
    names: dict[str, list[str]] = _read("others.toml")["states"]
    return names


def other_words() -> Iterator[Spelling]:
    """The names of other states and regions, and the words of genres, as spellings to match."""
    for owner, names in (states() | _read("others.toml")["regions"]).items():
        for name in names:
            yield Spelling(name, "exact" if name.isupper() else "capital", owner, OTHERS)
    for genre, words in _read("genres.toml").items():
        for word in words:
            yield Spelling(word, "capital", genre, GENRES)


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def annotate(
    text: FlaggableText,
    mentions: Sequence[Mention],
    other_names: Iterable[Match] | None,
    genre_words: Iterable[Match],
) -> AnnotatedText:
    """Annotate a text for the topic of `mentions`; `other_names` compete if they overlap none."""
    ends, others = [mention.end for mention in mentions], list[Match]()
    for each in other_names or ():
        following = bisect_right(ends, each.start)
        is_free = following == len(mentions) or mentions[following].start >= each.end
        if is_free and (not others or others[-1].end <= each.start):
            others.append(each)
    is_english = text.joined.count(" the ") > _ENGLISH * text.joined.count(" ")
    found: dict[str, list[list[Sentence]]] = defaultdict(list)
    for zone in text.zones:
        inside = within(mentions, zone.start, zone.end)
        sentences = _sentences(zone, inside, within(others, zone.start, zone.end))
        if is_english:
            _carry(sentences)
        found[zone.field].append(sentences)
    return AnnotatedText(found, None if other_names is None else others, genre_words)


def _sentences(zone: Zone, mentions: Sequence[Mention], others: Sequence[Match]) -> list[Sentence]:
    if not mentions:
        return [Sentence(zone.text, zone.start, (), others)]
    sentences: list[Sentence] = []
    dateline = _DATELINE.match(zone.text) if zone.paragraph == 0 else None
    dateline_end = zone.start + (dateline.end() if dateline else 0)
    for start, end in sentence_spans(zone.text):
        first, last = zone.start + start, zone.start + end
        inside, others_inside = within(mentions, first, last), within(others, first, last)
        sentence = Sentence(zone.text[start:end], first, inside, others_inside)
        if inside and zone.field != "tags":
            _set_roles(sentence, dateline_end)
            sure = [each for each in sentence.mentions if each.is_sure]
            sentence.named = sentence.about = max((e.strength for e in sure), default=0.0)
            sentence.is_led = any(each.role is Role.LEADS for each in sure)
        sentences.append(sentence)
    return sentences


def _set_roles(sentence: Sentence, dateline_end: int) -> None:
    """Set the role of each mention in a sentence; a dateline ends at `dateline_end`."""
    first = sentence.start
    listed = _listed(sentence.text, [each.start - first for each in sentence.mentions])
    if len({each.owner for each in sentence.others}) > _MOST_STATES:
        begin, end = sentence.others[0].start, sentence.others[-1].start
        listed |= {each.start - first for each in within(sentence.mentions, begin, end)}
    beginning = _BEGINNING.match(sentence.text)
    leading = first + (beginning.end() if beginning else 0)
    if sentence.others:
        leading = min(leading, sentence.others[0].start)
    for mention in sentence.mentions:
        if mention.role is Role.NAMED:
            if mention.start < dateline_end or mention.start - first in listed:
                mention.role = Role.LISTED
            elif mention.start < leading:
                mention.role = Role.LEADS


def _carry(sentences: Sequence[Sentence]) -> None:
    """Carry `about` over from a sentence that the topic leads to those after it.

    For English only: in other languages, the names of other entities are incomplete.
    """
    kept = 0.0
    for sentence in sentences:
        kept *= _BESIDE_OTHERS if sentence.others else _GOES_ON
        sentence.about = max(sentence.named, kept)
        if sentence.named >= NAMES:
            kept = sentence.named if sentence.is_led else 0.0


def _listed(text: str, names: Sequence[int]) -> set[int]:
    """Those of `names` (start offsets) in a list with two or more other names."""
    listed: set[int] = set()
    for found in _LIST.finditer(text):
        ends = [each.start() for each in _NEXT.finditer(text, found.start(), found.end())]
        ends.append(found.end())
        ours = names[bisect_left(names, found.start()) : bisect_left(names, found.end())]
        if len(ends) - len({bisect_right(ends, name) for name in ours}) >= _LEAST_OTHERS:
            listed.update(ours)
    return listed
