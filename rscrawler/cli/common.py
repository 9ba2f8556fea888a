"""What the commands print with: results on standard output; errors, progress on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

T = TypeVar("T")
EXIT_FAILED = 1
EXIT_USAGE = 2
_NO_WIDTH = 100_000
_NUMBER = re.compile(r"[\d.,]+%?|–?")


@cache
def console() -> Console:
    """What draws tables and colours, and takes long to import."""
    from rich.console import Console

    is_piped = not sys.stdout.isatty()
    # In a file or a pipe a table has its lines whole, as a program or `grep` needs them.
    width = _NO_WIDTH if is_piped and not os.environ.get("COLUMNS") else None
    return Console(highlight=False, markup=False, soft_wrap=is_piped, width=width)


def counted(number: int, noun: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def print_table(*rows: Iterable[object]) -> None:
    """Rows below their headings, numbers to the right; no cell is cut or wrapped."""
    cells = [[_cell(each) for each in row] for row in rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    sides = [">" if all(map(_NUMBER.fullmatch, column[1:])) else "<" for column in columns]
    for row in cells:
        line = zip(row, sides, widths, strict=True)
        shown = "  ".join(f"{cell:{side}{width}}" for cell, side, width in line)
        say(shown.rstrip())


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str("–" if value is None else value)


def say(shown: object = "", style: str | None = None) -> None:
    """Print a line of text as it is; or in a style, or what rich can draw."""
    if isinstance(shown, str) and style is None:
        sys.stdout.write(f"{shown}\n")
        sys.stdout.flush()  # a service's log is read while it runs
    else:
        console().print(shown, style=style)


# Progress, on a terminal only.


def progress() -> Progress:
    """Bars, one a task, each with a `unit`; gone when the command ends."""
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
    """The items as they come, with a bar that counts them."""
    with progress() as bars:
        task = bars.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bars.advance(task)


# Errors, in JSON too, and an output that cannot be written.


class _Answer:
    """What has gone to standard output as JSON: one object at most."""

    is_given = False


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    _Answer.is_given = True
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def answer_error(message: str) -> None:
    """Where `--json` was requested: one object that says what went wrong, if none was printed.

    The command line is looked at as it was written, since it may be what is wrong.
    """
    if "--json" in sys.argv[1:] and not _Answer.is_given:
        try:
            print_json({"error": message})
        except OSError as error:
            give_up_output(error)


def complain(message: str) -> None:
    """One line on standard error, as it is: no markup, no wrapping."""
    with suppress(OSError):  # there is nowhere else to say it
        sys.stderr.write(f"rscrawler: {message}\n")


def conclude(problems: Iterable[str]) -> None:
    """End a command: with status 1 if there are problems, each of them a line."""
    reported = [*problems]
    for problem in reported:
        complain(problem)
    if reported:
        raise typer.Exit(EXIT_FAILED)


def is_output_stuck() -> bool:
    """Whether nothing can be printed any more.

    An error does not name the stream it is of, and what could not be printed is dropped with it.
    """
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def give_up_output(error: OSError) -> None:
    """Tell that standard output cannot be written, but to a reader that has had enough."""
    if not isinstance(error, BrokenPipeError):
        complain(f"standard output: {error.strerror}")
    # The interpreter tries once more when it exits, and would complain of it.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def written_out(status: int) -> int:
    """The exit status of a command, once all that it printed is on its way."""
    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_output(error)
        return status or EXIT_FAILED
    return status
