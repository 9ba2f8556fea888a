"""What the benchmarks share: the sample site, processes run to their end, ratios."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

REPEATS = 3
CONCURRENCY = 16
SITE = "responsiblestatecraft"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended well: what it printed and what it took."""

    stdout: str
    wall_seconds: float
    cpu_seconds: float
    max_rss_mib: float
    max_pss_mib: float  # proportional set size of the process and its descendants, looked at

    @property
    def json(self) -> Any:
        """The JSON on its standard output."""
        return json.loads(self.stdout)


def run(arguments: Sequence[str | Path], folder: Path, healthy: Sequence[int] = (0,)) -> Ended:
    """Run a program in a folder to its end.

    Raises:
        RuntimeError: its exit status is not in `healthy`.
    """
    started = time.perf_counter()
    with (folder / "stderr.txt").open("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [str(each) for each in arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout is not None
        memory = GroupMemory(process.pid)
        with process.stdout, memory:
            stdout = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - started
        if process.returncode not in healthy:
            errors.seek(0)
            raise RuntimeError(f"{arguments}: status {process.returncode}\n{errors.read()[-4000:]}")
    spent = usage.ru_utime + usage.ru_stime
    return Ended(stdout, wall, spent, usage.ru_maxrss / 1024, memory.max_mib)


class GroupMemory:
    """The greatest proportional set size of a process and its descendants, once a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.max_mib = 0.0

    def __enter__(self) -> None:
        self._watch.start()

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._is_over.wait(1.0):
            total = 0
            with suppress(psutil.Error):
                for process in (self._process, *self._process.children(recursive=True)):
                    total += process.memory_full_info().pss
            self.max_mib = max(self.max_mib, total / 2**20)


def rscrawler(folder: Path, *arguments: str) -> Ended:
    """Run one of the program's commands in a folder that holds its configuration."""
    return run([sys.executable, "-m", "rscrawler", *arguments], folder)


def write_config(folder: Path, base_url: str) -> None:
    """A configuration that crawls `base_url` without a delay."""
    (folder / "rscrawler.toml").write_text(
        f'[sites.{SITE}]\nbase_url = "{base_url}"\nhosts = []\n'
        f"download_delay = 0.0\nconcurrency = {CONCURRENCY}\n",
        encoding="utf-8",
    )


@contextmanager
def served_site(stories: int) -> Iterator[str]:
    """The sample site in a process of its own; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sample_site", "--stories", str(stories)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def alternating(
    contestants: Mapping[str, Callable[[], Any]], repeats: int = REPEATS
) -> dict[str, list[Any]]:
    """What each of them gives, run in turn, so that a busy moment does not favour one."""
    results: dict[str, list[Any]] = {name: [] for name in contestants}
    for number in range(repeats):
        for name, contest in contestants.items():
            progress(f"{name}, {number + 1} of {repeats}")
            results[name].append(contest())
    return results


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, repetition by repetition."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median and range: `0.81 (0.79–0.84)`."""
    numbers = (statistics.median(values), min(values), max(values))
    middle, low, high = (f"{number:,.{digits}f}" for number in numbers)
    return f"{middle} ({low}–{high})"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned right."""
    lines = ["| " + " | ".join(heading) + " |", "| --- |" + " ---: |" * (len(heading) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def progress(what: str) -> None:
    """Say on standard error what is being done."""
    sys.stderr.write(f"… {what}\n")
    sys.stderr.flush()


def machine() -> str:
    """The machine, as far as figures depend on it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB of memory, "
        f"{platform.system()}, Python {platform.python_version()}"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
