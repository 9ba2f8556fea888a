"""What a later cycle makes of a site that has changed: each change is told for what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from rscrawler.clock import utc_now
from tests.crawl.probes import (
    FEED,
    FEW_SOURCES,
    QUICK,
    SECTION,
    SITEMAP,
    change_database,
    let_articles_be_due,
    listing_of,
    sources,
)
from tests.crawl.starts import Start
from tests.sample_site import Fault, SampleSite
from tests.sample_site.routes import Resource, find_resource
from tests.sample_site.server import Reply
from tests.workspace import Program, Workspace


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    def crawl(start: Start) -> None:
        settings = '[crawl]\nremoval_after = "0s"\nretries = 0'
        start.workspace.write_config(start.site.base_url, f"{settings}\n{FEW_SOURCES}")
        start.workspace.crawl("--full")

    start = Start(tmp_path_factory.mktemp("start"), program, crawl, stories=12)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


@pytest.fixture
def known(workspace: Workspace, start: Start, site: SampleSite) -> Workspace:
    """A workspace that has crawled the whole site once."""
    start.copy_to(workspace)
    return workspace


def article_paths(site: SampleSite) -> list[str]:
    """The article pages that were requested."""
    slugs = {f"/{story.slug}/" for story in site.stories}
    return [request.path for request in site.requests if request.path in slugs]


def test_a_new_article_costs_one_article_request_and_is_news(
    known: Workspace, site: SampleSite
) -> None:
    story = site.publish()
    report = known.crawl()
    assert (report["articles_new"], report["articles_unchanged"]) == (1, 0)
    assert article_paths(site) == [f"/{story.slug}/"]
    record = known.records()[-1]
    assert (record["event"], record["novelty"], record["version"]) == ("new", "new", 1)


def test_an_edit_costs_one_article_request_and_makes_a_second_version(
    known: Workspace, site: SampleSite
) -> None:
    story = site.stories[3]
    site.edit(story.slug, paragraphs=(*story.paragraphs, "Officials in Oslo later denied it."))
    report = known.crawl()
    assert (report["articles_updated"], report["articles_new"]) == (1, 0)
    assert len(article_paths(site)) == 1
    record = known.records()[-1]
    assert (record["event"], record["version"]) == ("updated", 2)
    assert record["body"].endswith("Officials in Oslo later denied it.")
    assert record["change"] == {"fields": ["body"], "words_added": 6, "words_removed": 0}


# Dates are in seconds: a page may change again in the second in which it was read.


def show_dated(site: SampleSite, path: str, page: Resource, second: datetime) -> None:
    """Let a page have no validator but its date, `second`."""
    site.changed_at = second
    site.extra_pages[path] = replace(page, has_etag=False, has_last_modified=True)


def test_an_edit_in_the_second_in_which_a_page_was_read_is_seen_by_its_next_check(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    second = utc_now().replace(microsecond=0)
    story = next(each for each in site.stories if "analysis" in each.sections)
    for title in ("A headline", "A headline changed in the same second"):
        site.edit(story.slug, title=title)
        show_dated(site, story.path, find_resource(site, story.path, 1), second)
        report = workspace.crawl()
        let_articles_be_due(workspace)
    assert report["articles_updated"] == 1


def test_a_link_added_in_the_second_in_which_a_source_was_read_is_seen(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources("/links/"))
    second, (first, other, *_) = utc_now().replace(microsecond=0), site.stories
    show_dated(site, "/links/", listing_of(first.path), second)
    workspace.crawl()
    show_dated(site, "/links/", listing_of(first.path, other.path), second)
    assert workspace.crawl()["articles_new"] == 1


def test_an_edit_in_the_second_in_which_a_sitemap_was_read_is_seen(
    workspace: Workspace, site: SampleSite
) -> None:
    latest, edited = site.publish(), site.stories[4]
    workspace.write_config(site.base_url, sources(SITEMAP))
    workspace.crawl("--full")
    site.edit(edited.slug, title="Another headline", modified_at=latest.published_at)
    site.forget_requests()
    assert workspace.crawl()["articles_updated"] == 1
    assert 304 in [request.status for request in site.requests if request.path == SITEMAP]


def test_quotes_set_in_another_way_make_no_version(known: Workspace, site: SampleSite) -> None:
    story = next(story for story in site.stories if "'" in "".join(story.paragraphs))
    site.change_typography(story.slug)
    report = known.crawl()
    assert (report["articles_updated"], report["articles_unchanged"]) == (0, 1)


def test_a_source_that_fails_hides_no_article(known: Workspace, site: SampleSite) -> None:
    site.fail("/feeds", Fault.SERVER_ERROR)
    story = site.publish()
    result = known.run("crawl", "--json")
    assert result.status == 1
    assert result.json["articles_new"] == 1
    assert known.records()[-1]["url"].rstrip("/").endswith(story.slug)


def test_after_a_profile_was_mended_sources_are_read_again_though_none_has_changed(
    workspace: Workspace, site: SampleSite
) -> None:
    missed = site.stories[2].slug
    workspace.write_config(site.base_url, FEW_SOURCES, f'links.not_article = ["^/{missed}"]')
    workspace.crawl("--full")
    assert not any(missed in record["url"] for record in workspace.records())
    workspace.write_config(site.base_url, FEW_SOURCES)
    site.forget_requests()
    report = workspace.crawl()
    assert report["articles_new"] == 1
    assert workspace.records()[-1]["url"].endswith(f"/{missed}/")
    assert article_paths(site) == [f"/{missed}/"]
    idle = workspace.crawl()
    assert idle["not_modified"] == idle["requests"] - 1  # robots.txt


def test_after_a_profile_was_mended_what_was_no_article_is_asked_for_once_more(
    known: Workspace, site: SampleSite
) -> None:
    newest = "SELECT key FROM address WHERE seen_in LIKE '%/feed%' ORDER BY dated_at DESC LIMIT 3"
    rejected = "UPDATE address SET state = 'rejected', article_id = NULL"
    change_database(known, f"{rejected} WHERE key IN ({newest})")
    mended = 'markup.cut = [".nothing"]'
    requested: list[set[str]] = []
    for profile, *options in (("",), (mended, "--limit", "1"), (mended,), (mended,)):
        known.write_config(site.base_url, FEW_SOURCES, profile)
        site.forget_requests()
        known.crawl(*options)
        anew = [each for each in site.requests if "if-none-match" not in each.headers]
        requested.append(
            {each.path for each in anew} & {f"/{story.slug}/" for story in site.stories}
        )
    assert [len(paths) for paths in requested] == [0, 1, 2, 0], requested
    assert requested[1].isdisjoint(requested[2])


def test_after_a_profile_was_mended_a_known_page_is_read_anew_once_though_it_has_not_changed(
    workspace: Workspace, site: SampleSite
) -> None:
    updated: list[int] = []
    conditional: list[set[bool]] = []
    for profile in ('markup.cut = ["p + p"]', "", ""):
        workspace.write_config(site.base_url, FEW_SOURCES, profile)
        site.forget_requests()
        updated.append(workspace.crawl()["articles_updated"])
        paths = article_paths(site)
        sent = [each.headers for each in site.requests if each.path in paths]
        validators = {"if-none-match", "if-modified-since"}
        conditional.append({bool(validators & headers.keys()) for headers in sent})
        let_articles_be_due(workspace)
    assert updated[0] == updated[2] == 0
    assert updated[1] > 10  # all but a few of a single paragraph
    assert conditional[1:] == [{False}, {True}]


def test_after_a_profile_was_mended_a_source_that_fails_is_read_with_the_next_cycle(
    workspace: Workspace, site: SampleSite
) -> None:
    missed = site.stories[0].slug
    few = sources(FEED, SECTION)
    workspace.write_config(site.base_url, few, f'links.not_article = ["^/{missed}"]')
    workspace.crawl("--full")
    workspace.write_config(site.base_url, few)
    site.fail(FEED, Fault.SERVER_ERROR)
    workspace.run("crawl", "--json")
    site.heal()
    site.forget_requests()
    workspace.crawl()
    (feed,) = (each for each in site.requests if each.path == FEED)
    assert "if-none-match" not in feed.headers


def test_after_a_profile_was_mended_a_sitemap_that_fails_for_a_cycle_still_holds_an_archive(
    workspace: Workspace, site: SampleSite
) -> None:
    first, *others = site.stories
    entries = (
        f"<url><loc>{site.base_url}{each.path}</loc><lastmod>2022-11-24</lastmod></url>"
        for each in others
    )
    body = f"<urlset>{''.join(entries)}</urlset>".encode()
    site.extra_pages["/posts.xml"] = Resource(body=body, lasts=False)
    site.extra_pages["/links/"] = listing_of(first.path)
    workspace.write_config(
        site.base_url, sources("/links/", "/posts.xml"), f"links.article = ['^/{first.slug}']"
    )
    workspace.crawl()
    workspace.write_config(site.base_url, sources("/links/", "/posts.xml"))
    site.fail("/posts.xml", Fault.SERVER_ERROR)
    workspace.run("crawl", "--json")
    site.heal()
    assert workspace.crawl()["articles_new"] == 0


def test_what_a_sitemap_without_dates_shows_is_news_though_selectors_were_mended_meanwhile(
    workspace: Workspace, site: SampleSite
) -> None:
    def show(*paths: str) -> None:
        entries = "".join(f"<url><loc>{site.base_url}{path}</loc></url>" for path in paths)
        body = f"<urlset>{entries}</urlset>".encode()
        site.extra_pages["/posts.xml"] = Resource(body=body, lasts=False)

    posts = f"<sitemap><loc>{site.base_url}/posts.xml</loc></sitemap>"
    body = f"<sitemapindex>{posts}</sitemapindex>".encode()
    site.extra_pages["/index.xml"] = Resource(body=body, lasts=False)
    few = sources("/links/", "/index.xml")
    first, archived, latest, *_ = (story.path for story in site.stories)
    site.extra_pages["/links/"] = listing_of(first)
    show(first, archived)
    workspace.write_config(site.base_url, few)
    assert workspace.crawl()["articles_new"] == 1
    show(first, archived, latest)
    workspace.write_config(site.base_url, few, 'markup.cut = [".nothing"]')
    assert workspace.crawl()["articles_new"] == 1


def test_a_sitemap_taken_out_of_a_profile_is_not_asked_for_again(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED, SITEMAP, "/sitemap_news.xml"))
    workspace.crawl()
    workspace.write_config(site.base_url, sources(FEED, SITEMAP))
    requested: list[set[str]] = []
    for _ in range(2):
        site.forget_requests()
        workspace.crawl()
        requested.append({each.path for each in site.requests if each.path.endswith(".xml")})
    assert requested[0] > {SITEMAP}  # with those that it names
    assert requested[1] == {SITEMAP}
    assert "/sitemap_news.xml" not in requested[0]


def test_a_mended_profile_by_which_a_source_leads_nowhere_is_told_as_drift(
    known: Workspace, site: SampleSite
) -> None:
    known.write_config(site.base_url, FEW_SOURCES, 'links.within = ["footer"]')
    result = known.run("crawl", "--json")
    assert result.status == 1
    assert "leads to 0 articles a page" in result.stderr


def test_pages_asked_again_by_age_and_not_changed_make_no_version(
    known: Workspace, site: SampleSite
) -> None:
    site.rotate_tokens()
    let_articles_be_due(known)
    report = known.crawl()
    assert report["articles_unchanged"] == len(site.stories)
    assert report["articles_new"] == report["articles_updated"] == 0


def test_an_edit_that_was_read_worse_than_before_appears_once_the_profile_is_mended(
    known: Workspace, site: SampleSite
) -> None:
    story = site.stories[3]
    site.edit(story.slug, title=story.title + " (updated)")
    mended = known.config.read_text(encoding="utf-8")
    broken = f'{mended}\n[sites.responsiblestatecraft.markup]\nbody = ["div.gone"]\n'
    known.config.write_text(broken, encoding="utf-8")
    let_articles_be_due(known)
    assert known.run("crawl", "--json").json["articles_updated"] == 0
    known.config.write_text(mended, encoding="utf-8")
    let_articles_be_due(known)
    assert known.run("crawl", "--json").json["articles_updated"] == 1
    assert known.records()[-1]["title"].endswith(" (updated)")


def test_a_removed_page_is_recorded_after_its_second_check_and_again_when_it_returns(
    known: Workspace, site: SampleSite
) -> None:
    story = site.stories[7]
    site.edit(story.slug, title=story.title + " (updated)")
    known.crawl()
    assert known.records()[-1]["change"]["fields"] == ["title"]
    site.remove(story.slug)
    let_articles_be_due(known)
    assert known.crawl()["articles_removed"] == 0
    let_articles_be_due(known)
    assert known.crawl()["articles_removed"] == 1
    record = known.records()[-1]
    assert (record["event"], record["version"]) == ("removed", 3)
    assert record["change"] is None  # that of the update before is told with the update alone
    let_articles_be_due(known)
    assert known.crawl()["articles_removed"] == 0
    site.restore(story.slug)
    known.crawl()
    assert [r["event"] for r in known.records() if r["article_id"] == record["article_id"]] == [
        "new",
        "updated",
        "removed",
        "updated",
    ]


def test_a_page_that_leads_to_a_listing_for_good_is_gone_and_returns_like_any_other(
    known: Workspace, site: SampleSite
) -> None:
    stories = site.stories[7:9]
    for story, target in zip(stories, ("/", SECTION), strict=True):
        site.answers[story.path] = Reply(301, {"Location": target})
    for removed in (0, 2, 0):
        let_articles_be_due(known)
        report = known.crawl()
        assert (report["articles_removed"], report["errors"]) == (removed, 0)
    site.answers.clear()
    site.publish()  # so that the sources are read again, which show the articles
    known.crawl()
    for story in stories:
        events = [record["event"] for record in known.records() if story.path in record["url"]]
        assert events == ["new", "removed", "updated"]


def test_a_page_that_leads_to_a_listing_for_a_while_or_to_another_page_is_not_gone(
    known: Workspace, site: SampleSite
) -> None:
    site.extra_pages["/login/"] = Resource(200, b"<html><title>Log in</title><body></body></html>")
    leading = ((302, "/"), (307, SECTION), (301, "/login/"))
    for story, (status, target) in zip(site.stories[7:10], leading, strict=True):
        site.answers[story.path] = Reply(status, {"Location": target})
    for _ in range(3):
        let_articles_be_due(known)
        known.run("crawl")
    assert "removed" not in {record["event"] for record in known.records()}


def let_years_pass(workspace: Workspace, *, last_fetch: str) -> None:
    """Date the first sight of every article to 2020-01-01, and its last fetch to a day of 2020."""
    change_database(
        workspace,
        "UPDATE article SET first_seen_at = '2020-01-01T00:00:00.000000Z', "
        f"fetched_at = '2020-{last_fetch}T00:00:00.000000Z'",
    )


def test_an_old_article_that_fails_when_it_has_just_been_edited_is_an_error(
    known: Workspace, site: SampleSite
) -> None:
    let_years_pass(known, last_fetch="01-31")
    story = site.edit(site.stories[7].slug, subtitle="Another subtitle")
    site.answers[story.path] = Reply(500, {})
    result = known.run("crawl", "--json")
    assert (result.status, result.json["errors"]) == (1, 1)


@pytest.mark.parametrize("ages", ["", "recheck_after = []\n"])
def test_so_is_one_of_which_the_sitemap_dates_another_address(
    known: Workspace, site: SampleSite, ages: str
) -> None:
    story, other = site.stories[7], "/another-address/"
    site.answers[other] = Reply(301, {"Location": story.path})
    known.write_config(site.base_url, f"{QUICK}{ages}{sources('/other.xml')}")

    def crawl_with(date: str) -> int:
        entry = f"<url><loc>{site.base_url}{other}</loc><lastmod>{date}</lastmod></url>"
        site.extra_pages["/other.xml"] = Resource(body=f"<urlset>{entry}</urlset>".encode())
        errors: int = known.run("crawl", "--json", "--full").json["errors"]
        return errors

    assert crawl_with("2021-01-01") == 0
    let_years_pass(known, last_fetch="01-31")
    site.answers[story.path] = Reply(500, {})
    assert crawl_with(f"{utc_now():%Y-%m-%dT%H:%M:%SZ}") == 1


def test_a_known_page_that_fails_is_no_error_any_more_after_a_fortnight(
    known: Workspace, site: SampleSite
) -> None:
    story = site.stories[7]
    site.answers[story.path] = Reply(403, {})
    let_articles_be_due(known)
    result = known.run("crawl", "--json")
    assert (result.status, result.json["errors"]) == (1, 1)
    let_years_pass(known, last_fetch="01-01")
    let_articles_be_due(known)
    site.forget_requests()
    result = known.run("crawl", "--json")
    assert (result.status, result.json["errors"]) == (0, 0)
    assert story.path in article_paths(site)


def test_two_crawls_of_one_site_at_once_do_the_work_once(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    both = [workspace.start("crawl", "--json") for _ in "ab"]
    assert [process.wait().status for process in both] == [0, 0]
    urls = [record["url"] for record in workspace.records()]
    assert len(urls) == len(set(urls)) > 0
