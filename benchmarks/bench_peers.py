"""Our extraction against that of others, on the same pages: speed, and what is in the bodies.

    python -m benchmarks.bench_peers [--stories N] [--repeats N]

The others are pinned in peers.txt and installed into an environment of their own, which is
kept in the system's folder for temporary files. Speed is pages for each second of processor
time, parsing included. Quality is judged against what the sample site knows to be true: a
page counts as *foreign* if its body holds a paragraph of another story or an appeal.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from json import dumps
from pathlib import Path
from typing import Any

from benchmarks.extract_pages import EXTRACTORS
from benchmarks.measure import REPEATS, ROOT, alternating, progress, ratios, run, spread, table
from rscrawler.identity.fingerprints import normalized
from tests.sample_site import SampleSite, TrueArticle, appeal_texts

OURS = "rscrawler"
PEERS = ROOT / "benchmarks" / "peers.txt"
SCRIPT = ROOT / "benchmarks" / "extract_pages.py"
# Shorter paragraphs may well stand in two stories.
_TELLING_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Quality:
    """Of some pages, how many are foreign, whole and exact, and the share of paragraphs kept."""

    foreign: int
    exact: int
    kept: float


def peer_python() -> Path:
    """The interpreter of an environment with the pinned peers; made if it is not there."""
    pins = hashlib.blake2b(PEERS.read_bytes(), digest_size=6).hexdigest()
    folder = Path(tempfile.gettempdir(), f"rscrawler-peers-{pins}")
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.exists():
        progress(f"installing the peers into {folder}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip: list[str | Path] = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ]
        # The pip that comes with some Pythons cannot resolve what news-please asks for.
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        subprocess.run([*pip, "-r", PEERS], check=True)
        stamp.touch()
    return python


def fetched(site: SampleSite) -> list[tuple[str, str]]:
    """Address and HTML of every article page."""
    pages = []
    for true in site.truth():
        with urllib.request.urlopen(true.url) as response:  # noqa: S310 (on this machine)
            pages.append((true.url, _decoded(response.read())))
    return pages


def _decoded(page: bytes) -> str:
    # One shape of the sample site's pages says in a meta element that it is windows-1252.
    return page.decode("windows-1252" if b"windows-1252" in page[:2048] else "utf-8")


def judge(bodies: Sequence[str], truth: Sequence[TrueArticle]) -> Quality:
    """Compare bodies with the truth, spelling and white space aside."""
    paragraphs = [[normalized(each) for each in true.body.split("\n\n")] for true in truth]
    telling = {
        paragraph
        for own in paragraphs
        for paragraph in own
        if len(paragraph) >= _TELLING_CHARACTERS
    }
    appeals = [normalized(appeal) for appeal in appeal_texts()]
    foreign = exact = 0
    kept: list[float] = []
    for body, own in zip((normalized(body) for body in bodies), paragraphs, strict=True):
        others = telling.difference(own)
        foreign += any(each in body for each in appeals) or any(each in body for each in others)
        exact += body == " ".join(own)
        kept.append(sum(each in body for each in own) / len(own))
    return Quality(foreign, exact, sum(kept) / len(kept))


def measure(stories: int, repeats: int) -> str:
    python = peer_python()
    with tempfile.TemporaryDirectory() as name, SampleSite(stories) as site:
        folder, truth = Path(name), site.truth()
        pages = folder / "pages.json"
        pages.write_text(dumps(fetched(site)), encoding="utf-8")
        runs = alternating(
            {each: partial(_extract, python, each, pages) for each in EXTRACTORS}, repeats
        )
    rates = {
        name: [len(truth) / each["seconds"] for each in results] for name, results in runs.items()
    }
    rows = []
    for name, results in runs.items():
        quality = judge(results[0]["bodies"], truth)
        rows.append(
            [
                name,
                spread(rates[name], 0),
                "" if name == OURS else spread(ratios(rates[OURS], rates[name]), 1),
                f"{quality.foreign} of {len(truth)}",
                f"{quality.exact} of {len(truth)}",
                f"{100 * quality.kept:.1f} %",
            ]
        )
    heading = ["", "pages a CPU second", "ours ÷ it", "foreign", "body exact", "paragraphs kept"]
    return table(heading, rows)


def _extract(python: Path, extractor: str, pages: Path) -> Any:
    chosen = sys.executable if extractor == OURS else python
    return run([chosen, SCRIPT, extractor, pages], pages.parent).json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(measure(options.stories, options.repeats))


if __name__ == "__main__":
    main()
