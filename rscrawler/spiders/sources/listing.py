"""Listings (sections and tags): HTML pages whose links are the entries."""

from urllib.parse import urljoin

from rscrawler.extraction.page import parse_page
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import web_address
from rscrawler.spiders.sources.content import Entry, SourceContent, SourcePage, UnreadableSource

# Any page made by a site has some of these, and garbage has none.
_PAGE_ELEMENTS = ("title", "main", "div", "section", "article", "header", "nav", "h1", "h2", "ul")
_NEXT = "[rel~='next'][href]"  # WordPress and Drupal declare it, from whatever number they count


def read(page: SourcePage) -> SourceContent:
    """The links in the elements that `within` selects, in page order, without repeats.

    The next page is the first that is declared anywhere on the page (`rel="next"` of HTML).
    """
    root = parse_page(page.body, page.content_type)
    scopes = [found for selector in page.within for found in select(root, selector)]
    base = str(root.xpath("string(//head/base/@href)")).strip()
    base = urljoin(page.url, base) if base else page.url
    hrefs = (link.get("href", "") for scope in scopes or [root] for link in scope.iter("a"))
    # Menus and cards repeat addresses: each one is made absolute only once.
    links = dict.fromkeys(web_address(href, base) for href in dict.fromkeys(hrefs))
    entries = tuple(Entry(link) for link in links if link)
    if not entries and next(root.iter(*_PAGE_ELEMENTS), None) is None:
        raise UnreadableSource("is not an HTML page")  # a page without links is fine
    following = (web_address(each.get("href", ""), base) for each in select(root, _NEXT))
    further = (each for each in following if each and each != page.url)  # not a script's button
    return SourceContent(entries, next_url=next(further, None))
