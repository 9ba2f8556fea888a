"""What the site tells machines: RSS feeds, sitemaps, robots.txt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.utils import format_datetime
from html import escape
from random import Random

from rscrawler.demo.bodies import body_parts, image_url, label_of
from rscrawler.demo.frame import SITE_NAME
from rscrawler.demo.state import SiteState, is_dated
from rscrawler.demo.stories import Story

ENTRIES_PER_PAGE = 30
NEWS_AGE = timedelta(hours=48)
_LARGE_SITE = 1_000
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"


def render_feed(state: SiteState, title: str, stories: Sequence[Story], page_number: int) -> str:
    """Page `page_number` (from 1) of a feed, by first publication; empty past the end."""
    dated = [story for story in stories if is_dated(story)]
    start = (page_number - 1) * ENTRIES_PER_PAGE
    items = "\n".join(_item(state, story) for story in dated[start : start + ENTRIES_PER_PAGE])
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:media="http://search.yahoo.com/mrss/"><channel>'
        f"<title>{escape(title)}</title><link>{state.base_url}/</link>"
        f"<description>{SITE_NAME}</description><language>en</language>\n"
        f"{items}\n</channel></rss>\n"
    )


def _item(state: SiteState, story: Story) -> str:
    parts = body_parts(state.base_url, story)
    # Half of the entries carry the whole text, the others its beginning.
    shown = parts if Random(story.slug).random() < 0.5 else parts[:2]
    creators = "".join(f"<dc:creator>{escape(name)}</dc:creator>" for name in story.authors)
    categories = "".join(f"<category>{label_of(slug)}</category>" for slug in story.tags)
    image = ""
    if story.has_image:
        source = escape(image_url(state.base_url, story))
        image = f'<media:content medium="image" type="image/jpeg" url="{source}"/>'
    return (
        f"<item><title>{escape(story.title)}</title><link>{state.base_url}{story.path}</link>"
        f'<guid isPermaLink="false">{story.post_id}</guid>'
        f"<pubDate>{format_datetime(story.published_at)}</pubDate>{creators}{categories}{image}"
        f"<description>{escape(''.join(shown))}</description></item>"
    )


def sitemap_size(state: SiteState) -> int:
    """Articles in one sitemap file."""
    return _LARGE_SITE if len(state.stories) > _LARGE_SITE else 50


def sitemap_count(state: SiteState) -> int:
    """Sitemap files; file 1 has the oldest articles."""
    return -(-len(state.stories) // sitemap_size(state))


def render_sitemap_index(state: SiteState) -> str:
    """`/sitemap.xml`: where the sitemaps are, and when each last changed."""
    entries = ""
    for number in range(1, sitemap_count(state) + 1):
        changed_at = max(story.changed_at for story in _part(state, number))
        location = f"{state.base_url}/feeds/sitemaps/sitemap_{number}.xml"
        entries += (
            f"<sitemap><loc>{location}</loc><lastmod>{changed_at.isoformat()}</lastmod></sitemap>"
        )
    return _xml(f'<sitemapindex xmlns="{_SITEMAP}">{entries}</sitemapindex>')


def render_sitemap(state: SiteState, number: int) -> str:
    """Sitemap `number` (from 1): articles, with an image address now and then among them."""
    entries = []
    for index, story in enumerate(_part(state, number)):
        lastmod = f"<lastmod>{story.changed_at.isoformat()}</lastmod>" if is_dated(story) else ""
        entries.append(f"<url><loc>{state.base_url}{story.path}</loc>{lastmod}</url>")
        if story.has_image and index % 8 == 0:
            location = escape(image_url(state.base_url, story))
            entries.append(f"<url><loc>{location}</loc></url>")
    return _xml(f'<urlset xmlns="{_SITEMAP}">{"".join(entries)}</urlset>')


def render_news_sitemap(state: SiteState) -> str:
    """`/sitemap_news.xml`: what was published in the last 48 hours. Depends on the clock."""
    since = state.now() - NEWS_AGE
    entries = "".join(
        f"<url><loc>{state.base_url}{story.path}</loc><news:news><news:publication>"
        f"<news:name>{SITE_NAME}</news:name><news:language>en</news:language></news:publication>"
        f"<news:publication_date>{story.published_at.isoformat()}</news:publication_date>"
        f"<news:title>{escape(story.title)}</news:title></news:news></url>"
        for story in state.stories
        if story.published_at >= since and is_dated(story)
    )
    return _xml(f'<urlset xmlns="{_SITEMAP}" xmlns:news="{_NEWS}">{entries}</urlset>')


def render_robots(state: SiteState, *, forbid_all: bool = False) -> str:
    """`/robots.txt`."""
    rules = "Disallow: /" if forbid_all else "Disallow: /core/\nDisallow: /res/"
    return (
        f"User-agent: *\n{rules}\n\nSitemap: {state.base_url}/sitemap.xml\n"
        f"Sitemap: {state.base_url}/sitemap_news.xml\n"
    )


def _part(state: SiteState, number: int) -> Sequence[Story]:
    size = sitemap_size(state)
    oldest_first = state.stories[::-1]
    return oldest_first[(number - 1) * size : number * size]


def _xml(root: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}\n'
