"""What a flag says beside its level: the states an article is about, and the passages that count.

The states are those that most sentences name: with `country_of_leader` of the sentences of the
first, if that one stands out from the region as a whole (`country_of_region`). Three or more
states (not all) under a headline on the region alone are the region: none is named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from rscrawler.items import Evidence
from rscrawler.topics.contexts import SURE_WEIGHT, Mention
from rscrawler.topics.reading import Reading, Sentence
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Levels

_REGION = ""
_SEVERAL_STATES = 3  # so many under a headline on the region are the region
# A place of several states says less of each, and "the region" only takes up a name that has
# been counted.
_SHARED, _TAKEN_UP = 0.7, 0.5
MAX_EVIDENCE = 12
_REACH = 80  # characters on each side of a quoted name
_FIELD_BONUS = {"title": 0.5, "subtitle": 0.2}
_CUT = "…"
_BLANK = re.compile(r"\s")


def countries_of(reading: Reading, levels: Levels, states: Collection[str]) -> tuple[str, ...]:
    """The codes of the states that a flagged text is about, sorted; none for the region."""
    titles, counts = _counted(reading.titles), _counted(reading.sentences)
    region = counts.pop(_REGION, 0.0)
    leader = max(counts.values(), default=0.0)
    if leader <= levels.country_of_region * region:
        return ()
    found = [each for each, count in counts.items() if count >= levels.country_of_leader * leader]
    if set(titles) == {_REGION} and _SEVERAL_STATES <= len(found) < len(states):
        return ()
    return tuple(sorted(found))


def _counted(sentences: Iterable[Sentence]) -> Counter[str]:
    """How much each state, and the region, is named: at most once in a sentence."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        named: dict[str, float] = {}
        for mention in sentence.mentions:
            entity, value = mention.entity, mention.strength
            if entity.weight < SURE_WEIGHT:
                continue
            if len(entity.countries) > 1:
                value *= _SHARED
            if not entity.countries and entity.needs:
                value *= _TAKEN_UP
            for country in entity.countries or (_REGION,):
                named[country] = max(named.get(country, 0.0), value)
        counts.update(named)
    return counts


def evidence_of(joined: JoinedText, mentions: Sequence[Mention]) -> tuple[Evidence, ...]:
    """At most `MAX_EVIDENCE` passages, the strongest first, then in reading order."""

    def rank(mention: Mention) -> tuple[float, int]:
        field = joined.zones[mention.zone].field
        return -round(mention.strength + _FIELD_BONUS.get(field, 0.0), 6), mention.start

    return tuple(_passage(joined, each) for each in sorted(mentions, key=rank)[:MAX_EVIDENCE])


def _passage(joined: JoinedText, mention: Mention) -> Evidence:
    entity, zone = mention.entity, joined.zones[mention.zone]
    start, end = mention.start - zone.start, mention.end - zone.start
    country = entity.countries[0] if len(entity.countries) == 1 else None
    quote, place = _quote(zone.text, start, end), (zone.field, zone.paragraph)
    return Evidence(zone.text[start:end], entity.name, country, *place, quote, start, end)


def _quote(text: str, start: int, end: int) -> str:
    """The words around [start, end), with the name itself left exactly as printed."""
    before = _BLANK.sub(" ", text[max(0, start - _REACH) : start])
    after = _BLANK.sub(" ", text[end : end + _REACH])
    if start > _REACH:
        before = _CUT + before.partition(" ")[2]
    if end + _REACH < len(text):
        after = after.rpartition(" ")[0] + _CUT
    return before.lstrip() + text[start:end] + after.rstrip()
