"""Does the service stay as it is over a thousand cycles, and is every fire time kept?

    python -m benchmarks.bench_cycles [--cycles N] [--sites N] [--every SECONDS]

`rscrawler run` over tiny sites, each with a job of its own every few seconds; now and then a
site publishes. Memory is the resident set size of the service and of its warm process, since a
proportional one would hang on how many runs share it just then; descriptors are of both.
"""

from __future__ import annotations

import argparse
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.measure import progress, table
from tests.cluster.sites import TinySites

CONFIG = 'sites_dir = "sites"\nschedules_dir = "schedules"\n[scheduling]\nmisfire_grace = "1m"\n'
PROFILE = """
base_url = "http://{host}"
download_delay = 0.0
sources = [{{ kind = "feed", path = "/feed/", page_parameter = "" }}]
[markup]
body = [".body"]
"""
JOB = '[[job]]\nid = "{name}"\nsites = ["{name}"]\nevery = "{every}s"\n'
PUBLISH_EVERY = 50  # cycles
ROWS = 5


@dataclass(frozen=True, slots=True)
class Seen:
    """The service and its warm process at one moment."""

    cycles: int
    service_mib: float
    warm_mib: float
    descriptors: int
    threads: int


def write_files(folder: Path, sites: TinySites, every: int) -> None:
    (folder / "sites").mkdir()
    (folder / "schedules").mkdir()
    names = {f"site-{number}": host for number, host in enumerate(sites.sites)}
    for name, host in names.items():
        (folder / "sites" / f"{name}.toml").write_text(PROFILE.format(host=host))
    # The name of the shipped schedule, so that it takes its place.
    schedule = folder / "schedules" / "responsiblestatecraft.toml"
    schedule.write_text("".join(JOB.format(name=name, every=every) for name in names))
    (folder / "rscrawler.toml").write_text(CONFIG)


def look(service: psutil.Process, cycles: int) -> Seen:
    warm = [child for child in service.children() if "rscrawler.scheduling.warm" in child.cmdline()]
    both = [service, *warm]
    return Seen(
        cycles,
        service.memory_info().rss / 2**20,
        sum(each.memory_info().rss for each in warm) / 2**20,
        sum(each.num_fds() for each in both),
        sum(each.num_threads() for each in both),
    )


def runs(database: Path) -> dict[str, list[tuple[datetime, datetime, datetime, str]]]:
    """By job: fire time, start, end and outcome of each run that has ended, in order."""
    found = defaultdict(list)
    query = (
        "SELECT job_id, fire_at, fired_at, ended_at, outcome FROM fired"
        " WHERE ended_at IS NOT NULL ORDER BY fire_at"
    )
    with closing(sqlite3.connect(database)) as connection:
        for job, *moments, outcome in connection.execute(query):
            fire_at, fired_at, ended_at = map(datetime.fromisoformat, moments)
            found[job].append((fire_at, fired_at, ended_at, outcome))
    return found


def report(seen: list[Seen], database: Path, step: timedelta, status: int) -> str:
    """A fire time that comes while its job's run goes on is made up for by the next run."""
    missed, covered, late, bad, total = 0, 0, [], 0, 0
    for job in runs(database).values():
        fired = {fire_at for fire_at, *_ in job}
        first, last = job[1][0], job[-1][0]  # the first run is that of the start
        grid = [first + number * step for number in range((last - first) // step + 1)]
        idle = [each for each in grid if each not in fired]
        during = sum(any(begun <= each <= end for _, begun, end, _ in job) for each in idle)
        covered += during
        missed += len(idle) - during
        late += [(begun - fire_at).total_seconds() for fire_at, begun, _, _ in job[1:]]
        bad += sum(outcome != "ok" for *_, outcome in job)
        total += len(job)
    shown = seen[:: max(1, len(seen) // (ROWS - 1))][: ROWS - 1] + seen[-1:]
    memory = table(
        ["after cycles", "service, MiB", "warm process, MiB", "descriptors", "threads"],
        [
            [
                f"{each.cycles:,}",
                f"{each.service_mib:.1f}",
                f"{each.warm_mib:.1f}",
                f"{each.descriptors}",
                f"{each.threads}",
            ]
            for each in shown
        ],
    )
    rows = [
        ["runs; not ok", f"{total:,}; {bad}"],
        ["fire times missed", f"{missed}"],
        ["fire times during a run of the same job", f"{covered}"],
        ["late, s: median; 95 %", f"{statistics.median(late):.2f}; {_p95(late):.2f}"],
        ["exit status of the service", f"{status}"],
    ]
    return f"{memory}\n\n{table(['', ''], rows)}"


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def measure(cycles: int, count: int, every: int) -> str:
    with tempfile.TemporaryDirectory() as name, TinySites(count) as sites:
        folder = Path(name)
        write_files(folder, sites, every)
        command = [
            sys.executable,
            "-m",
            "rscrawler",
            "run",
            "--config",
            str(folder / "rscrawler.toml"),
        ]
        log = folder / "service.log"
        with log.open("wb") as stream:
            service = subprocess.Popen(command, stderr=stream)
        process, done = psutil.Process(service.pid), 0
        seen: list[Seen] = []
        try:
            while done < cycles and service.poll() is None:
                time.sleep(0.5)
                done = log.read_text().count("cycle site-")
                if done >= PUBLISH_EVERY * (len(seen) + 1):
                    seen.append(look(process, done))
                    progress(f"{done} of {cycles} cycles")
                    sites.publish(list(sites.sites)[len(seen) % count])
        finally:
            service.send_signal(signal.SIGTERM)
            status = service.wait()
        troubles = [line for line in log.read_text().splitlines() if " INFO " not in line]
        sys.stderr.write("".join(f"{line}\n" for line in troubles[:20]))
        database = folder / "output" / "rscrawler.db"
        found = report(seen, database, timedelta(seconds=every), status)
        return f"{found}\n| warnings and errors in its log | {len(troubles)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000)
    parser.add_argument("--sites", type=int, default=8)
    parser.add_argument("--every", type=int, default=4, metavar="SECONDS")
    options = parser.parse_args()
    print(measure(options.cycles, options.sites, options.every))


if __name__ == "__main__":
    main()
