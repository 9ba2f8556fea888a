"""Compares two texts: is the later one the same article, the same news, an update or different?

The rules were chosen on pairs of real news that were read and labelled first; the effect of
each is in `benchmarks/results.md`, the labels in `tests/identity/`. In doubt the answer is
"different": news that is alerted twice is a nuisance, news that is never alerted is lost.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rscrawler.identity.fingerprints import normalized, shingles
from rscrawler.text import MONTH_ENDINGS, MONTHS

_LONGEST = 20_000  # words of a text that are compared
_SHINGLE = 3  # words; the neighbours of a single changed word remain in shared shingles
_DATELINE = 15  # words at the start; a date there is that of the dateline
_SAME_PRINT = 3  # days at most between prints of one text; an issue of a series comes later
_SHORT = 60  # words; a shorter text is mostly standing phrases, as is a table
_CROWD = 20  # names in one place; the most that real texts had is 11
_TABLE = 0.3  # least share of numbers among the words of a table
_WORD = re.compile(r"[^\W_]+(?:[.,:/'][^\W_]+)*")
_NUMBER = re.compile(r"\d[\d.,:/]*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?")
_NUMERIC_DATE = re.compile(r"\d{1,4}[./]\d{1,2}[./]\d{2,4}|\d{1,2}:\d\d")
_NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve"
_DAY_NAMES = "monday tuesday wednesday thursday friday saturday sunday"
_REVISED_WORDS = "update updates updated correction corrected corrects correcting"
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
# Words of a line on where a text was published before, whose names and words do not count.
_PRINT_WORDS = "appeared licence license originally permission published reprinted republished"
_SPELLED = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split(), start=2)}
_REVISED = frozenset(_REVISED_WORDS.split())
_PRINT = frozenset(_PRINT_WORDS.split())
# Short names are English alone: others are words as well ("out", "set").
_MONTHS = {
    word + ending: number
    for number, words in enumerate(MONTHS, 1)
    for word in words.split()
    if len(word) > 3 or not word.isascii() or words.startswith(word)
    for ending in ("", *MONTH_ENDINGS)
}
_WEEKDAYS = frozenset(_DAY_NAMES.split())


class Relation(StrEnum):
    """The relation of a later text to an earlier one."""

    SAME_ARTICLE = "same article"  # the same but for edits
    SAME_NEWS = "same news"  # a reprint: it may be cut, and lines added around it
    UPDATE = "update"  # the same story with new facts
    DIFFERENT = "different"  # another issue of a series, another subject


@dataclass(frozen=True, slots=True)
class Decision:
    """A relation, and the rule that decided it."""

    relation: Relation
    reason: str

    @property
    def is_same_news(self) -> bool:
        """Whether alerting both texts would alert the same news twice."""
        return self.relation in (Relation.SAME_ARTICLE, Relation.SAME_NEWS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two texts have in common, and what is new in the later one.

    A word is shared if it stands in a run of three words that both texts have. The shared part
    begins and ends with runs of at least six shared words, since any two texts may share three.

    Attributes:
        known: shared words as a share of the words in the later text's shared part.
        known_in_all: shared words as a share of all words of the later text.
        kept: shared words as a share of all words of the earlier text.
        words: number of words of the later text.
        added: words before or behind the later text's shared part, whichever are more.
        opening: words before the shared part, in the text that has fewer of them there.
        passages: new passages of 8 words or more within the shared part.
        new_words: the most words in one passage, within or behind the shared part, that the earlier
            text has nowhere; a line on where the text was published before does not count.
        revised: whether only the later text has words for an update or a correction, or the
            headlines differ in such words ("2nd Update").
        is_short_or_table: whether the later text is short or a table of figures.
        numbers: numbers in the later body that the earlier text lacks; years count, days do
            not. In a table, all numbers outside shared runs count.
        dates: new dates (a month with a day or year) behind the dateline; one more if the
            datelines are over three days apart, or differ in a short text or table.
        names: names where the earlier text has another name.
        titles: Jaccard similarity of the headlines' words.
        title_numbers: whether each headline has a number that the other lacks.
        shared_numbers: numbers in both texts, as a share of those in the text with fewer.
        shared_names: the same for names.
    """

    known: float
    known_in_all: float
    kept: float
    words: int
    added: int
    opening: int
    passages: int
    new_words: int
    revised: bool
    is_short_or_table: bool
    numbers: int
    dates: int
    names: int
    titles: float
    title_numbers: bool
    shared_numbers: float
    shared_names: float


Rule = Callable[[Comparison], bool]

# Rules by name: a text for which one holds is not the same news; the first gives the reason.
RULES: dict[str, Rule] = {
    "content": lambda each: each.known < 0.85 or each.passages > 1,
    "length": lambda each: each.kept < 0.4,
    # Under the headline of a longer text, it is that text, cut.
    "short": lambda each: (
        each.words < _SHORT and min(each.known_in_all, max(each.kept, each.titles)) < 0.9
    ),
    "addition": lambda each: each.added > 30,
    # A reprint may put a line before the original's opening; a new lead replaces it.
    "opening": lambda each: each.opening > 11,
    # News added within or behind a reprinted text.
    "passage": lambda each: each.new_words > 6,
    "revision": lambda each: each.revised,
    "numbers": lambda each: each.numbers > 0,
    "dates": lambda each: each.dates > 0,
    # In a short text or a table, the headline alone has the news.
    "headline": lambda each: each.title_numbers and (each.titles >= 0.5 or each.is_short_or_table),
    "names": lambda each: each.names > 0,
}


def decide(comparison: Comparison) -> Decision:
    """The relation of the later text to the earlier one, and the reason."""
    reason = next((name for name, differs in RULES.items() if differs(comparison)), None)
    if reason is None:
        if min(comparison.known_in_all, comparison.kept) >= 0.85:
            return Decision(Relation.SAME_ARTICLE, "edited")
        return Decision(Relation.SAME_NEWS, "reprint")
    return Decision(Relation.UPDATE if _is_update(comparison) else Relation.DIFFERENT, reason)


def _is_update(comparison: Comparison) -> bool:
    # An issue of a series has other numbers and names in the same phrases; an update keeps those
    # already reported.
    return (
        comparison.known_in_all >= 0.4
        and comparison.shared_numbers >= 0.9
        and comparison.shared_names >= 0.8
        and comparison.names <= 1
        and comparison.dates <= 2
        and not comparison.is_short_or_table
        and not RULES["headline"](comparison)
    )


class Text:
    """A headline and a body, split into words, numbers, dates and names for comparison."""

    def __init__(self, title: str | None, body: str) -> None:
        written = _words(body)
        self.words = [word.casefold() for word in written]
        self.title = [word.casefold() for word in _words(title)]
        self.vocabulary = {*self.words, *self.title}
        self.shingles = set(shingles(self.words, _SHINGLE))
        self.numbers = set(_numbers(self.words))
        self.revision = _revision(self.title)
        figures = sum(_is_numeric(word) for word in self.words)
        self.is_table = figures >= _TABLE * len(self.words)
        self.is_short_or_table = self.is_table or len(self.words) < _SHORT
        self.title_numbers = {_plain(word) for word in self.title if _is_numeric(word)}
        self.all_numbers = {_plain(word) for word in self.vocabulary if _is_numeric(word)}
        self.dates = set(_dates(self.words))
        self.dates_reported = set(_dates(self.words, behind=_DATELINE))
        self.dateline = next((_day_of_year(each) for each in _dates(self.words[:_DATELINE])), None)
        in_lower_case = {word for word in written if word[0].islower()}
        capitalized = {word.casefold() for word in written if word[0].isupper()}
        names = (capitalized - in_lower_case - _WEEKDAYS).difference(_MONTHS)
        self.names = {name for name in names if len(name) > 1}
        # Names have no capitals in Arabic and Persian; there, the headline has what the news is on.
        has_capitals = 10 * len(in_lower_case) > len(written)
        self.possible_names = self.names if has_capitals else {*self.names, *self.title}


def compare(earlier: Text, later: Text) -> Comparison:
    """Compare a later text with an earlier one. Linear in both."""
    shared = earlier.shingles & later.shingles
    before, after = (_Coverage(text.words, shared) for text in (earlier, later))
    core = after.core
    new = [run for run in after.gaps if core[0] <= run[0]]
    inside = [run for run in new if run[0] < core[1]]
    around = (core[0], len(later.words) - core[1])
    titles = set(earlier.title), set(later.title)
    return Comparison(
        known=after.in_core / max(1, core[1] - core[0]),
        known_in_all=after.shared_words / max(1, len(later.words)),
        kept=before.shared_words / max(1, len(earlier.words)),
        words=len(later.words),
        added=max(around),
        opening=min(before.core[0], core[0]),
        passages=sum(end - start >= 8 for start, end in inside),
        new_words=max((_new_words(later.words[i:j], earlier) for i, j in new), default=0),
        revised=earlier.revision != later.revision
        or bool(_REVISED & (later.vocabulary - earlier.vocabulary)),
        is_short_or_table=later.is_short_or_table,
        numbers=_new_numbers(earlier, later, after.gaps),
        dates=len(later.dates_reported - earlier.dates) + _datelines_differ(earlier, later),
        names=_replaced_names(earlier, before.gaps, later, after.gaps),
        titles=len(titles[0] & titles[1]) / max(1, len(titles[0] | titles[1])),
        title_numbers=bool(earlier.title_numbers - later.title_numbers)
        and bool(later.title_numbers - earlier.title_numbers),
        shared_numbers=_overlap(earlier.numbers, later.numbers),
        shared_names=_overlap(earlier.names, later.names),
    )


class _Coverage:
    """Which words of a text stand in shared shingles; `gaps` are runs of those that do not.

    `core` is from the first longer shared run to behind the last.
    """

    def __init__(self, words: Sequence[str], shared: set[tuple[str, ...]]) -> None:
        is_shared = bytearray(len(words))
        for place, shingle in enumerate(shingles(words, _SHINGLE)):
            if shingle in shared:
                is_shared[place : place + _SHINGLE] = b"\1" * _SHINGLE
        self.gaps = [match.span() for match in re.finditer(b"\0+", is_shared)]
        longer = [match.span() for match in re.finditer(b"\1{6,}", is_shared)]
        self.core = (longer[0][0], longer[-1][1]) if longer else (0, 0)
        self.in_core, self.shared_words = is_shared.count(1, *self.core), is_shared.count(1)


def _new_numbers(earlier: Text, later: Text, gaps: Sequence[tuple[int, int]]) -> int:
    found = later.numbers - earlier.all_numbers
    # Two tables may have the same few numbers in different places.
    if later.is_table and later.words != earlier.words:
        for start, end in gaps:
            found |= later.numbers.intersection(later.words[start:end])
    return len(found)


def _new_words(passage: Sequence[str], earlier: Text) -> int:
    return 0 if _PRINT.intersection(passage) else sum(w not in earlier.vocabulary for w in passage)


def _revision(title: Sequence[str]) -> set[str]:
    """`{"2nd", "update"}`; empty for a headline that does not call itself a revision."""
    found = _REVISED.intersection(title)
    return {*found, *filter(_ORDINAL.fullmatch, title)} if found else set()


def _replaced_names(
    earlier: Text,
    gaps_before: Sequence[tuple[int, int]],
    later: Text,
    gaps_after: Sequence[tuple[int, int]],
) -> int:
    """The number of names in the later text where the earlier one has another name.

    The same place is behind, or before, the same two words. A name that the other text has
    elsewhere does not count, nor does one with another ending.
    """
    replaced: set[str] = set()
    for is_behind in (True, False):
        places: dict[tuple[str, ...], set[str]] = {}
        for flank, words in _short_gaps(earlier.words, gaps_before, is_behind=is_behind):
            found = earlier.possible_names.intersection(words) - later.vocabulary
            places.setdefault(flank, set()).update(found)
        for flank, words in _short_gaps(later.words, gaps_after, is_behind=is_behind):
            new = later.possible_names.intersection(words) - earlier.vocabulary
            if names := places.get(flank):
                known = () if len(names) > _CROWD else names
                replaced |= {each for each in new if not any(_is_form(each, of) for of in known)}
    return len(replaced)


def _is_form(name: str, of: str) -> bool:
    """Whether two names may be one with other endings, as "Türkiye'de" and "Türkiye".

    An English "'s" is none: "the President's advisers" is another phrase than "the President".
    """
    if name.endswith("'s") != of.endswith("'s"):
        return False
    short, long = sorted((name.split("'")[0], of.split("'")[0]), key=len)
    has_other_end = len(long) - 2 <= len(short) > 5  # "Turkestan" is no form of "Turkey"
    return len(short) > 2 and long.startswith(short[:-1] if has_other_end else short)


def _short_gaps(
    words: Sequence[str], gaps: Sequence[tuple[int, int]], *, is_behind: bool
) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
    for start, end in gaps:
        if end - start <= 10 and not _PRINT.intersection(words[start:end]):
            flank = words[max(0, start - 2) : start] if is_behind else words[end : end + 2]
            if len(flank) == 2:
                yield tuple(flank), words[start:end]


def _overlap(first: set[str], second: set[str]) -> float:
    least = min(len(first), len(second))
    return len(first & second) / least if least else 1.0


def _words(text: str | None) -> list[str]:
    # Web and mail addresses are left out: their words and numbers say nothing.
    parts = (
        part
        for part in normalized(text).split()
        if "://" not in part and "@" not in part and not part.startswith("www.")
    )
    return _WORD.findall(" ".join(parts))[:_LONGEST]


def _is_numeric(word: str) -> bool:
    return word[0].isdigit() or word in _SPELLED


def _plain(word: str) -> str:
    """The plain spelling of a number; `40` for `40mln` and `۴۰`; other words unchanged."""
    word = _SPELLED.get(word, word)
    found = _NUMBER.match(word)
    if found is None:
        return word
    number = found[0].rstrip(".,:/").replace(",", "")
    return number if number.isascii() else re.sub(r"\d", lambda digit: str(int(digit[0])), number)


def _numbers(words: Sequence[str]) -> Iterator[str]:
    for place, word in enumerate(words):
        is_date = _NUMERIC_DATE.match(word) or (
            _DAY.fullmatch(word) and _month_beside(words, place)
        )
        if _is_numeric(word) and not is_date:
            yield _plain(word)


def _dates(words: Sequence[str], behind: int = 0) -> Iterator[tuple[int, str]]:
    for place in range(behind, len(words)):
        word = words[place]
        if word[0].isdigit() and (_DAY.fullmatch(word) or _YEAR.fullmatch(word)):
            month = _month_beside(words, place)
            if month:
                yield month, word


def _day_of_year(date: tuple[int, str]) -> int | None:
    """The approximate day of the year; None for a month with a year."""
    month, day = date
    if _YEAR.fullmatch(day):
        return None
    return 30 * month + int(day.rstrip("stndrh"))


def _datelines_differ(earlier: Text, later: Text) -> bool:
    if earlier.dateline is None or later.dateline is None:
        return False
    apart = abs(earlier.dateline - later.dateline) % 360
    return min(apart, 360 - apart) > (0 if later.is_short_or_table else _SAME_PRINT)


def _month_beside(words: Sequence[str], place: int) -> int:
    """The number of the month right before or behind that place; 0 if there is none."""
    for beside in (place - 1, place + 1):
        if 0 <= beside < len(words) and words[beside] in _MONTHS:
            return _MONTHS[words[beside]]
    return 0
