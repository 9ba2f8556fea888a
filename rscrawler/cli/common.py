"""What the commands print with: results on standard output, the rest on standard error."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    out: Console
    err: Console

EXIT_FAILED = 1
EXIT_USAGE = 2
_NUMBER = re.compile(r"[\d.,]+%?|–?")


def __getattr__(name: str) -> Any:
    """`out` and `err`, the two consoles: made when the first command asks, for rich takes time."""
    if name not in ("out", "err"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rich.console import Console

    is_wide = not (sys.stdout if name == "out" else sys.stderr).isatty()
    console = Console(stderr=name == "err", highlight=False, markup=False, soft_wrap=is_wide)
    globals()[name] = console
    return console


def counted(number: int, noun: str) -> str:
    """`1 article`, `2 articles`."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


def print_table(*rows: Sequence[object]) -> None:
    """Rows below their headings, numbers to the right; no cell is cut or wrapped."""
    cells = [[str(each) for each in row] for row in rows]
    columns = list(zip(*cells, strict=True))
    widths = [max(map(len, column)) for column in columns]
    sides = [">" if all(map(_NUMBER.fullmatch, column[1:])) else "<" for column in columns]
    for row in cells:
        line = zip(row, sides, widths, strict=True)
        shown = "  ".join(f"{cell:{side}{width}}" for cell, side, width in line)
        say(shown.rstrip())


def say(text: str) -> None:
    """Print text, as it is, without what draws colours and tables and takes long to import."""
    sys.stdout.write(f"{text}\n")


class _Answer:
    """What has gone to standard output as JSON: one object at most."""

    is_given = False


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    _Answer.is_given = True
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def answer_error(message: str) -> None:
    """Where `--json` was asked for: one object that says what went wrong, if none was printed.

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
