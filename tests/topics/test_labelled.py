"""The gate: the shipped watch-list against labelled text.

`tuning.jsonl` may be read while tuning; `measured.jsonl` may not, so a failure on it names
figures only.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rscrawler.items import Level
from rscrawler.topics import Evaluation, Flagger, evaluate

LABELLED = Path(__file__).parent.parent / "labelled"
PARTS = ("tuning", "measured")


@pytest.fixture(scope="module", params=PARTS)
def evaluation(request: pytest.FixtureRequest, central_asia: Flagger) -> Evaluation:
    path = LABELLED / f"{request.param}.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return evaluate(central_asia, "central-asia", lines)


def test_flagged_pieces_are_right(evaluation: Evaluation) -> None:
    assert evaluation.precision >= 0.95


def test_pieces_worth_a_flag_are_found(evaluation: Evaluation) -> None:
    assert evaluation.recall >= 0.95


def test_levels_are_right(evaluation: Evaluation) -> None:
    assert evaluation.levels_right >= 0.85


def test_countries_are_right(evaluation: Evaluation) -> None:
    assert evaluation.countries_right is not None
    assert evaluation.countries_right >= 0.90


def test_no_lookalike_is_primary(evaluation: Evaluation) -> None:
    assert evaluation.confusion[Level.NONE][Level.PRIMARY] == 0


def test_every_level_is_among_the_labels(evaluation: Evaluation) -> None:
    assert all(sum(predicted.values()) for predicted in evaluation.confusion.values())
