"""Finds the sources of a site: feeds, sitemaps and sections that lead to articles."""

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from rscrawler.extraction.context import TITLE_SEPARATOR, read_structured
from rscrawler.extraction.selectors import select
from rscrawler.identity.addresses import (
    absolute,
    article_address,
    canonical_url,
    missing_parameters,
    root_of,
)
from rscrawler.items import rfc3339
from rscrawler.probing.paths import learn_links, looks_like_article
from rscrawler.probing.visitor import PageUnavailable, Response, Visitor
from rscrawler.sites import (
    FILE_PATHS,
    STATIC_PATHS,
    SiteProfile,
    Source,
    SourceKind,
    host_of,
    hosts_of,
    path_of,
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
_OF_ARTICLES = re.compile(r"news|post|article|stor(?:y|ies)", re.IGNORECASE)
_OF_OTHERS = re.compile(r"tag|categor|author|image|video|page|taxonom|user|topic", re.IGNORECASE)
_TO_FEED = re.compile(r"(?:^|[/=])(?:rss|feed)(?:[/.]|$)", re.IGNORECASE)
_PAGE_NUMBERS = ("page", "paged", "p", "pg")
_NO_SECTIONS = rf"{STATIC_PATHS}|/page/\d+/?$"
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


@dataclass(frozen=True, slots=True)
class Finding:
    """The sources of a site that lead to articles, and what was found but not used (`notes`).

    `profile` has the site's hosts, the patterns of its article addresses, and the sources.
    """

    profile: SiteProfile
    sources: list[FoundSource]
    notes: list[str]

    def entries(self) -> list[Entry]:
        """The entries of the sources, feeds first, newest first in each; each article once."""
        entries = (entry for each in self.sources for entry in newest_first(each.entries))
        return _articles(entries, self.profile)


def find_sources(url: str, visitor: Visitor) -> Finding:
    """Find the sources of a site through its front page, robots.txt and common addresses.

    Raises:
        PageUnavailable: the front page, or that of a part of the site, at `url` is unavailable.
    """
    front = visitor.get(url)
    profile, path = _first_profile(url, front), urlsplit(front.url).path
    declared, named = _declared_feeds(front), visitor.sitemaps(front.url)
    notes = [
        f"the {kind} {address} is on another host, so it is not used"
        for kind, addresses in (("feed", declared), ("sitemap", named))
        for address in addresses
        if canonical_url(address, profile) is None
    ]
    paging = "paged" if b"/wp-content/" in front.body else ""  # WordPress pages its feeds
    feed = Source(kind=SourceKind.FEED, path="/", page_parameter=paging)
    feeds = _sources(feed, declared, _MOST_SOURCES, profile, visitor) or _sources(
        feed, [urljoin(front.url, each) for each in _FEED_PATHS], 1, profile, visitor
    )
    sitemap, most = Source(kind=SourceKind.SITEMAP, path="/"), _MOST_SOURCES if named else 1
    named = named or [urljoin(front.url, each) for each in _SITEMAP_PATHS]
    sitemaps = _sources(sitemap, named, most, profile, visitor)

    known = {each.rstrip("/") for each in ("/", *_paths_of(feeds, profile))}
    frame, menus = (
        [each for each in _paths_in(front, selector, profile) if each.rstrip("/") not in known]
        for selector in (_FRAME, _MENUS)
    )
    likely = [each for each in menus if each != path and not looks_like_article(each)]
    likely = [each for each in likely if not re.search(_NO_SECTIONS, each)]
    if left := likely[_MOST_SECTIONS:]:
        notes.append(f"pages in the menu that were not checked: {', '.join(left)}")
    within = re.sub(r"/[^/]*\.[^/]*$", "", path).rstrip("/")
    shown, listed = _section(f"{within}/", front, profile), list[FoundSource]()
    for each in likely[:_MOST_SECTIONS]:
        with suppress(PageUnavailable):
            listed.append(_section(each, visitor.get(profile.address(each)), profile))

    paths = (_paths_of(found, profile) for found in (feeds, sitemaps, [shown], listed))
    links = learn_links(*paths, frame=frame, within=within)
    fed = (entry.url for each in feeds for entry in each.entries)
    parameters = [*links.parameters, *missing_parameters(fed, profile)]
    links = links.model_copy(update={"parameters": parameters})
    profile = profile.model_copy(update={"links": links})
    sources = _with_articles([*feeds, *sitemaps], profile)
    sources += _with_articles(listed, profile, least=_LEAST_LINKS)
    if not sources:
        # Links of menus come last: most lead to sections.
        entries = sorted(shown.entries, key=lambda entry: _path(entry.url) in frame)
        sources = _with_articles([FoundSource(shown.source, tuple(entries))], profile)
    if sources:
        profile = profile.model_copy(update={"sources": [each.source for each in sources]})
    return Finding(profile, sources, notes)


def _first_profile(url: str, front: Response) -> SiteProfile:
    """A profile with the host that was requested, and with what the front page declares."""
    base_url, requested = root_of(front.url), host_of(urlsplit(url))
    hosts = [] if requested in hosts_of(base_url, ()) else [requested]
    profile = SiteProfile(base_url=base_url, hosts=hosts)
    declared = read_structured(front.tree(), front.url, profile)
    title = TITLE_SEPARATOR.split(declared.document_title or "")[-1] or None
    return profile.model_copy(update={"title": next(iter(declared.site_names), title)})


def _declared_feeds(front: Response) -> list[str]:
    """The feeds that the page declares; old sites only link to theirs."""
    found: list[str] = []
    root = front.tree()
    for link in root.iter("link"):
        kind, href = (link.get("type") or "").lower(), link.get("href")
        is_feed = "alternate" in (link.get("rel") or "").lower() and re.search("rss|atom", kind)
        if is_feed and href and "comment" not in f"{href} {link.get('title') or ''}".lower():
            found.append(href)
    links = (link.get("href", "") for link in select(root, "a[href]"))
    found = found or [h for h in links if _TO_FEED.search(h) and "comment" not in h.lower()]
    return list(dict.fromkeys(absolute(href, front.url) for href in found))


def _sources(
    source: Source, addresses: Iterable[str], most: int, profile: SiteProfile, visitor: Visitor
) -> list[FoundSource]:
    """The first sources, `most` of them, that answer and lead to pages of the site."""
    found: list[FoundSource] = []
    for address in addresses:
        if len(found) < most and canonical_url(address, profile):
            there = source.model_copy(update={"path": path_of(address)})
            with suppress(PageUnavailable, UnreadableSource):
                entries = source_entries(there, address, profile, visitor)
                own = tuple(entry for entry in entries if canonical_url(entry.url, profile))
                found += [FoundSource(there, own)] if own else []
    return found


def _section(path: str, response: Response, profile: SiteProfile) -> FoundSource:
    """A page of links as a source, with every link on it."""
    parameter = _page_parameter(response)
    source = Source(kind=SourceKind.SECTION, path=path, page_parameter=parameter)
    with suppress(UnreadableSource):
        return FoundSource(source, read_response(response, source, profile).entries)
    return FoundSource(source, ())


def _with_articles(
    found: Iterable[FoundSource], profile: SiteProfile, *, least: int = 1
) -> list[FoundSource]:
    """The sources with `least` entries or more that may be articles, and only with these."""
    own = [FoundSource(each.source, tuple(_articles(each.entries, profile))) for each in found]
    return [each for each in own if len(each.entries) >= least]


def _articles(entries: Iterable[Entry], profile: SiteProfile) -> list[Entry]:
    """The entries that may be articles, each article once."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if address := article_address(entry.url, profile):
            found.setdefault(address[0], entry)
    return list(found.values())


def _paths_of(found: Iterable[FoundSource], profile: SiteProfile) -> list[str]:
    """The paths on the site to which sources lead."""
    urls = (entry.url for each in found for entry in each.entries)
    return [_path(url) for url in urls if canonical_url(url, profile)]


def _paths_in(front: Response, selector: str, profile: SiteProfile) -> list[str]:
    """The paths on the site of the links on the front page that match a selector."""
    links = (link.get("href", "") for link in select(front.tree(), selector))
    addresses = (absolute(href, front.url) for href in links)
    paths = (_path(each) for each in addresses if canonical_url(each, profile))
    return [path for path in dict.fromkeys(paths) if not re.search(FILE_PATHS, path)]


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
