"""Which of the names found are meant: each context is looked up around each name.

Names are settled in two rounds. First those that need nothing, or that the words around
them settle; the ones that stand are beyond doubt, and contexts that ask for "a name of this
country" look among them. Then those that need company. Linear in the text and in its names.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter

from rscrawler.topics.folding import Folded
from rscrawler.topics.matcher import Match, Matcher, Spelling, longest
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Context, Entity

# A name of less weight than this is wider than the topic, and no company for another.
SURE_WEIGHT = 0.5
_ALL = "*"
_LONGEST_WORD = 40
# What parts a name from a word: punctuation, with the blank behind it ("\x00" is the end of a
# zone), and a possessive: a "Kazakh's" border is that of a town or a man of that name.
_BREAK = re.compile(r"([,;:.!?()\x00]|\s[—–-]+|['’]s\b)\s*")
# The places of words: by context, and whether they are words `against` it.
Words = Mapping[tuple[str, bool], Sequence[Match]]


class Part(StrEnum):
    """The part that a name plays in its sentence."""

    LEADS = "leads"
    NAMED = "named"
    LISTED = "listed"


# How far a sentence is about the topic by the best part that a name plays in it.
_ABOUT = {Part.LEADS: 1.0, Part.NAMED: 0.6, Part.LISTED: 0.05}
_PASSING = 0.05


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that is meant, at [start, end) of the joined text; `zone` is its zone's index."""

    entity: Entity
    start: int
    end: int
    zone: int
    passing: bool = False
    part: Part = Part.NAMED

    @property
    def is_sure(self) -> bool:
        """Whether it is no wider than the topic, and more than a lookalike's shadow."""
        return not self.passing and self.entity.weight >= SURE_WEIGHT

    @property
    def strength(self) -> float:
        """How much it says, in 0 … 1."""
        return self.entity.weight * (_PASSING if self.passing else _ABOUT[self.part])


class ContextFinder:
    """Finds the words of contexts; built once for a watch-list."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        words = [
            ((name, is_against), word)
            for name, context in contexts.items()
            for is_against, words in ((False, context.words), (True, context.against))
            for word in words
        ]
        self._owners = [owner for owner, _ in words]
        self._matcher = Matcher([Spelling(word) for _, word in words])

    def find(self, joined: JoinedText, folded: Folded) -> Words:
        """The places of all words, in reading order."""
        found: dict[tuple[str, bool], list[Match]] = defaultdict(list)
        for match in self._matcher.find(joined.text, folded):
            found[self._owners[match.index]].append(match)
        return found


def settle(
    candidates: Sequence[tuple[Entity, Match]],
    joined: JoinedText,
    contexts: Mapping[str, Context],
    words: Words,
) -> list[Mention]:
    """The candidates that are meant, in reading order; none overlaps another."""
    hits = [
        Mention(entity, match.start, match.end, joined.zone_index(match.start))
        for entity, match in candidates
    ]
    nearby = _Nearby(joined, contexts, words, hits)
    certain = longest(_judged(hits, nearby))
    nearby.know([hit for hit in certain if hit.entity.counts == "full" and hit.is_sure])
    return [hit for hit in longest(_judged(hits, nearby)) if hit.entity.counts != "never"]


def _judged(hits: Sequence[Mention], nearby: _Nearby) -> Iterator[Mention]:
    """The hits that are meant."""
    for hit in hits:
        entity = hit.entity
        if entity.needs and not nearby.holds_one(hit, entity.needs):
            continue
        passing = entity.counts == "passing"
        if (entity.unless or entity.passing_with) and not nearby.holds_one(hit, entity.despite):
            if nearby.holds_one(hit, entity.unless):
                continue
            passing = passing or nearby.holds_one(hit, entity.passing_with)
        yield replace(hit, passing=True) if passing else hit


class _Nearby:
    """Answers whether a context holds around a name."""

    def __init__(
        self,
        joined: JoinedText,
        contexts: Mapping[str, Context],
        words: Words,
        hits: Sequence[Mention],
    ) -> None:
        self._joined = joined
        self._contexts = contexts
        self._words = words
        self._peoples = {hit.start for hit in hits if hit.entity.kind == "people"}
        self._lead_end = max((zone.end for zone in joined.zones if zone.is_lead), default=0)
        self.know([])

    def know(self, sure: Sequence[Mention]) -> None:
        """From now on contexts look for company among the names `sure`."""
        self._sure = sure
        self._companies: dict[str, dict[str, list[Mention]]] = {}
        self._known: dict[tuple[str, int, int, str], bool] = {}

    def holds_one(self, hit: Mention, names: Sequence[str]) -> bool:
        """Whether one of the contexts `names` holds around `hit`."""
        return any(self._holds(hit, name) for name in names)

    def _holds(self, hit: Mention, name: str) -> bool:
        # Several entities have the same spelling, and each is judged more than once.
        asked = (name, hit.start, hit.end, hit.entity.name)
        if asked not in self._known:
            context = self._contexts[name]
            window = self._window(hit, context)
            found = self._count_words(name, False, hit, window)
            if found < context.at_least or context.against:
                company = self._company(name, context)
                # Company is another name, not the same one once more.
                found += len(_starting(company[_ALL], *window))
                found -= len(_starting(company.get(hit.entity.name, ()), *window))
            self._known[asked] = found >= context.at_least and found > self._count_words(
                name, True, hit, window
            )
        return self._known[asked]

    def _company(self, name: str, context: Context) -> dict[str, list[Mention]]:
        """The sure names that the context `name` asks for, all and by entity."""
        if name not in self._companies:
            company: dict[str, list[Mention]] = {_ALL: []}
            for other in self._sure if context.countries or context.entities else ():
                if (
                    other.entity.name in context.entities
                    or _ALL in context.countries
                    or not set(context.countries).isdisjoint(other.entity.countries)
                ):
                    company[_ALL].append(other)
                    company.setdefault(other.entity.name, []).append(other)
            self._companies[name] = company
        return self._companies[name]

    def _count_words(
        self, name: str, is_against: bool, hit: Mention, window: tuple[int, int]
    ) -> int:
        words = self._words.get((name, is_against), ())
        near = _starting(words, *window)
        if self._contexts[name].unbroken:
            return sum(self._is_unbroken(words[at], hit) for at in near)
        # No word is company for the name that holds it.
        own = _starting(words, max(window[0], hit.start), min(window[1], hit.end))
        return len(near) - len(own)

    def _window(self, hit: Mention, context: Context) -> tuple[int, int]:
        """The part of the text in which something near `hit` begins."""
        text, words = self._joined.text, context.within
        first, last = 0, len(text)
        if words == "paragraph":
            zone = self._joined.zones[hit.zone]
            first, last = zone.start, zone.end
        elif words == "lead":
            last = self._lead_end
        elif not isinstance(words, str):
            far = _LONGEST_WORD * words
            before = text[max(0, hit.start - far) : hit.start]
            after = text[hit.end : hit.end + far]
            left, right = before.rsplit(None, words), after.split(None, words)
            first = hit.start - len(before) + (len(left[0]) if len(left) > words else 0)
            last = hit.end + len(after) - (len(right[-1]) if len(right) > words else 0)
        return (
            hit.end if context.side == "after" else first,
            hit.start if context.side == "before" else last,
        )

    def _is_unbroken(self, word: Match, hit: Mention) -> bool:
        """Whether nothing parts word and name but commas before names of peoples."""
        first, last = (word.end, hit.start) if word.start < hit.start else (hit.end, word.start)
        return first <= last and all(
            found[1] == "," and found.end() in self._peoples
            for found in _BREAK.finditer(self._joined.text, first, last)
        )


def _starting(spans: Sequence[Match] | Sequence[Mention], first: int, last: int) -> range:
    """Which of `spans`, which are in order, start in [first, last)."""
    start = attrgetter("start")
    return range(bisect_left(spans, first, key=start), bisect_left(spans, last, key=start))
