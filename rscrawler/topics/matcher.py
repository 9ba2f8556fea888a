"""Where names stand in a text: all of them in one pass.

An Aho-Corasick automaton finds every spelling, overlapping ones too. Only then come word
boundaries and case, and only then the longest match: an automaton that prefers the longest
itself would hide a shorter name that is valid behind a longer one that is not.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ahocorasick_rs import AhoCorasick

from rscrawler.topics.folding import Folded, fold, signs_in

_ENDING = "*"
# Below this length a digit beside a name makes it another word ("C5" in "C50").
_SURE_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name to look for. `case` is `any`, `capital` or `exact`; a final `*` is any ending."""

    text: str
    case: str = "any"


@dataclass(frozen=True, slots=True)
class Match:
    """The spelling at `index` stands at [start, end) of the original text."""

    index: int
    start: int
    end: int


class Matcher:
    """Finds the spellings it was built with; `index` counts them in the order given."""

    def __init__(self, spellings: Sequence[Spelling]) -> None:
        self._spellings = spellings
        owners: dict[str, list[int]] = {}
        for index, spelling in enumerate(spellings):
            for pattern in _patterns(spelling.text):
                owners.setdefault(pattern, []).append(index)
        self._owners = list(owners.values())
        self._open = [spelling.text.endswith(_ENDING) for spelling in spellings]
        self._signs = [signs_in(spelling.text) for spelling in spellings]
        # Not as a DFA, which is a quarter faster and takes 45 MiB more.
        self._automaton = AhoCorasick(list(owners)) if owners else None

    def find(self, text: str, folded: Folded) -> list[Match]:
        """Every match in `text`, whose folded form is `folded`, by start, the longer first."""
        if self._automaton is None:
            return []
        plain = folded.text
        last = len(plain)
        matches: list[Match] = []
        for pattern, start, end in self._automaton.find_matches_as_indexes(plain, overlapping=True):
            if start and plain[start - 1].isalnum():
                continue
            for index in self._owners[pattern]:
                stop = end
                if self._open[index]:
                    while stop < last and plain[stop].isalpha():
                        stop += 1
                elif end < last and not _ends_word(plain, start, end):
                    continue
                first, final = folded.original(start, stop)
                printed = text[first:final]
                if not all(sign in printed for sign in self._signs[index]):
                    continue  # another currency, or other quotation marks
                if _case_holds(self._spellings[index], printed):
                    matches.append(Match(index, first, final))
        matches.sort(key=lambda match: (match.start, -match.end, match.index))
        return matches


def _patterns(spelling: str) -> Iterator[str]:
    """The folded spelling, and the same with hyphens for blanks and blanks for hyphens."""
    plain = fold(spelling.removesuffix(_ENDING).strip())
    yield from dict.fromkeys((plain, plain.replace("-", " "), plain.replace(" ", "-")))


def _ends_word(plain: str, start: int, end: int) -> bool:
    following = plain[end]
    if following.isalpha():
        return False
    if plain[end - 1].isdigit():  # no "Group 24" in "Group 24.64"
        return not following.isdigit() and not plain[end : end + 2].strip(".,").isdigit()
    return not following.isdigit() or end - start >= _SURE_LENGTH


def _case_holds(spelling: Spelling, printed: str) -> bool:
    if spelling.case == "any":
        return True
    if spelling.case == "capital":
        return printed[0].isupper()
    return printed == spelling.text


class _Span(Protocol):
    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


SpanT = TypeVar("SpanT", bound=_Span)


def longest(spans: Iterable[SpanT]) -> list[SpanT]:
    """`spans` without those that a longer one overlaps, in reading order.

    Of two spans at the same place the first given stays.
    """
    kept: list[SpanT] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        at = bisect_left(kept, span.start, key=lambda other: other.start)
        if (at == 0 or kept[at - 1].end <= span.start) and (
            at == len(kept) or span.end <= kept[at].start
        ):
            kept.insert(at, span)
    return kept
