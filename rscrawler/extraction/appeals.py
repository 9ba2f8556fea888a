"""Telling appeals from an article's own paragraphs.

An appeal asks the reader, in the outlet's own voice, to give, subscribe, follow
or share. It is told by evidence of different kinds that must come together: a
request or words of soliciting, the reader spoken to or the outlet speaking of
itself, where the links lead, what the block is called. What stands in quotation
marks is somebody's speech and no evidence, so an article about donations keeps
every paragraph. Appeals come in runs, so weaker evidence counts beside one.
Only whole paragraphs are taken out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from rscrawler.extraction.asking import asks
from rscrawler.extraction.body import Paragraph
from rscrawler.extraction.republication import is_republication_line
from rscrawler.extraction.text import any_of, clean, straight

_APPEAL = 4.0  # from this weight a paragraph is an appeal by itself
_COMPANION = 1.5  # from this weight it is one beside another
_TAIL_COMPANION = 1.0  # and from this below the republication line, where an article is over
_BETWEEN = 0.5  # and from this when it is short and stands between two
_SHORT = 200  # characters

# Words of soliciting; by themselves they only tell a subject.
_SOLICITING = {
    "give": r"\b(?:donat(?:e|es|ed|ing|ions?)|donors?|contribut(?:e|ions?|ing)|giving)\b",
    "gift": r"\b(?:gifts?|generosity|generous|generously)\b",
    "tax": r"\b(?:tax[- ](?:exempt|deductible)|501\(c\)\(?3\)?|non-?profit)\b",
    "letter": r"\b(?:newsletters?|inbox|round-?up|sign(?:ing)? up|mailing list)\b",
    "subscribe": r"\bsubscri(?:be|bers?|ptions?|bing)\b",
    "member": r"\b(?:memberships?|fund-?raising|fundraisers?|fund ?drive)\b",
    "reader": r"\breader-(?:supported|funded)|\b(?:paywalls?|ad-free)\b",
    "season": r"\b(?:end-of-(?:the-)?year|year-end|giving tuesday)\b",
}
_SOLICITING_WORD = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _SOLICITING.items()), re.IGNORECASE
)
_YOU = re.compile(r"\b(?:you|your|yours|you're|you'll|you've)\b", re.IGNORECASE)
_WE = re.compile(r"\b(?:we|our|us|ours|we're|we've|we'll)\b", re.IGNORECASE)
# The outlet speaking of itself as an outlet, or of its readers.
_OUTLET_TALK = any_of(
    r"\bour (?:\w+ ){0,2}(?:readers|readership|reporting|coverage|journalism|writers|website|site"
    r"|newsletter|staff|supporters|audience|contributors|reporters|editors|newsroom|mission|work"
    r"|publication|podcast|inbox|donors|members|subscribers|articles|platform|small team|team)\b",
    r"\b(?:dear|loyal|regular|faithful|all) (?:readers?|supporters|subscribers|friends)\b",
    r"\breaders (?:like you|and supporters|everywhere|looking)\b",
    r"\b(?:monthly |web )?page ?views\b",
    r"\bgo-to (?:source|site|outlet|place|for)\b",
    r"\bthis (?:site|website|publication|newsletter|outlet)\b",
    r"\bthis kind of (?:reporting|journalism|work)\b",
    r"\bwebsite (?:overhaul|redesign|relaunch)\b",
    r"\bindependent (?:and \w+ )?(?:journalism|reporting|media)\b",
)
_FAREWELL = any_of(
    r"\b(?:happy|peaceful|enjoy (?:your|the)|merry|warm|best wishes|season's greetings)\b.{0,40}"
    r"\b(?:holidays?|new year|thanksgiving|christmas|season|year ahead|weekend)\b",
    r"\bhere(?:'s| is) to (?:a|an|the|another|more)\b",
    r"\bwith gratitude\b",
    r"^\W*(?:sincerely|gratefully|the editors|the (?:\w+ )?team|the staff)\W*$",
    r"\bclick (?:here|below|the (?:link|button))\b",
    r"^\W*(?:many )?thank(?:s| you)[.!]*\W*$",
)
# Others' speech and doings: a report, not a request.
_REPORTED = re.compile(
    r"\b(?:said|says|told|announced|pledged|according to|reported|argued|wrote|claimed|accused"
    r"|testified|alleged|reportedly|explained|noted|asked (?:her|his|their|its))\b",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"^\W*(?:editor(?:'s|s'|s|ial)? note|correction|clarification|update|disclosure|disclaimer"
    r"|author's note|note)\b\s*(?:\([^)]*\)\s*)?[:.,—–-]",
    re.IGNORECASE,
)
_GIVING_LINK = re.compile(
    r"/(?:donate|donations?|give|giving|subscribe|subscription|newsletters?|sign-?up|support"
    r"|support-us|membership|join|join-us|contribute|donate-[\w-]+|email-signup)(?:[/?#.]|$)"
    r"|(?:mailchi\.mp|list-manage\.com|actblue\.com|everyaction\.com|givebutter\.com|paypal\.(?:com|me)"
    r"|patreon\.com|donorbox\.org|classy\.org|networkforgood|substack\.com/subscribe|buymeacoffee"
    r"|ko-fi\.com|gofundme\.com|salsalabs|convertkit|beehiiv|fundraiseup|donately|bloomerang)"
    r"|[?&](?:donate|subscribe)=",
    re.IGNORECASE,
)
_BLOCK_CLASS = re.compile(
    r"(?:^|[\s_-])(?:donat\w*|newsletter|subscri\w+|sign-?up|appeal|fundrais\w*|membership|promo|cta"
    r"|support-us|giving)(?:$|[\s_-])",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"“[^”]*(?:”|$)|\"[^\"]*(?:\"|$)|(?<!\w)‘[^’]*’(?!\w)|«[^»]*»|„[^“”]*[“”]")


@dataclass(frozen=True)
class Voice:
    """The outlet as it names itself: its full names, best known first."""

    names: tuple[str, ...]

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """Matches a full name, or its initials: `RS` for Responsible Statecraft."""
        initials = ["".join(re.findall(r"\b[A-Z]", name)) for name in self.names]
        names = [*self.names, *(short for short in initials if len(short) > 1)]
        alternatives = "|".join(re.escape(name) for name in names)
        return re.compile(rf"\b(?:{alternatives})\b") if names else None


@dataclass(frozen=True)
class _Weighed:
    """One paragraph's evidence: what it weighs, and whether it speaks as an outlet does."""

    weight: float
    is_note: bool = False
    is_line: bool = False
    is_farewell: bool = False


def appeals_among(paragraphs: list[Paragraph], voice: Voice) -> set[int]:
    """The indexes of the appeals among the paragraphs of a body.

    First those that are appeals by themselves, then their companions: a paragraph beside an
    appeal that speaks of the outlet or to its readers.
    """
    weighed = [_weigh(paragraph, voice) for paragraph in paragraphs]
    marked = {index for index, evidence in enumerate(weighed) if evidence.weight >= _APPEAL}
    if not marked:
        return marked
    end = max((index for index, evidence in enumerate(weighed) if evidence.is_line), default=None)
    is_growing = True
    while is_growing:
        is_growing = False
        for index, paragraph in enumerate(paragraphs):
            before, after = index - 1 in marked, index + 1 in marked
            evidence = weighed[index]
            if index in marked or not (before or after) or evidence.is_note or evidence.is_line:
                continue
            least = _TAIL_COMPANION if end is not None and index > end else _COMPANION
            if before and after and len(paragraph.text) < _SHORT:
                least = _BETWEEN
            if evidence.weight >= least or (before and evidence.is_farewell):
                marked.add(index)
                is_growing = True
    return marked | _bare_headings(paragraphs, marked)


def _bare_headings(paragraphs: list[Paragraph], marked: set[int]) -> set[int]:
    """The headings that head nothing but appeals."""
    bare = set()
    for index, paragraph in enumerate(paragraphs):
        if paragraph.is_heading and index + 1 in marked:
            rest = (n for n in range(index + 1, len(paragraphs)) if n not in marked)
            following = next(rest, None)
            if following is None or paragraphs[following].is_heading:
                bare.add(index)
    return bare


def _weigh(paragraph: Paragraph, voice: Voice) -> _Weighed:
    text = straight(paragraph.text)
    if text.startswith("“") and text.count("“") > text.count("”"):
        return _Weighed(0.0)  # speech that goes on in the next paragraph
    is_line = is_republication_line(text)
    is_note = _NOTE.match(text) is not None
    bare = _QUOTED.sub(" ", text)
    is_asking = asks(bare)
    kinds = {match.lastgroup for match in _SOLICITING_WORD.finditer(bare)}
    is_named = voice.pattern is not None and voice.pattern.search(bare) is not None
    is_outlet = _OUTLET_TALK.search(bare) is not None
    to_you = _YOU.search(bare) is not None
    giving = sum(len(clean(text)) for href, text in paragraph.links if _GIVING_LINK.search(href))
    is_set_apart = giving > 0 or _is_in_appeal_block(paragraph)

    weight = 3.0 if is_asking else 0.0
    weight += min(2.0, float(len(kinds)))
    weight += 0.5 if to_you else 0.0
    weight += 0.5 if _WE.search(bare) else 0.0
    weight += 1.0 if is_outlet else 0.0
    weight += 1.0 if is_named else 0.0
    if giving:
        weight += 3.0 if giving >= 0.5 * len(text) else 1.5
    weight += 3.0 if _is_in_appeal_block(paragraph) else 0.0
    weight -= 2.0 if _REPORTED.search(bare) else 0.0
    if is_line or is_note:
        weight -= 3.0
    if not is_asking and not is_set_apart:
        # A subject and a voice without a request: an opinion piece may have both, unless the
        # outlet speaks of itself and its readers.
        is_own_voice = is_outlet and len(kinds) >= 2 and (to_you or is_named)
        weight = weight if is_own_voice else min(weight, _APPEAL - 0.5)
    return _Weighed(weight, is_note, is_line, _FAREWELL.search(bare) is not None)


def _is_in_appeal_block(paragraph: Paragraph) -> bool:
    element = paragraph.element
    if element is None:
        return False
    return any(
        value and _BLOCK_CLASS.search(value) for value in (element.get("class"), element.get("id"))
    )
