"""What changed between two texts, word by word."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from rscrawler.identity.fingerprints import normalized
from rscrawler.items import Article, ChangeSummary
from rscrawler.text import UNSPACED, split_words

# Above this many comparisons a changed stretch is shown whole, not word by word.
_MAX_COMPARISONS = 2_000_000
_TOKEN = re.compile(rf"[{UNSPACED}]\s*|[^\s{UNSPACED}]+\s*|\s+")


class ChangeKind(StrEnum):
    """What became of a stretch of text."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of text and what became of it."""

    kind: ChangeKind
    text: str


def word_diff(old: str, new: str) -> list[Change]:
    """The diff of two texts as stretches, in order.

    Same and removed stretches together are `old`, same and added ones `new`, except for
    white space at the ends of words. Paragraphs (divided by blank lines) are matched first,
    then the words within those that differ.
    """
    changes = (each for each in _by_paragraph(_paragraphs(old), _paragraphs(new)) if each.text)
    kinds = groupby(changes, key=attrgetter("kind"))
    return [Change(kind, "".join(each.text for each in found)) for kind, found in kinds]


def summarize(before: Article, after: Article) -> ChangeSummary | None:
    """What an update changed; None if the normalized text is equal (an article that came back)."""
    changed: list[str] = []
    words = Counter[ChangeKind]()
    for name in ("title", "subtitle", "body"):
        old, new = getattr(before, name) or "", getattr(after, name) or ""
        if normalized(old) != normalized(new):
            changed.append(name)
            for change in word_diff(old, new):
                words[change.kind] += len(split_words(change.text))
    if not changed:
        return None
    return ChangeSummary(tuple(changed), words[ChangeKind.ADDED], words[ChangeKind.REMOVED])


def _paragraphs(text: str) -> list[str]:
    """The paragraphs, each with the blank lines behind it."""
    return re.findall(r"(?s).+?(?:\n\n+|\Z)", text)


def _by_paragraph(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Change(ChangeKind.SAME, "".join(new[k:m]))
        else:
            yield from _by_word("".join(old[i:j]), "".join(new[k:m]))


def _by_word(old: str, new: str) -> Iterator[Change]:
    before, after = _words(old), _words(new)
    if not before or not after or len(before) * len(after) > _MAX_COMPARISONS:
        yield Change(ChangeKind.REMOVED, old)
        yield Change(ChangeKind.ADDED, new)
        return
    bare_before, bare_after = [t.strip() for t in before], [t.strip() for t in after]
    matcher = SequenceMatcher(None, bare_before, bare_after, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield Change(ChangeKind.SAME, "".join(after[k:m]))
        else:
            yield Change(ChangeKind.REMOVED, "".join(before[i:j]))
            yield Change(ChangeKind.ADDED, "".join(after[k:m]))


def _words(text: str) -> list[str]:
    """The words, each with the white space behind it; a blank is added to the last if need be.

    So words do not run together when stretches of both texts are joined.
    """
    return _TOKEN.findall(text if text[-1:].isspace() else f"{text} ") if text else []
