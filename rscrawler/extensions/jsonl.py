"""Plain `scrapy crawl` writes the JSONL too."""

import logging
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.spool import sync_spool
from rscrawler.errors import OutputError
from rscrawler.spiders.session import session_of

logger = logging.getLogger(__name__)


class JsonlExtension:
    """Appends what a crawl recorded to the JSONL files when its spider closes."""

    def __init__(self, crawler: Crawler) -> None:
        self._session = session_of(crawler)  # there is none in `scrapy shell` and the like

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connected to the end of one crawl."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_closed(self) -> None:
        """Deliver; what cannot be written now stays in the outbox."""
        session = self._session
        if session.config.uses_workers:
            return  # the service writes the files
        # First: what is in the JSONL counts as told when a lost database is rebuilt from it.
        sync_spool(session.config, session.store)
        try:
            deliver_jsonl(session.config, session.store)
        except OutputError as error:
            logger.warning("%s", error)
