"""Fitting the model from labelled lines, with the figures it reaches on texts it has not seen.

scikit-learn does it (the extra `fit`); nothing else imports it. The same lines give the same
weights. A line may say `weight` (default 1; less for a label that can be argued about) and
`source`: of a file with several sources one source at a time is held out, else the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rscrawler.errors import ConfigurationError, MissingExtra
from rscrawler.items import Level, TopicFlag
from rscrawler.topics.evaluation import Evaluation, Judgement, text_of_line
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import Model, Weights

# The less, the closer to zero the weights are held.
_STRENGTH = 0.1
_DIGITS = 4


class Row(NamedTuple):
    """A labelled line, its fold (file and source), and its features; none: nothing is named."""

    line: Mapping[str, Any]
    fold: tuple[str, str]
    values: list[float]

    @property
    def level(self) -> Level:
        """The level it is labelled with."""
        return Level(self.line["level"])

    @property
    def weight(self) -> float:
        """How much it counts."""
        return float(self.line.get("weight", 1.0))


def rows_of(
    flagger: Flagger, topic: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[Row]:
    """The labelled lines of all `parts`, by name, with their features."""
    return [
        Row(
            {**line, "countries": None},
            (name, str(line.get("source", ""))),
            flagger.features(text_of_line(line)).get(topic, []),
        )
        for name, lines in parts.items()
        for line in lines
    ]


def held_out(rows: Sequence[Row], topic: str) -> dict[str, Evaluation]:
    """How models judge the rows of each file, and of `all`, each fitted without their fold."""
    judged: dict[str, list[Judgement]] = {row.fold[0]: [] for row in rows}
    for fold in dict.fromkeys(row.fold for row in rows):
        model = _fitted([row for row in rows if row.fold != fold], {})
        for row in rows:
            if row.fold == fold:
                flag = TopicFlag(topic, *model.judge(row.values)) if row.values else None
                judged[fold[0]].append(Judgement.of(row.line, flag))
    judged["all"] = [each for found in judged.values() for each in found]
    return {name: Evaluation(topic, tuple(found)) for name, found in judged.items()}


def fit(flagger: Flagger, topic: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Model:
    """Fit the model on the labelled lines of all `parts`, by name.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the lines lack a level.
    """
    rows = rows_of(flagger, topic, parts)
    if not {Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY} <= {r.level for r in rows if r.values}:
        raise ConfigurationError("labelled lines: mention, substantial and primary must be there")
    return _fitted(rows, {name: each.figures for name, each in held_out(rows, topic).items()})


def _fitted(rows: Sequence[Row], figures: Mapping[str, Any]) -> Model:
    rows = [row for row in rows if row.values]
    flagged = [row for row in rows if row.level.reaches(Level.SUBSTANTIAL)]
    total = sum(row.weight for row in rows)
    columns = zip(
        *([value * row.weight / total for value in row.values] for row in rows), strict=True
    )
    return Model(
        flagged=_regression(rows, Level.SUBSTANTIAL),
        primary=_regression(flagged, Level.PRIMARY),
        averages=tuple(round(sum(column), _DIGITS) for column in columns),
        figures=figures,
    )


def _regression(rows: Sequence[Row], level: Level) -> Weights:
    """Whether rows reach `level`: a logistic regression over features of one scale.

    It is told in the features' own scales.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("topics fit", "scikit-learn", "fit") from error
    values = [row.values for row in rows]
    scaler = StandardScaler().fit(values)
    regression = LogisticRegression(C=_STRENGTH, solver="newton-cholesky")
    answers = [row.level.reaches(level) for row in rows]
    regression.fit(scaler.transform(values), answers, sample_weight=[row.weight for row in rows])
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), tuple(round(float(slope), _DIGITS) for slope in slopes))
