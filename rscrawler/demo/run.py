"""`rscrawler demo`: two whole cycles against the sample site, and their results."""

import subprocess
import sys
from pathlib import Path
from shutil import get_terminal_size, rmtree

from rscrawler.cli.inputs import usable
from rscrawler.cli.output import print_table, say
from rscrawler.delivery.records import read_records
from rscrawler.delivery.wording import one_line
from rscrawler.demo.server import Mailbox, SampleSite
from rscrawler.errors import ConfigurationError, RscrawlerError

_CONFIGURATION = Path(__file__).with_name("rscrawler.toml.in")
_OWN_FILES = {"rscrawler.toml", "output", "mailbox"}  # a monitor has no mailbox


def run_demo(folder: Path) -> None:
    """Crawl the sample site twice, with a new article published in between, and show the result.

    `folder` is emptied first.

    Raises:
        RscrawlerError: a cycle failed.
        ConfigurationError: the folder holds other files, or cannot be written.
    """
    with usable(folder, to_be="written", option="--folder: "):
        present = {path.name for path in folder.iterdir()} if folder.exists() else set()
        if present and not {"mailbox"} <= present <= _OWN_FILES:
            raise ConfigurationError(f"--folder: {folder}: holds other files; name an empty folder")
        rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    config = folder / "rscrawler.toml"
    with SampleSite() as site, Mailbox(folder / "mailbox") as mailbox:
        text = _CONFIGURATION.read_text(encoding="utf-8")
        text = text.format(base_url=site.base_url, smtp_port=mailbox.port)
        config.write_text(text, encoding="utf-8")
        say(f"Sample site with {len(site.stories)} articles at {site.base_url}\n\nFirst cycle")
        _crawl(config, "--full")
        say(f"\nPublished: “{site.publish().title}”\n\nSecond cycle")
        _crawl(config)
    say("\nFlagged on Central Asia")
    _print_flagged(folder / "output" / "flagged")
    say("\nThe first cycle is the baseline: its articles are recorded and flagged, but not mailed.")
    if not mailbox.paths():
        raise RscrawlerError("the new article was not mailed; see the log above")
    for path, mail in zip(mailbox.paths(), mailbox.messages(), strict=True):
        say(f"Mailed to {mail['To']}: {mail['Subject']}")
        say(f"  {_shown(path)}")
    say("\nRecords:")
    for name in ("articles", "flagged"):
        for path in sorted((folder / "output" / name).glob("*.jsonl")):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            say(f"  {_shown(path)}  ({lines} lines)")
    for path in sorted((folder / "output" / "feeds").glob("*")):
        say(f"  {_shown(path)}")
    say("\nTry next:")
    program = _shown(Path(sys.executable).with_name("rscrawler"))
    for command in ("status", "web", "export --topic central-asia --format csv"):
        say(f"  {program} {command} --config {_shown(config)}")
    say(f"  {program} crawl    (one cycle against the live site)")


def _crawl(config: Path, *options: str) -> None:
    """Run a cycle, which prints its report."""
    command = [sys.executable, "-m", "rscrawler", "crawl", "--config", str(config), *options]
    status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own program
    if status != 0:
        raise RscrawlerError(f"a crawl ended with exit status {status}; see the log above")


def _print_flagged(folder: Path) -> None:
    """Print the flagged articles; titles and terms share the rest of the terminal's width."""
    width = get_terminal_size().columns - len("substantial  KG KZ TJ UZ    ")
    rows = []
    for record in read_records(folder):
        flag = next(flag for flag in record.topics if flag.topic == "central-asia")
        # Not those in tags: a tag is a slug, and repeats the text.
        terms = dict.fromkeys(each.term for each in flag.evidence if each.field != "tags")
        title = one_line(record.title, width * 5 // 9)
        because = one_line(", ".join(list(terms)[:3]), width * 4 // 9)
        rows.append((flag.level, " ".join(flag.countries) or "region", title, because))
    print_table(("level", "countries", "title", "because of"), *rows)


def _shown(path: Path) -> str:
    """`path`, relative to the working folder if it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
