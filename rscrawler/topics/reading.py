"""A piece read for a topic: how far each sentence is about it.

A sentence that names the topic weighs what the part of the name says (`Roles`). The next one
keeps most of that when it takes the topic up ("it", "the country", "its banks"), less when it
names nobody, and nothing when it turns to somebody else (a rival); a new paragraph keeps less.
And where a piece names the topic more than all its rivals, sentences that name nobody have a
background of their own.
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
# A paragraph with so many telling names, not all in one row, is about them.
_CROWDED = 3
# A rival within so many characters of a sentence's start is taken for what it is about.
_RIVAL_SUBJECT = 60
# Names of the region as a whole are counted under this code.
REGION = ""
# A piece has its full background when so many names stand in so many parts; two are the least.
_LEAST_NAMES = 2
_BACKGROUND_NAMES = 3
_BACKGROUND_PARAGRAPHS = 2
# A people may live elsewhere too: it says less about a state than the state's own name.
_PEOPLE_PART = 0.75
# "The region" only takes up a name that has been counted.
_TAKEN_UP_PART = 0.5
# A valley or a sea of several states says less of each.
_SHARED_PART = 0.7
_COUNTRY_PART = {Role.SUBJECT: 1.0, Role.OTHER: 0.8, Role.SETTING: 0.25, Role.PASSING: 0.0}
# A sentence takes up what the last one was about by a pronoun at its start, or by a possessive or
# a definite noun for a state, its bodies, its works and its people anywhere before a rival.
_WORD = re.compile(r"[a-z]+")
_CONNECTIVES = frozenset((
    "and", "but", "yet", "even", "now", "still", "so", "for", "nor", "then", "meanwhile", "in",
    "to", "as", "of", "since",
))  # fmt: skip
_PRONOUNS = frozenset((
    "it", "they", "them", "this", "these", "both", "neither", "none", "nobody",
))  # fmt: skip
# "Jan Kowalski, the president, said": a stranger, and not the president of what was named before.
_INTRODUCED = re.compile(r"^\W*[A-Z][\w’'-]+(?:\s+[A-Z][\w’'-]+)+,\s+(?:the|an?)\s[^,]*,")
_NUMBERS = frozenset(("two", "three", "four", "five"))
_POSSESSIVES = frozenset(("its", "their"))
_PERSONAL_PRONOUNS = frozenset(("he", "she"))
_PERSONAL_POSSESSIVES = frozenset(("his", "her"))
_DETERMINERS = frozenset(("the", "that", "this", "these", "those", "both", "all", "whose"))
_BARE_NOUNS = frozenset(("parliament", "authorities"))
_DEFINITE_NOUNS = frozenset((
    "country", "countries", "republic", "republics", "state", "states", "nation", "nations",
    "government", "governments", "regime", "authorities", "leadership", "capital", "capitals",
    "president", "presidents", "leader", "leaders", "ministry", "minister", "deputies",
    "lawmakers", "opposition", "bank", "regulator", "economy", "currency", "army", "company",
    "producer", "miner", "venture", "consortium", "operator", "field", "mine", "plant", "dam",
    "reservoir", "canal", "pipeline", "railway", "route", "river", "lake", "sea", "region",
    "province", "valley", "city", "town", "village", "host", "neighbor", "neighbors",
    "neighbour", "neighbours", "party", "base",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReadHit:
    """A name with the part it plays, and its strength: entity weight times role weight."""

    hit: Hit
    role: Role
    strength: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, `weight` of which is about the topic.

    `taken_up`: it has a name no wider than the topic, if only as a setting, or takes the topic up
    by a pronoun.
    """

    words: int
    weight: float
    taken_up: bool


@dataclass(frozen=True, slots=True)
class Carried:
    """What a sentence hands on: its weight, and the part kept by a next one that names nobody.

    `personal`: the topic led, or a person of it was named; else "he" and "she" are somebody else,
    and a new paragraph is hardly about it.
    """

    weight: float = 0.0
    part: float = 0.0
    personal: bool = False


@dataclass(frozen=True)
class ReadZone:
    """A zone as far as it is about the topic; `about` is in words.

    `countries` counts the sentences that name each country, a setting or a people in part, and
    the region as a whole under `REGION`.
    """

    zone: Zone
    words: int
    about: float
    hits: tuple[ReadHit, ...]
    countries: Mapping[str, float]
    sentences: tuple[Sentence, ...] = ()

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
    in_body = [hit for hit in hits if joined.zones[hit.zone].field == "body"]
    zones: list[ReadZone] = []
    carried = headline = Carried()
    for index, zone in enumerate(joined.zones):
        found = by_zone.get(index, [])
        if zone.field == "tags":
            zones.append(_read_tag(zone, found))
            continue
        if zone.field != "body" or zone.paragraph == 0:
            carried = headline if zone.paragraph == 0 else Carried()
        if not found and max(carried.weight, background) < roles.silence:
            zones.append(ReadZone(zone, len(zone.text.split()), 0.0, (), {}))
            continue
        first = bisect_left(rivals, zone.start)
        last = bisect_left(rivals, zone.start + len(zone.text))
        here = [start - zone.start for start in rivals[first:last]]
        read, carried = _read_zone(zone, found, here, carried, background, roles)
        zones.append(read)
        kept = roles.paragraph if carried.personal else roles.paragraph_other
        carried = Carried(kept * carried.weight, carried.part, carried.personal)
        if zone.field == "title" and _hands_on(read.hits, in_body):
            led_by = next(each.hit for each in read.hits if each.role is Role.SUBJECT)
            if not here:
                headline = carried
            elif led_by.entity.kind == "person" and led_by.start < rivals[first]:
                headline = Carried(roles.rival * carried.weight, carried.part, carried.personal)
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
        and joined.zones[hit.zone].field != "tags"
    ]
    names, zones = len(telling), len({hit.zone for hit in telling})
    if min(names, zones) < _LEAST_NAMES:
        return 0.0
    part = names / (names + len(rivals))
    sure = min(1.0, names / _BACKGROUND_NAMES, zones / _BACKGROUND_PARAGRAPHS)
    return roles.background * sure * max(0.0, 2 * part - 1)


def _read_tag(zone: Zone, hits: Sequence[Hit]) -> ReadZone:
    reads = tuple(ReadHit(hit, Role.OTHER, hit.entity.weight) for hit in hits if not hit.passing)
    reads += tuple(ReadHit(hit, Role.PASSING, 0.0) for hit in hits if hit.passing)
    about = max((read.strength for read in reads), default=0.0)
    return ReadZone(zone, 1, about, reads, {})


def _read_zone(
    zone: Zone,
    hits: Sequence[Hit],
    rivals: Sequence[int],
    carried: Carried,
    background: float,
    roles: Roles,
) -> tuple[ReadZone, Carried]:
    """The zone, and what the next one may go on with."""
    spans = sentence_spans(zone.text)
    by_sentence = _with_roles(zone, hits, spans, rivals)
    told = [sum(role in TELLING for _, role in found) for found in by_sentence]
    crowded = sum(told) >= _CROWDED and sum(map(bool, told)) > 1
    named = [sum(role is not Role.PASSING for _, role in found) for found in by_sentence]
    last_named = max((number for number, names in enumerate(named) if names), default=-1)
    bridged = sum(named) >= _CROWDED
    countries: dict[str, float] = {}
    reads: list[ReadHit] = []
    sentences: list[Sentence] = []
    for number, ((start, end), found) in enumerate(zip(spans, by_sentence, strict=True)):
        text = zone.text[start:end]
        here = rivals[bisect_left(rivals, start) : bisect_left(rivals, end)]
        contested = bool(here) or any(hit.entity.weight < SURE_WEIGHT for hit, _ in found)
        weights = _weights(roles, zone.field, crowded, contested)
        read = [ReadHit(hit, role, hit.entity.weight * weights[role]) for hit, role in found]
        own = _sentence_weight(read, contested, roles)
        kept, takes_up = _kept(text, [rival - start for rival in here], carried, roles)
        sure = [role for hit, role in found if hit.entity.weight >= SURE_WEIGHT]
        if any(role in TELLING for _, role in found):
            carried = _carried(read, max(own, kept), roles)
            weight = carried.weight
        else:
            carried = Carried(kept, roles.sentence, carried.personal)
            weight = max(own, kept)
            if not here and zone.field == "body":
                weight = max(weight, background)
            if bridged and number < last_named and any(named[:number]):
                weight = max(weight, roles.bridge)
        sentences.append(
            Sentence(
                words=len(text.split()),
                weight=weight,
                taken_up=weight > 0
                and (takes_up or any(role is not Role.PASSING for role in sure)),
            )
        )
        reads.extend(read)
        for country, part in _countries_of(read).items():
            countries[country] = countries.get(country, 0.0) + part
    total = sum(sentence.words for sentence in sentences)
    about = sum(sentence.words * sentence.weight for sentence in sentences)
    if zone.field != "body":
        # A headline of two sentences is about what the stronger one is about.
        about = total * max((sentence.weight for sentence in sentences), default=0.0)
    return ReadZone(zone, total, about, tuple(reads), countries, tuple(sentences)), carried


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


def _sentence_weight(reads: Sequence[ReadHit], contested: bool, roles: Roles) -> float:
    weight = max((read.strength for read in reads), default=0.0)
    telling = [read for read in reads if read.role in TELLING]
    led = any(read.role is Role.SUBJECT for read in telling)
    # Several names in a row beside strangers are company, not the subject.
    if len({read.hit.entity.name for read in telling}) > 1 and (led or not contested):
        weight = max(weight, roles.several * max(read.hit.entity.weight for read in telling))
    return weight


def _hands_on(headline: Sequence[ReadHit], in_body: Sequence[Hit]) -> bool:
    """Whether the body begins with what the headline is about.

    Not where it names the topic in passing only; and a town alone may be in the name of a thing.
    """
    if in_body:
        return _leads(headline) and not all(hit.passing for hit in in_body)
    return _leads([read for read in headline if read.hit.entity.kind != "place"])


def _leads(reads: Sequence[ReadHit]) -> bool:
    return any(read.role is Role.SUBJECT for read in reads)


def _carried(reads: Sequence[ReadHit], weight: float, roles: Roles) -> Carried:
    """What a sentence that names the topic hands on."""
    leads = _leads(reads)
    return Carried(
        weight=weight,
        part=roles.follows if leads else roles.follows_other,
        personal=leads or any(read.hit.entity.kind == "person" for read in reads),
    )


def _kept(
    sentence: str, rivals: Sequence[int], carried: Carried, roles: Roles
) -> tuple[float, bool]:
    """What a sentence keeps of the one before it, and whether it takes it up by a pronoun."""
    if carried.weight < roles.silence:
        return 0.0, False
    reach = rivals[0] if rivals else len(sentence)
    if _takes_up(sentence[:reach], carried.personal):
        return roles.taken_up * carried.weight, True
    if not rivals:
        return carried.part * carried.weight, False
    if rivals[0] < _RIVAL_SUBJECT:
        return 0.0, False
    return roles.rival * carried.weight, False


def _takes_up(text: str, personal: bool) -> bool:
    """Whether the start of a sentence, up to its first rival, speaks of what was named before."""
    words = _WORD.findall(_INTRODUCED.sub("", text).lower())
    opening = words[1:3] if words[:1] and words[0] in _CONNECTIVES else words[:2]
    if opening and (
        opening[0] in _PRONOUNS
        or text.startswith("There,")
        or (opening[0] == "the" and opening[-1] in _NUMBERS)
        or (personal and opening[0] in _PERSONAL_PRONOUNS)
    ):
        return True
    if not _POSSESSIVES.isdisjoint(words) or not _BARE_NOUNS.isdisjoint(words):
        return True
    if personal and not _PERSONAL_POSSESSIVES.isdisjoint(words):
        return True
    # "the mine", "the new mine"
    return not _DEFINITE_NOUNS.isdisjoint(words) and any(
        word in _DEFINITE_NOUNS and not _DETERMINERS.isdisjoint(words[max(0, at - 2) : at])
        for at, word in enumerate(words)
    )


def _countries_of(reads: Sequence[ReadHit]) -> Mapping[str, float]:
    """How far a sentence names each country, in 0 … 1."""
    named: dict[str, float] = {}
    for read in reads:
        part = _COUNTRY_PART[read.role]
        if read.hit.entity.kind == "people":
            part *= _PEOPLE_PART
        countries = read.hit.entity.countries
        if not countries and read.hit.entity.needs:
            part *= _TAKEN_UP_PART
        if len(countries) > 1:
            part *= _SHARED_PART
        for country in countries or (REGION,):
            named[country] = max(named.get(country, 0.0), part)
    return named
