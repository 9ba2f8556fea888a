"""What changed from one version of a piece to the next, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rscrawler.delivery.wording import one_line
from rscrawler.identity.changes import Change, Kind, word_diff
from rscrawler.items import Article

# Of a long stretch that stayed the same, so many words are shown on either side of a change.
_CONTEXT_WORDS = 15
# Longer than any text: `one_line` is wanted for what it takes out.
_NO_LIMIT = 10_000_000
GAP = " […] "


@dataclass(frozen=True, slots=True)
class FieldChanges:
    """What changed in one of a piece's texts."""

    field: str
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class VersionChanges:
    """A version, and what it changed of the one before it (nothing, for the first)."""

    article: Article
    fields: list[FieldChanges]


def version_changes(history: Sequence[Article]) -> Iterator[VersionChanges]:
    """Each version of a history (oldest first) with its changes."""
    if history:
        yield VersionChanges(history[0], [])
    for before, after in pairwise(history):
        yield VersionChanges(after, list(_field_changes(before, after)))


def _field_changes(before: Article, after: Article) -> Iterator[FieldChanges]:
    for name in ("title", "subtitle", "body"):
        old, new = _printable(getattr(before, name)), _printable(getattr(after, name))
        if old != new:
            yield FieldChanges(name, word_diff(old, new))


def _printable(text: str | None) -> str:
    """`text` without what could do harm on a terminal or a page; its paragraphs stay."""
    lines = (one_line(paragraph, _NO_LIMIT) for paragraph in (text or "").split("\n\n"))
    return "\n\n".join(lines)


def shortened(changes: Sequence[Change], words: int = _CONTEXT_WORDS) -> list[Change]:
    """The changes with `words` words of what stayed the same on either side of them."""
    last = len(changes) - 1
    return [
        Change(
            change.kind,
            _middle_cut(change.text, 0 if at == 0 else words, 0 if at == last else words),
        )
        if change.kind is Kind.SAME
        else change
        for at, change in enumerate(changes)
    ]


def _middle_cut(text: str, head: int, tail: int) -> str:
    """`text` without what lies between its first `head` and its last `tail` words."""
    tokens = text.split(" ")
    if len(tokens) <= head + tail + 5:
        return text
    return " ".join(tokens[:head]) + GAP + " ".join(tokens[len(tokens) - tail :])
