"""What a source's answer says, whatever shape it has."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.sources import (
    KINDS,
    Entry,
    SourceContent,
    SourcePage,
    UnreadableSource,
    is_truncated,
    page_address,
    read_source,
)

SECTION = Source(kind=SourceKind.SECTION, path="/europe/")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'

SPACES = """xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
  xmlns:content="http://purl.org/rss/1.0/modules/content/" """


def read(kind: str, body: bytes, path: str = "/europe/", **more: Any) -> SourceContent:
    """What a source of that kind at `path` says; `more` are the source's keys, or the page's."""
    page = {name: more.pop(name) for name in ("within", "link_header") if name in more}
    source = Source.model_validate({"kind": kind, "path": path, **more})
    url = f"https://example.org{path}"
    return read_source(SourcePage("example", url, body, None, source, **page))


def read_feed(body: bytes) -> list[Entry]:
    return list(read("feed", body).entries)


def read_sitemap(body: bytes) -> SourceContent:
    return read("sitemap", body)


def links(page: str, *within: str) -> list[str]:
    return [entry.url for entry in read("section", page.encode(), within=within).entries]


def test_every_kind_that_a_profile_can_name_is_read() -> None:
    assert set(KINDS) == set(SourceKind)


@pytest.mark.parametrize("kind", SourceKind)
def test_an_empty_answer_is_unreadable_whatever_the_kind(kind: SourceKind) -> None:
    with pytest.raises(UnreadableSource, match="is empty"):
        read(kind, b" \n")


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
    ]


def test_a_listing_with_a_base_is_read_by_it() -> None:
    page = '<head><base href="https://cdn.example.org/a/"></head><a href="b/">b</a>'
    assert links(page) == ["https://cdn.example.org/a/b/"]


@pytest.mark.parametrize("base", ["http://[host]/", "about:blank", " "])
def test_a_base_that_is_no_web_address_does_not_count(base: str) -> None:
    page = f'<head><base href="{base}"></head><a href="/one/">1</a>'
    assert links(page) == ["https://example.org/one/"]


def test_where_the_profile_says_so_links_count_in_a_part_of_the_page_only() -> None:
    page = '<nav><a href="/menu/">m</a></nav><main><a href="/one/">1</a></main>'
    assert links(page, "main") == ["https://example.org/one/"]
    assert len(links(page.replace("main", "section"), "main")) == 2


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ('<a href="?page=1" title="Go to next page" rel="next">››</a>', "/europe/?page=1"),
        ('<link rel="next" href="/europe/page/2/">', "/europe/page/2/"),
        ('<a rel="nofollow next" href="?p=2">Older</a>', "/europe/?p=2"),
        ('<a rel="next" href="javascript:;">+</a><a rel="next" href="?p=2">2</a>', "/europe/?p=2"),
        ('<a rel="prev" href="?page=1">‹‹</a><a href="?page=3">3</a>', None),
        ('<a rel="next" href="#">Load more</a>', None),
        ('<a rel="next" href="#more">Load more</a>', None),
    ],
)
def test_the_next_page_of_a_listing_is_the_one_that_it_says_is_next(
    link: str, following: str | None
) -> None:
    page = f"<main><a href='/one/'>1</a></main><footer>{link}</footer>"
    content = read("section", page.encode(), within=("main",))
    assert content.next_url == (following and f"https://example.org{following}")
    assert [each.url for each in content.entries] == ["https://example.org/one/"]


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
    assert read_feed(feed) == [
        Entry("https://example.org/one/", NOON, NOON),
        Entry("https://example.org/two/"),
        Entry("https://example.org/3/"),
    ]


def test_an_atom_feed_tells_publication_from_update() -> None:
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry>
      <link href="https://example.org/one/"/><published>2026-11-24T12:00:00Z</published>
      <updated>2026-11-25T12:00:00Z</updated></entry></feed>"""
    (entry,) = read_feed(feed)
    assert entry.published_hint == NOON
    assert entry.dated_at == NOON.replace(day=25)


@pytest.mark.parametrize(
    "date",
    [
        "Tue, Nov 24 2026 01:00:00 PM +0100",
        "Tue, 24 Nov 2026 13:00 CET",
        "mar, 24 nov 2026 13:00:00 +0100",  # Italian
        "Ter, 24 Nov 2026 09:00:00 -0300",  # Portuguese
        "24.11.2026 12:00:00",
        "2026/11/24 12:00:00",
        "1795521600",
        "2026-11-24T13:00:0+01:00",
        "Tue, 24 Nov 26 12:00:00 GMT",
        "Tue, 24 Nov 2026 08:00:00 AST",
        "Tue, 24 Nov 2026 17:30:00+5:30",  # India
    ],
)
def test_a_date_of_a_feed_is_read_as_pages_are_and_as_its_format_has_it(date: str) -> None:
    feed = rss(f"<item><link>/one/</link><pubDate>{date}</pubDate></item>")
    assert read_feed(feed) == [Entry("https://example.org/one/", NOON, NOON)]


def test_the_one_date_of_an_entry_in_rss_is_that_of_its_publication() -> None:
    item = "<item {}><link>/one/</link><dc:date>2026-11-24T13:00:00+01:00</dc:date></item>"
    feed = f"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
      xmlns="http://purl.org/rss/1.0/" {SPACES}>{item.format("rdf:about='/one/'")}</rdf:RDF>"""
    entry = Entry("https://example.org/one/", NOON, NOON)
    assert read_feed(feed.encode()) == [entry]
    feed = f"""<rss version="2.0" {SPACES}><channel>{item.format("")}</channel></rss>"""
    assert read_feed(feed.encode()) == [entry]
    feed = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/one/"/>
      <updated>2026-11-24T12:00:00Z</updated></entry></feed>"""
    assert read_feed(feed.encode()) == [Entry("https://example.org/one/", NOON)]


def test_the_year_1_of_an_undated_page_is_no_date() -> None:
    feed = rss("<item><link>/a/</link><pubDate>Mon, 01 Jan 0001 00:00:00 +0000</pubDate></item>")
    body = b"""<urlset><url><loc>https://example.org/a/</loc>
      <lastmod>0001-01-01T00:00:00+00:00</lastmod></url></urlset>"""
    assert read_feed(feed) == list(read_sitemap(body).entries) == [Entry("https://example.org/a/")]


def test_a_feeds_entry_is_its_page_not_a_picture_or_another_article_beside_it() -> None:
    feed = b"""<feed xmlns="http://www.w3.org/2005/Atom"><entry>
      <link rel="alternate" type="text/html" href="/one/"/>
      <link rel="enclosure" type="image/jpeg">https://img.example.org/one.jpg</link></entry></feed>"""
    assert read_feed(feed) == [Entry("https://example.org/one/")]
    feed = rss(
        "<item><title>A & B</title><link>/two/</link>"
        "<x:related><link url='/three/'><x:title>3</x:title></link></x:related></item>"
    )
    assert read_feed(feed) == [Entry("https://example.org/two/")]


@pytest.mark.parametrize(
    ("prefix", "space"),
    [
        ("feedburner", "http://rssnamespace.org/feedburner/ext/1.0"),
        ("pheedo", "http://www.pheedo.com/namespace/pheedo"),
    ],
)
@pytest.mark.parametrize("title", ["", "<title>A & B</title>"])
def test_an_entry_whose_link_counts_clicks_is_the_page_that_is_named_beside_it(
    prefix: str, space: str, title: str
) -> None:
    feed = f"""<rss version="2.0" xmlns:{prefix}="{space}"><channel><item>{title}
      <link>http://counts.example/~r/x/~3/1/</link>
      <{prefix}:origLink>https://example.org/one/?from=rss</{prefix}:origLink></item>
      <item><link>/two/</link></item></channel></rss>"""
    found = [entry.url for entry in read_feed(feed.encode())]
    assert found == ["https://example.org/one/?from=rss", "https://example.org/two/"]


@pytest.mark.parametrize(
    "odd",
    [
        "<fb:origLink type='x'>https://example.org/one/</fb:origLink>",
        "<links>one two</links>",
        "<published_parsed>2026</published_parsed>",
    ],
)
@pytest.mark.parametrize("end", ["", "</channel>"], ids=["well-formed", "broken"])
def test_an_element_that_the_parser_has_a_use_of_its_own_for_hides_no_entry(
    odd: str, end: str
) -> None:
    feed = f"""<rss version="2.0" xmlns:fb="http://rssnamespace.org/feedburner/ext/1.0"><channel>
      <item><link>/one/</link>{odd}</item>{end}<item><link>/two/</link></item></channel></rss>"""
    found = [entry.url for entry in read_feed(feed.encode())]
    assert found == ["https://example.org/one/", "https://example.org/two/"]


@pytest.mark.parametrize(
    "text", ["&#55357;&#56841;", "&#xD83D;&#xDE09", "&#x110000;", "&#99999999999;"]
)
def test_a_reference_to_what_is_no_character_hides_no_entry(text: str) -> None:
    urls = ["https://example.org/one/", "https://example.org/т/?a=1&b=2"]
    links = [urls[0], "https://example.org/&#1090;/?a=1&#38;b=2"]
    items = (f"<item><title>{text}</title><link>{link}</link></item>" for link in links)
    parts = (
        f"<url><loc>{link}</loc><n:news><n:title>{text}</n:title></n:news></url>" for link in links
    )
    sitemap = f"<urlset {SITEMAP} xmlns:n='urn:news'>{''.join(parts)}</urlset>"
    for entries in (read_feed(rss(*items)), read_sitemap(sitemap.encode()).entries):
        assert [each.url for each in entries] == urls


@pytest.mark.parametrize("start", [b"", b"\n", b"\xef\xbb\xbf"])
def test_a_source_that_calls_its_utf_8_utf_16_is_read_all_the_same(start: bytes) -> None:
    head = start + b'<?xml version="1.0" encoding="utf-16"?>'
    url = "https://example.org/т/"
    feed = rss(f"<item><title>т</title><link>{url}</link></item>")
    sitemap = f"<urlset><url><loc>{url}</loc></url></urlset>".encode()
    assert read_feed(head + feed) == list(read_sitemap(head + sitemap).entries) == [Entry(url)]


def test_a_link_that_is_no_address_is_passed_over_in_a_feed_and_in_a_sitemap() -> None:
    links = ("http://[oops/", "mailto:desk@example.org", "https://example.org/article/")
    items = "".join(f"<item><link>{link}</link></item>" for link in links)
    feed = f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()
    assert [e.url for e in read_feed(feed)] == [links[-1]]
    parts = "".join(f"<sitemap><loc>{link}</loc></sitemap>" for link in links)
    index = f"<sitemapindex>{parts}</sitemapindex>".encode()
    assert [e.url for e in read_sitemap(index).sitemaps] == [links[-1]]


FULL_TEXT = """<title>A &amp; B</title><dc:creator>Ann</dc:creator><category>Kazakhstan</category>
  <!-- as printed --><media:content url="https://example.org/a.jpg"/>
  <source url="https://else.org/feed">Else</source>
  <content:encoded><![CDATA[<p>As <a href="https://else.org/">told</a> &eacute;]]></content:encoded>
  <description>&lt;p&gt;As told, &amp;eacute;&lt;/p&gt;</description>"""


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
@pytest.mark.parametrize("text", ["", FULL_TEXT, FULL_TEXT + "&nbsp;"])
def test_a_feed_says_the_same_with_and_without_full_texts(text: str, encoding: str) -> None:
    feed = f"""<?xml version="1.0" encoding="{encoding}"?><rss version="2.0" {SPACES}><channel>
      <title>Новости</title><link>https://example.org/</link>
      <item>{text}<link>https://example.org/?p=1&amp;q=ы</link><guid>1</guid>
        <pubDate>Tue, 24 Nov 2026 13:00:00 +0100</pubDate></item>
      <item>{text}<guid isPermaLink="true">https://example.org/two/</guid></item>
      <item>{text}<guid isPermaLink="false">https://else.org/</guid></item></channel></rss>"""
    assert read_feed(feed.encode(encoding)) == [
        Entry("https://example.org/?p=1&q=ы", NOON, NOON),
        Entry("https://example.org/two/"),
    ]


@pytest.mark.parametrize("head", ["", '<?xml version="1.0" encoding="utf-8"?>'])
def test_an_address_in_any_script_is_read_in_atom(head: str) -> None:
    url = "https://example.org/новости/мост/"
    feed = f"""{head}<feed xmlns="http://www.w3.org/2005/Atom"><title>Новости</title>
      <entry><link rel="alternate" href="{url}"/><id>1</id></entry></feed>"""
    assert read_feed(feed.encode()) == [Entry(url)]


def test_a_feed_that_declares_another_encoding_than_it_has_keeps_its_addresses() -> None:
    feed = rss("<item><link>https://example.org/café/</link></item>")
    wrong = b'<?xml version="1.0" encoding="iso-8859-1"?>' + feed
    assert read_feed(wrong) == [Entry("https://example.org/café/")]


@pytest.mark.parametrize("broken", [b"\x92", b"\xd0", b"\xed\xa0\xbd\xed\xb8\x80"])
@pytest.mark.parametrize("head", [b"", b'<?xml version="1.0" encoding="utf-8"?>'])
def test_a_broken_character_in_a_feed_leaves_its_addresses_whole(
    head: bytes, broken: bytes
) -> None:
    feed = rss("<item><title>Новости XX</title><link>https://example.org/новости/</link></item>")
    assert read_feed(head + feed.replace(b"XX", broken)) == [Entry("https://example.org/новости/")]


@pytest.mark.parametrize("text", ["", "A & B &nbsp; <b>", "<![CDATA[A & B]]>"])
@pytest.mark.parametrize("ampersand", ["&", "&amp;", "&#38;", "CDATA"])
def test_a_bare_ampersand_in_an_address_is_part_of_it(ampersand: str, text: str) -> None:
    url = "https://example.org/?id=1&copy=2&lang=ru&part=3"
    written = f"<![CDATA[{url}]]>" if ampersand == "CDATA" else url.replace("&", ampersand)
    links = (f"<{name}>{written}</{name}>" for name in ("link", "guid"))
    feeds = [rss(f"<item><title>{text}</title>{link}</item>") for link in links]
    if ampersand != "CDATA":
        entry = f"<entry><title>{text}</title><link href='{written}'/></entry>"
        feeds.append(f"<feed xmlns='http://www.w3.org/2005/Atom'>{entry}</feed>".encode())
    assert [*map(read_feed, feeds)] == [[Entry(url)]] * len(feeds)
    part = f"<url><loc>{written}</loc><news><title>{text}</title></news></url>"
    for begin in ("", "\n<?xml version='1.0'?>"):
        body = f"{begin}<urlset {SITEMAP}>{part}</urlset>"
        assert read_sitemap(body.encode()).entries == (Entry(url),)


def test_a_feed_that_is_cut_off_gives_what_it_has() -> None:
    feed = rss("<item><link>https://example.org/one/</link></item>", "<item><link>https://exa")
    whole = feed[: feed.index(b"https://exa<")]
    assert [entry.url for entry in read_feed(whole)][:1] == ["https://example.org/one/"]


@pytest.mark.parametrize(
    ("kind", "whole"),
    [
        ("feed", rss("<item><link>https://example.org/one/</link></item>")),
        (
            "feed",
            rss("<item><link>https://example.org/one/</link></item>").decode().encode("utf-16"),
        ),
        (
            "feed",
            b"<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry/></a:feed >\n<!-- cached -->",
        ),
        ("feed", b"<rdf:RDF><item/></rdf:RDF>"),
        (
            "sitemap",
            f"<urlset {SITEMAP}><url><loc>https://example.org/</loc></url></urlset>".encode(),
        ),
        ("sitemap", f"<sitemapindex {SITEMAP}><sitemap/></sitemapindex>".encode()),
        ("section", b"<html><body><div><a href='/one/'>One</a></div></body></html>"),
    ],
)
def test_a_page_of_a_source_that_stops_within_its_document_is_truncated(
    kind: str, whole: bytes
) -> None:
    source = Source.model_validate({"kind": kind, "path": "/"})
    page = SourcePage("example", "https://example.org/", whole, None, source)
    assert not is_truncated(page)
    assert is_truncated(replace(page, body=whole[: len(whole) * 2 // 3]))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("sitemap", gzip.compress(b"<urlset></urlset>", mtime=0)),
        ("sitemap", f"<urlset {SITEMAP} />".encode()),
        ("json", b"[]"),
        ("section", b"<div><a href='/one/'>One</a>"),
    ],
)
def test_a_page_that_has_no_end_tag_to_look_for_is_whole(kind: str, body: bytes) -> None:
    source = Source.model_validate({"kind": kind, "path": "/"})
    assert not is_truncated(SourcePage("example", "https://example.org/", body, None, source))


@pytest.mark.parametrize(
    "body",
    [
        b"<html><p>Moved</p></html>",
        b"\x00\xff\xfe",
        b"{}",
        b'<rss version="2.0"><channel><item><category>x</item></category>',  # crossed
    ],
)
def test_what_is_no_feed_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableSource, match="is not a feed"):
        read_feed(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(UnreadableSource):
        assert all(entry.url for entry in read_feed(body))
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


@pytest.mark.parametrize(
    "body",
    [
        "<urlset><urlset><url><loc>{0}</loc></url><url><loc>{1}</loc></url></urlset></urlset>",
        "<urlset><url><loc>{0}</loc><url><loc>{1}</loc></url></urlset>",
        "<sitemapindex><url><loc>{0}</loc><loc>{1}</loc></url></sitemapindex>",
    ],
    ids=["a set in a set", "no end tag", "two in one"],
)
def test_a_malformed_sitemap_gives_all_its_addresses(body: str) -> None:
    urls = ["https://example.org/one/", "https://example.org/two/"]
    assert [each.url for each in read_sitemap(body.format(*urls).encode()).entries] == urls


@pytest.mark.parametrize(
    "body",
    [
        "<sitemapindex><sitemap><loc>{0}</loc><loc>{1}</loc></sitemap></sitemapindex>",
        "<sitemapindex><sitemap>{0}</sitemap><sitemap>{1}</sitemap></sitemapindex>",
        "<urlset><sitemap><loc>{0}</loc></sitemap><sitemap><loc>{1}</loc></sitemap></urlset>",
        "<urlset><url><loc>{0}</loc></url><url><loc>{1}</loc></url></urlset>",
    ],
    ids=["two in one", "no location", "called a set", "called pages"],
)
def test_a_malformed_index_gives_all_its_sitemaps(body: str) -> None:
    urls = ["https://example.org/posts.xml", "https://example.org/news.xml.gz?page=2"]
    content = read_sitemap(body.format(*urls).encode())
    assert ([each.url for each in content.sitemaps], content.entries) == (urls, ())


@pytest.mark.parametrize(
    "location", ["/maps/1", "//example.org/maps/1", "1", "\n 1\n ", "\n example.org/maps/1"]
)
def test_an_address_in_a_sitemap_may_be_relative_to_it_or_lack_its_scheme(location: str) -> None:
    for body in (
        f"<urlset><url><loc>{location}</loc></url></urlset>",
        f"<sitemapindex><sitemap><loc>{location}</loc></sitemap></sitemapindex>",
    ):
        content = read("sitemap", body.encode(), "/maps/all.xml")
        (found,) = (*content.entries, *content.sitemaps)
        assert found.url == "https://example.org/maps/1"


def test_pages_in_an_index_and_a_feed_among_pages_are_no_sitemaps() -> None:
    front, feed = "https://example.org/", "https://example.org/feed.xml"
    index = f"<sitemapindex><url><loc>{front}</loc></url><sitemap><loc>{feed}</loc></sitemap>"
    for body, pages, sitemaps in (
        (f"{index}</sitemapindex>", [front], [feed]),
        (f"<urlset><url><loc>{front}</loc></url><url><loc>{feed}</loc></url></urlset>",
         [front, feed], []),
    ):  # fmt: skip
        content = read_sitemap(body.encode())
        assert [each.url for each in content.entries] == pages
        assert [each.url for each in content.sitemaps] == sitemaps


def test_an_index_gives_further_sitemaps() -> None:
    body = f"""<sitemapindex {SITEMAP}><sitemap><loc>https://example.org/s1.xml</loc>
      <lastmod>2026-11-24T12:00:00Z</lastmod></sitemap></sitemapindex>""".encode()
    content = read_sitemap(body)
    assert (content.entries, content.sitemaps) == (
        (),
        (Entry("https://example.org/s1.xml", NOON, None),),
    )


@pytest.mark.parametrize("body", [b"<rss/>", b"<html></html>", b"not xml", b"\xff\x00"])
def test_what_is_no_sitemap_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableSource):
        read_sitemap(body)


def test_a_sitemap_reads_no_file_and_no_bomb() -> None:
    body = b"""<!DOCTYPE urlset [<!ENTITY f SYSTEM "file:///etc/hostname">]>
      <urlset><url><loc>https://example.org/&f;</loc></url></urlset>"""
    (entry,) = read_sitemap(body).entries
    assert entry.url == "https://example.org/"


def test_of_a_sitemap_that_is_too_long_both_ends_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rscrawler.spiders.sources.MAX_ADDRESSES", 4)
    entries = (f"<url><loc>https://site.example/{number}</loc></url>" for number in range(9))
    found = read_sitemap(f"<urlset>{''.join(entries)}</urlset>".encode()).entries
    assert [entry.url[-1] for entry in found] == ["0", "1", "7", "8"]


def test_a_sitemap_to_which_packed_parts_were_appended_is_read_to_its_end() -> None:
    entries = [f"<url><loc>https://site.example/{name}/</loc></url>" for name in "abc"]
    parts = map(str.encode, ["<urlset>", *entries, "</urlset>"])
    packed = b"".join(map(gzip.compress, parts))
    for behind in (b"", b"\n", b"\n<!-- Cached page generated by a plugin -->"):
        found = read_sitemap(packed + behind).entries
        assert [entry.url[-3:] for entry in found] == ["/a/", "/b/", "/c/"]


def test_a_packed_sitemap_is_read_and_one_that_bursts_is_not() -> None:
    body = b"<urlset><url><loc>https://site.example/a/</loc></url></urlset>"
    assert [entry.url for entry in read_sitemap(gzip.compress(body)).entries] == [
        "https://site.example/a/"
    ]
    for bad in (gzip.compress(bytes(60 * 2**20), 1), gzip.compress(body)[:20], b"\x1f\x8bnothing"):
        with pytest.raises(UnreadableSource):
            read_sitemap(bad)


# Listings that show nothing.


def test_a_list_that_is_empty_is_a_page_and_garbage_is_none() -> None:
    page = b"<html><head><title>x</title></head><body><div></div></body></html>"
    assert read("tag", page).entries == ()
    for garbage in (b"\x13\x07 nothing of a page", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):
        with pytest.raises(UnreadableSource, match="is not an HTML page"):
            read("tag", garbage)


# JSON endpoints.

POSTS = [
    {
        "id": 7,
        "link": "https://example.org/one/",
        "title": {"rendered": "Rail &amp; road"},
        "date": "2026-11-24T17:00:00",
        "date_gmt": "2026-11-24T12:00:00",
        "modified_gmt": "2026-11-25T12:00:00",
    },
    {"link": "/two/", "title": {"rendered": ""}, "date_gmt": None},
    {"link": "mailto:desk@example.org"},
    {"link": 3},
    "no article",
]


def test_an_endpoint_of_wordpress_is_read_without_a_word_on_its_shape() -> None:
    content = read("json", json.dumps(POSTS).encode(), "/wp-json/wp/v2/posts?per_page=50")
    assert content.entries == (
        Entry("https://example.org/one/", NOON.replace(day=25), NOON, "Rail & road"),
        Entry("https://example.org/two/"),
    )
    assert content.next_url is None


def test_an_endpoint_of_another_shape_is_read_by_its_paths() -> None:
    item = {"links": [{"href": "/a/"}], "at": 1_795_521_600, "head": "A"}
    answer = {"data": {"items": [item]}, "paging": {"next": "?after=7"}}
    paths = {
        "entries": "data.items", "address": "links.0.href", "title": "head", "published": "at",
        "modified": "", "next": "paging.next",
    }  # fmt: skip
    content = read("json", json.dumps(answer).encode(), "/api/list", paths=paths)
    assert content.entries == (Entry("https://example.org/a/", NOON, NOON, "A"),)
    assert content.next_url == "https://example.org/api/list?after=7"


@pytest.mark.parametrize(
    ("header", "following"),
    [
        ('<https://example.org/x?page=1>; rel="prev", <https://example.org/x?page=3>; rel="next"',
         "https://example.org/x?page=3"),
        ("</x?page=2>; title=older; rel=next", "https://example.org/x?page=2"),
        ('<https://example.org/x?page=1>; rel="prev"', None),
        ('<javascript:x>; rel="next"', None),
    ],
)  # fmt: skip
def test_the_next_page_of_an_endpoint_is_the_one_that_its_header_names(
    header: str, following: str | None
) -> None:
    assert read("json", b"[]", link_header=header).next_url == following


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("\ufeff", ""),
        ("\n\ufeff\ufeff", ""),  # two files of a theme with a BOM
        ("<?php/* © */require_once($_SERVER['DOCUMENT_ROOT'].'/a.php');?>", ""),
        ("<br />\n<b>Notice</b>: Undefined index [0] in <b>/b.php</b> on line <b>8</b><br />", ""),
        ("Rail &amp; road<p>A text with [gallery ids=7] in it.</p>", ""),
        ("", "\n<!-- Page cached by a plug-in -->\n<!-- 0.2 s -->"),
    ],
)  # fmt: skip
def test_what_plug_ins_of_wordpress_print_around_json_hides_no_article(
    before: str, behind: str
) -> None:
    for listed in (POSTS, []):
        text = before + json.dumps(listed) + behind
        plain = read("json", json.dumps(listed).encode(), "/wp-json/")
        assert read("json", text.encode(), "/wp-json/") == plain


@pytest.mark.parametrize(
    "body",
    [b'[{"title": "A line\n, a tab\tand half a letter \xd0", "link": "/a/"}, {"link": "/b/"}]',
     b'{"0": {"link": "/a/"}, "2": {"link": "/b/"}}',  # a list with gaps, as PHP prints it
     b'[null, {"link": "/a/"}, false, {"link": "/b/"}]'],
)  # fmt: skip
def test_json_that_a_program_writes_by_hand_or_with_gaps_is_read(body: bytes) -> None:
    urls = [each.url for each in read("json", body).entries]
    assert urls == ["https://example.org/a/", "https://example.org/b/"]


A_PAGE = b'<html><script>let posts = [{"link": "/a/"}]</script><!-- A page --></html>'


@pytest.mark.parametrize(
    "body",
    [b"<html></html>", A_PAGE, b'{"code": "rest_no_route"}', b"{}", b"[" * 200_000,
     b"[]" + b"<!-- -->" * 1_000 + b"-"],
)  # fmt: skip
def test_what_is_no_list_in_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableSource, match=r"is not JSON|has no list"):
        read("json", body)


def test_of_too_many_entries_those_at_both_ends_are_read_whatever_their_order() -> None:
    urls = [f"https://example.org/{number}/" for number in range(1_500)]
    items = "".join(f"<item><link>{url}</link></item>" for url in urls)
    feed = f"<rss version='2.0'><channel><title>{{}}</title>{items}</channel></rss>"
    endpoint = json.dumps([{"link": url} for url in urls])
    for kind, body in (
        ("feed", feed.format("A")),
        ("feed", feed.format("A & B")),
        ("json", endpoint),
    ):
        entries = read(kind, body.encode()).entries
        assert [each.url for each in entries] == [*urls[:500], *urls[-500:]]


def test_paths_of_a_source_that_is_no_endpoint_are_a_mistake() -> None:
    with pytest.raises(ValidationError, match='paths are only for kind "json"'):
        Source.model_validate({"kind": "feed", "path": "/feed/", "paths": {"entries": "items"}})


# Pages of a source.


@pytest.mark.parametrize(
    ("url", "page", "expected"),
    [
        ("https://example.org/europe/", 1, "https://example.org/europe/"),
        ("https://example.org/europe/", 2, "https://example.org/europe/?page=2"),
        ("https://example.org/e/?a=1&page=2", 3, "https://example.org/e/?a=1&page=3"),
        ("https://example.org/e/?a&b=&c=%20x", 2, "https://example.org/e/?a&b=&c=%20x&page=2"),
    ],
)
def test_a_further_page_has_the_sources_own_query_and_its_number(
    url: str, page: int, expected: str
) -> None:
    assert page_address(SECTION, url, page) == expected
