"""The project's own pipeline, between those of rscrawler."""

from typing import Any

from itemadapter import ItemAdapter


class TitlePipeline:
    """Counts the articles whose title names the topic."""

    def __init__(self, stats: Any) -> None:
        self.stats = stats

    @classmethod
    def from_crawler(cls, crawler: Any) -> "TitlePipeline":
        """Built with the crawl's statistics."""
        return cls(crawler.stats)

    def process_item(self, item: Any) -> Any:
        """Count the item, and pass it on."""
        flags = ItemAdapter(item)["topics"]
        if any(proof.field == "title" for flag in flags for proof in flag.evidence):
            self.stats.inc_value("newsdesk/named_in_title")
        return item
