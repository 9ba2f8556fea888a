"""Which address shows what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.sample_site import pages
from tests.sample_site.bodies import label_of
from tests.sample_site.generator import slugify
from tests.sample_site.state import SiteState
from tests.sample_site.stories import REGIONS, SECTIONS, SITE, Shape, Story

# Each with its charset: a crawl that has to guess that of a feed takes longer.
HTML = "text/html; charset=utf-8"
RSS, XML = "application/rss+xml; charset=utf-8", "application/xml; charset=utf-8"
_PIXEL = bytes.fromhex("47494638396101000100000000002c00000000010001000002003b")


@dataclass(frozen=True, slots=True)
class Resource:
    """What an address shows now, before it is put on the wire."""

    status: int = 200
    body: bytes = b""  # with `IMAGE_TOKEN` where fresh tokens belong
    content_type: str = HTML
    location: str | None = None  # the target of a redirect
    has_etag: bool = False
    has_last_modified: bool = False
    lasts: bool = True  # the body stays the same for as long as the site's edition does


def find_resource(site: SiteState, path: str, page_number: int) -> Resource:
    """The resource at `path` (without query) on page `page_number` (from 1)."""
    found = (
        _machine_readable(site, path, page_number)
        or _listing(site, path, page_number)
        or _article(site, path)
        or _other(path)
    )
    if found is None and not path.endswith("/"):
        with_slash = find_resource(site, f"{path}/", page_number)
        if with_slash.status == 200:
            return Resource(301, location=f"{path}/")
        if with_slash.status == 301:
            return with_slash
    return found or Resource(404, pages.render_not_found("There is no such page.").encode())


def _machine_readable(site: SiteState, path: str, page_number: int) -> Resource | None:
    if path == "/robots.txt":
        # Without a charset Scrapy would guess one, anew in each crawl.
        robots = pages.render_robots(site).encode()
        return Resource(body=robots, content_type="text/plain; charset=utf-8")
    if path in ("/feed", "/feed/"):
        return Resource(301, location="/feeds/feed.rss")
    if path == "/sitemap.xml":
        return _validated(pages.render_sitemap_index(site), XML)
    if path == "/sitemap_news.xml":
        body = pages.render_news_sitemap(site).encode()
        return Resource(body=body, content_type=XML, has_etag=True, lasts=False)
    if match := re.fullmatch(r"/feeds/sitemaps/sitemap_(\d+)\.xml", path):
        if 1 <= (number := int(match[1])) <= len(pages.sitemap_parts(site)):
            return _validated(pages.render_sitemap(site, number), XML)
    elif match := re.fullmatch(r"/feeds/([a-z-]+)\.rss", path):
        title, stories = pages.SITE_NAME, site.stories
        if (slug := match[1]) in SECTIONS:
            title, stories = f"{label_of(slug)} - {title}", _in_section(site, slug)
        if slug in ("feed", *SECTIONS):
            return _validated(pages.render_feed(site, title, stories, page_number), RSS)
    return None


def _validated(text: str, content_type: str) -> Resource:
    return Resource(
        body=text.encode(), content_type=content_type, has_etag=True, has_last_modified=True
    )


def _listing(site: SiteState, path: str, page_number: int) -> Resource | None:
    found = _listed(site, path)
    if found is None:
        return None
    title, stories = found
    text = pages.render_listing(site, title, path, stories, page_number)
    # Sections have an ETag alone, tags and authors a date alone: crawlers meet both.
    by_date = path.startswith(("/tag/", "/author/"))
    return Resource(body=text.encode(), has_etag=not by_date, has_last_modified=by_date)


def _listed(site: SiteState, path: str) -> tuple[str, Sequence[Story]] | None:
    """Title and stories of the listing at `path`; None when there is no such listing.

    A tag or author exists only while a story has it.
    """
    if path == "/":
        return "Latest stories", site.stories
    stories: Sequence[Story] = ()
    match path.strip("/").split("/") if path.endswith("/") else ():
        case [slug] if slug in SECTIONS:
            return label_of(slug), _in_section(site, slug)
        case ["regions", slug] if slug in REGIONS:
            return label_of(slug), _in_section(site, slug)
        case ["tag", slug]:
            stories = [story for story in site.stories if slug in story.tags]
        case ["author", slug]:
            stories = [each for each in site.stories if slug in map(slugify, each.authors)]
    return (label_of(slug), stories) if stories else None


def _in_section(site: SiteState, slug: str) -> tuple[Story, ...]:
    return tuple(story for story in site.stories if slug in story.sections)


def _article(site: SiteState, path: str) -> Resource | None:
    if not path.endswith("/"):
        return None
    slug = path.strip("/")
    if target := site.redirect_from(path):
        return Resource(301, location=target)
    try:
        story = site.story(slug)
    except KeyError:
        return None
    if path != story.path:
        return None
    is_old = Shape.WINDOWS_1252 in story.shapes
    charset = "windows-1252" if is_old else "utf-8"
    return Resource(
        body=pages.render_article(site, story).encode(charset, "xmlcharrefreplace"),
        content_type="text/html" if is_old else HTML,
        has_etag=True,
        has_last_modified=True,
    )


def _other(path: str) -> Resource | None:
    if path.startswith("/media-library/"):
        return Resource(body=_PIXEL, content_type="image/gif")
    slug = path.strip("/")
    if path == f"/{slug}/" and slug in SITE["pages"]:
        return Resource(body=pages.render_static(slug).encode(), has_etag=True)
    return None
