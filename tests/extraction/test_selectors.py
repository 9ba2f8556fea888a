"""The index finds in a part of a page what XPath finds on the page, as far as it lies there."""

from __future__ import annotations

import pytest

from rscrawler.extraction.page import parse_page
from rscrawler.extraction.selectors import Index, select
from tests.extraction.pages import PROFILE
from tests.extraction.variants import CONTAINERS, Variant, variant_page

MARKUP = PROFILE.markup.model_dump()
LISTED = {selector for name, found in MARKUP.items() if name != "cut_text" for selector in found}
OTHERS = {
    "p", "div.widget p", "article.page-article .body-description p", "#none", "*", "h1, h2",
    "div > p", "p:first-child", "[class]", "a[href^='/tag/']", "a[href$='/']", "a[href*='']",
    ".widget:not(.posts-custom)", "article:not([data-source])", "img[src]", ".a.b",
    "small.image-media.media-caption", "div[class~='widget'] a", "html .tags", "body",
    "[data-source] [class*='widget'] a", "[data-source]", "div [href]", "p:contains('Tokayev')",
    "[class*='WIDGET' i]", "div[class~='Widget' i] p",
}  # fmt: skip
PAGES = [variant_page(Variant(name, neighbours="others before")) for name in CONTAINERS]


def test_a_selector_can_ask_for_words_on_any_number_of_pages() -> None:
    for _ in range(100):
        root = parse_page(b"<p>Read more: <a>Canals</a></p><p>Read less</p>")
        assert [e.text for e in select(root, "p:contains('Read more')")] == ["Read more: "]


@pytest.mark.parametrize("selector", sorted(LISTED | OTHERS))
def test_the_index_finds_what_xpath_finds(selector: str) -> None:
    for html in PAGES:
        root = parse_page(html.encode())
        matched = select(root, selector)
        for index in (Index(root), Index(root, tuple(LISTED))):
            for scope in (root, *root.iter("article", "main", "div")):
                inside = [e for e in matched if scope in (e, *e.iterancestors())]
                assert index.select(scope, selector) == inside
