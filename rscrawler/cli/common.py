"""What the commands share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rscrawler.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from rscrawler.config import Config
    from rscrawler.store import Store

    out: Console
    err: Console

EXIT_FAILED = 1
EXIT_USAGE = 2

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Else $RSCRAWLER_CONFIG or ./rscrawler.toml."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def __getattr__(name: str) -> Any:
    """`out` and `err`, the two consoles: made when the first command asks, for rich takes time."""
    if name not in ("out", "err"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rich.console import Console

    stream = sys.stdout if name == "out" else sys.stderr
    console = Console(stderr=name == "err", highlight=False, soft_wrap=not stream.isatty())
    globals()[name] = console
    return console


def read_config(path: Path | None) -> Config:
    """The configuration that `--config` and the environment name."""
    from rscrawler.config import find_config, load_config

    return load_config(find_config(path))


@contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """The store of a configuration, rebuilt first if it was lost; closed at the end."""
    from rscrawler.maintenance.recovery import open_store
    from rscrawler.store.database import DamagedDatabase

    store = open_store(config)
    try:
        yield store
    except DamagedDatabase:
        store.close()
        open_store(config).close()  # set aside and rebuilt at once: the next command goes on
        raise
    finally:
        store.close()


def counted(number: int, noun: str) -> str:
    """`1 piece`, `2 pieces`."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"


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


@contextmanager
def readable(option: str) -> Iterator[None]:
    """Whatever is read within was named by `option`.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{option}: {error.filename}: cannot be read: {error.strerror}"
        ) from error


def parse_day(text: str | None, option: str) -> datetime | None:
    """A day (`2026-11-24`) or a moment (`2026-11-24T08:00:00Z`) in UTC.

    Raises:
        ConfigurationError: it is neither.
    """
    if text is None:
        return None
    try:
        if len(text) == len("2026-11-24"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option}: {text!r} is not a date; allowed: 2026-11-24 or 2026-11-24T08:00:00Z"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
