"""What the model knows of a text: some named numbers, the same for every topic.

Each is a row of `FEATURES`: its name, what it says to an analyst, and how it is worked out.
Counts are logarithms, since the tenth sentence says less than the second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log1p, sqrt

from rscrawler.topics.reading import (
    NAMES,
    TOUCHES,
    Part,
    Reading,
    Sentence,
    best_pair,
    longest_run,
)

_SHORT = 25  # words; a shorter text counts as this long
_GENRE_UNIT = 20  # words of a genre in a thousand that count as 1


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about a text, and what it means."""

    name: str
    meaning: str
    of: Callable[[Reading], float]


def _best(sentences: Sequence[Sentence]) -> float:
    return max((each.named for each in sentences), default=0.0)


def _share_about(reading: Reading) -> float:
    about = sum(each.about * each.words for each in reading.body)
    return about / max(_SHORT, reading.words)


def _naming(reading: Reading) -> int:
    return sum(each.named >= NAMES for each in reading.body)


def _naming_paragraphs(reading: Reading) -> int:
    return sum(any(each.named >= NAMES for each in found) for found in reading.paragraphs)


def _run(reading: Reading) -> int:
    return longest_run([each.named for each in reading.body], NAMES)


def _paragraph_words(reading: Reading) -> float:
    return max(
        (sum(each.about * each.words for each in found) for found in reading.paragraphs),
        default=0.0,
    )


def _paragraph_share(reading: Reading) -> float:
    return max(
        (
            sum(each.about * each.words for each in found)
            / max(15, sum(each.words for each in found))
            for found in reading.paragraphs
        ),
        default=0.0,
    )


def _ratio(reading: Reading, others: int) -> float:
    names = len(reading.sure)
    return names / (names + others) if names else 0.0


def _of_sure(reading: Reading, part: Part) -> float:
    return sum(each.part is part for each in reading.sure) / max(1, len(reading.sure))


def _genre(name: str) -> Callable[[Reading], float]:
    def density(reading: Reading) -> float:
        return 1000 * reading.genres.get(name, 0) / (reading.words + 60) / _GENRE_UNIT

    return density


FEATURES = (
    Feature("title", "the title names it", lambda r: _best(r.titles)),
    Feature("title_led", "the title begins with it", lambda r: float(any(s.is_led for s in r.titles))),
    Feature("title_others", "the title names others and not it", lambda r: float(
        _best(r.titles) < TOUCHES and any(s.others for s in r.titles))),
    Feature("subtitle", "the subtitle names it", lambda r: _best(r.subtitles)),
    Feature("lead", "the first two sentences name it", lambda r: _best(r.body[:2])),
    Feature("first_paragraph", "the first paragraph is about it", lambda r: max(
        (s.about for s in (r.paragraphs[0] if r.paragraphs else ())), default=0.0)),
    Feature("sentences_share", "share of sentences that name it", lambda r: _naming(r) / max(1, len(r.body))),
    Feature("words_share", "share of words in sentences about it", _share_about),
    Feature("words_share_root", "the same, where little counts more", lambda r: sqrt(_share_about(r))),
    Feature("paragraphs_share", "share of paragraphs that name it", lambda r: _naming_paragraphs(r) / max(1, len(r.paragraphs))),
    Feature("sentences", "how many sentences name it", lambda r: log1p(_naming(r))),
    Feature("paragraphs", "how many paragraphs name it", lambda r: log1p(_naming_paragraphs(r))),
    Feature("words", "how many words are in sentences about it", lambda r: log1p(_share_about(r) * max(_SHORT, r.words) / 20)),
    Feature("single", "one sentence at most names it", lambda r: float(sum(s.named >= TOUCHES for s in r.body) <= 1)),
    Feature("run", "longest row of sentences that name it", lambda r: log1p(_run(r))),
    Feature("run_about", "longest row of sentences about it in a paragraph", lambda r: log1p(max((longest_run([s.about for s in p], 0.4) for p in r.paragraphs), default=0))),
    Feature("pair", "two sentences side by side name it", lambda r: best_pair([s.named for s in r.body])),
    Feature("pair_inside", "two sentences side by side in a paragraph name it", lambda r: max((best_pair([s.named for s in p]) for p in r.paragraphs), default=0.0)),
    Feature("pair_about", "two sentences side by side in a paragraph are about it", lambda r: max((best_pair([s.about for s in p]) for p in r.paragraphs), default=0.0)),
    Feature("paragraph_words", "words about it in its best paragraph", lambda r: log1p(_paragraph_words(r) / 20)),
    Feature("paragraph_share", "share of its best paragraph", _paragraph_share),
    Feature("leading", "how many sentences it leads", lambda r: log1p(sum(s.is_led for s in r.body))),
    Feature("leads", "it leads a sentence", lambda r: float(any(s.is_led for s in r.body))),
    Feature("ratio_all", "its names among those of all states", lambda r: _ratio(r, r.others.total())),
    Feature("ratio_first", "its names beside those of the other state named most", lambda r: _ratio(r, max(r.others.values(), default=0))),
    Feature("listed", "share of its names in lists of others", lambda r: _of_sure(r, Part.LISTED)),
    Feature("names", "how often it is named", lambda r: log1p(len(r.sure))),
    Feature("different", "how many different names of it", lambda r: log1p(len({m.hit.entity.name for m in r.sure}))),
    Feature("length", "length of the text", lambda r: log(r.words + 20)),
    Feature("persons", "its people are named", lambda r: float(any(m.hit.entity.kind == "person" and not m.hit.passing for m in r.mentions))),
    Feature("peoples_only", "only a people is named", lambda r: float(bool(r.mentions) and all(m.hit.entity.kind == "people" for m in r.mentions))),
    Feature("places_only", "only places are named", lambda r: float(bool(r.mentions) and all(m.hit.entity.kind == "place" for m in r.mentions))),
    Feature("passing", "share of names that only pass by", lambda r: sum(m.hit.passing for m in r.mentions) / max(1, len(r.mentions))),
    Feature("sport", "words of sport", _genre("sport")),
    Feature("space", "words of spaceflight", _genre("space")),
    Feature("goods", "words of goods, food and pets", _genre("goods")),
    Feature("fiction", "words of film, books and stage", _genre("fiction")),
    Feature("exhibition", "words of museums and art", _genre("exhibition")),
    Feature("politics", "words of politics", _genre("politics")),
    Feature("markets", "words of markets", _genre("markets")),
    Feature("notice", "words of law firms' notices", _genre("notice")),
    Feature("stars", "words of horoscopes and quizzes", _genre("stars")),
)  # fmt: skip


def features_of(reading: Reading) -> list[float]:
    """The value of each of `FEATURES`."""
    return [feature.of(reading) for feature in FEATURES]
