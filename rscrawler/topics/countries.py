"""The states that an article is about, by the sentences that name each.

The states that most sentences name: those with `country_of_leader` of the sentences of the
first, if that one stands out from the region as a whole (`country_of_region`). A state that the
subtitle names counts too, if the body does. Three or more states (not all) under a headline on
the region alone are the region: none is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from rscrawler.topics.reading import Mention, Part, Reading, Sentence
from rscrawler.topics.watchlist import Levels

_REGION = ""
# A title counts like so many sentences on what it names.
_TITLE = 2.0
_SEVERAL_STATES = 3  # so many under a headline on the region are the region
_OUTRIGHT = 0.5
_PART = {Part.LEADS: 1.0, Part.NAMED: 0.8, Part.LISTED: 0.1}
# A people may live elsewhere too, a place of several states says less of each, and "the region"
# only takes up a name that has been counted.
_PEOPLE, _SHARED, _TAKEN_UP = 0.75, 0.7, 0.5


def countries_of(reading: Reading, levels: Levels, states: Collection[str]) -> tuple[str, ...]:
    """The codes of the states that a flagged text is about, sorted; none for the region."""
    titles, subtitles = _counted(reading.titles), _counted(reading.subtitles)
    counts = _counted(reading.body)
    for country, count in titles.items():
        counts[country] += _TITLE * count
    for country, count in subtitles.items():
        counts[country] += count
    region = counts.pop(_REGION, 0.0)
    leader = max(counts.values(), default=0.0)
    if leader <= levels.country_of_region * region:
        return ()
    found = {
        country for country, count in counts.items() if count >= levels.country_of_leader * leader
    }
    found |= {
        country
        for country, count in subtitles.items()
        if country and count >= _OUTRIGHT and counts[country] > count
    }
    named_above = (titles.keys() | subtitles.keys()) - {_REGION}
    if _REGION in titles and not named_above and _SEVERAL_STATES <= len(found) < len(states):
        return ()
    return tuple(sorted(found))


def _counted(sentences: Iterable[Sentence]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for sentence in sentences:
        named: dict[str, float] = {}
        for mention in sentence.mentions:
            for country in mention.hit.entity.countries or (_REGION,):
                named[country] = max(named.get(country, 0.0), _part(mention))
        for country, part in named.items():
            counts[country] += part  # type: ignore[assignment]
    return counts


def _part(mention: Mention) -> float:
    entity = mention.hit.entity
    part = 0.0 if mention.hit.passing else _PART[mention.part]
    if entity.kind == "people":
        part *= _PEOPLE
    if len(entity.countries) > 1:
        part *= _SHARED
    if not entity.countries and entity.needs:
        part *= _TAKEN_UP
    return part
