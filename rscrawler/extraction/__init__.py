"""Page → Article: the page's own article, where each field came from, and nothing foreign.

`article` puts it together: `structured` reads what the page declares; `body` has the text, which
`container` (by a profile) or `locate` (without one) finds, `blocks` makes a flat list of, and
`label` calls by one table of rules and the words in `vocabulary.toml`; `fields` reads the rest.
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
