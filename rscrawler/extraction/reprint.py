"""Recognizes the reprint line, which names the outlet where an article appeared first.

Prose mentions published reports and books, too. So a line must match to its end: it begins as in a
row of the table `[reprint]` in `vocabulary.toml`, and after the outlet's name it has only
what such lines have there.
"""

import re
from functools import lru_cache
from typing import Any

from rscrawler.extraction.vocabulary import compiled, table, words_of

_LONGEST_LINE, _LONGEST_NAME = 400, 80  # characters
_LAST = 3  # last paragraphs; a line about "the article" counts in these and in the first
_QUOTES = "“”\"'‘’«»[]*_"
_ABBREVIATION = re.compile(r"(?:[A-Z]\.)+$")
_SITE = re.compile(r"\s+(?:Website|Blog|Newsletter|Site)$")


def republished_from(paragraphs: list[str], own_names: tuple[str, ...] = ()) -> str | None:
    """The outlet named by a reprint line among `paragraphs`; None if there is none.

    The line begins a paragraph ("This article was republished with permission from Eurasianet.").
    The last one counts. One about "the article" counts only at the beginning or end of the text,
    and only without another one. The site itself (`own_names`, with its host) never counts.
    """
    own = {_letters(name) for each in own_names for name in (each, each.rsplit(".", 1)[0])}
    editions = tuple(f"{name.casefold()} " for name in own_names)
    distant: str | None = None
    for index in range(len(paragraphs) - 1, -1, -1):
        outlet, is_distant = _line(paragraphs[index])
        if outlet is None or _letters(outlet) in own or outlet.casefold().startswith(editions):
            continue
        if not is_distant:
            return outlet
        if distant is None and (index == 0 or index >= len(paragraphs) - _LAST):
            distant = outlet
    return distant


def is_reprint_line(paragraph: str) -> bool:
    """Whether `paragraph` names the outlet where the article appeared first."""
    return _line(paragraph)[0] is not None


def _pattern(name: str) -> re.Pattern[str]:
    return compiled(table("reprint")[name])


@lru_cache(maxsize=256)
def _line(paragraph: str) -> tuple[str | None, bool]:
    """The outlet that a reprint line names, and whether the line is about "the article"."""
    if len(paragraph) <= _LONGEST_LINE and _pattern("likely").match(paragraph):
        text = paragraph.strip('“”"*[]() ')
        for row in table("reprint")["lines"]:
            verb, leads = row["verb"], row["leads"]
            lead = compiled(
                rf"{{note}}{row['begins']}(?:{verb})\b{{between}}\s+(?:{leads})\s+{{friends}}"
            ).match(text)
            outlet = _outlet(text[lead.end() :], row) if lead else None
            if outlet is not None:
                return outlet, row.get("distant", False)
    return None, False


def _outlet(text: str, row: dict[str, Any]) -> str | None:
    """The outlet's name at the start of `text`; None if the rest fits no such line."""
    found = _name(text)
    if found is None or ("tail" in row and not compiled(row["tail"]).match(found[1])):
        return None
    name, behind = found
    tail = _pattern("tail").match(behind)
    end = _pattern("end").match(behind, tail.end() if tail else 0)
    is_free = row.get("free", False)
    is_over = end is not None and (is_free or _pattern("follows").match(behind[end.end() :]))
    return name if is_over else None


def _name(text: str) -> tuple[str, str] | None:
    """The name at the start of `text`, and the text behind it; None if there is none."""
    within, lower_case = (words_of("reprint", name) for name in ("within", "lower_case"))
    end = 0
    for found in re.finditer(r"\S+", text):
        token = found[0]
        word = token.strip(_QUOTES + ".,;:!?()…")
        if token.startswith("(") or token.lower().startswith("http") or not word:
            break
        if end and _pattern("dated").match(text, found.start()):
            break  # "UnHerd June 20": day and month are written like a name
        is_abbreviation = _ABBREVIATION.match(token) is not None
        if _is_name_word(word) or word in lower_case:
            end = found.end() if is_abbreviation else found.start() + token.rindex(word) + len(word)
        elif word not in within:
            break
        if token.rstrip(_QUOTES + ")")[-1:] in tuple(".,;:!?") and not is_abbreviation:
            break
    name, behind = text[:end], text[end:]
    if of_name := _pattern("of_name").match(behind):
        behind = behind[of_name.end() :]
    elif re.search(r"[’']s$", name):
        return None  # "the Pentagon's press service": the owner, not the outlet
    name = _SITE.sub("", re.sub(r"[’']s$", "", name).strip(_QUOTES + " ").removeprefix("the "))
    if not name or len(name) > _LONGEST_NAME or _pattern("no_name").match(name):
        return None
    return name, behind


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _is_name_word(word: str) -> bool:
    """Whether a word is written like a name: with a capital, digit, dot or non-ASCII letter."""
    return "." in word or any(
        each.isupper() or each.isdigit() or (not each.isascii() and each.isalpha())
        for each in word.replace("’", "")
    )
