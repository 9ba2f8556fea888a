"""Turns each item into its record, which is what Scrapy's exports and your pipelines get."""

from typing import Any

from scrapy.exceptions import DropItem

from rscrawler.items import Article
from rscrawler.spiders.outcomes import PageKind, PageOutcome


class Unchanged(DropItem):
    """The page shows a version that is already recorded."""


class Unread(DropItem):
    """The page gave no article: it is gone, truncated, forbidden or not an article."""


class RecordPipeline:
    """Returns the record of a page as a dict; drops a page that led to no record.

    It is the last of our pipelines: feed exports, `item_scraped` and later pipelines get records.
    An `Article` from another spider becomes its record, too; other items pass unchanged.
    """

    def process_item(self, item: Any) -> Any:
        """The record of the item.

        Raises:
            Unchanged, Unread: there is no record.
        """
        if isinstance(item, PageOutcome):
            if item.record is None:
                is_same = item.kind in (PageKind.READ, PageKind.UNCHANGED)
                reason = Unchanged if is_same else Unread
                raise reason(f"{item.url}: {item.reason or item.kind}", log_level="DEBUG")
            return item.record
        return item.to_record() if isinstance(item, Article) else item
