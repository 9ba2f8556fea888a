"""Reader processes: they parse and extract pages, each page with a limit of time and of memory.

They are forked from a nursery that is itself forked before the reactor starts (`rscrawler.forks`).
A reader with a slow page gets no further page, and later a lower priority. Other pages of its site
wait, and another reader takes the next page. So no page holds up another site.
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
import time
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rscrawler.config import format_duration
from rscrawler.config.models import CrawlSettings
from rscrawler.forks import CAN_FORK, Forked, Nursery, NurseryLost, fork_nursery
from rscrawler.spiders.outcomes import PageKind
from rscrawler.spiders.reading import (
    PageReader,
    PageToRead,
    ReadFailure,
    ReadResult,
    ReadSource,
    TimeLimitExceeded,
    time_limit,
)

logger = logging.getLogger(__name__)

SLOW_AFTER_SECONDS = 0.2  # after this, other readers take the next pages
VERY_SLOW_AFTER_SECONDS = 2.0  # after this, its reader gets a lower priority
SLOW_NICENESS = 10
PAGES_AHEAD = 6  # of a reader, which keep it busy while the crawl stores a batch
MAX_ARTICLE_BYTES = 2 * 2**20  # of the pickled result of one page
MAX_SOURCE_BYTES = 16 * 2**20
_LENGTH = struct.Struct("=I")
_CHUNK_BYTES = 2**18
GARBAGE_THRESHOLD = 10_000  # new objects before the youngest generation is collected


class ReaderError(Exception):
    """An exception in a reader; its text is the `repr` of the original one."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(slots=True)
class _Task:
    page: PageToRead
    done: asyncio.Future[ReadResult]
    deaths: int = 0  # of readers that were parsing it


class Readers:
    """Parses the pages of a crawl, in reader processes or (`settings.readers` 0) in this process.

    Create it before there are threads: it forks.
    """

    def __init__(self, settings: CrawlSettings, reader: PageReader) -> None:
        self._settings, self._reader = settings, reader
        self._limit_seconds = settings.page_time_limit.total_seconds()
        self._nursery: Nursery | None = None
        if settings.readers and CAN_FORK and threading.active_count() == 1:
            self._nursery = fork_nursery(self._serve, self._prepare)
        self._waiting: OrderedDict[str, deque[_Task]] = OrderedDict()  # by site
        self._processes: list[_Process] = []
        self._has_complained = False

    async def read(self, page: PageToRead) -> ReadResult:
        """Parse a page; one that exceeds a limit gives `ReadFailure` with `OVER_LIMIT`."""
        if self._nursery is not None and not self._nursery.is_lost:
            task = _Task(page, asyncio.get_running_loop().create_future())
            self._waiting.setdefault(page.site, deque()).append(task)
            self._hand_out()
            try:
                return await task.done
            except NurseryLost:
                if not self._has_complained:
                    logger.warning(
                        "the reader processes are lost: pages are read in the crawl's own process"
                    )
                self._has_complained = True
        return self._read_here(page)

    def close(self) -> None:
        """End every reader and the nursery."""
        if self._nursery is not None:
            self._nursery.close()
        for process in self._processes:
            process.kill()

    # Assigning pages to readers.

    def _hand_out(self) -> None:
        """Hand out tasks, round-robin over sites; skip sites that have a slow page."""
        while (site := self._next_site()) and (process := self._free_process()):
            tasks = self._waiting.pop(site)
            process.send(tasks.popleft())
            if tasks:
                self._waiting[site] = tasks  # after the other sites
            if len(process.tasks) == 1:
                self.watch_first_page(process)

    def _next_site(self) -> str | None:
        slow = {each.tasks[0].page.site for each in self._processes if each.is_slow}
        return next((site for site in self._waiting if site not in slow), None)

    def _free_process(self) -> _Process | None:
        """An idle reader, else a new one, else the least busy one; None if all are full."""
        quick = [each for each in self._processes if not each.is_slow]
        idlest = min(quick, key=lambda each: len(each.tasks), default=None)
        if idlest is not None and (not idlest.tasks or len(quick) >= self._settings.readers):
            return idlest if len(idlest.tasks) < PAGES_AHEAD else None
        assert self._nursery is not None
        process = _Process(self, self._nursery)
        self._processes.append(process)
        return process

    def finish(self, process: _Process, reading: ReadResult | Exception) -> None:
        """Pass on the result of a reader's first page; end the reader, or let it go on."""
        caller = process.tasks.popleft().done
        if caller.done():
            pass  # it has given up
        elif isinstance(reading, Exception):
            caller.set_exception(reading)
        else:
            caller.set_result(reading)
        is_over_limit = isinstance(reading, ReadFailure) and reading.kind is PageKind.OVER_LIMIT
        if is_over_limit or process.is_slow or isinstance(reading, NurseryLost):
            self._end(process)
        else:
            self.watch_first_page(process)
        self._hand_out()

    def handle_death(self, process: _Process) -> None:
        """Handle the death of a reader: its page, perhaps not the cause, is retried once."""
        if process.tasks:
            process.tasks[0].deaths += 1
            if process.tasks[0].deaths == 2:
                reason = "its reader process died twice"
                self.finish(process, ReadFailure(PageKind.OVER_LIMIT, reason))
                return
        self._end(process)
        self._hand_out()

    def _end(self, process: _Process) -> None:
        self._processes.remove(process)
        self._requeue(process)
        process.kill()

    def _requeue(self, process: _Process, but: int = 0) -> None:
        """Put a reader's tasks back at the front of the queue, all but its first `but`."""
        while len(process.tasks) > but:
            task = process.tasks.pop()
            self._waiting.setdefault(task.page.site, deque()).appendleft(task)
            self._waiting.move_to_end(task.page.site, last=False)

    # Slow pages.

    def watch_first_page(self, process: _Process) -> None:
        """Check from now on whether the first page of a reader, if it is forked, takes long."""
        if process.slow_timer is not None:
            process.slow_timer.cancel()
        if process.tasks and process.child is not None:
            loop = asyncio.get_running_loop()
            process.slow_timer = loop.call_later(SLOW_AFTER_SECONDS, self._check_slow, process)
            process.first_since = loop.time()

    def _check_slow(self, process: _Process) -> None:
        """Check a reader whose first page takes long, and schedule the next check.

        On a busy machine the reader may lack a processor, so CPU time decides if the page is slow.
        """
        seconds = asyncio.get_running_loop().time() - process.first_since
        if seconds >= self._limit_seconds:
            self.finish(process, self._over_time())
            return
        if process.is_slow and seconds >= VERY_SLOW_AFTER_SECONDS:
            process.lower()
        if not process.is_slow and process.cpu_seconds_of_page() > SLOW_AFTER_SECONDS / 2:
            # A slow page is the last one of its reader; other readers take its further pages.
            process.is_slow = True
            self._requeue(process, but=1)
            self._hand_out()
        loop = asyncio.get_running_loop()
        wait = min(SLOW_AFTER_SECONDS, self._limit_seconds - seconds)
        process.slow_timer = loop.call_later(wait, self._check_slow, process)

    def _over_time(self) -> ReadFailure:
        span = format_duration(self._settings.page_time_limit)
        return ReadFailure(PageKind.OVER_LIMIT, f"takes longer than {span} to read")

    # In this process.

    def _read_here(self, page: PageToRead) -> ReadResult:
        try:
            with time_limit(self._limit_seconds):
                return self._reader.read(page)
        except TimeLimitExceeded:
            return self._over_time()
        except MemoryError:
            return ReadFailure(PageKind.OVER_LIMIT, "takes more memory than there is")

    # In the reader processes and the nursery.

    def _prepare(self) -> None:
        gc.freeze()  # what is imported stays: to search it takes long, and copies its memory
        self._reader.prepare(self._limit_seconds)
        gc.collect()
        gc.freeze()

    def _serve(self, descriptors: list[int]) -> int:
        gc.set_threshold(GARBAGE_THRESHOLD)
        mapped_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = mapped_pages * resource.getpagesize() + self._settings.page_memory_limit
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        with suppress(ValueError):  # `most`, the limit of `ulimit -v`, is lower: it holds
            resource.setrlimit(resource.RLIMIT_AS, (limit, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        channel = socket.socket(fileno=descriptors[0])
        gone = suppress(EOFError, ConnectionError, pickle.UnpicklingError)
        with channel, channel.makefile("rb") as pages, gone:
            while True:  # until the crawl has gone, even in the middle of a page
                channel.sendall(self._answer(pickle.load(pages)))  # noqa: S301 (our own crawl)
        return 0

    def _answer(self, page: PageToRead) -> bytes:
        """The response to the crawl, which ends this process if a page is over its limit."""
        try:
            result: object = self._reader.read(page)
        except MemoryError:
            mib = self._settings.page_memory_limit // 2**20
            result = ReadFailure(PageKind.OVER_LIMIT, f"takes more than {mib} MiB to read")
        except Exception as error:
            result = ReaderError(repr(error))
            logger.exception("rscrawler failed on a page")
        answer = _packed(result)
        most = MAX_SOURCE_BYTES if isinstance(result, ReadSource) else MAX_ARTICLE_BYTES
        if len(answer) <= most:
            return answer
        reason = f"has more than {most // 2**20} MiB of text and links"
        return _packed(ReadFailure(PageKind.OVER_LIMIT, reason))


class _Process:
    """A reader, as the crawl sees it, with its tasks in order.

    It gets the next page before it has responded, so that it never waits for the crawl.
    """

    def __init__(self, readers: Readers, nursery: Nursery) -> None:
        self._readers = readers
        self.tasks: deque[_Task] = deque()
        self.is_slow = False
        self.slow_timer: asyncio.TimerHandle | None = None
        self.first_since = 0.0  # when its first page became the first, in loop time
        self.child: Forked | None = None  # None until it is forked
        self._loop = asyncio.get_running_loop()
        self._channel, self._theirs = socket.socketpair()
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel, self._receive)
        self._unsent, self._received = bytearray(), bytearray()
        self._cpu_seconds = 0.0  # of the process, at the end of its last page
        # Kept here, as the loop does not keep it.
        self._starting = asyncio.ensure_future(self._start(nursery))

    async def _start(self, nursery: Nursery) -> None:
        try:
            with self._theirs:
                self.child = await nursery.fork([self._theirs.fileno()])
            self._readers.watch_first_page(self)
        except NurseryLost as error:
            self._readers.finish(self, error)

    def send(self, task: _Task) -> None:
        """Send it a page, after those that it already has."""
        self.tasks.append(task)
        self._unsent += pickle.dumps(task.page, pickle.HIGHEST_PROTOCOL)
        self._flush()

    def _flush(self) -> None:
        """Send as much as the socket takes now, and the rest once it is writable."""
        try:
            while self._unsent:
                del self._unsent[: self._channel.send(self._unsent)]
        except BlockingIOError:
            self._loop.add_writer(self._channel, self._flush)
            return
        except OSError:  # it has died, which `_receive` handles
            self._unsent.clear()
        self._loop.remove_writer(self._channel)

    def _receive(self) -> None:
        try:
            part = self._channel.recv(_CHUNK_BYTES)
        except OSError:
            part = b""
        if not part:
            self._readers.handle_death(self)
            return
        self._received += part
        while self.tasks and (end := _end_of_message(self._received)):
            body = self._received[_LENGTH.size : end]
            del self._received[:end]
            reading, self._cpu_seconds = pickle.loads(body)  # noqa: S301 (our own reader)
            self._readers.finish(self, reading)

    def cpu_seconds_of_page(self) -> float:
        """The CPU time that its first page has taken so far."""
        assert self.child is not None
        try:
            stat = Path(f"/proc/{self.child.pid}/stat").read_text(encoding="ascii")
        except OSError:  # it has died, which `_receive` handles
            return 0.0
        user, system = stat.rpartition(")")[2].split()[11:13]  # see proc(5)
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK") - self._cpu_seconds

    def lower(self) -> None:
        """Lower its scheduling priority."""
        if self.child is not None and not self.child.ended.done():
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self.child.pid, SLOW_NICENESS)

    def kill(self) -> None:
        """Kill it, and close its socket."""
        if self.slow_timer is not None:
            self.slow_timer.cancel()
        if self.child is not None and not self.child.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.child.pid, signal.SIGKILL)
        if not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
        self._theirs.close()
        self._channel.close()


def _packed(result: object) -> bytes:
    """A message to the crawl: a length and a pickle, with the CPU time of this process so far."""
    body = pickle.dumps((result, time.process_time()), pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def _end_of_message(received: bytearray) -> int:
    """The end of the first message; 0 while it is incomplete."""
    if len(received) < _LENGTH.size:
        return 0
    end: int = _LENGTH.size + _LENGTH.unpack_from(received)[0]
    return end if len(received) >= end else 0
