"""What the site says at this moment, and every way in which that can change."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from rscrawler.demo.generator import build_stories
from rscrawler.demo.stories import Story

Clock = Callable[[], datetime]
OLD_ADDRESS_AGE = timedelta(days=20)


class Theme(StrEnum):
    """How the markup names its parts."""

    REBELMOUSE = "rebelmouse"
    RENAMED = "renamed"  # the same elements, every class another one
    BARE = "bare"  # no classes and no data attributes at all


class SiteState:
    """The public stories, the theme and the tokens; safe to change from another thread.

    The same seed and time (`now`, with a time zone) give the same site. A slug that no public
    story has raises KeyError. A change takes effect with the next request.
    """

    def __init__(self, how_many: int, seed: int, now: Clock) -> None:
        stories, self._held_back = build_stories(how_many, seed, now())
        self.seed, self.now = seed, now
        self.base_url = ""  # scheme, host and port, without a final slash, once the port is known
        self.theme = Theme.REBELMOUSE
        self.lock = threading.RLock()
        self.edition = 0  # counts the changes: what was rendered for an earlier one is stale
        self.rotation = 0  # counts those of the image tokens, which are none of the site
        # In whole seconds, each later than the one before: no change hides from Last-Modified.
        self.changed_at = max(story.changed_at for story in stories)
        self._dated_paths_until = now().astimezone(UTC) - OLD_ADDRESS_AGE
        self._public = {story.slug: story for story in stories}
        self._gone: dict[str, tuple[Story, int]] = {}
        self._newest_first: tuple[Story, ...] | None = None
        self._redirects: dict[str, str] | None = None
        self._initial = list(self._public)
        self._regional = [story.slug for story in stories if story.is_about_the_region]

    @property
    def stories(self) -> tuple[Story, ...]:
        """The public stories, newest first."""
        if self._newest_first is None:
            ordered = sorted(self._public.values(), key=lambda s: s.published_at, reverse=True)
            self._newest_first = tuple(ordered)
        return self._newest_first

    def story(self, slug: str) -> Story:
        """The public story of that slug."""
        return self._public[slug]

    def gone_status(self, slug: str) -> int | None:
        """What the address of a story that was taken away answers; None: it was not."""
        return self._gone[slug][1] if slug in self._gone else None

    def neighbours(self, story: Story) -> tuple[Story, ...]:
        """Up to five articles that its page carries below it. Those taken away drop out.

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
        rival = story.other_path.strip("/")
        if rival not in self._public and rival not in self._gone:
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
            if fresh.slug in self._public or fresh.slug in self._gone:
                raise ValueError(f"there is a story {fresh.slug!r} already")
            fresh = replace(fresh, published_at=self._whole_second(), modified_at=None)
            self._public[fresh.slug] = fresh
            self._changed()
            return fresh

    def edit(self, slug: str, **changes: Any) -> Story:
        """Replace fields of a public story and date it modified now; returns it."""
        with self.lock:
            before = self._public[slug]
            if "paragraphs" in changes:
                changes["paragraphs"] = tuple(changes["paragraphs"])
                changes.setdefault("kinds", ())
            at_least = before.changed_at + timedelta(seconds=1)
            modified_at = max(self._whole_second(), at_least)
            self._public[slug] = replace(before, **{"modified_at": modified_at, **changes})
            self._changed()
            return self._public[slug]

    def change_typography(self, slug: str) -> Story:
        """Turn straight quotation marks curly in title, subtitle and text: an edit in form only."""
        story = self.story(slug)
        return self.edit(
            slug,
            title=_curled(story.title),
            subtitle=_curled(story.subtitle) if story.subtitle else None,
            paragraphs=map(_curled, story.paragraphs),
            kinds=story.kinds,
        )

    def remove(self, slug: str, status: int = 410) -> None:
        """Take a story away: its address answers `status`, and nothing lists it any more."""
        with self.lock:
            self._gone[slug] = (self._public.pop(slug), status)
            self._changed()

    def restore(self, slug: str) -> None:
        """Bring back a story that was taken away, as it was."""
        with self.lock:
            self._public[slug], _ = self._gone.pop(slug)
            self._changed()

    def change_markup(self, theme: Theme) -> None:
        """Give every page another theme."""
        with self.lock:
            self.theme = theme
            self._changed()

    def rotate_tokens(self) -> None:
        """Give every image address another token and expiry. No validator changes."""
        with self.lock:
            self.rotation += 1

    def _changed(self) -> None:
        self.edition += 1
        self._newest_first = self._redirects = None
        self.changed_at = max(self._whole_second(), self.changed_at + timedelta(seconds=1))

    def _whole_second(self) -> datetime:
        return self.now().astimezone(UTC).replace(microsecond=0)


def _curled(text: str) -> str:
    """`text` with curly quotation marks and apostrophes for the straight ones."""
    opening = {'"': "“", "'": "‘"}
    text = re.sub(r"""(?<![^ (—[“‘])["']""", lambda mark: opening[mark[0]], text)
    return text.translate(str.maketrans("\"'", "”’"))
