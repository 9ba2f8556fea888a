"""The fields of an article beside its body, read inside its own container."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.container import Own
from rscrawler.extraction.context import PageContext
from rscrawler.extraction.structured import (
    Structured,
    json_ld_image,
    json_ld_names,
    json_ld_text,
)
from rscrawler.extraction.text import likeness, text_of
from rscrawler.identity.addresses import absolute, canonical_url
from rscrawler.items import Image
from rscrawler.sites import SiteProfile, SourceKind
from rscrawler.text import clean

_BY = re.compile(r"^\W*(?:written\s+|reported\s+|story\s+|analysis\s+)?by\s*:?\s+", re.IGNORECASE)
_HANDLE = re.compile(r"\s*\(?(?<![\w.])@\w+\)?")
_ASIDE = re.compile(r"\s*[•·|]\s*")
_AND = re.compile(r"\s+(?:and|&)\s+|\s*;\s*|\s*,\s*(?:and\s+)?", re.IGNORECASE)
_POSTNOMINAL = re.compile(
    r"^(?:jr|sr|ph\.?d|m\.?d|esq|ret|usn|usa|usaf|usmc|j\.?d|m\.?a|ii|iii|iv)\b\.?", re.IGNORECASE
)
_NO_NAME = re.compile(r"https?:|www\.|@|\.(?:com|org|net)\b|^\W*$|\d", re.IGNORECASE)
# What a site that names nobody writes instead; organisations (AP, BBC News) are authors as printed.
_NOBODY = re.compile(
    r"(?:web ?)?(?:admin(?:istrator)?|master|desk)|(?:the )?(?:editor(?:s|ial)?|news(?:room)?|staff"
    r"|guest|contributors?|team)"
    r"(?: (?:team|staff|board|desk|writers?|reporters?|authors?|editors?))?",
    re.IGNORECASE,
)
_EMPLOYER = re.compile(
    r"\b(?:staff|editors?|editorial|team|newsroom|desk|contributors?|news|press|agency|institute"
    r"|center|centre|foundation|magazine|statecraft)\b",
    re.IGNORECASE,
)
_CREDIT_LABEL = re.compile(
    r"^\W*(?:(?:top|lead|main|cover|file|header|feature[d]?|banner|homepage)\s+)?"
    r"(?:(?:photo(?:graph)?s?|images?|pictures?|illustrations?|graphics?|screenshot|screen\s?grab)"
    r"(?:\s+(?:credits?|source|courtesy(?:\s+of)?|by|via|from))?\s*[:|]"
    r"|(?:photo(?:graph)?s?|images?|pictures?|illustrations?)\s+(?:credits?|by|via|courtesy(?:\s+of)?)"
    r"|credits?\s*[:|]|credits?(?:\s+to)?\s+|source\s*:|via\s+)\s*[:|]?\s*",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"^data:|/(?:blank|spacer|pixel|placeholder|1x1|transparent)\b", re.I)
_SOURCES = (
    "data-runner-src", "data-src", "data-lazy-src", "data-original", "src",
    "data-srcset", "data-lazy-srcset", "srcset",
)  # fmt: skip
_NO_PICTURE = re.compile(
    r"avatar|author|logo|icon|emoji|gravatar|badge|sprite|tracking|share|social", re.IGNORECASE
)
_LONGEST_CAPTION = 400  # characters
_SAME = 0.8  # likeness from which the line under a headline is what the page declares
_LANGUAGE = re.compile(r"^\s*([a-z]{2,3})(?:[-_].*)?\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Found:
    """A value and what gave it."""

    value: str
    origin: str


def title_of(own: Own, page: PageContext) -> Found | None:
    """The headline: printed, else declared."""
    selectors = page.profile.markup.title
    if own.headline is not None and (text := text_of(own.headline)):
        for selector in selectors:
            if own.headline in own.matches(selector):
                return Found(text, f"profile: {selector}")
        if own.headline.tag == "h1" or page.agrees(text) > 0:
            return Found(text, f"fallback: {own.headline.tag}")
    for origin, elements in own.places(selectors):
        for element in elements:
            if text := text_of(element):
                return Found(text, origin)
    for origin, headline in page.structured.headlines():
        return Found(headline, origin)
    return None


def subtitle_of(
    own: Own, page: PageContext, title: str | None, prose: set[Element]
) -> Found | None:
    """The line under the headline, from the page's own markup alone; none of the text's blocks."""
    for origin, elements in own.places(page.profile.markup.subtitle):
        for element in elements:
            text = text_of(element)
            if text and text != title:
                return Found(text, origin)
    return _guessed_subtitle(own, page, prose) if not own.is_from_profile else None


def _guessed_subtitle(own: Own, page: PageContext, prose: set[Element]) -> Found | None:
    """What stands right under the headline, if it is a heading or what the page declares."""
    node = own.headline
    description = page.structured.first("og:description", "description", "twitter:description")
    while node is not None and node not in own.parts:
        below = node.getnext()
        if below is None:
            node = node.getparent()
            continue
        text = text_of(below)
        is_heading = below.tag in ("h2", "h3") and below.find(".//a") is None
        is_declared = bool(description) and likeness(text, description or "") >= _SAME
        is_line = is_heading or (is_declared and below not in prose)
        return Found(text, f"fallback: {below.tag}") if is_line else None
    return None


def authors_of(own: Own, page: PageContext, prose: set[Element]) -> tuple[list[str], str]:
    """The authors as printed, else as declared, and what gave them."""
    for origin, elements in own.places(page.profile.markup.authors):
        names: list[str] = []
        for element in elements:
            if not _is_inside(element, prose):
                names.extend(split_names(text_of(element)))
        if names:
            return _unique(names), origin
    declared = json_ld_names(page.structured.json_ld.get("author"))
    if names := _persons(declared, page.structured):
        return names, "json-ld: author"
    for name in ("author", "article:author", "parsely-author", "sailthru.author", "dc.creator"):
        if names := _persons([page.structured.meta.get(name) or ""], page.structured):
            return names, f"meta: {name}"
    return [], ""


def split_names(text: str) -> list[str]:
    """The names in a byline: "By Ann Lee, Bo Chan and C. Diaz" has three."""
    names: list[str] = []
    first, *others = _ASIDE.split(_HANDLE.sub("", _BY.sub("", clean(text))))
    segments = [first, *(other for other in others if not (first and _is_role(other)))]
    for piece in (piece for segment in segments for piece in _AND.split(segment)):
        name = piece.strip(" ,;|·•–—-")
        if not name or (" " not in name and _NO_NAME.search(name)):
            continue
        if names and _POSTNOMINAL.match(name):
            names[-1] += f", {name}"
        elif name:
            names.append(name)
    return names


def _is_role(text: str) -> bool:
    """Whether what a bar divides from a name is an office or employer and no second name."""
    return " " not in text.strip() or _EMPLOYER.search(text) is not None


def _persons(texts: Iterable[str], structured: Structured) -> list[str]:
    outlets = {name.casefold() for name in structured.site_names}
    return _unique(
        name
        for text in texts
        if text and not _NO_NAME.search(text)
        for name in split_names(text)
        if name.casefold() not in outlets and _can_be_author(name)
    )


def _can_be_author(name: str) -> bool:
    """Whether a declared name is somebody's; a lone word must be in capitals."""
    is_nobody = _NOBODY.fullmatch(name) or name.casefold().endswith(" staff")
    return not is_nobody and (" " in name or name.isupper())


def slugs_of(
    own: Own,
    page: PageContext,
    selectors: list[str],
    prose: set[Element],
    *,
    only_behind: bool = False,
) -> tuple[list[str], str]:
    """The last path component of each link that `selectors` match outside running text.

    `only_behind`: not before the own container, where sites put a bar of topics.
    """
    for origin, elements in own.places(selectors, only_behind=only_behind):
        slugs = []
        for element in elements:
            link = element if element.get("href") else next(element.iter("a"), None)
            if link is None or _is_inside(element, prose):
                continue
            address = absolute(link.get("href") or "", page.structured.base)
            if canonical_url(address, page.profile) is not None:
                slugs.append(last_component(address))
        if slugs := _unique(slug for slug in slugs if slug):
            return slugs, origin
    return [], ""


def guessed_sections(own: Own, page: PageContext, prose: set[Element]) -> list[str]:
    """The links in the own container that lead to what the profile knows as a section."""
    known = _known_sections(page.profile)
    found = []
    for part in own.parts:
        for link in part.iter("a"):
            address = absolute(link.get("href") or "", page.structured.base)
            slug = last_component(address)
            is_section = slug in known and canonical_url(address, page.profile) is not None
            if is_section and not _is_inside(link, prose) and not own.is_foreign(link):
                found.append(slug)
    return _unique(found)


def _known_sections(profile: SiteProfile) -> set[str]:
    slugs = (
        last_component(profile.address(source.path))
        for source in profile.sources
        if source.kind is SourceKind.SECTION
    )
    return {slug for slug in slugs if slug}  # the front page has none


@lru_cache(maxsize=16_384)
def last_component(address: str) -> str:
    """The slug that ends an address's path: `/regions/asia-pacific/` → `asia-pacific`.

    A slug has no spaces: `/tag/Ukraine%20War` is `ukraine-war`, too. Empty for what is no address.
    """
    try:
        path = unquote(urlsplit(address).path).strip("/ ")
    except ValueError:
        return ""
    return re.sub(r"[\s+]+", "-", path.rsplit("/", 1)[-1].strip().lower())


def declared_sections(structured: Structured, profile: SiteProfile) -> list[str]:
    """The sections that the page declares by name, as far as they are sections of the site."""
    known = _known_sections(profile)
    name = structured.first("article:section") or json_ld_text(structured.json_ld, "articleSection")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") if name else ""
    return [slug] if slug in known else []


def language_of(structured: Structured) -> Found | None:
    """The primary language subtag: of the document, else as declared."""
    for origin, value in (
        ("html: lang", structured.language),
        ("meta: og:locale", structured.meta.get("og:locale")),
        ("json-ld: inLanguage", json_ld_text(structured.json_ld, "inLanguage")),
    ):
        if value and (match := _LANGUAGE.match(value)):
            return Found(match[1].lower(), origin)
    return None


def image_of(own: Own, page: PageContext, first_text: int | None) -> tuple[Image | None, str]:
    """The lead image with its caption and credit, and what gave its address.

    A picture behind `first_text`, the place where the text begins, is not the lead image.
    """
    lead, url, origin = _lead(own, page, first_text)
    if url is None:
        declared = page.structured.first("og:image", "og:image:url", "og:image:secure_url")
        declared = declared or page.structured.first("twitter:image")
        if declared:
            url, origin = absolute(declared, page.structured.base), "meta: og:image"
        elif found := json_ld_image(page.structured.json_ld.get("image")):
            url, origin = absolute(found, page.structured.base), "json-ld: image"
    markup = page.profile.markup
    credit = _words_of(own, markup.credit, lead)
    caption = _words_of(own, markup.caption, lead, other_than=markup.credit)
    if lead is not None and not credit and not caption and not own.is_from_profile:
        caption, credit = _guessed_caption(lead, own)
    if caption and (match := _CREDIT_LABEL.match(caption)):
        labelled = caption[match.end() :]
        if not credit:
            credit, caption = labelled, None
        elif labelled == _CREDIT_LABEL.sub("", credit):
            caption = None
    if credit:
        credit = _CREDIT_LABEL.sub("", credit).strip() or None
    if caption == credit:
        caption = None
    return (Image(url, caption, credit) if url or caption or credit else None), origin


def _guessed_caption(lead: Element, own: Own) -> tuple[str | None, str | None]:
    """The small print around the lead image: caption, and credit by its label."""
    caption = credit = None
    block = next(lead.iterancestors("figure", "div", "p"), None)
    if block is None or block in own.parts:
        return None, None
    for element in block.iter("small", "figcaption", "span", "em", "p"):
        text = text_of(element)
        if text and _CREDIT_LABEL.match(text):
            credit = credit or text
        elif text and caption is None and len(text) <= _LONGEST_CAPTION:
            caption = text
    return caption, credit


def _lead(
    own: Own, page: PageContext, first_text: int | None
) -> tuple[Element | None, str | None, str]:
    unloaded = None
    for origin, elements in own.places(page.profile.markup.image):
        for element in elements:
            if not is_picture(element):
                continue
            if first_text is not None and page.index.place(element) > first_text:
                continue
            if source := image_source(element):
                return element, absolute(source, page.structured.base), origin
            unloaded = element if unloaded is None else unloaded
    return unloaded, None, ""  # its address is only known to scripts


def is_picture(image: Element) -> bool:
    """Whether an image is none of an author, a logo or a counter, by what it is called."""
    if image.get("width") in ("0", "1") or image.get("height") in ("0", "1"):
        return False
    marks = [image.get("class") or "", image.get("id") or ""]
    for depth, ancestor in enumerate(image.iterancestors()):
        if depth >= 3:
            break
        if ancestor.tag in ("picture", "a", "span", "div"):
            marks.append(ancestor.get("class") or "")
    return not _NO_PICTURE.search(" ".join(marks))


def image_source(image: Element) -> str | None:
    """The address of an image element, lazily loaded or not."""
    for name in _SOURCES:
        value = (image.get(name) or "").strip()
        if name.endswith("srcset"):
            value = _largest(value)
        if value and not _PLACEHOLDER.search(value):
            return value
    picture = image.getparent()
    if picture is not None and picture.tag == "picture":
        for source in picture.iter("source"):
            if value := _largest(source.get("srcset") or source.get("data-srcset") or ""):
                return value
    return None


def _largest(srcset: str) -> str:
    """The last-sized address in a srcset; addresses may hold commas, so white space parts."""
    best, address = (-1.0, ""), ""
    for piece in srcset.split():
        size = re.fullmatch(r"(\d+(?:\.\d+)?)[wx],?", piece)
        if size is None:
            address = piece
            best = max(best, (0.0, address.rstrip(",")), key=lambda entry: entry[0])
        elif float(size[1]) > best[0]:
            best = (float(size[1]), address)
    return best[1]


def _words_of(
    own: Own, selectors: list[str], lead: Element | None, other_than: Iterable[str] = ()
) -> str | None:
    """The text of the first match that belongs to the lead image and not to `other_than`."""
    index = own.page.index
    for _, elements in own.places(selectors):
        for element in elements:
            if any(element in index.select(element, selector)[:1] for selector in other_than):
                continue
            if _belongs(element, lead, own) and (text := text_of(element)):
                return text
    return None


def _belongs(element: Element, lead: Element | None, own: Own) -> bool:
    """Whether a caption is not that of another picture nearer to it than the lead image."""
    for ancestor in element.iterancestors():
        if ancestor in own.parts or own.page.index.is_within(own.main, ancestor):
            return True
        pictures = [image for image in ancestor.iter("img") if is_picture(image)]
        if pictures:
            return lead in pictures
    return True


def _is_inside(element: Element, prose: set[Element]) -> bool:
    return any(ancestor in prose for ancestor in element.iterancestors())


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
