"""What an article may be about instead of a topic: the world's states and regions.

And the kind of article it is, by words that are dense in some kinds. Both are data
(`others.toml`, `genres.toml`) and the same for every topic; they are looked for together, and
only in texts that name a topic.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rscrawler.topics.folding import Folded
from rscrawler.topics.matcher import Matcher, Spelling

_FOLDER = Path(__file__).parent / "data"
# So many different words of a genre must stand in a text.
_LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Other:
    """A name of another state or region, at [start, end) of the text."""

    start: int
    end: int
    whose: str


@cache
def states() -> dict[str, list[str]]:
    """The names of each state by ISO 3166 code; the first is its English name."""
    names: dict[str, list[str]] = _read("others.toml")["states"]
    return names


def country_name(code: str) -> str | None:
    """The English name of a state; None if there is none of that code."""
    names = states().get(code)
    return names[0] if names else None


class SurroundingsFinder:
    """Finds states, regions and the words of genres in a text."""

    def __init__(self) -> None:
        self._whose: list[tuple[str, bool]] = []
        spellings: list[Spelling] = []
        for owner, names in (states() | _read("others.toml")["regions"]).items():
            for name in names:
                spellings.append(Spelling(name, "exact" if name.isupper() else "capital"))
                self._whose.append((owner, False))
        for genre, words in _read("genres.toml").items():
            for word in words:
                spellings.append(Spelling(word))
                self._whose.append((genre, True))
        self._matcher = Matcher(spellings)

    def find(self, text: str, folded: Folded) -> tuple[list[Other], dict[str, int]]:
        """The others in `text`, in order, and how many words of each genre it has."""
        others: list[Other] = []
        words: dict[str, Counter[int]] = {}
        end = 0
        for match in self._matcher.find(text, folded):
            owner, is_genre = self._whose[match.index]
            if is_genre:
                words.setdefault(owner, Counter())[match.index] += 1
            elif match.start >= end:
                others.append(Other(match.start, match.end, owner))
                end = match.end
        return others, {
            genre: found.total() for genre, found in words.items() if len(found) >= _LEAST_WORDS
        }


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
