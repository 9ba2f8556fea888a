"""The sample site, running."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from rscrawler.clock import utc_now
from tests.sample_site.server import Server
from tests.sample_site.state import Clock, SiteState


class SampleSite(SiteState):
    """A running site: a context manager that serves from a thread of its own.

    `stories` are public at the start; `port` 0 takes a free one.
    """

    host = "127.0.0.1"  # where it listens

    def __init__(
        self, stories: int = 120, seed: int = 1, now: Clock = utc_now, port: int = 0
    ) -> None:
        super().__init__(stories, seed, now)
        self.server = Server(self)
        self._port = port
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="sample-site", daemon=True
        )
        self._thread.start()
        try:
            start = self.server.start(self._port, self.host)
            asyncio.run_coroutine_threadsafe(start, self._loop).result()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and end the thread; does nothing when it does not serve."""
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()

    def warm_up(self) -> None:
        """Build every article ahead, so that the first visitor does not wait."""
        for story in self.stories:
            self.server.built(story.path)
