"""Page → Article."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from lxml import etree
from lxml.etree import _Element as Element

from rscrawler.extraction.appeals import appeals_among, lines_before_appeal, voice_of
from rscrawler.extraction.body import Paragraph
from rscrawler.extraction.container import Own, find_own
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
from rscrawler.extraction.flow import body_paragraphs, furniture_of, running_text
from rscrawler.extraction.foreign import cut_foreign
from rscrawler.extraction.insertions import insertions_among, is_pointer_text
from rscrawler.extraction.nearby import Nearby
from rscrawler.extraction.page import IncompletePage, NotAnArticle, Page
from rscrawler.extraction.republication import republished_from
from rscrawler.extraction.selectors import Index
from rscrawler.extraction.structured import (
    Structured,
    json_ld_paragraphs,
    json_ld_text,
    read_structured,
)
from rscrawler.extraction.surroundings import Surroundings
from rscrawler.extraction.text import text_of
from rscrawler.extraction.textless import check_textless, empty_body
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    canonical_url,
    is_article_address,
)
from rscrawler.items import EMPTY, Article, Extraction
from rscrawler.sites import SiteProfile

# A pattern bound to the start of a text: `^` before all else, and `|` only in one bracket.
_STARTS = re.compile(r"(?:\(\?[aiu]+\))?\^[^|()]*(?:\([^()]*\)[^|()]*)*$")
_LEAST_ODD = 20  # characters that no text has, from which a page is garbage
_ODD_SHARE = 0.05  # of the text
_ARTICLE_BODY = "json-ld: articleBody"


@dataclass
class _Notes:
    """What was found where, and what was missing."""

    provenance: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def extract(page: Page, profile: SiteProfile, site: str) -> Article:
    """The article that `page` is, with where each field came from; pure, no I/O.

    `page.root` is consumed: what is not the article's own is removed from it. Fields that the
    page does not give are None or empty. `url` is the address that the page declares canonical,
    if it can be one, else the final one; what else was seen goes into `aliases`.

    Raises:
        NotAnArticle: the page is a listing, a static page, a donation page.
        IncompletePage: the page is cut off, empty or garbage.
    """
    if page.is_cut_off:
        raise IncompletePage(page.url, "the page ends before its end tag")
    structured = read_structured(page.root, page.url, profile)
    titles = [headline for _, headline in structured.headlines()]
    surroundings = Surroundings(page.url, profile, structured, tuple(titles), Index(page.root))
    own = find_own(page.root, surroundings)
    if own is None:
        if not json_ld_paragraphs(structured.json_ld):
            raise _no_container(page, structured)
        own, surroundings = _without_container(surroundings)
    cut_foreign(own, surroundings)

    notes = _Notes(warnings=list(dict.fromkeys(structured.warnings)))
    furniture = furniture_of(own, profile.markup)
    paragraphs, body_origin, doubtful = body_paragraphs(own, profile.markup.body, furniture)
    notes.warnings += [
        f"body: {len(text_of(element))} characters left out for their class {element.get('class')}"
        for element in doubtful
    ]
    prose = running_text(paragraphs)
    fields = _Fields(page, profile, own, surroundings, notes, prose)
    article = fields.article(site)
    first_text = paragraphs[0].element if paragraphs else None
    article.image, notes.provenance["image"] = image_of(own, surroundings, first_text)

    sifted = _sift(paragraphs, surroundings)
    if not sifted.kept:
        declared = _sift(_declared(structured), surroundings)
        if declared.kept:
            sifted, body_origin = declared, _ARTICLE_BODY
    _finish_body(article, sifted, body_origin, structured, notes)
    if not article.body and (selector := empty_body(own, profile.markup)) is not None:
        notes.provenance["body"] = f"profile: {selector}{EMPTY}"
    _check_is_article(article, page, profile, own, structured, sifted)
    if not own.is_from_profile:
        notes.warnings.append(f"container: none of the profile's matched ({own.origin})")
    notes.provenance["container"] = own.origin
    article.extraction = Extraction(
        _method(own, body_origin, has_body=bool(article.body)),
        tuple(dict.fromkeys(notes.warnings)),
        {name: origin for name, origin in notes.provenance.items() if origin},
    )
    return article


@dataclass
class _Fields:
    """Fills the fields beside the body, noting where they came from."""

    page: Page
    profile: SiteProfile
    own: Own
    surroundings: Surroundings
    notes: _Notes
    prose: set[Element]

    def article(self, site: str) -> Article:
        structured, note = self.surroundings.structured, self.notes.provenance
        url, aliases = addresses_of(self.page.url, structured, self.profile, note)
        article = Article(site=site, url=url, fetched_at=self.page.fetched_at, aliases=aliases)
        if title := title_of(self.own, self.surroundings):
            article.title, note["title"] = title.value, title.origin
        else:
            self.notes.warnings.append("title: not found")
        if subtitle := subtitle_of(self.own, self.surroundings, article.title):
            article.subtitle, note["subtitle"] = subtitle.value, subtitle.origin
        if language := language_of(structured):
            article.language, note["language"] = language.value, language.origin
        markup = self.profile.markup
        article.authors, note["authors"] = authors_of(self.own, self.surroundings, self.prose)
        article.sections, note["sections"] = slugs_of(
            self.own, self.surroundings, markup.sections, self.prose
        )
        if not article.sections and not self.own.is_from_profile:
            article.sections = guessed_sections(self.own, self.surroundings, self.prose)
            note["sections"] = "fallback: links to sections" if article.sections else ""
        if not article.sections and (declared := declared_sections(structured, self.profile)):
            article.sections, note["sections"] = declared, "meta: article:section"
        article.tags, note["tags"] = slugs_of(
            self.own, self.surroundings, markup.tags, self.prose, only_behind=True
        )
        article.published_at = self._published()
        article.modified_at = self._modified()
        return article

    def _published(self) -> datetime | None:
        structured = self.surroundings.structured
        candidates: list[tuple[str, str | datetime | None]] = [
            *(
                (f"meta: {name}", structured.meta.get(name))
                for name in (
                    "article:published_time",
                    "og:article:published_time",
                    "parsely-pub-date",
                )
            ),
            ("json-ld: datePublished", json_ld_text(structured.json_ld, "datePublished")),
            *self._time_elements(),
            ("hint: published_at", self.page.published_at),
        ]
        printed = (
            (origin, text_of(element))
            for origin, elements in self.own.places(self.profile.markup.published_text)
            for element in elements
        )
        return self._first_date(
            "published_at", itertools.chain(candidates, printed), is_wanted=True
        )

    def _modified(self) -> datetime | None:
        structured = self.surroundings.structured
        candidates: list[tuple[str, str | datetime | None]] = [
            ("meta: article:modified_time", structured.meta.get("article:modified_time")),
            ("json-ld: dateModified", json_ld_text(structured.json_ld, "dateModified")),
            ("meta: og:updated_time", structured.meta.get("og:updated_time")),
        ]
        return self._first_date("modified_at", candidates, is_wanted=False)

    def _time_elements(self) -> list[tuple[str, str | datetime | None]]:
        return [
            ("profile: time[datetime]", element.get("datetime"))
            for part in self.own.parts
            for element in part.iter("time")
            if self.prose.isdisjoint(element.iterancestors())
        ]

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


def _declared(structured: Structured) -> list[Paragraph]:
    """The text that a page gives for machines alone; poorer than what it prints, as a rule."""
    return [
        Paragraph(text)
        for text in json_ld_paragraphs(structured.json_ld)
        if not is_pointer_text(text)
    ]


def _without_container(page: Surroundings) -> tuple[Own, Surroundings]:
    """An own article of which the page prints nothing, so that nothing on it is taken for its."""
    nothing = etree.Element("article")
    bare = replace(page, index=Index(nothing))
    return Own((nothing,), nothing, None, "json-ld", Nearby((nothing,), bare)), bare


@dataclass(frozen=True)
class _Sifted:
    """What stays of a body, and how many appeals went out."""

    kept: list[Paragraph]
    appeals: int


def _sift(paragraphs: list[Paragraph], page: Surroundings) -> _Sifted:
    patterns = _finders(tuple(page.profile.markup.cut_text))
    uncut = [
        paragraph
        for paragraph in paragraphs
        if not any(found_in(paragraph.text) for found_in in patterns)
    ]
    inserted = insertions_among(uncut, page.is_foreign_link)
    prose = [paragraph for index, paragraph in enumerate(uncut) if index not in inserted]
    voice = voice_of(page.structured.site_names)
    marked = appeals_among(prose, voice)
    kept = []
    for index, paragraph in enumerate(prose):
        if index not in marked:
            kept.append(paragraph)
        elif own_lines := lines_before_appeal(paragraph, voice):
            kept.append(replace(paragraph, text=" ".join(own_lines)))
    return _Sifted(kept, len(marked))


@lru_cache(maxsize=64)
def _finders(patterns: tuple[str, ...]) -> list[Callable[[str], re.Match[str] | None]]:
    """Searches for the patterns; for those that only fit a text's start, without reading on."""
    return [
        compiled.match if _STARTS.match(compiled.pattern) else compiled.search
        for compiled in map(re.compile, patterns)
    ]


def _finish_body(
    article: Article, sifted: _Sifted, origin: str, structured: Structured, notes: _Notes
) -> None:
    texts = [paragraph.text for paragraph in sifted.kept]
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
    else:
        notes.warnings.append("body: empty")


def _method(own: Own, body_origin: str, *, has_body: bool) -> str:
    if body_origin == _ARTICLE_BODY:
        return "structured"
    if not own.is_from_profile or (has_body and not body_origin.startswith("profile")):
        return "fallback"
    return "profile" if has_body else "structured"


def _no_container(page: Page, structured: Structured) -> NotAnArticle | IncompletePage:
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
    own: Own,
    structured: Structured,
    sifted: _Sifted,
) -> None:
    """Raise if the page is something else than an article, or has lost its text."""
    is_dated = article.published_at is not None and page.published_at is None
    signs = sum((
        is_dated, bool(article.authors), bool(article.sections), structured.says_article,
        "article:section" in structured.meta, bool(article.tags),
    ))  # fmt: skip
    if not is_article_address(article.url, profile):
        is_ruled_out = profile.links.rules_out(unquote(urlsplit(article.url).path))
        if is_ruled_out or not structured.says_article:
            raise NotAnArticle(page.url, "its address is not an article's")
    if not article.body:
        has_headline = own.is_from_profile and own.headline is not None
        check_textless(
            page.url,
            article.title,
            own,
            profile.markup,
            says_article=structured.says_article or (has_headline and is_dated),
            has_appeals=sifted.appeals > 0,
        )
    if not signs and (structured.says_other or not own.is_from_profile):
        raise NotAnArticle(page.url, "no date, author or section: a static page")
