"""Sections and tags: pages of which every link counts."""

from urllib.parse import urljoin

from rscrawler.extraction.page import parse_page
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import Entry, SourceContent, SourcePage, UnreadableSource

# Of which any page made by a site has some, and garbage has none.
_PAGE_ELEMENTS = ("title", "main", "div", "section", "article", "header", "nav", "h1", "h2", "ul")
_NEXT = "[rel~='next'][href]"  # of HTML; WordPress and Drupal have it, whatever they count from


def read(page: SourcePage) -> SourceContent:
    """Every link in what `within` selects, in page order, without repeats; what is next, anywhere.

    The next page is the one that the page itself says is (`rel="next"` of HTML).
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
    return SourceContent(entries, next_url=next(further, None))
