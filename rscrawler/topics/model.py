"""The features of a text, and the model that computes its level and score from them.

The features, rows of `FEATURES`, are the same for every topic. Counts are logarithms, since the
tenth sentence says less than the second. Further ones made no difference on held-out texts.

The model is two logistic regressions over the features: whether a text is flagged, and
whether a flagged text is primary. `model.json` holds their weights, the average of each
feature, and the figures reached on held-out texts; `rscrawler topics fit` writes it.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, log, log1p
from operator import mul
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.topics.contexts import Role
from rscrawler.topics.salience import NAMES, AnnotatedText, Sentence

MODEL_FILE = Path(__file__).with_name("model.json")
_LEAST, _DIGITS = 0.001, 3  # of a score
_PASSAGE = 60  # words; shorter paragraphs are joined, as news often has one sentence a paragraph
_ITEM = 20  # words under a heading; less is a line of a list
_LEAD = 2  # words before the name in a run-in heading; "He was born in Tajikistan." is none
_REFERS_BACK = re.compile(
    r"\W{0,3}(?:It|Its|They|Their|There|The (?:country|state|republic|government|region))\b"
)


@dataclass(frozen=True, slots=True)
class Feature:
    """A number computed from a text; "it" in its `meaning` is the topic."""

    name: str
    meaning: str
    of: Callable[[AnnotatedText], float]


def features_of(text: AnnotatedText) -> list[float]:
    """The values of `FEATURES`, in order."""
    return [float(feature.of(text)) for feature in FEATURES]


def _most(values: Iterable[float]) -> float:
    return max(values, default=0.0)


def _named(sentences: Sequence[Sentence]) -> float:
    return _most(each.named for each in sentences)


def _best_pair(values: Sequence[float]) -> float:
    return _most(map(min, pairwise(values)))  # 0 for fewer than two values


def _share(some: float, of: int) -> float:
    return some / of if of else 0.0


def _words(sentences: Sequence[Sentence]) -> int:
    return sum(each.words for each in sentences)


def _words_about(sentences: Sequence[Sentence]) -> float:
    return sum(each.about * each.words for each in sentences)


def _passage_share(text: AnnotatedText) -> float:
    passages = [list[Sentence]()]
    for paragraph in text.paragraphs:
        if _words(passages[-1]) >= _PASSAGE:
            passages.append([])
        passages[-1] += paragraph
    if len(passages) > 1 and _words(passages[-1]) < _PASSAGE:
        passages[-2:] = [passages[-2] + passages[-1]]
    return _most(_share(_words_about(each), _words(each)) for each in passages)


def _is_referred_back_to(text: AnnotatedText) -> bool:
    return any(
        one.is_led and following.named < NAMES and _REFERS_BACK.match(following.text)
        for paragraph in text.passages
        for one, following in pairwise(paragraph)
    )


def _is_headed(paragraph: Sequence[Sentence], following: Sequence[Sentence]) -> bool:
    opening = paragraph[0]
    is_item = opening.is_led and _words([*paragraph, *following]) >= _ITEM
    reach = len(opening.text) - len("".join(opening.text.split(None, _LEAD)[_LEAD:]))
    ends = (e.end - opening.start for e in opening.mentions if e.start - opening.start <= reach)
    return is_item and any(opening.text[end : end + 1] in (".", ":", "") for end in ends)


def _genre(name: str) -> Callable[[AnnotatedText], float]:
    # The first word does not count; 20 more in a thousand words give a value of about 1.
    return lambda r: 50 * max(0, r.genres[name] - 1) / (r.words + 30)


FEATURES = (
    Feature("title", "the title or subtitle names it", lambda r: _named(r.titles + r.subtitles)),
    Feature("brief_title", "the title or subtitle of a short text names it",
            lambda r: _named(r.titles + r.subtitles) / (1 + r.words / 60)),
    Feature("lead", "the first sentence names it", lambda r: _named(r.body[:1])),
    Feature("paragraphs_share", "share of paragraphs that name it",
            lambda r: _share(sum(_named(p) >= NAMES for p in r.passages), len(r.paragraphs))),
    Feature("several", "two sentences or more name it",
            lambda r: sum(s.named >= NAMES for s in r.body) > 1),
    Feature("pair", "two sentences in a row name it",
            lambda r: _best_pair([s.named for s in r.body])),
    Feature("pair_about", "two sentences in a row are about it",
            lambda r: _most(_best_pair([s.about for s in p]) for p in r.passages)),
    Feature("goes_on", "the sentence after one that begins with it refers back to it",
            _is_referred_back_to),
    Feature("heading", "a paragraph has its name as a heading",
            lambda r: any(_is_headed(*two) for two in pairwise([*r.paragraphs, []]))),
    Feature("paragraph_words", "most words about it in one paragraph, as a logarithm",
            lambda r: log1p(_most(map(_words_about, r.passages)) / 20)),
    Feature("passage_share", "its highest share of a paragraph, short ones joined", _passage_share),
    Feature("ratio_first", "its names as a share of its and the most named other state's",
            lambda r: _share(len(r.sure), len(r.sure) + max(r.others.values(), default=0))),
    Feature("listed", "share of its names in datelines or lists of other names",
            lambda r: _share(sum(m.role is Role.LISTED for m in r.sure), len(r.sure))),
    Feature("different", "its different entities named, as a logarithm",
            lambda r: log1p(len({m.entity.name for m in r.sure}))),
    Feature("length", "words of the text, as a logarithm", lambda r: log(r.words + 20)),
    Feature("persons", "one of its persons is named", lambda r: "person" in r.kinds),
    Feature("places_only", "only places are named", lambda r: r.kinds == {"place"}),
    Feature("sport", "words of sport", _genre("sport")),
    Feature("space", "words of spaceflight", _genre("space")),
    Feature("exhibition", "words of museums and art", _genre("exhibition")),
    Feature("politics", "words of politics", _genre("politics")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression: the intercept `start`, and weights in the order of `FEATURES`."""

    start: float
    weights: dict[str, float]

    def probability(self, values: Sequence[float]) -> float:
        """The probability for a text with these features, 0 to 1."""
        log_odds = self.start + sum(map(mul, self.weights.values(), values))
        return 1 / (1 + exp(-max(-30.0, min(30.0, log_odds))))


@dataclass(frozen=True)
class FlagModel:
    """Both regressions, the features' averages over the fitted texts, and held-out figures."""

    flagged: Weights
    primary: Weights
    averages: dict[str, float]
    figures: dict[str, dict[str, Any]]

    def judge(
        self, values: Sequence[float], flagged: float = 0.5, primary: float = 0.5
    ) -> tuple[Level, float]:
        """The level and the score of a text with these features.

        The score is the probability that the text is worth a flag. Below `flagged` the level is
        a mention; else it is primary if the probability of that is at least `primary`.
        """
        score = max(_LEAST, round(self.flagged.probability(values), _DIGITS))
        if score < flagged:
            return Level.MENTION, score
        is_primary = self.primary.probability(values) >= primary
        return Level.PRIMARY if is_primary else Level.SUBSTANTIAL, score

    def shares(self, values: Sequence[float]) -> list[float]:
        """What each feature adds to the log-odds of a flag, compared with an average text."""
        rows = zip(self.flagged.weights.values(), values, self.averages.values(), strict=True)
        return [weight * (value - average) for weight, value, average in rows]


@cache
def shipped_model() -> FlagModel:
    """The model in `model.json`.

    Raises:
        ConfigurationError: it was fitted on other features than `FEATURES`.
    """
    model = TypeAdapter(FlagModel).validate_json(MODEL_FILE.read_bytes())
    if list(model.averages) != [feature.name for feature in FEATURES]:
        raise ConfigurationError(f"{MODEL_FILE}: was fitted on other features; run topics fit")
    return model
