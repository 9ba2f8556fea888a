"""The command line: thin commands over the parts that do the work.

Results go to standard output, logs and progress to standard error. Exit status:
0 done and healthy; 1 done, but something failed or is unhealthy; 2 wrong usage or
configuration.

A command's module is imported only when the command is called, since imports take time. In it,
`crawl` is `crawl_command`, and a group such as `topics` is `topics_app`.
"""

import gc
import logging
import sys
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer import Option
from typer.core import TyperCommand, TyperGroup

from rscrawler import __version__
from rscrawler.cli.output import (
    EXIT_FAILED,
    EXIT_USAGE,
    answer_error,
    complain,
    configure_logging,
    give_up_output,
    is_output_stuck,
)
from rscrawler.errors import ConfigurationError, RscrawlerError

# The commands and groups that `--help` lists, with their help.
GROUPS = {
    "Watch": {
        "crawl": "Crawl the sites once, then deliver what is due.",
        "run": "Run the jobs of the schedules until SIGTERM or SIGINT; SIGHUP reloads the files.",
        "schedules": "Show the jobs, and when each fires next.",
        "deliver": "Deliver what is due in the outbox: records, feeds, alerts and notices.",
        "status": "Show what is wrong, and what waits for delivery.",
        "web": "Serve the dashboard until SIGTERM or Ctrl-C.",
    },
    "Inspect": {
        "explain": (
            "Show the record that a page would give, where each field came from, and why it is "
            "flagged."
        ),
        "sites": "Site profiles: list them, propose one for a new site, check whether they fit.",
        "topics": "Watch-lists: what each looks for, and how well it works.",
    },
    "Look back": {
        "history": "Show every version of an article, and word by word what each changed.",
        "export": "Export stored records as JSONL, CSV or Parquet.",
        "reparse": "Parse archived pages again with today's site profiles, without requests.",
        "identity": "Which articles repeat or follow others: check by today's rules.",
    },
    "Operate": {
        "init": "Write a commented configuration file.",
        "config": "The configuration: check its files.",
        "alerts": "The alert channels: send a test.",
        "prune": "Delete old text from the database; articles stay known, and the JSONL stays.",
        "worker": "Run only crawls, beside other workers, until SIGTERM or SIGINT.",
        "migrate-store": "Copy a whole database into an empty one, and compare the two.",
    },
    "Develop": {
        "demo": "Crawl the bundled sample site twice and show what is found, flagged and mailed.",
        "schema": "Print the JSON Schema of records, or of a kind of file.",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
# Modules whose names differ from those of their commands.
_MODULES = {
    **dict.fromkeys(("explain", "history", "reparse"), "articles"),
    **dict.fromkeys(("export", "identity", "migrate-store", "prune", "schema"), "records"),
    **dict.fromkeys(("run", "schedules", "worker"), "service"),
    **dict.fromkeys(("alerts", "config", "demo", "init"), "setup"),
    "status": "deliver",
}


class _LazyGroup(TyperGroup):
    """A group that lists names and short helps, and imports only the command that is called."""

    def __init__(self, **options: Any) -> None:
        # For `--help` and completion; `resolve_command` imports the command itself.
        stubs = {name: TyperCommand(name, short_help=text) for name, text in COMMANDS.items()}
        super().__init__(**options | {"commands": stubs})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and load_command(name), rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:  # Typer quotes pydantic
            error.message = error.message.removeprefix("Value error, ")
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@cache
def load_command(name: str) -> Any:
    """Import the command or group of that name."""
    holder = typer.Typer(rich_markup_mode=None)
    gc.disable()  # modules stay: scanning them again and again takes a tenth of their import
    module = import_module(f"rscrawler.cli.{_MODULES.get(name, name)}")
    gc.enable()
    if command := getattr(module, f"{name.replace('-', '_')}_command", None):
        holder.command(name)(command)
    else:
        holder.add_typer(getattr(module, f"{name}_app"), name=name, help=COMMANDS[name])
    return typer.main.get_group(holder).commands[name]


app = typer.Typer(
    name="rscrawler",
    cls=_LazyGroup,
    help="Watches news sites for coverage of Central Asia, and alerts you once per article.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing rich takes longer than most commands
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rscrawler {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Log more than warnings and errors.")
    ] = False,
    log_json: Annotated[bool, Option("--log-json", help="Log JSON lines.")] = False,
    _version: Annotated[
        bool,
        Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of every command."""
    configure_logging(logging.INFO if verbose else logging.WARNING, as_json=log_json)


def main() -> None:
    """Run the command line; errors that the user can fix are printed as a line per problem."""
    status = _run()
    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_output(error)
        status = status or EXIT_FAILED
    sys.exit(status)


def _run() -> int:
    """Run one command; returns its exit status."""
    try:
        app()
    except SystemExit as end:
        # Typer has printed a usage error; the exception behind its exit has the wording.
        if wording := getattr(end.__context__, "format_message", None):
            answer_error(wording())
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except ConfigurationError as error:
        return _failed(*error.problems, status=EXIT_USAGE)
    except RscrawlerError as error:
        return _failed(str(error))
    except OSError as error:
        if error.filename is not None:
            return _failed(f"{error.filename}: cannot be read or written: {error.strerror}")
        if not is_output_stuck():
            raise
        give_up_output(error)
        return EXIT_FAILED
    return 0


def _failed(*problems: str, status: int = EXIT_FAILED) -> int:
    for problem in problems:
        complain(problem)
    answer_error("\n".join(problems))
    return status
