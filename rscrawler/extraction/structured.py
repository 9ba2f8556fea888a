"""What a page says of itself for machines: meta elements, links in the head, JSON-LD."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml.etree import _Element as Element

from rscrawler.extraction.text import likeness, text_of
from rscrawler.identity.addresses import absolute, address_key
from rscrawler.sites import SiteProfile
from rscrawler.text import clean

AGREEMENT = 0.6  # the likeness from which two headlines are taken for one
_TYPE = re.compile(r"(?:Article|BlogPosting|Report|Review|LiveBlogPosting)$")
_LEAST_DECLARED_TEXT = 120  # characters of a declared text; less is a teaser
_CUT_SHORT = re.compile(r"(?:…|\.\.\.)[\])]?$")
_UNREAD_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_BLOCK_MARKUP = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|blockquote)\b[^<>]*>", re.IGNORECASE)
_MARKUP = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_SEPARATORS = "-–—|•·:»"
TITLE_SEPARATOR = re.compile(rf"\s+[{_SEPARATORS}]+\s+|\s*\|\s*")


@dataclass
class Structured:
    """The machine-readable part of a page.

    `meta` maps a lower-cased property or name to its first content; `json_ld` is the node that
    describes the page's own article, empty if there is none.
    """

    meta: dict[str, str] = field(default_factory=dict)
    canonical: str | None = None
    base: str = ""
    document_title: str | None = None
    language: str | None = None
    json_ld: dict[str, Any] = field(default_factory=dict)
    site_names: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)

    def first(self, *names: str) -> str | None:
        """The first of these meta contents that is there."""
        return next((self.meta[name] for name in names if self.meta.get(name)), None)

    @property
    def says_article(self) -> bool:
        """Whether the page declares itself to be one article."""
        return (
            self.meta.get("og:type", "").lower() in ("article", "news", "blog")
            or bool(self.json_ld)
            or "article:published_time" in self.meta
        )

    @property
    def says_other(self) -> bool:
        """Whether the page declares itself to be something else than an article."""
        kind = self.meta.get("og:type", "").lower()
        return bool(kind) and not self.says_article

    def headlines(self) -> list[tuple[str, str]]:
        """The headlines that the page gives its article, best first, with where from."""
        found = [
            ("meta: og:title", self.without_site_name(self.first("og:title", "twitter:title"))),
            ("json-ld: headline", _string(self.json_ld.get("headline"))),
            ("html: title", self.without_site_name(self.document_title)),
        ]
        return [(origin, headline) for origin, headline in found if headline]

    def without_site_name(self, title: str | None) -> str | None:
        """`title` without the outlet's name before or behind a separator."""
        if not title:
            return None
        title = clean(title)
        folded = title.casefold()
        for name in self.site_names:
            if folded.endswith(name.casefold()):
                head = title[: -len(name)].rstrip()
                bare = head.rstrip(_SEPARATORS)
                if bare != head:
                    return bare.strip() or None
        for name in self.site_names:
            if folded.startswith(name.casefold()):
                parts = TITLE_SEPARATOR.split(title, maxsplit=1)
                if len(parts) == 2 and parts[0].casefold() == name.casefold():
                    return parts[1]
        return title


def read_structured(root: Element, url: str, profile: SiteProfile) -> Structured:
    """Everything that the page at `url` declares. Unreadable parts end up as warnings."""
    found = Structured(base=url, language=root.get("lang"))
    scripts: list[str] = []
    for element in root.iter("meta", "link", "title", "base", "script"):
        tag = element.tag
        if tag == "meta":
            name = element.get("property") or element.get("name") or element.get("itemprop")
            content = element.get("content")
            if name and content and content.strip():
                found.meta.setdefault(name.strip().lower(), content.strip())
        elif tag == "link":
            if "canonical" in (element.get("rel") or "").lower().split() and element.get("href"):
                found.canonical = found.canonical or element.get("href")
        elif tag == "title":
            parent = element.getparent()
            if found.document_title is None and (parent is None or parent.tag != "svg"):
                found.document_title = text_of(element) or None
        elif tag == "base":
            found.base = absolute(element.get("href") or "", url)
        elif "ld+json" in (element.get("type") or "").lower() and element.text:
            scripts.append(element.text)
    names = [profile.title, found.meta.get("og:site_name")]
    found.site_names = tuple(dict.fromkeys(clean(name) for name in names if name))
    nodes = [node for script in scripts for node in _nodes(script, found.warnings)]
    found.json_ld = _own_node(nodes, url, found, profile)
    return found


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
            if _is_article(value):
                yield value
            queue.extend(value[key] for key in ("@graph", "mainEntity") if key in value)


def _loads(script: str) -> Any:
    text = re.sub(r"^\s*(?:<!--|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\]\]>|\]\]>)\s*$", "", script)
    for attempt in (text, re.sub(r",(\s*[}\]])", r"\1", text).strip().rstrip(";")):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _is_article(node: dict[str, Any]) -> bool:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(kind, str) and _TYPE.search(kind) for kind in kinds)


def _own_node(
    nodes: list[dict[str, Any]], url: str, found: Structured, profile: SiteProfile
) -> dict[str, Any]:
    """The node that describes the page's article and not one of its neighbours."""
    if not nodes:
        return {}
    own = {address_key(url, profile)}
    own |= {
        address_key(absolute(address, url), profile)
        for address in (found.canonical, found.meta.get("og:url"))
        if address
    }
    titles = [headline for _, headline in found.headlines()]
    unsure: list[dict[str, Any]] = []
    for node in nodes:
        addresses = [address for address in _addresses(node) if address]
        if any(address_key(absolute(address, url), profile) in own for address in addresses):
            return node
        headline = _string(node.get("headline")) or _string(node.get("name"))
        if headline and titles:
            if max(likeness(headline, title) for title in titles) >= AGREEMENT:
                return node
        elif not addresses or not headline:
            unsure.append(node)
    return unsure[0] if len(nodes) == 1 and unsure else {}


def _addresses(node: dict[str, Any]) -> Iterator[str | None]:
    for key in ("url", "@id", "mainEntityOfPage"):
        value = node.get(key)
        if isinstance(value, dict):
            yield _string(value.get("@id"))
            yield _string(value.get("url"))
        else:
            yield _string(value)


def _string(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return clean(value) or None if isinstance(value, str) else None


def json_ld_names(value: Any) -> list[str]:
    """The names in a JSON-LD `author`: a string, a node, or a list of them."""
    values = value if isinstance(value, list) else [value]
    names = [_string(item.get("name") if isinstance(item, dict) else item) for item in values]
    return [name for name in names if name]


def json_ld_text(node: dict[str, Any], key: str) -> str | None:
    """A JSON-LD value as cleaned text, None if it is no text."""
    return _string(node.get(key))


def json_ld_image(value: Any) -> str | None:
    """The address in a JSON-LD `image`: a string, a node, or a list of them."""
    if isinstance(value, list):
        value = value[0] if value else None
    return _string(value.get("url") if isinstance(value, dict) else value)


def json_ld_paragraphs(node: dict[str, Any]) -> list[str]:
    """The paragraphs of a JSON-LD `articleBody`, none if it holds no text of some length.

    It ought to be plain text with line breaks; some sites put their markup there, or escape it.
    """
    value = node.get("articleBody")
    if isinstance(value, list):
        value = "\n".join(piece for piece in value if isinstance(piece, str))
    if not isinstance(value, str):
        return []
    text = _UNREAD_MARKUP.sub(" ", html.unescape(value))
    text = html.unescape(_MARKUP.sub("", _BLOCK_MARKUP.sub("\n", text)))
    paragraphs = [paragraph for line in text.splitlines() if (paragraph := clean(line))]
    is_text = sum(map(len, paragraphs)) >= _LEAST_DECLARED_TEXT
    return paragraphs if is_text and not _CUT_SHORT.search(paragraphs[-1]) else []
