"""Texts made from others: reprints, and issues of a series."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

_LEADS = (
    "The following analysis looks at what happened and at what may come next for those concerned.",
    "A correspondent reports on the background of a decision that surprised observers abroad.",
    "In brief: the latest from the region, with comments by officials and by people there.",
)
_LINES = (
    "This article was originally published by Silk Route Monitor and is republished here with "
    "permission.",
    "This story first appeared in The Inland Courier. Read the original article.",
    "Republished from Open Steppe under a Creative Commons licence.",
)
_OTHER_WORDS = (
    "further lately mostly partly rather broadly merely openly oddly plainly briefly firmly "
    "newly calmly gently loudly poorly richly safely slowly surely thinly warmly wisely"
)


def with_words_changed(text: str, share: float, seed: int) -> str:
    """`text` with that share of its words replaced, whatever they are; on one line."""
    rng = Random(seed)
    words = text.split()
    for place in rng.sample(range(len(words)), int(len(words) * share)):
        words[place] = f"other{rng.randrange(10_000)}"
    return " ".join(words)


def reprint_of(text: str, rng: Random, *, keep: float, changed: float = 0.05) -> str:
    """A reprint: the ending cut, some words changed, lines before and behind."""
    sentences = re.split(r"(?<=[.!?]) +|\n\n", text)
    wanted = int(keep * len(text.split()))
    kept: list[str] = []
    while sentences and sum(len(each.split()) for each in kept) < wanted:
        kept.append(sentences.pop(0))
    words = " ".join(kept).split(" ")
    plain = [place for place, word in enumerate(words) if re.fullmatch("[a-z]+", word)]
    for place in rng.sample(plain, min(len(plain), round(changed * len(words)))):
        words[place] = rng.choice(_OTHER_WORDS.split())
    return "\n\n".join([rng.choice(_LEADS), " ".join(words), rng.choice(_LINES)])


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of a series."""

    title: str
    paragraphs: tuple[str, ...]

    @property
    def body(self) -> str:
        """The paragraphs, divided as in a record."""
        return "\n\n".join(self.paragraphs)


_SUBJECTS = (
    "grain prices", "bond yields", "copper stocks", "rail freight", "water levels",
    "gas exports", "wool sales", "power output", "meat imports", "bank deposits",
)  # fmt: skip
_TOWNS = (
    "Aktau Aktobe Almaty Atyrau Balkhash Ekibastuz Karaganda Kokshetau Kostanay Kyzylorda "
    "Oral Pavlodar Petropavl Rudny Semey Shymkent Taldykorgan Taraz Temirtau Turkistan"
)
_FRAME_WORDS = (
    "traders expected demand along the corridor while analysts warned that storage remains "
    "tight and buyers from abroad kept asking for longer terms than sellers would give this "
    "season because transport costs rose again under the rules that parliament adopted last "
    "spring"
)


def series(number: int, issues: int) -> list[Issue]:
    """Issues of one series about Kazakhstan: one frame, one to three changes in each.

    By the series' number a figure changes from issue to issue, or a name, or both and another
    figure.
    """
    rng = Random(number)
    frame = [" ".join(rng.choices(_FRAME_WORDS.split(), k=rng.randrange(14, 22))) for _ in range(6)]
    subject = _SUBJECTS[number % len(_SUBJECTS)]
    kind = number % 3
    return [
        Issue(
            f"Kazakhstan: the week's {subject}",
            (
                f"Kazakhstan published its weekly figures on {subject} on Friday. The index stood "
                f"at {3 + number}.{10 if kind == 1 else 10 + issue} points after trading in "
                f"{_TOWNS.split()[number if kind == 0 else issue]}, the ministry in Astana said.",
                f"Officials of Kazakhstan counted {200 + 7 * issue if kind == 2 else 200} new "
                f"contracts. {'. '.join(frame[:3])}.",
                f"The government of Kazakhstan prints such figures on Fridays. "
                f"{'. '.join(frame[3:])}.",
            ),
        )
        for issue in range(issues)
    ]
