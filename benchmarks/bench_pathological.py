"""Do pages that are made to take long hold up another site?

    python -m benchmarks.bench_pathological [--pages N]

Two sites are crawled by one command. One is healthy: so many pages, one each 50 ms. The other
has thirty pages, and a feed, a sitemap and a robots.txt, of which each takes long to read or
is very large. Measured is the longest gap between two requests to the healthy site, alone and
beside the other, and what the command and the operators' mails say of the other; then the
next cycle. A page of each kind is also given to a reader by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.measure import progress, run, table
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.config.models import CrawlSettings
from rscrawler.crawling import load_flagger
from rscrawler.demo.server import Mailbox
from rscrawler.sites import SiteProfile
from rscrawler.spiders.pool import Readers
from rscrawler.spiders.reading import ArticleToRead, PageReader, ReadFailure

DELAY_SECONDS = 0.05
LIMIT_SECONDS = 5.0  # of a page
URL = "http://heavy.example/"
MIB = 2**20
HEAD = '<html><head><title>{0}</title><meta property="og:type" content="article"></head><body>'
PROFILE = """
base_url = "{url}"
download_delay = {delay}
concurrency = 4
[[sources]]
kind = "section"
path = "/list/"
page_parameter = "none"
"""
CONFIG = """
sites_dir = "sites"
[crawl]
page_time_limit = "{limit:g}s"
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]
[alerts.ops]
recipients = ["ops@example.org"]
"""
MORE = """
[[sources]]
kind = "feed"
path = "/feed.xml"
[[sources]]
kind = "sitemap"
path = "/sitemap.xml"
"""


def words(number: int, count: int) -> str:
    """So many words, that no other number gives."""
    choice = random.Random(number)
    return " ".join("".join(choice.choices("aeiourstlnmkdp", k=6)) for _ in range(count))


def article(number: int) -> bytes:
    """A page that any reader can read."""
    body = "".join(f"<p>{words(number * 9 + each, 60)}.</p>" for each in range(5))
    head = HEAD.format(f"Title {number} of {words(number, 4)}")
    return f"{head}<article><h1>Title {number}</h1>{body}</article></body></html>".encode()


def whole(number: int, body: str) -> bytes:
    """An article with something in it that takes long."""
    head = HEAD.format(f"Page {number} that takes long")
    text = "".join(f"<p>{words(number * 9 + each, 60)}.</p>" for each in range(5))
    return (
        f"{head}<article><h1>Page {number} that takes long</h1>{text}{body}</article></body></html>"
    ).encode()


# What each of the thirty pages has in it, five times six kinds.
KINDS = {
    "nested elements": "<div>" * 60_000 + "text" + "</div>" * 60_000,
    "one long attribute": f'<p data-x="{"a" * 10 * MIB}">text</p>',
    "a million tags": "<b>a</b>" * 1_000_000,
    "JSON-LD": '<script type="application/ld+json">['
    + ",".join(['{"@type":"NewsArticle","headline":"a"}'] * 120_000)
    + "]</script>",
    "lists of names": "<p>Kazakhstan, Astana, Almaty, " * 12_000,
    "combining marks": "<p>" + ("e" + "\u0301" * 60) * 60_000,
}


def feed(entries: int) -> bytes:
    items = "".join(
        f"<item><title>a</title><link>/feed-{n}/</link>"
        "<pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate></item>"
        for n in range(entries)
    )
    return f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()


def sitemap(size: int, base: str) -> bytes:
    line = f"<url><loc>{base}/an-old-article-of-some-length-{{:08}}/</loc></url>"
    count = size // len(line.format(0))
    urls = "".join(line.format(number) for number in range(count))
    return gzip.compress(f"<urlset>{urls}</urlset>".encode(), 1)


def serve(pages: int, ready: Connection) -> None:
    """Both sites, until there is no word any more; gives the times of requests when asked."""
    times: list[float] = []
    bodies: dict[str, bytes] = {}

    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            times.append(time.monotonic())
            if self.path == "/list/":
                links = "".join(f'<a href="/article-{n}/">{n}</a>' for n in range(pages))
                answer(self, f"<html><body><div>{links}</div></body></html>".encode())
            elif self.path.startswith("/article-"):
                answer(self, article(int(self.path.removeprefix("/article-").strip("/"))))
            else:
                answer(self, b"", 404)

        def log_message(self, *_: Any) -> None:
            pass

    class Heavy(Healthy):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            answer(self, body or b"", 200 if body is not None else 404)

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), each) for each in (Healthy, Heavy)]
    healthy, heavy = (f"http://127.0.0.1:{server.server_port}" for server in servers)
    names, kinds = [f"/heavy-{number}/" for number in range(30)], list(KINDS.values())
    for number, name in enumerate(names):
        bodies[name] = whole(number, kinds[number % len(kinds)])
    links = "".join(f'<a href="{name}">x</a>' for name in names)
    bodies["/list/"] = f"<html><body><div>{links}</div></body></html>".encode()
    bodies["/feed.xml"] = feed(200_000)
    bodies["/sitemap.xml"] = sitemap(49 * MIB, heavy)
    bodies["/robots.txt"] = b"User-agent: *\n" + b"Disallow: /nowhere/*/x\n" * (15 * MIB // 23)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ready.send((healthy, heavy))
    while ready.recv():
        ready.send(list(times))
        times.clear()


def answer(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    kind = "text/xml" if handler.path.endswith(".xml") else "text/html; charset=utf-8"
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    with suppress(ConnectionError):
        handler.wfile.write(body)


@contextmanager
def sites(pages: int) -> Iterator[tuple[str, str, Connection]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(pages, theirs))
    process.start()
    healthy, heavy = ours.recv()
    try:
        yield healthy, heavy, ours
    finally:
        ours.send(False)
        process.join()


def write_files(folder: Path, addresses: dict[str, str], mail_port: int) -> None:
    (folder / "sites").mkdir()
    for site, url in addresses.items():
        text = PROFILE.format(url=url, delay=DELAY_SECONDS) + (MORE if site == "heavy" else "")
        (folder / "sites" / f"{site}.toml").write_text(text)
    (folder / "rscrawler.toml").write_text(CONFIG.format(limit=LIMIT_SECONDS, port=mail_port))


def crawl(folder: Path, *names: str) -> Any:
    command = ["-m", "rscrawler", "crawl", *names, "--json"]
    return run([sys.executable, *command], folder, healthy=(0, 1)).json["sites"]


def longest_gap(server: Connection) -> float:
    server.send(True)
    times = server.recv()
    return float(max(after - before for before, after in pairwise(times)))


def crawled(pages: int) -> list[list[str]]:
    """The healthy site alone, both beside each other, and the next cycle."""
    with sites(pages) as (healthy, heavy, server), tempfile.TemporaryDirectory() as name:
        addresses = {"healthy": healthy, "heavy": heavy}
        gaps: dict[str, float] = {}
        for kind, names in (("alone", ["healthy"]), ("beside", ["healthy", "heavy"])):
            progress(f"the healthy site, {kind}")
            folder = Path(name) / kind
            folder.mkdir()
            with Mailbox(folder / "mailbox") as mailbox:
                write_files(folder, addresses, mailbox.port)
                first = crawl(folder, *names)
                gaps[kind] = longest_gap(server)
                if kind == "beside":
                    notified = len(mailbox.paths())
                    progress("the next cycle")
                    second = crawl(folder, *names)
                    notified_again = len(mailbox.paths()) - notified
                    longest_gap(server)
        progress(json.dumps([first, second]))
    return [
        ["longest gap between requests alone, s", f"{gaps['alone']:.2f}"],
        ["beside thirty such pages, s", f"{gaps['beside']:.2f}"],
        ["more, s", f"{gaps['beside'] - gaps['alone']:+.2f}"],
        ["of the other site: recorded; errors", f"{_new(first)}; {first['heavy']['errors']}"],
        ["problems", "; ".join(each["message"] for each in first["heavy"]["problems"])],
        ["messages to the operators", str(notified)],
        ["next cycle: problems; errors; messages", f"{_problems(second)}; {notified_again}"],
    ]


def _new(report: Any) -> int:
    return int(report["heavy"]["articles_new"])


def _problems(report: Any) -> str:
    problems = sum(len(each["problems"]) for each in report.values())
    return f"{problems}; {sum(each['errors'] for each in report.values())}"


def read() -> list[list[str]]:
    """How long a page of each kind is with a reader: read, or killed."""
    settings = CrawlSettings(readers=1, page_time_limit=timedelta(seconds=LIMIT_SECONDS))
    profile = SiteProfile(base_url=URL)
    readers = Readers(settings, PageReader({"heavy": profile}, load_flagger(Config())))

    async def read_each() -> list[list[str]]:
        rows = []
        for number, (name, body) in enumerate(KINDS.items()):
            progress(name)
            page = ArticleToRead("heavy", URL + name, whole(number, body), None, utc_now())
            begun = time.monotonic()
            reading = await readers.read(page)
            seconds = time.monotonic() - begun
            end = reading.reason if isinstance(reading, ReadFailure) else "read"
            rows.append([name, f"{len(page.body) / MIB:.1f}", f"{seconds:.2f}", end])
        return rows

    with closing(readers):
        return asyncio.run(read_each())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_500)
    options = parser.parse_args()
    rows = read()
    print(f"Limit of a page: {LIMIT_SECONDS:g} s.\n")
    print(table(["", ""], crawled(options.pages)))
    print()
    print(table(["a page of", "MiB", "s", "how it ended"], rows))


if __name__ == "__main__":
    main()
