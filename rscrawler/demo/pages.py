"""The pages: an article with everything else that such a page carries, listings, static ones.

Every image address has `IMAGE_TOKEN` in the place of its token; the server fills in a fresh one
each time it serves a page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta, timezone
from hashlib import blake2b
from random import Random

from markupsafe import Markup

from rscrawler.demo import bodies
from rscrawler.demo.appeals import appeal_html
from rscrawler.demo.state import SiteState, Theme, is_dated
from rscrawler.demo.stories import Shape, Story
from rscrawler.demo.templating import PARTS, SITE_NAME, STATIC_PAGES, render

CARDS_PER_PAGE = 12
_NEW_YORK_SUMMER = timezone(timedelta(hours=-4))


def render_article(site_state: SiteState, story: Story) -> str:
    """The page of `story` as the site stands now."""
    html = render(
        "article.html.j2",
        title=f"{story.title} - {SITE_NAME}",
        charset="windows-1252" if Shape.WINDOWS_1252 in story.shapes else "utf-8",
        site=site_state,
        story=story,
        category=bodies.label_of(story.sections[0]) if story.sections else "",
        meta=_meta(site_state, story),
        json_ld=_json_ld(site_state, story),
        body=Markup("\n".join(_body(site_state, story))),  # noqa: S704 - our own markup
        neighbours=site_state.neighbours(story),
    )
    return themed(html, site_state.theme)


def render_listing(
    state: SiteState, title: str, path: str, stories: Sequence[Story], page_number: int
) -> str:
    """Page `page_number` (from 1) of a listing; past the end it has no cards."""
    end = page_number * CARDS_PER_PAGE
    html = render(
        "listing.html.j2",
        title=f"{title} - {SITE_NAME}",
        heading=title,
        site=state,
        path=path,
        stories=stories[end - CARDS_PER_PAGE : end],
        next_page=page_number + 1 if end < len(stories) else None,
    )
    return themed(html, state.theme)


def render_static(slug: str) -> str:
    """One of the pages that are no articles though their addresses look like it."""
    heading, text = STATIC_PAGES[slug]
    return render("static.html.j2", title=f"{heading} - {SITE_NAME}", heading=heading, text=text)


def render_notice(title: str, html: str) -> str:
    """A page of nothing but `html`."""
    return render("page.html.j2", title=title, content=Markup(html))  # noqa: S704 - our own


def render_not_found(*, gone: bool) -> str:
    """What an address without a page shows."""
    text = "This article has been taken down." if gone else "There is no such page."
    return render_notice(f"Not found - {SITE_NAME}", f"<h1>Not found</h1><p>{text}</p>")


def themed(html: str, theme: Theme) -> str:
    """`html` with its classes named as `theme` has them."""
    if theme is Theme.REBELMOUSE:
        return html
    html = re.sub(r' data-[a-z-]+="[^"]*"', "", html)
    if theme is Theme.BARE:
        return re.sub(r' class="[^"]*"', "", html)

    def renamed(match: re.Match[str]) -> str:
        names = [
            f"c{blake2b(name.encode(), digest_size=3).hexdigest()}" for name in match[1].split()
        ]
        return f' class="{" ".join(names)}"'

    return re.sub(r' class="([^"]*)"', renamed, html)


def _meta(state: SiteState, story: Story) -> dict[str, str]:
    meta = {
        "og:type": "article",
        "og:site_name": SITE_NAME,
        "og:url": state.base_url + story.path,
        "og:title": story.title,
        "og:description": (story.subtitle or story.paragraphs[0])[:220],
    }
    if story.has_image:
        meta["og:image"] = bodies.image_url(state.base_url, story)
    if story.sections:
        meta["article:section"] = bodies.label_of(story.sections[0])
    if is_dated(story) and Shape.JSON_LD_DATES not in story.shapes:
        meta["article:published_time"] = story.published_at.isoformat()
        if story.modified_at:
            meta["article:modified_time"] = story.modified_at.isoformat()
    return meta


def _json_ld(state: SiteState, story: Story) -> Markup | None:
    if not story.shapes & {Shape.JSON_LD, Shape.JSON_LD_DATES}:
        return None
    values: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": state.base_url + story.path},
        "headline": story.title,
        "author": [{"@type": "Person", "name": name} for name in story.authors],
        "publisher": {"@type": "Organization", "name": SITE_NAME},
        "datePublished": story.published_at.astimezone(_NEW_YORK_SUMMER).isoformat(),
    }
    if story.modified_at:
        values["dateModified"] = story.modified_at.astimezone(_NEW_YORK_SUMMER).isoformat()
    return Markup(json.dumps(values).replace("</", "<\\/"))  # noqa: S704 - our own markup


def _body(state: SiteState, story: Story) -> list[str]:
    """The own paragraphs, and what is put between and after them."""
    parts = bodies.body_parts(state.base_url, story)
    rng = Random(f"{state.seed}:{story.slug}:appeal")
    inserts = []
    if Shape.APPEAL_MIDDLE in story.shapes:
        inserts.append(appeal_html(rng, marked=False, short=True))
    if Shape.NEWSLETTER_MIDDLE in story.shapes:
        inserts.append(PARTS.newsletter_box())
    if Shape.FOREIGN_IN_BODY in story.shapes:
        inserts += [PARTS.neighbour(state, each, 2) for each in state.neighbours(story)[1:2]]
    middle = len(parts) // 2
    parts[middle:middle] = inserts
    if Shape.APPEAL_BARE in story.shapes:
        parts.append(appeal_html(rng, marked=False))
    if Shape.APPEAL_MARKED in story.shapes:
        parts.append(appeal_html(rng, marked=True))
    return parts
