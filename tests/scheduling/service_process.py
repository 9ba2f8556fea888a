"""A whole service in a process of its own, whose jobs append a line to a file.

`python -m tests.scheduling.service_process DATABASE FILE`: a job every second writes
`SERVICE-PID` to FILE, and one of its runs never ends while FILE.hang exists.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rscrawler.config import Config
from rscrawler.scheduling.processes import ChildResult, run_child
from rscrawler.scheduling.service import Service
from rscrawler.store import Store
from tests.scheduling.services import scheduled

REPORT = json.dumps({"sites": {"site": {}}})
CHILD = """
import pathlib, signal, sys
from rscrawler.forks import die_with
die_with(int(sys.argv[1]))
with open(sys.argv[2], "a") as file:
    file.write(sys.argv[1] + "\\n")
if pathlib.Path(sys.argv[2] + ".hang").exists():
    signal.pause()
print(sys.argv[3])
"""


def main(database: str, file: Path) -> None:
    """Serve until told to stop."""

    async def run(_: Sequence[str], limit: timedelta, stopping: asyncio.Event) -> ChildResult:
        command = [sys.executable, "-c", CHILD, str(os.getpid()), str(file), REPORT]
        return await run_child(command, limit, stopping)

    store = Store.open(database)
    jobs = (scheduled(every="1s"),)
    asyncio.run(Service(store, lambda: (Config(), jobs), run=run).run())
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
