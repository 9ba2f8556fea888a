"""Where names stand in a text: all of them in one pass.

An Aho-Corasick automaton finds every spelling, overlapping ones too. Only then come word
boundaries and case, and only then the longest match: an automaton that prefers the longest
itself would hide a shorter name that is valid behind a longer one that is not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from rscrawler.topics.folding import SIGN, Folded, fold

_ENDING = "*"
_UTF8 = "utf-8", "surrogatepass"
# Below this length a digit beside a name makes it another word ("C5" in "C50").
_SURE_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name to look for, and what it stands for.

    `case` is `any`, `capital` or `exact`; a final `*` is any ending.
    """

    text: str
    case: str = "any"
    owner: Any = None


@dataclass(frozen=True, slots=True)
class Match:
    """A spelling of `owner` stands at [start, end) of the original text."""

    owner: Any
    start: int
    end: int


class Matcher:
    """Finds the spellings it was built with."""

    def __init__(self, spellings: Sequence[Spelling]) -> None:
        self._spellings = spellings
        # Pictures and currencies all fold to one sign: they must be printed as they are.
        self._cases = ["exact" if SIGN in fold(each.text) else each.case for each in spellings]
        self._open = [each.text.endswith(_ENDING) for each in spellings]
        owners: dict[str, list[int]] = defaultdict(list)
        for index, spelling in enumerate(spellings):
            plain = fold(spelling.text.removesuffix(_ENDING).strip())
            # Hyphens and blanks stand for each other.
            for pattern in {plain, plain.replace("-", " "), plain.replace(" ", "-")}:
                owners[pattern].append(index)
        self._patterns = [(len(pattern), owned) for pattern, owned in owners.items()]
        # Over bytes, which is much faster than over text. Not as a DFA, which is faster still
        # and takes 60 MiB more.
        self._automaton = BytesAhoCorasick([pattern.encode(*_UTF8) for pattern in owners])

    def find(self, folded: Folded) -> list[Match]:
        """Every match in the original text, by start, the longer first."""
        plain, encoded = folded.text, folded.text.encode(*_UTF8)
        last, is_ascii = len(plain), len(plain) == len(encoded)
        matches: list[tuple[int, int, int]] = []
        end = read = 0
        found = self._automaton.find_matches_as_indexes(encoded, overlapping=True)
        for pattern, _, stop in found:
            end = stop if is_ascii else end + len(encoded[read:stop].decode(*_UTF8))
            read = stop
            length, owned = self._patterns[pattern]
            start = end - length
            if start and plain[start - 1].isalnum():
                continue
            for index in owned:
                stop = end
                if self._open[index]:
                    while stop < last and plain[stop].isalpha():
                        stop += 1
                elif end < last and not _ends_word(plain, start, end):
                    continue
                first, final = folded.span(start, stop)
                if self._is_printed_right(index, folded.original[first:final]):
                    matches.append((first, -final, index))
        return [
            Match(self._spellings[index].owner, first, -final)
            for first, final, index in sorted(matches)
        ]

    def _is_printed_right(self, index: int, printed: str) -> bool:
        case = self._cases[index]
        if case == "exact":
            return printed == self._spellings[index].text
        return case == "any" or printed[0].isupper()


def _ends_word(plain: str, start: int, end: int) -> bool:
    following = plain[end]
    if following.isalpha():
        return False
    if plain[end - 1].isdigit():  # no "Group 24" in "Group 24.64"
        return not following.isdigit() and not plain[end : end + 2].strip(".,").isdigit()
    return not following.isdigit() or end - start >= _SURE_LENGTH


SpanT = TypeVar("SpanT", bound=Match)
_START = attrgetter("start")


def within(spans: Sequence[SpanT], first: int, last: int) -> Sequence[SpanT]:
    """Those of `spans`, which are in order, that start in [first, last)."""
    begun = bisect_left(spans, first, key=_START)
    return spans[begun : bisect_left(spans, last, begun, key=_START)]


def longest(spans: Iterable[SpanT]) -> list[SpanT]:
    """`spans` without those that a longer one overlaps, in reading order.

    Of two spans at the same place the first given stays.
    """
    kept: list[SpanT] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        at = bisect_left(kept, span.start, key=_START)
        if (at == 0 or kept[at - 1].end <= span.start) and (
            at == len(kept) or span.end <= kept[at].start
        ):
            kept.insert(at, span)
    return kept
