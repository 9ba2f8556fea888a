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
# Names of the region as a whole are counted under this code.
REGION = ""
# A piece has a background when so many telling names stand in so many paragraphs.
_BACKGROUND_NAMES = 4
_BACKGROUND_PARAGRAPHS = 3
# A people may live elsewhere too: it says less about a state than the state's own name.
_PEOPLE_PART = 0.5
_COUNTRY_PART = {Role.SUBJECT: 1.0, Role.OTHER: 1.0, Role.SETTING: 0.25, Role.PASSING: 0.0}
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
    """A zone as far as it is about the topic; `about` is in words.

    `countries` counts the sentences that name each country, a setting or a people in part, and
    the region as a whole under `REGION`. `telling` counts the sentences in
    which a name that is no wider than the topic is a subject or other.
    """

    zone: Zone
    words: int
    about: float
    hits: tuple[ReadHit, ...]
    countries: Mapping[str, float]
    telling: int = 0

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
    carried = 0.0
    for index, zone in enumerate(joined.zones):
        found = by_zone.get(index, [])
        if zone.field == "tags":
            zones.append(_read_tag(zone, found))
            continue
        if zone.field != "body" or zone.paragraph == 0:
            carried = 0.0
        if not found and max(carried, background) < roles.silence:
            zones.append(ReadZone(zone, len(zone.text.split()), 0.0, (), {}))
            continue
        first = bisect_left(rivals, zone.start)
        last = bisect_left(rivals, zone.start + len(zone.text))
        here = [start - zone.start for start in rivals[first:last]]
        read, carried = _read_zone(zone, found, here, carried, background, roles)
        zones.append(read)
        carried *= roles.paragraph
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


def _read_zone(
    zone: Zone,
    hits: Sequence[Hit],
    rivals: Sequence[int],
    carried: float,
    background: float,
    roles: Roles,
) -> tuple[ReadZone, float]:
    """The zone, and what the next one may go on with."""
    spans = sentence_spans(zone.text)
    by_sentence = _with_roles(zone, hits, spans, rivals)
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
            kept = carried * _kept(sentence, [rival - start for rival in here], roles)
            carried = kept
            if not here and zone.field == "body":
                kept = max(kept, background)
            if bridged and number < last_named and any(named[:number]):
                kept = max(kept, roles.bridge)
            weight = max(weight, kept)
        else:
            carried = weight * _goes_on(read, roles)
        total += words
        about += weight * words
        strongest = max(strongest, weight)
        reads.extend(read)
        for country, part in _countries_of(read).items():
            countries[country] = countries.get(country, 0.0) + part
    if zone.field != "body":
        # A headline of two sentences is about what the stronger one is about.
        about = strongest * total
    telling = sum(
        any(role in TELLING and hit.entity.weight >= SURE_WEIGHT for hit, role in found)
        for found in by_sentence
    )
    return ReadZone(zone, total, about, tuple(reads), countries, telling), carried


def _with_roles(
    zone: Zone,
    hits: Sequence[Hit],
    spans: Sequence[tuple[int, int]],
    rivals: Sequence[int],
) -> list[list[tuple[Hit, Role]]]:
    dateline = dateline_end(zone.text) if zone.paragraph == 0 else 0
    by_sentence: list[list[tuple[Hit, Role]]] = []
    remaining = list(hits)
    for start, end in spans:
        here = [hit for hit in remaining if hit.start - zone.start < end]
        remaining = remaining[len(here) :]
        sentence, shift = zone.text[start:end], zone.start + start
        names = [(hit.start - shift, hit.end - shift) for hit in here]
        others = [rival - start for rival in rivals if start <= rival < end]
        by_sentence.append(
            [
                (
                    hit,
                    Role.PASSING
                    if hit.passing or hit.end - zone.start <= dateline
                    else role_of(sentence, *name, hit.entity.kind, names, others),
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


def _goes_on(reads: Sequence[ReadHit], roles: Roles) -> float:
    """The part of a sentence's weight that the next one starts from."""
    played = {read.role for read in reads}
    if Role.SUBJECT in played:
        return roles.follows
    return roles.follows_other if Role.OTHER in played else 0.0


def _kept(sentence: str, rivals: Sequence[int], roles: Roles) -> float:
    """The part of what was carried that a sentence without a telling name keeps."""
    if not rivals or _PRONOUN.match(sentence):
        return roles.sentence
    return 0.0 if rivals[0] < _RIVAL_SUBJECT else roles.rival


def _countries_of(reads: Sequence[ReadHit]) -> Mapping[str, float]:
    """How far a sentence names each country, in 0 … 1."""
    named: dict[str, float] = {}
    for read in reads:
        part = _COUNTRY_PART[read.role]
        if read.hit.entity.kind == "people":
            part *= _PEOPLE_PART
        for country in read.hit.entity.countries or (REGION,):
            named[country] = max(named.get(country, 0.0), part)
    return named
