"""Does a store with a million known articles slow anything down?

    python -m benchmarks.bench_growth [--known N] [--few N] [--repeats N]

Two stores of the same sample site, one with few (10,000) and one with very many (1,000,000)
further articles known; the same cycles and look-ups on both, in turn. Needs 3 GB of disk
and about three minutes, most of them for filling the large store.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.grown_store import keys_of
from benchmarks.measure import (
    SITE,
    Ended,
    alternating,
    progress,
    ratios,
    rscrawler,
    run,
    spread,
    table,
    write_config,
)
from rscrawler.identity.fingerprints import KEYS, Fingerprint
from rscrawler.store import Store
from tests.sample_site import SampleSite

T = TypeVar("T")
STORIES = 120
NEW_ARTICLES = 10
LOOKUPS = 2_000
REPEATS = 5
_PERCENTILES = (50, 99)


@dataclass(frozen=True, slots=True)
class Grown:
    """A folder with a configuration and a store; `known` were added to what a crawl found."""

    folder: Path
    known: int

    @property
    def database(self) -> Path:
        """The file of the store."""
        return self.folder / "output" / "rscrawler.db"

    def open(self) -> Store:
        """The store, open."""
        return Store.open(f"sqlite:///{self.database}")


def grown(crawled: Path, folder: Path, known: int) -> Grown:
    """A copy of a crawled folder, with that many more articles known."""
    progress(f"filling a store with {known:,} articles")
    shutil.copytree(crawled, folder)
    result = Grown(folder, known)
    # In a process of its own: the peak memory of a child includes that of its parent's.
    run([sys.executable, "-m", "benchmarks.grown_store", result.database, str(known)], folder)
    return result


@dataclass(frozen=True, slots=True)
class Lookup:
    """One look-up, in milliseconds: as one waits for it, and of processor time alone."""

    wall: float
    cpu: float


def looked_up(store: Store, known: int, seed: int) -> list[Lookup]:
    """Look for near-duplicates of other texts; every second one finds something."""
    chance = random.Random(seed)
    spent = []
    for number in range(LOOKUPS):
        keys = [chance.getrandbits(63) for _ in range(KEYS)]
        if number % 2:
            keys[:6] = keys_of(known, chance.randrange(known))[:6]
        digest = f"{chance.getrandbits(128):032x}"
        fingerprint = Fingerprint("", digest, f"another-{number}", keys=tuple(keys))
        wall, cpu = time.perf_counter(), time.thread_time()
        found = store.articles.candidates(SITE, fingerprint)
        wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
        spent.append(Lookup(1000 * wall, 1000 * cpu))
        if len(found) != number % 2:
            raise RuntimeError(f"{len(found)} candidates found instead of {number % 2}")
    return spent


def opened(store: Grown) -> float:
    """Milliseconds until a store is open and has said how the site stands."""
    started = time.perf_counter()
    with closing(store.open()) as opened_store:
        opened_store.health.site(SITE)
        return 1000 * (time.perf_counter() - started)


def measure(few: int, many: int, repeats: int) -> str:
    with tempfile.TemporaryDirectory() as name, SampleSite(STORIES) as site:
        crawled = Path(name, "crawled")
        crawled.mkdir()
        write_config(crawled, site.base_url)
        rscrawler(crawled, "crawl", "--full", "--json")
        stores = {known: grown(crawled, Path(name, str(known)), known) for known in (few, many)}
        idle = _cycles(stores, repeats, expected_new=0)
        fresh: dict[str, list[Ended]] = {}
        for _ in range(repeats):
            for _ in range(NEW_ARTICLES):
                site.publish()
            for key, runs in _cycles(stores, 1, expected_new=NEW_ARTICLES).items():
                fresh.setdefault(key, []).extend(runs)
        opening = _alternating(stores, opened, repeats)
        lookups = _lookups(stores, repeats)
        sizes = {known: store.database.stat().st_size for known, store in stores.items()}
    rows = [
        _row("idle cycle, wall s", _values(idle, "wall_seconds")),
        _row("idle cycle, CPU s", _values(idle, "cpu_seconds")),
        _row(f"cycle with {NEW_ARTICLES} new articles, wall s", _values(fresh, "wall_seconds")),
        _row(f"cycle with {NEW_ARTICLES} new articles, CPU s", _values(fresh, "cpu_seconds")),
        _row("peak memory of these cycles, MiB", _values(fresh, "max_rss_mib"), 0),
        _row("opening the store, ms", list(opening.values())),
        *(
            _row(f"near-duplicate look-up, {kind} ms, p{percent}", values, 3)
            for (kind, percent), values in lookups.items()
        ),
        _row("database, MB", [[sizes[few] / 1e6], [sizes[many] / 1e6]], 0),
    ]
    heading = ["", f"{few:,} known", f"{many:,} known", "÷"]
    return f"{table(heading, rows)}\n\nOne known article takes {sizes[many] / many:,.0f} bytes."


def _alternating(
    stores: dict[int, Grown], work: Callable[[Grown], T], repeats: int
) -> dict[str, list[T]]:
    return alternating(
        {f"{known:,}": partial(work, store) for known, store in stores.items()}, repeats
    )


def _cycles(stores: dict[int, Grown], repeats: int, expected_new: int) -> dict[str, list[Ended]]:
    cycles = _alternating(stores, lambda store: rscrawler(store.folder, "crawl", "--json"), repeats)
    for cycle in (each for runs in cycles.values() for each in runs):
        if cycle.json["articles_new"] != expected_new:
            raise RuntimeError(f"{cycle.json['articles_new']} new articles, not {expected_new}")
    return cycles


def _lookups(stores: dict[int, Grown], repeats: int) -> dict[tuple[str, int], list[list[float]]]:
    """For each kind of time and percentile the values of each store, one a repetition."""
    few, many = stores.values()
    with closing(few.open()) as few_open, closing(many.open()) as many_open:
        pairs = [
            (looked_up(few_open, few.known, seed), looked_up(many_open, many.known, seed))
            for seed in range(repeats)
        ]
    return {
        (kind, percent): [
            [_percentile([getattr(each, kind) for each in pair[side]], percent) for pair in pairs]
            for side in (0, 1)
        ]
        for kind in ("wall", "cpu")
        for percent in _PERCENTILES
    }


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


def _values(cycles: dict[str, list[Ended]], name: str) -> list[list[float]]:
    return [[getattr(each, name) for each in runs] for runs in cycles.values()]


def _row(what: str, values: Sequence[Sequence[float]], digits: int = 2) -> list[str]:
    few, many = values
    return [what, spread(few, digits), spread(many, digits), spread(ratios(many, few))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=1_000_000)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(measure(options.few, options.known, options.repeats))


if __name__ == "__main__":
    main()
