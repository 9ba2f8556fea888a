"""The JSONL files: every line once, whole, whatever crashes.

Lines are appended and flushed to the disk, then one transaction marks their rows as
done and remembers how far the file is whole. A crash in between leaves lines behind
that point: on the next start they are read again, what is whole is marked as done
and what is torn is cut off. One process writes at a time: on one machine by a lock file,
on several by a lease. The rows tell a second one, if ever there is one, that it came late.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path

from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.alert import Interest
from rscrawler.delivery.channel import FileChannel
from rscrawler.delivery.records import COMPRESSED, day_lines
from rscrawler.errors import OutputError
from rscrawler.store import Store
from rscrawler.store.leases import process_identity
from rscrawler.store.outbox import JSONL_CHANNELS, LineStore, OutboxRow

logger = logging.getLogger(__name__)

LINES_PER_BATCH = 500
LOCK_NAME = ".jsonl.lock"
WRITER = "writer"  # the lease
LOCK_TIMEOUT_SECONDS = 120.0
_LOCK_POLL_SECONDS = 0.02
# Not line feeds in JSON, but some readers divide lines at them.
_LINE_BREAKS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Jsonl(FileChannel):
    """A line for each recorded version, and for each that is flagged."""

    config: Config
    name = "jsonl"

    def write(self, store: Store, interest: Interest, now: datetime) -> int:
        """Write every pending line."""
        return deliver_jsonl(self.config, store, now.astimezone(UTC).date())


def configured(config: Config) -> Iterator[Jsonl]:
    """The files under `output_dir`."""
    yield Jsonl(config)


def deliver_jsonl(config: Config, store: Store, today: date | None = None) -> int:
    """Write every pending line, and again what somebody cut off a file of today (UTC).

    Gives the number of lines.

    Raises:
        OutputError: the folder cannot be written. Nothing is lost: the lines stay pending.
    """
    folder = config.output_dir
    written = 0
    cut = _cut_files(folder, today or utc_now().date(), store.lines)
    if not cut and not store.lines.pending_lines(1):
        return written
    with output_errors(folder), only_holder(folder / LOCK_NAME), only_writing_machine(store):
        for file in cut:
            _bring_into_line(folder, file, store.lines)
        while rows := store.lines.pending_lines(LINES_PER_BATCH):
            _acquire(store)  # again, so that a long delivery keeps it
            for file, lines in groupby(sorted(rows, key=file_of), key=file_of):
                written += _append(folder, file, list(lines), store.lines)
    return written


def _cut_files(folder: Path, day: date, store: LineStore) -> list[str]:
    """The files of a day that are shorter than they were, or gone."""
    return [
        file
        for file in (_file(channel, day) for channel in JSONL_CHANNELS)
        if _size(folder / file) < (store.committed_bytes(file) or 0)
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # gone; what else it may be is said when it is opened


def _bring_into_line(folder: Path, file: str, store: LineStore) -> None:
    """Make the rows pending whose lines a file lacks."""
    descriptor = _opened(folder / file)
    try:
        _whole_bytes(descriptor, folder, file, store)
    finally:
        os.close(descriptor)


def _file(channel: str, day: date) -> str:
    return f"{channel}/{day:%Y-%m-%d}.jsonl"


def file_of(row: OutboxRow) -> str:
    """The file of a row, relative to the output folder."""
    return _file(row.channel, row.recorded_at)


def line_of(record: str) -> bytes:
    """The line of a record's JSON text, with its line feed."""
    for character, escape in _LINE_BREAKS.items():  # `str.translate` takes many times as long
        record = record.replace(character, escape)
    # A lone surrogate has no UTF-8; its escape is what JSON writes for it.
    return record.encode("utf-8", "backslashreplace") + b"\n"


def _append(folder: Path, file: str, rows: Sequence[OutboxRow], store: LineStore) -> int:
    """Append the lines of one file; gives how many were written or found written.

    Nothing is written, and 0 given, when the file had first to be brought into line
    with the rows: they may have changed.
    """
    path = folder / file
    descriptor = _opened(path)
    try:
        end = _whole_bytes(descriptor, folder, file, store)
        if end is None:
            return 0
        data = b"".join(line_of(row.record) for row in rows)
        try:
            _write(descriptor, data, end)
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, end)
            raise OutputError(
                f"{path}: cannot be written: {error.strerror}; nothing is lost, "
                "`rscrawler deliver` goes on once that is mended"
            ) from error
        if not store.commit_lines(file, [row.number for row in rows], end + len(data)):
            raise OutputError(
                f"{path}: another process wrote the same records; "
                "let one machine alone write the output folder"
            )
        return len(rows)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes, start: int) -> None:
    rest = memoryview(data)
    position = start
    while rest:
        written = os.pwrite(descriptor, rest, position)
        rest, position = rest[written:], position + written


def _opened(path: Path) -> int:
    """The file, for reading and writing; a new one is durable in its folder."""
    is_new = not path.exists()
    if is_new:
        path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    if is_new:
        sync_folder(path.parent)
    return descriptor


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Put a file in the place of another at one stroke; False if it is the same already."""
    if path.exists() and path.read_bytes() == content:
        return False
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    sync_folder(path.parent)
    return True


# What a file holds against what is known of it.


def _whole_bytes(descriptor: int, folder: Path, file: str, store: LineStore) -> int | None:
    """Where the next line goes; None when rows changed state to match the file."""
    channel = file.partition("/")[0]
    size = os.fstat(descriptor).st_size
    committed = store.committed_bytes(file)
    if _ends_line(descriptor, committed or 0):
        if size == (committed or 0):
            return size
        if committed is not None and size > committed:
            return _take_up_tail(descriptor, file, channel, committed, store)
    # The database knows nothing of the file, or somebody has cut, lengthened or deleted
    # the file: what it holds is kept, what it lacks is written again.
    present, end = _lines(descriptor, 0, is_strict=False)
    os.ftruncate(descriptor, end)
    os.fsync(descriptor)
    store.match_file(file, channel, _compressed_lines(folder / file) | present, end)
    return None


def _ends_line(descriptor: int, position: int) -> bool:
    """Whether a line may begin at a position; not where somebody has moved the lines."""
    return position == 0 or os.pread(descriptor, 1, position - 1) == b"\n"


def _take_up_tail(
    descriptor: int, file: str, channel: str, committed: int, store: LineStore
) -> int | None:
    """Keep the whole lines that a crash left behind the committed end, cut off the rest."""
    present, end = _lines(descriptor, committed, is_strict=True)
    os.ftruncate(descriptor, end)
    os.fsync(descriptor)
    numbers = store.pending_numbers(channel, present)
    if end > committed:
        store.commit_lines(file, numbers, end)
    return None if numbers else end


def _lines(descriptor: int, start: int, *, is_strict: bool) -> tuple[set[str], int]:
    """The ids of the records in a file from `start` on, and the whole end.

    An unterminated last line does not count. If `is_strict`, neither does anything from
    the first line on that is not a record.
    """
    present: set[str] = set()
    end = start
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(start)
        for line in stream:
            record_id = _record_id(line)
            if not line.endswith(b"\n") or (is_strict and record_id is None):
                break
            if record_id is not None:
                present.add(record_id)
            end += len(line)
    return present, end


def _compressed_lines(path: Path) -> set[str]:
    """The ids of the records in a compressed file beside another."""
    packed = path.with_name(path.name + COMPRESSED)
    lines = day_lines(packed) if packed.exists() else ()
    return {record_id for line in lines if (record_id := _record_id(line))}


def _record_id(line: bytes) -> str | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    found = record.get("record_id") if isinstance(record, dict) else None
    return found if isinstance(found, str) else None


# One writer.


@contextmanager
def only_holder(lock: Path) -> Iterator[None]:
    """Wait until no other process of this machine holds the file."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise OutputError(
                    f"{lock}: another process has held it for "
                    f"{LOCK_TIMEOUT_SECONDS:g} s; nothing is lost"
                )
            time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def only_writing_machine(store: Store) -> Iterator[None]:
    """Wait until no other process that shares the store writes lines, on any machine."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while not store.leases.acquire(WRITER, process_identity(), utc_now()):
        if time.monotonic() > deadline:
            raise OutputError(_taken(store))
        time.sleep(_LOCK_POLL_SECONDS)
    try:
        yield
    finally:
        store.leases.release(WRITER, process_identity())


def _acquire(store: Store) -> None:
    if not store.leases.acquire(WRITER, process_identity(), utc_now()):
        raise OutputError(_taken(store))


def _taken(store: Store) -> str:
    return f"{store.leases.holder(WRITER)} writes the output; nothing is lost"


@contextmanager
def output_errors(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into one line that says what to mend."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; nothing is lost, "
            "`rscrawler deliver` goes on once that is mended"
        ) from error
