"""The passages that made a piece count, cut to what a reader needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rscrawler.items import Evidence
from rscrawler.topics.reading import Mention
from rscrawler.topics.text import JoinedText

MAX_EVIDENCE = 12
_REACH = 80
_FIELD_BONUS = {"title": 0.5, "subtitle": 0.2}
_CUT = "…"
_BLANK = re.compile(r"\s")


def evidence_of(joined: JoinedText, mentions: Sequence[Mention]) -> tuple[Evidence, ...]:
    """At most `MAX_EVIDENCE` passages, the strongest first, then in reading order."""

    def rank(mention: Mention) -> tuple[float, int]:
        field = joined.zones[mention.hit.zone].field
        return -round(mention.strength + _FIELD_BONUS.get(field, 0.0), 6), mention.hit.start

    return tuple(_passage(joined, each) for each in sorted(mentions, key=rank)[:MAX_EVIDENCE])


def _passage(joined: JoinedText, mention: Mention) -> Evidence:
    hit, entity = mention.hit, mention.hit.entity
    zone = joined.zones[hit.zone]
    start, end = hit.start - zone.start, hit.end - zone.start
    return Evidence(
        term=zone.text[start:end],
        entity=entity.name,
        country=entity.countries[0] if len(entity.countries) == 1 else None,
        field=zone.field,
        paragraph=zone.paragraph,
        quote=_quote(zone.text, start, end),
        start=start,
        end=end,
    )


def _quote(text: str, start: int, end: int) -> str:
    """The words around [start, end), with the name itself left exactly as printed."""
    first, last = max(0, start - _REACH), min(len(text), end + _REACH)
    while 0 < first < start and not text[first - 1].isspace():
        first += 1
    while end < last < len(text) and not text[last].isspace():
        last -= 1
    before = _BLANK.sub(" ", text[first:start]).lstrip()
    after = _BLANK.sub(" ", text[end:last]).rstrip()
    return (
        (_CUT if first > 0 else "")
        + before
        + text[start:end]
        + after
        + (_CUT if last < len(text) else "")
    )
