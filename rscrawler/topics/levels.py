"""How much of a piece is about a topic: a stated model, from sentences up to a level.

1. `reading` gives each sentence a weight in 0 … 1; weight times words are the *words about it*.
2. Two gauges read them:
   - the share: words about it by all words, plus a bonus for a title, subtitle or tag about it;
   - the section: words about it in the longest row of devoted paragraphs, however long the piece.
3. The greater gauge is the score. Below 0.4 the piece mentions the topic, from 0.4 on it is a
   substantial subject, from 0.7 on it is the primary one. The section gauge never reaches 0.7.
4. The share alone does not lift a piece of which at most one sentence speaks of the topic, unless
   that sentence is most of the piece; nor to primary a piece that names the topic in one
   paragraph of several, unless the others go on with it. A cap (a match report) holds the score
   below the end of its level.
5. A piece that names the topic in `foremost_part` of its paragraphs, and `foremost_times` as
   often as any other state, is about it; in four paragraphs, it is a substantial subject.
6. The countries are the states that most sentences name: those with `country_of_leader` of the
   sentences of the first, if that one stands out from the region as a whole (`country_of_region`).
   A state that the subtitle names counts too, if the body does. Three or more states (not
   all) under a headline on the region alone are the region: none is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rscrawler.items import Level
from rscrawler.topics.contexts import SURE_WEIGHT, Hit
from rscrawler.topics.matcher import Match
from rscrawler.topics.reading import REGION, TELLING, ReadHit, ReadZone, read_zones
from rscrawler.topics.rivals import Rival
from rscrawler.topics.roles import Role
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Cap, LevelModel, Roles, WatchList

SCORE_SUBSTANTIAL = 0.4
SCORE_PRIMARY = 0.7
_BELOW = {"mention": 0.39, "substantial": 0.69}
_LEAST = 0.01
_DIGITS = 3
_BRIDGE_PARAGRAPHS = 3
_SOME_RIVALS = 2
_SOME_PARAGRAPHS = 3
# A title counts like so many sentences on what it names.
_TITLE_FACTOR = 2.0
_SEVERAL_STATES = 3  # so many under a headline on the region are the region
_NAMED_OUTRIGHT = 0.5  # a sentence that names a state as more than a setting


@dataclass(frozen=True)
class Verdict:
    """What the model says, with the gauges that led to it."""

    level: Level
    score: float
    countries: tuple[str, ...]
    hits: tuple[ReadHit, ...]
    share: float
    section_words: float


def judge(
    watchlist: WatchList,
    joined: JoinedText,
    hits: Sequence[Hit],
    rivals: Sequence[Rival],
    words: Mapping[str, Sequence[Match]],
) -> Verdict:
    """The verdict on a piece in which `hits` stand.

    Args:
        watchlist: the topic.
        joined: the piece.
        hits: the topic's names in it, in order; at least one.
        rivals: names of the rest of the world, in order.
        words: the context words in it, by context.
    """
    model = watchlist.levels
    starts = [rival.start for rival in rivals]
    zones = read_zones(joined, hits, starts, model.roles)
    body = _bridged([zone for zone in zones if zone.zone.field == "body"], model.roles)
    total = sum(zone.words for zone in body)
    share = sum(zone.about for zone in body) / max(total, model.shortest_piece)
    for field, bonus in (
        ("title", model.title),
        ("subtitle", model.subtitle),
        ("tags", model.tags),
    ):
        share += bonus * max((z.share for z in zones if z.zone.field == field), default=0.0)
    section = _section(body, model)
    share_score = _share_score(share, model)
    # Of a film or a gallery there is only the headline, and what that is about they are.
    if body and _is_named_once(zones, starts, share, model):
        share_score = min(share_score, _BELOW["mention"])
    if _is_one_item(zones, model):
        share_score = min(share_score, _BELOW["substantial"])
    score = max(share_score, _section_score(section, model))
    score = max(score, _foremost_score(zones, rivals, model))
    for cap in watchlist.cap:
        if _is_capped(cap, total, words):
            score = min(score, _BELOW[cap.level])
    score = max(_LEAST, round(score, _DIGITS))
    level = _level(score)
    return Verdict(
        level=level,
        score=score,
        countries=_countries(zones, model, watchlist.states)
        if level.reaches(Level.SUBSTANTIAL)
        else (),
        hits=tuple(read for zone in zones for read in zone.hits),
        share=share,
        section_words=section,
    )


def _level(score: float) -> Level:
    if score >= SCORE_PRIMARY:
        return Level.PRIMARY
    return Level.SUBSTANTIAL if score >= SCORE_SUBSTANTIAL else Level.MENTION


def _share_score(share: float, model: LevelModel) -> float:
    return _on_line(
        share,
        (
            (0.0, 0.0),
            (model.share_substantial, SCORE_SUBSTANTIAL),
            (model.share_primary, SCORE_PRIMARY),
            (1.0 + model.title, 1.0),
        ),
    )


def _section_score(section: float, model: LevelModel) -> float:
    return _on_line(
        section,
        (
            (0.0, 0.0),
            (model.words_substantial, SCORE_SUBSTANTIAL),
            (10.0 * model.words_substantial, _BELOW["substantial"]),
        ),
    )


def _on_line(value: float, points: Sequence[tuple[float, float]]) -> float:
    """The height at `value` of the line through `points`, level beyond the last."""
    for (left, low), (right, high) in pairwise(points):
        if value <= right:
            return low + (high - low) * (value - left) / (right - left)
    return points[-1][1]


def _is_capped(cap: Cap, total: int, words: Mapping[str, Sequence[Match]]) -> bool:
    found = words.get(cap.context, ())
    if len({match.index for match in found}) < cap.distinct:
        return False
    if 1000 * len(found) < cap.per_1000_words * total:
        return False
    lifting = len(words.get(cap.despite, ())) if cap.despite else 0
    return lifting < cap.despite_ratio * len(found)


def _is_named_once(
    zones: Sequence[ReadZone], rivals: Sequence[int], share: float, model: LevelModel
) -> bool:
    """Whether at most one sentence speaks of the topic, and that one is not the whole piece."""
    speaking = sum(
        each.taken_up and each.weight >= model.roles.setting
        for zone in zones
        for each in zone.sentences
    )
    if speaking != 1:
        return speaking == 0
    if _begins_elsewhere(zones, rivals):
        return True
    leads = any(read.role is Role.SUBJECT for zone in zones for read in zone.hits)
    return share < model.share_primary or not (leads or len(rivals) < _SOME_RIVALS)


def _begins_elsewhere(zones: Sequence[ReadZone], rivals: Sequence[int]) -> bool:
    """Whether the headline names strangers alone, and the first sentence not the topic."""
    titles = [zone for zone in zones if zone.zone.field == "title"]
    first = next((zone for zone in zones if zone.zone.paragraph == 0), None)
    if first is None or not titles or any(zone.hits for zone in titles):
        return False
    ends = [(title.zone.start, title.zone.start + len(title.zone.text)) for title in titles]
    if not any(start <= rival < end for start, end in ends for rival in rivals):
        return False
    return not (first.sentences and first.sentences[0].taken_up)


def _foremost_score(zones: Sequence[ReadZone], rivals: Sequence[Rival], model: LevelModel) -> float:
    """What a piece is worth that names the topic again and again, and no other state as often.

    A feature on a state speaks for pages of a village, a river and a minister, and of what
    the neighbours want there.
    """
    names = sum(_is_sure(read) for zone in zones if zone.zone.field != "tags" for read in zone.hits)
    strongest = max(Counter(rival.state for rival in rivals).values(), default=0)
    if names < model.foremost_times * strongest:
        return 0.0
    body = [zone for zone in zones if zone.zone.field == "body"]
    named = sum(any(map(_is_sure, zone.hits)) for zone in body)
    if named >= max(_SOME_PARAGRAPHS, model.foremost_part * len(body)):
        return SCORE_PRIMARY
    return SCORE_SUBSTANTIAL if named > _SOME_PARAGRAPHS else 0.0


def _is_sure(read: ReadHit) -> bool:
    return read.role is not Role.PASSING and read.hit.entity.weight >= SURE_WEIGHT


def _section(body: Sequence[ReadZone], model: LevelModel) -> float:
    """The words about the topic in its longest section, and a part of those in the others.

    A paragraph about nothing else counts up to double.

    A section is a row of devoted paragraphs, of which those count that name the topic. It takes
    two sentences: one alone is a mention, however long.
    """
    sections: list[float] = []
    about, sentences = 0.0, 0
    for zone in body:
        if zone.share >= model.devoted:
            if any(read.role is not Role.PASSING for read in zone.hits):
                # What is said of the topic alone says more than what is said beside others.
                about += zone.about * (1.0 + zone.share)
                sentences += sum(each.weight >= model.devoted for each in zone.sentences)
            continue
        if sentences > 1:
            sections.append(about)
        about, sentences = 0.0, 0
    if sentences > 1:
        sections.append(about)
    if not sections:
        return 0.0
    longest = max(sections)
    return longest + model.further_sections * (sum(sections) - longest)


def _is_one_item(zones: Sequence[ReadZone], model: LevelModel) -> bool:
    """Whether one of several paragraphs names the topic, and neither headline nor others go on."""
    if any(z.share >= model.devoted for z in zones if z.zone.field in ("title", "subtitle")):
        return False
    body = [zone for zone in zones if zone.zone.field == "body"]
    if all(zone.share >= model.devoted for zone in body):
        return False
    named = [any(read.role is not Role.PASSING for read in zone.hits) for zone in body]
    return len(named) > 1 and sum(named) <= 1


def _bridged(body: Sequence[ReadZone], roles: Roles) -> list[ReadZone]:
    """The body, in which short gaps between two paragraphs about the topic are about it too."""
    bridged = list(body)
    last = None
    for index, zone in enumerate(body):
        if not any(read.role in TELLING for read in zone.hits):
            continue
        if last is not None and 1 < index - last <= _BRIDGE_PARAGRAPHS + 1:
            kept = roles.bridge * min(body[last].share, zone.share)
            for gap in range(last + 1, index):
                between = body[gap]
                about = max(between.about, kept * between.words)
                bridged[gap] = replace(between, about=about)
        last = index
    return bridged


def _countries(
    zones: Sequence[ReadZone], model: LevelModel, states: Collection[str]
) -> tuple[str, ...]:
    sentences: dict[str, float] = {}
    for zone in zones:
        factor = _TITLE_FACTOR if zone.zone.field == "title" else 1.0
        for country, count in zone.countries.items():
            sentences[country] = sentences.get(country, 0.0) + factor * count
    region = sentences.pop(REGION, 0.0)
    leader = max(sentences.values(), default=0.0)
    if leader <= model.country_of_region * region:
        return ()
    least = model.country_of_leader * leader
    found = {country for country, count in sentences.items() if count >= least}
    subtitle = _named_in(zones, "subtitle")
    found |= {
        country
        for country, count in subtitle.items()
        if count >= _NAMED_OUTRIGHT and sentences.get(country, 0.0) > count
    }
    named_above = {*_named_in(zones, "title"), *subtitle}
    headed_by_region = REGION in _named_in(zones, "title", with_region=True)
    if headed_by_region and not named_above and _SEVERAL_STATES <= len(found) < len(states):
        return ()
    return tuple(sorted(found))


def _named_in(
    zones: Sequence[ReadZone], field: str, *, with_region: bool = False
) -> dict[str, float]:
    """The countries that a field names, and how far."""
    return {
        country: count
        for zone in zones
        if zone.zone.field == field
        for country, count in zone.countries.items()
        if count > 0 and (with_region or country != REGION)
    }
