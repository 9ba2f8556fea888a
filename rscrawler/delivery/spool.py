"""The spool: a copy of pending alerts beside the database, in case the database is lost.

It has a file for each message with pending recipients, and one file for the rows that are in no
message yet. Each delivery syncs folder and store: what the store does not know is restored from
the folder, and what is done is deleted from it.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rscrawler.config import Config
from rscrawler.delivery.jsonl import replace_file
from rscrawler.identity.fingerprints import digest
from rscrawler.store import Store
from rscrawler.store.database import sqlite_file
from rscrawler.store.messages import NewMessage

logger = logging.getLogger(__name__)

_ROWS = "rows.json"
_OWNER_ALONE = 0o600  # the files name recipients
_MESSAGE = TypeAdapter(NewMessage)


def spool_folder(config: Config) -> Path:
    """The folder of the spool: beside the SQLite file, else in the output folder."""
    file = sqlite_file(config.database)
    return file.with_name(f"{file.name}.spool") if file else config.output_dir / "spool"


def sync_spool(config: Config, store: Store) -> None:
    """Restore from the spool what the store has lost, and copy what is pending to it.

    If the folder cannot be written, this is only logged: it must not hold up alerts.
    """
    folder = spool_folder(config)
    try:
        _restore(folder, store)
        _keep(folder, store)
    except OSError as error:
        logger.warning("%s: pending alerts are only in the database: %s", folder, error.strerror)


def _restore(folder: Path, store: Store) -> None:
    rows, paths = _rows(folder), list(_messages(folder))
    if not (rows or paths):
        return
    restored = store.outbox.restore_rows(
        each | {"created_at": datetime.fromisoformat(each["created_at"])} for each in rows
    )
    wanted = {_name(*each) for each in store.messages.open_addresses().items()}
    for path in paths:
        if path.name in wanted:
            continue
        with suppress(FileNotFoundError, ValueError):
            kept = _MESSAGE.validate_json(path.read_bytes())
            content = kept.content.decode().encode("latin-1")
            # False if known: then it is done.
            restored += store.messages.add(replace(kept, content=content))
        path.unlink(missing_ok=True)
    if restored:
        logger.warning("%s: %d deliveries that the database has lost go out", folder, restored)


def _keep(folder: Path, store: Store) -> None:
    rows = store.outbox.rows_to_spool()
    addresses = store.messages.open_addresses()
    if not (rows or addresses or folder.exists()):
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written = json.dumps(rows, default=datetime.isoformat)
    replace_file(folder / _ROWS, written.encode(), _OWNER_ALONE)
    wanted = {_name(*each): each for each in addresses.items()}
    present = {path.name for path in _messages(folder)}
    for name in present - wanted.keys():
        (folder / name).unlink(missing_ok=True)
    for name in wanted.keys() - present:
        if (kept := store.messages.message(*wanted[name])) is not None:
            # Latin-1 makes a text of any bytes; those of a mail are ASCII.
            kept = replace(kept, content=kept.content.decode("latin-1").encode())
            replace_file(folder / name, _MESSAGE.dump_json(kept), _OWNER_ALONE)


def spooled_record_ids(config: Config) -> set[str]:
    """The ids of records in the spool that are in no message yet."""
    return {each["record_id"] for each in _rows(spool_folder(config))}


def spooled_count(config: Config) -> int:
    """How many messages and rows the spool holds."""
    folder = spool_folder(config)
    return len(list(_messages(folder))) + len(_rows(folder))


def _messages(folder: Path) -> Iterator[Path]:
    return (path for path in folder.glob("*.json") if path.name != _ROWS)


def _name(message_id: str, addresses: tuple[str, ...]) -> str:
    return f"{digest(' '.join([message_id, *addresses]))}.json"


def _rows(folder: Path) -> Any:
    try:
        return json.loads((folder / _ROWS).read_bytes())
    except (FileNotFoundError, ValueError):  # no file is half written: they are replaced atomically
        return []
