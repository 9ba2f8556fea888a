"""The program, imported once and forked for every command: a crawl takes half the time.

Each command still runs in a process of its own, with its own folder, environment and
streams; only the second of imports is shared. What is to be run comes as JSON in a file.
"""

from __future__ import annotations

import gc
import json
import os
import random
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import rich.progress
import rich.table  # noqa: F401 (as some commands do when they show something)

from rscrawler.__main__ import main
from rscrawler.cli import COMMANDS, load_command
from rscrawler.cli.deliver import deliver_due
from rscrawler.cli.inputs import opened_store
from rscrawler.config import Config
from rscrawler.crawling import prepare
from rscrawler.forks import serve
from rscrawler.scheduling.warm import import_all


def run(descriptors: list[int]) -> int:
    """One command, in a child: its request, and standard input, output and error."""
    request, *streams = descriptors
    with open(request, "rb") as file:  # noqa: PTH123 (a descriptor)
        file.seek(0)
        command = json.load(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number in command["closed"]:
        os.close(number)
        setattr(sys, ("stdin", "stdout", "stderr")[number], None)  # as Python does at its start
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    sys.path[0] = command["folder"]
    sys.argv = ["rscrawler", *command["arguments"]]
    return _status_of(command["before"])


def _status_of(before: str) -> int:
    status: Any
    try:
        exec(before, {})
        main()
        status = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    return status if isinstance(status, int) else int(status is not None)


def rehearse() -> None:
    """Deliver nothing from an empty store: SQL that is compiled here no child compiles again."""
    with tempfile.TemporaryDirectory() as folder:
        config = Config(output_dir=Path(folder))
        with opened_store(config) as store:
            deliver_due(config, store)


if __name__ == "__main__":
    import_all()
    for name in COMMANDS:
        load_command(name)
    prepare(Config())
    rehearse()
    gc.collect()
    gc.freeze()
    assert sys.path[0] == str(Path.cwd())
    serve(socket.socket(fileno=int(sys.argv[1])), run, in_own_groups=True)
