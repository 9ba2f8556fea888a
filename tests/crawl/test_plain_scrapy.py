"""Scrapy's own commands work in the project as Scrapy's users expect."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rscrawler import PACKAGE_DIR
from rscrawler.demo.site import SampleSite
from tests.crawl.probes import FEED, sources, urls
from tests.workspace import Workspace


def scrapy(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: text for name, text in os.environ.items() if "RSCRAWLER_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "scrapy", *arguments],
        cwd=PACKAGE_DIR.parent,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite(stories=8) as running:
        yield running


def test_the_spider_is_listed() -> None:
    done = scrapy("list")
    assert (done.returncode, done.stdout) == (0, "news\n")


def test_a_crawl_records_and_writes_the_jsonl(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url, sources(FEED))
    where = {"RSCRAWLER_CONFIG": str(workspace.config)}
    done = scrapy("crawl", "news", "-a", "site=responsiblestatecraft", "-a", "limit=3", **where)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(urls(workspace)) == 3
    named = ("-a", "site=responsiblestatecraft", "-a", "full=1", "-a", f"config={workspace.config}")
    assert scrapy("crawl", "news", *named).returncode == 0
    assert len(urls(workspace)) > 3


def test_the_contracts_are_checked(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url)
    done = scrapy("check", RSCRAWLER_CONFIG=str(workspace.config))
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "spider argument site: is missing; allowed: "),
        (("site=elsewhere",), "site 'elsewhere' is not known; allowed: "),
        (("site=responsiblestatecraft", "limit=many"), "spider argument limit: 'many'"),
        (("site=responsiblestatecraft", "limit=0"), "spider argument limit: '0'"),
    ],
)
def test_a_wrong_argument_is_told(
    workspace: Workspace, arguments: tuple[str, ...], says: str
) -> None:
    workspace.write_config("http://127.0.0.1:1")
    options = [part for argument in arguments for part in ("-a", argument)]
    done = scrapy("crawl", "news", *options, RSCRAWLER_CONFIG=str(workspace.config))
    assert done.returncode != 0
    assert says in done.stderr
