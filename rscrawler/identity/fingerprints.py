"""Fingerprints of texts: digests for equal texts, keys that similar texts share.

A fingerprint is a function of the article alone, so any process can compute it.

MinHash after Broder, "On the resemblance and containment of documents" (1997); bands after
Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", ch. 3; the opening keys after
Schleimer, Wilkerson and Aiken, "Winnowing" (2003).
"""

import hashlib
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rensa import RMinHash

from rscrawler.items import Article
from rscrawler.text import INVISIBLE, JOINERS

# Typographic variants, which do not change the text.
_TYPOGRAPHY = (
    *((quote, "'") for quote in "‘’‚‛′`"),
    *((quote, '"') for quote in "“”„‟«»″"),
    *((dash, "-") for dash in "‐‑‒–—―−"),
    ("…", "..."),
    *((invisible, "") for invisible in INVISIBLE + JOINERS),
)

_LEAST_WORDS = 20  # of a body; equal shorter ones need not be copies

# A change of any of these makes the stored keys useless.
ALGORITHM_VERSION = 1
PERMUTATIONS = 128
BANDS = 16
ROWS_PER_BAND = 4
SHINGLE_WORDS = 3
MIN_WORDS = 40
_SEED = 20_221_124
_MASK_63_BITS = (1 << 63) - 1
_HIGHEST_BITS = int.from_bytes(b"\x80\0\0\0" * PERMUTATIONS)  # of each row of a signature
_LOWER_BITS = int.from_bytes(b"\x7f\xff\xff\xff" * PERMUTATIONS)

# Opening keys: the least hash of each window of 24 shingles, the first 8 different ones. They
# come from the first 130 words or so, which a reprint keeps even if it is cut.
OPENING_KEYS = 8
_OPENING_SHINGLE_WORDS = 5
_OPENING_WINDOW = 24

KEYS = BANDS + OPENING_KEYS


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The digests and keys by which an article, or one like it, is found again.

    Attributes:
        text_digest: of title, subtitle and body, normalized: 32 hex digits.
        body_digest: the same of the body alone; None if it is too short to identify copies.
        slug_stem: the words of its address.
        signature: the MinHash of the body, to estimate similarity; None if it is too short.
        keys: 63-bit integers; two texts that share one may be the same news.
    """

    text_digest: str
    body_digest: str | None
    slug_stem: str
    signature: bytes | None = None
    keys: tuple[int, ...] = ()


def fingerprint_of(article: Article, slug_stem: str) -> Fingerprint:
    """The fingerprint of an article; `slug_stem` is that of its address."""
    title, subtitle, body = map(normalized, (article.title, article.subtitle, article.body))
    words = body.casefold().split()
    signature = _signature(words)
    return Fingerprint(
        text_digest=digest("\x1f".join((title, subtitle, body))),
        body_digest=digest(body) if article.word_count >= _LEAST_WORDS else None,
        slug_stem=slug_stem,
        signature=signature,
        keys=() if signature is None else (*_bands(signature), *_opening_keys(words)),
    )


@lru_cache(maxsize=8)  # fingerprint and comparisons normalize the same body
def normalized(text: str | None) -> str:
    """`text` with quotes, dashes, white space and invisible characters normalized."""
    if not text:
        return ""
    # One replacement after another: 30 times as fast as `str.translate` on a whole body.
    for spelling, plain in _TYPOGRAPHY:
        text = text.replace(spelling, plain)
    folded = " ".join(unicodedata.normalize("NFKC", text).split())
    folded = folded.replace(" -", "-").replace("- ", "-")
    while "--" in folded:
        folded = folded.replace("--", "-")
    return folded


def new_article_id(site: str, address_key: str) -> str:
    """16 hex digits from site and first address, so the same on every machine."""
    return digest(f"{site}\x1f{address_key}")[:16]


def new_record_id(article_id: str, version: int) -> str:
    """The id of one version's record: stable, however often it is delivered."""
    return f"{article_id}-{version}"


def digest(text: str) -> str:
    """The digest of a text: 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _signature(words: Sequence[str]) -> bytes | None:
    """The MinHash, 128 × uint32; None for fewer than 40 words."""
    if len(words) < MIN_WORDS:
        return None
    hasher = RMinHash(PERMUTATIONS, _SEED)
    hasher.update(list(map(" ".join, shingles(words, SHINGLE_WORDS))))
    return struct.pack(f"<{PERMUTATIONS}I", *hasher.digest())


def shingles(words: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    """The runs of `size` words in a text."""
    return zip(*(words[start:] for start in range(size)), strict=False)


def _bands(signature: bytes) -> Iterator[int]:
    width = 4 * ROWS_PER_BAND
    for number in range(BANDS):
        # FNV-1a over the version, the band's number and its rows: stable across processes.
        key = 0xCBF29CE484222325
        rows = signature[number * width : (number + 1) * width]
        for byte in bytes((ALGORITHM_VERSION, number)) + rows:
            key = ((key ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
        yield key & _MASK_63_BITS


def _opening_keys(words: Sequence[str]) -> list[int]:
    """The least hash of each window of shingles; up to `OPENING_KEYS` different ones."""
    keys: dict[int, int] = {}  # by the place of their shingle
    hashes: list[int] = []
    least = -1
    last = len(words) - _OPENING_SHINGLE_WORDS
    for place, shingle in enumerate(shingles(words, _OPENING_SHINGLE_WORDS)):
        text = " ".join(shingle).encode("utf-8", "surrogatepass")
        found = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) & _MASK_63_BITS
        hashes.append(found)
        start = max(0, place - _OPENING_WINDOW + 1)
        if least < start:
            least = min(range(start, place + 1), key=hashes.__getitem__)
        elif found < hashes[least]:
            least = place
        if place >= _OPENING_WINDOW - 1 or place == last:
            keys[least] = hashes[least]
            if len(keys) == OPENING_KEYS:
                break
    return list(keys.values())


def likeness(first: bytes | None, second: bytes | None) -> float:
    """The Jaccard similarity, 0 to 1, estimated from two signatures; 0 if one is missing."""
    if first is None or second is None:
        return 0.0
    differing = int.from_bytes(first) ^ int.from_bytes(second)
    # All rows at once: a row's highest bit is set if any of its bits is.
    rows = ((differing & _LOWER_BITS) + _LOWER_BITS | differing) & _HIGHEST_BITS
    return 1 - rows.bit_count() / PERMUTATIONS
