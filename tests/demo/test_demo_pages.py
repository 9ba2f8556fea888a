from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from lxml import etree, html

from rscrawler.items import Level
from tests.demo.conftest import Get
from tests.sample_site import SampleSite, appeal_texts
from tests.sample_site.pages import CARDS_PER_PAGE, ENTRIES_PER_PAGE, render_article
from tests.sample_site.stories import Shape, Story

OWN = "//*[@data-source='current_post']//article[contains(@class, 'page-article')]"
NAMESPACES = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "dc": "http://purl.org/dc/elements/1.1/",
}


# What an XPath returns depends on the expression, so these are Any to the type checker.
def parsed(get: Get, path: str) -> Any:
    reply = get(path)
    assert reply.status == 200, path
    return html.document_fromstring(reply.body)


def squeezed(text: str) -> str:
    """Text as a record would hold it, but for its paragraphs."""
    return " ".join(unicodedata.normalize("NFC", text.replace("\u00ad", "")).split())


def shaped(site: SampleSite, shape: Shape) -> list[Story]:
    """The stories of a shape, of which there are some."""
    stories = site.shaped(shape)
    assert stories, shape
    return stories


def own_text(get: Get, story: Story) -> str:
    page = parsed(get, story.path)
    for line_break in page.iter("br"):
        line_break.tail = " " + (line_break.tail or "")
    return squeezed(page.xpath(OWN)[0].text_content())


def test_every_page_holds_its_story_word_for_word_and_in_order(site: SampleSite, get: Get) -> None:
    for story in site.stories:
        text = own_text(get, story)
        assert story.title in text, story.slug
        position = text.index(story.title)
        for paragraph in story.paragraphs:
            position = text.find(paragraph, position)
            assert position >= 0, (story.slug, paragraph)


def test_every_page_carries_other_articles_and_one_is_about_the_region(
    site: SampleSite, get: Get
) -> None:
    for story in site.stories[:25]:
        others = site.neighbours(story)
        assert len(others) >= 3
        assert any(other.level and other.level.reaches(Level.SUBSTANTIAL) for other in others)
        text = squeezed(parsed(get, story.path).text_content())
        assert all(squeezed(other.paragraphs[0]) in text for other in others)


def test_metadata_states_address_title_and_dates(site: SampleSite, get: Get) -> None:
    story = next(s for s in site.stories if s.modified_at and not s.shapes & undated())
    page = parsed(get, story.path)
    assert page.xpath("string(//link[@rel='canonical']/@href)") == site.base_url + story.path
    assert page.xpath("string(//title)") == f"{story.title} - Sample Statecraft"
    assert page.get("lang") == "en"
    meta = {m.get("property"): m.get("content") for m in page.iter("meta")}
    assert meta["og:title"] == story.title
    assert datetime.fromisoformat(meta["article:published_time"]) == story.published_at
    assert datetime.fromisoformat(meta["article:modified_time"]) == story.modified_at


def undated() -> frozenset[Shape]:
    return frozenset({Shape.NO_DATE, Shape.JSON_LD_DATES})


SHOWN_BY = {
    Shape.JSON_LD: "//script[@type='application/ld+json']",
    Shape.LINKS: f"{OWN}//div[@class='body-description']/p/a",
    Shape.SPANS: f"{OWN}//span[@class='rm-dropcap']",
    Shape.BREAKS: f"{OWN}//p/br",
    Shape.INLINE_MEDIA: f"{OWN}//p[contains(@class, 'shortcode-media')]/small",
    Shape.FOREIGN_INSIDE: f"{OWN}/div[contains(@class, 'posts-custom')]//article",
    Shape.FOREIGN_IN_BODY: f"{OWN}//div[@class='body-description']/div//article",
    Shape.APPEAL_MARKED: f"{OWN}//div[contains(@class, 'donation-appeal')]",
    Shape.NEWSLETTER_MIDDLE: f"{OWN}//div[@class='newsletter-element']/following-sibling::*",
    Shape.REGION_LINKS: f"{OWN}//a[starts-with(@href, '/regions/')]",
    Shape.CREDIT_BELOW: f"{OWN}/div[@class='photo-credit']",
    Shape.WINDOWS_1252: "//meta[@charset='windows-1252']",
}


@pytest.mark.parametrize("shape", SHOWN_BY)
def test_a_shape_shows_on_its_pages(site: SampleSite, get: Get, shape: Shape) -> None:
    for story in shaped(site, shape):
        assert parsed(get, story.path).xpath(SHOWN_BY[shape]), story.slug


@pytest.mark.parametrize("shape", [Shape.APPEAL_BARE, Shape.APPEAL_MIDDLE])
def test_bare_appeals_stand_among_the_paragraphs(site: SampleSite, get: Get, shape: Shape) -> None:
    appeals = set(appeal_texts())
    for story in shaped(site, shape):
        paragraphs = parsed(get, story.path).xpath(f"{OWN}//div[@class='body-description']/p")
        assert appeals & {squeezed(p.text_content()) for p in paragraphs}, story.slug
        assert not appeals & set(story.paragraphs)


def test_undated_pages_have_no_date_anywhere(site: SampleSite, get: Get) -> None:
    feed = "".join(get(f"/feeds/feed.rss?page={page}").text for page in (1, 2, 3))
    for story in shaped(site, Shape.NO_DATE):
        page = get(story.path).text
        assert "article:published_time" not in page
        assert (
            f"{story.published_at:%b} {story.published_at.day}, "
            not in page.split("page-article")[1]
        )
        assert story.path not in feed
        assert site.truth_of(story).published_at is None


def test_dates_only_in_structured_data_are_right(site: SampleSite, get: Get) -> None:
    for story in shaped(site, Shape.JSON_LD_DATES):
        page = get(story.path).text
        assert "article:published_time" not in page
        stated = re.search(r'"datePublished": "([^"]+)"', page)
        assert stated
        assert stated[1].endswith("-04:00")
        assert datetime.fromisoformat(stated[1]) == story.published_at


def test_windows_1252_is_stated_on_the_page_alone(site: SampleSite, get: Get) -> None:
    for story in shaped(site, Shape.WINDOWS_1252):
        assert get(story.path).headers["Content-Type"] == "text/html"


def test_unclosed_pages_close_no_paragraph_of_their_own(site: SampleSite) -> None:
    for story in shaped(site, Shape.UNCLOSED):
        page = render_article(site, story)
        body = page.split('<div class="body-description">')[1]
        assert f"{story.paragraphs[1]}</p>" not in body


@pytest.mark.parametrize("path", ["/", "/analysis/", "/regions/asia-pacific/"])
def test_load_more_reaches_the_end_of_a_listing(site: SampleSite, get: Get, path: str) -> None:
    wanted = [
        site.base_url + story.path
        for story in site.stories
        if path == "/" or path.strip("/").split("/")[-1] in story.sections
    ]
    found, number = [], 1
    while links := parsed(get, f"{path}?page={number}").xpath("//article//h2/a/@href"):
        assert len(links) <= CARDS_PER_PAGE
        found += links
        number += 1
    assert found == wanted
    assert number > 2


def test_a_listing_links_to_its_next_page_until_the_last(site: SampleSite, get: Get) -> None:
    path, pages = "/", 0
    while path:
        path = parsed(get, path).xpath("string(//a[@rel='next']/@href)")
        pages += 1
    assert pages == -(-len(site.stories) // CARDS_PER_PAGE)


def test_tag_and_author_pages_list_their_stories(site: SampleSite, get: Get) -> None:
    for path, slugs in {
        "/tag/kazakhstan/": {s.slug for s in site.stories if "kazakhstan" in s.tags},
        "/author/jana-novotny/": {s.slug for s in site.stories if "Jana Novotny" in s.authors},
    }.items():
        links = parsed(get, path).xpath("//article//h2/a/@href")
        assert slugs
        assert {link.strip("/").split("/")[-1] for link in links} == slugs


def test_the_feed_pages_hold_every_dated_story_once(site: SampleSite, get: Get) -> None:
    entries, number = [], 1
    while items := feed_items(get, f"/feeds/feed.rss?page={number}"):
        assert len(items) <= ENTRIES_PER_PAGE
        entries += items
        number += 1
    dated = [story for story in site.stories if Shape.NO_DATE not in story.shapes]
    assert [item.findtext("link") for item in entries] == [
        site.base_url + story.path for story in dated
    ]
    for item, story in zip(entries, dated, strict=True):
        assert parsedate_to_datetime(item.findtext("pubDate", "")) == story.published_at
        assert item.findtext("guid") == story.post_id
        assert item.findtext("title") == story.title
        assert [e.text for e in item.findall("dc:creator", NAMESPACES)] == list(story.authors)


def test_a_section_feed_holds_that_section(site: SampleSite, get: Get) -> None:
    links = [item.findtext("link") for item in feed_items(get, "/feeds/europe.rss")]
    assert links == [
        site.base_url + story.path
        for story in site.stories
        if "europe" in story.sections and Shape.NO_DATE not in story.shapes
    ]


def feed_items(get: Get, path: str) -> Any:
    return etree.fromstring(get(path).body).findall("channel/item")


def test_the_sitemaps_hold_every_story_once_and_images_among_them(
    site: SampleSite, get: Get
) -> None:
    sitemaps = locations_in(get, "/sitemap.xml")
    locations = [location for sitemap in sitemaps for location in locations_in(get, sitemap)]
    articles = [location for location in locations if "/media-library/" not in location]
    assert sorted(articles) == sorted(article.url for article in site.truth())
    assert len(articles) < len(locations)


def locations_in(get: Get, path: str) -> list[str]:
    found = etree.fromstring(get(path).body).findall(".//s:loc", NAMESPACES)
    return [location.text or "" for location in found]


def test_truth_counts_every_public_story(site: SampleSite) -> None:
    truth = site.truth()
    assert len(truth) == len(site.stories) == 60
    assert len({article.url for article in truth}) == 60
    for article in truth:
        assert article.word_count == len(article.body.split())
        assert (article.image_url is None) == (article.image_credit is None)


def test_some_stories_lack_what_others_have(site: SampleSite) -> None:
    truth = site.truth()
    assert any(not article.authors for article in truth)
    assert any(len(article.authors) > 2 for article in truth)
    assert any(article.subtitle is None for article in truth)
    assert any(article.image_url is None for article in truth)
    assert any(article.modified_at for article in truth)
    assert any(article.republished_from for article in truth)
