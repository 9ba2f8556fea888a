"""The states that an article is about, by the sentences that name each.

The states that most sentences name: those with `country_of_leader` of the sentences of the
first, if that one stands out from the region as a whole (`country_of_region`). A state that the
subtitle names counts too, if the body does. Three or more states (not all) under a headline on
the region alone are the region: none is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from rscrawler.topics.contexts import SURE_WEIGHT
from rscrawler.topics.reading import Reading, Sentence
from rscrawler.topics.watchlist import Levels

_REGION = ""
_SEVERAL_STATES = 3  # so many under a headline on the region are the region
_OUTRIGHT = 0.5
# A place of several states says less of each, and "the region" only takes up a name that has
# been counted.
_SHARED, _TAKEN_UP = 0.7, 0.5


def countries_of(reading: Reading, levels: Levels, states: Collection[str]) -> tuple[str, ...]:
    """The codes of the states that a flagged text is about, sorted; none for the region."""
    titles, subtitles = _counted(reading.titles), _counted(reading.subtitles)
    counts = _counted(reading.sentences)
    region = counts.pop(_REGION, 0.0)
    leader = max(counts.values(), default=0.0)
    if leader <= levels.country_of_region * region:
        return ()
    found = {
        country
        for country, count in counts.items()
        if count >= levels.country_of_leader * leader
        or (subtitles[country] >= _OUTRIGHT and count > subtitles[country])
    }
    named_above = (titles.keys() | subtitles.keys()) - {_REGION}
    if _REGION in titles and not named_above and _SEVERAL_STATES <= len(found) < len(states):
        return ()
    return tuple(sorted(found))


def _counted(sentences: Iterable[Sentence]) -> Counter[str]:
    """How much each state, and the region, is named: at most once in a sentence."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        named: dict[str, float] = {}
        for mention in sentence.mentions:
            entity, part = mention.entity, mention.strength
            if entity.weight < SURE_WEIGHT:
                continue
            if len(entity.countries) > 1:
                part *= _SHARED
            if not entity.countries and entity.needs:
                part *= _TAKEN_UP
            for country in entity.countries or (_REGION,):
                named[country] = max(named.get(country, 0.0), part)
        counts.update(named)
    return counts
