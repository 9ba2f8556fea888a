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
class Prediction:
    """What the watch-list says of one labelled piece."""

    id: str
    level: Level
    score: float
    countries: tuple[str, ...]


@dataclass(frozen=True)
class Miss:
    """A piece whose level or countries differ from the label."""

    id: str
    title: str
    expected: Level
    predicted: Level
    score: float
    expected_countries: tuple[str, ...] | None
    countries: tuple[str, ...]

    @property
    def difference(self) -> str:
        """What is labelled and what is said, where they differ."""
        parts = [] if self.expected is self.predicted else [f"{self.expected} → {self.predicted}"]
        expected = self.expected_countries
        if expected is not None and self.predicted.reaches(_FLAGGED) and expected != self.countries:
            here, there = (" ".join(each) or "none" for each in (expected, self.countries))
            parts.append(f"countries {here} → {there}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Evaluation:
    """Figures over labelled pieces; "flagged" is substantial or primary.

    `confusion[expected][predicted]` counts pieces. `countries_right` is the part of the
    pieces flagged on both sides and labelled with countries whose countries are the same
    (None without such pieces).
    """

    topic: str
    total: int
    precision: float
    recall: float
    f1: float
    levels_right: float
    countries_right: float | None
    confusion: Mapping[str, Mapping[str, int]]
    predictions: tuple[Prediction, ...]
    misses: tuple[Miss, ...]

    def to_json(self) -> dict[str, Any]:
        """Ready for `json.dumps`."""
        return asdict(self)


def evaluate(flagger: Flagger, topic: str, lines: Iterable[Mapping[str, Any]]) -> Evaluation:
    """The figures of watch-list `topic` over labelled `lines`.

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
    predictions: list[Prediction] = []
    misses: list[Miss] = []
    confusion = {str(expected): {str(level): 0 for level in Level} for expected in Level}
    judged_countries: list[bool] = []
    for line in labelled:
        flag = _flag_on(flagger, topic, text_of_line(line))
        expected = Level(line["level"])
        predicted = flag.level if flag else Level.NONE
        prediction = Prediction(
            id=str(line["id"]),
            level=predicted,
            score=flag.score if flag else 0.0,
            countries=flag.countries if flag else (),
        )
        predictions.append(prediction)
        confusion[expected][predicted] += 1
        countries = _labelled_countries(line)
        same_countries = True
        if countries is not None and predicted.reaches(_FLAGGED):
            same_countries = countries == prediction.countries
            judged_countries.append(same_countries)
        if expected is not predicted or not same_countries:
            misses.append(
                Miss(
                    id=prediction.id,
                    title=line.get("title") or "",
                    expected=expected,
                    predicted=predicted,
                    score=prediction.score,
                    expected_countries=countries,
                    countries=prediction.countries,
                )
            )
    return _figures(topic, confusion, predictions, misses, judged_countries)


def _figures(
    topic: str,
    confusion: Mapping[str, Mapping[str, int]],
    predictions: Sequence[Prediction],
    misses: Sequence[Miss],
    judged_countries: Sequence[bool],
) -> Evaluation:
    def count(expected_flagged: bool, predicted_flagged: bool) -> int:
        return sum(
            confusion[expected][predicted]
            for expected in Level
            for predicted in Level
            if expected.reaches(_FLAGGED) is expected_flagged
            and predicted.reaches(_FLAGGED) is predicted_flagged
        )

    hits, false_alarms, lost = count(True, True), count(False, True), count(True, False)
    precision = part(hits, hits + false_alarms)
    recall = part(hits, hits + lost)
    return Evaluation(
        topic=topic,
        total=len(predictions),
        precision=precision,
        recall=recall,
        f1=part(2 * hits, 2 * hits + false_alarms + lost),
        levels_right=part(sum(confusion[level][level] for level in Level), len(predictions)),
        countries_right=(
            part(sum(judged_countries), len(judged_countries)) if judged_countries else None
        ),
        confusion=confusion,
        predictions=tuple(predictions),
        misses=tuple(misses),
    )


def _labelled_countries(line: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The label's countries, sorted; None where they do not matter or were not labelled."""
    countries = line.get("countries")
    if countries is None or not Level(line["level"]).reaches(_FLAGGED):
        return None
    return tuple(sorted(countries))


def part(some: float, of: float) -> float:
    """`some` of `of`; nothing of nothing is all of it."""
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
