"""Commands past one machine: work for the service, and move the store."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer
from typer import Argument, Option

from rscrawler.cli.common import out, print_json, print_table
from rscrawler.cli.inputs import ConfigPath, JsonOption, opened_store, read_config
from rscrawler.cli.logs import log_runs
from rscrawler.cli.progress import progress
from rscrawler.clock import utc_now
from rscrawler.config import find_config, handed_on, load_config, read_text
from rscrawler.errors import ConfigurationError
from rscrawler.scheduling.warm import WarmRuns, own_folders
from rscrawler.store.transfer import migrate_store


def worker_command(
    context: typer.Context,
    name: Annotated[str | None, Option(help="In the log; else machine and process.")] = None,
    at_once: Annotated[int, Option(min=1, help="How many crawls at a time.")] = 2,
    config_path: ConfigPath = None,
) -> None:
    """Run the crawls that the service hands over, until SIGTERM or SIGINT."""
    found = find_config(config_path)
    text = read_text(found) if found else ""
    config = load_config(found, text)
    if not config.uses_workers:
        raise ConfigurationError(
            f"{found or 'environment'}: scheduling.executor: is 'process', which has no workers; "
            "allowed here: procrastinate"
        )
    from rscrawler.scheduling.worker import Worker  # needs an extra

    log_runs(context)
    with opened_store(config) as store:
        runs = WarmRuns(found, own_folders(config), handed_on(text, found))
        worker = Worker(store, config, config_path=found, name=name, at_once=at_once, run=runs.run)
        with closing(runs):
            asyncio.run(worker.run())


def migrate_store_command(
    from_url: Annotated[
        str, Argument(metavar="FROM_URL", help="sqlite:///… or postgresql+psycopg://…")
    ],
    to_url: Annotated[
        str | None,
        Argument(
            metavar="[TO_URL]", help="The same; must be empty. None: the configured database_url."
        ),
    ] = None,
    config_path: ConfigPath = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a whole store into an empty database, and compare the two."""
    target = read_config(config_path).database if to_url is None else to_url
    with progress() as bars:
        task = bars.add_task("", total=0, unit="rows copied or compared")
        copied = migrate_store(
            from_url,
            target,
            utc_now(),
            on_rows=lambda rows, total: bars.update(task, advance=rows, total=total),
        )
    if as_json:
        print_json({"tables": [asdict(table) for table in copied]})
        return
    rows = ((table.name, f"{table.rows:,}", table.digest) for table in copied)
    print_table(("table", "rows", "digest"), *rows)
    out.print(f"{sum(table.rows for table in copied):,} rows are the same in both databases")
