"""Own text that links to the outlet's earlier articles, and other articles' headlines beside it."""

from __future__ import annotations

import pytest

from tests.extraction.pages import OWN, current_post, own_article, page_html, read

SENTENCE = "The committee had warned of exactly this in January, two months before the floods."
QUESTION = "Will the canal that the Taliban are digging leave Uzbekistan without water?"


def paragraphs_of(body: str) -> list[str]:
    return read(page_html(current_post(own_article(body)))).paragraphs


def between(block: str) -> str:
    return f"<p>{OWN[0]}</p>{block}<p>{OWN[1]}</p>"


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "“Nobody in Tashkent has a plan for the year in which the river does not come,” he wrote.",
        "“Who will pay for the concrete, and who for the men that pour it day after day?”",
        "President Mirziyoyev of Uzbekistan had told them that the canal was theirs to dig.",
    ],
)
@pytest.mark.parametrize("around", ["<p>{}</p>", "<blockquote><p>{}</p></blockquote>"])
def test_a_whole_sentence_that_links_to_an_earlier_article_stays(text: str, around: str) -> None:
    block = around.format(f'<a href="/earlier-article/">{text}</a>')
    assert paragraphs_of(between(block)) == [OWN[0], text, OWN[1]]


@pytest.mark.parametrize(
    "block",
    [
        '<p><a href="/x/">Belgium fears a lawsuit over the frozen assets of the bank</a></p>',
        f'<p><a href="/x/">{QUESTION}</a></p>',
        f'<p>Read more: <a href="/x/">{SENTENCE}</a></p>',
        f'<p><a href="/x/">Read more: {SENTENCE}</a></p>',
        '<p><a href="/x/">Belgium fears a lawsuit.</a></p>',
        f'<p><a href="/x/">{SENTENCE[:-1]}...</a></p>',
        f'<h3>Related</h3><p><a href="/x/">{SENTENCE}</a></p>',
        f'<h3><a href="/x/">Belgium fears a lawsuit</a></h3><p><a href="/x/">{SENTENCE}</a></p>',
    ],
)
def test_a_linked_headline_or_card_is_cut_wherever_it_stands(block: str) -> None:
    found = paragraphs_of(between(block))
    assert [text for text in found if text != "Related"] == [OWN[0], OWN[1]]


@pytest.mark.parametrize("text", [SENTENCE, QUESTION])
def test_a_linked_sentence_behind_the_text_is_cut(text: str) -> None:
    body = f'<p>{OWN[0]}</p><p>{OWN[1]}</p><p><a href="/x/">{text}</a></p>'
    assert paragraphs_of(body) == [OWN[0], OWN[1]]


ITEMS = (
    ("Why the harbour treaty failed in the end", ", by Jane Doe"),
    ("The frigate that never sailed to the north, and who was paid for it twice", ", by Bob Roe"),
)
FULL = "".join(f'<li><a href="/x{n}/">{a}</a>{b}</li>' for n, (a, b) in enumerate(ITEMS))
BARE = "".join(f'<li><a href="/x{n}/">{a}</a></li>' for n, (a, _) in enumerate(ITEMS))


@pytest.mark.parametrize(
    "body",
    [
        between(f"<ol>{BARE}</ol>"),
        between(f"<ul>{FULL}</ul>"),
        f"<p>{OWN[0]}</p><p>Our latest coverage of the harbour and its treaty:</p>"
        f"<ul>{FULL}</ul><p>{OWN[1]}</p>",
        f"<p>{OWN[0]}</p><p>{OWN[1]}</p><p>For more of our coverage of the harbour:</p>"
        f"<ul>{FULL}</ul>",
        f"<p>{OWN[0]}</p><p>{OWN[1]}</p><ol>{FULL}</ol>",
        f"<p>{OWN[0]}</p><p>{OWN[1]}</p><p>Related articles from our archive:</p><ol>{FULL}</ol>",
        f"<p>{OWN[0]}</p><p>{OWN[1]}</p><h3>Related</h3><ol>{FULL}</ol>",
        between(f'<ol class="related-posts">{FULL}</ol>'),
        between(f"<div><p>Our readers went on to read these articles:</p><ul>{FULL}</ul></div>"),
    ],
)
def test_a_list_of_ways_to_other_articles_is_cut(body: str) -> None:
    found = paragraphs_of(body)
    assert not any(title in text for title, _ in ITEMS for text in found)
    assert [text for text in found if text in OWN] == [OWN[0], OWN[1]]
