"""Reads records from the JSONL, and exports them as JSONL, CSV or Parquet."""

import csv
import gzip
import json
import logging
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from rscrawler.errors import MissingExtra, RscrawlerError
from rscrawler.items import Article, Level, columns

logger = logging.getLogger(__name__)

_PARQUET_BATCH = 1_000
COMPRESSED = ".gz"  # suffix of a file that the user has compressed
# JSON allows these in strings, but some readers split lines at them.
_LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}

# Of a formula in a spreadsheet; full-width ones in Japanese and Chinese versions (OWASP).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


class RecordError(RscrawlerError, ValueError):
    """A line is not a record; the message names file and line."""


def read_records(where: str | PathLike[str]) -> Iterator[Article]:
    """Each record of a JSONL file or of a folder of JSONL files, oldest first.

    `where` is a file (`….jsonl`, or compressed, `….jsonl.gz`), a folder of such files, or an
    output folder, whose `articles` are read. A line that is still being written is left out.

    Raises:
        FileNotFoundError: `where` does not exist.
        RecordError: a line is not a record.
    """
    path = Path(where)
    if not path.exists():
        raise FileNotFoundError(f"{path}: is not there")
    articles = path / "articles"
    return _records(day_files(articles if articles.is_dir() else path) if path.is_dir() else [path])


def _records(files: list[Path]) -> Iterator[Article]:
    for file in files:
        for number, line in enumerate(day_lines(file), start=1):
            if not line.endswith(b"\n"):
                break  # the last line of its file; further files may follow
            try:
                article = Article.from_json(line)
            except ValueError as error:
                raise RecordError(f"{file}: line {number}: is not a record: {error!r}") from error
            yield article


def day_files(folder: Path) -> list[Path]:
    """The files of a folder in the order of days; of one day, the compressed file first."""
    files = [*folder.glob("*.jsonl"), *folder.glob(f"*.jsonl{COMPRESSED}")]
    return sorted(files, key=lambda path: (path.name[:10], path.suffix != COMPRESSED, path.name))


def day_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, compressed or not; a damaged file gives those before the damage."""
    with gzip.open(path) if path.suffix == COMPRESSED else path.open("rb") as lines:
        try:
            yield from lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            logger.warning("%s: the rest of it cannot be read: %s", path, error)


def line_of(record: str) -> bytes:
    """A record's JSON text as a line, with its line feed."""
    for character, escape in _LINE_BREAKS.items():  # `str.translate` is many times slower
        record = record.replace(character, escape)
    # UTF-8 cannot encode a lone surrogate; this writes its JSON escape.
    return record.encode("utf-8", "backslashreplace") + b"\n"


# Export.


ExportFormat = Literal["jsonl", "csv", "parquet"]


def export_records(
    records: Iterable[dict[str, Any]],
    export_format: ExportFormat,
    output: Path | None,
    *,
    topic: str | None = None,
    minimum: Level = Level.SUBSTANTIAL,
    is_raw: bool = False,
) -> int:
    """Write records to a file, or (not as Parquet) to standard output; returns how many.

    With `topic`, only those whose level on it reaches `minimum`. With `is_raw`, CSV cells that a
    spreadsheet would read as formulas are left as they are.

    Raises:
        MissingExtra: Parquet without `pyarrow`.
    """
    chosen = (each for each in records if topic is None or _reaches(each, topic, minimum))
    if export_format == "parquet":
        assert output is not None
        return _write_parquet(chosen, output)
    is_csv = export_format == "csv"
    lines = csv_lines(chosen, is_raw=is_raw) if is_csv else jsonl_lines(chosen)
    sys.stdout.flush()
    with output.open("wb") if output else nullcontext(sys.stdout.buffer) as stream:
        written = sum(1 for line in lines if stream.write(line))
    return written - is_csv  # the first line of CSV has the names of the columns


def _reaches(record: dict[str, Any], topic: str, minimum: Level) -> bool:
    return any(
        flag["topic"] == topic and Level(flag["level"]).reaches(minimum)
        for flag in record["topics"]
    )


def jsonl_lines(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """The records as lines of JSONL."""
    return (line_of(json.dumps(record, ensure_ascii=False)) for record in records)


class _Line:
    """A file whose `write` returns the bytes, so that `csv` returns the lines that it writes."""

    def write(self, text: str) -> bytes:
        return text.encode()


def csv_lines(records: Iterable[dict[str, Any]], *, is_raw: bool = False) -> Iterator[bytes]:
    """The records as lines of CSV, after a line with the names of the columns.

    With `is_raw`, cells that a spreadsheet would read as formulas are left as they are.
    """
    names = [column.name for _, column in columns()]
    writer = csv.DictWriter(_Line(), names, lineterminator="\n")
    yield writer.writeheader()
    for record in records:
        yield writer.writerow(csv_cells(record, is_raw=is_raw))


def csv_cells(record: dict[str, Any], *, is_raw: bool = False) -> dict[str, Any]:
    """A record as the cells of one row, by column; what may be a formula gets an apostrophe."""
    cells = _row(record)
    for name, cell in cells.items():
        if isinstance(cell, list):
            cell = cells[name] = "; ".join(map(str, cell))
        if not is_raw and isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
            cells[name] = f"'{cell}"
    return cells


def _write_parquet(records: Iterable[dict[str, Any]], output: Path) -> int:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("--format parquet", "pyarrow", "parquet") from None
    types = {str: pyarrow.string(), int: pyarrow.int64(), list: pyarrow.list_(pyarrow.string())}
    schema = pyarrow.schema([(column.name, types[column.type]) for _, column in columns()])
    rows, written = map(_row, records), 0
    with output.open("wb") as stream, pyarrow.parquet.ParquetWriter(stream, schema) as writer:
        while batch := list(islice(rows, _PARQUET_BATCH)):
            writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
            written += len(batch)
    return written


def _row(record: dict[str, Any]) -> dict[str, Any]:
    """The cells of a record, by column; fields that an older record lacks are empty."""
    cells: dict[str, Any] = {}
    for name, column in columns():
        value = record.get(name)
        unknown: Any = [] if column.type is list else None
        cells[column.name] = unknown if value is None else _encodable(column.value(value))
    return cells


def _encodable(cell: Any) -> Any:
    """A cell with lone surrogates, which UTF-8 cannot encode, as escapes."""
    if isinstance(cell, list):
        return [_encodable(each) for each in cell]
    return cell.encode("utf-8", "backslashreplace").decode() if isinstance(cell, str) else cell
