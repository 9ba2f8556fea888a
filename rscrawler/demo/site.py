"""The handle on the sample site that tests, the demo and the benchmarks hold."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from rscrawler.clock import utc_now
from rscrawler.demo.bodies import image_path
from rscrawler.demo.server import Fault, FaultRule, ServedRequest, Server
from rscrawler.demo.state import Clock, SiteState, Theme
from rscrawler.demo.stories import Shape, Story

__all__ = ["Fault", "SampleSite", "ServedRequest", "Shape", "Story", "Theme", "TrueArticle"]


@dataclass(frozen=True)
class TrueArticle:
    """What a record of a story has to say, whatever its page looks like.

    Its other attributes are those of `story`.
    """

    story: Story
    url: str  # canonical
    aliases: tuple[str, ...]  # they redirect to it; a crawl may know fewer
    published_at: datetime | None  # None if the site does not say it anywhere
    modified_at: datetime | None
    image_url: str | None  # without token and expiry; a record holds it with both
    language: str = "en"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.story, name)


class SampleSite(SiteState):
    """A running site: a context manager that serves from a thread of its own.

    `stories` are public at the start; `port` 0 takes a free one.
    """

    def __init__(
        self, stories: int = 120, seed: int = 1, now: Clock = utc_now, port: int = 0
    ) -> None:
        super().__init__(stories, seed, now)
        self._server = Server(self)
        self._port = port
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="sample-site", daemon=True
        )
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._server.start(self._port), self._loop).result()
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
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()

    @property
    def requests(self) -> list[ServedRequest]:
        """What was asked so far, in order."""
        return list(self._server.requests)

    def warm_up(self) -> None:
        """Build every article ahead, so that the first visitor does not wait."""
        for story in self.stories:
            self._server.built(story.path)

    def forget_requests(self) -> None:
        """Empty `requests`, before the part of a test that counts them."""
        self._server.requests.clear()

    def shaped(self, shape: Shape) -> list[Story]:
        """The public stories whose pages have that shape, newest first."""
        return [story for story in self.stories if shape in story.shapes]

    def fail(
        self,
        path_prefix: str,
        fault: Fault,
        times: int | None = None,
        retry_after_seconds: int = 1,
    ) -> None:
        """Answer requests to such paths with `fault`, `times` times (None: until healed)."""
        with self.lock:
            rule = FaultRule(path_prefix, fault, times, retry_after_seconds)
            self._server.faults.insert(0, rule)

    def heal(self) -> None:
        """End all faults."""
        with self.lock:
            self._server.faults.clear()

    def truth(self) -> list[TrueArticle]:
        """What is to be known about each public story, newest first."""
        return [self.truth_of(story) for story in self.stories]

    def truth_of(self, story: Story) -> TrueArticle:
        """The same for one story."""
        return TrueArticle(
            story=story,
            url=self.base_url + story.path,
            aliases=tuple(self.base_url + path for path in self.old_addresses(story)),
            published_at=story.published_at if story.is_dated else None,
            modified_at=story.modified_at if story.is_dated else None,
            image_url=self.base_url + image_path(story) if story.has_image else None,
        )
