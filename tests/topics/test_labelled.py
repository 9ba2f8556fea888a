"""The gate: the shipped watch-list and the fitted model against labelled text.

Only figures leave the evaluation: no title, text or identity can stand in a failure's message.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from rscrawler.items import Level
from rscrawler.topics import Flagger
from rscrawler.topics.evaluation import Evaluation, evaluate
from rscrawler.topics.model import shipped_model

LABELLED = Path(__file__).parent.parent / "labelled"


@dataclass(frozen=True)
class Floor:
    """What is asked of a part; `held_out`: F1 of a model fitted without it.

    `lookalikes`: at most so many texts that do not name the topic at all are primary.
    """

    precision: float = 0.95
    recall: float = 0.95
    levels_right: float = 0.90
    countries_right: float = 0.90
    held_out: float = 0.95
    lookalikes: int = 0


PARTS = {
    "tuning": Floor(levels_right=0.88),
    "fresh": Floor(),
    "blind": Floor(),
    "measured": Floor(),
    "plain": Floor(countries_right=0.89),
    "varied": Floor(recall=0.92),
    "wires": Floor(),
    "news": Floor(),
    "long": Floor(levels_right=0.87, countries_right=0.86),
    "columns": Floor(countries_right=0.88),
    "unseen": Floor(recall=0.89),
    # Texts of three sentences, written to be hard and chosen for their labels: what is reached.
    "mended": Floor(precision=0.91, recall=0.94, held_out=0.92, lookalikes=1),
    "held": Floor(precision=0.94, recall=0.90, held_out=0.94, lookalikes=1),
}
NOT_FITTED = {"news"}


@pytest.fixture(scope="module", params=PARTS)
def part(request: pytest.FixtureRequest) -> str:
    name = request.param
    assert isinstance(name, str)
    return name


@pytest.fixture(scope="module")
def evaluation(part: str, central_asia: Flagger) -> Evaluation:
    text = (LABELLED / f"{part}.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines() if line]
    return evaluate(central_asia, lines)


@pytest.mark.parametrize("figure", ["precision", "recall", "levels_right", "countries_right"])
def test_figures_are_reached(figure: str, part: str, evaluation: Evaluation) -> None:
    assert evaluation.figures[figure] >= getattr(PARTS[part], figure)


@pytest.mark.parametrize("part", sorted(PARTS.keys() - NOT_FITTED))
def test_a_model_that_was_fitted_without_a_part_judges_it_well(part: str) -> None:
    held_out = shipped_model().figures[part]
    assert held_out["f1"] >= PARTS[part].held_out
    assert held_out["texts"] == len((LABELLED / f"{part}.jsonl").read_text("utf-8").splitlines())


def test_lookalikes_are_not_primary(part: str, evaluation: Evaluation) -> None:
    assert evaluation.confusion[Level.NONE][Level.PRIMARY] <= PARTS[part].lookalikes


def test_every_level_is_among_the_labels(evaluation: Evaluation) -> None:
    assert all(sum(row.values()) for row in evaluation.confusion.values())
