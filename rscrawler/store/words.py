"""Splits texts and queries into words for the search: alike for both databases, in any script.

Case, accents and the form of an apostrophe do not matter. Scripts without spaces between words
(Chinese, Japanese, Thai …) are split into single letters, so a word in them is found as a phrase.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from unicodedata import category, normalize

from rscrawler.text import UNSPACED, UNSPACED_LETTER

# A tsvector of PostgreSQL has at most 1 MiB, a lexeme in it 2 kB.
MAX_CHARACTERS = 300_000
MAX_WORD = 100
MAX_TERMS = 20
# Shorter words match whole words only: "a*" would match half of all texts.
SHORTEST_PREFIX = 3
# Apostrophes that are letters in Unicode, as in Uzbek (Oʻzbekiston), divide words as ' and ’ do.
_APOSTROPHES = "ʹʺʻʼʽʾʿ"
_WORD = re.compile(rf"(?=[^\W_])[{UNSPACED}]|(?:(?![{UNSPACED}])[^\W_{_APOSTROPHES}])+")
# The same where every word has spaces around it, and faster.
_SPACED = re.compile(rf"[^\W_{_APOSTROPHES}]+")
_ITEM = re.compile(r'"([^"]*)"?|([^\s"]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Consecutive words; with `is_prefix`, the last one matches every word that begins with it."""

    words: tuple[str, ...]
    is_prefix: bool

    def begins(self, words: list[str], at: int) -> bool:
        """Whether the term matches the words from index `at` on."""
        found = words[at : at + len(self.words)]
        if len(found) < len(self.words) or found[:-1] != list(self.words[:-1]):
            return False
        last = self.words[-1]
        return found[-1].startswith(last) if self.is_prefix else found[-1] == last


def fold(text: str) -> str:
    """`text` without case and accents."""
    if text.isascii():
        return text.lower()
    bare = normalize("NFKD", text.casefold()).translate(_marks())
    return normalize("NFC", bare)


@cache
def _marks() -> dict[int, None]:
    """What `str.translate` is to delete: all combining marks of Unicode (category Mn)."""
    return {code: None for code in range(sys.maxunicode) if category(chr(code)) == "Mn"}


def words_of(text: str) -> list[str]:
    """The words of a text, in order."""
    folded = fold(text[:MAX_CHARACTERS])[:MAX_CHARACTERS]
    is_spaced = folded.isascii() or not UNSPACED_LETTER.search(folded)
    return [word[:MAX_WORD] for word in (_SPACED if is_spaced else _WORD).findall(folded)]


def terms_of(query: str) -> list[Term]:
    """The terms of a query: words, and "phrases" in quotation marks; all must be found."""
    terms: list[Term] = []
    for phrase, item in _ITEM.findall(query):
        words = tuple(words_of(phrase or item))
        if words:
            is_open = bool(item) and len(words[-1]) >= SHORTEST_PREFIX
            terms.append(Term(words, is_open))
    return terms[:MAX_TERMS]


def spots(text: str, terms: list[Term]) -> Iterator[tuple[int, int]]:
    """(start, end) of each match of the terms in a text (in NFC), in order, without overlaps."""
    matches = list(_WORD.finditer(text))
    words = [_folded_word(match.group()) for match in matches]
    at = 0
    while at < len(words):
        term = next((each for each in terms if each.begins(words, at)), None)
        if term is None:
            at += 1
            continue
        last = at + len(term.words) - 1
        yield matches[at].start(), matches[last].end()
        at = last + 1


@lru_cache(maxsize=20_000)
def _folded_word(word: str) -> str:
    return fold(word)[:MAX_WORD]
