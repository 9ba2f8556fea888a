"""`python -m rscrawler.scheduling.child PARENT ARGUMENTS…`: a command that dies with its service.

A service that is killed cannot end its children, and a crawl must not go on without
the service that would judge it. On Linux the kernel ends this process with its parent;
elsewhere it runs to its own end. Nothing is lost either way: what counts is durable.
"""

from __future__ import annotations

import runpy
import sys

from rscrawler.forks import die_with

if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    sys.argv = ["rscrawler", *sys.argv[2:]]
    runpy.run_module("rscrawler", run_name="__main__", alter_sys=True)
