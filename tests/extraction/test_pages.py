"""Whole pages: every field, and what happens when something is missing, odd or broken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rscrawler.extraction.article import extract
from rscrawler.extraction.page import (
    IncompletePage,
    NotAnArticle,
    Page,
    looks_truncated,
    parse_page,
)
from rscrawler.items import Article
from rscrawler.sites import Links, Markup, SiteProfile, Source, SourceKind
from tests.extraction.pages import (
    BASE,
    FOREIGN,
    HEAD,
    NOW,
    OWN,
    PROFILE,
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
DATE = '<meta property="article:published_time" content="2024-12-10T08:00:00+00:00">'
UNDATED = HEAD.replace(DATE, "")
USUAL = current_post(own_article()) + other_posts(foreign_article())


def _with_head(extra: str, base: str = UNDATED) -> str:
    return page_html(USUAL, base + extra)


def _json_ld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


# Addresses


def test_the_declared_address_is_kept_and_the_fetched_one_is_an_alias() -> None:
    article = read(page_html(USUAL), f"{BASE}/2024/12/10/uzbek-canal-dispute/?utm_source=x")
    assert article.url == URL
    assert article.aliases == [f"{BASE}/2024/12/10/uzbek-canal-dispute/"]


def test_a_misconfigured_canonical_address_is_not_believed() -> None:
    for wrong in (f"{BASE}/", "https://example.org/uzbek-canal-dispute/", f"{BASE}/europe/"):
        head = HEAD.replace(f'rel="canonical" href="{URL}"', f'rel="canonical" href="{wrong}"')
        assert read(page_html(USUAL, head)).url == URL
        article = read(page_html(USUAL, head.replace(f'"{URL}"', f'"{wrong}"')), f"{URL}?ref=x")
        assert article.url == URL
        assert article.aliases == []
        assert article.extraction.provenance["url"] == "response: url"


@pytest.mark.parametrize("wrong", ["../..http://magazine.example/a/0057/", f"{URL},{URL}video/"])
def test_an_address_with_another_in_it_is_not_believed(wrong: str) -> None:
    html = page_html(USUAL, HEAD.replace(f'"{URL}"', f'"{wrong}"'))
    article = read(html, URL, links=Links())
    assert (article.url, article.aliases) == (URL, [])


def test_a_page_that_declares_its_section_as_its_address_keeps_its_own() -> None:
    section = Source(kind=SourceKind.SECTION, path="/canal-news")
    profile = SiteProfile(base_url=BASE, sources=[section])
    html = page_html(USUAL, HEAD.replace(URL, f"{BASE}/canal-news"))
    page = Page.of(URL, html.encode(), "text/html", NOW)
    assert extract(page, profile, "outlet").url == URL


@pytest.mark.parametrize("canonical", ["/", "/?lang=ru", "/?p=81"])
def test_an_article_behind_the_front_pages_path_keeps_the_query_that_names_it(
    canonical: str,
) -> None:
    html = page_html(USUAL, HEAD.replace(URL, f"{BASE}{canonical}"))
    for links in (PROFILE.links, Links()):
        article = read(html, f"{BASE}/?p=81&utm_source=x", links=links)
        assert (article.url, article.aliases) == (f"{BASE}/?p=81", [])


def test_a_declared_address_without_a_slash_is_kept_so() -> None:
    article = read(page_html(USUAL, HEAD.replace(URL, URL.rstrip("/"))), URL)
    assert article.url == URL.rstrip("/")
    assert article.aliases == []


def test_a_site_on_loopback_declares_its_own_address() -> None:
    base = "http://127.0.0.1:8123"
    article = read(page_html(USUAL).replace(BASE, base), URL.replace(BASE, base), base_url=base)
    assert article.url == f"{base}/uzbek-canal-dispute/"
    assert article.body == BODY


# Dates


def test_the_published_time_of_the_meta_element_is_in_utc() -> None:
    meta = DATE.replace("08:00:00+00:00", "08:00:00-04:00")
    article = read(_with_head(meta))
    assert article.published_at == datetime(2024, 12, 10, 12, tzinfo=UTC)
    assert article.extraction.provenance["published_at"] == "meta: article:published_time"


def test_dates_come_from_json_ld_then_a_time_element_then_the_feed_then_the_printed_day() -> None:
    ld = _json_ld(
        f'{{"@type": "NewsArticle", "headline": "{TITLE}", "datePublished": "2024-12-09T10:00:00Z",'
        ' "dateModified": "2024-12-09T11:00:00Z"}'
    )
    feed = datetime(2024, 12, 7, tzinfo=UTC)
    article = read(_with_head(ld), feed=feed)
    assert article.published_at == datetime(2024, 12, 9, 10, tzinfo=UTC)
    assert article.modified_at == datetime(2024, 12, 9, 11, tzinfo=UTC)
    timed = current_post(own_article(head='<time datetime="2024-12-08T10:00:00Z">Sunday</time>'))
    article = read(page_html(timed, UNDATED), feed=feed)
    assert article.published_at == datetime(2024, 12, 8, 10, tzinfo=UTC)
    article = read(_with_head(""), feed=feed)
    assert article.published_at == datetime(2024, 12, 7, tzinfo=UTC)
    assert article.extraction.provenance["published_at"] == "hint: published_at"
    article = read(_with_head(""))
    assert article.published_at == datetime(2024, 12, 10, tzinfo=UTC)
    assert article.extraction.warnings == ("published_at: the page prints a day without a time",)


@pytest.mark.parametrize(
    ("of_update", "of_publication"),
    [
        ('class="updated"', 'class="entry-date published"'),  # hAtom
        ('class="dt-updated"', 'class="dt-published"'),  # h-entry
        ('itemprop="dateModified"', 'itemprop="datePublished"'),  # schema.org
    ],
)
def test_the_time_of_the_update_is_not_that_of_the_publication(
    of_update: str, of_publication: str
) -> None:
    update = f'<time {of_update} datetime="2024-12-09T10:00:00Z">Monday</time>'
    publication = f'<time {of_publication} datetime="2024-02-08T10:00:00Z">February</time>'
    for head in (update + publication, publication + update):
        article = read(page_html(current_post(own_article(head=head)), UNDATED))
        assert article.published_at == datetime(2024, 2, 8, 10, tzinfo=UTC)
        assert article.modified_at == datetime(2024, 12, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "publication",
    [
        '<span itemprop="datePublished">2024-02-08 10:00:00</span>',
        '<abbr class="published updated" title="2024-02-08T10:00:00Z">February</abbr>',
    ],
)
def test_a_declared_update_in_the_line_of_the_date_is_not_the_publication(publication: str) -> None:
    update = '<meta itemprop="dateModified" content="2024-12-09 11:00:00">'
    head = f'<p class="issued">Published: {publication}{update}</p>'
    markup = Markup(published_text=[".issued"])
    article = read(page_html(current_post(own_article(head=head)), UNDATED), markup=markup)
    assert article.published_at == datetime(2024, 2, 8, 10, tzinfo=UTC)


@pytest.mark.parametrize("names", ["updated", "published updated"])  # as some themes mark it
def test_the_only_time_is_that_of_the_publication(names: str) -> None:
    head = f'<time class="{names}" datetime="2024-12-08T10:00:00Z">Sunday</time>'
    article = read(page_html(current_post(own_article(head=head)), UNDATED))
    assert article.published_at == datetime(2024, 12, 8, 10, tzinfo=UTC)
    assert article.modified_at is None


def _published(meta: str, *, ld: str = "", feed: datetime | None = None) -> tuple[str, list[str]]:
    head = DATE.replace("2024-12-10T08:00:00+00:00", meta)
    if ld:
        head += _json_ld(f'{{"@type": "Article", "headline": "{TITLE}", "datePublished": "{ld}"}}')
    article = read(_with_head(head), feed=feed)
    assert article.published_at is not None
    return article.published_at.strftime("%d %H:%M"), list(article.extraction.warnings)


def test_a_date_with_time_and_zone_is_preferred_to_the_same_without() -> None:
    zoned, feed = "2024-12-10T10:00:00-05:00", datetime(2024, 12, 10, 15, tzinfo=UTC)
    for poor in ("2024-12-10T10:00:00", "2024-12-10", "December 10, 2024 10:00 am"):
        assert _published(poor, ld=zoned) == ("10 15:00", [])
        assert _published(poor, feed=feed) == ("10 15:00", [])
    late = datetime(2024, 12, 11, 2, tzinfo=UTC)  # the evening of that day in New York
    assert _published("2024-12-10", feed=late) == ("11 02:00", [])


def test_another_date_does_not_better_one_that_leaves_something_open() -> None:
    assumed = ["published_at: no time zone given, UTC assumed"]
    reprinted = datetime(2024, 12, 12, 9, tzinfo=UTC)
    assert _published("2024-12-10T10:00:00", feed=reprinted) == ("10 10:00", assumed)
    assert _published("2024-12-10T10:00:00", ld="2024-12-10") == ("10 10:00", assumed)
    day = datetime(2024, 12, 10, tzinfo=UTC)
    assert _published("2024-12-10T10:00:00", feed=day) == ("10 10:00", assumed)
    assert _published("2024-12-10T10:00:00Z", ld="2024-12-10T12:00:00Z") == ("10 10:00", [])


def test_an_article_without_any_date_has_none_and_is_an_article() -> None:
    html = page_html(USUAL, UNDATED).replace("Dec 10, 2024", "")
    article = read(html)
    assert article.published_at is None
    assert article.modified_at is None
    assert article.body == BODY
    assert "published_at: not found" in article.extraction.warnings


def test_a_neighbours_date_is_never_taken() -> None:
    neighbour = foreign_article().replace(
        "<button", '<time datetime="2020-01-01T00:00:00Z">2020</time><button'
    )
    html = page_html(
        current_post(own_article(tail=neighbour)) + other_posts(neighbour), UNDATED
    ).replace("Dec 10, 2024", "")
    assert read(html).published_at is None


@pytest.mark.parametrize("absurd", ["1970-01-01T00:00:00Z", "2031-01-01T00:00:00Z", "tomorrow"])
def test_an_absurd_date_is_dropped_with_a_warning_and_the_next_source_serves(absurd: str) -> None:
    article = read(_with_head(f'<meta property="article:published_time" content="{absurd}">'))
    assert article.published_at == datetime(2024, 12, 10, tzinfo=UTC)
    assert any(w.startswith("published_at: meta") for w in article.extraction.warnings)


# Structured data


def test_broken_json_ld_is_a_warning_and_no_more() -> None:
    article = read(_with_head(_json_ld('{"@type": "NewsArticle", "headline": '), HEAD))
    assert article.body == BODY
    assert article.extraction.warnings == ("json-ld: not readable",)


def test_json_ld_with_small_faults_is_read() -> None:
    ld = _json_ld(
        f'<!-- {{"@graph": [{{"@type": ["NewsArticle"], "url": "{URL}", "headline": "line\none",'
        '"datePublished": "2024-12-09T10:00:00Z",},],}; -->'
    )
    assert read(_with_head(ld)).published_at == datetime(2024, 12, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    "form",
    [
        "// <![CDATA[\n{}\n// ]]>",
        "// <![CDATA[\n{};\n// ]]&gt;",
        "/*<![CDATA[*/ {} /*]]>*/",
        "/* of the page */ {} // end",
        "\ufeff{}",
        "\n<!-- of the page -->\n[{}]",
    ],
)
def test_json_ld_in_comments_is_read(form: str) -> None:
    node = f'{{"@type": "NewsArticle", "url": "{URL}", "datePublished": "2024-12-09T10:00:00Z"}}'
    for text in (node, node.replace('"', "&quot;")):
        article = read(_with_head(_json_ld(form.replace("{}", text))))
        assert article.published_at == datetime(2024, 12, 9, 10, tzinfo=UTC)


def test_json_ld_with_escapes_of_javascript_is_read() -> None:
    """Hugo escapes the plus of a date's zone so, in a script that is JSON."""
    ld = _json_ld(
        f'{{"@type": "NewsArticle", "url": "{URL}", "headline": "C:\\\\x2b",'
        '"datePublished": "2024-12-09 16:00:00 \\x2b0600 \\x2b06"}'
    )
    assert "16:00:00 \\x2b0600" in ld
    assert read(_with_head(ld)).published_at == datetime(2024, 12, 9, 10, tzinfo=UTC)


def test_json_ld_of_a_neighbour_is_not_the_articles() -> None:
    ld = _json_ld(
        '{"@type": "NewsArticle", "headline": "Belgium fears a lawsuit over frozen assets",'
        f'"url": "{BASE}/frozen-assets-lawsuit/", "datePublished": "2024-11-01T00:00:00Z",'
        '"author": {"name": "Ida Marlow"}}'
    )
    html = _with_head(ld).replace('class="social-author__name"', 'class="x"')
    article = read(html)
    assert article.published_at == datetime(2024, 12, 10, tzinfo=UTC)
    assert article.authors == []


def test_declared_authors_serve_when_none_is_printed_unless_they_are_the_outlet() -> None:
    page = _with_head('<meta name="author" content="Nora Weiss and Timur Aliev">', HEAD)
    html = page.replace('class="social-author__name"', 'class="x"')
    assert read(html).authors == ["Nora Weiss", "Timur Aliev"]
    for outlet in ("Responsible Statecraft", "https://www.facebook.com/rs", "RS Staff", "admin"):
        assert read(html.replace("Nora Weiss and Timur Aliev", outlet)).authors == []


# Fields


@pytest.mark.parametrize(
    ("printed", "names"),
    [
        ("By Nora Weiss", ["Nora Weiss"]),
        ("Nora Weiss and Timur Aliev", ["Nora Weiss", "Timur Aliev"]),
        ("By Nora Weiss, Timur Aliev & Bo Chan", ["Nora Weiss", "Timur Aliev", "Bo Chan"]),
        ("Nora Weiss, Timur Aliev, and Bo Chan", ["Nora Weiss", "Timur Aliev", "Bo Chan"]),
        ("Martin King, Jr.", ["Martin King, Jr."]),
        ("Nora Weiss, MS, RDN and Ms Ida Marlow", ["Nora Weiss, MS, RDN", "Ms Ida Marlow"]),
        ("Nora Weiss\u00a0", ["Nora Weiss"]),
        ("Eurasianet", ["Eurasianet"]),
        ("Responsible Statecraft", ["Responsible Statecraft"]),
        ("Nora Weiss <span>@noraweiss</span>", ["Nora Weiss"]),
        ("Nora Weiss (@nora) | Quincy Institute", ["Nora Weiss"]),
        ("Nora Weiss · The Canal Times", ["Nora Weiss"]),
        ("By José Ortega y Gasset", ["José Ortega y Gasset"]),
        ("Di Wu", ["Di Wu"]),
        ("Nora Weiss · Gazette News", ["Nora Weiss"]),
        ("", []),
    ],
)
def test_authors_are_names_as_printed(printed: str, names: list[str]) -> None:
    html = page_html(USUAL).replace(">Nora Weiss</a>", f">{printed}</a>")
    assert read(html).authors == names


def test_a_byline_without_the_usual_class_is_read_by_its_links() -> None:
    byline = '<p class="byline">By <a href="/author/nora-weiss/">Nora Weiss</a></p>'
    html = page_html(current_post(own_article(head=byline)).replace("social-author__name", "x"))
    assert read(html).authors == ["Nora Weiss"]


@pytest.mark.parametrize(
    "href",
    [
        "/tag/Amu%20Darya",
        f"{BASE}/tag/amu-darya/?x=1",
        "/tag/amu+darya/",
        "../tag/amu-darya/index.html",  # in a static copy
    ],
)
def test_a_tag_is_a_slug_however_its_address_is_written(href: str) -> None:
    html = page_html(current_post(own_article().replace("/tag/uzbekistan/", href)))
    assert read(html).tags == ["amu-darya"]


def test_links_in_the_running_text_are_no_tags_sections_or_authors() -> None:
    body = paragraphs() + (
        '<p>The dispute, as our <a href="/tag/water/">water coverage</a> has shown, is an old one, '
        'and <a class="widget__section" href="/europe/">Europe</a> has no part in it, says '
        '<a class="social-author__name" href="/author/b">Bo Chan</a> of the institute.</p>'
    )
    article = read(page_html(current_post(own_article(body))))
    assert article.tags == ["uzbekistan"]
    assert article.sections == ["analysis"]
    assert article.authors == ["Nora Weiss"]
    assert article.paragraphs[-1].endswith("says Bo Chan of the institute.")


def test_sections_of_regions_are_the_last_part_of_their_address() -> None:
    html = page_html(USUAL).replace(
        '<a class="widget__section" href="/analysis/">Analysis</a>',
        '<a class="widget__section" href="/analysis/">Analysis</a> | <a class="widget__section" '
        'href="https://www.responsiblestatecraft.org/regions/asia-pacific">Asia-Pacific</a> | '
        '<a class="widget__section" href="/analysis/?x=1">Analysis</a>',
    )
    assert read(html).sections == ["analysis", "asia-pacific"]


def test_the_language_is_a_primary_subtag() -> None:
    html = page_html(USUAL)
    assert read(html).language == "en"
    assert read(html.replace('lang="en"', 'lang="EN-us"')).language == "en"
    assert read(html.replace('lang="en"', "")).language is None
    locale = page_html(USUAL, HEAD + '<meta property="og:locale" content="fr_FR">')
    assert read(locale.replace('lang="en"', "")).language == "fr"


def _image_page(markup: str, extra: str = "") -> str:
    return page_html(current_post(own_article(head=markup)) + other_posts(foreign_article()),
                     HEAD + extra)  # fmt: skip


def test_a_lazy_lead_image_has_its_address_caption_and_credit() -> None:
    markup = (
        '<div class="widget__image"><img src="data:image/gif;base64,R0" '
        'data-runner-src="/media-library/canal.jpg?id=1&amp;token=a">'
        '<small class="image-media media-caption">The canal near Mazar</small>'
        '<small class="image-media media-photo-credit">Top photo credit: Shutterstock/Li</small>'
        "</div>"
    )
    image = read(_image_page(markup)).image
    assert image is not None
    assert image.url == f"{BASE}/media-library/canal.jpg?id=1&token=a"
    assert image.caption == "The canal near Mazar"
    assert image.credit == "Shutterstock/Li"


@pytest.mark.parametrize(
    ("caption", "kept"),
    [
        ("Top photo: Astana at night", "Top photo: Astana at night"),
        ("Photo: Anna Li", None),
        ("Photo:", None),
    ],
)
def test_a_caption_with_a_label_is_one_where_the_credit_stands_apart(
    caption: str, kept: str | None
) -> None:
    markup = (
        f'<div class="widget__image"><img src="/a.jpg"><small class="media-caption">{caption}'
        '</small><small class="media-photo-credit">Photo credit: Anna Li</small></div>'
    )
    image = read(_image_page(markup)).image
    assert image is not None
    assert (image.caption, image.credit) == (kept, "Anna Li")


def test_a_caption_without_a_label_keeps_its_last_bracket_and_is_no_credit() -> None:
    caption = "Left to right: a) Astana, b) Osh (archive)"
    small = f'<small class="media-caption">{caption}</small>'
    image = read(_image_page(f'<div class="widget__image"><img src="/a.jpg">{small}</div>')).image
    assert image is not None
    assert (image.caption, image.credit) == (caption, None)


@pytest.mark.parametrize(
    "credit",
    ["Photo credit: Anna Li", "Photo by Anna Li", "Image credit: Anna Li", "Credit: Anna Li",
     "Anna Li", "Top image credit: Anna Li", "Photo: Anna Li", "Image via Anna Li",
     "Image credit: Photo by Anna Li"],
)  # fmt: skip
def test_a_credit_stands_without_its_label(credit: str) -> None:
    small = f'<small class="media-photo-credit">{credit}</small>'
    image = read(_image_page(f'<div class="widget__image"><img src="/a.jpg">{small}</div>')).image
    assert image is not None
    assert image.credit == "Anna Li"


@pytest.mark.parametrize(
    "sizes",
    [
        "/s,1.jpg 300w, /l,1.jpg 900w, /m,1.jpg 600w",
        "/s,1.jpg 300w,/l,1.jpg 900w,/m,1.jpg 600w",
        "/s,1.jpg 300w , /l,1.jpg 900w , /m,1.jpg 600w ,",
        "/s,1.jpg 300w 200h, /l,1.jpg 900w 600h",
        "/l,1.jpg 900w, /other.jpg 900w",
        "/l,1.jpg,\n\t/m,1.jpg",
    ],
)
def test_the_largest_image_of_a_set_is_the_lead(sizes: str) -> None:
    image = read(_image_page(f'<div class="widget__image"><img srcset="{sizes}"></div>')).image
    assert image is not None
    assert image.url == f"{BASE}/l,1.jpg"


def test_without_a_lead_image_the_declared_one_serves_and_not_one_in_the_text() -> None:
    body = f'<p>{OWN[0]}</p><p class="shortcode-media"><img src="/inline.jpg"><small class="'
    body += f'image-media media-caption">A map</small></p><p>{OWN[1]}</p><p>{OWN[2]}</p>'
    content = current_post(own_article(body))
    extra = '<meta property="og:image" content="/lead.jpg?token=b">'
    image = read(page_html(content, HEAD + extra)).image
    assert image is not None
    assert image.url == f"{BASE}/lead.jpg?token=b"
    assert image.caption is None
    article = read(page_html(content))
    assert article.image is None
    assert article.body == BODY


def test_a_declared_picture_has_the_caption_that_it_has_in_the_text() -> None:
    small = (
        '<small class="media-caption">A map <i class="media-photo-credit">Photo: A. Li</i></small>'
    )
    body = f'<p>{OWN[0]}</p><p><img src="/map.jpg">{small}</p><p>{OWN[1]}</p><p>{OWN[2]}</p>'
    extra = '<meta property="og:image" content="/map.jpg">'
    image = read(page_html(current_post(own_article(body)), HEAD + extra)).image
    assert image is not None
    assert (image.url, image.caption, image.credit) == (f"{BASE}/map.jpg", "A map", "A. Li")


def test_what_is_no_address_of_the_web_is_no_picture() -> None:
    for address in ("javascript:alert(1)", "file:///etc/passwd", "blob:https://example.org/1"):
        lead = f'<div class="widget__image"><img src="{address}"></div>'
        extra = f'<meta property="og:image" content="{address}">'
        assert read(_image_page(lead)).image is None
        assert read(page_html(current_post(own_article(paragraphs())), HEAD + extra)).image is None


def test_an_author_picture_is_no_lead_image() -> None:
    markup = '<img class="social-author__avatar" src="/nora.jpg">'
    assert read(_image_page(markup)).image is None


def test_a_page_may_lack_everything_but_headline_and_text() -> None:
    article = read(
        f'<html><body><article class="page-article"><h1>{TITLE}</h1>'
        f'<div class="body-description">{paragraphs()}</div></article></body></html>'
    )
    assert article.title == TITLE
    assert article.body == BODY
    assert article.url == URL
    assert (article.subtitle, article.language, article.published_at, article.image) == (
        None, None, None, None,
    )  # fmt: skip
    assert (article.authors, article.sections, article.tags) == ([], [], [])


def test_the_title_falls_back_to_what_is_declared_without_the_outlets_name() -> None:
    content = current_post(own_article().replace("<h1", "<div").replace("</h1", "</div"))
    head = HEAD.replace(f'content="{TITLE}"', f'content="{TITLE} | Responsible Statecraft"')
    html = page_html(content, head)
    article = read(html)
    assert article.title == TITLE
    assert article.body == BODY


# The body


def test_an_editors_note_and_a_republication_line_stay_and_appeals_go() -> None:
    note = "Editor's note: This article was updated on Friday."
    line = "This article was republished with permission from Eurasianet."
    body = (
        "<p>Sign up for our weekly newsletter.</p>"
        + paragraphs()
        + f"<p><i>{note}</i></p><p><em>{line}</em></p><p>Please consider a tax-exempt donation to "
        "RS.</p><p>&nbsp;</p><p>(kremlin.ru)</p><p>Follow us on social</p>"
    )
    article = read(page_html(current_post(own_article(body))))
    assert article.paragraphs == [*OWN, note, line]
    assert article.republished_from == "Eurasianet"


def test_body_selectors_that_match_nothing_leave_it_to_the_fallback_with_a_warning() -> None:
    html = page_html(USUAL).replace("body-description", "b").replace("js-expandable", "c")
    article = read(html)
    assert article.body == BODY
    assert article.extraction.method == "fallback"
    assert "body: none of the profile's selectors matched" in article.extraction.warnings


@pytest.mark.parametrize("around", ["{}", '<div class="wrap">{}</div>'])
def test_the_fallback_takes_all_blocks_of_a_text_whatever_stands_around_them(around: str) -> None:
    blocks = "".join(
        f"<div><p>{OWN[0]} In part {n} of it.</p><p>{OWN[1]} In part {n} of it.</p></div>"
        for n in range(5)
    )
    page = around.format(f"<h1>{TITLE}</h1>{blocks}")
    article = read(page_html(f"<article>{page}</article>"), markup=Markup())
    assert article.extraction.provenance["body"] == "densest region"
    assert len(article.paragraphs) == 10


def test_a_hidden_second_headline_and_neighbours_beyond_count_change_nothing() -> None:
    many = "".join(other_posts(foreign_article(f"article-number-{n}")) for n in range(40))
    article = read(page_html(current_post(own_article()) + many))
    assert article.body == BODY
    assert not any(text in article.body for text in FOREIGN)


@pytest.mark.parametrize("place", ["article", "wrapper", "behind"])
@pytest.mark.parametrize("name", ["media-photo-credit", "media-caption"])
def test_a_credit_behind_the_appeal_is_kept_as_printed(place: str, name: str) -> None:
    small = f'<small class="image-media {name}">(kremlin.ru)</small>'
    own = own_article(
        head='<div class="widget__image"><img src="/lead.jpg"></div>',
        tail=small if place == "article" else "",
    )
    content = current_post(own + (small if place == "wrapper" else ""))
    content += (small if place == "behind" else "") + other_posts(foreign_article())
    image = read(page_html(content)).image
    assert image is not None
    assert (image.credit if name == "media-photo-credit" else image.caption) == "(kremlin.ru)"
    assert None in (image.caption, image.credit)


def test_the_buttons_that_unfold_a_text_are_not_in_it_whatever_they_say() -> None:
    buttons = (
        '<div class="widget__show-more js-keep-reading"><span class="show-more js-expand">'
        'More of this</span><span class="show-less js-contract">Less of this</span></div>'
    )
    assert read(page_html(current_post(own_article(paragraphs() + buttons)))).body == BODY


@pytest.mark.parametrize("printed", ["(Photo by Ann Ex/Agency)", "Ann Ex/Agency"])
def test_the_credit_of_a_head_without_its_label_and_the_author_of_a_list_are_read(
    printed: str,
) -> None:
    head = (
        '<div class="post-author-list"><div class="post-author">'
        '<a class="post-author__name" href="/u/nora_weiss">Nora Weiss</a></div></div>'
        '<span class="post-date">December 10, 2024</span><div class="widget__head"><picture>'
        '<img class="rm-lazyloadable-image rm-hero-media" src="data:image/svg+xml,x" '
        'data-runner-src="/lead.jpg"></picture></div>'
        f'<div class="widget__body"><div class="photo-credit">{printed}</div></div>'
    )
    own = own_article(head=head).replace("social-", "no-")
    article = read(page_html(current_post(own), UNDATED))
    assert article.image is not None
    assert (article.image.caption, article.image.credit) == (None, "Ann Ex/Agency")
    assert article.authors == ["Nora Weiss"]
    assert article.published_at == datetime(2024, 12, 10, tzinfo=UTC)
    assert article.paragraphs == list(OWN)


def test_the_caption_of_a_film_in_the_text_is_not_the_lead_pictures() -> None:
    film = (
        '<p class="shortcode-media shortcode-media-youtube"><span class="rm-shortcode">'
        '<iframe src="https://films.example/embed/1"></iframe></span>'
        '<small class="image-media media-caption">The canal from the air</small>'
        '<small class="image-media media-photo-credit">films.example</small></p>'
    )
    picture = '<div class="widget__image"><img src="/lead.jpg"></div>'
    body = f"{paragraphs(OWN[:1])}{film}{paragraphs(OWN[1:])}"
    image = read(page_html(current_post(own_article(body, head=picture)))).image
    assert image is not None
    assert (image.caption, image.credit) == (None, None)
    below = '<small class="image-media media-photo-credit">Ann Ex</small>'
    image = read(page_html(current_post(own_article(body, head=picture, tail=below)))).image
    assert image is not None
    assert (image.caption, image.credit) == (None, "Ann Ex")


# Pages that are no article, and broken ones


def _card(number: int) -> str:
    return (
        f'<article class="image-article"><h2 class="widget__headline"><a href="/article-{number}/">'
        f"A headline of article {number}</a></h2><p>The teaser of article {number}, which is a "
        "sentence of some length so that it counts.</p></article>"
    )


def _posts(name: str) -> str:
    """A section's posts: the brief is printed, and a script shows the rest."""
    date = '<div class="social-date"><span class="social-date__text">Dec 9, 2024</span></div>'
    posts = (foreign_article(f"article-{n}", name=f"clearfix {name}") for n in range(3))
    return other_posts("".join(each.replace("<div ", f"{date}<div ", 1) for each in posts))


LISTING = "".join(_card(number) for number in range(12))
WEBSITE = '<meta property="og:type" content="website"><meta property="og:title" content="Europe">'


@pytest.mark.parametrize(
    ("url", "html"),
    [
        (f"{BASE}/europe/", page_html(f"<h1>Europe</h1>{LISTING}", WEBSITE)),
        (f"{BASE}/europe/", page_html(LISTING, WEBSITE)),
        (f"{BASE}/", page_html(LISTING, WEBSITE)),
        (f"{BASE}/special-series/", page_html(f"<h1>Europe</h1>{LISTING}", WEBSITE)),
        (f"{BASE}/tag/uzbekistan/", page_html(f"<h1>Uzbekistan</h1>{LISTING}", "")),
        (f"{BASE}/search/?q=canal", page_html(f"<h1>Results</h1>{LISTING}", "")),
        (f"{BASE}/special-series/", page_html(_posts("page-article"), WEBSITE)),
        (f"{BASE}/special-series/", page_html(_posts("image-article"), WEBSITE)),
        (
            f"{BASE}/who-we-are/",
            page_html(f"<div><h1>Europe</h1>{paragraphs()}</div>", WEBSITE),
        ),
        (
            f"{BASE}/privacy-statement/",
            page_html(
                f"<div><h1>Privacy</h1>{paragraphs()}</div>",
                '<meta property="og:type" content="article">',
            ).replace("<body>", '<body class="page-template-default page page-id-29">'),
        ),
        (
            f"{BASE}/water-politics/",
            page_html(f"<div><h1>Water</h1><p>{OWN[0]}</p>{LISTING}</div>").replace(
                "<body>", '<body class="archive category category-water">'
            ),
        ),
        (
            f"{BASE}/give-today/",
            page_html(
                current_post(
                    own_article(
                        "<p>Please consider a tax-deductible donation to RS.</p>"
                        "<p>Your gift keeps our journalism free.</p>"
                    )
                )
            ),
        ),
    ],
)
def test_another_kind_of_page_is_no_article(url: str, html: str) -> None:
    with pytest.raises(NotAnArticle):
        read(html, url)


def test_a_page_that_says_nothing_of_itself_is_an_article_where_a_feed_dates_it() -> None:
    def extracted(feed: datetime | None, robots: str = "max-snippet:-1", name: str = TITLE) -> str:
        head = f'<meta name="robots" content="{robots}"><title>{name}</title>'
        html = f"<html><head>{head}</head><body><h1>{TITLE}</h1>{paragraphs()}</body></html>"
        page = Page.of(f"{BASE}/story/gas/", html.encode(), "text/html", NOW, feed)
        return extract(page, SiteProfile(base_url=BASE), "plain").body

    assert extracted(NOW) == BODY
    assert extracted(NOW, "index, max-image-preview:none, max-snippet:-1") == BODY
    for headline in ("Bomber kills two at security checkpoint", "Robot checks bags in Almaty"):
        assert extracted(NOW, name=headline) == BODY
    for feed, robots, name in (
        (None, "all", TITLE),
        (NOW, "noindex,nofollow", TITLE),  # this and the following: checks for bots
        (NOW, "NONE", TITLE),
        (NOW, "none, noarchive", TITLE),
        (NOW, "all", "The Ledger - Are you a robot?"),
        (NOW, "all", "One moment, please..."),
        (NOW, "all", "Bot Verification"),
        (NOW, "all", "Vercel Security Checkpoint"),
    ):
        with pytest.raises(NotAnArticle, match="a static page"):
            extracted(feed, robots, name)


def _unprofiled(content: str, body: str) -> Article:
    """A page that calls itself an article, of a site whose profile has no selectors."""
    html = page_html(content, '<meta property="og:type" content="article">')
    page = Page.of(f"{BASE}/water-politics/", html.replace("<body>", body).encode(), None, NOW)
    return extract(page, SiteProfile(base_url=BASE), "plain")


@pytest.mark.parametrize(
    "names", ["single-product woocommerce woocommerce-page", "attachment single single-attachment"]
)
def test_a_page_of_a_shop_or_of_a_picture_is_no_article(names: str) -> None:
    article = f"<h1>{TITLE}</h1>{paragraphs()}"
    with pytest.raises(NotAnArticle, match="a listing"):
        _unprofiled(article, f'<body class="{names}">')
    for post in ("woocommerce-no-js", "woocommerce woocommerce-page"):
        assert _unprofiled(article, f'<body class="single-post {post}">').body == BODY


@pytest.mark.parametrize("pattern", ["^/video/$", "^/video$"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_path_that_the_profile_rules_out_is_no_articles_in_either_form(
    pattern: str, slash: str
) -> None:
    url, links = f"{BASE}/video{slash}", Links(not_article=[pattern])
    with pytest.raises(NotAnArticle, match="its address is not an article's"):
        read(page_html(USUAL, HEAD.replace(URL, url)), url, links=links)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "   \n",
        "<html></html>",
        "<html><head></head><body></body></html>",
        page_html("", HEAD),
        page_html(current_post(own_article("")), HEAD),
        "\x00\x01\x02\x03" * 200,
        "upstream connect error or disconnect/reset before headers",
    ],
)
def test_a_broken_page_is_incomplete(html: str) -> None:
    with pytest.raises(IncompletePage) as caught:
        read(html)
    assert caught.value.url == URL
    assert caught.value.reason


def test_what_a_page_lacks_is_said_of_html_too() -> None:
    with pytest.raises(IncompletePage, match="has no title, no link and no article text"):
        read("<html><body><p>Back soon.</p></body></html>")


def test_a_page_cut_off_in_the_middle_is_told_by_its_bytes() -> None:
    html = page_html(USUAL).encode()
    assert not looks_truncated(html)
    cut = html[: len(html) // 2]
    assert looks_truncated(cut)
    with pytest.raises(IncompletePage):
        extract(Page.of(URL, cut, "text/html", NOW), PROFILE, "responsiblestatecraft")


def test_a_page_that_ends_with_its_last_script_is_whole_without_end_tags() -> None:
    html = page_html(USUAL).partition("</body>")[0]
    assert looks_truncated(f"{html}<div>".encode())
    assert not looks_truncated(f"{html}<div><script>load()</script>\n".encode())


# Encodings


@pytest.mark.parametrize(
    ("encoding", "content_type", "declared"),
    [
        ("utf-8", "text/html; charset=utf-8", ""),
        ("utf-8", None, ""),
        ("utf-8-sig", "text/html", ""),
        ("utf-16", "text/html", ""),
        ("cp1252", "text/html", '<meta charset="windows-1252">'),
        ("cp1252", None, ""),
        ("cp1252", "text/html; charset=iso-8859-1", ""),
        ("koi8-r", "text/html; charset=koi8-r", ""),
    ],
)
def test_the_encoding_is_found(encoding: str, content_type: str | None, declared: str) -> None:
    word = "Алматы" if encoding == "koi8-r" else "“café” — Müller’s €5"
    html = f"<html><head>{declared}<title>x</title></head><body><p>{word}</p></body></html>"
    root = parse_page(html.encode(encoding), content_type)
    assert root.findtext(".//p") == word


ENGLISH = "The talks on water went on in the capital for another week, without an end in sight."


@pytest.mark.parametrize("content_type", [None, "text/html", "text/html; charset=nothing"])
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Қазақстан мен Өзбекстан су туралы келісті."),
        ("windows-1251", "Переговоры о воде между странами региона снова сорвались."),
        ("koi8-r", "Переговоры о воде между странами региона снова сорвались."),
        ("windows-1252", "“It’s over,” Müller said — the café was shut."),
    ],
)
def test_a_page_that_declares_no_encoding_is_read_in_the_one_it_has(
    encoding: str, text: str, content_type: str | None
) -> None:
    for paragraph in (text, f"{ENGLISH} {text} {ENGLISH}"):
        html = f"<html><head><title>x</title></head><body><p>{paragraph}</p></body></html>"
        assert parse_page(html.encode(encoding), content_type).findtext(".//p") == paragraph


RUSSIAN = "Переговоры о воде между странами региона снова сорвались."


@pytest.mark.parametrize("claim", ["utf-8", "iso-8859-1", "windows-1251"])
@pytest.mark.parametrize("meta", ["utf-8", "windows-1251", "iso-8859-1"])
def test_utf_8_is_read_as_such_whatever_is_declared(claim: str, meta: str) -> None:
    html = f'<html><head><meta charset="{meta}"></head><body><p>{RUSSIAN}</p></body></html>'
    root = parse_page(html.encode(), f"text/html; charset={claim}")
    assert root.findtext(".//p") == RUSSIAN


def test_cut_characters_do_not_turn_a_page_that_says_utf_8_into_another() -> None:
    page = (
        b"<html><head><meta charset='utf-8'></head><body><p>Erdo\xc4\x9fan, Kazakhstan.</p>"
        b"<aside>cut her\xe2\x80</aside><aside>and he\xe2\x80</aside></body></html>"
    )
    assert parse_page(page, "text/html; charset=utf-8").findtext(".//p") == "Erdoğan, Kazakhstan."


@pytest.mark.parametrize("meta", ["windows-1251", "utf-8"])
def test_a_header_that_the_bytes_do_not_bear_out_gives_way(meta: str) -> None:
    html = f'<html><head><meta charset="{meta}"></head><body><p>{RUSSIAN}</p></body></html>'
    root = parse_page(html.encode("windows-1251"), "text/html; charset=utf-8")
    assert root.findtext(".//p") == RUSSIAN


@pytest.mark.parametrize("claim", ["undefined", "rot13", "base64"])
@pytest.mark.parametrize(("encoding", "text"), [("ascii", ENGLISH), ("windows-1251", RUSSIAN)])
def test_an_encoding_that_only_python_knows_gives_way(encoding: str, text: str, claim: str) -> None:
    for declared, content_type in ((f'<meta charset="{claim}">', None), ("", claim)):
        html = f"<html><head>{declared}<title>x</title></head><body><p>{text}</p></body></html>"
        header = content_type and f"text/html; charset={content_type}"
        assert parse_page(html.encode(encoding), header).findtext(".//p") == text


def test_a_page_of_ascii_that_says_utf_16_is_read() -> None:
    html = f'<html><head><meta charset="utf-16"></head><body><p>{ENGLISH}</p></body></html>'
    assert parse_page(html.encode()).findtext(".//p") == ENGLISH


def test_a_broken_character_does_not_cost_a_page_all_the_others() -> None:
    html = "<html><body><p>Тараз — город</p><p>‘Öskemen’ и Тар</p></body></html>".encode()
    cut = html.replace("Тар</p></body>".encode(), "Та".encode() + b"\xd1</p></body>")
    assert [each.text for each in parse_page(cut).iter("p")] == [
        "Тараз — город",
        "‘Öskemen’ и Та\ufffd",
    ]


def test_what_is_no_html_is_an_empty_page() -> None:
    for body in (b"", b"\x00", b"\xff\xfe", b"<!-- only a comment -->", b"%PDF-1.4\x00\x01"):
        assert parse_page(body, None).tag in ("html", "body", "p")


def test_a_headline_above_the_container_is_the_title_and_no_heading_in_it() -> None:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in OWN)
    html = page_html(f'<h1>{TITLE}</h1><div class="entry">{text}<h3>Share this story</h3></div>')
    markup = Markup(container=[".entry"], body=[".entry"])
    assert read(html, markup=markup).title == TITLE


def test_the_picture_below_a_standfirst_in_a_heading_leads() -> None:
    standfirst = (
        "The pipeline that was to end a dependence has, on the contrary, made a new one: " * 2
    )
    text = "".join(f"<p>{paragraph}</p>" for paragraph in OWN)
    html = page_html(
        f"<div><h1>{TITLE}</h1><h2>{standfirst}</h2>"
        '<figure><img src="/pipe.jpg"><figcaption>A pipeline</figcaption></figure>'
        f"{text}</div>"
    )
    article = extract(Page.of(URL, html.encode(), None, NOW), SiteProfile(base_url=BASE), "generic")
    assert article.subtitle == standfirst.strip()
    assert article.image is not None
    assert article.image.caption == "A pipeline"


def test_a_section_is_found_in_a_box_around_its_link() -> None:
    html = page_html(
        current_post(
            own_article().replace("</h1>", '</h1><ul class="cats"><li><a href="/world/">W</a></ul>')
        )
    )
    sections = PROFILE.markup.model_copy(update={"sections": [".cats li"]})
    assert read(html, markup=sections).sections == ["world"]


def test_a_caption_that_is_the_credit_is_none() -> None:
    picture = (
        '<img class="rm-shortcode" src="/a.jpg">'
        '<small class="media-caption media-photo-credit">Reuters/Joe Doe</small>'
    )
    image = read(page_html(current_post(own_article(picture + f"<p>{OWN[0]}</p>")))).image
    assert image is not None
    assert (image.caption, image.credit) == (None, "Reuters/Joe Doe")
