"""Fitting the model from labelled lines, with the figures it reaches on texts it has not seen.

scikit-learn does it (the extra `fit`); nothing else imports it. The same lines give the same
weights. A line may say `weight` (default 1; less for a label that can be argued about) and
`source`: of a file with several sources one source at a time is held out, else the whole file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rscrawler.errors import ConfigurationError, MissingExtra
from rscrawler.items import Level, TopicFlag
from rscrawler.topics.evaluation import Evaluation, Judgement, text_of_line
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import FEATURES, Model, Weights

# The less, the closer to zero the weights are held.
_STRENGTH = 0.1
_DIGITS = 4
# Labelled lines by the name of their file.
Parts = Mapping[str, Sequence[Mapping[str, Any]]]


class Row(NamedTuple):
    """A labelled line, its fold (file and source), and its features; none: nothing is named."""

    line: Mapping[str, Any]
    fold: tuple[str, str]
    values: list[float]

    @property
    def level(self) -> Level:
        """The level it is labelled with."""
        return Level(self.line["level"])


def rows_of(flagger: Flagger, parts: Parts) -> list[Row]:
    """The labelled lines of all `parts` with their features."""
    return [
        Row(
            {**line, "countries": None},
            (name, str(line.get("source", ""))),
            flagger.features(text_of_line(line)).get(flagger.topics[0], []),
        )
        for name, lines in parts.items()
        for line in lines
    ]


def held_out(rows: Sequence[Row]) -> dict[str, Evaluation]:
    """How models judge the rows of each file, and of `all`, each fitted without their fold."""
    judged: dict[str, list[Judgement]] = {row.fold[0]: [] for row in rows}
    for fold in dict.fromkeys(row.fold for row in rows):
        model = _fitted([row for row in rows if row.fold != fold], {})
        for row in rows:
            if row.fold == fold:
                verdict = model.judge(row.values) if row.values else (Level.NONE, 0.0)
                judged[fold[0]].append(Judgement.of(row.line, TopicFlag("", *verdict)))
    judged["all"] = [each for found in judged.values() for each in found]
    return {name: Evaluation("", tuple(found)) for name, found in judged.items()}


def fit(flagger: Flagger, parts: Parts) -> Model:
    """Fit the model on the labelled lines of all `parts`, read for the first watch-list.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the lines lack a level.
    """
    rows = rows_of(flagger, parts)
    if not {Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY} <= {r.level for r in rows if r.values}:
        raise ConfigurationError("labelled lines: mention, substantial and primary must be there")
    return _fitted(rows, {name: each.figures for name, each in held_out(rows).items()})


def _fitted(rows: Sequence[Row], figures: dict[str, dict[str, Any]]) -> Model:
    named = [row for row in rows if row.values]
    worthy = [row for row in named if row.level.reaches(Level.SUBSTANTIAL)]
    flagged, averages = _regression(named, Level.SUBSTANTIAL)
    primary, _ = _regression(worthy, Level.PRIMARY)
    return Model(flagged, primary, averages, figures)


def _regression(rows: Sequence[Row], level: Level) -> tuple[Weights, dict[str, float]]:
    """Whether rows reach `level`, and the average of each feature.

    A logistic regression over features of one scale, told in the features' own scales.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("topics fit", "scikit-learn", "fit") from error
    weights = [float(row.line.get("weight", 1.0)) for row in rows]
    scaler = StandardScaler()
    values = scaler.fit_transform([row.values for row in rows])
    regression = LogisticRegression(C=_STRENGTH, solver="newton-cholesky")
    regression.fit(values, [row.level.reaches(level) for row in rows], sample_weight=weights)
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), _rounded(slopes)), _rounded(scaler.mean_)


def _rounded(values: Iterable[float]) -> dict[str, float]:
    names = (feature.name for feature in FEATURES)
    return {name: round(float(value), _DIGITS) for name, value in zip(names, values, strict=True)}
