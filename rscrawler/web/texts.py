"""An article's texts for display: evidence and search terms marked, changes between versions."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from rscrawler.delivery.alert import Segment
from rscrawler.delivery.wording import one_line
from rscrawler.identity.changes import Change, ChangeKind, word_diff
from rscrawler.items import Article, Evidence
from rscrawler.sites import path_of
from rscrawler.store.words import Term, spots

# Characters shown before the first search term, and in all.
_LEAD, _SHOWN = 120, 400
# Of a long unchanged stretch, this many words are shown on either side of a change.
_CONTEXT_WORDS = 15
# Longer than any text: `one_line` is only used to remove characters.
_NO_LIMIT = 10_000_000
GAP = " […] "
_ADDRESS = re.compile(r"\b\w[\w+.-]*://\S+|\S+@\S+")
_CHANNELS = {"articles": "JSONL", "flagged": "JSONL of flagged articles", "email": "e-mail"}
_CHANNEL_KINDS = {"channel": "chat", "webhook": "webhook"}


def marked_article(article: Article) -> dict[str, Any]:
    """Title, subtitle and paragraphs cut into segments, with the evidence of all flags marked."""
    evidence = [each for flag in article.topics for each in flag.evidence]

    def part(text: str | None, field: str, paragraph: int | None = None) -> list[Segment]:
        within = (e for e in evidence if e.field == field and paragraph in (None, e.paragraph))
        return marked(text or "", within)

    return {
        "title": part(article.title, "title"),
        "subtitle": part(article.subtitle, "subtitle"),
        "paragraphs": [part(text, "body", n) for n, text in enumerate(article.paragraphs)],
    }


def marked(text: str, evidence: Iterable[Evidence]) -> list[Segment]:
    """Cut `text` at the evidence in it.

    Evidence is left unmarked if its term is not at its offsets, or if it overlaps evidence that
    starts earlier or is longer.
    """
    spans = (
        (each.start, each.end, each.entity)
        for each in sorted(evidence, key=lambda each: (each.start, -each.end))
        if each.term and text[each.start : each.end] == each.term
    )
    return _segments(text, spans)


def _segments(text: str, spans: Iterable[tuple[int, int, str]], done: int = 0) -> list[Segment]:
    """Cut `text` from `done` on into the marked segments and those between them."""
    segments = []
    for start, end, mark in spans:
        if start >= done:
            segments += [Segment(text[done:start]), Segment(text[start:end], mark)]
            done = end
    segments.append(Segment(text[done:]))
    return [segment for segment in segments if segment.text]


def found_passage(article: Article, terms: list[Term]) -> list[Segment]:
    """The first passage of the text that contains a search term; empty if none does."""
    for part in (*article.paragraphs, article.subtitle or ""):
        text = unicodedata.normalize("NFC", part)
        found = list(spots(text, terms))
        if not found:
            continue
        start = max(0, found[0][0] - _LEAD)  # or the next word, if a blank is near
        if start > 0 and (blank := text.find(" ", start, start + 40)) >= 0:
            start = blank + 1
        end = start + _SHOWN
        shown = text[:end] + ("…" if end < len(text) else "")
        spans = ((first, behind, "found") for first, behind in found if behind <= end)
        return [*([Segment("…")] if start else []), *_segments(shown, spans, start)]
    return []


@dataclass(frozen=True, slots=True)
class Version:
    """A version and its changes from the previous one, by field; the first has no changes.

    `lacks_text`: the body of one of the two was deleted by `rscrawler prune`.
    """

    article: Article
    changes: dict[str, list[Change]]
    lacks_text: bool = False


def version_changes(history: Sequence[Article]) -> Iterator[Version]:
    """Each version of a history (oldest first) with its changes."""
    if history:
        yield Version(history[0], {})
    for before, after in pairwise(history):
        lacks_text = before.is_pruned or after.is_pruned
        changes = {}
        for name in ("title", "subtitle") if lacks_text else ("title", "subtitle", "body"):
            old, new = _printable(getattr(before, name)), _printable(getattr(after, name))
            if old != new:
                changes[name] = word_diff(old, new)
        yield Version(after, changes, lacks_text)


def _printable(text: str | None) -> str:
    """`text` without control and direction characters; its paragraphs stay."""
    lines = (one_line(paragraph, _NO_LIMIT) for paragraph in (text or "").split("\n\n"))
    return "\n\n".join(lines)


def shortened(changes: Sequence[Change], words: int = _CONTEXT_WORDS) -> list[Change]:
    """The changes, with about `words` unchanged words on either side of each."""
    last = len(changes) - 1
    return [
        Change(
            change.kind,
            _middle_cut(change.text, 0 if at == 0 else words, 0 if at == last else words),
        )
        if change.kind is ChangeKind.SAME
        else change
        for at, change in enumerate(changes)
    ]


def _middle_cut(text: str, head: int, tail: int) -> str:
    """The first `head` and the last `tail` words of `text`; all of it if little would be cut."""
    tokens = text.split(" ")
    if len(tokens) <= head + tail + 5:
        return text
    return " ".join(tokens[:head]) + GAP + " ".join(tokens[len(tokens) - tail :])


def channel_in_words(channel: str) -> str:
    """The kind of a channel, and its name if it has one; never an address."""
    kind, _, name = channel.partition(":")
    if name:
        return f"{_CHANNEL_KINDS.get(kind, kind)} “{name}”"
    return _CHANNELS.get(channel, channel)


def without_addresses(text: str | None) -> str:
    """`text` without mail and web addresses: recipients are private."""
    return _ADDRESS.sub("(address)", text or "")


def path_on(url: str, base_url: str) -> str:
    """The path of an address on the host of `base_url`; else the whole address."""
    return path_of(url) if urlsplit(url).netloc == urlsplit(base_url).netloc else url
