"""A pipeline of the project's own, between rscrawler's."""

from typing import Any

from itemadapter import ItemAdapter


class TitlePipeline:
    """Counts the titles that name a country."""

    def __init__(self, stats: Any) -> None:
        self.stats = stats

    @classmethod
    def from_crawler(cls, crawler: Any) -> "TitlePipeline":
        """Built with the crawl's statistics."""
        return cls(crawler.stats)

    def process_item(self, item: Any) -> Any:
        """The same item."""
        flags = ItemAdapter(item)["topics"]
        if any(proof.field == "title" for flag in flags for proof in flag.evidence):
            self.stats.inc_value("newsdesk/named_in_title")
        return item
