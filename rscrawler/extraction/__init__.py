"""Page → Article: the page's own article, where each field came from, and nothing foreign.

`structured` reads what the page declares; `container` (by a profile) or `locate` (without one)
finds the article; `blocks` makes a flat list of it; `label` says of each block what it is, by one
table of rules and the words in `vocabulary.toml`; `fields` and `dates` read the rest.
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
    """What takes long to import, when it is first used."""
    if name not in ("extract", "labelled_blocks"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rscrawler.extraction import article

    return getattr(article, name)
