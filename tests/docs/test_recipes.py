"""A new user who has only the recipes adds a site, a watch-list, a schedule and a channel."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.delivery.listener import Listener, listening
from tests.sample_site import SampleSite
from tests.workspace import Workspace

RECIPES = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def examples(recipe: str) -> list[str]:
    """The examples in TOML of one recipe."""
    text = RECIPES.partition(f"## {recipe}\n")[2].partition("\n## ")[0]
    return re.findall(r"```toml\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite(stories=25) as site:
        yield site


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


def test_a_site_a_watch_list_and_a_channel_are_added_without_reading_code(
    workspace: Workspace, site: SampleSite, listener: Listener
) -> None:
    added = workspace.run(
        "sites",
        "add",
        site.base_url,
        "--write",
        "sites",
        "--name",
        "review-example",
        "--delay",
        "0",
    )
    assert added.status == 0, added.stderr
    site_keys, job = examples("A site of your own")
    watch_list, topic_keys = examples("A watch-list of your own")
    for folder, name, text in (("schedules", "review", job), ("topics", "steel", watch_list)):
        (workspace.folder / folder).mkdir()
        (workspace.folder / folder / f"{name}.toml").write_text(text, encoding="utf-8")
    write_config(workspace, tomllib.loads(site_keys), tomllib.loads(topic_keys), listener)

    assert workspace.run("config", "check").status == 0
    jobs = workspace.run("schedules", "--json").json["jobs"]
    assert "review" in {each["id"] for each in jobs if each["enabled"]}
    assert "needs: works" in workspace.run("topics", "show", "steel").stdout
    assert workspace.run("alerts", "test").status == 0

    first = workspace.crawl("review-example")
    assert (first["articles_new"] > 15, first["delivered"]) == (True, 0)
    story = site.publish()
    assert workspace.crawl("review-example")["delivered"] == 1
    assert story.title in listener.posted[-1].body.decode()
    path = urlsplit(workspace.records()[-1]["url"]).path
    assert workspace.run("explain", path, "--json").json["record"]["title"] == story.title
    assert workspace.run("history", path, "--json").json["title"] == story.title
    assert workspace.run("topics", "backtest", "steel").status == 0


def write_config(
    workspace: Workspace, sites: dict[str, Any], topics: dict[str, Any], listener: Listener
) -> None:
    """The keys of both recipes in one file, with a schedule and a channel."""
    workspace.config.write_text(
        f"sites_dir = {json.dumps(sites['sites_dir'])}\n"
        f"topics_dir = {json.dumps(topics['topics_dir'])}\n"
        'schedules_dir = "schedules"\n'
        "[sites]\nresponsiblestatecraft = {enabled = false}\n"
        "[sites.review-example]\n"
        f"enabled = {json.dumps(sites['sites']['review-example']['enabled'])}\n"
        "download_delay = 0\n"
        f"[alerts]\ntopics = {json.dumps(topics['alerts']['topics'])}\n"
        f'[alerts.channels]\ndesk = "json://127.0.0.1:{listener.port}/desk"\n',
        encoding="utf-8",
    )
