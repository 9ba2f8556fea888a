from __future__ import annotations

import gzip
import re
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest

from tests.demo.conftest import Get, HandClock
from tests.sample_site import SampleSite, Theme
from tests.sample_site.stories import Story
from tests.workspace import DEADLINE_SECONDS, taken_port

VALIDATED = [
    "/",
    "/europe/",
    "/tag/kazakhstan/",
    "/author/naomi-calloway/",
    "/feeds/feed.rss",
    "/feeds/analysis.rss",
    "/sitemap.xml",
    "/sitemap_news.xml",
    "/feeds/sitemaps/sitemap_1.xml",
    "/tajikistan-rogun-dam-water-2655012346/",
]


def validators(get: Get, path: str) -> dict[str, str]:
    """The condition headers that a client would send on its next visit."""
    headers = get(path).headers
    pairs = {"If_None_Match": headers["ETag"], "If_Modified_Since": headers["Last-Modified"]}
    return {name: value for name, value in pairs.items() if value}


@pytest.mark.parametrize("path", VALIDATED)
def test_an_unchanged_resource_answers_304_without_a_body(get: Get, path: str) -> None:
    known = validators(get, path)
    assert known
    reply = get(path, **known)
    assert (reply.status, reply.body) == (304, b"")


@pytest.mark.parametrize("path", VALIDATED)
def test_new_tokens_alone_change_no_validator(site: SampleSite, get: Get, path: str) -> None:
    known = validators(get, path)
    site.rotate_tokens()
    assert get(path, **known).status == 304


@pytest.mark.parametrize("path", ["/", "/asia-pacific/", "/tag/kazakhstan/", "/feeds/feed.rss"])
def test_a_new_story_changes_the_listings_that_show_it(
    site: SampleSite, get: Get, path: str
) -> None:
    known = validators(get, path)
    story = site.publish()
    assert "kazakhstan" in story.tags
    reply = get(path, **known)
    assert reply.status == 200
    assert story.path in reply.text


def test_a_new_story_leaves_other_sections_unchanged(site: SampleSite, get: Get) -> None:
    known = validators(get, "/africa/")
    assert "africa" not in site.publish().sections
    assert get("/africa/", **known).status == 304


def test_a_date_alone_is_enough_for_a_conditional_request(site: SampleSite, get: Get) -> None:
    path = "/gaza-aid-pier-lessons/"
    since = get(path).headers["Last-Modified"]
    assert get(path, If_Modified_Since=since).status == 304
    site.edit("gaza-aid-pier-lessons", title="Another title")
    assert get(path, If_Modified_Since=since).status == 200


def test_two_changes_within_a_second_are_told_apart_by_their_dates(
    site: SampleSite, get: Get
) -> None:
    site.edit("gaza-aid-pier-lessons", title="One title")
    since = get("/gaza-aid-pier-lessons/").headers["Last-Modified"]
    site.edit("gaza-aid-pier-lessons", title="Another title")
    assert get("/gaza-aid-pier-lessons/", If_Modified_Since=since).status == 200


def test_pages_are_compressed_for_those_who_accept_it(get: Get) -> None:
    plain = get("/europe/?page=2")
    packed = get("/europe/?page=2", Accept_Encoding="gzip, deflate")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 2
    assert without_tokens(gzip.decompress(packed.body)) == without_tokens(plain.body)


def test_image_tokens_differ_between_any_two_fetches(get: Get) -> None:
    first, second, third = (get("/gaza-aid-pier-lessons/").body for _ in range(3))
    assert first != second != third
    assert without_tokens(first) == without_tokens(second)


def test_rotated_tokens_have_never_been_seen_before(site: SampleSite, get: Get) -> None:
    before = {token for _ in range(4) for token in tokens(get("/gaza-aid-pier-lessons/").body)}
    site.rotate_tokens()
    assert before.isdisjoint(tokens(get("/gaza-aid-pier-lessons/").body))


def tokens(page: bytes) -> set[bytes]:
    found = set(re.findall(rb"token=(\w+)", page))
    assert found
    return found


def without_tokens(page: bytes) -> bytes:
    return re.sub(rb"token=\w+&amp;expires=\d+", b"", page)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/gaza-aid-pier-lessons", "/gaza-aid-pier-lessons/"),
        ("/tajikistan-rogun-dam-water/", "/tajikistan-rogun-dam-water-2655012346/"),
        ("/tajikistan-rogun-dam-water", "/tajikistan-rogun-dam-water-2655012346/"),
        ("/europe", "/europe/"),
        ("/tag/kazakhstan?page=1", "/tag/kazakhstan/?page=1"),
        ("/feed/", "/feeds/feed.rss"),
    ],
)
def test_other_forms_of_an_address_redirect(
    site: SampleSite, get: Get, path: str, target: str
) -> None:
    reply = get(path)
    assert reply.status == 301
    assert reply.headers["Location"] == site.base_url + target


def test_every_alias_redirects_to_the_canonical_address(site: SampleSite, get: Get) -> None:
    truth = site.truth()
    aliases = [(alias, article.url) for article in truth for alias in article.aliases]
    assert len(aliases) > len(truth)
    for alias, url in aliases:
        reply = get(alias)
        assert (reply.status, reply.headers["Location"]) == (301, url), alias


def test_old_stories_have_a_dated_address_and_new_ones_have_none(site: SampleSite) -> None:
    dated = [
        any(re.search(r"/\d{4}/\d\d/\d\d/", alias) for alias in article.aliases)
        for article in site.truth()
    ]
    assert not dated[0]
    assert dated[-1]


def test_two_stories_with_one_stem_are_two_articles(site: SampleSite, get: Get) -> None:
    first, second = get("/diplomacy-watch/"), get("/diplomacy-watch-2660000001/")
    assert (first.status, second.status) == (200, 200)
    assert site.story("diplomacy-watch").paragraphs[1] in first.text
    assert site.story("diplomacy-watch-2660000001").paragraphs[1] in second.text


def test_tracking_parameters_show_the_same_page(get: Get) -> None:
    tracked = get("/gaza-aid-pier-lessons/?utm_source=feed&utm_medium=rss")
    plain = get("/gaza-aid-pier-lessons/")
    assert tracked.status == 200
    assert tracked.headers["ETag"] == plain.headers["ETag"]


@pytest.mark.parametrize("path", ["/no-such-story/", "/tag/nothing/", "/author/nobody/", "/x.php"])
def test_what_does_not_exist_is_not_found(get: Get, path: str) -> None:
    assert get(path).status == 404


@pytest.mark.parametrize("path", ["/about/", "/donate/", "/contact/", "/privacy-policy/"])
def test_static_pages_are_linked_but_are_no_articles(site: SampleSite, get: Get, path: str) -> None:
    assert get(path).status == 200
    assert f'href="{path}"' in get("/").text
    assert path.strip("/") not in {article.slug for article in site.truth()}


def test_robots_txt_names_the_sitemaps(site: SampleSite, get: Get) -> None:
    lines = get("/robots.txt").text.splitlines()
    assert "Disallow: /core/" in lines
    assert f"Sitemap: {site.base_url}/sitemap.xml" in lines
    assert f"Sitemap: {site.base_url}/sitemap_news.xml" in lines


def test_head_sends_the_head_alone(get: Get) -> None:
    reply = get("/europe/", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["Content-Length"]) > 1_000


def test_other_methods_are_refused(get: Get) -> None:
    assert get("/europe/", method="DELETE").status == 405


def test_an_edit_changes_page_truth_and_sitemap(
    site: SampleSite, get: Get, clock: HandClock
) -> None:
    clock.advance(hours=1)
    slug = "hungary-orban-peace-mission-skeptics"
    edited = site.edit(slug, paragraphs=["A new beginning.", "And an end."])
    assert edited.modified_at == clock.time
    assert site.truth_of(edited).body == "A new beginning.\n\nAnd an end."
    assert "A new beginning." in get(edited.path).text
    sitemaps = get("/feeds/sitemaps/sitemap_1.xml").text + get("/feeds/sitemaps/sitemap_2.xml").text
    assert f"{edited.path}</loc><lastmod>{clock.time.isoformat()}</lastmod>" in sitemaps


def test_an_edit_does_not_resurface_in_the_feed(
    site: SampleSite, get: Get, clock: HandClock
) -> None:
    def links() -> list[str]:
        return re.findall(r"<link>(.*?)</link>", get("/feeds/feed.rss").text)

    before = links()
    clock.advance(hours=1)
    site.edit(site.stories[20].slug, title="Changed")
    assert links() == before


def test_a_change_of_typography_changes_quotation_marks_only(site: SampleSite) -> None:
    before = site.story("gaza-aid-pier-lessons")
    after = site.change_typography(before.slug)
    assert after.body != before.body
    straight = after.body.translate(str.maketrans("“”‘’", "\"\"''"))
    assert straight == before.body
    assert "“temporary”" in after.body
    assert after.kinds == before.kinds


@pytest.mark.parametrize("status", [404, 410])
def test_a_removed_story_is_gone_everywhere_until_it_is_restored(
    site: SampleSite, get: Get, status: int
) -> None:
    story = site.stories[2]
    site.remove(story.slug, status)
    assert get(story.path).status == status
    assert all(story.path not in get(path).text for path in ("/", "/feeds/feed.rss"))
    assert story.slug not in {article.slug for article in site.truth()}
    site.restore(story.slug)
    assert get(story.path).status == 200
    assert story.path in get("/").text


def test_a_published_story_is_new_on_every_list(
    site: SampleSite, get: Get, clock: HandClock
) -> None:
    clock.advance(minutes=30)
    story = site.publish()
    assert story.published_at == clock.time
    assert site.truth()[0].slug == story.slug
    for path in ("/", "/feeds/feed.rss", "/sitemap_news.xml", "/feeds/sitemaps/sitemap_2.xml"):
        assert story.path in get(path).text, path


def test_more_can_be_published_than_was_written_by_hand(site: SampleSite, get: Get) -> None:
    published = [site.publish() for _ in range(8)]
    assert published[-1].level is None
    assert all(get(story.path).status == 200 for story in published)


def test_the_news_sitemap_forgets_after_48_hours(
    site: SampleSite, get: Get, clock: HandClock
) -> None:
    newest = site.stories[0]
    assert newest.path in get("/sitemap_news.xml").text
    clock.advance(hours=48)
    assert newest.path not in get("/sitemap_news.xml").text


@pytest.mark.parametrize("theme", [Theme.RENAMED, Theme.BARE])
def test_another_theme_keeps_text_and_metadata_and_loses_the_old_classes(
    site: SampleSite, get: Get, theme: Theme
) -> None:
    site.change_markup(theme)
    story = site.story("gaza-aid-pier-lessons")
    page = get(story.path).text
    assert "body-description" not in page
    assert "current_post" not in page
    assert f'<meta property="og:title" content="{story.title}">' in page
    assert story.paragraphs[2] in page


def test_requests_are_recorded_as_they_were_served(site: SampleSite, get: Get) -> None:
    site.forget_requests()
    etag = get("/europe/", User_Agent="tester/1").headers["ETag"]
    get("/europe/", If_None_Match=etag)
    first, second = site.requests
    assert (first.method, first.path, first.status, first.conditional) == (
        "GET",
        "/europe/",
        200,
        False,
    )
    assert first.headers["user-agent"] == "tester/1"
    assert (second.status, second.conditional) == (304, True)
    assert second.bytes_sent < 300 < first.bytes_sent


def test_many_connections_are_served_side_by_side(site: SampleSite) -> None:
    for path in ("/", "/europe/", "/feeds/feed.rss"):
        request = Request(site.base_url + path, headers={"Connection": "close"})
        with urlopen(request) as response:
            assert response.status == 200


def test_a_site_that_was_stopped_no_longer_listens() -> None:
    with taken_port() as port:
        with SampleSite(stories=5, port=port) as site:
            address = site.base_url
        with pytest.raises(OSError, match="refused"):
            urlopen(address)


def test_a_story_of_ones_own_can_be_published(site: SampleSite, get: Get) -> None:
    reprint = Story(
        slug="a-reprint",
        post_id="2670000001",
        title="The same text under another headline",
        paragraphs=site.story("gaza-aid-pier-lessons").paragraphs,
    )
    site.publish(reprint)
    assert reprint.paragraphs[1] in get("/a-reprint/").text
    with pytest.raises(ValueError, match="a-reprint"):
        site.publish(reprint)


def test_the_command_prints_its_address_first_and_ends_on_sigterm() -> None:
    command = [sys.executable, "-m", "tests.sample_site", "--stories", "12", "--seed", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        with urlopen(f"{address}/feeds/feed.rss") as response:
            assert response.read().count(b"<item>") > 5
        process.terminate()
        assert process.wait(timeout=DEADLINE_SECONDS) == 0
