"""`python -m rscrawler.scheduling.child PARENT ARGUMENTS…`: a command that dies with its service.

On Linux the kernel ends it with its parent, since a crawl must not go on without the service
that would judge it; elsewhere it runs to its own end. Nothing is lost either way.
"""

from __future__ import annotations

import runpy
import sys

from rscrawler.forks import die_with

if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    sys.argv = ["rscrawler", *sys.argv[2:]]
    runpy.run_module("rscrawler", run_name="__main__", alter_sys=True)
