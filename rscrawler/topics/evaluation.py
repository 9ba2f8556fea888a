"""How well a watch-list does: against labelled text, and against what it said before.

And the model, fitted from labelled lines, with the figures it reaches on texts that it has not
seen: scikit-learn does it (the extra `fit`), and the same lines give the same weights. A line may
say `weight` (default 1; less for a label that can be argued about) and `source`: of a file with
several sources one source at a time is held out, else the whole file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rscrawler.errors import ConfigurationError, MissingExtra
from rscrawler.items import Article, Level, TopicFlag
from rscrawler.topics.flagger import Flagger
from rscrawler.topics.model import FEATURES, Model, Weights
from rscrawler.topics.text import FlaggableText

_FLAGGED = Level.SUBSTANTIAL
# The less, the closer to zero the weights are held.
_STRENGTH = 0.1
_DIGITS = 4
# Labelled lines by the name of their file.
Parts = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Judgement:
    """A labelled text, and what the watch-list says of it.

    `id` is what the line has, a text or a number. `expected_countries` is None where they do not
    matter or were not labelled.
    """

    id: Any
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
        verdict = (flag.level, flag.score, flag.countries)
        return cls(line["id"], line.get("title") or "", expected, countries, *verdict)

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

    A line is `{id, title, text, level}` and may have `subtitle`, `tags` and `countries`.
    """
    flags = ((line, flagger.verdict(FlaggableText.from_line(line))) for line in lines)
    return Evaluation(flagger.topics[0], tuple(Judgement.of(line, flag) for line, flag in flags))


@dataclass(frozen=True)
class Change:
    """A stored article on which the present watch-list differs from the stored flag."""

    article_id: str
    url: str
    title: str | None
    before: Level
    after: Level
    score: float
    countries: tuple[str, ...]


@dataclass
class Backtest:
    """What the present watch-list would change among stored articles. Nothing is written.

    `skipped` articles, beside the `total`, have no text any more that could be judged.
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
            verdict = (article.article_id, article.url, article.title)
            result.changes.append(Change(*verdict, before, flag.level, flag.score, flag.countries))
    return result


class Row(NamedTuple):
    """A labelled line, its fold (file and source), and its features; none: nothing is named."""

    line: Mapping[str, Any]
    level: Level
    fold: tuple[str, str]
    values: list[float]


def rows_of(flagger: Flagger, parts: Parts) -> list[Row]:
    """The labelled lines of all `parts` with their features."""
    return [
        Row(
            {**line, "countries": None},
            Level(line["level"]),
            (name, str(line.get("source", ""))),
            flagger.features(FlaggableText.from_line(line)).get(flagger.topics[0], []),
        )
        for name, lines in parts.items()
        for line in lines
    ]


def held_out(rows: Sequence[Row]) -> dict[str, Evaluation]:
    """How models judge the rows of each file, and of `all`, each fitted without their fold."""
    judged: dict[str, list[Judgement]] = {row.fold[0]: [] for row in rows}
    for fold in dict.fromkeys(row.fold for row in rows):
        model = _fitted([row for row in rows if row.fold != fold], {})
        for row in rows:
            if row.fold == fold:
                verdict = model.judge(row.values) if row.values else (Level.NONE, 0.0)
                judged[fold[0]].append(Judgement.of(row.line, TopicFlag("", *verdict)))
    judged["all"] = [each for found in judged.values() for each in found]
    return {name: Evaluation("", tuple(found)) for name, found in judged.items()}


def fit(flagger: Flagger, parts: Parts) -> Model:
    """Fit the model on the labelled lines of all `parts`, read for the first watch-list.

    Raises:
        ConfigurationError: scikit-learn is not installed, or the lines lack a level.
    """
    rows = rows_of(flagger, parts)
    if not {Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY} <= {r.level for r in rows if r.values}:
        raise ConfigurationError("labelled lines: mention, substantial and primary must be there")
    return _fitted(rows, {name: each.figures for name, each in held_out(rows).items()})


def _fitted(rows: Sequence[Row], figures: dict[str, dict[str, Any]]) -> Model:
    named = [row for row in rows if row.values]
    worthy = [row for row in named if row.level.reaches(Level.SUBSTANTIAL)]
    flagged, averages = _regression(named, Level.SUBSTANTIAL)
    primary, _ = _regression(worthy, Level.PRIMARY)
    return Model(flagged, primary, averages, figures)


def _regression(rows: Sequence[Row], level: Level) -> tuple[Weights, dict[str, float]]:
    """Whether rows reach `level`, and the average of each feature.

    A logistic regression over features of one scale, told in the features' own scales.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtra("topics fit", "scikit-learn", "fit") from error
    weights = [float(row.line.get("weight", 1.0)) for row in rows]
    scaler = StandardScaler()
    values = scaler.fit_transform([row.values for row in rows])
    regression = LogisticRegression(C=_STRENGTH, solver="newton-cholesky")
    regression.fit(values, [row.level.reaches(level) for row in rows], sample_weight=weights)
    slopes = regression.coef_[0] / scaler.scale_
    start = float(regression.intercept_[0] - (slopes * scaler.mean_).sum())
    return Weights(round(start, _DIGITS), _rounded(slopes)), _rounded(scaler.mean_)


def _rounded(values: Iterable[float]) -> dict[str, float]:
    names = (feature.name for feature in FEATURES)
    return {name: round(float(value), _DIGITS) for name, value in zip(names, values, strict=True)}
