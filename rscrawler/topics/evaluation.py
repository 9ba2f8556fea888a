"""How well a watch-list does: against labelled text, and against what it said before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rscrawler.errors import ConfigurationError
from rscrawler.items import Article, Level, TopicFlag
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.text import FlaggableText

_FLAGGED = Level.SUBSTANTIAL
# A line that ends a sentence ends a paragraph, where no blank line does.
_FULL_LINE = re.compile(r"(?<=[.!?…:\"”’)*])[ \t]*\r?\n(?=\W*[A-ZÀ-ÞА-ЯЁ\d])")
_REQUIRED = ("id", "text", "level")
_TEXTS = ("text", "title", "subtitle")
_LISTS = ("tags", "countries")


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
    score: float = 0.0
    countries: tuple[str, ...] = ()

    @property
    def differs_in_countries(self) -> bool:
        """Whether it is flagged rightly, for other countries than labelled."""
        return (
            self.expected_countries is not None
            and self.level.reaches(_FLAGGED)
            and self.expected_countries != self.countries
        )

    @property
    def difference(self) -> str:
        """What is labelled and what is said, where they differ; empty where they do not."""
        parts = [] if self.expected is self.level else [f"{self.expected} → {self.level}"]
        if self.differs_in_countries:
            here, there = (
                " ".join(each or ()) or "none" for each in (self.expected_countries, self.countries)
            )
            parts.append(f"countries {here} → {there}")
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
        wanted = [each.expected.reaches(_FLAGGED) for each in self.judged]
        given = [each.level.reaches(_FLAGGED) for each in self.judged]
        hits = sum(map(all, zip(wanted, given, strict=True)))
        both = [
            each
            for each in self.judged
            if each.expected_countries is not None and each.level.reaches(_FLAGGED)
        ]
        return {
            "texts": len(self.judged),
            "precision": _part(hits, sum(given)),
            "recall": _part(hits, sum(wanted)),
            "f1": _part(2 * hits, sum(wanted) + sum(given)),
            "levels_right": _part(
                sum(each.expected is each.level for each in self.judged), len(self.judged)
            ),
            "countries_right": (
                _part(sum(not each.differs_in_countries for each in both), len(both))
                if both
                else None
            ),
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


def evaluate(flagger: Flagger, topic: str, lines: Iterable[Mapping[str, Any]]) -> Evaluation:
    """Judge labelled `lines` by watch-list `topic`.

    A line is `{id, title, text, level}` and may have `subtitle`, `tags` and `countries`. The
    paragraphs of `text` are divided by blank lines, or by line ends when it has none.

    Raises:
        ConfigurationError: the topic is not one of the flagger's, or a line lacks a key or has
            an unknown level; with every problem.
    """
    if topic not in flagger.topics:
        raise ConfigurationError(f"topic {topic!r}: known: {', '.join(flagger.topics)}")
    labelled = list(lines)
    check_lines(labelled)
    return Evaluation(
        topic,
        tuple(judgement(line, _flag_on(flagger, topic, text_of_line(line))) for line in labelled),
    )


def judgement(line: Mapping[str, Any], flag: TopicFlag | None) -> Judgement:
    """A labelled line beside its flag (None: the topic is not named)."""
    expected = Level(line["level"])
    countries = line.get("countries") if expected.reaches(_FLAGGED) else None
    return Judgement(
        id=str(line["id"]),
        title=line.get("title") or "",
        expected=expected,
        expected_countries=None if countries is None else tuple(sorted(countries)),
        level=flag.level if flag else Level.NONE,
        score=flag.score if flag else 0.0,
        countries=flag.countries if flag else (),
    )


def _part(some: float, of: float) -> float:
    """What part `some` is of `of`; nothing of nothing is all of it."""
    return round(some / of, 4) if of else 1.0


def check_lines(lines: Sequence[Mapping[str, Any]]) -> None:
    """Raise a ConfigurationError with the problems of all labelled lines."""
    problems = [
        f"line {number}: {problem}"
        for number, line in enumerate(lines, start=1)
        if (problem := problem_of_line(line))
    ]
    if problems:
        raise ConfigurationError(*problems)


def problem_of_line(line: Mapping[str, Any]) -> str | None:
    """What is wrong with a labelled line: the key, and what is allowed; None if nothing is."""
    if missing := [key for key in _REQUIRED if key not in line]:
        return f"{', '.join(missing)} missing"
    levels = [str(level) for level in Level]
    if line["level"] not in levels:
        return f"level: {line['level']!r}; allowed: {', '.join(levels)}"
    for key in _TEXTS:
        if not isinstance(line.get(key, ""), str) and (key in _REQUIRED or line[key] is not None):
            return f"{key}: allowed: a text"
    for key in _LISTS:
        value = line.get(key) or []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return f"{key}: allowed: a list of texts"
    return None


def text_of_line(line: Mapping[str, Any]) -> FlaggableText:
    """The piece that a labelled line holds."""
    parts = re.split(r"\n\s*\n", line["text"].replace("\r\n", "\n"))
    if len(parts) == 1:
        parts = _FULL_LINE.split(line["text"])
    return FlaggableText(
        title=line.get("title"),
        subtitle=line.get("subtitle"),
        paragraphs=tuple(part.strip() for part in parts if part.strip()),
        tags=tuple(line.get("tags") or ()),
    )


def _flag_on(flagger: Flagger, topic: str, text: FlaggableText) -> TopicFlag | None:
    return next((flag for flag in flagger.flag(text) if flag.topic == topic), None)


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


@dataclass(frozen=True)
class Backtest:
    """What the present watch-list would change among stored pieces. Nothing is written.

    `skipped` pieces, beside the `total`, have no text any more that could be judged.
    """

    topic: str
    total: int
    skipped: int
    flagged_before: int
    flagged_after: int
    changes: tuple[Change, ...]

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return asdict(self)


def backtest(
    flagger: Flagger,
    topic: str,
    articles: Iterable[Article],
    *,
    is_forgotten: Callable[[Article], bool] = lambda _: False,
) -> Backtest:
    """What `topic` says today of stored `articles`, against the flags that they carry.

    Those whose text `is_forgotten` are skipped.

    Raises:
        ConfigurationError: the topic is not one of the flagger's.
    """
    if topic not in flagger.topics:
        raise ConfigurationError(f"topic {topic!r}: known: {', '.join(flagger.topics)}")
    total, skipped, flagged_before, flagged_after = 0, 0, 0, 0
    changes: list[Change] = []
    for article in articles:
        if is_forgotten(article):
            skipped += 1
            continue
        flag = _flag_on(flagger, topic, FlaggableText.from_article(article))
        before = article.level_on(topic)
        after = flag.level if flag else Level.NONE
        total += 1
        flagged_before += before.reaches(_FLAGGED)
        flagged_after += after.reaches(_FLAGGED)
        if before is not after:
            changes.append(
                Change(
                    article_id=article.article_id,
                    url=article.url,
                    title=article.title,
                    before=before,
                    after=after,
                    score=flag.score if flag else 0.0,
                    countries=flag.countries if flag else (),
                )
            )
    return Backtest(topic, total, skipped, flagged_before, flagged_after, tuple(changes))
