"""Page → Article."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.appeals import voice_of
from rscrawler.extraction.blocks import Block, Region, blocks_of
from rscrawler.extraction.container import Own, find_container, text_length
from rscrawler.extraction.context import PageContext
from rscrawler.extraction.dates import FoundDate, is_plausible, read_date
from rscrawler.extraction.fields import (
    authors_of,
    declared_sections,
    guessed_sections,
    image_of,
    language_of,
    slugs_of,
    subtitle_of,
    title_of,
)
from rscrawler.extraction.label import KEPT, Body, is_pointer, label
from rscrawler.extraction.locate import Locator
from rscrawler.extraction.page import IncompletePage, NotAnArticle, Page
from rscrawler.extraction.republication import republished_from
from rscrawler.extraction.selectors import Index
from rscrawler.extraction.structured import (
    Structured,
    json_ld_paragraphs,
    json_ld_text,
    read_structured,
)
from rscrawler.extraction.text import text_of
from rscrawler.extraction.textless import check_textless, empty_body
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    canonical_url,
    is_article_address,
)
from rscrawler.items import EMPTY, Article, Extraction
from rscrawler.sites import Markup, SiteProfile

# A pattern bound to the start of a text: `^` before all else, and `|` only in one bracket.
_STARTS = re.compile(r"(?:\(\?[aiu]+\))?\^[^|()]*(?:\([^()]*\)[^|()]*)*$")
_LEAST_ODD = 20  # characters that no text has, from which a page is garbage
_ODD_SHARE = 0.05  # of the text
_GENERIC = Markup()
_ARTICLE_BODY = "json-ld: articleBody"
_LEAST_PROSE = 60  # characters from which a paragraph is running text and no list of links
_LEAST_BODY = 300  # characters; with less, a later selector that finds three times as much wins
_LEAST_LEAD = 100  # characters of a paragraph between headline and text that belongs to the text
_MUCH_MORE, _LEAST_DECLARED = 2, 100  # times, characters: the declared text is better than a scrap
# What real pages call the date of publication, the most exact first.
_DATE_NAMES = (
    "article:published_time", "og:article:published_time", "article:published", "datepublished",
    "parsely-pub-date", "sailthru.date", "article:published:time", "article.published",
    "publish-date", "publication_date", "pubdate", "dc.date.issued", "dc.date", "date",
)  # fmt: skip
_FOREIGN_KINDS = frozenset(
    {"navigation", "sidebar", "related", "comments", "advertising", "request", "form", "hidden"}
)


@dataclass
class _Notes:
    """What was found where, and what was missing."""

    provenance: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def extract(page: Page, profile: SiteProfile, site: str, *, is_article: bool = False) -> Article:
    """The article on `page`, with where each field came from; pure, no I/O.

    `is_article`: the caller knows that the page is one, whatever its address and its lack of a
    date, author and section say.

    Fields that the page does not give are None or empty. `url` is the address that the page
    declares canonical, if it can be one, else the final one; what else was seen goes into
    `aliases`.

    Raises:
        NotAnArticle: the page is a listing, a static page, a donation page.
        IncompletePage: the page is cut off, empty or garbage.
    """
    if page.is_cut_off:
        raise IncompletePage(page.url, "the page ends before its end tag")
    context = _context_of(page, profile)
    structured = context.structured
    located = locate_text(page.root, context)
    if located is None:
        raise _no_text(page, structured)

    notes = _Notes(warnings=list(dict.fromkeys(structured.warnings)))
    prose = {
        block.region.element
        for block in located.blocks
        if block.prose >= _LEAST_PROSE or (block.is_heading and not block.is_link)
    }
    fields = _Fields(page, profile, located.own, context, notes, prose)
    article = fields.article(site)
    kept = [block for block in located.blocks if block.label in KEPT]
    first = context.index.place(kept[0].region.element) if kept else None
    article.image, notes.provenance["image"] = image_of(located.own, context, first)
    _finish_body(article, located, kept, structured, notes)
    _check_is_article(article, page, profile, located, structured, is_article=is_article)
    own = located.own
    if not own.is_from_profile:
        notes.warnings.append(f"container: none of the profile's matched ({own.origin})")
    notes.provenance["container"] = own.origin
    article.extraction = Extraction(
        _method(own, notes.provenance.get("body", ""), has_body=bool(article.body)),
        tuple(dict.fromkeys(notes.warnings)),
        {name: origin for name, origin in notes.provenance.items() if origin},
    )
    return article


def labelled_blocks(page: Page, profile: SiteProfile) -> list[Block]:
    """Every block of the article on `page`, with its label and the rule that gave it."""
    located = locate_text(page.root, _context_of(page, profile))
    return located.blocks if located is not None else []


def _context_of(page: Page, profile: SiteProfile) -> PageContext:
    structured = read_structured(page.root, page.url, profile)
    titles = tuple(headline for _, headline in structured.headlines())
    return PageContext(page.url, profile, structured, titles, Index(page.root))


@dataclass(frozen=True)
class LocatedText:
    """The own article of a page and its labelled blocks; `origin` says what led to them."""

    own: Own
    blocks: list[Block]
    origin: str


def locate_text(root: Element, context: PageContext) -> LocatedText | None:
    """The article on a page with every block labelled; None if no block can be its text."""
    markup = context.profile.markup
    is_told = markup.body or markup.container != _GENERIC.container
    own = find_container(context) if is_told else None
    if own is not None and (own.is_from_profile or any(map(own.matches, markup.body))):
        return _profile_text(own, context)
    return _guessed_text(root, context)


def _profile_text(own: Own, context: PageContext) -> LocatedText:
    """The text in the profile's body; without one, that of the region that holds most of it."""
    left_out, index = _furniture(own, context), context.index
    best, origin = list[Block](), ""
    for selector in context.profile.markup.body:
        held = own.matches(selector)
        outer = [e for e in held if not any(o is not e and index.is_within(e, o) for o in held)]
        found = max((_bodies_in(part, outer, left_out, context) for part in own.parts), key=_length)
        if _length(found) > 3 * _length(best):
            best, origin = found, f"profile: {selector}"
        if _length(best) >= _LEAST_BODY:
            break
    if best:
        return LocatedText(own, best, origin)
    parts = [_labelled(part, left_out, context, is_guess=True) for part in own.parts]
    return LocatedText(own, max(parts, key=_length), "densest region")


def _bodies_in(
    part: Element, bodies: list[Element], left_out: set[Element], context: PageContext
) -> list[Block]:
    within = [body for body in bodies if context.index.is_within(body, part)]
    return [b for body in within for b in _labelled(body, left_out, context, is_guess=False)]


def _guessed_text(root: Element, context: PageContext) -> LocatedText | None:
    """The text in the region of the page that is worth most, and above it below the headline."""
    blocks, regions = blocks_of(root)
    if not blocks:
        return None
    locator = Locator(blocks, regions, context.agrees, context.is_foreign_link, is_guess=True)
    found = locator.locate()
    region, headline = found.region, found.headline
    has_text = any(block.prose for block in blocks)
    if headline is None and json_ld_paragraphs(context.structured.json_ld):
        return _declared_alone(context)
    if headline is None and not has_text:
        return None
    lead = blocks[headline + 1 : region.first] if headline is not None else []
    lead = [block for block in lead if block.label == "text" and block.prose >= _LEAST_LEAD]
    inner = blocks[region.first : region.last]
    _label([*lead, *inner], context, is_guess=True)
    kept = {block for block in (*lead, *inner) if block.label in KEPT}
    heading = blocks[headline].region.element if headline is not None else None
    container = region.element
    if heading is not None:
        around = {region.element, *region.element.iterancestors()}
        container = next(a for a in (heading, *heading.iterancestors()) if a in around)
        if not has_text:
            container = next(heading.iterancestors("article", "main", "body"), container)
    foreign = tuple(
        each.element
        for each in regions
        if each.kind in _FOREIGN_KINDS
        and each.last > each.first
        and all(block.label not in KEPT for block in blocks[each.first : each.last])
    )
    foreign += tuple(block.region.element for block in blocks if block.rule.startswith("another"))
    own = Own((container,), container, heading, "fallback: densest region", context, foreign)
    last = max((n for n, block in enumerate(blocks) if block in kept), default=0)
    others = [b.region.element for b in blocks[last + 1 :] if b.rule.startswith("another")]
    if others:
        own = replace(own, behind=context.index.place(others[0]))
    return LocatedText(own, [*lead, *inner], "densest region")


def _declared_alone(context: PageContext) -> LocatedText:
    """An article of which the page prints nothing: nothing on it is taken for the article's."""
    nothing = etree.Element("article")
    bare = replace(context, index=Index(nothing))
    return LocatedText(Own((nothing,), nothing, None, "json-ld", bare), [], "json-ld")


def _labelled(
    element: Element, left_out: set[Element], context: PageContext, *, is_guess: bool
) -> list[Block]:
    blocks, regions = blocks_of(element, left_out)
    locator = Locator(blocks, regions, context.agrees, context.is_foreign_link, is_guess=is_guess)
    if is_guess and blocks:
        region = locator.locate().region
        blocks = blocks[region.first : region.last]
    else:
        locator.mark()
    _label(blocks, context, is_guess=is_guess)
    return blocks


def _label(blocks: list[Block], context: PageContext, *, is_guess: bool) -> None:
    patterns = _finders(tuple(context.profile.markup.cut_text))
    for block in blocks:
        if block.label == "text" and any(found_in(block.text) for found_in in patterns):
            block.label, block.rule = "boilerplate", "profile: cut_text"
    label(
        Body(
            [block for block in blocks if block.label == "text"],
            blocks,
            frozenset(context.titles),
            voice_of(context.structured.site_names),
            context.is_own_link,
            is_guess,
        )
    )


def _declared(context: PageContext) -> list[str]:
    """The text that a page gives for machines alone; poorer than what it prints, as a rule."""
    texts = json_ld_paragraphs(context.structured.json_ld)
    if not texts:
        return []
    nowhere = Region(etree.Element("p"), "p", None, 0)
    blocks = [Block(text, "p", nowhere) for text in texts if not is_pointer(text)]
    _label(blocks, context, is_guess=False)
    return [block.text for block in blocks if block.label in KEPT]


def _furniture(own: Own, context: PageContext) -> set[Element]:
    """The elements whose text is another field's, another article's, or nobody's."""
    markup = context.profile.markup
    listed = [*markup.cut, *markup.subtitle, *markup.caption, *markup.credit]
    found = {element for selector in listed for element in own.matches(selector)}
    linked = [*markup.authors, *markup.sections, *markup.published_text]
    found |= {e for selector in linked for e in own.matches(selector) if not _is_in_prose(e)}
    if own.headline is not None:
        found.add(own.headline)
    return found | set(own.foreign)


def _is_in_prose(element: Element) -> bool:
    """Whether an element that looks like a byline is a few words of a running paragraph."""
    block = next(element.iterancestors("p", "li", "blockquote"), None)
    return block is not None and text_length(block) - text_length(element) >= _LEAST_PROSE


def _length(blocks: list[Block]) -> int:
    return sum(len(block.text) for block in blocks if block.label in KEPT)


@dataclass
class _Fields:
    """Fills the fields beside the body, noting where they came from."""

    page: Page
    profile: SiteProfile
    own: Own
    context: PageContext
    notes: _Notes
    prose: set[Element]

    def article(self, site: str) -> Article:
        structured, note = self.context.structured, self.notes.provenance
        url, aliases = addresses_of(self.page.url, structured, self.profile, note)
        article = Article(site=site, url=url, fetched_at=self.page.fetched_at, aliases=aliases)
        if title := title_of(self.own, self.context):
            article.title, note["title"] = title.value, title.origin
        else:
            self.notes.warnings.append("title: not found")
        if subtitle := subtitle_of(self.own, self.context, article.title, self.prose):
            article.subtitle, note["subtitle"] = subtitle.value, subtitle.origin
        if language := language_of(structured):
            article.language, note["language"] = language.value, language.origin
        markup = self.profile.markup
        article.authors, note["authors"] = authors_of(self.own, self.context, self.prose)
        article.sections, note["sections"] = slugs_of(
            self.own, self.context, markup.sections, self.prose
        )
        if not article.sections and not self.own.is_from_profile:
            article.sections = guessed_sections(self.own, self.context, self.prose)
            note["sections"] = "fallback: links to sections" if article.sections else ""
        if not article.sections and (declared := declared_sections(structured, self.profile)):
            article.sections, note["sections"] = declared, "meta: article:section"
        article.tags, note["tags"] = slugs_of(
            self.own, self.context, markup.tags, self.prose, only_behind=True
        )
        article.published_at = self._published()
        article.modified_at = self._modified()
        return article

    def _published(self) -> datetime | None:
        return self._first_date("published_at", self._dates(), is_wanted=True)

    def _dates(self) -> Iterator[tuple[str, str | datetime | None]]:
        structured, own = self.context.structured, self.own
        for name in _DATE_NAMES:
            if name in structured.meta:
                yield f"meta: {name}", structured.meta[name]
        yield "json-ld: datePublished", json_ld_text(structured.json_ld, "datePublished")
        for element in (element for part in own.parts for element in part.iter("time")):
            if not own.is_foreign(element) and self.prose.isdisjoint(element.iterancestors()):
                yield "profile: time[datetime]", element.get("datetime")
        yield "hint: published_at", self.page.published_at
        for origin, elements in own.places(self.profile.markup.published_text):
            for element in elements:
                yield origin, text_of(element)

    def _modified(self) -> datetime | None:
        structured = self.context.structured
        candidates: list[tuple[str, str | datetime | None]] = [
            ("meta: article:modified_time", structured.meta.get("article:modified_time")),
            ("json-ld: dateModified", json_ld_text(structured.json_ld, "dateModified")),
            ("meta: og:updated_time", structured.meta.get("og:updated_time")),
        ]
        return self._first_date("modified_at", candidates, is_wanted=False)

    def _first_date(
        self, name: str, candidates: Iterable[tuple[str, str | datetime | None]], *, is_wanted: bool
    ) -> datetime | None:
        """The first plausible date, said more exactly by a later one if there is one.

        Of two that may be the same, a day or a clock without its zone is the poorer one.
        """
        chosen: tuple[str, FoundDate] | None = None
        for origin, value in candidates:
            if value and (found := self._plausible(name, origin, value)) is not None:
                if chosen is None or chosen[1].is_bettered_by(found):
                    chosen = origin, found
                if chosen[1].is_moment:
                    break
        if chosen is None:
            if is_wanted:
                self.notes.warnings.append(f"{name}: not found")
            return None
        self.notes.provenance[name] = chosen[0]
        self.notes.warnings.extend(chosen[1].warnings(name))
        return chosen[1].at

    def _plausible(self, name: str, origin: str, value: str | datetime) -> FoundDate | None:
        """The date that a value is; what is none, or out of range, leaves a warning."""
        if isinstance(value, datetime):
            found = FoundDate(value)
        elif (read := read_date(value)) is not None:
            found = read
        else:
            if not origin.startswith("profile"):
                self.notes.warnings.append(f"{name}: {origin} is not a date")
            return None
        if is_plausible(found.at, self.page.fetched_at):
            return found
        self.notes.warnings.append(f"{name}: {origin} is out of range")
        return None


def addresses_of(
    final: str, structured: Structured, profile: SiteProfile, provenance: dict[str, str]
) -> tuple[str, list[str]]:
    """The article's canonical address and the others that the page was seen under."""
    declared = [
        ("html: link rel=canonical", structured.canonical),
        ("meta: og:url", structured.meta.get("og:url")),
    ]
    seen: list[str] = []
    chosen: str | None = None
    for origin, address in declared:
        if not address:
            continue
        canonical = canonical_url(absolute(address, structured.base), profile)
        if canonical is None or not is_article_address(canonical, profile):
            continue
        if chosen is None:
            chosen, provenance["url"] = canonical, origin
        seen.append(canonical)
    own_form = canonical_url(final, profile) or final
    if chosen is None:
        chosen, provenance["url"] = own_form, "response: url"
    keys = {address_key(chosen, profile)}
    aliases = []
    for address in (*seen, own_form):
        key = address_key(address, profile)
        if key not in keys:
            keys.add(key)
            aliases.append(address)
    return chosen, aliases


@lru_cache(maxsize=64)
def _finders(patterns: tuple[str, ...]) -> list[Callable[[str], re.Match[str] | None]]:
    """Searches for the patterns; for those that only fit a text's start, without reading on."""
    return [
        compiled.match if _STARTS.match(compiled.pattern) else compiled.search
        for compiled in map(re.compile, patterns)
    ]


def _finish_body(
    article: Article,
    located: LocatedText,
    kept: list[Block],
    structured: Structured,
    notes: _Notes,
) -> None:
    texts = [block.text for block in kept]
    origin = located.origin
    declared = _declared(located.own.page)
    if sum(map(len, declared)) > _MUCH_MORE * sum(map(len, texts)) + _LEAST_DECLARED:
        texts, origin = declared, _ARTICLE_BODY
    while texts and texts[0] in (article.title, article.subtitle):
        texts.pop(0)
    article.body = "\n\n".join(texts)
    article.republished_from = republished_from(texts, structured.site_names)
    if article.republished_from:
        notes.provenance["republished_from"] = "text: republication line"
    if texts:
        notes.provenance["body"] = origin
        if origin == _ARTICLE_BODY:
            notes.warnings.append("body: only in the page's JSON-LD")
        elif not origin.startswith("profile"):
            notes.warnings.append("body: none of the profile's selectors matched")
        return
    notes.warnings.append("body: empty")
    if (selector := empty_body(located.own, located.own.page.profile.markup)) is not None:
        notes.provenance["body"] = f"profile: {selector}{EMPTY}"


def _method(own: Own, body_origin: str, *, has_body: bool) -> str:
    if body_origin == _ARTICLE_BODY:
        return "structured"
    if not own.is_from_profile or (has_body and not body_origin.startswith("profile")):
        return "fallback"
    return "profile" if has_body else "structured"


def _no_text(page: Page, structured: Structured) -> NotAnArticle | IncompletePage:
    """Why there is no article on the page: it is another kind of page, or it is broken."""
    text = str(page.root.xpath("string()"))
    if not text.strip():
        return IncompletePage(page.url, "the page is empty")
    odd = text.count("\ufffd") + sum(text.count(chr(code)) for code in range(1, 9))
    if odd > _LEAST_ODD and odd > _ODD_SHARE * len(text):
        return IncompletePage(page.url, "the page is not readable text")
    if structured.says_article:
        return IncompletePage(page.url, "the page declares an article and holds none")
    if not structured.meta and structured.document_title is None and page.root.find(".//a") is None:
        return IncompletePage(page.url, "the page is no HTML page")
    return NotAnArticle(page.url, "no article on the page")


def _check_is_article(
    article: Article,
    page: Page,
    profile: SiteProfile,
    located: LocatedText,
    structured: Structured,
    *,
    is_article: bool,
) -> None:
    """Raise if the page is something else than an article, or has lost its text."""
    is_dated = article.published_at is not None and page.published_at is None
    signs = sum((
        is_dated, bool(article.authors), bool(article.sections), structured.says_article,
        "article:section" in structured.meta, bool(article.tags),
    ))  # fmt: skip
    if not is_article and not is_article_address(article.url, profile):
        is_ruled_out = profile.links.rules_out(unquote(urlsplit(article.url).path))
        if is_ruled_out or not structured.says_article:
            raise NotAnArticle(page.url, "its address is not an article's")
    if not article.body:
        own = located.own
        has_headline = own.is_from_profile and own.headline is not None
        check_textless(
            page.url,
            article.title,
            own,
            profile.markup,
            says_article=structured.says_article or (has_headline and is_dated),
            has_appeals=any(block.label == "appeal" for block in located.blocks),
        )
    if not (is_article or signs) and (structured.says_other or not located.own.is_from_profile):
        raise NotAnArticle(page.url, "no date, author or section: a static page")
