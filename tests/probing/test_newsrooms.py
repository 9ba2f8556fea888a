"""What `sites add` proposes for newsrooms as real ones are made: no feed, names of their own."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rscrawler.config import Config
from rscrawler.probing.proposal import Proposal, propose_site
from rscrawler.probing.visitor import Visitor
from rscrawler.sites import Markup
from tests.probing.server import Reply, SmallSite, page
from tests.probing.stories import STORIES, Story

TRUE = {story.title: story for story in STORIES}
ARTICLE = '<meta property="og:type" content="article">'
MENU = (
    '<header class="Hd"><nav class="Hd-nav"><a href="/world">World</a><a href="/formula-1">Race</a>'
    '<a href="/subscriber-terms">Terms</a></nav></header>'
)


def story_path(story: Story) -> str:
    """A date among words that all addresses share, below one section or two."""
    section = "world/asia" if story.number % 3 == 0 else "business"
    return f"/{section}/story/{story.published_at:%Y-%m-%d}/{story.slug}"


def story_page(story: Story) -> str:
    """The headline outside the `article`, a box in its text, an office behind the author."""
    node = {
        "@type": "NewsArticle",
        "headline": story.title,
        "datePublished": story.published_at.isoformat(),
        "author": [{"@type": "Person", "name": story.author}],
    }
    first, *rest = (f"<p>{text}</p>" for text in story.paragraphs)
    return (
        f'<script type="application/ld+json">{json.dumps(node)}</script>'
        f'<div class="Story-content"><h1 class="Story-headline">{story.title}</h1></div>'
        '<article class="Story-main"><div class="Story-byline"><div class="Story-authorName">'
        f'By <a href="/people/{story.number}">{story.author}</a> Staff Writer</div>'
        f'<div class="Story-datePublished">{story.published_at:%b. %d, %Y, %H:%M} GMT</div></div>'
        f'<div class="RichText"><div class="RichText-body">{first}'
        f'<div class="Quote-attribution">Guest from {story.place}</div>{"".join(rest)}</div></div>'
        "</article>"
    )


def numbered_path(story: Story) -> str:
    """A date in parts and a number behind the words."""
    return f"/story/news/{story.published_at:%Y/%m/%d}/{story.slug}/{4_236_383_000 + story.number}/"


def numbered_page(story: Story) -> str:
    """Of two layouts, one after the other; no date but the printed one."""
    text = "".join(f"<p>{text}</p>" for text in story.paragraphs)
    day = f"Published {story.published_at:%H:%M} GMT {story.published_at:%b %d, %Y}"
    if story.number % 2:
        return (
            f'<div class="asset"><header><h1 class="title">{story.title}</h1></header>'
            f'<div class="asset-meta"><span class="asset-author">{story.author}</span>'
            f'<span class="time-line">{day}</span></div>'
            f'<p class="asset-lead">Lead: {story.thing} of {story.place}, at last.</p>'
            f'<div class="asset-body">{text}</div></div>'
        )
    return (
        f'<div class="content-item"><h1 class="item-headline">{story.title}</h1>'
        f'<div class="writers"><p class="item-byline">By {story.author} and Otto Brandt</p>'
        f'<p class="publish-date">{day}</p></div>'
        f'<div class="content-article"><section>{text}</section></div></div>'
    )


def newsroom(path_of: Callable[[Story], str], page_of: Callable[[Story], str]) -> dict[str, Reply]:
    cards = "".join(f'<h2><a href="{path_of(p)}">{p.title}</a></h2>' for p in STORIES)
    pages = {"/": page(f"<html><title>Front</title><body>{MENU}<main>{cards}</main></body></html>")}
    for story in STORIES:
        body = f"<title>{story.title}</title>{ARTICLE}<body>{MENU}{page_of(story)}</body>"
        pages[path_of(story)] = page(f'<html lang="en">{body}</html>')
    return pages


def propose(pages: dict[str, Reply]) -> Proposal:
    with SmallSite(pages) as site:
        return propose_site(site.base_url, Visitor(Config(), delay=0))


@pytest.fixture(scope="module")
def dated() -> Proposal:
    return propose(newsroom(story_path, story_page))


@pytest.fixture(scope="module")
def numbered() -> Proposal:
    return propose(newsroom(numbered_path, numbered_page))


def ours(markup: Markup, name: str) -> list[str]:
    """The selectors of a field that were found on the site."""
    usual = getattr(Markup(), name)
    return [selector for selector in getattr(markup, name) if selector not in usual]


def test_an_address_keeps_its_date_and_what_all_share(dated: Proposal, numbered: Proposal) -> None:
    links = dated.profile.links
    assert links.article == [r"^(?:/[^/]+){1,2}/story/\d{4}-\d{2}-\d{2}/[^/]+/?$"]
    assert all(links.is_article_path(story_path(story)) for story in STORIES)
    assert not any(map(links.is_article_path, ("/world", "/formula-1", "/world/story/latest")))
    assert numbered.profile.links.article == [r"^/story/news/\d{4}/\d{1,2}/\d{1,2}/[^/]+/\d+/?$"]


def test_headline_text_authors_and_date_are_found_by_their_names(dated: Proposal) -> None:
    markup = dated.profile.markup
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
    dated: Proposal, numbered: Proposal
) -> None:
    for sample in (*dated.samples, *numbered.samples):
        article = sample.article
        assert article is not None, sample.trouble
        story = TRUE[article.title or ""]
        assert [text for text in article.paragraphs if "Lead: " not in text] == story.paragraphs
        assert article.published_at is not None
        assert abs((article.published_at - story.published_at).total_seconds()) < 60
        assert story.author in article.authors
        assert article.extraction.provenance["body"].startswith("profile: ")
