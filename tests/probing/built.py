"""Five sites with the same stories, each built in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import format_datetime

from tests.probing.server import BASE, Reply, page, plain, xml
from tests.probing.stories import SECTIONS, STORIES, Story, section_of

APPEAL = "Subscribe to our free newsletter and get the best stories in your inbox every Friday."


def _html(head: str, body: str, language: str = "en") -> Reply:
    return page(
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">{head}</head>'
        f"<body>{body}</body></html>"
    )


def _rss(path_of: Callable[[Story], str]) -> Reply:
    items = "".join(
        f"<item><title>{story.title}</title><link>{BASE}{path_of(story)}</link>"
        f"<pubDate>{format_datetime(story.published_at)}</pubDate></item>"
        for story in STORIES[:10]
    )
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Feed</title>'
        f"<link>{BASE}/</link>{items}</channel></rss>"
    )


def _sitemap(paths: list[tuple[str, str]]) -> Reply:
    urls = "".join(f"<url><loc>{BASE}{p}</loc><lastmod>{at}</lastmod></url>" for p, at in paths)
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>'
    )


def _sitemap_index(paths: list[str]) -> Reply:
    parts = "".join(f"<sitemap><loc>{BASE}{path}</loc></sitemap>" for path in paths)
    return xml(
        '<?xml version="1.0" encoding="UTF-8"?><sitemapindex '
        f'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{parts}</sitemapindex>'
    )


def _paragraphs(story: Story) -> str:
    first, *rest = (f"<p>{text}</p>" for text in story.paragraphs)
    return first + "\n" + "\n".join(rest)


def _next(story: Story) -> list[Story]:
    start = story.number + 1
    return [STORIES[(start + step) % len(STORIES)] for step in range(2)]


# WordPress: a declared feed beside one of comments, sitemaps by kind, related posts within.


def _wordpress_path(story: Story) -> str:
    return f"/{story.published_at:%Y/%m}/{story.slug}/"


def wordpress() -> dict[str, Reply]:
    head = (
        '<link rel="stylesheet" href="/wp-content/themes/daily/style.css">'
        f'<link rel="alternate" type="application/rss+xml" title="Feed" href="{BASE}/feed/">'
        '<link rel="alternate" type="application/rss+xml" title="Comments Feed" '
        f'href="{BASE}/comments/feed/">'
    )
    menu = (
        '<header><nav><a href="/">Home</a>'
        + "".join(f'<a href="{BASE}/category/{name}/">{name}</a>' for name in SECTIONS)
        + '<a href="/about/">About</a></nav></header>'
    )

    def card(story: Story) -> str:
        return (
            f'<article class="post hentry"><h2 class="entry-title"><a href="{BASE}'
            f'{_wordpress_path(story)}">{story.title}</a></h2><p>{story.paragraphs[0][:80]}…</p>'
            "</article>"
        )

    def listing(stories: list[Story], path: str) -> Reply:
        cards = "".join(map(card, stories))
        older = f'<a class="next" href="{BASE}{path}page/2/">Older</a>'
        return _html(f"<title>The Steppe Daily</title>{head}", f"{menu}<main>{cards}{older}</main>")

    def article(story: Story) -> Reply:
        meta = (
            f"<title>{story.title} - The Steppe Daily</title>{head}"
            '<meta property="og:type" content="article">'
            '<meta property="og:site_name" content="The Steppe Daily">'
            f'<meta property="og:title" content="{story.title}">'
            f'<meta property="article:published_time" content="{story.published_at.isoformat()}">'
            f'<link rel="canonical" href="{BASE}{_wordpress_path(story)}">'
        )
        related = "".join(
            f'<li><h3><a href="{BASE}{_wordpress_path(other)}">{other.title}</a></h3>'
            f"<p>{other.paragraphs[1]}</p></li>"
            for other in _next(story)
        )
        return _html(
            meta,
            f'{menu}<main><article id="post-{300 + story.number}" class="post type-post hentry">'
            f'<header class="entry-header"><span class="cat-links"><a rel="category tag" '
            f'href="{BASE}/category/{section_of(story)}/">{section_of(story)}</a></span>'
            f'<h1 class="entry-title">{story.title}</h1><span class="byline">by <a rel="author" '
            f'href="{BASE}/author/{story.number}/">{story.author}</a></span></header>'
            f'<div class="entry-content">{_paragraphs(story)}'
            f'<div class="newsletter-box"><p>{APPEAL}</p></div></div>'
            f'<div class="related"><ul>{related}</ul></div></article></main>',
        )

    posts = [(_wordpress_path(story), f"{story.published_at:%Y-%m-%d}") for story in STORIES]
    return {
        "/robots.txt": plain(
            f"User-agent: *\nDisallow: /wp-admin/\nSitemap: {BASE}/wp-sitemap.xml\n"
        ),
        "/": listing(STORIES, "/"),
        "/feed/": _rss(_wordpress_path),
        "/comments/feed/": _rss(_wordpress_path),
        "/wp-sitemap.xml": _sitemap_index(
            ["/wp-sitemap-taxonomies-category-1.xml", "/wp-sitemap-posts-post-1.xml"]
        ),
        "/wp-sitemap-posts-post-1.xml": _sitemap(posts),
        "/wp-sitemap-taxonomies-category-1.xml": _sitemap(
            [(f"/category/{name}/", "2026-11-20") for name in SECTIONS]
        ),
        "/about/": _html("<title>About</title>", f"{menu}<main><h1>About</h1></main>"),
        **{f"/category/{n}/": listing(each, f"/category/{n}/") for n, each in SECTIONS.items()},
        **{_wordpress_path(story): article(story) for story in STORIES},
    }


# Drupal: slugs at the root, beside sections; pagers that count from 0; no sitemap.


def _drupal_path(story: Story) -> str:
    return f"/{story.slug}"


def drupal() -> dict[str, Reply]:
    head = '<link rel="alternate" type="application/rss+xml" href="/rss.xml">'
    menu = (
        '<nav role="navigation"><ul>'
        + "".join(f'<li><a href="/{name}">{name}</a></li>' for name in SECTIONS)
        + '</ul></nav><div class="menu"><a href="/who-we-are">Who we are</a></div>'
    )

    def listing(stories: list[Story]) -> Reply:
        rows = "".join(
            f'<div class="views-row"><h2><a href="{_drupal_path(story)}">{story.title}</a></h2>'
            f"<p>{story.paragraphs[1]}</p></div>"
            for story in stories
        )
        pager = '<nav class="pager"><a href="?page=0">1</a><a href="?page=1">2</a></nav>'
        return _html(f"<title>Oxus Review</title>{head}", f"{menu}<main>{rows}{pager}</main>")

    def article(story: Story) -> Reply:
        rows = "".join(
            '<div class="views-row"><article class="node node--teaser"><h3>'
            f'<a href="{_drupal_path(other)}">{other.title}</a></h3><p>{other.paragraphs[2]}</p>'
            "</article></div>"
            for other in _next(story)
        )
        return _html(
            f"<title>{story.title} | Oxus Review</title>{head}"
            f'<link rel="canonical" href="{BASE}{_drupal_path(story)}">',
            f'{menu}<main><article class="node node--type-article node--full">'
            f'<h1 class="page-title"><span>{story.title}</span></h1>'
            f'<div class="node__meta"><span class="author-name">{story.author}</span> '
            f'<time datetime="{story.published_at.isoformat()}">{story.published_at:%d %b %Y}'
            f'</time></div><div class="node__content"><div class="field field--name-body">'
            f"{_paragraphs(story)}</div></div>"
            f'<div class="field field--name-field-tags"><a href="/tag/{story.place.lower()}">'
            f"{story.place}</a></div></article><section><h2>More</h2>{rows}</section>"
            f'<aside class="newsletter"><p>{APPEAL}</p></aside></main>',
        )

    return {
        "/robots.txt": plain("User-agent: *\nDisallow: /user/\n"),
        "/": listing(STORIES),
        "/rss.xml": _rss(_drupal_path),
        "/who-we-are": _html("<title>Who</title>", f"{menu}<main><h1>Who we are</h1></main>"),
        **{f"/{name}": listing(stories) for name, stories in SECTIONS.items()},
        **{_drupal_path(story): article(story) for story in STORIES},
    }


# A static site: a feed that no page names, dates in words alone, no metadata, no robots.txt.


def _static_path(story: Story) -> str:
    return f"/posts/{story.slug}/"


def static() -> dict[str, Reply]:
    def article(story: Story) -> Reply:
        return _html(
            f"<title>{story.title}</title>",
            f'<div class="site"><a href="/">Notes from the Road</a></div><article>'
            f'<h1>{story.title}</h1><p class="date">{story.published_at:%d %B %Y}</p>'
            f'<p class="byline">By {story.author}</p><div class="post-body">{_paragraphs(story)}'
            f'</div><ul class="post-tags"><li><a href="/tags/{story.place.lower()}/">{story.place}'
            "</a></li></ul></article><footer><p>Made by hand.</p></footer>",
        )

    rows = "".join(f'<li><a href="{_static_path(p)}">{p.title}</a></li>' for p in STORIES)
    return {
        "/": _html("<title>Notes from the Road</title>", f"<main><ul>{rows}</ul></main>"),
        "/index.xml": _rss(_static_path),
        **{_static_path(story): article(story) for story in STORIES},
    }


# Made by a script framework: JSON-LD and built class names, a sitemap and no feed.


def _scripted_path(story: Story) -> str:
    return f"/stories/{section_of(story)}/{story.slug}"


def scripted() -> dict[str, Reply]:
    menu = '<header class="Hd_x__9aB"><nav><a href="/newsletters">Newsletters</a></nav></header>'

    def article(story: Story) -> Reply:
        node = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": story.title,
            "url": BASE + _scripted_path(story),
            "datePublished": story.published_at.isoformat(),
            "author": [{"@type": "Person", "name": story.author}],
            "publisher": {"@type": "Organization", "name": "Silk Wire"},
        }
        cards = "".join(
            f'<div class="Card_r__1Zz"><h3><a href="{_scripted_path(other)}">{other.title}</a></h3>'
            f"<p>{other.paragraphs[3]}</p></div>"
            for other in _next(story)
        )
        return _html(
            f"<title>{story.title} | Silk Wire</title>"
            f'<script type="application/ld+json">{json.dumps(node, ensure_ascii=False)}</script>',
            f'{menu}<div class="Pg_root__q7X"><div class="Hl_t__0aC"><h1>{story.title}</h1></div>'
            f'<div class="Bd_b__7cD">{_paragraphs(story)}</div></div>'
            f'<div class="Cards_r__55E">{cards}</div>'
            f'<div class="NewsletterBox_n__1F"><p>{APPEAL}</p></div>',
        )

    stories = [(_scripted_path(story), story.published_at.isoformat()) for story in STORIES]
    others = [("/", "2026-11-20"), ("/about", "2025-01-01"), ("/newsletters", "2025-01-01")]
    return {
        "/robots.txt": plain("User-agent: *\nAllow: /\n"),
        "/": _html("<title>Silk Wire</title>", f'{menu}<div id="app"></div>'),
        "/sitemap.xml": _sitemap([*others, *stories]),
        "/newsletters": _html("<title>Newsletters</title>", f"{menu}<h1>Newsletters</h1>"),
        **{_scripted_path(story): article(story) for story in STORIES},
    }


# An agency of its own make: numbers in its addresses, dates in words, tables for layout.


def _numbered_path(story: Story) -> str:
    return f"/news/{48200 - story.number}-{story.slug}"


def numbered() -> dict[str, Reply]:
    head = f'<link rel="alternate" type="application/rss+xml" href="{BASE}/export/rss">'
    menu = (
        '<div class="menu">'
        + "".join(f'<a href="/rubric/{name}">{name}</a> ' for name in SECTIONS)
        + "</div>"
    )

    def listing(stories: list[Story]) -> Reply:
        rows = "".join(
            f'<div class="item"><a href="{_numbered_path(story)}">{story.title}</a></div>'
            for story in stories
        )
        pager = '<a href="?page=2">2</a> <a href="?page=3">3</a>'
        return _html(f"<title>Tian Press</title>{head}", f"{menu}<div>{rows}{pager}</div>")

    def article(story: Story) -> Reply:
        latest = "".join(
            f'<div class="item"><a href="{_numbered_path(other)}">{other.title}</a></div>'
            for other in STORIES[:5]
        )
        return _html(
            f"<title>{story.title} - Tian Press</title>"
            '<meta property="og:site_name" content="Tian Press">'
            f'<meta property="og:title" content="{story.title}">',
            f'{menu}<div class="left">{latest}</div><div class="news-full">'
            f'<div class="news-date date">{story.published_at:%d %B %Y, %H:%M} UTC</div>'
            f'<h1>{story.title}</h1><div class="news-text">{_paragraphs(story)}</div>'
            f'<div class="author">{story.author}</div></div>'
            f'<div class="subscribe"><p>{APPEAL}</p></div>',
        )

    return {
        "/robots.txt": plain("User-agent: *\nDisallow: /admin\n"),
        "/": listing(STORIES),
        "/export/rss": _rss(_numbered_path),
        **{f"/rubric/{name}": listing(stories) for name, stories in SECTIONS.items()},
        **{_numbered_path(story): article(story) for story in STORIES},
    }


BUILT = {
    "wordpress": wordpress,
    "drupal": drupal,
    "static": static,
    "scripted": scripted,
    "numbered": numbered,
}
