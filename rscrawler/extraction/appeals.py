"""Telling appeals from an article's own paragraphs.

An appeal asks the reader, in the outlet's own voice, to give, subscribe, follow
or share. It is told by evidence of different kinds that must come together: a
request or words of soliciting, the reader spoken to or the outlet speaking of
itself, where the links lead, what the block is called. What stands in quotation
marks is somebody's speech and no evidence, so an article about donations keeps
every paragraph. Appeals come in runs, so weaker evidence counts beside one.
Only whole paragraphs are taken out, or the lines of one that a break divides.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from string import ascii_lowercase

from rscrawler.extraction.asking import ASKING_WORDS, asking_weight
from rscrawler.extraction.blocks import Block
from rscrawler.extraction.republication import is_republication_line
from rscrawler.extraction.text import any_of, straight
from rscrawler.text import clean

_APPEAL = 4.0  # from this weight a paragraph is an appeal by itself
_COMPANION = 2.5  # from this weight it is one beside another
_TAIL_COMPANION = 0.5  # and from this where no article is expected any more
_BETWEEN = 0.5  # and from this when it is short and stands between two
_SHORT = 200  # characters
_LEAST_OWN_LINE = 60  # characters
_TERSE = 100  # characters: a request so short need not say who asks whom

# Words of soliciting, each with its kind; by themselves they only tell a subject.
_SOLICITING = {
    word: kind
    for kind, words in {
        "give": "donate donates donated donating donation donations donor donors contribute"
        " contributing contribution contributions giving",
        "gift": "gift gifts generosity generous generously",
        "tax": "deductible exempt nonprofit",
        "letter": "newsletter newsletters inbox roundup mailing",
        "subscribe": "subscribe subscribing subscriber subscribers subscription subscriptions",
        "member": "membership memberships fundraising fundraiser fundraisers",
        "reader": "paywall paywalls",
    }.items()
    for word in words.split()
}
# The same in several words: one of the words, the kind, the phrase.
_SOLICITING_PHRASES = (
    ("round", "letter", re.compile(r"\bround-up\b", re.IGNORECASE)),
    ("up", "letter", re.compile(r"\bsign(?:ing)? up\b", re.IGNORECASE)),
    ("non", "tax", re.compile(r"\bnon-profit\b", re.IGNORECASE)),
    ("fund", "member", re.compile(r"\bfund-?(?:raising|raiser| ?drive)\b", re.IGNORECASE)),
    ("reader", "reader", re.compile(r"\breader-(?:supported|funded)\b", re.IGNORECASE)),
    ("month", "give", re.compile(r"[$€£]\d+ (?:a|per|each) month\b", re.IGNORECASE)),
    ("mail", "letter", re.compile(r"\b(?:one|our|free|weekly|daily|friday|sunday) e-mail\b", re.I)),
    ("email", "letter", re.compile(r"\b(?:one|our|free|weekly|daily|friday|sunday) email\b", re.I)),
    ("year", "season", re.compile(r"\bend-of-(?:the-)?year|year-end\b", re.IGNORECASE)),
)
_YOU = frozenset({"you", "your", "yours"})
_WE = frozenset({"we", "our", "ours"})
# Of which all outlet talk has one.
_OUTLET_WORDS = frozenset({
    "our", "reader", "readers", "supporters", "subscribers", "friends", "views", "pageviews", "go",
    "website", "publication", "newsletter", "outlet", "kind", "message", "note", "word",
    "journalism", "reporting", "media", "newsroom", "magazine", "article", "story", "stories",
    "piece", "useful",
})  # fmt: skip
# A paragraph with none of these words weighs nothing, unless a link or block of its own speaks.
_EVIDENCE = frozenset().union(
    _SOLICITING, _YOU, _WE, {"us"}, _OUTLET_WORDS, ASKING_WORDS,
    (word for word, _, _ in _SOLICITING_PHRASES),
)  # fmt: skip
# The outlet speaking of itself as an outlet, or of its readers.
_OUTLET_TALK = any_of(
    r"\bour (?:\w+ ){0,2}(?:readers|readership|reporting|coverage|journalism|writers|website|site"
    r"|newsletter|staff|supporters|audience|contributors|reporters|editors|newsroom|mission|work"
    r"|publication|podcast|inbox|donors|members|subscribers|articles|platform|small team|team)\b",
    r"\b(?:dear|loyal|regular|faithful|all) (?:readers?|supporters|subscribers|friends)\b",
    r"\breaders (?:like you|and supporters|everywhere|looking)\b",
    r"\b(?:monthly |web )?page ?views\b",
    r"\bgo-to (?:source|site|outlet|place|for)\b",
    r"\bthis (?:website|publication|newsletter|outlet)\b",
    r"\bthis kind of (?:reporting|journalism|work)\b",
    r"\bwebsite (?:overhaul|redesign|relaunch)\b",
    r"\b(?:message|note|word) from (?:the|our) (?:editors?|publisher|team|staff)\b",
    r"\bindependent (?:and \w+ )?(?:journalism|reporting|media)\b",
    r"\b(?:non-?profit|reader-\w+|member-\w+) (?:newsroom|outlet|publication|magazine|website)\b",
    r"\bbefore you go\s*[:,—–-]",
    r"(?:^|[.!?]\W+)(?:did you )?(?:enjoy\w*|liked?|loved?|found|want) (?:more )?"
    r"(?:this|our|what you|stories|articles|reporting)\b[^.!?]{0,60}\?",
    r"\b(?:this|our) (?:article|story|stories|reporting|journalism) (?:is|are|remains?) free\b",
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
    r"|testified|alleged|reportedly|explained|noted|urged|warned|insisted|obtained|joked"
    r"|asked (?:her|his|their|its))\b",
    re.IGNORECASE,
)
_INTERVIEWER = re.compile(r"^\W*(?:us|Q|Question)\s*:.*\?")  # the name was replaced by "us"
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
_LETTERS_ALONE = bytes(code if chr(code) in ascii_lowercase else 0x20 for code in range(256))
# Each alternative begins with its mark, so that a text without any is passed over at once.
_QUOTED = re.compile(r"“[^”]*(?:”|$)|\"[^\"]*(?:\"|$)|‘(?<!\w‘)[^’]*’(?!\w)|«[^»]*»|„[^“”]*[“”]")


# Kinds of outlets, and parts of the world: no name by themselves.
_KINDS = frozenset({
    "review", "journal", "magazine", "report", "reports", "project", "quarterly", "online", "media",
    "network", "initiative", "forum", "dispatch", "monitor", "analyst", "insider", "observer",
})  # fmt: skip
_COMMON = _KINDS | frozenset({
    "times", "post", "herald", "tribune", "gazette", "chronicle", "courier", "telegraph", "globe",
    "independent", "news", "today", "daily", "weekly", "press", "institute", "center", "centre",
    "council", "foundation", "correspondent", "reporter", "diplomat", "english", "affairs",
    "policy", "politics", "asia", "central", "eurasia", "europe", "caspian", "caucasus", "america",
    "russia", "china", "world", "global", "foreign", "national", "international", "american",
    "asian", "european", "eurasian", "russian",
})  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """The outlet as it names itself: its full names, best known first."""

    names: tuple[str, ...]

    @cached_property
    def _spellings(self) -> list[str]:
        """The full names, the short ones and the initials: `RS` for Responsible Statecraft."""
        bare = [name.removeprefix("The ") for name in self.names]
        initials = ["".join(re.findall(r"\b[A-Z]", name)) for name in (*self.names, *bare)]
        bare = [name for name in bare if name.casefold() not in _COMMON]
        short = [_distinctive(name.split()) for name in bare]
        found = (*self.names, *bare, *short, *(each for each in initials if len(each) > 1))
        return list(dict.fromkeys(spelling for spelling in found if spelling))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        alternatives = "|".join(re.escape(spelling) for spelling in self._spellings)
        return re.compile(rf"\b(?:{alternatives})\b")

    def as_us(self, text: str) -> str:
        """`text` with every name of the outlet replaced by "us", so that it speaks as "we"."""
        for spelling in self._spellings:
            if spelling in text:
                return self._pattern.sub("us", text)
        return text


def _distinctive(words: list[str]) -> str:
    """The word that stands for a name of several: the last, or the first before a kind.

    What stands before "Times" or "Post" is a place as a rule, and no outlet.
    """
    if len(words) < 2 or not words[-1][:1].isupper():
        return ""
    if words[-1].casefold() not in _COMMON:
        return words[-1]
    is_name = words[-1].casefold() in _KINDS and words[0].casefold() not in _COMMON
    return words[0] if is_name else ""


@lru_cache(maxsize=64)
def voice_of(names: tuple[str, ...]) -> Voice:
    """The voice of an outlet with these names; the same one for all of its pages."""
    return Voice(names)


@dataclass(frozen=True)
class _Weighed:
    """One paragraph's evidence: what it weighs, and in whose voice it speaks to whom."""

    weight: float
    is_outlet: bool = False  # the outlet speaks of itself, its readers or its work
    is_address: bool = False  # somebody says "we" or "you"
    is_settled: bool = False  # a note or a republication line: the article's own


def appeals_among(paragraphs: Sequence[Block], voice: Voice) -> set[int]:
    """The indexes of the appeals among the paragraphs of a body.

    First those that are appeals by themselves, then their companions.
    """
    weighed = [_weigh(paragraph, voice) for paragraph in paragraphs]
    marked = {index for index, evidence in enumerate(weighed) if evidence.weight >= _APPEAL}
    if not marked:
        return marked
    lines = [n for n, paragraph in enumerate(paragraphs) if is_republication_line(paragraph.text)]
    end = max(lines, default=len(paragraphs))
    is_growing = True
    while is_growing:
        companions = {
            index
            for index, evidence in enumerate(weighed)
            if index not in marked
            and not evidence.is_settled
            and _is_companion(index, paragraphs[index], evidence, marked, end, len(paragraphs))
        }
        marked |= companions
        is_growing = bool(companions)
    return marked | _bare_headings(paragraphs, marked, weighed)


def speaks_of_giving(title: str, url: str) -> bool:
    """Whether the headline or the address of a page is that of an appeal."""
    tokens = _words_of_letters(title)
    return not tokens.isdisjoint(_SOLICITING.keys() | {"give", "support"}) or (
        _GIVING_LINK.search(url) is not None
    )


def lines_before_appeal(paragraph: Block, voice: Voice) -> list[str]:
    """The own lines of a paragraph that a line break divides from an appeal; none as a rule.

    Only what speaks of nothing that an appeal speaks of, and is long enough for prose.
    """
    weights = [
        _weigh(replace(paragraph, text=line, links=[], lines=[]), voice) for line in paragraph.lines
    ]
    own = itertools.takewhile(lambda evidence: evidence.weight < _BETWEEN, weights)
    lines = paragraph.lines[: sum(1 for _ in own)]
    return lines if lines and len(lines[0]) >= _LEAST_OWN_LINE else []


def _is_companion(
    index: int, paragraph: Block, evidence: _Weighed, marked: set[int], end: int, count: int
) -> bool:
    """Whether a paragraph beside an appeal belongs to it.

    The article's last paragraph stands before an appeal as a rule, so what stands there must
    speak as the outlet. Below the republication line, between two appeals, or between an
    appeal and the end, nothing of the article is expected and less will do.
    """
    before, after = index - 1 in marked, index + 1 in marked
    if not (before or after):
        return False
    is_closing = before and all(later in marked for later in range(index + 1, count))
    if index > end or is_closing:
        speaks = evidence.is_outlet or evidence.is_address
        return (speaks and evidence.weight >= _TAIL_COMPANION) or _is_farewell(paragraph)
    if before and after and len(paragraph.text) < _SHORT and evidence.weight >= _BETWEEN:
        return True
    return evidence.is_outlet and evidence.weight >= _COMPANION


def _bare_headings(
    paragraphs: Sequence[Block], marked: set[int], weighed: list[_Weighed]
) -> set[int]:
    """The headings that head nothing but appeals, and speak of the like."""
    bare = set()
    for index, paragraph in enumerate(paragraphs):
        if paragraph.is_heading and index + 1 in marked and weighed[index].weight > 0:
            if weighed[index].is_outlet:
                bare.add(index)
            rest = (n for n in range(index + 1, len(paragraphs)) if n not in marked)
            following = next(rest, None)
            if following is None or paragraphs[following].is_heading:
                bare.add(index)
    return bare


def _is_farewell(paragraph: Block) -> bool:
    return _FAREWELL.search(_QUOTED.sub(" ", straight(paragraph.text))) is not None


def _weigh(paragraph: Block, voice: Voice) -> _Weighed:
    text = straight(paragraph.text)
    if text.startswith("“") and text.count("“") > text.count("”"):
        return _Weighed(0.0)  # speech that goes on in the next paragraph
    unquoted = _QUOTED.sub(" ", text)
    bare = voice.as_us(unquoted)
    is_named = bare != unquoted
    tokens = _words_of_letters(bare)
    giving = sum(len(clean(text)) for href, text in paragraph.links if _GIVING_LINK.search(href))
    if tokens.isdisjoint(_EVIDENCE) and not (is_named or giving):
        return _Weighed(
            0.0, is_settled=is_republication_line(text) or _NOTE.match(text) is not None
        )
    if _INTERVIEWER.match(bare):
        return _Weighed(0.0)
    to_you = not tokens.isdisjoint(_YOU)
    is_we = not tokens.isdisjoint(_WE) or re.search(r"\bus\b", bare) is not None
    is_outlet = not tokens.isdisjoint(_OUTLET_WORDS) and _OUTLET_TALK.search(bare) is not None
    kinds = {_SOLICITING[token] for token in tokens & _SOLICITING.keys()}
    kinds |= {
        kind for word, kind, phrase in _SOLICITING_PHRASES if word in tokens and phrase.search(bare)
    }
    asking = asking_weight(bare, tokens)

    weight = asking + min(2.0, float(len(kinds)))
    weight += 0.5 * (to_you + is_we)
    weight += 1.0 * (is_outlet + is_named)
    if giving:
        weight += _APPEAL if giving >= 0.5 * len(text) else 1.5
    if weight >= _BETWEEN and _REPORTED.search(bare):
        weight -= 2.0
    is_line = is_republication_line(text)
    is_note = _NOTE.match(text) is not None
    if is_line or is_note:
        weight -= 3.0
    speaks = to_you or is_we or is_outlet or is_named or len(text) < _TERSE
    if not speaks and not giving:
        weight = min(weight, _APPEAL - 0.5)
    elif not (asking or giving):
        # A subject and a voice without a request: an opinion piece may have both, unless the
        # outlet speaks of itself and its readers.
        is_own_voice = is_outlet and len(kinds) >= 2 and (to_you or is_named)
        weight = weight if is_own_voice else min(weight, _APPEAL - 0.5)
    return _Weighed(weight, is_outlet or is_named, to_you or is_we, is_note or is_line)


def _words_of_letters(text: str) -> frozenset[str]:
    """The lower-cased words of a text; whatever is not a to z parts them."""
    letters = text.lower().encode("ascii", "replace").translate(_LETTERS_ALONE)
    return frozenset(letters.decode("ascii").split())
