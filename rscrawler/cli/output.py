"""The output of commands: results on standard output; errors, progress, logs on standard error."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from rscrawler.errors import RscrawlerError, StoreError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

T = TypeVar("T")
LOGGED_AGAIN_AFTER_SECONDS = 3600.0
_logged_at: dict[str, float] = {}  # when each failure of the store was logged last
EXIT_FAILED = 1
EXIT_USAGE = 2
_NUMBER = re.compile(r"[\d.,]+%?|–?")
# A site can put them into an address, and so into an error: they move a terminal's cursor, rename
# its window or reorder its text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@cache
def console() -> Console:
    """Rich's console, which prints styles; rich takes long to import."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def print_table(*rows: Iterable[object]) -> None:
    """Print headings and rows, columns of numbers right-aligned; no cell is cut or wrapped."""
    cells = [[_cell(each) for each in row] for row in rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(_width, column)) for column in columns]
    sides = [">" if all(map(_NUMBER.fullmatch, column[1:])) else "<" for column in columns]
    for row in cells:
        line = zip(row, sides, widths, strict=True)
        shown = "  ".join(
            f"{cell:{side}{width - _width(cell) + len(cell)}}" for cell, side, width in line
        )
        say(shown.rstrip())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str("–" if value is None else value)


def _width(text: str) -> int:
    """The columns that it takes on a terminal: two for a Chinese letter, none for an accent."""
    if text.isascii():
        return len(text)
    letters = [each for each in text if unicodedata.category(each) not in ("Mn", "Me", "Cf")]
    return len(letters) + sum(unicodedata.east_asian_width(each) in "WF" for each in letters)


def visible(text: str) -> str:
    """The text with its control and direction characters as escapes; line feeds and tabs stay."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(shown: str | Text = "", style: str | None = None) -> None:
    """Print a line of text as it is; what has a style, through rich. No line is wrapped."""
    shown = visible(shown) if isinstance(shown, str) else shown
    if isinstance(shown, str) and style is None:
        printed = f"{shown}\n"
    else:
        # Printed by itself, it would not go above the bars of `progress`.
        with console().capture() as captured:
            console().print(shown, style=style)
        printed = captured.get()
    sys.stdout.write(printed)
    sys.stdout.flush()  # a service's log is read while it runs


# Progress, on a terminal only.


def progress() -> Progress:
    """Progress bars, one a task, each with a `unit`; removed when the command ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[unit]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
        # What is printed meanwhile goes above the bars, if it goes to the same terminal.
        redirect_stdout=sys.stdout.isatty(),
        disable=not sys.stderr.isatty(),
    )


def tracked(items: Iterable[T], total: int, unit: str, *, what: str = "") -> Iterator[T]:
    """Yield the items, with a progress bar that counts them."""
    with progress() as bars:
        task = bars.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bars.advance(task)


# JSON output, errors, and a standard output that cannot be written.


def print_json(value: Any) -> None:
    """Print one JSON object on standard output: the last step of a command that can fail.

    In UTF-8 whatever the terminal's encoding, with a lone surrogate as JSON's escape.
    """
    text = json.dumps(value, ensure_ascii=False) + "\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode(errors="backslashreplace"))


def answer_error(message: str) -> None:
    """With `--json`, print an object with the error.

    `--json` is looked for in the raw command line, since parsing that may have failed.
    """
    if "--json" in sys.argv[1:]:
        try:
            print_json({"error": message})
        except OSError as error:
            give_up_output(error)


def complain(message: str) -> None:
    """Print one line on standard error, as it is: no markup, no wrapping."""
    with suppress(OSError):  # there is nowhere else to report it
        sys.stderr.write(f"rscrawler: {visible(message)}\n")


def conclude(problems: Iterable[str]) -> None:
    """Print each problem on a line, and exit with status 1 if there are any."""
    reported = [*problems]
    for problem in reported:
        complain(problem)
    if reported:
        raise typer.Exit(EXIT_FAILED)


def is_output_stuck() -> bool:
    """Whether standard output can no longer be written, tested by writing a line feed.

    An OSError does not name its stream, and the output that could not be written is dropped.
    """
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def give_up_output(error: OSError) -> None:
    """Report that standard output cannot be written, unless its reader has closed the pipe."""
    if not isinstance(error, BrokenPipeError):
        complain(f"standard output: {error.strerror}")
    # The interpreter flushes once more when it exits, and would print another error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# Logs on standard error: lines for people, or JSON lines for machines.


class _LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record))


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def shorten(record: logging.LogRecord) -> bool:
    """Filter a record: an error that the operator can fix is one line, without a traceback.

    The same failure of the store is logged once an hour, wherever it occurs. So is a lack of
    descriptors, of which asyncio complains 2,000 times a second.
    """
    error = record.exc_info[1] if record.exc_info else None
    is_repeated = isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
    if is_repeated or isinstance(error, StoreError):
        since = record.created - _logged_at.get(str(error), -math.inf)
        if since < LOGGED_AGAIN_AFTER_SECONDS:
            return False
        _logged_at[str(error)] = record.created
    if isinstance(error, RscrawlerError):
        # Scrapy's message of a failed start has the error and its traceback in it.
        message = record.getMessage().partition("\nTraceback")[0].removesuffix(f": {error}.")
        record.msg, record.args = f"{message}: {error}", ()
        record.exc_info = record.exc_text = None
    return True


def configure_logging(level: int, *, as_json: bool) -> None:
    """Send this process's logs to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    lines = _LineFormatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    handler.setFormatter(_JsonFormatter() if as_json else lines)
    handler.setLevel(level)
    handler.addFilter(shorten)
    # The handler filters too: Scrapy, once imported, sets the root logger to every level.
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("asyncio", "apscheduler", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


def log_runs(context: typer.Context) -> None:
    """Log each run at INFO, where other commands log warnings only; `-v` logs everything."""
    options: dict[str, Any] = context.parent.params if context.parent else {}
    configure_logging(logging.INFO, as_json=bool(options.get("log_json")))
    if options.get("verbose"):
        return
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("rscrawler.scheduling").setLevel(logging.INFO)
