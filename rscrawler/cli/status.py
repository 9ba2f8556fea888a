"""`rscrawler status`: is all well, and what waits?"""

from __future__ import annotations

import typer

from rscrawler.cli.common import EXIT_FAILED, print_json, print_table, say
from rscrawler.cli.inputs import ConfigOption, JsonOption, opened_store
from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.ops import what_next
from rscrawler.items import rfc3339
from rscrawler.monitoring.status import Status, read_status
from rscrawler.scheduling.schedules import load_schedules


def status_command(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Say whether all is well, and what waits."""
    with opened_store(config) as store:
        status = read_status(config, store, utc_now(), load_schedules(config).active)
    if as_json:
        print_json(status.to_json())
    else:
        _print_status(config, status)
    if not status.is_healthy:
        raise typer.Exit(EXIT_FAILED)


def _print_status(config: Config, status: Status) -> None:
    rows = [
        (
            name,
            rfc3339(site.last_run_at) or "never",
            rfc3339(site.last_success_at) or "never",
            f"{site.articles:,}",
            ", ".join(problem.code for problem in site.problems) or site.state,
        )
        for name, site in status.sites.items()
    ]
    print_table(("site", "last run", "last success", "articles", "state"), *rows)
    for problem in status.problems:
        since = rfc3339(problem.since)
        say(f"  {problem.subject}: {problem.code} since {since}: {problem.message}")
        for line in what_next(config, problem, status.next_tries):
            say(f"    {line}")
    say(f"outbox: {status.outbox.pending} pending, {status.outbox.failed} failed")
    for line in status.waiting_lines():
        say(f"  {line}")
    say("healthy" if status.is_healthy else "not healthy")
