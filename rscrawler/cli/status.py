"""`rscrawler status`: is all well, and what waits?"""

from __future__ import annotations

import typer

from rscrawler.cli.common import (
    EXIT_FAILED,
    ConfigOption,
    JsonOption,
    opened_store,
    out,
    print_json,
    read_config,
)
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.ops import what_next
from rscrawler.items import rfc3339
from rscrawler.monitoring.status import Status, read_status
from rscrawler.scheduling.schedules import load_schedules


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("status")(status_command)


def status_command(config_path: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Say whether all is well, and what waits."""
    config = read_config(config_path)
    with opened_store(config) as store:
        jobs = load_schedules(config).active
        status = read_status(config, store, utc_now(), jobs)
    if as_json:
        print_json(status.to_json())
    else:
        _print_status(config, status)
    if not status.is_healthy:
        raise typer.Exit(EXIT_FAILED)


def _print_status(config: Config, status: Status) -> None:
    rows = [("site", "last run", "last success", "articles", "state")]
    rows += [
        (
            name,
            rfc3339(site.last_run_at) or "never",
            rfc3339(site.last_success_at) or "never",
            f"{site.articles:,}",
            ", ".join(problem.code for problem in site.problems) or site.state,
        )
        for name, site in status.sites.items()
    ]
    # Not a table of rich's, which cuts off what is wider than it takes the terminal for.
    name, run, success, articles, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    for row in rows:
        line = (
            f"{row[0]:{name}}  {row[1]:{run}}  {row[2]:{success}}  {row[3]:>{articles}}  {row[4]}"
        )
        out.print(line, markup=False, soft_wrap=True)
    for problem in status.problems:
        since = rfc3339(problem.since)
        said = f"{problem.subject}: {problem.code} since {since}: {problem.message}"
        out.print(f"  {said}", markup=False)
        for line in what_next(config, problem, status.next_tries):
            out.print(f"    {line}", markup=False)
    out.print(f"outbox: {status.outbox.pending} pending, {status.outbox.failed} failed")
    for line in status.waiting_lines():
        out.print(f"  {line}")
    out.print("healthy" if status.is_healthy else "not healthy")
