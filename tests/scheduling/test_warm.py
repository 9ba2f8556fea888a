"""Runs forked from the warm process are runs like any other, and it is replaced when it must be."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from rscrawler import forks
from rscrawler.scheduling.processes import ChildResult
from rscrawler.scheduling.warm import WarmRuns
from tests.sample_site.server import end_other_tasks
from tests.workspace import DEADLINE_SECONDS, belongings, has_ended, wait_until

LONG = timedelta(minutes=5)
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked on Linux")


class Runs:
    """The runs of one warm process, with a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "rscrawler.toml"
        self.output = folder / "output"
        self.config.write_text(f'output_dir = "{self.output}"\n')
        (folder / "sites").mkdir()
        self.warm = WarmRuns([folder / "sites"], self.config)
        self.stopping = asyncio.Event()

    async def run(self, *arguments: str, limit: timedelta = LONG) -> ChildResult:
        return await self.warm.run(arguments, limit, self.stopping)

    async def version(self) -> str:
        return (await self.run("--version")).output.strip()

    def process(self) -> psutil.Process:
        """The warm process, as the system sees it."""
        (found,) = [
            child
            for child in psutil.Process().children()
            if "rscrawler.scheduling.warm" in child.cmdline()
            and child.environ()["RSCRAWLER_CONFIG"] == str(self.config)
        ]
        return found


Scenario = Callable[[Runs], Coroutine[Any, Any, None]]


async def a_running_server(
    runs: Runs,
) -> tuple[asyncio.Task[ChildResult], psutil.Process, psutil.Process]:
    """A run that does not end by itself, the warm process, and the run's own process."""
    await runs.version()
    serving = asyncio.create_task(runs.run("web", "--port", "0", "--config", str(runs.config)))
    warm = runs.process()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (children := warm.children()):
            await asyncio.sleep(0.01)
    await runs.version()  # the warm process answers in order, so it has told of the server
    return serving, warm, children[0]


def with_runs(folder: Path, scenario: Scenario) -> None:
    async def run() -> None:
        runs = Runs(folder)
        try:
            await scenario(runs)
        finally:
            runs.warm.close()

    asyncio.run(run())


@pytest.fixture(scope="module")
def in_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Scenario], None]]:
    """Plays scenarios with one warm process: the one that the scenario before has left.

    One that fails leaves none, so that it spoils no other.
    """
    runs = Runs(tmp_path_factory.mktemp("warm"))

    async def play(scenario: Scenario) -> None:
        try:
            with pytest.MonkeyPatch.context() as context:
                # Else the environment of each test would call for another warm process.
                context.delenv("PYTEST_CURRENT_TEST", raising=False)
                await scenario(runs)
        except BaseException:
            runs.warm.close()
            raise
        finally:
            await end_other_tasks()

    with asyncio.Runner() as loop:
        yield lambda scenario: loop.run(play(scenario))
        runs.warm.close()


def test_a_run_hands_over_its_output_and_status(in_one: Callable[[Scenario], None]) -> None:
    async def scenario(runs: Runs) -> None:
        good = await runs.run("schema", "article")
        assert (good.exit_status, good.output[:1], good.error_lines) == (0, "{", ())
        wrong = await runs.run("crawl", "nowhere", "--config", str(runs.config))
        assert (wrong.exit_status, wrong.output) == (2, "")
        assert "nowhere" in wrong.error_lines[-1]

    in_one(scenario)


def test_a_run_has_the_environment_and_the_folder_of_the_service_even_one_that_was_removed(
    tmp_path: Path, in_one: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "release-1"
    release.mkdir()
    (release / "own.toml").touch()

    async def scenario(runs: Runs) -> None:
        version = await runs.version()
        monkeypatch.chdir(release)
        with monkeypatch.context() as context:
            context.setenv("RSCRAWLER_OUTPUT_DIR", "elsewhere")
            done = await runs.run("deliver", "--json", "--config", "own.toml")
            assert done.exit_status == 0
            assert (release / "elsewhere" / "rscrawler.db").is_file()
            shutil.rmtree(release)
            assert await runs.version() == version
            first = runs.process()
        assert await runs.version() == version
        assert runs.process().pid != first.pid

    in_one(scenario)


def test_a_run_that_does_not_end_in_time_is_ended_with_its_group(
    in_one: Callable[[Scenario], None],
) -> None:
    async def scenario(runs: Runs) -> None:
        running = asyncio.create_task(
            runs.run("web", "--port", "0", "--config", str(runs.config), limit=timedelta(seconds=2))
        )
        await runs.run("deliver", "--config", str(runs.config))
        result = await running
        assert result.timed_out
        assert result.exit_status in (0, -signal.SIGTERM)  # it ends well once it serves
        assert runs.process().children() == []

    in_one(scenario)


def test_a_run_ends_with_the_warm_process_and_the_next_one_has_another_or_fails(
    in_one: Callable[[Scenario], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(runs: Runs) -> None:
        serving, first, child = await a_running_server(runs)
        first.kill()
        assert (await serving).exit_status == -signal.SIGKILL
        await asyncio.to_thread(wait_until, lambda: has_ended(child.pid))
        with monkeypatch.context() as context:
            context.setattr(sys, "executable", "/bin/false")
            with pytest.raises(forks.NurseryLost):
                await runs.version()
        (line,) = caplog.messages
        assert line.startswith("the warm process is lost (")
        assert (await runs.version()).startswith("rscrawler ")
        assert runs.process().pid != first.pid

    in_one(scenario)


def test_a_warm_process_that_does_not_answer_holds_up_no_run_and_is_replaced(
    in_one: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(runs: Runs) -> None:
        version = await runs.version()
        frozen = runs.process()
        frozen.suspend()
        close = forks.Nursery.close

        def close_the_frozen(nursery: forks.Nursery) -> None:
            monkeypatch.undo()  # the next one has time to start
            close(nursery)

        monkeypatch.setattr(forks, "ANSWER_SECONDS", 0.2)
        monkeypatch.setattr(forks.Nursery, "close", close_the_frozen)
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await runs.version() == version
        assert not frozen.is_running()
        assert runs.process().pid != frozen.pid

    in_one(scenario)


def test_a_file_that_changes_calls_for_another_warm_process(
    in_one: Callable[[Scenario], None],
) -> None:
    async def scenario(runs: Runs) -> None:
        await runs.version()
        first = runs.process()
        compiled = runs.folder / "sites" / "__pycache__"
        compiled.mkdir()
        (compiled / "new.pyc.139").touch()  # as another process begins to write it
        await runs.version()
        assert runs.process().pid == first.pid
        (runs.folder / "sites" / "new.toml").write_text('base_url = "https://new.example"\n')
        await runs.version()
        assert runs.process().pid != first.pid
        assert not first.is_running()

    in_one(scenario)


def test_the_warm_process_has_one_thread_one_socket_and_no_database(
    in_one: Callable[[Scenario], None],
) -> None:
    async def scenario(runs: Runs) -> None:
        await runs.run("deliver", "--config", str(runs.config))
        process = runs.process()
        files = Path(f"/proc/{process.pid}/fd")
        opened = [str(each.readlink()) for each in files.iterdir() if int(each.name) > 2]
        opened = [each for each in opened if "/libffi.so" not in each]  # Debian's stays open
        assert process.num_threads() == 1
        assert sorted(each.partition(":")[0] for each in opened) == ["pipe", "pipe", "socket"]

    in_one(scenario)


def test_twenty_runs_leave_no_descriptor_and_no_process_behind(
    in_one: Callable[[Scenario], None],
) -> None:
    async def scenario(runs: Runs) -> None:
        def left() -> list[set[object]]:
            return [belongings(each) for each in (psutil.Process(), runs.process())]

        await runs.version()
        before = left()
        for _ in range(20):
            await runs.version()
        assert [now - then for now, then in zip(left(), before, strict=True)] == [set(), set()]

    in_one(scenario)


def test_a_run_ends_though_the_warm_process_does_not_say_so(
    in_one: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(runs: Runs) -> None:
        serving, frozen, _ = await a_running_server(runs)
        frozen.suspend()
        monkeypatch.setattr(forks, "ANSWER_SECONDS", 0.2)
        serving.cancel()  # as a second SIGTERM does
        await asyncio.wait([serving], timeout=DEADLINE_SECONDS)
        assert serving.cancelled()
        assert not frozen.is_running()

    in_one(scenario)


def test_a_run_reads_the_text_that_its_service_read_whatever_became_of_the_file(
    tmp_path: Path,
) -> None:
    async def scenario(runs: Runs) -> None:
        for name, rest in (("бюро", f"# {'x' * 2**17}\n"), ("new", "")):
            runs.warm.text = f'output_dir = "{name}"\n{rest}'  # as after a reload
            for is_gone in (False, True):
                if is_gone:
                    runs.config.unlink()
                else:
                    runs.config.write_text("")
                assert (await runs.run("deliver", "--json")).exit_status == 0
                shutil.rmtree(tmp_path / name)
        assert [each.name for each in tmp_path.iterdir()] == ["sites"]

    with_runs(tmp_path, scenario)


def test_profiles_whose_pattern_never_ends_hold_up_no_run_however_many_they_are(
    tmp_path: Path,
) -> None:
    count = 1 + int(forks.ANSWER_SECONDS)  # with a time limit of a second each

    async def scenario(runs: Runs) -> None:
        runs.config.write_text(
            f'output_dir = "{tmp_path / "output"}"\nsites_dir = "sites"\n'
            '[crawl]\npage_time_limit = "1s"\n'
        )
        for number in range(count):
            (tmp_path / "sites" / f"own{number}.toml").write_text(
                f'title = "Own"\nbase_url = "https://own{number}.example.org"\n'
                "[markup]\ncut_text = ['^(\\w+ ?)+ is a (writer|journalist)']\n"
            )
        done = await runs.run("deliver", "--json", "--config", str(runs.config))
        assert (done.exit_status, done.timed_out) == (0, False)

    with_runs(tmp_path, scenario)
