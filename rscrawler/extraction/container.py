"""Finding the page's own article among those that the page carries, and cutting the others.

No single sign decides. Every element that could be an article is scored by signs
that are independent of each other: the profile's selectors, agreement of its
headline with what the page declares, a headline that links elsewhere, a link to
the page's own address. The best one is the own container. Some themes print one
piece in several elements (headline here, text there); the others of these are
found by what they share with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml.html import HtmlElement

from rscrawler.extraction.addresses import absolute, address_key, is_article_address
from rscrawler.extraction.selectors import select, select_all
from rscrawler.extraction.structured import AGREEMENT, Structured
from rscrawler.extraction.text import likeness, text_of
from rscrawler.sites import SiteProfile

_HEADINGS = ("h1", "h2", "h3", "h4")
_PAGE_FURNITURE = frozenset({"header", "nav", "footer", "aside"})
_POST_ID = re.compile(r"(?:^|[\s_-])(?:post|elid|id)[-_]?(\d{3,})(?=$|\s)")
_LEAST_TEXT = 200  # characters of paragraphs from which an element can be an article's text
_LEAST_TEASER = 40  # characters of text that a card has beside its headline
_LEAST_HEADLINE = 4  # words from which a linked block outside the text is a headline
_LINKED_SHARE = 0.7  # of a headline, from which it is a link and does not only hold one
_TEASER_END = re.compile(r"^\W*(?:keep reading|show less|read more)(?:\s*show less)?\W*$", re.I)
_HEADLINE_CLASS = re.compile(r"headline|(?:^|[\s_-])title(?:$|[\s_-])", re.IGNORECASE)


@dataclass(frozen=True)
class Own:
    """The own article: `parts` in document order; the first in `parts` need not be `main`."""

    parts: tuple[HtmlElement, ...]
    main: HtmlElement
    headline: HtmlElement | None
    origin: str

    @property
    def is_from_profile(self) -> bool:
        """Whether the profile's selectors led here."""
        return self.origin.startswith("profile")


@dataclass(frozen=True)
class Surroundings:
    """What is known of the page before any container is chosen."""

    url: str
    profile: SiteProfile
    structured: Structured
    titles: tuple[str, ...]

    @cached_property
    def own_keys(self) -> frozenset[str]:
        """Keys of the address the page was fetched from and of those it gives itself."""
        declared = (self.url, self.structured.canonical, self.structured.meta.get("og:url"))
        return frozenset(
            address_key(absolute(address, self.structured.base), self.profile)
            for address in declared
            if address
        )

    @cached_property
    def _foreign(self) -> dict[str, bool]:
        return {}

    def is_foreign_link(self, href: str | None) -> bool:
        """Whether `href` leads to another article of the site."""
        if not href or href.startswith(("#", "mailto:", "javascript:", "tel:")):
            return False
        if href not in self._foreign:
            address = absolute(href, self.structured.base)
            self._foreign[href] = (
                is_article_address(address, self.profile)
                and address_key(address, self.profile) not in self.own_keys
            )
        return self._foreign[href]

    def agrees(self, headline: str) -> float:
        """How well `headline` agrees with what the page declares, 0 … 1."""
        return max((likeness(headline, title) for title in self.titles), default=0.0)


def find_own(root: HtmlElement, page: Surroundings) -> Own | None:
    """The page's own article, None if the page has none. The tree stays as it is."""
    ranked: dict[HtmlElement, tuple[int, str]] = {}
    selectors = page.profile.markup.container
    for selector, element in select_all([root], selectors):
        ranked.setdefault(element, (selectors.index(selector), f"profile: {selector}"))
    for element in root.iter("article", "main"):
        ranked.setdefault(element, (len(selectors), f"fallback: {element.tag}"))
    foreign = {element for _, element in select_all([root], page.profile.markup.foreign)}
    scored = []
    for order, (element, (rank, origin)) in enumerate(ranked.items()):
        headline = own_headline(element, page)
        score = _score(element, headline, rank, len(selectors), page)
        score -= 1.0 if element in foreign else 0.0
        scored.append((score, -order, element, headline, origin))
    acceptable = [entry for entry in scored if entry[0] > 0]
    if acceptable:
        score, _, element, headline, origin = max(acceptable, key=lambda entry: entry[:2])
        is_from_profile = origin.startswith("profile")
        holds_text = element.tag != "main" and _has_text(element, _LEAST_TEASER)
        grown = None
        if not (score >= _SURE and (is_from_profile or holds_text)):
            grown = _grown(root, page)
        if grown is None or holds_text:
            parts = _parts(element, headline, ranked, page)
            return Own(parts, element, headline, origin)
        return grown
    return _grown(root, page)


_SURE = 4.0


def _score(
    element: HtmlElement, headline: HtmlElement | None, rank: int, ranks: int, page: Surroundings
) -> float:
    score = 2.0 * (ranks - rank) / ranks if rank < ranks else 0.0
    if element.tag == "main":
        score -= 1.0  # holds the article as a rule, and much else
    if headline is None:
        data = _data_headline(element)
        if data is not None and page.titles:
            return score + (3.0 if page.agrees(data) >= AGREEMENT else -4.0)
        return score - 1.0 if _has_text(element) else score - 3.0
    text = text_of(headline)
    agreement = page.agrees(text)
    if agreement >= AGREEMENT:
        score += 2.0 + 2.0 * agreement
    elif page.titles:
        score -= 1.0
    score += 1.5 if headline.tag == "h1" else 0.0
    if _links_elsewhere(headline, page):
        score -= 6.0
    elif _links_home(headline, page):
        score += 1.0
    if any(ancestor.tag in _PAGE_FURNITURE for ancestor in element.iterancestors()):
        score -= 2.0
    return score


def own_headline(element: HtmlElement, page: Surroundings) -> HtmlElement | None:
    """The headline of the article that `element` is, not that of an article nested in it."""
    nested = None
    for selector in page.profile.markup.title:
        for found in select(element, selector):
            if not _in_nested_article(found, element):
                return found
    for found in element.iter(*_HEADINGS):
        if not _in_nested_article(found, element):
            return found
        nested = found if nested is None else nested
    return None


def _in_nested_article(inner: HtmlElement, outer: HtmlElement) -> bool:
    for ancestor in inner.iterancestors():
        if ancestor is outer:
            return False
        if ancestor.tag == "article":
            return True
    return False


def _parts(
    main: HtmlElement,
    headline: HtmlElement | None,
    ranked: dict[HtmlElement, tuple[int, str]],
    page: Surroundings,
) -> tuple[HtmlElement, ...]:
    """`main` and every other element of the profile's kind that prints the same piece."""
    ids = _post_ids(main)
    title = text_of(headline) if headline is not None else None
    parts = [main]
    for element, (_, origin) in ranked.items():
        if element is main or not origin.startswith("profile"):
            continue
        if any(_is_within(element, part) or _is_within(part, element) for part in parts):
            continue
        other = own_headline(element, page)
        if other is not None:
            same = not _links_elsewhere(other, page) and (
                page.agrees(text_of(other)) >= AGREEMENT
                or (title is not None and likeness(text_of(other), title) >= AGREEMENT)
            )
        else:
            data = _data_headline(element)
            same = bool(ids & _post_ids(element)) or (
                data is not None and page.agrees(data) >= AGREEMENT
            )
        if same:
            parts.append(element)
    if len(parts) == 1:
        return (main,)
    order = {element: number for number, element in enumerate(main.getroottree().iter())}
    return tuple(sorted(parts, key=order.__getitem__))


def _grown(root: HtmlElement, page: Surroundings) -> Own | None:
    """From the element with the declared headline upwards until it holds the paragraphs."""
    best: tuple[float, HtmlElement] | None = None
    for element in root.iter(*_HEADINGS, "div", "span", "p", "strong"):
        is_heading = element.tag in _HEADINGS
        if not is_heading and not _HEADLINE_CLASS.search(
            f"{element.get('class') or ''} {element.get('itemprop') or ''}"
        ):
            continue
        if any(ancestor.tag == "nav" for ancestor in element.iterancestors()):
            continue
        if _links_elsewhere(element, page):
            continue
        agreement = page.agrees(text_of(element))
        if agreement >= AGREEMENT:
            score = agreement + (0.5 if element.tag == "h1" else 0.2 if is_heading else 0.0)
        elif element.tag == "h1":
            score = 0.3
        else:
            continue
        if best is None or score > best[0]:
            best = (score, element)
    if best is None or (best[0] <= 0.3 and len(list(root.iter("h1"))) > 1):
        return None
    headline = best[1]
    for ancestor in headline.iterancestors():
        if ancestor.tag in ("body", "html") and not _has_text(ancestor):
            return None
        if _has_text(ancestor):
            return Own((ancestor,), ancestor, headline, "fallback: headline")
    return None


def cut_foreign(own: Own, page: Surroundings) -> int:
    """Remove from the own article what belongs to other articles; the number of cuts.

    The profile's `foreign`, nested articles, and blocks under a headline that links to another
    article of the site. What holds the own headline is never cut.
    """
    markup = page.profile.markup
    cuts = 0
    for part in own.parts:
        keep = {part, *part.iterancestors()}
        if own.headline is not None:
            keep |= {own.headline, *own.headline.iterancestors()}
        nested = [element for _, element in select_all([part], markup.foreign)]
        nested += [element for element in part.iter("article") if _has_headline(element)]
        cuts += _remove_all(nested, keep)
        cuts += _cut_linked_headlines(part, keep, own, page)
        headless = [element for element in part.iter("article") if element not in keep]
        if headless and _has_text_outside(part, headless):
            cuts += _remove_all(headless, keep)  # the own text is not in them
    return cuts


def _remove_all(elements: list[HtmlElement], keep: set[HtmlElement]) -> int:
    cut = [element for element in elements if element not in keep]
    for element in cut:
        remove(element)
    return len(cut)


def _has_headline(element: HtmlElement) -> bool:
    return next(element.iter(*_HEADINGS), None) is not None


def _has_text_outside(part: HtmlElement, inner: list[HtmlElement]) -> bool:
    within = {id(paragraph) for element in inner for paragraph in element.iter("p")}
    return any(
        id(paragraph) not in within and len(paragraph.text_content()) >= _LEAST_TEASER
        for paragraph in part.iter("p")
    )


def _cut_linked_headlines(
    part: HtmlElement, keep: set[HtmlElement], own: Own, page: Surroundings
) -> int:
    """Cut each block that stands under a headline linking to another article."""
    headlines = [headline for headline in _linked_headlines(part, page) if headline not in keep]
    if not headlines:
        return 0
    flow = _flow(part, page, before=headlines[0])
    cuts = 0
    for headline in headlines:
        if not _is_within(headline, part):
            continue  # gone with an earlier block
        block = headline
        while (parent := block.getparent()) is not None:
            if parent in keep or parent in flow or _is_flow_like(parent, block):
                break
            block = parent
        if block is headline and (end := _end_of_teaser(block)) is not None:
            for sibling in list(block.itersiblings()):
                remove(sibling)
                if sibling is end:
                    break
        elif not own.is_from_profile and not _has_text(block, least=_LEAST_TEASER):
            # Nothing tells where the other article ends: rather a short body than foreign text.
            for sibling in list(block.itersiblings()):
                if sibling not in keep:
                    remove(sibling)
        remove(block)
        cuts += 1
    return cuts


def _linked_headlines(part: HtmlElement, page: Surroundings) -> list[HtmlElement]:
    """Headings, and blocks long enough for one, that are a link to another article."""
    markup = page.profile.markup
    fields: set[HtmlElement] | None = None
    found: dict[HtmlElement, None] = {}
    for link in part.iter("a"):
        if not page.is_foreign_link(link.get("href")):
            continue
        heading = next(
            (h for h in (*link.iterancestors(*_HEADINGS, "h5", "h6"), *link.iter(*_HEADINGS))), None
        )
        block = heading if heading is not None else _block_of(link)
        linked, whole = text_of(link), text_of(block)
        if not linked or len(linked) < _LINKED_SHARE * len(whole):
            continue
        if heading is None:
            fields = fields or {
                element
                for _, element in select_all(
                    [part], [*markup.authors, *markup.sections, *markup.tags]
                )
            }
            if link in fields or block.tag == "p" or len(linked.split()) < _LEAST_HEADLINE:
                continue
        found.setdefault(block)
    return list(found)


def _block_of(link: HtmlElement) -> HtmlElement:
    """The nearest block around an inline element, itself if it has none."""
    return next(link.iterancestors("p", "li", "div", "section", "td", "figure", "aside"), link)


def _flow(part: HtmlElement, page: Surroundings, before: HtmlElement) -> set[HtmlElement]:
    """The elements that hold the own paragraphs directly, with all around them.

    `before` is the first foreign headline: what follows it need not be own text.
    """
    bodies = [body for _, body in select_all([part], page.profile.markup.body)]
    flow = {ancestor for body in bodies for ancestor in (body, *body.iterancestors())}
    lengths: dict[HtmlElement, int] = {}
    for element in part.iter():
        if element is before:
            break
        parent = element.getparent()
        if element.tag == "p" and parent is not None:
            lengths[parent] = lengths.get(parent, 0) + len(element.text_content())
    for element, length in lengths.items():
        if length >= _LEAST_TEXT / 2:
            flow |= {element, *element.iterancestors()}
    return flow


def _end_of_teaser(headline: HtmlElement) -> HtmlElement | None:
    """The last "keep reading" or "Show less" behind a headline, before the next one."""
    end = None
    for sibling in headline.itersiblings():
        if sibling.tag in _HEADINGS:
            break
        if isinstance(sibling.tag, str) and _TEASER_END.match(text_of(sibling)):
            end = sibling
    return end


def _is_flow_like(parent: HtmlElement, block: HtmlElement) -> bool:
    """Whether `block` is only set in running text.

    Paragraphs stand before it in `parent`; or it has text of its own and paragraphs beside it.
    """
    has_paragraphs = any(child.tag == "p" and child is not block for child in parent)
    if has_paragraphs and _has_text(block, least=_LEAST_TEASER):
        return True
    length = 0
    for child in parent:
        if child is block:
            break
        if child.tag == "p":
            length += len(child.text_content())
    return length >= _LEAST_TEXT / 2


def _links_elsewhere(headline: HtmlElement, page: Surroundings) -> bool:
    """Whether all of `headline` is a link to another article of the site."""
    return any(page.is_foreign_link(link) for link in _headline_links(headline))


def _links_home(headline: HtmlElement, page: Surroundings) -> bool:
    return any(
        address_key(absolute(link, page.structured.base), page.profile) in page.own_keys
        for link in _headline_links(headline)
    )


def _headline_links(headline: HtmlElement) -> Iterator[str]:
    for ancestor in headline.iterancestors("a"):
        if ancestor.get("href"):
            yield ancestor.get("href") or ""
    links = [link for link in headline.iter("a") if link.get("href")]
    if links:
        length = len(text_of(headline))
        for link in links:
            if len(text_of(link)) >= _LINKED_SHARE * length:
                yield link.get("href") or ""


def _data_headline(element: HtmlElement) -> str | None:
    found: list[str] = element.xpath("descendant-or-self::*[@data-headline][1]/@data-headline")
    return str(found[0]) if found else None


def _post_ids(element: HtmlElement) -> set[str]:
    values = [element.get("class"), element.get("id"), element.get("data-id"), element.get("elid")]
    ids = {match for value in values if value for match in _POST_ID.findall(value)}
    return ids | {value for value in values[2:] if value}


def _has_text(element: HtmlElement, least: int = _LEAST_TEXT) -> bool:
    length = 0
    for paragraph in element.iter("p", "li", "blockquote"):
        length += len(paragraph.text_content())
        if length >= least:
            return True
    return False


def _is_within(inner: HtmlElement, outer: HtmlElement) -> bool:
    return inner is outer or any(ancestor is outer for ancestor in inner.iterancestors())


def remove(element: HtmlElement) -> None:
    """Take `element` and all below it out of its tree; the text behind it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)
