"""The parts of a piece that are read for topics, as one text with a way back to the parts."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

from rscrawler.items import Article

# Between two zones: no name, blank or hyphen reaches over it.
_BOUNDARY = "\x00"


@dataclass(frozen=True)
class FlaggableText:
    """The article's own words, by zone. No caption, no credit, no neighbour."""

    title: str | None = None
    subtitle: str | None = None
    paragraphs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    @classmethod
    def from_article(cls, article: Article) -> Self:
        """The zones of `article`."""
        return cls(
            title=article.title,
            subtitle=article.subtitle,
            paragraphs=tuple(article.paragraphs),
            tags=tuple(article.tags),
        )


@dataclass(frozen=True, slots=True)
class Zone:
    """A title, subtitle, paragraph or tag; `start` is its offset in the joined text."""

    field: str
    paragraph: int | None
    text: str
    start: int

    @property
    def is_lead(self) -> bool:
        """Whether it is a headline or the first paragraph."""
        return self.field in ("title", "subtitle") or self.paragraph == 0


@dataclass(frozen=True)
class JoinedText:
    """All zones in one string, so that one pass finds everything."""

    text: str
    zones: tuple[Zone, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: FlaggableText) -> Self:
        """The zones of `text` in reading order: title, subtitle, body, tags."""
        parts: list[tuple[str, int | None, str]] = []
        if text.title:
            parts.append(("title", None, text.title))
        if text.subtitle:
            parts.append(("subtitle", None, text.subtitle))
        parts.extend(("body", number, part) for number, part in enumerate(text.paragraphs))
        parts.extend(("tags", None, tag) for tag in text.tags)
        zones: list[Zone] = []
        position = 0
        for field, paragraph, part in parts:
            zones.append(Zone(field, paragraph, part, position))
            position += len(part) + len(_BOUNDARY)
        return cls(
            text=_BOUNDARY.join(part for _, _, part in parts),
            zones=tuple(zones),
            starts=tuple(zone.start for zone in zones),
        )

    def zone_index(self, offset: int) -> int:
        """The index of the zone that holds `offset`."""
        return bisect_right(self.starts, offset) - 1
