"""`rscrawler worker` whose crawls give their name.

`python -m tests.cluster.worker_process CONFIG LOG AT_ONCE`: each crawl has a contact of its own in
its User-Agent, and is a line in LOG when it starts and when it ends.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import typer
from typer.core import TyperCommand

from rscrawler.cli.output import log_runs
from rscrawler.config import load_config, read_text
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.schedules import active_jobs
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.service import Service
from rscrawler.scheduling.warm import WarmRuns, own_folders


def main(config_path: Path, log: Path, at_once: int) -> None:
    """Work until told to stop."""
    log_runs(typer.Context(TyperCommand("work")))

    def note(*words: object) -> None:
        with log.open("a") as stream:
            stream.write(" ".join(map(str, words)) + "\n")

    async def run(
        arguments: Sequence[str], limit: timedelta, stopping: asyncio.Event
    ) -> ChildResult:
        crawl = uuid.uuid4().hex
        note("start", crawl, arguments[1])
        own = config_path.with_name(f"{crawl}.toml")
        own.write_text(f'contact = "{crawl}"\n{text}')
        result = await runs.run([*arguments, "--config", str(own)], limit, stopping)
        own.unlink()
        note("end", crawl, arguments[1], result.exit_status, result.was_stopped)
        return result

    text = read_text(config_path)
    config = load_config(config_path, text)
    runs, jobs = WarmRuns(own_folders(config), config_path), active_jobs(config)
    keeper = StoreKeeper(config)
    worker = Service(keeper, lambda: (config, jobs), run=run, worker="logged", at_once=at_once)
    with closing(keeper), closing(runs):
        asyncio.run(worker.run())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
