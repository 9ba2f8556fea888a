"""What an article may be about instead of a topic: the world's states and regions.

And the kind of article it is, by words that are dense in some kinds. Both are data
(`others.toml`, `genres.toml`) and the same for every topic; they are looked for only
in texts that name a topic.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from rscrawler.topics.folding import Folded
from rscrawler.topics.matcher import Match, Matcher, Spelling

_FOLDER = Path(__file__).parent / "data"
# So many different words of a genre must stand in a text.
_LEAST_WORDS = 3


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
        others = (states() | _read("others.toml")["regions"]).items()
        self._others = Matcher(
            [
                Spelling(name, "exact" if name.isupper() else "capital", owner)
                for owner, names in others
                for name in names
            ]
        )
        genres = _read("genres.toml").items()
        self._genres = Matcher(
            [Spelling(word, owner=(genre, word)) for genre, words in genres for word in words]
        )

    def find(self, text: str, folded: Folded) -> tuple[list[Match], dict[str, int]]:
        """The others in `text`, in order, and how many words of each genre it has."""
        others: list[Match] = []
        for match in self._others.find(text, folded):
            if not others or match.start >= others[-1].end:
                others.append(match)
        found: dict[str, list[str]] = {}
        for match in self._genres.find(text, folded):
            genre, word = match.owner
            found.setdefault(genre, []).append(word)
        return others, {
            genre: len(words) for genre, words in found.items() if len(set(words)) >= _LEAST_WORDS
        }


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
