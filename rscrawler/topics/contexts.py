"""Which of the names found are meant: each context is looked up around each name.

Names are settled in two rounds. First those that need nothing, or that the words around
them settle; the ones that stand are beyond doubt, and contexts that ask for "a name of this
country" look among them. Then those that need company.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rscrawler.topics.folding import Folded
from rscrawler.topics.matcher import Match, Matcher, Spelling, longest
from rscrawler.topics.text import JoinedText
from rscrawler.topics.watchlist import Context, Entity

# A name of less weight than this is wider than the topic, and no company for another.
SURE_WEIGHT = 0.5
# Two doubtful names of at least this weight are company for each other.
CORROBORATING_WEIGHT = 0.6
_ANY_COUNTRY = "*"
_LONGEST_WORD = 40
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


class ContextFinder:
    """Finds the words of contexts; built once for a watch-list."""

    def __init__(self, contexts: Mapping[str, Context]) -> None:
        self.contexts = contexts
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
    plain = [
        Hit(entity, match.start, match.end, joined.zone_index(match.start))
        for entity, match in candidates
    ]
    peoples = {hit.start for hit in plain if hit.entity.kind == "people"}
    surroundings = _Surroundings(joined, contexts, words, peoples)
    sure = [
        hit
        for hit in longest(_judged(plain, surroundings.holds))
        if hit.entity.counts == "full" and not hit.passing and hit.entity.weight >= SURE_WEIGHT
    ]
    surroundings.know(longest([*sure, *_corroborated(plain, surroundings.holds)]))
    return [
        hit for hit in longest(_judged(plain, surroundings.holds)) if hit.entity.counts != "never"
    ]


def _corroborated(hits: Sequence[Hit], holds: Callable[[Hit, str], bool]) -> list[Hit]:
    """The doubtful names of a country that are company for each other: two different ones are.

    A people's name is none of them: there are carpets and cafés that have it beside a city's.
    """
    if len({hit.entity.name for hit in hits if _is_doubtful(hit)}) < 2:
        return []
    meant = [
        hit
        for hit in longest(_judged(hits, holds, in_company=True))
        if _is_doubtful(hit) and not hit.passing
    ]
    names: dict[str, set[str]] = defaultdict(set)
    for hit in meant:
        for country in hit.entity.countries:
            names[country].add(hit.entity.name)
    return [hit for hit in meant if any(len(names[each]) > 1 for each in hit.entity.countries)]


def _is_doubtful(hit: Hit) -> bool:
    entity = hit.entity
    return (
        bool(entity.needs)
        and entity.counts == "full"
        and entity.weight >= CORROBORATING_WEIGHT
        and entity.kind != "people"
    )


def _judged(
    hits: Sequence[Hit], holds: Callable[[Hit, str], bool], *, in_company: bool = False
) -> list[Hit]:
    """The hits that are meant; `in_company` says that what they need is there."""
    judged: list[Hit] = []
    for hit in hits:
        entity = hit.entity
        if not in_company and entity.needs and not any(holds(hit, name) for name in entity.needs):
            continue
        passing = entity.counts == "passing"
        if entity.unless or entity.passing_with:
            excused = any(holds(hit, name) for name in entity.despite)
            if not excused and any(holds(hit, name) for name in entity.unless):
                continue
            passing |= not excused and any(holds(hit, name) for name in entity.passing_with)
        judged.append(Hit(entity, hit.start, hit.end, hit.zone, passing))
    return judged


class _Surroundings:
    """Answers whether a context holds around a name."""

    def __init__(
        self,
        joined: JoinedText,
        contexts: Mapping[str, Context],
        words: Mapping[str, list[Match]],
        peoples: Collection[int],
    ) -> None:
        self.sure: list[Hit] = []
        self._companies: dict[str, list[Hit]] = {}
        self._counts: dict[tuple[str, int, int], int] = {}
        self._peoples = peoples
        self._joined = joined
        self._contexts = contexts
        self._words = words

    def know(self, sure: list[Hit]) -> None:
        """From now on contexts look for company among the names `sure`."""
        self.sure = sure
        self._companies = {}

    def holds(self, hit: Hit, name: str) -> bool:
        context = self._contexts[name]
        found = self._count_words(hit, name, context)
        if found < context.at_least or context.against:
            found += self._count_names(hit, name, context)
        if found < context.at_least:
            return False
        return not context.against or found > self._count_words(hit, against(name), context)

    def _count_words(self, hit: Hit, key: str, context: Context) -> int:
        matches = self._words.get(key)
        if not matches:
            return 0
        # Several entities have the same spelling, and each is judged more than once.
        asked = (key, hit.start, hit.end)
        if asked not in self._counts:
            self._counts[asked] = sum(
                1
                for match in matches
                if not (match.start < hit.end and hit.start < match.end)
                and self._is_near(hit, match.start, match.end, context)
            )
        return self._counts[asked]

    def _count_names(self, hit: Hit, name: str, context: Context) -> int:
        near = [
            other.entity.name
            for other in self._company(name, context)
            # Company is another name, not the same one once more.
            if other.entity.name != hit.entity.name
            and self._is_near(hit, other.start, other.end, context)
        ]
        return len(set(near)) if context.different else len(near)

    def _company(self, name: str, context: Context) -> list[Hit]:
        """The sure names that the context `name` asks for; worked out once for a piece."""
        if not context.countries and not context.entities:
            return []
        if name not in self._companies:
            self._companies[name] = [
                other
                for other in self.sure
                if _ANY_COUNTRY in context.countries
                or other.entity.name in context.entities
                or any(country in context.countries for country in other.entity.countries)
            ]
        return self._companies[name]

    def _is_near(self, hit: Hit, start: int, end: int, context: Context) -> bool:
        if context.side == "before" and start >= hit.start:
            return False
        if context.side == "after" and end <= hit.end:
            return False
        if context.within == "text":
            return True
        if context.within == "lead":
            return self._joined.zones[self._joined.zone_index(start)].is_lead
        if context.within == "paragraph":
            return self._joined.zone_index(start) == hit.zone
        first, last = (end, hit.start) if end <= hit.start else (hit.end, start)
        # Words are short: a far gap need not be counted.
        if last - first > _LONGEST_WORD * context.within:
            return False
        if len(self._joined.text[first:last].split()) >= context.within:
            return False
        return not context.unbroken or self._is_unbroken(first, last)

    def _is_unbroken(self, first: int, last: int) -> bool:
        """Whether nothing parts [first, last) of the text but commas before names of peoples."""
        return all(
            found[1] == "," and found.end() in self._peoples
            for found in _BREAK.finditer(self._joined.text, first, last)
        )
