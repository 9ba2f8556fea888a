"""Reader processes: no page holds up another site, and each is over or ended within its limit."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from rscrawler.config.models import CrawlSettings
from rscrawler.forks import NurseryLost, fork_nursery
from rscrawler.sites import SiteProfile
from rscrawler.spiders.outcomes import PageKind
from rscrawler.spiders.pool import ReaderError, Readers
from rscrawler.spiders.reading import ArticleToRead, PageReader, PageToRead, ReadFailure, ReadResult
from rscrawler.topics import Flagger
from tests.workspace import DEADLINE_SECONDS, belongings, wait_until

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Acting(PageReader):
    """Does with a page what its address says."""

    def __init__(self) -> None:
        super().__init__({"site": SiteProfile(base_url="https://site.example")}, Flagger([]))

    def read(self, page: PageToRead) -> ReadResult:
        match page.url:
            case "stuck":
                while True:
                    pass
            case "wait":
                while not Path(os.fsdecode(page.body)).exists():
                    pass
            case "big":
                return ReadFailure(PageKind.INCOMPLETE, str(len(bytearray(2**30))))
            case "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            case "broken":
                raise ValueError("a fault")
            case "killed":
                Path(os.fsdecode(page.body)).touch()
                return ReadFailure(PageKind.INCOMPLETE, "x" * 8 * 2**20)
            case "long":
                return ReadFailure(PageKind.INCOMPLETE, "x" * 8 * 2**20)
        return ReadFailure(PageKind.INCOMPLETE, f"{page.url} was read by {os.getpid()}")


def page(url: str, site: str = "site", body: bytes = b"") -> ArticleToRead:
    return ArticleToRead(site, url, body, None, NOON)


@pytest.fixture(autouse=True)
def alone() -> None:
    """No thread of an earlier test is left: with one, nothing would be forked."""
    wait_until(lambda: threading.active_count() == 1)


def with_readers(
    scenario: Callable[[Readers], Coroutine[Any, Any, None]], **settings: object
) -> None:
    keys = {"readers": 1, "page_time_limit": "1s"} | settings
    readers = Readers(CrawlSettings.model_validate(keys), Acting())
    try:
        asyncio.run(scenario(readers))
    finally:
        readers.close()


def is_over_limit(reading: ReadResult) -> bool:
    return isinstance(reading, ReadFailure) and reading.kind is PageKind.OVER_LIMIT


def reason(reading: ReadResult) -> str:
    assert isinstance(reading, ReadFailure)
    return reading.reason


def test_one_process_reads_page_after_page() -> None:
    async def scenario(readers: Readers) -> None:
        said = {reason(await readers.read(page("a"))) for _ in range(5)}
        assert len(said) == 1
        assert str(os.getpid()) not in said.pop()

    with_readers(scenario)


def test_a_page_that_takes_too_long_is_ended_and_the_next_is_read() -> None:
    async def scenario(readers: Readers) -> None:
        stuck = await readers.read(page("stuck"))
        assert is_over_limit(stuck)
        assert reason(stuck) == "takes longer than 1s to read"
        assert "was read" in reason(await readers.read(page("a")))

    with_readers(scenario)


def test_a_page_that_takes_too_much_memory_is_ended_and_the_next_is_read() -> None:
    async def scenario(readers: Readers) -> None:
        big = await readers.read(page("big"))
        assert is_over_limit(big)
        assert reason(big) == "takes more than 256 MiB to read"
        assert "was read" in reason(await readers.read(page("a")))

    with_readers(scenario, page_memory_limit="256MiB", page_time_limit="1m")


def test_a_page_that_says_too_much_is_over_its_limit() -> None:
    async def scenario(readers: Readers) -> None:
        assert is_over_limit(await readers.read(page("long")))

    with_readers(scenario, page_time_limit="1m")


def test_a_page_that_its_reader_dies_of_is_tried_once_more() -> None:
    async def scenario(readers: Readers) -> None:
        dies = await readers.read(page("dies"))
        assert is_over_limit(dies)
        assert reason(dies) == "its reader process died twice"

    with_readers(scenario, page_time_limit="1m")


def test_a_page_that_the_program_breaks_on_is_told_and_the_reader_goes_on() -> None:
    async def scenario(readers: Readers) -> None:
        with pytest.raises(ReaderError, match="a fault"):
            await readers.read(page("broken"))
        assert "was read" in reason(await readers.read(page("a")))

    with_readers(scenario, page_time_limit="1m")


def test_a_slow_page_holds_up_its_own_site_alone(tmp_path: Path) -> None:
    """With one reader: the other site's pages are read while the slow one is."""

    async def scenario(readers: Readers) -> None:
        go_on = tmp_path / "go-on"
        slow = asyncio.create_task(readers.read(page("wait", "slow", os.fsencode(go_on))))
        await asyncio.sleep(0)
        behind = asyncio.create_task(readers.read(page("behind", "slow")))
        for _ in range(20):
            assert "was read" in reason(await readers.read(page("a")))
        assert not slow.done()
        assert not behind.done()
        go_on.touch()
        await asyncio.gather(slow, behind)
        assert "was read" in reason(slow.result())
        assert "was read" in reason(behind.result())

    with_readers(scenario, page_time_limit="5m")


def test_when_the_nursery_dies_pages_are_read_in_the_process_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    others = set(psutil.Process().children())  # servers of other tests

    async def scenario(readers: Readers) -> None:
        assert str(os.getpid()) not in reason(await readers.read(page("a")))
        (nursery,) = set(psutil.Process().children()) - others
        nursery.kill()
        with caplog.at_level(logging.WARNING):
            while f"by {os.getpid()}" not in reason(await readers.read(page("a"))):
                pass  # by a reader that is about to die with the nursery
        assert is_over_limit(await readers.read(page("stuck")))

    with_readers(scenario, page_time_limit="0.5s")


def test_without_readers_a_watchdog_ends_a_page_in_the_process_itself() -> None:
    async def scenario(readers: Readers) -> None:
        assert is_over_limit(await readers.read(page("stuck")))
        assert f"by {os.getpid()}" in reason(await readers.read(page("a")))

    with_readers(scenario, readers=0, page_time_limit="0.5s")


def test_readers_leave_no_process_and_no_descriptor_behind() -> None:
    me = psutil.Process()
    before = belongings(me)

    async def scenario(readers: Readers) -> None:
        await asyncio.gather(*(readers.read(page(f"a{number}")) for number in range(20)))
        await readers.read(page("stuck"))

    with_readers(scenario, readers=3, page_time_limit="0.5s")
    assert belongings(me) - before == set()


def test_a_crawl_ends_though_the_process_that_forks_its_readers_is_frozen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rscrawler.forks.ENDING_SECONDS", 0.1)
    others = set(psutil.Process().children())
    readers = Readers(CrawlSettings(readers=1), Acting())
    (frozen,) = set(psutil.Process().children()) - others
    frozen.suspend()
    closing = threading.Thread(target=readers.close)
    closing.start()
    closing.join(timeout=DEADLINE_SECONDS)
    is_over = not closing.is_alive()
    if not is_over:
        frozen.resume()
    closing.join()
    assert is_over
    assert not frozen.is_running()


def crawl_until_killed(mark: Path) -> None:
    """Die of SIGKILL while answers of a reader are on their way."""

    async def scenario(readers: Readers) -> None:
        await readers.read(page("a"))
        pages = [page("a"), page("killed", body=os.fsencode(mark)), page("a")]
        reading = [asyncio.ensure_future(readers.read(each)) for each in pages]
        await asyncio.sleep(0)  # the pages are sent
        wait_until(mark.exists)
        os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.gather(*reading)

    with_readers(scenario)


def test_readers_of_a_killed_crawl_go_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for number in range(20):
        pid = os.fork()
        if pid == 0:
            crawl_until_killed(tmp_path / str(number))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert capfd.readouterr().err == ""


CLOSED_NURSERY = """
from rscrawler.forks import fork_nursery

try:
    fork_nursery(lambda _: 0, lambda: None).close()
finally:
    print("goes on", flush=True)
"""


def test_the_process_that_forks_readers_just_ends_though_standard_error_is_closed() -> None:
    command = f"{shlex.join([sys.executable, '-c', CLOSED_NURSERY])} 2>&-"
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "goes on\n"


def test_the_process_that_forks_readers_goes_without_a_word_though_nobody_reads_its_answer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async def scenario() -> None:
        others = set(psutil.Process().children())
        nursery = fork_nursery(lambda _: 0, lambda: None)
        (process,) = set(psutil.Process().children()) - others
        descriptor, writer = os.pipe()
        started = asyncio.ensure_future(nursery.fork([writer]))
        await asyncio.sleep(0)  # it is asked for
        os.close(writer)
        assert os.read(descriptor, 1) == b""  # the child has come and gone
        os.close(descriptor)
        while process.children():  # it is told once the child is taken note of
            pass
        nursery.close()
        with pytest.raises(NurseryLost):
            await started

    asyncio.run(scenario())
    assert capfd.readouterr().err == ""
