"""What `sites add` proposes for newsrooms as real ones are made: no feed, names of their own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rscrawler.config import Config
from rscrawler.probing.proposal import Proposal, propose_site
from rscrawler.probing.visitor import Visitor
from rscrawler.sites import Markup
from tests.probing.pieces import PIECES, Piece
from tests.probing.server import Reply, SmallSite, page

TRUE = {piece.title: piece for piece in PIECES}
ARTICLE = '<meta property="og:type" content="article">'
MENU = (
    '<header class="Hd"><nav class="Hd-nav"><a href="/world">World</a><a href="/formula-1">Race</a>'
    '<a href="/subscriber-terms">Terms</a></nav></header>'
)


def story_path(piece: Piece) -> str:
    """A date among words that all addresses share, below one section or two."""
    section = "world/asia" if piece.number % 3 == 0 else "business"
    return f"/{section}/story/{piece.published_at:%Y-%m-%d}/{piece.slug}"


def story_page(piece: Piece) -> str:
    """The headline outside the `article`, a box in its text, an office behind the author."""
    node = {
        "@type": "NewsArticle",
        "headline": piece.title,
        "datePublished": piece.published_at.isoformat(),
        "author": [{"@type": "Person", "name": piece.author}],
    }
    first, *rest = (f"<p>{text}</p>" for text in piece.paragraphs)
    return (
        f'<script type="application/ld+json">{json.dumps(node)}</script>'
        f'<div class="Story-content"><h1 class="Story-headline">{piece.title}</h1></div>'
        '<article class="Story-main"><div class="Story-byline"><div class="Story-authorName">'
        f'By <a href="/people/{piece.number}">{piece.author}</a> Staff Writer</div>'
        f'<div class="Story-datePublished">{piece.published_at:%b. %d, %Y, %H:%M} GMT</div></div>'
        f'<div class="RichText"><div class="RichText-body">{first}'
        f'<div class="Quote-attribution">Guest from {piece.place}</div>{"".join(rest)}</div></div>'
        "</article>"
    )


def numbered_path(piece: Piece) -> str:
    """A date in parts and a number behind the words."""
    return f"/story/news/{piece.published_at:%Y/%m/%d}/{piece.slug}/{4_236_383_000 + piece.number}/"


def numbered_page(piece: Piece) -> str:
    """Of two layouts, one after the other; no date but the printed one."""
    text = "".join(f"<p>{text}</p>" for text in piece.paragraphs)
    day = f"Published {piece.published_at:%H:%M} GMT {piece.published_at:%b %d, %Y}"
    if piece.number % 2:
        return (
            f'<div class="asset"><header><h1 class="title">{piece.title}</h1></header>'
            f'<div class="asset-meta"><span class="asset-author">{piece.author}</span>'
            f'<span class="time-line">{day}</span></div>'
            f'<p class="asset-lead">Lead: {piece.thing} of {piece.place}, at last.</p>'
            f'<div class="asset-body">{text}</div></div>'
        )
    return (
        f'<div class="content-item"><h1 class="item-headline">{piece.title}</h1>'
        f'<div class="writers"><p class="item-byline">By {piece.author} and Otto Brandt</p>'
        f'<p class="publish-date">{day}</p></div>'
        f'<div class="content-article"><section>{text}</section></div></div>'
    )


def newsroom(path_of: Callable[[Piece], str], page_of: Callable[[Piece], str]) -> dict[str, Reply]:
    cards = "".join(f'<h2><a href="{path_of(p)}">{p.title}</a></h2>' for p in PIECES)
    pages = {"/": page(f"<html><title>Front</title><body>{MENU}<main>{cards}</main></body></html>")}
    for piece in PIECES:
        body = f"<title>{piece.title}</title>{ARTICLE}<body>{MENU}{page_of(piece)}</body>"
        pages[path_of(piece)] = page(f'<html lang="en">{body}</html>')
    return pages


def propose(pages: dict[str, Reply]) -> Proposal:
    with SmallSite(pages) as site:
        return propose_site(site.base_url, Visitor(Config(), delay=0))


@pytest.fixture(scope="module")
def story() -> Proposal:
    return propose(newsroom(story_path, story_page))


@pytest.fixture(scope="module")
def numbered() -> Proposal:
    return propose(newsroom(numbered_path, numbered_page))


def ours(markup: Markup, name: str) -> list[str]:
    """The selectors of a field that were found on the site."""
    usual = getattr(Markup(), name)
    return [selector for selector in getattr(markup, name) if selector not in usual]


def test_an_address_keeps_its_date_and_what_all_share(story: Proposal, numbered: Proposal) -> None:
    links = story.profile.links
    assert links.article == [r"^(?:/[^/]+){1,2}/story/\d{4}-\d{2}-\d{2}/[^/]+/?$"]
    assert all(links.is_article_path(story_path(piece)) for piece in PIECES)
    assert not any(map(links.is_article_path, ("/world", "/formula-1", "/world/story/latest")))
    assert numbered.profile.links.article == [r"^/story/news/\d{4}/\d{1,2}/\d{1,2}/[^/]+/\d+/?$"]


def test_headline_text_authors_and_date_are_found_by_their_names(story: Proposal) -> None:
    markup = story.profile.markup
    assert ours(markup, "title") == ["h1.Story-headline"]
    assert ours(markup, "body") == [".RichText-body"]
    assert ours(markup, "authors") == [".Story-authorName > a"]
    assert ours(markup, "published_text") == [".Story-datePublished"]
    assert markup.cut == [".Quote-attribution"]


def test_each_of_two_layouts_has_selectors_of_its_own(numbered: Proposal) -> None:
    markup = numbered.profile.markup
    assert set(ours(markup, "title")) == {"h1.title", "h1.item-headline"}
    assert set(ours(markup, "body")) == {".asset-body", ".content-article > section"}
    assert set(ours(markup, "published_text")) == {".time-line", ".publish-date"}


def test_what_the_proposed_profile_reads_is_what_was_written(
    story: Proposal, numbered: Proposal
) -> None:
    for sample in (*story.samples, *numbered.samples):
        article = sample.article
        assert article is not None, sample.trouble
        piece = TRUE[article.title or ""]
        assert [text for text in article.paragraphs if "Lead: " not in text] == piece.paragraphs
        assert article.published_at is not None
        assert abs((article.published_at - piece.published_at).total_seconds()) < 60
        assert piece.author in article.authors
        assert article.extraction.provenance["body"].startswith("profile: ")
