"""The article page: the piece itself, and everything else that such a page carries.

`render_article` returns the page with `IMAGE_TOKEN` in the place of every token of an
image address; the server fills in a fresh one each time it serves the page.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta, timezone
from hashlib import blake2b
from html import escape
from random import Random

from rscrawler.demo import bodies
from rscrawler.demo.appeals import appeal_html, newsletter_box
from rscrawler.demo.frame import SITE_NAME, author_links, page, picture, section_links, tag_links
from rscrawler.demo.state import SiteState, Theme, is_dated
from rscrawler.demo.stories import Shape, Story

_NEW_YORK_SUMMER = timezone(timedelta(hours=-4))


def render_article(site_state: SiteState, story: Story) -> str:
    """The page of `story` as the site stands now."""
    content = (
        '<div class="social-follow"><p>Follow us on social</p>'
        '<a class="social-follow__link" href="https://social.invalid/sample">Sample</a></div>'
        + _own_piece(site_state, story)
        + _tail(site_state, story)
        + _latest(site_state)
        + newsletter_box()
    )
    charset = "windows-1252" if Shape.WINDOWS_1252 in story.shapes else "utf-8"
    html = page(f"{story.title} - {SITE_NAME}", _head(site_state, story), content, charset)
    return themed(html, site_state.theme)


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


def _head(state: SiteState, story: Story) -> str:
    url = state.base_url + story.path
    description = story.subtitle or story.paragraphs[0]
    meta = {
        "og:type": "article",
        "og:site_name": SITE_NAME,
        "og:url": url,
        "og:title": story.title,
        "og:description": description[:220],
    }
    if story.has_image:
        meta["og:image"] = bodies.image_url(state.base_url, story)
    if story.sections:
        meta["article:section"] = bodies.label_of(story.sections[0])
    lines = [f'<link rel="canonical" href="{url}">']
    ld_only = Shape.JSON_LD_DATES in story.shapes
    if is_dated(story) and not ld_only:
        meta["article:published_time"] = story.published_at.isoformat()
        if story.modified_at:
            meta["article:modified_time"] = story.modified_at.isoformat()
    lines += [f'<meta property="{k}" content="{escape(v)}">' for k, v in meta.items()]
    lines.append(f'<meta name="description" content="{escape(description[:220])}">')
    if story.authors:
        lines.append(f'<meta name="author" content="{escape(", ".join(story.authors))}">')
    if ld_only or Shape.JSON_LD in story.shapes:
        lines.append(_json_ld(url, story))
    return "\n".join(lines)


def _json_ld(url: str, story: Story) -> str:
    values: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "mainEntityOfPage": {"@type": "WebPage", "@id": url},
        "headline": story.title,
        "author": [{"@type": "Person", "name": name} for name in story.authors],
        "publisher": {"@type": "Organization", "name": SITE_NAME},
        "datePublished": story.published_at.astimezone(_NEW_YORK_SUMMER).isoformat(),
    }
    if story.modified_at:
        values["dateModified"] = story.modified_at.astimezone(_NEW_YORK_SUMMER).isoformat()
    text = json.dumps(values).replace("</", "<\\/")
    return f'<script type="application/ld+json">{text}</script>'


def _own_piece(state: SiteState, story: Story) -> str:
    category = bodies.label_of(story.sections[0]) if story.sections else ""
    subtitle = (
        f'<h2 class="widget__subheadline-text h2" data-type="text">'
        f"{bodies.text_html(story.subtitle, story)}</h2>"
        if story.subtitle
        else ""
    )
    foreign = ""
    if Shape.FOREIGN_INSIDE in story.shapes:
        foreign = "".join(_neighbour(state, other, 2) for other in state.neighbours(story)[:1])
    return (
        '<div class="posts-custom posts-custom-section section-holder clearfix" '
        'data-source="current_post"><div class="posts-wrapper clearfix">'
        f'<div class="widget post-partial" data-category="{escape(category)}">'
        f'<article class="clearfix page-article sm-mb-1 quality-HD post-{story.post_id}" '
        f'data-category="{escape(category)}">'
        f"{picture(state.base_url, story, Shape.CREDIT_BELOW not in story.shapes)}"
        f'<div class="widget__body clearfix"><h1 class="widget__headline h1">'
        f'<span class="widget__headline-text custom-post-headline">'
        f"{bodies.text_html(story.title, story)}</span></h1>"
        f"{subtitle}{section_links(story)}"
        f'<div class="social-author">{author_links(story)}{_date(story)}</div></div>'
        f'<div class="body js-expandable clearfix" data-headline="{escape(story.title)}">'
        f'<div class="body-description">{_body_description(state, story)}</div></div>'
        f"{_credit_below(story)}"
        '<div class="google-cta"><a href="https://news.invalid/sample">google cta</a></div>'
        f"{_biography(story)}{section_links(story)}{tag_links(story)}{foreign}"
        "</article></div></div></div>"
    )


def _body_description(state: SiteState, story: Story) -> str:
    """The own paragraphs, and what is put between and after them."""
    parts = bodies.body_parts(state.base_url, story)
    rng = Random(f"{state.seed}:{story.slug}:appeal")
    middle = len(parts) // 2
    inserts = []
    if Shape.APPEAL_MIDDLE in story.shapes:
        inserts.append(appeal_html(rng, marked=False, short=True))
    if Shape.NEWSLETTER_MIDDLE in story.shapes:
        inserts.append(newsletter_box())
    if Shape.FOREIGN_IN_BODY in story.shapes:
        inserts += [_neighbour(state, other, 2) for other in state.neighbours(story)[1:2]]
    parts[middle:middle] = inserts
    if Shape.APPEAL_BARE in story.shapes:
        parts.append(appeal_html(rng, marked=False))
    if Shape.APPEAL_MARKED in story.shapes:
        parts.append(appeal_html(rng, marked=True))
    return "\n".join(parts)


def _date(story: Story) -> str:
    if not is_dated(story):
        return ""
    day = f"{story.published_at:%b} {story.published_at.day}, {story.published_at.year}"
    return f'<div class="social-date"><span class="social-date__text">{day}</span></div>'


def _credit_below(story: Story) -> str:
    if Shape.CREDIT_BELOW not in story.shapes or not story.image_credit:
        return ""
    return f'<small class="image-media media-photo-credit">{escape(story.image_credit)}</small>'


def _biography(story: Story) -> str:
    return "".join(
        f'<div class="author-bio"><div class="author-bio__name">{escape(name)}</div>'
        f"<p>{escape(name)} writes about foreign policy. The views expressed are the author's own."
        "</p></div>"
        for name in story.authors
    )


def _tail(state: SiteState, story: Story) -> str:
    """The other articles that follow, each in a container much like the page's own."""
    whole = Shape.LONG_TAIL in story.shapes
    blocks = []
    for position, other in enumerate(state.neighbours(story)):
        paragraphs = len(other.paragraphs) if whole else 2
        blocks.append(_neighbour(state, other, paragraphs, as_page=position % 2 == 1))
    return "".join(blocks)


def _neighbour(state: SiteState, story: Story, paragraphs: int, *, as_page: bool = False) -> str:
    """Another article as a page carries it: `as_page` looks much like the own one."""
    name = "clearfix page-article" if as_page else "clearfix image-article"
    heading = "h1" if as_page else "h2"
    url = state.base_url + story.path
    texts = "".join(f"<p>{escape(text)}</p>" for text in story.paragraphs[:paragraphs])
    return (
        '<div class="posts-custom posts-custom-section clearfix" data-source="all_posts">'
        '<div class="posts-wrapper clearfix"><div class="widget post-partial">'
        f'<article class="{name} sm-mb-1 post-{story.post_id}">'
        f"{picture(state.base_url, story, with_credit=True)}"
        f'<div class="widget__body clearfix"><{heading} class="widget__headline h1">'
        f'<a class="widget__headline-text" href="{url}">{escape(story.title)}</a></{heading}>'
        f'{section_links(story)}<div class="social-author">{author_links(story)}{_date(story)}'
        "</div></div>"
        f'<div class="body js-expandable clearfix"><div class="body-description">{texts}</div>'
        '<button class="show-more" type="button">keep reading</button>'
        '<button class="show-less" type="button">Show less</button></div>'
        f"{tag_links(story)}</article></div></div></div>"
    )


def _latest(state: SiteState) -> str:
    items = "".join(
        f'<li><a class="widget__headline-text" href="{state.base_url}{story.path}">'
        f"{escape(story.title)}</a></li>"
        for story in state.stories[:6]
    )
    return f'<div class="latest-posts"><h3>Latest</h3><ul>{items}</ul></div>'
