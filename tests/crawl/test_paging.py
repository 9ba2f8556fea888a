"""Sites whose articles stand on several pages of one source: an endpoint, a section of Drupal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import closing

import pytest

from rscrawler.monitoring.cycle import LONGEST_WAIT
from rscrawler.spiders.http import page_digest
from rscrawler.store import Store
from tests.crawl.probes import change_database
from tests.probing.built import BUILT
from tests.probing.server import BASE, Reply, SmallSite
from tests.probing.stories import STORIES, Story
from tests.workspace import Workspace

ENDPOINT = "/wp-json/wp/v2/posts?per_page=5"
MORE = f"{ENDPOINT}&page="


def path_of(story: Story) -> str:
    return f"/{story.published_at:%Y/%m}/{story.slug}/"


def listed(story: Story) -> dict[str, object]:
    return {
        "link": BASE + path_of(story),
        "title": {"rendered": story.title},
        "date_gmt": f"{story.published_at:%Y-%m-%dT%H:%M:%S}",
        "modified_gmt": f"{story.published_at:%Y-%m-%dT%H:%M:%S}",
    }


def site() -> SmallSite:
    """Twelve articles on three pages; behind the last one WordPress answers 400."""
    pages = BUILT["wordpress"]()
    for page, start in enumerate(range(0, len(STORIES), 5), start=1):
        text = json.dumps([listed(story) for story in STORIES[start : start + 5]])
        pages[ENDPOINT if page == 1 else f"{MORE}{page}"] = Reply(text, "application/json")
    pages[f"{MORE}4"] = Reply('{"code": "rest_post_invalid_page_number"}', status=400)
    return SmallSite(pages)


def configure(
    workspace: Workspace,
    site: SmallSite,
    kind: str = "json",
    more: str = "",
    path: str = "/archive",
) -> None:
    path = ENDPOINT if kind == "json" else path
    workspace.config.write_text(
        f'[sites.outlet]\nbase_url = "{site.base_url}"\ndownload_delay = 0.0\nmax_pages = 9\n'
        f'sources = [{{kind = "{kind}", path = "{path}"{more}}}]\n'
        "[crawl]\nreaders = 0\nretries = 0\n",
        encoding="utf-8",
    )


def drupal(stories: Sequence[Story]) -> SmallSite:
    """Five articles a page; the second page is number 1, and only the pager says so."""
    pages = BUILT["drupal"]()
    for number, start in enumerate(range(0, len(stories), 5)):
        links = "".join(
            f'<h2><a href="/{each.slug}">{each.title}</a></h2>' for each in stories[start:][:5]
        )
        is_last = start + 5 >= len(stories)
        pager = "" if is_last else f'<a href="?page={number + 1}" rel="next">Next</a>'
        path = f"/archive?page={number}" if number else "/archive"
        pages[path] = Reply(f"<title>Archive</title><main>{links}{pager}</main>")
    return SmallSite(pages)


def test_every_article_on_every_page_of_an_endpoint_is_recorded(workspace: Workspace) -> None:
    with site() as outlet:
        configure(workspace, outlet)
        report = workspace.crawl("outlet", "--full")
        requested = [path for path in outlet.requested if path.startswith("/wp-json")]
    assert requested == [ENDPOINT, f"{MORE}2", f"{MORE}3", f"{MORE}4"]
    assert {record["title"] for record in workspace.records()} == {each.title for each in STORIES}
    assert (report["articles_new"], report["errors"]) == (12, 0)


def test_an_endpoint_dates_its_articles_as_a_feed_does(workspace: Workspace) -> None:
    pages = {
        path: Reply(reply.text.replace("article:published_time", "x"), reply.kind, reply.status)
        for path, reply in site().pages.items()
    }
    with SmallSite(pages) as outlet:
        configure(workspace, outlet)
        workspace.crawl("outlet")
    dates = {record["title"]: record["published_at"][:16] for record in workspace.records()}
    assert dates == {each.title: f"{each.published_at:%Y-%m-%dT%H:%M}" for each in STORIES}


def test_a_section_is_followed_to_the_page_that_it_says_is_next(workspace: Workspace) -> None:
    with drupal(STORIES) as outlet:
        configure(workspace, outlet, "section")
        report = workspace.crawl("outlet")
        requested = [path for path in outlet.requested if path.startswith("/archive")]
    # The last one says nothing, so that its number is tried.
    assert requested == ["/archive", "/archive?page=1", "/archive?page=2", "/archive?page=4"]
    assert (report["articles_new"], report["errors"]) == (12, 0)


def test_a_section_is_no_article_though_its_teasers_have_a_text_and_a_link_leads_to_it(
    workspace: Workspace,
) -> None:
    with drupal(STORIES) as outlet:
        teasers = "".join(
            f'<div><h2><a href="/{each.slug}">{each.title}</a></h2>'
            f"<p>{each.paragraphs[0]}</p></div>"
            for each in STORIES
        )
        older = '<div><a href="/news?page=2">Older</a></div>'
        text = f"<title>News</title><main><h1>News</h1>{teasers}{older}</main>"
        outlet.pages["/news"] = Reply(f'<ul><li><a href="/news">News</a></li></ul>{text}')
        configure(workspace, outlet, "section", path="/news")
        workspace.crawl("outlet")
    assert {record["title"] for record in workspace.records()} == {each.title for each in STORIES}


def test_the_digest_of_a_section_is_that_of_its_first_page(workspace: Workspace) -> None:
    with drupal(STORIES) as outlet:
        configure(workspace, outlet, "section")
        workspace.crawl("outlet")
        first = page_digest(outlet.pages["/archive"].text.encode())
    with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
        (state,) = store.discovery.sources("outlet").values()
    assert (state.body_digest, state.pagination_cursor) == (first, None)
    assert state.read_at is not None


def test_a_section_is_followed_to_pages_that_are_counted_in_its_path(workspace: Workspace) -> None:
    pages = drupal(STORIES).pages
    for number in (3, 2, 1):
        page = pages.pop("/archive" if number == 1 else f"/archive?page={number - 1}")
        newer = f'<a href="/archive/page/{number - 1}/">«</a>' if number > 1 else ""
        older = f'{newer}<a href="/archive/page/{number + 1}/" class="older">»</a>'
        text = re.sub('<a href="[^"]*" rel="next">Next</a>', older, page.text)
        pages["/archive" if number == 1 else f"/archive/page/{number}/"] = Reply(text)
    with SmallSite(pages) as outlet:
        configure(workspace, outlet, "section", ', page_parameter = "/page/"')
        report = workspace.crawl("outlet")
        requested = [path for path in outlet.requested if path.startswith("/archive")]
    assert requested == ["/archive", *(f"/archive/page/{number}/" for number in (2, 3, 4))]
    assert (report["articles_new"], report["errors"]) == (12, 0)


def test_further_pages_that_robots_txt_forbids_are_the_end_and_no_problem(
    workspace: Workspace,
) -> None:
    with drupal(STORIES) as outlet:
        outlet.pages["/robots.txt"] = Reply("User-agent: *\nDisallow: /archive?page=", "text/plain")
        configure(workspace, outlet, "section")
        report = workspace.crawl("outlet")
    assert (report["articles_new"], report["errors"]) == (5, 0)
    assert report["sites"]["outlet"]["problems"] == []


def test_more_news_than_one_page_of_a_section_holds_is_found_in_one_cycle(
    workspace: Workspace,
) -> None:
    with drupal(STORIES[7:]) as outlet:
        configure(workspace, outlet, "section", ', page_parameter = ""')
        workspace.crawl("outlet")
        outlet.pages |= drupal(STORIES).pages
        report = workspace.crawl("outlet")
    assert (report["articles_new"], len(workspace.records())) == (7, 12)


def test_what_was_behind_a_failed_page_is_found_though_news_has_pushed_it_further(
    workspace: Workspace,
) -> None:
    with drupal(STORIES[11:]) as outlet:
        configure(workspace, outlet, "section", ', page_parameter = ""')
        workspace.crawl("outlet")
        outlet.pages |= drupal(STORIES[5:]).pages
        outlet.pages["/archive?page=1"] = Reply("", status=500)
        assert workspace.run("crawl", "outlet").status == 1
        outlet.pages |= drupal(STORIES).pages
        report = workspace.crawl("outlet")
    assert (report["articles_new"], len(workspace.records())) == (6, 12)


@pytest.mark.parametrize("truncated", ["/archive", "/archive?page=1"])
def test_what_a_truncated_page_did_not_show_is_found_though_a_further_page_was_whole(
    workspace: Workspace, truncated: str
) -> None:
    with drupal(STORIES) as outlet:
        whole = outlet.pages[truncated]
        start, next_page, _ = whole.text.partition('<a href="?page=')
        text = f'<html>{start[: len(start) // 2]}{next_page}2" rel="next">Next</a><div'
        outlet.pages[truncated] = Reply(text)
        configure(workspace, outlet, "section")
        workspace.crawl("outlet")
        assert len(workspace.records()) < len(STORIES)
        outlet.pages[truncated] = whole
        workspace.crawl("outlet")
    assert {record["title"] for record in workspace.records()} == {each.title for each in STORIES}


def test_a_section_whose_pages_are_all_truncated_is_not_read_to_its_end_in_every_cycle(
    workspace: Workspace,
) -> None:
    with drupal(STORIES) as outlet:
        for path in [path for path in outlet.pages if path.startswith("/archive")]:
            outlet.pages[path] = Reply(f"<html>{outlet.pages[path].text}<div")
        outlet.pages["/archive?page=4"] = outlet.pages["/archive?page=2"]  # of any higher number
        configure(workspace, outlet, "section")
        for _ in range(LONGEST_WAIT + 3):
            outlet.requested.clear()
            workspace.crawl("outlet")
        requested = [path for path in outlet.requested if path.startswith("/archive")]
    assert (len(workspace.records()), requested) == (12, ["/archive"])


def test_a_page_that_is_next_on_another_host_is_none_and_no_failure(workspace: Workspace) -> None:
    pages = drupal(STORIES[:5]).pages
    page = pages["/archive"].text + '<a rel="next" href="https://elsewhere.example/2">Next</a>'
    with SmallSite(pages | {"/archive": Reply(page)}) as outlet:
        configure(workspace, outlet, "section")
        report = workspace.crawl("outlet")
        requested = [path for path in outlet.requested if path.startswith("/archive")]
    assert (requested, report["errors"]) == (["/archive", "/archive?page=2"], 0)


def test_what_others_told_of_long_before_the_last_reading_leads_no_further(
    workspace: Workspace,
) -> None:
    old, fresh, *known = STORIES
    link = f'<main><a href="/{old.slug}">{old.title}</a>'
    with drupal(known) as outlet:
        outlet.pages["/archive?tag=old"] = Reply(f"<title>Old</title>{link}</main>")
        configure(workspace, outlet, "section")
        elsewhere = ', {kind = "section", path = "/archive?tag=old", page_parameter = ""}]'
        workspace.config.write_text(
            workspace.config.read_text(encoding="utf-8").replace("}]", "}" + elsewhere),
            encoding="utf-8",
        )
        workspace.crawl("outlet")
        long_ago = "UPDATE address SET seen_at = '2026-01-01T00:00:00.000000Z'"
        change_database(workspace, f"{long_ago} WHERE url LIKE '%{old.slug}'")
        pages = drupal([fresh, *known]).pages
        second = pages["/archive?page=1"].text.replace("<main>", link)
        outlet.pages |= pages | {"/archive?page=1": Reply(second)}
        outlet.requested.clear()
        workspace.crawl("outlet")
        requested = [path for path in outlet.requested if path.startswith("/archive")]
    assert sorted(requested) == ["/archive", "/archive?page=1", "/archive?tag=old"]
