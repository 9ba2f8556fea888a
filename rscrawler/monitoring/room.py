"""Is there room to go on writing?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rscrawler.config import Config
from rscrawler.store.database import sqlite_file

# A cycle writes far less; but what else is on the disk may not leave it the last of it.
LEAST_ROOM_MIB = 32
AMPLE_ROOM_MIB = 64  # when operators are told that it is over: room comes and goes


def full_folders(config: Config, least: int = LEAST_ROOM_MIB) -> Iterator[tuple[Path, int]]:
    """The folders that are written to and have less room than `least` MiB, with what is left."""
    database = sqlite_file(config.database)
    folders = [config.output_dir, *([database.parent] if database else [])]
    for folder in dict.fromkeys(folders):
        present = next((each for each in (folder, *folder.parents) if each.exists()), None)
        if present is None:
            continue
        left = shutil.disk_usage(present).free // 2**20
        if left < least:
            yield folder, left
