"""`rscrawler identity`: what the present rules make of the texts in the store."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict

import typer

from rscrawler.cli.common import counted, out, print_json
from rscrawler.cli.inputs import ConfigOption, JsonOption, SinceOption, open_existing
from rscrawler.cli.progress import tracked
from rscrawler.delivery.wording import one_line
from rscrawler.maintenance.regrouping import regrouped
from rscrawler.sites import load_sites

identity_app = typer.Typer(help="Which articles repeat or follow others.")


@identity_app.command("check")
def check_command(
    config: ConfigOption, since: SinceOption = None, as_json: JsonOption = False
) -> None:
    """Show which stored articles the present rules would fold or unfold. Changes nothing."""
    with closing(open_existing(config)) as store:
        articles = store.articles.latest_articles(since=since)
        shown = tracked(articles, store.articles.count_latest(since=since), "articles")
        result = regrouped(store, load_sites(config), shown)
    if as_json:
        print_json(asdict(result))
        return
    changes = len(result.changes)
    out.print(f"{counted(result.total, 'stored article')}, {changes} would be decided otherwise")
    if result.skipped:
        out.print(f"{result.skipped} more cannot be compared: their text was forgotten by prune")
    for change in result.changes:
        out.print(f"  {change}  {one_line(change.title)}  {change.url}")
