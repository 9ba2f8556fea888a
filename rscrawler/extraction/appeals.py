"""Finds the appeals among an article's paragraphs.

An appeal asks the reader, in the outlet's own voice, to give, subscribe, follow or share. One kind
of evidence seldom suffices: a request or words of soliciting, the reader addressed or the outlet
speaking of itself, links to give or join. Quotations are no evidence, so an article about donations
keeps its paragraphs. Appeals come in runs, so weaker evidence suffices beside one. Only whole
paragraphs are removed. The words are in `vocabulary.toml`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from string import ascii_letters

from rscrawler.extraction.blocks import Block
from rscrawler.extraction.reprint import is_reprint_line
from rscrawler.extraction.text import straight
from rscrawler.extraction.vocabulary import compiled, pattern, table, words_of

_APPEAL = 4.0  # from this weight a paragraph is an appeal by itself
_COMPANION = 2.5  # from this weight it is one beside another appeal
_TAIL_COMPANION = 0.5  # and from this where the article is over
_BETWEEN = 0.5  # and from this if it is short and between two appeals
_WEIGHTS = {"plain": 4.0, "likely": 3.0}  # of requests
_SHORT = 200  # characters
_TERSE = 100  # characters; a shorter request need not say who asks whom
# Maps bytes to lower case, and all but letters to blanks.
_LETTERS_ALONE = bytes(
    ord(chr(code).lower()) if chr(code) in ascii_letters else 0x20 for code in range(256)
)
# Each alternative begins with a quotation mark, so a text without any is searched fast.
_QUOTED = re.compile(r"“[^”]*(?:”|$)|\"[^\"]*(?:\"|$)|‘(?<!\w‘)[^’]*’(?!\w)|«[^»]*»|„[^“”]*[“”]")
_YOU = frozenset({"you", "your", "yours"})
_WE = frozenset({"we", "our", "ours"})
_US = re.compile(r"\bus\b")


@cache
def _soliciting() -> dict[str, str]:
    """Words of soliciting, each with its kind."""
    return {word: kind for kind, words in table("soliciting").items() for word in words.split()}


@dataclass(frozen=True, eq=False)
class _Request:
    """A row of `[requests]`: the list that has it, its kind (of `phrases` alone) and pattern."""

    listed: str
    kind: str
    phrase: re.Pattern[str]


@cache
def _requests() -> dict[str, list[_Request]]:
    """The rows of `[requests]` by each of their words."""
    found = defaultdict(list)
    for name, rows in table("requests").items():
        for words, phrase, *kind in rows:
            row = _Request(name, "".join(kind), compiled(phrase, re.NOFLAG))
            for word in words.split():
                found[word].append(row)
    return dict(found)


def _matching_requests(text: str, tokens: frozenset[str]) -> list[_Request]:
    """The rows of `[requests]` whose pattern matches the lower-cased text."""
    requests, text = _requests(), text.lower()
    rows = dict.fromkeys(row for token in tokens & requests.keys() for row in requests[token])
    return [row for row in rows if row.phrase.search(text)]


@cache
def _asking_words() -> frozenset[str]:
    """Words of which every appeal has one, unless it has a link to give or join."""
    requests = (word for word, rows in _requests().items() if {r.listed for r in rows} - {"outlet"})
    return frozenset(requests) | _soliciting().keys()


@lru_cache(maxsize=64)
def _spellings(names: tuple[str, ...]) -> tuple[list[str], re.Pattern[str]]:
    """An outlet's full names, short names and initials (`RS`), and the pattern of them all."""
    bare = [name.removeprefix("The ") for name in names]
    initials = ["".join(re.findall(r"\b[A-Z]", name)) for name in (*names, *bare)]
    bare = [name for name in bare if not _is_common(name)]
    short = [_distinctive(name.split()) for name in bare]
    found = (*names, *bare, *short, *(each for each in initials if len(each) > 1))
    spelled = [spelling for spelling in dict.fromkeys(found) if spelling]
    return spelled, re.compile(rf"\b(?:{'|'.join(map(re.escape, spelled))})\b")


def as_us(text: str, names: tuple[str, ...]) -> str:
    """`text` with every name of the outlet replaced by "us", as the patterns expect it."""
    spelled, spellings = _spellings(names)
    return spellings.sub("us", text) if any(each in text for each in spelled) else text


def _is_common(word: str) -> bool:
    return word.casefold() in words_of("names", "common") | words_of("names", "kinds")


def _distinctive(words: list[str]) -> str:
    """The word that is short for a whole name: the last, or the first before a kind of outlet.

    Empty if there is none: the word before "Times" or "Post" is mostly a place.
    """
    if len(words) < 2 or not words[-1][:1].isupper():
        return ""
    if not _is_common(words[-1]):
        return words[-1]
    is_name = words[-1].casefold() in words_of("names", "kinds") and not _is_common(words[0])
    return words[0] if is_name else ""


@dataclass(frozen=True)
class _Weighed:
    """The evidence in a paragraph: its weight, who speaks, and to whom."""

    weight: float
    is_outlet: bool = False  # it names the outlet, or the outlet speaks of its readers or work
    is_address: bool = False  # it says "we" or "you"
    is_settled: bool = False  # a note or a reprint line: part of the article


def appeals_among(paragraphs: Sequence[Block], names: tuple[str, ...]) -> set[int]:
    """The numbers of the appeals among the paragraphs of a body, with companions beside them.

    `names` are those of the outlet, best known first.
    """
    asking = _asking_words()
    marked = {
        number
        for number, each in enumerate(paragraphs)
        # To weigh paragraphs without a word or link of an appeal takes long.
        if (giving := _giving_length(each)) or not asking.isdisjoint(_ascii_words(each.text))
        if _weigh(each.text, giving, names).weight >= _APPEAL
    }
    if not marked:
        return marked
    lines = [n for n, each in enumerate(paragraphs) if is_reprint_line(each.text)]
    end = max(lines, default=len(paragraphs))
    waiting, last = list(marked), len(paragraphs) - 1
    while waiting:
        number = waiting.pop()
        while last in marked:  # the last paragraph that is no appeal
            last -= 1
        for beside in (number - 1, number + 1, last):
            before, after = beside - 1 in marked, beside + 1 in marked
            if beside in marked or not (0 <= beside < len(paragraphs) and (before or after)):
                continue
            is_low = beside > end or (beside == last and before)
            if _is_companion(paragraphs[beside], names, is_between=before and after, is_low=is_low):
                marked.add(beside)
                waiting.append(beside)
    return marked | set(_bare_headings(paragraphs, marked, names))


def _bare_headings(
    paragraphs: Sequence[Block], marked: set[int], names: tuple[str, ...]
) -> Iterator[int]:
    """Headings above appeals, with evidence, that name the outlet or head no other text."""
    for number in {n - 1 for n in marked if n} - marked:
        heading = paragraphs[number]
        evidence = _weigh(heading.text, _giving_length(heading), names)
        if heading.is_heading and evidence.weight > 0:
            rest = (n for n in range(number + 1, len(paragraphs)) if n not in marked)
            following = next(rest, None)
            if evidence.is_outlet or following is None or paragraphs[following].is_heading:
                yield number


def _is_companion(
    paragraph: Block, names: tuple[str, ...], *, is_between: bool, is_low: bool
) -> bool:
    """Whether a paragraph beside an appeal is part of it.

    The paragraph before an appeal is mostly the article's last, so the outlet must speak in it.
    Less evidence suffices where no text of the article is expected: between two appeals, and if
    `is_low`: below the reprint line, or between an appeal and the end.
    """
    evidence = _weigh(paragraph.text, _giving_length(paragraph), names)
    if evidence.is_settled:
        return False
    if is_low:
        speaks = evidence.is_outlet or evidence.is_address
        return speaks and evidence.weight >= _TAIL_COMPANION
    if is_between and len(paragraph.text) < _SHORT and evidence.weight >= _BETWEEN:
        return True
    return evidence.is_outlet and evidence.weight >= _COMPANION


def speaks_of_giving(title: str, url: str) -> bool:
    """Whether a page's headline or address is about giving or subscribing."""
    subjects = _soliciting().keys() | {"give", "support"}
    is_about_giving = not subjects.isdisjoint(_ascii_words(title))
    return is_about_giving or _leads_to_giving(url)


def _giving_length(paragraph: Block) -> int:
    """Characters of the links that lead to giving, subscribing or joining."""
    if not paragraph.links:
        return 0
    return sum(len(text) for href, text in paragraph.links if _leads_to_giving(href))


def _leads_to_giving(address: str) -> bool:
    return pattern("giving_links", re.NOFLAG).search(address.lower()) is not None


@lru_cache(maxsize=128)  # a site's appeals are the same on every page
def _weigh(printed: str, giving: int, names: tuple[str, ...]) -> _Weighed:
    """The evidence in a paragraph, of which `giving` characters are links to give or join."""
    text = straight(printed)
    if text.startswith("“") and text.count("“") > text.count("”"):
        return _Weighed(0.0)  # a quotation that continues in the next paragraph
    unquoted = _QUOTED.sub(" ", text)
    bare = as_us(unquoted, names)
    is_named = bare != unquoted
    tokens = frozenset(_ascii_words(bare))
    is_settled = is_reprint_line(text) or pattern("notes").match(text) is not None
    to_you = not tokens.isdisjoint(_YOU)
    is_we = not tokens.isdisjoint(_WE) or ("us" in tokens and _US.search(bare) is not None)
    requests = _matching_requests(bare, tokens)
    is_outlet = any(row.listed == "outlet" for row in requests)
    kinds = {_soliciting()[token] for token in tokens & _soliciting().keys()}
    kinds |= {row.kind for row in requests if row.listed == "phrases"}
    asking = max((_WEIGHTS.get(row.listed, 0.0) for row in requests), default=0.0)

    weight = asking + min(2.0, float(len(kinds)))
    weight += 0.5 * (to_you + is_we)
    weight += 1.0 * (is_outlet + is_named)
    if giving:
        weight += _APPEAL if giving >= 0.5 * len(text) else 1.5
    speaks = to_you or is_we or is_outlet or is_named or len(text) < _TERSE
    # A subject and a voice without a request are no appeal, since an opinion article may have both,
    # unless the outlet speaks of itself and its readers.
    is_own_voice = is_outlet and len(kinds) >= 2 and (to_you or is_named)
    if not giving and not (speaks and (asking or is_own_voice)):
        weight = min(weight, _APPEAL - 0.5)
    return _Weighed(weight, is_outlet or is_named, to_you or is_we, is_settled)


def _ascii_words(text: str) -> list[str]:
    """The lower-cased words of a text, separated by anything but the letters a to z."""
    return text.encode("ascii", "replace").translate(_LETTERS_ALONE).decode("ascii").split()
