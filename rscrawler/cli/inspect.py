"""Commands that show what is, or would be, stored: explain, export, schema; and prune."""

from __future__ import annotations

import json
import stat
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from rscrawler.cli.common import (
    ConfigOption,
    JsonOption,
    counted,
    opened_store,
    out,
    parse_day,
    print_json,
    read_config,
)
from rscrawler.cli.schemas import SchemaName, schema_of
from rscrawler.clock import utc_now
from rscrawler.config import parse_duration
from rscrawler.delivery.exporting import ExportFormat, export_records
from rscrawler.errors import ConfigurationError
from rscrawler.extensions.archive import prune_archive
from rscrawler.extraction.label import KEPT
from rscrawler.items import Evidence, fields_on_page
from rscrawler.probing.explaining import explain
from rscrawler.topics import known_topics

SHORTEST_MEMORY = timedelta(days=1)  # an update needs the text before, to say what changed

# So many features are shown of each flag, those that moved its score most.
_CONTRIBUTIONS = 10


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("explain")(explain_command)
    app.command("export")(export_command)
    app.command("prune")(prune_command)
    app.command("schema")(schema_command)


def explain_command(
    page: Annotated[str, typer.Argument(metavar="URL-or-FILE", help="A page, or a saved one.")],
    site: Annotated[str | None, typer.Option("--site", help="Whose profile reads it.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="The address of a saved page.")] = None,
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the record that a page would give, where each field came from, and why it is flagged."""
    _require_page(page)
    explanation = explain(read_config(config_path), page, site=site, url=url)
    if as_json:
        print_json(explanation.to_json())
        return
    article = explanation.article
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("field")
    table.add_column("value", overflow="fold")
    record = article.to_record()
    for name, value in record.items():
        if name not in {*fields_on_page(), "word_count"} - {"body"}:
            continue
        shown = Text(json.dumps(value, ensure_ascii=False) if value is not None else "(not there)")
        if origin := explanation.provenance.get(name):
            shown.append(f"  {origin}", style="dim")
        table.add_row(Text(name, style="bold"), shown)
    out.print(table)
    for warning in article.extraction.warnings:
        out.print(Text(f"warning: {warning}", style="yellow"))
    for flag in article.topics:
        countries = f" ({', '.join(flag.countries)})" if flag.countries else ""
        out.print(Text(f"\n{flag.topic}: {flag.level}, score {flag.score:.2f}{countries}", "bold"))
        for evidence in flag.evidence:
            out.print(_highlighted(evidence))
        for each in explanation.contributions.get(flag.topic, [])[:_CONTRIBUTIONS]:
            out.print(Text(f"  {each.share:+.2f}  {each.meaning} ({each.value:g})", style="dim"))
    if not article.topics:
        out.print(Text("\nflagged on no topic", style="bold"))
    out.print()
    for paragraph in article.paragraphs:
        out.print(Text(paragraph))
        out.print()
    for block in explanation.blocks:
        if block.label not in KEPT:
            rule = f" ({block.rule})" if block.rule else ""
            out.print(Text(f"left out as {block.label}{rule}: {block.text}", style="dim"))


def _require_page(page: str) -> None:
    """Refuse what is neither an address nor a file that is there."""
    if page.startswith(("http://", "https://")):
        return
    allowed = "allowed: an address (https://…) or the file of a saved page"
    try:
        is_folder = stat.S_ISDIR(Path(page).stat().st_mode)
    except OSError as error:
        raise ConfigurationError(f"{page}: {error.strerror}; {allowed}") from None
    if is_folder:
        raise ConfigurationError(f"{page}: is a folder; {allowed}")


def _highlighted(evidence: Evidence) -> Text:
    where = evidence.field if evidence.paragraph is None else f"paragraph {evidence.paragraph + 1}"
    line = Text(f"  {where}: ", style="dim")
    quote = Text(evidence.quote, style="default")
    quote.highlight_words([evidence.term], style="reverse")
    return line + quote + Text(f"  [{evidence.entity}]", style="dim")


def export_command(
    topic: Annotated[str | None, typer.Option("--topic", help="Flagged on this topic.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Recorded on this day or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Recorded on this day or before.")
    ] = None,
    export_format: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.JSONL,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Else standard output.")
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="CSV: cells as they are, though they be formulas.")
    ] = False,
    config_path: ConfigOption = None,
) -> None:
    """Write stored records."""
    config = read_config(config_path)
    known = known_topics(config) if topic else {}
    if topic and topic not in known:
        raise ConfigurationError(
            f"--topic: {topic!r} is not known; allowed: {', '.join(sorted(known))}"
        )
    with opened_store(config) as store:
        export_records(
            store,
            export_format,
            output,
            topic=topic,
            minimum=config.alerts.minimum,
            since=parse_day(since, "--since"),
            until=_behind(until),
            is_raw=raw,
        )


def _behind(until: str | None) -> datetime | None:
    """The first moment that `--until` leaves out: the end of that day, or the moment itself."""
    moment = parse_day(until, "--until")
    if moment is not None and until is not None and len(until) == len("2026-11-24"):
        return moment + timedelta(days=1)
    return moment


def prune_command(
    older_than: Annotated[
        str, typer.Option("--older-than", help="Forget text recorded longer ago, such as 365d.")
    ],
    config_path: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget old text in the database; never that a piece was seen. The JSONL stays.

    Archived pages go after `archive.keep_days`, if that is set.
    """
    try:
        age = parse_duration(older_than)
        if age < SHORTEST_MEMORY:
            raise ValueError('allowed: at least "1d"')
    except ValueError as error:
        raise ConfigurationError(f"--older-than: {older_than!r}: {error}") from None
    config, now = read_config(config_path), utc_now()
    with opened_store(config) as store:
        pruned = store.retention.prune(now - age)
    files = 0
    if config.archive.keep_days is not None:
        kept_since = now - timedelta(days=config.archive.keep_days)
        files = prune_archive(config.archive_folder, kept_since.date())
    if as_json:
        print_json({**asdict(pruned), "archive_files": files})
    else:
        out.print(
            f"forgotten: the text of {counted(pruned.versions, 'version')}, "
            f"{counted(pruned.messages, 'message')}, {counted(pruned.runs, 'run')}, "
            f"{counted(files, 'file')} of the archive"
        )


def schema_command(
    name: Annotated[SchemaName, typer.Argument()] = SchemaName.ARTICLE,
) -> None:
    """Print a JSON Schema."""
    print_json(schema_of(name))
