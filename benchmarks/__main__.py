"""Every benchmark, or those named; the results go to benchmarks/results.md.

    python -m benchmarks [NAME…]

Each is a module `bench_NAME` that prints Markdown and runs alone as well, with options of
its own. A figure of a run replaces the one of that benchmark in the file; the others stay.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import ROOT, machine, progress
from rscrawler.clock import utc_now

RESULTS = ROOT / "benchmarks" / "results.md"
TITLES = {
    "crawl": "Full crawl against bare Scrapy",
    "stages": "Where the time of an article goes",
    "idle": "What a cycle costs",
    "cycles": "A thousand cycles of the service",
    "starts": "What starting costs",
    "pathological": "Pages that are made to take long",
    "linear": "Pages of twice the size",
    "fuzz": "Pages mutated at random",
    "peers": "Extraction against others",
    "real_pages": "Pages of real sites, without a profile",
    "real_sources": "Feeds and sitemaps of real sites",
    "growth": "A million known articles",
    "matcher": "Matching names",
    "flags": "Flags on texts held out",
    "identity": "The same news, told from updates and series",
    "cluster": "Workers on one PostgreSQL",
    "scheduling": "Adaptive visits against a fixed interval",
    "web": "The dashboard over a hundred thousand articles",
}
INTRODUCTION = (
    "# Results\n\nWritten by `make bench`; [README.md](README.md) says what is measured and how. "
    "A figure is the median of its repetitions, with the least and the greatest in brackets. "
    "Only ratios within one table can be compared: the machine is shared.\n"
)


def measured(name: str) -> str:
    """The section of one benchmark, measured now; "" if it lacks what it measures.

    Raises:
        CalledProcessError: it failed.
    """
    progress(f"benchmark {name}")
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.bench_{name}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    if not (output := done.stdout.strip()):
        return ""
    if output.startswith("{"):
        output = f"```json\n{output}\n```"
    seconds = time.monotonic() - started
    return (
        f"## {TITLES[name]}\n\n`python -m benchmarks {name}` · {utc_now():%Y-%m-%d} · "
        f"{seconds:.0f} s · {machine()}\n\n{output}\n"
    )


def merged(text: str, sections: dict[str, str]) -> str:
    """`text` with these sections in place of the old ones, in order; others stay behind them."""
    found = dict(re.findall(r"^## (.*)\n((?:(?!^## )[\s\S])*)", text, re.MULTILINE))
    found |= {TITLES[name]: section.split("\n", 1)[1] for name, section in sections.items()}
    titles = dict.fromkeys([*TITLES.values(), *found])
    written = [f"## {title}\n{found[title].rstrip()}\n" for title in titles if title in found]
    return "\n".join([INTRODUCTION, *written])


def write(path: Path, section: dict[str, str]) -> None:
    """Put one benchmark's section into the file of results."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(merged(before, section), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TITLES))
    names = parser.parse_args().names or list(TITLES)
    if unknown := [name for name in names if name not in TITLES]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(TITLES)}")
    failed = []
    for name in names:
        try:
            section = measured(name)
        except subprocess.CalledProcessError:
            failed.append(name)
            continue
        if section:
            write(RESULTS, {name: section})
            print(section)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
