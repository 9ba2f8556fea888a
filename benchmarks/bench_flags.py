"""How flags do on texts that the model was not fitted on: by part, by score, and by feature.

Every part of tests/labelled that the model is fitted on is held out in turn; of the real texts
(`--real` or $REAL_LABELLED, JSONL as `topics fit` reads it) one source at a time.
Usage: python -m benchmarks.bench_flags [--real FILE…] [--ablate]; needs the extra `fit`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT
from rscrawler.items import Level
from rscrawler.topics import Flagger, load_watchlists
from rscrawler.topics.evaluation import Evaluation, Prediction, Row, held_out, rows_of
from rscrawler.topics.model import FEATURES

TOPIC = "central-asia"
NOT_FITTED = ("news",)
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


def is_flagged(judged: Prediction) -> bool:
    """Whether the label asks for a flag."""
    return judged.expected.reaches(Level.SUBSTANTIAL)


def log_loss(judged: Sequence[Prediction]) -> float:
    """The mean surprise at the labels of texts that name the topic."""
    named = [each for each in judged if each.score]
    losses = (-log(max(0.001, e.score if is_flagged(e) else 1 - e.score)) for e in named)
    return sum(losses) / len(named)


def figures_table(parts: dict[str, Evaluation]) -> None:
    print("| part | texts | precision | recall | F1 | levels right |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, each in parts.items():
        found = each.figures
        rates = (found[key] for key in ("precision", "recall", "f1", "levels_right"))
        print(f"| {name} | {found['texts']} |", *(f"{rate:.3f} |" for rate in rates))


def reliability_table(judged: Sequence[Prediction]) -> None:
    print("| score | texts | mean score | share worth a flag |")
    print("| --- | ---: | ---: | ---: |")
    for least, most in pairwise(BINS):
        here = [e for e in judged if least <= e.score < most or e.score == most == 1.0]
        mean = sum(e.score for e in here) / max(1, len(here))
        share = sum(map(is_flagged, here)) / max(1, len(here))
        print(f"| {least:.1f}–{most:.1f} | {len(here)} | {mean:.2f} | {share:.2f} |")


def ablation_table(rows: Sequence[Row], last: str) -> None:
    print(f"| without | F1 of all | F1 of {last} | log-loss of all | of {last} |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for number, name in [(None, "(nothing)"), *enumerate(feature.name for feature in FEATURES)]:
        parts = held_out([_without(row, number) for row in rows])
        f1 = (f"{parts[part].figures['f1']:.3f} |" for part in ("all", last))
        losses = (f"{log_loss(parts[part].predictions):.4f} |" for part in ("all", last))
        print(f"| {name} |", *f1, *losses)


def _without(row: Row, number: int | None) -> Row:
    if number is None or not row.values:
        return row
    return row._replace(values=[*row.values[:number], 0.0, *row.values[number + 1 :]])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ablate", action="store_true", help="leave each feature out (minutes)")
    named = os.environ.get("REAL_LABELLED", "").split(os.pathsep)
    options.add_argument(
        "--real", type=Path, nargs="*", default=list(map(Path, filter(None, named)))
    )
    given = options.parse_args()
    files = sorted((ROOT / "tests" / "labelled").glob("*.jsonl"))
    files = [file for file in files if file.stem not in NOT_FITTED] + given.real
    parts: dict[str, list[dict[str, Any]]] = {
        file.stem: [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]
        for file in files
    }
    rows = rows_of(Flagger([load_watchlists()[TOPIC]]), parts)
    found = held_out(rows)
    last = files[-1].stem
    figures_table(found)
    for name in [file.stem for file in given.real] or [last]:
        print(f"\nHow far a score of `{name}` can be trusted (held out with its source):\n")
        reliability_table(found[name].predictions)
    if given.ablate:
        print("\nEach feature left out:\n")
        ablation_table(rows, last)


if __name__ == "__main__":
    main()
