"""What workers cost and bring: a job against a plain crawl, one worker and two.

    python -m benchmarks.bench_cluster [--jobs N]

Tiny sites without a delay, crawled for the second time (one feed, nothing new): the least
that a job can be, so that what surrounds it shows. A worker, its warm process and the crawls
forked from it have one processor to themselves (on Linux), as far as the machine allows.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from itertools import chain
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

from benchmarks.measure import progress, rscrawler, spread, table
from rscrawler.clock import utc_now
from tests.cluster.cluster import Cluster, postgresql
from tests.cluster.sites import TinySites

PLAIN_CRAWLS = 3
DEADLINE_SECONDS = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--jobs", type=int, default=16)
    jobs: int = parser.parse_args().jobs
    with cluster_of(jobs) as cluster:
        progress("first crawl of every site")
        rscrawler(cluster.folder, "crawl", "--quiet")
        plain = []
        for number in range(PLAIN_CRAWLS):
            progress(f"plain crawl {number + 1} of {PLAIN_CRAWLS}")
            plain.append(rscrawler(cluster.folder, "crawl", f"site-{number:03}", "--json"))
        rows = [["a plain crawl, wall s", spread([each.wall_seconds for each in plain])]]
        rows.append(["a plain crawl, CPU s", spread([each.cpu_seconds for each in plain])])
        for workers in (1, 2):
            progress(f"{jobs} jobs, workers: {workers}")
            seconds, spent = work(cluster, workers, jobs)
            name = f"{workers} × one at a time, a core each"
            rows.append([f"{name}: jobs a minute", f"{60 / seconds:.1f}"])
            rows.append([f"{name}: wall s a job", f"{seconds:.2f}"])
            rows.append([f"{name}: CPU s a job", f"{spent:.3f}"])
    print(table(["", "median (range) or mean"], rows))


@contextmanager
def cluster_of(sites: int) -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(TinySites(sites))
        server = stack.enter_context(postgresql())
        cluster = Cluster(folder, server, served, every="1d", at_once=1)
        stack.enter_context(cluster.mailbox)
        cluster.write_files(delay=0)
        stack.callback(cluster.kill)
        yield cluster


def work(cluster: Cluster, workers: int, jobs: int) -> tuple[float, float]:
    """Let workers run each job once: seconds from one end of a run to the next, CPU s a run.

    Their start, up to the end of the first run, is left out.
    """
    cluster.workers.clear()
    with psycopg.connect(cluster.database) as connection:
        connection.execute("DELETE FROM job")
        connection.execute("DELETE FROM fired")  # every job is new, and due at once
    cluster.start(services=0, workers=workers, logged=False)
    if sys.platform == "linux":
        for number, worker in enumerate(cluster.workers):
            os.sched_setaffinity(worker.process.pid, {number % (os.cpu_count() or 1)})
    started_at = utc_now().isoformat()
    ends: list[datetime] = []
    first_seen, cpu_at_first = 0, 0.0
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len(ends) < jobs:
        if time.monotonic() > deadline:
            sys.exit("the workers did not come to an end")
        time.sleep(0.2)
        with psycopg.connect(cluster.database) as connection:
            query = "SELECT ended_at FROM fired WHERE ended_at > %s ORDER BY ended_at"
            found = connection.execute(query, [started_at]).fetchall()
            ends = [datetime.fromisoformat(row[0]) for row in found]
        if ends and not first_seen:
            first_seen, cpu_at_first = len(ends), cpu_of_workers(cluster)
    spent = cpu_of_workers(cluster) - cpu_at_first
    cluster.stop()
    return (ends[-1] - ends[0]).total_seconds() / (jobs - 1), spent / (jobs - first_seen)


def cpu_of_workers(cluster: Cluster) -> float:
    """Processor seconds of the workers so far, their warm processes and runs included."""
    workers = [psutil.Process(worker.process.pid) for worker in cluster.workers]
    groups = [[worker, *worker.children(recursive=True)] for worker in workers]
    spent = 0.0
    for process in chain.from_iterable(groups):
        with suppress(psutil.NoSuchProcess):
            spent += sum(process.cpu_times()[:4])  # own, and of the children that have ended
    return spent


if __name__ == "__main__":
    main()
