"""Real child processes: they end when they must, with everything that they started."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import psutil  # type: ignore[import-untyped]
import pytest
from sqlalchemy import create_engine, text

from rscrawler.scheduling.processes import ChildResult, watch
from tests.scheduling.service_process import run_child
from tests.workspace import (
    DEADLINE_SECONDS,
    Program,
    Running,
    belongings,
    has_ended,
    wait_until,
)

SOON = timedelta(milliseconds=20)
LONG = timedelta(minutes=5)

# Writes its process id and that of a grandchild, then waits for ever; both ignore SIGTERM.
STUBBORN = """
import os, pathlib, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "infinity"])
ready = pathlib.Path(sys.argv[1])
ready.with_suffix(".part").write_text(f"{os.getpid()} {child.pid}")
ready.with_suffix(".part").rename(ready)
signal.pause()
"""
# Says that it is closing when it gets SIGTERM, and ends well.
POLITE = """
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
pathlib.Path(sys.argv[1]).write_text("ready")
signal.sigwait({signal.SIGTERM})
print("closed")
"""


async def wait_for_file(path: Path) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not path.exists():
            await asyncio.sleep(0.01)


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


def run_python(code: str, limit: timedelta = LONG) -> ChildResult:
    return asyncio.run(run_child(python(code), limit, asyncio.Event()))


def test_a_child_hands_over_its_output_and_status() -> None:
    result = run_python("import sys; print('{}'); print('a\\nb', file=sys.stderr); sys.exit(3)")
    assert (result.exit_status, result.output, result.error_lines) == (3, "{}\n", ("a", "b"))
    assert not result.timed_out
    assert not result.was_stopped


def test_only_the_end_of_endless_output_is_kept() -> None:
    result = run_python("print('x' * 5 * 2**20 + 'end')")
    assert len(result.output) == 4 * 2**20
    assert result.output.endswith("end\n")


@pytest.mark.parametrize("ending", ["limit", "stop", "cancel"])
def test_a_child_that_will_not_end_is_killed_with_its_descendants(
    ending: str, tmp_path: Path
) -> None:
    ready, started, stopping = tmp_path / "ready", asyncio.Event(), asyncio.Event()

    async def start(output: BinaryIO, errors: BinaryIO) -> Process:
        child = await asyncio.create_subprocess_exec(
            *python(STUBBORN, ready), stdout=output, stderr=errors, start_new_session=True
        )
        await wait_for_file(ready)
        started.set()
        return child

    async def scenario() -> ChildResult | None:
        limit = SOON if ending == "limit" else LONG
        running = asyncio.create_task(watch(start, limit, stopping, patience=SOON))
        await started.wait()
        if ending == "stop":
            stopping.set()
        elif ending == "cancel":
            running.cancel()
            await asyncio.wait([running])
            return None
        return await running

    result = asyncio.run(scenario())
    for pid in map(int, ready.read_text().split()):
        wait_until(lambda pid=pid: has_ended(pid))  # type: ignore[misc]
    if result is not None:
        assert result.exit_status == -signal.SIGKILL
        assert (result.timed_out, result.was_stopped) == (ending == "limit", ending == "stop")


def test_a_child_that_is_asked_to_stop_closes_down_by_itself(tmp_path: Path) -> None:
    async def scenario() -> ChildResult:
        stopping = asyncio.Event()
        running = asyncio.create_task(run_child(python(POLITE, tmp_path / "ready"), LONG, stopping))
        await wait_for_file(tmp_path / "ready")
        stopping.set()
        return await running

    result = asyncio.run(scenario())
    assert (result.exit_status, result.output, result.was_stopped) == (0, "closed\n", True)


def test_what_a_child_leaves_behind_is_killed() -> None:
    result = run_python(
        "import subprocess, sys\nleft = subprocess.Popen(['sleep', 'infinity'])\nprint(left.pid)"
    )
    wait_until(lambda: has_ended(int(result.output)))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux")
def test_a_child_dies_with_a_service_that_is_killed(tmp_path: Path) -> None:
    child = (
        "import os, pathlib, signal, sys\n"
        "from rscrawler.forks import die_with\n"
        "die_with(int(sys.argv[1]))\n"
        "pathlib.Path(sys.argv[2] + '.part').write_text(str(os.getpid()))\n"
        "os.rename(sys.argv[2] + '.part', sys.argv[2])\n"
        "signal.pause()\n"
    )
    service = (
        "import os, subprocess, sys\n"
        "command = [sys.executable, '-c', sys.argv[1], str(os.getpid()), sys.argv[2]]\n"
        "subprocess.Popen(command, start_new_session=True).wait()\n"
    )
    ready = tmp_path / "ready"
    parent = subprocess.Popen(python(service, child, ready))
    wait_until(ready.exists)
    pid = int(ready.read_text())
    assert not has_ended(pid)
    parent.kill()
    parent.wait()
    wait_until(lambda: has_ended(pid))


def test_a_warm_process_whose_service_has_ended_already_does_nothing() -> None:
    command = [sys.executable, "-m", "rscrawler.scheduling.warm", "999999999", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "the process that started this one has ended" in ended.stderr


def test_fifty_runs_leave_no_descriptor_and_no_process_behind() -> None:
    me = psutil.Process()

    async def scenario() -> None:
        stopping = asyncio.Event()
        await run_child(["true"], LONG, stopping)
        before = belongings(me)
        for _ in range(50):
            await run_child(["true"], LONG, stopping)
        assert belongings(me) - before == set()

    asyncio.run(scenario())


# Whole services.


def start_service(program: Program, database_url: str, file: Path) -> Running:
    code = "from tests.scheduling.service_process import main\nmain()\nraise SystemExit"
    return program.start([database_url, str(file)], Path.cwd(), before=code)


def runs_of(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


def test_when_one_of_two_services_is_killed_in_a_run_the_other_repeats_it_and_carries_on(
    program: Program, database_url: str, tmp_path: Path
) -> None:
    file, hang = tmp_path / "runs", tmp_path / "runs.hang"
    hang.touch()
    first = start_service(program, database_url, file)
    wait_until(lambda: len(runs_of(file)) == 1)
    second = start_service(program, database_url, file)
    try:
        hang.unlink()
        first.send_signal(signal.SIGKILL)
        first.wait()
        wait_until(lambda: len(runs_of(file)) >= 4)
    finally:
        second.send_signal(signal.SIGTERM)
        status = second.wait().status
    assert runs_of(file)[0] == str(first.pid)
    assert set(runs_of(file)[1:]) == {str(second.pid)}
    assert status == 0


@pytest.mark.slow
def test_two_services_run_each_job_once(
    program: Program, database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "runs"
    services = [start_service(program, database_url, file) for _ in range(2)]
    wait_until(lambda: len(runs_of(file)) >= 5)
    for service in services:
        service.send_signal(signal.SIGTERM)
    assert [service.wait().status for service in services] == [0, 0]
    engine = create_engine(database_url)
    with engine.connect() as connection:
        claimed = connection.scalar(text("SELECT count(*) FROM fired"))
    engine.dispose()
    # A run that the end cut short is given back.
    assert len(runs_of(file)) - claimed in (0, 1)
