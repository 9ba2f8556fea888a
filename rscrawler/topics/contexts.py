"""Which of the names found are meant: each context is looked up around each name.

Names are settled in two rounds. First those that need nothing, or that the words around
them settle; the ones that stand are beyond doubt, and contexts that ask for "a name of this
country" look among them. Then those that need company. Linear in the text and in its names.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rscrawler.topics.folding import Folded
from rscrawler.topics.matcher import Match, Matcher, Spelling, longest
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Context, Entity

# A name of less weight than this is wider than the topic, and no company for another.
SURE_WEIGHT = 0.5
_ANY_COUNTRY = "*"
_LONGEST_WORD = 40
_WORD = ""  # tells no word from another
# What parts a name from a word: punctuation, with the blank behind it ("\x00" is the end of a
# zone), and a possessive: a "Kazakh's" border is that of a town or a man of that name.
_BREAK = re.compile(r"([,;:.!?()\x00]|\s[—–-]+|['’]s\b)\s*")


@dataclass(frozen=True, slots=True)
class Hit:
    """A name that is meant, at [start, end) of the joined text; `zone` is its zone's index."""

    entity: Entity
    start: int
    end: int
    zone: int
    passing: bool = False

    @property
    def is_sure(self) -> bool:
        """Whether it is no wider than the topic, and more than a lookalike's shadow."""
        return not self.passing and self.entity.weight >= SURE_WEIGHT


class ContextFinder:
    """Finds the words of contexts; built once for a watch-list."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        words = [(name, word) for name, context in contexts.items() for word in context.words]
        words += [
            (against(name), word) for name, context in contexts.items() for word in context.against
        ]
        self._names = [name for name, _ in words]
        self._matcher = Matcher([Spelling(word) for _, word in words])

    def find(self, joined: JoinedText, folded: Folded) -> dict[str, list[Match]]:
        """The places of each context's words (`against` it too), in reading order."""
        found: dict[str, list[Match]] = defaultdict(list)
        for match in self._matcher.find(joined.text, folded):
            found[self._names[match.index]].append(match)
        return found


def against(name: str) -> str:
    """The key under which the words against the context `name` are found."""
    return f"{name} against"


def settle(
    candidates: Sequence[tuple[Entity, Match]],
    joined: JoinedText,
    contexts: Mapping[str, Context],
    words: Mapping[str, list[Match]],
) -> list[Hit]:
    """The candidates that are meant, in reading order; none overlaps another."""
    hits = [
        Hit(entity, match.start, match.end, joined.zone_index(match.start))
        for entity, match in candidates
    ]
    peoples = {hit.start for hit in hits if hit.entity.kind == "people"}
    nearby = _Nearby(joined, contexts, words, peoples)
    sure = [
        hit
        for hit in longest(_judged(hits, nearby.holds))
        if hit.entity.counts == "full" and hit.is_sure
    ]
    nearby.know(sure)
    return [hit for hit in longest(_judged(hits, nearby.holds)) if hit.entity.counts != "never"]


def _judged(hits: Sequence[Hit], holds: Callable[[Hit, str], bool]) -> list[Hit]:
    """The hits that are meant."""
    judged: list[Hit] = []
    for hit in hits:
        entity = hit.entity
        if entity.needs and not any(holds(hit, name) for name in entity.needs):
            continue
        passing = entity.counts == "passing"
        if entity.unless or entity.passing_with:
            excused = any(holds(hit, name) for name in entity.despite)
            if not excused and any(holds(hit, name) for name in entity.unless):
                continue
            passing |= not excused and any(holds(hit, name) for name in entity.passing_with)
        judged.append(replace(hit, passing=True) if passing else hit)
    return judged


@dataclass(frozen=True, slots=True)
class _Found:
    """Words or names that a context asks for: where each starts and ends, both in order."""

    starts: dict[str, list[int]]
    ends: dict[str, list[int]]

    @classmethod
    def of(cls, found: Iterable[tuple[int, int, str]]) -> _Found:
        """From (start, end, what tells it apart), in reading order."""
        starts: dict[str, list[int]] = defaultdict(list)
        ends: dict[str, list[int]] = defaultdict(list)
        for start, end, name in found:
            starts[name].append(start)
            ends[name].append(end)
        return cls(starts, {name: sorted(each) for name, each in ends.items()})

    def count(self, name: str, first: int, last: int) -> int:
        """How many of `name` reach into [first, last)."""
        return bisect_left(self.starts[name], last) - bisect_right(self.ends[name], first)


class _Nearby:
    """Answers whether a context holds around a name."""

    def __init__(
        self,
        joined: JoinedText,
        contexts: Mapping[str, Context],
        words: Mapping[str, list[Match]],
        peoples: set[int],
    ) -> None:
        self._joined = joined
        self._contexts = contexts
        self._peoples = peoples
        self._sure: list[Hit] = []
        self._words = {
            key: _Found.of((match.start, match.end, _WORD) for match in matches)
            for key, matches in words.items()
        }
        self._names: dict[str, _Found] = {}
        self._known: dict[tuple[str, int, int, str], bool] = {}
        leads = [zone.start + len(zone.text) for zone in joined.zones if zone.is_lead]
        self._lead_end = max(leads, default=0)

    def know(self, sure: list[Hit]) -> None:
        """From now on contexts look for company among the names `sure`."""
        self._sure = sure
        self._names = {}
        self._known = {}

    def holds(self, hit: Hit, name: str) -> bool:
        # Several entities have the same spelling, and each is judged more than once.
        asked = (name, hit.start, hit.end, hit.entity.name)
        if asked not in self._known:
            self._known[asked] = self._holds(hit, name, self._contexts[name])
        return self._known[asked]

    def _holds(self, hit: Hit, name: str, context: Context) -> bool:
        found = self._count_words(self._words.get(name), hit, context)
        if found < context.at_least or context.against:
            found += self._count_names(self._company(name, context), hit, context)
        if found < context.at_least:
            return False
        return found > self._count_words(self._words.get(against(name)), hit, context)

    def _company(self, name: str, context: Context) -> _Found | None:
        """The sure names that the context `name` asks for; worked out once for a text."""
        if not context.countries and not context.entities:
            return None
        if name not in self._names:
            self._names[name] = _Found.of(
                (other.start, other.end, other.entity.name)
                for other in self._sure
                if _ANY_COUNTRY in context.countries
                or other.entity.name in context.entities
                or any(country in context.countries for country in other.entity.countries)
            )
        return self._names[name]

    def _count_words(self, found: _Found | None, hit: Hit, context: Context) -> int:
        if found is None:
            return 0
        first, last = self._window(hit, context)
        if context.unbroken:
            return sum(
                self._is_unbroken(end, hit.start)
                if end <= hit.start
                else hit.end <= start and self._is_unbroken(hit.end, start)
                for start, end in self._inside(found, first, last)
            )
        count = found.count(_WORD, first, last)
        # No word is company for the name that holds it.
        inside = max(first, hit.start), min(last, hit.end)
        return count - (found.count(_WORD, *inside) if inside[0] < inside[1] else 0)

    def _inside(self, found: _Found, first: int, last: int) -> Iterable[tuple[int, int]]:
        starts, ends = found.starts[_WORD], found.ends[_WORD]
        return zip(
            starts[bisect_right(ends, first) : bisect_left(starts, last)],
            ends[bisect_right(ends, first) : bisect_left(starts, last)],
            strict=True,
        )

    def _count_names(self, found: _Found | None, hit: Hit, context: Context) -> int:
        if found is None:
            return 0
        window = self._window(hit, context)
        # Company is another name, not the same one once more.
        return sum(found.count(name, *window) for name in found.starts if name != hit.entity.name)

    def _window(self, hit: Hit, context: Context) -> tuple[int, int]:
        """The part of the text that something near `hit` reaches into."""
        text, words = self._joined.text, context.within
        first, last = 0, len(text)
        if words == "paragraph":
            zone = self._joined.zones[hit.zone]
            first, last = zone.start, zone.start + len(zone.text)
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

    def _is_unbroken(self, first: int, last: int) -> bool:
        """Whether nothing parts [first, last) of the text but commas before names of peoples."""
        return all(
            found[1] == "," and found.end() in self._peoples
            for found in _BREAK.finditer(self._joined.text, first, last)
        )
