"""What is known of a page before its article is located.

`Structured` is what it declares in machine-readable form: meta elements, canonical link, JSON-LD.
`PageContext` adds its elements, and where its links lead.
"""

import html
import json
import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Self
from urllib.parse import urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.page import Page
from rscrawler.extraction.selectors import Index
from rscrawler.extraction.text import likeness, text_of
from rscrawler.identity.addresses import absolute, address_key, is_article_address, web_address
from rscrawler.sites import SiteProfile
from rscrawler.text import UNSPACED, clean

_LINKED_SHARE = 0.7  # of a headline, from which a link in it counts as a link of the whole
AGREEMENT = 0.6  # the likeness from which two headlines count as the same
_TYPE = re.compile(r"(?:Article|BlogPosting|Report|Review|LiveBlogPosting)$")
_CDATA = re.compile(r"<!\[CDATA\[|\]\](?:>|&gt;)")
_OPENING = re.compile(r"[{\[]")
_LAST_COMMA = re.compile(r",(\s*[}\]])")
_HEX_ESCAPE = re.compile(r"(?<!\\)\\x([0-9a-f]{2})", re.IGNORECASE)  # of JavaScript
_PAGE_TYPE = re.compile(r"WebPage$")
_LEAST_DECLARED_TEXT = 120  # characters of a declared text; less is a teaser
_CUT_SHORT = re.compile(r"(?:…|\.\.\.)[\])]?$")
_UNREAD_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_BLOCK_MARKUP = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|blockquote)\b[^<>]*>", re.IGNORECASE)
_REFERENCE = re.compile(r"&#?\w+;")
_MARKUP = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_SEPARATORS = "-–—|•·:»/"
# WordPress' body classes of pages that are no posts; its plugins declare these as articles, too.
_LISTING = {"archive", "woocommerce-page", "single-attachment"}
_POST = "single-post"  # page builders give a post with a shop's widget the shop's class, too
_STATIC_PAGE = re.compile(r"(?:^|\s)page-id-\d")
# Chinese outlets separate the parts by underscores; elsewhere these are parts of words.
_UNDERSCORE = rf"_(?=\s*[{UNSPACED}])|(?<=[{UNSPACED}])_"
TITLE_SEPARATOR = re.compile(rf"\s+[{_SEPARATORS}]+\s+|\s*(?:\||{_UNDERSCORE})\s*")
_BEHIND_NAME = rf"{TITLE_SEPARATOR.pattern}|:\s+"  # Blogger: "Outlet: Headline"


@dataclass(frozen=True)
class Structured:
    """The machine-readable part of a page.

    `meta` maps a lower-cased property or name to its first content, `contents` to all of them.
    `nodes` are those of its JSON-LD.
    `own_keys` are the keys of the final address and of the addresses that the page declares.
    `is_listing`: WordPress marks the page as a listing, a shop's or a picture's, whatever its
    plugins declare.
    """

    base: str
    language: str | None
    meta: dict[str, str]
    contents: dict[str, list[str]]
    canonical: str | None
    document_title: str | None
    site_names: tuple[str, ...]
    own_keys: frozenset[str]
    is_listing: bool
    nodes: list[dict[str, Any]]
    profile: SiteProfile
    warnings: tuple[str, ...]

    @cached_property
    def json_ld(self) -> dict[str, Any]:
        """The node that describes the page's own article; empty without one."""
        return _own_node(self, _TYPE)

    @cached_property
    def _people(self) -> dict[str, Any]:
        """Maps the `@id` of a node to its name."""
        return {
            key: node["name"]
            for node in self.nodes
            if isinstance(key := node.get("@id"), str) and node.get("name")
        }

    def declared(self, origin: str) -> list[str]:
        """The values of `meta: NAME` or `json-ld: KEY`; in JSON-LD, of any form."""
        kind, name = origin.split(": ")
        if kind == "meta":
            return self.contents.get(name, [])
        node = self.json_ld if kind == "json-ld" else _own_node(self, _PAGE_TYPE)
        return _texts(node, name, self._people if name != "image" else None)

    @property
    def says_article(self) -> bool:
        """Whether the page declares itself an article."""
        return (
            self.meta.get("og:type", "").lower() in ("article", "news", "blog")
            or bool(self.json_ld)
            or "article:published_time" in self.meta
        )

    @property
    def has_type(self) -> bool:
        """Whether the page declares its type; some templates declare the front page's on all."""
        described = web_address(self.meta.get("og:url", ""), self.base)
        is_front_page = described is not None and not urlsplit(described).path.strip("/")
        return "og:type" in self.meta and not is_front_page

    @cached_property
    def descriptions(self) -> set[str]:
        """The declared descriptions of the page."""
        names = ("description", "og:description")
        return {text for name in names if (text := clean(self.meta.get(name, "")))}

    @cached_property
    def headlines(self) -> list[tuple[str, str]]:
        """The declared headlines of the article, best first: (origin, headline)."""
        return self.headlines_with(self.json_ld)

    def headlines_with(self, node: dict[str, Any]) -> list[tuple[str, str]]:
        """The declared headlines, if `node` is the one that describes the article."""
        title = self.meta.get("og:title") or self.meta.get("twitter:title")
        found = [
            ("meta: og:title", self._without_site_name(title)),
            ("json-ld: headline", next(iter(_texts(node, "headline")), None)),
            ("html: title", self._without_site_name(self.document_title)),
        ]
        return [(origin, headline) for origin, headline in found if headline]

    def _without_site_name(self, title: str | None) -> str | None:
        """`title` without the outlet's name, or its host's, before or behind a separator."""
        title = clean(title or "")
        host = (urlsplit(self.base).hostname or "").removeprefix("www.")
        for name in _name_at_ends((*self.site_names, host)):
            title = name.sub("", title).strip()
        return title or None


@lru_cache(maxsize=64)
def _name_at_ends(names: tuple[str, ...]) -> list[re.Pattern[str]]:
    """The patterns of an outlet's names, the last of them its host, behind and before a title."""
    # The host's first part only where it is set apart: not in "Proton-M" on m.example.
    word, apart = re.escape(names[-1].partition(".")[0]), TITLE_SEPARATOR.pattern
    name = "|".join(map(re.escape, names))
    behind = rf"(?:(?<![{_SEPARATORS}])[{_SEPARATORS}]+\s*(?:{name})|(?:{apart}){word})$"
    before = rf"^(?:(?:{name})(?:{_BEHIND_NAME})|{word}(?:{apart}))"
    return [re.compile(pattern, re.IGNORECASE) for pattern in (behind, before)]


def read_structured(root: Element, url: str, profile: SiteProfile) -> Structured:
    """Read all that the page at `url` declares; unreadable parts become warnings."""
    base, canonical, document_title = url, None, None
    contents: dict[str, list[str]] = {}
    scripts: list[str] = []
    for element in root.iter("meta", "link", "title", "base", "script"):
        tag = element.tag
        if tag == "meta":
            named = element.get("property") or element.get("name")
            name = (named or element.get("itemprop") or "").strip().lower()
            content = (element.get("content") or "").strip()
            # Microdata is repeated by the cards of other articles, which have authors, too.
            if name and content and (named or name not in contents):
                contents.setdefault(name, []).append(content)
        elif tag == "link":
            if "canonical" in (element.get("rel") or "").lower().split():
                canonical = canonical or element.get("href")
        elif tag == "title":
            document_title = document_title or text_of(element) or None
        elif tag == "base":
            base = web_address(element.get("href") or "", url) or url
        elif "ld+json" in (element.get("type") or "").lower() and element.text:
            scripts.append(element.text)
    meta = {name: texts[0] for name, texts in contents.items()}
    body = root.find("body")
    template = "" if body is None else body.get("class", "")
    classes = template.split()
    if _STATIC_PAGE.search(template):
        meta["og:type"] = "website"
    names = (clean(name) for name in (profile.title, meta.get("og:site_name")) if name)
    warnings: list[str] = []
    nodes = [node for script in scripts for node in _nodes(script, warnings)]
    return Structured(
        base, root.get("lang"), meta, contents, canonical, document_title,
        tuple(dict.fromkeys(names)),
        frozenset(
            address_key(absolute(address, base), profile)
            for address in (url, canonical, meta.get("og:url"))
            if address
        ),
        _POST not in classes and not _LISTING.isdisjoint(classes), nodes, profile,
        tuple(dict.fromkeys(warnings)),
    )  # fmt: skip


def _nodes(script: str, warnings: list[str]) -> Iterator[dict[str, Any]]:
    data = _loads(script)
    if data is None:
        warnings.append("json-ld: not readable")
    queue = deque([data])
    while queue:
        value = queue.popleft()
        if isinstance(value, list):
            queue.extend(each for each in value if isinstance(each, (dict, list)))
        elif isinstance(value, dict):
            yield value
            queue.extend(value[key] for key in ("@graph", "mainEntity") if key in value)


def _loads(script: str) -> Any:
    """The JSON in a script, which may be in a comment or CDATA, or escaped as HTML; else None."""
    script = _CDATA.sub("", script)
    first = _OPENING.search(script)
    text = script[first.start() : max(map(script.rfind, "}]")) + 1] if first else ""
    corrected = _LAST_COMMA.sub(r"\1", _HEX_ESCAPE.sub(r"\\u00\1", text))
    for attempt in (text, corrected, html.unescape(text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _own_node(page: Structured, type_: re.Pattern[str]) -> dict[str, Any]:
    """The node of a type that describes the page's own article, not a related one; else empty."""
    nodes = [node for node in page.nodes if any(map(type_.search, _texts(node, "@type")))]
    titles = [title for _, title in page.headlines_with({})] if nodes else []
    unsure: list[dict[str, Any]] = []
    for node in nodes:
        addresses = [a for key in ("url", "@id", "mainEntityOfPage") for a in _texts(node, key)]
        keys = (address_key(absolute(address, page.base), page.profile) for address in addresses)
        if not page.own_keys.isdisjoint(keys):
            return node
        headline = next(iter(_texts(node, "headline")), None)
        if headline and titles:
            if max(likeness(headline, title) for title in titles) >= AGREEMENT:
                return node
        elif not addresses or (type_ is _TYPE and not headline):
            unsure.append(node)
    return unsure[0] if len(nodes) == 1 and unsure else {}


def _texts(node: dict[str, Any], key: str, people: dict[str, Any] | None = None) -> list[str]:
    """The texts of a JSON-LD value: a string, a node with a name or address, or a list of them.

    A person can be a reference to a node elsewhere, whose name is in `people`.
    """
    values = node.get(key)
    inner = {"author": "name", "creator": "name", "image": "url"}.get(key, "@id")
    given = (
        each.get(inner) or (people or {}).get(str(each.get("@id"))) or each.get("url")
        if isinstance(each, dict)
        else each
        for each in (values if isinstance(values, list) else [values])
    )
    return [text for each in given if isinstance(each, str) and (text := clean(_unescaped(each)))]


def _unescaped(text: str) -> str:
    """`text` with its references resolved; in an address, `&copy=1` is none."""
    return _REFERENCE.sub(lambda found: html.unescape(found[0]), text)


def json_ld_paragraphs(node: dict[str, Any]) -> list[str]:
    """The paragraphs of a JSON-LD `articleBody`; none if it is short or is cut off with "…".

    It should be plain text with line breaks; some sites put markup there, or escaped markup.
    """
    value = node.get("articleBody")
    if not isinstance(value, str):
        return []
    text = _UNREAD_MARKUP.sub(" ", html.unescape(value))
    text = html.unescape(_MARKUP.sub("", _BLOCK_MARKUP.sub("\n", text)))
    paragraphs = [paragraph for line in text.splitlines() if (paragraph := clean(line))]
    is_text = sum(map(len, paragraphs)) >= _LEAST_DECLARED_TEXT
    return paragraphs if is_text and not _CUT_SHORT.search(paragraphs[-1]) else []


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
    _foreign: dict[str, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, page: Page, profile: SiteProfile) -> Self:
        """Read what the page declares, and index its elements."""
        structured = read_structured(page.root, page.url, profile)
        titles = tuple(headline for _, headline in structured.headlines)
        index = Index(page.root, (*profile.markup.selectors, "article"))
        return cls(page, profile, structured, titles, index, [*structured.warnings])

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
        return max((likeness(headline, title) for title in self.titles), default=0.0)


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
