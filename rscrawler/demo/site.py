"""The handle on the sample site that tests, the demo and the benchmarks hold."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from rscrawler.clock import utc_now
from rscrawler.demo.bodies import image_path
from rscrawler.demo.faults import Fault, FaultRule
from rscrawler.demo.generator import build_stories
from rscrawler.demo.server import ServedRequest, Server
from rscrawler.demo.state import Clock, SiteState, Theme, is_dated
from rscrawler.demo.stories import Shape, Story
from rscrawler.items import Level

__all__ = ["Fault", "SampleSite", "ServedRequest", "Shape", "Story", "Theme", "TrueArticle"]


@dataclass(frozen=True, slots=True)
class TrueArticle:
    """What a record of a story has to say, whatever its page looks like.

    Attributes:
        url: canonical. `aliases` are the addresses that redirect to it; a crawl may know fewer.
        image_url: without token and expiry; a record holds it with both.
        image_credit: without the label that the page prints before it.
        level, countries: about Central Asia; None for generated stories, which are not.
        shapes: what is peculiar about the page.
    """

    slug: str
    url: str
    aliases: tuple[str, ...]
    title: str
    subtitle: str | None
    authors: tuple[str, ...]
    sections: tuple[str, ...]
    tags: tuple[str, ...]
    language: str
    published_at: datetime | None
    modified_at: datetime | None
    body: str
    word_count: int
    image_url: str | None
    image_caption: str | None
    image_credit: str | None
    republished_from: str | None
    level: Level | None
    countries: tuple[str, ...] | None
    shapes: frozenset[Shape]


class SampleSite:
    """A running site: a context manager that serves from a thread of its own.

    Args:
        stories: how many are public at the start.
        seed: the same seed and time give the same site.
        now: the site's clock, with a time zone.
        port: 0 takes a free one.

    The changing methods are those of `SiteState`; they take effect with the next request.
    """

    def __init__(
        self, stories: int = 120, seed: int = 1, now: Clock = utc_now, port: int = 0
    ) -> None:
        public, held_back = build_stories(stories, seed, now())
        self.state = SiteState(public, held_back, seed, now)
        self.publish = self.state.publish
        self.edit = self.state.edit
        self.change_typography = self.state.change_typography
        self.remove = self.state.remove
        self.restore = self.state.restore
        self.change_markup = self.state.change_markup
        self.rotate_tokens = self.state.rotate_tokens
        self._server = Server(self.state)
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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops serving and ends the thread; does nothing when it does not serve."""
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._thread = None
        self._loop.close()

    @property
    def base_url(self) -> str:
        """Scheme, host and port, without a final slash."""
        return self.state.base_url

    @property
    def stories(self) -> tuple[Story, ...]:
        """The public stories, newest first."""
        return self.state.stories

    @property
    def requests(self) -> list[ServedRequest]:
        """What was asked so far, in order."""
        return list(self._server.requests)

    def forget_requests(self) -> None:
        """Empties `requests`, before the part of a test that counts them."""
        self._server.requests.clear()

    def story(self, slug: str) -> Story:
        """The public story of that slug.

        Raises:
            KeyError: there is none.
        """
        return self.state.story(slug)

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
        """Answers requests to such paths with `fault`, `times` times (None: until healed)."""
        with self.state.lock:
            self._server.faults.add(FaultRule(path_prefix, fault, times, retry_after_seconds))

    def heal(self) -> None:
        """Ends all faults."""
        with self.state.lock:
            self._server.faults.clear()

    def truth(self) -> list[TrueArticle]:
        """What is to be known about each public story, newest first."""
        return [self.truth_of(story) for story in self.state.stories]

    def truth_of(self, story: Story) -> TrueArticle:
        """The same for one story."""
        base = self.base_url
        dated = is_dated(story)
        return TrueArticle(
            slug=story.slug,
            url=base + story.path,
            aliases=tuple(base + path for path in self.state.old_addresses(story)),
            title=story.title,
            subtitle=story.subtitle,
            authors=story.authors,
            sections=story.sections,
            tags=story.tags,
            language="en",
            published_at=story.published_at if dated else None,
            modified_at=story.modified_at if dated else None,
            body=story.body,
            word_count=len(story.body.split()),
            image_url=base + image_path(story) if story.has_image else None,
            image_caption=story.image_caption if story.has_image else None,
            image_credit=story.image_credit if story.has_image else None,
            republished_from=story.republished_from,
            level=story.level,
            countries=story.countries,
            shapes=story.shapes,
        )
