"""Fitting the model from labelled lines, with the figures it reaches on texts it has not seen.

scikit-learn does it (the extra `fit`); nothing else imports it. The same lines give the same
weights. A line may say `weight` (default 1; less for a label that can be argued about) and
`source`: of a file with several sources one source at a time is held out, else the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rscrawler.errors import ConfigurationError
from rscrawler.items import Level, TopicFlag
from rscrawler.topics.evaluation import Evaluation, Judgement, text_of_line
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import Model, Weights

# The less, the closer to zero the weights are held.
_STRENGTH = 0.1
_DIGITS = 4


@dataclass(frozen=True)
class _Row:
    """A labelled line, its file, its features (None: the topic is not named) and its fold."""

    line: Mapping[str, Any]
    part: str
    values: list[float] | None

    @property
    def fold(self) -> tuple[str, str]:
        return self.part, str(self.line.get("source", ""))

    @property
    def level(self) -> Level:
        return Level(self.line["level"])

    @property
    def is_flagged(self) -> bool:
        return self.level.reaches(Level.SUBSTANTIAL)


def fit(flagger: Flagger, topic: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Model:
    """Fit the model on the labelled lines of all `parts`, by name.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the lines lack a level.
    """
    rows: list[_Row] = []
    for name, lines in parts.items():
        rows += [
            _Row(line, name, flagger.features(text_of_line(line)).get(topic)) for line in lines
        ]
    named = [row for row in rows if row.values is not None]
    if not {Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY} <= {row.level for row in named}:
        raise ConfigurationError("labelled lines: mention, substantial and primary must be there")
    judged: dict[str, list[Any]] = {name: [] for name in parts}
    for fold in dict.fromkeys(row.fold for row in rows):
        model = _fitted([row for row in named if row.fold != fold])
        for row in rows:
            if row.fold == fold:
                flag = TopicFlag(topic, *model.judge(row.values)) if row.values else None
                judged[row.part].append(Judgement.of({**row.line, "countries": None}, flag))
    figures = {name: Evaluation(topic, tuple(found)).figures for name, found in judged.items()}
    whole = tuple(each for found in judged.values() for each in found)
    return _fitted(named, {**figures, "all": Evaluation(topic, whole).figures})


def _fitted(rows: Sequence[_Row], figures: Mapping[str, Any] | None = None) -> Model:
    flagged = [row for row in rows if row.is_flagged]
    weights = [float(row.line.get("weight", 1.0)) for row in rows]
    columns = zip(*(row.values or () for row in rows), strict=True)
    return Model(
        flagged=_regression(rows, [row.is_flagged for row in rows]),
        primary=_regression(flagged, [row.level is Level.PRIMARY for row in flagged]),
        averages=tuple(
            round(sum(w * v for w, v in zip(weights, column, strict=True)) / sum(weights), _DIGITS)
            for column in columns
        ),
        figures=figures or {},
    )


def _regression(rows: Sequence[_Row], answers: Sequence[bool]) -> Weights:
    """A logistic regression over features of one scale, told in the features' own scales."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ConfigurationError("topics fit needs scikit-learn: rscrawler[fit]") from error
    values = [row.values for row in rows]
    scaler = StandardScaler().fit(values)
    regression = LogisticRegression(C=_STRENGTH, solver="newton-cholesky")
    weights = [float(row.line.get("weight", 1.0)) for row in rows]
    regression.fit(scaler.transform(values), answers, sample_weight=weights)
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), tuple(round(float(slope), _DIGITS) for slope in slopes))
