"""The words by which extraction recognizes parts of a page, listed in `vocabulary.toml`."""

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PART = re.compile(r"\{([a-z_]+)\}")


@cache
def _vocabulary() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("vocabulary.toml").read_text("utf-8"))


@cache
def table(name: str) -> dict[str, Any]:
    """A table of the vocabulary."""
    found: dict[str, Any] = _vocabulary()[name]
    return found


@cache
def words_of(name: str, key: str) -> frozenset[str]:
    """The words of an entry in a table."""
    return frozenset(table(name)[key].split())


@cache
def compiled(text: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """A pattern of the vocabulary with its `{parts}`, compiled; by default it ignores case."""
    return re.compile(_expanded(text), flags)


def _expanded(text: str) -> str:
    return _PART.sub(lambda part: f"(?:{_expanded(table('parts')[part[1]])})", text)


@cache
def pattern(name: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """One pattern for all the entries of a list in `[texts]`; see `compiled`."""
    return compiled("|".join(f"(?:{each})" for each in table("texts")[name]), flags)


@lru_cache(maxsize=32_768)
def region_kind(names: str) -> tuple[str, str] | None:
    """The kind of a region by its classes and ids, and the name that gave it; None if none does.

    `names` are as in the markup, separated by white space. `camelCase`, `snake_case` and
    `kebab-case` are treated alike. Names for the article's subject or the element's state
    (`tag-iran`, `has-sidebar`) are ignored.
    """
    ignored = compiled(f"(?:{'|'.join(table('regions')['ignored'])})-", re.NOFLAG)
    for plain in map(_plain, names.split()):
        if ignored.match(plain):
            continue
        for kind, words in region_patterns():
            if words.search(plain):
                return kind, plain
    return None


def _plain(name: str) -> str:
    return re.sub(r"[-_]+", "-", _CAMEL_CASE.sub("-", name)).strip("-").lower()


@lru_cache(maxsize=32_768)
def is_called_author(names: str) -> bool:
    """Whether one of the classes in `names` marks an author's name."""
    return any(pattern("authors").fullmatch(_plain(name)) for name in names.split())


@cache
def region_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The kinds of regions, each with the pattern of its names."""
    kinds = {kind: words for kind, words in table("regions").items() if kind != "ignored"}
    return [
        (kind, re.compile(rf"(?:^|-)(?:{'|'.join(words)})(?=$|-)")) for kind, words in kinds.items()
    ]
