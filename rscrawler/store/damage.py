"""Damage of a SQLite file: how it is detected, marked for other processes, and set aside."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from rscrawler.errors import StoreError

SQLITE_BUSY_TIMEOUT_SECONDS = 30.0


def is_suspect(path: Path) -> bool:
    """Whether a SQLite file may be damaged: it is marked, or shorter than its header says.

    Must not be called while this process has the file open: see `recovery.StoreKeeper.is_lost`.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
        page_bytes, pages = int.from_bytes(header[16:18]), int.from_bytes(header[28:32])
        # 1 stands for 65,536. In WAL mode a shorter file can be intact: `is_damaged` decides.
        whole = pages * (65_536 if page_bytes == 1 else page_bytes)
        return (len(header) == 100 and path.stat().st_size < whole) or damage_mark(path).exists()
    except OSError:
        return False  # missing or unreadable: opening it tells which


def is_damaged(path: Path) -> bool:
    """Whether a SQLite file is damaged; reads all of it, and removes the mark if it is intact."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as connection:
            is_well = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.DatabaseError as error:
        return is_damage(error)
    if is_well:
        damage_mark(path).unlink(missing_ok=True)
    return not is_well


def is_foreign(path: Path) -> bool:
    """Whether an existing file is no store of ours; changes no data."""
    try:
        with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_TIMEOUT_SECONDS)) as connection:
            connection.execute("SELECT version, applied_at FROM schema_version LIMIT 1")
    except sqlite3.DatabaseError as error:
        # SQLITE_ERROR: it has no such table or column.
        return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_NOTADB)
    return False


def is_damage(error: object) -> bool:
    """Whether an error of the driver shows damage."""
    code = getattr(error, "sqlite_errorcode", 0)  # its low byte is the primary code
    is_truncated = code == sqlite3.SQLITE_IOERR_SHORT_READ
    return is_truncated or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def damage_mark(path: Path) -> Path:
    """The file that marks a database as damaged, until it was set aside or found intact."""
    return path.with_name(f"{path.name}.suspect")


def set_aside(path: Path, now: datetime) -> Path:
    """Rename a SQLite database's files, so that a new one can take their place.

    Raises:
        StoreError: they cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
    try:
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        damage_mark(path).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: is damaged and cannot be renamed: {error.strerror}") from error
    return aside
