"""What the operator is told when the site fails, and when it is well again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.crawl.probes import FEW_SOURCES, SECTION, listing_of, sources
from tests.crawl.starts import Start
from tests.sample_site import Fault, SampleSite
from tests.sample_site.server import Reply
from tests.workspace import Program, Workspace

SITE = "responsiblestatecraft"
NO_RETRIES = "[crawl]\nretries = 0\n"


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    start = Start(tmp_path_factory.mktemp("start"), program, stories=12)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


@pytest.fixture
def known(workspace: Workspace, start: Start, site: SampleSite) -> Workspace:
    """A workspace that has crawled the site once."""
    workspace.write_config(site.base_url, NO_RETRIES + FEW_SOURCES)
    start.first_crawl(workspace)
    return workspace


def codes(workspace: Workspace) -> list[str]:
    """The problems that `status` knows of."""
    result = workspace.run("status", "--json")
    problems: list[dict[str, Any]] = result.json["sites"][SITE]["problems"]
    assert result.status == (1 if problems else 0)
    return [problem["code"] for problem in problems]


def test_a_site_that_is_down_is_unreachable_until_it_is_up_again(
    known: Workspace, site: SampleSite
) -> None:
    site.fail("/", Fault.SERVER_ERROR)
    assert known.run("crawl", "--json").status == 1
    assert codes(known) == ["unreachable"]
    site.heal()
    known.crawl()
    assert codes(known) == []


def test_a_site_that_hangs_is_unreachable(known: Workspace, site: SampleSite) -> None:
    known.write_config(site.base_url, NO_RETRIES + 'timeout = "1s"\n' + FEW_SOURCES)
    site.fail("/", Fault.HANG)
    assert known.run("crawl", "--json").status == 1
    assert codes(known) == ["unreachable"]


def test_a_site_that_has_moved_is_unreachable_and_its_new_host_is_named_once(
    known: Workspace, site: SampleSite
) -> None:
    site.fail("/", Fault.REDIRECT_AWAY)
    result = known.run("crawl", "--json")
    (problem,) = result.json["sites"][SITE]["problems"]
    count = len(result.json["sites"][SITE]["failed_sources"])
    host = f"{count} × elsewhere.invalid is not one of this site's hosts"
    assert problem["message"] == f"{count} of {count} sources failed ({host})"
    assert count > 1


def test_a_page_that_redirects_to_an_address_with_a_password_makes_no_site_unreachable(
    known: Workspace, site: SampleSite
) -> None:
    with_password = site.base_url.replace("://", "://ann:password@")
    story = site.publish()
    site.answers[story.path] = Reply(302, {"Location": f"{with_password}/elsewhere/"})
    result = known.run("crawl", "--json")
    assert "the address names a user" in result.stderr
    assert "password" not in result.stdout + result.stderr
    assert codes(known) == []


def test_a_redirect_cannot_write_control_characters_to_the_terminal(
    known: Workspace, site: SampleSite
) -> None:
    story = site.publish()
    # In UTF-8, as a header's bytes.
    site.answers[story.path] = Reply(302, {"Location": "http://\x1bc\x07\xc2\x9b1m.invalid/"})
    log = known.run("crawl").stderr
    assert "\\u001bc\\u0007\\u009b1m.invalid is not one of this site's hosts" in log
    assert log.replace("\n", "").isprintable()


def test_a_page_behind_the_first_that_fails_is_no_drift(known: Workspace, site: SampleSite) -> None:
    path = f"{SECTION}?page=2"
    site.publish()
    site.fail(path, Fault.SERVER_ERROR)
    known.run("crawl", "--full", "--json")
    assert [each.status for each in site.requests if each.path == path][-1] == 500
    assert codes(known) == []


def test_a_site_that_asks_for_a_pause_is_left_alone(known: Workspace, site: SampleSite) -> None:
    site.fail("/", Fault.TOO_MANY, retry_after_seconds=3600)
    known.run("crawl", "--json")
    site.heal()
    site.forget_requests()
    result = known.run("crawl", "--json")
    assert result.json["sites"][SITE]["note"] == "asked for a pause that has not passed"
    assert re.search(r"asked for a pause until [\d-]{10} \d\d:\d\d UTC\n", result.stderr)
    assert site.requests == []


def test_a_pause_of_an_unreachable_site_is_a_problem_to_its_end(
    known: Workspace, site: SampleSite
) -> None:
    site.fail("/", Fault.TOO_MANY, retry_after_seconds=1800)
    for _ in range(2):
        crawl = known.run("crawl", "--json")
        (problem,) = crawl.json["sites"][SITE]["problems"]
        assert (crawl.status, problem["code"]) == (1, "unreachable")
        assert codes(known) == ["unreachable"]


def test_robots_that_forbid_everything_are_obeyed_and_told(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, NO_RETRIES + FEW_SOURCES)
    site.fail("/robots.txt", Fault.FORBIDDEN_ROBOTS)
    assert workspace.run("crawl", "--json").status == 1
    assert codes(workspace) == ["robots-disallowed"]
    assert {request.path for request in site.requests} == {"/robots.txt"}


def test_a_source_that_robots_txt_forbids_or_that_never_was_is_no_drift_however_long(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, NO_RETRIES + FEW_SOURCES + sources("/never-was/"))
    site.fail("/never-was/", Fault.SERVER_ERROR)
    for _ in range(2):
        workspace.run("crawl", "--json")
    assert codes(workspace) == []
    workspace.run("crawl", "--json")
    assert codes(workspace) == ["layout-drift"]
    site.heal()
    rules = b"User-agent: *\nDisallow: /feeds/\n"
    site.answers["/robots.txt"] = Reply(200, {"Content-Type": "text/plain"}, rules)
    for _ in range(4):
        workspace.run("crawl", "--json")
        assert codes(workspace) == ["robots-disallowed"]


def test_dead_links_are_drift_once_new_links_are_dead_too_until_an_article_is_recorded(
    workspace: Workspace, site: SampleSite
) -> None:
    def crawl_with(dead: int) -> list[str]:
        site.extra_pages["/links/"] = listing_of(*(f"/dead-{number}/" for number in range(dead)))
        site.forget_requests()
        workspace.run("crawl", "--json")
        assert f"/dead-{dead - 1}/" in {request.path for request in site.requests}
        return codes(workspace)

    workspace.write_config(site.base_url, NO_RETRIES + FEW_SOURCES + sources("/links/"))
    assert crawl_with(dead=3) == []
    assert crawl_with(dead=6) == ["layout-drift"]
    assert crawl_with(dead=6) == ["layout-drift"]
    site.publish()
    workspace.run("crawl", "--json")
    assert codes(workspace) == []


def test_robots_that_cannot_be_read_make_a_site_unreachable_and_forbid_nothing(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, NO_RETRIES + FEW_SOURCES)
    site.fail("/robots.txt", Fault.SERVER_ERROR)
    assert workspace.run("crawl", "--json").status == 1
    assert codes(workspace) == ["unreachable"]


def test_a_site_without_a_new_article_for_a_month_is_silent(workspace: Workspace) -> None:
    a_month_ago = datetime.now(UTC) - timedelta(days=30)
    with SampleSite(stories=40, now=lambda: a_month_ago) as site:
        workspace.write_config(site.base_url, FEW_SOURCES)
        assert workspace.run("crawl", "--json").status == 1
        (problem,) = workspace.run("status", "--json").json["sites"][SITE]["problems"]
        assert problem["code"] == "silent"
        assert problem["message"].startswith("no new article for 30 days, since ")
