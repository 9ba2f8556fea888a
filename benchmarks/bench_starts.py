"""What a command costs before it does anything, and what an idle run costs.

    python -m benchmarks.bench_starts [--stories N] [--repeats N]

Processor seconds, children included: of commands as a shell starts them, and of runs as the
service starts them, forked from its warm process. The sample site has a process of its own
and has been crawled before; nothing is new on it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.measure import (
    REPEATS,
    progress,
    ratios,
    rscrawler,
    run,
    served_site,
    spread,
    table,
    write_config,
)
from rscrawler.config import read_text
from rscrawler.scheduling.warm import WarmRuns

LIMIT = timedelta(minutes=10)
SCRAPY = [sys.executable, "-c", "import scrapy.crawler, sqlalchemy"]
COMMANDS = {
    "--version": ("--version",),
    "--help": ("--help",),
    "config check": ("config", "check"),
    "status": ("status",),
    "deliver, nothing due": ("deliver",),
    "crawl, idle": ("crawl", "--json"),
}


async def forked(folder: Path, arguments: list[str], repeats: int) -> list[float]:
    """Processor seconds of each run that a warm process is asked for."""
    config = folder / "rscrawler.toml"
    runs = WarmRuns([], config, read_text(config))
    stopping, spent = asyncio.Event(), []
    command = [*arguments, "--config", str(config)]
    try:
        await runs.run(command, LIMIT, stopping)
        (warm,) = [
            child
            for child in psutil.Process().children()
            if "rscrawler.scheduling.warm" in child.cmdline()
        ]
        for _ in range(repeats):
            before = warm.cpu_times()
            result = await runs.run(command, LIMIT, stopping)
            after = warm.cpu_times()
            if result.exit_status:
                raise RuntimeError("\n".join(result.error_lines))
            spent.append(
                after.children_user
                + after.children_system
                - before.children_user
                - before.children_system
            )
    finally:
        runs.close()
    return spent


def measure(stories: int, repeats: int) -> str:
    with tempfile.TemporaryDirectory() as name, served_site(stories) as base_url:
        folder = Path(name)
        write_config(folder, base_url)
        rscrawler(folder, "crawl", "--json")
        rscrawler(folder, "crawl", "--json")
        seconds: dict[str, list[float]] = {}
        for number in range(repeats):
            progress(f"{number + 1} of {repeats}")
            seconds.setdefault("importing Scrapy and SQLAlchemy", []).append(
                run(SCRAPY, folder).cpu_seconds
            )
            for title, arguments in COMMANDS.items():
                seconds.setdefault(title, []).append(rscrawler(folder, *arguments).cpu_seconds)
        for title, command in (
            ("crawl, idle, by the service", ["crawl", "--json"]),
            ("deliver, nothing due, by the service", ["deliver", "--json"]),
        ):
            progress(title)
            seconds[title] = asyncio.run(forked(folder, command, repeats))
    imports = next(iter(seconds.values()))
    rows = [
        [title, spread(spent), spread(ratios(spent, imports))] for title, spent in seconds.items()
    ]
    return table(["", "CPU s", "÷ the imports alone"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(measure(options.stories, options.repeats))


if __name__ == "__main__":
    main()
