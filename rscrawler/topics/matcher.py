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

from ahocorasick_rs import BytesAhoCorasick

from rscrawler.topics.folding import SIGN, Folded, fold

_ENDING = "*"
_UTF8 = "utf-8", "surrogatepass"
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
        self._spellings = [each.text for each in spellings]
        # Pictures and currencies all fold to one sign: they must be printed as they are.
        self._cases = ["exact" if SIGN in fold(each.text) else each.case for each in spellings]
        self._open = [each.text.endswith(_ENDING) for each in spellings]
        owners: dict[str, list[int]] = {}
        for index, spelling in enumerate(spellings):
            for pattern in _patterns(spelling.text):
                owners.setdefault(pattern, []).append(index)
        self._patterns = [(len(pattern), owned) for pattern, owned in owners.items()]
        # Over bytes, which is much faster than over text. Not as a DFA, which is faster still
        # and takes 60 MiB more.
        self._automaton = BytesAhoCorasick([pattern.encode(*_UTF8) for pattern in owners])

    def find(self, text: str, folded: Folded) -> list[Match]:
        """Every match in `text`, whose folded form is `folded`, by start, the longer first."""
        plain, encoded = folded.text, folded.text.encode(*_UTF8)
        last, is_ascii = len(plain), len(plain) == len(encoded)
        matches: list[Match] = []
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
                first, final = folded.original(start, stop)
                if self._is_printed_right(index, text[first:final]):
                    matches.append(Match(index, first, final))
        matches.sort(key=lambda match: (match.start, -match.end, match.index))
        return matches

    def _is_printed_right(self, index: int, printed: str) -> bool:
        case = self._cases[index]
        if case == "exact":
            return printed == self._spellings[index]
        return case == "any" or printed[0].isupper()


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
