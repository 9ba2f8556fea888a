"""Widgets in a text are told by their names, and a text is not cut for a word in one."""

from __future__ import annotations

import pytest

from tests.extraction.pages import FOREIGN, OWN, current_post, own_article, page_html, read

LIST = (
    '<ul><li><a href="/a-1/">Belgium fears a lawsuit</a></li>'
    '<li><a href="/b-2/">Quiet ports of the Baltic</a></li></ul>'
)
TEASER = f'<h4><a href="/a-1/">Belgium fears a lawsuit</a></h4><p>{FOREIGN[0]}</p>'


def _read(markup: str) -> list[str]:
    body = f"<p>{OWN[0]}</p>{markup}<p>{OWN[2]}</p><p>{OWN[0]} So it is.</p>"
    first, *inner, before_last, last = read(page_html(current_post(own_article(body)))).paragraphs
    assert (first, before_last, last) == (OWN[0], OWN[2], f"{OWN[0]} So it is.")
    return inner


@pytest.mark.parametrize(
    "markup",
    [
        '<h2 id="follow-the-money">{}</h2>',
        '<h3 id="comments-from-astana">{}</h3>',
        '<h3 id="donations">{}</h3>',
        '<p id="popular">{}</p>',
        '<p class="follow-up">{}</p>',
        '<p class="lead popular">{}</p>',
        '<p class="has-embed no-ads tag-newsletter category-sponsored">{}</p>',
        '<p class="subscriber-lead">{}</p>',
        '<div class="subscriber-preview"><p>{}</p></div>',
        '<section id="the-latest-round"><p>{}</p></section>',
        '<section id="share-of-trade"><p>{}</p></section>',
        '<section id="latest"><p>{}</p></section>',
        '<section id="membership" aria-label="Membership"><div>{}</div></section>',
        '<div class="aside"><p>{}</p></div>',
        '<table id="share"><tr><td>{}</td></tr></table>',
    ],
)  # fmt: skip
def test_own_text_stays_whatever_word_is_in_its_id_or_class(markup: str) -> None:
    assert _read(markup.format(OWN[1])) == [OWN[1]]


def test_a_section_with_the_id_of_a_widget_stays_with_its_heading() -> None:
    section = f'<section id="donations"><h3>Donations</h3><p>{OWN[1]}</p></section>'
    assert _read(section) == ["Donations", OWN[1]]


@pytest.mark.parametrize(
    "markup",
    [
        '<div class="newsletter-box"><p>{}</p></div>',
        '<div class="subscriber-newsletter"><p>{}</p></div>',
        '<div class="td-related-posts"><p>{}</p></div>',
        '<div class="c-related__list"><p>{}</p></div>',
        '<div class="jp-relatedposts"><p>{}</p></div>',
        '<div class="post-ad-inline"><p>{}</p></div>',
        '<div class="promo"><p>{}</p></div>',
        '<p class="pull-quote">{}</p>',
        '<p class="media-caption">{}</p>',
        '<div class="author-bio-box"><p>{}</p></div>',
        '<div id="comments"><div class="comment"><p>{}</p></div></div>',
        '<div id="newsletter"><p>{}</p><form><input name="email"></form></div>',
    ],
)
def test_a_block_that_is_called_a_widget_is_left_out(markup: str) -> None:
    assert _read(markup.format(FOREIGN[0])) == []


@pytest.mark.parametrize("name", ["latest", "popular", "trending", "most-read", "share", "tags"])
@pytest.mark.parametrize("content", [LIST, TEASER])
def test_an_everyday_name_is_enough_where_links_or_no_sentences_bear_it_out(
    name: str, content: str
) -> None:
    assert _read(f'<div class="{name}">{content}</div>') == []
    assert _read(f'<div id="{name}">{content}</div>') == []
    assert _read(f'<div aria-label="{name.title()}">{content}</div>') == []


def test_a_heading_about_donations_is_no_appeal_for_its_id() -> None:
    body = f'<p>{OWN[0]}</p><h3 id="donations">Donations dry up</h3><p>{OWN[1]}</p>'
    article = read(page_html(current_post(own_article(body))))
    assert article.paragraphs == [OWN[0], "Donations dry up", OWN[1]]


@pytest.mark.parametrize(
    "name",
    ["sr-only", "external-link-icon-sr-only", "screen-reader-text", "visually-hidden", "hide-text"],
)
def test_words_for_screen_readers_are_no_text(name: str) -> None:
    spoken = f'<span class="{name}">(opens in a new window)</span>'
    link = f'<a href="https://ports.example.net/">the ports{spoken}</a>'
    assert _read(f"<p>{OWN[1]} So say {link}.</p>") == [f"{OWN[1]} So say the ports."]


@pytest.mark.parametrize(
    "shown",
    [
        '<span class="sr-only md:not-sr-only">: of the Baltic</span>',  # shown on wide screens
        '<span class="visually-hidden">:</span> of the Baltic',
    ],
)
def test_other_text_of_such_a_name_stays(shown: str) -> None:
    assert _read(f"<p>{OWN[1]} So say the ports{shown}.</p>") == [
        f"{OWN[1]} So say the ports: of the Baltic."
    ]
