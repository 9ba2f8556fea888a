"""Records, read back from the JSONL: `rscrawler.read_records`."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from rscrawler.errors import RscrawlerError
from rscrawler.items import Article

logger = logging.getLogger(__name__)

COMPRESSED = ".gz"  # behind the name of a file that the user has compressed


class RecordError(RscrawlerError, ValueError):
    """A line is no record of ours; the text names file and line."""


def read_records(where: str | PathLike[str]) -> Iterator[Article]:
    """Each record of a JSONL file, or of a folder of such, oldest first.

    `where` is a file (`….jsonl`, or compressed, `….jsonl.gz`), a folder of such files, or an
    output folder: then its `articles`. A line that is still being written is left out.

    Raises:
        FileNotFoundError: it is not there.
        RecordError: a line is no record.
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
                break  # the last of its file; there may be further ones
            try:
                article = Article.from_record(json.loads(line))
            except ValueError as error:
                raise RecordError(f"{file}: line {number}: is no record: {error!r}") from error
            yield article


def day_files(folder: Path) -> list[Path]:
    """The files of all days in their order, of each day what was compressed first."""
    files = [*folder.glob("*.jsonl"), *folder.glob(f"*.jsonl{COMPRESSED}")]
    return sorted(files, key=lambda path: (path.name[:10], path.suffix != COMPRESSED, path.name))


def day_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, compressed or not; of a damaged one, what can be read."""
    with gzip.open(path) if path.suffix == COMPRESSED else path.open("rb") as lines:
        try:
            yield from lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            logger.warning("%s: the rest of it cannot be read: %s", path, error)
