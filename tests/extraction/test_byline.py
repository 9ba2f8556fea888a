"""Who wrote an article and when, where no profile says how the site prints it."""

from datetime import UTC, datetime

import pytest

import rscrawler
from rscrawler.extraction.article import extract, generic_profile
from rscrawler.extraction.page import NotAnArticle, Page
from rscrawler.items import Article

URL = "https://gazette.example/2024/reservoir"
TITLE = "The reservoir above the valley is half empty"
TEXT = "".join(
    f"<p>In village number {number} the gauges have fallen for the {number}th week, the keepers of"
    " the sluices said, and nobody expects rain before the snow comes.</p>"
    for number in range(2, 8)
)


def read(
    around: str = "",
    head: str = "",
    lang: str = "en",
    behind: str = "",
    url: str = URL,
    text: str = TEXT,
) -> Article:
    """The article on a page with `around` between its headline and its text, `behind` after it."""
    page = (
        f'<html lang="{lang}"><head><title>{TITLE}</title>{head}</head><body><div class="c-story">'
        f'<div class="c-head"><h1>{TITLE}</h1>{around}</div><div class="c-text">{text}</div>'
        f"{behind}</div></body></html>"
    )
    return rscrawler.extract_page(page.encode(), url)


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ('<p class="StoryHead-authorName">Nora Weiss</p>', ["Nora Weiss"]),
        (
            '<div class="c-authors"><a class="c-author-link" href="/x">Nora Weiss</a> '
            '<a class="c-author-link" href="/y">Timur Aliev</a></div>',
            ["Nora Weiss", "Timur Aliev"],
        ),
        ('<p><a href="/authors/nora-weiss/">Nora Weiss</a>, 5 min</p>', ["Nora Weiss"]),
        ('<p><b class="author">Added by:</b> <i class="author">Nora Weiss</i></p>', ["Nora Weiss"]),
        ('<p class="author">Добавил: Нора Вайс</p>', ["Нора Вайс"]),
        ('<p class="author"><i>By</i><i>Nora Weiss</i></p>', ["Nora Weiss"]),
        ('<p class="author">BYRON WEISS</p>', ["BYRON WEISS"]),
        (
            '<p class="byline"><a rel="author">Nora Weiss</a> <a rel="author">Bio</a>'
            ' <a rel="author">See full bio</a></p>',
            ["Nora Weiss"],
        ),
        ('<p><a href="/share?u=https://x.example/author/one">Share</a></p>', []),
        ('<blockquote>Rain. <cite class="quote-author">Leo Tolstoy</cite></blockquote>', []),
        ('<div class="related"><p class="card-author">Bob Ray</p></div>', []),
        ('<p itemprop="author">Nora Weiss</p>', ["Nora Weiss"]),
        ('<p class="byline">By Nora Weiss — Porto, Portugal</p>', ["Nora Weiss"]),
        (
            '<div itemprop="author" itemscope><b itemprop="name">Nora Weiss</b>'
            '<i itemprop="description">Keeper of the gauges</i></div>',
            ["Nora Weiss"],
        ),
        (
            '<p><a rel="author" href="/x">Nora Weiss</a> <a rel="author" href="/x">More by Nora '
            'Weiss</a> <a rel="author" href="/x">View all posts by Nora Weiss →</a> '
            '<a rel="author" href="/x">Zeige alle Beiträge von Nora Weiss →</a></p>',
            ["Nora Weiss"],
        ),
        (
            '<p><a rel="author" href="/w">Nora Weiss</a> <a rel="author" href="/w">More posts</a> '
            '<a rel="author" href="/w">Follow</a> <a rel="author" href="/w">My profile</a></p>',
            ["Nora Weiss"],
        ),
        ("<p>By Nora Weiss and Timur Aliev</p>", ["Nora Weiss", "Timur Aliev"]),
        ("<p>Von Nora Weiss und Timur Aliev</p>", ["Nora Weiss", "Timur Aliev"]),
        ("<p>By Nora</p>", ["Nora"]),
        ('<p class="author">Автор: Нора Вайс</p>', ["Нора Вайс"]),
        ('<p class="author">Источник: Вестник.Ру</p>', []),
        ('<p class="author">VESTNIK.KZ</p>', []),
        ("<p>By Nora Weiss, Photos by Bob Ray</p>", ["Nora Weiss"]),
        ("<p>By Nora Weiss, AP Sports Writer</p>", ["Nora Weiss"]),
        (
            "<p>By Nora Weiss, Ph.D., Md Aliev, Bo Li, J.D., and J.D. Ray</p>",
            ["Nora Weiss, Ph.D.", "Md Aliev", "Bo Li, J.D.", "J.D. Ray"],
        ),
        ("<p>By Nora Weiss, The Hollywood Reporter</p>", ["Nora Weiss", "The Hollywood Reporter"]),
        ('<footer class="meta"><a rel="author" href="/w">Nora Weiss</a></footer>', ["Nora Weiss"]),
        (
            '<footer class="meta"><a rel="nofollow author" href="/w">Nora Weiss</a></footer>',
            ["Nora Weiss"],
        ),
        ("<p>Written by</p><p>Nora Weiss</p>", ["Nora Weiss"]),
        ("<p>By</p><p>Share:</p>", []),
        ('<p class="byline"> by <a href="/author/"></a></p>', []),  # WordPress, without a name
        ("<p>By Nora Weiss Monday, December 9, 2024</p>", ["Nora Weiss"]),
        ("<p>Posted on 9 December 2024 by Nora Weiss in Water</p>", ["Nora Weiss"]),
        ("<p>9. Dezember 2024 · von nora1984 · Einen Kommentar hinterlassen</p>", []),
        ("<p>Reviewed by Nora Weiss on December 9, 2024</p>", []),
        ("<p>The law was signed by Nora Weiss on December 9, 2024</p>", []),
        ("<p>Water | 9 December 2024 | by Nora Weiss</p>", ["Nora Weiss"]),
        ("<p>Ein Artikel von Nora Weiss | 09.12.2024 - 12:45</p>", ["Nora Weiss"]),
        ("<p><b>By Nora Weiss</b><b>Published on 9 December 2024</b></p>", ["Nora Weiss"]),
        ('<p class="author-role">Water editor</p>', []),
        ('<p class="byline">Staff</p>', []),
        ("<p>Von Redaktion</p>", []),
        ('<p class="byline">Redacción</p>', []),
        ('<p class="byline">Nora Weiss (@nora.weiss)</p>', ["Nora Weiss"]),
        ('<address class="author"><a href="/authors/nora/">@nora.weiss</a></address>', []),
        ('<p><span itemprop="author">@Nora Weiss</span></p>', ["Nora Weiss"]),
        (
            '<p class="author"><i class="screen-reader-text">Author </i><a href="/w">Nora Weiss</a>'
            "</p>",
            ["Nora Weiss"],
        ),
        (
            '<p class="author"><a href="/w"><i class="sr-only">View all posts by Nora Weiss</i></a>'
            "</p>",
            ["Nora Weiss"],
        ),
    ],
)
def test_authors_are_whom_the_lines_at_the_headline_name(byline: str, names: list[str]) -> None:
    article = read(f"{byline}<p>12 comments</p>")
    assert article.authors == names


@pytest.mark.parametrize(
    ("lines", "names", "day"),
    [
        ("<p>By Nora Weiss</p>", ["Nora Weiss"], None),
        ("<p>9 December 2024</p><p>By Nora Weiss</p>", ["Nora Weiss"], 9),
        ("<p>Von Nora Weiss und Timur Aliev</p>", ["Nora Weiss", "Timur Aliev"], None),
        ("<p>Bishkek, 9 December 2024</p>", [], 9),
        ("<p>Updated: Dec. 10, 2024, 1:59 p.m.</p><p>Published: Dec. 9, 2024</p>", [], 9),
        (
            "<p>Published on Monday, 9 December 2024 Last updated on Tuesday, 10 December 2024, "
            "1:59 p.m.</p>",
            [],
            9,
        ),
    ],
)
def test_author_and_date_above_the_first_paragraph_are_no_text(
    lines: str, names: list[str], day: int | None
) -> None:
    article = read(text=lines + TEXT)
    assert article.body == read().body
    assert article.authors == names
    assert article.published_at == (day and datetime(2024, 12, day, tzinfo=UTC))


def test_a_date_with_linked_sections_is_no_text() -> None:
    section = '<a href="/category/water/" rel="category tag">Water politics</a>'
    line = f"<p>9.12.2024, 20:45; kategorie: {section}.</p>"
    assert read(text=line + TEXT).body == read().body


def test_a_short_first_sentence_with_a_date_is_text() -> None:
    for first in (
        "On 9 December 2024 the keepers struck.",
        "The keepers struck on Monday, 9 December 2024 at 5:30 p.m.",
        "Korxona guvohnoma olgan kun – 2024-yil 9-dekabr.",
    ):
        assert read(text=f"<p>{first}</p>{TEXT}").body.startswith(first)


def test_author_and_date_below_a_standfirst_are_no_text() -> None:
    standfirst = TEXT.partition("</p>")[0].replace("village", "town") + "</p>"
    lines = "<p>By Nora Weiss</p><p>9 December 2024 · 6 min read</p>"
    article = read(text=standfirst + lines + TEXT)
    assert article.body == read(text=standfirst + TEXT).body
    assert (article.authors, article.published_at) == (
        ["Nora Weiss"],
        datetime(2024, 12, 9, tzinfo=UTC),
    )
    item = "<h3>The next days</h3><p>9 December 2024</p>"
    assert "9 December 2024" in read(text=standfirst + item + TEXT).body


def test_a_new_date_of_the_update_in_a_long_line_changes_no_text() -> None:
    line = "<p>9 December 2024, 10:00 PM UTC / Updated {} December 2024, 12:43 PM UTC</p>"
    standfirst = TEXT.partition("</p>")[0].replace("village", "town") + "</p>"
    for above in ("", standfirst):
        for day in (10, 12):
            article = read(text=above + line.format(day) + TEXT)
            assert article.body == read(text=above + TEXT).body


@pytest.mark.parametrize(
    "lines",
    [
        "<ul><li>5 May 2024: the gauges fall</li><li>9 May 2024: rain</li></ul>",
        "<table><tr><td>5 May 2024</td><td>Rain</td></tr></table>",
        "<p>By Monday all was over.</p>",
    ],
)
def test_dated_items_and_sentences_below_the_first_paragraph_are_text(lines: str) -> None:
    first = TEXT.partition("</p>")[0].replace("village", "town") + "</p>"
    article = read(text=first + lines + TEXT)
    assert len(article.paragraphs) > len(read(text=first + TEXT).paragraphs)
    assert (article.authors, article.published_at) == ([], None)


def test_an_author_and_a_date_in_a_list_below_a_standfirst_are_no_text() -> None:
    first = TEXT.partition("</p>")[0].replace("village", "town") + "</p>"
    article = read(text=f"{first}<ul><li>By Nora Weiss</li><li>9 December 2024</li></ul>{TEXT}")
    assert article.body == read(text=first + TEXT).body


@pytest.mark.parametrize("line", ["<p>9 December 2024</p>", "<p>By Nora Weiss</p>"])
def test_author_and_date_between_paragraphs_stay_text(line: str) -> None:
    article = read(text=TEXT + line + TEXT.replace("village", "town"))
    assert line[3:-4] in article.body.split("\n\n")
    assert (article.authors, article.published_at) == ([], None)


@pytest.mark.parametrize(("byline", "name"), [("By Ann Lee", "Ann Lee"), ("", "Condé Nast")])
def test_the_holder_of_the_copyright_is_the_author_only_if_no_other_is_named(
    byline: str, name: str
) -> None:
    head = '<meta name="author" content="Condé Nast"><meta name="copyright" content="%s">'
    assert read(f"<p>{byline}</p>", head % "© Condé Nast 2022").authors == [name]
    assert read(f"<p>{byline}</p>", head % "© The Valley Gazette").authors == ["Condé Nast"]


def test_a_picture_names_no_author() -> None:
    assert read("<figure><figcaption>By Nora Weiss</figcaption></figure>").authors == []


def test_a_declared_name_without_small_letters_is_one_in_any_script() -> None:
    for name in ("REUTERS", "周玉"):
        assert read(head=f'<meta name="author" content="{name}">').authors == [name]


def test_a_form_around_the_whole_page_takes_no_name_away() -> None:
    page = (
        f'<html><head><title>{TITLE}</title></head><body><form class="ad-portal"><div>'
        f'<h1>{TITLE}</h1><div>{TEXT}</div><p class="author">Nora Weiss</p></div></form></body>'
    )
    assert rscrawler.extract_page(page.encode(), URL).authors == ["Nora Weiss"]


@pytest.mark.parametrize(
    ("line", "lang", "moment"),
    [
        ('<div class="c-when">Dec 9, 2024, 8:15 AM UTC</div>', "en", "2024-12-09T08:15"),
        ("<p>Bishkek, 9. Dezember 2024</p>", "de", "2024-12-09"),
        ("<p>Publié le 9 août 2024 à 13h59</p>", "fr", "2024-08-09T13:59"),
        ("<div><span>09.12.2024</span> | <span>Water</span></div>", "ru", "2024-12-09"),
        ("<p>9/12/2024</p>", "es", "2024-12-09"),
        ("<p>9/12/2024</p>", "en", None),
        ("<p>12/31/2024</p>", "en", "2024-12-31"),
        ('<p><abbr title="2024-12-09T08:15:00Z">Monday</abbr></p>', "en", "2024-12-09T08:15"),
        ("<p>Updated May 5, 2024</p>", "en", None),
        ("<p><i>May 5, 2024</i><i>Updated on: June 9, 2024</i></p>", "en", "2024-05-05"),
        ("<p><i>May 5, 2024</i><i>Nora Weiss</i></p>", "en", "2024-05-05"),
        ("<p>5 мая 2024г.</p>", "ru", "2024-05-05"),
        ("<p>09.12.2024, 12.500 Leser, geändert 10.12.2024</p>", "de", "2024-12-09"),
        ("<p>Top 10 Novels 2024</p>", "en", None),
        ('<div class="related">Other story, May 5, 2019</div>', "en", None),
    ],
)
def test_the_date_is_that_of_the_first_line_at_the_headline(
    line: str, lang: str, moment: str | None
) -> None:
    found = read(f"<p>Water</p>{line}", lang=lang).published_at
    assert found == (moment and datetime.fromisoformat(moment).replace(tzinfo=UTC))


def test_a_line_at_the_headline_tells_the_date_whatever_its_region_is_called() -> None:
    when = "<p>Water</p>" * 20 + '<p><time datetime="2024-12-09T08:15Z">Monday</time></p>'
    for line in (
        f'<footer class="meta">{when}</footer>',
        f"<aside>{when}</aside>",
        f'<div class="header-navigation">{when}</div>',
    ):
        assert read(line).published_at == datetime(2024, 12, 9, 8, 15, tzinfo=UTC), line


@pytest.mark.parametrize("title", ["Το φράγμα πάνω από την κοιλάδα", "جاده‌ها باز است"])
def test_a_headline_in_another_script_is_not_american_whatever_the_page_declares(
    title: str,
) -> None:
    article = read("<p>9/12/2024</p>", head=f'<meta property="og:title" content="{title}">')
    assert article.published_at == datetime(2024, 12, 9, tzinfo=UTC)


@pytest.mark.parametrize("title", ["The Δ of the river", "Phạm Văn on the river", "河谷里的大坝"])
def test_a_foreign_letter_or_chinese_does_not_tell_the_day_from_the_month(title: str) -> None:
    article = read("<p>9/12/2024</p>", head=f'<meta property="og:title" content="{title}">')
    assert article.published_at is None


def test_the_date_that_json_ld_gives_the_page_counts_if_its_article_has_none() -> None:
    node = f'"@type": "WebPage", "@id": "{URL}", "datePublished": "2024-12-09T08:15:00+00:00"'
    moment, day = datetime(2024, 12, 9, 8, 15, tzinfo=UTC), datetime(2024, 12, 5, tzinfo=UTC)
    head = f'<script type="application/ld+json">{{{node}}}</script>'
    assert read(head=head).published_at == moment
    assert read("<p>5 December 2024</p>", head=head).published_at == day
    assert read(head=head.replace(URL, f"{URL}-2")).published_at is None


@pytest.mark.parametrize("name", ["pub_date", "published_at", "published_on", "published-date"])
def test_the_date_is_read_in_each_element_that_real_sites_declare_it_in(name: str) -> None:
    head = f'<meta name="{name}" content="2024-12-09T08:15:00Z">'
    assert read("<p>5 December 2024</p>", head=head).published_at == datetime(
        2024, 12, 9, 8, 15, tzinfo=UTC
    )


def test_the_only_article_in_json_ld_is_the_page_s_own_whatever_address_it_gives() -> None:
    node = '"@type": "NewsArticle", "mainEntityOfPage": "https://gazette.example/", "datePublished"'
    head = f'<script type="application/ld+json">{{{node}: "2024-12-09T08:15:00Z"}}</script>'
    assert read(head=head).published_at == datetime(2024, 12, 9, 8, 15, tzinfo=UTC)
    assert read(head=head.replace("NewsArticle", "WebPage")).published_at is None


def test_a_date_of_the_page_in_json_ld_makes_no_article_of_a_static_page() -> None:
    url = "https://gazette.example/about-the-gazette"
    node = f'"@type": "WebPage", "@id": "{url}", "datePublished": "2024-12-09T08:15:00+00:00"'
    page = (
        f'<html><head><title>About the gazette</title><meta property="og:type" content="website">'
        f'<script type="application/ld+json">{{{node}}}</script></head><body><main>'
        f"<h1>About the gazette</h1>{TEXT}</main></body></html>"
    )
    fetched = Page.of(url, page.encode(), None, datetime(2025, 1, 1, tzinfo=UTC))
    with pytest.raises(NotAnArticle, match="static page"):
        extract(fetched, generic_profile(url), "gazette")


def test_a_time_in_a_sentence_is_the_date_if_no_other_is_found() -> None:
    sentence = (
        "<p>This report by our correspondents in the valley and the capital was published on "
        '<time datetime="2024-12-09T08:15Z">Monday</time>.</p>'
    )
    assert read(text=sentence + TEXT).published_at == datetime(2024, 12, 9, 8, 15, tzinfo=UTC)
    line = '<p><time datetime="2024-12-08T08:15Z">Sunday</time></p>'
    other = read(text=sentence + TEXT, behind=line)
    assert other.published_at == datetime(2024, 12, 8, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("page", "moment"),
    [
        # A clock above the menu is no date of the article.
        ("<p class='date'>5 мая 2024</p>{menu}<div>{headline}{text}</div>", None),
        ("<p>Сегодня, 8:15</p>{menu}<div>{headline}{text}</div>", None),
        ("<p class='date'>5 мая 2024</p>{menu}<div>{headline}{text}</div><p>09.12.2024</p>", "09"),
        (
            "<time datetime='2024-05-05'>5</time>{menu}<p>09.12.24</p><div>{headline}{text}</div>",
            "09",
        ),
        # Right above the headline or right below the text, in whatever element.
        ("{menu}<div><b>9 декабря 2024, 8:15</b></div><div>{headline}{text}</div>", "09T08:15"),
        ("{menu}<div>{headline}{text}</div><div>Добавлено 9 декабря 2024</div>", "09"),
        ("{headline}{text}<ul><li><a href='/y'>One</a></li></ul><p>Two</p><p>9.12.2024</p>", None),
        # But not that of the outlet's registration.
        (
            "{headline}<p>31 декабря, 22:30</p>{text}<footer><p>© Долина</p>"
            "<p>Свидетельство о регистрации СМИ ЭЛ № 77-12 от 09.12.2014 года.</p></footer>",
            None,
        ),
        (
            "{headline}{text}<p>Редактор Н. Вайс. Свидетельство о постановке на учёт СМИ №7-Г "
            "от 9 декабря 2014</p>",
            None,
        ),
        ("{headline}{text}<p>«Долина» зарегистрирована ведомством 9.12.2014 г.</p>", None),
        ("{headline}{text}<p>Guvohnoma: №0123. Berilgan sanasi: 09.12.2014-yil.</p>", None),
        (
            "{headline}{text}<p>Издание зарегистрировано в Министерстве культуры 9.12.2014.</p>",
            None,
        ),
        ("{headline}{text}<p>9 декабря 2024. Зарегистрирован как № 5</p>", "09"),
        ("{headline}<p>Зарегистрированные кандидаты, 9.12.2024</p>{text}", "09"),
        ("{headline}<p>Зарегистрирован новый случай, 9.12.2024</p>{text}", "09"),
        ("{headline}<p>Свидетельство о смерти, 9.12.2024</p>{text}", "09"),
        ("{headline}<p>Guvohnoma berish tartibi, 9.12.2024</p>{text}", "09"),
        # Behind a standfirst, not in the text.
        ("{headline}{lead}<div>Нора Вайс, 9 декабря 2024</div>{text}", "09"),
        ("{headline}{lead}<p>Вода ушла 9 декабря 2024 года, и все ждут снега.</p>{text}", None),
        ("{headline}{lead}<div class='comments'>Нора, 9 декабря 2024</div>{text}", None),
        # The day of an event in the headline is the date if there is no other.
        ("{menu}<div><h1>{title} 16.12.2011</h1><p>9.12.2024</p>{text}</div>", "09"),
        ("{menu}<div><h1>{title} 9.12.2024</h1>{text}</div>", "09"),
        # At a text of short lines, too.
        (
            "{menu}<div>{headline}<div class='entry-content'><p>Выпал снег</p>"
            "<p>и дети рады</p></div></div><p>9.12.2024</p>",
            "09",
        ),
        # On a page in Cyrillic, the day comes first, whatever language it declares.
        ("{headline}<p>9/12/2024 8:15</p>{text}", "09T08:15"),
    ],
)
def test_the_date_is_the_one_printed_nearest_to_the_headline(page: str, moment: str | None) -> None:
    title = "Водохранилище над долиной наполовину пусто"
    lead = "<p>Воды в водохранилище хватит только до первого снега, сообщили вчера смотрители.</p>"
    menu = "<ul>" + "<li><a href='/x'>Вода</a></li>" * 6 + "</ul>"
    parts = {"headline": f"<h1>{title}</h1>", "menu": menu, "lead": lead, "text": TEXT}
    body = page.format_map(parts | {"title": title})
    html = f'<html lang="en"><title>{title}</title><body><div>{body}</div></body></html>'
    found = rscrawler.extract_page(html.encode(), URL).published_at
    at = moment and datetime.fromisoformat(f"2024-12-{moment}").replace(tzinfo=UTC)
    assert found == at


@pytest.mark.parametrize(
    ("begin", "day"),
    [
        ("Bern, 17.08.2007 - ", (2007, 8, 17)),
        ("(12.11.2021). ", (2021, 11, 12)),
        ("31. Oktober 2023. ", (2023, 10, 31)),
        ("The treaty of Bern, 17.08.2007, ", None),
        ("17.08.2007 was the day on which ", None),
    ],
)
def test_the_date_with_which_a_text_begins_counts_where_nothing_above_tells_one(
    begin: str, day: tuple[int, int, int] | None
) -> None:
    found = read(text=TEXT.replace("<p>", f"<p>{begin}", 1), lang="de").published_at
    assert found == (datetime(*day, tzinfo=UTC) if day else None)


def test_a_day_in_the_address_is_the_date_where_nothing_else_tells_one() -> None:
    for path in ("2024/12/09/reservoir", "2024-12-09/content_1.htm", "2024-12-09-reservoir"):
        article = read(url=f"https://gazette.example/{path}")
        assert article.published_at == datetime(2024, 12, 9, tzinfo=UTC), path
    dated = read("<p>Dec 8, 2024</p>", url="https://gazette.example/2024/12/09/reservoir")
    assert dated.published_at == datetime(2024, 12, 8, tzinfo=UTC)
    for path in ("2024/12/x/", "2024/12/09-pumps-of-the-year", "1991-12-16-independence"):
        assert read(url=f"https://gazette.example/{path}").published_at is None, path


def test_sections_are_links_that_say_they_are_categories() -> None:
    links = '<a href="/water/" rel="category tag">Water</a> <a href="/about/" rel="nofollow">Us</a>'
    assert read(f"<p>{links}</p>").sections == ["water"]


@pytest.mark.parametrize(
    ("href", "sections"),
    [("../water/", ["water"]), ("../../index.html", []), ("../../", []), ("#water", [])],
)
def test_a_section_with_a_relative_address_is_that_to_which_it_leads(
    href: str, sections: list[str]
) -> None:
    assert read(f'<p><a href="{href}" rel="category">Water</a></p>').sections == sections


def test_sections_and_tags_are_told_apart_in_a_block_theme_of_wordpress() -> None:
    page = f"""
    <main><h1>{TITLE}</h1>
      <div class="taxonomy-category wp-block-post-terms">
        <a href="/category/water/" rel="tag">Water</a>, <a href="/category/asia/" rel="tag">Asia</a>
      </div>
      <div class="entry-content wp-block-post-content">{TEXT}</div>
      <div class="taxonomy-post_tag wp-block-post-terms"><a href="/tag/dam/" rel="tag">Dam</a></div>
    </main>
    <ul class="wp-block-post-template"><li>
      <h3 class="wp-block-post-title"><a href="/another/">Another story of a dam</a></h3>
      <div class="taxonomy-category"><a href="/category/x/" rel="tag">X</a></div>
    </li></ul>"""
    article = rscrawler.extract_page(f"<html><body>{page}</body></html>".encode(), URL)
    assert (article.sections, article.tags) == (["water", "asia"], ["dam"])


def test_sections_and_tags_are_also_read_in_the_footer_of_the_own_article_alone() -> None:
    def footer(name: str) -> str:
        links = f'<a href="/{name}/" rel="category tag">x</a> <a href="/tag/{name}-tag/">x</a>'
        return f"<footer><p>Posted in {links}</p></footer>"

    page = (
        f"<html><body><main><article><header><h1>{TITLE}</h1></header><div>{TEXT}</div>"
        f"{footer('water')}</article></main>{footer('site')}</body></html>"
    )
    article = rscrawler.extract_page(page.encode(), URL)
    assert (article.sections, article.tags) == (["water"], ["water-tag"])


def test_a_line_that_the_page_declares_as_its_description_is_the_subtitle() -> None:
    dek = "Keepers of the sluices wait for snow"
    head = f'<meta name="description" content="{dek}">'
    assert read(f"<p>{dek}</p>", head).subtitle == dek
    assert read(f"<p>{dek}</p>").subtitle is None


def test_a_declared_description_with_the_headline_in_a_header_is_the_subtitle() -> None:
    dek = "The keepers of the sluices wait for snow, and the mills in the valley for water."
    header = f"""<header class="article-header"><h1>{TITLE}</h1>{{}}
      <time datetime="2024-12-09">9 December 2024</time>
      <figure><img src="/dam.jpg"><figcaption>The dam</figcaption></figure></header>"""

    def casper(head: str, description: str) -> rscrawler.Article:
        page = f"""<html><head><meta name="description" content="{description}"></head><body>
          <article class="article post">{head}<section class="gh-content">{TEXT}</section></article>
          </body></html>"""
        return rscrawler.extract_page(page.encode(), URL)

    line = f'<p class="article-excerpt">{dek}</p>'
    article = casper(header.format(line), dek)
    assert (article.subtitle, article.body) == (dek, casper(header.format(""), dek).body)
    assert article.image is not None
    quoted = casper(header.format(f"<blockquote>{dek}</blockquote>"), dek)
    assert (quoted.subtitle, quoted.body) == (dek, article.body)
    # Not declared, or among the paragraphs: text.
    assert casper(header.format(line), "").body.startswith(dek)
    assert casper(f"<h1>{TITLE}</h1>{line}{TEXT}", dek).body.startswith(dek)


def test_the_declared_picture_is_surer_than_the_first_on_an_unknown_page() -> None:
    declared = "https://gazette.example/dam.jpg"
    head = f'<meta property="og:image" content="{declared}">'
    article = read('<img src="/share-on-net.png">', head)
    assert article.image is not None
    assert article.image.url == declared


@pytest.mark.parametrize(
    ("declared", "is_picture"),
    [
        ("https://gazette.example/tongue_1200_Social.jpg", True),
        ("https://gazette.example/silicon-valley.jpg", True),
        ("https://gazette.example/tass_logo_share.png", False),
        ("https://gazette.example/cropped-favicon.jpg", False),
        ("https://gazette.example/social_placeholder.png", False),
    ],
)
def test_a_declared_picture_is_no_logo_though_it_may_be_made_for_social_media(
    declared: str, is_picture: bool
) -> None:
    article = read("", f'<meta property="og:image" content="{declared}">')
    assert (article.image is not None) == is_picture


def test_of_an_address_in_json_ld_only_references_are_unescaped() -> None:
    image = "https://gazette.example/dam.jpg?w=900&region=0,0,9,6"
    node = f'{{"@type": "NewsArticle", "url": "{URL}", "image": "{image}&amp;ssl=1"}}'
    article = read(head=f'<script type="application/ld+json">{node}</script>')
    assert article.image is not None
    assert article.image.url == f"{image}&ssl=1"


def test_each_author_in_an_element_of_the_head_is_read_but_none_of_another_article() -> None:
    declared = ["Nora Weiss", "Timur Aliev"]
    head = "".join(f'<meta name="author" content="{name}">' for name in declared)
    card = '<aside><meta itemprop="author" content="Zara Quint"></aside>'
    assert read(card, head=head).authors == declared


@pytest.mark.parametrize(
    ("around", "head"),
    [
        ('<a rel="author" href="/x">{}</a>', ""),
        ('<p>9/12 · <span class="author">{}</span></p>', ""),
        ("", '<meta name="author" content="{}">'),
    ],
    ids=["profile", "marked", "declared"],
)
def test_authors_lose_the_by_of_their_language_but_no_part_of_an_english_name(
    around: str, head: str
) -> None:
    for lang, text, names in (
        ("de", "Von Nora Weiss und Timur Aliev", ["Nora Weiss", "Timur Aliev"]),
        ("fr", "Par Nora Weiss", ["Nora Weiss"]),
        ("de", "Ursula von der Leyen", ["Ursula von der Leyen"]),
    ):
        assert read(around.format(text), head.format(text), lang).authors == names
    if "class" not in around:
        assert read(around.format("Von Miller"), head.format("Von Miller")).authors == [
            "Von Miller"
        ]


def test_json_ld_names_authors_in_nodes_of_their_own() -> None:
    people = '{"@type": "Person", "@id": "#nora", "name": "Nora Weiss"}'
    for node, name in (
        ('"@type": "NewsArticle", "author": {"@id": "#nora"}', "Nora Weiss"),
        ('"@type": "NewsArticle", "creator": ["Nora Weiss"]', "Nora Weiss"),
        # Escaped as HTML, as some sites do.
        ('"@type": "NewsArticle", "creator": "Sara O&#039;Neil"', "Sara O'Neil"),
    ):
        graph = f'{{"@graph": [{people}, {{{node}, "url": "{URL}"}}]}}'
        head = f'<script type="application/ld+json">{graph}</script>'
        assert read(head=head).authors == [name], node


@pytest.mark.parametrize(
    "form",
    [
        "{} | Gazette",
        "{} - GAZETTE.example",
        "gazette.example: {}",
        "{} / Gazette",
        "Gazette | {} | Gazette",
    ],
)
def test_a_declared_title_loses_the_name_that_is_in_the_address(form: str) -> None:
    head = f'<meta property="og:title" content="{form.format(TITLE)}">'
    page = f"<html><head>{head}</head><body><div>{TEXT}</div></body></html>"
    assert rscrawler.extract_page(page.encode(), URL).title == TITLE


@pytest.mark.parametrize(
    ("host", "title"),
    [
        ("m.gazette.example", "A rocket flies: Proton-M"),
        ("24.example", "The minister on Russia-24"),
        ("kazakhstan.example", "Kazakhstan: a dam breaks"),
    ],
)
def test_a_word_of_a_declared_title_is_not_the_name_in_the_address(host: str, title: str) -> None:
    page = f"<html><head><title>{title}</title></head><body><div>{TEXT}</div></body></html>"
    assert rscrawler.extract_page(page.encode(), f"https://{host}/a-dam/").title == title


def test_a_base_that_is_no_address_counts_for_nothing() -> None:
    head = f'<base href="http://[x/"><title>{TITLE} | Gazette</title>'
    assert read(head=head).title == TITLE
