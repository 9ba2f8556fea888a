"""Where names stand in a text: all of them in one pass.

Names and text are folded first: one case, plain letters, one kind of blank, hyphen and
apostrophe. Nearly every text folds to the same number of code points, so that an offset in the
folded text is the offset in the original. Soft hyphens, words broken at a line's end, runs of
blanks and combining accents do not; then `Folded.span` maps back.

An Aho-Corasick automaton finds every spelling, overlapping ones too. Only then come word
boundaries and case, and only then the longest match: an automaton that prefers the longest
itself would hide a shorter name that is valid behind a longer one that is not.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from rscrawler.text import INVISIBLE, JOINERS

_UNREAD = f"{INVISIBLE}{JOINERS}\u0300-\u036f"
# What is cut out: what prints nothing by itself, combining accents, a hyphen at a line's end
# inside a word, and all but the first of a run of blanks.
_CUT = re.compile(
    rf"[{_UNREAD}]+"
    r"|(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[^\W\d_A-Z])"
    r"|(?<=\s)\s+"
)
_ASCII = bytes(range(128))
# Cyrillic keeps its letters: "й" is not "и".
_CYRILLIC = ("Ѐ", "ԯ")
# For every currency and picture, as text in ASCII is handled much faster; no text
# has it itself.
_SIGN = "\x1a"
_BLANKS = "\n\t\r\v\f"
_SAME = (
    dict.fromkeys("‘’ʻʼʽ`´′‛ʹ", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("“”„«»", '"')
    | {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ə": "a", "ß": "s"}
)
_ENDING = "*"
_UTF8 = "utf-8", "surrogatepass"
# Below this length a digit beside a name makes it another word ("C5" in "C50").
_SURE_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Folded:
    """`original` and what it folds to; from each of `starts`, offsets lag by the shift beside."""

    original: str
    text: str
    starts: Sequence[int] = (0,)
    shifts: Sequence[int] = (0,)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that the folded span [start, end) came from."""
        return self._offset(start), self._offset(end - 1) + 1

    def _offset(self, offset: int) -> int:
        return offset + self.shifts[bisect_right(self.starts, offset) - 1]


def fold_with_offsets(text: str) -> Folded:
    """`text` folded, with the way back to its offsets."""
    foreign = "" if text.isascii() else _foreign_characters(text)
    plain = _fold_characters(text, foreign)
    if "  " not in plain and "\n" not in text and not _CUT.search(foreign):
        return Folded(text, plain)
    kept: list[str] = []
    starts, shifts = [0], [0]
    position, removed = 0, 0
    for cut in _CUT.finditer(text):
        kept.append(plain[position : cut.start()])
        removed += cut.end() - cut.start()
        position = cut.end()
        starts.append(position - removed)
        shifts.append(removed)
    kept.append(plain[position:])
    return Folded(text, "".join(kept), starts, shifts)


def fold(text: str) -> str:
    """`text` folded."""
    return fold_with_offsets(text).text


def _foreign_characters(text: str) -> str:
    """The different characters beyond ASCII in `text`, in order; found at memory speed."""
    beyond = text.encode(*_UTF8).translate(None, _ASCII)
    return "".join(sorted(set(beyond.decode(*_UTF8))))


def _fold_characters(text: str, foreign: str) -> str:
    """One code point for each one of `text`."""
    # Plain letters first: lowering is several times faster once the text is ASCII.
    for character in foreign:
        if not _CYRILLIC[0] <= character <= _CYRILLIC[1]:
            text = text.replace(character, _plain(character))
    plain = text.lower()
    for blank in _BLANKS:
        plain = plain.replace(blank, " ")
    return plain


@cache
def _plain(character: str) -> str:
    # "İ" alone lowers to two code points; its base is "I".
    lowered = character.lower() if len(character.lower()) == 1 else character
    if lowered in _SAME:
        return _SAME[lowered]
    base = unicodedata.normalize("NFKD", lowered)[0]
    plain = base.lower() if base.isalpha() else lowered
    if plain.isalnum() or plain.isascii():
        return plain
    return " " if plain.isspace() else _SIGN


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name to look for, what it stands for, and the group that it is found in.

    `case` is `any`, `capital` or `exact`; a final `*` is any ending.
    """

    text: str
    case: str = "any"
    owner: Any = None
    group: Any = None


@dataclass(slots=True)
class Match:
    """A spelling of `owner` stands at [start, end) of the original text."""

    owner: Any
    start: int
    end: int


class Matcher:
    """Finds the spellings it was built with."""

    def __init__(self, spellings: Sequence[Spelling]) -> None:
        self._spellings = spellings
        self._cases: list[str] = []
        self._open = [each.text.endswith(_ENDING) for each in spellings]
        owners: dict[str, list[int]] = defaultdict(list)
        for index, spelling in enumerate(spellings):
            plain = fold(spelling.text.removesuffix(_ENDING).strip())
            # Pictures and currencies all fold to one sign: they must be printed as they are.
            self._cases.append("exact" if _SIGN in plain else spelling.case)
            # Hyphens and blanks stand for each other.
            for pattern in {plain, plain.replace("-", " "), plain.replace(" ", "-")}:
                owners[pattern].append(index)
        self._patterns = [(len(pattern), owned) for pattern, owned in owners.items()]
        # Over bytes, which is much faster than over text. Not as a DFA, which is faster still
        # and takes 60 MiB more.
        self._automaton = BytesAhoCorasick([pattern.encode(*_UTF8) for pattern in owners])

    def find(self, folded: Folded) -> dict[Any, list[Match]]:
        """Every match in the original text by group, in order of start, the longer first."""
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
        by_group: dict[Any, list[Match]] = defaultdict(list)
        for first, final, index in sorted(matches):
            spelling = self._spellings[index]
            by_group[spelling.group].append(Match(spelling.owner, first, -final))
        return by_group

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
