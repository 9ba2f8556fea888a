"""One story is one record, whatever addresses it has; nothing is told twice or missed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

import pytest

from rscrawler import PACKAGE_DIR
from rscrawler.items import rfc3339
from tests.crawl.probes import (
    FEED,
    FEW_SOURCES,
    IMPATIENT,
    SECTION,
    SITEMAP,
    articles_requested,
    change_database,
    let_a_day_pass,
    let_articles_be_due,
    let_time_pass,
    listing_of,
    paths_requested,
    rows_of,
    sources,
    urls,
)
from tests.crawl.starts import Start
from tests.identity.texts import Issue, series
from tests.sample_site import Fault, SampleSite
from tests.sample_site.routes import Resource
from tests.sample_site.stories import Shape, Story
from tests.workspace import Program, Workspace

LISTING = "/tag/watched/"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    start = Start(tmp_path_factory.mktemp("start"), program, stories=6)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


def records_of(workspace: Workspace, slug: str) -> list[dict[str, Any]]:
    return [record for record in workspace.records() if f"/{slug}/" in record["url"]]


def alerted(workspace: Workspace) -> list[str]:
    """The ids of the articles that somebody was told of."""
    rows = rows_of(workspace, "SELECT article_id FROM flag WHERE alerted_at IS NOT NULL")
    return [article_id for (article_id,) in rows]


def regional(site: SampleSite) -> Story:
    """An article about the region with a text long enough to be told from others."""
    return next(
        story
        for story in site.stories
        if story.level == "primary" and len(story.body.split()) > 100
    )


def written_backwards(text: str) -> str:
    """A text of its own on the same subject."""
    return " ".join(["Kazakhstan", *text.split()[::-1]])


def with_words_changed(text: str, every: int = 10) -> str:
    words = text.split(" ")
    return " ".join("altogether" if n % every == 4 else word for n, word in enumerate(words))


# Addresses.


def test_every_address_of_a_story_leads_to_its_one_record(
    workspace: Workspace, site: SampleSite
) -> None:
    story = next(s for s in site.stories if len(site.truth_of(s).aliases) == 2)
    true = site.truth_of(story)
    other, dated = sorted(true.aliases, key=len)
    site.extra_pages[LISTING] = listing_of(
        dated,
        other,
        true.url,
        true.url.rstrip("/"),
        true.url + "?utm_source=rss&fbclid=x#comments",
    )
    workspace.write_config(site.base_url, sources(LISTING))
    assert workspace.crawl()["articles_new"] == 1
    assert urls(workspace) == [true.url]
    site.forget_requests()
    workspace.crawl()
    assert paths_requested(site) == [LISTING]

    site.edit(story.slug, title="Another headline altogether")
    let_articles_be_due(workspace)
    workspace.crawl()
    record = workspace.records()[-1]
    assert (record["event"], record["url"]) == ("updated", true.url)
    assert set(record["aliases"]) >= set(true.aliases)


def test_the_address_that_redirected_to_an_article_is_among_its_aliases_at_once(
    workspace: Workspace, site: SampleSite
) -> None:
    true = next(true for true in site.truth() if len(true.aliases) == 2)
    site.extra_pages[LISTING] = listing_of(true.aliases[1])
    workspace.write_config(site.base_url, sources(LISTING))
    workspace.crawl()
    (record,) = workspace.records()
    assert (record["url"], true.aliases[1] in record["aliases"]) == (true.url, True)


def page_of(site: SampleSite, story: Story) -> str:
    with urlopen(f"{site.base_url}{story.path}") as answer:
        html: str = answer.read().decode()
    return html


def with_canonical(site: SampleSite, story: Story, address: str) -> Resource:
    """The page of a story that declares another address to be its own."""
    html = page_of(site, story)
    declared = '<link rel="canonical" href="'
    assert declared in html
    return Resource(body=re.sub(f'{declared}[^"]*', declared + address, html).encode(), lasts=False)


def test_pages_that_declare_one_address_are_as_many_articles_as_they_have_texts(
    workspace: Workspace, site: SampleSite
) -> None:
    known, *others = [each for each in site.stories if len(each.body.split()) > 100][:3]
    workspace.write_config(site.base_url, sources(LISTING))
    site.extra_pages[LISTING] = listing_of(known.path)
    workspace.crawl()
    (before,) = workspace.records()
    pages = {story.path: with_canonical(site, story, before["url"]) for story in others}
    site.extra_pages[LISTING] = listing_of(known.path, *pages)
    for visit in range(3):
        token = f"<!-- {visit} -->".encode()
        site.extra_pages |= {
            path: replace(page, body=page.body + token) for path, page in pages.items()
        }
        workspace.crawl()
        let_articles_be_due(workspace)
    found = workspace.records()
    assert [record["version"] for record in found] == [1, 1, 1]
    assert {record["url"] for record in found[1:]} == {
        f"{site.base_url}/{story.slug}/" for story in others
    }
    assert len({record["article_id"] for record in found}) == 3
    assert all("another article's" in str(record["extraction"]["warnings"]) for record in found[1:])


def test_an_article_that_is_gone_is_gone_though_its_first_address_leads_home(
    workspace: Workspace, site: SampleSite
) -> None:
    story = site.stories[0]
    site.extra_pages["/old-name/"] = Resource(301, location=story.path, lasts=False)
    site.extra_pages[LISTING] = listing_of("/old-name/")
    workspace.write_config(site.base_url, sources(LISTING), "[crawl]\nremoval_after = '0s'")
    workspace.crawl()
    site.remove(story.slug)
    site.extra_pages["/old-name/"] = Resource(301, location="/", lasts=False)
    for _ in range(2):
        let_articles_be_due(workspace)
        workspace.crawl()
    assert [record["event"] for record in workspace.records()] == ["new", "removed"]


def test_a_first_cycle_that_could_read_no_article_is_no_baseline(
    workspace: Workspace, site: SampleSite
) -> None:
    site.extra_pages[LISTING] = listing_of("/a-article-that-is-not-there/")
    workspace.write_config(site.base_url, sources(LISTING))
    first = workspace.run("crawl")
    for _ in range(3):  # its page is not requested each time
        assert workspace.run("crawl").status == 1
    assert (
        "none of the article pages that its sources lead to could be recorded so far"
        in first.stderr
    )
    site.extra_pages[LISTING] = listing_of(*(story.path for story in site.stories[:3]))
    workspace.crawl()
    assert [record["novelty"] for record in workspace.records()] == ["baseline"] * 3
    assert alerted(workspace) == []


def test_a_cycle_that_only_met_a_dead_link_is_a_baseline_where_articles_are_known(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    known = [story.path for story in site.stories[:3]]
    site.extra_pages[LISTING] = listing_of(*known)
    workspace.write_config(site.base_url, sources(LISTING))
    start.first_crawl(workspace)
    (workspace.output / "rscrawler.db").unlink()
    site.extra_pages[LISTING] = listing_of(*known, "/a-article-that-is-not-there/")
    workspace.crawl()
    model = regional(site)
    rewritten = tuple(written_backwards(text) for text in model.paragraphs)
    site.publish(replace(model, slug="a-report", post_id="2655999991", paragraphs=rewritten))
    site.extra_pages[LISTING] = listing_of(*known, "/a-report/")
    workspace.crawl()
    (report,) = records_of(workspace, "a-report")
    assert report["novelty"] == "new"
    assert report["article_id"] in alerted(workspace)


def test_what_robots_txt_forbids_is_no_page_that_could_not_be_read(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    start.first_crawl(workspace)
    story = site.edit(site.publish().slug, sections=(SECTION.strip("/"),))
    robots = f"User-agent: *\nDisallow: {story.path}\n".encode()
    site.extra_pages["/robots.txt"] = Resource(body=robots, content_type="text/plain", lasts=False)
    let_a_day_pass(workspace)
    for _ in range(5):
        workspace.crawl()
        let_time_pass(workspace, hours=2)
    assert story.slug not in articles_requested(site)


def test_a_document_that_a_section_leads_to_is_no_page_that_could_not_be_read(
    workspace: Workspace, site: SampleSite
) -> None:
    document = Resource(body=bytes(range(256)), content_type="application/pdf", lasts=False)
    site.extra_pages["/media-12/"] = document
    site.extra_pages[LISTING] = listing_of(
        *(story.path for story in site.stories[:3]), "/media-12/"
    )
    workspace.write_config(site.base_url, sources(LISTING))
    reports = []
    for _ in range(5):
        reports.append(workspace.crawl())
        let_time_pass(workspace, hours=2)
    assert reports[0]["dropped"] == 1
    assert [report["errors"] for report in reports] == [0, 0, 0, 0, 0]
    assert all(not each["problems"] for report in reports for each in report["sites"].values())


def test_what_is_no_article_is_given_up_though_a_news_sitemap_goes_on_dating_it(
    workspace: Workspace, site: SampleSite
) -> None:
    def xml(name: str, entries: str) -> Resource:
        news = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
        body = f'<?xml version="1.0"?><{name} {news}>{entries}</{name}>'.encode()
        return Resource(body=body, content_type="application/xml", lasts=False)

    paths = ("/all.xml", "/news.xml")
    named = (f"<sitemap><loc>{site.base_url}{path}</loc></sitemap>" for path in paths)
    site.extra_pages[SITEMAP] = xml("sitemapindex", "".join(named))
    site.extra_pages |= {path: xml("urlset", "") for path in paths}
    workspace.write_config(site.base_url, sources(SITEMAP, SECTION), readers=1)
    workspace.crawl()
    story = site.edit(site.publish().slug, sections=("europe",))
    site.fail(story.path, Fault.WALL)
    location = f"<url><loc>{site.base_url}{story.path}</loc>"
    now = datetime.now(UTC)
    site.extra_pages["/all.xml"] = xml(
        "urlset", f"{location}<lastmod>{rfc3339(now)}</lastmod></url>"
    )
    assert workspace.crawl()["dropped"] == 1
    dated = f"<news:publication_date>{rfc3339(now - timedelta(hours=1))}</news:publication_date>"
    requested = []
    for reading in range(4):
        let_time_pass(workspace, hours=24 * 30)
        site.forget_requests()
        entry = f"<!-- {reading} -->{location}<news:news>{dated}</news:news></url>"
        site.extra_pages["/news.xml"] = xml("urlset", entry)
        workspace.crawl()
        requested.append(len(articles_requested(site)))
    # It is due, and once more if that was answered before its date was known.
    assert requested[0] in (1, 2)
    assert requested[1:] == [0, 0, 0]


@pytest.mark.parametrize("is_published", [False, True], ids=["dated later", "dated first"])
def test_what_was_no_article_is_read_once_a_source_dates_it_though_that_crawl_is_killed(
    workspace: Workspace, site: SampleSite, is_published: bool
) -> None:
    story = site.stories[0]
    site.fail(story.path, Fault.WALL)
    sitemap = "/news.xml"
    site.extra_pages |= {LISTING: listing_of(story.path), sitemap: urlset()}
    workspace.write_config(site.base_url, sources(LISTING, sitemap, SECTION))
    workspace.crawl()
    for _ in range(2):
        let_time_pass(workspace, hours=24 * 8)
        workspace.crawl()
    now = rfc3339(datetime.now(UTC))
    news = f"<news><publication_date>{now}</publication_date></news>"
    dated = news if is_published else f"<lastmod>{now}</lastmod>"
    site.extra_pages[sitemap] = urlset(f"<loc>{site.base_url}{story.path}</loc>{dated}")
    site.fail(story.path, Fault.HANG)
    site.forget_requests()
    workspace.crawl_and_kill(lambda: articles_requested(site) == [story.slug])
    site.heal()
    assert workspace.crawl()["articles_new"] == 1


def urlset(*entries: str) -> Resource:
    body = "".join(f"<url>{entry}</url>" for entry in entries)
    xml = f'<?xml version="1.0"?><urlset>{body}</urlset>'
    return Resource(body=xml.encode(), content_type="application/xml", lasts=False)


def test_an_article_whose_declared_address_leads_nowhere_is_not_taken_for_gone(
    workspace: Workspace, site: SampleSite
) -> None:
    story = site.stories[0]
    site.extra_pages[LISTING] = listing_of(story.path)
    site.extra_pages[story.path] = with_canonical(
        site, story, f"{site.base_url}/{story.stem}-99999/"
    )
    workspace.write_config(site.base_url, sources(LISTING), "[crawl]\nremoval_after = '0s'")
    for _ in range(4):
        workspace.crawl()
        let_articles_be_due(workspace)
    assert [record["event"] for record in workspace.records()] == ["new"]
    del site.extra_pages[story.path]
    site.remove(story.slug)
    for _ in range(2):
        workspace.crawl()
        let_articles_be_due(workspace)
    assert [record["event"] for record in workspace.records()] == ["new", "removed"]


def test_an_address_without_a_trailing_slash_stays_so_where_the_page_declares_none(
    workspace: Workspace, site: SampleSite
) -> None:
    html = without_address(site, site.stories[0])
    site.extra_pages["/a-canal-that-nobody-wants"] = Resource(body=html.encode(), lasts=False)
    site.extra_pages[LISTING] = listing_of("/a-canal-that-nobody-wants")
    workspace.write_config(site.base_url, sources(LISTING), "[crawl]\nremoval_after = '0s'")
    for _ in range(3):
        workspace.crawl()
        let_articles_be_due(workspace)
    assert [(record["event"], record["url"]) for record in workspace.records()] == [
        ("new", f"{site.base_url}/a-canal-that-nobody-wants")
    ]


def without_address(site: SampleSite, story: Story) -> str:
    """The page of a story that declares no address."""
    declared = r'<link rel="canonical"[^>]*>|<meta property="og:url"[^>]*>'
    return re.sub(declared, "", page_of(site, story))


def test_a_page_that_declares_the_other_form_of_its_address_is_not_taken_for_gone(
    workspace: Workspace, site: SampleSite
) -> None:
    declared = f"{site.base_url}/a-canal/"
    site.extra_pages["/a-canal"] = with_canonical(site, site.stories[0], declared)
    site.extra_pages[LISTING] = listing_of("/a-canal")
    workspace.write_config(site.base_url, sources(LISTING), "[crawl]\nremoval_after = '0s'")
    for _ in range(4):
        workspace.crawl()
        let_articles_be_due(workspace)
    assert [(record["event"], record["url"]) for record in workspace.records()] == [
        ("new", declared)
    ]


def test_an_address_shown_with_a_slash_is_read_where_only_the_other_form_answers(
    workspace: Workspace, site: SampleSite
) -> None:
    html = without_address(site, site.stories[0])
    site.extra_pages["/a-canal"] = Resource(body=html.encode(), lasts=False)
    site.extra_pages[LISTING] = listing_of("/a-canal/")
    workspace.write_config(site.base_url, sources(LISTING))
    workspace.crawl()
    assert urls(workspace) == [f"{site.base_url}/a-canal"]
    assert paths_requested(site)[-2:] == ["/a-canal/", "/a-canal"]


def test_an_address_that_leads_to_a_dead_one_is_given_up_like_any_other(
    workspace: Workspace, site: SampleSite
) -> None:
    site.extra_pages["/old-name/"] = Resource(301, location="/new-place/", lasts=False)
    site.extra_pages[LISTING] = listing_of("/old-name/", site.stories[0].path)
    workspace.write_config(site.base_url, sources(LISTING))
    for _ in range(4):
        workspace.crawl()
        let_time_pass(workspace, hours=2)
    rows = rows_of(workspace, "SELECT state FROM address WHERE key = '/old-name'")
    assert rows == [("rejected",)]


@pytest.mark.parametrize("status", [301, 302])
def test_an_article_that_is_gone_is_gone_though_its_first_address_leads_to_another_article(
    workspace: Workspace, site: SampleSite, status: int
) -> None:
    story, other = [each for each in site.stories if len(each.body.split()) > 100][:2]
    site.extra_pages["/old-name/"] = Resource(301, location=story.path, lasts=False)
    site.extra_pages[LISTING] = listing_of("/old-name/", other.path)
    workspace.write_config(site.base_url, sources(LISTING), "[crawl]\nremoval_after = '0s'")
    workspace.crawl()
    site.remove(story.slug)
    site.extra_pages["/old-name/"] = Resource(status, location=other.path, lasts=False)
    for _ in range(2):
        let_articles_be_due(workspace)
        workspace.crawl()
    assert [(r["event"], story.slug in r["url"]) for r in workspace.records()][-1] == (
        "removed",
        True,
    )


def test_a_new_address_that_leads_through_one_article_to_another_is_that_of_the_other(
    workspace: Workspace, site: SampleSite
) -> None:
    first, second = [each for each in site.stories if len(each.body.split()) > 100][:2]
    site.extra_pages[LISTING] = listing_of(first.path)
    workspace.write_config(site.base_url, sources(LISTING))
    workspace.crawl()
    site.extra_pages[LISTING] = listing_of(first.path, second.path)
    workspace.crawl()
    site.extra_pages[first.path] = Resource(302, location=second.path, lasts=False)
    site.extra_pages["/a-tracked-link/"] = Resource(301, location=first.path, lasts=False)
    site.extra_pages[LISTING] = listing_of("/a-tracked-link/")
    workspace.crawl()
    del site.extra_pages[first.path]
    site.edit(first.slug, title="Changed since")
    let_articles_be_due(workspace)
    workspace.crawl()
    assert [r["title"] for r in records_of(workspace, first.slug)] == [first.title, "Changed since"]
    assert [r["title"] for r in records_of(workspace, second.slug)] == [second.title]


def test_an_article_keeps_its_address_through_a_temporary_redirect_after_a_change_of_the_rules(
    workspace: Workspace, site: SampleSite
) -> None:
    first, second = [each for each in site.stories if len(each.body.split()) > 100][:2]
    page = Resource(body=without_address(site, first).encode(), lasts=False)
    site.extra_pages |= {"/read/": page, LISTING: listing_of("/read/?id=7", second.path)}
    workspace.write_config(site.base_url, sources(LISTING))
    workspace.crawl()
    # Its address now has another key, which is not stored.
    rules = "[sites.responsiblestatecraft.links]\nparameters = []\n"
    workspace.write_config(site.base_url, sources(LISTING), rules)
    site.extra_pages[LISTING] = listing_of(second.path)
    site.extra_pages["/read/"] = Resource(302, location=second.path, lasts=False)
    let_articles_be_due(workspace)
    workspace.crawl()
    edited = without_address(site, site.edit(first.slug, title="Changed since"))
    site.extra_pages["/read/"] = Resource(body=edited.encode(), lasts=False)
    let_articles_be_due(workspace)
    workspace.crawl()
    recorded = [(r["event"], r["title"]) for r in workspace.records() if r["title"] != second.title]
    assert recorded == [("new", first.title), ("updated", "Changed since")]


def test_two_stories_whose_slugs_differ_in_their_id_alone_are_two(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    first, second = site.stories[0], site.stories[1]
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    for number, story in ((1, first), (2, second)):
        post_id = f"265599990{number}"
        site.publish(replace(story, slug=f"weekly-briefing-{post_id}", post_id=post_id))
        site.edit(
            f"weekly-briefing-{post_id}",
            title=f"Weekly briefing {number}",
            paragraphs=[f"{text} That was week {number}." for text in story.paragraphs[::-1]],
        )
    workspace.crawl()
    both = [r for r in workspace.records() if "weekly-briefing" in r["url"]]
    assert [record["event"] for record in both] == ["new", "new"]
    assert len({record["article_id"] for record in both}) == 2


def test_after_a_site_moved_to_another_domain_what_waits_and_what_is_known_is_requested_there(
    workspace: Workspace, site: SampleSite
) -> None:
    settings = '[crawl]\nretries = 0\nremoval_after = "0s"\n'
    workspace.write_config(site.base_url, settings, site=sources(FEED))
    workspace.crawl()
    late, edited = site.publish(), site.stories[3]
    site.fail(late.path, Fault.SERVER_ERROR)
    assert workspace.run("crawl").status == 1
    site.heal()

    site.base_url = site.base_url.replace("127.0.0.1", "localhost")
    site.edit(edited.slug, paragraphs=(*edited.paragraphs, "Officials in Oslo later denied it."))
    workspace.write_config(site.base_url, settings, site=sources(FEED))
    let_articles_be_due(workspace)
    report = workspace.crawl()

    assert (report["articles_new"], report["articles_updated"], report["errors"]) == (1, 1, 0)
    assert records_of(workspace, late.slug)[0]["url"].startswith(site.base_url)
    site.remove(edited.slug)
    for _ in range(2):
        let_articles_be_due(workspace)
        workspace.crawl()
    assert [r["event"] for r in records_of(workspace, edited.slug)] == ["new", "updated", "removed"]


@pytest.mark.parametrize("keeps_stem", [True, False])
def test_an_article_that_moves_to_another_slug_stays_itself(
    workspace: Workspace, start: Start, site: SampleSite, keeps_stem: bool
) -> None:
    story = next(s for s in site.stories if s.slug == s.stem and len(s.body.split()) > 100)
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    (before,) = records_of(workspace, story.slug)
    new_slug = f"{story.stem}-2655999111" if keeps_stem else "quite-another-slug"
    site.remove(story.slug)
    site.extra_pages[story.path] = Resource(301, location=f"/{new_slug}/", lasts=False)
    site.publish(replace(story, slug=new_slug, post_id="2655999111"))
    let_articles_be_due(workspace)
    report = workspace.crawl()
    assert (report["articles_new"], report["duplicates"]) == (0, 0)
    site.edit(new_slug, title="A headline of its own")
    workspace.crawl()
    latest = workspace.records()[-1]
    assert latest["url"].endswith(f"/{new_slug}/")
    assert (latest["article_id"], latest["version"]) == (before["article_id"], 2)


def test_an_edition_in_another_language_that_is_not_translated_yet_is_an_article_of_its_own(
    workspace: Workspace, site: SampleSite
) -> None:
    story = next(s for s in site.stories if s.slug == s.stem and len(s.body.split()) > 100)
    edition = f"/{story.stem}-2655999111/"
    page = page_of(site, story).replace(story.path, edition).replace('lang="en"', 'lang="ru"')
    workspace.write_config(site.base_url, sources(LISTING))
    site.extra_pages[LISTING] = listing_of(story.path)
    workspace.crawl()
    site.extra_pages[edition] = Resource(body=page.encode(), lasts=False)
    site.extra_pages[LISTING] = listing_of(story.path, edition)
    workspace.crawl()
    first, other = workspace.records()
    assert (first["language"], other["language"]) == ("en", "ru")
    assert other["duplicate_of"] == first["article_id"] != other["article_id"]


def test_an_article_met_under_another_title_and_address_before_it_moved_there_is_one_again(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    story = next(s for s in site.stories if s.slug == s.stem and len(s.body.split()) > 100)
    workspace.write_config(site.base_url, FEW_SOURCES, "[crawl]\nremoval_after = '0s'")
    start.first_crawl(workspace, "--full")
    (before,) = records_of(workspace, story.slug)
    site.publish(replace(story, slug="a-better-headline", title="A better headline"))
    workspace.crawl()
    (copy,) = records_of(workspace, "a-better-headline")
    assert copy["duplicate_of"] == before["article_id"]

    site.remove(story.slug)
    site.extra_pages[story.path] = Resource(301, location="/a-better-headline/", lasts=False)
    let_articles_be_due(workspace)
    workspace.crawl()
    in_a_minute = datetime.now(UTC) + timedelta(minutes=1)  # feeds tell no parts of a second
    site.edit("a-better-headline", title="The best headline", modified_at=in_a_minute)
    workspace.crawl()
    del site.extra_pages[story.path]
    site.remove("a-better-headline")
    for _ in range(2):
        let_articles_be_due(workspace)
        workspace.crawl()
    moved = [r for r in workspace.records() if r["article_id"] == before["article_id"]]
    assert [(r["event"], r["title"]) for r in moved] == [
        ("new", story.title),
        ("updated", "A better headline"),
        ("updated", "The best headline"),
        ("removed", "The best headline"),
    ]
    assert moved[1]["url"] == copy["url"]
    assert before["url"] in moved[1]["aliases"]
    assert [r["event"] for r in workspace.records() if r["article_id"] == copy["article_id"]] == [
        "new"
    ]


STUB = (
    "Ministers of several countries have met on Tuesday, an agency said, and more will follow as "
    "soon as it is known what they spoke about behind the closed doors of the old palace.",
)


@pytest.mark.parametrize("status", [301, 302])
def test_an_article_whose_address_leads_to_another_brings_no_second_version_or_alert(
    workspace: Workspace, start: Start, site: SampleSite, status: int
) -> None:
    model = regional(site)
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    alerted_before = alerted(workspace)
    rewritten = tuple(written_backwards(text) for text in model.paragraphs)
    site.publish(
        replace(model, slug="a-stub", post_id="2655999990", title="Talks", paragraphs=STUB)
    )
    site.edit("a-stub", subtitle=None, tags=(), image_caption=None)
    site.publish(replace(model, slug="a-report", post_id="2655999991", paragraphs=rewritten))
    workspace.crawl()
    (stub,), (report,) = records_of(workspace, "a-stub"), records_of(workspace, "a-report")
    assert stub["topics"] == []
    assert set(alerted(workspace)) - set(alerted_before) == {report["article_id"]}

    site.extra_pages["/a-stub/"] = Resource(status, location="/a-report/", lasts=False)
    for _ in range(2):
        let_articles_be_due(workspace)
        workspace.crawl()
    assert workspace.records()[-1]["version"] == 1
    del site.extra_pages["/a-stub/"]
    site.edit("a-stub", paragraphs=[*STUB, "Nothing came of it, the agency said on Wednesday."])
    let_articles_be_due(workspace)
    workspace.crawl()
    is_two_again = status == 302
    assert [r["version"] for r in records_of(workspace, "a-stub")] == [1, 2][: 1 + is_two_again]
    assert set(alerted(workspace)) - set(alerted_before) == {report["article_id"]}


def test_an_article_that_has_moved_is_not_taken_for_gone_at_its_old_address(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    story = next(s for s in site.stories if s.slug == s.stem and len(s.body.split()) > 100)
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    site.publish(replace(story, slug="quite-another-slug", post_id="2655999111"))
    workspace.crawl()
    site.remove(story.slug)
    site.forget_requests()
    let_articles_be_due(workspace)
    workspace.crawl()
    assert "quite-another-slug" in articles_requested(site)
    assert story.slug not in articles_requested(site)


# Copies.


@pytest.fixture
def two_sites(workspace: Workspace, site: SampleSite) -> Iterator[SampleSite]:
    """A second site, made known by a copy of the shipped profile; both crawled once."""
    with SampleSite(stories=12, seed=2) as other:
        workspace.write_config(site.base_url, FEW_SOURCES)
        profiles = workspace.folder / "sites"
        profiles.mkdir()
        shipped = (PACKAGE_DIR / "sites" / "responsiblestatecraft.toml").read_text("utf-8")
        (profiles / "other.toml").write_text(shipped, "utf-8")
        text = workspace.config.read_text("utf-8")
        workspace.config.write_text(
            f'sites_dir = "sites"\n{text}\n[sites.other]\nbase_url = "{other.base_url}"\n'
            "hosts = []\ndownload_delay = 0.0\n" + sources(FEED, SITEMAP, SECTION, site="other"),
            "utf-8",
        )
        workspace.crawl("responsiblestatecraft", "other")
        yield other


def test_a_reprint_elsewhere_is_recorded_and_flagged_and_nobody_is_told_again(
    workspace: Workspace, site: SampleSite, two_sites: SampleSite
) -> None:
    alerted_before = alerted(workspace)
    model = regional(site)
    original = site.publish(replace(model, slug="an-original", post_id="2655999001"))
    site.edit("an-original", paragraphs=[written_backwards(text) for text in model.paragraphs])
    workspace.crawl()
    (first,) = records_of(workspace, "an-original")
    assert (first["novelty"], first["duplicate_of"]) == ("new", None)
    assert set(alerted(workspace)) - set(alerted_before) == {first["article_id"]}

    text = [with_words_changed(part) for part in site.story("an-original").paragraphs]
    two_sites.publish(replace(original, slug="a-reprint", post_id="2655999002"))
    two_sites.edit("a-reprint", title="Tokayev and Kazakhstan, told anew", paragraphs=text)
    report = workspace.crawl()
    (copy,) = records_of(workspace, "a-reprint")
    assert report["sites"]["other"]["duplicates"] == 1
    assert (copy["site"], copy["duplicate_of"]) == ("other", first["article_id"])
    assert copy["article_id"] != first["article_id"]
    assert copy["record_id"] in {record["record_id"] for record in workspace.records("flagged")}

    two_sites.edit("a-reprint", paragraphs=[*text, "Uzbekistan and Kazakhstan were asked."])
    workspace.crawl()
    update = records_of(workspace, "a-reprint")[-1]
    assert (update["version"], update["duplicate_of"]) == (2, first["article_id"])
    assert set(alerted(workspace)) - set(alerted_before) == {first["article_id"]}


@pytest.mark.parametrize(
    ("line", "duplicates"),
    [
        ("This article was originally published by 24.kg on 2 December 2026.", 1),
        ("This article originally appeared in the May 2026 issue of Steppe.", 1),
        ("This is an updated version of an article first published by 24.kg on 2 December.", 0),
    ],
)
def test_the_date_and_number_in_a_reprint_line_make_no_other_news(
    workspace: Workspace, site: SampleSite, line: str, duplicates: int
) -> None:
    model = regional(site)
    site.extra_pages[LISTING] = listing_of("/first-print/", "/second-print/")
    workspace.write_config(site.base_url, sources(LISTING))
    site.publish(replace(model, slug="first-print", post_id="2655999030"))
    workspace.crawl()
    site.publish(replace(model, slug="second-print", post_id="2655999031", title="Told anew"))
    site.edit("second-print", paragraphs=[*model.paragraphs, line])
    assert workspace.crawl()["duplicates"] == duplicates


def test_a_copy_that_becomes_another_article_is_told(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    model = regional(site)
    copied = replace(model, slug="soon-another", post_id="2655999004", title="Told anew")
    site.publish(copied)
    workspace.crawl()
    (copy,) = records_of(workspace, "soon-another")
    assert copy["duplicate_of"] is not None
    assert alerted(workspace) == []
    site.edit(
        "soon-another",
        title="Kazakhstan elects a parliament",
        paragraphs=[written_backwards(text) for text in model.paragraphs],
        modified_at=datetime.now(UTC),
    )
    let_articles_be_due(workspace)
    for _ in range(2):
        workspace.crawl()
    update = records_of(workspace, "soon-another")[-1]
    assert (update["version"], update["duplicate_of"]) == (2, None)
    assert alerted(workspace) == [copy["article_id"]]


def test_of_a_text_that_two_sites_publish_at_once_one_is_the_copy_and_one_is_told(
    workspace: Workspace, site: SampleSite, two_sites: SampleSite
) -> None:
    alerted_before = alerted(workspace)
    model = regional(site)
    for number, publisher in enumerate((site, two_sites)):
        slug = f"at-once-{number}"
        publisher.publish(replace(model, slug=slug, post_id=f"265599901{number}"))
        publisher.edit(slug, paragraphs=[written_backwards(text) for text in model.paragraphs])
    report = workspace.crawl("responsiblestatecraft", "other")
    assert (report["articles_new"], report["duplicates"]) == (2, 1)
    alerted_now = set(alerted(workspace)) - set(alerted_before)
    copies = {each["article_id"]: each["duplicate_of"] for each in workspace.records()[-2:]}
    assert {copy for copy, first in copies.items() if first is None} == alerted_now
    assert len(alerted_now) == 1


def test_a_copy_found_together_with_its_original_stays_one_when_it_is_edited(
    workspace: Workspace, site: SampleSite
) -> None:
    model = regional(site)
    site.extra_pages[LISTING] = listing_of("/one-of-two/", "/two-of-two/")
    workspace.write_config(site.base_url, sources(LISTING))
    for number, slug in enumerate(("one-of-two", "two-of-two")):
        site.publish(replace(model, slug=slug, post_id=f"265599902{number}", title=f"Title {slug}"))
    workspace.crawl()
    first, copy = sorted(workspace.records(), key=lambda record: record["duplicate_of"] or "")
    assert (first["duplicate_of"], copy["duplicate_of"]) == (None, first["article_id"])
    for slug in ("one-of-two", "two-of-two"):
        site.edit(slug, title=f"Another {slug}", modified_at=datetime.now(UTC))
    let_articles_be_due(workspace)
    workspace.crawl()
    assert {
        record["article_id"]: (record["version"], record["duplicate_of"])
        for record in workspace.records()
    } == {
        first["article_id"]: (2, None),
        copy["article_id"]: (2, first["article_id"]),
    }


_BRIEF = (
    "Kazakhstan will open two more crossings on its southern border next spring, the ministry of "
    "transport said on Friday, after a season in which lorries waited for up to nine days.",
    "Drivers who carry onions and grapes say that they lose a tenth of each load in the queue. The "
    "ministry promises cold stores beside both crossings, and clerks who work through the night.",
)


def test_a_reprint_that_names_another_country_is_folded_and_told_and_shown(
    workspace: Workspace, site: SampleSite, two_sites: SampleSite
) -> None:
    model = regional(site)
    plain = replace(model, subtitle=None, tags=(), slug="an-original", post_id="2655999001")
    original = site.publish(plain)
    site.edit("an-original", title="Kazakhstan opens crossings", paragraphs=_BRIEF)
    workspace.crawl()
    (first,) = records_of(workspace, "an-original")
    alerted_before = alerted(workspace)
    two_sites.publish(replace(original, slug="a-reprint", post_id="2655999002"))
    two_sites.edit("a-reprint", title="Tajikistan answers", paragraphs=_BRIEF)
    workspace.crawl()
    (copy,) = records_of(workspace, "a-reprint")
    assert copy["duplicate_of"] == first["article_id"]
    original_says, copy_says = (
        {country for flag in record["topics"] for country in flag["countries"]}
        for record in (first, copy)
    )
    assert copy_says - original_says == {"TJ"}
    assert set(alerted(workspace)) - set(alerted_before) == {copy["article_id"]}
    folded = f"SELECT is_folded FROM article WHERE article_id = '{copy['article_id']}'"
    assert rows_of(workspace, folded) == [(0,)]


def publish_issues(site: SampleSite, number: int, issues: Sequence[Issue]) -> list[str]:
    """Publish issues of a series; gives their paths."""
    model = regional(site)
    stories = [
        site.publish(
            replace(
                model,
                slug=f"series-{number}-{index}",
                post_id=f"26557{number:02}{index:03}",
                title=issue.title,
                paragraphs=issue.paragraphs,
                kinds=(),
                shapes=frozenset(),
            )
        )
        for index, issue in enumerate(issues)
    ]
    return [story.path for story in stories]


def test_each_issue_of_a_series_is_an_article_of_its_own_and_told(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(LISTING))
    known = [story.path for story in site.stories[:3]]
    site.extra_pages[LISTING] = listing_of(*known)
    start.first_crawl(workspace)
    paths = publish_issues(site, 1, series(1, 4))
    for count in (2, 4):
        site.extra_pages[LISTING] = listing_of(*known, *paths[:count])
        workspace.crawl()
    found = workspace.records()[3:]
    assert [record["duplicate_of"] for record in found] == [None] * 4
    assert set(alerted(workspace)) == {record["article_id"] for record in found}


@pytest.mark.slow
def test_ten_series_of_twenty_issues_are_two_hundred_articles_and_all_told(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(LISTING))
    known = [story.path for story in site.stories[:3]]
    site.extra_pages[LISTING] = listing_of(*known)
    start.first_crawl(workspace)
    paths = [
        path for number in range(10) for path in publish_issues(site, number, series(number, 20))
    ]
    site.extra_pages[LISTING] = listing_of(*known, *paths)
    assert workspace.crawl()["articles_new"] == 200
    found = workspace.records()[3:]
    assert {record["duplicate_of"] for record in found} == {None}
    assert len({record["article_id"] for record in found}) == 200
    assert len(alerted(workspace)) == 200


def test_the_same_story_with_new_facts_follows_the_article_before_it_and_is_told(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(LISTING))
    known = [story.path for story in site.stories[:3]]
    site.extra_pages[LISTING] = listing_of(*known)
    start.first_crawl(workspace)
    (issue,) = series(0, 1)
    fresh = (
        "Parliament will hear the minister next week, members of two committees said, and ask "
        "why buyers were told so late that wagons would be held at the border until the "
        "papers of each load had been read, stamped and sent back to where they came from."
    )
    later = replace(issue, paragraphs=(*issue.paragraphs, fresh))
    paths = publish_issues(site, 0, [issue, later])
    site.edit("series-0-0", published_at=datetime.now(UTC) - timedelta(hours=1))
    for count in (1, 2):
        site.extra_pages[LISTING] = listing_of(*known, *paths[:count])
        workspace.crawl()
    first, update = workspace.records()[3:]
    assert (first["follows"], update["follows"]) == (None, first["article_id"])
    assert set(alerted(workspace)) == {first["article_id"], update["article_id"]}


@pytest.mark.parametrize(("days", "is_copy"), [(55, True), (65, False)])
def test_the_same_words_months_later_are_another_statement(
    workspace: Workspace, site: SampleSite, days: int, *, is_copy: bool
) -> None:
    story = regional(site)
    site.edit(story.slug, published_at=story.published_at - timedelta(days=days))
    workspace.write_config(site.base_url, FEW_SOURCES)
    workspace.crawl("--full")
    site.publish(replace(story, slug="once-more", title="Once more", post_id="2655999111"))
    site.edit("once-more", published_at=story.published_at)
    workspace.crawl()
    (before,), (after,) = (records_of(workspace, slug) for slug in (story.slug, "once-more"))
    assert after["duplicate_of"] == (before["article_id"] if is_copy else None)


def test_a_dry_run_says_what_the_present_rules_would_decide_and_changes_nothing(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(LISTING))
    paths = publish_issues(site, 0, series(0, 3))
    site.extra_pages[LISTING] = listing_of(*paths)
    workspace.crawl()
    assert workspace.run("identity", "check", "--json").json == {
        "total": 3, "skipped": 0, "changes": [],
    }  # fmt: skip
    first, second, _ = (record["article_id"] for record in workspace.records())
    # As an older version decided it.
    change_database(
        workspace, f"UPDATE article SET duplicate_of = '{first}' WHERE article_id = '{second}'"
    )
    (change,) = workspace.run("identity", "check", "--json").json["changes"]
    assert (change["article_id"], change["duplicate_of"], change["duplicate_of_now"]) == (
        second, first, None,
    )  # fmt: skip
    shown = workspace.run("identity", "check").stdout
    assert f"repeats {first} → stands alone" in shown
    assert len(workspace.records()) == 3


def test_an_old_article_that_surfaces_again_is_backfill_and_nobody_is_told(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    model = regional(site)
    site.publish(replace(model, slug="from-long-ago", post_id="2655999003"))
    site.edit(
        "from-long-ago",
        published_at=datetime.now(UTC) - timedelta(days=100),
        paragraphs=[written_backwards(text) for text in model.paragraphs],
    )
    workspace.crawl()
    (record,) = records_of(workspace, "from-long-ago")
    assert (record["novelty"], record["event"]) == ("backfill", "new")
    assert record["record_id"] in {each["record_id"] for each in workspace.records("flagged")}
    assert alerted(workspace) == []


@pytest.mark.parametrize(("month", "novelty"), [("2016/12", "backfill"), ("2096/12", "new")])
def test_an_undated_article_is_no_news_where_its_address_has_an_old_month(
    workspace: Workspace, site: SampleSite, month: str, novelty: str
) -> None:
    links = '[sites.responsiblestatecraft.links]\narticle = ["^/2[^/]+/[^/]+/gas"]'
    workspace.write_config(site.base_url, f"{sources(LISTING)}\n{links}")
    head = '<head><meta property="og:type" content="article"></head>'
    text = "".join(f"<p>{each}</p>" for each in regional(site).paragraphs)
    paths = ["/2025/11/gas/", f"/{month}/gas-again/"]
    for path, count in zip(paths, (9, 10), strict=True):
        body = (
            f"<html>{head}<body><h1>Gas, part {count}</h1>{text}<p>Part {count}</p></body></html>"
        )
        site.extra_pages[path] = Resource(body=body.encode(), lasts=False)
    for seen in (1, 2):
        site.extra_pages[LISTING] = listing_of(*paths[:seen])
        workspace.crawl()
    first, second = workspace.records()
    assert (first["novelty"], first["published_at"]) == ("baseline", None)
    assert (second["novelty"], second["published_at"]) == (novelty, None)


# Walks.


def new_in_analysis(site: SampleSite, count: int) -> list[Story]:
    model = next(story for story in site.stories if story.subtitle)
    return [
        site.publish(
            replace(
                model,
                slug=f"fresh-{number}",
                post_id=f"26558888{number:02}",
                title=f"Fresh article {number}",
                sections=("analysis",),
                paragraphs=tuple(
                    f"{number} {word} is what they said." for word in model.body.split()[:40]
                ),
                kinds=(),
                shapes=frozenset(),
            )
        )
        for number in range(count)
    ]


def test_a_first_run_ends_at_max_pages_and_a_later_one_goes_on_while_there_is_news(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=100) as site:
        workspace.write_config(site.base_url, sources(SECTION))
        workspace.crawl()
        assert [p for p in paths_requested(site) if SECTION in p] == [SECTION, f"{SECTION}?page=2"]
        new_in_analysis(site, 14)
        site.forget_requests()
        assert workspace.crawl()["articles_new"] == 14
        assert [p for p in paths_requested(site) if SECTION in p] == [
            SECTION,
            f"{SECTION}?page=2",
            f"{SECTION}?page=3",
        ]


def test_a_section_that_shows_its_first_page_again_as_its_second_has_lost_nothing(
    workspace: Workspace, site: SampleSite
) -> None:
    addresses = [site.truth_of(story).url for story in site.stories]
    site.extra_pages[LISTING] = listing_of(*addresses[:5])
    workspace.write_config(site.base_url, sources(LISTING), "max_pages = 1\n")
    workspace.crawl()
    site.extra_pages[LISTING] = listing_of(
        *addresses[-1:], *addresses[:3]
    )  # news, and one link less
    site.forget_requests()
    report = workspace.crawl()
    assert f"{LISTING}?page=2" in paths_requested(site)
    assert report["articles_new"] == 1
    assert report["sites"]["responsiblestatecraft"]["problems"] == []


def test_a_walk_that_was_killed_between_two_pages_is_completed_by_the_next_cycle(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    start.first_crawl(workspace)
    fresh = new_in_analysis(site, 14)
    site.fail(f"{SECTION}?page=2", Fault.HANG)
    workspace.crawl_and_kill(
        lambda: any(request.path == f"{SECTION}?page=2" for request in site.requests)
    )
    site.heal()
    workspace.crawl()
    found = [url for url in urls(workspace) if "/fresh-" in url]
    assert sorted(found) == sorted(site.truth_of(story).url for story in fresh)
    assert {r["novelty"] for r in workspace.records() if "/fresh-" in r["url"]} == {"new"}


def test_a_listing_that_failed_is_followed_though_a_feed_has_told_of_its_first_page(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=12) as site:
        unpaged = f'{sources(FEED)}page_parameter = ""\n'
        workspace.write_config(site.base_url, unpaged + sources(SECTION))
        workspace.crawl()
        fresh = new_in_analysis(site, 45)  # the feed shows the last 30
        site.fail(SECTION, Fault.SERVER_ERROR)
        assert workspace.run("crawl", "--json").json["articles_new"] == 30
        site.heal()
        assert workspace.crawl()["articles_new"] == 15
        found = {url for url in urls(workspace) if "/fresh-" in url}
        assert found == {site.truth_of(story).url for story in fresh}


def test_of_sitemaps_alone_the_first_crawl_reads_the_latest_and_a_full_one_all(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=30) as site:
        workspace.write_config(site.base_url, sources(SITEMAP))
        workspace.crawl()
        latest = sorted(site.stories, key=lambda story: story.changed_at)[-20:]
        assert sorted(urls(workspace)) == sorted(site.truth_of(story).url for story in latest)
        assert {record["novelty"] for record in workspace.records()} == {"baseline"}
        assert workspace.crawl()["articles_new"] == 0
        workspace.crawl("--full")
        assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())


def test_a_limit_bounds_a_cycle_and_the_rest_follows(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    workspace.crawl("--full", "--limit", "3")
    assert len(articles_requested(site)) == 3
    site.forget_requests()
    workspace.crawl("--limit", "2")
    assert len(articles_requested(site)) == 2
    workspace.crawl()
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())


def test_an_edit_beyond_the_limit_is_read_in_the_next_cycle(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace, "--full")
    for story in site.stories[3:6]:
        site.edit(story.slug, title=f"{story.title}, again")
    assert workspace.crawl("--limit", "1")["articles_updated"] == 1
    assert workspace.crawl()["articles_updated"] == 2


@pytest.mark.parametrize("known", [30, 50], ids=["in a known sitemap", "in a new sitemap"])
def test_articles_that_a_sitemap_alone_shows_are_found_once_they_are_published_dated_or_not(
    workspace: Workspace, known: int
) -> None:
    with SampleSite(stories=known) as site:
        workspace.write_config(site.base_url, sources(SITEMAP, SECTION))
        workspace.crawl()
        models = [story for story in site.stories if len(story.body.split()) > 100][:2]
        shapes = (frozenset[Shape](), frozenset({Shape.NO_DATE}))
        for number, (model, shown) in enumerate(zip(models, shapes, strict=True)):
            slug, post_id = f"only-here-{number}", f"265577700{number}"
            text = tuple(map(written_backwards, model.paragraphs))
            # The sitemap dates both in the second of the baseline.
            site.publish(
                replace(
                    model,
                    slug=slug,
                    post_id=post_id,
                    sections=("europe",),
                    shapes=shown,
                    paragraphs=text,
                )
            )
        workspace.crawl()
        published = {site.truth_of(story).url for story in site.stories[:2]}
        assert {*urls(workspace)[-2:]} == published


def test_what_an_archive_holds_is_not_fetched_because_its_sitemap_changes(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=40) as site:
        workspace.write_config(site.base_url, sources(SITEMAP, SECTION), "max_pages = 1\n")
        workspace.crawl()
        assert len(urls(workspace)) < 20
        story = site.publish(replace(regional(site), slug="elsewhere", sections=("europe",)))
        site.edit(story.slug, paragraphs=[written_backwards(text) for text in story.paragraphs])
        site.forget_requests()
        workspace.crawl()
        workspace.crawl()
        assert articles_requested(site) == [story.slug]


@pytest.mark.parametrize("is_named", [True, False], ids=["of the profile", "of an index"])
def test_a_sitemap_without_dates_that_is_added_to_a_profile_is_archive_but_for_what_comes_later(
    workspace: Workspace, site: SampleSite, is_named: bool
) -> None:
    def sitemap_of(kind: str, *addresses: str) -> Resource:
        entries = "".join(f"<{kind}><loc>{each}</loc></{kind}>" for each in addresses)
        outer = "urlset" if kind == "url" else "sitemapindex"
        return Resource(body=f"<{outer}>{entries}</{outer}>".encode(), lasts=False)

    addresses = [site.truth_of(story).url for story in site.stories]
    site.extra_pages[LISTING] = listing_of(*addresses[:2])
    site.extra_pages["/posts.xml"] = sitemap_of("url", *addresses)
    site.extra_pages["/index.xml"] = sitemap_of("sitemap", f"{site.base_url}/posts.xml")
    workspace.write_config(site.base_url, sources(LISTING))
    workspace.crawl()
    added = "/posts.xml" if is_named else "/index.xml"
    workspace.write_config(site.base_url, sources(LISTING, added))
    assert workspace.crawl()["articles_new"] == 0
    story = site.publish(replace(regional(site), slug="only-here", post_id="2655777001"))
    site.edit(story.slug, paragraphs=[written_backwards(text) for text in story.paragraphs])
    site.extra_pages["/posts.xml"] = sitemap_of("url", *addresses, site.truth_of(story).url)
    assert workspace.crawl()["articles_new"] == 1
    assert urls(workspace)[-1] == site.truth_of(story).url


# Politeness.


def test_requests_name_the_operator_and_keep_their_distance(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    text = workspace.config.read_text("utf-8").replace(
        "download_delay = 0.0", "download_delay = 0.2"
    )
    workspace.config.write_text('contact = "desk@example.org"\n' + text, "utf-8")
    report = workspace.crawl("--limit", "5")
    agents = {request.headers["user-agent"] for request in site.requests}
    assert len(agents) == 1
    assert "rscrawler/" in next(iter(agents))
    assert "desk@example.org" in next(iter(agents))
    # A busy machine makes a request late, and so the next gap short: all gaps together count.
    assert report["elapsed_seconds"] >= 0.2 * (len(site.requests) - 1)


def test_no_more_requests_run_at_once_than_the_profile_allows(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED) + IMPATIENT)
    text = workspace.config.read_text("utf-8").replace("concurrency = 8", "concurrency = 2")
    workspace.config.write_text(text, "utf-8")
    for story in site.stories:
        site.fail(story.path, Fault.HANG)
    workspace.run("crawl", "--limit", "4")
    hung = [request.at for request in site.requests if request.status == 0]
    assert len(hung) == 4
    assert hung[2] - hung[0] >= timedelta(seconds=1.5)


def test_robots_txt_is_asked_for_once_a_cycle_and_a_new_one_is_heeded_at_once(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    for _ in range(2):
        workspace.crawl("--limit", "1")
    assert [request.path for request in site.requests].count("/robots.txt") == 2
    site.fail("/robots.txt", Fault.FORBIDDEN_ROBOTS)
    requested = len(site.requests)
    result = workspace.run("crawl", "--json")
    assert result.status == 1
    assert [request.path for request in site.requests[requested:]] == ["/robots.txt"]


# Pages of odd make.


def test_pages_of_odd_make_are_recorded_as_they_are(workspace: Workspace) -> None:
    shapes = (Shape.WINDOWS_1252, Shape.UNCLOSED, Shape.NO_DATE, Shape.ENTITIES)
    with SampleSite(stories=30) as site:
        by_shape: Mapping[Shape, list[Story]] = {shape: site.shaped(shape) for shape in shapes}
        assert all(by_shape.values())
        workspace.write_config(site.base_url, FEW_SOURCES)
        workspace.crawl("--full")
        records = {record["url"]: record for record in workspace.records()}
        for true in site.truth():
            record = records[true.url]
            assert record["body"] == true.body
            assert record["published_at"] == rfc3339(true.published_at)
        undated = [records[site.truth_of(story).url] for story in by_shape[Shape.NO_DATE]]
        assert {record["published_at"] for record in undated} == {None}
