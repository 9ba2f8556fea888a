"""The line that tells where a piece appeared first."""

from __future__ import annotations

import re

_PIECE = (
    r"(?:this|the|a|an)\s+(?:(?:longer|shorter|earlier|slightly|different|edited|adapted|full"
    r"|original|abridged|modified|condensed|updated|similar|above|following)\s+)*"
    r"(?:version\s+of\s+(?:this|the)\s+)?"
    r"(?:article|piece|story|essay|analysis|report|commentary|op-?ed|column|post|interview"
    r"|dispatch|text|excerpt|version|oped|item|blog)"
)
_VERB = (
    r"(?:(?:re-?)?published|(?:re-?)?printed|(?:re-?)?posted|co-?published|cross-?posted|appeared"
    r"|syndicated|adapted|produced|excerpted|run|ran|written)"
)
_LEAD = re.compile(
    rf"^(?:\W*(?:editor'?s'?\s+note|note|disclaimer)\s*[:.—–-]\s*)?\W*"
    rf"(?:{_PIECE}\s+(?:(?:has|have|had|was|is|were|being|been|also|first|originally|previously"
    rf"|initially|recently|here|jointly|simultaneously|being)\s+)*{_VERB}"
    rf"|(?:first|originally|previously|initially)\s+{_VERB}"
    rf"|(?:re-?published|re-?printed|re-?posted|co-?published|cross-?posted|syndicated)\b)",
    re.IGNORECASE,
)
# What stands between the verb and the outlet's name.
_LINK = re.compile(
    r"\b(?:with\s+(?:the\s+)?(?:kind\s+)?permission\s+(?:from|of|by)|courtesy\s+of"
    r"|by\s+arrangement\s+with|in\s+(?:partnership|cooperation|collaboration|conjunction)\s+with"
    r"|under\s+(?:an?\s+)?(?:creative\s+commons\s+)?licen[cs]e\s+from"
    r"|from\s+the\s+website\s+of|on\s+the\s+(?:website|site|blog|pages)\s+of|in\s+the\s+pages\s+of"
    r"|from|with|by|at|in|on|to|via|through)\s+",
    re.IGNORECASE,
)
_NAME_ENDS = re.compile(
    r"(?:[.;:!?]+(?:\s|$)|\s[–—-]\s|\s*\(|,|\s+(?:and\s+(?:is|was|has|can|may|appears|re-?published)"
    r"|under|where|which|who|as\s+part|with\s+(?:the\s+)?(?:kind\s+)?permission|in\s+(?:partnership|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|\d{4}"
    r"|\w+\s+(?:in\s+)?\d{4})|on\s+(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|january|february|march|april|may|june|july|august|september|october|november|december|\d)"
    r"|here|last|earlier|this|at\s+https?:|https?:)\b)",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"(?:[’']s)?\s+(?:web\s?site|site|blog|newsletter|homepage)$", re.IGNORECASE)
_SITE_OF = re.compile(r"^the\s+(?:web\s?site|site|blog|pages)\s+(?:of\s+)?", re.IGNORECASE)
_NO_NAME = re.compile(
    r"^(?:the\s+)?(?:author|authors|author's|permission|an?\b|this|that|his|her|their|our|its|it"
    r"|part|response|cooperation|partnership|full|print|english|russian|french|german|spanish"
    r"|italian|chinese|arabic|persian|turkish|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|monday|tuesday|wednesday|thursday|friday|saturday"
    r"|sunday|\d)",
    re.IGNORECASE,
)
_LONGEST_LINE = 400
_LONGEST_NAME = 80


def republished_from(paragraphs: list[str], own_names: tuple[str, ...] = ()) -> str | None:
    """The outlet named by a republication line among `paragraphs`; None if there is none.

    The line heads a paragraph of its own ("This article was republished with permission from
    Eurasianet."). The last one counts. The outlet's own names (`own_names`) never do.
    """
    own = {name.casefold() for name in own_names}
    for paragraph in reversed(paragraphs):
        name = _outlet(paragraph)
        if name and name.casefold() not in own:
            return name
    return None


def is_republication_line(paragraph: str) -> bool:
    """Whether `paragraph` tells where the piece appeared first."""
    return _outlet(paragraph) is not None


def _outlet(paragraph: str) -> str | None:
    text = paragraph.strip('“”"*[]() ')
    lead = _LEAD.match(text) if len(text) <= _LONGEST_LINE else None
    if lead is None:
        return None
    rest = text[lead.end() :]
    position = 0
    while link := _LINK.search(rest, position):
        name = _name(rest[link.end() :])
        if name is not None:
            return name
        position = link.end()
    return None


def _name(text: str) -> str | None:
    text = _SITE_OF.sub("", text)
    if _NO_NAME.match(text):
        return None
    end = _NAME_ENDS.search(text)
    name = text[: end.start()] if end else text
    name = _SUFFIX.sub("", name.strip()).strip("“”\"'‘’[]*_ ")
    name = name.removeprefix("the ")
    if not name or len(name) > _LONGEST_NAME or not re.search(r"[A-Z\d]|[^\x00-\x7f]", name):
        return None
    return name
