"""Page → Article: the page's own piece, where each field came from, and nothing foreign.

The steps, a module each: `structured` reads what the page declares, `container`
finds the own article and cuts the others, `body` reads its paragraphs, `appeals`
takes out what is not the article's, `fields` and `dates` read the rest, and
`republication` the outlet of a reprint. `addresses` stands by itself.
"""

from rscrawler.extraction.addresses import (
    address_key,
    canonical_url,
    is_article_address,
    slug_stem,
)
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
    "address_key",
    "canonical_url",
    "extract",
    "is_article_address",
    "looks_cut_off",
    "parse_page",
    "slug_stem",
]
