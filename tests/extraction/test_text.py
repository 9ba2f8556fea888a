"""Text as a reader would see it."""

from __future__ import annotations

from rscrawler.extraction.blocks import blocks_of
from rscrawler.extraction.page import parse_page
from rscrawler.extraction.text import text_of
from tests.extraction.pages import OWN, current_post, own_article, page_html, read


def _body(markup: str) -> list[str]:
    return [block.text for block in blocks_of(parse_page(f"<div>{markup}</div>".encode()))[0]]


def test_inline_elements_neither_add_nor_lose_spaces() -> None:
    assert _body("<p><b>K</b>azakhstan, <a href='/x'>the <i>bar</i></a>, baz<sup>2</sup>.</p>") == [
        "Kazakhstan, the bar, baz2."
    ]
    assert _body("<p>one <!-- a note -->two<?php ?> three</p>") == ["one two three"]


def test_a_paragraph_of_nothing_that_prints_is_none() -> None:
    persian = "او می\u200cخواهد برود"
    assert _body(f"<p>{persian}</p><p>&zwnj;</p><p>&zwj;&nbsp;</p>") == [persian]


def test_blocks_and_doubled_breaks_part_paragraphs() -> None:
    markup = (
        "bare text<p>one<br>line<br> <br>two</p><h3>A subhead</h3><ul><li>first</li><li><p>second"
        "</p></li></ul><blockquote><p>said</p><p>again</p></blockquote><div>in a div</div>tail"
        "<table><tr><td>Kazakhstan</td><td>19</td></tr></table>"
    )
    assert _body(markup) == [
        "bare text", "one line", "two", "A subhead", "first", "second", "said", "again",
        "in a div", "tail", "Kazakhstan | 19",
    ]  # fmt: skip


def test_what_is_no_text_is_left_out() -> None:
    markup = (
        "<p>kept</p><script>x()</script><style>p{}</style><form><p>mail</p></form>"
        "<figure><img src='a'><figcaption>cap</figcaption></figure><iframe>frame</iframe>"
        "<blockquote class='twitter-tweet'><p>a tweet</p></blockquote><p hidden>h</p>"
        "<p style='display: none'>n</p><p aria-hidden='true'>a</p><aside><p>pull</p></aside>"
        "<p class='pull-quote'>pull</p><div class='share-bar'>share</div>"
        "<p>kept, <span hidden>unseen</span>too</p><p>***</p><p>&nbsp;</p>"
        "after <button>b</button>all"
    )
    body = "".join(f"<p>{text}</p>" for text in OWN)
    found = read(page_html(current_post(own_article(markup + body)))).paragraphs
    assert found == ["kept", "kept, too", "after all", *OWN]


def test_a_wrapper_is_not_taken_for_a_widget_for_its_class_alone() -> None:
    text = "A paragraph of the article, long enough to be the most of what there is."
    assert _body(f"<div class='share related'><p>{text}</p></div>") == [text]


def test_deep_nesting_does_not_break_it() -> None:
    markup = "<b>" * 1000 + "deep" + "</b>" * 1000
    root = parse_page(f"<div>{markup}</div>".encode())
    assert text_of(root) == "deep"
    assert [p.text for p in blocks_of(root)[0]] == ["deep"]
