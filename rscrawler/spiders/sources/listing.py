"""Sections and tags: pages of which every link counts."""

import re
from urllib.parse import urljoin, urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.page import parse_page
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import Entry, SourceContent, SourcePage, UnreadableSource

# Of which any page made by a site has some, and garbage has none.
_PAGE_ELEMENTS = ("title", "main", "div", "section", "article", "header", "nav", "h1", "h2", "ul")
_NEXT = "[rel~='next'][href]"  # of HTML; WordPress and Drupal have it, whatever they count from
_NUMBERED = re.compile(r"(.*)/page/(\d+)/?")  # how Hugo, Hexo and most others count their pages


def read(page: SourcePage) -> SourceContent:
    """Every link in what `within` selects, in page order, without repeats; what is next, anywhere.

    The next page is the one that the page itself says is (`rel="next"` of HTML), else, where no
    parameter counts, the one that it links to by the next number (`/news/page/2/`).
    """
    root = parse_page(page.body, page.content_type)
    scopes = [found for selector in page.within for found in select(root, selector)]
    base = str(root.xpath("string(//head/base/@href)")).strip()
    base = urljoin(page.url, base) if base else page.url
    hrefs = (link.get("href", "") for scope in scopes or [root] for link in scope.iter("a"))
    # The same addresses stand in menus and cards of one page: each is made absolute once.
    links = dict.fromkeys(web_address(href, base) for href in dict.fromkeys(hrefs))
    entries = tuple(Entry(link) for link in links if link)
    if not entries and next(root.iter(*_PAGE_ELEMENTS), None) is None:
        raise UnreadableSource("is no page")  # an empty list is one, and fine
    following = (web_address(each.get("href", ""), base) for each in select(root, _NEXT))
    further = (each for each in following if each and each != page.url)  # no button of a script
    next_url = next(further, None)
    if next_url is None and not page.source.is_paged:
        next_url = _next_numbered(page.url, base, root)
    return SourceContent(entries, next_url=next_url)


def _next_numbered(url: str, base: str, root: Element) -> str | None:
    """The page behind `url`, which is the first one without a number, if there is a link to it."""
    path = urlsplit(url).path
    match = _NUMBERED.fullmatch(path)
    stem, number = match.groups() if match else (path.rstrip("/"), 1)
    following = str(int(number) + 1)
    hrefs = (link.get("href", "") for link in root.iter("a"))
    alike = (web_address(h, base) for h in hrefs if h.rstrip("/").endswith(following))
    wanted = (f"{stem}/page/{following}", f"{stem}/page/{following}/")
    return next((each for each in alike if each and urlsplit(each).path in wanted), None)
