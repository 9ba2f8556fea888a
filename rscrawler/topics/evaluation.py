"""How well a watch-list does: against labelled text, and against what it said before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rscrawler.items import Article, Level, TopicFlag
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.text import FlaggableText

_FLAGGED = Level.SUBSTANTIAL
# A line that ends a sentence ends a paragraph, where no blank line does.
_FULL_LINE = re.compile(r"(?<=[.!?…:\"”’)*])[ \t]*\r?\n(?=\W*[A-ZÀ-ÞА-ЯЁ\d])")


@dataclass(frozen=True)
class Judgement:
    """A labelled text, and what the watch-list says of it.

    `expected_countries` is None where they do not matter or were not labelled.
    """

    id: str
    title: str
    expected: Level
    expected_countries: tuple[str, ...] | None
    level: Level
    score: float
    countries: tuple[str, ...]

    @classmethod
    def of(cls, line: Mapping[str, Any], flag: TopicFlag) -> Judgement:
        """A labelled line beside its flag."""
        expected = Level(line["level"])
        labelled = line.get("countries") if expected.reaches(_FLAGGED) else None
        countries = None if labelled is None else tuple(sorted(labelled))
        told = (flag.level, flag.score, flag.countries)
        return cls(str(line["id"]), line.get("title") or "", expected, countries, *told)

    @property
    def has_countries(self) -> bool:
        """Whether its countries can be right or wrong: it is flagged, and they are labelled."""
        return self.expected_countries is not None and self.level.reaches(_FLAGGED)

    @property
    def difference(self) -> str:
        """What is labelled and what is said, where they differ; empty where they do not."""
        parts = [] if self.expected is self.level else [f"{self.expected} → {self.level}"]
        if self.has_countries and self.expected_countries != self.countries:
            expected, given = " ".join(self.expected_countries or ()), " ".join(self.countries)
            parts.append(f"countries {expected or 'none'} → {given or 'none'}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Evaluation:
    """Judged texts and their figures; "flagged" is substantial or primary."""

    topic: str
    judged: tuple[Judgement, ...]

    @property
    def misses(self) -> list[Judgement]:
        """Those whose level or countries differ from the label."""
        return [each for each in self.judged if each.difference]

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """How many texts by label and level."""
        counts = {str(expected): {str(level): 0 for level in Level} for expected in Level}
        for each in self.judged:
            counts[each.expected][each.level] += 1
        return counts

    @property
    def figures(self) -> dict[str, Any]:
        """Precision, recall and F1 of what is flagged; how many levels and countries are right.

        Countries are those of the texts flagged on both sides and labelled with countries (None
        without such texts).
        """
        wanted = [each for each in self.judged if each.expected.reaches(_FLAGGED)]
        given = [each for each in self.judged if each.level.reaches(_FLAGGED)]
        hits = sum(each.level.reaches(_FLAGGED) for each in wanted)
        right = sum(each.expected is each.level for each in self.judged)
        both = [each for each in wanted if each.has_countries]
        right_countries = sum(each.expected_countries == each.countries for each in both)
        return {
            "texts": len(self.judged),
            "precision": _part(hits, len(given)),
            "recall": _part(hits, len(wanted)),
            "f1": _part(2 * hits, len(wanted) + len(given)),
            "levels_right": _part(right, len(self.judged)),
            "countries_right": _part(right_countries, len(both)) if both else None,
        }

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        keys = ("id", "level", "score", "countries")
        return {
            "topic": self.topic,
            **self.figures,
            "confusion": self.confusion,
            "predictions": [{key: getattr(each, key) for key in keys} for each in self.judged],
            "misses": [asdict(each) for each in self.misses],
        }


def _part(some: float, of: float) -> float:
    """What part `some` is of `of`; nothing of nothing is all of it."""
    return round(some / of, 4) if of else 1.0


def evaluate(flagger: Flagger, lines: Iterable[Mapping[str, Any]]) -> Evaluation:
    """Judge labelled `lines` by the flagger's first watch-list.

    A line is `{id, title, text, level}` and may have `subtitle`, `tags` and `countries`. The
    paragraphs of `text` are divided by blank lines, or by line ends when it has none.
    """
    judged = (Judgement.of(line, flagger.verdict(text_of_line(line))) for line in lines)
    return Evaluation(flagger.topics[0], tuple(judged))


def text_of_line(line: Mapping[str, Any]) -> FlaggableText:
    """The piece that a labelled line holds."""
    parts = re.split(r"\n\s*\n", line["text"].replace("\r\n", "\n"))
    if len(parts) == 1:
        parts = _FULL_LINE.split(line["text"])
    paragraphs = tuple(part.strip() for part in parts if part.strip())
    tags = tuple(line.get("tags") or ())
    return FlaggableText(line.get("title"), line.get("subtitle"), paragraphs, tags)


@dataclass(frozen=True)
class Change:
    """A stored piece on which the present watch-list differs from the stored flag."""

    article_id: str
    url: str
    title: str | None
    before: Level
    after: Level
    score: float
    countries: tuple[str, ...]


@dataclass
class Backtest:
    """What the present watch-list would change among stored pieces. Nothing is written.

    `skipped` pieces, beside the `total`, have no text any more that could be judged.
    """

    topic: str
    total: int
    skipped: int
    flagged_before: int
    flagged_after: int
    changes: list[Change]


def backtest(flagger: Flagger, articles: Iterable[Article]) -> Backtest:
    """What the flagger's first watch-list says today of stored articles, against their flags."""
    topic = flagger.topics[0]
    result = Backtest(topic, 0, 0, 0, 0, [])
    for article in articles:
        if article.is_pruned:
            result.skipped += 1
            continue
        before, flag = article.level_on(topic), flagger.verdict(FlaggableText.from_article(article))
        result.total += 1
        result.flagged_before += before.reaches(_FLAGGED)
        result.flagged_after += flag.level.reaches(_FLAGGED)
        if before is not flag.level:
            told = (article.article_id, article.url, article.title)
            result.changes.append(Change(*told, before, flag.level, flag.score, flag.countries))
    return result
