"""The program, imported once and forked for every command: a crawl takes half the time.

Each command still runs in a process of its own, with its own folder, environment and
output; only the second of imports is shared. Reads one JSON object a line:
`arguments, folder, environment, stdout, stderr`; answers with the exit status.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from rscrawler.cli import main
from rscrawler.config import Config
from rscrawler.crawling import prepare
from rscrawler.scheduling.warm import import_all


def serve() -> None:
    """Run commands until standard input ends."""
    import_all()
    prepare(Config())
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        command = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_run(command))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _run(command: dict[str, Any]) -> int:
    os.chdir(command["folder"])
    os.environ.clear()
    os.environ.update(command["environment"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(command[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[0] = str(Path.cwd())
    sys.argv = ["rscrawler", *command["arguments"]]
    try:
        main()
        status: object = 0
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 0 if status is None else 1


if __name__ == "__main__":
    serve()
