"""Text made comparable: one case, plain letters, one kind of blank, hyphen and apostrophe.

Nearly every text folds to the same number of code points, so that an offset in the
folded text is the offset in the original. Soft hyphens, words broken at a line's end,
runs of blanks and combining accents do not; then `Folded.offsets` maps back.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# What is cut out: invisible characters and combining accents, a hyphen at a line's end inside a
# word, and all but the first of a run of blanks.
_CUT = re.compile(
    "[\u00ad\u200b-\u200d\u2060\ufeff\u0300-\u036f]+"
    r"|(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[^\W\d_A-Z])"
    r"|(?<=\s)\s+"
)
# Cyrillic keeps its letters: "й" is not "и".
_FOREIGN = re.compile("[^\x00-\x7fЀ-ԯ]")
_BLANKS = str.maketrans("\n\t\r\v\f", "     ")


class _Plain(dict[str, str]):
    """The plain form of one character, worked out once."""

    def __missing__(self, character: str) -> str:
        plain = _SAME.get(character)
        if plain is None:
            base = unicodedata.normalize("NFKD", character)
            plain = base[0] if base[0].isalpha() else character
        self[character] = plain
        return plain


_SAME = (
    dict.fromkeys("‘’ʻʼʽ`´′‛ʹ", "'")
    | dict.fromkeys("‐‑‒–—―−", "-")
    | dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u200a\u202f\u3000\u2028\u2029\u0085", " ")
    | {"ı": "i", "ø": "o", "ł": "l", "đ": "d", "ə": "a"}
)
_PLAIN = _Plain()


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is folded; `offsets`, when not None, gives each code point's original offset."""

    text: str
    offsets: tuple[int, ...] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that the folded span [start, end) came from."""
        if self.offsets is None:
            return start, end
        return self.offsets[start], self.offsets[end - 1] + 1


def fold_with_offsets(text: str) -> Folded:
    """`text` folded, with the way back to its offsets."""
    plain = _fold_characters(text)
    if not _may_shrink(text, plain):
        return Folded(plain)
    kept: list[str] = []
    offsets: list[int] = []
    position = 0
    for cut in _CUT.finditer(text):
        kept.append(plain[position : cut.start()])
        offsets.extend(range(position, cut.start()))
        position = cut.end()
    kept.append(plain[position:])
    offsets.extend(range(position, len(plain)))
    return Folded("".join(kept), tuple(offsets))


def fold(text: str) -> str:
    """`text` folded."""
    return fold_with_offsets(text).text


def _fold_characters(text: str) -> str:
    """One code point for each one of `text`."""
    if text.isascii():
        return text.lower().translate(_BLANKS) if _has_blanks(text) else text.lower()
    # "İ" alone lowers to two code points.
    lowered = text.replace("İ", "I").lower().translate(_BLANKS)
    return _FOREIGN.sub(lambda match: _PLAIN[match[0]], lowered)


def _has_blanks(text: str) -> bool:
    return any(blank in text for blank in "\n\t\r\v\f")


def _may_shrink(text: str, plain: str) -> bool:
    if "  " in plain or "-\n" in text:
        return True
    return not text.isascii() and _CUT.search(text) is not None
