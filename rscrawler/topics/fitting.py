"""Fitting the model from labelled lines, with the figures it reaches on texts it has not seen.

scikit-learn does it (the extra `fit`); nothing else imports it. The same lines give the same
weights. A line may say `weight` (default 1; less for a label that can be argued about) and
`source`: of a file with several sources one source at a time is held out, else the whole file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.topics.evaluation import check_lines, part, text_of_line
from rscrawler.topics.features import FEATURES
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import Model, Weights

# The less, the closer to zero the weights are held.
_STRENGTH = 0.1
_DIGITS = 4
_LEVELS = {Level.NONE: 0, Level.MENTION: 0, Level.SUBSTANTIAL: 1, Level.PRIMARY: 2}


@dataclass(frozen=True)
class _Row:
    """A labelled text: its features (None: the topic is not named), its level and its fold."""

    part: str
    fold: str
    values: list[float] | None
    level: int
    weight: float


def fit(flagger: Flagger, topic: str, parts: Mapping[str, Sequence[Mapping[str, Any]]]) -> Model:
    """Fit the model on the labelled lines of all `parts`, by name.

    Raises:
        ConfigurationError: scikit-learn is not installed, a line is wrong, or the lines lack
            a level.
    """
    rows = [row for name, lines in parts.items() for row in _rows(flagger, topic, name, lines)]
    named = [row for row in rows if row.values is not None]
    if {row.level for row in named} != {0, 1, 2}:
        raise ConfigurationError("labelled lines: mention, substantial and primary must be there")
    predicted: dict[int, int] = {}
    for fold in dict.fromkeys(row.fold for row in rows):
        model = _fitted([row for row in named if row.fold != fold], {})
        for number, row in enumerate(rows):
            if row.fold == fold:
                predicted[number] = _level(model, row.values)
    figures: dict[str, Any] = {}
    for name in parts:
        pairs = [(row.level, predicted[at]) for at, row in enumerate(rows) if row.part == name]
        figures[name] = _figures(pairs)
    figures["all"] = _figures([(row.level, predicted[at]) for at, row in enumerate(rows)])
    return _fitted(named, figures)


def _rows(
    flagger: Flagger, topic: str, name: str, lines: Sequence[Mapping[str, Any]]
) -> Iterable[_Row]:
    check_lines(lines)
    for line in lines:
        yield _Row(
            part=name,
            fold=f"{name} {line.get('source', '')}",
            values=flagger.features(text_of_line(line)).get(topic),
            level=_LEVELS[Level(line["level"])],
            weight=float(line.get("weight", 1.0)),
        )


def _fitted(rows: Sequence[_Row], figures: Mapping[str, Any]) -> Model:
    values = [row.values for row in rows if row.values is not None]
    weights = [row.weight for row in rows]
    flagged = [row for row in rows if row.level > 0]
    return Model(
        flagged=_regression(values, [row.level > 0 for row in rows], weights),
        primary=_regression(
            [row.values for row in flagged if row.values is not None],
            [row.level > 1 for row in flagged],
            [row.weight for row in flagged],
        ),
        averages=tuple(
            round(sum(w * v for w, v in zip(weights, column, strict=True)) / sum(weights), _DIGITS)
            for column in zip(*values, strict=True)
        ),
        figures=figures,
    )


def _regression(
    values: Sequence[Sequence[float]], answers: Sequence[bool], weights: Sequence[float]
) -> Weights:
    """A logistic regression over features of one scale, told in the features' own scales."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise ConfigurationError("topics fit needs scikit-learn: rscrawler[fit]") from error
    scaler = StandardScaler().fit(values)
    regression = LogisticRegression(C=_STRENGTH, solver="newton-cholesky")
    regression.fit(scaler.transform(values), answers, sample_weight=weights)
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), tuple(round(float(slope), _DIGITS) for slope in slopes))


def _level(model: Model, values: Sequence[float] | None) -> int:
    if values is None or model.flagged.probability(values) < 0.5:
        return 0
    return 2 if model.primary.probability(values) >= 0.5 else 1


def _figures(pairs: Sequence[tuple[int, int]]) -> dict[str, float]:
    hits = sum(wanted > 0 and given > 0 for wanted, given in pairs)
    wanted_all = sum(wanted > 0 for wanted, _ in pairs)
    given_all = sum(given > 0 for _, given in pairs)
    return {
        "texts": len(pairs),
        "precision": part(hits, given_all),
        "recall": part(hits, wanted_all),
        "f1": part(2 * hits, wanted_all + given_all),
        "levels_right": part(sum(wanted == given for wanted, given in pairs), len(pairs)),
    }
