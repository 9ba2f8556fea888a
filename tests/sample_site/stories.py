"""What the sample site has to say: the `Story` and the hand-written articles.

The articles are the TOML files of the demo. A body is written with blank lines between
paragraphs; a paragraph that begins with `## `, `- ` or `> ` is a subhead, a list
item or a quotation. Each of them is one paragraph of the article's text.

What a story's text is, by convention, wherever a page can say it in several ways:
subheads, every list item and every quoted paragraph count as paragraphs; two line
breaks in a row divide paragraphs; non-breaking spaces are spaces, soft hyphens are
nothing, letters are NFC; quotation marks and dashes stay as printed.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from rscrawler.demo.server import ARTICLES
from rscrawler.items import Level

_HERE = Path(__file__).parent
SITE: dict[str, Any] = tomllib.loads((_HERE / "site.toml").read_text("utf-8"))
REGIONS: list[str] = SITE["regions"]
SECTIONS: list[str] = SITE["sections"]
NOT_YET = datetime(2000, 1, 1, tzinfo=UTC)


class BlockKind(StrEnum):
    """What a paragraph of a body is."""

    TEXT = "text"
    SUBHEAD = "subhead"
    ITEM = "item"
    QUOTE = "quote"


_KIND_MARKS = {"##": BlockKind.SUBHEAD, "-": BlockKind.ITEM, ">": BlockKind.QUOTE}


class Shape(StrEnum):
    """A way in which a page differs from the plain one. A page may have several."""

    APPEAL_BARE = "appeal-bare"  # donation appeal at the end, in <p> like the article's own
    APPEAL_MARKED = "appeal-marked"  # the same in a block with a class of its own
    APPEAL_MIDDLE = "appeal-middle"  # a bare appeal between the article's paragraphs
    NEWSLETTER_MIDDLE = "newsletter-middle"  # a sign-up block between them
    JSON_LD = "json-ld"  # structured data beside the meta elements
    JSON_LD_DATES = "json-ld-dates"  # dates in structured data only, with an offset
    LINKS = "links"  # links in the running text, one with its space inside
    SPANS = "spans"  # a drop cap and nested spans
    BREAKS = "breaks"  # paragraphs divided by <br><br>, some without any <p>
    INLINE_MEDIA = "inline-media"  # pictures with captions, and a film, within the body
    FOREIGN_INSIDE = "foreign-inside"  # another article in the own <article>, after the body
    FOREIGN_IN_BODY = "foreign-in-body"  # another article between the own paragraphs
    ENTITIES = "entities"  # named entities, NBSP, soft hyphens, decomposed letters
    WINDOWS_1252 = "windows-1252"  # said in a meta element only
    UNCLOSED = "unclosed"  # <p> and <li> are not closed
    NO_DATE = "no-date"  # no date on the page, in the feeds or in the sitemaps
    REGION_LINKS = "region-links"  # section links lead to /regions/<slug>/
    CREDIT_BELOW = "credit-below"  # the photo credit follows the body, without its label
    LONG_TAIL = "long-tail"  # the articles that follow are carried entire


@dataclass(frozen=True, slots=True)
class Story:
    """One article as its author filed it, and how its page is shaped.

    Attributes:
        slug: the last part of the canonical address, unique on the site. It ends with
            `-<post_id>` (ten digits) where that is the canonical form.
        paragraphs: plain text, already in the form that a record should hold; a
            republication line is the last of them.
        kinds: what each paragraph is; empty means that all are running text.
        image_credit: without the label ("Top photo credit:") that the page prints before it.
        level: how far it is about Central Asia, and `countries` about which states; None if
            it was generated.
    """

    slug: str
    post_id: str
    title: str
    paragraphs: tuple[str, ...]
    published_at: datetime = NOT_YET  # orders the listings even where the page has no date
    subtitle: str | None = None
    authors: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    modified_at: datetime | None = None
    kinds: tuple[BlockKind, ...] = ()
    has_image: bool = True
    image_caption: str | None = None
    image_credit: str | None = None
    republished_from: str | None = None
    level: Level | None = None
    countries: tuple[str, ...] | None = None
    shapes: frozenset[Shape] = frozenset()

    @property
    def stem(self) -> str:
        """The slug without its post id. Different stories may share one."""
        return self.slug.removesuffix(f"-{self.post_id}")

    @property
    def path(self) -> str:
        """The canonical path."""
        return f"/{self.slug}/"

    @property
    def other_path(self) -> str:
        """The path in the other form: with the post id, or without it."""
        return f"/{self.stem}/" if self.slug != self.stem else f"/{self.slug}-{self.post_id}/"

    @property
    def dated_path(self) -> str:
        """The path that the site used before it moved: `/YYYY/MM/DD/stem/`."""
        return f"/{self.published_at:%Y/%m/%d}/{self.stem}/"

    @property
    def changed_at(self) -> datetime:
        """When it was last touched."""
        return self.modified_at or self.published_at

    @property
    def is_dated(self) -> bool:
        """Whether the site says anywhere when it was published."""
        return Shape.NO_DATE not in self.shapes

    @property
    def body(self) -> str:
        """The article's own text, paragraphs divided by a blank line."""
        return "\n\n".join(self.paragraphs)

    @property
    def word_count(self) -> int:
        """Words in the body, as white space divides them."""
        return len(self.body.split())

    @property
    def is_about_the_region(self) -> bool:
        """Whether a monitor of Central Asia would want it."""
        return self.level is not None and self.level.reaches(Level.SUBSTANTIAL)

    def kind_of(self, index: int) -> BlockKind:
        """What paragraph `index` is."""
        return self.kinds[index] if self.kinds else BlockKind.TEXT


class Articles(NamedTuple):
    """The hand-written stories: those public from the start, and those held back."""

    public: tuple[Story, ...]
    held_back: tuple[Story, ...]


@cache
def load_articles() -> Articles:
    """All hand-written stories, without dates, in an order that mixes the subjects.

    The first few are a fair sample: the files are read in turn, one story from each.
    """
    files = {
        path.stem: [_story(table) for table in tomllib.loads(path.read_text("utf-8"))["story"]]
        for path in sorted(ARTICLES.glob("*.toml"))
    }
    held_back = files.pop("held_back")
    mixed = (story for row in zip_longest(*files.values()) for story in row if story is not None)
    return Articles(tuple(mixed), tuple(held_back))


def _story(table: dict[str, Any]) -> Story:
    blocks = [" ".join(block.split()) for block in table.pop("body").strip().split("\n\n")]
    marked = [(_KIND_MARKS.get(block.partition(" ")[0], BlockKind.TEXT), block) for block in blocks]
    for key in ("authors", "sections", "tags", "countries"):
        table[key] = tuple(table.get(key, ()))
    return Story(
        post_id=table.pop("post_id", ""),
        level=Level(table.pop("level")),
        shapes=frozenset(map(Shape, table.pop("shapes", ()))),
        paragraphs=tuple(
            b if kind is BlockKind.TEXT else b.partition(" ")[2] for kind, b in marked
        ),
        kinds=tuple(kind for kind, _ in marked),
        **table,
    )
