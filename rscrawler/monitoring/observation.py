"""What one cycle saw of a site's layout, as counts that can be stored and added up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, TypeVar

KeyT = TypeVar("KeyT")
CONTAINER, BODY = "container", "body"
# What is watched of an article page, by the names that extraction uses for its provenance.
# Subtitles are not: whether pieces have one is a habit that changes.
FIELDS = (
    CONTAINER,
    BODY,
    "title",
    "authors",
    "published_at",
    "sections",
    "tags",
    "image",
)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one cycle saw, or several did together.

    Attributes:
        pages: article pages that were read.
        unread: pages that should hold an article (it is known, or the feed announces it)
            and of which none could be read.
        rejected: whole pages that hold no article, `unread` ones included.
        misdated: pages whose date is not the feed's, by more than a day.
        origins: for each field, how many pages gave it by each origin; "" is none.
        lengths: how many bodies have how many words, in powers of two (8: 128 to 255).
        links: article addresses that a source led to, for each of its pages, by its address.
        findings: what was wrong, by the part of the site: see `drift.find_drift`.
    """

    pages: int = 0
    unread: int = 0
    rejected: int = 0
    misdated: int = 0
    origins: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    lengths: Mapping[int, int] = field(default_factory=dict)
    links: Mapping[str, float] = field(default_factory=dict)
    findings: Mapping[str, str] = field(default_factory=dict)

    @property
    def says_something(self) -> bool:
        """Whether anything was read from which the layout can be told."""
        return bool(self.pages or self.rejected or self.links)

    def plus(self, other: Observation) -> Observation:
        """Both together, as far as article pages are concerned."""
        return Observation(
            pages=self.pages + other.pages,
            unread=self.unread + other.unread,
            rejected=self.rejected + other.rejected,
            misdated=self.misdated + other.misdated,
            origins={
                name: _sum(self.origins.get(name, {}), other.origins.get(name, {}))
                for name in FIELDS
            },
            lengths=_sum(self.lengths, other.lengths),
        )

    def to_json(self) -> str:
        """Text that `from_json` reads back."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        values["lengths"] = {int(power): count for power, count in values["lengths"].items()}
        return cls(**values)


def _sum(one: Mapping[KeyT, int], other: Mapping[KeyT, int]) -> dict[KeyT, int]:
    return dict(Counter(one) + Counter(other))
