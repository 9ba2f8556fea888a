"""Article pages are kept as they were fetched: each once, whole, and never at an article's cost."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse
from scrapy.statscollectors import StatsCollector
from warcio.archiveiterator import ArchiveIterator

from rscrawler.config import Config
from rscrawler.extensions.archive import (
    SUFFIX,
    ArchivedPage,
    ArchiveExtension,
    add_page,
    archive_files,
    archived_pages,
    prune_archive,
)
from rscrawler.sites import load_sites
from rscrawler.spiders.http import page_digest
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.outcomes import RequestedArticle
from rscrawler.spiders.session import CrawlSession
from rscrawler.store import Store
from rscrawler.store.discovery import Address
from rscrawler.topics import Flagger
from tests.crawl.probes import FEW_SOURCES, let_articles_be_due, rows_of
from tests.sample_site import Fault, SampleSite
from tests.workspace import Workspace

SITE = "responsiblestatecraft"
ARCHIVE = "[archive]\nenabled = true\n"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def site() -> Iterator[SampleSite]:
    with SampleSite(stories=12) as running:
        yield running


def pages_of(workspace: Workspace) -> list[ArchivedPage]:
    return list(archived_pages(archive_files(workspace.output / "archive", SITE)))


def digests_of(workspace: Workspace) -> dict[str, str]:
    """The digests of the bytes that the crawl read, by address."""
    return dict(rows_of(workspace, "SELECT url, page_digest FROM article"))


def a_page(number: int, fetched_at: datetime = NOON) -> ArchivedPage:
    url = f"https://example.org/article-{number}/"
    body = f"<html><body>{number} – é\r\n\r\nWARC/1.1\r\n</body></html>".encode()
    headers = (("Content-Type", "text/html"), ("ETag", '"e"'), ("Content-Length", str(len(body))))
    return ArchivedPage(f"/article-{number}?é", url, fetched_at, headers, body)


def written(folder: Path, *pages: ArchivedPage, run_id: str = "run") -> list[Path]:
    for page in pages:
        add_page(folder, SITE, run_id, page)
    return archive_files(folder, SITE)


def test_without_the_setting_nothing_is_archived(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES)
    assert workspace.crawl()["articles_new"] > 0
    assert not (workspace.output / "archive").exists()


def test_each_page_is_kept_once_byte_for_byte(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES + ARCHIVE)
    report = workspace.crawl("--full")
    assert report["articles_new"] == len(site.stories)
    pages = pages_of(workspace)
    assert sorted(page.url for page in pages) == sorted(true.url for true in site.truth())
    assert {page.url: page_digest(page.body) for page in pages} == digests_of(workspace)
    for page in pages:
        assert page.header("content-length") == str(len(page.body))
        assert page.header("Content-Encoding") is None
        assert page.header("ETag")
    fetched = {record["url"]: record["fetched_at"] for record in workspace.records()}
    for page in pages:
        apart = datetime.fromisoformat(fetched[page.url]) - page.fetched_at
        assert abs(apart) < timedelta(minutes=1)
    files = archive_files(workspace.output / "archive", SITE)
    assert {file.name for file in files} == {f"{report['run_id']}.warc.gz"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert {file.parent.name for file in files} == {f"{page.fetched_at:%Y-%m-%d}" for page in pages}


def test_what_was_not_modified_is_not_kept_again_and_a_new_run_has_a_file_of_its_own(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES + ARCHIVE)
    workspace.crawl("--full")
    first = archive_files(workspace.output / "archive", SITE)
    let_articles_be_due(workspace)
    assert workspace.crawl()["not_modified"] >= len(site.stories)
    assert archive_files(workspace.output / "archive", SITE) == first
    story = site.publish()
    workspace.crawl()
    files = set(archive_files(workspace.output / "archive", SITE))
    (latest,) = files - {*first}
    assert files > {*first}
    assert [page.url for page in archived_pages([latest])] == [site.base_url + story.path]


def test_a_killed_crawl_leaves_every_page_that_it_had_read(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES + ARCHIVE)
    stuck = site.stories[6]
    site.fail(f"/{stuck.slug}", Fault.HANG)
    workspace.crawl_and_kill(lambda: len(pages_of(workspace)) >= 5)
    pages = pages_of(workspace)
    assert len(pages) >= 5
    assert len({page.url for page in pages}) == len(pages)
    for page in pages:
        assert page.body.rstrip().endswith(b"</html>")
        assert page.header("Content-Length") == str(len(page.body))


def test_a_file_cut_off_anywhere_gives_all_whole_pages(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pages = [a_page(number) for number in range(3)]
    (file,) = written(tmp_path, *pages)
    content = file.read_bytes()
    counts = set()
    for end in range(len(content)):
        file.write_bytes(content[:end])
        found = list(archived_pages([file]))
        assert found == pages[: len(found)]
        counts.add(len(found))
    assert counts == {0, 1, 2}
    assert "ends within a record" in caplog.text
    file.write_bytes(content)
    assert list(archived_pages([file])) == pages


@pytest.mark.parametrize(
    "content",
    [b"no gzip at all", gzip.compress(b"no WARC\r\n\r\n", mtime=0)],
    ids=["no gzip", "no WARC"],
)
def test_a_damaged_file_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    whole, damaged = a_page(1), a_page(2, NOON + timedelta(days=1))
    latest, _ = written(tmp_path, whole, damaged)
    latest.write_bytes(content)
    assert list(archived_pages(archive_files(tmp_path, SITE))) == [whole]
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [str(latest)]


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    (file,) = written(tmp_path, a_page(1), a_page(2))
    kinds = []
    with file.open("rb") as content:
        for record in ArchiveIterator(content, check_digests="raise"):
            record.content_stream().read()
            kinds.append(record.rec_type)
    assert kinds == ["response", "response"]


def test_each_day_has_its_file_and_a_time_leaves_earlier_pages_out(tmp_path: Path) -> None:
    early, noon, next_day = (
        a_page(number, NOON + timedelta(hours=hours)) for number, hours in enumerate((-1, 0, 13))
    )
    files = written(tmp_path, early, noon, next_day)
    assert [file.parent.name for file in files] == ["2026-11-25", "2026-11-24"]
    assert list(archived_pages(files)) == [next_day, early, noon]
    assert list(archived_pages(files, NOON)) == [next_day, noon]


def test_a_header_is_read_as_from_the_response(tmp_path: Path) -> None:
    headers = (("ETag", '"a\0b"'), ("Last-Modified", ""))
    (page,) = archived_pages(written(tmp_path, replace(a_page(1), headers=headers)))
    found = [page.header(name) for name in ("etag", "last-modified", "link")]
    assert found == ['"ab"', None, None]


def test_old_days_are_pruned_whole(tmp_path: Path) -> None:
    written(tmp_path, *(a_page(day, NOON + timedelta(days=day)) for day in range(3)))
    assert prune_archive(tmp_path, date(2026, 11, 26)) == 2
    assert [path.name for path in (tmp_path / SITE).iterdir()] == ["2026-11-26"]
    assert prune_archive(tmp_path / "nowhere", date(2026, 11, 26)) == 0


def test_prune_keeps_the_archive_unless_told_for_how_long(
    workspace: Workspace, site: SampleSite
) -> None:
    folder = workspace.output / "archive"
    written(folder, a_page(1, datetime(2020, 1, 1, tzinfo=UTC)))
    workspace.write_config(site.base_url)
    command = ("prune", "--older-than", "365d", "--json")
    assert workspace.run(*command).json["archive_files"] == 0
    workspace.write_config(site.base_url, "[archive]\nkeep_days = 30\n")
    assert workspace.run(*command).json["archive_files"] == 1
    assert archive_files(folder, SITE) == []


def test_prune_leaves_the_text_of_the_last_day(workspace: Workspace, site: SampleSite) -> None:
    workspace.write_config(site.base_url)
    refused = workspace.run("prune", "--older-than", "0d")
    assert refused.status == 2
    assert "--older-than: '0d': allowed: at least \"1d\"" in refused.stderr


def test_an_archive_that_cannot_be_made_costs_no_article(
    workspace: Workspace, site: SampleSite
) -> None:
    workspace.write_config(site.base_url, FEW_SOURCES + ARCHIVE + 'folder = "blocked"\n')
    (workspace.folder / "blocked").write_text("a file, where a folder should be")
    result = workspace.run("crawl", "--full", "--json")
    assert result.status == 1
    assert (result.json["articles_new"], result.json["errors"]) == (len(site.stories), 1)
    assert len(workspace.records()) == len(site.stories)
    logged, at_the_end = [line for line in result.stderr.splitlines() if "archive" in line]
    assert "blocked" in logged
    assert "1 error (last: archive: " in at_the_end


def test_a_disk_that_fills_up_is_told_once_and_the_rest_goes_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config(output_dir=tmp_path, archive={"enabled": True})
    store = Store.open(config.database)
    profile, flagger = load_sites(config)[SITE], Flagger(())
    session = CrawlSession(config, SITE, profile, store, flagger, run_id="run", now=lambda: NOON)
    day = config.archive_folder / SITE / f"{NOON:%Y-%m-%d}"
    day.mkdir(parents=True)
    (day / f"run{SUFFIX}").symlink_to("/dev/full")
    crawler = Crawler(NewsSpider)
    crawler.spider = SimpleNamespace(session=session)  # type: ignore[assignment]
    crawler.stats = StatsCollector(crawler)
    extension = ArchiveExtension(crawler)
    for number in range(3):
        url = f"https://responsiblestatecraft.org/article-{number}/"
        address = Address(f"/article-{number}", url, session.started_at)
        request = Request(url, cb_kwargs={"requested": RequestedArticle(address)})
        extension.response_received(HtmlResponse(url, body=b"<html></html>"), request)
    session.store.close()
    assert crawler.stats.get_value("rscrawler/errors") == 1
    assert [record.levelname for record in caplog.records] == ["ERROR"]
