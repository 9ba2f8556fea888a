"""Looking for what leads to a site's articles: feeds, sitemaps, sections."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from lxml.etree import _Element as Element

from rscrawler.extraction.structured import read_structured
from rscrawler.identity.addresses import (
    absolute,
    address_key,
    canonical_url,
    is_article_address,
)
from rscrawler.items import rfc3339
from rscrawler.probing.paths import article_patterns, is_telling, likely_articles
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
from rscrawler.spiders.sources import (
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    read_source,
)

_FEED_PATHS = ("feed/", "rss.xml", "rss", "feed.xml", "atom.xml", "index.xml", "feeds/feed.rss")
_SITEMAP_PATHS = ("/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml")
_MOST_FEEDS, _MOST_SITEMAPS, _MOST_PARTS, _MOST_SECTIONS = 3, 3, 2, 8
_LEAST_LINKS = 3  # to articles, from which a page is a section
_LEAST_PAGES = 3  # sections, from which what all of them link to is a box of the latest articles
_OF_ARTICLES = re.compile(r"news|post|article|stor(?:y|ies)", re.IGNORECASE)
_OF_OTHERS = re.compile(r"tag|categor|author|image|video|page|taxonom|user|topic", re.IGNORECASE)
_PAGE_NUMBERS = ("page", "paged", "p", "pg")
_MENUS = (
    "//nav//a[@href] | //header//a[@href] | //*[@role='navigation']//a[@href]"
    " | //*[contains(concat(' ', normalize-space(@class), ' '), ' menu ')]//a[@href]"
)
_FRAME = f"{_MENUS} | //footer//a[@href]"


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
        ranks = {SourceKind.FEED: 0, SourceKind.SITEMAP: 1}
        found: dict[str, Entry] = {}
        for each in sorted(self.sources, key=lambda each: ranks.get(each.source.kind, 2)):
            for entry in newest_first(each.entries):
                found.setdefault(address_key(entry.url, self.profile), entry)
        return list(found.values())


def newest_first(entries: Iterable[Entry]) -> list[Entry]:
    """Entries by their dates, those without one last."""
    return sorted(entries, key=lambda e: -(e.dated_at.timestamp() if e.dated_at else 0.0))


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
    feeds = _find_feeds(front, root, visitor, finding)
    sitemaps = _find_sitemaps(front, visitor, finding)
    within = re.sub(r"/[^/]*\.[^/]*$", "", urlsplit(front.url).path).rstrip("/")
    fronted = Source(kind=SourceKind.SECTION, path=f"{within}/", page_parameter="")
    shown: list[Entry] = []
    with suppress(UnreadableSource):
        shown = list(read_answer(front, fronted, finding.profile).entries)
    known = {_key(_path(entry.url)) for each in feeds for entry in each.entries}
    frame = _frame_paths(root, front.url, finding.profile, known)
    finding.profile = profile = finding.profile.model_copy(
        update={"links": _links(feeds, sitemaps, shown, frame, within)}
    )
    sections = _find_sections(front, root, visitor, finding, known)
    found = [
        FoundSource(each.source, tuple(_articles(each.entries, profile)))
        for each in (*feeds, *sitemaps)
    ]
    finding.sources = [each for each in (*found, *sections) if each.entries]
    if not finding.sources:
        # What a menu leads to is mostly a section.
        shown.sort(key=lambda entry: _path(entry.url) in frame)
        links = tuple(_articles(shown, profile))
        finding.sources = [FoundSource(fronted, links)] if links else []
    if finding.sources:
        finding.profile = profile.model_copy(
            update={"sources": [each.source for each in finding.sources]}
        )
    return finding


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


# Feeds and sitemaps.


def read_answer(answer: Answer, source: Source, profile: SiteProfile) -> SourceContent:
    """What an answer of a source says.

    Raises:
        UnreadableSource: it is not what its kind of source should be.
    """
    within = tuple(profile.links.within)
    page = SourcePage("", answer.url, answer.body, answer.content_type, source, within=within)
    return read_source(page)


def source_entries(source: Source, url: str, profile: SiteProfile, visitor: Visitor) -> list[Entry]:
    """The entries of a source's first page; of an index of sitemaps, those of two of its parts.

    Raises:
        PageUnavailable: it cannot be had.
        UnreadableSource: it is not what its kind of source should be.
    """
    content = read_answer(visitor.get(url), source, profile)
    entries = list(content.entries)
    for part in sorted(content.sitemaps, key=_rank)[:_MOST_PARTS]:
        with suppress(PageUnavailable, UnreadableSource):
            entries += read_answer(visitor.get(part.url), source, profile).entries
    return entries


def _rank(part: Entry) -> tuple[bool, bool, float]:
    """The parts of an index that are likeliest to hold articles first."""
    name = urlsplit(part.url).path
    age = -part.dated_at.timestamp() if part.dated_at else 0.0
    return bool(_OF_OTHERS.search(name)), not _OF_ARTICLES.search(name), age


def _source_at(
    kind: SourceKind, address: str, visitor: Visitor, finding: Finding, paging: str = "page"
) -> list[FoundSource]:
    """The source at an address, if it answers and leads to pages of the site."""
    profile, parts = finding.profile, urlsplit(address)
    if canonical_url(address, profile) is None:
        finding.notes.append(f"the {kind} {address} is on another host, where no crawl goes")
        return []
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    source = Source(kind=kind, path=path, page_parameter=paging)
    try:
        entries = source_entries(source, address, profile, visitor)
    except (PageUnavailable, UnreadableSource):
        return []
    own = tuple(entry for entry in entries if canonical_url(entry.url, profile) is not None)
    return [FoundSource(source, own)] if own else []


def _find_feeds(
    front: Answer, root: Element, visitor: Visitor, finding: Finding
) -> list[FoundSource]:
    """The feeds that the front page declares, else the first at a usual address."""
    paging = "paged" if b"/wp-content/" in front.body else ""  # WordPress pages its feeds so
    found: list[FoundSource] = []
    for address in dict.fromkeys(_declared_feeds(front, root)):
        if len(found) < _MOST_FEEDS:
            found += _source_at(SourceKind.FEED, address, visitor, finding, paging)
    for path in _FEED_PATHS:
        address = urljoin(front.url, path)
        found = found or _source_at(SourceKind.FEED, address, visitor, finding, paging)
    return found


def _declared_feeds(front: Answer, root: Element) -> Iterator[str]:
    for link in root.iter("link"):
        kind, href = (link.get("type") or "").lower(), link.get("href")
        is_feed = "alternate" in (link.get("rel") or "").lower() and re.search("rss|atom", kind)
        if is_feed and href and "comment" not in f"{href} {link.get('title') or ''}".lower():
            yield absolute(href, front.url)


def _find_sitemaps(front: Answer, visitor: Visitor, finding: Finding) -> list[FoundSource]:
    """The sitemaps that robots.txt names, else the first at a usual address."""
    named = visitor.sitemaps(front.url)
    found: list[FoundSource] = []
    for address in named or [urljoin(front.url, path) for path in _SITEMAP_PATHS]:
        if len(found) < (_MOST_SITEMAPS if named else 1):
            found += _source_at(SourceKind.SITEMAP, address, visitor, finding)
    return found


# Sections, and the pages that are none and no articles either.


def _frame_paths(root: Element, url: str, profile: SiteProfile, known: set[str]) -> list[str]:
    """The paths in menus, header and footer that are not known to be articles."""
    paths = (_path(link) for link in _own_links(root, url, profile, _FRAME))
    return list(dict.fromkeys(p for p in paths if p != "/" and _key(p) not in known))


def _links(
    feeds: list[FoundSource],
    sitemaps: list[FoundSource],
    shown: list[Entry],
    frame: list[str],
    within: str,
) -> Links:
    """Which paths are articles: those like the ones seen, without what the menus lead to."""
    default = Links()
    sure = [_path(entry.url) for each in feeds for entry in each.entries]
    listed = [_path(entry.url) for each in sitemaps for entry in each.entries]
    listed = [path for path in listed if path.startswith(within)]
    if not sure and not listed:
        listed = [_path(entry.url) for entry in shown]
        listed = [path for path in listed if path not in frame or is_telling(path)]
    article = article_patterns(sure or likely_articles(listed))
    article = article or ([f"^{re.escape(within)}/.+"] if within else default.article)
    shaped = Links(article=article)
    # A menu can lead to articles, too; their addresses are dated, numbered or of many words.
    plain = (path for path in frame if not is_telling(path))
    odd = sorted({path.strip("/") for path in plain if shaped.is_article_path(path)})
    menus = "|".join(re.escape(path).replace(r"\-", "-") for path in odd)
    extra = [f"^/(?:{menus})/?$"] if odd else []
    # Behind the path of the front page, the query alone tells pieces from others.
    telling = [path for path in sure if path != "/"]
    usual = [p for p in default.not_article if not any(re.search(p, path) for path in telling)]
    return Links(article=article, not_article=[*usual, *extra])


def _find_sections(
    front: Answer, root: Element, visitor: Visitor, finding: Finding, known: set[str]
) -> list[FoundSource]:
    profile = finding.profile
    candidates = dict.fromkeys(_path(link) for link in _own_links(root, front.url, profile, _MENUS))
    likely = [
        path
        for path in candidates
        if path != urlsplit(front.url).path
        and _key(path) not in known
        and not is_telling(path)
        and not re.search(STATIC_PATHS, path)
    ]
    if left := likely[_MOST_SECTIONS:]:
        finding.notes.append(f"not looked at, though the menu leads to it: {', '.join(left)}")
    found: list[FoundSource] = []
    for path in likely[:_MOST_SECTIONS]:
        if answer := visitor.find(profile.address(path)):
            paging = _page_parameter(answer.tree(), answer)
            source = Source(kind=SourceKind.SECTION, path=path, page_parameter=paging)
            with suppress(UnreadableSource):
                entries = read_answer(answer, source, profile).entries
                found.append(FoundSource(source, tuple(_articles(entries, profile))))
    everywhere = _on_every(found, profile)
    own = [
        FoundSource(
            each.source,
            tuple(e for e in each.entries if address_key(e.url, profile) not in everywhere),
        )
        for each in found
    ]
    return [each for each in own if len(each.entries) >= _LEAST_LINKS]


def _on_every(sections: list[FoundSource], profile: SiteProfile) -> set[str]:
    """What each of several pages links to, such as a box of the latest articles."""
    counts = Counter(address_key(e.url, profile) for each in sections for e in each.entries)
    common = {key for key, count in counts.items() if count == len(sections) >= _LEAST_PAGES}
    return common if len(common) < len(counts) else set()


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
                if name in _PAGE_NUMBERS and value.isdigit():
                    numbers.setdefault(name, set()).add(value)
    # Where the second page is number 1 (Drupal), page 2 is the third one.
    return next(
        (name for name, values in numbers.items() if values & {"2"} and "1" not in values), ""
    )


def _own_links(root: Element, url: str, profile: SiteProfile, where: str) -> Iterator[str]:
    for link in cast("list[Element]", root.xpath(where)):
        address = absolute(link.get("href") or "", url)
        if canonical_url(address, profile) and not re.search(FILE_PATHS, _path(address)):
            yield address


def _articles(entries: Iterable[Entry], profile: SiteProfile) -> Iterator[Entry]:
    found = {
        address_key(entry.url, profile): entry
        for entry in reversed(list(entries))
        if is_article_address(entry.url, profile)
    }
    return reversed(found.values())


def _path(url: str) -> str:
    return unquote(urlsplit(url).path) or "/"


def _key(path: str) -> str:
    return path.rstrip("/") or "/"
