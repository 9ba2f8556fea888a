"""The fields of an article except its body, printed with it or declared; a function for each."""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice, pairwise
from operator import itemgetter
from typing import Any
from urllib.parse import unquote

from lxml.etree import _Element as Element

from rscrawler.extraction.body import LocatedText
from rscrawler.extraction.byline import (
    LONGEST_BYLINE,
    author_text,
    is_nobody,
    marked_authors,
    names_after_by,
    names_in,
    split_names,
)
from rscrawler.extraction.context import TITLE_SEPARATOR, PageContext, Structured
from rscrawler.extraction.dates import FoundDate, is_plausible, read_date, without_date
from rscrawler.extraction.text import is_marked, text_of
from rscrawler.extraction.vocabulary import pattern
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    article_address,
    canonical_url,
    web_address,
)
from rscrawler.items import Article, Image
from rscrawler.sites import SourceKind
from rscrawler.text import UNSPACED

# Where pages declare each field, the most exact first.
_DECLARED = {
    "language": ("meta: og:locale", "json-ld: inLanguage"),
    "authors": (
        "json-ld: author", "json-ld: creator", "meta: author", "meta: article:author",
        "meta: og:article:author", "meta: parsely-author", "meta: sailthru.author",
        "meta: cxenseparse:author", "meta: dc.creator",
    ),
    "published_at": (
        "meta: article:published_time", "meta: og:article:published_time",
        "meta: article:published", "meta: og:published_time", "json-ld: datePublished",
        "meta: datepublished", "meta: parsely-pub-date", "meta: sailthru.date",
        "meta: publish-date", "meta: publish_date", "meta: publishdate", "meta: publication_date",
        "meta: pubdate", "meta: pub_date", "meta: published", "meta: published_at",
        "meta: published_on", "meta: published-date", "meta: dc.date.issued", "meta: dc.date",
        "meta: date",
        "json-ld: dateCreated",
    ),
    "modified_at": (
        "meta: article:modified_time", "json-ld: dateModified", "meta: og:updated_time",
    ),
    "image": (
        "meta: og:image", "meta: og:image:url", "meta: og:image:secure_url", "meta: twitter:image",
        "json-ld: image",
    ),
}  # fmt: skip
# Classes of hAtom and h-entry, properties of schema.org.
_MARKS_OF_PUBLICATION = frozenset({"published", "dt-published", "datePublished"})
_MARKS_OF_UPDATE = frozenset({"updated", "dt-updated", "dateModified"})
_TIME = "profile: time[datetime]"
_MOST_WITHIN = 50  # elements searched for a date
_DAY = re.compile(r"\d{4}-\d{1,2}-\d")
_DAY_IN_PATH = re.compile(r"/((?:19|20)\d\d)[/-](\d\d)[/-](\d\d)(?:/|(?<=/20\d\d-\d\d-\d\d)-)")
# How a text begins, with a bar in the place of its date: "Bern, 17.08.2007 -", "(2 May 2022) ".
_DATELINE = re.compile(r"(?:[^\W\d_][\w .'’-]{1,30}, )?\(?\|(?:\)|\.? ?[-–—/|:(]|\. )")
_LONGEST_DATELINE = 80  # characters
_LONGEST_DATE = 150  # characters of a block that can print the date
_DATED_APART = ("related: ", "comments: ", "advertising: ", "embed: ")  # rules of regions
# A word in another script than Latin; in Chinese, 7/5/2005 may be in July or in May.
_OTHER_SCRIPT = re.compile(rf"[^\W\d_\0-\u036f\u1e00-\u1eff{UNSPACED}]{{3}}")
_WANTED = ("title", "published_at")  # a warning says if they are missing
_PLACEHOLDER = re.compile(r"^data:|/(?:blank|spacer|pixel|placeholder|1x1|transparent)\b", re.I)
_ADDRESS_ATTRIBUTES = (
    "data-runner-src", "data-src", "data-lazy-src", "data-original", "src",
    "data-srcset", "data-lazy-srcset", "srcset",
)  # fmt: skip
EMBEDS = ("iframe", "video", "audio", "object", "embed", "lite-youtube", "amp-youtube")
_AROUND_PICTURES = ("picture", "a", "span", "div")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)[wx](?:,|$)")  # behind an address in a `srcset`
_GLUED = re.compile(r"^\d+(?:\.\d+)?[wxh],")  # the size of the address before, without a blank
_NOT_PATH = re.compile(r"^(?:[a-z+.-]+:)?(?://[^/?#]*)?|[?#].*", re.IGNORECASE | re.DOTALL)
_LANGUAGE = re.compile(r"^\s*([a-z]{2,3})(?:[-_].*)?\s*$", re.IGNORECASE)
_Given = tuple[Any, str]  # a value, empty if not found, and its origin
_NOTHING: _Given = (None, "")


def read_fields(article: Article, located: LocatedText) -> dict[str, str]:
    """Fill in the fields on the page of `located`; return the provenance of each."""
    provenance = {}
    for name, read in _FIELDS.items():
        value, origin = read(located)
        if value:
            setattr(article, name, value)
            provenance[name] = origin
        elif name in _WANTED:
            located.context.warnings.append(f"{name}: not found")
    return provenance


def _declared(located: LocatedText, name: str) -> Iterator[tuple[str, list[str]]]:
    """The values of a field that the page declares, with their origins."""
    for origin in _DECLARED[name]:
        if values := located.context.structured.declared(origin):
            yield origin, values


def _printed(located: LocatedText, selectors: list[str]) -> Iterator[tuple[str, str, Element]]:
    """Text, origin and element of each match of the selectors, including empty texts."""
    for origin, elements in located.own.search(selectors):
        for element in elements:
            yield text_of(element), origin, element


def addresses_of(context: PageContext) -> tuple[str, list[str], str]:
    """The article's canonical address, its other addresses, and the origin of the first."""
    structured, profile = context.structured, context.profile
    found: dict[str, tuple[str, str]] = {}
    for origin, address in (
        ("html: link rel=canonical", structured.canonical),
        ("meta: og:url", structured.meta.get("og:url")),
    ):
        # A broken template may put one address into another: `../..http://news.example/a/`.
        declared = web_address(address or "", structured.base) or ""
        if ":/" not in declared[8:] and (own := article_address(declared, profile)):
            found.setdefault(own[0], (own[1], origin))
    own_form = canonical_url(context.page.url, profile) or context.page.url
    found.setdefault(address_key(own_form, profile), (own_form, "response: url"))
    (chosen, origin), *others = found.values()
    return chosen, [address for address, _ in others], origin


# Title, subtitle, language


def _title(located: LocatedText) -> _Given:
    """The headline: printed, else declared."""
    own, context = located.own, located.context
    selectors = context.profile.markup.title
    if own.headline is not None and (text := text_of(own.headline)):
        # On some sites the heading begins with a kicker, and the declared headline does not.
        bare = (t for t in context.titles if text.endswith(t) and len(t) > len(text) / 2)
        text = next(bare, text)
        for selector in selectors:
            if own.headline in own.matches(selector):
                return text, f"profile: {selector}"
        if own.headline.tag == "h1" or context.agrees(text) > 0:
            return text, f"fallback: {own.headline.tag}"
    for text, origin, _ in _printed(located, selectors):
        if text and text not in context.structured.site_names:
            return text, origin
    for origin, headline in context.structured.headlines:
        if origin == "html: title":  # may hold the site's name if nothing else declares it
            headline = max(TITLE_SEPARATOR.split(headline), key=len)
        return headline, origin
    return _NOTHING


def _subtitle(located: LocatedText) -> _Given:
    """The line below the headline: by selector, else guessed if no profile found the article."""
    for text, origin, _ in _printed(located, located.context.profile.markup.subtitle):
        if text and text != _title(located)[0]:
            return text, origin
    return _NOTHING if located.own.is_from_profile else _guessed_subtitle(located)


def _guessed_subtitle(located: LocatedText) -> _Given:
    """The line that was left out of the text for it, else the heading right below the headline.

    Else a line at the headline that is the declared description.
    """
    if left_out := next((each for each in located.blocks if each.label == "subtitle"), None):
        return left_out.text, f"fallback: {left_out.tag}"
    node = located.own.headline
    while node is not None and node not in located.own.parts:
        below = node.getnext()
        if below is None:
            node = node.getparent()
            continue
        text = text_of(below)
        is_line = below.tag in ("h2", "h3") and below.find(".//a") is None
        if is_line and text not in ("", _title(located)[0]):
            return text, f"fallback: {below.tag}"
        break
    declared = located.context.structured.descriptions
    lines = ((text_of(line), f"fallback: {line.tag}") for line in located.lines)
    return next((given for given in lines if given[0] in declared), _NOTHING)


def _language(located: LocatedText) -> _Given:
    """The primary language subtag: of the `html` element, else as declared."""
    document = ("html: lang", [located.context.structured.language or ""])
    for origin, values in (document, *_declared(located, "language")):
        if match := _LANGUAGE.match(values[0]):
            return match[1].lower(), origin
    return _NOTHING


# Authors


def _authors(located: LocatedText) -> _Given:
    """The authors: by selector, else declared, else in a byline if the profile has no selectors."""
    for origin, elements in located.own.search(located.context.profile.markup.authors):
        printed = (author_text(each) for each in elements if not located.is_in_prose(each))
        found = (name for text in printed for name in _split_byline(text, located.context))
        if names := list(dict.fromkeys(found)):
            return names, origin
    owner = _NOTHING
    for origin, texts in _declared(located, "authors"):
        given = _persons(texts, located.context), origin
        if given[0] and not _is_owner(texts[0], located.context.structured):
            return given
        owner = owner if owner[0] else given
    if "authors" in located.context.profile.markup.model_fields_set:
        return owner
    marked = (each for each in marked_authors(located.own) if not located.is_in_prose(each))
    near = (
        block.text
        for block in located.near
        if len(block.text) <= LONGEST_BYLINE and not block.is_heading
        if (block.rule or "byline").startswith(("byline", "about: "))
    )
    names = names_in(located.lines) or names_in(marked) or names_in((), near)
    names = list(_without_outlets(names, located.context.structured))
    return (names, "fallback: byline") if names else owner


def _is_owner(name: str, structured: Structured) -> bool:
    """Whether the page declares a name as the holder of its copyright, too: "Condé Nast".

    It is then an author only if the page names no other, as on a blog of one person.
    """
    return any(name in held for held in structured.contents.get("copyright", []))


def _split_byline(text: str, context: PageContext) -> Iterable[str]:
    """The names in a byline, which begins with "von" or "par" on pages that are not English."""
    return (not _is_english(context) and names_after_by(text)) or split_names(text)


def _persons(texts: Iterable[str], context: PageContext) -> list[str]:
    """The persons and organisations in declared texts; a single word must be in capitals."""
    structured = context.structured
    bylines = _without_outlets(texts, structured)
    names = (name for text in bylines for name in _split_byline(text, context))
    persons = (name for name in _without_outlets(names, structured) if not is_nobody(name))
    return list(dict.fromkeys(name for name in persons if " " in name or name == name.upper()))


def _without_outlets(names: Iterable[str], structured: Structured) -> Iterator[str]:
    """The names without those of the site."""
    outlets = {name.casefold() for name in structured.site_names}
    return (name for name in names if name.casefold() not in outlets)


# Sections and tags


def _sections(located: LocatedText) -> _Given:
    """By selector; else, if no profile found the article, the links to known sections."""
    found, profile = _slugs(located, "sections"), located.context.profile
    if found[0] or located.own.is_from_profile:
        return found
    paths = (each.path for each in profile.sources if each.kind is SourceKind.SECTION)
    known = {_last_component(profile.address(path)) for path in paths}
    linked = _slugs_of(located.own.matches("a"), located)
    return [slug for slug in linked if slug in known], "fallback: links to sections"


def _slugs(located: LocatedText, name: str, *, only_behind: bool = False) -> _Given:
    selectors = getattr(located.context.profile.markup, name)
    for origin, elements in located.own.search(selectors, only_behind=only_behind):
        if found := _slugs_of(elements, located):
            return found, origin
    return _NOTHING


def _slugs_of(elements: Iterable[Element], located: LocatedText) -> list[str]:
    """The last path component of each link in the elements, outside running text."""
    links = (e if e.get("href") else e.find(".//a") for e in elements)
    outside = (e for e in links if e is not None and not located.is_in_prose(e))
    base = located.context.structured.base
    hrefs = ((link.get("href") or "").strip() for link in outside)
    # Behind "#" and "?" is no path, and the page's own is not meant.
    slugs = (_last_component(h if h[:1] in "#?" else absolute(h, base)) for h in hrefs)
    return list(dict.fromkeys(slug for slug in slugs if slug))


@lru_cache(maxsize=1024)  # a site's pages link to the same sections and tags
def _last_component(address: str) -> str:
    """The slug that ends an address's path: `/regions/asia-pacific/` → `asia-pacific`.

    A slug has no spaces: `/tag/Ukraine%20War` is `ukraine-war`, too. A static copy of a site links
    to `/regions/index.html`.
    """
    path = "/" + unquote(_NOT_PATH.sub("", address.strip())).strip("/ ")
    slug = path.removesuffix("/index.html").rpartition("/")[2]
    return re.sub(r"[\s+]+", "-", slug.strip().lower())


# Dates


def _publication_dates(located: LocatedText) -> Iterator[tuple[str, str | datetime | None]]:
    """The candidates for the date of publication with their origins, the most reliable first."""
    own, page = located.own, located.context.page
    for origin, values in _declared(located, "published_at"):
        yield origin, values[0]
    for element in _times(located)[0]:
        yield _TIME, element.get("datetime")
    yield "hint: published_at", page.published_at
    markup, has_match = located.context.profile.markup, False
    is_given = "published_text" in markup.model_fields_set
    # `time[datetime]` in running text counts here: in some templates the byline is a sentence.
    for origin, elements in own.search(markup.published_text, beside=is_given or not located.near):
        has_match = True
        for element in elements:
            for value in (*_exact_dates(element), text_of(element)):
                yield origin, value
    if has_match and is_given:  # the profile's own selector
        return
    marks = {each for _, elements in own.search(markup.published_text) for each in elements}
    for text, line in _short_lines(located):
        is_marked = line is not None and not marks.isdisjoint(line.iter())
        for value in _dates_in(text, line):
            yield f"{'profile' if is_marked else 'fallback'}: line at the headline", value
    start = located.kept[0].text[:_LONGEST_DATELINE] if located.kept else ""
    if _DATELINE.match(without_date(start)):
        yield "fallback: dateline", start
    for value in located.context.structured.declared("json-ld page: datePublished"):
        yield "fallback: json-ld of the page", value
    if match := _DAY_IN_PATH.search(_NOT_PATH.sub("", page.url)):
        yield "fallback: address", "-".join(match.groups())


def _times(located: LocatedText) -> tuple[list[Element], list[Element]]:
    """The `time` elements that can give the publication, and those marked as the update.

    Some templates mark their only one as the update; so this counts beside a publication alone.
    """
    own = located.own
    times = [each for part in own.parts for each in part.iter("time") if not own.is_foreign(each)]
    times = [each for each in times if not located.is_in_prose(each)]
    published = [each for each in times if is_marked(each, _MARKS_OF_PUBLICATION)]
    updated = [each for each in times if is_marked(each, _MARKS_OF_UPDATE)] if published else []
    updated = [each for each in updated if each not in published]
    return [each for each in times if each not in updated], updated


def _short_lines(located: LocatedText) -> Iterator[tuple[str, Element | None]]:
    """The short lines at the headline, each with its element; None if that holds more."""
    if not located.near:
        yield from ((text_of(line), line) for line in located.lines)
    for block in located.near:
        if len(block.text) <= _LONGEST_DATE and not block.rule.startswith(_DATED_APART):
            yield block.text, block.element


def _dates_in(text: str, element: Element | None) -> Iterator[str]:
    """The candidates for a date in a short line, not of an update or a registration."""
    other = pattern("updates").search(text) or pattern("registrations").search(text)
    if other is None or other.start():
        yield from _exact_dates(element) if element is not None else ()
        yield text[: other.start()] if other else text


def _exact_dates(element: Element) -> Iterator[str]:
    """The ISO 8601 dates in the attributes of an element and of the first elements in it.

    Beside an element that is marked as the publication, that of an update is left out.
    """
    within = list(islice(element.iter(), _MOST_WITHIN))
    published = {each for each in within if is_marked(each, _MARKS_OF_PUBLICATION)}
    for each in within:
        if published and each not in published and is_marked(each, _MARKS_OF_UPDATE):
            continue
        for name in ("datetime", "content", "title"):
            if (value := each.get(name)) and _DAY.match(value):
                yield value


def _modified(located: LocatedText) -> _Given:
    declared = ((origin, values[0]) for origin, values in _declared(located, "modified_at"))
    printed = ((_TIME, element.get("datetime")) for element in _times(located)[1])
    return _first_date("modified_at", chain(declared, printed), located)


def _first_date(
    name: str, candidates: Iterable[tuple[str, str | datetime | None]], located: LocatedText
) -> _Given:
    """The first plausible date, or a later candidate that gives the same date more exactly.

    A date with time and zone is more exact than a day, or a time without its zone.
    """
    chosen, chosen_origin = None, ""
    for origin, value in candidates:
        found = _date(name, origin, value, located) if value else None
        if found is not None and (chosen is None or chosen.is_refined_by(found)):
            chosen, chosen_origin = found, origin
        if chosen is not None and chosen.is_moment:
            break
    if chosen is None:
        return _NOTHING
    located.context.warnings.extend(chosen.warnings(name))
    return chosen.at, chosen_origin


def _date(name: str, origin: str, value: str | datetime, located: LocatedText) -> FoundDate | None:
    """Parse a date; warn and return None if it is invalid or implausible."""
    context, now = located.context, located.context.page.fetched_at
    if isinstance(value, datetime):
        found: FoundDate | None = FoundDate(value)
    elif origin.startswith(("profile", "fallback")):  # printed
        found = read_date(value, day_first=not _is_english(context), now=now)
        if found is None:
            return None
    else:
        found = read_date(value)
    if found is not None and is_plausible(found.at, now):
        return found
    fault = "is not a date" if found is None else "is out of range"
    context.warnings.append(f"{name}: {origin} {fault}")
    return None


def _is_english(context: PageContext) -> bool:
    """Whether a page can be in English, by what it declares and by its headlines."""
    declared = (context.structured.language or "en").lower()
    return declared.startswith("en") and not _OTHER_SCRIPT.search(" ".join(context.titles))


# The lead image


def _image(located: LocatedText) -> _Given:
    """The lead image with its caption and credit; the origin is that of its address."""
    lead, url, origin = _lead(located)
    is_sure = url is not None and located.own.is_from_profile
    if not is_sure and (declared := _declared_picture(located)):
        origin, address = declared
        shown = next((each for each, found, _ in _pictures(located) if found == address), None)
        if shown is not None or url is not None:  # else an unloaded picture is the declared one
            lead = shown
        url = address
    markup = located.context.profile.markup
    printed = _text_at_lead(located, markup.credit, lead)
    caption = _text_at_lead(located, markup.caption, lead)
    credit, unlabelled = _without_label(printed), _without_label(caption)
    if not credit and unlabelled != caption:
        credit = unlabelled
    # The caption's element may be, or end with, the credit's.
    caption = "" if unlabelled in ("", credit) else caption.removesuffix(printed).rstrip()
    found = Image(url, caption or None, credit or None)
    return (found, origin if url else "") if any((url, caption, credit)) else _NOTHING


def _declared_picture(located: LocatedText) -> tuple[str, str] | None:
    """Origin and address of the picture that the page declares, no placeholder or logo."""
    for origin, (value, *_) in _declared(located, "image"):
        address = web_address(value, located.context.structured.base)
        name = _NOT_PATH.sub("", value).rpartition("/")[2]
        is_other = _PLACEHOLDER.search(value) or pattern("logos").search(name)
        if address and not is_other:
            return origin, address
    return None


def _without_label(text: str) -> str:
    """A credit without its label: `(Photo by Ann Ex)` → `Ann Ex`."""
    bare = pattern("credit_labels").sub("", text).strip()
    is_opened = text.count("(") > bare.count("(") < bare.count(")")
    return bare.removesuffix(")") if is_opened else bare


def _pictures(located: LocatedText) -> Iterator[tuple[Element, str | None, str]]:
    """The pictures of the article in reading order: element, address if known, origin."""
    context = located.context
    for origin, elements in located.own.search(context.profile.markup.image):
        for element in filter(is_picture, elements):
            address = image_source(element)  # None: only scripts know it
            yield element, address and web_address(address, context.structured.base), origin


def _lead(located: LocatedText) -> tuple[Element | None, str | None, str]:
    """The first picture not below the text's first block, if possible one with an address."""
    first, place = located.first_text, located.context.index.place
    unloaded = None
    for picture in _pictures(located):
        if first is None or place(picture[0]) <= first:
            if picture[1]:
                return picture
            unloaded = unloaded or picture
    return unloaded or (None, None, "")


def is_picture(image: Element) -> bool:
    """Whether an image is no author's picture, logo or counter, by its size and names."""
    if image.get("width") in ("0", "1") or image.get("height") in ("0", "1"):
        return False
    marks = [image.get("class") or "", image.get("id") or ""]
    around = (e for e in islice(image.iterancestors(), 3) if e.tag in _AROUND_PICTURES)
    marks += [each.get("class") or "" for each in around]
    return pattern("no_pictures", re.NOFLAG).search(" ".join(marks).lower()) is None


def image_source(image: Element) -> str | None:
    """The address of an image element, lazily loaded or not; None if only scripts know it."""
    for name in _ADDRESS_ATTRIBUTES:
        value = (image.get(name) or "").strip()
        if name.endswith("srcset"):
            words = value.split()
            sizes = ((_SIZE.match(word), address) for address, word in pairwise(words))
            sized = [(float(size[1]), address) for size, address in sizes if size]
            largest = max(sized, key=itemgetter(0))[1] if sized else "".join(words[:1])
            value = _GLUED.sub("", largest).rstrip(",")
        if value and not _PLACEHOLDER.search(value):
            return value
    return None


def _text_at_lead(located: LocatedText, selectors: list[str], lead: Element | None) -> str:
    """The first text, a caption or credit, that belongs to the lead image; empty without any."""
    for text, _, element in _printed(located, selectors):
        if text and _belongs_to_lead(element, lead, located):
            return text
    return ""


def _belongs_to_lead(element: Element, lead: Element | None, located: LocatedText) -> bool:
    """Whether no other picture, nor an embed below the text's beginning, is nearer to a caption."""
    own, index, first = located.own, located.context.index, located.first_text
    for ancestor in element.iterancestors():
        if ancestor in own.parts or index.is_within(own.parts[0], ancestor):
            return True
        is_below = first is not None and index.place(ancestor) > first
        pictures = filter(is_picture, ancestor.iter("img", *(EMBEDS if is_below else ())))
        if found := list(pictures):
            return lead in found
    return True


_FIELDS: dict[str, Callable[[LocatedText], _Given]] = {
    "title": _title,
    "subtitle": _subtitle,
    "language": _language,
    "authors": _authors,
    "sections": _sections,
    # Not before the container, where sites have a bar of topics.
    "tags": lambda located: _slugs(located, "tags", only_behind=True),
    "published_at": lambda each: _first_date("published_at", _publication_dates(each), each),
    "modified_at": _modified,
    "image": _image,
}
