"""A piece read for a topic: how far each sentence is about it.

A sentence that names the topic weighs what the part of the name says (`Roles`). One that
names nobody goes on with what the last one was about, a little less each time, over the
end of a paragraph too; one that turns to somebody else (a rival) breaks off, unless it
starts with a pronoun ("Its trade with Afghanistan ..."). And where a piece names the topic
more than all its rivals, sentences that name nobody have a background of their own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rscrawler.topics.contexts import SURE_WEIGHT, Hit
from rscrawler.topics.roles import Role, dateline_end, role_of, sentence_spans
from rscrawler.topics.text import JoinedText, Zone
from rscrawler.topics.watchlist import Roles

TELLING = (Role.SUBJECT, Role.OTHER)
# A paragraph with so many telling names is about them, whatever part they play.
_CROWDED = 3
# A rival within so many characters of a sentence's start is taken for what it is about.
_RIVAL_SUBJECT = 60
# Names of the region as a whole take their part of a sentence under this code.
REGION = ""
# A piece has a background when so many telling names stand in so many paragraphs.
_BACKGROUND_NAMES = 4
_BACKGROUND_PARAGRAPHS = 3
# A people may live elsewhere too: it says less about a state than the state's own name.
_PEOPLE_PART = 0.5
_PRONOUN = re.compile(
    r"\W*(?:(?:And|But|Yet|Even|Now|Still|So|For|Nor|Meanwhile|In)\s+)?"
    r"(?:it|its|he|his|she|her|they|their|this|these|both|that country|the country|the region|"
    r"the republic|the government|the president|the two|the three|the four|the five)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ReadHit:
    """A name with the part it plays, and its strength: entity weight times role weight."""

    hit: Hit
    role: Role
    strength: float


@dataclass(frozen=True)
class ReadZone:
    """A zone as far as it is about the topic. `about` is in words, `countries` too.

    `countries` holds the region as a whole under `REGION`.
    """

    zone: Zone
    words: int
    about: float
    hits: tuple[ReadHit, ...]
    countries: Mapping[str, float]

    @property
    def share(self) -> float:
        """The part of the zone that is about the topic."""
        return min(1.0, self.about / self.words) if self.words else 0.0


def read_zones(
    joined: JoinedText, hits: Sequence[Hit], rivals: Sequence[int], roles: Roles
) -> list[ReadZone]:
    """Every zone, read in order.

    Args:
        joined: the piece.
        hits: the topic's names in it, in order.
        rivals: where names of the rest of the world start, in order.
        roles: the weights.
    """
    by_zone: dict[int, list[Hit]] = {}
    for hit in hits:
        by_zone.setdefault(hit.zone, []).append(hit)
    background = _background(joined, hits, rivals, roles)
    zones: list[ReadZone] = []
    carried = _Carried(0.0, ())
    for index, zone in enumerate(joined.zones):
        found = by_zone.get(index, [])
        if zone.field == "tags":
            zones.append(_read_tag(zone, found))
            continue
        if zone.field != "body" or zone.paragraph == 0:
            carried = _Carried(0.0, ())
        if not found and max(carried.weight, background) < roles.silence:
            zones.append(ReadZone(zone, len(zone.text.split()), 0.0, (), {}))
            continue
        first = bisect_left(rivals, zone.start)
        last = bisect_left(rivals, zone.start + len(zone.text))
        here = [start - zone.start for start in rivals[first:last]]
        read, carried = _read_zone(zone, found, here, carried, background, roles)
        zones.append(read)
        carried = _Carried(carried.weight * roles.paragraph, carried.countries)
    return zones


def _background(
    joined: JoinedText, hits: Sequence[Hit], rivals: Sequence[int], roles: Roles
) -> float:
    """What a sentence that names nobody is worth, by the topic's part of all names."""
    telling = [
        hit
        for hit in hits
        if not hit.passing
        and hit.entity.weight >= SURE_WEIGHT
        and joined.zones[hit.zone].field == "body"
    ]
    if len(telling) < _BACKGROUND_NAMES:
        return 0.0
    if len({hit.zone for hit in telling}) < _BACKGROUND_PARAGRAPHS:
        return 0.0
    part = len(telling) / (len(telling) + len(rivals))
    return roles.background * max(0.0, 2 * part - 1)


def _read_tag(zone: Zone, hits: Sequence[Hit]) -> ReadZone:
    reads = tuple(ReadHit(hit, Role.OTHER, hit.entity.weight) for hit in hits if not hit.passing)
    reads += tuple(ReadHit(hit, Role.PASSING, 0.0) for hit in hits if hit.passing)
    about = max((read.strength for read in reads), default=0.0)
    return ReadZone(zone, 1, about, reads, {})


@dataclass(frozen=True, slots=True)
class _Carried:
    """What the next sentence may go on with: a weight, and each country's part of it."""

    weight: float
    countries: Sequence[tuple[str, float]]


def _read_zone(
    zone: Zone,
    hits: Sequence[Hit],
    rivals: Sequence[int],
    carried: _Carried,
    background: float,
    roles: Roles,
) -> tuple[ReadZone, _Carried]:
    """The zone, and what the next one may go on with."""
    spans = sentence_spans(zone.text)
    by_sentence = _with_roles(zone, hits, spans)
    crowded = sum(role in TELLING for found in by_sentence for _, role in found) >= _CROWDED
    named = [sum(role is not Role.PASSING for _, role in found) for found in by_sentence]
    last_named = max((number for number, names in enumerate(named) if names), default=-1)
    bridged = sum(named) >= _CROWDED
    total, about, strongest = 0, 0.0, 0.0
    countries: dict[str, float] = {}
    reads: list[ReadHit] = []
    for number, ((start, end), found) in enumerate(zip(spans, by_sentence, strict=True)):
        sentence = zone.text[start:end]
        words = len(sentence.split())
        here = rivals[bisect_left(rivals, start) : bisect_left(rivals, end)]
        contested = bool(here) or any(hit.entity.weight < SURE_WEIGHT for hit, _ in found)
        weights = _weights(roles, zone.field, crowded, contested)
        read = [ReadHit(hit, role, hit.entity.weight * weights[role]) for hit, role in found]
        weight = _sentence_weight(read, roles)
        if weight < roles.setting:
            kept = carried.weight * _kept(sentence, [rival - start for rival in here], roles)
            carried = _Carried(kept, carried.countries)
            if not here and zone.field == "body":
                kept = max(kept, background)
            if bridged and number < last_named and any(named[:number]):
                kept = max(kept, roles.bridge)
            parts = carried.countries if kept > weight else _split(read)
            weight = max(weight, kept)
        else:
            parts = _split(read)
            goes_on = weight >= roles.other * 0.9
            carried = _Carried(weight * roles.follows if goes_on else 0.0, parts)
        total += words
        about += weight * words
        strongest = max(strongest, weight)
        reads.extend(read)
        for country, part in parts:
            countries[country] = countries.get(country, 0.0) + part * weight * words
    if zone.field != "body":
        # A headline of two sentences is about what the stronger one is about.
        about = strongest * total
    return ReadZone(zone, total, about, tuple(reads), countries), carried


def _with_roles(
    zone: Zone, hits: Sequence[Hit], spans: Sequence[tuple[int, int]]
) -> list[list[tuple[Hit, Role]]]:
    dateline = dateline_end(zone.text) if zone.paragraph == 0 else 0
    by_sentence: list[list[tuple[Hit, Role]]] = []
    remaining = list(hits)
    for start, end in spans:
        here = [hit for hit in remaining if hit.start - zone.start < end]
        remaining = remaining[len(here) :]
        sentence, shift = zone.text[start:end], zone.start + start
        names = [(hit.start - shift, hit.end - shift) for hit in here]
        by_sentence.append(
            [
                (
                    hit,
                    Role.PASSING
                    if hit.passing or hit.end - zone.start <= dateline
                    else role_of(sentence, *name, hit.entity.kind, names),
                )
                for hit, name in zip(here, names, strict=True)
            ]
        )
    return by_sentence


def _weights(roles: Roles, field: str, crowded: bool, contested: bool) -> Mapping[Role, float]:
    other = roles.other if contested else roles.other_alone
    if crowded:
        other = max(other, roles.several)
    if field != "body":
        other = max(other, roles.headline)
    return {
        Role.SUBJECT: roles.subject,
        Role.OTHER: other,
        Role.SETTING: roles.setting if contested else roles.setting_alone,
        Role.PASSING: roles.passing,
    }


def _sentence_weight(reads: Sequence[ReadHit], roles: Roles) -> float:
    weight = max((read.strength for read in reads), default=0.0)
    telling = [read.hit.entity for read in reads if read.role in TELLING]
    if len({entity.name for entity in telling}) > 1:
        weight = max(weight, roles.several * max(entity.weight for entity in telling))
    return weight


def _kept(sentence: str, rivals: Sequence[int], roles: Roles) -> float:
    """The part of what was carried that a sentence without a telling name keeps."""
    if not rivals or _PRONOUN.match(sentence):
        return roles.sentence
    return 0.0 if rivals[0] < _RIVAL_SUBJECT else roles.rival


def _split(reads: Sequence[ReadHit]) -> Sequence[tuple[str, float]]:
    """Each country's part of a sentence: that of the strengths of its names."""
    strengths: dict[str, float] = {}
    for read in reads:
        countries = read.hit.entity.countries or (REGION,)
        for country in countries:
            part = read.strength * (_PEOPLE_PART if read.hit.entity.kind == "people" else 1.0)
            strengths[country] = strengths.get(country, 0.0) + part / len(countries)
    whole = sum(strengths.values())
    return [(country, part / whole) for country, part in sorted(strengths.items()) if whole]
