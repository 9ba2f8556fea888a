"""Forks processes from a prepared process, the nursery.

A *nursery* is a single-threaded process that only forks, on request. Its children share its memory,
and so have all that it has imported and computed. A request over a socket pair is one byte and the
file descriptors for the child. The response is the child's process id, and later its exit status.
The nursery ends when the requesting process closes the socket or dies; on Linux, its children end
with it.
"""

import asyncio
import ctypes
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

CAN_FORK = sys.platform == "linux"  # elsewhere a child would outlive its requester
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_MOST_DESCRIPTORS = 8
ANSWER_SECONDS = 120.0  # a nursery silent for longer, even at its start, hangs
ENDING_SECONDS = 5.0  # a nursery that has not ended by then is killed
_REAP_POLL_SECONDS = 0.005
ANSWER = struct.Struct("=ii")  # process id; exit status, negative for a signal, or STARTED
STARTED = -1_000


class NurseryLost(OSError):
    """The nursery has died, or could not fork."""


@dataclass(frozen=True, slots=True)
class Forked:
    """A child of a nursery; `ended` has its exit status at last, negative for a signal."""

    pid: int
    nursery: "Nursery"
    ended: asyncio.Future[int]

    async def wait(self) -> int:
        """Wait for its end; returns the exit status."""
        return await asyncio.shield(self.ended)


class Nursery:
    """The requesting side, for one event loop. `reap` ends the nursery, whose socket is closed."""

    def __init__(self, control: socket.socket, reap: Callable[[], object]) -> None:
        control.setblocking(False)
        self._control, self._reap = control, reap
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requested: deque[asyncio.Future[Forked]] = deque()
        self._running: dict[int, Forked] = {}
        self.is_lost = False

    async def fork(self, descriptors: Sequence[int]) -> Forked:
        """Fork a child that gets these file descriptors.

        Raises:
            NurseryLost: no child could be forked.
        """
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._control, self._read_answer)
        started: asyncio.Future[Forked] = self._loop.create_future()
        try:
            socket.send_fds(self._control, [b"\0"], list(descriptors))
        except OSError as error:
            self._disconnect()
            raise NurseryLost(str(error)) from error
        self._requested.append(started)
        try:
            return await asyncio.wait_for(started, ANSWER_SECONDS)
        except TimeoutError:
            self.close()
            raise NurseryLost("the process that forks does not answer") from None

    def close(self) -> None:
        """End the nursery, even one that does not respond, and on Linux all its children."""
        self._disconnect()
        reap, self._reap = self._reap, lambda: None  # once
        reap()

    def close_when_idle(self) -> None:
        """End the nursery after its last child has ended."""
        if self._running or self._requested:
            asyncio.get_running_loop().call_later(1.0, self.close_when_idle)
        else:
            self.close()

    def _read_answer(self) -> None:
        try:
            answer = self._control.recv(ANSWER.size)  # sent in one piece, so received in one
        except OSError:
            answer = b""
        if answer:
            self._handle_answer(*ANSWER.unpack(answer))
        else:
            self._disconnect()

    def _handle_answer(self, pid: int, status: int) -> None:
        if status != STARTED:
            if child := self._running.pop(pid, None):
                child.ended.set_result(status)
            return
        started = self._requested.popleft()
        if pid < 0:
            if not started.done():
                started.set_exception(NurseryLost(os.strerror(-pid)))
            return
        child = self._running[pid] = Forked(pid, self, started.get_loop().create_future())
        if started.done():  # the requester has gone
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        else:
            started.set_result(child)

    def _disconnect(self) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._control)
        self._control.close()
        for started in self._requested:
            if not started.done():
                started.set_exception(NurseryLost("the process that forks has died"))
        for child in self._running.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)  # as the kernel does on Linux
            child.ended.set_result(-signal.SIGKILL)
        self._requested.clear()
        self._running.clear()


def fork_nursery(run: Callable[[list[int]], int], prepare: Callable[[], None]) -> Nursery:
    """Fork a nursery from this process, which must have only one thread.

    Each child calls `run`; the nursery calls `prepare` before it forks the first one.
    """
    ours, theirs = socket.socketpair()

    def nurse() -> int:
        ours.close()
        serve(theirs, run, prepare)
        return 0

    pid = _fork(nurse)
    theirs.close()

    def reap() -> None:
        # Unless it hangs, it ends by itself, after its children, so their times count as its own.
        deadline = time.monotonic() + ENDING_SECONDS
        with suppress(ChildProcessError):  # if SIGCHLD is ignored, there is nothing to wait for
            while os.waitpid(pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(_REAP_POLL_SECONDS)

    return Nursery(ours, reap)


def serve(
    control: socket.socket,
    run: Callable[[list[int]], int],
    prepare: Callable[[], None] | None = None,
) -> None:
    """Fork for each request until the socket is closed; a child exits with the result of `run`.

    The nursery ignores SIGTERM and SIGINT, and ends with its socket. Each child leads a process
    group of its own.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: set[int] = set()

    def child(descriptors: list[int]) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for each in (woken, waking):
            os.close(each)
        os.setpgid(0, 0)
        return run(descriptors)

    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _report_ended(control, running)
        if control.fileno() in ready:
            request, descriptors = b"", list[int]()
            with suppress(ConnectionResetError):  # closed with unread data
                request, descriptors, _, _ = socket.recv_fds(control, 1, _MOST_DESCRIPTORS)
            if not request:
                _end(running)
                return
            if prepare is not None:
                prepare()
                prepare = None
            try:
                pid = _fork(partial(child, descriptors))
                running.add(pid)
            except OSError as error:
                pid = -(error.errno or 1)
            with suppress(OSError):  # parent and child both do it: either may go on first
                os.setpgid(pid, pid)
            for each in descriptors:
                os.close(each)
            with suppress(OSError):  # the requester has gone: the next recv returns nothing
                control.sendall(ANSWER.pack(pid, STARTED))


def _fork(run: Callable[[], int]) -> int:
    """Fork a child that exits with the result of `run`, and dies with us; returns its pid."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            die_with(parent)
            status = run()
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stderr.flush()
            finally:  # even if standard error is closed, and so None
                os._exit(status)
    return pid


def _end(running: set[int]) -> None:
    """Kill the children and wait for them, so their resource usage counts as this process's."""
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pid in running:
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def _report_ended(control: socket.socket, running: set[int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        running.discard(pid)
        with suppress(OSError):
            control.sendall(ANSWER.pack(pid, os.waitstatus_to_exitcode(status)))


def die_with(parent: int) -> None:
    """Let the kernel (Linux) kill this process when `parent` (a process id) ends.

    Raises:
        SystemExit: the parent has ended already.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one has ended")
