"""Bare Scrapy: the least that a crawler of the same pages does.

    python -m benchmarks.bare_spider ADDRESSES.txt [--parse]

Asks for every address in the file, one a line, and prints a JSON object with the pages
got and the seconds from the start of the crawl to its end. `--parse` touches
`response.selector`, so that lxml parses each page; nothing else is done with it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

from benchmarks.sample import CONCURRENCY
from rscrawler import settings as ours

# What the real crawler's own settings turn off is off here too.
SETTINGS = {
    name: getattr(ours, name)
    for name in dir(ours)
    if name.isupper()
    and name
    not in {
        "SPIDER_MODULES",
        "ITEM_PIPELINES",
        "EXTENSIONS",
        "DOWNLOADER_MIDDLEWARES",
        "SPIDER_MIDDLEWARES",
    }
} | {
    "ROBOTSTXT_OBEY": False,
    "DOWNLOAD_DELAY": 0,
    "CONCURRENT_REQUESTS": CONCURRENCY,
    "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
}


class BareSpider(Spider):
    """Fetches a list of pages."""

    name = "bare"

    def __init__(self, addresses: list[str], is_parsing: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.addresses = addresses
        self.is_parsing = is_parsing
        self.pages = 0

    async def start(self) -> AsyncIterator[Request]:
        """Every address."""
        for address in self.addresses:
            yield Request(address, dont_filter=True)

    def parse(self, response: Response) -> None:
        """Count it, and have it parsed if that is wanted."""
        if self.is_parsing:
            response.selector  # noqa: B018 (parses on first sight)
        self.pages += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("addresses", type=Path)
    parser.add_argument("--parse", action="store_true")
    options = parser.parse_args()
    addresses = options.addresses.read_text(encoding="utf-8").split()
    started = time.perf_counter()
    process = AsyncCrawlerProcess(SETTINGS)
    crawler = process.create_crawler(BareSpider)
    process.crawl(crawler, addresses=addresses, is_parsing=options.parse)
    process.start()
    seconds = time.perf_counter() - started
    if crawler.stats.get_value("finish_reason") != "finished":
        sys.exit("the bare crawl did not finish")
    pages = crawler.stats.get_value("downloader/response_status_count/200", 0)
    sys.stdout.write(json.dumps({"pages": pages, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
