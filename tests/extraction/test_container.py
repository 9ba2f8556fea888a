"""The page's own article is found, and no other leaks in, however the page varies."""

from __future__ import annotations

import re

import pytest

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
    paragraphs,
    read,
)

BODY = "\n\n".join(OWN)
TAIL = other_posts(foreign_article() + foreign_article(name="clearfix page-article", heading="h1"))


def _renamed(html: str) -> str:
    return re.sub(r'class="[^"]*"', 'class="x7f"', re.sub(r' data-[a-z-]+="[^"]*"', "", html))


def _bare(html: str) -> str:
    return re.sub(r' (?:class|data-[a-z-]+)="[^"]*"', "", html)


def _soup(html: str) -> str:
    return _bare(html).replace("<article", "<div").replace("</article", "</div")


CARD = (
    '<div class="card"><a href="/frozen-assets-lawsuit/"><img src="/a.jpg"></a>'
    '<h3><a href="/frozen-assets-lawsuit/">Belgium fears a lawsuit over frozen assets</a></h3>'
    f"<p>{FOREIGN[0]}</p></div>"
)
PLAIN_CARD = (
    '<div class="c1"><div class="c2"><a href="/frozen-assets-lawsuit/">Belgium fears a lawsuit over'
    f" frozen assets</a></div><div><p>{FOREIGN[0]}</p><p>{FOREIGN[1]}</p></div></div>"
)
SPLIT = OWN[0], OWN[1:]
TWO_BLOCKS = (
    '<div data-source="current_post"><article class="page-article post-2650000001">'
    f'<h1 class="widget__headline">{TITLE}</h1><div class="widget__subheadline-text">Engineers'
    ' instead of a protest note</div><a class="widget__section" href="/analysis/">Analysis</a>'
    '<a class="social-author__name" href="/author/nora-weiss">Nora Weiss</a></article></div>',
    '<div data-source="current_post"><article class="page-article post-2650000001">'
    f'<div class="body-description">{paragraphs()}</div>'
    '<a href="/tag/uzbekistan/">uzbekistan</a></article></div>',
)
BLOCK = (
    '<div data-source="current_post"><article class="image-article sm-mb-1 post-2650000001">'
    "{}</article></div>"
)
HEADLINE = f'<h1 class="widget__headline">{TITLE}</h1>'
A_BLOCK_EACH = "".join(
    BLOCK.format(part)
    for part in (
        '<h2 class="widget__subheadline-text h2">Engineers instead of a protest note</h2>',
        '<a class="social-author__name" href="/author/nora-weiss">Nora Weiss</a>',
        '<a class="widget__section" href="/analysis/">Analysis</a>',
        f'<div class="body-description">{paragraphs()}</div>',
        '<a href="/tag/uzbekistan/">uzbekistan</a>',
    )
)

PAGES = {
    "the usual page": current_post(own_article()) + TAIL,
    "others first": other_posts(foreign_article(heading="h1")) + current_post(own_article()),
    "others in the same wrapper": current_post(
        foreign_article() + own_article() + foreign_article(name="page-article", heading="h1")
    ),
    "own container also an image-article": current_post(
        own_article(name="clearfix page-article image-article")
    )
    + TAIL,
    "own container only an image-article": current_post(own_article(name="image-article")) + TAIL,
    "no data-source attribute": other_posts(own_article(), source="x") + TAIL,
    "own article last": TAIL + current_post(own_article()),
    "another block says current_post, too": current_post(
        foreign_article(name="clearfix page-article", heading="h1")
    )
    + current_post(own_article()),
    "a foreign article inside the own one": current_post(own_article(tail=foreign_article())),
    "a foreign block inside the own one": current_post(
        own_article(tail=other_posts(foreign_article()))
    ),
    "a foreign article between the paragraphs": current_post(
        own_article(paragraphs((SPLIT[0],)) + foreign_article(heading="h1") + paragraphs(SPLIT[1]))
    ),
    "a card between the paragraphs": current_post(
        own_article(paragraphs((SPLIT[0],)) + CARD + paragraphs(SPLIT[1]))
    ),
    "a card before the paragraphs": current_post(own_article(CARD + paragraphs())),
    "a card without a heading": current_post(
        own_article(paragraphs((SPLIT[0],)) + PLAIN_CARD + paragraphs(SPLIT[1]))
    ),
    "cards after the body": current_post(
        own_article(tail=f"<section>{CARD}{PLAIN_CARD}</section>")
    ),
    "a list of latest articles": current_post(
        own_article(
            paragraphs()
            + '<h3>Latest</h3><ul><li><a href="/frozen-assets-lawsuit/">Belgium fears a lawsuit'
            ' over frozen assets</a></li><li><a href="/quiet-ports/">Quiet ports</a></li></ul>'
        )
    ),
    "a related widget": current_post(
        own_article(
            paragraphs() + f'<div class="related-posts"><p>{FOREIGN[0]}</p></div>'
            f'<aside aria-label="Newsletter"><p>{FOREIGN[1]}</p></aside>'
        )
    ),
    "headline and text in two blocks": "{}{}".format(*TWO_BLOCKS) + TAIL,
    "a block for each field": BLOCK.format(HEADLINE) + A_BLOCK_EACH + TAIL,
    "blocks in a block": current_post(BLOCK.format(HEADLINE + A_BLOCK_EACH)) + TAIL,
    "a standfirst in a paragraph, headline and text in two blocks": (
        TWO_BLOCKS[0].replace(
            '<div class="widget__subheadline-text">Engineers instead of a protest note</div>',
            '<div class="widget__subheadline"><h2 class="widget__subheadline-text"><p>'
            "      Engineers instead of a protest note</p></h2></div>",
        )
        + TWO_BLOCKS[1]
        + TAIL
    ),
    "the author's box between headline and text in two blocks": (
        '{}<div class="author__box"><h3>Nora Weiss</h3><h5></h5></div>{}'.format(*TWO_BLOCKS) + TAIL
    ),
    "the same article twice, for small screens": current_post(own_article())
    + current_post(own_article())
    + TAIL,
    "the headline links to the article itself": current_post(
        own_article().replace(f"<span>{TITLE}</span>", f'<a href="{URL}">{TITLE}</a>')
    )
    + TAIL,
    "comments and broken nesting": current_post(
        own_article("<!-- one -->" + paragraphs() + "</section><b><i>", tail="<!-- two -->")
    )
    + TAIL,
}


@pytest.mark.parametrize("name", PAGES)
def test_the_body_is_the_own_text_whole_and_alone(name: str) -> None:
    article = read(page_html(PAGES[name]))
    assert article.body == BODY
    assert article.title == TITLE
    assert article.subtitle == "Engineers instead of a protest note"
    assert article.authors == ["Nora Weiss"]
    assert article.sections == ["analysis"]
    assert article.tags == ["uzbekistan"]
    assert article.url == URL
    assert article.extraction.method == "profile"


# Without any class nothing tells a widget's bare paragraph from the article's.
@pytest.mark.parametrize("name", [name for name in PAGES if name != "a related widget"])
@pytest.mark.parametrize("theme", [_renamed, _bare, _soup])
def test_a_changed_theme_lets_no_foreign_word_in(name: str, theme: object) -> None:
    assert callable(theme)
    article = read(theme(page_html(PAGES[name])))
    assert set(article.paragraphs) <= set(OWN)
    assert article.body
    assert article.title == TITLE
    assert "europe" not in article.sections
    assert "sanctions" not in article.tags
    assert article.extraction.method == "fallback"
    assert any("container" in warning for warning in article.extraction.warnings)


def test_a_short_text_in_a_block_of_its_own_stands_there_once() -> None:
    page = "".join(TWO_BLOCKS).replace(paragraphs(), "<p>Watch the film.</p>")
    assert read(page_html(page + TAIL)).body == "Watch the film."


@pytest.mark.parametrize("theme", [_renamed, _bare, _soup])
def test_a_changed_theme_keeps_the_text(theme: object) -> None:
    assert callable(theme)
    article = read(theme(page_html(PAGES["the usual page"])))
    assert article.body == BODY


def test_without_metadata_the_profile_still_finds_the_own_article() -> None:
    html = page_html(PAGES["others in the same wrapper"], head="").replace("<title>", "<title>X")
    assert read(html).body == BODY


def test_a_headline_other_than_the_declared_one_is_printed_as_it_stands() -> None:
    head = HEAD.replace(TITLE, "Why a ditch in Balkh should keep Tashkent awake")
    article = read(page_html(PAGES["the usual page"], head).replace("<title>A ", "<title>Z "))
    assert article.title == TITLE
    assert article.body == BODY


def test_a_keep_reading_tail_in_the_own_body_goes_with_its_headline() -> None:
    tail = (
        '<h2><a href="/frozen-assets-lawsuit/">Belgium fears a lawsuit over frozen assets</a></h2>'
        f"{paragraphs(FOREIGN)}<p>keep reading</p><p>Show less</p>"
    )
    assert read(page_html(current_post(own_article(paragraphs() + tail)))).body == BODY


def test_a_linked_subhead_in_a_round_up_takes_no_paragraph_with_it() -> None:
    body = (
        f'<p>{OWN[0]}</p><h3><a href="{BASE}/an-earlier-one/">An earlier article on the'
        f" canal</a></h3><p>{OWN[1]}</p><p>{OWN[2]}</p>"
    )
    assert read(page_html(current_post(own_article(body)))).body == BODY


@pytest.mark.parametrize("theme", [_renamed, _bare])
def test_a_changed_theme_keeps_a_text_of_one_paragraph(theme: object) -> None:
    assert callable(theme)
    content = current_post(own_article(f"<p>{OWN[0]}</p>")) + TAIL
    assert read(theme(page_html(content))).body == OWN[0]


def test_a_second_body_behind_another_headline_is_another_article() -> None:
    block = (
        "<div><h2>Belgium fears a lawsuit</h2>"
        f'<div class="body-description">{paragraphs(FOREIGN)}</div><p>keep reading</p></div>'
    )
    assert read(page_html(current_post(own_article(tail=block)))).body == BODY


def test_a_body_in_two_articles_is_read_whole() -> None:
    body = f'<p>{OWN[0]}</p></div><div class="ad-tag">Advertisement</div><div class="'
    body += f'body-description">{paragraphs(OWN[1:])}'
    assert read(page_html(current_post(own_article(body)))).body == BODY


# Newspack, the WordPress of some hundred newsrooms: the headline stands above the `article`, a box
# within the text and a biography behind it have headings of their own.
NEWSPACK = (
    f'<header class="entry-header"><h1 class="entry-title">{TITLE}</h1></header>'
    '<article class="post hentry"><div class="entry-content">'
    f"<p>{OWN[0]}</p><aside><h1>As a member you make stories like this possible.</h1></aside>"
    f'{paragraphs(OWN[1:])}</div><div class="author-bio"><h2><a href="/author/nora/" rel="author">'
    "Nora Weiss</a></h2><p>Nora writes on water and energy.</p></div></article>"
    '<form class="comment-form"><p>Your email address will not be published by us.</p></form>'
    f"<aside><article><h3><a href='/frozen-assets-lawsuit/'>Belgium fears a lawsuit</a></h3>"
    f"<p>{FOREIGN[0]}</p></article></aside>"
)
DISCUSSION = '<ol class="comment-list">' + 9 * (
    '<li><article class="comment-body"><p>Five generations of my family have farmed below that '
    "canal, and nobody has asked one of us.</p></article></li>"
) + "</ol>"  # fmt: skip


@pytest.mark.parametrize("body", [[".entry-content"], []], ids=["a body", "a container alone"])
@pytest.mark.parametrize("comments", ["", DISCUSSION], ids=["quiet", "much discussed"])
def test_an_article_element_below_its_headline_is_the_own_one(
    comments: str, body: list[str]
) -> None:
    markup = Markup(container=["main"], body=body, title=["h1.entry-title"])
    article = read(page_html(NEWSPACK + comments), markup=markup)
    assert (article.title, article.body) == (TITLE, BODY)
    assert article.extraction.warnings == ()


def test_a_longer_article_behind_the_own_one_is_not_taken_for_it() -> None:
    markup = Markup(container=["main"], body=[".entry-content"], title=["h1.entry-title"])
    following = f'<article><div class="entry-content">{paragraphs(FOREIGN * 9)}</div></article>'
    lead = f"<p>{OWN[1]} That is what the ministry said on Monday.</p>"
    page = NEWSPACK.replace("<article class", f"{lead}<article class", 1) + following
    article = read(page_html(page), markup=markup)
    assert article.body.endswith(OWN[2])
    assert not any(each in article.body for each in FOREIGN)


def test_what_the_profile_calls_foreign_is_never_the_own_article_however_long_it_is() -> None:
    markup = Markup(container=["main"], foreign=[".related"], body=[], title=["h1.entry-title"])
    related = f'<div class="related">{paragraphs(FOREIGN * 9)}</div>'
    page = f'<h1 class="entry-title">{TITLE}</h1>{paragraphs()}{related}'
    assert read(page_html(page), markup=markup).body == BODY


# CryptoSlate: the text is an `article` of its own below the headline, headed by a box of links; a
# card of the page itself stands among the newest.
BOXED = (
    f"<div class='post-header'><h1>{TITLE}</h1></div>"
    "<div class='post-box'><article class='full-article'><h2>Mentioned in this article</h2>"
    f"{paragraphs()}</article></div><aside><article><h3><a href='{URL}'>{TITLE}</a></h3></article>"
    "<article><h3><a href='/frozen-assets-lawsuit/'>Belgium fears a lawsuit</a></h3></article>"
    "</aside>"
)


@pytest.mark.parametrize("container", ["article", ".full-article", ".post-box", "main"])
def test_the_profiles_body_is_found_however_wide_its_container_is(container: str) -> None:
    markup = Markup(container=[container], body=[".full-article"])
    article = read(page_html(BOXED), markup=markup)
    assert (article.title, article.body) == (TITLE, f"Mentioned in this article\n\n{BODY}")
