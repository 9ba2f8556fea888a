"""A folder with a configuration, and the program run in it as users run it."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import psutil  # type: ignore[import-untyped]

from rscrawler.forks import ANSWER, STARTED

PROGRAM = [sys.executable, "-m", "rscrawler"]
DEADLINE_SECONDS = 180.0


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


class Running:
    """A command under way; what it prints goes to files unless a test has a place for it."""

    def __init__(self, program: Program, pid: int, printed: Sequence[IO[bytes] | None]) -> None:
        self.pid = pid
        self._program, self._printed = program, printed
        self._status: int | None = None
        self._result: Result | None = None

    def poll(self, seconds: float = 0.0) -> int | None:
        """How it ended, as `subprocess` says it; None: it does not within so many seconds."""
        if self._status is None:
            self._status = self._program.status_of(self.pid, seconds)
        return self._status

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # just now
                os.kill(self.pid, number)

    def wait(self) -> Result:
        """Let it come to its end; fail if it does not in `DEADLINE_SECONDS`."""
        if self._result is None:
            status = self.poll(DEADLINE_SECONDS)
            assert status is not None, "it does not end"
            self._result = Result(status, *map(_read, self._printed))
        return self._result


def _read(printed: IO[bytes] | None) -> str:
    if printed is None:
        return ""
    with printed:
        printed.seek(0)
        return printed.read().decode()


class Program:
    """The program in a process that waits for commands; see `tests.zygote`.

    Where that process died or starts no command, the next command has another one.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.zygote", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=Path(__file__).parents[1],
            )
        self._statuses: dict[int, int] = {}

    def _abandon(self) -> None:
        self._process.kill()
        self.close()

    def start(
        self,
        arguments: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        *,
        before: str = "",
        closed: Sequence[int] = (),
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
    ) -> Running:
        """Start one command.

        `before` is Python that it runs first; `closed` are standard streams that it lacks, the
        others go to the given descriptors. Standard input is empty unless given.
        """
        if self._process.poll() is not None:
            self._abandon()
            self._begin()
        command = {
            "arguments": list(arguments),
            "folder": str(folder),
            "environment": dict(environment or own_environment()),
            "before": before,
            "closed": list(closed),
        }
        printed: list[IO[bytes] | None] = []
        places: list[int] = []
        for place in (stdout, stderr):
            file = TemporaryFile() if place is None else None  # noqa: SIM115 (`wait` closes it)
            printed.append(file)
            places.append(file.fileno() if file else place or 0)
        with TemporaryFile() as request, Path(os.devnull).open("rb") as nothing:
            request.write(json.dumps(command).encode())
            request.flush()
            read = nothing.fileno() if stdin is None else stdin
            socket.send_fds(self._control, [b"\0"], [request.fileno(), read, *places])
        return Running(self, self._started(), printed)

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Result:
        """Run one command to its end."""
        return self.start(arguments, folder, environment).wait()

    def status_of(self, pid: int, seconds: float) -> int | None:
        """How a command ended; None if it does not within so many seconds."""
        deadline = time.monotonic() + seconds
        while pid not in self._statuses:
            answer = self._hear(max(0.0, deadline - time.monotonic()))
            if answer is None:
                return None
            self._statuses[answer[0]] = answer[1]
        return self._statuses.pop(pid)

    def close(self) -> None:
        """End the process, and all that it runs."""
        self._control.close()
        self._process.wait()

    def _started(self) -> int:
        while True:
            answer = self._hear(DEADLINE_SECONDS)
            if answer is None:
                self._abandon()  # else its answer would be taken for that to the next command
                raise AssertionError("no command is started")
            if answer[1] == STARTED:
                return answer[0]
            self._statuses[answer[0]] = answer[1]

    def _hear(self, seconds: float) -> tuple[int, int] | None:
        """A command's process id, and its status or that it has started."""
        if not select.select([self._control], [], [], seconds)[0]:
            return None
        answer = b""
        with suppress(ConnectionResetError):
            answer = self._control.recv(ANSWER.size, socket.MSG_WAITALL)
        if not answer:
            return None  # it has died
        pid, status = ANSWER.unpack(answer)
        return pid, status


class Script:
    """Python under way in a process forked from the prepared program, typed to line by line."""

    def __init__(self, program: Program, code: str, *arguments: str) -> None:
        stdin, typed = os.pipe()
        printed, stdout = os.pipe()
        before = f"{code}\nraise SystemExit"
        self._running = program.start(
            arguments, Path.cwd(), before=before, stdin=stdin, stdout=stdout
        )
        os.close(stdin)
        os.close(stdout)
        self._typed, self._printed = os.fdopen(typed, "w"), os.fdopen(printed)

    def type(self, line: str) -> None:
        """Give it a line."""
        print(line, file=self._typed, flush=True)

    def line(self) -> str:
        """The next line that it prints."""
        return self._printed.readline().rstrip("\n")

    def end(self) -> str:
        """Let it come to its end; what it has printed since."""
        with self._typed, self._printed:
            printed = self._printed.read()
        assert self._running.wait().status == 0
        return printed

    def kill(self) -> None:
        """End it at once."""
        self._running.send_signal(signal.SIGKILL)
        with self._typed, self._printed:
            self._running.wait()


class Workspace:
    """A folder of its own for one test.

    Commands are run by `program`, which starts them at once; each is a whole process without it.
    """

    def __init__(self, folder: Path, program: Program | None = None) -> None:
        self.folder = folder
        self._program = program
        self.config = folder / "rscrawler.toml"
        self.output = folder / "output"

    def write_config(
        self, base_url: str, extra: str = "", site: str = "", *, readers: int = 0
    ) -> None:
        """A configuration that crawls `base_url` as fast as it may.

        The crawl reads pages itself unless it is given readers: it takes a quarter less.
        """
        text = (
            "[sites.responsiblestatecraft]\n"
            f'base_url = "{base_url}"\nhosts = []\ndownload_delay = 0.0\nconcurrency = 8\n'
            f"{site}\n{extra}\n"
        )
        head, _, rest = text.partition("[crawl]\n")
        self.config.write_text(f"{head}[crawl]\nreaders = {readers}\n{rest}", encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run one command to its end."""
        if self._program is not None:
            return self._program.run(arguments, self.folder, own_environment(environment))
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=own_environment(environment),
            capture_output=True,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **streams: Any) -> Running:
        """Start one command; keywords as for `Program.start`."""
        assert self._program is not None
        return self._program.start(arguments, self.folder, **streams)

    def crawl(self, *arguments: str) -> dict[str, Any]:
        """One cycle that must end well; its report."""
        result = self.run("crawl", "--json", *arguments)
        assert result.status == 0, result.stderr
        return result.json

    def crawl_and_kill(self, when: Callable[[], bool]) -> None:
        """Start a cycle and end it with SIGKILL as soon as `when` holds."""
        process = self.start("crawl", "--json")
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


def own_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the tests, less what configures rscrawler; `extra` on top."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RSCRAWLER_")}
    return {**kept, **(extra or {})}


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds; fail if it does not in `DEADLINE_SECONDS`."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that nobody else gets; it refuses connections while no server of the test has it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def has_ended(pid: int) -> bool:
    """Whether a process is no more; its parent may not have taken note of it."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def opened_files(pid: int) -> list[str]:
    """The paths of the files that a process has open; none once it has ended."""
    with suppress(psutil.NoSuchProcess):
        return [file.path for file in psutil.Process(pid).open_files()]
    return []


def belongings(process: psutil.Process) -> set[object]:
    """The descriptors of a process, each with what is behind it, and its children.

    A test asks for those that were not there before: what an earlier test let go may go meanwhile.
    """
    folder = Path(f"/proc/{process.pid}/fd")
    opened: set[object] = set()
    for each in folder.iterdir():
        with suppress(FileNotFoundError):  # the one by which the folder is read
            opened.add((each.name, str(each.readlink())))
    return opened | {*process.children()}
