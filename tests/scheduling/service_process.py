"""A whole service, for a process of its own, whose jobs append a line to a file.

With DATABASE and FILE as arguments: a job every second writes `SERVICE-PID` to FILE, and one of
its runs never ends while FILE.hang exists.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from datetime import timedelta
from typing import BinaryIO

from rscrawler.config import Config
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.scheduling.processes import ChildResult, watch
from rscrawler.scheduling.service import Service
from rscrawler.store import Store
from tests.scheduling.services import scheduled

REPORT = json.dumps({"sites": {"site": {"succeeded": True}}})
CHILD = """
import pathlib, signal, sys
from rscrawler.forks import die_with
die_with(int(sys.argv[1]))
hangs = pathlib.Path(sys.argv[2] + ".hang").exists()
with open(sys.argv[2], "a") as file:
    file.write(sys.argv[1] + "\\n")
if hangs:
    signal.pause()
print(sys.argv[3])
"""


async def run_child(
    command: Sequence[str], limit: timedelta, stopping: asyncio.Event
) -> ChildResult:
    """Run a command to its end, as `watch` does."""

    async def start(output: BinaryIO, errors: BinaryIO) -> Process:
        return await asyncio.create_subprocess_exec(
            *command, stdout=output, stderr=errors, start_new_session=True
        )

    return await watch(start, limit, stopping)


def main() -> None:
    """Serve until told to stop."""
    database, file = sys.argv[1:]

    async def run(_: Sequence[str], limit: timedelta, stopping: asyncio.Event) -> ChildResult:
        command = [sys.executable, "-c", CHILD, str(os.getpid()), file, REPORT]
        return await run_child(command, limit, stopping)

    keeper = StoreKeeper(Config(), lambda _: Store.open(database))
    jobs = (scheduled(every="1s"),)
    asyncio.run(Service(keeper, lambda: (Config(), jobs), run=run).run())
    keeper.close()
