"""A folder with a configuration, and the program run in it as users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "rscrawler"]
DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Result:
    """What a command answered."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object and nothing else."""
        value: dict[str, Any] = json.loads(self.stdout)
        return value


class Program:
    """The program in a process that waits for commands; see `tests.zygote`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Result:
        """Run one command to its end."""
        stdout, stderr = self._folder / "stdout", self._folder / "stderr"
        command = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment),
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Result(
            status, stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8")
        )

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


class Workspace:
    """A folder of its own for one test.

    Commands are run by `program`, which starts them at once; each is a whole process without it.
    """

    def __init__(self, folder: Path, program: Program | None = None) -> None:
        self.folder = folder
        self._program = program
        self.config = folder / "rscrawler.toml"
        self.output = folder / "output"

    def write_config(self, base_url: str, extra: str = "", site: str = "") -> None:
        """A configuration that crawls `base_url` as fast as it may."""
        self.config.write_text(
            "[sites.responsiblestatecraft]\n"
            f'base_url = "{base_url}"\nhosts = []\ndownload_delay = 0.0\nconcurrency = 8\n'
            f"{site}\n{extra}\n",
            encoding="utf-8",
        )

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run one command to its end."""
        if self._program is not None:
            return self._program.run(arguments, self.folder, _environment(environment))
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=_environment(environment),
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def crawl(self, *arguments: str) -> dict[str, Any]:
        """One cycle that must end well; its report."""
        result = self.run("crawl", "--json", *arguments)
        assert result.status == 0, result.stderr
        return result.json

    def crawl_and_kill(self, when: Callable[[], bool]) -> None:
        """Start a cycle and end it with SIGKILL as soon as `when` holds."""
        process = subprocess.Popen(
            [*PROGRAM, "crawl", "--json"],
            cwd=self.folder,
            env=_environment({}),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: when() or process.poll() is not None)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def records(self, kind: str = "articles") -> list[dict[str, Any]]:
        """Every line of the JSONL files of a kind, oldest first."""
        return [
            json.loads(line)
            for path in sorted((self.output / kind).glob("*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RSCRAWLER_")}
    return {**kept, **extra}


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; fail if it does not within a minute."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
