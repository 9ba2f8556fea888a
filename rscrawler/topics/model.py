"""The fitted model: from features to how sure it is that a text is worth a flag.

Two logistic regressions over the same features: whether a text is flagged, and whether a
flagged one is primary. `model.json` holds their weights, what each feature is on average,
and the figures they reached on texts that they were not fitted on; `rscrawler topics fit`
writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp
from operator import mul
from pathlib import Path
from typing import Any

from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.topics.features import FEATURES

MODEL_FILE = Path(__file__).with_name("model.json")
_NAMES = [feature.name for feature in FEATURES]
_KEYS = ("flagged", "primary", "average")
_LEAST = 0.001
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression; its weights are in the order of `FEATURES`."""

    start: float
    weights: tuple[float, ...]

    def probability(self, values: Sequence[float]) -> float:
        """How probable it is for a text with these features, in 0 … 1."""
        odds = self.start + sum(map(mul, self.weights, values))
        return 1 / (1 + exp(-max(-30.0, min(30.0, odds))))


@dataclass(frozen=True)
class Model:
    """Whether a text is flagged, whether it is primary, and the average text behind them."""

    flagged: Weights
    primary: Weights
    averages: tuple[float, ...]
    figures: Mapping[str, Any]

    def judge(
        self, values: Sequence[float], flagged: float = 0.5, primary: float = 0.5
    ) -> tuple[Level, float]:
        """The level and the score of a text with these features.

        The score is how probable it is that the text is worth a flag; from `flagged` on it is
        flagged. Of those it is primary where that is as probable as `primary`.
        """
        score = max(_LEAST, round(self.flagged.probability(values), _DIGITS))
        if score < flagged:
            return Level.MENTION, score
        is_primary = self.primary.probability(values) >= primary
        return Level.PRIMARY if is_primary else Level.SUBSTANTIAL, score

    def shares(self, values: Sequence[float]) -> list[float]:
        """What each feature adds to the log-odds of a flag, against an average text."""
        rows = zip(self.flagged.weights, values, self.averages, strict=True)
        return [weight * (value - average) for weight, value, average in rows]

    def to_json(self) -> dict[str, Any]:
        """What `model.json` holds."""
        rows = zip(_NAMES, self.flagged.weights, self.primary.weights, self.averages, strict=True)
        return {
            "features": {name: dict(zip(_KEYS, row, strict=True)) for name, *row in rows},
            "start": {"flagged": self.flagged.start, "primary": self.primary.start},
            "figures": self.figures,
        }


@cache
def shipped_model() -> Model:
    """The model that comes with this version.

    Raises:
        ConfigurationError: its features are not those of this version.
    """
    stored = json.loads(MODEL_FILE.read_text(encoding="utf-8"))
    if list(stored["features"]) != _NAMES:
        raise ConfigurationError(f"{MODEL_FILE}: was fitted on other features; run topics fit")
    rows = stored["features"].values()
    flagged, primary, averages = (tuple(row[key] for row in rows) for key in _KEYS)
    start = stored["start"]
    return Model(
        Weights(start["flagged"], flagged),
        Weights(start["primary"], primary),
        averages,
        stored["figures"],
    )
