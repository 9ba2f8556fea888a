"""A watch-list that became wrong stops its topic at most: no crawl, no other topic, no page."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rscrawler.clock import utc_now
from rscrawler.config import load_config
from rscrawler.maintenance.recovery import open_store
from rscrawler.web.dashboard import Dashboard
from tests.crawl.probes import FEED, QUICK, sources
from tests.sample_site import SampleSite
from tests.workspace import Workspace

WORDS = """title = "American policy"
[states]
US = "United States"
[[entity]]
name = "Washington"
kind = "place"
country = "US"
spellings = ["Washington", "United States", "America"]
"""
TYPING = "title = = 1\n"


def flagged_topics(record: dict[str, Any]) -> set[str]:
    return {flag["topic"] for flag in record["topics"] if flag["level"] != "none"}


@pytest.fixture
def own_list(workspace: Workspace) -> Path:
    """A watch-list beside the shipped ones."""
    path = workspace.folder / "topics" / "america.toml"
    path.parent.mkdir()
    return path


def test_a_file_that_becomes_wrong_is_told_and_the_last_good_one_is_used(
    workspace: Workspace, own_list: Path
) -> None:
    own_list.write_text(WORDS)
    with SampleSite(stories=12) as site:
        workspace.write_config(site.base_url, sources(FEED) + QUICK)
        text = workspace.config.read_text()
        workspace.config.write_text('topics_dir = "topics"\n' + text)
        workspace.crawl()
        before = {topic for each in workspace.records() for topic in flagged_topics(each)}
        assert before >= {"america", "central-asia"}

        own_list.write_text(TYPING)
        site.publish()
        result = workspace.run("crawl", "--json")
        assert (result.status, result.json["articles_new"]) == (1, 1)
        (problem,) = result.json["topics"]["problems"]
        assert problem.startswith(f"{own_list}: is not valid TOML")
        assert problem.endswith("(the last good one is used)")
        (stored,) = workspace.run("status", "--json").json["topics"]["problems"]
        assert (stored["code"], stored["message"]) == ("watch-list", problem)

        (copy,) = (workspace.output / "watch-lists").iterdir()
        copy.unlink()
        site.publish()
        without = workspace.run("crawl", "--json").json
        assert without["articles_new"] == 1
        (problem,) = without["topics"]["problems"]
        assert problem.endswith("(nothing is flagged on its topic)")
        config = load_config(workspace.config)
        with closing(open_store(config)) as store:
            dashboard = Dashboard(config, store, now=utc_now)
            assert set(dashboard.titles) == {"central-asia", "south-caucasus"}

        page = site.base_url + site.stories[0].path
        explained = workspace.run("explain", page, "--json")
        assert explained.status == 0, explained.stderr
        assert "america.toml: is not valid TOML" in explained.stderr

        own_list.write_text(WORDS)
        workspace.crawl()
        assert workspace.run("status", "--json").json["topics"]["problems"] == []


def test_the_shipped_list_is_used_for_a_copy_that_an_upgrade_makes_wrong(
    workspace: Workspace, own_list: Path
) -> None:
    own_list.with_name("central-asia.toml").write_text(f'{WORDS}[[cap]]\ncontext = "sport"\n')
    with SampleSite(stories=12) as site:
        workspace.write_config(site.base_url, sources(FEED) + QUICK)
        text = workspace.config.read_text()
        workspace.config.write_text('topics_dir = "topics"\n' + text)
        result = workspace.run("crawl", "--json")
    assert result.status == 1
    (problem,) = result.json["topics"]["problems"]
    assert "central-asia.toml: cap: unknown key" in problem
    assert problem.endswith("(the shipped one is used)")
    assert "central-asia" in {
        topic for each in workspace.records() for topic in flagged_topics(each)
    }
