"""Pages, feeds, sitemaps and robots.txt, mutated at random: does anything break, hang or lead away?

    python -m benchmarks.bench_fuzz [--count 10000] [--crawled 300] [--seed N]

The originals are the sample site's (three kinds of markup) and, where `$REAL_PAGES` names a
folder with copies of public benchmarks, pages of real sites. Each is mutated by its own seed,
printed with whatever is found: `--seed N --count 1` shows that one again. Each is read as in a
crawl, by a reader process with the limits of time and memory. Then some are served and crawled,
with links to another server among them, which must not be asked for anything.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, islice
from pathlib import Path
from urllib.parse import urlsplit

from scrapy.robotstxt import ProtegoRobotParser

from benchmarks.bench_real_pages import whole_bodies
from benchmarks.measure import progress, run, table
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.sites import SiteProfile, Source, SourceKind, host_of, load_sites
from rscrawler.spiders.outcomes import FetchedArticle
from rscrawler.spiders.pool import ReaderError, Readers
from rscrawler.spiders.reading import (
    ArticleToRead,
    PageReader,
    ReadFailure,
    ReadResult,
    ReadSource,
)
from rscrawler.spiders.sources import SourcePage
from rscrawler.topics import Flagger, load_watchlists
from tests.sample_site import SampleSite, Theme

SITE = "responsiblestatecraft"
BASE = "https://responsiblestatecraft.org"
STORIES = 40
MAX_ROBOTS_BYTES = 512 * 1024
MOST_BYTES = 2_000_000
KINDS = ("article", "section", "feed", "sitemap", "robots")
AT_ONCE = 50

# What breaks parsers, and what leads elsewhere; {trap} is a server that must not be asked.
TOKENS = (
    r"""<
>
&
"
'
]]>
<![CDATA[
<!--
-->
&#x110000;
&#0;
&nbsp
<?xml version='1.0' encoding='utf-16'?>
<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>]>
&a;&a;&a;
<base href='{trap}/'>
<a href='{trap}/away/'>away</a>
<a href='//[::1'>x</a>
<a href='http://'>x</a>
<a href='javascript:alert(1)'>x</a>
<a href='/%ff%00/../..//x/'>x</a>
<link rel='canonical' href='{trap}/other/'>
<meta http-equiv='refresh' content='0;url={trap}/r/'>
<meta charset='utf-7'>
<meta charset='nonsense'>
<script type='application/ld+json'>{"@type":
<script type='application/ld+json'>[[[[{"headline":1e999,"author":[null,7]}]]]]</script>
<time datetime='9999999-99-99T99:99'>
<template>
</article>
</body></html>
<svg><math>
<plaintext>
<select>
<item><link>{trap}/item/</link></item>
<loc>{trap}/loc/</loc>
<url><loc>ftp://x/</loc></url>
<sitemap><loc>{trap}/sitemap.xml</loc></sitemap>
<pubDate>Fri, 99 Foo 99999 25:61:61 +9999</pubDate>
<lastmod>-0001-00-00</lastmod>
Disallow: /*********************$
Allow: {trap}
User-agent: *
Crawl-delay: 1e308
Sitemap: {trap}/sitemap.xml"""
).splitlines()
TOKENS += ["\0", "\ufeff", "\u202e", "\u2028"]


@dataclass(frozen=True, slots=True)
class Original:
    """One of the pages that are mutated."""

    kind: str
    path: str
    body: bytes


def originals() -> dict[str, list[Original]]:
    """All there is to mutate, by kind."""
    found: dict[str, list[Original]] = {kind: [] for kind in KINDS}
    for theme in (Theme.REBELMOUSE, Theme.RENAMED, Theme.BARE):
        state = SampleSite(STORIES)
        state.base_url = BASE
        state.change_markup(theme)
        paths = {
            "article": [story.path for story in state.stories],
            "section": ["/reporting/", "/europe/", "/"],
            "feed": ["/feeds/feed.rss", "/feeds/reporting.rss"],
            "sitemap": ["/sitemap.xml", "/feeds/sitemaps/sitemap_1.xml", "/sitemap_news.xml"],
            "robots": ["/robots.txt"],
        }
        for kind, of_kind in paths.items():
            found[kind] += [
                Original(kind, path, state.server.resource(path, 1).body) for path in of_kind
            ]
    if folder := os.environ.get("REAL_PAGES"):
        real = (page for page, _, _ in whole_bodies(Path(folder)))
        found["article"] += [
            Original("article", f"/real-{number}/", page) for number, page in enumerate(real)
        ]
    return found


# Mutating.

Mutation = Callable[[bytes, random.Random, bytes], bytes]


def _place(body: bytes, rng: random.Random) -> int:
    return rng.randrange(len(body) + 1)


def _slice(body: bytes, rng: random.Random) -> tuple[int, int]:
    start = _place(body, rng)
    return start, min(len(body), start + int(rng.paretovariate(0.6)))


def _flip(body: bytes, rng: random.Random, _: bytes) -> bytes:
    changed = bytearray(body)
    for _number in range(rng.randint(1, 40)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _delete(body: bytes, rng: random.Random, _: bytes) -> bytes:
    start, end = _slice(body, rng)
    return body[:start] + body[end:]


def _repeat(body: bytes, rng: random.Random, _: bytes) -> bytes:
    start, end = _slice(body, rng)
    return body[:start] + body[start:end] * rng.choice((2, 10, 1_000)) + body[end:]


def _insert(body: bytes, rng: random.Random, _: bytes) -> bytes:
    at, token = _place(body, rng), rng.choice(TOKENS).encode()
    return body[:at] + token * rng.choice((1, 1, 1, 50, 2_000)) + body[at:]


def _nest(body: bytes, rng: random.Random, _: bytes) -> bytes:
    at, tag = (
        _place(body, rng),
        rng.choice((b"<div>", b"<b>", b"<ul><li>", b"<table><tr><td>", b"<p>")),
    )
    return body[:at] + tag * rng.choice((100, 3_000)) + body[at:]


def _cut(body: bytes, rng: random.Random, _: bytes) -> bytes:
    return body[: _place(body, rng)]


def _splice(body: bytes, rng: random.Random, other: bytes) -> bytes:
    return body[: _place(body, rng)] + other[_place(other, rng) :]


def _swap(body: bytes, rng: random.Random, _: bytes) -> bytes:
    first, second = sorted((_place(body, rng), _place(body, rng)))
    return body[second:] + body[first:second] + body[:first]


def _recode(body: bytes, rng: random.Random, _: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "cp1251", "shift_jis", "utf-7")), "replace")


MUTATIONS: Sequence[Mutation] = (
    _flip, _delete, _repeat, _insert, _insert, _insert, _nest, _cut, _splice, _swap, _recode,
)  # fmt: skip


def mutated(pool: dict[str, list[Original]], seed: int) -> Original:
    """The page of a seed."""
    rng = random.Random(seed)
    original = rng.choice(pool[KINDS[seed % len(KINDS)]])
    body = original.body
    for _ in range(rng.randint(1, 4)):
        other = rng.choice(pool[rng.choice(KINDS)]).body
        body = rng.choice(MUTATIONS)(body, rng, other)[:MOST_BYTES]
    return Original(original.kind, original.path, body)


# ReadResult.


@dataclass(slots=True)
class Result:
    """What came of one page."""

    seed: int
    kind: str
    outcome: str
    seconds: float
    led_away: str = ""


def read_all(pool: dict[str, list[Original]], seeds: range) -> list[Result]:
    """Read the pages of the seeds, by reader processes."""
    config = Config()
    profile = load_sites(config)[SITE].model_copy(update={"base_url": BASE})
    reader = PageReader({SITE: profile}, Flagger(load_watchlists(config).values()))
    readers = Readers(config.crawl, reader)
    try:
        return asyncio.run(_read_all(readers, profile, pool, seeds))
    finally:
        readers.close()


async def _read_all(
    readers: Readers, profile: SiteProfile, pool: dict[str, list[Original]], seeds: range
) -> list[Result]:
    results: list[Result] = []
    remaining = iter(seeds)
    while some := list(islice(remaining, AT_ONCE)):
        results += [await _read(readers, profile, mutated(pool, seed), seed) for seed in some]
        progress(f"{len(results)} of {len(seeds)} read")
    return results


async def _read(readers: Readers, profile: SiteProfile, page: Original, seed: int) -> Result:
    started = time.perf_counter()
    reading: ReadResult | None = None
    url = BASE + page.path
    try:
        if page.kind == "robots":
            ProtegoRobotParser(page.body[: 512 * 1024], None).allowed(
                f"{BASE}/reporting/", "rscrawler"
            )
        elif page.kind == "article":
            reading = await readers.read(
                ArticleToRead(SITE, url, page.body, "text/html", utc_now())
            )
        else:
            source = Source(kind=SourceKind(page.kind), path=page.path)
            reading = await readers.read(SourcePage(SITE, url, page.body, None, source))
        outcome = _in_words(reading)
    except ReaderError as error:
        outcome = f"broke: {error}"
    except Exception as error:
        outcome = f"broke: {error!r}"
    away = next(iter(_led_away(reading, profile)), "")
    return Result(seed, page.kind, outcome, time.perf_counter() - started, away)


def _in_words(reading: ReadResult | None) -> str:
    if isinstance(reading, ReadFailure):
        return str(reading.kind)
    return "read"


def _led_away(reading: ReadResult | None, profile: SiteProfile) -> Iterator[str]:
    """Addresses that would be requested, and are not on the site's hosts."""
    if isinstance(reading, ReadSource):
        for _, url, *_ in chain.from_iterable(reading.portions()):
            if _is_away(url, profile):
                yield url
    elif isinstance(reading, FetchedArticle) and _is_away(reading.article.url, profile):
        yield reading.article.url


def _is_away(url: str, profile: SiteProfile) -> bool:
    return host_of(urlsplit(url)) not in profile.all_hosts


# Crawling.

PROFILE = """
base_url = "{url}"
download_delay = 0.0
concurrency = 8
[[sources]]
kind = "feed"
path = "/feed.xml"
[[sources]]
kind = "sitemap"
path = "/sitemap.xml"
[[sources]]
kind = "section"
path = "/section/"
"""


@contextmanager
def serving(answer: Callable[[str], tuple[str, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback: its address, and the paths requested of it."""
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            content_type, body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requested
    finally:
        server.shutdown()
        server.server_close()


def crawl(pool: dict[str, list[Original]], seeds: range) -> tuple[int, list[str], list[str]]:
    """Crawl a site of mutated pages.

    Gives the requests to it, the lines of tracebacks, the paths that the other server was asked.
    """
    with serving(lambda _: ("text/html", b"<html><body>trap</body></html>")) as (trap, trapped):
        articles = {f"/article-{seed}/": seed for seed in seeds if seed % len(KINDS) == 0}
        links = "".join(f'<a href="{path}">x</a>' for path in articles)

        def body_of(seed: int) -> bytes:
            return mutated(pool, seed).body.replace(b"{trap}", trap.encode())

        def answer(path: str) -> tuple[str, bytes]:
            if path in articles:
                return "text/html", body_of(articles[path])
            kind = {"/feed.xml": "feed", "/sitemap.xml": "sitemap"}.get(path)
            if kind is None:
                page = f"<html><body>{links}</body></html>".encode()
                return "text/html", page + body_of(seeds[0] * len(KINDS) + 1)
            return "application/xml", body_of(seeds[0] * len(KINDS) + KINDS.index(kind))

        with serving(answer) as (url, requested), tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "sites").mkdir()
            (folder / "sites" / "fuzz.toml").write_text(PROFILE.format(url=url))
            (folder / "rscrawler.toml").write_text('sites_dir = "sites"\n[crawl]\nretries = 0\n')
            command = [sys.executable, "-m", "rscrawler", "crawl", "fuzz", "--full", "--json"]
            run(command, folder, healthy=(0, 1))
            errors = (folder / "stderr.txt").read_text().splitlines()
    return (
        len(requested),
        [line for line in errors if "Error" in line or "Traceback" in line],
        trapped,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--crawled", type=int, default=1_000, help="a fifth are pages")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    options = parser.parse_args()
    pool = originals()
    results = read_all(pool, range(options.seed, options.seed + options.count))
    rows = []
    for kind in KINDS:
        of_kind = [each for each in results if each.kind == kind]
        outcomes = Counter(each.outcome.partition(":")[0] for each in of_kind)
        slowest = max((each.seconds for each in of_kind), default=0.0)
        said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
        away = sum(bool(each.led_away) for each in of_kind)
        rows.append([kind, str(len(of_kind)), said, f"{slowest:.1f}", str(away)])
    print(table(["kind", "mutated", "outcome", "slowest, s", "led away"], rows))
    for each in results:
        if each.outcome.startswith(("broke", "over")) or each.led_away:
            print(f"\nseed {each.seed}, {each.kind}: {each.outcome} {each.led_away}")
    if options.crawled:
        requested, broken, trapped = crawl(
            pool, range(options.seed, options.seed + options.crawled)
        )
        said = f"tracebacks {len(broken)}, requests elsewhere {len(trapped)}"
        print(f"\nCrawled with {requested} requests: {said}")
        for line in [*broken, *trapped]:
            print(f"- {line}")


if __name__ == "__main__":
    main()
