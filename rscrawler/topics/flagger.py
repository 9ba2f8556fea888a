"""Many watch-lists over one text, in one matching pass; and `rscrawler.flag_text`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rscrawler.config import find_config, load_config
from rscrawler.items import Level, TopicFlag
from rscrawler.topics.contexts import context_matcher, settle
from rscrawler.topics.features import FEATURES, features_of
from rscrawler.topics.flags import countries_of, evidence_of
from rscrawler.topics.folding import fold_with_offsets
from rscrawler.topics.matcher import Match, Matcher, Spelling
from rscrawler.topics.model import shipped_model
from rscrawler.topics.others import find_surroundings
from rscrawler.topics.reading import Reading, read
from rscrawler.topics.text import FlaggableText, JoinedText
from rscrawler.topics.watchlist import Entity, WatchList, load_watchlist

Flag = TopicFlag


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


class Flagger:
    """Flags texts on every watch-list it was built with; keeps nothing between texts."""

    def __init__(self, watchlists: Iterable[WatchList]) -> None:
        self._watchlists = sorted(watchlists, key=lambda watchlist: watchlist.name)

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

    def verdict(self, text: FlaggableText) -> TopicFlag:
        """What the first watch-list says, also of a text that does not mention its topic."""
        flags = (flag for flag in self.flag(text) if flag.topic == self.topics[0])
        return next(flags, TopicFlag(self.topics[0], Level.NONE, 0.0))

    def explain(self, text: FlaggableText) -> dict[str, list[Contribution]]:
        """What each feature adds to the score, by topic, the weightiest first."""
        explained: dict[str, list[Contribution]] = {}
        for topic, values in self.features(text).items():
            rows = zip(FEATURES, values, shipped_model().shares(values), strict=True)
            found = [
                Contribution(feature.name, feature.meaning, round(value, 3), round(share, 3))
                for feature, value, share in rows
            ]
            explained[topic] = sorted(found, key=lambda each: -abs(each.share))
        return explained

    def features(self, text: FlaggableText) -> dict[str, list[float]]:
        """The value of each feature, by topic that the text names; what a model is fitted on."""
        readings = self._readings(JoinedText(text))
        return {watchlist.name: features_of(reading) for watchlist, reading in readings}

    def _flag(self, watchlist: WatchList, joined: JoinedText, reading: Reading) -> TopicFlag:
        levels, values = watchlist.levels, features_of(reading)
        level, score = shipped_model().judge(values, levels.substantial, levels.primary)
        is_flagged = level.reaches(Level.SUBSTANTIAL)
        countries = countries_of(reading, levels, watchlist.states) if is_flagged else ()
        evidence = evidence_of(joined, reading.mentions)
        return TopicFlag(watchlist.name, level, score, countries, evidence)

    # Made for the first text: most cycles have none.
    @cached_property
    def _names(self) -> Matcher:
        """Finds the names, owned by their watch-list's number and their entity."""
        return Matcher(
            [
                Spelling(spelling, entity.case, (number, entity))
                for number, watchlist in enumerate(self._watchlists)
                for entity in watchlist.entities
                for spelling in entity.spellings
            ]
        )

    @cached_property
    def _context_words(self) -> list[Matcher]:
        return [context_matcher(watchlist.context) for watchlist in self._watchlists]

    def _readings(self, joined: JoinedText) -> Iterator[tuple[WatchList, Reading]]:
        """Each watch-list that the text names, with the text read for it."""
        folded = fold_with_offsets(joined.text)
        candidates: dict[int, list[tuple[Entity, Match]]] = {}
        for match in self._names.find(folded):
            number, entity = match.owner
            candidates.setdefault(number, []).append((entity, match))
        if not candidates:
            return
        others, genres = find_surroundings(folded)
        for number, found in sorted(candidates.items()):
            watchlist = self._watchlists[number]
            words = self._context_words[number].find(folded)
            if hits := settle(found, joined, watchlist.context, words):
                # Beside a topic without states, no state is a rival.
                yield watchlist, read(joined, hits, others if watchlist.states else [], genres)


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
    return _flagger(topic).verdict(FlaggableText(title or None, subtitle or None, paragraphs))


@lru_cache(maxsize=8)
def _flagger(topic: str) -> Flagger:
    return Flagger([load_watchlist(topic, load_config(find_config(None)))])
