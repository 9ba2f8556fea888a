"""Commands on stored data: export, prune, migrate-store, identity; and the JSON Schemas."""

from contextlib import nullcontext
from dataclasses import asdict, astuple
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel
from typer import Argument, Option

from rscrawler.cli.inputs import (
    ConfigOption,
    ConfigPath,
    JsonOption,
    SinceOption,
    UntilOption,
    opened_store,
    usable,
)
from rscrawler.cli.output import counted, print_json, print_table, progress, say, tracked
from rscrawler.clock import utc_now
from rscrawler.config import find_config, load_config
from rscrawler.config.models import Config, parse_duration
from rscrawler.delivery.records import ExportFormat, export_records
from rscrawler.delivery.wording import one_line
from rscrawler.errors import ConfigurationError
from rscrawler.extensions.archive import prune_archive
from rscrawler.items import record_schema, rfc3339
from rscrawler.maintenance.regrouping import regrouped
from rscrawler.schedules import ScheduleFile
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store.transfer import migrate_store
from rscrawler.topics import WatchList, load_watchlist

SHORTEST_MEMORY = timedelta(days=1)  # an update needs the previous text, to say what changed
identity_app = typer.Typer()


def export_command(
    config: ConfigOption,
    topic: Annotated[str | None, Option("--topic", help="Only records flagged on it.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    export_format: Annotated[
        ExportFormat, Option("--format", help="Parquet needs -o and rscrawler[parquet].")
    ] = "jsonl",
    output: Annotated[
        Path | None, Option("-o", "--output", help="The file; default, or -: standard output.")
    ] = None,
    raw: Annotated[
        bool, Option("--raw", help="CSV: do not escape cells that look like formulas.")
    ] = False,
) -> None:
    """Export stored records as JSONL, CSV or Parquet."""
    if topic is not None:
        load_watchlist(topic, config)
    if since and until and since >= until:
        raise ConfigurationError(
            f"--since, {rfc3339(since)}, is not before the end of --until, {rfc3339(until)}"
        )
    output = None if output == Path("-") else output
    if output is None and export_format == "parquet":
        raise ConfigurationError("--format parquet: needs a file; name one with -o FILE")
    writable = usable(output, to_be="written") if output else nullcontext()
    with opened_store(config, must_exist=True) as store, writable:
        total = store.articles.count_records(since=since, until=until)
        written = export_records(
            tracked(store.articles.records(since=since, until=until), total, "records"),
            export_format,
            output,
            topic=topic,
            minimum=config.alerts.minimum,
            is_raw=raw,
        )
    if output is not None:
        say(f"wrote {counted(written, 'record')} to {output}")


def prune_command(
    config: ConfigOption,
    older_than: Annotated[str, Option(help="Delete text recorded longer ago, such as 365d.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would be deleted.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete old text from the database; articles stay known, and the JSONL stays.

    Archived pages older than `archive.keep_days` are deleted, too, if that is set.
    """
    try:
        age = parse_duration(older_than)
        if age < SHORTEST_MEMORY:
            raise ValueError('allowed: at least "1d"')
    except ValueError as error:
        raise ConfigurationError(f"--older-than: {older_than!r}: {error}") from None
    now = utc_now()
    with opened_store(config) as store, progress() as bars:
        pruned = store.retention.preview(now - age)
        if not dry_run:
            task = bars.add_task("", total=pruned.versions, unit="versions")
            pruned = store.retention.prune(
                now - age, on_versions=lambda done: bars.update(task, completed=done)
            )
    files = 0
    if config.archive.keep_days is not None:
        kept_since = now - timedelta(days=config.archive.keep_days)
        files = prune_archive(config.archive_folder, kept_since.date(), is_dry=dry_run)
    if as_json:
        print_json({**asdict(pruned), "archive_files": files, "dry_run": dry_run})
    else:
        say(
            f"{'would be deleted' if dry_run else 'deleted'}: "
            f"the text of {counted(pruned.versions, 'version')}, "
            f"{counted(pruned.messages, 'message')}, {counted(pruned.runs, 'run')}, "
            f"{counted(files, 'file')} of the archive"
        )


def migrate_store_command(
    from_url: Annotated[
        str, Argument(metavar="FROM_URL", help="The source: sqlite:///… or postgresql+psycopg://…")
    ],
    to_url: Annotated[
        str | None,
        Argument(metavar="TO_URL", help="An empty database; default: the configured database_url."),
    ] = None,
    config_path: ConfigPath = None,
    as_json: JsonOption = False,
) -> None:
    """Copy a whole database into an empty one, and compare the two."""
    target = load_config(find_config(config_path)).database if to_url is None else to_url
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
    print_table(("table", "rows", "digest"), *(astuple(table) for table in copied))
    say(f"{sum(table.rows for table in copied):,} rows are the same in both databases")


@identity_app.command("check")
def check_command(
    config: ConfigOption, since: SinceOption = None, as_json: JsonOption = False
) -> None:
    """Show the stored articles that today's rules would group differently; change nothing."""
    with opened_store(config, must_exist=True) as store:
        articles = store.articles.latest_articles(since=since)
        shown = tracked(articles, store.articles.count_latest(since=since), "articles")
        result = regrouped(store, load_sites(config), shown)
    if as_json:
        print_json(asdict(result))
        return
    changes = len(result.changes)
    say(f"{counted(result.total, 'stored article')}, {changes} would be decided differently")
    if result.skipped:
        say(f"{result.skipped} more cannot be compared: their text was deleted by prune")
    for change in result.changes:
        say(f"  {change}  {one_line(change.title)}  {change.url}")


SchemaName = Literal["article", "config", "site", "topic", "schedule"]
_MODELS: dict[SchemaName, type[BaseModel]] = {
    "config": Config,
    "site": SiteProfile,
    "topic": WatchList,
    "schedule": ScheduleFile,
}


def schema_of(name: SchemaName) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file or record."""
    schema = record_schema() if name == "article" else _MODELS[name].model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_command(
    name: Annotated[SchemaName, Argument(help="What it describes.")] = "article",
) -> None:
    """Print the JSON Schema of records, or of a kind of file."""
    print_json(schema_of(name))
