"""What the site says at this moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from tests.sample_site.generator import build_stories
from tests.sample_site.stories import Story

Clock = Callable[[], datetime]
OLD_ADDRESS_AGE = timedelta(days=20)


class SiteState:
    """The public stories; safe to add to from another thread.

    The same seed and time (`now`, with a time zone) give the same site. A slug that no public
    story has raises KeyError. A change takes effect with the next request.
    """

    def __init__(self, how_many: int, seed: int, now: Clock) -> None:
        stories, self._held_back = build_stories(how_many, seed, now())
        self.seed, self.now = seed, now
        self.base_url = ""  # scheme, host and port, without a final slash, once the port is known
        self.lock = threading.RLock()
        self.edition = 0  # counts the changes: what was rendered for an earlier one is stale
        # In whole seconds, each later than the one before: no change hides from Last-Modified.
        self.changed_at = max(story.changed_at for story in stories)
        self._dated_paths_until = now().astimezone(UTC) - OLD_ADDRESS_AGE
        self._public = {story.slug: story for story in stories}
        self._newest_first: tuple[Story, ...] | None = None
        self._redirects: dict[str, str] | None = None
        self._initial = list(self._public)
        self._regional = [story.slug for story in stories if story.is_about_the_region]

    @property
    def stories(self) -> tuple[Story, ...]:
        """The public stories, newest first."""
        if self._newest_first is None:
            # Of what is published in one second, the last comes first, too.
            latest = reversed(self._public.values())
            ordered = sorted(latest, key=lambda s: s.published_at, reverse=True)
            self._newest_first = tuple(ordered)
        return self._newest_first

    def story(self, slug: str) -> Story:
        """The public story of that slug."""
        return self._public[slug]

    def neighbours(self, story: Story) -> tuple[Story, ...]:
        """Up to five articles that its page carries below it.

        Whatever the story is about, an article on Central Asia is among them.
        """
        rng = Random(f"{self.seed}:{story.slug}")
        drawn = rng.sample(self._regional, min(2, len(self._regional)))
        drawn += rng.sample(self._initial, min(3, len(self._initial)))
        unique = [slug for slug in dict.fromkeys(drawn) if slug != story.slug]
        rng.shuffle(unique)
        return tuple(self._public[slug] for slug in unique[:5] if slug in self._public)

    def old_addresses(self, story: Story) -> tuple[str, ...]:
        """The other paths that lead to it, by a redirect, besides those without a slash."""
        paths = []
        if story.other_path.strip("/") not in self._public:
            paths.append(story.other_path)
        if story.published_at < self._dated_paths_until:
            paths.append(story.dated_path)
        return tuple(paths)

    def redirect_from(self, path: str) -> str | None:
        """Where an old address leads; None when `path` is no such address."""
        if self._redirects is None:
            self._redirects = {
                old: story.path for story in self.stories for old in self.old_addresses(story)
            }
        return self._redirects.get(path)

    def publish(self, story: Story | None = None) -> Story:
        """Make `story`, or the next one held back, public now; returns it as published.

        Raises:
            ValueError: a story of that slug exists already.
        """
        with self.lock:
            fresh = story or next(self._held_back)
            if fresh.slug in self._public:
                raise ValueError(f"there is a story {fresh.slug!r} already")
            fresh = replace(fresh, published_at=self._whole_second(), modified_at=None)
            self._public[fresh.slug] = fresh
            self._changed()
            return fresh

    def _changed(self) -> None:
        self.edition += 1
        self._newest_first = self._redirects = None
        self.changed_at = max(self._whole_second(), self.changed_at + timedelta(seconds=1))

    def _whole_second(self) -> datetime:
        return self.now().astimezone(UTC).replace(microsecond=0)
