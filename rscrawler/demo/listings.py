"""The pages that lead to articles: front page, sections, tags, authors; and the static ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from rscrawler.demo.bodies import label_of
from rscrawler.demo.frame import (
    SITE_NAME,
    STATIC_PAGES,
    author_links,
    page,
    picture,
    section_links,
)
from rscrawler.demo.pages import themed
from rscrawler.demo.state import SiteState, is_dated
from rscrawler.demo.stories import Story

CARDS_PER_PAGE = 12


def render_listing(
    state: SiteState, title: str, path: str, stories: Sequence[Story], page_number: int
) -> str:
    """Page `page_number` (from 1) of a listing; past the end it has no cards."""
    start = (page_number - 1) * CARDS_PER_PAGE
    shown = stories[start : start + CARDS_PER_PAGE]
    cards = "\n".join(_card(state, story) for story in shown)
    more = ""
    if start + CARDS_PER_PAGE < len(stories):
        more = (
            f'<a class="button-load-more" rel="next" href="{path}?page={page_number + 1}">'
            "Load More</a>"
        )
    content = (
        f'<h1 class="section-title">{escape(title)}</h1>'
        f'<div class="posts-custom posts-wrapper" data-source="section">{cards}</div>{more}'
    )
    head = f'<link rel="canonical" href="{state.base_url}{path}">'
    return themed(page(f"{title} - {SITE_NAME}", head, content), state.theme)


def render_static(slug: str) -> str:
    """One of the pages that are no articles though their addresses look like it."""
    title, text = STATIC_PAGES[slug]
    head = '<meta property="og:type" content="website">'
    content = f'<div class="static-page"><h1>{title}</h1><p>{text}</p></div>'
    return page(f"{title} - {SITE_NAME}", head, content)


def render_not_found(*, gone: bool) -> str:
    """What an address without a page shows."""
    text = "This article has been taken down." if gone else "There is no such page."
    return page(f"Not found - {SITE_NAME}", "", f"<h1>Not found</h1><p>{text}</p>")


def _card(state: SiteState, story: Story) -> str:
    date = f'<span class="social-date__text">{story.published_at:%b %d, %Y}</span>'
    teaser = f"<p>{escape(story.paragraphs[0])}</p>" if story.kind_of(0) == "text" else ""
    category = label_of(story.sections[0]) if story.sections else ""
    return (
        f'<div class="widget" data-category="{escape(category)}">'
        f'<article class="image-article post-{story.post_id}">'
        f"{picture(state.base_url, story, with_credit=True)}"
        '<h2 class="widget__headline h2"><a class="widget__headline-text" '
        f'href="{state.base_url}{story.path}">{escape(story.title)}</a></h2>'
        f"{section_links(story)}{author_links(story)}{date if is_dated(story) else ''}"
        f'<div class="body-description">{teaser}</div></article></div>'
    )
