"""The line that tells where a piece appeared first.

Prose speaks of reports and books that somebody published, too. So a line is read to its end:
it must speak of *this* piece, or begin as only such lines do, and say nothing after the
outlet's name but what such lines say there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PREFIX = (
    r"\W*(?:(?:editor[’']?s?[’']?\s+note|note|disclaimer)\s*[:.—–-]\s*\W*"
    r"|(?:copyright|©|\(c\))[^.]{0,60}?(?:,\s*(?:inc|ltd|llc))?\.\s+(?=re-?p))?"
)
_ADJECTIVES = (
    r"(?:(?:longer|shorter|earlier|slightly|different|edited|adapted|full|original|abridged"
    r"|modified|condensed|updated|similar|shortened|expanded|previous|translated|above|following"
    r"|[a-z]+-language|english|russian|french|german|spanish|italian|chinese|arabic|persian"
    r"|turkish)\s+)*"
)
_WRITING = (
    r"(?:articles?|piece|story|essay|op-?ed|oped|column|commentary|dispatch|analysis|report|post"
    r"|blog(?:\s+post)?|interview|text|excerpt|version|item)"
)
# What "this" may also point back to in prose: a bare "was published by" is not enough of these.
_DOUBTFUL = re.compile(r"analysis|report|post|interview|text|excerpt|item", re.IGNORECASE)
_DATE = (
    r"(?:(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s*)?"
    r"(?:(?:early|late|mid-?)\s*)?(?:\d{1,2}\s+)?(?:january|february|march|april|may|june|july"
    r"|august|september|october|november|december|(?:jan|feb|mar|apr|aug|sept?|oct|nov|dec)\.?"
    r"|spring|summer|autumn|fall|winter)?,?\s*(?:\d{1,2}(?:st|nd|rd|th)?\b)?,?\s*(?:of\s+)?"
    r"(?:(?:19|20)\d\d)?)"
)
_MONTH = (
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"|(?:jan|feb|mar|apr|aug|sept?|oct|nov|dec)\b\.?)"
)
# A date without "on" needs a number: "May" alone may be a name.
_PLAIN_DATE = (
    r"(?:(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s+)?"
    rf"(?:{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+(?:19|20)\d\d\b)?"
    rf"|(?:\d{{1,2}}(?:st|nd|rd|th)?\s+)?{_MONTH},?\s+(?:19|20)\d\d\b"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}))"
)
_AGO = (
    r"(?:(?:an?(?:\s+few)?|one|two|three|four|five|six|seven|eight|nine|ten|several|some|\d{1,2})"
    r"\s+(?:day|week|month|year)s?\s+ago)"
)
_WHEN = (
    rf"(?:(?:(?:on|in)\s+{_DATE}|{_PLAIN_DATE}|{_AGO}|earlier\s+this\s+\w+|(?:last|this)\s+\w+"
    r"|yesterday|today)(?=\W|$))"
)
_LANGUAGE = (
    r"(?:in\s+(?:english|russian|french|german|spanish|italian|chinese|arabic|persian|turkish"
    r"|kazakh|uzbek|kyrgyz|tajik|ukrainian|full|part|print)\b)"
)
_PERMISSION = (
    r"with\s+(?:the\s+)?(?:(?:kind|full|express|written|its|their|his|her"
    r"|(?:authors?|publishers?|editors?)(?:[’']s?)?)\s+)*permission"
)
_LICENCE = (
    r"under\s+(?:an?\s+[^.;]{0,60}?licen[cs]e|creative\s+commons(?:\s+licen[cs]e)?)(?:\s+from)?"
)
_TOGETHER = r"in\s+(?:partnership|cooperation|co-operation|collaboration|conjunction)\s+(?:with|by)"
_PLACE = (
    r"(?:(?:on|at|from|in)\s+the\s+(?:\w+\s+)?(?:website|web\s+site|site|blog|pages|newsletter)\s+of"
    r"|in\s+the\s+(?:[\w/-]+\s+){0,3}(?:issue|edition|number)\s+of)"
)
# Between the verb and what leads to the name: when, in which language, on which terms.
_BETWEEN = re.compile(
    rf"(?:\s*,?\s*(?:{_WHEN}|{_LANGUAGE}|{_PERMISSION}(?!\s+(?:of|from|by))|{_LICENCE}(?<!from)"
    rf"|here|online|first|originally|jointly|simultaneously)\s*,?(?=\s))*",
    re.IGNORECASE,
)
_FROM = (
    rf"(?:{_PERMISSION}\s+(?:of|from|by)|courtesy\s+of|by\s+(?:arrangement|permission)\s+(?:of|with|from)"
    rf"|{_TOGETHER}|{_LICENCE}(?<=from)|via|through|from)"
)
_FRIENDS = r"(?:our\s+(?:good\s+)?(?:friends|partners|colleagues)\s+(?:at|from)\s+)?"
_FROM_LINK = re.compile(rf"\s+{_FROM}\s+{_FRIENDS}", re.IGNORECASE)
_ANY_LINK = re.compile(rf"\s+(?:{_FROM}|{_PLACE}|with|by|at|in|on)\s+{_FRIENDS}", re.IGNORECASE)
_TERMS = rf"courtesy\s+of|by\s+arrangement\s+with|{_TOGETHER}"
_WITH_LINK = re.compile(
    rf"\s+(?:{_PERMISSION}\s+(?:of|from|by)|{_TERMS})\s+{_FRIENDS}", re.IGNORECASE
)
# "Published with permission of the Kremlin": who let it appear is not where it was.
_BARE_LINK = re.compile(rf"\s+(?:{_PERMISSION}\s+from|{_TERMS})\s+{_FRIENDS}", re.IGNORECASE)
_BY_LINK = re.compile(rf"\s+by\s+{_FRIENDS}", re.IGNORECASE)
_AUXILIARY = (
    r"(?:has|have|had|was|is|were|being|been|also|here|jointly|simultaneously|recently|again)"
)
_FIRST = r"(?:first|originally|previously|initially)"
_AGAIN = r"(?:re-?(?:published|printed|posted)|reproduced|syndicated|shared)"
_BOTH = r"(?:co-?published|cross-?posted)"
_ONCE = r"(?:published|posted|printed|appeared|appears|ran|runs|run)"
_MADE = r"(?:produced|written|reported|adapted|excerpted|presented)"
_VERBS = (
    rf"(?:(?P<first>{_FIRST})\s+)?(?:(?P<again>{_AGAIN})|(?P<both>{_BOTH})|(?P<once>{_ONCE})"
    rf"|(?P<made>{_MADE}))(?:\s+(?P<first_after>{_FIRST}))?\b"
)
_THIS = re.compile(
    rf"^{_PREFIX}(?:(?:an?|the)\s+{_ADJECTIVES}version\s+of\s+(?:this|the)\s+{_WRITING}"
    rf"|this\s+is\s+(?:an?|the)\s+{_ADJECTIVES}(?:version|translation|excerpt)\s+of\s+(?:an?|the)\s+"
    rf"{_WRITING}(?:\s+(?:that|which))?"
    rf"|(?:this|the\s+(?:following|above))\s+{_ADJECTIVES}(?P<noun>{_WRITING})(?:\s+by\s+[^,.;]{{3,40}}?)?"
    rf"|this(?=\s+(?:{_AUXILIARY}\s+)+{_AGAIN}))"
    rf",?\s+(?:{_AUXILIARY}\s+)*{_VERBS}",
    re.IGNORECASE,
)
_COMES = re.compile(
    rf"^{_PREFIX}this\s+{_WRITING}\s+(?:is|comes(?:\s+to\s+(?:us|you))?|appears(?:\s+here)?)"
    rf"(?=\s+(?:courtesy|by\s+(?:arrangement|permission)|in\s+\w+\s+with))",
    re.IGNORECASE,
)
_THE = re.compile(
    rf"^{_PREFIX}the\s+(?:article|piece|story|essay|op-?ed|column|post)\s+(?:{_AUXILIARY}\s+)*{_VERBS}",
    re.IGNORECASE,
)
_BARE = re.compile(rf"^{_PREFIX}{_VERBS}", re.IGNORECASE)

# Nearly all paragraphs begin otherwise, and are asked nothing more.
_LIKELY = re.compile(
    r"\W*(?:this\b|(?:the|an?)\s+(?:[\w-]+\s+){0,4}(?:version\s+of|article|piece|story|essay|op-?ed"
    r"|column|post)\b|(?:the\s+)?(?:following|above)\b|editor|note\b|disclaimer|copyright|c\)|©"
    rf"|{_FIRST}\b|{_AGAIN}|{_BOTH}|{_ONCE}|{_MADE})",
    re.IGNORECASE,
)

_CHANGED = (
    r"(?:edited|shortened|abridged|condensed|updated|adapted|translated|revised|lightly|here"
    r"|re-?p\w+|reproduced|cut)\b"
)
# What may follow the name in its sentence, and what may follow that sentence.
_TAIL = re.compile(
    r"(?:\s*\([^()]*\)?"
    rf"|(?:\s?,)?\s+(?:{_WHEN}|{_LANGUAGE}|{_PERMISSION}(?:\s+(?:of|from|by)\s+[^.;,]+)?|{_LICENCE}"
    rf"|{_TOGETHER}\s+[^.;]+|where\s+(?:it|you|this|an?|the)\s+[^.;]+|as\s+part\s+of\s+[^.;]+"
    r"|where\s+(?-i:[A-Z])\S*\s+(?:[^\s.;]+\s+){0,4}(?:is|was|works|writes|serves)\b[^.;]*"
    r"|as\s+[“\"«][^“”\"«»]*[^“”\"«».][”\"»]?|and\s+(?:the|its|their)\s+authors?\b"
    r"|but\s+(?:it\s+)?(?:is|was|has(?:\s+since)?\s+been)\s+(?:since\s+)?(?:\w+ly\s+)?"
    rf"{_CHANGED}[^.;]*"
    r"|under\s+the\s+(?:title|headline)\s+[^.;]+|here|online|(?:at\s+)?https?:\S+"
    r"|(?:and|which)\s+(?:it\s+)?(?:is|was|has|can|may|appears?|re-?p(?:ublish|rint|ost)ed)\b[^.;]*)"
    r"|,\s+(?:an?|(?:is|was|has\s+been)\s+(?:here\s+)?re-?p\w+)\s+[^.;]+"
    r"|,?\s+(?:inc|ltd|llc)\b\.?"
    r"|,\s+\d{1,5}\s+[^;]+"  # the street that RFE/RL's lines end with
    r")*",
    re.IGNORECASE,
)
_END = re.compile(r"[\s”\"’')\]]*(?:[.;:!]+[\s”\"’')\]]*|\s[–—-]\s|$)")
_FOLLOWS = re.compile(
    rf"\W*(?:$|(?:please\s+)?(?:read|see|find|click|view)\b|you\s+can\b|{_AGAIN}\b|translated\b"
    r"|all\s+rights\b|copyright\b|©|\(c\)|the\s+(?:original|views|author)\b"
    rf"|(?:it|this\s+\w+)\s+(?:has\s+been|is|was|appears)\s+(?:\w+ly\s+)?{_CHANGED})",
    re.IGNORECASE,
)
# Only these tell an outlet from an army or a ministry that had "this report" made.
_PROJECT = re.compile(r",\s+an?\s+(?:media\s+)?project\s+of\s", re.IGNORECASE)
_MADE_AND_SHARED = re.compile(
    r",?\s+and\s+(?:(?:is|was|has\s+been)\s+)?(?:here\s+)?re-?p(?:ublish|rint|ost)ed\b",
    re.IGNORECASE,
)
_WORDS_IN_NAMES = frozenset(
    {"of", "the", "for", "and", "in", "on", "to", "at", "de", "du", "des", "la", "le", "les", "et"}
    | {"y", "der", "die", "das", "und", "&"}
)
_NO_MORE_NAME = re.compile(rf"{_WHEN}|{_LANGUAGE}", re.IGNORECASE)
_DATED = re.compile(rf"{_PLAIN_DATE}|{_AGO}", re.IGNORECASE)
_FIRST_WORDS_OF_NAMES = frozenset({"bne", "il", "taz"})
_LAST_WORDS_OF_NAMES = frozenset({"diplomatique", "gazeta", "gazette", "zeitung", "tribune"})
_OF_A_NAME = re.compile(
    r"(?:[’']s)?(?:\s+(?:english|russian|french|german|own))?"
    r"\s+(?:web\s?site|site|blog|newsletter|homepage|home\s+page|magazine|newspaper|news\s+agency)\b",
    re.IGNORECASE,
)
_SITE_OF = re.compile(r"(?:the\s+)?(?:web\s?site|site|blog|pages|newsletter)\s+(?:of\s+)", re.I)
_QUOTES = "“”\"'‘’«»[]*_"
_ABBREVIATION = re.compile(r"(?:[A-Z]\.)+$")
_NO_NAME = re.compile(
    r"(?:the\s+)?(?:(?:authors?|permission|an?|this|that|his|her|their|its|it|part|response"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|english|russian|french|german"
    r"|spanish|italian|chinese|arabic|persian|turkish|\d{4})\b"
    # Names begin with it, too: Our World in Data.
    r"|our(?:\s+(?:own|authors?|friends?|partners?|sister)\b|$)"
    # Where something was printed, not by whom.
    r"|(?:washington|new\s+york|london|paris|moscow|berlin|brussels|tashkent|astana|almaty|bishkek"
    r"|dushanbe|ashgabat|tehran|beijing|kyiv|vienna|geneva|istanbul|ankara)$)",
    re.IGNORECASE,
)
_LONGEST_LINE = 400
_LONGEST_NAME = 80
_LAST = 3  # paragraphs: where a line may stand that does not say "this"


@dataclass(frozen=True)
class _Line:
    """A republication line: the outlet, and whether it surely speaks of this very piece."""

    outlet: str
    is_plain: bool


def republished_from(paragraphs: list[str], own_names: tuple[str, ...] = ()) -> str | None:
    """The outlet named by a republication line among `paragraphs`; None if there is none.

    The line heads a paragraph of its own ("This article was republished with permission from
    Eurasianet."). The last one counts; one that speaks of "the article" only at the piece's
    beginning or end, where no other does. The outlet's own names (`own_names`) never do.
    """
    own = {name.casefold() for name in own_names}
    doubtful: str | None = None
    for index in range(len(paragraphs) - 1, -1, -1):
        line = _line(paragraphs[index])
        if line is None or line.outlet.casefold() in own:
            continue
        if line.is_plain:
            return line.outlet
        if doubtful is None and (index == 0 or index >= len(paragraphs) - _LAST):
            doubtful = line.outlet
    return doubtful


def is_republication_line(paragraph: str) -> bool:
    """Whether `paragraph` tells where the piece appeared first."""
    return _line(paragraph) is not None


@lru_cache(maxsize=256)
def _line(paragraph: str) -> _Line | None:
    if len(paragraph) > _LONGEST_LINE or not _LIKELY.match(paragraph):
        return None
    text = paragraph.strip('“”"*[]() ')
    if comes := _COMES.match(text):
        return _read(text[comes.end() :], _WITH_LINK, is_free=True, is_plain=True)
    for lead, is_plain in ((_THIS, True), (_THE, False), (_BARE, True)):
        if found := lead.match(text):
            return _of(found, text[found.end() :], is_plain=is_plain, is_bare=lead is _BARE)
    return None


def _of(lead: re.Match[str], rest: str, *, is_plain: bool, is_bare: bool) -> _Line | None:
    """The line that begins with `lead`; how it begins decides how it may go on."""
    is_first = bool(lead["first"] or lead["first_after"])
    if is_bare and lead["once"] and not is_first:
        # "Published in 1987": only the terms tell.
        return _read(rest, _BARE_LINK, is_free=False, is_plain=is_plain)
    if lead["made"]:
        # "Produced in the capital", too.
        is_this = is_plain and not is_bare
        return _read(rest, _WITH_LINK, is_free=is_this, is_plain=is_plain) or (
            _produced(lead, rest) if is_this and lead["made"].lower() == "produced" else None
        )
    if lead["again"]:
        if lead["again"].lower() == "shared":
            # What readers do on WhatsApp and Telegram: only the terms tell.
            return _read(rest, _WITH_LINK, is_free=is_plain, is_plain=is_plain)
        # Who republished a piece is not where it is from.
        return _read(rest, _FROM_LINK, is_free=is_plain, is_plain=is_plain) or (
            _read(rest, _ANY_LINK, is_free=False, is_plain=is_plain)
            if lead["again"].lower() == "syndicated"
            else None
        )
    if not is_plain and not (is_first or lead["both"]):
        return None
    if not is_bare and is_plain and not (is_first or lead["both"]):
        noun = lead["noun"]
        link = _WITH_LINK if noun and _DOUBTFUL.fullmatch(noun) else _ANY_LINK
        return _read(rest, link, is_free=False, is_plain=True)
    return _read(rest, _ANY_LINK, is_free=is_plain and not is_bare, is_plain=is_plain)


def _produced(lead: re.Match[str], rest: str) -> _Line | None:
    """The line of this piece's maker, where the words behind its name tell that it is an outlet."""
    is_doubtful = lead["noun"] and _DOUBTFUL.fullmatch(lead["noun"])
    leading = _BY_LINK.match(rest)
    found = _name(rest[leading.end() :]) if leading else None
    if found is None:
        return None
    is_told = _MADE_AND_SHARED.match(found[1]) or (not is_doubtful and _PROJECT.match(found[1]))
    return _read(rest, _BY_LINK, is_free=True, is_plain=True) if is_told else None


def _read(rest: str, link: re.Pattern[str], *, is_free: bool, is_plain: bool) -> _Line | None:
    """The line whose verb ends before `rest`. `is_free`: whatever else its paragraph says."""
    between = _BETWEEN.match(rest)
    for start in dict.fromkeys((between.end() if between else 0, 0)):
        leading = link.match(rest, start)
        found = _name(rest[leading.end() :]) if leading else None
        if found is None:
            continue
        name, behind = found
        tail = _TAIL.match(behind)
        behind = behind[tail.end() :] if tail else behind
        end = _END.match(behind)
        if end is not None and (is_free or _FOLLOWS.match(behind[end.end() :])):
            return _Line(name, is_plain)
    return None


def _name(text: str) -> tuple[str, str] | None:
    """The name that `text` begins with, and what is behind it; None if it begins with none."""
    site = _SITE_OF.match(text)
    position = site.end() if site else 0
    start, end = position, position
    for found in re.finditer(r"\S+", text[position:]):
        token = found[0]
        word = token.strip(_QUOTES + ".,;:!?()…")
        if token.startswith("(") or token.lower().startswith("http") or not word:
            break
        if end > start and _DATED.match(text, position + found.start()):
            break  # "UnHerd June 20": its day and month are written as names are
        is_last = token.rstrip(_QUOTES + ")")[-1:] in tuple(".,;:!?") and not _ABBREVIATION.match(
            token
        )
        if (
            _is_name_word(word)
            or (end == start and word in _FIRST_WORDS_OF_NAMES)
            or (end > start and word in _LAST_WORDS_OF_NAMES)
        ):
            end = position + found.start() + token.rindex(word) + len(word)
            if _ABBREVIATION.match(token):
                end = position + found.end()
        elif word not in _WORDS_IN_NAMES or _NO_MORE_NAME.match(text, position + found.start()):
            break
        if is_last:
            break
    name, behind = text[start:end], text[end:]
    if of_name := _OF_A_NAME.match(behind):
        behind = behind[of_name.end() :]
    elif re.search(r"[’']s$", name):
        return None  # "the Pentagon's press service": whose it is, not who
    name = re.sub(r"[’']s$", "", name).strip(_QUOTES + " ").removeprefix("the ")
    name = re.sub(r"\s+(?:Website|Blog|Newsletter|Site)$", "", name)
    if not name or len(name) > _LONGEST_NAME or _NO_NAME.match(name):
        return None
    return name, behind


def _is_name_word(word: str) -> bool:
    """Whether a word is written as names are: a capital or digit in it, a dot, other letters."""
    return any(
        each.isupper() or each.isdigit() or (not each.isascii() and each.isalpha())
        for each in word.replace("’", "")
    ) or ("." in word)
