"""Page → Article: the page's own article, where each field came from, and nothing foreign.

`structured` reads what the page declares; `container` (by a profile) or `locate` (without one)
finds the article; `blocks` makes a flat list of it; `label` says of each block what it is, by one
table of rules and the words in `vocabulary.toml`; `fields` and `dates` read the rest.
"""

from rscrawler.extraction.article import extract, labelled_blocks
from rscrawler.extraction.page import (
    IncompletePage,
    NotAnArticle,
    Page,
    PageError,
    looks_cut_off,
    parse_page,
)

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
