"""What a cycle requests, and in which order: a site's broken parts never hide its news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tests.probing.built import BUILT
from tests.probing.server import BASE, Reply, SmallSite, xml
from tests.probing.stories import STORIES
from tests.workspace import Workspace

INDEX, NEWS = "/index.xml", "/news"
MANY_BROKEN = 25  # pages with an error, after which a cycle sends no more requests
BROKEN = Reply("memory exhausted", status=500)
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


def configure(workspace: Workspace, base_url: str, sources: Mapping[str, str], more: str) -> None:
    listed = ", ".join(f'{{kind = "{kind}", path = "{path}"}}' for path, kind in sources.items())
    workspace.config.write_text(
        f'[sites.outlet]\nbase_url = "{base_url}"\ndownload_delay = 0.0\nsources = [{listed}]\n'
        f"{more}\n[crawl]\nreaders = 0\nretries = 0\n",
        encoding="utf-8",
    )


def named(number: int) -> str:
    return f"/sitemaps/{number}.xml"


def index_of(count: int, *, is_dated: bool = True, at: datetime | None = None) -> Reply:
    """An index of sitemaps, each dated a day before the last, or all of them `at` a time."""
    dates = (at or LONG_AGO + timedelta(days=number) for number in range(count))
    entries = (
        f"<sitemap><loc>{BASE}{named(number)}</loc>"
        + (f"<lastmod>{date:%Y-%m-%dT%H:%M:%SZ}</lastmod>" if is_dated else "")
        + "</sitemap>"
        for number, date in enumerate(dates)
    )
    return xml(f"<sitemapindex>{''.join(entries)}</sitemapindex>")


def urlset(*paths: str, dated_at: datetime | None = LONG_AGO) -> Reply:
    lastmod = f"<lastmod>{dated_at:%Y-%m-%d}</lastmod>" if dated_at else ""
    entries = "".join(f"<url><loc>{BASE}{path}</loc>{lastmod}</url>" for path in paths)
    return xml(f"<urlset>{entries}</urlset>")


def listing(*numbers: int, following: str = "") -> Reply:
    """A section that links to these stories."""
    links = "".join(
        f'<a href="/{STORIES[each].slug}">{STORIES[each].title}</a>' for each in numbers
    )
    return Reply(f"<title>News</title><main>{links}{following}</main>")


def outlet(count: int, *, is_dated: bool = True) -> SmallSite:
    """A section with one article, and an index of so many sitemaps of old addresses."""
    parts = {named(number): urlset(f"/old-{number}") for number in range(count)}
    pages = {NEWS: listing(0), INDEX: index_of(count, is_dated=is_dated)}
    return SmallSite(BUILT["drupal"]() | parts | pages)


def sitemaps_requested(site: SmallSite) -> list[str]:
    return [path for path in site.requested if path.startswith("/sitemaps/")]


def test_an_article_is_read_though_many_sitemaps_of_an_index_answer_with_an_error(
    workspace: Workspace,
) -> None:
    with outlet(MANY_BROKEN) as site:
        sources = {NEWS: "section", INDEX: "sitemap"}
        configure(workspace, site.base_url, sources, "")
        workspace.crawl("outlet")
        site.pages |= {named(number): BROKEN for number in range(MANY_BROKEN)}
        site.pages[NEWS] = listing(0, 1)
        # Other rules: every sitemap is read again.
        configure(workspace, site.base_url, sources, 'markup.cut = [".promo"]')
        statuses = [workspace.run("crawl", "outlet").status for _ in range(2)]
    assert (len(workspace.records()), statuses) == (2, [1, 1])


def test_an_article_is_read_before_the_many_sitemaps_of_an_index(workspace: Workspace) -> None:
    with outlet(110) as site:
        configure(workspace, site.base_url, {NEWS: "section", INDEX: "sitemap"}, "")
        assert workspace.crawl("outlet")["articles_new"] == 1
        read = [
            path
            for path in site.requested
            if path.startswith(("/sitemaps/", f"/{STORIES[0].slug}"))
        ]
    assert f"/{STORIES[0].slug}" in read[:103]
    assert len(read) == 111


def test_articles_at_both_ends_of_a_long_sitemap_are_read(workspace: Workspace) -> None:
    old = [f"/old-{number}" for number in range(1_200)]
    first, last = (f"/{STORIES[number].slug}" for number in (0, 1))
    with outlet(0) as site:
        site.pages[INDEX] = urlset(*old)
        configure(workspace, site.base_url, {INDEX: "sitemap", NEWS: "section"}, "")
        workspace.crawl("outlet")
        site.pages[INDEX] = urlset(first, *old, last, dated_at=datetime.now(UTC))
        workspace.crawl("outlet")
    assert sorted(record["url"] for record in workspace.records()) == sorted(
        f"{site.base_url}{path}" for path in (first, last)
    )


def index_naming(*paths: str) -> Reply:
    entries = (f"<sitemap><loc>{BASE}{path}</loc></sitemap>" for path in paths)
    return xml(f"<sitemapindex>{''.join(entries)}</sitemapindex>")


def test_an_article_in_a_sitemap_is_found_though_its_index_is_nested_five_deep(
    workspace: Workspace,
) -> None:
    inner = [named(number) for number in range(5)]
    with outlet(0) as site:
        site.pages[INDEX] = index_naming(inner[0])
        for path, following in pairwise(inner):
            site.pages[path] = index_naming(following, INDEX)  # and back to the start
        site.pages[inner[-1]] = urlset(f"/{STORIES[0].slug}")
        configure(workspace, site.base_url, {INDEX: "sitemap"}, "")
        assert workspace.crawl("outlet", "--full")["articles_new"] == 1
        assert sitemaps_requested(site) == inner


def test_an_index_that_names_another_one_without_end_is_an_error_after_a_few_requests(
    workspace: Workspace,
) -> None:
    with outlet(0) as site:
        site.pages[INDEX] = index_naming(named(0))
        site.pages |= {named(number): index_naming(named(number + 1)) for number in range(40)}
        configure(workspace, site.base_url, {NEWS: "section", INDEX: "sitemap"}, "")
        report = workspace.run("crawl", "outlet", "--json")
        assert (report.status, report.json["articles_new"], report.json["errors"]) == (1, 1, 1)
        assert len(sitemaps_requested(site)) == 5


def test_an_article_is_read_though_most_sections_answer_with_an_error(workspace: Workspace) -> None:
    sections = [f"/section-{number}" for number in range(MANY_BROKEN)]
    with outlet(0) as site:
        sources = {NEWS: "section", **dict.fromkeys(sections, "section")}
        site.pages |= dict.fromkeys(sections, listing(0))
        configure(workspace, site.base_url, sources, "")
        workspace.crawl("outlet")
        site.pages |= dict.fromkeys(sections, BROKEN)
        workspace.run("crawl", "outlet")
        site.pages[NEWS] = listing(0, 1)
        report = workspace.run("crawl", "outlet", "--json").json
    assert (report["articles_new"], report["errors"] > 0) == (1, True)


@pytest.mark.parametrize("failure", [BROKEN, Reply("gone", status=404)], ids=["error", "gone"])
def test_a_sitemap_that_failed_at_first_is_read_once_and_not_in_every_cycle(
    workspace: Workspace, failure: Reply
) -> None:
    with outlet(6) as site:
        configure(workspace, site.base_url, {INDEX: "sitemap", NEWS: "section"}, "")
        whole, site.pages[named(0)] = site.pages[named(0)], failure
        workspace.run("crawl", "outlet")
        site.pages[named(0)] = whole
        workspace.crawl("outlet")
        site.requested.clear()
        site.pages[INDEX] = Reply(f"{site.pages[INDEX].text} ", "application/xml")  # read again
        workspace.crawl("outlet")
        assert sitemaps_requested(site) == []


@pytest.mark.parametrize("is_dated", [False, True], ids=["without a date", "dated now"])
def test_a_cycle_reads_both_ends_and_fifty_others_of_many_sitemaps_whose_dates_say_nothing(
    workspace: Workspace, is_dated: bool
) -> None:
    with outlet(80, is_dated=False) as site:
        configure(workspace, site.base_url, {NEWS: "section", INDEX: "sitemap"}, "")
        requested = []
        for cycle in range(3):
            if is_dated:  # as an index does that writes the present time
                site.pages[INDEX] = index_of(80, at=datetime.now(UTC) + timedelta(seconds=cycle))
            site.requested.clear()
            workspace.crawl("outlet")
            requested.append(set(sitemaps_requested(site)))
    assert len(requested.pop(0)) == 80
    ends = {named(number) for number in (0, 1, 2, 77, 78, 79)}
    assert [len(each) for each in requested] == [56, 56]
    assert ends <= requested[0] & requested[1]
    assert len(requested[0] | requested[1]) == 80


@pytest.mark.slow
def test_more_undated_sitemaps_than_a_cycle_reads_are_the_archive_too(workspace: Workspace) -> None:
    count = 1_005
    with outlet(count, is_dated=False) as site:
        site.pages |= {named(each): urlset(f"/old-{each}", dated_at=None) for each in range(count)}
        configure(workspace, site.base_url, {NEWS: "section", INDEX: "sitemap"}, "concurrency = 8")
        workspace.crawl("outlet")
        workspace.crawl("outlet")
        assert len(set(sitemaps_requested(site))) == count
        assert not [path for path in site.requested if path.startswith("/old-")]


def test_a_listing_is_followed_to_what_is_known_after_a_change_of_base_url(
    workspace: Workspace,
) -> None:
    following = '<a rel="next" href="/news?page={}">Older</a>'
    with outlet(0) as site:
        site.pages[NEWS] = listing(11)
        configure(workspace, site.base_url, {NEWS: "section"}, "")
        workspace.crawl("outlet")
        site.pages |= {
            NEWS: listing(0, 1, 2, following=following.format(2)),
            f"{NEWS}?page=2": listing(3, 4, 5, following=following.format(3)),
            f"{NEWS}?page=3": listing(6, 7, 8, following=following.format(4)),
            f"{NEWS}?page=4": listing(9, 10, 11),
        }
        moved = site.base_url.replace("127.0.0.1", "localhost")
        configure(workspace, moved, {NEWS: "section"}, "")
        report = workspace.crawl("outlet")
    assert report["articles_new"] == 11


@pytest.mark.parametrize(("redated", "requested"), [(25, 0), (2, 2)])
def test_pages_that_are_no_articles_are_not_requested_again_because_a_sitemap_dates_all_anew(
    workspace: Workspace, redated: int, requested: int
) -> None:
    paths = [f"/page-{number}" for number in range(25)]
    with outlet(0) as site:
        site.pages |= dict.fromkeys(paths, Reply("<title>About us</title><p>Call us.</p>"))
        site.pages[INDEX] = urlset(*paths)
        configure(workspace, site.base_url, {NEWS: "section", INDEX: "sitemap"}, "")
        workspace.crawl("outlet", "--full")
        assert set(paths) <= set(site.requested)
        site.requested.clear()
        dates = [LONG_AGO + timedelta(days=number < redated) for number in range(len(paths))]
        site.pages[INDEX] = xml(
            "<urlset>"
            + "".join(
                f"<url><loc>{BASE}{path}</loc><lastmod>{at:%Y-%m-%d}</lastmod></url>"
                for path, at in zip(paths, dates, strict=True)
            )
            + "</urlset>"
        )
        workspace.crawl("outlet")
        assert len(set(paths) & set(site.requested)) == requested
