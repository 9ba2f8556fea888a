"""Child processes: each leads its own process group, and is ended with all of it."""

import asyncio
import os
import signal
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from rscrawler import forks

PATIENCE = timedelta(seconds=30)  # from SIGTERM to SIGKILL
_OUTPUT_BYTES = 4 * 2**20
_ERROR_BYTES = 16 * 2**10


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended.

    `exit_status` is negative for a signal; `output` is at most the last 4 MiB of its
    standard output, `error_lines` the last lines of its standard error.
    """

    exit_status: int
    output: str
    error_lines: tuple[str, ...]
    elapsed: timedelta
    timed_out: bool = False
    was_stopped: bool = False


Child = Process | forks.Forked  # leads its own process group
# Runs rscrawler with arguments, for at most a time limit, or until the event is set.
ChildRunner = Callable[[Sequence[str], timedelta, asyncio.Event], Awaitable[ChildResult]]


async def watch(
    start: Callable[[BinaryIO, BinaryIO], Awaitable[Child]],
    limit: timedelta,
    stopping: asyncio.Event,
    *,
    patience: timedelta = PATIENCE,
) -> ChildResult:
    """Run a child until it ends, `limit` has passed, or `stopping` is set.

    In the latter cases its process group gets SIGTERM, and after `patience` SIGKILL. Once the
    child has ended, the rest of its group is killed in any case. Cancelling kills at once.

    Its output goes to files, not pipes: the service would wait for any descendant that keeps
    a pipe open.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await start(output, errors)
        end, stop = (asyncio.ensure_future(each.wait()) for each in (process, stopping))
        try:
            await _first_of((end, stop), limit)
            is_cut = not end.done()
            was_stopped = is_cut and stopping.is_set()
            if is_cut:
                _signal_group(process, signal.SIGTERM)
                await _first_of((end,), patience)
        finally:
            stop.cancel()
            _signal_group(process, signal.SIGKILL)
            await _first_of((end,), timedelta(seconds=forks.ANSWER_SECONDS))
            if isinstance(process, forks.Forked) and not end.done():
                process.nursery.close()  # it should have reported the child's end
            exit_status = await end
        return ChildResult(
            exit_status=exit_status,
            output=_tail(output, _OUTPUT_BYTES),
            error_lines=tuple(_tail(errors, _ERROR_BYTES).splitlines()),
            elapsed=timedelta(seconds=time.monotonic() - started),
            timed_out=is_cut and not was_stopped,
            was_stopped=was_stopped,
        )


async def _first_of(waits: Iterable[asyncio.Future[Any]], limit: timedelta) -> None:
    await asyncio.wait(waits, timeout=limit.total_seconds(), return_when=asyncio.FIRST_COMPLETED)


def _signal_group(process: Child, number: signal.Signals) -> None:
    # The child leads its group, so the group's id is the child's process id. A group that is
    # gone, or has no process that this one may signal, is ignored.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _tail(file: BinaryIO, size: int) -> str:
    end = file.seek(0, os.SEEK_END)
    file.seek(max(end - size, 0))
    return file.read().decode("utf-8", "replace")
