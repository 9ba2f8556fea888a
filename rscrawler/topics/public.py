"""`rscrawler.flag_text`: one text judged without a crawl."""

from __future__ import annotations

from functools import lru_cache

from rscrawler.config import find_config, load_config
from rscrawler.items import Level, TopicFlag
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.text import FlaggableText
from rscrawler.topics.watchlist import known_topic

Flag = TopicFlag


def flag_text(
    body: str, *, title: str = "", subtitle: str = "", topic: str = "central-asia"
) -> Flag:
    """Judge one text by a watch-list: its level, score, countries and evidence.

    `body` holds paragraphs divided by blank lines. `topic` names a watch-list, shipped or of the
    configuration that the commands would find.

    Raises:
        ConfigurationError: `topic` has no watch-list.
    """
    paragraphs = tuple(part for part in body.split("\n\n") if part.strip())
    flags = _flagger(topic).flag(FlaggableText(title or None, subtitle or None, paragraphs))
    return flags[0] if flags else Flag(topic, Level.NONE, 0.0)


@lru_cache(maxsize=8)
def _flagger(topic: str) -> Flagger:
    return Flagger([known_topic(topic, load_config(find_config(None)))])
