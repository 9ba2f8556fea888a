"""Text made comparable: one case, plain letters, one kind of blank, hyphen and apostrophe.

Nearly every text folds to the same number of code points, so that an offset in the
folded text is the offset in the original. Soft hyphens, words broken at a line's end,
runs of blanks and combining accents do not; then `Folded.span` maps back.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase, ascii_uppercase

from rscrawler.text import INVISIBLE, JOINERS

_UNREAD = f"{INVISIBLE}{JOINERS}\u0300-\u036f"
# What is cut out: what prints nothing by itself, combining accents, a hyphen at a line's end
# inside a word, and all but the first of a run of blanks.
_CUT = re.compile(
    rf"[{_UNREAD}]+"
    r"|(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[^\W\d_A-Z])"
    r"|(?<=\s)\s+"
)
_CUT_CHARACTER = re.compile(rf"[{_UNREAD}]")
_BREAKS = ("-\n", "-\r", "- \n", "\u2010\n")
_ASCII = bytes(range(128))
# Cyrillic keeps its letters: "й" is not "и".
_CYRILLIC = ("Ѐ", "ԯ")
# For every currency and picture, as text in ASCII is handled much faster; no text
# has it itself.
SIGN = "\x1a"
_BLANKS = "\n\t\r\v\f"
_FOLDED_ASCII = bytes.maketrans(
    f"{ascii_uppercase}{_BLANKS}".encode(), f"{ascii_lowercase}{' ' * len(_BLANKS)}".encode()
)
_SAME = (
    dict.fromkeys("‘’ʻʼʽ`´′‛ʹ", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("“”„«»", '"')
    | {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ə": "a", "ß": "s"}
)


@dataclass(frozen=True, slots=True)
class Folded:
    """`original` and what it folds to.

    After each of `starts`, offsets lag the original's by the shift beside it.
    """

    original: str
    text: str
    starts: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that the folded span [start, end) came from."""
        if not self.starts:
            return start, end
        return self._offset(start), self._offset(end - 1) + 1

    def _offset(self, offset: int) -> int:
        cut = bisect_right(self.starts, offset) - 1
        return offset + self.shifts[cut] if cut >= 0 else offset


def fold_with_offsets(text: str) -> Folded:
    """`text` folded, with the way back to its offsets."""
    foreign = "" if text.isascii() else _foreign_characters(text)
    plain = _fold_characters(text, foreign)
    # Few texts have line ends at all: one look spares the others.
    has_broken_words = "\n" in text and any(each in text for each in _BREAKS)
    if "  " not in plain and not _CUT_CHARACTER.search(foreign) and not has_broken_words:
        return Folded(text, plain)
    kept: list[str] = []
    starts: list[int] = []
    shifts: list[int] = []
    position, removed = 0, 0
    for cut in _CUT.finditer(text):
        kept.append(plain[position : cut.start()])
        removed += cut.end() - cut.start()
        position = cut.end()
        starts.append(position - removed)
        shifts.append(removed)
    kept.append(plain[position:])
    return Folded(text, "".join(kept), tuple(starts), tuple(shifts))


def fold(text: str) -> str:
    """`text` folded."""
    return fold_with_offsets(text).text


def _foreign_characters(text: str) -> str:
    """The different characters beyond ASCII in `text`, in order; found at memory speed."""
    beyond = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return "".join(sorted(set(beyond.decode("utf-8", "surrogatepass"))))


def _fold_characters(text: str, foreign: str) -> str:
    """One code point for each one of `text`."""
    # Plain letters first: lowering is several times faster once the text is ASCII.
    for character in foreign:
        if not _CYRILLIC[0] <= character <= _CYRILLIC[1]:
            text = text.replace(character, _plain(character))
    if text.isascii():  # several times as fast as what follows
        return text.encode("ascii").translate(_FOLDED_ASCII).decode("ascii")
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
    return " " if plain.isspace() else SIGN
