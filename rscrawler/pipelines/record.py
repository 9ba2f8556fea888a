"""What a crawl recorded, handed on as Scrapy's users expect it: an item is a record."""

from typing import Any

from scrapy.exceptions import DropItem

from rscrawler.items import Article
from rscrawler.spiders.outcomes import Kind, PageOutcome


class Unchanged(DropItem):
    """The page is that of a version which is recorded already."""


class Unread(DropItem):
    """The page gave no article: it is gone, cut off, forbidden or something else."""


class RecordPipeline:
    """Gives the record of what was recorded, as a dict; drops a page of which nothing was.

    The last of the pipelines: feed exports, `item_scraped` and pipelines behind it see records.
    An `Article` of another spider becomes its record too; any other item is left alone.
    """

    def process_item(self, item: Any) -> Any:
        """The record.

        Raises:
            Unchanged, Unread: there is none.
        """
        if isinstance(item, PageOutcome):
            if item.record is None:
                is_same = item.kind in (Kind.READ, Kind.UNCHANGED)
                reason = Unchanged if is_same else Unread
                raise reason(f"{item.url}: {item.reason or item.kind}", log_level="DEBUG")
            return item.record
        return item.to_record() if isinstance(item, Article) else item
