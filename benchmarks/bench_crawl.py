"""A full crawl against bare Scrapy, which is given the addresses of the same pages.

    python -m benchmarks.bench_crawl [--stories N] [--repeats N]

Ours is the command `rscrawler crawl --full` on an empty SQLite store, JSONL included: it
finds the articles by itself in listings, feeds and sitemaps, extracts, dedupes, flags and
stores them. Bare Scrapy is handed the list of all these pages, and does nothing with them,
or parses them, or yields an item for each. The server has a process of its own. Seconds are
those of the crawl, without the start of the process; processor time is that of all of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import (
    REPEATS,
    alternating,
    progress,
    ratios,
    rscrawler,
    run,
    served_site,
    spread,
    table,
    write_config,
)

OURS = "rscrawler crawl --full"
BARE = {
    "bare Scrapy": ("--defaults",),
    "bare Scrapy, page parsed": ("--defaults", "--parse"),
    "bare Scrapy, an item a page": ("--defaults", "--item"),
    "bare, with our settings": (),
    "bare, with our settings, page parsed": ("--parse",),
}


@dataclass(frozen=True, slots=True)
class Crawl:
    """One crawl: how many articles and pages it got, and what that took."""

    articles: int
    requests: int
    seconds: float
    cpu_seconds: float
    max_pss_mib: float

    @property
    def articles_per_second(self) -> float:
        """Articles over the seconds of the crawl."""
        return self.articles / self.seconds

    @property
    def cpu_ms_per_article(self) -> float:
        """Processor time of the whole process, its start included."""
        return 1000 * self.cpu_seconds / self.articles


def full_crawl(folder: Path, base_url: str) -> Crawl:
    """Ours, in a fresh folder."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        fresh = Path(name)
        write_config(fresh, base_url)
        ended = rscrawler(fresh, "crawl", "--full", "--json")
    report = ended.json
    return Crawl(
        articles=report["articles_new"],
        requests=report["requests"],
        seconds=report["elapsed_seconds"],
        cpu_seconds=ended.cpu_seconds,
        max_pss_mib=ended.max_pss_mib,
    )


def bare_crawl(folder: Path, addresses: Path, articles: int, options: tuple[str, ...]) -> Crawl:
    """Scrapy alone, over a list of addresses, of which so many are articles."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "benchmarks.bare_spider",
        addresses,
        *options,
    ]
    ended = run(command, folder)
    report = ended.json
    return Crawl(
        articles=articles,
        requests=report["pages"],
        seconds=report["seconds"],
        cpu_seconds=ended.cpu_seconds,
        max_pss_mib=ended.max_pss_mib,
    )


def article_addresses(folder: Path, base_url: str) -> list[str]:
    """The address of every article of the site, as a first full crawl records them."""
    progress("the first crawl, which warms everything up")
    fresh = folder / "first"
    fresh.mkdir()
    write_config(fresh, base_url)
    rscrawler(fresh, "crawl", "--full", "--json")
    return [
        json.loads(line)["url"]
        for path in sorted((fresh / "output" / "articles").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def measure(stories: int, repeats: int) -> dict[str, list[Crawl]]:
    """Every contestant's crawls of one site."""
    with tempfile.TemporaryDirectory() as name, served_site(stories) as base_url:
        folder = Path(name)
        progress("the first crawl, which warms everything up")
        write_config(folder, base_url)
        first = run([sys.executable, "-m", "benchmarks.requested_addresses", folder], folder).json
        addresses = folder / "addresses.txt"
        addresses.write_text("\n".join(first["requested"]), encoding="utf-8")
        contestants = {
            each: partial(bare_crawl, folder, addresses, first["articles"], options)
            for each, options in BARE.items()
        }
        return alternating({**contestants, OURS: partial(full_crawl, folder, base_url)}, repeats)


def report(crawls: dict[str, list[Crawl]]) -> str:
    ours = crawls[OURS]
    rows = [
        [
            name,
            spread([each.articles_per_second for each in runs], 0),
            spread([each.cpu_ms_per_article for each in runs], 2),
            spread([each.max_pss_mib for each in runs], 0),
            *(
                ("", "")
                if runs is ours
                else (
                    spread(ratios(*_both(ours, runs, "articles_per_second"))),
                    spread(ratios(*_both(runs, ours, "cpu_ms_per_article"))),
                )
            ),
        ]
        for name, runs in crawls.items()
    ]
    heading = ["", "articles/s", "CPU ms an article", "peak PSS of all its processes, MiB"]
    heading += ["ours ÷ it, articles/s", "articles per CPU second"]
    requests, articles = ours[0].requests, ours[0].articles
    return (
        f"{table(heading, rows)}\n\n"
        f"{articles:,} articles on {requests:,} pages, the listings among them."
    )


def _both(first: list[Crawl], second: list[Crawl], name: str) -> tuple[list[float], list[float]]:
    return [getattr(each, name) for each in first], [getattr(each, name) for each in second]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(report(measure(options.stories, options.repeats)))


if __name__ == "__main__":
    main()
