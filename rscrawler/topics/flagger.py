"""Flags a text by many watch-lists in one matching pass; and `rscrawler.flag_text`.

A flag names the leading state, which most sentences name, and those with `country_of_leader` of
its count. It names none if the leading count is at most `country_of_region` of the region's, or
if the headlines name the region alone and three or more states, but not all, would be named.
"""

import logging
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import chain

from rscrawler.config import Config, find_config, load_config
from rscrawler.items import Evidence, Level, TopicFlag
from rscrawler.topics.contexts import SURE_WEIGHT, Mention, Role, context_words, disambiguate
from rscrawler.topics.matcher import Matcher, Spelling, fold_with_offsets
from rscrawler.topics.model import FEATURES, features_of, shipped_model
from rscrawler.topics.salience import GENRES, OTHERS, AnnotatedText, Sentence, annotate, other_words
from rscrawler.topics.text import FlaggableText, Zone, sentence_spans
from rscrawler.topics.watchlist import (
    Levels,
    WatchList,
    load_watchlist,
    load_watchlists,
    usable_topics,
)

logger = logging.getLogger(__name__)

Flag = TopicFlag
_REGION = ""
_SEVERAL_STATES = 3  # this many under a headline on the region alone mean the region
# A place in several states counts less for each. "The region" only refers back to a name that
# has been counted, and the region's name beside a leading state only says where the state is.
_SHARED, _BESIDE = 0.7, 0.5
_MAX_EVIDENCE = 12
# Characters: a longer sentence or headline is cut to so many on each side of the name.
_LONGEST_QUOTE, _REACH = 300, 80
_FIELD_BONUS = {"title": 0.5, "subtitle": 0.2}
_CUT = "…"
_BLANK = re.compile(r"[^\S ]")


@dataclass(frozen=True, slots=True)
class Contribution:
    """A feature's value, and its share of the score: log-odds against an average text."""

    feature: str
    meaning: str
    value: float
    share: float  # above 0 it speaks for a flag


class Flagger:
    """Flags texts by all its watch-lists; keeps no state between texts."""

    def __init__(self, watchlists: Iterable[WatchList]) -> None:
        self._watchlists = sorted(watchlists, key=lambda watchlist: watchlist.name)
        self.topics = tuple(each.name for each in self._watchlists)  # in order

    def flag(self, text: FlaggableText) -> list[TopicFlag]:
        """One flag for each watch-list whose topic the text names, sorted by topic."""
        return [self._flag(each, found) for each, found in self._annotated(text)]

    def first_flag(self, text: FlaggableText) -> TopicFlag:
        """The flag of the first watch-list; level `none`, score 0 if its topic is not named."""
        flags = (flag for flag in self.flag(text) if flag.topic == self.topics[0])
        return next(flags, TopicFlag(self.topics[0], Level.NONE, 0.0))

    def explain(self, text: FlaggableText) -> dict[str, list[Contribution]]:
        """The contributions to the score by topic, the largest first, whatever their sign."""
        explained: dict[str, list[Contribution]] = {}
        for topic, values in self.features(text).items():
            rows = zip(FEATURES, values, shipped_model().shares(values), strict=True)
            found = [Contribution(f.name, f.meaning, round(v, 3), round(s, 3)) for f, v, s in rows]
            explained[topic] = sorted(found, key=lambda each: -abs(each.share))
        return explained

    def features(self, text: FlaggableText) -> dict[str, list[float]]:
        """The feature values by topic that the text names; a model is fitted on them."""
        return {each.name: features_of(found) for each, found in self._annotated(text)}

    def _flag(self, watchlist: WatchList, text: AnnotatedText) -> TopicFlag:
        levels, values = watchlist.levels, features_of(text)
        level, score = shipped_model().judge(values, levels.substantial, levels.primary)
        is_flagged = level.reaches(Level.SUBSTANTIAL)
        countries = _countries_of(text, levels, watchlist.states) if is_flagged else ()
        return TopicFlag(watchlist.name, level, score, countries, _evidence_of(text.mentions))

    @cached_property
    def _matchers(self) -> tuple[Matcher, Matcher]:
        """The matcher of the topics' names, and that of all else, for texts with such a name.

        Built for the first text, since most cycles flag none.
        """
        names = [
            Spelling(spelling, entity.case, entity, watchlist.name)
            for watchlist in self._watchlists
            for entity in watchlist.entities
            for spelling in entity.spellings
        ]
        words = (context_words(each.context, each.name) for each in self._watchlists)
        return Matcher(names), Matcher([*other_words(), *chain(*words)])

    def _annotated(self, text: FlaggableText) -> Iterator[tuple[WatchList, AnnotatedText]]:
        """Each watch-list whose topic the text names, and the text annotated for it."""
        folded = fold_with_offsets(text.joined)
        names, words = self._matchers
        if not (candidates := names.find(folded)):
            return
        found = words.find(folded)
        for each in self._watchlists:
            if named := disambiguate(candidates[each.name], text, each.context, found[each.name]):
                # Its own states do not compete with a topic, and none does if it has none.
                others = [m for m in found[OTHERS] if m.owner not in each.states]
                yield each, annotate(text, named, others if each.states else None, found[GENRES])


def _countries_of(text: AnnotatedText, levels: Levels, states: Collection[str]) -> tuple[str, ...]:
    """The codes of the states that a flagged text is about, sorted; empty for the region."""
    titles, counts = _counted(text.titles), _counted(s for s in text.sentences if s.mentions)
    region = counts.pop(_REGION, 0.0)
    leader = max(counts.values(), default=0.0)
    if leader <= levels.country_of_region * region:
        return ()
    found = [each for each, count in counts.items() if count >= levels.country_of_leader * leader]
    if set(titles) == {_REGION} and _SEVERAL_STATES <= len(found) < len(states):
        return ()
    return tuple(sorted(found))


def _counted(sentences: Iterable[Sentence]) -> Counter[str]:
    """The sum of each state's, and the region's, strongest mention in each sentence."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        named: dict[str, float] = {}
        leads = [each.entity for each in sentence.mentions if each.role is Role.LEADS]
        is_of_state = any(entity.countries for entity in leads)
        for mention in sentence.mentions:
            entity, value = mention.entity, mention.strength
            if entity.weight < SURE_WEIGHT:
                continue
            if len(entity.countries) > 1:
                value *= _SHARED
            if not entity.countries and (entity.needs or (is_of_state and entity not in leads)):
                value *= _BESIDE
            for country in entity.countries or (_REGION,):
                named[country] = max(named.get(country, 0.0), value)
        counts.update(named)
    return counts


def _evidence_of(mentions: Iterable[Mention]) -> tuple[Evidence, ...]:
    """At most `_MAX_EVIDENCE` passages, the strongest first; ties in reading order."""

    def rank(mention: Mention) -> tuple[float, int]:
        strength = mention.strength + _FIELD_BONUS.get(mention.zone.field, 0.0)
        return -round(strength, 6), mention.start

    return tuple(map(_passage, sorted(mentions, key=rank)[:_MAX_EVIDENCE]))


def _passage(mention: Mention) -> Evidence:
    entity, zone = mention.entity, mention.zone
    start, end = mention.start - zone.start, mention.end - zone.start
    country = entity.countries[0] if len(entity.countries) == 1 else None
    quote, place = _quote(zone, start, end), (zone.field, zone.paragraph)
    return Evidence(zone.text[start:end], entity.name, country, *place, quote, start, end)


def _quote(zone: Zone, start: int, end: int) -> str:
    """The sentence or headline with the name at [start, end), which stays exactly as printed."""
    text, bounds = zone.text, [0, len(zone.text)]
    if zone.field == "body":  # read near the name alone: a paragraph may be a whole page
        begin = max(0, start - _LONGEST_QUOTE)
        near = sentence_spans(text[begin : end + _LONGEST_QUOTE])
        bounds = [begin, *(begin + last for _, last in near)]
    first, last = bounds[bisect_right(bounds, start) - 1], bounds[bisect_left(bounds, end)]
    before, after = (_BLANK.sub(" ", part) for part in (text[first:start], text[end:last]))
    if last - first > _LONGEST_QUOTE:
        before = before if len(before) <= _REACH else _CUT + re.sub(r"^\S* ", "", before[-_REACH:])
        after = after if len(after) <= _REACH else re.sub(r" \S*$", "", after[:_REACH]) + _CUT
    return before.lstrip() + text[start:end] + after.rstrip()


def flag_text(
    body: str, *, title: str = "", subtitle: str = "", topic: str = "central-asia"
) -> Flag:
    """Judge one text by a watch-list: its level, score, countries and evidence.

    Blank lines in `body` divide paragraphs; without any, line ends after a sentence do.
    `topic` names a watch-list, shipped or of the configuration that the commands would find.

    Raises:
        ConfigurationError: `topic` has no watch-list, or the configuration is wrong.
    """
    line = {"text": body, "title": title, "subtitle": subtitle}
    return _flagger(topic).first_flag(FlaggableText.from_line(line))


@cache
def shipped_flagger() -> Flagger:
    """The flagger with the shipped watch-lists alone, whatever the configuration."""
    return Flagger(load_watchlists().values())


def usable_flagger(config: Config) -> Flagger:
    """The flagger with the usable watch-lists; logs a warning for each problem of a wrong file."""
    topics = usable_topics(config)
    for problem in chain.from_iterable(topics.problems.values()):
        logger.warning("%s", problem)
    return Flagger(topics.lists.values()) if config.topics_dir else shipped_flagger()


@lru_cache(maxsize=8)
def _flagger(topic: str) -> Flagger:
    return Flagger([load_watchlist(topic, load_config(find_config(None)))])
