"""Stored records, written out as JSONL, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from rscrawler.errors import ConfigurationError, OutputError
from rscrawler.items import Level
from rscrawler.store import Store

_PARQUET_BATCH = 1_000


class ExportFormat(StrEnum):
    """What `export` can write."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


# A table has no lists of objects: these columns hold what a spreadsheet can use.
_COLUMNS = (
    "record_id", "event", "novelty", "article_id", "version", "site", "url", "aliases", "title",
    "subtitle", "authors", "sections", "tags", "language", "published_at", "modified_at",
    "first_seen_at", "fetched_at", "word_count", "image_url", "image_caption", "image_credit",
    "republished_from", "duplicate_of", "topics", "countries", "body",
    "found_in", "changed_fields", "words_added", "words_removed", "extraction_method",
    "extraction_warnings", "follows",
)  # fmt: skip
_LISTS = frozenset({
    "aliases", "authors", "sections", "tags", "topics", "countries", "found_in", "changed_fields",
    "extraction_warnings",
})  # fmt: skip
_NUMBERS = frozenset({"version", "word_count", "words_added", "words_removed"})


def export_records(
    store: Store,
    export_format: ExportFormat,
    output: Path | None,
    *,
    topic: str | None = None,
    minimum: Level = Level.SUBSTANTIAL,
    since: datetime | None = None,
    until: datetime | None = None,
    is_raw: bool = False,
) -> None:
    """Write the records recorded from `since` (inclusive) to `until` (exclusive).

    With `topic`, only those whose level on it reaches `minimum`. `is_raw`: CSV cells are not
    made harmless for spreadsheets.

    Raises:
        ConfigurationError: the format cannot be written as asked.
        OutputError: the file cannot be written.
    """
    records = (
        record
        for record in store.articles.records(since=since, until=until)
        if topic is None or _reaches(record, topic, minimum)
    )
    try:
        if export_format is ExportFormat.PARQUET:
            _write_parquet(records, output)
        else:
            with _opened(output) as stream:
                if export_format is ExportFormat.JSONL:
                    stream.writelines(jsonl_lines(records))
                else:
                    stream.writelines(csv_lines(records, is_raw=is_raw))
    except OSError as error:
        if output is None or isinstance(error, BrokenPipeError):
            raise  # of standard output the command line tells
        raise OutputError(f"{output}: cannot be written: {error.strerror or error}") from error


def _reaches(record: dict[str, Any], topic: str, minimum: Level) -> bool:
    return any(
        flag["topic"] == topic and Level(flag["level"]).reaches(minimum)
        for flag in record["topics"]
    )


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    with output.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def jsonl_lines(records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The records as lines of JSONL."""
    return (json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def defused(cell: Any) -> Any:
    """A cell of which no spreadsheet makes a formula: an apostrophe before what could begin one."""
    is_formula = isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if is_formula else cell


def csv_lines(records: Iterable[dict[str, Any]], *, is_raw: bool = False) -> Iterator[str]:
    """The records as lines of CSV, behind a line with the names of the columns.

    `is_raw`: cells are not made harmless for spreadsheets.
    """
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for record in records:
        yield _taken(buffer)
        cells = {
            name: "; ".join(map(str, value)) if isinstance(value, list) else value
            for name, value in _row(record).items()
        }
        writer.writerow(cells if is_raw else {name: defused(cell) for name, cell in cells.items()})
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    """What was written to the buffer, which is empty then."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _write_parquet(records: Iterable[dict[str, Any]], output: Path | None) -> None:
    if output is None:
        raise ConfigurationError("--format parquet: needs a file; name one with -o FILE")
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigurationError(
            "--format parquet: needs pyarrow; install rscrawler[parquet]"
        ) from None
    text, texts = pyarrow.string(), pyarrow.list_(pyarrow.string())
    schema = pyarrow.schema(
        [
            (
                name,
                texts if name in _LISTS else pyarrow.int64() if name in _NUMBERS else text,
            )
            for name in _COLUMNS
        ]
    )
    with pyarrow.parquet.ParquetWriter(output, schema) as writer:
        batch: list[dict[str, Any]] = []
        for record in records:
            batch.append(_row(record))
            if len(batch) == _PARQUET_BATCH:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
                batch.clear()
        writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    image, change = record["image"] or {}, record.get("change") or {}
    countries = (country for flag in record["topics"] for country in flag["countries"])
    values = {
        **record,
        "image_url": image.get("url"),
        "image_caption": image.get("caption"),
        "image_credit": image.get("credit"),
        "topics": [f"{flag['topic']}:{flag['level']}" for flag in record["topics"]],
        "countries": list(dict.fromkeys(countries)),
        "found_in": record.get("found_in", []),
        "follows": record.get("follows"),
        "changed_fields": change.get("fields", []),
        "words_added": change.get("words_added"),
        "words_removed": change.get("words_removed"),
        "extraction_method": record["extraction"]["method"],
        "extraction_warnings": record["extraction"]["warnings"],
    }
    return {name: values[name] for name in _COLUMNS}
