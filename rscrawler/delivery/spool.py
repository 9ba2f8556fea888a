"""What waits for delivery, kept beside the database so that it survives the loss of it.

Each delivery brings the file and the store into line: what the store does not know at all is
taken up from the file, what is done goes from it.
"""

import logging
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from rscrawler.config import Config
from rscrawler.delivery.jsonl import replace_file
from rscrawler.store import Store
from rscrawler.store.database import sqlite_file
from rscrawler.store.outbox import NewMessage, WaitingRow

logger = logging.getLogger(__name__)

_FILE = "waiting.json"
_OWNER_ALONE = 0o600  # it names recipients


class Spool(BaseModel):
    """Rows that no message carries yet, and messages with those who are still to be served."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    rows: list[WaitingRow] = []
    messages: list[NewMessage] = []


def spool_folder(config: Config) -> Path:
    """Beside the file of SQLite, else in the output folder."""
    file = sqlite_file(config.database)
    return file.with_name(f"{file.name}.spool") if file else config.output_dir / "spool"


def read_spool(config: Config) -> Spool:
    """What was kept with the last delivery."""
    try:
        return Spool.model_validate_json((spool_folder(config) / _FILE).read_bytes())
    except (FileNotFoundError, ValueError):  # half a file cannot be: it is replaced whole
        return Spool()


def sync_spool(config: Config, store: Store) -> None:
    """Take up what the store has lost, and keep what waits in it.

    A folder that cannot be written is a line in the log: it holds up no alert.
    """
    folder = spool_folder(config)
    try:
        if restored := _restore(read_spool(config), store):
            logger.warning(
                "%s: %d that waited were lost by the database, and go out", folder, restored
            )
        _keep(folder, store)
    except OSError as error:
        logger.warning("%s: alerts that wait are in the database alone: %s", folder, error.strerror)


def _restore(spool: Spool, store: Store) -> int:
    known = {each.message_id for each in store.outbox.waiting_messages()}
    lost = [each for each in spool.messages if each.message_id not in known]
    # A message that the store knows all the same is done.
    return store.outbox.restore_rows(spool.rows) + sum(map(store.outbox.add, lost))


def _keep(folder: Path, store: Store) -> None:
    spool = Spool(rows=store.outbox.waiting_rows(), messages=store.outbox.waiting_messages())
    if spool.rows or spool.messages or folder.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(folder / _FILE, spool.model_dump_json().encode(), _OWNER_ALONE)
        for former in set(folder.glob("*.json")) - {folder / _FILE}:
            former.unlink(missing_ok=True)  # once there was a file for each message
