"""`rscrawler.flag_text`: one text judged without a crawl."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rscrawler.config import find_config, load_config
from rscrawler.items import Evidence, Level
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.text import FlaggableText
from rscrawler.topics.watchlist import known_topic


@dataclass(frozen=True, slots=True)
class Flag:
    """What a watch-list says of a text; `score` is in 0 … 1, `countries` are ISO 3166 codes."""

    level: Level
    score: float
    countries: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


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
    if not flags:
        return Flag(Level.NONE, 0.0)
    found = flags[0]
    return Flag(found.level, found.score, found.countries, found.evidence)


@lru_cache(maxsize=8)
def _flagger(topic: str) -> Flagger:
    return Flagger([known_topic(topic, load_config(find_config(None)))])
