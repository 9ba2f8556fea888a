"""`rscrawler demo`: two whole cycles against the sample site, and what came of them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rscrawler.delivery.records import read_records
from rscrawler.demo.mailbox import Mailbox
from rscrawler.demo.server import SampleSite
from rscrawler.errors import ConfigurationError, RscrawlerError

_CONFIGURATION = Path(__file__).with_name("rscrawler.toml.in")
_OWN_FILES = {"rscrawler.toml", "output", "mailbox"}
_COLUMNS = {
    "requests": "requests",
    "304": "not_modified",
    "new": "articles_new",
    "flagged": "flagged",
    "mailed": "delivered",
}


class DemoFailed(RscrawlerError):
    """A command of the demo did not do what it should."""


def run_demo(folder: Path, console: Console) -> None:
    """Crawl the sample site twice, with a new article published in between, and show the result.

    `folder` is emptied first.

    Raises:
        DemoFailed: a cycle failed, or the folder holds other files.
        ConfigurationError: the folder cannot be written.
    """
    try:
        if folder.exists() and not {path.name for path in folder.iterdir()} <= _OWN_FILES:
            raise DemoFailed(f"{folder}: holds other files; name an empty folder with --folder")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise ConfigurationError(
            f"--folder: {folder}: cannot be written: {error.strerror}"
        ) from error

    def say(line: str) -> None:
        console.print(line, markup=False)

    config = folder / "rscrawler.toml"
    with SampleSite() as site, Mailbox(folder / "mailbox") as mailbox:
        text = _CONFIGURATION.read_text(encoding="utf-8")
        text = text.format(base_url=site.base_url, smtp_port=mailbox.port)
        config.write_text(text, encoding="utf-8")
        console.print(f"Sample site with {len(site.stories)} articles at {site.base_url}")
        first = _crawl(config, "--full")
        say(f"Published: “{site.publish().title}”")
        second = _crawl(config)
    console.print(_table_of_cycles({"first cycle": first, "second cycle": second}))
    console.print(_table_of_flagged(folder / "output" / "flagged", console.width))
    console.print("\nThe first cycle is the baseline: recorded and flagged, and nobody is mailed.")
    if not mailbox.paths():
        raise DemoFailed("the new article was not mailed; see the log above")
    for path, mail in zip(mailbox.paths(), mailbox.messages(), strict=True):
        say(f"Mailed to {mail['To']}: {mail['Subject']}")
        say(f"  {_shown(path)}")
    console.print("\nRecords:")
    for name in ("articles", "flagged"):
        for path in sorted((folder / "output" / name).glob("*.jsonl")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            say(f"  {_shown(path)}  ({lines} lines)")
    for path in sorted((folder / "output" / "feeds").glob("*")):
        say(f"  {_shown(path)}")
    console.print("\nTry next:")
    program = _shown(Path(sys.executable).with_name("rscrawler"))
    for command in ("status", "export --topic central-asia --format csv"):
        say(f"  {program} {command} --config {_shown(config)}")
    say(f"  {program} crawl    (one cycle against the live site)")


def _crawl(config: Path, *options: str) -> dict[str, Any]:
    """The report of a cycle."""
    command = [sys.executable, "-m", "rscrawler", "crawl", "--config", str(config), "--json"]
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [*command, *options], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise DemoFailed(f"a crawl ended with exit status {done.returncode}; see the log above")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _table_of_cycles(reports: dict[str, dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in (*_COLUMNS, "kB", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for title, report in reports.items():
        counts = (str(report[name]) for name in _COLUMNS.values())
        kilobytes, seconds = report["bytes"] / 1000, report["elapsed_seconds"]
        table.add_row(title, *counts, f"{kilobytes:,.0f}", f"{seconds:.1f}")
    return table


def _table_of_flagged(folder: Path, width: int) -> Table:
    table = Table(title="\nFlagged on Central Asia", title_justify="left", box=None, pad_edge=False)
    room = width - len("substantial  KG KZ TJ UZ    ")
    table.add_column("level", no_wrap=True)
    table.add_column("countries", no_wrap=True)
    table.add_column("title", no_wrap=True, overflow="ellipsis", max_width=room * 5 // 9)
    table.add_column("because of", no_wrap=True, overflow="ellipsis", max_width=room * 4 // 9)
    for record in read_records(folder):
        flag = next(flag for flag in record.topics if flag.topic == "central-asia")
        # A tag is a slug, and says what the text says.
        terms = dict.fromkeys(each.term for each in flag.evidence if each.field != "tags")
        table.add_row(
            flag.level,
            " ".join(flag.countries) or "region",
            Text(record.title or ""),
            Text(", ".join(list(terms)[:3])),
        )
    return table


def _shown(path: Path) -> str:
    """A path below the working folder without that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
