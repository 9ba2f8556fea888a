"""The article and its parts: what every other module passes around.

An `Article` is the item that the spider yields and the pipelines complete. Its
record (`Article.to_record`) is the line that `output/articles/` carries, in the
field order of the contract.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

RECORD_SCHEMA = "rscrawler.article/1"
PRUNED = "pruned"  # the warning that marks a version whose text was forgotten


class Level(StrEnum):
    """How much of a piece is about a topic; `rank` orders them."""

    NONE = "none"
    MENTION = "mention"
    SUBSTANTIAL = "substantial"
    PRIMARY = "primary"

    @property
    def rank(self) -> int:
        """0 for none to 3 for primary."""
        return list(Level).index(self)

    def reaches(self, minimum: Level) -> bool:
        """Whether this level is `minimum` or above."""
        return self.rank >= minimum.rank


class Event(StrEnum):
    """What a version records."""

    NEW = "new"
    UPDATED = "updated"
    REMOVED = "removed"


class Novelty(StrEnum):
    """Whether a piece was news when it was first seen."""

    BASELINE = "baseline"
    BACKFILL = "backfill"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Image:
    """The lead image. `url` is as printed, with its expiring tokens."""

    url: str | None = None
    caption: str | None = None
    credit: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One passage that made a piece count for a topic.

    `field` is `title`, `subtitle`, `body` or `tags`; `paragraph` counts from 0 in
    the body and is None elsewhere. `start` and `end` are code-point offsets of
    `term` in that title, subtitle, tag or paragraph.
    """

    term: str
    entity: str
    country: str | None
    field: str
    paragraph: int | None
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TopicFlag:
    """The verdict of one watch-list on one piece; `score` is in 0 … 1."""

    topic: str
    level: Level
    score: float
    countries: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()


EMPTY = ", empty"  # ends the body's provenance where its element is there without a text


@dataclass(frozen=True, slots=True)
class Extraction:
    """How the fields were found. `provenance` maps a field to what gave it."""

    method: str
    warnings: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What an update changed: which of title, subtitle and body, and how many words in all."""

    fields: tuple[str, ...]
    words_added: int
    words_removed: int


@dataclass(slots=True)
class Article:
    """One version of one piece.

    The spider fills what the page says; the pipelines fill identity, novelty,
    `duplicate_of`, `follows` and `topics`; the store gives `version`, `event` and `record_id`.
    A field that is not known is None (an empty list for the plural ones). `found_in`
    holds the paths of the sources that had shown the piece when it was recorded.
    """

    site: str
    url: str
    fetched_at: datetime
    title: str | None = None
    subtitle: str | None = None
    authors: list[str] = field(default_factory=list)
    sections: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    language: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    body: str = ""
    image: Image | None = None
    republished_from: str | None = None
    aliases: list[str] = field(default_factory=list)
    found_in: list[str] = field(default_factory=list)
    extraction: Extraction = field(default_factory=lambda: Extraction("none"))
    # Given by the pipelines and the store.
    record_id: str = ""
    article_id: str = ""
    version: int = 0
    event: Event = Event.NEW
    novelty: Novelty = Novelty.NEW
    change: ChangeSummary | None = None  # there when `event` is updated
    first_seen_at: datetime | None = None
    duplicate_of: str | None = None
    follows: str | None = None
    topics: list[TopicFlag] = field(default_factory=list)

    @property
    def paragraphs(self) -> list[str]:
        """The body, split at its blank lines."""
        return self.body.split("\n\n") if self.body else []

    @property
    def word_count(self) -> int:
        """Words in the body, as white space divides them."""
        return _count_words(self.body)

    @property
    def is_pruned(self) -> bool:
        """Whether its text was forgotten: the body is empty, and was not."""
        return PRUNED in self.extraction.warnings

    def level_on(self, topic: str) -> Level:
        """The level on `topic`; `none` when it was not flagged."""
        return next((flag.level for flag in self.topics if flag.topic == topic), Level.NONE)

    def to_record(self) -> dict[str, Any]:
        """The record of the contract, ready for `json.dumps`."""
        return {
            "schema": RECORD_SCHEMA,
            "record_id": self.record_id,
            "event": str(self.event),
            "novelty": str(self.novelty),
            "change": asdict(self.change) if self.change else None,
            "article_id": self.article_id,
            "version": self.version,
            "site": self.site,
            "url": self.url,
            "aliases": self.aliases,
            "found_in": self.found_in,
            "title": self.title,
            "subtitle": self.subtitle,
            "authors": self.authors,
            "sections": self.sections,
            "tags": self.tags,
            "language": self.language,
            "published_at": rfc3339(self.published_at),
            "modified_at": rfc3339(self.modified_at),
            "first_seen_at": rfc3339(self.first_seen_at),
            "fetched_at": rfc3339(self.fetched_at),
            "body": None if self.is_pruned else self.body,
            "word_count": None if self.is_pruned else self.word_count,
            "image": asdict(self.image) if self.image else None,
            "republished_from": self.republished_from,
            "duplicate_of": self.duplicate_of,
            "follows": self.follows,
            "topics": [flag_record(flag) for flag in self.topics],
            "extraction": {
                "method": self.extraction.method,
                "warnings": list(self.extraction.warnings),
                "provenance": self.extraction.provenance,
            },
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """The article that a record of `to_record` describes."""
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in record.items() if key in known}
        for key in ("published_at", "modified_at", "first_seen_at", "fetched_at"):
            values[key] = parse_rfc3339(values[key]) if values.get(key) else None
        values["body"] = record.get("body") or ""
        values["event"] = Event(record["event"])
        values["novelty"] = Novelty(record["novelty"])
        if change := record.get("change"):
            values["change"] = ChangeSummary(**{**change, "fields": tuple(change["fields"])})
        values["image"] = Image(**record["image"]) if record.get("image") else None
        values["topics"] = [_flag_from_record(flag) for flag in record.get("topics", [])]
        extraction = record["extraction"]
        values["extraction"] = Extraction(
            extraction["method"], tuple(extraction["warnings"]), extraction.get("provenance", {})
        )
        return cls(**values)


@lru_cache(maxsize=8)  # digest, health and record each ask for the same body
def _count_words(text: str) -> int:
    return len(text.split())


def flag_record(flag: TopicFlag) -> dict[str, Any]:
    """A flag as the record has it."""
    return {
        "topic": flag.topic,
        "level": str(flag.level),
        "score": flag.score,
        "countries": list(flag.countries),
        "evidence": [asdict(evidence) for evidence in flag.evidence],
    }


def _flag_from_record(record: dict[str, Any]) -> TopicFlag:
    return TopicFlag(
        topic=record["topic"],
        level=Level(record["level"]),
        score=record["score"],
        countries=tuple(record["countries"]),
        evidence=tuple(Evidence(**evidence) for evidence in record["evidence"]),
    )


def rfc3339(moment: datetime | None) -> str | None:
    """`2022-06-21T14:05:00Z`; fractions of a second are dropped. None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> datetime:
    """The moment that `rfc3339` wrote, in UTC.

    Raises:
        ValueError: the text is not a date with a time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
