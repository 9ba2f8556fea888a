"""A text that a page gives for machines alone: the last resort."""

from __future__ import annotations

import json

import pytest

from rscrawler.extraction.page import IncompletePage, NotAnArticle
from rscrawler.sites import Markup
from tests.extraction.pages import (
    BASE,
    FOREIGN,
    HEAD,
    OWN,
    TITLE,
    URL,
    current_post,
    foreign_article,
    other_posts,
    own_article,
    page_html,
    read,
)

WARNING = "body: only in the page's JSON-LD"


def json_ld(text: object, **more: object) -> str:
    node = {
        "@type": "NewsArticle", "headline": TITLE, "datePublished": "2024-12-10T08:00:00Z",
        "author": [{"@type": "Person", "name": "Nora Weiss"}], "articleBody": text, **more,
    }  # fmt: skip
    return f'<script type="application/ld+json">{json.dumps(node)}</script>'


SHELL = '<nav><a href="/europe/">Europe</a></nav><div id="app"></div>'


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(OWN),
        "\r\n".join(OWN),
        "".join(f"<p>{text}</p>" for text in OWN),
        "".join(f"&lt;p class='x'&gt;{text}&lt;/p&gt;" for text in OWN),
        "<br><br>".join(OWN),
    ],
)
@pytest.mark.parametrize("content", [SHELL, current_post(own_article(""))])
def test_a_text_that_only_machines_are_given_is_taken(text: str, content: str) -> None:
    article = read(page_html(content, json_ld(text)))
    assert (article.title, article.paragraphs) == (TITLE, list(OWN))
    assert article.authors == ["Nora Weiss"]
    assert article.published_at is not None
    assert article.extraction.method == "structured"
    assert article.extraction.provenance["body"] == "json-ld: articleBody"
    assert WARNING in article.extraction.warnings


def test_without_a_profile_too() -> None:
    assert read(page_html(SHELL, json_ld("\n".join(OWN))), markup=Markup()).paragraphs == list(OWN)


def test_nothing_of_the_pages_other_articles_comes_with_it() -> None:
    html = page_html(other_posts(foreign_article()), json_ld("\n".join(OWN), url=URL))
    article = read(html)
    assert article.paragraphs == list(OWN)
    assert (article.sections, article.tags, article.image) == ([], [], None)
    assert not any(text in article.body for text in FOREIGN)


@pytest.mark.parametrize("end", ["…", "...", " […]"])
def test_a_teaser_is_no_text(end: str) -> None:
    with pytest.raises(IncompletePage):
        read(page_html(SHELL, json_ld(f"{OWN[0]} {OWN[1]}{end}")))


def test_the_printed_text_is_preferred_however_short() -> None:
    html = page_html(current_post(own_article(f"<p>{OWN[0]}</p>")), HEAD + json_ld("\n".join(OWN)))
    article = read(html)
    assert article.paragraphs == [OWN[0]]
    assert WARNING not in article.extraction.warnings


def test_appeals_and_credits_in_it_go() -> None:
    extra = ("Photo: Reuters", "We hope you will consider a tax-exempt donation to RS this year.")
    article = read(page_html(SHELL, json_ld("\n".join((*OWN, *extra)))))
    assert article.paragraphs == list(OWN)


@pytest.mark.parametrize("text", ["", "Read on.", None, 7, {"text": OWN[0]}])
def test_a_teaser_or_no_text_is_none(text: object) -> None:
    with pytest.raises(IncompletePage):
        read(page_html(SHELL, json_ld(text)))


def test_another_article_s_text_is_not_taken() -> None:
    node = json_ld("\n".join(FOREIGN), headline="Belgium fears a lawsuit", url="/frozen-assets/")
    with pytest.raises(IncompletePage):
        read(page_html(SHELL, HEAD + node))


def test_a_listing_is_no_article_whatever_it_declares() -> None:
    with pytest.raises(NotAnArticle):
        read(page_html(SHELL, json_ld("\n".join(OWN))), f"{BASE}/europe/")
