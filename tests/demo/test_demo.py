"""The demo's own site: what a crawl records of it is what its articles say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from rscrawler.demo.run import run_demo
from rscrawler.demo.server import SampleSite
from rscrawler.errors import ConfigurationError
from tests.workspace import DEADLINE_SECONDS, Workspace


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite() as running:
        yield running


def test_a_crawl_records_what_the_articles_say_and_the_next_one_what_was_published(
    site: SampleSite, workspace: Workspace
) -> None:
    workspace.write_config(site.base_url, readers=1)
    workspace.crawl("--full")
    published = site.publish()
    second = workspace.crawl()
    assert second["articles_new"] == second["flagged"] == 1
    records = {record["url"]: record for record in workspace.records()}
    assert len(records) == len(site.stories)
    for story in site.stories:
        record = records[f"{site.base_url}/{story.slug}/"]
        assert record["title"] == story.title
        assert record["body"] == "\n\n".join(text for _, text in story.blocks)
        for name in ("subtitle", "authors", "sections", "tags"):
            assert record[name] == getattr(story, name)
        assert record["published_at"] == f"{story.published_at:%Y-%m-%dT%H:%M:%SZ}"
    assert [each["title"] for each in workspace.records() if each["novelty"] == "new"] == [
        published.title
    ]


@pytest.mark.parametrize("name", ["output", "mailbox"])
def test_the_demo_empties_no_folder_but_its_own(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    kept = tmp_path / ("notes.txt" if name == "mailbox" else "rscrawler.toml")
    kept.write_text("")
    with pytest.raises(ConfigurationError, match="holds other files"):
        run_demo(tmp_path)
    assert kept.exists()


def test_a_page_that_is_known_is_not_sent_again_and_one_that_is_not_there_is_told(
    site: SampleSite,
) -> None:
    url = f"{site.base_url}/europe/"
    with urlopen(url) as answer:
        etag = answer.headers["ETag"]
    for address, status in (
        (Request(url, headers={"If-None-Match": etag}), 304),
        (Request(f"{site.base_url}/no-such-page/"), 404),
    ):
        with pytest.raises(HTTPError) as error:
            urlopen(address)
        assert error.value.code == status
        error.value.close()


def test_the_site_can_be_served_by_itself_until_sigterm() -> None:
    command = [sys.executable, "-m", "rscrawler.demo.server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        with urlopen(f"{process.stdout.readline().strip()}/feeds/feed.rss") as answer:
            assert answer.read().count(b"<item>") > 40
        process.terminate()
        assert process.wait(timeout=DEADLINE_SECONDS) == 0
