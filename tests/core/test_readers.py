"""What a source's answer says, whatever shape it has."""

from __future__ import annotations

import gzip
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from rscrawler.sites import SiteProfile, Source, SourceKind
from rscrawler.spiders.readers import (
    Entry,
    UnreadableSource,
    page_address,
    page_number,
    read_feed,
    read_listing,
    read_sitemap,
)
from rscrawler.spiders.reading import SourceToRead, read_source

SECTION = Source(kind=SourceKind.SECTION, path="/europe/")
PROFILE = SiteProfile(base_url="https://example.org", sources=[SECTION])
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def links(page: str, profile: SiteProfile = PROFILE) -> list[str]:
    root = html.document_fromstring(page)
    return [entry.url for entry in read_listing(root, "https://example.org/europe/", profile)]


# Listings.


def test_a_listing_gives_its_links_once_absolute_and_in_order() -> None:
    page = (
        '<a href="/one/">1</a><a href="two/"> 2</a><a href=" /one/ ">1</a>'
        '<a href="https://elsewhere.org/x">x</a><a name="no-address">n</a>'
        '<a href="mailto:a@b.org">m</a><a href="javascript:void(0)">j</a>'
        '<a href="http://[broken">b</a><a href="">self</a>'
    )
    assert links(page) == [
        "https://example.org/one/",
        "https://example.org/europe/two/",
        "https://elsewhere.org/x",
        "https://example.org/europe/",
    ]


def test_a_listing_with_a_base_is_read_by_it() -> None:
    page = '<head><base href="https://cdn.example.org/a/"></head><a href="b/">b</a>'
    assert links(page) == ["https://cdn.example.org/a/b/"]


def test_where_the_profile_says_so_links_count_in_a_part_of_the_page_only() -> None:
    page = '<nav><a href="/menu/">m</a></nav><main><a href="/one/">1</a></main>'
    within = PROFILE.links.model_copy(update={"within": ["main"]})
    profile = PROFILE.model_copy(update={"links": within})
    assert links(page, profile) == ["https://example.org/one/"]
    assert len(links(page.replace("main", "section"), profile)) == 2


# Feeds.


def rss(*items: str) -> bytes:
    return f'<rss version="2.0"><channel><title>t</title>{"".join(items)}</channel></rss>'.encode()


def test_a_feed_gives_addresses_and_dates() -> None:
    feed = rss(
        "<item><link>https://example.org/one/</link>"
        "<pubDate>Tue, 24 Nov 2026 13:00:00 +0100</pubDate></item>",
        "<item><link>/two/</link></item>",
        "<item><title>no address</title></item>",
        "<item><link>https://example.org/3/</link><pubDate>yesterday, at noon</pubDate></item>",
    )
    assert read_feed(feed, "https://example.org/feed") == [
        Entry("https://example.org/one/", NOON, NOON),
        Entry("https://example.org/two/"),
        Entry("https://example.org/3/"),
    ]


def test_an_atom_feed_tells_publication_from_update() -> None:
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry>
      <link href="https://example.org/one/"/><published>2026-11-24T12:00:00Z</published>
      <updated>2026-11-25T12:00:00Z</updated></entry></feed>"""
    (entry,) = read_feed(feed, "https://example.org/feed")
    assert entry.published_at == NOON
    assert entry.dated_at == NOON.replace(day=25)


def test_a_link_that_is_no_address_is_passed_over_in_a_feed_and_in_a_sitemap() -> None:
    links = ("http://[oops/", "mailto:desk@example.org", "https://example.org/piece/")
    items = "".join(f"<item><link>{link}</link></item>" for link in links)
    feed = f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()
    assert [e.url for e in read_feed(feed, "https://example.org/feed/")] == [links[-1]]
    parts = "".join(f"<sitemap><loc>{link}</loc></sitemap>" for link in ("/part.xml", *links))
    index = f"<sitemapindex>{parts}</sitemapindex>".encode()
    assert [e.url for e in read_sitemap(index).sitemaps] == [links[-1]]


FULL_TEXT = """<title>A &amp; B</title><dc:creator>Ann</dc:creator><category>Kazakhstan</category>
  <!-- as printed --><media:content url="https://example.org/a.jpg"/>
  <source url="https://else.org/feed">Else</source>
  <content:encoded><![CDATA[<p>As <a href="https://else.org/">told</a> &eacute;]]></content:encoded>
  <description>&lt;p&gt;As told, &amp;eacute;&lt;/p&gt;</description>"""
SPACES = """xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/" """


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
@pytest.mark.parametrize("text", ["", FULL_TEXT, FULL_TEXT + "&nbsp;"])
def test_a_feed_says_the_same_with_and_without_full_texts(text: str, encoding: str) -> None:
    feed = f"""<?xml version="1.0" encoding="{encoding}"?><rss version="2.0" {SPACES}><channel>
      <title>Новости</title><link>https://example.org/</link>
      <item>{text}<link>https://example.org/?p=1&amp;q=ы</link><guid>1</guid>
        <pubDate>Tue, 24 Nov 2026 13:00:00 +0100</pubDate></item>
      <item>{text}<guid isPermaLink="true">https://example.org/two/</guid></item>
      <item>{text}<guid isPermaLink="false">https://else.org/</guid></item></channel></rss>"""
    assert read_feed(feed.encode(encoding), "https://example.org/feed") == [
        Entry("https://example.org/?p=1&q=ы", NOON, NOON),
        Entry("https://example.org/two/"),
    ]


def test_a_feed_that_declares_another_encoding_than_it_has_keeps_its_addresses() -> None:
    feed = rss("<item><link>https://example.org/café/</link></item>")
    wrong = b'<?xml version="1.0" encoding="iso-8859-1"?>' + feed
    assert read_feed(wrong, "https://example.org/") == [Entry("https://example.org/café/")]


def test_a_feed_that_is_cut_off_gives_what_it_has() -> None:
    feed = rss("<item><link>https://example.org/one/</link></item>", "<item><link>https://exa")
    whole = feed[: feed.index(b"https://exa<")]
    assert [entry.url for entry in read_feed(whole, "https://example.org/")][:1] == [
        "https://example.org/one/"
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><p>Moved</p></html>",
        b"\x00\xff\xfe",
        b"{}",
        b'<rss version="2.0"><channel><title>&#x110000;</title><item>',  # no character
    ],
)
def test_what_is_no_feed_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableSource, match="is not a feed"):
        read_feed(body, "https://example.org/feed")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(UnreadableSource):
        assert all(entry.url for entry in read_feed(body, "https://example.org/f"))
    with suppress(UnreadableSource):
        assert all(entry.url for entry in read_sitemap(body).entries)


# Sitemaps.


def test_a_sitemap_gives_addresses_and_dates() -> None:
    body = f"""<?xml version="1.0"?><urlset {SITEMAP}
      xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">
      <url><loc> https://example.org/one/ </loc><lastmod>2026-11-24T12:00:00Z</lastmod></url>
      <url><loc>https://example.org/two/</loc><news:news>
        <news:publication_date>2026-11-24T13:00:00+01:00</news:publication_date></news:news></url>
      <url><loc>https://example.org/three/</loc><lastmod>soon</lastmod></url>
      <url><lastmod>2026-11-24</lastmod></url></urlset>""".encode()
    content = read_sitemap(body)
    assert content.sitemaps == ()
    assert content.entries == (
        Entry("https://example.org/one/", NOON, None),
        Entry("https://example.org/two/", NOON, NOON),
        Entry("https://example.org/three/", None, None),
    )


def test_the_images_and_videos_of_a_sitemap_entry_are_not_its_address_and_date() -> None:
    body = f"""<?xml version="1.0"?><urlset {SITEMAP}
      xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"
      xmlns:video="http://www.google.com/schemas/sitemap-video/1.1">
      <url><loc>https://example.org/one/</loc><lastmod>2026-11-24T12:00:00Z</lastmod>
        <image:image><image:loc>https://example.org/uploads/a.jpg</image:loc></image:image>
        <image:image><image:loc>https://example.org/uploads/b.jpg</image:loc></image:image></url>
      <url><video:video><video:content_loc>https://example.org/v.mp4</video:content_loc>
        <video:publication_date>2020-01-01T00:00:00Z</video:publication_date></video:video>
        <loc>https://example.org/two/</loc></url></urlset>""".encode()
    assert read_sitemap(body).entries == (
        Entry("https://example.org/one/", NOON, None),
        Entry("https://example.org/two/", None, None),
    )


def test_an_index_gives_further_sitemaps() -> None:
    body = f"""<sitemapindex {SITEMAP}><sitemap><loc>https://example.org/s1.xml</loc>
      <lastmod>2026-11-24T12:00:00Z</lastmod></sitemap></sitemapindex>""".encode()
    content = read_sitemap(body)
    assert (content.entries, content.sitemaps) == (
        (),
        (Entry("https://example.org/s1.xml", NOON, None),),
    )


@pytest.mark.parametrize("body", [b"", b"<rss/>", b"<html></html>", b"not xml", b"\xff\x00"])
def test_what_is_no_sitemap_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableSource):
        read_sitemap(body)


def test_a_sitemap_reads_no_file_and_no_bomb() -> None:
    body = b"""<!DOCTYPE urlset [<!ENTITY f SYSTEM "file:///etc/hostname">]>
      <urlset><url><loc>https://example.org/&f;</loc></url></urlset>"""
    (entry,) = read_sitemap(body).entries
    assert entry.url == "https://example.org/"


# Pages of a source.


@pytest.mark.parametrize(
    ("url", "page", "expected"),
    [
        ("https://example.org/europe/", 1, "https://example.org/europe/"),
        ("https://example.org/europe/", 2, "https://example.org/europe/?page=2"),
        ("https://example.org/e/?a=1&page=2", 3, "https://example.org/e/?a=1&page=3"),
    ],
)
def test_a_page_has_its_address_and_the_address_its_number(
    url: str, page: int, expected: str
) -> None:
    assert page_address(SECTION, url, page) == expected
    assert page_number(SECTION, expected) == page


@pytest.mark.parametrize("query", ["", "?page=", "?page=x", "?page=%C2%B2", "?other=3"])
def test_an_address_without_a_page_number_is_the_first_page(query: str) -> None:
    assert page_number(SECTION, f"https://example.org/europe/{query}") == 1


def test_a_packed_sitemap_is_read_and_one_that_bursts_is_not() -> None:
    body = b"<urlset><url><loc>https://site.example/a/</loc></url></urlset>"
    assert [entry.url for entry in read_sitemap(gzip.compress(body)).entries] == [
        "https://site.example/a/"
    ]
    for bad in (gzip.compress(bytes(60 * 2**20)), gzip.compress(body)[:20], b"\x1f\x8bnothing"):
        with pytest.raises(UnreadableSource):
            read_sitemap(bad)


def test_a_list_that_is_empty_is_a_page_and_garbage_is_none() -> None:
    source = Source(kind=SourceKind.TAG, path="/tag/x/")
    url = "https://site.example/tag/x/"

    def read(body: bytes) -> int:
        page = SourceToRead(site="site", url=url, body=body, content_type=None, source=source)
        return len(read_source(page, PROFILE).entries)

    assert read(b"<html><head><title>x</title></head><body><div></div></body></html>") == 0
    with pytest.raises(UnreadableSource):
        read(b"\x13\x07 nothing of a page")
