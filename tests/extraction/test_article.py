"""Articles without a text, and pages that have lost theirs."""

from __future__ import annotations

import pytest

from rscrawler.extraction.page import IncompletePage, NotAnArticle
from rscrawler.sites import Markup
from tests.extraction.pages import (
    BASE,
    HEAD,
    TITLE,
    current_post,
    own_article,
    page_html,
    read,
)

VIDEO = '<p class="shortcode-media"><iframe src="https://www.youtube.com/embed/abc"></iframe></p>'
PHOTOS = '<figure><img src="/a.jpg"><figcaption>The shore of the Aral Sea</figcaption></figure>' * 4
APPEAL = (
    '<div class="donate"><p>Thanks to our readers and supporters, Responsible Statecraft has had a '
    "tremendous year.</p><p>We hope you will consider a tax-exempt donation to RS for your "
    "end-of-the-year giving.</p></div>"
)
LEAD = '<div class="widget__image"><img src="/lead.jpg"></div>'
PLAIN_HEAD = HEAD.replace('<meta property="og:type" content="article">', "")


@pytest.mark.parametrize("media", [VIDEO, PHOTOS, '<p><img src="/cartoon.png"></p>'])
@pytest.mark.parametrize("tail", ["", APPEAL])
@pytest.mark.parametrize("head", [HEAD, PLAIN_HEAD])
def test_a_video_or_photo_essay_is_recorded_without_a_text(
    media: str, tail: str, head: str
) -> None:
    article = read(page_html(current_post(own_article(media, tail=tail)), head))
    assert (article.title, article.body) == (TITLE, "")
    assert "body: empty" in article.extraction.warnings
    assert article.extraction.method == "structured"  # so that a text it had is not lost to it
    assert article.extraction.provenance["body"] == "profile: .body-description, empty"


def test_a_player_beside_an_empty_body_is_the_article() -> None:
    assert read(page_html(current_post(own_article("", head=VIDEO)))).body == ""


@pytest.mark.parametrize(
    ("body", "head"),
    [
        ("", ""),
        ("", LEAD),  # a half-loaded page has its lead picture, too
        ("<p> </p>", LEAD),
        ('<iframe src="https://consent.example.org/wall"></iframe>', ""),
        ('<iframe src="https://www.facebook.com/plugins/like.php?x=1"></iframe>', ""),
        ('<iframe src="https://disqus.com/embed/comments/"></iframe>', ""),
        ('<iframe src="https://www.googletagmanager.com/ns.html" width="0"></iframe>', ""),
        ('<img src="/author/avatar.jpg" class="avatar">', ""),
        ('<img src="/pixel.gif" width="1" height="1">', ""),
        ('<aside><img src="/banner.jpg"></aside>', ""),
    ],
)
def test_a_page_that_has_lost_its_text_is_incomplete(body: str, head: str) -> None:
    og_image = '<meta property="og:image" content="https://assets.example.org/lead.jpg">'
    html = page_html(current_post(own_article(body, head=head)), HEAD + og_image)
    with pytest.raises(IncompletePage, match="holds no text"):
        read(html)


def test_a_page_of_neither_headline_nor_text_is_incomplete() -> None:
    untitled = HEAD.replace(f'<meta property="og:title" content="{TITLE}">', "")
    html = page_html(current_post(own_article(VIDEO)), untitled)
    html = html.replace(f"<title>{TITLE} - Responsible Statecraft</title>", "")
    html = html.replace(f"<span>{TITLE}</span>", "").replace(f' data-headline="{TITLE}"', "")
    with pytest.raises(IncompletePage, match="neither headline nor text"):
        read(html)


@pytest.mark.parametrize("media", ["", PHOTOS, VIDEO])
def test_a_page_that_asks_for_donations_is_none_whatever_it_shows(media: str) -> None:
    own = own_article("<p>Please consider a tax-deductible donation to RS.</p>" + media)
    with pytest.raises(NotAnArticle):
        read(page_html(current_post(own)), f"{BASE}/give-today/") if not media else read(
            page_html(current_post(own)).replace(TITLE, "Support our work with a gift today")
        )


def test_an_appeal_with_its_own_picture_and_frame_is_no_article() -> None:
    appeal = APPEAL.replace("</div>", '<img src="/staff.jpg"><iframe src="/x"></iframe></div>')
    with pytest.raises(NotAnArticle):
        read(page_html(current_post(own_article("", tail=appeal))))


def test_several_pictures_are_an_article_where_no_profile_tells() -> None:
    content = f"<article><h1>{TITLE}</h1>{PHOTOS}</article>"
    assert read(page_html(content), markup=Markup()).body == ""
    one = f'<article><h1>{TITLE}</h1><img src="/lead.jpg"></article>'
    with pytest.raises(IncompletePage):
        read(page_html(one), markup=Markup())
