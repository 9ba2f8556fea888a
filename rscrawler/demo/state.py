"""What the site says at this moment, and every way in which that can change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from rscrawler.demo.stories import Shape, Story

Clock = Callable[[], datetime]
OLD_ADDRESS_AGE = timedelta(days=20)
_CURLY = {'"': "“”", "'": "‘’"}


class Theme(StrEnum):
    """How the markup names its parts."""

    REBELMOUSE = "rebelmouse"
    RENAMED = "renamed"  # the same elements, every class another one
    BARE = "bare"  # no classes and no data attributes at all


@dataclass(frozen=True, slots=True)
class Gone:
    """A story that was taken away, and the status that its address answers with."""

    story: Story
    status: int


class SiteState:
    """The public stories, the theme and the tokens; safe to change from another thread.

    Attributes:
        base_url: scheme, host and port, without a final slash. Set once the port is known.
        edition: counts the changes; whatever was rendered for an earlier edition is stale.
        changed_at: the time of the last change, in whole seconds; strictly later each time,
            so that Last-Modified alone never hides a change.
        rotation: counts the changes of the image tokens, which are no change of the site.
    """

    def __init__(
        self, stories: tuple[Story, ...], held_back: Iterator[Story], seed: int, now: Clock
    ) -> None:
        self.base_url = ""
        self.seed = seed
        self.now = now
        self.theme = Theme.REBELMOUSE
        self.lock = threading.RLock()
        self.edition = 0
        self.rotation = 0
        self.started_at = now().astimezone(UTC)
        self.changed_at = max(story.changed_at for story in stories)
        self._held_back = held_back
        self._public = {story.slug: story for story in stories}
        self._gone: dict[str, Gone] = {}
        self._newest_first: tuple[Story, ...] | None = None
        self._redirects: dict[str, str] | None = None
        self._initial = list(self._public)
        self._regional = [story.slug for story in stories if story.is_about_the_region]
        self._neighbours = {story.slug: self._draw_neighbours(story) for story in stories}

    # Reading

    @property
    def stories(self) -> tuple[Story, ...]:
        """The public stories, newest first."""
        if self._newest_first is None:
            ordered = sorted(self._public.values(), key=lambda s: s.published_at, reverse=True)
            self._newest_first = tuple(ordered)
        return self._newest_first

    def story(self, slug: str) -> Story:
        """The public story of that slug.

        Raises:
            KeyError: there is none.
        """
        return self._public[slug]

    def gone(self, slug: str) -> Gone | None:
        """The story of that slug, if it was taken away."""
        return self._gone.get(slug)

    def neighbours(self, story: Story) -> tuple[Story, ...]:
        """The articles that its page carries below it. Those taken away drop out."""
        slugs = self._neighbours[story.slug]
        return tuple(self._public[slug] for slug in slugs if slug in self._public)

    def old_addresses(self, story: Story) -> tuple[str, ...]:
        """The other paths that lead to it, by a redirect, besides those without a slash."""
        paths = []
        rival = story.other_path.strip("/")
        if rival not in self._public and rival not in self._gone:
            paths.append(story.other_path)
        if story.published_at < self.started_at - OLD_ADDRESS_AGE:
            paths.append(story.dated_path)
        return tuple(paths)

    def redirect_from(self, path: str) -> str | None:
        """Where an old address leads; None when `path` is no such address."""
        if self._redirects is None:
            self._redirects = {
                old: story.path for story in self.stories for old in self.old_addresses(story)
            }
        return self._redirects.get(path)

    # Changing

    def publish(self, story: Story | None = None) -> Story:
        """Makes `story`, or the next one held back, public now; returns it as published.

        Raises:
            ValueError: a story of that slug exists already.
        """
        with self.lock:
            fresh = story or next(self._held_back)
            if fresh.slug in self._public or fresh.slug in self._gone:
                raise ValueError(f"there is a story {fresh.slug!r} already")
            fresh = replace(fresh, published_at=self._whole_second(), modified_at=None)
            self._neighbours[fresh.slug] = self._draw_neighbours(fresh)
            self._public[fresh.slug] = fresh
            self._changed()
            return fresh

    def edit(self, slug: str, **changes: Any) -> Story:
        """Replaces fields of a public story and dates it modified now; returns it.

        Raises:
            KeyError: no public story has that slug.
        """
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
        """Turns straight quotation marks curly in title, subtitle and text: an edit in form only.

        Raises:
            KeyError: no public story has that slug.
        """
        story = self.story(slug)
        return self.edit(
            slug,
            title=curled(story.title),
            subtitle=curled(story.subtitle) if story.subtitle else None,
            paragraphs=tuple(curled(text) for text in story.paragraphs),
            kinds=story.kinds,
        )

    def remove(self, slug: str, status: int = 410) -> None:
        """Takes a story away: its address answers `status`, and nothing lists it any more.

        Raises:
            KeyError: no public story has that slug.
        """
        with self.lock:
            self._gone[slug] = Gone(self._public.pop(slug), status)
            self._changed()

    def restore(self, slug: str) -> None:
        """Brings back a story that was taken away, as it was.

        Raises:
            KeyError: it was not taken away.
        """
        with self.lock:
            self._public[slug] = self._gone.pop(slug).story
            self._changed()

    def change_markup(self, theme: Theme) -> None:
        """Gives every page another theme."""
        with self.lock:
            self.theme = theme
            self._changed()

    def rotate_tokens(self) -> None:
        """Gives every image address another token and expiry. No validator changes."""
        with self.lock:
            self.rotation += 1

    def _changed(self) -> None:
        self.edition += 1
        self._newest_first = self._redirects = None
        self.changed_at = max(self._whole_second(), self.changed_at + timedelta(seconds=1))

    def _whole_second(self) -> datetime:
        return self.now().astimezone(UTC).replace(microsecond=0)

    def _draw_neighbours(self, story: Story) -> tuple[str, ...]:
        """Up to five slugs; whatever the story is about, a piece on Central Asia is among them."""
        rng = Random(f"{self.seed}:{story.slug}")
        drawn = rng.sample(self._regional, min(2, len(self._regional)))
        drawn += rng.sample(self._initial, min(3, len(self._initial)))
        unique = [slug for slug in dict.fromkeys(drawn) if slug != story.slug]
        rng.shuffle(unique)
        return tuple(unique[:5])


def curled(text: str) -> str:
    """`text` with curly quotation marks and apostrophes for the straight ones."""
    letters = []
    for index, letter in enumerate(text):
        opening = index == 0 or text[index - 1] in " (—[“‘"
        letters.append(_CURLY[letter][0 if opening else 1] if letter in _CURLY else letter)
    return "".join(letters)


def is_dated(story: Story) -> bool:
    """Whether the site says anywhere when the story was published."""
    return Shape.NO_DATE not in story.shapes
