"""The command line: thin commands over the parts that do the work.

Results go to standard output, logs and progress to standard error. Exit status:
0 done and healthy; 1 done, but something failed or is unhealthy; 2 wrong usage or
configuration.
"""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from rscrawler import __version__
from rscrawler.cli import (
    cluster,
    crawl,
    history,
    identity,
    inspect,
    reparse,
    service,
    setup,
    sites,
    topics,
    web,
)
from rscrawler.cli.common import (
    EXIT_FAILED,
    EXIT_USAGE,
    answer_error,
    complain,
    give_up_output,
    is_output_stuck,
    written_out,
)
from rscrawler.cli.logs import configure_logging
from rscrawler.errors import ConfigurationError, RscrawlerError

app = typer.Typer(
    name="rscrawler",
    help="Watches news sites for coverage of Central Asia, and tells you once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for commands in (setup, crawl, service, inspect, history, reparse, cluster, web):
    commands.register(app)
app.add_typer(topics.app, name="topics")
app.add_typer(sites.app, name="sites")
app.add_typer(identity.app, name="identity")
app.add_typer(setup.alerts_app, name="alerts")
app.add_typer(setup.config_app, name="config")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rscrawler {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every step, not only what went wrong.")
    ] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")] = False,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options of every command."""
    configure_logging(logging.INFO if verbose else logging.WARNING, as_json=log_json)


def main() -> None:
    """Run the command line; what the user can mend becomes one line for each problem."""
    sys.exit(written_out(_run()))


def _run() -> int:
    """Run one command; gives its exit status."""
    try:
        app()
    except SystemExit as end:
        # Typer has told what was wrong with the usage; that is what it ended in the face of.
        if wording := getattr(end.__context__, "format_message", None):
            answer_error(wording())
        return end.code if isinstance(end.code, int) else EXIT_FAILED
    except ConfigurationError as error:
        for problem in error.problems:
            complain(problem)
        answer_error(str(error))
        return EXIT_USAGE
    except RscrawlerError as error:
        complain(str(error))
        answer_error(str(error))
        return EXIT_FAILED
    except OSError as error:
        if error.filename is not None:
            message = f"{error.filename}: cannot be read or written: {error.strerror}"
            complain(message)
            answer_error(message)
        elif is_output_stuck():
            give_up_output(error)
        else:
            raise
        return EXIT_FAILED
    return 0
