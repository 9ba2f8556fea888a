"""Does the service stay as it is over many cycles? `python -m benchmarks.soak_service`.

Starts `rscrawler run` with one job every few seconds against the sample site, and
publishes a piece now and then. Prints the resident memory, descriptors and threads of
the service (not of its children) as the cycles go by, how late runs started, and how
many fire times had no run of their own.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from sqlalchemy import create_engine, text

from rscrawler.demo.site import SampleSite

PROGRAM = (sys.executable, "-m", "rscrawler")
PROFILE = """
base_url = "{base_url}"
download_delay = 0.0
[[sources]]
kind = "feed"
path = "/feeds/feed.rss"
"""
SCHEDULE = """
[[job]]
id = "soak"
sites = ["soak"]
every = "{seconds}s"
"""
PUBLISH_EVERY = 50  # cycles


def prepare(folder: Path, base_url: str, seconds: int) -> list[str]:
    """Write configuration, a site of one feed and its schedule; gives the command to run."""
    for name in ("sites", "schedules"):
        (folder / name).mkdir()
    (folder / "sites" / "soak.toml").write_text(PROFILE.format(base_url=base_url))
    # The name of the shipped schedule, so that it takes its place.
    schedule = SCHEDULE.format(seconds=seconds)
    (folder / "schedules" / "responsiblestatecraft.toml").write_text(schedule)
    config = folder / "rscrawler.toml"
    config.write_text('sites_dir = "sites"\nschedules_dir = "schedules"\n')
    return ["run", "--config", str(config)]


@dataclass(frozen=True)
class Run:
    """One row of the service's own record of its runs."""

    fire_at: datetime
    fired_at: datetime
    ended_at: datetime
    outcome: str


def runs_in(database: Path) -> list[Run]:
    """Every run that has ended, in order."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT fire_at, fired_at, ended_at, outcome FROM fired "
                "WHERE ended_at IS NOT NULL ORDER BY fire_at"
            )
        ).all()
    engine.dispose()
    moment = datetime.fromisoformat
    return [
        Run(moment(row.fire_at), moment(row.fired_at), moment(row.ended_at), row.outcome)
        for row in rows
    ]


def soak(cycles: int, seconds: int, program: Sequence[str] = PROGRAM) -> None:
    with tempfile.TemporaryDirectory() as name, SampleSite(stories=30) as site:
        folder = Path(name)
        command = [*program, *prepare(folder, site.base_url, seconds)]
        log = folder / "service.log"
        with log.open("wb") as stream:
            service = subprocess.Popen(command, stderr=stream)
        process = psutil.Process(service.pid)
        print(f"{'cycles':>8} {'RSS MB':>8} {'fds':>5} {'threads':>8}")
        done, shown = 0, 0
        while done < cycles and service.poll() is None:
            time.sleep(1)
            done = log.read_text().count("cycle soak:")
            if done >= shown:
                memory = process.memory_info().rss / 1e6
                print(f"{done:>8} {memory:>8.1f} {process.num_fds():>5} {process.num_threads():>8}")
                sys.stdout.flush()
                site.publish()
                site.forget_requests()
                shown = done + PUBLISH_EVERY
        service.send_signal(signal.SIGTERM)
        print(f"exit status {service.wait()}")
        report(runs_in(folder / "output" / "rscrawler.db"), timedelta(seconds=seconds))
        print(f"warnings in the log: {sum(' INFO ' not in line for line in log.open())}")


def report(runs: list[Run], step: timedelta) -> None:
    """How many runs there were, how they ended, how late they began, what was missed.

    A fire time that comes while a run goes on is made up for by the run that follows;
    any other without a run of its own was missed.
    """
    grid = [run.fire_at for run in runs[1:]]  # the first run is that of the start
    fire_times = [grid[0] + number * step for number in range((grid[-1] - grid[0]) // step + 1)]
    fired = set(grid)
    idle = [each for each in fire_times if each not in fired]
    missed = [
        each for each in idle if not any(run.fired_at <= each <= run.ended_at for run in runs)
    ]
    late = [(run.fired_at - run.fire_at).total_seconds() for run in runs[1:]]
    # A run that waited for another to end is late by no fault of the clock.
    on_time = [
        (run.fired_at - run.fire_at).total_seconds()
        for before, run in pairwise(runs)
        if before.ended_at < run.fire_at
    ]
    bad = [run.outcome for run in runs if run.outcome != "ok"]
    print(f"runs: {len(runs)}, of them not ok: {len(bad)} {sorted(set(bad))[:3]}")
    print(
        f"fire times: {len(fire_times)}, missed: {len(missed)}, "
        f"come while a run went on: {len(idle) - len(missed)}"
    )
    for name, seconds in (("all", late), ("with nothing running", on_time)):
        if len(seconds) > 1:
            print(
                f"late ({name}, {len(seconds)}): median {statistics.median(seconds):.3f} s, "
                f"95 % {statistics.quantiles(seconds, n=20)[-1]:.3f} s, most {max(seconds):.3f} s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1_000)
    parser.add_argument("--every", type=int, default=3, metavar="SECONDS")
    arguments = parser.parse_args()
    soak(arguments.cycles, arguments.every)


if __name__ == "__main__":
    main()
