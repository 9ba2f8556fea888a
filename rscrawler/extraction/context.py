"""What is known of a page before its article is located: addresses, declared headlines, links."""

from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

from lxml.etree import _Element as Element

from rscrawler.extraction.page import Page
from rscrawler.extraction.selectors import Index
from rscrawler.extraction.structured import Structured, read_structured
from rscrawler.extraction.text import shared_words, text_of, words
from rscrawler.identity.addresses import absolute, address_key, is_article_address
from rscrawler.sites import SiteProfile

_LINKED_SHARE = 0.7  # of a headline, from which a link in it counts as a link of the whole


@dataclass(frozen=True)
class PageContext:
    """What a page declares, how `profile` reads it, and an index of its elements.

    `warnings` grow while the page is read.
    """

    page: Page
    profile: SiteProfile
    structured: Structured
    titles: tuple[str, ...]
    index: Index
    warnings: list[str]
    _agreements: dict[str, float] = field(default_factory=dict, repr=False)
    _foreign: dict[str, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, page: Page, profile: SiteProfile) -> Self:
        """Read what the page declares, and index its elements."""
        structured = read_structured(page.root, page.url, profile)
        titles = tuple(headline for _, headline in structured.headlines)
        return cls(page, profile, structured, titles, Index(page.root), [*structured.warnings])

    @cached_property
    def _title_words(self) -> list[frozenset[str]]:
        return [frozenset(words(title)) for title in dict.fromkeys(self.titles)]

    @cached_property
    def _main_headlines(self) -> list[Element]:
        return list(self.index.root.iter("h1"))

    def headline_before(self, element: Element) -> Element | None:
        """The last `h1` before `element`; None if it is around it or links to another article."""
        place = self.index.place
        number = bisect_left(self._main_headlines, place(element), key=place)
        if number == 0:
            return None
        before = self._main_headlines[number - 1]
        is_other = self.index.is_within(element, before) or links_elsewhere(before, self)
        return None if is_other else before

    def is_foreign_link(self, href: str | None) -> bool:
        """Whether `href` leads to another article of the site."""
        if href is None or not leads_to_page(href):
            return False
        if href not in self._foreign:
            address = absolute(href, self.structured.base)
            self._foreign[href] = (
                is_article_address(address, self.profile)
                and address_key(address, self.profile) not in self.structured.own_keys
            )
        return self._foreign[href]

    def agrees(self, headline: str) -> float:
        """How well `headline` agrees with the declared headlines, 0 to 1."""
        if headline not in self._agreements:
            own = frozenset(words(headline))
            self._agreements[headline] = (
                1.0
                if own and headline in self.titles
                else max((shared_words(own, title) for title in self._title_words), default=0.0)
            )
        return self._agreements[headline]


def leads_to_page(href: str) -> bool:
    """Whether a link leads to a page, not to a place on this page, a mail, a script or a call."""
    return bool(href) and not href.startswith(("#", "mailto:", "javascript:", "tel:"))


def links_elsewhere(headline: Element, page: PageContext) -> bool:
    """Whether a link around a headline or over most of it leads to another article of the site."""
    within = list(headline.iter("a"))
    if within:
        least = _LINKED_SHARE * len(text_of(headline))
        within = [link for link in within if len(text_of(link)) >= least]
    links = (*headline.iterancestors("a"), *within)
    return any(page.is_foreign_link(link.get("href")) for link in links)
