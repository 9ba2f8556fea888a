"""Finds the sources of a site: feeds, sitemaps and sections that lead to articles."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from rscrawler.extraction.selectors import select
from rscrawler.extraction.structured import TITLE_SEPARATOR, read_structured
from rscrawler.identity.addresses import absolute, address_key, article_address, canonical_url
from rscrawler.items import rfc3339
from rscrawler.probing.paths import alike, article_patterns, likely_articles, looks_like_article
from rscrawler.probing.visitor import PageUnavailable, Response, Visitor
from rscrawler.sites import (
    FILE_PATHS,
    STATIC_PATHS,
    Links,
    SiteProfile,
    Source,
    SourceKind,
    host_of,
    hosts_of,
)
from rscrawler.spiders.sources import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    read_source,
)

_FEED_PATHS = ("feed/", "rss.xml", "rss", "feed.xml", "atom.xml", "index.xml", "feeds/feed.rss")
_SITEMAP_PATHS = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")
_MOST_SOURCES, _MOST_PARTS, _MOST_SECTIONS = 3, 2, 8  # of a kind; of an index; of a menu
_LEAST_LINKS = 3  # to articles, for a page to be a section
_LEAST_AGAINST = 0.2  # share of a feed's paths; a default rule that excludes so many is dropped
_OF_ARTICLES = re.compile(r"news|post|article|stor(?:y|ies)", re.IGNORECASE)
_OF_OTHERS = re.compile(r"tag|categor|author|image|video|page|taxonom|user|topic", re.IGNORECASE)
_TO_FEED = re.compile(r"(?:^|[/=])(?:rss|feed)(?:[/.]|$)", re.IGNORECASE)
_PAGE_NUMBERS = ("page", "paged", "p", "pg")
_MENUS = "nav a[href], header a[href], [role='navigation'] a[href], .menu a[href]"
_FRAME = f"{_MENUS}, footer a[href]"


@dataclass(frozen=True, slots=True)
class FoundSource:
    """A source, and the entries on it that lead to articles; `trouble` says why there are none."""

    source: Source
    entries: tuple[Entry, ...]
    trouble: str | None = None

    @property
    def newest(self) -> Entry | None:
        """The entry with the latest date; None if no date is given."""
        return next((entry for entry in newest_first(self.entries) if entry.dated_at), None)

    def __str__(self) -> str:
        count, newest = len(self.entries), self.newest
        title = f", “{newest.title}”" if newest and newest.title else ""
        dated = f", the newest of {newest.dated_at:%Y-%m-%d}{title}" if newest else ""
        return self.trouble or f"{count} article{'' if count == 1 else 's'}{dated}"

    def to_json(self) -> dict[str, Any]:
        """What was found, as plain values."""
        return {
            "kind": str(self.source.kind),
            "path": self.source.path,
            "articles": len(self.entries),
            "newest": rfc3339(self.newest.dated_at) if self.newest else None,
        }


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Entries by their dates, those without one last."""
    return sorted(entries, key=lambda e: -(e.dated_at.timestamp() if e.dated_at else 0.0))


def read_response(response: Response, source: Source, profile: SiteProfile) -> SourceContent:
    """Parse a source's response; raises UnreadableSource if it is not of the source's kind."""
    url, body, content_type = response.url, response.body, response.content_type
    within = tuple(profile.links.within)
    return read_source(SourcePage("", url, body, content_type, source, within=within))


def source_entries(source: Source, url: str, profile: SiteProfile, visitor: Visitor) -> list[Entry]:
    """The entries of a source's first page; for a sitemap index, those of two of its sitemaps.

    Raises:
        PageUnavailable, UnreadableSource: it cannot be fetched, or is not of its kind.
    """
    content = read_response(visitor.get(url), source, profile)
    entries = list(content.entries)
    for part in sorted(content.sitemaps, key=_rank)[:_MOST_PARTS]:
        with suppress(PageUnavailable, UnreadableSource):
            entries += read_response(visitor.get(part.url), source, profile).entries
    return entries


def _rank(part: Entry) -> tuple[bool, bool, float]:
    """A sort key: the sitemaps of an index that are likeliest to hold articles come first."""
    name = urlsplit(part.url).path
    age = -part.dated_at.timestamp() if part.dated_at else 0.0
    return bool(_OF_OTHERS.search(name)), not _OF_ARTICLES.search(name), age


class Finding:
    """The sources of a site, found through its front page, robots.txt and common addresses.

    `profile` has the site's hosts, the patterns of its article addresses, and the `sources` that
    lead to articles.

    Raises:
        PageUnavailable: the front page, or that of a part of the site, at `url` is unavailable.
    """

    def __init__(self, url: str, visitor: Visitor) -> None:
        self.notes: list[str] = []  # what was found but not used
        self._visitor, self._front = visitor, visitor.get(url)
        self._root = self._front.tree()
        self.profile = self._first_profile(url)
        paging = "paged" if b"/wp-content/" in self._front.body else ""  # WordPress pages its feeds
        self.sources = self._sources(SourceKind.FEED, self._declared_feeds(), _FEED_PATHS, paging)
        named = visitor.sitemaps(self._front.url)
        self.sources += self._sources(SourceKind.SITEMAP, named, () if named else _SITEMAP_PATHS)
        self._known = {path.rstrip("/") for path in self._paths_of(SourceKind.FEED)}
        paths = self._paths_in(_FRAME)
        self._frame = [p for p in paths if p != "/" and p.rstrip("/") not in self._known]
        self._within = re.sub(r"/[^/]*\.[^/]*$", "", urlsplit(self._front.url).path).rstrip("/")
        front, listed = self._section(f"{self._within}/", self._front), self._listings()
        links = self._links(front.entries, [e for each in listed for e in each.entries])
        self.profile = self.profile.model_copy(update={"links": links})
        found = [each for each in map(self._with_articles, self.sources) if each.entries]
        sections = [self._with_articles(each) for each in listed]
        sections = [each for each in sections if len(each.entries) >= _LEAST_LINKS]
        if not (found or sections):
            # Links of menus come last: most lead to sections.
            entries = sorted(front.entries, key=lambda entry: _path(entry.url) in self._frame)
            front = self._with_articles(FoundSource(front.source, tuple(entries)))
            sections = [front] if front.entries else []
        self.sources = [*found, *sections]
        if self.sources:
            sources = [each.source for each in self.sources]
            self.profile = self.profile.model_copy(update={"sources": sources})

    def entries(self) -> list[Entry]:
        """The entries of the sources, feeds first, newest first in each; each article once."""
        entries = (entry for each in self.sources for entry in newest_first(each.entries))
        return self._each_once(entries)

    def _first_profile(self, url: str) -> SiteProfile:
        parts, requested = urlsplit(self._front.url), host_of(urlsplit(url))
        base_url = f"{parts.scheme}://{parts.netloc}"
        hosts = [] if requested in hosts_of(base_url, ()) else [requested]
        profile = SiteProfile(base_url=base_url, hosts=hosts)
        declared = read_structured(self._root, self._front.url, profile)
        title = TITLE_SEPARATOR.split(declared.document_title or "")[-1] or None
        return profile.model_copy(update={"title": next(iter(declared.site_names), title)})

    def _sources(
        self, kind: SourceKind, declared: Iterable[str], usual: Iterable[str], paging: str = "page"
    ) -> list[FoundSource]:
        """The sources at declared addresses, three at most, else the first at a common path."""
        found: list[FoundSource] = []
        for address in dict.fromkeys(declared):
            if len(found) < _MOST_SOURCES:
                found += self._source_at(kind, address, paging)
        for path in usual:
            found = found or self._source_at(kind, urljoin(self._front.url, path), paging)
        return found

    def _declared_feeds(self) -> list[str]:
        """The feeds that the page declares; old sites only link to theirs."""
        found: list[str] = []
        for link in self._root.iter("link"):
            kind, href = (link.get("type") or "").lower(), link.get("href")
            is_feed = "alternate" in (link.get("rel") or "").lower() and re.search("rss|atom", kind)
            if is_feed and href and "comment" not in f"{href} {link.get('title') or ''}".lower():
                found.append(href)
        links = (link.get("href", "") for link in select(self._root, "a[href]"))
        found = found or [h for h in links if _TO_FEED.search(h) and "comment" not in h.lower()]
        return [absolute(href, self._front.url) for href in found]

    def _source_at(self, kind: SourceKind, address: str, paging: str) -> list[FoundSource]:
        """The source at an address, if it answers and leads to pages of the site."""
        parts = urlsplit(address)
        if canonical_url(address, self.profile) is None:
            self.notes.append(f"the {kind} {address} is on another host, so it is not used")
            return []
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        source = Source(kind=kind, path=path, page_parameter=paging)
        try:
            entries = source_entries(source, address, self.profile, self._visitor)
        except (PageUnavailable, UnreadableSource):
            return []
        own = tuple(entry for entry in entries if canonical_url(entry.url, self.profile))
        return [FoundSource(source, own)] if own else []

    def _links(self, shown: Sequence[Entry], listings: Sequence[Entry]) -> Links:
        """The patterns of article paths, learnt from the entries, without pages in menus."""
        within, sure = self._within, self._paths_of(SourceKind.FEED)
        usual = _usual_exclusions(sure)
        sure = [path for path in sure if not any(re.search(rule, path) for rule in usual)]
        listed = [p for p in self._paths_of(SourceKind.SITEMAP) if p.startswith(within)]
        if not sure and not listed:
            own = (entry.url for entry in shown if canonical_url(entry.url, self.profile))
            listed = [p for p in map(_path, own) if p not in self._frame or looks_like_article(p)]
        article = article_patterns(sure or likely_articles(listed))
        # A feed, or its newest articles, may be of one section only: add similar paths elsewhere.
        known = Links(article=article, not_article=usual)
        own = (_path(e.url) for e in (*shown, *listings) if canonical_url(e.url, self.profile))
        others = alike(dict.fromkeys(own), sure)
        others = [p for p in others if p.startswith(within) and not known.rules_out(p)]
        article += article_patterns(path for path in others if not known.is_article_path(path))
        article = article or ([f"^{re.escape(within)}/.+"] if within else Links().article)
        return Links(article=article, not_article=[*usual, *self._menu_exclusions(article)])

    def _menu_exclusions(self, article: list[str]) -> list[str]:
        """A rule for the pages in menus that the patterns match, unless they look like articles."""
        shaped = Links(article=article)
        plain = (path for path in self._frame if not looks_like_article(path))
        odd = sorted({path.strip("/") for path in plain if shaped.is_article_path(path)})
        menus = "|".join(re.escape(path).replace(r"\-", "-") for path in odd)
        return [f"^/(?:{menus})/?$"] if odd else []

    def _listings(self) -> list[FoundSource]:
        """The pages that the menu leads to, with every link on them."""
        likely = [
            path
            for path in self._paths_in(_MENUS)
            if path != urlsplit(self._front.url).path
            and path.rstrip("/") not in self._known
            and not looks_like_article(path)
            and not re.search(STATIC_PATHS, path)
        ]
        if left := likely[_MOST_SECTIONS:]:
            self.notes.append(f"pages in the menu that were not checked: {', '.join(left)}")
        found: list[FoundSource] = []
        for path in likely[:_MOST_SECTIONS]:
            with suppress(PageUnavailable):
                found.append(self._section(path, self._visitor.get(self.profile.address(path))))
        return found

    def _section(self, path: str, response: Response) -> FoundSource:
        """A page of links as a source, with every link on it."""
        parameter = _page_parameter(response)
        source = Source(kind=SourceKind.SECTION, path=path, page_parameter=parameter)
        with suppress(UnreadableSource):
            return FoundSource(source, read_response(response, source, self.profile).entries)
        return FoundSource(source, ())

    def _with_articles(self, found: FoundSource) -> FoundSource:
        """A source with its entries that may be articles, each once."""
        own = (each for each in found.entries if article_address(each.url, self.profile))
        return FoundSource(found.source, tuple(self._each_once(own)))

    def _each_once(self, entries: Iterable[Entry]) -> list[Entry]:
        found: dict[str, Entry] = {}
        for entry in entries:
            found.setdefault(address_key(entry.url, self.profile), entry)
        return list(found.values())

    def _paths_of(self, kind: SourceKind) -> list[str]:
        sources = (each for each in self.sources if each.source.kind is kind)
        return [_path(entry.url) for each in sources for entry in each.entries]

    def _paths_in(self, selector: str) -> list[str]:
        """The paths on this site of the links on the front page that match a selector."""
        links = (link.get("href", "") for link in select(self._root, selector))
        addresses = (absolute(href, self._front.url) for href in links)
        paths = (_path(each) for each in addresses if canonical_url(each, self.profile))
        return [path for path in dict.fromkeys(paths) if not re.search(FILE_PATHS, path)]


def _usual_exclusions(paths: Sequence[str]) -> list[str]:
    """The default rules of what is no article, without those that exclude many of these paths."""
    # At the path of the front page, only the query distinguishes articles from other pages.
    paths = [path for path in paths if path != "/"]
    most, rules = _LEAST_AGAINST * max(1, len(paths)), Links().not_article
    return [rule for rule in rules if sum(bool(re.search(rule, path)) for path in paths) < most]


def _page_parameter(response: Response) -> str:
    """The query parameter or path part with the number of a listing's page, if it starts at 1."""
    own = urlsplit(response.url)
    numbers: defaultdict[str, set[str]] = defaultdict(set)
    for link in select(response.tree(), "a[href]"):
        try:
            parts = urlsplit(urljoin(response.url, link.get("href", "").strip()))
        except ValueError:  # a link such as `http://[` is no address
            continue
        if parts.netloc != own.netloc:
            continue
        if re.fullmatch(re.escape(own.path.rstrip("/")) + r"/page/\d+/?", parts.path):
            numbers["/page/"].add("2")
        elif parts.path.rstrip("/") == own.path.rstrip("/"):
            for name, value in parse_qsl(parts.query):
                if name in _PAGE_NUMBERS and value.isdigit():
                    numbers[name].add(value)
    # Where the second page is number 1 (Drupal), page 2 is the third one.
    return next((name for name, found in numbers.items() if "2" in found and "1" not in found), "")


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) or "/"
