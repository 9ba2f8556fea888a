"""Scrapy's own commands work in the project as Scrapy's users expect."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rscrawler import PACKAGE_DIR
from rscrawler.items import Level
from tests.crawl.probes import FEED, sources, urls
from tests.sample_site import SampleSite
from tests.workspace import Program, Result, Workspace, own_environment

ABOUT = (Level.SUBSTANTIAL, Level.PRIMARY)


Scrapy = Callable[..., Result]
COMMAND = """
import sys
from scrapy.cmdline import execute

sys.argv[0] = "scrapy"
execute()
"""


@pytest.fixture
def scrapy(program: Program) -> Scrapy:
    """Runs Scrapy's command line, by default in the project."""

    def run(
        *arguments: str, config: Path | None = None, folder: Path = PACKAGE_DIR.parent
    ) -> Result:
        environment = own_environment({"RSCRAWLER_CONFIG": str(config)} if config else {})
        return program.start(arguments, folder, environment, before=COMMAND).wait()

    return run


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite(stories=8) as running:
        yield running


def test_the_spider_is_listed(scrapy: Scrapy) -> None:
    done = scrapy("list")
    assert (done.status, done.stdout) == (0, "news\n")


def test_a_crawl_records_and_writes_the_jsonl(
    workspace: Workspace, scrapy: Scrapy, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    done = scrapy(
        "crawl",
        "news",
        "-a",
        "site=responsiblestatecraft",
        "-a",
        "limit=3",
        config=workspace.config,
    )
    assert (done.status, done.stderr) == (0, "")
    assert len(urls(workspace)) == 3
    # Scrapyd adds `_job`.
    named = ("site=responsiblestatecraft", "full=1", "_job=1", f"config={workspace.config}")
    options = [part for each in named for part in ("-a", each)]
    assert scrapy("crawl", "news", *options).status == 0
    assert len(urls(workspace)) > 3


def test_a_feed_export_has_the_records(
    workspace: Workspace, scrapy: Scrapy, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    files = [workspace.folder / f"out.{suffix}" for suffix in ("jsonl", "csv", "xml")]
    into = [part for file in files for part in ("-O", str(file))]
    done = scrapy("crawl", "news", *into, config=workspace.config)
    assert (done.status, done.stderr) == (0, "")
    records = workspace.records()
    lines = files[0].read_text(encoding="utf-8").splitlines()
    assert by_id(map(json.loads, lines)) == by_id(records)
    with files[1].open(encoding="utf-8", newline="") as rows:
        assert {row["title"] for row in csv.DictReader(rows)} == {r["title"] for r in records}
    titles = ElementTree.parse(files[2]).getroot().iterfind("item/title")
    assert {title.text for title in titles} == {record["title"] for record in records}


def test_only_what_was_recorded_is_exported(
    workspace: Workspace, scrapy: Scrapy, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    workspace.crawl()
    site.publish()
    counts = ("-s", "STATS_DUMP=1", "-s", "LOG_LEVEL=INFO")
    done = scrapy(
        "crawl", "news", "-O", str(workspace.folder / "out.jsonl"), *counts, config=workspace.config
    )
    lines = (workspace.folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["record_id"] for line in lines] == [
        workspace.records()[-1]["record_id"]
    ]
    assert "'item_scraped_count': 1," in done.stderr


def test_one_page_is_read_and_nothing_stored(
    workspace: Workspace, scrapy: Scrapy, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    story, feed = site.stories[0], f"{site.base_url}{FEED}"
    page = f"{site.base_url}/{story.slug}/"
    done = scrapy(
        "parse",
        "--spider",
        "news",
        "-a",
        "site=responsiblestatecraft",
        page,
        config=workspace.config,
    )
    assert repr(story.title) in done.stdout or json.dumps(story.title) in done.stdout, done.stderr
    assert story.slug in scrapy("parse", "--spider", "news", feed, config=workspace.config).stdout
    assert workspace.records() == []
    sites = workspace.run("status", "--json").json["sites"]
    assert sites["responsiblestatecraft"]["last_run"] is None


def test_the_shell_is_for_any_page(workspace: Workspace, scrapy: Scrapy, site: SampleSite) -> None:
    workspace.write_config(site.base_url)
    story = site.stories[0]
    page = f"{site.base_url}/{story.slug}/"
    plain = scrapy("shell", "-c", "response.status", page, config=workspace.config)
    assert plain.stdout == "200\n", plain.stderr
    code = "[item['title'] for item in spider.parse(response)]"
    done = scrapy("shell", "--spider", "news", "-c", code, page, config=workspace.config)
    assert done.stdout == f"{[story.title]}\n", done.stderr


def test_the_contracts_are_checked(workspace: Workspace, scrapy: Scrapy, site: SampleSite) -> None:
    workspace.write_config(site.base_url)
    done = scrapy("check", "news", "-a", "site=responsiblestatecraft", config=workspace.config)
    assert (done.status, "Ran 1 contract" in done.stderr) == (0, True), done.stderr
    workspace.write_config(site.base_url, sources("/analysis/none/"))
    assert scrapy("check", config=workspace.config).status == 1


def test_a_project_of_ones_own_uses_the_pipelines(
    tmp_path: Path, scrapy: Scrapy, site: SampleSite
) -> None:
    project, feed = PACKAGE_DIR.parent / "examples/scrapy_project", tmp_path / "out.jsonl"
    done = scrapy(
        *("crawl", "desk", "-a", f"site={site.base_url}", "-O", str(feed)),
        *("-s", "DOWNLOAD_DELAY=0", "-s", "LOG_LEVEL=WARNING"),
        folder=project,
    )
    assert (done.status, done.stderr) == (0, "")
    records = [json.loads(line) for line in feed.read_text(encoding="utf-8").splitlines()]
    about = {story.title for story in site.stories if story.level in ABOUT}
    assert records
    assert {record["title"] for record in records} <= about
    assert all(record["topics"][0]["evidence"] for record in records)


def test_a_wrong_site_is_told_in_one_line(workspace: Workspace, scrapy: Scrapy) -> None:
    workspace.write_config("http://127.0.0.1:1")
    done = scrapy("crawl", "news", "-a", "site=elsewhere", config=workspace.config)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("site 'elsewhere' is not known; allowed: ")
    assert "responsiblestatecraft" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("site=responsiblestatecraft", "limit=many"), "spider argument limit: 'many'"),
        (("site=responsiblestatecraft", "limit=0"), "spider argument limit: '0'"),
        (("sitee=eurasianet",), "spider argument sitee: is not known; allowed: site, config, full"),
        (("name=eurasianet",), "spider argument name: is not known"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(
    workspace: Workspace, scrapy: Scrapy, arguments: tuple[str, ...], says: str
) -> None:
    workspace.write_config("http://127.0.0.1:1")
    options = [part for argument in arguments for part in ("-a", argument)]
    done = scrapy("crawl", "news", *options, config=workspace.config)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(says)


def test_an_unknown_topic_is_told_in_one_line(workspace: Workspace, scrapy: Scrapy) -> None:
    workspace.write_config("http://127.0.0.1:1", '[alerts]\ntopics = ["central-azia"]\n')
    done = scrapy("crawl", "news", "-a", "site=responsiblestatecraft", config=workspace.config)
    assert (done.status, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "alerts.topics: 'central-azia' is not a watch-list; allowed: " in line


def test_of_several_sites_one_must_be_named(workspace: Workspace, scrapy: Scrapy) -> None:
    workspace.write_config("http://127.0.0.1:1", "[sites.eurasianet]\nenabled = true\n")
    done = scrapy("crawl", "news", config=workspace.config)
    assert done.status != 0
    assert "spider argument site: is missing; allowed: " in done.stderr


def by_id(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {record["record_id"]: record for record in records}
