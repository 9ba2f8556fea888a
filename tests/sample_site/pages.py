"""What the site shows people and machines: articles, listings, feeds, sitemaps, robots.txt.

Every image address has `IMAGE_TOKEN` in the place of its token; the server fills in a fresh one
each time it serves a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tests.sample_site.bodies import IMAGE_TOKEN, body_parts, image_url, label_of, text_html
from tests.sample_site.generator import slugify
from tests.sample_site.state import SiteState
from tests.sample_site.stories import REGIONS, SECTIONS, SITE, Shape, Story

CARDS_PER_PAGE = 12
ENTRIES_PER_PAGE = 30
SITE_NAME: str = SITE["name"]
_NEWS_AGE = timedelta(hours=48)
_LARGE_SITE = 1_000


class _JoinedLines(FileSystemLoader):
    """Lines of a template are for its readers: the site puts nothing between its elements."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Any]:
        source, name, is_fresh = super().get_source(environment, template)
        return "".join(map(str.strip, source.splitlines())), name, is_fresh


def _written(text: str, story: Story) -> Markup:
    return Markup(text_html(text, story))


def _new_york_time(moment: datetime) -> str:
    return moment.astimezone(timezone(timedelta(hours=-4))).isoformat()


def _description_of(site: SiteState, story: Story) -> str:
    parts = _own_parts(site, story)
    # Half of the entries carry the whole text, the others its beginning.
    return "".join(parts if Random(story.slug).random() < 0.5 else parts[:2])


_TEMPLATES = Environment(
    loader=_JoinedLines(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters |= {
    "label": label_of,
    "new_york_time": _new_york_time,
    "slugify": slugify,
    "rfc5322": format_datetime,
    "written": _written,
}
_TEMPLATES.globals |= {
    "IMAGE_TOKEN": IMAGE_TOKEN,
    "REGIONS": REGIONS,
    "SECTIONS": SECTIONS,
    "SITE": SITE,
    "SITEMAP": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "SITE_NAME": SITE_NAME,
    "description_of": _description_of,
    "image_url": image_url,
}
_PARTS: Any = _TEMPLATES.get_template("parts.html.j2").module


def _rendered(template: str, **values: Any) -> str:
    return _TEMPLATES.get_template(template).render(values)


def render_article(site: SiteState, story: Story) -> str:
    """The page of `story` as the site stands now."""
    return _rendered(
        "article.html.j2",
        title=f"{story.title} - {SITE_NAME}",
        charset="windows-1252" if Shape.WINDOWS_1252 in story.shapes else "utf-8",
        site=site,
        story=story,
        category=label_of(story.sections[0]) if story.sections else "",
        description=(story.subtitle or story.paragraphs[0])[:220],
        parts=_own_parts(site, story),
        rng=Random(f"{site.seed}:{story.slug}:appeal"),
        neighbours=site.neighbours(story),
    )


def render_listing(
    site: SiteState, title: str, path: str, stories: Sequence[Story], page_number: int
) -> str:
    """Page `page_number` (from 1) of a listing; past the end it has no cards."""
    end = page_number * CARDS_PER_PAGE
    return _rendered(
        "listing.html.j2",
        title=f"{title} - {SITE_NAME}",
        heading=title,
        site=site,
        path=path,
        stories=stories[end - CARDS_PER_PAGE : end],
        next_page=page_number + 1 if end < len(stories) else None,
    )


def render_static(slug: str) -> str:
    """One of the pages that are no articles though their addresses look like it."""
    heading, text = SITE["pages"][slug]
    return _rendered("static.html.j2", title=f"{heading} - {SITE_NAME}", heading=heading, text=text)


def render_notice(title: str, html: str) -> str:
    """A page of nothing but `html`."""
    return _rendered("page.html.j2", title=title, content=Markup(html))


def render_not_found(text: str) -> str:
    """What an address without a page shows."""
    return render_notice(f"Not found - {SITE_NAME}", f"<h1>Not found</h1><p>{text}</p>")


def _own_parts(site: SiteState, story: Story) -> list[Markup]:
    parts = [Markup(part) for part in body_parts(site.base_url, story)]
    if Shape.INLINE_MEDIA in story.shapes:
        caption = Random(story.slug).choice(SITE["captions"])
        parts.insert(1, _PARTS.inline_picture(site, story, caption))
        parts.insert(4, _PARTS.film())
    return parts


# For machines.


def render_feed(site: SiteState, title: str, stories: Sequence[Story], page_number: int) -> str:
    """Page `page_number` (from 1) of a feed, by first publication; empty past the end."""
    dated = [story for story in stories if story.is_dated]
    end = page_number * ENTRIES_PER_PAGE
    shown = dated[end - ENTRIES_PER_PAGE : end]
    return _rendered("feed.xml.j2", site=site, title=title, stories=shown)


def sitemap_parts(site: SiteState) -> list[Sequence[Story]]:
    """The articles of each sitemap; the first has the oldest."""
    size = _LARGE_SITE if len(site.stories) > _LARGE_SITE else 50
    oldest_first = site.stories[::-1]
    return [oldest_first[start : start + size] for start in range(0, len(oldest_first), size)]


def render_sitemap_index(site: SiteState) -> str:
    """`/sitemap.xml`: where the sitemaps are, and when each last changed."""
    changed = [max(story.changed_at for story in part) for part in sitemap_parts(site)]
    return _rendered("sitemap.xml.j2", site=site, parts=changed)


def render_sitemap(site: SiteState, number: int) -> str:
    """Sitemap `number` (from 1): articles, with an image address now and then among them."""
    stories = sitemap_parts(site)[number - 1]
    return _rendered("sitemap.xml.j2", site=site, stories=stories, is_news=False)


def render_news_sitemap(site: SiteState) -> str:
    """`/sitemap_news.xml`: what was published in the last 48 hours. Depends on the clock."""
    since = site.now() - _NEWS_AGE
    fresh = [each for each in site.stories if each.published_at >= since and each.is_dated]
    return _rendered("sitemap.xml.j2", site=site, stories=fresh, is_news=True)


def render_robots(site: SiteState) -> str:
    """`/robots.txt`."""
    return (
        "User-agent: *\nDisallow: /core/\nDisallow: /res/\n\n"
        f"Sitemap: {site.base_url}/sitemap.xml\n"
        f"Sitemap: {site.base_url}/sitemap_news.xml\n"
    )
