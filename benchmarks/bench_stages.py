"""Where the time of an article goes, in processor time.

    python -m benchmarks.bench_stages [--stories N] [--repeats N]

Article pages of the sample site are brought once; then each stage of a crawl handles all of
them in turn, on an empty SQLite store. What Scrapy itself takes (requests, scheduling,
decompression, signals) is that of a bare crawl of the same pages.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.measure import (
    REPEATS,
    SITE,
    progress,
    run,
    served_site,
    spread,
    table,
    write_config,
)
from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.crawling import load_flagger
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.extraction.article import extract
from rscrawler.extraction.page import Page
from rscrawler.identity.addresses import address_key, slug_stem
from rscrawler.identity.fingerprints import fingerprint_of
from rscrawler.items import Article
from rscrawler.pipelines.dedupe import DedupePipeline
from rscrawler.pipelines.store import StorePipeline
from rscrawler.sites import load_sites
from rscrawler.spiders.http import page_digest
from rscrawler.spiders.outcomes import FetchedArticle, PageKind, PageOutcome, RequestedArticle
from rscrawler.spiders.pool import GARBAGE_THRESHOLD
from rscrawler.spiders.session import CrawlSession
from rscrawler.store import Store
from rscrawler.store.articles import Visit
from rscrawler.store.discovery import Address
from rscrawler.topics import FlaggableText


class Stopwatch:
    """Sums processor seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, work: Callable[[], Any]) -> Any:
        """What `work` gives; its time is added to the stage."""
        started = time.process_time()
        result = work()
        spent = time.process_time() - started
        self.seconds[stage] = self.seconds.get(stage, 0.0) + spent
        return result


def handled(session: CrawlSession, pages: Iterable[tuple[str, bytes]]) -> dict[str, float]:
    """Take every page through all the stages of a crawl; seconds by stage."""
    watch, now = Stopwatch(), utc_now()
    dedupe = DedupePipeline(session)
    session.flagger.flag(FlaggableText(title="what is made once, for the first article"))
    store = StorePipeline(session)
    gc.collect()  # as a reader process does before its first page
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    for url, body in pages:
        page = watch.timed("parse", lambda url=url, body=body: Page.of(url, body, None, now))  # type: ignore[misc]
        article = watch.timed(
            "extraction",
            lambda page=page: extract(page, session.profile, session.site),  # type: ignore[misc]
        )
        watch.timed("normalize", article.normalize)
        text = FlaggableText.from_article(article)
        article.topics = watch.timed("topics", lambda text=text: session.flagger.flag(text))  # type: ignore[misc]
        made = partial(_outcome, session, article, body, now)
        outcome = watch.timed("fingerprint and dedupe", made)
        for stage, pipeline in (("fingerprint and dedupe", dedupe), ("store", store)):
            watch.timed(
                stage,
                lambda pipeline=pipeline, outcome=outcome: pipeline.process_item(outcome),  # type: ignore[misc]
            )
    watch.timed("store", store.close_spider)
    watch.timed("JSONL", lambda: deliver_jsonl(session.config, session.store))
    return watch.seconds


def _outcome(session: CrawlSession, article: Article, body: bytes, now: datetime) -> PageOutcome:
    key = address_key(article.url, session.profile)
    page = FetchedArticle(
        article=article,
        visit=Visit({key: article.url}, page_digest(body)),
        fingerprint=fingerprint_of(article, slug_stem(article.url, session.profile)),
    )
    requested = RequestedArticle(Address(key, article.url, now))
    return PageOutcome(PageKind.READ, requested, article.url, now, page=page)


def measure(stories: int, repeats: int) -> str:
    stages: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name, served_site(stories) as base_url:
        folder = Path(name)
        pages = _pages(folder, base_url)
        for number in range(repeats):
            progress(f"stages, {number + 1} of {repeats}")
            stages.setdefault("Scrapy, bare", []).append(_bare_seconds(folder, pages))
            fresh = folder / str(number)
            fresh.mkdir()
            write_config(fresh, base_url)
            config = load_config(fresh / "rscrawler.toml")
            store, flagger = Store.open(config.database), load_flagger(config)
            session = CrawlSession(config, SITE, load_sites(config)[SITE], store, flagger)
            for stage, seconds in handled(session, pages).items():
                stages.setdefault(stage, []).append(seconds)
            session.store.close()
    totals = [sum(run) for run in zip(*stages.values(), strict=True)]
    rows = [
        [
            stage,
            spread([1000 * seconds / len(pages) for seconds in runs], 3),
            f"{100 * statistics.median(a / b for a, b in zip(runs, totals, strict=True)):.0f} %",
        ]
        for stage, runs in stages.items()
    ]
    rows.append(["all", spread([1000 * total / len(pages) for total in totals], 3), "100 %"])
    return table(["stage", "CPU ms an article", "share"], rows)


def _pages(folder: Path, base_url: str) -> list[tuple[str, bytes]]:
    from benchmarks.bench_crawl import article_addresses

    addresses = article_addresses(folder, base_url)
    (folder / "addresses.txt").write_text("\n".join(addresses), encoding="utf-8")
    return [(url, urlopen(url).read()) for url in addresses]  # noqa: S310 (on this machine)


def _bare_seconds(folder: Path, pages: list[tuple[str, bytes]]) -> float:
    """Processor seconds of the whole process, less those of one that fetches one page."""
    one = folder / "one.txt"
    one.write_text(pages[0][0], encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.bare_spider"]
    whole = run([*command, "addresses.txt"], folder).cpu_seconds
    return whole - run([*command, "one.txt"], folder).cpu_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args()
    print(measure(options.stories, options.repeats))


if __name__ == "__main__":
    main()
