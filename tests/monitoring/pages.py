"""Article pages as cycles observe them."""

from __future__ import annotations

from collections.abc import Mapping

from rscrawler.monitoring.observation import FIELDS, Observation

BY_METADATA = "meta: author"
USUAL = {
    "container": "profile: .own article",
    "body": "profile: .text",
    "title": "profile: h1",
    "authors": "profile: a.author",
    "published_at": "meta: article:published_time",
    "sections": "profile: a.section",
    "tags": "profile: a.tag",
    "image": "profile: img",
}
LOST = {**USUAL, "container": "fallback: article", "body": "densest region"}


def cycle(pages: int, origins: Mapping[str, str], words: int = 600) -> Observation:
    """A cycle that read so many pages, all alike."""
    return Observation(
        pages=pages,
        origins={name: {origins[name]: pages} for name in FIELDS},
        lengths={words.bit_length(): pages},
    )


def usual_past() -> list[Observation]:
    """A first crawl of sixty pages, of which two have no author, and some days since."""
    first = cycle(58, USUAL).plus(cycle(2, {**USUAL, "authors": ""}))
    return [*(cycle(1, USUAL) for _ in range(6)), first]
