"""Page → Article: the page's own article alone, with the provenance of each field.

`article` combines the steps. `structured` reads what the page declares. `body` extracts the text:
`container` (by profile) or `locate` (without) finds it, `blocks` makes a flat list of it, `label`
labels the blocks by a table of rules and `vocabulary.toml`. `fields` reads the other fields.
"""

from typing import TYPE_CHECKING, Any

from rscrawler.extraction.page import (
    IncompletePage,
    NotAnArticle,
    Page,
    PageError,
    looks_cut_off,
    parse_page,
)

if TYPE_CHECKING:
    from rscrawler.extraction.article import extract, labelled_blocks

__all__ = [
    "IncompletePage",
    "NotAnArticle",
    "Page",
    "PageError",
    "extract",
    "labelled_blocks",
    "looks_cut_off",
    "parse_page",
]


def __getattr__(name: str) -> Any:
    """Import the slow modules on first use."""
    if name not in ("extract", "labelled_blocks"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rscrawler.extraction import article

    return getattr(article, name)
