"""The passages that made a piece count, cut to what a reader needs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rscrawler.items import Evidence
from rscrawler.topics.contexts import Mention
from rscrawler.topics.text import JoinedText

MAX_EVIDENCE = 12
_REACH = 80
_FIELD_BONUS = {"title": 0.5, "subtitle": 0.2}
_CUT = "…"
_BLANK = re.compile(r"\s")


def evidence_of(joined: JoinedText, mentions: Sequence[Mention]) -> tuple[Evidence, ...]:
    """At most `MAX_EVIDENCE` passages, the strongest first, then in reading order."""

    def rank(mention: Mention) -> tuple[float, int]:
        field = joined.zones[mention.zone].field
        return -round(mention.strength + _FIELD_BONUS.get(field, 0.0), 6), mention.start

    return tuple(_passage(joined, each) for each in sorted(mentions, key=rank)[:MAX_EVIDENCE])


def _passage(joined: JoinedText, mention: Mention) -> Evidence:
    entity, zone = mention.entity, joined.zones[mention.zone]
    start, end = mention.start - zone.start, mention.end - zone.start
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
    before = _BLANK.sub(" ", text[max(0, start - _REACH) : start])
    after = _BLANK.sub(" ", text[end : end + _REACH])
    if start > _REACH:
        before = _CUT + before.partition(" ")[2]
    if end + _REACH < len(text):
        after = after.rpartition(" ")[0] + _CUT
    return before.lstrip() + text[start:end] + after.rstrip()
