"""Disambiguates names: decides by the contexts around a name whether its entity is meant.

There are two rounds. The first accepts names that need no context, or whose contexts hold by
words alone; these are sure. The second judges all names again, and contexts that need a further
name ("a name of this country") look for it among the sure names. Linear in the text and its names.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from rscrawler.topics.matcher import Match, Spelling, longest, places_within, within
from rscrawler.topics.text import FlaggableText, Zone
from rscrawler.topics.watchlist import Context, Entity

# An entity of less weight is wider than the topic, and its names support no others.
SURE_WEIGHT = 0.5
_LONGEST_WORD = 40
# What separates a name from a word: punctuation, the end of a zone ("\x00"), and a possessive:
# "Kazakh's border" is that of a town or a man of that name.
_BREAK = re.compile(r"[,;:.!?()\x00]|\s[—–-]|['’]s\b")


class Role(float, Enum):
    """The role of a mention in its sentence; the value is how much the mention counts there."""

    LEADS = 1.0
    NAMED = 0.6
    LISTED = 0.05
    PASSING = 0.04


@dataclass(slots=True)
class Mention(Match):
    """A match that means its entity; `zone` holds it."""

    zone: Zone
    role: Role = Role.NAMED

    @property
    def entity(self) -> Entity:
        """The entity that it names."""
        entity: Entity = self.owner
        return entity

    @property
    def is_sure(self) -> bool:
        """Whether its entity is no wider than the topic, and not named in passing."""
        return self.role is not Role.PASSING and self.entity.weight >= SURE_WEIGHT

    @property
    def strength(self) -> float:
        """How much it counts, 0 to 1: weight times role."""
        return self.entity.weight * self.role


def context_words(contexts: Mapping[str, Context], group: str) -> Iterator[Spelling]:
    """The words of contexts; an owner is (name of the context, whether they count against it)."""
    for name, context in contexts.items():
        for is_against, words in ((False, context.words), (True, context.against)):
            for word in words:
                yield Spelling(word, owner=(name, is_against), group=group)


def disambiguate(
    candidates: Iterable[Match],
    text: FlaggableText,
    contexts: Mapping[str, Context],
    words: Iterable[Match],
) -> list[Mention]:
    """The candidates that mean the topic, in reading order; none overlaps another."""
    hits = [Mention(m.owner, m.start, m.end, text.zone_at(m.start)) for m in candidates]
    found: dict[tuple[str, bool], list[Match]] = defaultdict(list)
    for word in words:
        found[word.owner].append(word)
    certain = longest(_ContextJudge(text, contexts, found, []).judged(hits))
    sure = [hit for hit in certain if hit.entity.counts == "full" and hit.is_sure]
    meant = longest(_ContextJudge(text, contexts, found, sure).judged(hits))
    return [hit for hit in meant if hit.entity.counts != "never"]


@dataclass
class _ContextJudge:
    """Judges names by the contexts around them; `sure` are the mentions that support others."""

    text: FlaggableText
    contexts: Mapping[str, Context]
    words: Mapping[tuple[str, bool], Sequence[Match]]
    sure: Sequence[Mention]
    supporting_mentions: dict[tuple[str, str], list[Mention]] = field(default_factory=dict)

    def judged(self, hits: Sequence[Mention]) -> Iterator[Mention]:
        """The hits whose contexts allow them; some become mentions in passing."""
        for hit in hits:
            entity = hit.entity
            if entity.needs and not self._any_holds(hit, entity.needs):
                continue
            passing = entity.counts == "passing"
            if (entity.unless or entity.passing_with) and not self._any_holds(hit, entity.despite):
                if self._any_holds(hit, entity.unless):
                    continue
                passing = passing or self._any_holds(hit, entity.passing_with)
            yield replace(hit, role=Role.PASSING) if passing else hit

    def _any_holds(self, hit: Mention, names: Sequence[str]) -> bool:
        return any(self._holds(hit, name) for name in names)

    def _holds(self, hit: Mention, name: str) -> bool:
        context, window = self.contexts[name], self._window(hit, self.contexts[name])
        found = self._count_words((name, False), hit, window)
        # Another mention of the same entity does not support it.
        found += len(places_within(self._supporting(name, hit.entity.name), *window))
        return found >= context.at_least and found > self._count_words((name, True), hit, window)

    def _supporting(self, name: str, own: str) -> list[Mention]:
        """Sure mentions that count for the context `name`, except those of the entity `own`."""
        if (name, own) not in self.supporting_mentions:
            others = (each for each in self.sure if each.entity.name != own)
            found = [each for each in others if self.contexts[name].asks_for(each.entity)]
            self.supporting_mentions[name, own] = found
        return self.supporting_mentions[name, own]

    def _count_words(self, owner: tuple[str, bool], hit: Mention, window: tuple[int, int]) -> int:
        words = self.words.get(owner, ())
        # A word inside the name itself does not count.
        sides = (window[0], min(window[1], hit.start)), (max(window[0], hit.end), window[1])
        if self.contexts[owner[0]].unbroken:
            return sum(self._is_unbroken(w, hit) for side in sides for w in within(words, *side))
        return sum(len(places_within(words, *side)) for side in sides)

    def _window(self, hit: Mention, context: Context) -> tuple[int, int]:
        """The span in which a match must begin to be near `hit`."""
        text, words = self.text.joined, context.within
        first, last = 0, len(text)
        if words == "paragraph":
            first, last = hit.zone.start, hit.zone.end
        elif words == "lead":
            last = self.text.lead_end
        elif not isinstance(words, str):
            far = _LONGEST_WORD * words
            before = text[max(0, hit.start - far) : hit.start]
            after = text[hit.end : hit.end + far]
            left, right = before.rsplit(None, words), after.split(None, words)
            first = hit.start - len(before) + (len(left[0]) if len(left) > words else 0)
            last = hit.end + len(after) - (len(right[-1]) if len(right) > words else 0)
        if context.side == "after":
            first = hit.end
        return first, hit.start if context.side == "before" else last

    def _is_unbroken(self, word: Match, hit: Mention) -> bool:
        """Whether nothing separates word and name."""
        first, last = (word.end, hit.start) if word.start < hit.start else (hit.end, word.start)
        return first <= last and not _BREAK.search(self.text.joined, first, last)
