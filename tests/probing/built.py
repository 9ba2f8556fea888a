"""Five sites with the same pieces, each built in another way."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.utils import format_datetime

from tests.probing.pieces import PIECES, SECTIONS, Piece, section_of
from tests.probing.server import BASE, Reply, page, plain, xml

APPEAL = "Subscribe to our free newsletter and get the best stories in your inbox every Friday."


def _html(head: str, body: str, language: str = "en") -> Reply:
    return page(
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">{head}</head>'
        f"<body>{body}</body></html>"
    )


def _rss(path_of: Callable[[Piece], str]) -> Reply:
    items = "".join(
        f"<item><title>{piece.title}</title><link>{BASE}{path_of(piece)}</link>"
        f"<pubDate>{format_datetime(piece.published_at)}</pubDate></item>"
        for piece in PIECES[:10]
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


def _paragraphs(piece: Piece) -> str:
    first, *rest = (f"<p>{text}</p>" for text in piece.paragraphs)
    return first + "\n" + "\n".join(rest)


def _next(piece: Piece) -> list[Piece]:
    start = piece.number + 1
    return [PIECES[(start + step) % len(PIECES)] for step in range(2)]


# WordPress: a declared feed beside one of comments, sitemaps by kind, related posts within.


def _wordpress_path(piece: Piece) -> str:
    return f"/{piece.published_at:%Y/%m}/{piece.slug}/"


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

    def card(piece: Piece) -> str:
        return (
            f'<article class="post hentry"><h2 class="entry-title"><a href="{BASE}'
            f'{_wordpress_path(piece)}">{piece.title}</a></h2><p>{piece.paragraphs[0][:80]}…</p>'
            "</article>"
        )

    def listing(pieces: list[Piece], path: str) -> Reply:
        cards = "".join(map(card, pieces))
        older = f'<a class="next" href="{BASE}{path}page/2/">Older</a>'
        return _html(f"<title>The Steppe Daily</title>{head}", f"{menu}<main>{cards}{older}</main>")

    def article(piece: Piece) -> Reply:
        meta = (
            f"<title>{piece.title} - The Steppe Daily</title>{head}"
            '<meta property="og:type" content="article">'
            '<meta property="og:site_name" content="The Steppe Daily">'
            f'<meta property="og:title" content="{piece.title}">'
            f'<meta property="article:published_time" content="{piece.published_at.isoformat()}">'
            f'<link rel="canonical" href="{BASE}{_wordpress_path(piece)}">'
        )
        related = "".join(
            f'<li><h3><a href="{BASE}{_wordpress_path(other)}">{other.title}</a></h3>'
            f"<p>{other.paragraphs[1]}</p></li>"
            for other in _next(piece)
        )
        return _html(
            meta,
            f'{menu}<main><article id="post-{300 + piece.number}" class="post type-post hentry">'
            f'<header class="entry-header"><span class="cat-links"><a rel="category tag" '
            f'href="{BASE}/category/{section_of(piece)}/">{section_of(piece)}</a></span>'
            f'<h1 class="entry-title">{piece.title}</h1><span class="byline">by <a rel="author" '
            f'href="{BASE}/author/{piece.number}/">{piece.author}</a></span></header>'
            f'<div class="entry-content">{_paragraphs(piece)}'
            f'<div class="newsletter-box"><p>{APPEAL}</p></div></div>'
            f'<div class="related"><ul>{related}</ul></div></article></main>',
        )

    posts = [(_wordpress_path(piece), f"{piece.published_at:%Y-%m-%d}") for piece in PIECES]
    return {
        "/robots.txt": plain(
            f"User-agent: *\nDisallow: /wp-admin/\nSitemap: {BASE}/wp-sitemap.xml\n"
        ),
        "/": listing(PIECES, "/"),
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
        **{_wordpress_path(piece): article(piece) for piece in PIECES},
    }


# Drupal: slugs at the root, beside sections; pagers that count from 0; no sitemap.


def _drupal_path(piece: Piece) -> str:
    return f"/{piece.slug}"


def drupal() -> dict[str, Reply]:
    head = '<link rel="alternate" type="application/rss+xml" href="/rss.xml">'
    menu = (
        '<nav role="navigation"><ul>'
        + "".join(f'<li><a href="/{name}">{name}</a></li>' for name in SECTIONS)
        + '</ul></nav><div class="menu"><a href="/who-we-are">Who we are</a></div>'
    )

    def listing(pieces: list[Piece]) -> Reply:
        rows = "".join(
            f'<div class="views-row"><h2><a href="{_drupal_path(piece)}">{piece.title}</a></h2>'
            f"<p>{piece.paragraphs[1]}</p></div>"
            for piece in pieces
        )
        pager = '<nav class="pager"><a href="?page=0">1</a><a href="?page=1">2</a></nav>'
        return _html(f"<title>Oxus Review</title>{head}", f"{menu}<main>{rows}{pager}</main>")

    def article(piece: Piece) -> Reply:
        rows = "".join(
            '<div class="views-row"><article class="node node--teaser"><h3>'
            f'<a href="{_drupal_path(other)}">{other.title}</a></h3><p>{other.paragraphs[2]}</p>'
            "</article></div>"
            for other in _next(piece)
        )
        return _html(
            f"<title>{piece.title} | Oxus Review</title>{head}"
            f'<link rel="canonical" href="{BASE}{_drupal_path(piece)}">',
            f'{menu}<main><article class="node node--type-article node--full">'
            f'<h1 class="page-title"><span>{piece.title}</span></h1>'
            f'<div class="node__meta"><span class="author-name">{piece.author}</span> '
            f'<time datetime="{piece.published_at.isoformat()}">{piece.published_at:%d %b %Y}'
            f'</time></div><div class="node__content"><div class="field field--name-body">'
            f"{_paragraphs(piece)}</div></div>"
            f'<div class="field field--name-field-tags"><a href="/tag/{piece.place.lower()}">'
            f"{piece.place}</a></div></article><section><h2>More</h2>{rows}</section>"
            f'<aside class="newsletter"><p>{APPEAL}</p></aside></main>',
        )

    return {
        "/robots.txt": plain("User-agent: *\nDisallow: /user/\n"),
        "/": listing(PIECES),
        "/rss.xml": _rss(_drupal_path),
        "/who-we-are": _html("<title>Who</title>", f"{menu}<main><h1>Who we are</h1></main>"),
        **{f"/{name}": listing(pieces) for name, pieces in SECTIONS.items()},
        **{_drupal_path(piece): article(piece) for piece in PIECES},
    }


# A static site: a feed that no page names, dates in words alone, no metadata, no robots.txt.


def _static_path(piece: Piece) -> str:
    return f"/posts/{piece.slug}/"


def static() -> dict[str, Reply]:
    def article(piece: Piece) -> Reply:
        return _html(
            f"<title>{piece.title}</title>",
            f'<div class="site"><a href="/">Notes from the Road</a></div><article>'
            f'<h1>{piece.title}</h1><p class="date">{piece.published_at:%d %B %Y}</p>'
            f'<p class="byline">By {piece.author}</p><div class="post-body">{_paragraphs(piece)}'
            f'</div><ul class="post-tags"><li><a href="/tags/{piece.place.lower()}/">{piece.place}'
            "</a></li></ul></article><footer><p>Made by hand.</p></footer>",
        )

    rows = "".join(f'<li><a href="{_static_path(p)}">{p.title}</a></li>' for p in PIECES)
    return {
        "/": _html("<title>Notes from the Road</title>", f"<main><ul>{rows}</ul></main>"),
        "/index.xml": _rss(_static_path),
        **{_static_path(piece): article(piece) for piece in PIECES},
    }


# Made by a script framework: JSON-LD and built class names, a sitemap and no feed.


def _scripted_path(piece: Piece) -> str:
    return f"/stories/{section_of(piece)}/{piece.slug}"


def scripted() -> dict[str, Reply]:
    menu = '<header class="Hd_x__9aB"><nav><a href="/newsletters">Newsletters</a></nav></header>'

    def article(piece: Piece) -> Reply:
        node = {
            "@context": "https://schema.org",
            "@type": "NewsArticle",
            "headline": piece.title,
            "url": BASE + _scripted_path(piece),
            "datePublished": piece.published_at.isoformat(),
            "author": [{"@type": "Person", "name": piece.author}],
            "publisher": {"@type": "Organization", "name": "Silk Wire"},
        }
        cards = "".join(
            f'<div class="Card_r__1Zz"><h3><a href="{_scripted_path(other)}">{other.title}</a></h3>'
            f"<p>{other.paragraphs[3]}</p></div>"
            for other in _next(piece)
        )
        return _html(
            f"<title>{piece.title} | Silk Wire</title>"
            f'<script type="application/ld+json">{json.dumps(node, ensure_ascii=False)}</script>',
            f'{menu}<div class="Pg_root__q7X"><div class="Hl_t__0aC"><h1>{piece.title}</h1></div>'
            f'<div class="Bd_b__7cD">{_paragraphs(piece)}</div></div>'
            f'<div class="Cards_r__55E">{cards}</div>'
            f'<div class="NewsletterBox_n__1F"><p>{APPEAL}</p></div>',
        )

    stories = [(_scripted_path(piece), piece.published_at.isoformat()) for piece in PIECES]
    others = [("/", "2026-11-20"), ("/about", "2025-01-01"), ("/newsletters", "2025-01-01")]
    return {
        "/robots.txt": plain("User-agent: *\nAllow: /\n"),
        "/": _html("<title>Silk Wire</title>", f'{menu}<div id="app"></div>'),
        "/sitemap.xml": _sitemap([*others, *stories]),
        "/newsletters": _html("<title>Newsletters</title>", f"{menu}<h1>Newsletters</h1>"),
        **{_scripted_path(piece): article(piece) for piece in PIECES},
    }


# An agency of its own make: numbers in its addresses, dates in words, tables for layout.


def _numbered_path(piece: Piece) -> str:
    return f"/news/{48200 - piece.number}-{piece.slug}"


def numbered() -> dict[str, Reply]:
    head = f'<link rel="alternate" type="application/rss+xml" href="{BASE}/export/rss">'
    menu = (
        '<div class="menu">'
        + "".join(f'<a href="/rubric/{name}">{name}</a> ' for name in SECTIONS)
        + "</div>"
    )

    def listing(pieces: list[Piece]) -> Reply:
        rows = "".join(
            f'<div class="item"><a href="{_numbered_path(piece)}">{piece.title}</a></div>'
            for piece in pieces
        )
        pager = '<a href="?page=2">2</a> <a href="?page=3">3</a>'
        return _html(f"<title>Tian Press</title>{head}", f"{menu}<div>{rows}{pager}</div>")

    def article(piece: Piece) -> Reply:
        latest = "".join(
            f'<div class="item"><a href="{_numbered_path(other)}">{other.title}</a></div>'
            for other in PIECES[:5]
        )
        return _html(
            f"<title>{piece.title} - Tian Press</title>"
            '<meta property="og:site_name" content="Tian Press">'
            f'<meta property="og:title" content="{piece.title}">',
            f'{menu}<div class="left">{latest}</div><div class="news-full">'
            f'<div class="news-date date">{piece.published_at:%d %B %Y, %H:%M} UTC</div>'
            f'<h1>{piece.title}</h1><div class="news-text">{_paragraphs(piece)}</div>'
            f'<div class="author">{piece.author}</div></div>'
            f'<div class="subscribe"><p>{APPEAL}</p></div>',
        )

    return {
        "/robots.txt": plain("User-agent: *\nDisallow: /admin\n"),
        "/": listing(PIECES),
        "/export/rss": _rss(_numbered_path),
        **{f"/rubric/{name}": listing(pieces) for name, pieces in SECTIONS.items()},
        **{_numbered_path(piece): article(piece) for piece in PIECES},
    }


BUILT = {
    "wordpress": wordpress,
    "drupal": drupal,
    "static": static,
    "scripted": scripted,
    "numbered": numbered,
}
