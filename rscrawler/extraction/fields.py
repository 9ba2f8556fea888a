"""The fields of an article beside its body: printed with it, else declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.container import Own
from rscrawler.extraction.context import PageContext
from rscrawler.extraction.dates import FoundDate, is_plausible, read_date
from rscrawler.extraction.page import Page
from rscrawler.extraction.structured import (
    TITLE_SEPARATOR,
    Structured,
    json_ld_image,
    json_ld_names,
    json_ld_text,
)
from rscrawler.extraction.text import text_of
from rscrawler.extraction.vocabulary import pattern
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    canonical_url,
    is_article_address,
)
from rscrawler.items import Article, Image
from rscrawler.sites import SiteProfile, SourceKind
from rscrawler.text import clean

# What real pages call the date of publication, the most exact first.
_DATE_NAMES = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "parsely-pub-date", "sailthru.date", "article:published:time", "article.published",
    "publish-date", "publication_date", "pubdate", "dc.date.issued", "dc.date", "date",
)  # fmt: skip
_AUTHOR_NAMES = ("author", "article:author", "parsely-author", "sailthru.author", "dc.creator")
_WANTED = ("title", "published_at")  # a warning tells of their lack
_HANDLE = re.compile(r"\s*\(?(?<![\w.])@\w+\)?")
_ASIDE = re.compile(r"\s*[•·|]\s*")
_AND = re.compile(r"\s+(?:and|&)\s+|\s*;\s*|\s*,\s*(?:and\s+)?", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"^data:|/(?:blank|spacer|pixel|placeholder|1x1|transparent)\b", re.I)
_SOURCES = (
    "data-runner-src", "data-src", "data-lazy-src", "data-original", "src",
    "data-srcset", "data-lazy-srcset", "srcset",
)  # fmt: skip
_LANGUAGE = re.compile(r"^\s*([a-z]{2,3})(?:[-_].*)?\s*$", re.IGNORECASE)
_Given = tuple[Any, str]  # a value, empty if it is not known, and what gave it
_NOTHING: _Given = (None, "")


@dataclass(frozen=True)
class Source:
    """Where the fields of the article `own` are read.

    What lies in `prose`, the elements of running text, is no field. `first_text` is the place on
    the page where the text begins. `warnings` are added to. `slugs` by the addresses of links.
    """

    page: Page
    own: Own
    prose: set[Element]
    first_text: int | None
    warnings: list[str]
    slugs: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> PageContext:
        """What is known of the whole page."""
        return self.own.page

    @property
    def structured(self) -> Structured:
        """What the page declares."""
        return self.own.page.structured

    def is_in_prose(self, element: Element) -> bool:
        """Whether an element stands in running text."""
        return not self.prose.isdisjoint(element.iterancestors())


def read_fields(article: Article, source: Source) -> dict[str, str]:
    """Fill in what `source` gives; the answer says what gave each field."""
    provenance = {}
    for name, read in _FIELDS.items():
        value, origin = read(source)
        if value:
            setattr(article, name, value)
            provenance[name] = origin
        elif name in _WANTED:
            source.warnings.append(f"{name}: not found")
    return provenance


def addresses_of(context: PageContext) -> tuple[str, list[str], str]:
    """The article's canonical address, others that the page was seen under, and what gave it."""
    structured, profile = context.structured, context.profile
    found: dict[str, tuple[str, str]] = {}
    for origin, address in (
        ("html: link rel=canonical", structured.canonical),
        ("meta: og:url", structured.meta.get("og:url")),
    ):
        canonical = canonical_url(absolute(address, structured.base), profile) if address else None
        if canonical and is_article_address(canonical, profile):
            found.setdefault(address_key(canonical, profile), (canonical, origin))
    own_form = canonical_url(context.url, profile) or context.url
    found.setdefault(address_key(own_form, profile), (own_form, "response: url"))
    (chosen, origin), *others = found.values()
    return chosen, [address for address, _ in others], origin


# Title, subtitle, language


def _title(source: Source) -> _Given:
    """The headline: printed, else declared."""
    own, context = source.own, source.context
    selectors = context.profile.markup.title
    if own.headline is not None and (text := text_of(own.headline)):
        # The heading of some sites begins with a kicker; what they declare does not.
        bare = (t for t in context.titles if text.endswith(t) and len(t) > len(text) / 2)
        text = next(bare, text)
        for selector in selectors:
            if own.headline in own.matches(selector):
                return text, f"profile: {selector}"
        if own.headline.tag == "h1" or context.agrees(text) > 0:
            return text, f"fallback: {own.headline.tag}"
    for origin, elements in own.places(selectors):
        for element in elements:
            if text := text_of(element):
                return text, origin
    for origin, headline in source.structured.headlines:
        if origin == "html: title":  # with the name of a site that does not say it elsewhere
            headline = max(TITLE_SEPARATOR.split(headline), key=len)
        return headline, origin
    return _NOTHING


def _subtitle(source: Source) -> _Given:
    """The line under the headline, from the page's own markup alone; none of the text's blocks."""
    own = source.own
    for origin, elements in own.places(source.context.profile.markup.subtitle):
        for element in elements:
            text = text_of(element)
            if text and text != _title(source)[0]:
                return text, origin
    return _NOTHING if own.is_from_profile else _guessed_subtitle(source)


def _guessed_subtitle(source: Source) -> _Given:
    """The heading right under the headline."""
    own, node = source.own, source.own.headline
    while node is not None and node not in own.parts:
        below = node.getnext()
        if below is None:
            node = node.getparent()
            continue
        text = text_of(below)
        is_line = below.tag in ("h2", "h3") and below.find(".//a") is None
        is_new = text not in ("", _title(source)[0])
        return (text, f"fallback: {below.tag}") if is_line and is_new else _NOTHING
    return _NOTHING


def _language(source: Source) -> _Given:
    """The primary language subtag: of the document, else as declared."""
    structured = source.structured
    for origin, value in (
        ("html: lang", structured.language),
        ("meta: og:locale", structured.meta.get("og:locale")),
        ("json-ld: inLanguage", json_ld_text(structured.json_ld, "inLanguage")),
    ):
        if value and (match := _LANGUAGE.match(value)):
            return match[1].lower(), origin
    return _NOTHING


# Authors


def _authors(source: Source) -> _Given:
    """The authors as printed, else as declared."""
    for origin, elements in source.own.places(source.context.profile.markup.authors):
        printed = (text_of(each) for each in elements if not source.is_in_prose(each))
        if names := _unique(name for text in printed for name in split_names(text)):
            return names, origin
    structured = source.structured
    declared = [("json-ld: author", json_ld_names(structured.json_ld.get("author")))]
    declared += [(f"meta: {name}", [structured.meta.get(name, "")]) for name in _AUTHOR_NAMES]
    for origin, texts in declared:
        if names := _persons(texts, structured):
            return names, origin
    return _NOTHING


def split_names(text: str) -> list[str]:
    """The names in a byline: "By Ann Lee, Bo Chan and C. Diaz" has three."""
    names: list[str] = []
    first, *others = _ASIDE.split(_HANDLE.sub("", pattern("bylines").sub("", clean(text))))
    segments = [first, *(other for other in others if not (first and _is_role(other)))]
    for piece in (piece for segment in segments for piece in _AND.split(segment)):
        name = piece.strip(" ,;|·•–—-")
        if not name or (" " not in name and pattern("no_names").search(name)):
            continue
        if names and pattern("postnominals").match(name):
            names[-1] += f", {name}"
        else:
            names.append(name)
    return names


def _is_role(text: str) -> bool:
    """Whether what a bar divides from a name is an office or employer and no second name."""
    return " " not in text.strip() or pattern("employers").search(text) is not None


def _persons(texts: Iterable[str], structured: Structured) -> list[str]:
    outlets = {name.casefold() for name in structured.site_names}
    return _unique(
        name
        for text in texts
        if text and not pattern("no_names").search(text)
        for name in split_names(text)
        if name.casefold() not in outlets and _can_be_author(name)
    )


def _can_be_author(name: str) -> bool:
    """Whether a declared name is somebody's; a lone word must be in capitals."""
    is_nobody = pattern("nobodies").fullmatch(name) or name.casefold().endswith(" staff")
    return not is_nobody and (" " in name or name.isupper())


# Sections and tags


def _sections(source: Source) -> _Given:
    """The links that the profile names, else those to what it knows as a section, else declared."""
    found = _slugs(source, source.context.profile.markup.sections)
    if found[0]:
        return found
    known = _known_sections(source.context.profile)
    if not source.own.is_from_profile and (guessed := _guessed_sections(source, known)):
        return guessed, "fallback: links to sections"
    structured = source.structured
    name = structured.first("article:section") or json_ld_text(structured.json_ld, "articleSection")
    slug = re.sub(r"[^a-z0-9]+", "-", (name or "").lower()).strip("-")
    return ([slug], "meta: article:section") if slug in known else _NOTHING


def _tags(source: Source) -> _Given:
    """Not from before the own container, where sites put a bar of topics."""
    return _slugs(source, source.context.profile.markup.tags, only_behind=True)


def _slugs(source: Source, selectors: list[str], *, only_behind: bool = False) -> _Given:
    """The last path component of each link that `selectors` match outside running text."""
    for origin, elements in source.own.places(selectors, only_behind=only_behind):
        links = (e if e.get("href") else next(e.iter("a"), None) for e in elements)
        slugs = (_slug(link, source) for link in links if link is not None)
        if found := _unique(slug for slug in slugs if slug):
            return found, origin
    return _NOTHING


def _slug(link: Element, source: Source) -> str:
    """The slug that ends the address of a link; empty in running text, or if it leads elsewhere."""
    href = link.get("href") or ""
    if href not in source.slugs:
        address = absolute(href, source.structured.base)
        is_of_site = canonical_url(address, source.context.profile) is not None
        source.slugs[href] = last_component(address) if is_of_site else ""
    slug = source.slugs[href]
    return "" if slug and source.is_in_prose(link) else slug


def _guessed_sections(source: Source, known: set[str]) -> list[str]:
    links = (link for part in source.own.parts for link in part.iter("a"))
    found = ((link, slug) for link in links if (slug := _slug(link, source)) in known)
    return _unique(slug for link, slug in found if not source.own.is_foreign(link))


def _known_sections(profile: SiteProfile) -> set[str]:
    slugs = (
        last_component(profile.address(source.path))
        for source in profile.sources
        if source.kind is SourceKind.SECTION
    )
    return {slug for slug in slugs if slug}  # the front page has none


def last_component(address: str) -> str:
    """The slug that ends an address's path: `/regions/asia-pacific/` → `asia-pacific`.

    A slug has no spaces: `/tag/Ukraine%20War` is `ukraine-war`, too. Empty for what is no address.
    """
    try:
        path = unquote(urlsplit(address).path).strip("/ ")
    except ValueError:
        return ""
    return re.sub(r"[\s+]+", "-", path.rsplit("/", 1)[-1].strip().lower())


# Dates


def _published(source: Source) -> _Given:
    return _first_date("published_at", _publication_dates(source), source)


def _publication_dates(source: Source) -> Iterator[tuple[str, str | datetime | None]]:
    own, structured = source.own, source.structured
    for name in _DATE_NAMES:
        yield f"meta: {name}", structured.meta.get(name)
    yield "json-ld: datePublished", json_ld_text(structured.json_ld, "datePublished")
    for element in (element for part in own.parts for element in part.iter("time")):
        if not own.is_foreign(element) and not source.is_in_prose(element):
            yield "profile: time[datetime]", element.get("datetime")
    yield "hint: published_at", source.page.published_at
    for origin, elements in own.places(source.context.profile.markup.published_text):
        for element in elements:
            yield origin, text_of(element)


def _modified(source: Source) -> _Given:
    structured = source.structured
    candidates = (
        ("meta: article:modified_time", structured.meta.get("article:modified_time")),
        ("json-ld: dateModified", json_ld_text(structured.json_ld, "dateModified")),
        ("meta: og:updated_time", structured.meta.get("og:updated_time")),
    )
    return _first_date("modified_at", candidates, source)


def _first_date(
    name: str, candidates: Iterable[tuple[str, str | datetime | None]], source: Source
) -> _Given:
    """The first plausible date, said more exactly by a later one if there is one.

    Of two that may be the same, a day or a clock without its zone is the poorer one.
    """
    chosen, chosen_origin = None, ""
    for origin, value in candidates:
        found = _date(name, origin, value, source) if value else None
        if found is not None and (chosen is None or chosen.is_bettered_by(found)):
            chosen, chosen_origin = found, origin
        if chosen is not None and chosen.is_moment:
            break
    if chosen is None:
        return _NOTHING
    source.warnings.extend(chosen.warnings(name))
    return chosen.at, chosen_origin


def _date(name: str, origin: str, value: str | datetime, source: Source) -> FoundDate | None:
    """Parse a date; warn and return None if it is invalid or implausible."""
    found = FoundDate(value) if isinstance(value, datetime) else read_date(value)
    if found is not None and is_plausible(found.at, source.page.fetched_at):
        return found
    if found is not None:
        source.warnings.append(f"{name}: {origin} is out of range")
    elif not origin.startswith("profile"):
        source.warnings.append(f"{name}: {origin} is not a date")
    return None


# The lead image


def _image(source: Source) -> _Given:
    """The lead image with its caption and credit; the origin is that of its address."""
    lead, url, origin = _lead(source)
    structured, markup = source.structured, source.context.profile.markup
    if url is None:
        named = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image")
        declared, origin = structured.first(*named), "meta: og:image"
        if not declared:
            declared, origin = json_ld_image(structured.json_ld.get("image")), "json-ld: image"
        url = absolute(declared, structured.base) if declared else None
    credit = _words_of(source.own, markup.credit, lead)
    caption = _words_of(source.own, markup.caption, lead, other_than=markup.credit)
    labels = pattern("credit_labels")
    if caption and (match := labels.match(caption)):
        labelled = caption[match.end() :]
        if not credit:
            credit, caption = labelled, None
        elif labelled == labels.sub("", credit):
            caption = None
    credit = labels.sub("", credit).strip() or None if credit else None
    if caption == credit:
        caption = None
    return (
        (Image(url, caption, credit), origin if url else "")
        if url or caption or credit
        else _NOTHING
    )


def _lead(source: Source) -> tuple[Element | None, str | None, str]:
    """The first picture, its address and what gave it; none behind the first of the text."""
    unloaded = None
    context, first = source.context, source.first_text
    for origin, elements in source.own.places(context.profile.markup.image):
        for element in elements:
            if not is_picture(element) or (first and context.index.place(element) > first):
                continue
            if address := image_source(element):
                return element, absolute(address, source.structured.base), origin
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
    return not pattern("no_pictures").search(" ".join(marks))


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
        if ancestor in own.parts or own.page.index.is_within(own.parts[0], ancestor):
            return True
        pictures = [image for image in ancestor.iter("img") if is_picture(image)]
        if pictures:
            return lead in pictures
    return True


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


_FIELDS: dict[str, Callable[[Source], _Given]] = {
    "title": _title,
    "subtitle": _subtitle,
    "language": _language,
    "authors": _authors,
    "sections": _sections,
    "tags": _tags,
    "published_at": _published,
    "modified_at": _modified,
    "image": _image,
}
