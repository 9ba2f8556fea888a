"""`rscrawler identity`: what the present rules make of the texts in the store."""

from __future__ import annotations

from typing import Annotated

import typer

from rscrawler.cli.common import (
    ConfigOption,
    JsonOption,
    counted,
    out,
    parse_day,
    print_json,
    read_config,
)
from rscrawler.cli.reading import existing_store
from rscrawler.delivery.wording import one_line
from rscrawler.maintenance.regrouping import regrouped
from rscrawler.sites import load_sites

app = typer.Typer(help="Which articles repeat or follow others.")


def register(root: typer.Typer) -> None:
    """Add this module's commands."""
    root.add_typer(app, name="identity")


@app.callback()
def _group() -> None:
    """Which articles repeat or follow others."""


@app.command("check")
def check_command(
    since: Annotated[str | None, typer.Option("--since", help="Recorded since this day.")] = None,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which stored articles the present rules would fold or unfold. Changes nothing."""
    config = read_config(config_path)
    with existing_store(config) as store:
        result = regrouped(store, load_sites(config), since=parse_day(since, "--since"))
    if as_json:
        print_json(result.to_json())
        return
    articles = counted(result.total, "stored article")
    out.print(f"{articles}, {len(result.changes)} would be decided otherwise")
    if result.skipped:
        out.print(f"{result.skipped} more cannot be compared: their text was forgotten by prune")
    for change in result.changes:
        out.print(f"  {change}  {one_line(change.title)}  {change.url}", markup=False)
