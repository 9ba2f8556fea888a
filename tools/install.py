"""Installs the packages of a lock file and shows progress; pip alone prints nothing or too much.

`python tools/install.py LOCK`, run by the Python of the environment to install into.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-color"]
SECONDS_BETWEEN_LINES = 10  # without a terminal


class Progress:
    """Shows the progress: one changing line on a terminal, else a line every ten seconds."""

    def __init__(self, total: int) -> None:
        self.total, self.seen, self.is_installing = total, 0, False
        self._ended = Event()
        self._started = time.monotonic()
        self._thread = Thread(target=self._show, daemon=True)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _show(self) -> None:
        is_terminal = sys.stdout.isatty()
        while not self._ended.wait(0.5 if is_terminal else SECONDS_BETWEEN_LINES):
            sys.stdout.write(f"\r{self._line}" if is_terminal else f"{self._line}\n")
            sys.stdout.flush()
        sys.stdout.write(f"{chr(13) if is_terminal else ''}{self._line}\n")

    @property
    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        step = "unpacking all" if self.is_installing else f"package {self.seen}"
        return f"  {step} of {self.total}, {seconds:.0f} s "


def main(lock: str) -> int:
    """Install; return pip's exit status."""
    text = Path(lock).read_text(encoding="utf-8")
    pinned = ["--no-deps", "--require-hashes", "--progress-bar", "off", "--requirement", lock]
    with (
        Progress(sum("==" in line for line in text.splitlines())) as progress,
        subprocess.Popen(
            [*PIP, *pinned], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip,
    ):
        said = []
        for line in pip.stdout or ():
            said.append(line)
            progress.seen += line.startswith(("Collecting", "Requirement already", "Ignoring"))
            progress.is_installing |= line.startswith("Installing collected")
    if pip.returncode:
        sys.stderr.writelines(said[-20:])
    sys.stderr.writelines(line for line in said if line.startswith("WARNING"))
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
