"""Stored records, written out as JSONL, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from rscrawler.errors import ConfigurationError, MissingExtra, OutputError
from rscrawler.items import Level, columns

_PARQUET_BATCH = 1_000


class ExportFormat(StrEnum):
    """What `export` can write."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


def export_records(
    records: Iterable[dict[str, Any]],
    export_format: ExportFormat,
    output: Path | None,
    *,
    topic: str | None = None,
    minimum: Level = Level.SUBSTANTIAL,
    is_raw: bool = False,
) -> int:
    """Write records to a file, or to standard output; gives their number.

    With `topic`, only those whose level on it reaches `minimum`. `is_raw`: CSV cells are not
    made harmless for spreadsheets.

    Raises:
        ConfigurationError: the format cannot be written as asked.
        OutputError: the file cannot be written.
    """
    written = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal written
        for record in records:
            if topic is None or _reaches(record, topic, minimum):
                written += 1
                yield record

    try:
        if export_format is ExportFormat.PARQUET:
            _write_parquet(counted(), output)
        else:
            with _opened(output) as stream:
                if export_format is ExportFormat.JSONL:
                    stream.writelines(jsonl_lines(counted()))
                else:
                    stream.writelines(csv_lines(counted(), is_raw=is_raw))
    except OSError as error:
        if output is None or isinstance(error, BrokenPipeError):
            raise  # of standard output the command line tells
        raise OutputError(f"{output}: cannot be written: {error.strerror or error}") from error
    return written


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
    writer = csv.DictWriter(buffer, [column.name for _, column in columns()], lineterminator="\n")
    writer.writeheader()
    for record in records:
        yield _taken(buffer)
        writer.writerow(csv_cells(record, is_raw=is_raw))
    yield _taken(buffer)


def csv_cells(record: dict[str, Any], *, is_raw: bool = False) -> dict[str, Any]:
    """A record as the cells of one row, by column."""
    cells = {
        name: "; ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in _row(record).items()
    }
    return cells if is_raw else {name: defused(cell) for name, cell in cells.items()}


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
        raise MissingExtra("--format parquet", "pyarrow", "parquet") from None
    types = {
        str: pyarrow.string(),
        int: pyarrow.int64(),
        list: pyarrow.list_(pyarrow.string()),
    }
    schema = pyarrow.schema([(column.name, types[column.type]) for _, column in columns()])
    with pyarrow.parquet.ParquetWriter(output, schema) as writer:
        batch: list[dict[str, Any]] = []
        for record in records:
            batch.append(_row(record))
            if len(batch) == _PARQUET_BATCH:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
                batch.clear()
        writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """The cells of a record, by column; what an older record does not have is empty."""
    cells: dict[str, Any] = {}
    for name, column in columns():
        value = record.get(name)
        if value is not None:
            cells[column.name] = column.value(value)
        else:
            cells[column.name] = [] if column.type is list else None
    return cells
