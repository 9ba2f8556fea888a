"""Many watch-lists over one text, in one matching pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from rscrawler.items import Level, TopicFlag
from rscrawler.topics.contexts import ContextFinder, settle
from rscrawler.topics.countries import countries_of
from rscrawler.topics.evidence import evidence_of
from rscrawler.topics.features import FEATURES, features_of
from rscrawler.topics.folding import fold_with_offsets
from rscrawler.topics.matcher import Match, Matcher, Spelling
from rscrawler.topics.model import Model, shipped_model
from rscrawler.topics.others import SurroundingsFinder
from rscrawler.topics.reading import Reading, read
from rscrawler.topics.text import FlaggableText, JoinedText
from rscrawler.topics.watchlist import Entity, WatchList


@dataclass(frozen=True, slots=True)
class Contribution:
    """A feature of a text: its value, and its share of the score.

    `share` is in log-odds against an average text that names the topic: above 0 it speaks for
    a flag, below 0 against one.
    """

    feature: str
    meaning: str
    value: float
    share: float


class _Tools:
    """What flagging needs; `owners` holds the watch-list's number and entity of each spelling."""

    def __init__(self, watchlists: Iterable[WatchList]) -> None:
        self.topics = [(each, ContextFinder(each.context)) for each in watchlists]
        self.owners: list[tuple[int, Entity]] = []
        spellings: list[Spelling] = []
        for number, (watchlist, _) in enumerate(self.topics):
            for entity in watchlist.entities:
                spellings += [Spelling(spelling, entity.case) for spelling in entity.spellings]
                self.owners += [(number, entity)] * len(entity.spellings)
        self.matcher = Matcher(spellings)
        self.surroundings = SurroundingsFinder()


class Flagger:
    """Flags texts on every watch-list it was built with; keeps nothing between texts."""

    def __init__(self, watchlists: Iterable[WatchList], model: Model | None = None) -> None:
        self._watchlists = sorted(watchlists, key=lambda watchlist: watchlist.name)
        self._given = model

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the watch-lists, in order."""
        return tuple(watchlist.name for watchlist in self._watchlists)

    def flag(self, text: FlaggableText) -> list[TopicFlag]:
        """One flag for each watch-list that the text at least mentions, by topic name."""
        joined = JoinedText(text)
        return [
            self._flag(watchlist, joined, reading) for watchlist, reading in self._readings(joined)
        ]

    def explain(self, text: FlaggableText) -> dict[str, list[Contribution]]:
        """What each feature adds to the score, by topic, the weightiest first."""
        explained: dict[str, list[Contribution]] = {}
        for topic, values in self.features(text).items():
            rows = zip(FEATURES, values, self._model.shares(values), strict=True)
            explained[topic] = sorted(
                (
                    Contribution(feature.name, feature.meaning, round(value, 3), round(share, 3))
                    for feature, value, share in rows
                ),
                key=lambda each: -abs(each.share),
            )
        return explained

    def features(self, text: FlaggableText) -> dict[str, list[float]]:
        """The value of each feature, by topic that the text names; what a model is fitted on."""
        readings = self._readings(JoinedText(text))
        return {watchlist.name: features_of(reading) for watchlist, reading in readings}

    def _flag(self, watchlist: WatchList, joined: JoinedText, reading: Reading) -> TopicFlag:
        levels = watchlist.levels
        level, score = self._model.judge(features_of(reading), levels.substantial, levels.primary)
        is_flagged = level.reaches(Level.SUBSTANTIAL)
        return TopicFlag(
            topic=watchlist.name,
            level=level,
            score=score,
            countries=countries_of(reading, levels, watchlist.states) if is_flagged else (),
            evidence=evidence_of(joined, reading.mentions),
        )

    @cached_property
    def _model(self) -> Model:
        return self._given or shipped_model()

    @cached_property
    def _tools(self) -> _Tools:
        # Made for the first text: most cycles have none.
        return _Tools(self._watchlists)

    def _readings(self, joined: JoinedText) -> Iterator[tuple[WatchList, Reading]]:
        """Each watch-list that the text names, with the text read for it."""
        folded = fold_with_offsets(joined.text)
        candidates: dict[int, list[tuple[Entity, Match]]] = {}
        for match in self._tools.matcher.find(joined.text, folded):
            number, entity = self._tools.owners[match.index]
            candidates.setdefault(number, []).append((entity, match))
        if not candidates:
            return
        others, genres = self._tools.surroundings.find(joined.text, folded)
        for number, found in sorted(candidates.items()):
            watchlist, finder = self._tools.topics[number]
            words = finder.find(joined, folded)
            if hits := settle(found, joined, watchlist.context, words):
                # Beside a topic without states, no state is a rival.
                yield watchlist, read(joined, hits, others if watchlist.states else [], genres)
