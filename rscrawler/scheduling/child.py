"""`python -m rscrawler.scheduling.child PARENT ARGUMENTS…`: a command that dies with its service.

A service that is killed cannot end its children, and a crawl must not go on without
the service that would judge it. On Linux the kernel ends this process with its parent;
elsewhere it runs to its own end. Nothing is lost either way: what counts is durable.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int) -> None:
    """Let the kernel kill this process when `parent` (its process id) ends.

    Raises:
        SystemExit: the parent has ended already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the service has ended")


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    sys.argv = ["rscrawler", *sys.argv[2:]]
    runpy.run_module("rscrawler", run_name="__main__", alter_sys=True)
