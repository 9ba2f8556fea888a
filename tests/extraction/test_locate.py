"""Where the text of a page is that no profile knows; each page bends one that real sites print."""

from __future__ import annotations

import pytest

import rscrawler

URL = "https://news.example.org/2024/12/10/canal-dispute/"
TITLE = "A canal in Afghanistan worries Uzbek farmers"
LEAD = (
    "The canal that the Taliban are digging will take a fifth of the water of the Amu Darya, and no"
    " treaty lets Uzbekistan object."
)
TEXT = (
    "Tashkent has sent engineers instead of a protest note. They offer concrete for the bed of the"
    " canal, which leaks, and training for the men who will run it.",
    "The river has lost half of its water since the fields of cotton were laid out, and what is"
    " left does not reach the sea.",
)
PARAGRAPHS = "".join(f"<p>{text}</p>" for text in TEXT)
NAVIGATION = '<nav class="menu"><ul><li><a href="/a/">Home</a></li></ul></nav>'


def _body(inner: str) -> list[str]:
    page = (
        f"<!DOCTYPE html><html><head><title>{TITLE}</title>"
        '<meta property="og:type" content="article"></head>'
        f"<body>{NAVIGATION}<main>{inner}</main></body></html>"
    )
    return rscrawler.extract_page(page.encode(), URL).body.split("\n\n")


def _with_between(inner: str) -> str:
    return f"<h1>{TITLE}</h1>{inner.join(f'<p>{text}</p>' for text in TEXT)}"


def test_a_consent_box_is_no_text_though_it_says_more_than_the_article() -> None:
    notice = "We and our partners keep data on your device to measure how this outlet is read. "
    box = f'<div class="cookie-notice"><h2>Your privacy</h2><p>{notice * 12}</p></div>'
    text = "".join(f"<div><p>{each}</p></div>" for each in TEXT)
    assert _body(f"<h1>{TITLE}</h1>{text}{box}") == [*TEXT]


@pytest.mark.parametrize("tag", ["p", "h2", "div"])
def test_a_long_standfirst_above_the_text_belongs_to_it(tag: str) -> None:
    byline = '<div class="byline">By <a href="/author/nora-weiss/">Nora Weiss</a></div>'
    head = f"<header><h1>{TITLE}</h1>{byline}<{tag}>{LEAD}</{tag}></header>"
    assert _body(f'{head}<div class="text">{PARAGRAPHS}</div>') == [LEAD, *TEXT]


def _next_article(date: str) -> str:
    """An article that a template prints in whole below the page's own, with its author."""
    author = '<a rel="author" href="/author/ann-lee/">Ann Lee</a>'
    head = f'<h1 class="post-title">Dams on the Vakhsh fill again</h1>{date}<p>By</p>{author}'
    return f"<div><div>{head}</div><p>{LEAD}</p>{PARAGRAPHS.replace('Tashkent', 'Dushanbe')}</div>"


@pytest.mark.parametrize("date", ["<p>8 December 2024</p>", ""], ids=["dated", "a section"])
def test_a_further_article_printed_in_whole_below_the_own_one_is_not_its_text(date: str) -> None:
    head = f'<h1 class="post-title entry-title">{TITLE}</h1>'
    body = _body(f"<div>{head}<div>{PARAGRAPHS}</div></div>{_next_article(date)}")
    assert (body == [*TEXT]) == bool(date)


def test_an_article_for_readers_without_scripts_is_read_unless_it_is_a_notice() -> None:
    assert _body(f"<h1>{TITLE}</h1><noscript>{PARAGRAPHS}</noscript>") == [*TEXT]
    assert _body(f"<h1>{TITLE}</h1>{PARAGRAPHS}<noscript>{PARAGRAPHS}</noscript>") == [*TEXT]
    notice = f"<p>Enable Javascript to read this page. {TEXT[0]}</p>"
    with pytest.raises(rscrawler.PageError):
        _body(f"<h1>{TITLE}</h1><noscript>{notice}</noscript>")


def test_a_menu_button_with_an_open_box_does_not_swallow_the_page() -> None:
    button = '<header><button class="menu-button"><div>Menu<div></button></header>'
    assert _body(f"{button}<h1>{TITLE}</h1>{PARAGRAPHS}") == [*TEXT]


def test_a_title_is_read_without_the_names_of_section_and_outlet_behind_underscores() -> None:
    for title, printed in (
        ("大坝关闭后河谷里的村庄没有水", "大坝关闭后河谷里的村庄没有水_要闻_Canal运河报"),
        ("The cost of a snake_case canal", "The cost of a snake_case canal"),
    ):
        html = f"<html><title>{printed}</title><body>{PARAGRAPHS}</body></html>"
        assert rscrawler.extract_page(html.encode(), URL).title == title


def test_an_island_in_the_head_does_not_swallow_the_page() -> None:
    head = f"<head><title>{TITLE} | The Canal Post</title>"  # its end and the body are not marked
    page = f"<html>{head}<astro-island><main><h1>{TITLE}</h1>{PARAGRAPHS}</main></astro-island>"
    assert rscrawler.extract_page(f"{page}</html>".encode(), URL).paragraphs == [*TEXT]


def test_however_much_readers_write_it_is_not_the_articles_text() -> None:
    words = "I have read many things about this canal, and letter {} says no less than the others."
    letters = "".join(f"<li><p>{words.format(number)}</p></li>" for number in range(100))
    comments = f'<ol class="comments-list">{letters}</ol>'
    assert _body(f'<h1>{TITLE}</h1><div class="text">{PARAGRAPHS}</div>{comments}') == [*TEXT]


@pytest.mark.parametrize(
    "line",
    [
        "Ссылки по теме:",
        "Поделиться новостью:",
        "Присоединяйтесь к нам в Telegram",
        "Спасибо! Ваше мнение учтено.",
        "© Вестник. Все права защищены. Перепечатка только с разрешения редакции.",
        "© 2026, «Вестник», редакция: 12-34-56",
        "При использовании наших материалов гиперссылка на «Вестник» обязательна.",
        "Нашли в тексте ошибку? Выделите её и нажмите Ctrl + Enter.",
        "Комментарии к новости:",
        "Новости партнёров",
    ],
)
def test_what_a_russian_page_prints_below_its_article_is_not_its_text(line: str) -> None:
    assert _body(f"<h1>{TITLE}</h1>{PARAGRAPHS}<p>{line}</p>") == [*TEXT]


@pytest.mark.parametrize(
    "line",
    [
        "This article appeared in the Asia section of the print edition",
        "We may earn a commission from links on this page.",
        "When you buy through our links, we may receive some compensation.",
        "This article is more than 4 years old and may not be up to date.",
        "1,688 views",
        "17 Kommentare",
        "1 204 просмотра",
        "Авторы:",
        "Читать дальше >>",
        "Написать комментарий",
        "Читайте нас во всех социальных сетях.",
        "Подписывайтесь на наш канал, чтобы узнавать о событиях первыми.",
        "Самые важные события дня ищите в нашем Telegram-канале.",
        "Мнение редакции может не совпадать с мнением авторов.",
        "Копирование материалов возможно только с разрешения редакции «Вестника».",
        "Фото: пресс-служба области",
        "Фото из архива «Вестника».",
        'Смотрите видео по теме: <a href="/2024/12/09/dam/">Плотина на Вахше</a>',
    ],
)
def test_what_an_outlet_says_of_an_article_is_not_its_text(line: str) -> None:
    assert _body(f"<h1>{TITLE}</h1><p>{line}</p>{PARAGRAPHS}<p>{line}</p>") == [*TEXT]
    assert _body(_with_between(f"<p>{line}</p>")) == [*TEXT]


@pytest.mark.parametrize(
    "line",
    [
        "We will receive compensation for the land.",
        "We will get a commission soon.",
        "«Подписывайтесь на наш канал», – призвал он сторонников в последнем видео.",
        "Следите за тем, чтобы дети не выходили на лёд, напомнили спасатели.",
        "Самые красивые дома в нашем городе построил один архитектор.",
        "Подробнее о проекте аким рассказал на встрече с жителями.",
        "Использование рабочих из-за границы возможно только с разрешения министерства.",
    ],
)
def test_a_sentence_that_begins_like_an_outlets_own_is_text(line: str) -> None:
    assert _body(f"<h1>{TITLE}</h1>{PARAGRAPHS}<p>{line}</p>") == [*TEXT, line]
    assert _body(_with_between(f"<p>{line}</p>")) == [TEXT[0], line, TEXT[1]]


@pytest.mark.parametrize("heading", ["Сондай-ақ, оқи отырыңыз", "Мавзуга оид", "Еще по теме"])
def test_the_heading_over_other_articles_ends_a_text_in_the_languages_of_the_region(
    heading: str,
) -> None:
    others = f"<h3>{heading}</h3><div><p>Плотина на Вахше откроется весной.</p></div>"
    assert _body(f"<h1>{TITLE}</h1>{PARAGRAPHS}{others}") == [*TEXT]


@pytest.mark.parametrize("heading", ["Комментарий юриста", "Комментарии экспертов"])
def test_a_heading_over_what_an_expert_says_ends_no_russian_text(heading: str) -> None:
    page = f"<h1>{TITLE}</h1>{PARAGRAPHS}<h3>{heading}</h3><p>{TEXT[1]}</p>"
    assert _body(page) == [*TEXT, heading, TEXT[1]]


def test_the_thanks_that_close_an_interview_are_its_text() -> None:
    thanks = "– Спасибо за беседу, она была долгой."
    assert _body(f"<h1>{TITLE}</h1>{PARAGRAPHS}<p>{thanks}</p>") == [*TEXT, thanks]


ARCHIVE = "".join(f'<li><a href="/{n}/">The archive of {n}</a></li>' for n in range(2000, 2020))
BOX = f"<div><h2>Who we are</h2><p>{LEAD}</p><p>{TEXT[1]}</p></div><ul>{ARCHIVE}</ul>"


@pytest.mark.parametrize("mark", ['itemprop="description articleBody"', 'class="entry-content"'])
def test_a_short_text_that_the_page_marks_as_one_outweighs_a_longer_box(mark: str) -> None:
    assert _body(f"<div><h3>{TITLE}</h3><div {mark}>{TEXT[0]}</div></div>{BOX}") == [TEXT[0]]


def test_a_link_above_a_text_that_the_page_marks_as_one_makes_no_card_of_it() -> None:
    link = '<div><a href="/shows/morning/">More of the Morning Show with Ann Lee</a></div>'
    text = f'<div class="entry-content">{link}<p>{TEXT[0]}</p></div>'
    assert _body(f"<div><h1>{TITLE}</h1>{text}</div><ul>{ARCHIVE}</ul>{BOX}") == [TEXT[0]]


def test_a_box_named_for_printing_is_the_article_if_it_holds_a_tenth_of_the_running_text() -> None:
    text = f'<div id="content_print">{PARAGRAPHS}</div>'
    offers = f"<div>Offer 1: {LEAD}</div><ul>{ARCHIVE}</ul><div>Offer 2: {LEAD}</div>"
    boxes = f"<ul>{ARCHIVE}</ul>{BOX}<ul>{ARCHIVE}</ul>{offers}"
    assert _body(f"<div><h1>{TITLE}</h1>{text}</div>{boxes}") == [*TEXT]


def test_the_short_lines_of_a_text_that_the_page_marks_as_one_are_kept() -> None:
    lines = ["I met a dog on holiday", "it was a very funny dog"]
    box = f"<div><h2>Who we are</h2><p>{LEAD}</p><p>{TEXT[1]}</p></div>"
    marked = "".join(f"<div>{line}</div>" for line in lines)
    assert _body(f'<h3>{TITLE}</h3><div class="entry-content">{marked}</div>{box}') == lines


def test_a_text_that_the_page_prints_above_its_marked_text_as_well_is_recorded_once() -> None:
    excerpt = f"<div>{PARAGRAPHS}</div>"
    marked = f'<div class="entry-content">{PARAGRAPHS}</div>'
    assert _body(f"<h1>{TITLE}</h1>{excerpt}<aside><p>{LEAD}</p></aside>{marked}") == [*TEXT]


def test_a_title_in_a_box_with_other_text_does_not_take_the_box_for_the_headline() -> None:
    inner = f'<div>{TITLE}<p>12 comments</p></div><div class="entry-content">{PARAGRAPHS}</div>'
    page = f"<html><head><title>{TITLE}</title></head><body>{inner}</body></html>"
    assert rscrawler.extract_page(page.encode(), URL).title == TITLE


def test_a_title_in_a_cell_heads_the_text_where_no_heading_does() -> None:
    box = f'<div><a href="{URL}">{TITLE}</a><p>{LEAD}</p></div>'
    article = f'<table><tr><td class="contentheading">{TITLE}</td></tr></table><p>{TEXT[0]}</p>'
    assert _body(f"{box}<div>{article}</div>") == [TEXT[0]]


def test_the_outlets_name_heads_no_article_though_it_is_the_main_heading() -> None:
    name = "The Canal Post"
    head = f"<title>{name}: {TITLE}</title><meta property='og:site_name' content='{name}'>"
    body = (
        f'<h1>{name}</h1><div><h3>{TITLE}</h3><div class="entry-content">{PARAGRAPHS}</div></div>'
    )
    article = rscrawler.extract_page(f"<html>{head}<body>{body}</body></html>".encode(), URL)
    assert (article.title, article.paragraphs) == (TITLE, [*TEXT])


def test_the_box_around_the_only_paragraph_is_the_article() -> None:
    address = "Office of the canal, 14 Riverside"
    linked = '<p><a href="https://example.net/plan/">The plan of the canal</a></p>'
    text = f"<p>{address}</p>{linked}<p>{TEXT[0]}</p>"
    assert _body(f"<h1>{TITLE}</h1><div>{text}</div>") == [address, TEXT[0]]


@pytest.mark.parametrize(
    ("names", "is_text"),
    [("related-posts", False), ("nav-tabs", False), ("hidden-xs", True), ("legend", False)],
)
def test_a_box_is_what_its_name_says(names: str, is_text: bool) -> None:
    said = "A sentence in a box that has a name of its own, long enough for a paragraph of prose."
    found = _body(f'<h1>{TITLE}</h1>{PARAGRAPHS}<div class="{names}"><p>{said}</p></div>')
    assert found == ([*TEXT, said] if is_text else [*TEXT])


def test_a_heading_stays_one_whatever_box_is_in_it() -> None:
    heading = "<h2><div>What Tashkent offers</div></h2>"
    assert _body(_with_between(heading)) == [TEXT[0], "What Tashkent offers", TEXT[1]]


@pytest.mark.parametrize(
    "inner",
    [
        f"<h1>{TITLE}</h1><article>{PARAGRAPHS}</article>",
        f"<header><h1>{TITLE}</h1></header><main><article>{PARAGRAPHS}</article></main>",
        f"<div><h1>{TITLE}</h1></div><div>{PARAGRAPHS}</div>",
        f"<h1>The Paper</h1><article><h1>{TITLE}</h1>{PARAGRAPHS}</article>",
    ],
)
def test_a_page_that_declares_no_title_has_that_of_its_only_main_heading(inner: str) -> None:
    article = rscrawler.extract_page(f"<html><body>{inner}</body></html>".encode(), URL)
    assert (article.title, article.paragraphs) == (TITLE, [*TEXT])


def test_a_main_heading_that_leads_elsewhere_is_no_title() -> None:
    inner = f'<h1><a href="/">The Paper</a></h1><article>{PARAGRAPHS}</article>'
    article = rscrawler.extract_page(f"<html><body>{inner}</body></html>".encode(), URL)
    assert article.title is None
