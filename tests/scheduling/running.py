"""`rscrawler run` as a process of its own, in a workspace."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from tests.workspace import Workspace, own_environment

SCHEDULES = ("--schedules", "schedules")
PATIENCE_SECONDS = 180.0


class RunningService:
    """A service that runs in a workspace; its log is a file there.

    It is forked from the loaded program; a `program` that stands in for that is started anew.
    """

    def __init__(
        self,
        workspace: Workspace,
        program: Sequence[str] = (),
        options: Sequence[str] = (),
        **environment: str,
    ) -> None:
        self.log = workspace.folder / "service.log"
        self._begun_at = self.log.stat().st_size if self.log.exists() else 0
        code = f"import os, sys\nos.execv(sys.executable, [*{[*program]!r}, *sys.argv[1:]])"
        with self.log.open("ab") as stream:
            self.process = workspace.start(
                *options,
                "run",
                *SCHEDULES,
                before=code if program else "",
                environment=own_environment(environment),
                stderr=stream.fileno(),
            )

    def says(self, text: str, times: int = 1) -> bool:
        """Whether it has said so since its start; another one may have written before it."""
        return self.log.read_bytes()[self._begun_at :].count(text.encode()) >= times

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return as soon as `condition` holds; fail if it does not, or the service ends."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.process.poll() is None, f"it ended:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"it never came:\n{self.log.read_text()}"
            time.sleep(0.01)

    def wait_until_it_says(self, text: str, times: int = 1) -> None:
        """Waits for the text to have come so many times since its start."""
        self.wait_until(lambda: self.says(text, times))

    def wait_until_it_says_again(self, text: str, times: int = 1) -> None:
        """Waits for what it says over and over to come so many times from now on."""
        times += self.log.read_text().count(text)
        self.wait_until(lambda: self.log.read_text().count(text) >= times)

    def crawls(self) -> list[int]:
        """Process ids of the runs under way, which its warm process has forked."""
        with suppress(psutil.NoSuchProcess):
            warm = psutil.Process(self.process.pid).children()
            return [run.pid for each in warm for run in each.children()]
        return []

    def kill_a_crawl(self) -> None:
        """Kill runs until one has died of it: one may end by itself just before."""

        def kill() -> bool:
            for pid in self.crawls():
                with suppress(psutil.NoSuchProcess):
                    psutil.Process(pid).kill()
            return self.says("failed: ended by SIGKILL")

        self.wait_until(kill)

    def stop(self) -> None:
        """End it as an operator does; it must end well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait().status == 0
        assert not self.says("Traceback"), self.log.read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def write_schedule(workspace: Workspace, text: str) -> Path:
    """The only schedule: it has the name of the shipped one."""
    folder = workspace.folder / "schedules"
    folder.mkdir(exist_ok=True)
    file = folder / "responsiblestatecraft.toml"
    file.write_text(text)
    return file
