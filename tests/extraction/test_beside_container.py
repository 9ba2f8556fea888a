"""Fields beside the container: which are the article's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rscrawler.extraction.page import IncompletePage, NotAnArticle
from rscrawler.sites import Markup
from tests.extraction.pages import (
    OWN,
    TITLE,
    current_post,
    foreign_article,
    other_posts,
    own_article,
    page_html,
    paragraphs,
    read,
)
from tests.extraction.variants import BIOGRAPHY, LATEST, NEWSLETTER

UNTAGGED = own_article().replace('<a href="/tag/uzbekistan/">uzbekistan</a>', "")
TAGS = '<ul class="tags"><li><a href="/tag/water/">water</a></li></ul>'
OTHERS = other_posts(foreign_article())


@pytest.mark.parametrize("between", ["", BIOGRAPHY, LATEST, NEWSLETTER, "<h4>Topics</h4>"])
def test_tags_behind_the_wrapper_are_found_past_closed_blocks(between: str) -> None:
    article = read(page_html(current_post(UNTAGGED) + between + TAGS + OTHERS))
    assert article.tags == ["water"]
    assert article.authors == ["Nora Weiss"]
    assert article.extraction.provenance["tags"].endswith("beside the container")


@pytest.mark.parametrize(
    "around",
    [
        ("<div>{}</div>", ""),  # a bar of topics before the article
        ("", "<nav>{}</nav>"),
        ("", "<aside>{}</aside>"),
        ("", '<div class="sidebar">{}</div>'),
        ("", '<section class="trending-topics">{}</section>'),
        ("", OTHERS + "{}"),
    ],
)
def test_tags_of_the_page_and_of_others_are_not_taken(around: tuple[str, str]) -> None:
    before, behind = (part.format(TAGS) for part in around)
    assert read(page_html(before + current_post(UNTAGGED) + behind)).tags == []


def test_what_the_container_holds_is_preferred() -> None:
    article = read(page_html(current_post(own_article() + TAGS) + TAGS))
    assert article.tags == ["uzbekistan"]


def test_the_profiles_date_is_read_beside_a_text_that_no_selector_found() -> None:
    markup = Markup(published_text=[".issued"])
    page = f"<main><h1>{TITLE}</h1><p>8 December 2024</p>{paragraphs()}</main>"
    issued = '<p class="issued">9 December 2024</p>'
    found = read(page_html(f"{page}{'<p>Water</p>' * 9}{issued}", head=""), markup=markup)
    assert found.published_at == datetime(2024, 12, 9, tzinfo=UTC)


def test_a_date_with_a_dates_class_at_the_headline_makes_a_page_without_a_profile_an_article() -> (
    None
):
    date, text = '<p class="date">9 December 2024</p>', f"<h1>{TITLE}</h1>{paragraphs()}"
    article = read(page_html(f"{date}<main>{text}</main>", head=""), markup=Markup())
    assert article.published_at == datetime(2024, 12, 9, tzinfo=UTC)
    printed = page_html(f"<p>9 December 2024</p><main>{text}</main>", head="")
    with pytest.raises(NotAnArticle, match="in its markup: a static page"):
        read(printed, markup=Markup())
    masthead = page_html(f"{date}{'<p>Water</p>' * 9}<main>{text}</main>", head="")
    with pytest.raises(NotAnArticle, match="a static page"):
        read(masthead, markup=Markup())


def test_a_biography_beside_the_container_names_no_author() -> None:
    own = own_article().replace('class="social-author__name"', 'class="x"')
    assert read(page_html(current_post(own + BIOGRAPHY) + OTHERS)).authors == []


def test_a_body_beside_the_head_is_the_own_one_unless_another_headline_parts_them() -> None:
    head, _, rest = own_article("").partition('<div class="body')
    own = head + "</article>"
    body = f'<div class="body-description">{paragraphs()}</div>'
    assert rest
    assert read(page_html(current_post(own + body) + OTHERS)).paragraphs == list(OWN)
    other = own + "<h2>Belgium fears a lawsuit</h2>" + body
    with pytest.raises(IncompletePage):
        read(page_html(current_post(other)))
