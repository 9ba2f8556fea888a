"""What is a piece about? Asked of every watch-list, shipped and own, in one pass."""

from __future__ import annotations

from typing import Self

from scrapy.crawler import Crawler

from rscrawler.spiders.session import session_of
from rscrawler.topics import FlaggableText, Flagger
from rscrawler.visits import FetchedArticle, GoneArticle


class TopicsPipeline:
    """Flags new and changed texts; an unchanged one keeps the verdict that it has."""

    def __init__(self, flagger: Flagger) -> None:
        self._flagger = flagger

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built with the cycle's watch-lists."""
        return cls(session_of(crawler).flagger)

    def process_item(self, item: FetchedArticle | GoneArticle) -> FetchedArticle | GoneArticle:
        """The same item, with its flags."""
        if isinstance(item, FetchedArticle) and item.event is not None:
            item.article.topics = self._flagger.flag(FlaggableText.from_article(item.article))
        return item
