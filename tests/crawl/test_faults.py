"""What a site does wrong costs what it must, no more: nothing is lost, nobody is pestered."""

from __future__ import annotations

import gzip
import os
import pty
import re
import signal
import socketserver
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from pathlib import Path
from urllib.request import urlopen

import pytest

from rscrawler.middlewares.retry_after import MAX_BROKEN
from rscrawler.store import Store
from tests.certificates import self_signed
from tests.crawl.probes import (
    FEED,
    FEW_SOURCES,
    IMPATIENT,
    QUICK,
    SECTION,
    SITEMAP,
    articles_requested,
    change_database,
    let_a_day_pass,
    let_articles_be_due,
    let_retries_come,
    let_time_pass,
    paths_requested,
    rows_of,
    sources,
    urls,
)
from tests.crawl.starts import Start
from tests.sample_site import COOKIE_CHECK, Fault, RawReply, SampleSite
from tests.sample_site.routes import Resource, find_resource
from tests.sample_site.server import Reply
from tests.sample_site.stories import Story
from tests.workspace import Program, Workspace, taken_port

STORIES = "/feeds/sitemaps/sitemap_1.xml"
NO_RETRIES = "[crawl]\nretries = 0\n"
READ_HERE = "[crawl]\nreaders = 0\n"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    start = Start(tmp_path_factory.mktemp("start"), program, stories=5)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


@pytest.fixture
def site_of_eight() -> Iterator[SampleSite]:
    """One with an article for each fault, and one more."""
    with SampleSite(stories=8) as running:
        yield running


@pytest.fixture
def larger_site() -> Iterator[SampleSite]:
    """One with listings of several pages, and more articles than are tried in vain in a row."""
    with SampleSite(stories=30) as running:
        yield running


def configure(
    workspace: Workspace,
    site: SampleSite,
    extra: str = QUICK,
    few: str = FEW_SOURCES,
    concurrency: int = 8,
    readers: int = 0,
) -> None:
    workspace.write_config(site.base_url, few + extra, readers=readers)
    text = workspace.config.read_text(encoding="utf-8")
    changed = text.replace("concurrency = 8", f"concurrency = {concurrency}")
    workspace.config.write_text(changed, encoding="utf-8")


def publish_in_section(site: SampleSite) -> Story:
    """A new article that the one section of these tests shows."""
    return site.edit(site.publish().slug, sections=(SECTION.strip("/"),))


def publish_behind_a_notice(workspace: Workspace, start: Start, site: SampleSite) -> Story:
    """A new article of the section; a crawl has found a notice in the place of its page."""
    configure(workspace, site, few=sources(SECTION))
    start.first_crawl(workspace)
    story = publish_in_section(site)
    site.fail(story.path, Fault.WALL)
    workspace.crawl()
    return story


# Pages.


def test_pages_that_cannot_be_had_now_are_had_once_they_are_well_again(
    workspace: Workspace, site_of_eight: SampleSite
) -> None:
    site = site_of_eight
    faults = [
        Fault.SERVER_ERROR,
        Fault.HANG,
        Fault.TRUNCATED,
        Fault.GARBAGE,
        Fault.HUGE,
        Fault.EMPTY,
        Fault.REDIRECT_AWAY,
    ]
    for fault, story in zip(faults, site.stories, strict=False):
        site.fail(story.path, fault)
    configure(workspace, site, IMPATIENT, readers=1)
    result = workspace.run("crawl", "--full", "--json")
    assert result.status == 1
    assert result.json["articles_new"] == len(site.stories) - len(faults)
    assert result.json["errors"] == len(faults)
    assert result.json["dropped"] == 0
    assert "Traceback" not in result.stderr

    site.heal()
    site.forget_requests()
    let_retries_come(workspace)
    assert workspace.crawl()["articles_new"] == len(faults)
    assert sorted(articles_requested(site)) == sorted(story.slug for story in site.stories[:7])
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())
    assert {record["novelty"] for record in workspace.records()} == {"baseline"}


def test_a_notice_in_the_place_of_a_new_article_costs_time_and_not_the_article(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SECTION))
    start.first_crawl(workspace)
    story = publish_in_section(site)
    site.fail(story.path, Fault.WALL)
    for _ in range(3):
        assert workspace.crawl()["articles_new"] == 0
        let_time_pass(workspace, hours=8)
    site.heal()
    assert workspace.crawl()["articles_new"] == 1


def test_one_notice_in_the_place_of_two_new_articles_costs_neither(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SECTION))
    start.first_crawl(workspace)
    stories = [publish_in_section(site) for _ in range(2)]
    text = "<p>The editors move to another building and will be back with the news tonight.</p>" * 9
    page = f'<meta property="og:type" content="article"><h1>We are back soon</h1>{text}'.encode()
    for story in stories:
        site.extra_pages[story.path] = Resource(body=b"<html><body>" + page + b"</body></html>")
    workspace.run("crawl", "--json")
    site.extra_pages.clear()
    let_articles_be_due(workspace)
    workspace.crawl()
    assert {site.truth_of(story).url for story in stories} <= {*urls(workspace)}


def plain_page(title: str, text: str, byline: str = "") -> Resource:
    """A page without date, section and tag."""
    body = f"<html><body><h1>{title}</h1>{byline}<p>{text}</p></body></html>"
    return Resource(body=body.encode())


def configure_plain(workspace: Workspace, site: SampleSite) -> None:
    """Follow the site's feed without a profile of its markup."""
    table = f'base_url = "{site.base_url}"\ndownload_delay = 0.0\nconcurrency = 16\n'
    feed = sources(FEED, site="plain")
    workspace.config.write_text(f"{READ_HERE}[sites.plain]\n{table}{feed}", encoding="utf-8")


def test_an_edit_is_read_though_only_the_feed_dates_the_article(
    workspace: Workspace, site: SampleSite
) -> None:
    bylines = ("", '<a rel="author" href="/people/ann/">Ann Lee</a>')
    stories = dict(zip([each for each in site.stories if each.is_dated], bylines, strict=False))
    configure_plain(workspace, site)
    for text in ("opens in spring.", "opens in autumn, after a long delay."):
        for story, byline in stories.items():
            page = plain_page(story.title, f"The port of {story.title} {text}" * 9, byline)
            site.extra_pages[story.path] = page
        workspace.run("crawl", "plain", "--json")
        let_articles_be_due(workspace)
    for story in stories:
        url = site.truth_of(story).url
        read = [record for record in workspace.records() if record["url"] == url]
        assert [record["event"] for record in read] == ["new", "updated"]
        assert read[0]["published_at"] == read[1]["published_at"]


def test_a_notice_in_the_place_of_a_known_article_is_no_edit_of_it(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure_plain(workspace, site)
    start.first_crawl(workspace, "plain")
    notice = plain_page("Back soon", "The editors move and will be back tonight." * 9)
    for story in site.stories:
        site.extra_pages[story.path] = notice
        site.hold(story.path, behind=f"{FEED}?page=2")  # until the feed has dated the article
    site.publish()
    let_articles_be_due(workspace)
    workspace.run("crawl", "plain", "--json")
    assert {record["event"] for record in workspace.records()} == {"new"}


def test_a_bot_check_in_the_place_of_a_new_article_is_not_recorded_for_it(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure_plain(workspace, site)
    start.first_crawl(workspace, "plain")
    story = site.publish()
    check = plain_page("Making sure you are no bot", "We protect the server from bots." * 9)
    head = b'<html><head><meta name="robots" content="noindex,nofollow"></head>'
    site.extra_pages[story.path] = Resource(body=check.body.replace(b"<html>", head))
    assert workspace.run("crawl", "plain", "--json").json["articles_new"] == 0
    site.extra_pages[story.path] = plain_page(story.title, "The port opens in spring." * 9)
    let_time_pass(workspace, hours=1)
    assert workspace.run("crawl", "plain", "--json").json["articles_new"] == 1
    assert workspace.records()[-1]["title"] == story.title


def test_a_notice_to_which_the_articles_of_a_feed_redirect_is_none_of_them(
    workspace: Workspace, site: SampleSite
) -> None:
    configure_plain(workspace, site)
    site.extra_pages["/consent/"] = plain_page("Before you continue", "We value your privacy." * 9)
    for story in site.stories:
        site.answers[story.path] = Reply(302, {"Location": "/consent/"})
    workspace.run("crawl", "plain", "--json")
    site.answers.clear()
    let_time_pass(workspace, hours=1)
    workspace.run("crawl", "plain", "--json")
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())


def test_an_article_is_read_where_a_page_without_text_leads_by_a_meta_element(
    workspace: Workspace, site: SampleSite
) -> None:
    configure_plain(workspace, site)
    led, walled, endless, elsewhere, broken = (story.path for story in site.stories)
    for path, target in (
        (led, "/2026/a-canal/"),
        (walled, "/consent"),
        (endless, endless),
        (elsewhere, "http://elsewhere.invalid/"),
        (broken, "http://[::/"),
    ):
        refresh = f'<meta http-equiv="Refresh" content="1; url={target}">'
        page = f"<html><head>{refresh}</head></html>".encode()
        site.extra_pages[path] = Resource(body=page, content_type="text/html; charset=idna")
    byline = '<a rel="author" href="/people/ann/">Ann Lee</a>'
    site.extra_pages["/2026/a-canal/"] = plain_page("A canal", "They dig a canal. " * 9, byline)
    site.answers["/consent"] = Reply(301, {"Location": "/consent/"})
    site.extra_pages["/consent/"] = plain_page("Before you continue", "We value your privacy." * 9)
    crawl = workspace.run("crawl", "plain", "--json")
    assert "Traceback" not in crawl.stderr
    [record] = workspace.records()
    assert (record["url"], record["aliases"]) == (
        f"{site.base_url}/2026/a-canal/",
        [f"{site.base_url}{led}"],
    )
    requested = paths_requested(site)
    assert [requested.count(path) for path in (led, walled, endless, elsewhere)] == [1, 1, 2, 1]
    site.forget_requests()
    workspace.run("crawl", "plain", "--json")
    assert led not in paths_requested(site)


def test_a_site_that_checks_a_cookie_is_read_with_one_check_in_a_cycle(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    site.fail("/", Fault.COOKIE_CHECK)
    assert workspace.crawl()["articles_new"] == len(site.stories)
    assert [request.path for request in site.requests if request.status == 302] == [
        "/robots.txt",
        f"{COOKIE_CHECK}?url=/robots.txt",
    ]
    site.forget_requests()
    let_articles_be_due(workspace)
    assert workspace.crawl()["articles_unchanged"] == len(site.stories)
    assert sum(request.status == 302 for request in site.requests) == 2


def test_a_page_that_checks_a_cookie_is_no_address_of_an_article(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    for path in (COOKIE_CHECK, *(story.path for story in site.stories)):
        site.fail(path, Fault.COOKIE_CHECK)
    workspace.crawl()
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())
    assert not rows_of(workspace, f"SELECT key FROM address WHERE key LIKE '{COOKIE_CHECK}%'")


def test_a_site_that_has_only_an_ipv6_address_is_read(workspace: Workspace) -> None:
    site = SampleSite(stories=3)
    site.host = "::1"
    with site:
        configure(workspace, site)
        assert workspace.crawl()["articles_new"] == 3


def test_redirects_in_a_circle_end_at_the_second_round(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    paths = [story.path for story in site.stories[:2]]
    for path in paths:
        site.answers[path] = Reply(301, {"Location": path.rstrip("/")})
    result = workspace.run("crawl", "--json")
    assert result.json["errors"] == len(paths)
    assert f"{site.base_url}{paths[0]}: redirects in a circle" in result.stderr
    requested = paths_requested(site)
    assert [requested.count(path) for path in paths] == [2, 2]


def test_a_page_that_is_no_article_is_looked_at_again_less_and_less_and_then_no_more(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SECTION))
    start.first_crawl(workspace)
    story = publish_in_section(site)
    site.fail(story.path, Fault.WALL)
    site.forget_requests()
    looks = []
    for hours in (0, 0, 1, 7, 16, 24 * 6, 24 * 30):
        let_time_pass(workspace, hours=hours)
        site.forget_requests()
        workspace.crawl()
        looks.append(len(articles_requested(site)))
    assert looks == [1, 0, 1, 1, 1, 1, 0]


def test_a_notice_after_a_weeks_outage_costs_a_day_and_not_the_article(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SECTION))
    start.first_crawl(workspace)
    story = publish_in_section(site)
    site.fail(story.path, Fault.SERVER_ERROR)
    workspace.run("crawl", "--json")
    let_time_pass(workspace, hours=24 * 8)
    site.fail(story.path, Fault.WALL)
    workspace.crawl()
    site.heal()
    let_time_pass(workspace, hours=24)
    assert workspace.crawl()["articles_new"] == 1


def test_a_page_that_is_no_article_is_looked_at_no_more_though_each_look_fails_at_first(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    story = publish_behind_a_notice(workspace, start, site)
    looks = []
    for _ in range(3):
        let_time_pass(workspace, hours=24 * 8)
        site.forget_requests()
        site.fail(story.path, Fault.SERVER_ERROR)
        workspace.run("crawl", "--json")
        let_time_pass(workspace, hours=1)
        site.fail(story.path, Fault.WALL)
        workspace.crawl()
        looks.append(bool(articles_requested(site)))
    assert looks == [True, True, False]


def test_a_page_that_was_no_article_once_and_cannot_be_read_since_is_reported(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    story = publish_behind_a_notice(workspace, start, site)
    site.fail(story.path, Fault.SERVER_ERROR)
    for _ in range(5):
        let_time_pass(workspace, hours=12)
        workspace.run("crawl", "--json")
    status = workspace.run("status", "--json")
    (problem,) = status.json["sites"]["responsiblestatecraft"]["problems"]
    assert problem["code"] == "pages-failing"
    assert problem["message"].startswith("1 page could not be read")
    site.fail(SECTION, Fault.SERVER_ERROR)
    workspace.run("crawl", "--json")
    problems = workspace.run("status", "--json").json["sites"]["responsiblestatecraft"]["problems"]
    assert [each["code"] for each in problems] == ["unreachable", "pages-failing"]


def test_an_article_is_not_lost_between_two_notices_and_an_outage_of_a_week(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    story = publish_behind_a_notice(workspace, start, site)
    site.fail(story.path, Fault.SERVER_ERROR)
    for _ in range(2):
        let_time_pass(workspace, hours=24 * 4)
        workspace.run("crawl", "--json")
    let_time_pass(workspace, hours=24)
    site.fail(story.path, Fault.WALL)
    workspace.crawl()
    site.heal()
    let_time_pass(workspace, hours=48)
    assert workspace.crawl()["articles_new"] == 1


def test_a_feed_that_dates_what_a_section_led_to_first_brings_it_back(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(FEED, SECTION))
    start.first_crawl(workspace)
    story = publish_in_section(site)
    site.fail(FEED, Fault.SERVER_ERROR)
    site.fail(story.path, Fault.WALL)
    workspace.run("crawl", "--json")
    site.heal()
    assert workspace.crawl()["articles_new"] == 1


@pytest.mark.parametrize(
    ("source", "times", "hours"), [(SITEMAP, 4, 7), (FEED, 6, 1)], ids=["sitemap", "feed"]
)
def test_an_article_that_a_source_dates_and_that_is_not_there_is_asked_for_and_not_told_as_failing(
    workspace: Workspace, site: SampleSite, source: str, times: int, hours: int
) -> None:
    configure(workspace, site, few=sources(source))
    workspace.crawl()
    story = site.publish()
    site.answers[story.path] = Reply(404, {"Content-Type": "text/html"}, b"not here")
    for _ in range(times):
        assert workspace.run("crawl", "--json").json["articles_new"] == 0
        let_time_pass(workspace, hours=hours)
    assert workspace.run("status").status == 0
    site.answers.clear()
    assert workspace.crawl()["articles_new"] == 1


def test_pages_that_cannot_be_read_for_hours_are_told_of_until_they_are(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site)
    start.first_crawl(workspace)
    story = site.publish()
    site.fail(story.path, Fault.SERVER_ERROR)
    for _ in range(3):
        crawl = workspace.run("crawl", "--json")
        error = (
            f"1 error (last: article {site.base_url}{story.path}: HTTP 500); pages are tried again"
        )
        assert (crawl.status, crawl.stderr.splitlines()[-1].endswith(error)) == (1, True)
        assert workspace.run("status", "--json").status == 0
        let_time_pass(workspace, hours=1)
    workspace.run("crawl", "--json")
    status = workspace.run("status", "--json")
    (problem,) = status.json["sites"]["responsiblestatecraft"]["problems"]
    assert (status.status, problem["code"]) == (1, "pages-failing")
    assert story.slug in problem["message"]
    site.heal()
    let_time_pass(workspace, hours=1)
    assert workspace.crawl()["articles_new"] == 1
    assert workspace.run("status", "--json").status == 0


def test_an_address_that_always_leads_to_another_site_is_given_up_in_the_end(
    workspace: Workspace, site: SampleSite
) -> None:
    story = next(story for story in site.stories if SECTION.strip("/") in story.sections)
    site.fail(story.path, Fault.REDIRECT_AWAY)
    # Not from a feed: what that dates is an article for two days.
    configure(workspace, site, few=sources(SECTION))
    first = workspace.run("crawl", "--full", "--json")
    assert (first.status, first.json["errors"], first.json["dropped"]) == (1, 1, 0)
    change_database(
        workspace, "UPDATE address SET attempts = 9, next_try_at = NULL WHERE state = 'pending'"
    )
    last = workspace.crawl()
    assert (last["errors"], last["dropped"]) == (0, 1)
    site.forget_requests()
    let_retries_come(workspace)
    assert workspace.crawl()["errors"] == 0
    assert articles_requested(site) == []


def test_a_dated_address_that_always_leads_to_another_site_is_rejected_after_two_days(
    workspace: Workspace, site: SampleSite
) -> None:
    site.fail(site.stories[0].path, Fault.REDIRECT_AWAY)
    configure(workspace, site, few=sources(FEED))
    workspace.run("crawl", "--json")
    change_database(workspace, "UPDATE address SET attempts = 9 WHERE state = 'pending'")
    dropped = []
    for hours in (6, 48):
        let_time_pass(workspace, hours=hours)
        dropped.append(workspace.run("crawl", "--json").json["dropped"])
    assert dropped == [0, 1]


def test_a_page_too_large_once_unpacked_is_an_error_and_no_robots_rule(
    workspace: Workspace, site: SampleSite
) -> None:
    story = site.stories[0]
    bomb = gzip.compress(b"<html>" + b" " * 3_000_000)
    head = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
    site.answers[story.path] = Reply(200, head, bomb)
    configure(workspace, site)
    result = workspace.run("crawl", "--full", "--json")
    site.answers.clear()
    assert (result.status, result.json["errors"]) == (1, 1)
    let_retries_come(workspace)
    assert workspace.crawl()["articles_new"] == 1


def test_pages_that_always_fail_keep_no_other_page_from_being_requested(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=2 * MAX_BROKEN) as site:
        configure(workspace, site, few=sources(SITEMAP))
        workspace.crawl("--limit", "3", "--full")
        recorded = {*articles_requested(site)}
        broken = [story for story in site.stories if story.slug not in recorded]
        for story in broken:
            site.fail(story.path, Fault.SERVER_ERROR)
        workspace.run("crawl", "--full", "--json")
        story = site.publish()
        site.fail(story.path, Fault.SERVER_ERROR)
        workspace.run("crawl", "--json")
        site.faults.pop(0)
        site.forget_requests()
        for _ in range(3):
            let_articles_be_due(workspace)
            let_time_pass(workspace, hours=12)
            workspace.run("crawl", "--json")
        assert {*articles_requested(site)} >= {story.slug, *recorded}


# Sources.


def test_a_source_that_cannot_be_read_is_an_error_and_read_again_at_the_next_cycle(
    workspace: Workspace, site: SampleSite
) -> None:
    more = ("/reporting/", "/europe/")
    configure(workspace, site, IMPATIENT, few=sources(FEED, SITEMAP, SECTION, *more))
    workspace.crawl("--full")
    story = site.publish()
    site.fail(FEED, Fault.TRUNCATED)
    site.fail(SITEMAP, Fault.EMPTY)
    site.fail(SECTION, Fault.GARBAGE)
    site.fail("/reporting/", Fault.HANG)
    site.fail("/europe/", Fault.REDIRECT_AWAY)
    result = workspace.run("crawl", "--json")
    assert (result.status, result.json["errors"], result.json["articles_new"]) == (1, 5, 0)
    assert "Traceback" not in result.stderr
    assert "timeout" in causes(workspace)
    assert all(causes(workspace))
    site.heal()
    assert workspace.crawl()["articles_new"] == 1
    assert workspace.records()[-1]["url"] == site.truth_of(story).url


def causes(workspace: Workspace) -> list[str | None]:
    """Why the sources that failed did so, as the store remembers it."""
    with closing(Store.open(f"sqlite:///{workspace.output / 'rscrawler.db'}")) as store:
        states = store.discovery.sources("responsiblestatecraft").values()
        return [state.last_error for state in states if state.failures]


def test_a_source_that_stops_within_its_document_is_read_again_though_it_has_not_changed(
    workspace: Workspace, site: SampleSite
) -> None:
    """Caddy ends the response of an origin that died on the way, with the ETag of the whole."""

    def cut_off(target: str) -> None:
        whole = site.server.reply("GET", target, {})
        site.answers[target] = replace(whole, body=whole.body[: len(whole.body) // 3])

    configure(workspace, site)
    for target in (FEED, STORIES, SECTION):
        cut_off(target)
    result = workspace.run("crawl", "--json")
    assert result.json["articles_new"] < len(site.stories)
    assert f"source {site.base_url}{FEED}: is truncated; read again" in result.stderr
    site.answers.clear()
    workspace.crawl()
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())
    assert {record["novelty"] for record in workspace.records()} == {"baseline"}

    site.answers[SECTION] = site.server.reply("GET", SECTION, {})
    story = site.publish()
    cut_off(FEED)
    cut_off(STORIES)
    workspace.crawl()
    site.answers.clear()
    site.forget_requests()
    workspace.crawl()
    assert site.truth_of(story).url in urls(workspace)
    assert not any(request.conditional for request in site.requests if request.path == STORIES)


def test_a_source_that_is_written_anew_with_the_same_content_is_asked_for_by_its_new_date(
    workspace: Workspace, site: SampleSite
) -> None:
    """As a static file that a build touches: nginx compares the date that it gave last."""
    workspace.write_config(site.base_url, sources(FEED))
    feed, sent = site.server.reply("GET", FEED, {}), []
    for hour in range(3):
        modified = f"Tue, 24 Nov 2020 {hour:02}:00:00 GMT"
        site.answers[FEED] = replace(feed, headers={"Last-Modified": modified, "ETag": f'"{hour}"'})
        site.forget_requests()
        workspace.crawl()
        (headers,) = (each.headers for each in site.requests if each.path == FEED)
        sent.append((headers.get("if-none-match"), headers.get("if-modified-since")))
    dates = (f"Tue, 24 Nov 2020 0{hour}:00:00 GMT" for hour in range(2))
    assert sent == [(None, None), *zip(('"0"', '"1"'), dates, strict=True)]


def test_a_source_that_always_stops_within_its_document_leads_to_its_news_all_the_same(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(FEED))
    for _ in range(5):
        story = site.publish()
        site.answers.clear()
        whole = site.server.reply("GET", FEED, {})
        site.answers[FEED] = replace(whole, body=whole.body.replace(b"</rss>", b""))
        workspace.crawl()
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())
    last = workspace.records()[-1]
    assert (last["url"], last["novelty"]) == (site.truth_of(story).url, "new")


def test_a_listing_has_lost_its_links_only_if_it_stops_within_its_document_again(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    def problems() -> list[str]:
        result = workspace.run("crawl", "--json").json["sites"]["responsiblestatecraft"]
        return [each["code"] for each in result["problems"]]

    configure(workspace, site, few=sources(FEED, SECTION))
    start.first_crawl(workspace)
    whole = site.server.reply("GET", SECTION, {})
    site.answers[SECTION] = replace(whole, body=whole.body[: len(whole.body) // 4])
    assert [problems(), problems()] == [[], ["layout-drift"]]
    site.answers.clear()
    assert problems() == []


def test_a_listing_that_ends_with_404_has_ended(
    workspace: Workspace, larger_site: SampleSite
) -> None:
    shown = (find_resource(larger_site, SECTION, page).body for page in count(1))
    past_the_end = sum(1 for _ in takewhile(lambda body: b"image-article" in body, shown)) + 1
    end = f"{SECTION}?page={past_the_end}"
    larger_site.answers[end] = Reply(404, {})
    configure(workspace, larger_site, few=sources(SECTION))
    assert workspace.crawl("--full")["errors"] == 0
    assert [each.status for each in larger_site.requests if each.path == end] == [404]
    larger_site.forget_requests()
    workspace.crawl()
    statuses = [each.status for each in larger_site.requests if each.path != "/robots.txt"]
    assert statuses == [304]


def test_a_first_run_of_which_a_page_failed_still_ends_at_max_pages(workspace: Workspace) -> None:
    with SampleSite(stories=120) as site:
        configure(workspace, site, NO_RETRIES, few=sources("/analysis/"))
        site.fail("/analysis/?page=2", Fault.SERVER_ERROR)
        assert workspace.run("crawl", "--json").status == 1
        site.heal()
        site.forget_requests()
        workspace.crawl()
        assert [p for p in paths_requested(site) if p.startswith("/analysis/")] == [
            "/analysis/",
            "/analysis/?page=2",
        ]


def test_an_edit_is_not_missed_though_its_page_fails_and_its_source_is_quiet_again(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site)
    start.first_crawl(workspace)
    story = site.stories[2]
    site.edit(story.slug, title=story.title + ", officials say")
    site.fail(story.path, Fault.SERVER_ERROR)
    assert workspace.run("crawl", "--json").status == 1
    site.heal()
    assert workspace.crawl()["articles_updated"] == 1


def test_an_edit_is_not_missed_though_a_cache_gave_the_old_page_when_a_source_told_of_it(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site)
    start.first_crawl(workspace)
    change_database(
        workspace, "UPDATE article SET next_check_at = NULL, first_seen_at = '2026-01-01T00:00:00Z'"
    )
    story = site.stories[2]
    with urlopen(f"{site.base_url}{story.path}") as answer:
        cached = Reply(200, dict(answer.headers), answer.read())
    site.edit(story.slug, title=story.title + ", officials say")
    site.forget_requests()
    site.answers[story.path] = cached
    assert workspace.crawl()["articles_unchanged"] == 1
    site.answers.clear()
    assert articles_requested(site) == [story.slug]
    let_articles_be_due(workspace)
    assert workspace.crawl()["articles_updated"] == 1
    let_articles_be_due(workspace)
    assert workspace.crawl()["articles_unchanged"] == 0


def test_an_edit_that_a_cache_hid_is_not_missed_though_its_page_was_due_by_age_as_well(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=24) as site:  # of which it comes last, long after the source
        configure(workspace, site, concurrency=1)
        workspace.crawl("--full")
        story = site.stories[2]
        old = "UPDATE article SET first_seen_at = '2026-01-01T00:00:00Z', next_check_at ="
        change_database(workspace, f"{old} '2026-01-08T00:00:00Z'")
        change_database(workspace, f"{old} '2026-01-09T00:00:00Z' WHERE url LIKE '%/{story.slug}/'")
        with urlopen(f"{site.base_url}{story.path}") as answer:
            cached = Reply(200, dict(answer.headers), answer.read())
        site.edit(story.slug, title=story.title + ", officials say")
        site.answers[story.path] = cached
        assert workspace.crawl()["articles_updated"] == 0
        site.answers.clear()
        let_articles_be_due(workspace)
        assert workspace.crawl()["articles_updated"] == 1


def test_edits_are_not_missed_though_older_pages_come_with_the_source_that_tells_of_them(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SITEMAP))
    start.first_crawl(workspace, "--full")
    change_database(
        workspace,
        "UPDATE article SET first_seen_at = '2026-01-01T00:00:00Z',"
        " next_check_at = '2026-01-08T00:00:00Z'",
    )
    for story in site.stories:
        story = site.edit(story.slug, subtitle="Before the last edit")
        with urlopen(f"{site.base_url}{story.path}") as answer:
            site.answers[story.path] = Reply(200, dict(answer.headers), answer.read())
        site.edit(story.slug, title=story.title + ", officials say")
    site.hold(STORIES, behind=site.stories[0].path)
    assert workspace.crawl()["articles_updated"] == len(site.stories)
    site.answers.clear()
    let_articles_be_due(workspace)
    assert workspace.crawl()["articles_updated"] == len(site.stories)


KILLED_BEFORE_THE_LAST_PORTION = """
import os
import signal

import rscrawler.spiders.reading
from rscrawler.store.discovery import DiscoveryStore

real = DiscoveryStore.record_reading


def record_reading(self, *given, due_articles, **named):
    if due_articles:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, *given, due_articles=due_articles, **named)


rscrawler.spiders.reading.PORTION = 1
DiscoveryStore.record_reading = record_reading
"""


def test_edits_are_not_missed_though_a_crawl_dies_before_the_last_portion_of_a_sitemap(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SITEMAP))
    start.first_crawl(workspace, "--full")
    for story in [story for story in site.stories if story.is_dated][:2]:
        site.edit(story.slug, title=story.title + ", officials say")
    killed = workspace.start("crawl", "--json", before=KILLED_BEFORE_THE_LAST_PORTION).wait()
    assert killed.status == -signal.SIGKILL
    assert workspace.crawl()["articles_updated"] == 2


def test_a_sitemap_that_fails_is_read_at_the_next_cycle_though_its_index_is_quiet(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SITEMAP))
    start.first_crawl(workspace, "--full")
    site.publish()
    site.fail("/feeds/sitemaps/", Fault.SERVER_ERROR)
    assert workspace.run("crawl", "--json").status == 1
    site.heal()
    assert workspace.crawl()["articles_new"] == 1


def test_an_index_that_never_moves_a_date_hides_news_for_a_day_at_most(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SITEMAP))
    site.extra_pages[SITEMAP] = find_resource(site, SITEMAP, 1)
    workspace.crawl("--full")
    site.publish()
    assert workspace.crawl()["articles_new"] == 0
    let_a_day_pass(workspace)
    assert workspace.crawl()["articles_new"] == 1


def redated(sitemap: Resource, moment: datetime, path: str = "") -> Resource:
    """A sitemap with another date for one story, or for all."""
    shown = f"({re.escape(path)}</loc><lastmod>)[^<]*".encode()
    changed, times = re.subn(shown, rb"\g<1>" + moment.isoformat().encode(), sitemap.body)
    assert times
    return replace(sitemap, body=changed)


def test_articles_dated_later_all_at_once_say_nothing_and_one_dated_later_after_that_does(
    workspace: Workspace, larger_site: SampleSite
) -> None:
    configure(workspace, larger_site, few=sources(SITEMAP))
    workspace.crawl("--full")
    moved_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    for path in (SITEMAP, STORIES):
        larger_site.extra_pages[path] = redated(find_resource(larger_site, path, 1), moved_at)
    larger_site.forget_requests()
    assert workspace.crawl()["articles_new"] == 0
    assert articles_requested(larger_site) == []
    dated = next(story for story in larger_site.stories if story.is_dated)
    story = larger_site.edit(dated.slug, title="Another title")
    del larger_site.extra_pages[SITEMAP]
    larger_site.extra_pages[STORIES] = redated(
        redated(find_resource(larger_site, STORIES, 1), moved_at),
        moved_at + timedelta(minutes=5),
        story.path,
    )
    assert workspace.crawl()["articles_updated"] == 1
    assert articles_requested(larger_site) == [story.slug]


def test_a_date_of_years_ahead_hides_no_later_edit(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, few=sources(SITEMAP))
    start.first_crawl(workspace, "--full")
    story = next(story for story in site.stories if story.is_dated)
    years_ahead = datetime(2062, 1, 1, tzinfo=UTC)
    site.extra_pages[STORIES] = redated(find_resource(site, STORIES, 1), years_ahead, story.path)
    let_a_day_pass(workspace)
    site.forget_requests()
    assert workspace.crawl()["articles_updated"] == 0
    assert articles_requested(site) == []
    site.extra_pages.clear()
    site.edit(story.slug, title=story.title + ", officials say")
    assert workspace.crawl()["articles_updated"] == 1


# Answers that say nothing, or too little.


def test_a_server_that_always_says_not_modified_hides_news_for_a_day_at_most(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site)
    start.first_crawl(workspace)
    site.fail("/", Fault.LYING_304)
    site.publish()
    assert workspace.crawl()["articles_new"] == 0
    let_a_day_pass(workspace)
    assert workspace.crawl()["articles_new"] == 1


def test_without_validators_known_articles_are_not_fetched_again(
    workspace: Workspace, site: SampleSite
) -> None:
    site.fail("/", Fault.NO_VALIDATORS)
    configure(workspace, site)
    assert workspace.crawl()["articles_new"] > 0
    site.forget_requests()
    workspace.crawl()
    assert articles_requested(site) == []
    story = site.publish()
    assert workspace.crawl()["articles_new"] == 1
    assert articles_requested(site) == [story.slug]


def test_any_error_of_a_server_is_tried_again_as_often_as_configured(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, "[crawl]\nretries = 2", sources(FEED, SECTION))
    for path, status in ((FEED, 500), (SECTION, 507)):
        site.answers[path] = Reply(status, {"Content-Type": "text/html"}, b"<h1>Error</h1>")
    assert workspace.run("crawl").status == 1
    assert sorted(paths_requested(site)) == [SECTION] * 3 + [FEED] * 3


# Requests to slow down.


def test_a_short_retry_after_is_obeyed_by_every_request(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, "[crawl]\nretries = 1", FEW_SOURCES, concurrency=1)
    site.fail(FEED, Fault.TOO_MANY, times=1, retry_after_seconds=1)
    report = workspace.crawl("--limit", "3")
    assert (report["articles_new"], report["errors"]) == (3, 0)
    times = {r.status: r.at for r in site.requests if r.status == 429}
    later = [r.at for r in site.requests if r.at > times[429]]
    assert min(later) - times[429] >= timedelta(seconds=1)


def test_a_long_retry_after_ends_the_cycle_and_later_ones_wait_for_its_end(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, "[crawl]\nretries = 1", FEW_SOURCES, concurrency=1)
    site.fail(SITEMAP, Fault.TOO_MANY, times=1, retry_after_seconds=3600)
    result = workspace.run("crawl", "--json")
    assert result.status == 1
    assert "Traceback" not in result.stderr
    statuses = [request.status for request in site.requests]
    assert statuses.index(429) == len(statuses) - 1

    site.forget_requests()
    result = workspace.run("crawl", "--json")
    assert result.json["requests"] == 0
    assert "pause" in result.json["sites"]["responsiblestatecraft"]["note"]
    assert site.requests == []

    change_database(workspace, "UPDATE site SET not_before = '2020-01-01T00:00:00.000000Z'")
    assert workspace.crawl()["articles_new"] > 0


def test_a_pause_that_a_wrong_clock_stored_is_not_kept(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES)
    start.first_crawl(workspace, "--limit", "1")
    change_database(workspace, "UPDATE site SET not_before = '2999-01-01T00:00:00.000000Z'")
    assert workspace.crawl()["articles_new"] > 0


def test_the_causes_of_an_outage_add_up_to_the_number_of_sources(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES, few="", concurrency=1)
    workspace.crawl()
    site.fail("/", Fault.SERVER_ERROR)
    (problem,) = workspace.run("crawl", "--json").json["sites"]["responsiblestatecraft"]["problems"]
    match = re.fullmatch(r"(\d+) of \1 sources failed \((.*)\)", problem["message"])
    assert match
    causes = {cause: int(count) for count, cause in re.findall(r"(\d+) × ([^,]+)", match[2])}
    assert set(causes) == {"HTTP 500", "not requested"}
    assert sum(causes.values()) == int(match[1])


def test_what_is_found_after_a_first_cycle_under_a_clock_that_was_ahead_is_news(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site)
    start.first_crawl(workspace)
    change_database(workspace, "UPDATE site SET baseline_at = '2999-01-01T00:00:00.000000Z'")
    story = site.publish()
    assert workspace.crawl()["articles_new"] == 1
    late = site.publish()
    site.fail(late.path, Fault.SERVER_ERROR)
    workspace.run("crawl")
    site.heal()
    assert workspace.crawl()["articles_new"] == 1
    found = {each["url"]: each["novelty"] for each in workspace.records()[-2:]}
    assert found == {site.truth_of(each).url: "new" for each in (story, late)}


@pytest.mark.parametrize("status", [500, 429])
def test_requests_that_were_held_back_are_no_attempts_and_no_errors(
    workspace: Workspace, larger_site: SampleSite, status: int
) -> None:
    configure(workspace, larger_site, concurrency=1)
    for story in larger_site.stories:
        larger_site.answers[story.path] = Reply(status, {}, b"slow down")
    result = workspace.run("crawl", "--json")
    sent = articles_requested(larger_site)
    answered = [request.path.strip("/") not in sent for request in larger_site.requests]
    assert answered[::-1].index(True) == MAX_BROKEN  # so many in a row, behind the last source
    assert (result.status, result.json["errors"]) == (1, len(sent))
    assert result.stderr.count("no more requests in this cycle") == 1
    attempts = rows_of(workspace, "SELECT attempts, count(*) FROM address GROUP BY attempts")
    assert dict(attempts)[1] == len(sent)
    assert dict(attempts)[0] > 0


def test_a_source_that_was_held_back_has_not_failed(workspace: Workspace, site: SampleSite) -> None:
    configure(workspace, site, "[crawl]\nretries = 1", FEW_SOURCES, concurrency=1)
    site.fail(FEED, Fault.TOO_MANY, times=1, retry_after_seconds=3600)
    assert workspace.run("crawl", "--json").json["errors"] == 1
    assert len(paths_requested(site)) == 1
    assert rows_of(workspace, "SELECT failures FROM source") == [(1,)]


# A page on which the program itself breaks.

BREAKING = """
import rscrawler.{module} as module

real = module.{name}


def break_on_one(*given):
    if "{slug}" in repr(given):
        raise RuntimeError("a mistake of ours")
    return real(*given)


module.{name} = break_on_one
"""


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("extraction.article", "extract"),
        ("spiders.reading", "FlaggableText.from_article"),
        ("pipelines.dedupe", "address_key"),
    ],
)
def test_a_page_that_the_program_breaks_on_is_tried_ever_later_and_spoils_no_other(
    workspace: Workspace, site: SampleSite, module: str, name: str
) -> None:
    configure(workspace, site, NO_RETRIES)
    slug = site.stories[2].slug
    fault = BREAKING.format(module=module, name=name, slug=slug)
    broken = workspace.start("crawl", "--full", "--json", before=fault).wait()
    assert (broken.status, broken.json["errors"]) == (1, 1)
    assert "rscrawler failed on it: RuntimeError('a mistake of ours')" in broken.stderr
    assert broken.json["articles_new"] == len(site.stories) - 1
    assert rows_of(workspace, "SELECT baseline_at FROM site") != [(None,)]
    waiting = "SELECT url, attempts FROM address WHERE state = 'pending'"
    assert rows_of(workspace, waiting) == [(f"{site.base_url}/{slug}/", 1)]


def test_a_record_that_the_database_refuses_leaves_its_page_to_be_tried_later(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES)
    start.first_crawl(workspace, "--limit", "1")
    known = {record["url"] for record in workspace.records()}
    slug = next(each.slug for each in site.stories if not any(each.slug in url for url in known))
    change_database(
        workspace,
        f"CREATE TRIGGER refuse BEFORE INSERT ON version WHEN NEW.record LIKE '%/{slug}/%' "
        "BEGIN SELECT RAISE(ABORT, 'not that one'); END",
    )
    refused = workspace.run("crawl", "--full", "--json")
    assert (refused.status, refused.json["errors"]) == (1, 1)
    assert "the database rejects this version of it: IntegrityError" in refused.stderr
    assert len(workspace.records()) == len(site.stories) - 1
    waiting = "SELECT url, attempts FROM address WHERE state = 'pending'"
    assert rows_of(workspace, waiting) == [(f"{site.base_url}/{slug}/", 1)]
    change_database(workspace, "DROP TRIGGER refuse")
    assert workspace.crawl()["articles_new"] == 1
    assert rows_of(workspace, waiting) == []


UNRECORDED = """
import rscrawler.pipelines.store as module
from rscrawler.errors import StoreError


def fail(*_):
    raise StoreError("database x: is locked")


module.StorePipeline._record_read = fail
"""


def test_a_crawl_that_can_record_no_page_stops_once_and_its_pages_stay_pending(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    failed = workspace.start("-v", "crawl", "--full", "--json", before=UNRECORDED).wait()
    assert (failed.status, failed.json["articles_new"]) == (1, 0)
    assert failed.json["errors"] > 1  # pages that were read at the same time
    assert failed.stderr.count("stopping this crawl") == 1
    assert workspace.crawl()["articles_new"] == len(site.stories)


STUCK = """
import rscrawler.extraction.article as module

real = module.extract


def stuck_on_one(page, *given):
    while "{slug}" in page.url:
        pass
    return real(page, *given)


module.extract = stuck_on_one
"""


@pytest.mark.parametrize("allowed", ["512MiB", "16GiB"])
def test_a_limit_of_the_system_on_memory_holds_up_no_page(
    workspace: Workspace, site: SampleSite, allowed: str
) -> None:
    configure(workspace, site, f'{NO_RETRIES}page_memory_limit = "{allowed}"\n', readers=1)
    limited = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))"
    result = workspace.start("crawl", "--full", "--json", before=limited).wait()
    assert result.json["articles_new"] == len(site.stories)


@pytest.mark.parametrize("readers", [1, 0])
def test_a_page_over_its_limit_is_told_once_spoils_no_other_and_is_tried_later(
    workspace: Workspace, site: SampleSite, readers: int
) -> None:
    configure(workspace, site, f'{NO_RETRIES}page_time_limit = "1s"\n', readers=readers)
    slug = site.stories[2].slug
    fault = STUCK.format(slug=slug)
    stuck = workspace.start("crawl", "--full", "--json", before=fault).wait()
    assert (stuck.status, stuck.json["errors"]) == (1, 1)
    assert stuck.json["articles_new"] == len(site.stories) - 1
    (problem,) = stuck.json["sites"]["responsiblestatecraft"]["problems"]
    assert problem["code"] == "over-limit"
    assert problem["message"].startswith("1 page was over the limits for a page (1s, 512 MiB)")
    assert slug in problem["message"]

    workspace.crawl()  # healthy, while the page waits for an hour
    assert "over-limit" in workspace.run("status").stdout
    let_retries_come(workspace)
    assert workspace.crawl()["articles_new"] == 1
    assert workspace.run("status").status == 0


def test_a_page_that_kills_who_reads_it_ends_no_crawl_in_a_terminal(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES, readers=1)
    slug = site.stories[2].slug
    fault = STUCK.format(slug=slug).replace("pass", "import os; os.kill(os.getpid(), 9)")
    ours, theirs = pty.openpty()
    crawl = workspace.start("crawl", "--full", "--json", before=fault, stderr=theirs)
    os.close(theirs)
    while True:
        try:
            os.read(ours, 100_000)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    assert crawl.wait().json["articles_new"] == len(site.stories) - 1


def test_a_page_that_was_over_its_limit_is_so_no_more_when_the_program_breaks_on_it(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, f'{NO_RETRIES}page_time_limit = "0.5s"\n')
    slug = site.stories[2].slug
    workspace.start("crawl", "--full", before=STUCK.format(slug=slug)).wait()
    assert "over-limit" in workspace.run("status").stdout
    configure(workspace, site, NO_RETRIES)
    let_retries_come(workspace)
    fault = BREAKING.format(module="extraction.article", name="extract", slug=slug)
    assert "a mistake of ours" in workspace.start("crawl", before=fault).wait().stderr
    assert "over-limit" not in workspace.run("status").stdout


# robots.txt.


def test_where_robots_txt_forbids_everything_no_page_is_asked_for(
    workspace: Workspace, site: SampleSite
) -> None:
    site.fail("/robots.txt", Fault.FORBIDDEN_ROBOTS)
    configure(workspace, site)
    result = workspace.run("crawl", "--json")
    assert result.status == 1
    assert paths_requested(site) == []
    problems = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert [problem["code"] for problem in problems] == ["robots-disallowed"]
    status = workspace.run("status", "--json")
    assert (status.status, status.json["healthy"]) == (1, False)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            "the response was truncated",
        ),
        (b"User-agent: *\r\n\r\n", "no valid HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nno!",
            "the response cannot be unpacked",
        ),
    ],
)
def test_a_broken_robots_txt_is_told_in_a_line_with_its_reason(
    workspace: Workspace, site: SampleSite, answer: bytes, reason: str
) -> None:
    site.answers["/robots.txt"] = RawReply(0, {}, answer)
    configure(workspace, site, NO_RETRIES)
    result = workspace.run("crawl", "--json")
    assert result.status == 1
    (problem,) = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert f" cannot be read: {reason}, so nothing else was requested there" in problem["message"]
    (logged, complaint) = result.stderr.splitlines()
    assert f" cannot be read: {reason}: no requests to the host" in logged
    assert problem["message"] in complaint


def test_a_robots_txt_that_leads_to_another_address_of_the_site_is_heeded(
    workspace: Workspace, site: SampleSite
) -> None:
    rules = b"User-agent: *\nDisallow: /\n"
    site.answers["/robots.txt"] = Reply(301, {"Location": "/rules.txt"}, b"")
    site.answers["/rules.txt"] = Reply(200, {"Content-Type": "text/plain"}, rules)
    configure(workspace, site, NO_RETRIES)
    result = workspace.run("crawl", "--json")
    problems = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert [problem["code"] for problem in problems] == ["robots-disallowed"]


def test_a_robots_txt_too_large_once_unpacked_is_told_and_allows_nothing(
    workspace: Workspace, site: SampleSite
) -> None:
    bomb = gzip.compress(b"User-agent: *\n" + b"Disallow: /one/\n" * 2_000_000)
    site.answers["/robots.txt"] = Reply(200, {"Content-Encoding": "gzip"}, bomb)
    configure(workspace, site, NO_RETRIES)
    result = workspace.run("crawl", "--json")
    assert (result.status, paths_requested(site)) == (1, [])
    (problem,) = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert " cannot be read: " in problem["message"]


def test_a_robots_txt_with_thousands_of_names_and_rules_is_read_at_once_and_heeded(
    workspace: Workspace, site: SampleSite
) -> None:
    story = site.stories[0]
    names = "".join(f"useragent r{number}*\n" for number in range(12_000))
    rules = "".join(f"allow /{number}\n" for number in range(15_000))
    own = f"User-agent : *RS* # us\nDisallow: {story.path}\n"
    site.answers["/robots.txt"] = Reply(200, {}, f"{own}{names}{rules}".encode())
    configure(workspace, site)
    workspace.run("crawl", "--full", "--json")  # without a limit, it would take hours
    assert story.path not in paths_requested(site)
    assert urls(workspace)


ROBOTS_NOT_KEPT = """
from rscrawler.errors import StoreError
from rscrawler.store.discovery import DiscoveryStore

def is_locked(self, *given):
    raise StoreError("database x: is locked")

DiscoveryStore.robots = DiscoveryStore.record_robots = is_locked
"""


def test_a_robots_txt_that_cannot_be_kept_is_heeded_and_the_site_is_not_to_blame(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    result = workspace.start("crawl", "--json", before=ROBOTS_NOT_KEPT).wait()
    assert result.status == 0
    assert urls(workspace)
    assert "robots.txt" in result.stderr
    assert "cannot be stored or loaded: database x: is locked" in result.stderr


def test_malformed_http_leaves_one_line(workspace: Workspace, site: SampleSite) -> None:
    site.answers[FEED] = RawReply(0, {}, b"\0\1\r\n\r\n")
    configure(workspace, site, NO_RETRIES)
    result = workspace.run("crawl", "--json")
    logged = [line for line in result.stderr.splitlines() if not line.startswith("rscrawler: ")]
    assert [line.partition(" WARNING ")[2] for line in logged] == [
        f"source {site.base_url}{FEED}: no valid HTTP"
    ]


class _Handshakes(socketserver.ThreadingTCPServer):
    """A server whose certificate no client trusts, so every handshake fails."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Print nothing: the failed handshake is the test."""


@pytest.mark.parametrize(
    ("host", "is_trusted", "reason"),
    [
        ("127.0.0.1", False, "certificate verify failed"),
        ("localhost", True, "the certificate is for another host"),
    ],
)
def test_a_certificate_that_cannot_be_verified_is_named(
    workspace: Workspace, tmp_path: Path, host: str, is_trusted: bool, reason: str
) -> None:
    certificate = self_signed(tmp_path)
    trusted = {"SSL_CERT_FILE": str(certificate.path)} if is_trusted else {}

    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            certificate.context.wrap_socket(self.request, server_side=True).recv(1)

    with _Handshakes(("127.0.0.1", 0), Greeting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base_url = f"https://{host}:{server.server_address[1]}"
        workspace.write_config(base_url, FEW_SOURCES + NO_RETRIES)
        result = workspace.run("crawl", "--json", **trusted)
        server.shutdown()
    (problem,) = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert f"cannot be read: TLS error: {reason}" in problem["message"]


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN_ROBOTS, Fault.SERVER_ERROR])
def test_what_robots_txt_keeps_us_from_for_a_while_is_not_lost(
    workspace: Workspace, start: Start, site: SampleSite, fault: Fault
) -> None:
    configure(workspace, site, NO_RETRIES)
    start.first_crawl(workspace, "--full", "--limit", "3")
    let_a_day_pass(workspace)
    site.fail("/robots.txt", fault)
    site.forget_requests()
    assert workspace.run("crawl", "--json").status == 1
    assert paths_requested(site) == []
    site.heal()
    let_a_day_pass(workspace)
    let_retries_come(workspace)
    workspace.run("crawl", "--full")
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())


# A site that is not there.


def test_a_proxy_that_is_down_is_named_without_its_password(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, QUICK)
    with taken_port() as port:
        proxy = f"http://desk:hunter2@127.0.0.1:{port}"
        result = workspace.run("crawl", "--json", http_proxy=proxy, no_proxy="")
    (problem,) = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert f"refused (through the proxy http://127.0.0.1:{port}), so nothing" in problem["message"]
    assert "hunter2" not in result.stdout + result.stderr
    assert paths_requested(site) == []


@pytest.mark.parametrize(
    ("host", "message"),
    [("http://news.invalid", "1 of 1 sources failed (1 × HTTP 407"),
     ("https://news.invalid", "cannot be read: HTTP 405")],
)  # fmt: skip
def test_a_proxy_that_refuses_is_named_without_its_password(
    workspace: Workspace, site: SampleSite, host: str, message: str
) -> None:
    site.answers[f"{host}{FEED}"] = Reply(407, {}, b"")
    workspace.write_config(host, sources(FEED) + NO_RETRIES)
    proxy = site.base_url  # does not know CONNECT
    environment = dict.fromkeys(
        ["http_proxy", "https_proxy"], proxy.replace("//", "//desk:hunter2@")
    )
    result = workspace.run("crawl", "--json", no_proxy="", **environment)
    (problem,) = result.json["sites"]["responsiblestatecraft"]["problems"]
    assert f"{message} (through the proxy {proxy})" in problem["message"]
    assert "hunter2" not in result.stdout + result.stderr


def test_a_site_that_is_down_leaves_the_other_crawled_and_is_told_of_until_it_is_back(
    workspace: Workspace, site: SampleSite
) -> None:
    with taken_port() as port:
        other = (
            f'[sites.other]\nbase_url = "http://127.0.0.1:{port}"\ndownload_delay = 0.0\n'
            + sources(FEED, site="other")
        )
        configure(workspace, site, QUICK + other)
        result = workspace.run("crawl", "--json")
        assert result.status == 1
        assert "Traceback" not in result.stderr
        sites = result.json["sites"]
        assert sites["responsiblestatecraft"]["articles_new"] > 0
        assert sites["responsiblestatecraft"]["problems"] == []
        (problem,) = sites["other"]["problems"]
        assert problem["code"] == "unreachable"
        reason = f"the robots.txt of 127.0.0.1:{port} cannot be read: the connection was refused"
        assert problem["message"] == f"{reason}, so nothing else was requested there"
        assert sites["other"]["errors"] == 1
        assert "Forbidden by robots.txt" not in result.stderr
        status = workspace.run("status", "--json").json
        assert [each["code"] for each in status["sites"]["other"]["problems"]] == ["unreachable"]
        assert status["sites"]["other"]["last_success"] is None

        with SampleSite(stories=5, port=port):
            workspace.crawl("other", "--limit", "1")
        status_now = workspace.run("status", "--json")
        assert (status_now.status, status_now.json["sites"]["other"]["problems"]) == (0, [])


# Trouble at home.


def test_a_database_that_is_locked_for_a_while_delays_and_loses_nothing(
    workspace: Workspace, start: Start, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES)
    start.first_crawl(workspace, "--limit", "1")
    site.forget_requests()
    site.publish()
    holder = sqlite3.connect(
        workspace.output / "rscrawler.db", isolation_level=None, check_same_thread=False
    )
    holder.execute("BEGIN IMMEDIATE")
    released = threading.Timer(1.5, holder.rollback)
    released.start()
    report = workspace.crawl("--full")
    released.join()
    holder.close()
    assert report["errors"] == 0
    assert sorted(urls(workspace)) == sorted(true.url for true in site.truth())


def test_where_the_output_cannot_be_written_one_line_says_so_and_nothing_is_lost(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site)
    workspace.output.mkdir()
    in_the_way = workspace.output / "articles"
    in_the_way.write_text("a file where a folder should be")
    result = workspace.run("crawl", "--json")
    assert result.status == 1
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("rscrawler: ")]
    assert lines == [f"rscrawler: {result.json['output_problem']}"]
    assert str(in_the_way) in lines[0]
    assert result.json["articles_new"] > 0
    assert result.json["delivered"] == 0
    failed = workspace.run("deliver", "--json")
    assert failed.status == 1
    assert failed.json["output_problem"] == result.json["output_problem"]
    in_the_way.unlink()
    delivered = workspace.run("deliver", "--json")
    assert delivered.status == 0, delivered.stderr
    assert delivered.json["output_problem"] is None
    assert len(workspace.records()) > 0
    assert len(urls(workspace)) == len(set(urls(workspace)))


def test_a_full_disk_is_one_line_for_each_file_and_nothing_is_recorded_twice(
    tmp_path: Path, program: Program, larger_site: SampleSite
) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("a file system of its own needs rights that this user lacks")
    try:
        workspace = Workspace(folder, program)
        configure(workspace, larger_site)
        result = workspace.run("crawl", "--full", "--json")
        assert result.status == 1
        assert "Traceback" not in result.stderr
        complaints = [line for line in result.stderr.splitlines() if line.startswith("rscrawler: ")]
        assert complaints
        assert all(f"{folder}/" in line and "cannot be written" in line for line in complaints)
        files = [re.split(r"[ :]", line.partition(f"{folder}/")[2])[0] for line in complaints]
        assert len(files) == len(set(files))
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        let_retries_come(workspace)
        workspace.crawl("--full")
        assert sorted(urls(workspace)) == sorted(true.url for true in larger_site.truth())
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


ENDED_BEFORE_THE_FIRST_REQUEST = """
import asyncio
import os
import signal

from rscrawler.spiders.session import CrawlLease


async def wait_for_hosts(self):
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)


CrawlLease.wait_for_hosts = wait_for_hosts
"""


def test_a_cycle_that_a_signal_ended_before_its_first_request_says_nothing_about_its_site(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, NO_RETRIES)

    def problems() -> list[str]:
        ended = workspace.start("crawl", "--json", before=ENDED_BEFORE_THE_FIRST_REQUEST).wait()
        (reported,) = ended.json["sites"].values()
        assert (reported["succeeded"], reported["problems"]) == (False, [])
        stored = workspace.run("status", "--json").json["sites"]["responsiblestatecraft"]
        return [problem["code"] for problem in stored["problems"]]

    assert "unreachable" not in problems()
    site.fail("/", Fault.SERVER_ERROR)
    workspace.run("crawl")
    assert "unreachable" in problems()


def test_a_site_of_which_no_source_can_be_read_says_what_each_met(
    workspace: Workspace, site: SampleSite
) -> None:
    configure(workspace, site, IMPATIENT)
    for path in (SECTION, SITEMAP):
        site.fail(path, Fault.SERVER_ERROR)
    site.fail(FEED, Fault.HANG)
    report = workspace.run("crawl", "--json").json
    failed = report["sites"]["responsiblestatecraft"]["failed_sources"]
    assert failed[site.base_url + FEED] == "timeout"
    assert failed[site.base_url + SECTION] == "HTTP 500"
    (problem,) = report["sites"]["responsiblestatecraft"]["problems"]
    assert problem["code"] == "unreachable"
    assert re.fullmatch(
        r"(\d) of \1 sources failed \(\d × HTTP 500, 1 × timeout\)", problem["message"]
    )
    said = workspace.run("status").stdout
    assert "sources failed (" in said
    assert "else open the site: if it is up, fix the cause named, or ask it" in said
