"""Commands over the stored records: export, prune, schema."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from rscrawler.cli.common import counted, out, print_json
from rscrawler.cli.inputs import (
    ConfigOption,
    JsonOption,
    SinceOption,
    UntilOption,
    opened_store,
)
from rscrawler.cli.progress import progress, tracked
from rscrawler.cli.schemas import SchemaName, schema_of
from rscrawler.clock import utc_now
from rscrawler.config import parse_duration
from rscrawler.delivery.exporting import ExportFormat, export_records
from rscrawler.errors import ConfigurationError
from rscrawler.extensions.archive import prune_archive
from rscrawler.topics import known_topics

SHORTEST_MEMORY = timedelta(days=1)  # an update needs the text before, to say what changed


def export_command(
    config: ConfigOption,
    topic: Annotated[str | None, Option("--topic", help="Flagged on this topic.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    export_format: Annotated[
        ExportFormat, Option("--format", help="Parquet needs -o and rscrawler[parquet].")
    ] = ExportFormat.JSONL,
    output: Annotated[Path | None, Option("-o", "--output", help="Else standard output.")] = None,
    raw: Annotated[
        bool, Option("--raw", help="CSV: cells as they are, though they be formulas.")
    ] = False,
) -> None:
    """Write stored records."""
    known = known_topics(config) if topic else {}
    if topic and topic not in known:
        raise ConfigurationError(
            f"--topic: {topic!r} is not known; allowed: {', '.join(sorted(known))}"
        )
    with opened_store(config) as store:
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
        out.print(f"wrote {counted(written, 'record')} to {output}")


def prune_command(
    config: ConfigOption,
    older_than: Annotated[str, Option(help="Forget text recorded longer ago, such as 365d.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be forgotten.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Forget old text in the database; never that an article was seen. The JSONL stays.

    Archived pages go after `archive.keep_days`, if that is set.
    """
    try:
        age = parse_duration(older_than)
        if age < SHORTEST_MEMORY:
            raise ValueError('allowed: at least "1d"')
    except ValueError as error:
        raise ConfigurationError(f"--older-than: {older_than!r}: {error}") from None
    now = utc_now()
    with opened_store(config) as store, progress() as bars:
        pruned = store.retention.outlook(now - age)
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
        out.print(
            f"{'would forget' if dry_run else 'forgotten'}: "
            f"the text of {counted(pruned.versions, 'version')}, "
            f"{counted(pruned.messages, 'message')}, {counted(pruned.runs, 'run')}, "
            f"{counted(files, 'file')} of the archive"
        )


def schema_command(
    name: Annotated[SchemaName, Argument(help="Of what.")] = SchemaName.ARTICLE,
) -> None:
    """Print a JSON Schema."""
    print_json(schema_of(name))
