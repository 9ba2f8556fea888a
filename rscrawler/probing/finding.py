"""Looking for what leads to a site's articles: feeds, sitemaps, sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.structured import read_structured
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    canonical_url,
    is_article_address,
)
from rscrawler.probing.paths import article_patterns, likely_articles
from rscrawler.probing.visitor import Answer, PageUnavailable, Visitor
from rscrawler.sites import (
    FILE_PATHS,
    STATIC_PATHS,
    Links,
    SiteProfile,
    Source,
    SourceKind,
    host_of,
)
from rscrawler.spiders.readers import (
    Entry,
    UnreadableSource,
    read_feed,
    read_listing,
    read_sitemap,
)

_FEED_PATHS = ("feed/", "rss.xml", "rss", "feed.xml", "atom.xml", "index.xml", "feeds/feed.rss")
_SITEMAP_PATHS = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")
_MOST_FEEDS, _MOST_SITEMAPS, _MOST_PARTS, _MOST_SECTIONS = 3, 3, 2, 8
_MOST_WORDS = 4  # in the name of a section or a static page
_LEAST_LINKS = 3  # to articles, from which a page is a section
_OF_ARTICLES = re.compile(r"news|post|article|stor(?:y|ies)", re.IGNORECASE)
_OF_OTHERS = re.compile(r"tag|categor|author|image|video|page|taxonom|user|topic", re.IGNORECASE)
_MENUS = (
    "//nav//a[@href] | //header//a[@href] | //*[@role='navigation']//a[@href]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' menu ')]//a[@href]"
)
_FRAME = f"{_MENUS} | //footer//a[@href]"


@dataclass(frozen=True, slots=True)
class FoundSource:
    """A source that answers, and the entries on it that lead to articles."""

    source: Source
    entries: tuple[Entry, ...]

    @property
    def newest(self) -> datetime | None:
        """The latest date that it gives; None if it gives none."""
        return max((entry.dated_at for entry in self.entries if entry.dated_at), default=None)


@dataclass(slots=True)
class Finding:
    """What a site offers.

    `profile` knows the site's hosts, what its articles' addresses look like, and the sources
    that were found; `notes` say what was seen and left aside.
    """

    profile: SiteProfile
    sources: list[FoundSource] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        """What leads to articles, newest first; from feeds rather than from others."""
        kinds = list(SourceKind)
        kinds.sort(key=lambda kind: (kind is not SourceKind.FEED, kind is not SourceKind.SITEMAP))
        found: dict[str, Entry] = {}
        for kind in kinds:
            entries = [
                entry for each in self.sources if each.source.kind is kind for entry in each.entries
            ]
            dated = sorted((e for e in entries if e.dated_at), key=_date, reverse=True)
            for entry in (*dated, *(e for e in entries if not e.dated_at)):
                found.setdefault(address_key(entry.url, self.profile), entry)
        return list(found.values())


def find_sources(url: str, visitor: Visitor) -> Finding:
    """Look at a site's front page and at what it, robots.txt and custom point to.

    Args:
        url: the front page, or that of the part of a site to follow (`https://x.org/en/`).
        visitor: asks.

    Raises:
        PageUnavailable: the front page cannot be had.
    """
    front = visitor.get(url)
    root = front.tree()
    finding = Finding(_first_profile(url, front, root))
    profile = finding.profile
    feeds = _find_feeds(front, root, visitor, finding)
    sitemaps = _find_sitemaps(front, visitor, finding)
    sure = [_path(entry.url) for each in feeds for entry in each.entries]
    within = re.sub(r"/[^/]*\.[^/]*$", "", urlsplit(front.url).path).rstrip("/")
    listed = [_path(entry.url) for each in sitemaps for entry in each.entries]
    listed = [path for path in listed if path.startswith(within)]
    known = {_key(path) for path in sure}
    frame = _frame_paths(root, front.url, profile, known)
    if not sure and not listed:
        shown = (_path(entry.url) for entry in read_listing(root, front.url, profile))
        listed = [path for path in shown if path not in frame]
    patterns = article_patterns(sure or likely_articles(listed))
    finding.profile = profile = profile.model_copy(
        update={"links": _links(patterns, frame, within, sure)}
    )
    sections = _find_sections(front, root, visitor, finding, known)
    finding.sources = [
        FoundSource(each.source, tuple(_articles(each.entries, profile)))
        for each in (*feeds, *sitemaps)
    ]
    finding.sources += sections
    if not any(each.entries for each in finding.sources):
        links = tuple(_articles(read_listing(root, front.url, profile), profile))
        source = Source(kind=SourceKind.SECTION, path=within + "/", page_parameter="")
        finding.sources.append(FoundSource(source, links))
    finding.sources = [each for each in finding.sources if each.entries]
    if finding.sources:
        found = [each.source for each in finding.sources]
        finding.profile = profile.model_copy(update={"sources": found})
    return finding


def _date(entry: Entry) -> datetime:
    assert entry.dated_at is not None
    return entry.dated_at


def _first_profile(url: str, front: Answer, root: Element) -> SiteProfile:
    parts, asked = urlsplit(front.url), urlsplit(url)
    base_url = f"{parts.scheme}://{parts.netloc}"
    profile = SiteProfile(base_url=base_url)
    if host_of(asked) not in profile.all_hosts:
        profile = SiteProfile(base_url=base_url, hosts=[host_of(asked)])
    structured = read_structured(root, front.url, profile)
    title = structured.site_names[0] if structured.site_names else structured.document_title
    if title and not structured.site_names:
        title = re.split(r"\s+[|–—-]\s+", title)[-1]
    return profile.model_copy(update={"title": title})


# Feeds.


def _find_feeds(
    front: Answer, root: Element, visitor: Visitor, finding: Finding
) -> list[FoundSource]:
    paging = "paged" if b"/wp-content/" in front.body else ""  # WordPress pages its feeds so
    declared = _declared_feeds(front, root, finding)[:_MOST_FEEDS]
    answers = [_feed_at(address, visitor, finding.profile, paging) for address in declared]
    if found := [feed for feed in answers if feed is not None]:
        return found
    for name in _FEED_PATHS:
        if feed := _feed_at(urljoin(front.url, name), visitor, finding.profile, paging):
            return [feed]
    return []


def _declared_feeds(front: Answer, root: Element, finding: Finding) -> list[str]:
    addresses = []
    for link in root.iter("link"):
        kind = (link.get("type") or "").lower()
        is_feed = "alternate" in (link.get("rel") or "").lower() and (
            "rss" in kind or "atom" in kind
        )
        href = link.get("href")
        if not is_feed or not href:
            continue
        if "comment" in f"{href} {link.get('title') or ''}".lower():
            continue
        address = absolute(href, front.url)
        if canonical_url(address, finding.profile) is None:
            finding.notes.append(f"the feed {address} is on another host, where no crawl goes")
        else:
            addresses.append(address)
    return list(dict.fromkeys(addresses))


def _feed_at(
    address: str, visitor: Visitor, profile: SiteProfile, paging: str
) -> FoundSource | None:
    answer = visitor.find(address)
    if answer is None:
        return None
    try:
        entries = read_feed(answer.body, answer.url)
    except UnreadableSource:
        return None
    own = tuple(entry for entry in entries if canonical_url(entry.url, profile) is not None)
    source = Source(kind=SourceKind.FEED, path=_path_and_query(address), page_parameter=paging)
    return FoundSource(source, own) if own else None


# Sitemaps.


def _find_sitemaps(front: Answer, visitor: Visitor, finding: Finding) -> list[FoundSource]:
    found: list[FoundSource] = []
    named = visitor.sitemaps(front.url)
    for address in named or [urljoin(front.url, path) for path in _SITEMAP_PATHS]:
        if canonical_url(address, finding.profile) is None:
            finding.notes.append(f"the sitemap {address} is on another host, where no crawl goes")
            continue
        if len(found) == (_MOST_SITEMAPS if named else 1):
            break
        try:
            entries = sitemap_entries(address, visitor)
        except (PageUnavailable, UnreadableSource):
            continue
        own = tuple(entry for entry in entries if canonical_url(entry.url, finding.profile))
        if own:
            source = Source(kind=SourceKind.SITEMAP, path=_path_and_query(address))
            found.append(FoundSource(source, own))
    return found


def sitemap_entries(address: str, visitor: Visitor) -> list[Entry]:
    """The entries of a sitemap; of an index, those of the two parts likeliest to hold articles.

    Raises:
        PageUnavailable: it cannot be had.
        UnreadableSource: it is no sitemap.
    """
    content = read_sitemap(visitor.get(address).body)
    entries = list(content.entries)
    for part in sorted(content.sitemaps, key=_rank)[:_MOST_PARTS]:
        try:
            entries += read_sitemap(visitor.get(part.url).body).entries
        except (PageUnavailable, UnreadableSource):
            continue
    return entries


def _rank(part: Entry) -> tuple[bool, bool, float]:
    name = urlsplit(part.url).path
    age = -part.dated_at.timestamp() if part.dated_at else 0.0
    return bool(_OF_OTHERS.search(name)), not _OF_ARTICLES.search(name), age


# Sections, and the pages that are none and no articles either.


def _frame_paths(root: Element, url: str, profile: SiteProfile, known: set[str]) -> list[str]:
    """The paths in menus, header and footer that are not known to be articles."""
    paths = (_path(link) for link in _own_links(root, url, profile, _FRAME))
    return list(dict.fromkeys(p for p in paths if p != "/" and _key(p) not in known))


def _links(patterns: list[str], frame: list[str], within: str, sure: list[str]) -> Links:
    """Which paths are articles: those like the ones seen, without what the menus lead to."""
    default = Links()
    article = patterns or ([f"^{re.escape(within)}/.+"] if within else default.article)
    shaped = Links(article=article)
    # A menu can lead to articles, too; their addresses are dated, numbered or of many words.
    plain = [path for path in frame if not re.search(r"\d", path) and _words(path) <= _MOST_WORDS]
    odd = sorted({path.strip("/") for path in plain if shaped.is_article_path(path)})
    menus = "|".join(re.escape(path).replace(r"\-", "-") for path in odd)
    extra = [f"^/(?:{menus})/?$"] if odd else []
    # Behind the path of the front page, the query alone tells pieces from others.
    telling = [path for path in sure if path != "/"]
    usual = [p for p in default.not_article if not any(re.search(p, path) for path in telling)]
    return Links(article=article, not_article=[*usual, *extra])


def _words(path: str) -> int:
    return len(path.strip("/").rpartition("/")[2].split("-"))


def _find_sections(
    front: Answer, root: Element, visitor: Visitor, finding: Finding, known: set[str]
) -> list[FoundSource]:
    profile = finding.profile
    found: list[tuple[str, str, tuple[Entry, ...]]] = []
    candidates = dict.fromkeys(
        _path(link)
        for link in _own_links(root, front.url, profile, _MENUS)
        if _path(link) != urlsplit(front.url).path
    )
    likely = [p for p in candidates if _key(p) not in known and not re.search(STATIC_PATHS, p)]
    if left := likely[_MOST_SECTIONS:]:
        finding.notes.append(f"not looked at, though the menu leads to it: {', '.join(left)}")
    for path in likely[:_MOST_SECTIONS]:
        answer = visitor.find(profile.address(path))
        if answer is None:
            continue
        page = answer.tree()
        entries = tuple(_articles(read_listing(page, answer.url, profile), profile))
        found.append((path, _page_parameter(page, answer), entries))
    everywhere = _on_every([entries for _, _, entries in found], profile)
    sections = []
    for path, paging, entries in found:
        own = tuple(e for e in entries if address_key(e.url, profile) not in everywhere)
        if len(own) >= _LEAST_LINKS:
            source = Source(kind=SourceKind.SECTION, path=path, page_parameter=paging)
            sections.append(FoundSource(source, own))
    return sections


def _on_every(pages: list[tuple[Entry, ...]], profile: SiteProfile) -> set[str]:
    """What each of several pages links to, such as a box of the latest pieces."""
    keys = [{address_key(entry.url, profile) for entry in entries} for entries in pages]
    common = set.intersection(*keys) if len(keys) >= 3 else set()
    return common if any(each - common for each in keys) else set()


def _page_parameter(page: Element, answer: Answer) -> str:
    """The query parameter that leads to a listing's second page, if it counts from 1."""
    own = urlsplit(answer.url)
    numbers: dict[str, set[str]] = {}
    for href in cast("list[str]", page.xpath("//a/@href")):
        try:
            parts = urlsplit(urljoin(answer.url, str(href).strip()))
        except ValueError:  # a link such as `http://[` is no address
            continue
        if parts.netloc != own.netloc:
            continue
        if re.fullmatch(re.escape(own.path.rstrip("/")) + r"/page/\d+/?", parts.path):
            numbers.setdefault("paged", set()).add("2")  # WordPress knows both forms
        elif parts.path.rstrip("/") == own.path.rstrip("/"):
            for name, value in parse_qsl(parts.query):
                if name in ("page", "paged", "p", "pg") and value.isdigit():
                    numbers.setdefault(name, set()).add(value)
    # Where the second page is number 1 (Drupal), page 2 is the third one.
    return next(
        (name for name, values in numbers.items() if values & {"2"} and "1" not in values), ""
    )


def _own_links(root: Element, url: str, profile: SiteProfile, where: str) -> Iterator[str]:
    for link in cast("list[Element]", root.xpath(where)):
        address = absolute(link.get("href") or "", url)
        if canonical_url(address, profile) is not None and not re.search(
            FILE_PATHS, _path(address)
        ):
            yield address


def _articles(entries: Iterable[Entry], profile: SiteProfile) -> Iterator[Entry]:
    seen: set[str] = set()
    for entry in entries:
        if not is_article_address(entry.url, profile):
            continue
        key = address_key(entry.url, profile)
        if key not in seen:
            seen.add(key)
            yield entry


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) or "/"


def _path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _key(path: str) -> str:
    return path.rstrip("/") or "/"
