"""Pages in the shape of a RebelMouse site, to be bent in tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from lxml import etree

from rscrawler.config import Config
from rscrawler.extraction.article import extract
from rscrawler.extraction.blocks import Block, Region
from rscrawler.extraction.page import Page
from rscrawler.items import Article
from rscrawler.sites import SiteProfile, load_sites

PROFILE: SiteProfile = load_sites(Config())["responsiblestatecraft"]
BASE = "https://responsiblestatecraft.org"
URL = f"{BASE}/uzbek-canal-dispute/"
NOW = datetime(2024, 12, 14, 9, 0, tzinfo=UTC)
TITLE = "A canal in Afghanistan worries Uzbek farmers"
OWN = (
    "The canal that the Taliban are digging will take a fifth of the water of the Amu Darya, "
    "and Uzbekistan has no treaty that would let it object.",
    "Tashkent has sent engineers instead of a protest note. They offer concrete for the bed of "
    "the canal, which leaks, and training for the men who will run it.",
    "“Water is not politics for us, it is bread,” said a farmer near Termez.",
)
FOREIGN = (
    "The frozen assets will earn three billion euros this year, according to the clearing house.",
    "Belgium, where the money lies, has asked its partners to share the risk of a lawsuit.",
)
HEAD = (
    '<meta property="og:type" content="article">'
    '<meta property="og:site_name" content="Responsible Statecraft">'
    f'<meta property="og:title" content="{TITLE}">'
    f'<meta property="og:url" content="{URL}">'
    '<meta property="article:published_time" content="2024-12-10T08:00:00+00:00">'
    f'<link rel="canonical" href="{URL}">'
)


def paragraphs(texts: tuple[str, ...] = OWN) -> str:
    return "\n".join(f"<p>{text}</p>" for text in texts)


def own_article(
    body: str | None = None,
    *,
    name: str = "clearfix page-article post-2650000001",
    head: str = "",
    tail: str = "",
) -> str:
    return (
        f'<article class="{name}"><div class="widget__head">'
        f'<h1 class="widget__headline"><span>{TITLE}</span></h1>'
        '<div class="widget__subheadline-text">Engineers instead of a protest note</div></div>'
        '<a class="widget__section" href="/analysis/">Analysis</a>'
        '<div class="social-author"><a class="social-author__name" href="/author/nora-weiss">'
        f'Nora Weiss</a></div><span class="social-date__text">Dec 10, 2024</span>{head}'
        f'<div class="body js-expandable" data-headline="{TITLE}"><div class="body-description">'
        f"{paragraphs() if body is None else body}</div></div>"
        f'<a href="/tag/uzbekistan/">uzbekistan</a>{tail}</article>'
    )


def foreign_article(
    slug: str = "frozen-assets-lawsuit",
    *,
    name: str = "clearfix image-article",
    heading: str = "h2",
    texts: tuple[str, ...] = FOREIGN,
) -> str:
    return (
        f'<article class="{name}"><{heading} class="widget__headline"><a class="'
        f'widget__headline-text" href="/{slug}/">Belgium fears a lawsuit over frozen assets</a>'
        f'</{heading}><a class="widget__section" href="/europe/">Europe</a>'
        '<a class="social-author__name" href="/author/ida-marlow">Ida Marlow</a>'
        f'<div class="body js-expandable"><div class="body-description">{paragraphs(texts)}</div>'
        '<button class="js-show-more">keep reading</button></div>'
        '<a href="/tag/sanctions/">sanctions</a></article>'
    )


def current_post(content: str) -> str:
    return (
        '<div class="posts-custom posts-custom-section" data-source="current_post">'
        f'<div class="posts-wrapper"><div class="widget">{content}</div></div></div>'
    )


def other_posts(content: str, source: str = "all_posts") -> str:
    return (
        f'<div class="posts-custom posts-custom-section" data-source="{source}">'
        f'<div class="posts-wrapper"><div class="widget">{content}</div></div></div>'
    )


def page_html(content: str, head: str = HEAD) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{TITLE} - Responsible Statecraft</title>{head}</head><body>"
        '<header><nav><a href="/europe/">Europe</a><a href="/donate/">Donate</a></nav></header>'
        f"<main>{content}</main><footer><p>A footer of the site.</p></footer></body></html>"
    )


def read(html: str, url: str = URL, feed: datetime | None = None, **profile: object) -> Article:
    page = Page.of(url, html.encode(), "text/html; charset=utf-8", NOW, feed)
    return extract(page, PROFILE.model_copy(update=profile), "responsiblestatecraft")


def block_of(text: str, tag: str = "p", *, links: Iterable[tuple[str, str]] = ()) -> Block:
    """A block of a body that holds nothing else."""
    region = Region(etree.Element(tag), tag, 0, 1)
    linked = min(len(text), sum(len(each) for _, each in links))
    return Block(text, tag, region, list(links), [], linked)
