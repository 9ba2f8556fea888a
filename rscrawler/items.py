"""The article and its parts, which all other modules pass around.

An `Article` is filled from a page and completed by the pipelines. It is the only table of the
record's fields: item, record, JSON Schema, normalization, export and `explain` follow from it. A
new field takes one line here, its column on docs/output.md, and the code that finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache, lru_cache
from operator import itemgetter
from typing import Annotated, Any, Self, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)

from rscrawler.clock import in_utc
from rscrawler.text import clean, clean_body, split_words

RECORD_SCHEMA = "rscrawler.article/1"
PRUNED = "pruned"  # the warning of a version whose text was deleted
EMPTY = ", empty"  # ends the body's provenance if its element has no text
_Count = Annotated[int, Field(ge=0)]


class Level(StrEnum):
    """How much of an article is about a topic; `rank` orders them."""

    NONE = "none"
    MENTION = "mention"
    SUBSTANTIAL = "substantial"
    PRIMARY = "primary"

    @property
    def rank(self) -> int:
        """0 for none, up to 3 for primary."""
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
    """Whether an article was news when it was first seen."""

    BASELINE = "baseline"
    BACKFILL = "backfill"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Image:
    """The lead image. `url` is as on the page, with tokens that may expire."""

    url: str | None = None
    caption: str | None = None
    credit: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One term in an article that led to a flag, quoted with its sentence.

    `field` is `title`, `subtitle`, `body` or `tags`; `paragraph` counts from 0 in
    the body and is None elsewhere. `start` and `end` are code-point offsets of
    `term` in that title, subtitle, tag or paragraph.
    """

    term: str
    entity: str
    country: str | None
    field: Annotated[str, WithJsonSchema({"enum": ["title", "subtitle", "body", "tags"]})]
    paragraph: _Count | None
    quote: str
    start: _Count
    end: _Count


_Country = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})]


@dataclass(frozen=True, slots=True)
class TopicFlag:
    """The flag that one watch-list gives an article; `score` is from 0 to 1."""

    topic: str
    level: Level
    score: Annotated[float, Field(ge=0, le=1)]
    countries: tuple[_Country, ...] = ()
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Extraction:
    """How the fields were found; `provenance` maps a field to the selector or tag that gave it."""

    method: str
    warnings: tuple[str, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)


_Changed = Annotated[str, WithJsonSchema({"enum": ["title", "subtitle", "body"]})]


@dataclass(frozen=True, slots=True)
class ChangeSummary:
    """What an update changed: the fields, and how many words in all of them."""

    fields: tuple[_Changed, ...]
    words_added: _Count
    words_removed: _Count


def rfc3339(moment: datetime | None) -> str | None:
    """Format a time as `2022-06-21T14:05:00Z`, without fractions of a second. None stays None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:-6] + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The time, in UTC, from the output of `rfc3339`.

    Raises:
        ValueError: the text is not a date with a time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class OnPage:
    """Marks a field whose value comes from the page.

    `form` normalizes the value for the record. `is_beside_text`: a change of this field alone is no
    new version, but `reparse` reports it.
    """

    form: Callable[[Any], Any] = _as_it_is
    is_beside_text: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """Marks a nested field: one table column, with its type and its value from the field."""

    name: str
    type: type
    value: Callable[[Any], Any]


def _means(text: str) -> Any:
    """The description of a field, for the JSON Schema and the reference."""
    return Field(description=text)


def _line(text: str | None) -> str | None:
    return clean(text or "") or None


def _lines(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(filter(None, map(clean, texts))))


def _levels(flags: list[dict[str, Any]]) -> list[str]:
    return [f"{flag['topic']}:{flag['level']}" for flag in flags]


def _countries(flags: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(country for flag in flags for country in flag["countries"]))


_NAMES, _DATE = OnPage(_lines, is_beside_text=True), OnPage(in_utc, is_beside_text=True)
_SLUGS = _means("slugs from their addresses, in page order")
_Url = Annotated[str, WithJsonSchema({"type": "string", "format": "uri"})]
_Moment = Annotated[
    AwareDatetime,
    AfterValidator(in_utc),
    PlainSerializer(rfc3339),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": "Z$"}),
]
_Text = Annotated[
    str,
    BeforeValidator(lambda text: text or ""),  # null in the record: deleted
    WithJsonSchema({"type": ["string", "null"]}),
]


@dataclass(slots=True, kw_only=True)
class Article:
    """One version of one article, its fields in the order of the record.

    Extraction fills what the page says. The dedupe pipeline sets the ids, `version`,
    `first_seen_at`, `found_in`, `duplicate_of` and `follows`; the store pipeline sets `event`,
    `novelty`, `topics` and `change`, which is None unless `event` is updated. An unknown field is
    None (a list or `body`: empty).
    """

    record_id: Annotated[str, _means("identifies the version; the same in every delivery")] = ""
    event: Annotated[
        Event,
        _means(
            "new: the first version; updated: title, subtitle or body changed beyond typography, "
            "or it is back after a removal; removed: 404 or 410, or redirected "
            "to a listing for good, at two checks, crawl.removal_after or more apart"
        ),
    ] = Event.NEW
    novelty: Annotated[
        Novelty,
        _means(
            "baseline: found in the site's first successful cycle; backfill: published more than "
            "alerts.max_age_days before it was first seen; new: all others"
        ),
    ] = Novelty.NEW
    change: Annotated[
        ChangeSummary | None,
        _means("only of an update: changed fields, number of words added and removed"),
        Column("changed_fields", list, itemgetter("fields")),
        Column("words_added", int, itemgetter("words_added")),
        Column("words_removed", int, itemgetter("words_removed")),
    ] = None
    article_id: Annotated[str, _means("identifies the article; the same in all its versions")] = ""
    version: Annotated[
        int,
        _means("number of the version, from 1"),
        WithJsonSchema({"type": "integer", "minimum": 1}),
    ] = 0
    site: Annotated[str, _means("the name of the site's profile")]
    url: Annotated[_Url, _means("the canonical address"), OnPage(_line)]
    aliases: Annotated[list[str], _means("other addresses of the article"), OnPage(_lines)] = field(
        default_factory=list
    )
    found_in: Annotated[
        list[str], _means("paths of the sources that listed it, when this version was recorded")
    ] = field(default_factory=list)
    title: Annotated[str | None, _means("the headline, as on the page"), OnPage(_line)] = None
    subtitle: Annotated[str | None, _means("as on the page"), OnPage(_line)] = None
    authors: Annotated[list[str], _means("as on the page"), _NAMES] = field(default_factory=list)
    sections: Annotated[list[str], _SLUGS, _NAMES] = field(default_factory=list)
    tags: Annotated[list[str], _SLUGS, _NAMES] = field(default_factory=list)
    language: Annotated[str | None, _means("language code, such as en"), OnPage()] = None
    published_at: Annotated[_Moment | None, _means("date of publication"), _DATE] = None
    modified_at: Annotated[_Moment | None, _means("date of the last change"), _DATE] = None
    first_seen_at: Annotated[_Moment | None, _means("when its address was first found")] = None
    fetched_at: Annotated[_Moment, _means("when this version was fetched")]
    body: Annotated[
        _Text,
        _means(
            "the article's own paragraphs, separated by blank lines; null after rscrawler prune "
            "has deleted it"
        ),
        OnPage(clean_body),
    ] = ""
    image: Annotated[
        Image | None,
        _means("the lead image: url (its tokens may expire), caption, credit"),
        OnPage(),
        Column("image_url", str, itemgetter("url")),
        Column("image_caption", str, itemgetter("caption")),
        Column("image_credit", str, itemgetter("credit")),
    ] = None
    republished_from: Annotated[
        str | None,
        _means(
            "the original outlet, if the page names it: 'This article was republished with "
            "permission from …'"
        ),
        OnPage(_line),
    ] = None
    duplicate_of: Annotated[
        str | None,
        _means("article_id of the first-seen article with the same news, on any site"),
    ] = None
    follows: Annotated[
        str | None, _means("article_id of the article whose story it continues with new facts")
    ] = None
    topics: Annotated[
        list[TopicFlag],
        _means("for each topic that it names: level, score, countries and evidence"),
        Column("topics", list, _levels),
        Column("countries", list, _countries),
    ] = field(default_factory=list)
    extraction: Annotated[
        Extraction,
        _means(
            "method (profile, structured or fallback), warnings, and provenance: the selector or "
            "tag that gave each field"
        ),
        Column("extraction_method", str, itemgetter("method")),
        Column("extraction_warnings", list, itemgetter("warnings")),
    ] = field(default_factory=lambda: Extraction("none"))

    @property
    def paragraphs(self) -> list[str]:
        """The body, split at its blank lines."""
        return self.body.split("\n\n") if self.body else []

    @property
    def word_count(self) -> int:
        """The number of words in the body."""
        return _count_words(self.body)

    @property
    def is_pruned(self) -> bool:
        """Whether the text of this version was deleted by `rscrawler prune`."""
        return PRUNED in self.extraction.warnings

    def normalize(self) -> None:
        """Normalize every field that comes from the page, in place."""
        for name, on_page in fields_on_page().items():
            setattr(self, name, on_page.form(getattr(self, name)))

    def level_on(self, topic: str) -> Level:
        """The level on `topic`; `none` when it was not flagged."""
        return next((flag.level for flag in self.topics if flag.topic == topic), Level.NONE)

    def to_record(self) -> dict[str, Any]:
        """The record as a dict, ready for `json.dumps`."""
        text = (None, None) if self.is_pruned else (self.body, self.word_count)
        return _as_record(_adapter().dump_python(self, mode="json"), RECORD_SCHEMA, *text)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The article of a record from `to_record`, as JSON text.

        Raises:
            ValueError: the text is not a record.
        """
        record = json.loads(text)
        article: Self = _adapter().validate_python(record)
        if missing := {"event", "novelty", "extraction"} - record.keys():
            raise ValueError(f"lacks {', '.join(sorted(missing))}")
        return article


def _as_record(fields: dict[str, Any], schema: Any, body: Any, word_count: Any) -> dict[str, Any]:
    """The fields of an article with `schema` and `word_count`, in the order of the record."""
    record = {"schema": schema}
    for name, value in fields.items():
        record[name] = body if name == "body" else value
        if name == "body":
            record["word_count"] = word_count
    return record


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Article)


@cache
def _marks() -> dict[str, tuple[Any, ...]]:
    hints = get_type_hints(Article, include_extras=True)
    return {name: (hint, *getattr(hint, "__metadata__", ())) for name, hint in hints.items()}


@cache
def fields_on_page() -> dict[str, OnPage]:
    """The fields that come from the page, by name, in the order of the record."""
    return {
        name: mark for name, marks in _marks().items() for mark in marks if isinstance(mark, OnPage)
    }


@cache
def columns() -> tuple[tuple[str, Column], ...]:
    """The columns of an exported table, each with the name of its field."""
    found: list[tuple[str, Column]] = []
    for name, (hint, *marks) in _marks().items():
        own = [mark for mark in marks if isinstance(mark, Column)]
        found += [(name, each) for each in own or [_plain_column(name, hint)]]
        if name == "body":
            found.append(("word_count", _plain_column("word_count", int)))
    return tuple(found)


def _plain_column(name: str, hint: Any) -> Column:
    bare = hint.__origin__ if get_origin(hint) is Annotated else hint
    kinds = {get_origin(each) or each for each in (bare, *get_args(bare))}  # of `int | None` too
    kind = next((each for each in (list, int) if each in kinds), str)
    return Column(name, kind, _as_it_is)


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record: every field is required, and no other is allowed."""
    schema = _adapter().json_schema(mode="serialization")
    properties = schema["properties"]
    number = {"type": ["integer", "null"], "minimum": 0, "description": "words in the body"}
    name = {"const": RECORD_SCHEMA, "description": "name and version of this format"}
    schema["properties"] = _as_record(properties, name, properties["body"], number)
    schema["description"] = "One line of output/articles and output/flagged."
    for part in (schema, *schema["$defs"].values()):
        for each in part.get("properties", {}).values():
            for further in ("title", "default"):
                each.pop(further, None)
        if "properties" in part:
            part |= {"required": list(part["properties"]), "additionalProperties": False}
    return schema


@lru_cache(maxsize=8)  # digest, health and record count the same body
def _count_words(text: str) -> int:
    return len(split_words(text))
