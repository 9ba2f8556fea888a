"""Flags the items of any spider by watch-lists, in your own Scrapy project."""

from dataclasses import asdict
from typing import Any, Self

from itemadapter import ItemAdapter
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from rscrawler.config import find_config, load_config
from rscrawler.errors import ConfigurationError
from rscrawler.items import Article, Level
from rscrawler.topics import FlaggableText, Flagger, load_watchlists


class BelowLevel(DropItem):
    """The item reaches the level of `RSCRAWLER_MIN_LEVEL` on no topic."""


class TopicsPipeline:
    """Flags an item by its `title`, `subtitle` and `body`, and sets its `topics`.

    `body` is a text with blank lines between paragraphs, or a list of paragraphs. `topics` is as
    in the record: a list of `{topic, level, score, countries, evidence}`.

    Settings: `RSCRAWLER_TOPICS` names watch-lists, shipped ones or those of the configuration that
    the commands find (default: central-asia). `RSCRAWLER_MIN_LEVEL` (mention, substantial,
    primary): items below it are dropped (default: none).
    """

    def __init__(self, flagger: Flagger, minimum: Level) -> None:
        self._flagger, self._minimum = flagger, minimum

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built from the project's settings.

        Raises:
            ConfigurationError: a setting names an unknown watch-list or level.
        """
        names = crawler.settings.getlist("RSCRAWLER_TOPICS", ["central-asia"])
        known = load_watchlists(load_config(find_config(None)))
        for name in names:
            if name not in known:
                allowed = ", ".join(sorted(known))
                raise ConfigurationError(
                    f"RSCRAWLER_TOPICS: {name!r} is not known; allowed: {allowed}"
                )
        level = crawler.settings.get("RSCRAWLER_MIN_LEVEL", Level.NONE)
        if level not in list(Level):
            raise ConfigurationError(
                f"RSCRAWLER_MIN_LEVEL: {level!r} is not a level; allowed: {', '.join(Level)}"
            )
        return cls(Flagger([known[name] for name in names]), Level(level))

    def process_item(self, item: Any) -> Any:
        """The same item, with its topics.

        Raises:
            BelowLevel: the item is below the minimum on every topic.
        """
        if isinstance(item, Article):
            flags = item.topics = self._flagger.flag(FlaggableText.from_article(item))
        else:
            fields = ItemAdapter(item)
            body = fields.get("body") or ()
            paragraphs = body.split("\n\n") if isinstance(body, str) else body
            text = FlaggableText(fields.get("title"), fields.get("subtitle"), paragraphs)
            flags = self._flagger.flag(text)
            fields["topics"] = [{**asdict(flag), "level": str(flag.level)} for flag in flags]
        if max((flag.level.rank for flag in flags), default=0) < self._minimum.rank:
            raise BelowLevel(f"below {self._minimum}", log_level="DEBUG")
        return item
