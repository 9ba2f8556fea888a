"""Finds all names in a text in one pass.

Names and text are folded first: one case, plain letters, one kind of blank, hyphen and
apostrophe. Soft hyphens, words broken at a line's end, runs of blanks and combining accents are
cut; `Folded.span` then maps offsets back.

An Aho-Corasick automaton finds every spelling, overlapping ones too. Word boundaries and case
are checked next, and the longest match is chosen last (`longest`): an automaton that prefers
the longest match would hide a valid shorter name behind an invalid longer one.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, TypeVar

from ahocorasick_rs import BytesAhoCorasick

from rscrawler.text import INVISIBLE, JOINERS, UNSPACED, UNSPACED_LETTER

_UNREAD = f"{INVISIBLE}{JOINERS}\u0300-\u036f"
# Cut: invisible characters, combining accents, a hyphen that breaks a word at a line's end, and
# all but the first of a run of blanks.
_CUT = re.compile(
    rf"[{_UNREAD}]+"
    r"|(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[^\W\d_A-Z])"
    r"|(?<=\s)\s+"
)
_ASCII = bytes(range(128))
# Cyrillic letters keep their accents: "й" is not "и". Hangul syllables keep their vowels.
_CYRILLIC, _HANGUL = ("Ѐ", "ԯ"), ("가", "힣")
# Replaces every other symbol (currency, emoji), since ASCII text is handled much faster; no
# text contains it.
_SIGN = "\x1a"
_BLANKS = "\n\t\r\v\f"
_SAME = (
    dict.fromkeys("‘’ʻʼʽ`´′‛ʹ", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("“”„«»", '"')
    | {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ə": "a", "ß": "s"}
)
_STAR = re.compile(r"\s*\*(?=[\s-]|$)")  # at the end of a word
_LETTER = rf"[^\W\d_{UNSPACED}]"  # of an ending
_UTF8 = "utf-8", "surrogatepass"
# A digit behind a name shorter than this makes it another word ("CSTO" in "CSTO2").
_SURE_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Folded:
    """A text and its folded form; from `starts[i]` on, the original offset is `shifts[i]` more."""

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
    """Fold `text`, with the map back to its offsets."""
    foreign = ""
    if not text.isascii():  # its different characters beyond ASCII: over bytes, at memory speed
        beyond = text.encode(*_UTF8).translate(None, _ASCII)
        foreign = "".join(sorted(set(beyond.decode(*_UTF8))))
    plain = _fold_characters(text, foreign)
    if "  " not in plain and "\n" not in text and not _CUT.search(foreign):
        return Folded(text, plain)
    cuts = [cut.span() for cut in _CUT.finditer(text)]
    shifts = [0, *accumulate(end - start for start, end in cuts)]
    starts = [0, *(end - shift for (_, end), shift in zip(cuts, shifts[1:], strict=True))]
    edges = [0, *chain(*cuts), len(text)]
    kept = map(slice, edges[::2], edges[1::2])
    return Folded(text, "".join(plain[part] for part in kept), starts, shifts)


def fold(text: str) -> str:
    """The folded text alone."""
    return fold_with_offsets(text).text


def _fold_characters(text: str, foreign: str) -> str:
    """Fold `text` code point by code point, so that its length stays."""
    # Replace letters first: lowering is several times faster once the text is ASCII.
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
    if lowered in _SAME or _HANGUL[0] <= lowered <= _HANGUL[1]:
        return _SAME.get(lowered, lowered)
    base = unicodedata.normalize("NFKD", lowered)[0]
    plain = base.lower() if base.isalpha() else lowered
    if plain.isalnum() or plain.isascii():
        return plain
    return " " if plain.isspace() else _SIGN


@dataclass(frozen=True, slots=True)
class Spelling:
    """A name to find, its owner, and the group under which its matches are returned.

    `case` is `any`, `capital` (needed only if the spelling begins with one) or `exact`; a `*` at
    the end of a word matches any ending.
    """

    text: str
    case: str = "any"
    owner: Any = None
    group: Any = None


@dataclass(slots=True)
class Match:
    """A spelling of `owner` at [start, end) of the original text."""

    owner: Any
    start: int
    end: int


class Matcher:
    """Finds the spellings it was built with."""

    def __init__(self, spellings: Sequence[Spelling]) -> None:
        self._spellings = spellings
        self._cases: list[str] = []
        self._parts = [_STAR.split(each.text.strip()) for each in spellings]
        self._endings = [_ending(*rest) if rest else None for _, *rest in self._parts]
        owners: dict[str, list[int]] = defaultdict(list)
        for index, spelling in enumerate(spellings):
            plain = fold(self._parts[index][0])
            # All symbols fold to one sign, so a name that has one must match exactly.
            self._cases.append("exact" if _SIGN in plain else spelling.case)
            # Hyphens and blanks match each other, but an ending is of this word, not the next.
            blank = plain[:-1].replace("-", " ") + plain[-1:]
            for pattern in {plain, blank, plain.replace(" ", "-")} - {""}:
                owners[pattern].append(index)
        self._patterns = [(len(pattern), owned) for pattern, owned in owners.items()]
        # Over bytes, which is much faster than over text. Not as a DFA, which is faster still
        # but takes 60 MiB more.
        self._automaton = BytesAhoCorasick([pattern.encode(*_UTF8) for pattern in owners])

    def find(self, folded: Folded) -> dict[Any, list[Match]]:
        """All matches by group, sorted by start, longer ones and longer spellings first."""
        plain, encoded = folded.text, folded.text.encode(*_UTF8)
        is_ascii = len(plain) == len(encoded)
        matches: list[tuple[int, int, int, int]] = []
        end = counted = 0
        is_unspaced = UNSPACED_LETTER.search
        found = self._automaton.find_matches_as_indexes(encoded, overlapping=True)
        for pattern, _, byte_end in found:
            end = byte_end if is_ascii else end + len(encoded[counted:byte_end].decode(*_UTF8))
            counted = byte_end
            length, owned = self._patterns[pattern]
            start = end - length
            if plain[start - 1 : start].isalnum() and not is_unspaced(plain, start - 1, start + 1):
                continue
            for index in owned:
                stop = end
                if ending := self._endings[index]:
                    if not (followed := ending.match(plain, end)):
                        continue
                    stop = followed.end()
                elif end < len(plain) and not _ends_word(plain, start, end):
                    continue
                first, final = folded.span(start, stop)
                if self._is_printed_right(index, folded.original[first:final]):
                    matches.append((first, -final, -length, index))
        by_group: dict[Any, list[Match]] = defaultdict(list)
        for first, final, _, index in sorted(matches):
            spelling = self._spellings[index]
            by_group[spelling.group].append(Match(spelling.owner, first, -final))
        return by_group

    def _is_printed_right(self, index: int, printed: str) -> bool:
        case, parts = self._cases[index], self._parts[index]
        if case == "exact":
            return printed.startswith(parts[0]) and all(part in printed for part in parts[1:])
        return case == "any" or printed[0].isupper() or not parts[0][0].isupper()


@cache
def _ending(*parts: str) -> re.Pattern[str]:
    """What follows a word with a star: its ending, and the further `parts` of the name."""
    plain = (re.sub(r"\\?[ -]", "[ -]", re.escape(fold(part))) for part in parts)
    return re.compile("".join(f"{_LETTER}*+{part}" for part in plain) + f"(?!{_LETTER})")


def _ends_word(plain: str, start: int, end: int) -> bool:
    following = plain[end]
    is_unspaced = following.isalnum() and bool(UNSPACED_LETTER.search(plain, end - 1, end + 1))
    if is_unspaced or following.isalpha():
        return is_unspaced
    if plain[end - 1].isdigit():  # no "Group 24" in "Group 24.64"
        return not following.isdigit() and not plain[end : end + 2].strip(".,").isdigit()
    return not following.isdigit() or end - start >= _SURE_LENGTH


SpanT = TypeVar("SpanT", bound=Match)
_START = attrgetter("start")


def within(spans: Sequence[SpanT], first: int, last: int) -> Sequence[SpanT]:
    """The part of the sorted `spans` that starts in [first, last)."""
    places = places_within(spans, first, last)
    return spans[places.start : places.stop]


def places_within(spans: Sequence[SpanT], first: int, last: int) -> range:
    """The places of `within` in `spans`: to count them without a copy."""
    begun = bisect_left(spans, first, key=_START)
    return range(begun, bisect_left(spans, last, begun, key=_START))


def longest(spans: Iterable[SpanT]) -> list[SpanT]:
    """`spans` without those that overlap a longer one, in reading order.

    Of two spans at the same place the first given stays.
    """
    ordered = sorted(spans, key=lambda span: (span.start - span.end, span.start))
    kept, taken = [], bytearray(max((span.end for span in ordered), default=0))
    for span in ordered:
        if not (taken[span.start] or taken[span.end - 1]):  # none that is kept is shorter
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=_START)
