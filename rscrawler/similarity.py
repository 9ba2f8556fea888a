"""Near-duplicate texts by MinHash.

Signatures after Broder, "On the resemblance and containment of documents" (1997);
bands after Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", ch. 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rensa import RMinHash

from rscrawler.decisions import in_substance

# Bands already stored are of no use after a change of any of these.
ALGORITHM_VERSION = 1
PERMUTATIONS = 128
BANDS = 32
ROWS_PER_BAND = PERMUTATIONS // BANDS
SHINGLE_WORDS = 3
MIN_WORDS = 40
SAME_TEXT = 0.45  # Jaccard of the shingles; a tenth of the words changed leaves about 0.57
SHORT_WORDS = 200
_SEED = 20_221_124
_MASK_63_BITS = (1 << 63) - 1


def signature_of(body: str) -> bytes | None:
    """The MinHash of a body: 128 × uint32; None if it has fewer than 40 words."""
    words = _words(body)
    if len(words) < MIN_WORDS:
        return None
    hasher = RMinHash(PERMUTATIONS, _SEED)
    hasher.update(list(_shingles(words)))
    return struct.pack(f"<{PERMUTATIONS}I", *hasher.digest())


def _words(body: str) -> list[str]:
    return in_substance(body).casefold().split()


def _shingles(words: list[str]) -> Iterator[str]:
    return map(" ".join, zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def bands_of(signature: bytes | None) -> tuple[int, ...]:
    """The band keys of a signature: 63-bit integers, equal for texts that may be alike."""
    if signature is None:
        return ()
    width = 4 * ROWS_PER_BAND
    return tuple(
        _band_key(number, signature[number * width : (number + 1) * width])
        for number in range(BANDS)
    )


def _band_key(number: int, rows: bytes) -> int:
    # FNV-1a over the version, the band's number and its rows: stable across processes.
    key = 0xCBF29CE484222325
    for byte in bytes((ALGORITHM_VERSION, number)) + rows:
        key = ((key ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return key & _MASK_63_BITS


def likeness(first: bytes | None, second: bytes | None) -> float:
    """The estimated Jaccard similarity of two texts by their signatures, 0 … 1."""
    if first is None or second is None:
        return 0.0
    pairs = zip(
        struct.unpack(f"<{PERMUTATIONS}I", first),
        struct.unpack(f"<{PERMUTATIONS}I", second),
        strict=True,
    )
    return float(sum(a == b for a, b in pairs)) / PERMUTATIONS


@dataclass(frozen=True, slots=True)
class _Sameness:
    """When two texts are the same: alike enough, or alike and one holds the opening of the other.

    `surely` is that likeness; `opening` counts words, of whose shingles `held` must be shared.
    """

    surely: float
    opening: int
    held: float


# A biography or a note of some length makes most of a short text: two pieces of one author then
# share more than SAME_TEXT of it.
_SHORT = _Sameness(surely=0.85, opening=20, held=0.6)
# A follow-up tells the background again under a new lead; a reprint begins as the original does,
# be it behind a note or with a tenth of its words changed.
_LONG = _Sameness(surely=0.7, opening=60, held=0.4)


def is_same_text(likeness: float, body: str, other: Callable[[], str]) -> bool:
    """Whether two texts of this likeness are the same but for some words.

    `other` gives the body that `body` is compared with, and is only called if that is asked.
    """
    if likeness < SAME_TEXT:
        return False
    words = _words(body)
    rule = _SHORT if len(words) < SHORT_WORDS else _LONG
    if likeness >= rule.surely:
        return True
    others = _words(other())
    if not others:  # a text that was forgotten
        return rule is _LONG
    return _holds_opening(words, others, rule) or _holds_opening(others, words, rule)


def _holds_opening(words: list[str], others: list[str], rule: _Sameness) -> bool:
    opening = set(_shingles(others[: rule.opening]))
    return bool(opening) and len(opening & set(_shingles(words))) >= rule.held * len(opening)
