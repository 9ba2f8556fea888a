"""How well pages of real sites are read without a profile, and what each rule is worth.

    python -m benchmarks.bench_real_pages [--brief]

`$REAL_PAGES` names a folder with copies of two public repositories (a git directory each):
`scrapinghub+article-extraction-benchmark/repo` (181 pages, whole bodies) and
`adbar+trafilatura/repo` (990 pages, snippets that must and must not be there). Without them this
says so and measures nothing. The pages stay out of this repository.

181 pages: precision, recall and F1 of four-word shingles, the mean over pages, as the benchmark's
authors measure; a page is lost under 0.5. 990 pages: the same over all snippets; empty pages.
Where trafilatura can be imported (it is none of our dependencies), its fast mode is measured in the
same run. Then each rule and each kind of region is left out once, on the 181 pages and on every
fourth of the 990; `--brief` measures without that.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rscrawler
from benchmarks.measure import progress
from rscrawler.extraction import label, vocabulary

Reader = Callable[[bytes, str], str]
_CANONICAL = re.compile(rb'rel=["\']?canonical["\']?[^>]*href=["\']?(https?://[^"\'\s>]+)', re.I)
_HEAD = (
    "| {} | 181 pages: F1 | lost | {} pages: F1 | empty | CPU ms a page |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: |"
)
_ANY_ADDRESS = "https://www.example.org/2020/01/an-article/"


def _files(repository: Path) -> Callable[[str], bytes | None]:
    """Reads files of the newest commit of a git directory, by path."""

    def read(path: str) -> bytes | None:
        command = ["git", "-C", str(repository), "show", f"HEAD:{path}"]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None

    return read


def whole_bodies(folder: Path) -> Iterator[tuple[bytes, str, str]]:
    """(page, address, body) of the 181 pages."""
    read = _files(folder / "scrapinghub+article-extraction-benchmark" / "repo")
    truths: dict[str, Any] = json.loads(read("ground-truth.json") or b"{}")
    for key, truth in truths.items():
        if page := read(f"html/{key}.html.gz"):
            url = truth["url"]
            address = url if url.startswith("http") else f"https://{url}"
            yield gzip.decompress(page), address, truth["articleBody"]


def snippets(folder: Path) -> Iterator[tuple[bytes, str, list[str], list[str]]]:
    """(page, address, wanted, unwanted) of the 990 pages."""
    read = _files(folder / "adbar+trafilatura" / "repo")
    truths: dict[str, Any] = json.loads(read("tests/evaldata.json") or b"{}")
    for url, truth in sorted(truths.items()):
        page = read(f"tests/cache/{truth['file']}") or read(f"tests/eval/{truth['file']}")
        if page:
            found = _CANONICAL.search(page)
            declared = found[1].decode("utf-8", "replace") if found else _ANY_ADDRESS
            address = url if url.startswith("http") else declared
            yield page, address, truth["with"], truth["without"]


def own_reader(page: bytes, url: str) -> str:
    """The body that this project reads; empty where it finds no article."""
    try:
        return rscrawler.extract_page(page, url).body
    except rscrawler.PageError:
        return ""


def _trafilatura_reader() -> Reader | None:
    try:
        from trafilatura import extract
    except ImportError:
        return None
    return lambda page, url: extract(page, url=url, fast=True, include_comments=False) or ""


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    if len(words) < 4:
        return Counter([tuple(words)] if words else [])
    return Counter(tuple(words[n : n + 4]) for n in range(len(words) - 3))


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / max(1e-9, precision + recall)


def measure(
    read: Reader,
    bodies: list[tuple[bytes, str, str]],
    pages: list[tuple[bytes, str, list[str], list[str]]],
) -> dict[str, float]:
    """F1 and lost pages of the first set, F1 and empty pages of the second, CPU ms a page."""
    began = time.process_time()
    precisions: list[float] = []
    recalls: list[float] = []
    lost = 0
    for page, url, body in bodies:
        wanted, found = _shingles(body), _shingles(read(page, url))
        both = sum((wanted & found).values())
        precision = both / sum(found.values()) if found else 0.0
        recall = both / sum(wanted.values()) if wanted else 0.0
        if found:
            precisions.append(precision)
        if wanted:
            recalls.append(recall)
        lost += _harmonic(precision, recall) < 0.5
    hits = wrong = expected = empty = 0
    for page, url, with_, without in pages:
        text = " ".join(read(page, url).split())
        empty += not text
        expected += len(with_)
        hits += sum(" ".join(each.split()) in text for each in with_)
        wrong += sum(" ".join(each.split()) in text for each in without)
    spent = time.process_time() - began
    whole = _harmonic(
        sum(precisions) / max(1, len(precisions)), sum(recalls) / max(1, len(recalls))
    )
    return {
        "F1": whole,
        "lost": lost,
        "snippets F1": _harmonic(hits / max(1, hits + wrong), hits / max(1, expected)),
        "empty": empty,
        "CPU ms a page": 1000 * spent / max(1, len(bodies) + len(pages)),
    }


def _row(name: str, figures: dict[str, float]) -> str:
    return (
        f"| {name} | {figures['F1']:.4f} | {figures['lost']:.0f} | {figures['snippets F1']:.4f}"
        f" | {figures['empty']:.0f} | {figures['CPU ms a page']:.1f} |"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--brief", action="store_true", help="leave out no rule")
    given = arguments.parse_args()
    folder = os.environ.get("REAL_PAGES")
    if not folder:
        progress("REAL_PAGES is not set: nothing is measured; see benchmarks/README.md")
        return
    bodies, pages = list(whole_bodies(Path(folder))), list(snippets(Path(folder)))
    print(_HEAD.format("", len(pages)))
    print(_row("all rules", measure(own_reader, bodies, pages)))
    if other := _trafilatura_reader():
        print(_row("trafilatura, fast", measure(other, bodies, pages)))
    if not given.brief:
        _leave_out_each(bodies, pages[::4])


def _leave_out_each(
    bodies: list[tuple[bytes, str, str]], pages: list[tuple[bytes, str, list[str], list[str]]]
) -> None:
    print(
        "\nA rule without effect here serves the contract or one site: `label.RULES` says which.\n"
    )
    print(_HEAD.format("without", len(pages)))
    print(_row("nothing", measure(own_reader, bodies, pages)))
    rules = label.RULES
    for left_out in rules:
        label.RULES = tuple(rule for rule in rules if rule is not left_out)
        print(_row(left_out.name, measure(own_reader, bodies, pages)))
    label.RULES = rules
    regions = vocabulary.table("regions")
    for kind in [name for name in regions if name != "ignored"]:
        words, regions[kind] = regions[kind], ["(?!)"]  # fits no name; the order of kinds stays
        _clear_caches()
        print(_row(f"regions of {kind}", measure(own_reader, bodies, pages)))
        regions[kind] = words
    _clear_caches()


def _clear_caches() -> None:
    vocabulary.region_kind.cache_clear()
    vocabulary.region_patterns.cache_clear()


if __name__ == "__main__":
    main()
