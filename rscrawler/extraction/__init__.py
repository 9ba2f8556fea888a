"""Page → Article: the page's own piece, where each field came from, and nothing foreign.

The steps, a module each: `structured` reads what the page declares, `container`
finds the own article and cuts the others, `body` reads its paragraphs, `appeals`
takes out what is not the article's, `fields` and `dates` read the rest, and
`republication` the outlet of a reprint.
"""

from rscrawler.extraction.article import extract
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
    "looks_cut_off",
    "parse_page",
]
