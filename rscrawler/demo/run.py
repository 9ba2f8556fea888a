"""`rscrawler demo`: two whole cycles against the sample site, and what came of them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rscrawler.demo.mailbox import Mailbox
from rscrawler.demo.site import SampleSite
from rscrawler.errors import ConfigurationError, RscrawlerError

_CONFIGURATION = """\
# Written by `rscrawler demo`; the site and the mail server it names ran for the demo only.
output_dir = "output"
contact = "desk@example.org"

[sites.responsiblestatecraft]
base_url = "{base_url}"
hosts = []
download_delay = 0.0
concurrency = 8

[alerts.email]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
sender = "Central Asia monitor <monitor@example.org>"
recipients = ["desk@example.org"]
"""


_OWN_FILES = {"rscrawler.toml", "output", "mailbox"}


class DemoFailed(RscrawlerError):
    """A command of the demo did not do what it should."""


@dataclass(frozen=True, slots=True)
class _Cycle:
    title: str
    report: dict[str, Any]


def run_demo(folder: Path, console: Console) -> None:
    """Crawl the sample site twice, with a new piece published in between, and show the result.

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
    config = folder / "rscrawler.toml"
    with SampleSite() as site, Mailbox(folder / "mailbox") as mailbox:
        config.write_text(
            _CONFIGURATION.format(base_url=site.base_url, smtp_port=mailbox.port), encoding="utf-8"
        )
        console.print(f"Sample site with {len(site.truth())} articles at {site.base_url}")
        cycles = [_Cycle("first cycle", _crawl(config, "--full"))]
        story = site.publish()
        console.print(f"Published: “{story.title}”", markup=False)
        cycles.append(_Cycle("second cycle", _crawl(config)))
        mails = mailbox.messages()
    _print_cycles(console, cycles)
    flagged = _records(folder / "output" / "flagged")
    _print_flagged(console, flagged)
    console.print("\nThe first cycle is the baseline: recorded and flagged, and nobody is mailed.")
    for path, mail in zip(mailbox.paths(), mails, strict=True):
        console.print(f"Mailed to {mail['To']}: {mail['Subject']}", markup=False)
        console.print(f"  {_shown(path)}", markup=False)
    if not mails:
        raise DemoFailed("the new article was not mailed; see the log above")
    console.print("\nRecords:")
    for name in ("articles", "flagged"):
        for path in sorted((folder / "output" / name).glob("*.jsonl")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            console.print(f"  {_shown(path)}  ({lines} lines)", markup=False)
    for path in sorted((folder / "output" / "feeds").glob("*")):
        console.print(f"  {_shown(path)}", markup=False)
    console.print("\nTry next:")
    program = _shown(Path(sys.executable).with_name("rscrawler"))
    for command in ("status", "export --topic central-asia --format csv"):
        console.print(f"  {program} {command} --config {_shown(config)}", markup=False)
    console.print(f"  {program} crawl    (one cycle against the live site)", markup=False)


def _crawl(config: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "rscrawler", "crawl", "--config", str(config), "--json"]
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [*command, *options], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise DemoFailed(f"a crawl ended with exit status {done.returncode}; see the log above")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _records(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


_COLUMNS = {
    "requests": "requests",
    "304": "not_modified",
    "new": "articles_new",
    "flagged": "flagged",
    "mailed": "delivered",
}


def _print_cycles(console: Console, cycles: Sequence[_Cycle]) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in (*_COLUMNS, "kB", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cycle in cycles:
        table.add_row(
            cycle.title,
            *(str(cycle.report[name]) for name in _COLUMNS.values()),
            f"{cycle.report['bytes'] / 1000:,.0f}",
            f"{cycle.report['elapsed_seconds']:.1f}",
        )
    console.print(table)


def _print_flagged(console: Console, records: Sequence[dict[str, Any]]) -> None:
    table = Table(title="\nFlagged on Central Asia", title_justify="left", box=None, pad_edge=False)
    room = console.width - len("substantial  KG KZ TJ UZ    ")
    table.add_column("level", no_wrap=True)
    table.add_column("countries", no_wrap=True)
    table.add_column("title", no_wrap=True, overflow="ellipsis", max_width=room * 5 // 9)
    table.add_column("because of", no_wrap=True, overflow="ellipsis", max_width=room * 4 // 9)
    for record in records:
        flag = next(flag for flag in record["topics"] if flag["topic"] == "central-asia")
        # A tag is a slug, and says what the text says.
        printed = [each for each in flag["evidence"] if each["field"] != "tags"]
        terms = dict.fromkeys(each["term"] for each in printed)
        table.add_row(
            flag["level"],
            " ".join(flag["countries"]) or "region",
            Text(record["title"] or ""),
            Text(", ".join(list(terms)[:3])),
        )
    console.print(table)


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
