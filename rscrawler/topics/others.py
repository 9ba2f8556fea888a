"""What an article may be about instead of a topic: the world's states and regions.

And the kind of article it is, by words that are dense in some kinds. Both are data
(`others.toml`, `genres.toml`) and the same for every topic; they are looked for only
in texts that name a topic.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

from rscrawler.topics.matcher import Folded, Match, Matcher, Spelling

_FOLDER = Path(__file__).parent / "data"
# So many different words of a genre must stand in a text.
_LEAST_WORDS = 3


@cache
def states() -> dict[str, list[str]]:
    """The names of each state by ISO 3166 code; the first is its English name."""
    names: dict[str, list[str]] = _read("others.toml")["states"]
    return names


def find_surroundings(folded: Folded) -> tuple[list[Match], dict[str, int]]:
    """The others in a text, in order, and how many words of each genre it has."""
    names, words = _matchers()
    others: list[Match] = []
    for match in names.find(folded):
        if not others or match.start >= others[-1].end:
            others.append(match)
    found: dict[str, list[str]] = defaultdict(list)
    for match in words.find(folded):
        genre, word = match.owner
        found[genre].append(word)
    genres = {genre: len(each) for genre, each in found.items() if len(set(each)) >= _LEAST_WORDS}
    return others, genres


@cache
def _matchers() -> tuple[Matcher, Matcher]:
    """What finds the names of others, owned by their code, and the words of genres."""
    others = (states() | _read("others.toml")["regions"]).items()
    names = [
        Spelling(name, "exact" if name.isupper() else "capital", owner)
        for owner, names in others
        for name in names
    ]
    genres = _read("genres.toml").items()
    words = [Spelling(word, owner=(genre, word)) for genre, words in genres for word in words]
    return Matcher(names), Matcher(words)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))
