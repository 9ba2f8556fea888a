"""What changed between two texts, word by word."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher
from enum import StrEnum
from itertools import accumulate, groupby
from operator import attrgetter

from rscrawler.identity.fingerprints import normalized
from rscrawler.items import Article, ChangeSummary
from rscrawler.text import UNSPACED, split_words

# After so many steps (half a second), the stretches left are shown whole. With a quarter of this,
# some texts of 9,000 words with edits throughout were shown whole. The library's steps grow with
# the third power of the number of words or paragraphs if these repeat.
_MAX_STEPS = 4_000_000
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
    found = _by_paragraph(_paragraphs(old), _paragraphs(new))
    changes = (each for each in found if each.text)
    runs = groupby(changes, key=attrgetter("kind"))
    return [Change(kind, "".join(each.text for each in run)) for kind, run in runs]


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


class _Matcher(SequenceMatcher[str]):
    """The library's, which finds nothing more to be the same after `_MAX_STEPS`, over all texts."""

    _steps_left = _MAX_STEPS

    def set_seqs(self, a: Sequence[str], b: Sequence[str]) -> None:
        super().set_seqs(a, b)
        repeats = Counter(b)
        self._steps = [0, *accumulate(1 + repeats[each] for each in a)]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        self._steps_left -= self._steps[-1 if ahi is None else ahi] - self._steps[alo]
        if self._steps_left < 0:
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _by_paragraph(old: Sequence[str], new: Sequence[str]) -> Iterator[Change]:
    matcher = _Matcher(None, old, new, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield Change(ChangeKind.SAME, "".join(new[k:m]))
        else:
            yield from _by_word("".join(old[i:j]), "".join(new[k:m]), matcher)


def _by_word(old: str, new: str, matcher: _Matcher) -> Iterator[Change]:
    before, after = _words(old), _words(new)
    matcher.set_seqs([each.strip() for each in before], [each.strip() for each in after])
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
