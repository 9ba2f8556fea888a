"""Further articles, any number of them, always the same for a seed.

Each sentence is put together from short phrases (`phrases.toml`), so that two articles share
words but hardly ever a run of five: the Jaccard similarity of their sets of five-word
shingles stays far below 0.2.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain, count
from pathlib import Path
from random import Random
from typing import Any

from tests.sample_site.stories import REGIONS, BlockKind, Shape, Story, load_articles

SPREAD = timedelta(days=60)
_TABLE: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent / "phrases.toml").read_text(encoding="utf-8")
)
_PLACES: dict[str, list[str]] = _TABLE.pop("places")
_PHRASES: dict[str, list[str]] = _TABLE
_BLANK = re.compile(r"\{(?:(\d+)-(\d+)|(\w+))\}")
_A_BEFORE_VOWEL = re.compile(r"\b([Aa]) (?=[aeio]|u(?!ni))")
_FIRST_POST_ID = 2_660_100_000

# Pages take these in turn unless an article says what its page looks like.
_SHAPE_SETS: tuple[frozenset[Shape], ...] = tuple(
    frozenset(shapes)
    for shapes in (
        (Shape.APPEAL_BARE,),
        (Shape.APPEAL_MARKED, Shape.LINKS),
        (Shape.APPEAL_BARE, Shape.FOREIGN_INSIDE, Shape.JSON_LD),
        (Shape.LINKS, Shape.SPANS, Shape.INLINE_MEDIA),
        (Shape.APPEAL_MIDDLE, Shape.LONG_TAIL),
        (Shape.APPEAL_BARE, Shape.ENTITIES),
        (Shape.NEWSLETTER_MIDDLE, Shape.APPEAL_MARKED),
        (Shape.BREAKS, Shape.APPEAL_BARE),
        (Shape.APPEAL_BARE, Shape.JSON_LD_DATES, Shape.LINKS),
        (Shape.FOREIGN_IN_BODY, Shape.APPEAL_BARE),
        (Shape.WINDOWS_1252, Shape.APPEAL_MARKED),
        (Shape.UNCLOSED, Shape.APPEAL_BARE, Shape.LINKS),
        (Shape.CREDIT_BELOW, Shape.APPEAL_BARE, Shape.INLINE_MEDIA),
        (Shape.REGION_LINKS, Shape.LONG_TAIL, Shape.APPEAL_BARE),
        (Shape.APPEAL_MIDDLE, Shape.APPEAL_BARE, Shape.SPANS),
        (),
        (Shape.NO_DATE, Shape.APPEAL_BARE),
    )
)


def build_stories(
    how_many: int, seed: int, now: datetime
) -> tuple[tuple[Story, ...], Iterator[Story]]:
    """The stories public at `now`, newest first, and an endless line of those held back.

    The hand-written articles come first, so a site of any size has a fair sample of them.
    Public stories are spread over the 60 days before `now`, the newest within the last
    hour; those held back have no date yet.
    """
    articles = load_articles()
    generated = (generate_story(number, seed) for number in count())
    written = chain(articles.public[:how_many], generated)
    public = [_completed(next(written), number, seed) for number in range(how_many)]
    rng = Random(f"{seed}:order")
    rng.shuffle(public)
    ranked = enumerate(public)
    dated = tuple(_dated(each, rank, how_many, rng, now.astimezone(UTC)) for rank, each in ranked)
    # What is published later is dated: a monitor should find it in the feed.
    later = enumerate(chain(articles.held_back, generated), how_many)
    held_back = (_completed(story, number, seed) for number, story in later)
    return dated, (replace(each, shapes=each.shapes - {Shape.NO_DATE}) for each in held_back)


@lru_cache(maxsize=1_000)  # sites of one seed begin alike
def generate_story(number: int, seed: int) -> Story:
    """Article `number` of the endless series for `seed`: 300 to 900 words, no date."""
    rng = Random(f"{seed}:{number}")
    section = rng.choice(list(_PLACES))
    writer = _Writer(rng, section)
    title = writer.headline("title")
    wanted_words = rng.randint(330, 780)
    paragraphs: list[str] = []
    kinds: list[BlockKind] = []
    while sum(len(p.split()) for p in paragraphs) < wanted_words:
        further = len(paragraphs) > 2
        kind = rng.choices(list(BlockKind), weights=(20, 1, 1, 1))[0] if further else BlockKind.TEXT
        for _ in range(3 if kind is BlockKind.ITEM else 1):
            paragraphs.append(writer.paragraph(kind))
            kinds.append(kind)
    outlet = writer.write("outlet") if rng.random() < 0.06 else None
    if outlet:
        paragraphs.append(f"This article was republished with permission from {outlet}.")
        kinds.append(BlockKind.TEXT)
    authors = [writer.write("person") for _ in range(rng.choices((0, 1, 2, 3), (8, 70, 18, 4))[0])]
    form = rng.choice(("analysis", "reporting", "qiosk"))
    topics = [writer.write(name) for name in ("place", "place", "noun")]
    has_image = rng.random() < 0.93
    return Story(
        slug=f"{slugify(title)}-{number}",
        post_id="",
        title=title,
        subtitle=writer.headline("sentence").rstrip(".") if rng.random() < 0.85 else None,
        paragraphs=tuple(paragraphs),
        kinds=tuple(kinds),
        authors=tuple(dict.fromkeys(authors)),
        sections=(form, section) if form != "qiosk" else ("qiosk",),
        tags=tuple(dict.fromkeys(map(slugify, topics))),
        has_image=has_image,
        image_caption=writer.headline("sentence") if has_image and rng.random() < 0.5 else None,
        image_credit=f"Shutterstock/{writer.write('person')}" if has_image else None,
        republished_from=outlet,
    )


def slugify(text: str) -> str:
    """Lower-case ASCII words joined by hyphens, as in the site's addresses."""
    ascii_text = unicodedata.normalize("NFKD", text.replace("ø", "o").replace("ł", "l"))
    letters = ascii_text.encode("ascii", "ignore").decode().lower().replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")


def _completed(story: Story, number: int, seed: int) -> Story:
    """`story` with its post id and the shape of its page."""
    post_id = story.post_id or str(_FIRST_POST_ID + number * 13)
    generated = story.level is None
    slug = f"{story.slug}-{post_id}" if generated and number % 4 == 0 else story.slug
    shapes = story.shapes or _SHAPE_SETS[(number + seed) % len(_SHAPE_SETS)]
    if not story.has_image:
        shapes -= {Shape.CREDIT_BELOW}
    if not set(story.sections) & set(REGIONS):
        shapes -= {Shape.REGION_LINKS}
    return replace(story, post_id=post_id, slug=slug, shapes=shapes)


def _dated(story: Story, rank: int, how_many: int, rng: Random, now: datetime) -> Story:
    """`story` as the one that `rank` newer ones follow. Ranks keep their order."""
    step = SPREAD / how_many
    age = timedelta(minutes=rng.uniform(8, 55)) + (step * rank if rank else timedelta())
    published_at = (now - age).replace(microsecond=0)
    modified_at = None
    if rng.random() < 0.3 and story.is_dated:
        modified_at = (published_at + age * rng.uniform(0.01, 0.5)).replace(microsecond=0)
    return replace(story, published_at=published_at, modified_at=modified_at)


class _Writer:
    """Writes phrases at random."""

    def __init__(self, rng: Random, section: str) -> None:
        self._rng = rng
        self._phrases = _PHRASES | {"place": _PLACES[section]}

    def write(self, name: str) -> str:
        """One of the phrases of that name, filled in."""
        return _A_BEFORE_VOWEL.sub(r"\1n ", self._filled(name))

    def _filled(self, name: str) -> str:
        return _BLANK.sub(self._fill, self._rng.choice(self._phrases[name]))

    def _fill(self, blank: re.Match[str]) -> str:
        least, most, inner = blank.groups()
        return self._filled(inner) if inner else str(self._rng.randint(int(least), int(most)))

    def headline(self, name: str) -> str:
        """The same, beginning with a capital letter."""
        text = self.write(name)
        start = 1 if text.startswith('"') else 0
        return text[:start] + text[start : start + 1].upper() + text[start + 1 :]

    def paragraph(self, kind: BlockKind) -> str:
        if kind is BlockKind.SUBHEAD:
            return self.headline("subhead")
        sentences = 1 if kind is not BlockKind.TEXT else self._rng.randint(1, 4)
        return " ".join(self.headline("sentence") for _ in range(sentences))
