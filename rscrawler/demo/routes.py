"""Which address shows what."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from rscrawler.demo import feeds, pages
from rscrawler.demo.bodies import label_of
from rscrawler.demo.generator import slugify
from rscrawler.demo.state import SiteState
from rscrawler.demo.stories import REGIONS, SECTIONS, Shape, Story
from rscrawler.demo.templating import SITE_NAME, STATIC_PAGES

HTML, RSS, XML = "text/html; charset=utf-8", "application/rss+xml", "application/xml"
_PIXEL = bytes.fromhex("47494638396101000100000000002c00000000010001000002003b")


@dataclass(frozen=True, slots=True)
class Resource:
    """What an address shows now, before it is put on the wire.

    Attributes:
        body: with `IMAGE_TOKEN` where fresh tokens belong.
        location: the target of a redirect.
        has_etag: whether responses carry an ETag; `has_last_modified` likewise.
        lasts: whether the body stays the same for as long as the site's edition does.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    location: str | None = None
    has_etag: bool = False
    has_last_modified: bool = False
    lasts: bool = True


def find_resource(state: SiteState, path: str, page_number: int) -> Resource:
    """The resource at `path` (without query) on page `page_number` (from 1)."""
    for resolve in (_machine_readable, _listing, _article, _other):
        resource = resolve(state, path, page_number)
        if resource is not None:
            return resource
    if not path.endswith("/"):
        with_slash = find_resource(state, f"{path}/", page_number)
        if with_slash.status == 200:
            return Resource(301, location=f"{path}/")
        if with_slash.status == 301:
            return with_slash
    return Resource(404, pages.render_not_found(gone=False).encode())


def _machine_readable(state: SiteState, path: str, page_number: int) -> Resource | None:
    if path == "/robots.txt":
        return Resource(body=feeds.render_robots(state).encode(), content_type="text/plain")
    if path in ("/feed", "/feed/"):
        return Resource(301, location="/feeds/feed.rss")
    if match := re.fullmatch(r"/feeds/([a-z-]+)\.rss", path):
        slug = match[1]
        if slug != "feed" and slug not in SECTIONS:
            return None
        stories = state.stories if slug == "feed" else _in_section(state, slug)
        title = SITE_NAME if slug == "feed" else f"{label_of(slug)} - {SITE_NAME}"
        return _validated(feeds.render_feed(state, title, stories, page_number), RSS)
    if path == "/sitemap.xml":
        return _validated(feeds.render_sitemap_index(state), XML)
    if path == "/sitemap_news.xml":
        body = feeds.render_news_sitemap(state).encode()
        return Resource(body=body, content_type=XML, has_etag=True, lasts=False)
    if match := re.fullmatch(r"/feeds/sitemaps/sitemap_(\d+)\.xml", path):
        number = int(match[1])
        if 1 <= number <= len(feeds.sitemap_parts(state)):
            return _validated(feeds.render_sitemap(state, number), XML)
    return None


def _validated(text: str, content_type: str) -> Resource:
    return Resource(
        body=text.encode(), content_type=content_type, has_etag=True, has_last_modified=True
    )


def _listing(state: SiteState, path: str, page_number: int) -> Resource | None:
    found = _listed(state, path)
    if found is None:
        return None
    title, stories = found
    text = pages.render_listing(state, title, path, stories, page_number)
    # Sections have an ETag alone, tags and authors a date alone: crawlers meet both.
    by_date = path.startswith(("/tag/", "/author/"))
    return Resource(body=text.encode(), has_etag=not by_date, has_last_modified=by_date)


def _listed(state: SiteState, path: str) -> tuple[str, tuple[Story, ...]] | None:
    """Title and stories of the listing at `path`; None when there is no such listing."""
    if path == "/":
        return "Latest stories", state.stories
    match path.strip("/").split("/") if path.endswith("/") else ():
        case [slug] if slug in SECTIONS:
            return label_of(slug), _in_section(state, slug)
        case ["regions", slug] if slug in REGIONS:
            return label_of(slug), _in_section(state, slug)
        case ["tag", slug]:
            return _known(label_of(slug), state, lambda story: slug in story.tags)
        case ["author", handle]:
            return _known(
                label_of(handle), state, lambda story: handle in map(slugify, story.authors)
            )
    return None


def _in_section(state: SiteState, slug: str) -> tuple[Story, ...]:
    return tuple(story for story in state.stories if slug in story.sections)


def _known(
    title: str, state: SiteState, belongs: Callable[[Story], bool]
) -> tuple[str, tuple[Story, ...]] | None:
    """A tag or author exists only while a story has it."""
    stories = tuple(story for story in state.stories if belongs(story))
    return (title, stories) if stories else None


def _article(state: SiteState, path: str, _page_number: int) -> Resource | None:
    if not path.endswith("/"):
        return None
    slug = path.strip("/")
    if (gone := state.gone(slug)) is not None:
        return Resource(gone.status, pages.render_not_found(gone=True).encode())
    if (target := state.redirect_from(path)) is not None:
        return Resource(301, location=target)
    try:
        story = state.story(slug)
    except KeyError:
        return None
    if path != story.path:
        return None
    charset = "windows-1252" if Shape.WINDOWS_1252 in story.shapes else "utf-8"
    return Resource(
        body=pages.render_article(state, story).encode(charset, "xmlcharrefreplace"),
        content_type="text/html" if charset == "windows-1252" else HTML,
        has_etag=True,
        has_last_modified=True,
    )


def _other(_state: SiteState, path: str, _page_number: int) -> Resource | None:
    if path.startswith("/media-library/"):
        return Resource(body=_PIXEL, content_type="image/gif")
    slug = path.strip("/")
    if path == f"/{slug}/" and slug in STATIC_PAGES:
        return Resource(body=pages.render_static(slug).encode(), has_etag=True)
    return None
