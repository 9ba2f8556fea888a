"""What the site tells machines: RSS feeds, sitemaps, robots.txt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from rscrawler.demo.state import SiteState, is_dated
from rscrawler.demo.stories import Story
from rscrawler.demo.templating import render

ENTRIES_PER_PAGE = 30
NEWS_AGE = timedelta(hours=48)
_LARGE_SITE = 1_000


def render_feed(state: SiteState, title: str, stories: Sequence[Story], page_number: int) -> str:
    """Page `page_number` (from 1) of a feed, by first publication; empty past the end."""
    dated = [story for story in stories if is_dated(story)]
    end = page_number * ENTRIES_PER_PAGE
    shown = dated[end - ENTRIES_PER_PAGE : end]
    return render("feed.xml.j2", site=state, title=title, stories=shown)


def sitemap_parts(state: SiteState) -> list[Sequence[Story]]:
    """The articles of each sitemap; the first has the oldest."""
    size = _LARGE_SITE if len(state.stories) > _LARGE_SITE else 50
    oldest_first = state.stories[::-1]
    return [oldest_first[start : start + size] for start in range(0, len(oldest_first), size)]


def render_sitemap_index(state: SiteState) -> str:
    """`/sitemap.xml`: where the sitemaps are, and when each last changed."""
    changed = [max(story.changed_at for story in part) for part in sitemap_parts(state)]
    return render("sitemap.xml.j2", site=state, parts=changed)


def render_sitemap(state: SiteState, number: int) -> str:
    """Sitemap `number` (from 1): articles, with an image address now and then among them."""
    return render(
        "sitemap.xml.j2", site=state, stories=sitemap_parts(state)[number - 1], is_news=False
    )


def render_news_sitemap(state: SiteState) -> str:
    """`/sitemap_news.xml`: what was published in the last 48 hours. Depends on the clock."""
    since = state.now() - NEWS_AGE
    fresh = [each for each in state.stories if each.published_at >= since and is_dated(each)]
    return render("sitemap.xml.j2", site=state, stories=fresh, is_news=True)


def render_robots(state: SiteState, *, forbid_all: bool = False) -> str:
    """`/robots.txt`."""
    rules = "Disallow: /" if forbid_all else "Disallow: /core/\nDisallow: /res/"
    return (
        f"User-agent: *\n{rules}\n\nSitemap: {state.base_url}/sitemap.xml\n"
        f"Sitemap: {state.base_url}/sitemap_news.xml\n"
    )
