"""What a cycle costs when nothing, or one article, has changed.

    python -m benchmarks.bench_idle [--stories N] [--repeats N]

A full crawl of the sample site, then idle cycles; then, each time, one story is published
and the next cycle measured, and one story edited. Requests are those that the site saw.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import REPEATS, progress, ratios, rscrawler, spread, table, write_config
from tests.sample_site import SampleSite, ServedRequest

_HEADING = (
    "cycle",
    "requests",
    "of them conditional",
    "answered 304",
    "article pages",
    "new",
    "updated",
    "bytes ÷ full crawl, %",
    "seconds ÷ full crawl, %",
)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle: what the site saw of it and what the command reported."""

    requests: list[ServedRequest]
    article_paths: frozenset[str]
    new: int
    updated: int
    seconds: float

    @property
    def bytes_moved(self) -> int:
        """Heads and bodies that the site sent."""
        return sum(request.bytes_sent for request in self.requests)

    @property
    def articles_fetched(self) -> int:
        """Requests for an article's page."""
        return sum(request.path in self.article_paths for request in self.requests)


def cycle(folder: Path, site: SampleSite, *options: str) -> Cycle:
    """Run one, and hear from the site what was asked."""
    site.forget_requests()
    ended = rscrawler(folder, "crawl", "--json", *options)
    report = ended.json
    return Cycle(
        requests=site.requests,
        article_paths=frozenset(story.path for story in site.stories),
        new=report["articles_new"],
        updated=report["articles_updated"],
        seconds=report["elapsed_seconds"],
    )


def measure(stories: int, repeats: int) -> dict[str, list[Cycle]]:
    """Cycles of each kind over one site, the full ones on an empty store."""
    cycles: dict[str, list[Cycle]] = {}

    def note(kind: str, result: Cycle) -> None:
        progress(f"{kind}, {len(cycles.get(kind, ())) + 1} of {repeats}")
        cycles.setdefault(kind, []).append(result)

    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as name, SampleSite(stories) as site:
            folder = Path(name)
            write_config(folder, site.base_url)
            note("full, on an empty store", cycle(folder, site, "--full"))
            note("idle", cycle(folder, site))
            site.publish()
            note("one new article", cycle(folder, site))
            story = site.stories[1]
            site.edit(story.slug, paragraphs=(*story.paragraphs, "It was confirmed later."))
            note("one edit", cycle(folder, site))
            site.rotate_tokens()
            note("every image token changed", cycle(folder, site))
    return cycles


def report(cycles: dict[str, list[Cycle]]) -> str:
    full = next(iter(cycles.values()))
    rows = [
        [
            kind,
            _count([len(each.requests) for each in runs]),
            _count([sum(request.conditional for request in each.requests) for each in runs]),
            _count([sum(request.status == 304 for request in each.requests) for each in runs]),
            _count([each.articles_fetched for each in runs]),
            _count([each.new for each in runs]),
            _count([each.updated for each in runs]),
            _share([each.bytes_moved for each in runs], [each.bytes_moved for each in full]),
            _share([each.seconds for each in runs], [each.seconds for each in full]),
        ]
        for kind, runs in cycles.items()
    ]
    return table(_HEADING, rows)


def _count(values: Sequence[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{median(values):,.0f} ({low:,}–{high:,})"


def _share(ours: Sequence[float], full: Sequence[float]) -> str:
    return spread([100 * ratio for ratio in ratios(ours, full)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(report(measure(options.stories, options.repeats)))


if __name__ == "__main__":
    main()
