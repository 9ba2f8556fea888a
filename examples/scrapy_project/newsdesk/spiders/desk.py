"""The project's own spider: it follows a feed, and rscrawler extracts the articles."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response, TextResponse

import rscrawler


class DeskSpider(Spider):
    """Yields the articles that the feed of a site links to."""

    name = "desk"

    def __init__(self, site: str, feed: str = "/feeds/feed.rss", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site, self.feed = site, feed

    async def start(self) -> AsyncIterator[Any]:
        """Request the feed."""
        yield Request(self.site + self.feed, callback=self.parse_feed)

    def parse_feed(self, response: TextResponse) -> Iterator[Request]:
        """Request the page of each entry."""
        for link in response.xpath("//item/link/text()").getall():
            yield response.follow(link, callback=self.parse_article)

    def parse_article(self, response: Response) -> Iterator[rscrawler.Article]:
        """Extract the article; skip a page that has none."""
        try:
            yield rscrawler.extract_page(response.body, response.url)
        except rscrawler.PageError as error:
            self.logger.info("%s: %s", response.url, error)
