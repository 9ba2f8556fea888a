"""What workers cost and bring: handing over, one job above a plain crawl, one worker and two.

    python -m benchmarks.bench_cluster [--jobs N]

Tiny sites without a delay, crawled for the second time (one feed, nothing new): the least
that a job can be, so that what surrounds it shows. Each crawl is a process of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

from benchmarks.measure import progress, rscrawler, spread, table
from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.scheduling.queue import JobQueue, install_queue
from rscrawler.scheduling.schedules import load_schedules
from rscrawler.store import Store
from rscrawler.store.jobs import QUEUE, Firing
from tests.cluster.cluster import Cluster, postgresql
from tests.cluster.sites import TinySites

PLAIN_CRAWLS = 7
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
        walls = [each.wall_seconds for each in plain]
        rows = [["a plain crawl, wall s", spread(walls)]]
        rows.append(["a plain crawl, CPU s", spread([each.cpu_seconds for each in plain])])
        handed_over: list[float] = []
        for workers in (1, 2):
            progress(f"{jobs} jobs, workers: {workers}")
            handed_over += hand_over_all(cluster)
            seconds, own = work(cluster, workers, jobs)
            rows.append([f"{workers} × one at a time, jobs a minute", f"{60 / seconds:.1f}"])
            rows.append([f"{workers} × one at a time, wall s a job", f"{seconds:.2f}"])
            rows.append(["of it the workers' own CPU, ms a job", f"{1000 * own:.0f}"])
            if workers == 1:
                above = seconds - statistics.median(walls)
                rows.append(["above a plain crawl, wall s a job", f"{above:+.2f}"])
        rows.append(["to claim a run and hand it over, ms", spread(handed_over, 1)])
    print(table(["", "median (range) or mean"], rows))


@contextmanager
def cluster_of(sites: int) -> Iterator[Cluster]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(TinySites(sites))
        server = stack.enter_context(postgresql(folder / "pg"))
        cluster = Cluster(folder, server, served, every="1d", at_once=1)
        stack.enter_context(cluster.mailbox)
        cluster.write_files(delay=0)
        stack.callback(cluster.kill)
        yield cluster


def hand_over_all(cluster: Cluster) -> list[float]:
    """Claim a run of every job and put it into the queue, as the service does; ms for each."""
    config = load_config(cluster.folder / "rscrawler.toml")
    store, queue, now = Store.open(config.database), JobQueue(), utc_now()
    install_queue(store)
    spent = []
    for scheduled in load_schedules(config).active:
        store.jobs.schedule(scheduled.id, str(now), now)
        begun = time.perf_counter()
        claimed = store.jobs.claim(
            Firing(scheduled.id, now, QUEUE),
            next_fire_at=now + timedelta(days=1),
            now=now,
            hand_over=queue.hand_over(scheduled, now),
        )
        spent.append(1000 * (time.perf_counter() - begun))
        assert claimed
    store.close()
    return spent


def work(cluster: Cluster, workers: int, jobs: int) -> tuple[float, float]:
    """Let workers empty the queue: seconds from one end of a run to the next, own CPU s a run.

    Their start, up to the end of the first run, is left out.
    """
    cluster.workers.clear()
    cluster.start(services=0, workers=workers)
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
            first_seen, cpu_at_first = len(ends), own_cpu(cluster)
    spent = own_cpu(cluster) - cpu_at_first
    cluster.stop()
    return (ends[-1] - ends[0]).total_seconds() / (jobs - 1), spent / (jobs - first_seen)


def own_cpu(cluster: Cluster) -> float:
    """Processor seconds of the workers so far, without those of their crawls."""
    times = [psutil.Process(worker.process.pid).cpu_times() for worker in cluster.workers]
    return float(sum(each.user + each.system for each in times))


if __name__ == "__main__":
    main()
