"""Reader processes: each page is read in one, with a limit of time and of memory.

They are forked from a nursery that is itself forked before the reactor starts (`rscrawler.forks`).
A page that takes longer than most is read on beside the others, with less claim to a processor,
and its site waits for it; another reader takes the next page. So no page holds up another site.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import resource
import signal
import socket
import struct
import threading
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from rscrawler.config import format_duration
from rscrawler.config.models import CrawlSettings
from rscrawler.forks import CAN_FORK, Forked, Nursery, NurseryLost, fork_nursery
from rscrawler.spiders.outcomes import Kind
from rscrawler.spiders.reading import PageReader, PageToRead, Reading, ReadSource, Unread

logger = logging.getLogger(__name__)

SLOW_AFTER_SECONDS = 0.2  # from here on a page is read beside the others
VERY_SLOW_AFTER_SECONDS = 2.0  # from here on with less claim to a processor
LESS_CLAIM = 10  # as niceness
PAGES_AHEAD = 2  # that a process has: the one that it reads, and the next
MAX_ARTICLE_BYTES = 2 * 2**20  # of what is read of one page, packed
MAX_SOURCE_BYTES = 16 * 2**20
_LENGTH = struct.Struct("=I")
_GARBAGE_THRESHOLD = 10_000


class _TimeIsUp(BaseException):
    """Not an Exception: nobody who reads a page must handle it."""


class Readers:
    """Reads the pages of a crawl, in processes of its own or (`settings.readers` 0) in this one.

    To be made before there are threads: it forks.
    """

    def __init__(self, settings: CrawlSettings, reader: PageReader) -> None:
        self._settings, self._reader = settings, reader
        self._limit_seconds = settings.page_time_limit.total_seconds()
        self._most = settings.readers
        self._nursery: Nursery | None = None
        if self._most and CAN_FORK and threading.active_count() == 1:
            self._nursery = fork_nursery(self._serve, self._prepare)
        self._waiting: OrderedDict[str, deque[_Task]] = OrderedDict()  # by site
        self._processes: list[_Process] = []  # but for those on a slow page
        self._beside: list[_Process] = []  # each on a slow page, its last one
        self._has_complained = False

    async def read(self, page: PageToRead) -> Reading:
        """What a page says; one that is over its limit is `Kind.OVER_LIMIT`."""
        if self._nursery is None or self._nursery.is_lost:
            return self._read_here(page)
        task = _Task(page, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(page.site, deque()).append(task)
        self._hand_out()
        return await task.done

    def close(self) -> None:
        """End every process."""
        if self._nursery is not None:
            self._nursery.close()
        for process in (*self._processes, *self._beside):
            process.kill()

    # Who reads what.

    def _hand_out(self) -> None:
        """Give out what may be given: the sites in turn, one that has a slow page not."""
        while self._has_room() and (task := self._next()) is not None:
            process = self._idlest()
            process.give(task)
            if len(process.tasks) == 1:
                process.work = asyncio.ensure_future(self._work(process))

    def _has_room(self) -> bool:
        busy = [each for each in self._processes if len(each.tasks) == PAGES_AHEAD]
        return len(busy) < self._most

    def _idlest(self) -> _Process:
        """The process that has the least to do; a new one, if there may be more and all have some.

        It is not full, if any has room.
        """
        idlest = min(self._processes, key=lambda each: len(each.tasks), default=None)
        if idlest is None or (idlest.tasks and len(self._processes) < self._most):
            assert self._nursery is not None
            idlest = _Process(self._nursery)
            self._processes.append(idlest)
        return idlest

    def _next(self) -> _Task | None:
        slow = {process.tasks[0].page.site for process in self._beside}
        for site, tasks in self._waiting.items():
            if site not in slow:
                task = tasks.popleft()
                del self._waiting[site]
                if tasks:
                    self._waiting[site] = tasks  # behind the others
                return task
        return None

    async def _work(self, process: _Process) -> None:
        """Take a process's answers, one for each page that it was given."""
        while process.tasks:
            task = process.tasks[0]
            reading: Reading | Exception | None
            try:
                reading, goes_on = await self._answer_of(process)
            except (ConnectionError, EOFError):
                reading, goes_on = task.after_death(), False
            except NurseryLost:
                reading, goes_on = self._without_nursery(task.page), False
            except Exception as error:
                reading, goes_on = error, False
            if reading is not None:
                process.tasks.popleft()
                task.finish(reading)
            if process in self._beside or not goes_on:
                self._end(process)
            self._hand_out()

    async def _answer_of(self, process: _Process) -> tuple[Reading | Exception, bool]:
        """What a process says of its first page, and whether it is fit for another one."""
        await process.start()
        slow = asyncio.get_running_loop().call_later(SLOW_AFTER_SECONDS, self._set_beside, process)
        try:
            async with asyncio.timeout(self._limit_seconds):
                return await process.answer()
        except TimeoutError:
            return self._over_time(), False
        finally:
            slow.cancel()

    def _set_beside(self, process: _Process) -> None:
        """Let other pages be read elsewhere than by a process whose page is slow."""
        self._processes.remove(process)
        self._beside.append(process)
        self._take_back(process, but=1)
        asyncio.get_running_loop().call_later(
            VERY_SLOW_AFTER_SECONDS - SLOW_AFTER_SECONDS, self._lower, process
        )
        self._hand_out()

    def _lower(self, process: _Process) -> None:
        if process in self._beside:
            process.lower()

    def _take_back(self, process: _Process, but: int = 0) -> None:
        """Let what a process was given wait again, first of all; `but` for so many."""
        while len(process.tasks) > but:
            task = process.tasks.pop()
            self._waiting.setdefault(task.page.site, deque()).appendleft(task)
            self._waiting.move_to_end(task.page.site, last=False)

    def _end(self, process: _Process) -> None:
        (self._beside if process in self._beside else self._processes).remove(process)
        self._take_back(process)
        process.kill()

    def _over_time(self) -> Unread:
        span = format_duration(self._settings.page_time_limit)
        return Unread(Kind.OVER_LIMIT, f"takes longer than {span} to read")

    def _without_nursery(self, page: PageToRead) -> Reading | Exception:
        if not self._has_complained:
            logger.warning(
                "the reader processes are lost: pages are read in the crawl's own process"
            )
        self._has_complained = True
        try:
            return self._read_here(page)
        except Exception as error:
            return error

    # In this process.

    def _read_here(self, page: PageToRead) -> Reading:
        try:
            with _alarm(self._limit_seconds):
                return self._reader.read(page)
        except _TimeIsUp:
            return self._over_time()
        except MemoryError:
            return Unread(Kind.OVER_LIMIT, "takes more memory than there is")

    # In a reader's process, and the one that forks it.

    def _prepare(self) -> None:
        self._reader.prepare()
        gc.collect()
        gc.freeze()

    def _serve(self, descriptors: list[int]) -> int:
        gc.set_threshold(_GARBAGE_THRESHOLD)
        limit = self._settings.page_memory_limit
        resource.setrlimit(resource.RLIMIT_AS, (_address_space() + limit, resource.RLIM_INFINITY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with socket.socket(fileno=descriptors[0]) as channel:
            while (message := _received(channel)) is not None:
                answer, goes_on = self._answer(message)
                channel.sendall(_LENGTH.pack(len(answer)) + answer)
                if not goes_on:
                    break
        return 0

    def _answer(self, message: bytes) -> tuple[bytes, bool]:
        """What is sent back; and whether this process is fit for another page."""
        goes_on = True
        try:
            result: object = self._reader.read(pickle.loads(message))  # noqa: S301 (our own crawl)
        except MemoryError:
            mib = self._settings.page_memory_limit // 2**20
            result, goes_on = Unread(Kind.OVER_LIMIT, f"takes more than {mib} MiB to read"), False
        except Exception as error:
            result = _Broken(repr(error))
            logger.exception("the program broke on a page")
        answer = pickle.dumps((result, goes_on), pickle.HIGHEST_PROTOCOL)
        most = MAX_SOURCE_BYTES if isinstance(result, ReadSource) else MAX_ARTICLE_BYTES
        if len(answer) > most:
            reason = f"says more than {most // 2**20} MiB of text and links"
            answer = pickle.dumps((Unread(Kind.OVER_LIMIT, reason), goes_on))
        return answer, goes_on


class ReadingBroke(Exception):
    """The program broke on a page, in a reader; told in the words of what was raised there."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class _Broken:
    reason: str


@dataclass(slots=True)
class _Task:
    page: PageToRead
    done: asyncio.Future[Reading]
    deaths: int = 0  # of readers, while they were at it

    def finish(self, reading: Reading | Exception) -> None:
        """Hand the reading, or what went wrong, to who waits for it, if anybody does still."""
        if self.done.done():
            return
        if isinstance(reading, Exception):
            self.done.set_exception(reading)
        else:
            self.done.set_result(reading)

    def after_death(self) -> Reading | None:
        """A reader that dies may have been killed for no fault of its page: None, once more."""
        self.deaths += 1
        return Unread(Kind.OVER_LIMIT, "its reader died of it twice") if self.deaths == 2 else None


class _Process:
    """A reader, as the crawl sees it, and what it was given, in its order.

    It has the next page before it has answered, so that it never waits for this process.
    """

    def __init__(self, nursery: Nursery) -> None:
        self._nursery = nursery
        self._child: Forked | None = None
        self._channel, self._theirs = socket.socketpair()
        self._channel.setblocking(False)
        self._sending: asyncio.Task[None] | None = None
        self.tasks: deque[_Task] = deque()
        self.work: asyncio.Future[None] | None = None

    def give(self, task: _Task) -> None:
        """Send it a page, behind those that it has."""
        self.tasks.append(task)
        self._sending = asyncio.ensure_future(self._send(task.page, self._sending))

    async def _send(self, page: PageToRead, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        message = pickle.dumps(page, pickle.HIGHEST_PROTOCOL)
        with suppress(OSError):  # it has died, as it will be found by its answer
            await asyncio.get_running_loop().sock_sendall(
                self._channel, _LENGTH.pack(len(message)) + message
            )

    async def start(self) -> None:
        """Fork it, unless it is there.

        Raises:
            NurseryLost: there will be none.
        """
        if self._child is None:
            with self._theirs:
                self._child = await self._nursery.fork([self._theirs.fileno()])

    async def answer(self) -> tuple[Reading | Exception, bool]:
        """What it says of its first page, and whether it is fit for another one.

        Raises:
            ConnectionError, EOFError: it has died.
        """
        (length,) = _LENGTH.unpack(await self._receive(_LENGTH.size))
        result, goes_on = pickle.loads(await self._receive(length))  # noqa: S301 (our own reader)
        return ReadingBroke(result.reason) if isinstance(result, _Broken) else result, goes_on

    async def _receive(self, length: int) -> bytes:
        loop, parts = asyncio.get_running_loop(), bytearray()
        while len(parts) < length:
            part = await loop.sock_recv(self._channel, min(length - len(parts), 2**18))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def lower(self) -> None:
        """Give it less claim to a processor."""
        if self._child is not None:
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._child.pid, LESS_CLAIM)

    def kill(self) -> None:
        """End it at once."""
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGKILL)
        self._theirs.close()
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
            self._sending.add_done_callback(lambda _: self._channel.close())
        else:
            self._channel.close()


def _received(channel: socket.socket) -> bytes | None:
    """The next message; None: who asks is gone."""
    head = channel.recv(_LENGTH.size, socket.MSG_WAITALL)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    message = channel.recv(length, socket.MSG_WAITALL)
    return message if len(message) == length else None


def _address_space() -> int:
    """Bytes that this process has mapped."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 (not of a disk)
        return int(file.read().split()[0]) * resource.getpagesize()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Let what is done within end with `_TimeIsUp` after so long."""

    def ring(*_: Any) -> None:
        raise _TimeIsUp

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
