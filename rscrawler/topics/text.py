"""The parts of an article that are read for topics, joined into one text with their offsets."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Self

from rscrawler.items import Article
from rscrawler.text import UNSPACED

# Between two zones; neither letter, blank nor hyphen, so that no match spans two zones.
_BOUNDARY = "\x00"
# Without blank lines, a line end after a sentence divides paragraphs.
_FULL_LINE = re.compile(rf"(?<=[.!?…:\"”’)*。！？])[ \t]*\r?\n(?=\W*[A-ZÀ-ÞА-ЯЁ\d{UNSPACED}])")
# A sentence ends at . ! ? … and closing quotes, if a blank and a capital or digit follow; in
# scripts without blanks, at its full stop.
_END = re.compile(
    r"[.!?…][\"'”’)\]*_]{0,4}+\s++(?=[\"'“‘(\[*•–-]{0,3}\s?[A-ZÀ-ÞА-ЯЁ\d])|[。！？][”’」』）]{0,2}+"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Sgt|Maj|Adm|Sen|Rep|Gov|St|Mt|No|vs|Inc|Ltd|Co|Jr|Sr"
    r"|Jan|Feb|Aug|Sept|Oct|Nov|Dec|Ch|Sh|ул|(?<!\d\s)г)|\b[A-ZА-ЯЁҒҚӨҰҮІ])\.\s+$"
)


@dataclass(frozen=True, slots=True)
class Zone:
    """A title, subtitle, paragraph or tag, at [start, end) of the joined text."""

    field: str
    paragraph: int | None
    text: str
    start: int
    end: int


class FlaggableText:
    """An article's own text by zone, without captions, credits and other articles.

    Its zones are also `joined` into one string, so that one pass finds everything. Their order is
    title, subtitle, body, tags. Title, subtitle and first paragraph are the lead, which ends at
    `lead_end`.
    """

    def __init__(
        self,
        title: str | None = None,
        subtitle: str | None = None,
        paragraphs: Iterable[str] = (),
        tags: Iterable[str] = (),
    ) -> None:
        self.zones: list[Zone] = []
        body = (("body", number, paragraph) for number, paragraph in enumerate(paragraphs))
        headlines = ("title", None, title), ("subtitle", None, subtitle)
        start = 0
        for field, paragraph, words in (*headlines, *body, *(("tags", None, t) for t in tags)):
            if words:
                self.zones.append(Zone(field, paragraph, words, start, start + len(words)))
                start += len(words) + len(_BOUNDARY)
        self.joined = _BOUNDARY.join(zone.text for zone in self.zones)
        leads = [zone.end for zone in self.zones if not zone.paragraph and zone.field != "tags"]
        self.lead_end = max(leads, default=0)

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> Self:
        """The zones of a line `{title, subtitle, text, tags}`; only `text` is required.

        Blank lines divide paragraphs; without any, line ends after a sentence do.
        """
        parts = re.split(r"\n\s*\n", line["text"].replace("\r\n", "\n"))
        if len(parts) == 1:
            parts = _FULL_LINE.split(line["text"])
        body = filter(None, map(str.strip, parts))
        return cls(line.get("title"), line.get("subtitle"), body, line.get("tags") or ())

    @classmethod
    def from_article(cls, article: Article) -> Self:
        """The zones of `article`."""
        return cls(article.title, article.subtitle, article.paragraphs, article.tags)

    def zone_at(self, offset: int) -> Zone:
        """The zone that holds `offset`."""
        return self.zones[bisect_right(self.zones, offset, key=attrgetter("start")) - 1]


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """The [start, end) of each sentence of `text`; together they cover it."""
    start = 0
    for match in _END.finditer(text):
        if not _ABBREVIATION.search(text, max(start, match.start() - 8), match.end()):
            yield start, match.end()
            start = match.end()
    if start < len(text):
        yield start, len(text)
