"""Writes the JSONL after a plain `scrapy crawl`, too."""

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
    """Appends the records of a crawl to the JSONL files when its spider closes."""

    def __init__(self, crawler: Crawler) -> None:
        self._session = session_of(crawler)  # not configured in `scrapy shell` and the like

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the end of the crawl."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_closed(self) -> None:
        """Write the JSONL; records that cannot be written now stay in the outbox."""
        session = self._session
        if session.config.uses_workers:
            return  # the service writes the files
        # The spool first: a database rebuilt from the JSONL takes its records for alerted.
        sync_spool(session.config, session.store)
        try:
            deliver_jsonl(session.config, session.store)
        except OutputError as error:
            logger.warning("%s", error)
