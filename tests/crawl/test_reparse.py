"""Archived pages read again after a profile was mended: differences first, then versions."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from rscrawler.demo.server import Mailbox
from rscrawler.store import Store
from rscrawler.store.leases import process_identity
from tests.crawl.probes import (
    FEED,
    FEW_SOURCES,
    articles_requested,
    change_database,
    let_articles_be_due,
    listing_of,
    sources,
)
from tests.crawl.starts import Start
from tests.sample_site import Fault, SampleSite, routes
from tests.sample_site import server as demo_server
from tests.sample_site.routes import Resource
from tests.sample_site.server import Reply
from tests.workspace import Program, Workspace, own_environment

SITE = "responsiblestatecraft"
LISTING = "/tag/watched/"
ARCHIVE = "[archive]\nenabled = true\n"
# Of each body it leaves the first paragraph, and the selectors still read the page.
BROKEN = f'[sites.{SITE}.markup]\ncut = ["p + p"]\n'
EMAIL = """
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    def misread(start: Start) -> None:
        with Mailbox(start.folder / "mailbox") as mailbox:
            rest = FEW_SOURCES + ARCHIVE + EMAIL.format(port=mailbox.port)
            start.workspace.write_config(start.site.base_url, rest + BROKEN)
            start.workspace.crawl("--full")

    start = Start(tmp_path_factory.mktemp("start"), program, misread, stories=30)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


@pytest.fixture
def misread(workspace: Workspace, start: Start, site: SampleSite, mailbox: Mailbox) -> Workspace:
    """A workspace that has recorded first paragraphs only, and now has the right profile."""
    start.copy_to(workspace)
    rest = FEW_SOURCES + ARCHIVE + EMAIL.format(port=mailbox.port)
    workspace.write_config(site.base_url, rest)
    return workspace


def reparse(workspace: Workspace, *arguments: str) -> dict[str, Any]:
    """A reparse that must end well; its report."""
    result = workspace.run("reparse", "--json", *arguments)
    assert result.status == 0, result.stderr
    return result.json


def read_at(record: dict[str, Any]) -> datetime:
    """When the page of a record was fetched."""
    return datetime.fromisoformat(record["fetched_at"])


def counts(report: dict[str, Any]) -> dict[str, int]:
    """The verdicts that some page got."""
    verdicts = set(report) - {"applied", "pages", "beside_the_text", "changes"}
    return {verdict: report[verdict] for verdict in verdicts if report[verdict]}


def test_the_differences_are_shown_and_nothing_is_written(
    misread: Workspace, site: SampleSite
) -> None:
    before = misread.records()
    report = reparse(misread)
    assert report["pages"] == len(site.stories)
    assert report["changed"] == len(report["changes"]) > 20
    change = report["changes"][0]
    assert (change["fields"], change["version"], change["words_removed"]) == (["body"], 2, 0)
    assert change["words_added"] > 50
    shown = misread.run("reparse").stdout
    assert f"{report['changed']} changed" in shown
    assert "nothing was recorded; --apply records" in shown
    true = next(true for true in site.truth() if true.url == change["url"])
    assert f"{true.body.split()[-1]}+}}" in shown
    assert change["title"] in shown
    assert misread.records() == before
    assert site.requests == []


def test_on_a_terminal_the_differences_are_above_the_progress_bar(misread: Workspace) -> None:
    titles = {change["title"] for change in reparse(misread)["changes"]}
    shown = b""
    reading, terminal = os.openpty()
    environment = own_environment({"TERM": "xterm", "COLUMNS": "200"})
    running = misread.start("reparse", stdout=terminal, stderr=terminal, environment=environment)
    os.close(terminal)
    with suppress(OSError):  # all programs have closed the terminal
        while part := os.read(reading, 4096):
            shown += part
    os.close(reading)
    assert running.wait().status == 0
    lines = re.split(r"\r\n|\r", shown.decode())
    assert [line for line in lines if " files " in line and any(map(line.count, titles))] == []
    assert titles <= {re.sub(r"\x1b\[\d*[mK]", "", line) for line in lines}


def test_applied_it_gives_second_versions_without_a_request_or_a_mail(
    misread: Workspace, site: SampleSite, mailbox: Mailbox
) -> None:
    first = misread.records()
    report = reparse(misread, "--apply")
    rises = [
        levels["central-asia"]
        for change in report["changes"]
        if (levels := change["levels"]) and "central-asia" in levels
    ]
    assert {"before": "mention", "now": "primary"} in rises
    later = misread.records()[len(first) :]
    assert len(later) == report["changed"] > 20
    truth = {true.url: true for true in site.truth()}
    fetched = {record["article_id"]: read_at(record) for record in first}
    for record in later:
        assert (record["event"], record["version"]) == ("updated", 2)
        assert record["body"] == truth[record["url"]].body
        assert record["change"]["fields"] == ["body"]
        assert abs(read_at(record) - fetched[record["article_id"]]) < timedelta(minutes=1)
    assert misread.run("deliver").status == 0
    assert mailbox.messages() == []
    assert site.requests == []


def test_nothing_is_left_to_apply_or_to_tell_afterwards(
    misread: Workspace, site: SampleSite, mailbox: Mailbox
) -> None:
    let_articles_be_due(misread)
    reparse(misread, "--apply")
    recorded = misread.records()
    again = misread.run("reparse", "--apply")
    assert again.stdout.splitlines() == [
        f"{len(site.stories)} pages read from the archive: {len(site.stories)} unchanged",
        "0 versions recorded, nobody alerted",
    ]
    report = misread.crawl()
    # The visits that were due still are, and read the same by the mended profile.
    assert sorted(articles_requested(site)) == sorted(story.slug for story in site.stories)
    assert report["articles_unchanged"] == len(site.stories)
    assert misread.records() == recorded
    assert mailbox.messages() == []


def test_a_profile_that_reads_as_before_changes_nothing(
    misread: Workspace, site: SampleSite
) -> None:
    before = misread.records()
    misread.write_config(site.base_url, FEW_SOURCES + BROKEN)
    report = reparse(misread, "--apply")
    assert counts(report) == {"unchanged": len(site.stories)}
    assert (report["changes"], report["beside_the_text"]) == ([], {})
    assert misread.records() == before


def test_a_worse_profile_is_told_of_and_sets_no_text_back(
    misread: Workspace, site: SampleSite
) -> None:
    before = misread.records()
    nothing = f'[sites.{SITE}.links]\nnot_article = ["."]\n'
    misread.write_config(site.base_url, FEW_SOURCES + nothing)
    report = reparse(misread, "--apply")
    assert counts(report) == {"no_longer_articles": len(site.stories)}
    assert report["changes"][0]["reason"] == "its address is not an article's"
    fallback = f'[sites.{SITE}.markup]\ncut = ["article p"]\n'
    misread.write_config(site.base_url, FEW_SOURCES + fallback)
    assert reparse(misread)["fallen_back"] > 0
    assert misread.records() == before


def test_sections_alone_make_no_version_and_are_counted(
    misread: Workspace, site: SampleSite
) -> None:
    before = misread.records()
    misread.write_config(site.base_url, FEW_SOURCES + BROKEN + 'sections = ["h1"]\n')
    report = reparse(misread, "--apply")
    assert counts(report) == {"unchanged": len(site.stories)}
    assert report["beside_the_text"]["sections"] > 20
    assert misread.records() == before


def test_a_page_that_was_no_article_is_recorded_as_new_and_nobody_is_mailed(
    workspace: Workspace,
    site: SampleSite,
    mailbox: Mailbox,
) -> None:
    known, late = [true for true in site.truth() if len(true.aliases) == 2][:2]
    site.extra_pages[LISTING] = listing_of(known.aliases[1])
    rest = sources(LISTING) + ARCHIVE + EMAIL.format(port=mailbox.port)
    path = late.url.removeprefix(site.base_url)
    workspace.write_config(
        site.base_url, f'{rest}[sites.{SITE}.links]\nnot_article = ["^{path}$"]\n'
    )
    workspace.crawl()
    site.extra_pages[LISTING] = listing_of(known.aliases[1], late.aliases[1])
    assert workspace.crawl()["dropped"] == 1
    workspace.write_config(site.base_url, rest)
    assert counts(reparse(workspace)) == {"unchanged": 1, "now_articles": 1}
    assert counts(reparse(workspace, "--apply")) == {"unchanged": 1, "now_articles": 1}
    _, record = workspace.records()
    assert (record["event"], record["version"], record["url"]) == ("new", 1, late.url)
    assert record["novelty"] in ("new", "backfill")
    assert (record["body"], late.aliases[1] in record["aliases"]) == (late.body, True)
    assert workspace.run("deliver").status == 0
    assert mailbox.messages() == []
    assert counts(reparse(workspace, "--apply")) == {"unchanged": 2}


def test_an_article_that_one_run_met_at_two_addresses_is_not_passed_over(
    workspace: Workspace, site: SampleSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = next(true for true in site.truth() if true.aliases)
    path = true.url.removeprefix(site.base_url)
    site.extra_pages[LISTING] = listing_of(true.url, true.aliases[0])
    numbers, find = count(), routes.find_resource

    def find_resource(state: Any, requested: str, page: int) -> Resource:
        found = find(state, requested, page)
        if requested != path:
            return found
        # No two answers are the same to the byte, and so the first is overtaken.
        return replace(found, body=found.body + b"<!-- %d -->" % next(numbers), lasts=False)

    monkeypatch.setattr(demo_server, "find_resource", find_resource)
    rest = sources(LISTING) + ARCHIVE
    workspace.write_config(site.base_url, rest + BROKEN)
    workspace.crawl()
    workspace.write_config(site.base_url, rest)
    assert next(numbers) == 2
    assert counts(reparse(workspace, "--apply")) == {"changed": 1}
    assert workspace.records()[-1]["body"] == true.body


def test_a_page_that_was_found_unchanged_later_counts_as_fetched_then(
    misread: Workspace, site: SampleSite
) -> None:
    let_articles_be_due(misread)
    mended = misread.config.read_text()
    misread.config.write_text(mended + BROKEN)
    assert misread.crawl()["not_modified"] >= len(site.stories)
    misread.config.write_text(mended)
    # As if that had been much later.
    change_database(misread, "UPDATE article SET fetched_at = '2031-01-01T00:00:00.000000Z'")
    report = reparse(misread, "--apply")
    later = misread.records()[-report["changed"] :]
    assert {record["fetched_at"] for record in later} == {"2031-01-01T00:00:00Z"}


def test_a_later_visit_that_is_not_archived_is_never_set_back(
    misread: Workspace, site: SampleSite
) -> None:
    misread.write_config(site.base_url, FEW_SOURCES + BROKEN)
    site.edit(site.stories[3].slug, title="Officials in Oslo deny it")
    assert misread.crawl()["articles_updated"] == 1
    before = misread.records()
    report = reparse(misread, "--apply")
    assert counts(report) == {"unchanged": len(site.stories) - 1, "overtaken": 1}
    assert misread.records() == before


def test_the_latest_page_is_read_unless_it_is_none(misread: Workspace, site: SampleSite) -> None:
    rest = "[crawl]\nretries = 0\n" + FEW_SOURCES + ARCHIVE
    misread.write_config(site.base_url, rest + BROKEN)
    edited, lost = [story for story in site.stories[3:] if len(story.paragraphs) > 3][:2]
    site.edit(edited.slug, paragraphs=(*edited.paragraphs, "Officials in Oslo later denied it."))
    misread.crawl()
    site.fail(f"/{lost.slug}", Fault.GARBAGE)
    let_articles_be_due(misread)
    misread.run("crawl")
    misread.write_config(site.base_url, rest)
    report = reparse(misread, "--apply")
    assert set(counts(report)) == {"unchanged", "changed"}
    latest = {record["url"]: record["body"] for record in misread.records()}
    assert latest[site.truth_of(edited).url].endswith("Officials in Oslo later denied it.")
    assert latest[site.truth_of(lost).url] == site.truth_of(lost).body


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_a_notice_in_the_place_of_articles_that_only_a_feed_dates_is_none_of_them(
    workspace: Workspace, site: SampleSite, *, is_elsewhere: bool
) -> None:
    feed = sources(FEED, site="plain")
    table = f'[sites.plain]\nbase_url = "{site.base_url}"\ndownload_delay = 0.0\n{feed}'
    workspace.config.write_text(f"{table}{ARCHIVE}[crawl]\nreaders = 0\n")
    if not is_elsewhere:
        workspace.run("crawl", "plain")
        let_articles_be_due(workspace)
    before = workspace.records()
    text = "<p>The editors move to another building and will be back tonight.</p>" * 9
    notice = Resource(body=f"<html><body><h1>Back soon</h1>{text}</body></html>".encode())
    site.extra_pages["/notice/"] = notice
    for story in site.stories:
        site.extra_pages[story.path] = notice
        if is_elsewhere:
            site.answers[story.path] = Reply(302, {"Location": "/notice/"})
    workspace.run("crawl", "plain")
    assert workspace.run("reparse", "plain", "--apply").status == 0
    assert workspace.records() == before


def test_pages_fetched_before_a_day_are_left_out(misread: Workspace) -> None:
    assert reparse(misread, "--since", "2020-01-01")["pages"] == 30
    assert reparse(misread, "--since", "2999-01-01")["pages"] == 0
    wrong = misread.run("reparse", "--since", "yesterday")
    assert (wrong.status, len(wrong.stderr.splitlines())) == (2, 1)


def test_a_cut_off_file_is_read_as_far_as_it_goes(misread: Workspace) -> None:
    file = max((misread.output / "archive").rglob("*.warc.gz"))
    file.write_bytes(file.read_bytes()[:-100])
    result = misread.run("reparse", "--json")
    assert (result.status, result.json["pages"]) == (0, 29)
    assert len(result.stderr.splitlines()) == 1
    assert "ends within a record" in result.stderr


def test_a_crawl_of_the_site_keeps_applying_away(misread: Workspace) -> None:
    before = misread.records()
    store = Store.open(f"sqlite:///{misread.output / 'rscrawler.db'}")
    owner = f"{process_identity()}/{SITE}"
    store.leases.acquire(f"site:{SITE}", owner, datetime.now(UTC))
    result = misread.run("reparse", "--apply")
    assert (result.status, result.stdout) == (1, "")
    assert f"is being crawled by process {os.getpid()} on" in result.stderr
    assert reparse(misread)["changed"] > 0
    assert misread.records() == before
    store.leases.release(f"site:{SITE}", owner)
    store.close()
    assert reparse(misread, "--apply")["changed"] == len(misread.records()) - len(before)


@pytest.mark.parametrize("named", [(), (SITE,)])
def test_without_an_archive_it_says_how_to_get_one(
    workspace: Workspace, site: SampleSite, named: tuple[str, ...]
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    workspace.crawl("--limit", "2")
    result = workspace.run("reparse", *named)
    assert (result.status, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert SITE in line
    assert "enabled = true" in line


def test_an_unknown_site_is_wrong_usage(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url)
    result = workspace.run("reparse", "elsewhere")
    assert (result.status, "site 'elsewhere' is not known" in result.stderr) == (2, True)
