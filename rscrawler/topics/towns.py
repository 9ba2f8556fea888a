"""Towns of the watched states, from GeoNames.

`towns.tsv` holds the world's towns of 15,000 people and more by their own names alone, without
those that stand in two states: `python -m benchmarks.make_towns` writes it. Alternate names
are surnames, towns elsewhere and airport codes more often than names in use; those that are in
use stand in the watch-list. What is left still needs company (`PlaceRules.context`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from rscrawler.config import Model
from rscrawler.topics.folding import fold

_FILE = Path(__file__).parent / "data" / "towns.tsv"


class PlaceRules(Model):
    """Which towns to take, and how far to trust their names."""

    min_population: int = Field(default=15_000, ge=15_000)
    min_length: int = Field(default=5, ge=3, description="letters in a name")
    exclude: list[str] = Field(default=[], description="names that mean something else")
    context: str = Field(description="the context that each of these names needs")
    weight: float = Field(default=0.6, gt=0, le=1)


@dataclass(frozen=True)
class Town:
    """A town, looked for by its name."""

    name: str
    country: str


def towns_of(countries: Collection[str], rules: PlaceRules, taken: Iterable[str]) -> list[Town]:
    """The towns of `countries` by `rules`, without names already `taken`, by code and name."""
    blocked = {fold(spelling) for spelling in (*rules.exclude, *taken)}
    towns: list[Town] = []
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line[:2] in countries:
            country, population, name = line.split("\t")
            folded = fold(name)
            if (
                int(population) >= rules.min_population
                and len(folded) >= rules.min_length
                and folded not in blocked
            ):
                towns.append(Town(name, country))
    return towns
