"""Site profiles: the description of a site as data.

A profile is a TOML file named for its site. The shipped ones are beside this
module; a configuration can add a folder (`sites_dir`), where a file of the same
name wins, and `[sites.NAME]` in `rscrawler.toml` overrides single keys.

The defaults are the generic profile, for sites of which only the address is known.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import ParseResult, SplitResult, unquote, urljoin, urlsplit, urlunsplit

from cssselect import HTMLTranslator, SelectorError
from lxml import etree
from pydantic import AfterValidator, Field, model_validator

from rscrawler import PACKAGE_DIR
from rscrawler.config import Config, cached, checked, merged, read_toml
from rscrawler.config.models import (
    Model,
    WebAddress,
    is_web_address,
    is_web_address_without_user,
    key,
)
from rscrawler.errors import ConfigurationError

SHIPPED_SITES_DIR = PACKAGE_DIR / "sites"
# The other subjects of problems.
_NOT_SITES = ("database", "disk", "outbox", "output", "schedule", "topics")
SITE_NAMES = f"a-z, 0-9, - and _, such as example-review, but not {', '.join(_NOT_SITES)}"
_LIKE = 0.8  # least similarity of two names: one letter in five differs
DEFAULT_PORTS = {"http": 80, "https": 443}


def host_of(parts: SplitResult | ParseResult) -> str:
    """The host of an http(s) address as in requests, with its port unless it is the default.

    In lower case and ASCII: an internationalized name becomes `xn--…`.
    """
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        with suppress(UnicodeError):  # such as a label that is too long: no such host exists
            host = host.encode("idna").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    is_usual = parts.port in (None, DEFAULT_PORTS[parts.scheme.lower()])
    return host if is_usual else f"{host}:{parts.port}"


def path_of(url: str) -> str:
    """An address without its host: its path and its query."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@lru_cache(maxsize=64)
def hosts_of(base_url: str, hosts: tuple[str, ...]) -> frozenset[str]:
    """Every host of a site as `host_of` gives it: each one named, with `www.` and without."""
    bare = {host.removeprefix("www.") for host in (host_of(urlsplit(base_url)), *hosts)}
    return frozenset({*bare, *(f"www.{host}" for host in bare)})


@lru_cache(maxsize=64)
def paths_of(base_url: str, sources: tuple[str, ...]) -> frozenset[str]:
    """The paths of a site's own sources without a query, unquoted, without a trailing slash."""
    found = [urlsplit(_address(base_url, path)) for path in sources]
    own = (each for each in found if each.netloc == urlsplit(base_url).netloc and not each.query)
    return frozenset(unquote(each.path).rstrip("/") for each in own)


@lru_cache(maxsize=1024)  # asked for each address of a sitemap
def _address(base_url: str, path: str) -> str:
    # Behind "./", a colon belongs to the path: "/category:news/".
    return urljoin(f"{base_url}/", f"./{path.lstrip('/')}" if path.startswith("/") else path)


def _digest(rules: str) -> str:
    return hashlib.blake2b(rules.encode(), digest_size=8).hexdigest()


def _host_name(written: str) -> str:
    address = f"http://{written}"
    if not is_web_address(address) or "@" in written or urlsplit(address).netloc != written:
        raise ValueError('allowed: a host name, such as "www.example.org"')
    return host_of(urlsplit(address))


def _base_url(written: str) -> str:
    parts = urlsplit(written)
    return urlunsplit((parts.scheme.lower(), host_of(parts), parts.path.rstrip("/"), "", ""))


class SourceKind(StrEnum):
    """The format of a source's response, and so how its links are read."""

    SECTION = "section"
    TAG = "tag"
    FEED = "feed"
    SITEMAP = "sitemap"
    JSON = "json"


def _source_path(path: str) -> str:
    is_whole = re.match(r"[^/?#]*:|/+(?:https?:|\w+://)", path, re.I)  # or a misspelt address
    with suppress(ValueError):  # an invalid bracket
        if is_web_address_without_user(path if is_whole else _address("http://localhost", path)):
            return path
    raise ValueError(
        'allowed: a path, such as "/feed/", or an http or https address without a user and password'
    )


def _valid_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return pattern


@lru_cache(maxsize=1024)
def xpath_of(selector: str) -> etree.XPath:
    """The XPath query for a CSS selector, as Scrapy translates it.

    lxml's own translation of `:contains()` reads freed memory.

    Raises:
        cssselect.SelectorError: it is not a CSS selector.
    """
    return etree.XPath(HTMLTranslator().css_to_xpath(selector))


@lru_cache(maxsize=1024)  # the profiles are read again by each delivery
def _valid_selector(selector: str) -> str:
    try:
        xpath_of(selector)(etree.Element("p"))
    except (SelectorError, etree.XPathError) as error:
        raise ValueError(f"is not a CSS selector: {error}") from None
    return selector


Pattern = Annotated[str, AfterValidator(_valid_pattern)]
Selectors = list[Annotated[str, Field(min_length=1), AfterValidator(_valid_selector)]]

# Common paths of pages that are not articles, whatever the publishing system.
LISTING_PATHS = (
    r"^/(?:[a-z]{2}/)?(?:tags?|topics?|category|categories|authors?|page|search|feeds?|rss|login"
    r"|register|account|wp-[a-z]+)(?:/|$)|/page/\d+/?$"
)
STATIC_PATHS = (
    r"^/(?:[a-z]{2}/)?(?:about|about-us|advertise|advertising|archives?|careers|contact|contacts"
    r"|contact-us|cookies|cookie-policy|donate|events|faq|help|imprint|jobs|masthead|newsletters?"
    r"|our-team|podcasts?|privacy|privacy-policy|shop|sitemap|staff|submissions|subscribe"
    r"|support-us|team|terms|terms-of-service|terms-of-use|terms-and-conditions)?/?$"
)
FILE_PATHS = (
    r"\.(?:atom|csv|docx?|gif|ics|jpe?g|json|mp3|mp4|pdf|png|rss|svg|txt|webp|xlsx?|xml|zip)$"
)


class JsonPaths(Model):
    """Where a JSON endpoint has its fields, as dotted names; the defaults are WordPress's."""

    entries: str = key("", "the list; empty: the response itself")
    address: str = key("link", "in an entry", min_length=1)
    title: str = key("title.rendered", "in an entry")
    published: str = key("date_gmt", "in an entry; empty: none")
    modified: str = key("modified_gmt", "in an entry; empty: none")
    next: str = key("", "next page's address, in the response; empty: the Link header's")


class Source(Model):
    """An address that leads to articles."""

    kind: SourceKind = key(..., "section and tag are pages with links")
    path: Annotated[str, AfterValidator(_source_path)] = key(..., "relative to base_url")
    page_parameter: str | None = key(
        "page",
        "query parameter of further pages if a page names no next one, or the path "
        "before their number: /page/ for /news/page/2/; empty: none",
    )
    paths: JsonPaths = key(JsonPaths(), "only for kind json")

    @model_validator(mode="after")
    def _has_paths_where_they_are_read(self) -> Self:
        if "paths" in self.model_fields_set and self.kind is not SourceKind.JSON:
            raise ValueError(f'paths are only for kind "json"; this source is "{self.kind}"')
        return self

    @property
    def is_paged(self) -> bool:
        """Whether `page_parameter` leads to older entries."""
        return bool(self.page_parameter) and self.kind is not SourceKind.SITEMAP


class Links(Model):
    """Which addresses of the site are articles, judged by their path alone.

    The page of each such address is still checked, so the patterns may be generous.
    """

    article: list[Pattern] = key([r"^/.+"], "a path that matches one of these may be an article")
    not_article: list[Pattern] = key(
        [LISTING_PATHS, STATIC_PATHS, FILE_PATHS],
        "a path that matches one of these is not an article",
    )
    within: Selectors = key(
        [], "elements of a listing whose links count; none found: the whole page"
    )
    parameters: list[str] = key(["id"], "query parameters that identify an article")
    slug_suffix: Pattern | None = key(
        None, "what a slug may end in besides its words, such as a post id"
    )

    def is_article_path(self, path: str) -> bool:
        """Whether `path` (with its leading slash) may be an article's."""
        return _match(tuple(self.article), path) and not self.rules_out(path)

    def rules_out(self, path: str) -> bool:
        """Whether `path` is not an article's, whatever its page declares."""
        return _match(tuple(self.not_article), path)


@lru_cache(maxsize=16_384)  # a site's pages link to the same sections and articles
def _match(patterns: tuple[str, ...], path: str) -> bool:
    """Whether one of `patterns` matches a path with or without its trailing slash."""
    bare = path.rstrip("/")
    forms = (bare, f"{bare}/") if bare else ("/",)
    return any(re.search(pattern, form) for pattern in patterns for form in forms)


class Markup(Model):
    """CSS selectors, each list in order of preference.

    `container` is the page's own article; all but `foreign` apply inside it, fields also beside it.
    """

    container: Selectors = key(["article"], "the page's own article")
    foreign: Selectors = key([], "other articles that the page carries")
    title: Selectors = key(["h1"], "the headline")
    subtitle: Selectors = key([], "the line below the headline")
    authors: Selectors = key(["[rel~=author]"], "an element for each name")
    sections: Selectors = key(  # classic themes of WordPress, and its block themes
        ["a[rel~='category']", ".taxonomy-category a"], "links whose address ends in the slug"
    )
    tags: Selectors = key(["a[href*='/tag/']"], "links to tag pages")
    published_text: Selectors = key([
        "time[datetime]", "[itemprop='datePublished']", ".published", ".date", ".post-date",
        ".entry-date", ".article-date", ".posted-on",
    ], "the printed date, used if no better one is found")  # fmt: skip
    body: Selectors = key([], "holds the paragraphs")
    image: Selectors = key(["figure img", "img"], "the lead image")
    caption: Selectors = key(["figcaption"], "of the lead image")
    credit: Selectors = key([], "of the lead image")
    cut: Selectors = key([], "is never part of the body")
    cut_text: list[Pattern] = key([], "a paragraph that matches one is never part of the body")

    @property
    def selectors(self) -> tuple[str, ...]:
        """All selectors."""
        fields = type(self).model_fields.items()
        lists = (getattr(self, name) for name, field in fields if field.annotation == Selectors)
        return tuple(chain.from_iterable(lists))


# The places where most sites have these; a missing one costs a request and is skipped.
_USUAL_SOURCES = [
    Source(kind=SourceKind.FEED, path="/feed/"),
    Source(kind=SourceKind.FEED, path="/rss.xml"),
    Source(kind=SourceKind.SITEMAP, path="/sitemap.xml"),
    Source(kind=SourceKind.SECTION, path="/", page_parameter=None),
]


class SiteProfile(Model):
    """One site: its addresses, the rate of requests to it, and how its pages are read."""

    base_url: Annotated[WebAddress, AfterValidator(_base_url)] = key(
        ..., "every address is relative to it"
    )
    hosts: list[Annotated[str, AfterValidator(_host_name)]] = key(
        [], "further host names of the site, each with and without www."
    )
    title: str | None = key(None, "the outlet's name, as readers know it")
    enabled: bool = key(True, "crawled when no site is named")
    verified: bool = key(False, "somebody has checked it on the site's live pages")
    reviewed_on: date | None = key(
        None, "the day of that check; before it, of the last comparison with public sources"
    )
    download_delay: float = key(1.0, "seconds between requests", ge=0, le=600)
    concurrency: int = key(2, "requests at a time", ge=1, le=16)
    max_pages: int = key(2, "pages of a listing read on a first run", ge=1)
    sources: list[Source] = Field(default=_USUAL_SOURCES, min_length=1)
    links: Links = Links()
    markup: Markup = Markup()

    @model_validator(mode="after")
    def _says_when_it_was_verified(self) -> Self:
        if self.verified and self.reviewed_on is None:
            raise ValueError("verified needs reviewed_on, the day of the check")
        return self

    @property
    def all_hosts(self) -> frozenset[str]:
        """Every host whose pages are this site's, as `host_of` gives it."""
        return hosts_of(self.base_url, tuple(self.hosts))

    @property
    def links_digest(self) -> str:
        """The digest, 16 hex digits, of the rules by which addresses are chosen."""
        rules = self.model_dump_json(include={"base_url", "hosts", "links"})
        return _digest("\n".join([rules, *sorted(self.sitemap_addresses)]))

    @property
    def rules_digest(self) -> str:
        """The digest, 32 hex digits, of all rules by which links and pages are read."""
        return self.links_digest + _digest(self.markup.model_dump_json())

    @property
    def own_sources(self) -> dict[str, Source]:
        """The profile's sources by their addresses, without sitemaps that an index names."""
        return {self.address(each.path): each for each in self.sources}

    @property
    def sitemap_addresses(self) -> frozenset[str]:
        """The addresses of the profile's own sitemaps, without those that an index names."""
        own = self.own_sources.items()
        return frozenset(url for url, each in own if each.kind is SourceKind.SITEMAP)

    @property
    def source_paths(self) -> frozenset[str]:
        """The paths of its own sources without a query, unquoted, without a trailing slash."""
        return paths_of(self.base_url, tuple(each.path for each in self.sources))

    def address(self, path: str) -> str:
        """The absolute address of `path` on this site."""
        return _address(self.base_url, path)


@cached
def load_sites(config: Config) -> dict[str, SiteProfile]:
    """Every site profile by name, shipped and own, with the configuration's overrides.

    Raises:
        ConfigurationError: with every problem found in every file.
    """
    files = {path.stem: path for path in sorted(SHIPPED_SITES_DIR.glob("*.toml"))}
    files |= {path.stem: path for path in config.own_files("sites_dir")}
    sites: dict[str, SiteProfile] = {}
    problems: list[str] = []
    for name in [*files, *(each for each in config.sites if each not in files)]:
        try:
            sites[name] = _site(name, files, config)
        except ConfigurationError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigurationError(*problems)
    return sites


def is_site_name(name: str) -> bool:
    """Whether `name` is a valid name of a site."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) is not None and name not in _NOT_SITES


def _site(name: str, files: Mapping[str, Path], config: Config) -> SiteProfile:
    """The profile of a site: that of its file, if any, with the configuration's overrides."""
    path = files.get(name)
    overrides, place = config.sites.get(name, {}), config.place_of(f"sites.{name}")
    if not is_site_name(name):
        raise ConfigurationError(
            f"{path or place}: {name!r} cannot be a site's name; allowed: {SITE_NAMES}"
        )
    if path is not None:
        read = _shipped if path.parent == SHIPPED_SITES_DIR else _read
        (values, profile), note = read(path), ""
        if not overrides:
            return profile
    else:
        values, note = {}, f" (no profile {name!r} is shipped)"
        is_whole = {"base_url", "sources"} <= overrides.keys()
        if not is_whole and (near := get_close_matches(name, files, 1, _LIKE)):
            raise ConfigurationError(
                f"{place}: no site of that name has a profile; did you mean "
                f"{near[0]!r}? A new site with such a similar name needs base_url and sources"
            )
    return checked(
        SiteProfile,
        merged(values, overrides),
        lambda location: config.origin_of(("sites", name, *location)) + note,
        table=f"sites.{name}",
    )


def _read(path: Path) -> tuple[dict[str, Any], SiteProfile]:
    values = read_toml(path)
    return values, checked(SiteProfile, values, str(path))


_shipped = cache(_read)  # shipped files do not change while a process lives


def chosen_sites(sites: dict[str, SiteProfile], names: list[str]) -> dict[str, SiteProfile]:
    """The sites named, or all enabled ones if none is.

    Raises:
        ConfigurationError: a name is unknown, or nothing is enabled.
    """
    chosen = names or [name for name, site in sites.items() if site.enabled]
    if not chosen:
        raise ConfigurationError("no site is enabled; set `enabled = true` under one [sites.NAME]")
    if unknown := [name for name in chosen if name not in sites]:
        refusal = f"is not known; allowed: {', '.join(sorted(sites))}"
        raise ConfigurationError(*(f"site {name!r} {refusal}" for name in unknown))
    return {name: sites[name] for name in chosen}
