"""Do pages that are made to take long hold up another site?

    python -m benchmarks.bench_pathological [--pages N] [--repeats N]

Two sites are crawled by one command. One is healthy: so many pages, one each 50 ms. The other
has thirty pages, and a feed, a sitemap and a robots.txt, of which each takes long to read or
is very large. Measured is the longest gap between two requests to the healthy site, alone and
beside the other, and what the command says of the other; then once more, an idle cycle.
"""

from __future__ import annotations

import argparse
import gzip
import json
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.measure import REPEATS, Ended, progress, run, spread, table

DELAY_SECONDS = 0.05
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


def whole(body: str) -> bytes:
    head = HEAD.format("A page that takes long")
    return f"{head}<article><h1>A page that takes long</h1>{body}</article></body></html>".encode()


# What each of the thirty pages is made of, five times six kinds.
KINDS: list[Callable[[int], bytes]] = [
    lambda n: whole("<div>" * 60_000 + words(n, 300) + "</div>" * 60_000),  # nesting
    lambda n: whole(f'<p data-x="{"a" * 10 * MIB}">{words(n, 200)}</p>'),  # attributes
    lambda n: whole(f"<p>{words(n, 200)}</p>" + "<b>a</b>" * 1_000_000),  # tags
    lambda n: whole(
        '<script type="application/ld+json">['
        + ",".join(['{"@type":"NewsArticle","headline":"a"}'] * 120_000)
        + f"]</script><p>{words(n, 200)}</p>"
    ),  # JSON-LD
    lambda n: whole("".join(f"<p>Kazakhstan, Astana {n} Almaty, " * 12_000)),  # lists of names
    lambda n: whole("<p>" + ("e" + "\u0301" * 60) * 60_000 + f"{n}</p>"),  # combining marks
]


def feed(entries: int) -> bytes:
    items = "".join(
        f"<item><title>a</title><link>/feed-{n}/</link>"
        "<pubDate>Tue, 24 Nov 2026 08:00:00 GMT</pubDate></item>"
        for n in range(entries)
    )
    return f'<rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()


def sitemap(size: int, base: str) -> bytes:
    line = f"<url><loc>{base}/an-old-piece-of-some-length-{{:08}}/</loc></url>"
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
                links = "".join(f'<a href="/piece-{n}/">{n}</a>' for n in range(pages))
                answer(self, f"<html><body><div>{links}</div></body></html>".encode())
            elif self.path.startswith("/piece-"):
                answer(self, article(int(self.path[7:-1])))
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
    names = [f"/heavy-{number}/" for number in range(30)]
    for number, name in enumerate(names):
        bodies[name] = KINDS[number % len(KINDS)](number)
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


def crawl(folder: Path, *names: str) -> Ended:
    command = ["-m", "rscrawler", "crawl", *names, "--json"]
    return run([sys.executable, *command], folder, healthy=(0, 1))


def longest_gap(server: Connection) -> float:
    server.send(True)
    times = server.recv()
    return float(max(after - before for before, after in pairwise(times)))


def measure(pages: int, repeats: int) -> str:
    alone: list[float] = []
    beside: list[float] = []
    heavy_pages: list[dict[str, Any]] = []
    second: list[dict[str, Any]] = []
    with sites(pages) as (healthy, heavy, server):
        for number in range(repeats):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "sites").mkdir()
                for site, url, more in (("healthy", healthy, ""), ("heavy", heavy, MORE)):
                    text = PROFILE.format(url=url, delay=DELAY_SECONDS) + more
                    (folder / "sites" / f"{site}.toml").write_text(text)
                config = folder / "rscrawler.toml"
                config.write_text('sites_dir = "sites"\n')
                for output, names, gaps in (
                    ("alone", ("healthy",), alone),
                    ("beside", ("healthy", "heavy"), beside),
                ):
                    progress(f"{output}, {number + 1} of {repeats}")
                    config.write_text(f'sites_dir = "sites"\noutput_dir = "{output}"\n')
                    ended = crawl(folder, *names)
                    gaps.append(longest_gap(server))
                report = ended.json["sites"]["heavy"]
                heavy_pages.append(report)
                progress(json.dumps(report))
                second.append(crawl(folder, *names).json["sites"]["heavy"])
                progress(json.dumps(second[-1]))
                longest_gap(server)
    rows = [
        ["longest gap alone, s", spread(alone)],
        ["longest gap beside thirty such pages, s", spread(beside)],
        ["more, s", spread([b - a for a, b in zip(alone, beside, strict=True)])],
        ["of the other site: errors", spread([each["errors"] for each in heavy_pages], 0)],
        ["problems", "; ".join({p["message"] for each in heavy_pages for p in each["problems"]})],
        ["problems of the next cycle", str(sum(len(each["problems"]) for each in second))],
    ]
    return table(["", "median (range)"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(measure(options.pages, options.repeats))


if __name__ == "__main__":
    main()
