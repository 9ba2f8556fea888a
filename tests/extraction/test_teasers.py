"""A teaser in the text is foreign wherever it leads."""

from __future__ import annotations

import pytest

from tests.extraction.pages import FOREIGN, OWN, current_post, own_article, page_html, read

PARTNER = "https://partner.example/kazakhstan-story/"
HEADLINE = "Kazakhstan opens a railway to China"
LONGER = f"{OWN[0]} This is the longer one."


def _read(markup: str, *, tail: str = "") -> list[str]:
    body = f"<p>{OWN[0]}</p><p>{OWN[1]}</p>{markup}<p>{OWN[2]}</p><p>{LONGER}</p>"
    return read(page_html(current_post(own_article(body + tail)))).paragraphs


TEASERS = {
    "a box": '<div class="x"><h3>{link}</h3><p>{0}</p><p>{1}</p><p>keep reading</p>'
    "<p>Show less</p></div>",
    "no box": "<h3>{link}</h3><p>{0}</p><p>{1}</p><p>keep reading</p><p>Show less</p>",
    "a box and its end outside": "<div><h3>{link}</h3><p>{0}</p></div><div>keep readingShow less"
    "</div>",
    "the headline in a box": "<div><div><h2>{link}</h2></div><div><p>{0}</p><a href='/x'>Read more"
    " »</a></div></div>",
    "a box in a box": "<div><div><div><h2>{link}</h2></div><p>{0}</p></div><span>Continue reading"
    "</span></div>",
    "a line above and below": "<div><p>Europe</p><h2>{link}</h2><h4>What it costs</h4><p>{0}</p>"
    "<button>Keep reading</button><p>Show less</p></div>",
    "the end in the last paragraph": "<div><h3>{link}</h3><p>{0}</p><p>{1} <a href='/x'>Read the "
    "full story</a></p></div>",
    "no paragraphs": "<div><h3>{link}</h3>{0}<br><a href='/x'>Read more at Partner</a></div>",
    "no heading": "<div><p><strong>{link}</strong></p><p>{0}</p><p>Read more</p></div>",
    "two of them": "<div><h3>{link}</h3><p>{0}</p><p>keep reading</p><h3>{link}</h3><p>{1}</p>"
    "<p>keep reading</p></div>",
}


@pytest.mark.parametrize("address", [PARTNER, "/Upper-Case-Slug.html", "/europe/"])
@pytest.mark.parametrize("shape", TEASERS)
def test_a_linked_headline_with_its_text_and_its_end_is_cut(shape: str, address: str) -> None:
    link = f'<a href="{address}">{HEADLINE}</a>'
    teaser = TEASERS[shape].format(*FOREIGN, link=link)
    assert _read(teaser) == [*OWN, LONGER]
    assert _read("", tail=teaser) == [*OWN, LONGER]


def test_a_headline_in_a_link_heads_a_teaser_too() -> None:
    teaser = f'<a href="{PARTNER}"><h3>{HEADLINE}</h3></a><p>{FOREIGN[0]}</p><p>Read more</p>'
    assert _read(teaser) == [*OWN, LONGER]


ITEMS = {
    "a paragraph each": "<p><a href='/{0}/'><b>{1}</b></a><br>{2}</p>",
    "a box each": "<div class='item'><a href='/{0}/'>{1}</a><br>{2}</div>",
    "a date before it": "<p><span>28.11.2026</span> <a href='/{0}/'>{1}</a><br>{2}</p>",
}


@pytest.mark.parametrize("shape", ITEMS)
def test_items_of_a_list_of_other_articles_are_cut(shape: str) -> None:
    items = [
        ITEMS[shape].format("kazakhstan-railway-china", HEADLINE, FOREIGN[0]),
        ITEMS[shape].format("kyrgyz-dam-contract", "Kyrgyz dam finds a builder", FOREIGN[1]),
    ]
    for page in (
        current_post(own_article("".join(f"<p>{each}</p>" for each in OWN))) + "".join(items),
        current_post(own_article("".join(f"<p>{each}</p>" for each in OWN) + "".join(items))),
    ):
        assert read(page_html(page)).paragraphs == list(OWN)


@pytest.mark.parametrize("shape", ITEMS)
def test_the_items_of_a_digest_are_its_text(shape: str) -> None:
    items = [ITEMS[shape].format(f"story-{n}", HEADLINE, text) for n, text in enumerate(FOREIGN)]
    paragraphs = read(page_html(current_post(own_article(f"<p>{OWN[0]}</p>{''.join(items)}"))))
    assert all(text in " ".join(paragraphs.paragraphs) for text in FOREIGN)


def test_one_paragraph_that_begins_with_a_linked_line_is_text() -> None:
    line = f"<p><a href='/kazakhstan-railway-china/'>{HEADLINE}</a><br>{LONGER}</p>"
    assert _read(line) == [*OWN[:2], f"{HEADLINE} {LONGER}", OWN[2], LONGER]
