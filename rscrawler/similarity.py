"""Near-duplicate texts by MinHash.

Signatures after Broder, "On the resemblance and containment of documents" (1997);
bands after Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", ch. 3.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

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
# A biography or a note of some length makes most of a short text: two pieces of one author
# then share more than SAME_TEXT of it.
SHORT_WORDS = 200
SAME_SHORT_TEXT = 0.85
_OPENING_WORDS = 20
_SAME_OPENING = 0.6  # of its shingles
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


def is_same_text(likeness: float, body: str, other: Callable[[], str]) -> bool:
    """Whether two texts of this likeness are the same but for some words.

    Short ones must be more alike, or one must hold the opening of the other. `other` gives the
    body that `body` is compared with, and is only called if that is asked.
    """
    if likeness < SAME_TEXT:
        return False
    words = _words(body)
    if likeness >= SAME_SHORT_TEXT or len(words) >= SHORT_WORDS:
        return True
    others = _words(other())
    return _holds_opening(words, others) or _holds_opening(others, words)


def _holds_opening(words: list[str], others: list[str]) -> bool:
    opening = set(_shingles(others[:_OPENING_WORDS]))
    return bool(opening) and len(opening & set(_shingles(words))) >= _SAME_OPENING * len(opening)
