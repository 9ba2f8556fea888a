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
from collections import Counter, OrderedDict, deque
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
            self._nursery = fork_nursery(self._serve)
        self._waiting: OrderedDict[str, deque[_Task]] = OrderedDict()  # by site
        self._idle: list[_Process] = []
        self._at_work = 0  # on a page that is not slow
        self._slow: Counter[str] = Counter()  # by site

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
        for process in self._idle:
            process.close()
        self._idle.clear()

    # Who reads what.

    def _hand_out(self) -> None:
        """Start what may be started: the sites in turn, one that has a slow page not."""
        while self._at_work < self._most and (task := self._next()) is not None:
            self._at_work += 1
            task.work = asyncio.ensure_future(self._work(task))

    def _next(self) -> _Task | None:
        for site, tasks in self._waiting.items():
            if not self._slow[site]:
                task = tasks.popleft()
                del self._waiting[site]
                if tasks:
                    self._waiting[site] = tasks  # behind the others
                return task
        return None

    async def _work(self, task: _Task) -> None:
        try:
            reading = await self._reading(task)
        except NurseryLost:
            self._complain()
            reading = self._read_here(task.page)
        except Exception as error:
            if not task.done.done():
                task.done.set_exception(error)
            return
        finally:
            self._count_out(task)
            self._hand_out()
        if not task.done.done():
            task.done.set_result(reading)

    async def _reading(self, task: _Task) -> Reading:
        # A reader that dies by itself may have been killed for no fault of its page: once more.
        for _ in range(2):
            process = self._idle.pop() if self._idle else await self._start()
            slow = asyncio.get_running_loop().call_later(
                SLOW_AFTER_SECONDS, self._set_beside, task, process
            )
            try:
                async with asyncio.timeout(self._limit_seconds):
                    reading, goes_on = await process.ask(task.page)
            except TimeoutError:
                process.kill()
                return self._over_time()
            except (ConnectionError, EOFError):
                process.kill()
                continue
            except ReadingBroke:
                self._give_back(process, is_to_go_on=True)
                raise
            except BaseException:
                process.kill()
                raise
            finally:
                slow.cancel()
            self._give_back(process, goes_on)
            return reading
        return Unread(Kind.OVER_LIMIT, "its reader died of it twice")

    def _set_beside(self, task: _Task, process: _Process) -> None:
        """Let another page be read in the place of one that is slow."""
        asyncio.get_running_loop().call_later(
            VERY_SLOW_AFTER_SECONDS - SLOW_AFTER_SECONDS, self._lower, task, process
        )
        if not task.is_slow:
            task.is_slow = True
            self._at_work -= 1
            self._slow[task.page.site] += 1
            self._hand_out()

    def _lower(self, task: _Task, process: _Process) -> None:
        if process.page is task.page:
            process.is_lowered = True
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, process.pid, LESS_CLAIM)

    def _count_out(self, task: _Task) -> None:
        if task.is_slow:
            self._slow[task.page.site] -= 1
        else:
            self._at_work -= 1

    async def _start(self) -> _Process:
        assert self._nursery is not None
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                child = await self._nursery.fork([theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        return _Process(child, ours)

    def _give_back(self, process: _Process, is_to_go_on: bool) -> None:
        if is_to_go_on and not process.is_lowered and len(self._idle) < self._most:
            self._idle.append(process)
        else:
            process.kill()

    def _over_time(self) -> Unread:
        span = format_duration(self._settings.page_time_limit)
        return Unread(Kind.OVER_LIMIT, f"takes longer than {span} to read")

    def _complain(self) -> None:
        logger.warning("the reader processes are lost: pages are read in the crawl's own process")

    # In this process.

    def _read_here(self, page: PageToRead) -> Reading:
        try:
            with _alarm(self._limit_seconds):
                return self._reader.read(page)
        except _TimeIsUp:
            return self._over_time()
        except MemoryError:
            return Unread(Kind.OVER_LIMIT, "takes more memory than there is")

    # In a reader's process.

    def _serve(self, descriptors: list[int]) -> int:
        gc.freeze()
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
    is_slow: bool = False
    work: asyncio.Future[None] | None = None


class _Process:
    """A reader, as the crawl sees it."""

    def __init__(self, child: Forked, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._child, self._channel = child, channel
        self.pid = child.pid
        self.page: PageToRead | None = None  # that it reads now
        self.is_lowered = False

    async def ask(self, page: PageToRead) -> tuple[Reading, bool]:
        """What the page says, and whether the reader is fit for another one.

        Raises:
            ReadingBroke: the program has a fault.
            ConnectionError, EOFError: the reader has died.
        """
        loop, self.page = asyncio.get_running_loop(), page
        message = pickle.dumps(page, pickle.HIGHEST_PROTOCOL)
        await loop.sock_sendall(self._channel, _LENGTH.pack(len(message)) + message)
        (length,) = _LENGTH.unpack(await self._receive(_LENGTH.size))
        self.page = None
        result, goes_on = pickle.loads(await self._receive(length))  # noqa: S301 (our own reader)
        if isinstance(result, _Broken):
            raise ReadingBroke(result.reason)
        return result, goes_on

    async def _receive(self, length: int) -> bytes:
        loop, parts = asyncio.get_running_loop(), bytearray()
        while len(parts) < length:
            part = await loop.sock_recv(self._channel, min(length - len(parts), 2**18))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def kill(self) -> None:
        """End it at once."""
        self.page = None
        if self._child.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._channel.close()

    close = kill


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
