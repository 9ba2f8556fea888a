"""Which of the names found are meant: each context is looked up around each name.

Names are settled in two rounds. First those that need nothing, or that the words around
them settle; the ones that stand are beyond doubt, and contexts that ask for "a name of this
country" look among them. Then those that need company. Linear in the text and in its names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from rscrawler.topics.matcher import Match, Matcher, Spelling, longest, within
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Context, Entity

# A name of less weight than this is wider than the topic, and no company for another.
SURE_WEIGHT = 0.5
_LONGEST_WORD = 40
# What parts a name from a word: punctuation, with the blank behind it ("\x00" is the end of a
# zone), and a possessive: a "Kazakh's" border is that of a town or a man of that name.
_BREAK = re.compile(r"([,;:.!?()\x00]|\s[—–-]+|['’]s\b)\s*")


class Part(float, Enum):
    """The part that a name plays in its sentence, and how far that makes it the subject."""

    LEADS = 1.0
    NAMED = 0.6
    LISTED = 0.05
    PASSING = 0.04


@dataclass(frozen=True, slots=True)
class Mention:
    """A name that is meant, at [start, end) of the joined text; `zone` is its zone's index."""

    entity: Entity
    start: int
    end: int
    zone: int
    part: Part = Part.NAMED

    @property
    def is_sure(self) -> bool:
        """Whether it is no wider than the topic, and more than in passing."""
        return self.part is not Part.PASSING and self.entity.weight >= SURE_WEIGHT

    @property
    def strength(self) -> float:
        """How much it says, in 0 … 1."""
        return self.entity.weight * self.part


def context_matcher(contexts: Mapping[str, Context]) -> Matcher:
    """Finds the words of contexts; owned by a context's name, and whether they are against it."""
    return Matcher(
        [
            Spelling(word, owner=(name, is_against))
            for name, context in contexts.items()
            for is_against, words in ((False, context.words), (True, context.against))
            for word in words
        ]
    )


def settle(
    candidates: Sequence[tuple[Entity, Match]],
    joined: JoinedText,
    contexts: Mapping[str, Context],
    words: Iterable[Match],
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
        yield replace(hit, part=Part.PASSING) if passing else hit


class _Nearby:
    """Answers whether a context holds around a name."""

    def __init__(
        self,
        joined: JoinedText,
        contexts: Mapping[str, Context],
        words: Iterable[Match],
        hits: Sequence[Mention],
    ) -> None:
        self._joined = joined
        self._contexts = contexts
        self._words: dict[tuple[str, bool], list[Match]] = defaultdict(list)
        for word in words:
            self._words[word.owner].append(word)
        self._peoples = {hit.start for hit in hits if hit.entity.kind == "people"}
        self._lead_end = max((zone.end for zone in joined.zones if zone.is_lead), default=0)
        self.know([])

    def know(self, sure: Sequence[Mention]) -> None:
        """From now on contexts look for company among the names `sure`."""
        self._sure = sure
        self._companies: dict[tuple[str, str | None], list[Mention]] = {}
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
            # Company is another name, not the same one once more.
            found += len(within(self._company(name, hit.entity.name), *window))
            self._known[asked] = found >= context.at_least and (
                not context.against or found > self._count_words(name, True, hit, window)
            )
        return self._known[asked]

    def _company(self, name: str, own: str | None = None) -> list[Mention]:
        """The sure names that the context `name` asks for, without those of the entity `own`."""
        if (name, own) not in self._companies:
            if own is None:
                context = self._contexts[name]
                found = [each for each in self._sure if context.asks_for(each.entity)]
            else:
                found = [each for each in self._company(name) if each.entity.name != own]
            self._companies[name, own] = found
        return self._companies[name, own]

    def _count_words(
        self, name: str, is_against: bool, hit: Mention, window: tuple[int, int]
    ) -> int:
        words = self._words[name, is_against]
        near = within(words, *window)
        if self._contexts[name].unbroken:
            return sum(self._is_unbroken(word, hit) for word in near)
        # No word is company for the name that holds it.
        own = within(words, max(window[0], hit.start), min(window[1], hit.end))
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
