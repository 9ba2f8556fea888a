"""Bare Scrapy: the least that a crawler of the same pages does.

    python -m benchmarks.bare_spider ADDRESSES.txt [--defaults] [--parse | --item]

Asks for every address in the file, one a line, and prints a JSON object with the pages got
and the seconds from the start of the crawl to its end. The settings are those of the real
crawl, which turns much of Scrapy off; with `--defaults`, Scrapy's as it comes. `--parse`
touches `response.selector`, so that lxml parses each page. `--item` is the spider of a
tutorial: one item with headline and paragraphs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response, TextResponse

from benchmarks.measure import CONCURRENCY
from rscrawler import settings as ours

_OUR_PARTS = (
    "SPIDER_MODULES",
    "ITEM_PIPELINES",
    "EXTENSIONS",
    "DOWNLOADER_MIDDLEWARES",
    "SPIDER_MIDDLEWARES",
)
AS_IT_COMES = {
    "ROBOTSTXT_OBEY": False,
    "DOWNLOAD_DELAY": 0,
    "CONCURRENT_REQUESTS": CONCURRENCY,
    "CONCURRENT_REQUESTS_PER_DOMAIN": CONCURRENCY,
}
# What the real crawl turns off is off here too.
AS_OURS = {
    name: value for name, value in vars(ours).items() if name.isupper() and name not in _OUR_PARTS
} | AS_IT_COMES


class Work(StrEnum):
    """What is done with a page."""

    NOTHING = "nothing"
    PARSE = "parse"
    ITEM = "item"


class BareSpider(Spider):
    """Fetches a list of pages."""

    name = "bare"

    def __init__(self, addresses: list[str], work: Work, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.addresses = addresses
        self.work = work

    async def start(self) -> AsyncIterator[Request]:
        """Every address."""
        callback = self.parse_item if self.work is Work.ITEM else self.parse
        for address in self.addresses:
            yield Request(address, callback=callback, dont_filter=True)

    def parse(self, response: Response) -> None:
        """Parse it if that is wanted, and forget it."""
        if self.work is Work.PARSE:
            _ = response.selector if isinstance(response, TextResponse) else None

    def parse_item(self, response: Response) -> Iterator[dict[str, Any]]:
        """Headline and paragraphs, wherever on the page they are."""
        if not isinstance(response, TextResponse):  # a packed sitemap
            return
        yield {
            "url": response.url,
            "title": response.css("h1::text").get(),
            "body": response.css("p::text").getall(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("addresses", type=Path)
    parser.add_argument("--defaults", action="store_true")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--parse", dest="work", action="store_const", const=Work.PARSE)
    choice.add_argument("--item", dest="work", action="store_const", const=Work.ITEM)
    options = parser.parse_args()
    work = options.work or Work.NOTHING
    addresses = options.addresses.read_text(encoding="utf-8").split()
    started = time.perf_counter()
    process = AsyncCrawlerProcess(AS_IT_COMES if options.defaults else AS_OURS)
    crawler = process.create_crawler(BareSpider)
    process.crawl(crawler, addresses=addresses, work=work)
    process.start()
    seconds = time.perf_counter() - started
    pages = crawler.stats.get_value("downloader/response_status_count/200", 0)
    if crawler.stats.get_value("finish_reason") != "finished" or pages != len(addresses):
        sys.exit(f"the bare crawl got {pages} of {len(addresses)} pages")
    sys.stdout.write(json.dumps({"pages": pages, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
