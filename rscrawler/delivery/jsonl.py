"""The JSONL files: every line is written exactly once and whole, whatever crashes.

Lines are appended and flushed to disk, then one transaction marks their rows as done and stores
the committed size of the file. A crash in between leaves lines after the committed end. The next
write to the file reads them, marks the rows of whole lines as done, and removes a torn line. One
process writes at a time: a lock file decides on one machine, a lease across machines. If a second
process writes all the same, it finds the rows done and fails.
"""

import errno
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date
from itertools import groupby
from pathlib import Path

from rscrawler.clock import utc_now
from rscrawler.config import Config
from rscrawler.delivery.records import COMPRESSED, day_lines, line_of
from rscrawler.errors import OutputError
from rscrawler.store import Store
from rscrawler.store.leases import in_words, process_identity
from rscrawler.store.outbox import OutboxRow, OutboxStore
from rscrawler.store.tables import JSONL_CHANNELS

LINES_PER_BATCH = 500
WRITER = "writer"  # name of the lease
LOCK_TIMEOUT_SECONDS = 120.0
_LOCK_NAME = ".jsonl.lock"
_LOCK_POLL_SECONDS = 0.02
_LEASE_POLL_SECONDS = 1.0  # each poll is a transaction of the database


def deliver_jsonl(config: Config, store: Store, today: date | None = None) -> int:
    """Write every pending line, and restore lines that somebody removed from a file of today (UTC).

    Each recorded version has a line in `articles`, a flagged one another in `flagged`.
    Returns the number of lines written.

    Raises:
        OutputError: the folder cannot be written. Nothing is lost: the lines stay pending.
    """
    folder, outbox, written = config.output_dir, store.outbox, 0
    of_today = [_name(channel, today or utc_now().date()) for channel in JSONL_CHANNELS]
    shortened = [
        name for name in of_today if _size(folder / name) < (outbox.committed_bytes(name) or 0)
    ]
    if not shortened and not outbox.pending_line_count():
        return 0
    with output_errors(folder), output_lock(folder), _writer_lease(store):
        for name in shortened:
            with closing(_LineFile(folder, name, outbox)) as file:
                file.reconcile()
        while rows := outbox.pending_lines(LINES_PER_BATCH):
            _acquire(store, 0)  # renewed, so that a long delivery keeps it
            for name, of_file in groupby(sorted(rows, key=_file_of), key=_file_of):
                with closing(_LineFile(folder, name, outbox)) as file:
                    written += file.append(list(of_file))
    return written


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # missing; any other error is raised when the file is opened


def _name(channel: str, day: date) -> str:
    """The path of a file, relative to the output folder."""
    return f"{channel}/{day:%Y-%m-%d}.jsonl"


def _file_of(row: OutboxRow) -> str:
    return _name(row.channel, row.recorded_at)


class _LineFile:
    """An open JSONL file and its state in the database; a new file's name is synced to disk."""

    def __init__(self, folder: Path, name: str, store: OutboxStore) -> None:
        self._path, self._name, self._store = folder / name, name, store
        is_new = not self._path.exists()
        if is_new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        if is_new:
            _sync_folder(self._path.parent)

    def close(self) -> None:
        os.close(self._descriptor)

    def append(self, rows: Sequence[OutboxRow]) -> int:
        """Append the lines of rows; returns how many were written.

        If file and rows had to be reconciled, nothing is written (0): the caller must read the
        rows again.
        """
        if self.reconcile():
            return 0
        end = os.fstat(self._descriptor).st_size
        data = b"".join(line_of(row.record) for row in rows)
        with output_errors(self._path):
            try:
                self._write(data, end)
                os.fsync(self._descriptor)
            except OSError:
                os.ftruncate(self._descriptor, end)
                raise
        if not self._store.commit_lines(self._name, [row.number for row in rows], end + len(data)):
            raise OutputError(
                f"{self._path}: another process wrote the same records; "
                "only one machine may write the output folder"
            )
        return len(rows)

    def _write(self, data: bytes, position: int) -> None:
        # Detect a full disk before the file grows: when a file is cut, `tail -F` rereads all of it.
        with tempfile.TemporaryFile(dir=self._path.parent) as trial:
            trial.write(data)
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._descriptor, rest, position)
            rest, position = rest[written:], position + written

    def reconcile(self) -> bool:
        """Make file and rows agree; False if they do already, as they should."""
        size = os.fstat(self._descriptor).st_size
        committed = self._store.committed_bytes(self._name) or 0
        # False after an edit that moved the lines.
        is_in_place = committed == 0 or os.pread(self._descriptor, 1, committed - 1) == b"\n"
        if is_in_place and size == committed:
            return False
        # A crash left lines after the committed end; or somebody cut, extended or deleted the
        # file; or the database does not know it. Lines in the file are kept, missing ones become
        # pending again.
        is_of_crash = is_in_place and 0 < committed < size
        present, end = self._whole_lines(strict_from=committed if is_of_crash else size)
        packed = self._path.with_name(self._path.name + COMPRESSED)
        lines = day_lines(packed) if packed.exists() else ()
        present |= {record_id for line in lines if (record_id := _record_id(line))}
        self._store.match_file(self._name, self._name.partition("/")[0], present, end)
        return True

    def _whole_lines(self, strict_from: int) -> tuple[set[str], int]:
        """Cut the file after its last whole line; returns the record ids in it and its end.

        A line without a line feed is not whole. From `strict_from` on, the file is also cut before
        the first line that is not a record.
        """
        present: set[str] = set()
        end = 0
        with os.fdopen(os.dup(self._descriptor), "rb") as stream:
            stream.seek(0)
            for line in stream:
                record_id = _record_id(line)
                if not line.endswith(b"\n") or (record_id is None and end >= strict_from):
                    break
                if record_id is not None:
                    present.add(record_id)
                end += len(line)
        os.ftruncate(self._descriptor, end)
        os.fsync(self._descriptor)
        return present, end


def _record_id(line: bytes) -> str | None:
    try:
        found = json.loads(line)["record_id"]
    except (ValueError, TypeError, KeyError):
        return None  # no JSON, or no record
    # PostgreSQL takes neither NUL nor a lone surrogate.
    return found if isinstance(found, str) and found.isprintable() else None


# One writer.


@contextmanager
def output_lock(folder: Path) -> Iterator[None]:
    """Hold the lock on all lines; first wait for other processes of this machine that hold it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / _LOCK_NAME
    with os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o644), "rb") as file:
        for _ in _attempts(LOCK_TIMEOUT_SECONDS, _LOCK_POLL_SECONDS):
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            held = f"{lock}: another process has held it for {LOCK_TIMEOUT_SECONDS:g} s"
            raise OutputError(f"{held}; nothing is lost")
        yield


@contextmanager
def _writer_lease(store: Store) -> Iterator[None]:
    """Hold the lease on writing lines; first wait for other processes, on any machine."""
    _acquire(store, LOCK_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        store.leases.release(WRITER, process_identity())


def _acquire(store: Store, seconds: float) -> None:
    """Take or renew the lease; wait for it at most `seconds`."""
    for _ in _attempts(seconds, _LEASE_POLL_SECONDS):
        if store.leases.acquire(WRITER, process_identity(), utc_now()):
            return
    holder = in_words(store.leases.holder(WRITER) or "another process")
    raise OutputError(f"{holder} writes the output; nothing is lost")


def _attempts(seconds: float, poll_seconds: float) -> Iterator[None]:
    """Yield at once, and then after each pause until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    yield
    while time.monotonic() <= deadline:
        time.sleep(poll_seconds)
        yield


# Files.


def _sync_folder(folder: Path) -> None:
    """Sync the file names in a folder to disk, if its file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # of network file systems
            raise
    finally:
        os.close(descriptor)


def replace_file(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Replace a file atomically; False if it has this content already."""
    if path.exists() and path.read_bytes() == content:
        return False
    folder = path.parent
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}.", delete=False) as stream:
        temporary = Path(stream.name)
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            with suppress(PermissionError):  # some network file systems have no modes
                temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    _sync_folder(folder)
    return True


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError` that names the file and the remedy."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{error.filename or path}: cannot be written: {error.strerror}; nothing is lost, "
            "`rscrawler deliver` goes on once that is fixed"
        ) from error
