"""`rscrawler simulate`: what each schedule would have cost, and how soon it found the news."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.table import Table
from rich.text import Text

from rscrawler.cli.common import (
    ConfigOption,
    JsonOption,
    err,
    out,
    print_json,
    read_config,
)
from rscrawler.cli.reading import existing_store
from rscrawler.clock import utc_now
from rscrawler.config import format_duration, parse_duration
from rscrawler.delivery.wording import one_line
from rscrawler.errors import ConfigurationError
from rscrawler.scheduling import policies
from rscrawler.scheduling.adaptive import AdaptiveLimits
from rscrawler.scheduling.histories import YEAR, SiteHistory, five_sites, read_histories
from rscrawler.scheduling.policies import PolicyMaker
from rscrawler.scheduling.simulation import Row, compare, render_plot
from rscrawler.sites import chosen_sites, load_sites
from rscrawler.store import Store

_SEED = 2025
T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("simulate")(simulate_command)


def simulate_command(
    history: Annotated[
        Path | None,
        typer.Argument(
            metavar="CSV",
            help="A moment a line, then optionally its source; none: five generated sites.",
        ),
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", help="Replay what is stored of this site.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", help='A fixed interval to compare, such as "20m".')
    ] = None,
    cron: Annotated[
        str | None, typer.Option("--cron", help='A crontab line to compare, such as "0 7 * * mon".')
    ] = None,
    shortest: Annotated[str, typer.Option("--min", help="Shortest adaptive interval.")] = "5m",
    longest: Annotated[str, typer.Option("--max", help="Longest adaptive interval.")] = "6h",
    visits_per_day: Annotated[
        float | None, typer.Option("--visits-per-day", help="The budget of a site; else 48.")
    ] = None,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a publication history under each schedule: requests, and delay until news is found."""
    limits = _limits(shortest, longest, visits_per_day)
    others = _others(every, cron)
    histories = _histories(history, site, config_path)
    with err.status("replaying …") as status:
        rows = compare(
            histories,
            limits,
            others,
            report=lambda name: status.update(Text(f"replaying {one_line(name)} …")),
        )
    if as_json:
        print_json({"visits_per_day": limits.budget, "rows": [_row_json(row) for row in rows]})
        return
    _print_rows(rows, limits)


def _limits(shortest: str, longest: str, visits_per_day: float | None) -> AdaptiveLimits:
    spans = _span("--min", shortest), _span("--max", longest)
    return _read("--min, --max, --visits-per-day", lambda: AdaptiveLimits(*spans, visits_per_day))


def _others(every: str | None, cron: str | None) -> dict[str, PolicyMaker]:
    others: dict[str, PolicyMaker] = {}
    if every is not None:
        interval = _span("--every", every)
        others[f"every {format_duration(interval)}"] = policies.fixed(interval)
    if cron is not None:
        others[f"cron {cron}"] = _read("--cron", lambda: policies.cron(cron))
    return others


def _span(option: str, text: str) -> timedelta:
    span = _read(f"{option}: {text!r}", lambda: parse_duration(text))
    if not span:
        raise ConfigurationError(f"{option}: {text!r}: must be above zero")
    return span


def _read(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise ConfigurationError(f"{what}: {error}") from None


def _histories(
    path: Path | None, site: str | None, config_path: Path | None
) -> Sequence[SiteHistory]:
    if path is not None and site is not None:
        raise ConfigurationError("CSV and --site: name one of them, not both")
    if path is not None:
        return read_histories(path)
    if site is None:
        return five_sites(_SEED)
    config = read_config(config_path)
    chosen_sites(load_sites(config), [site])
    with existing_store(config) as store:
        return [stored_history(store, site, utc_now())]


def stored_history(store: Store, site: str, now: datetime) -> SiteHistory:
    """What is stored of a site's past year, by date of publication.

    Raises:
        ConfigurationError: that is fewer than two pieces.
    """
    published = store.history.publications(site, now - YEAR)
    moments = [moment for moment in published if moment < now]
    if len(set(moments)) < 2:
        raise ConfigurationError(
            f"--site {site}: fewer than two pieces of the past year are stored: "
            "there is nothing to replay"
        )
    return SiteHistory(site, moments[0], now, tuple(moments))


def _row_json(row: Row) -> dict[str, object]:
    values = asdict(row)
    for name in ("median", "p95", "mean"):
        values[f"{name}_minutes"] = values.pop(name)
    return values


def _print_rows(rows: Sequence[Row], limits: AdaptiveLimits) -> None:
    table = Table(
        title=f"{limits.budget:g} visits a day and site; delays in minutes",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("schedule", no_wrap=True)
    for heading in ("requests", "pieces", "median", "95 %", "mean"):
        table.add_column(heading, justify="right")
    for site, of_site in groupby(rows, key=lambda row: row.site):
        table.add_row(Text(one_line(site), style="bold"))
        for row in of_site:
            delays = (row.median, row.p95, row.mean)
            table.add_row(
                Text(f"  {row.schedule}"),
                f"{row.requests:,}",
                f"{row.pieces:,}",
                *("–" if delay is None else f"{delay:,.1f}" for delay in delays),
            )
    out.print(table)
    out.print()
    out.print(Text(render_plot(rows)))
