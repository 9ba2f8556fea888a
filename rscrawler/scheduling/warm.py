"""The warm process: the program, imported and ready, from which each run is forked.

Importing a thousand modules and compiling watch-lists and profiles is most of the cost of an idle
cycle. The process has one thread, one socket (for its requests) and no database connection. It is
replaced when it dies or does not respond, and when the program, a library, a watch-list, a profile
or the configuration changes. `python -m rscrawler.scheduling.warm PARENT DESCRIPTOR` starts
it.
"""

import asyncio
import gc
import gzip
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from rscrawler import PACKAGE_DIR
from rscrawler.config import CONFIG_VARIABLE, Config, find_config, hand_down, load_config
from rscrawler.forks import Forked, Nursery, NurseryLost, die_with, serve
from rscrawler.scheduling.processes import ChildResult, watch

logger = logging.getLogger(__name__)

# The modules that a run needs, besides the classes in Scrapy's settings.
_MODULES = (
    "rscrawler.cli.crawl",
    "rscrawler.cli.deliver",
    "rscrawler.extraction.article",
    "feedparser",
    "scrapy.core.downloader.handlers.http11",
    "encodings.charmap",
    "encodings.idna",
    "encodings.utf_8_sig",
    "xml.sax.expatreader",
)
# Scrapy guesses the encoding of a page that declares none, and loads every codec that it tries.
_COMPRESSED = gzip.compress(b"what is guessed")


class WarmRuns:
    """Runs rscrawler's commands as children of a warm process, which it starts and keeps.

    A changed file in `folders`, such as a watch-list, makes it start a new warm process. Runs use
    the configuration file `path` with the content `text` (None: as it is when they start).
    """

    def __init__(
        self, folders: Sequence[Path] = (), path: Path | None = None, text: str | None = None
    ) -> None:
        self.folders, self.path, self.text = folders, path, text
        self._nursery: Nursery | None = None
        self._stamps: tuple[object, ...] = ()

    async def run(
        self, arguments: Sequence[str], limit: timedelta, stopping: asyncio.Event
    ) -> ChildResult:
        """Run one of rscrawler's commands, as `watch` does.

        Raises:
            OSError: the run could not be forked, nor could it from another warm process.
        """

        async def start(output: BinaryIO, errors: BinaryIO) -> Forked:
            with tempfile.TemporaryFile("w+") as request:
                json.dump(list(arguments), request)
                request.flush()
                files = [each.fileno() for each in (request, output, errors)]
                try:
                    return await self._fresh_nursery().fork(files)
                except NurseryLost as error:
                    logger.warning("the warm process is lost (%s): trying another", error)
                    return await self._fresh_nursery().fork(files)

        return await watch(start, limit, stopping)

    def close(self) -> None:
        """End the warm process."""
        if self._nursery is not None:
            self._nursery.close()

    def _fresh_nursery(self) -> Nursery:
        """The warm process, started if need be; an outdated one ends with its last run."""
        named = {CONFIG_VARIABLE: str(self.path)} if self.path else {}
        environment = os.environ | named
        stamps = (environment, self.text, *_stamps_of(self.folders))
        if self._nursery is None or self._nursery.is_lost or stamps != self._stamps:
            if self._nursery is not None:
                logger.debug("starting another warm process: this one is out of date or dead")
                self._nursery.close_when_idle()
            self._nursery, self._stamps = _warm_process(environment, self.text), stamps
        return self._nursery


def _warm_process(environment: Mapping[str, str], text: str | None) -> Nursery:
    ours, theirs = socket.socketpair()
    module, parent = "rscrawler.scheduling.warm", str(os.getpid())
    command = [sys.executable, "-m", module, parent, str(theirs.fileno())]
    with theirs, tempfile.TemporaryFile("w+") as handed:
        json.dump(text, handed)
        handed.seek(0)
        process = subprocess.Popen(  # noqa: S603 (ourselves)
            command,
            stdin=handed,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def reap() -> None:
        process.kill()
        process.wait()

    return Nursery(ours, reap)


def own_folders(config: Config) -> list[Path]:
    """The operator's folders of site profiles and watch-lists."""
    return [each for each in (config.sites_dir, config.topics_dir) if each is not None]


def _stamps_of(folders: Sequence[Path]) -> Iterator[object]:
    """Values that change with any file of the program, its libraries or the operator."""
    for folder in (PACKAGE_DIR, *folders):
        for path, inner, names in os.walk(folder):
            if "__pycache__" in inner:
                inner.remove("__pycache__")  # any process may write there, under passing names
            for name in sorted(names):
                with suppress(OSError):
                    found = os.stat(f"{path}/{name}")  # noqa: PTH116 (hundreds, each time)
                    yield (path, name, found.st_mtime_ns, found.st_size)
    for place in map(Path, sys.path):
        if place.name in ("site-packages", "dist-packages"):
            with suppress(OSError):
                yield (str(place), place.stat().st_mtime_ns)  # installing a library changes it


# The warm process itself.


def import_all() -> None:
    """Import everything that a run needs."""
    for name in _MODULES:
        import_module(name)
    from scrapy.http import TextResponse
    from scrapy.settings import Settings
    from scrapy.utils.misc import load_object

    settings = Settings()
    settings.setmodule("rscrawler.settings", priority="project")
    for path in _class_paths(settings.values()):
        load_object(path)
    TextResponse("https://example.org/", body=_COMPRESSED).encoding  # noqa: B018 (it is guessed)


def _class_paths(values: Iterable[object]) -> Iterator[str]:
    """The paths of classes in settings: as a value, or as keys or values of a table."""
    for value in values:
        if isinstance(value, Mapping):
            yield from _class_paths((*value, *value.values()))
        elif isinstance(value, str) and value.startswith(("scrapy.", "rscrawler.")):
            yield value


def main(parent: int, descriptor: int) -> None:
    """Prepare, then fork for each request until the socket is closed."""
    die_with(parent)
    hand_down(json.load(sys.stdin))
    gc.disable()  # nothing that is imported or compiled here is garbage: scans take a tenth
    import_all()
    from rscrawler.crawling import prepare

    with suppress(Exception):  # a run reads the same files and reports what is wrong
        prepare(load_config(find_config(None)))
    gc.freeze()
    gc.enable()
    serve(socket.socket(fileno=descriptor), _run)


def _run(descriptors: list[int]) -> int:
    """Run one command in a forked child; returns its exit status."""
    request, output, errors = descriptors
    with open(request, "rb") as file:  # noqa: PTH123 (a descriptor)
        file.seek(0)
        arguments = json.load(file)
    for source, target in ((output, 1), (errors, 2)):
        os.dup2(source, target)
        os.close(source)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random.seed()
    sys.argv = ["rscrawler", *arguments]
    status = 0
    try:
        import_module("rscrawler.cli").main()  # by name: the layer above
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return status


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
