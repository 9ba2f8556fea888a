"""A lost or damaged database is rebuilt from the JSONL, and nobody is mailed twice for it."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from rscrawler.delivery.jsonl import output_lock
from rscrawler.demo.server import Mailbox
from tests.crawl.probes import FEW_SOURCES
from tests.crawl.starts import Start
from tests.sample_site import SampleSite
from tests.workspace import Program, Workspace, opened_files, wait_until

EMAIL = """
[alerts.email]
host = "127.0.0.1"
port = {port}
security = "none"
sender = "monitor@example.org"
recipients = ["desk@example.org"]

[alerts.ops]
recipients = ["ops@example.org"]
"""

# Nothing outside tells the moment at which a crawl has opened the store once and not yet again.
LOST_WHILE_STARTING = """
from pathlib import Path
from rscrawler.cli import crawl

run_cycle = crawl.run_cycle

def lose_then_run(*arguments, **options):
    for path in Path("output").glob("rscrawler.db*"):
        if path.is_file():
            path.unlink()
    return run_cycle(*arguments, **options)

crawl.run_cycle = lose_then_run
"""


def configure(workspace: Workspace, site: SampleSite, mailbox: Mailbox) -> None:
    workspace.write_config(site.base_url, EMAIL.format(port=mailbox.port) + FEW_SOURCES)


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, program: Program) -> Iterator[Start]:
    def alert(start: Start) -> None:
        with Mailbox(start.folder / "mailbox") as mailbox:
            configure(start.workspace, start.site, mailbox)
            start.workspace.crawl("--full")
            start.change_site()
            start.workspace.crawl()
            assert len(mailbox.messages()) == 1

    folder = tmp_path_factory.mktemp("start")
    start = Start(folder, program, alert, stories=16, change=SampleSite.publish)
    with start.site:
        yield start


@pytest.fixture
def site(start: Start) -> SampleSite:
    return start.begin()


@pytest.fixture
def alerted(workspace: Workspace, start: Start, site: SampleSite, mailbox: Mailbox) -> Workspace:
    """A workspace that has mailed one alert."""
    start.copy_to(workspace)
    configure(workspace, site, mailbox)
    shutil.copytree(start.folder / "mailbox", mailbox.folder, dirs_exist_ok=True)
    return workspace


@pytest.mark.parametrize("damage", ["removed", "overwritten"])
def test_what_was_seen_stays_seen_and_only_the_operators_hear(
    alerted: Workspace, site: SampleSite, mailbox: Mailbox, damage: str
) -> None:
    before = alerted.records()
    feeds = {path: path.read_bytes() for path in (alerted.output / "feeds").iterdir()}
    database = alerted.output / "rscrawler.db"
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    if damage == "removed":
        database.unlink()
    else:
        database.write_bytes(b"this is no database" * 500)
    report = alerted.crawl("--full")
    assert report["articles_new"] == 0
    assert alerted.records() == before
    assert feeds == {path: path.read_bytes() for path in feeds}
    assert [(mail["To"], mail["Subject"]) for mail in mailbox.messages()[1:]] == [
        ("ops@example.org", "Problem: database: rebuilt"),
        ("ops@example.org", "Over: database: rebuilt"),
    ]
    aside = list(alerted.output.glob("rscrawler.db.damaged-*"))
    assert len(aside) == (1 if damage == "overwritten" else 0)


def test_a_line_that_is_no_record_is_left_out(alerted: Workspace) -> None:
    before = alerted.records()
    file = next((alerted.output / "articles").glob("*.jsonl"))
    with file.open("a", encoding="utf-8") as lines:
        lines.write('{"record_id": 1}\n')
    (alerted.output / "rscrawler.db").unlink()
    assert alerted.crawl("--full")["articles_new"] == 0
    assert [r for r in alerted.records() if "title" in r] == before


def test_rebuilding_waits_for_a_line_that_is_being_written(alerted: Workspace) -> None:
    before = alerted.records()
    file = max((alerted.output / "articles").glob("*.jsonl"))
    lines, lock = file.read_bytes(), alerted.output / ".jsonl.lock"
    with output_lock(alerted.output):
        file.write_bytes(lines[:-100])
        (alerted.output / "rscrawler.db").unlink()
        export = alerted.start("export")
        wait_until(lambda: export.poll() is not None or str(lock) in opened_files(export.pid))
        file.write_bytes(lines)
    exported = map(json.loads, export.wait().stdout.splitlines())
    assert {each["record_id"] for each in exported} == {each["record_id"] for each in before}


def test_a_rebuilt_store_goes_on_where_the_old_one_stopped(
    alerted: Workspace, site: SampleSite, mailbox: Mailbox
) -> None:
    (alerted.output / "rscrawler.db").unlink()
    alerted.crawl("--full")
    story = site.stories[4]
    site.edit(story.slug, title="A headline changed after the rebuilding")
    site.publish()
    site.publish()
    report = alerted.crawl()
    assert (report["articles_new"], report["articles_updated"]) == (2, 1)
    updated = [record for record in alerted.records() if record["event"] == "updated"]
    assert [record["version"] for record in updated] == [2]


def test_days_that_were_compressed_are_rebuilt_too(alerted: Workspace, site: SampleSite) -> None:
    database, story = alerted.output / "rscrawler.db", site.stories[4]
    for day in [*(alerted.output / "articles").glob("*.jsonl")]:  # two around midnight
        with gzip.open(f"{day}.gz", "wb") as packed:
            packed.write(day.read_bytes())
        day.unlink()
    database.unlink()
    assert alerted.crawl("--full")["articles_new"] == 0
    site.edit(story.slug, title="A headline changed after the rebuilding")
    assert alerted.crawl()["articles_updated"] == 1
    (updated,) = alerted.records()
    assert updated["version"] == 2
    database.unlink()
    report = alerted.crawl("--full")
    assert (report["articles_new"], report["articles_updated"]) == (0, 0)


def test_what_is_left_of_a_damaged_compressed_day_is_rebuilt(
    alerted: Workspace, site: SampleSite
) -> None:
    before = len(alerted.records())
    day = max((alerted.output / "articles").glob("*.jsonl"))
    packed = gzip.compress(day.read_bytes())
    Path(f"{day}.gz").write_bytes(packed[: len(packed) // 2])
    day.unlink()
    (alerted.output / "rscrawler.db").unlink()
    assert 0 < alerted.crawl("--full")["articles_new"] < before


@pytest.mark.parametrize("command", ["export", "history {}", "explain {}", "identity check"])
def test_a_lost_database_is_rebuilt_by_the_command_that_reads_it(
    alerted: Workspace, command: str
) -> None:
    record = alerted.records()[0]
    (alerted.output / "rscrawler.db").unlink()
    result = alerted.run(*command.format(record["article_id"]).split())
    assert result.status == 0, result.stderr
    assert len(alerted.run("export").stdout.splitlines()) == len(alerted.records())


def test_what_is_published_while_the_database_is_lost_is_told_in_one_summary(
    alerted: Workspace, site: SampleSite, mailbox: Mailbox
) -> None:
    database = alerted.output / "rscrawler.db"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    meanwhile = [site.publish() for _ in range(4)]
    report = alerted.crawl("--full")
    assert (report["articles_new"], report["flagged"]) == (4, 1)
    summary, problem, over = mailbox.messages()[1:]
    flagged = next(each for each in meanwhile if each.title in summary["Subject"])
    assert (summary["To"], summary["Subject"]) == (
        "desk@example.org",
        f"Possibly sent before: {flagged.title}",
    )
    text = summary.get_body(("plain",))
    assert text is not None
    assert "they may have been sent before." in " ".join(text.get_content().split())
    assert (problem["Subject"], over["Subject"]) == (
        "Problem: database: rebuilt",
        "Over: database: rebuilt",
    )
    said = " ".join(problem.get_content().split())
    assert "was missing or empty" in said
    assert "May be lost: what was recorded after the last line of the JSONL" in said
    assert "alerted as far as is known" in said
    alerted.crawl()
    assert len(mailbox.messages()) == 4
    assert alerted.run("status").status == 0


def test_a_database_that_is_lost_while_a_crawl_starts_is_rebuilt_before_it_is_filled(
    alerted: Workspace, site: SampleSite, mailbox: Mailbox
) -> None:
    before = len(alerted.records())
    meanwhile = [site.publish() for _ in range(4)]
    done = alerted.start("crawl", "--full", "--json", before=LOST_WHILE_STARTING).wait()
    assert done.status == 0
    assert done.json["articles_new"] == len(meanwhile)
    urls = [record["url"] for record in alerted.records()]
    assert len(urls) == len(set(urls)) == before + len(meanwhile)
    subjects = [mail["Subject"] for mail in mailbox.messages()[1:]]
    (subject,) = (each for each in subjects if each.startswith("Possibly sent before: "))
    assert subject.partition(": ")[2] in {story.title for story in meanwhile}
    assert subjects.count("Problem: database: rebuilt") == 1
    assert subjects.count("Over: database: rebuilt") == 1


def test_a_file_that_was_cut_off_is_set_aside_by_the_first_command_that_opens_it(
    alerted: Workspace, mailbox: Mailbox
) -> None:
    database = alerted.output / "rscrawler.db"
    before = len(alerted.records())
    for suffix in ("-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    with database.open("r+b") as file:
        file.truncate(database.stat().st_size // 2)
    status = alerted.run("status", "--json")
    assert status.json["sites"]["responsiblestatecraft"]["articles"] == before
    (problem,) = status.json["database"]["problems"]
    assert problem["code"] == "rebuilt"
    assert len(list(alerted.output.glob("rscrawler.db.damaged-*"))) == 1
    assert alerted.crawl()["articles_new"] == 0
    assert [mail["Subject"] for mail in mailbox.messages()[1:]] == [
        "Problem: database: rebuilt",
        "Over: database: rebuilt",
    ]


def test_damage_that_a_command_meets_is_mended_at_once(alerted: Workspace) -> None:
    database = alerted.output / "rscrawler.db"
    before = len(alerted.records())
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'version'")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with database.open("r+b") as file:
        file.seek((page[0] - 1) * size)
        file.write(b"\xa5" * size)
    failed = alerted.run("export")
    assert failed.status == 1
    assert "Traceback" not in failed.stderr
    assert len(alerted.run("export").stdout.splitlines()) == before
