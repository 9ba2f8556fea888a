"""Many watch-lists over one piece, in one matching pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from rscrawler.items import TopicFlag
from rscrawler.topics.contexts import ContextFinder, settle
from rscrawler.topics.evidence import evidence_of
from rscrawler.topics.folding import Folded, fold_with_offsets
from rscrawler.topics.levels import Verdict, judge
from rscrawler.topics.matcher import Match, Matcher, Spelling
from rscrawler.topics.rivals import Rival, RivalFinder
from rscrawler.topics.text import FlaggableText, JoinedText
from rscrawler.topics.watchlist import Entity, WatchList


@dataclass(frozen=True)
class _Topic:
    watchlist: WatchList
    finder: ContextFinder


@dataclass(frozen=True)
class _Tools:
    """What flagging needs; `owners` holds topic number and entity of each spelling."""

    topics: list[_Topic]
    owners: list[tuple[int, Entity]]
    matcher: Matcher
    rivals: RivalFinder

    @classmethod
    def of(cls, watchlists: Iterable[WatchList]) -> _Tools:
        topics = [_Topic(watchlist, ContextFinder(watchlist.context)) for watchlist in watchlists]
        owned = [
            ((number, entity), Spelling(spelling, entity.case))
            for number, topic in enumerate(topics)
            for entity in topic.watchlist.entities
            for spelling in entity.spellings
        ]
        return cls(
            topics,
            [owner for owner, _ in owned],
            Matcher([spelling for _, spelling in owned]),
            RivalFinder(),
        )


class Flagger:
    """Flags pieces on every watch-list it was built with; keeps nothing between pieces."""

    def __init__(self, watchlists: Iterable[WatchList]) -> None:
        self._watchlists = sorted(watchlists, key=lambda watchlist: watchlist.name)

    @property
    def topics(self) -> tuple[str, ...]:
        """The names of the watch-lists, in order."""
        return tuple(watchlist.name for watchlist in self._watchlists)

    def flag(self, text: FlaggableText) -> list[TopicFlag]:
        """One flag for each watch-list that the piece at least mentions, by topic name."""
        joined = JoinedText.of(text)
        flags: list[TopicFlag] = []
        for topic, verdict in self._verdicts(joined):
            flags.append(
                TopicFlag(
                    topic=topic.watchlist.name,
                    level=verdict.level,
                    score=verdict.score,
                    countries=verdict.countries,
                    evidence=evidence_of(joined, verdict.hits),
                )
            )
        return flags

    @cached_property
    def _tools(self) -> _Tools:
        # Made for the first piece: most cycles have none, and the towns alone take 0.3 s.
        return _Tools.of(self._watchlists)

    def _verdicts(self, joined: JoinedText) -> list[tuple[_Topic, Verdict]]:
        folded = fold_with_offsets(joined.text)
        candidates: dict[int, list[tuple[Entity, Match]]] = {}
        tools = self._tools
        for match in tools.matcher.find(joined.text, folded):
            number, entity = tools.owners[match.index]
            candidates.setdefault(number, []).append((entity, match))
        if not candidates:
            return []
        rivals = tools.rivals.find(joined.text, folded)
        verdicts: list[tuple[_Topic, Verdict]] = []
        for number in sorted(candidates):
            topic = tools.topics[number]
            verdict = _verdict(topic, joined, folded, candidates[number], rivals)
            if verdict is not None:
                verdicts.append((topic, verdict))
        return verdicts


def _verdict(
    topic: _Topic,
    joined: JoinedText,
    folded: Folded,
    candidates: list[tuple[Entity, Match]],
    rivals: list[Rival],
) -> Verdict | None:
    words = topic.finder.find(joined, folded)
    hits = settle(candidates, joined, topic.watchlist.context, words)
    if not hits:
        return None
    taken = {match.start for _, match in candidates}
    others = [rival for rival in rivals if rival.start not in taken]
    return judge(topic.watchlist, joined, hits, others, words)
