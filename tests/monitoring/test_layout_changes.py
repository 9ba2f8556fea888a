"""Real cycles against a site that changes its markup, and against one that only is quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from rscrawler.monitoring.observation import Observation
from tests.crawl.probes import (
    FEED,
    FEW_SOURCES,
    SECTION,
    SITEMAP,
    change_database,
    let_articles_be_due,
    sources,
)
from tests.crawl.starts import Start
from tests.sample_site import Fault, SampleSite, Theme
from tests.sample_site.routes import Resource
from tests.sample_site.server import Reply
from tests.workspace import Program, Workspace

SITE = "responsiblestatecraft"


def cycle(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    """What one cycle reports of the site."""
    site: dict[str, Any] = workspace.run("crawl", "--json", *arguments).json["sites"][SITE]
    return site


def messages(report: dict[str, Any]) -> dict[str, str]:
    """The problems of a report, by code."""
    return {problem["code"]: problem["message"] for problem in report["problems"]}


class LayoutChange:
    """The sample site through a change of its markup and back; each report is kept."""

    def __init__(self, folder: Path, program: Program) -> None:
        self.workspace = Workspace(folder, program)
        with SampleSite(stories=20) as site:
            self.workspace.write_config(site.base_url, FEW_SOURCES)
            self.first = cycle(self.workspace)
            self.quiet = cycle(self.workspace)
            anonymous = replace(site.publish(), slug="no-byline-today", authors=())
            site.publish(replace(anonymous, post_id="2650000001", title="No byline today"))
            self.odd = cycle(self.workspace)
            site.change_markup(Theme.RENAMED)
            site.publish()
            self.renamed = cycle(self.workspace)
            self.status = self.workspace.run("status", "--json")
            self.still = cycle(self.workspace)
            site.change_markup(Theme.REBELMOUSE)
            site.publish()
            self.back = cycle(self.workspace)
            site.change_markup(Theme.BARE)
            let_articles_be_due(self.workspace)
            self.bare = cycle(self.workspace)
            self.truth = {true.url: true for true in site.truth()}
        self.records = self.workspace.records()


@pytest.fixture(scope="module")
def change(tmp_path_factory: pytest.TempPathFactory, program: Program) -> LayoutChange:
    return LayoutChange(tmp_path_factory.mktemp("layout"), program)


def test_a_first_crawl_is_no_drift(change: LayoutChange) -> None:
    assert change.first["articles_new"] > 0
    assert messages(change.first) == {}


def test_a_cycle_without_news_is_no_drift(change: LayoutChange) -> None:
    assert change.quiet["articles_new"] == 0
    assert messages(change.quiet) == {}


def test_an_article_without_an_author_is_no_drift(change: LayoutChange) -> None:
    assert change.odd["articles_new"] == 2
    assert messages(change.odd) == {}


def test_changed_markup_is_told_by_the_next_cycle_with_the_selector_that_broke(
    change: LayoutChange,
) -> None:
    assert change.renamed["articles_new"] == 1
    message = messages(change.renamed)["layout-drift"]
    assert message.startswith(
        "container [data-source='current_post'] article.page-article matches no page of 1; "
        "articles read by fallback"
    )
    assert "body .body-description matches no page of 1" in message
    assert "authors a.social-author__name matches no page of 1" in message


def test_status_knows_of_it(change: LayoutChange) -> None:
    assert change.status.status == 1
    problems = change.status.json["sites"][SITE]["problems"]
    assert [problem["code"] for problem in problems] == ["layout-drift"]


def test_drift_stays_while_nothing_new_is_read(change: LayoutChange) -> None:
    assert change.still["articles_new"] == 0
    assert messages(change.still) == messages(change.renamed)


def test_drift_is_over_when_pages_are_as_they_were(change: LayoutChange) -> None:
    assert change.back["articles_new"] == 1
    assert messages(change.back) == {}


def test_known_articles_that_are_read_again_tell_of_it_too(change: LayoutChange) -> None:
    assert change.bare["articles_new"] == 0
    message = messages(change.bare)["layout-drift"]
    assert f"matches no page of {change.bare['articles_unchanged']}" in message


def test_no_foreign_text_is_recorded_whatever_the_markup(change: LayoutChange) -> None:
    assert len(change.records) >= 20
    for record in change.records:
        own = change.truth[record["url"]].body.split("\n\n")
        assert [
            paragraph for paragraph in record["body"].split("\n\n") if paragraph not in own
        ] == []


def test_the_markup_alone_makes_no_new_version(change: LayoutChange) -> None:
    assert {record["version"] for record in change.records} == {1}


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    start = Start(tmp_path_factory.mktemp("start"), program, stories=20)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


def test_a_section_and_a_feed_that_break_are_named_until_they_are_mended(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED, SECTION))
    start.first_crawl(workspace)
    section = SECTION.strip("/")
    in_section = [story.slug for story in site.stories if section in story.sections]
    for slug in in_section:
        site.remove(slug)
    site.fail(FEED, Fault.GARBAGE)
    message = messages(cycle(workspace))["layout-drift"]
    assert f"{SECTION} leads to 0 articles a page, usually " in message
    assert f"{FEED} no longer answers with a feed" in message
    site.heal()
    for slug in in_section:
        site.restore(slug)
    assert messages(cycle(workspace)) == {}


def feed_of(*urls: str, date: str = "") -> Reply:
    items = "".join(f"<item><link>{url}</link><pubDate>{date}</pubDate></item>" for url in urls)
    return Reply(200, {}, f"<rss version='2.0'><channel>{items}</channel></rss>".encode())


def test_a_feed_that_begins_anew_is_no_drift_and_one_that_leads_elsewhere_is_until_it_is_short(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    start.first_crawl(workspace)
    newest = site.truth_of(site.publish()).url
    for urls in ((), (newest,)):
        site.answers[FEED] = feed_of(*urls)
        assert messages(cycle(workspace)) == {}
    elsewhere = [f"{site.base_url}/author/{n}/" for n in range(20)]
    site.answers[FEED] = feed_of(newest, *elsewhere)  # `?page=2` still leads to articles alone
    message = messages(cycle(workspace))["layout-drift"]
    assert message.startswith(f"{FEED} leads to 1 articles a page, usually ")
    site.answers[FEED] = feed_of(newest)
    assert messages(cycle(workspace)) == {}


@pytest.mark.parametrize(
    ("path", "document", "what"),
    [
        (
            FEED,
            "<rss><channel>" + 9 * "<item><title>A line</title></item>" + "</channel></rss>",
            "a feed: has no address in any entry",
        ),
        (
            SITEMAP,
            "<urlset><url><loc>https://preview.example.net/a/</loc></url></urlset>",
            "a sitemap: has only addresses on other hosts, such as preview.example.net",
        ),
    ],
)
def test_a_source_whose_entries_lose_their_addresses_is_drift(
    workspace: Workspace, start: Start, site: SampleSite, path: str, document: str, what: str
) -> None:
    workspace.write_config(site.base_url, sources(FEED, SITEMAP))
    start.first_crawl(workspace)
    site.answers[path] = Reply(200, {}, document.encode())
    assert messages(cycle(workspace)) == {"layout-drift": f"{path} no longer answers with {what}"}


@pytest.mark.parametrize("path", [SITEMAP, "/wp-sitemap.xml"])
def test_a_sitemap_that_leads_to_other_hosts_alone_is_told(
    workspace: Workspace, site: SampleSite, path: str
) -> None:
    """As one that a build gave the address of the machine on which it ran."""
    workspace.write_config(site.base_url, sources(SITEMAP))
    places = "".join(f"<url><loc>http://localhost:3000/{slug}/</loc></url>" for slug in "abc")
    site.answers[SITEMAP] = Reply(301, {"Location": path}, b"")
    site.answers[path] = Reply(200, {}, f"<urlset>{places}</urlset>".encode())
    why = "1 × has only addresses on other hosts, such as localhost:3000"
    assert messages(cycle(workspace)) == {"unreachable": f"1 of 1 sources failed ({why})"}
    site.answers[SITEMAP] = Reply(200, {}, b"<urlset/>")  # no news today
    assert messages(cycle(workspace)) == {}


_ELSEWHERE = b"""<rss version="2.0"><channel><title>Central Asia</title><item>
<link>https://www.elsewhere.example/2026/12/01/a-dam/</link></item></channel></rss>"""


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(301, {"Location": "/"}, b""), "is not a feed, but a web page"),
        (
            Reply(200, {}, _ELSEWHERE),
            "has only addresses on other hosts, such as www.elsewhere.example",
        ),
    ],
)
def test_a_feed_that_never_led_to_an_article_is_told_beside_other_sources(
    workspace: Workspace, site: SampleSite, reply: Reply, why: str
) -> None:
    """As the address of a feed that a site has given up, or one at a service such as FeedBurner."""
    workspace.write_config(site.base_url, sources(FEED, SECTION))
    site.answers[FEED] = reply
    for _ in range(2):
        assert messages(cycle(workspace)) == {}
    report = workspace.run("crawl", "--json")
    told = messages(report.json["sites"][SITE])
    assert told == {"layout-drift": f"{FEED} could not be read in 3 cycles: {why}"}
    assert f"source {site.base_url}{FEED}: {why}" in report.stderr


@pytest.mark.parametrize(
    "reply", [Reply(404, {}, b""), Reply(301, {"Location": "/never-used.xml"}, b"")]
)
def test_the_log_warns_of_a_feed_in_the_profile_that_is_not_there(
    workspace: Workspace, site: SampleSite, reply: Reply
) -> None:
    """A site can lack the sections and tags of its profile; the address of a feed is a mistake."""
    workspace.write_config(site.base_url, sources(FEED, SECTION, "/tag/never-used/"))
    site.answers[FEED] = reply
    report = workspace.run("crawl", "--json")
    assert (report.status, report.json["errors"]) == (0, 0)
    warnings = [line for line in report.stderr.splitlines() if "WARNING" in line]
    assert len(warnings) == 1
    assert f"source {site.base_url}{FEED}: HTTP 404; it never led to an article" in warnings[0]


def test_new_markup_is_drift_though_hundreds_of_cycles_since_the_last_news_read_no_article(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace)
    idle = Observation(links={"/reporting/": 20}).to_json()
    change_database(
        workspace,
        "WITH RECURSIVE idle(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM idle WHERE n < 500) "
        "INSERT INTO run (run_id, site, started_at, ended_at, succeeded, observation) "
        f"SELECT 'z' || n, site, started_at, ended_at, 1, '{idle}' FROM run, idle",
    )
    site.change_markup(Theme.RENAMED)
    site.publish()
    assert "matches no page of 1" in messages(cycle(workspace))["layout-drift"]


def former_page(number: int) -> Resource:
    text = "<p>The harbour of the town was opened by its mayor in the spring.</p>" * 9
    return Resource(
        body=b'<html><meta property="og:type" content="article"><meta property='
        b'"article:published_time" content="2019-03-04T05:06:07Z"><body><h1>Old %d</h1>%s'
        b"</body></html>" % (number, text.encode())
    )


@pytest.mark.parametrize("source", [FEED, SECTION])
def test_new_markup_on_which_every_new_article_seems_old_is_drift(
    workspace: Workspace, start: Start, site: SampleSite, source: str
) -> None:
    workspace.write_config(site.base_url, sources(source))
    start.first_crawl(workspace)
    for number in range(4):
        site.extra_pages[site.publish().path] = former_page(number)
    message = messages(cycle(workspace))["layout-drift"]
    assert "article.page-article matches no page of" in message
    assert {record["novelty"] for record in workspace.records()} == {"baseline", "backfill"}


def test_an_archive_with_a_former_layout_is_no_drift(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    start.first_crawl(workspace)
    seen = {record["url"] for record in workspace.records()}
    assert len(seen) > 5
    old = [story for story in site.stories if site.truth_of(story).url not in seen]
    for number, story in enumerate(old):
        site.extra_pages[story.path] = former_page(number)
    workspace.write_config(site.base_url, sources(SECTION, SITEMAP))
    report = cycle(workspace, "--full")
    assert report["articles_new"] > 5
    assert messages(report) == {}
    let_articles_be_due(workspace)
    assert messages(cycle(workspace)) == {}


def test_pages_of_an_archive_that_hold_no_article_are_no_drift(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    start.first_crawl(workspace)
    seen = {record["url"] for record in workspace.records()}
    old = [story for story in site.stories if site.truth_of(story).url not in seen]
    podcast = Resource(body=b"<html><body><h1>A podcast</h1></body></html>")
    for number, story in enumerate(old):
        site.extra_pages[story.path] = former_page(number) if number > 2 else podcast
    site.answers[FEED] = feed_of(
        *(site.truth_of(story).url for story in old), date="Mon, 04 Mar 2019 05:06:07 GMT"
    )
    workspace.write_config(site.base_url, sources(SECTION, FEED))
    report = cycle(workspace, "--full")
    assert (report["errors"], messages(report)) == (3, {})
    for story in old[3:]:
        site.extra_pages[story.path] = podcast
    let_articles_be_due(workspace)
    report = cycle(workspace)
    assert report["errors"] > 3
    assert "layout-drift" not in messages(report)


@pytest.mark.parametrize(("after", "drift"), [(True, []), (False, ["layout-drift"])])
def test_a_feed_that_dates_known_articles_anew_is_no_drift_unless_it_does_before_first_sight(
    workspace: Workspace, start: Start, site: SampleSite, *, after: bool, drift: list[str]
) -> None:
    workspace.write_config(site.base_url, sources(FEED, SECTION))
    start.first_crawl(workspace)
    urls = [record["url"] for record in workspace.records()]
    first_seen = min(record["first_seen_at"] for record in workspace.records())
    later = datetime.now(UTC) + timedelta(seconds=1)
    date = format_datetime(later if after else datetime.fromisoformat(first_seen))
    items = "".join(
        f"<item><link>{url}</link>{f'<pubDate>{date}</pubDate>' if at < 8 else ''}</item>"
        for at, url in enumerate(urls)
    )
    feed = f"<rss version='2.0'><channel>{items}</channel></rss>"
    site.extra_pages[FEED] = Resource(body=feed.encode())
    for story in [each for each in site.stories if site.truth_of(each).url in urls[:8]]:
        site.edit(story.slug, title=f"{story.title}, as it is told now")
    report = cycle(workspace)
    assert report["articles_updated"] == 8
    assert list(messages(report)) == drift


def test_a_first_crawl_that_finds_no_article_at_all_is_drift_and_no_baseline(
    workspace: Workspace, site: SampleSite
) -> None:
    links = f"[sites.{SITE}.links]\narticle = ['^/no-such-path/']"
    workspace.write_config(site.base_url, FEW_SOURCES + links)
    assert messages(cycle(workspace)) == {
        "layout-drift": "no source leads to an article, of 2 that could be read"
    }
    assert workspace.run("status", "--json").json["sites"][SITE]["last_success"] is None
    workspace.write_config(site.base_url, FEW_SOURCES)
    assert messages(cycle(workspace, "--full")) == {}
    assert {record["novelty"] for record in workspace.records()} == {"baseline"}


def test_a_front_page_without_links_is_no_drift_if_a_sitemap_leads_to_articles(
    workspace: Workspace, site: SampleSite
) -> None:
    site.extra_pages["/app/"] = Resource(body=b"<html><body><div id='app'></div></body></html>")
    workspace.write_config(site.base_url, sources("/app/", SITEMAP))
    assert messages(cycle(workspace)) == {}
    site.publish()
    assert messages(cycle(workspace)) == {}
    *others, last = [record["novelty"] for record in workspace.records()]
    assert (set(others), last) == ({"baseline"}, "new")


@pytest.mark.parametrize(("date", "drift"), [("", []), ("2019-01-01", ["layout-drift"])])
def test_but_it_is_if_the_sitemap_was_abandoned_years_ago(
    workspace: Workspace, site: SampleSite, date: str, drift: list[str]
) -> None:
    entry = f"<url><loc>{site.truth()[0].url}</loc><lastmod>{date}</lastmod></url>"
    site.extra_pages["/old.xml"] = Resource(body=f"<urlset>{entry}</urlset>".encode())
    site.extra_pages["/app/"] = Resource(body=b"<html><body><div id='app'></div></body></html>")
    workspace.write_config(site.base_url, sources("/app/", "/old.xml"))
    assert list(messages(cycle(workspace))) == drift


def page_without_articles(words: str) -> Reply:
    body = f"<html><body><a href='/about/'>{words}</a></body></html>"
    return Reply(200, {"Content-Type": "text/html"}, body.encode())


def test_a_tag_that_was_never_used_is_no_drift_after_a_notice_in_its_place(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION, "/tag/never-used/"))
    cycle(workspace)
    site.answers["/tag/never-used/"] = page_without_articles("back soon")
    cycle(workspace)
    del site.answers["/tag/never-used/"]
    for _ in range(3):
        report = workspace.run("crawl", "--json")
        assert (report.status, messages(report.json["sites"][SITE])) == (0, {})


def test_notices_in_the_place_of_articles_are_drift_until_their_pages_are_as_they_were(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    start.first_crawl(workspace)
    for story in site.stories:
        site.answers[story.path] = page_without_articles("back soon")
    let_articles_be_due(workspace)
    message = messages(cycle(workspace))["layout-drift"]
    assert message.endswith(" pages hold no article that can be read")
    site.answers.clear()
    let_articles_be_due(workspace)
    report = cycle(workspace)
    assert report["articles_unchanged"] > 5
    assert messages(report) == {}


def test_sections_without_links_stay_drift_when_the_time_that_they_had_some_is_forgotten(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(SECTION))
    start.first_crawl(workspace)
    site.answers[SECTION] = page_without_articles("once")
    assert "leads to 0 articles" in messages(cycle(workspace))["layout-drift"]
    url = site.base_url + SECTION
    forgotten = Observation(links={url: 0}, findings={url: "leads to 0 articles"}).to_json()
    change_database(workspace, f"UPDATE run SET observation = '{forgotten}'")
    for words in ("again", "still"):
        site.answers[SECTION] = page_without_articles(words)
        message = messages(cycle(workspace))["layout-drift"]
        assert message == "no source leads to an article, of 1 that could be read"


def test_a_section_without_links_is_drift_if_it_replaces_the_sitemap_that_led_to_articles(
    workspace: Workspace, site: SampleSite
) -> None:
    site.answers["/app/"] = page_without_articles("once")
    workspace.write_config(site.base_url, sources(SITEMAP))
    assert messages(cycle(workspace)) == {}
    workspace.write_config(site.base_url, sources("/app/"))
    message = messages(cycle(workspace))["layout-drift"]
    assert message == "no source leads to an article, of 1 that could be read"


def test_a_profile_that_finds_the_article_which_was_guessed_before_is_no_drift(
    workspace: Workspace, site: SampleSite
) -> None:
    whole = f"[sites.plain]\nbase_url = '{site.base_url}'\ndownload_delay = 0.0\n"
    links = "links.article = ['^/[a-z0-9-]+/?$']\n"
    feed = f"[[sites.plain.sources]]\nkind = 'feed'\npath = '{FEED}'\n"
    mended = "[sites.plain.markup]\ncontainer = [\"[data-source='current_post'] article\"]\n"
    for markup in ("", mended):
        workspace.write_config(site.base_url, f"{whole}{links}{feed}{markup}")
        site.publish()
        plain = workspace.run("crawl", "plain", "--json").json["sites"]["plain"]
        assert plain["articles_new"] > 0
        assert messages(plain) == {}
