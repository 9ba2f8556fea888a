"""Evaluates a watch-list on labelled texts and against stored flags, and fits the model.

Fitting needs scikit-learn (extra `fit`); the same lines give the same weights. Each `source` of a
file's lines, or the whole file, is held out in turn. `weight` (default 1): less if debatable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any, NamedTuple

from rscrawler.errors import ConfigurationError, MissingExtra
from rscrawler.items import Article, Level, TopicFlag
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import FEATURES, FlagModel, Weights
from rscrawler.topics.text import FlaggableText

_FLAGGED = Level.SUBSTANTIAL
_LEARNT = {Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY}
_INVERSE_REGULARIZATION = 0.1  # the lower, the closer to zero the weights
_DIGITS = 4
Parts = Mapping[str, Sequence[Mapping[str, Any]]]  # labelled lines by file name


@dataclass(frozen=True)
class Prediction:
    """A labelled text, and the flag that it gets.

    `id` is that of the line, a text or a number. `expected_countries` is None if the label is
    below substantial or has no countries.
    """

    id: Any
    title: str
    expected: Level
    expected_countries: tuple[str, ...] | None
    level: Level
    score: float
    countries: tuple[str, ...]

    @classmethod
    def of(cls, line: Mapping[str, Any], flag: TopicFlag) -> Prediction:
        """The prediction for a labelled line."""
        expected = Level(line["level"])
        labelled = line.get("countries") if expected.reaches(_FLAGGED) else None
        countries = None if labelled is None else tuple(sorted(labelled))
        flagged = (flag.level, flag.score, flag.countries)
        return cls(line["id"], line.get("title") or "", expected, countries, *flagged)

    @property
    def has_countries(self) -> bool:
        """Whether its countries can be compared: it is flagged, and they are labelled."""
        return self.expected_countries is not None and self.level.reaches(_FLAGGED)

    @property
    def difference(self) -> str:
        """Label → flag where they differ, as `mention → primary`; empty if they agree."""
        parts = [] if self.expected is self.level else [f"{self.expected} → {self.level}"]
        if self.has_countries and self.expected_countries != self.countries:
            expected, given = " ".join(self.expected_countries or ()), " ".join(self.countries)
            parts.append(f"countries {expected or 'none'} → {given or 'none'}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Evaluation:
    """Labelled texts with their flags, and the figures; "flagged" is substantial or primary."""

    topic: str
    predictions: tuple[Prediction, ...]

    @property
    def misses(self) -> list[Prediction]:
        """The texts whose level or countries differ from the label."""
        return [each for each in self.predictions if each.difference]

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """The number of texts by label and level."""
        counts = {str(expected): {str(level): 0 for level in Level} for expected in Level}
        for each in self.predictions:
            counts[each.expected][each.level] += 1
        return counts

    @property
    def figures(self) -> dict[str, Any]:
        """Precision, recall and F1 of the flags; the shares of right levels and countries.

        Countries are compared where label and watch-list both flag a text and the label has
        countries; None without such texts.
        """
        wanted = [each for each in self.predictions if each.expected.reaches(_FLAGGED)]
        given = [each for each in self.predictions if each.level.reaches(_FLAGGED)]
        hits = sum(each.level.reaches(_FLAGGED) for each in wanted)
        right = sum(each.expected is each.level for each in self.predictions)
        both = [each for each in wanted if each.has_countries]
        right_countries = sum(each.expected_countries == each.countries for each in both)
        return {
            "texts": len(self.predictions),
            "precision": _ratio(hits, len(given)),
            "recall": _ratio(hits, len(wanted)),
            "f1": _ratio(2 * hits, len(wanted) + len(given)),
            "levels_right": _ratio(right, len(self.predictions)),
            "countries_right": _ratio(right_countries, len(both)) if both else None,
        }

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        keys = ("id", "level", "score", "countries")
        return {
            "topic": self.topic,
            **self.figures,
            "confusion": self.confusion,
            "predictions": [{key: getattr(each, key) for key in keys} for each in self.predictions],
            "misses": [asdict(each) for each in self.misses],
        }


def _ratio(some: float, of: float) -> float:
    """`some / of`, to 4 digits; 1 if `of` is 0."""
    return round(some / of, 4) if of else 1.0


def evaluate(flagger: Flagger, lines: Iterable[Mapping[str, Any]]) -> Evaluation:
    """Judge labelled `lines` by the flagger's first watch-list.

    A line is `{id, title, text, level}` and may have `subtitle`, `tags` and `countries`.
    """
    flags = ((line, flagger.first_flag(FlaggableText.from_line(line))) for line in lines)
    return Evaluation(flagger.topics[0], tuple(Prediction.of(line, flag) for line, flag in flags))


@dataclass(frozen=True)
class LevelChange:
    """A stored article whose level the present watch-list would change."""

    article_id: str
    url: str
    title: str | None
    before: Level
    after: Level
    score: float
    countries: tuple[str, ...]


@dataclass
class Backtest:
    """What the present watch-list would change among stored articles. Nothing is written."""

    topic: str
    total: int
    skipped: int  # not in `total`: their text has been pruned
    flagged_before: int
    flagged_after: int
    changes: list[LevelChange]


def backtest(flagger: Flagger, articles: Iterable[Article]) -> Backtest:
    """Judge stored articles by the flagger's first watch-list; compare with the stored flags."""
    topic = flagger.topics[0]
    result = Backtest(topic, 0, 0, 0, 0, [])
    for article in articles:
        if article.is_pruned:
            result.skipped += 1
            continue
        before = article.level_on(topic)
        flag = flagger.first_flag(FlaggableText.from_article(article))
        result.total += 1
        result.flagged_before += before.reaches(_FLAGGED)
        result.flagged_after += flag.level.reaches(_FLAGGED)
        if before is not flag.level:
            known = (article.article_id, article.url, article.title, before)
            result.changes.append(LevelChange(*known, flag.level, flag.score, flag.countries))
    return result


class Row(NamedTuple):
    """A labelled line, its fold (file, source) and features; none if the topic is not named."""

    line: Mapping[str, Any]
    level: Level
    fold: tuple[str, str]
    values: list[float]


def rows_of(flagger: Flagger, parts: Parts) -> list[Row]:
    """The labelled lines of all `parts`, with their features for the first watch-list."""
    return [
        Row(
            {**line, "countries": None},
            Level(line["level"]),
            (name, str(line.get("source", ""))),
            flagger.features(FlaggableText.from_line(line)).get(flagger.topics[0], []),
        )
        for name, lines in parts.items()
        for line in lines
    ]


def held_out(rows: Sequence[Row]) -> dict[str, Evaluation]:
    """Rows judged by a model fitted without their fold: by file, and `all` files.

    Raises:
        ConfigurationError: as `fit`.
    """
    found: dict[str, list[Prediction]] = {row.fold[0]: [] for row in rows}
    for fold in dict.fromkeys(row.fold for row in rows):
        others = [row for row in rows if row.fold != fold]
        if not _LEARNT.issubset(row.level for row in others if row.values):
            held = " ".join(filter(None, fold))
            raise ConfigurationError(
                f"labelled lines other than {held}, which is held out: need "
                "each of mention, substantial and primary; add a file, or a `source` to each line"
            )
        model = _fitted(others, {})
        for row in rows:
            if row.fold == fold:
                level, score = model.judge(row.values) if row.values else (Level.NONE, 0.0)
                found[fold[0]].append(Prediction.of(row.line, TopicFlag("", level, score)))
    found["all"] = list(chain(*found.values()))
    return {name: Evaluation("", tuple(each)) for name, each in found.items()}


def fit(flagger: Flagger, parts: Parts) -> FlagModel:
    """Fit the model on the labelled lines of all `parts`, for the first watch-list.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the lines outside a fold lack a level.
    """
    rows = rows_of(flagger, parts)
    return _fitted(rows, {name: each.figures for name, each in held_out(rows).items()})


def _fitted(rows: Sequence[Row], figures: dict[str, dict[str, Any]]) -> FlagModel:
    named = [row for row in rows if row.values]
    worthy = [row for row in named if row.level.reaches(Level.SUBSTANTIAL)]
    flagged, averages = _regression(named, Level.SUBSTANTIAL)
    primary, _ = _regression(worthy, Level.PRIMARY)
    return FlagModel(flagged, primary, averages, figures)


def _regression(rows: Sequence[Row], level: Level) -> tuple[Weights, dict[str, float]]:
    """A logistic regression on whether rows reach `level`, and the average of each feature.

    It is fitted on standardized features; the weights are converted to the features' own scales.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("topics fit", "scikit-learn", "fit") from error
    weights = [float(row.line.get("weight", 1.0)) for row in rows]
    scaler = StandardScaler()
    values = scaler.fit_transform([row.values for row in rows])
    regression = LogisticRegression(C=_INVERSE_REGULARIZATION, solver="newton-cholesky")
    regression.fit(values, [row.level.reaches(level) for row in rows], sample_weight=weights)
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), _rounded(slopes)), _rounded(scaler.mean_)


def _rounded(values: Iterable[float]) -> dict[str, float]:
    names = (feature.name for feature in FEATURES)
    return {name: round(float(value), _DIGITS) for name, value in zip(names, values, strict=True)}
