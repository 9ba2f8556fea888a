"""What pages have in common: head, navigation, footer, and the small parts of a piece."""

from __future__ import annotations

from html import escape

from rscrawler.demo.bodies import image_url, label_of
from rscrawler.demo.generator import slugify
from rscrawler.demo.stories import REGIONS, SECTIONS, Shape, Story

SITE_NAME = "Sample Statecraft"
STATIC_PAGES = {
    "about": (
        "About us",
        "Sample Statecraft is an invented magazine. It exists so that software can be tried on "
        "something that looks like a news site.",
    ),
    "donate": ("Donate", "There is nothing to donate to. The button below does nothing."),
    "contact": ("Contact", "Letters to the editor will not be answered."),
    "privacy-policy": ("Privacy policy", "No data about readers is kept."),
}
_CREDIT_LABELS = ("Top photo credit: ", "Top image credit: ")


def page(title: str, head: str, content: str, charset: str = "utf-8") -> str:
    """A whole document around `content`."""
    links = "".join(f'<li><a href="/{s}/">{label_of(s)}</a></li>' for s in SECTIONS)
    others = "".join(f'<a href="/{slug}/">{name}</a> ' for slug, (name, _) in STATIC_PAGES.items())
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="{charset}">\n'
        f"<title>{escape(title)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="alternate" type="application/rss+xml" href="/feeds/feed.rss">\n'
        f"{head}\n"
        "<style>.widget{margin:1em}.show-less{display:none}</style>\n"
        "<script>window.REBELMOUSE_BOOTSTRAP_DATA={isUserLoggedIn:false};</script>\n"
        "</head>\n<body>\n"
        f'<header class="main-header"><a class="logo" href="/">{SITE_NAME}</a>'
        f'<nav class="main-nav"><ul>{links}</ul>{others}</nav></header>\n'
        f'<main class="page-content">{content}</main>\n'
        f'<footer class="main-footer"><p>{SITE_NAME}: a magazine of the imagination.</p>'
        f"{others}</footer>\n</body>\n</html>\n"
    )


def picture(base_url: str, story: Story, with_credit: bool) -> str:
    """The lead image, loaded late, with its caption and credit; "" when there is none."""
    if not story.has_image:
        return ""
    caption = (
        f'<small class="image-media media-caption">{escape(story.image_caption)}</small>'
        if story.image_caption
        else ""
    )
    credit = ""
    if story.image_credit and with_credit:
        label = _CREDIT_LABELS[int(story.post_id) % len(_CREDIT_LABELS)]
        credit = (
            '<small class="image-media media-photo-credit">'
            f"{label}{escape(story.image_credit)}</small>"
        )
    source = escape(image_url(base_url, story))
    return (
        f'<div class="widget__image"><img class="rm-lazyloadable-image" alt="1600px-{story.stem}" '
        f'src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" data-runner-src="{source}">'
        f"{caption}{credit}</div>"
    )


def section_links(story: Story) -> str:
    """The sections of a piece, divided by bars."""
    folders = dict.fromkeys(REGIONS, "/regions") if Shape.REGION_LINKS in story.shapes else {}
    links = [
        f'<a class="widget__section" href="{folders.get(slug, "")}/{slug}/">{label_of(slug)}</a>'
        for slug in story.sections
    ]
    return f'<div class="widget__sections">{" | ".join(links)}</div>'


def author_links(story: Story) -> str:
    """The names over a piece, each a link to its author's page."""
    links = [
        f'<a class="social-author__name" href="/author/{slugify(name)}/">{escape(name)}</a>'
        for name in story.authors
    ]
    return ", ".join(links)


def tag_links(story: Story) -> str:
    """The tags under a piece."""
    links = [
        f'<a class="tags__item" href="/tag/{slug}/">{label_of(slug).lower()}</a>'
        for slug in story.tags
    ]
    return f'<div class="tags">{"".join(links)}</div>'
