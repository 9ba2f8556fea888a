"""Extracts the article on a page: combines text and fields, and checks that it is one."""

import re
from functools import lru_cache
from itertools import takewhile
from urllib.parse import unquote, urlsplit

from lxml.etree import _Element as Element

from rscrawler.clock import utc_now
from rscrawler.config import find_config, is_web_address, load_config
from rscrawler.decisions import own_signs
from rscrawler.errors import ConfigurationError
from rscrawler.extraction.appeals import speaks_of_giving
from rscrawler.extraction.blocks import Block, kind_of
from rscrawler.extraction.body import LocatedText, declared_text, locate_text
from rscrawler.extraction.context import PageContext
from rscrawler.extraction.fields import EMBEDS, addresses_of, image_source, is_picture, read_fields
from rscrawler.extraction.page import IncompletePage, NotAnArticle, Page
from rscrawler.extraction.reprint import republished_from
from rscrawler.extraction.selectors import with_ancestors
from rscrawler.extraction.vocabulary import pattern
from rscrawler.identity.addresses import article_address
from rscrawler.items import EMPTY, Article, Extraction
from rscrawler.sites import SiteProfile, chosen_sites, load_sites

GENERIC = "generic"  # in place of a site's name, for a page read without a profile
# A page is garbage with more control or broken characters than this, and this share of its text.
_LEAST_ODD, _ODD_SHARE = 10, 0.05
_ODD = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffd]")
_NOT_INDEXED = re.compile(r"noindex|(?:^|,)\s*none\s*(?:,|$)", re.IGNORECASE)
_GARBAGE = "the page is not readable text"
_ARTICLE_BODY = "json-ld: articleBody"
_MUCH_MORE, _LEAST_DECLARED = 2, 100  # declared text is taken if > 2 × printed + 100 characters
_SEVERAL = 2  # pictures


def extract_page(page: bytes, url: str, *, site: str | None = None) -> Article:
    """Extract the article on a page; without network, and nothing is stored.

    `page` is the page as fetched and `url` its address after redirects. `site` names a profile:
    a shipped one, or one of the configuration that the commands would find. Without it, the page
    counts as an article, and the generic profile is used. Identity, topics and novelty are not set.

    Raises:
        NotAnArticle: the page has no article: a listing, a static page, a donation page.
        IncompletePage: the page is truncated, empty or garbage.
        ConfigurationError: `site` has no profile, or `url` is no web address.
        TypeError: `page` is not bytes.
    """
    if not isinstance(page, bytes | bytearray):
        raise TypeError(f"page is {type(page).__name__}; allowed: the bytes of the page as fetched")
    if not isinstance(url, str) or not is_web_address(url):
        raise ConfigurationError(f"{url!r}: is no web address; allowed: https://host/path")
    profile = generic_profile(url) if site is None else chosen_sites(_profiles(), [site])[site]
    fetched = Page.of(url, page, None, utc_now())
    return extract(fetched, profile, site or GENERIC, is_article=site is None)


def generic_profile(url: str) -> SiteProfile:
    """The profile for a page of a site that has none: the generic rules alone."""
    parts = urlsplit(url)
    return SiteProfile(base_url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")


@lru_cache(maxsize=1)
def _profiles() -> dict[str, SiteProfile]:
    return load_sites(load_config(find_config(None)))


def extract(page: Page, profile: SiteProfile, site: str, *, is_article: bool = False) -> Article:
    """The article on `page`, with the provenance of each field; pure, no I/O.

    `is_article`: the caller knows that the page is an article, whatever its address, and even
    without date, author and section.

    Fields that are not found are None or empty. `url` is the address that the page declares
    (canonical link, else `og:url`) if it can be an article's, else the final address; the other
    ones are `aliases`.

    Raises:
        NotAnArticle: the page has no article: a listing, a static page, a donation page.
        IncompletePage: the page is truncated, empty or garbage, or declares an article without
            text.
    """
    if page.is_truncated:
        raise IncompletePage(page.url, "the page ends before its end tag")
    context = PageContext.of(page, profile)
    located = locate_text(context)
    if located is None:
        raise _no_text_error(context)

    url, aliases, origin = addresses_of(context)
    article = Article(site=site, url=url, fetched_at=page.fetched_at, aliases=aliases)
    provenance = {"url": origin} | read_fields(article, located)
    if article.title is None and _is_garbage(page):
        raise IncompletePage(page.url, _GARBAGE)
    provenance |= _read_body(article, located)
    _check_is_article(article, located, provenance, is_article=is_article)
    own = located.own
    if not own.is_from_profile and "container" in profile.markup.model_fields_set:
        context.warnings.append(f"container: none of the profile's matched ({own.origin})")
    provenance["container"] = own.origin
    method = _method(located, provenance.get("body", ""), has_body=bool(article.body))
    article.extraction = Extraction(method, tuple(dict.fromkeys(context.warnings)), provenance)
    return article


def labelled_blocks(page: Page, profile: SiteProfile) -> list[Block]:
    """Every block of the article on `page`, with its label and the rule that gave it."""
    located = locate_text(PageContext.of(page, profile))
    return located.blocks if located is not None else []


def _read_body(article: Article, located: LocatedText) -> dict[str, str]:
    """Fill in `body` and `republished_from`; return the provenance of each."""
    context, origin = located.context, located.origin
    texts = [block.text for block in located.kept]
    declared = declared_text(context)
    if sum(map(len, declared)) > _MUCH_MORE * sum(map(len, texts)) + _LEAST_DECLARED:
        texts, origin = declared, _ARTICLE_BODY
    while texts and texts[0] in (article.title, article.subtitle):
        texts.pop(0)
    if not texts:
        context.warnings.append("body: empty")
        selectors = context.profile.markup.body
        there = next((each for each in selectors if located.own.matches(each)), None)
        return {"body": f"profile: {there}{EMPTY}"} if there else {}
    article.body = "\n\n".join(texts)
    if origin == _ARTICLE_BODY:
        context.warnings.append("body: only in the page's JSON-LD")
    elif context.profile.markup.body and not origin.startswith("profile"):
        context.warnings.append("body: none of the profile's selectors matched")
    host = (urlsplit(article.url).hostname or "").removeprefix("www.")
    article.republished_from = republished_from(texts, (*context.structured.site_names, host))
    line = "text: reprint line"
    return {"body": origin} | ({"republished_from": line} if article.republished_from else {})


def _method(located: LocatedText, body_origin: str, *, has_body: bool) -> str:
    if body_origin == _ARTICLE_BODY:
        return "structured"
    is_by_profile = body_origin.startswith("profile") or not has_body
    if not (located.own.is_from_profile and is_by_profile):
        return "fallback"
    return "profile" if has_body else "structured"


def _no_text_error(context: PageContext) -> NotAnArticle | IncompletePage:
    """The error for a page without located text: it is not an article, or it is broken."""
    page, structured = context.page, context.structured
    if not str(page.root.xpath("string()")).strip():
        return IncompletePage(page.url, "the page is empty")
    if _is_garbage(page):
        return IncompletePage(page.url, _GARBAGE)
    if structured.says_article:
        return IncompletePage(page.url, "the page declares an article and holds none")
    if not structured.meta and structured.document_title is None and page.root.find(".//a") is None:
        return IncompletePage(page.url, "the page has no title, no link and no article text")
    return NotAnArticle(page.url, "no article on the page")


def _is_garbage(page: Page) -> bool:
    """Whether the page is random or compressed bytes, decoded as text."""
    text = str(page.root.xpath("string()"))
    odd = sum(1 for _ in _ODD.finditer(text))
    return odd > _LEAST_ODD and odd > _ODD_SHARE * len(text)


def _check_is_article(
    article: Article, located: LocatedText, provenance: dict[str, str], *, is_article: bool
) -> None:
    """Raise if the page is not an article, or has lost its text."""
    own, page, structured = located.own, located.context.page, located.context.structured
    if not is_article:
        _check_address(article.url, located.context)
    signs = own_signs(article, provenance)
    if not page.needs_sign:  # links to sections may be the menu's
        signs += [name for name in ("sections", "tags") if getattr(article, name)]
    if not article.body:
        has_headline = own.is_from_profile and own.headline is not None
        says_article = structured.says_article or (has_headline and "published_at" in signs)
        _check_textless(article.title, located, says_article=says_article)
    if is_article or structured.says_article:
        return
    # Sources date only articles, but a check for bots may stand in an article's place.
    is_unsure = page.needs_sign or _NOT_INDEXED.search(structured.meta.get("robots", ""))
    is_check = pattern("bot_checks").search(structured.document_title or "")
    is_dated = page.published_at is not None and not (is_unsure or is_check)
    is_known = own.is_from_profile or is_dated
    if not is_known and _is_others(located):
        raise NotAnArticle(page.url, "its text is other articles'")
    has_sign = bool(signs) or "article:section" in structured.meta
    if not has_sign and (structured.has_type or not is_known):
        raise NotAnArticle(page.url, "no date, author or section in its markup: a static page")


def _check_address(url: str, context: PageContext) -> None:
    """Raise if the page is a listing, or `url`, its own address, is not an article's."""
    profile, structured = context.profile, context.structured
    if structured.is_listing:
        raise NotAnArticle(context.page.url, "a listing")
    if article_address(url, profile) is None:
        is_ruled_out = profile.links.rules_out(unquote(urlsplit(url).path))
        if is_ruled_out or not structured.says_article:
            raise NotAnArticle(context.page.url, "its address is not an article's")


def _check_textless(title: str | None, located: LocatedText, *, says_article: bool) -> None:
    """Raise if a page without a text is no article that has none: a video, a cartoon, photos.

    A page that has lost its text looks similar. So its container must have other content.
    """
    url, has_content = located.context.page.url, _has_content(located)
    if any(block.label == "appeal" for block in located.blocks) and not (
        has_content and title and not speaks_of_giving(title, url)
    ):
        raise NotAnArticle(url, "it holds an appeal and nothing else")
    if not says_article:
        raise NotAnArticle(url, "it has no text of its own")
    if not title:
        raise IncompletePage(url, "neither headline nor text")
    if not has_content:
        raise IncompletePage(url, "the page declares an article and holds no text")


def _is_others(located: LocatedText) -> bool:
    """Whether text that no selector found lies in what the profile calls other articles."""
    index, markup = located.context.index, located.context.profile.markup
    kept = with_ancestors(block.region.element for block in located.kept)
    return not kept.isdisjoint(index.select_all(index.root, markup.foreign))


def _has_content(located: LocatedText) -> bool:
    """Whether there is an embed, a picture where the text would be, or several pictures."""
    own, context = located.own, located.context
    bodies = [body for selector in context.profile.markup.body for body in own.matches(selector)]
    inside = ((element, part) for part in own.parts for element in part.iter("img", *EMBEDS))
    found = [element for element, part in inside if _is_content(element, part)]
    if len(found) >= _SEVERAL or any(element.tag != "img" for element in found):
        return True
    is_within = context.index.is_within
    return any(is_within(element, body) for element in found for body in bodies)


def _is_content(element: Element, part: Element) -> bool:
    """Whether a picture or embed can be the content of an article."""
    if element.tag == "img" and image_source(element) is None:
        return False
    marks = (element.get(name) or "" for name in ("src", "data-src", "id", "class", "title"))
    if not is_picture(element) or pattern("no_embeds").search(" ".join(marks)):
        return False
    around = takewhile(lambda each: each is not part, element.iterancestors())
    return all(each.tag != "noscript" and kind_of(each)[0] is None for each in around)
