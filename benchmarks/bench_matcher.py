"""How fast names are found, and what the topic step costs an article.

Prints one JSON object. Both rates of the matcher come from the same run over the same text:
ours with folding, word boundaries and case, and plain `re` with one alternation of the
same spellings. Usage: python -m benchmarks.bench_matcher
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable
from functools import partial
from pydoc_data.topics import topics as english_topics

from rscrawler.topics import FlaggableText, Flagger, load_watchlists
from rscrawler.topics.matcher import Matcher, Spelling, fold_with_offsets

SPELLINGS = 10_000
TEXT_BYTES = 8_000_000
# Plain `re` is slow enough to be measured on a part.
RE_BYTES = 100_000
ARTICLE_WORDS = 800
ROUNDS = 5
_SYLLABLES = (
    "ka", "ra", "bek", "tash", "kur", "gan", "shah", "ri", "dar", "ya", "bol", "or", "ten", "giz",
)  # fmt: skip


def spellings() -> list[Spelling]:
    """The shipped watch-lists' spellings, made up to `SPELLINGS` with invented names."""
    known = [
        Spelling(spelling, entity.case)
        for watchlist in load_watchlists().values()
        for entity in watchlist.entities
        for spelling in entity.spellings
    ]
    dice = random.Random(7)
    while len(known) < SPELLINGS:
        name = "".join(dice.choices(_SYLLABLES, k=dice.randint(3, 5)))
        known.append(Spelling(name.capitalize()))
    return known[:SPELLINGS]


def english_text(size: int) -> str:
    """So many characters of English prose, joined as the flagger joins an article's paragraphs.

    Every tenth paragraph is followed by one that names the topic.
    """
    # Python's own manual, without its indentation.
    paragraphs = [
        " ".join(paragraph.split())
        for topic in english_topics.values()
        for paragraph in topic.split("\n\n")
    ]
    named: list[str] = []
    for number, paragraph in enumerate(paragraphs):
        named.append(paragraph)
        if number % 10 == 0:
            named.append("Officials in Tashkent and Kazakhstan agreed.")
    once = FlaggableText(paragraphs=named).joined
    return (once * (size // len(once) + 1))[:size]


def best_seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The shortest of some runs, in processor seconds."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def main() -> None:
    names = spellings()
    text = english_text(TEXT_BYTES)
    matcher = Matcher(names)
    ours = best_seconds(lambda: matcher.find(fold_with_offsets(text)))
    alternation = "|".join(sorted({re.escape(name.text) for name in names}, key=len, reverse=True))
    plain = re.compile(rf"\b(?:{alternation})\b", re.IGNORECASE)
    part = text[:RE_BYTES]
    theirs = best_seconds(lambda: sum(1 for _ in plain.finditer(part)), rounds=1)
    ours_rate = len(text.encode()) / ours / 1e6
    re_rate = len(part.encode()) / theirs / 1e6

    flagger = Flagger(load_watchlists().values())
    words = text.replace("\x00", " ").split()[:ARTICLE_WORDS]
    paragraphs = tuple(" ".join(words[at : at + 80]) for at in range(0, ARTICLE_WORDS, 80))
    passing = partial(FlaggableText, title="An article", paragraphs=paragraphs)
    about = partial(
        FlaggableText,
        title="Kazakhstan and its neighbours",
        paragraphs=tuple(f"Tokayev told Kazakhstan's Senate. {part}" for part in paragraphs),
    )
    silent = partial(
        FlaggableText,
        title="An article",
        paragraphs=tuple(
            part.replace("Tashkent", "London").replace("Kazakhstan", "France")
            for part in paragraphs
        ),
    )

    def flag(article: Callable[[], FlaggableText]) -> None:
        flagger.flag(article())  # making the text joins it, which belongs to the step

    print(
        json.dumps(
            {
                "spellings": len(names),
                "matcher_mb_per_second": round(ours_rate, 1),
                "re_mb_per_second": round(re_rate, 2),
                "times_re": round(ours_rate / re_rate, 1),
                "article_words": ARTICLE_WORDS,
                "flag_ms": {
                    name: round(best_seconds(partial(flag, article)) * 1000, 3)
                    for name, article in (
                        ("names nothing", silent),
                        ("names it in passing", passing),
                        ("is about it", about),
                    )
                },
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
