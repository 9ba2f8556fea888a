"""The parts of an article that are read for topics, as one text with a way back to the parts."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Self

from rscrawler.items import Article

# Between two zones: no name, blank or hyphen reaches over it.
_BOUNDARY = "\x00"
# A sentence ends at . ! ? … with closing quotes, before a blank and an opening; and with a line
# that is too short to be a wrapped one (a heading, an entry), or that comes before a bullet.
_END = re.compile(
    r"[.!?…][\"'”’)\]*_]{0,4}+\s++(?=[\"'“‘(\[*•–-]{0,3}\s?[A-ZÀ-ÞА-ЯЁ\d])"
    r"|(?<![^\n])[^\s][^\n]{0,59}\n\s*+(?=[\"'“‘(\[*•–-]{0,3}\s?[A-ZÀ-ÞА-ЯЁ\d])"
    r"|(?<!\s)[ \t\r]*+\n\s*+(?=[*•–-]\s)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sgt|Maj|Adm|Sen|Rep|Gov|St|Mt|No|vs|Inc|Ltd|Co|Jr|Sr"
    r"|Jan|Feb|Aug|Sept|Oct|Nov|Dec)|\b[A-Z])\.\s+$"
)


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
    def end(self) -> int:
        """Where it ends in the joined text."""
        return self.start + len(self.text)

    @property
    def is_lead(self) -> bool:
        """Whether it is a headline or the first paragraph."""
        return self.field in ("title", "subtitle") or self.paragraph == 0


class JoinedText:
    """The zones of a text in one string, so that one pass finds everything.

    They stand in reading order: title, subtitle, body, tags.
    """

    def __init__(self, text: FlaggableText) -> None:
        parts: list[tuple[str, int | None, str]] = [
            *(
                (field, None, part)
                for field in ("title", "subtitle")
                if (part := getattr(text, field))
            ),
            *(("body", number, part) for number, part in enumerate(text.paragraphs)),
            *(("tags", None, tag) for tag in text.tags),
        ]
        self.text = _BOUNDARY.join(part for _, _, part in parts)
        self.zones: list[Zone] = []
        start = 0
        for field, paragraph, part in parts:
            self.zones.append(Zone(field, paragraph, part, start))
            start += len(part) + len(_BOUNDARY)

    def zone_index(self, offset: int) -> int:
        """The index of the zone that holds `offset`."""
        return bisect_right(self.zones, offset, key=lambda zone: zone.start) - 1


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The [start, end) of each sentence of `text`; together they cover it."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if _ABBREVIATION.search(text, max(start, match.start() - 8), match.end()):
            continue
        spans.append((start, match.end()))
        start = match.end()
    if start < len(text):
        spans.append((start, len(text)))
    return spans
