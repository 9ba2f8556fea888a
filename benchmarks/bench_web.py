"""How long the dashboard takes over a hundred thousand articles, and 200 visitors at once.

    python -m benchmarks.bench_web [--articles N] [--database FILE] [--requests N]

Time is that of the server's process for one request, from the call to the last byte, without
the network. With `--database`, a store that a former run filled is looked at again.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import string
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from benchmarks.measure import SITE, progress
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article, Evidence, Extraction, Level, TopicFlag
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.web.app import create_app
from rscrawler.web.dashboard import Dashboard

CLIENTS = 200
WORDS = 600
PAGES = {
    "first page": ("/", 100),
    "page 100": ("/?page=100", 100),
    "search, a rare word": ("/?q={rare}", 200),
    "search, a common word": ("/?q={common}", 200),
    "search, a phrase in all articles": ("/?q=%22sharing+the+stage%22&level=none", 200),
    "search with filters": ("/?q={common}&country=KZ&level=primary&site=other", 200),
    "author and section": ("/?author=author+12&section=europe", 100),
    "charts, half a year": ("/charts", 300),
    "charts, a year": ("/charts?weeks=52", 300),
    "article": ("/articles/{article}", 100),
    "health": ("/sites", 300),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--database", type=Path)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = options.database or Path(folder) / "rscrawler.db"
        config = Config(output_dir=Path(folder), database_url=f"sqlite:///{database}")
        is_new = not database.exists()
        with closing(Store.open(config.database)) as store:
            if is_new:
                fill(store, options.articles, utc_now())
            report(config, store, database, options.requests)
        crowd(config, Path(folder))


# The store.


def fill(store: Store, articles: int, now: datetime) -> None:
    """Record invented articles of 600 words through the store, and index them."""
    before = time.process_time()
    for recordings in _batches(_recordings(articles, now)):
        store.articles.record(*recordings)
    progress(f"{articles:,} articles recorded: {time.process_time() - before:.0f} s")
    for name in (SITE, "other"):
        store.health.record_start("run", name, now)
        store.health.record_end("run", name, now, succeeded=True, counters={})
    before = time.process_time()
    store.index.catch_up()
    seconds = time.process_time() - before
    print(f"Indexing took {1000 * seconds / articles:.2f} ms of processor time an article.\n")


def _batches(recordings: Iterator[Recording]) -> Iterator[list[Recording]]:
    while batch := list(itertools.islice(recordings, 500)):
        yield batch


def vocabulary() -> list[str]:
    """Thirty thousand words, the frequent ones first."""
    chosen = random.Random(1)
    letters = string.ascii_lowercase
    return ["".join(chosen.choices(letters, k=chosen.randint(3, 9))) for _ in range(30_000)]


def _recordings(articles: int, now: datetime) -> Iterator[Recording]:
    chosen, words = random.Random(2), vocabulary()
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(words))))
    for number in range(articles):
        text = chosen.choices(words, cum_weights=weights, k=WORDS)
        article = _article(number, text, chosen, now - timedelta(minutes=12 * number))
        yield Recording(
            article=article,
            fingerprint=Fingerprint(article.record_id, None, article.article_id),
            visit=Visit({}, "digest"),
            run_id="run",
            recorded_at=article.fetched_at,
            channels=(),
        )


def _article(number: int, words: list[str], chosen: random.Random, at: datetime) -> Article:
    paragraphs = [" ".join(words[start : start + 60]) for start in range(0, len(words), 60)]
    paragraphs.append("Tokayev was sharing the stage with Putin, and Astana listened.")
    level = chosen.choices([None, *list(Level)[1:]], [75, 10, 8, 7])[0]
    flags = []
    if level is not None:
        countries = tuple(chosen.sample(["KZ", "KG", "TJ", "TM", "UZ"], chosen.randint(1, 2)))
        evidence = Evidence("Tokayev", "Tokayev", "KZ", "body", 10, paragraphs[-1], 0, 7)
        flags = [TopicFlag("central-asia", level, 0.9, countries, (evidence,))]
    return Article(
        site="other" if number % 3 == 0 else SITE,
        url=f"https://example.org/{number}/",
        title=" ".join(words[:8]),
        authors=[f"Author {chosen.randint(0, 500)}"],
        sections=[chosen.choice(["analysis", "europe", "asia-pacific"])],
        body="\n\n".join(paragraphs),
        published_at=at,
        first_seen_at=at + timedelta(minutes=7),
        fetched_at=at.astimezone(UTC),
        extraction=Extraction("profile"),
        article_id=f"{number:016x}",
        record_id=f"{number:032x}",
        version=1,
        topics=flags,
    )


# One visitor.


def report(config: Config, store: Store, database: Path, requests: int) -> None:
    """Print the table of pages."""
    dashboard = Dashboard(config, store, now=utc_now)
    app = create_app(dashboard)
    words = vocabulary()
    values = {"rare": words[20_000], "common": words[3], "article": f"{5:016x}"}
    size = database.stat().st_size / 2**20
    count = store.articles.count(SITE) + store.articles.count("other")
    print(f"{count:,} articles, {size:,.0f} MiB.\n")
    print("| page | processor p50 | p95 | clock p50 | p95 | goal, p95 |\n" + "| --- " * 6 + "|")
    for name, (path, goal) in PAGES.items():
        taken = asyncio.run(_requested(app, path.format(**values), requests))
        cells = [_ms(part, of) for of in zip(*taken, strict=True) for part in (50, 95)]
        print(f"| {name} | {' | '.join(cells)} | {goal} ms |")


def _ms(percentile: int, seconds: Any) -> str:
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return f"{1000 * cuts[percentile - 1]:.0f} ms"


async def _requested(app: Any, path: str, requests: int) -> list[tuple[float, float]]:
    """Processor and clock time of each request, after two that warm up."""
    taken = []
    for _ in range(requests + 2):
        processor, clock = time.process_time(), time.perf_counter()
        await _ask(app, path)
        taken.append((time.process_time() - processor, time.perf_counter() - clock))
    return taken[2:]


async def _ask(app: Any, path: str) -> None:
    """One request as a server hands it to the application."""
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept-encoding", b"gzip")],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "asgi": {"version": "3.0"},
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise RuntimeError(f"{path} answered {message['status']}")

    await app(scope, receive, send)


# Two hundred.


def crowd(config: Config, folder: Path) -> None:
    """Let 200 clients ask the served dashboard at once, each for two pages."""
    file = folder / "rscrawler.toml"
    file.write_text(f'output_dir = "{folder}"\ndatabase_url = "{config.database}"\n')
    command = [sys.executable, "-m", "rscrawler", "web", "--port", "0", "--config", str(file)]
    with Popen(command, stdout=PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().rpartition(":")[2].partition("/")[0])

        def ask(number: int) -> int:
            connection = HTTPConnection("127.0.0.1", port, timeout=300)
            connection.request("GET", ("/", "/?q=tokayev", "/charts", "/sites")[number % 4])
            response = connection.getresponse()
            response.read()
            connection.close()
            return response.status

        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as clients:
            statuses = list(clients.map(ask, range(CLIENTS)))
        seconds = time.perf_counter() - started
        server.terminate()
    good = statuses.count(200)
    print(f"\n{CLIENTS} clients at once: {good} answered with 200, the last after {seconds:.1f} s.")


if __name__ == "__main__":
    main()
