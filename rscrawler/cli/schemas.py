"""The JSON Schemas of everything that others read or write."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from rscrawler.config import Config
from rscrawler.items import RECORD_SCHEMA, Event, Level, Novelty
from rscrawler.scheduling.schedules import ScheduleFile
from rscrawler.sites import SiteProfile
from rscrawler.topics import WatchList


class SchemaName(StrEnum):
    """What has a schema."""

    ARTICLE = "article"
    CONFIG = "config"
    SITE = "site"
    TOPIC = "topic"
    SCHEDULE = "schedule"


def schema_of(name: SchemaName) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one kind of file or record."""
    if name is SchemaName.ARTICLE:
        return _article_schema()
    models: dict[SchemaName, type[BaseModel]] = {
        SchemaName.CONFIG: Config,
        SchemaName.SITE: SiteProfile,
        SchemaName.TOPIC: WatchList,
        SchemaName.SCHEDULE: ScheduleFile,
    }
    return {"$schema": _DRAFT, **models[name].model_json_schema()}


_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_TEXTS = {"type": "array", "items": _TEXT}
_MOMENT = {"type": "string", "format": "date-time", "pattern": "Z$"}
_MOMENT_OR_NULL = {"type": ["string", "null"], "format": "date-time", "pattern": "Z$"}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_EVIDENCE = _closed(
    {
        "term": _TEXT,
        "entity": _TEXT,
        "country": _TEXT_OR_NULL,
        "field": {"enum": ["title", "subtitle", "body", "tags"]},
        "paragraph": {"type": ["integer", "null"], "minimum": 0},
        "quote": _TEXT,
        "start": {"type": "integer", "minimum": 0},
        "end": {"type": "integer", "minimum": 0},
    }
)
_FLAG = _closed(
    {
        "topic": _TEXT,
        "level": {"enum": [str(level) for level in Level]},
        "score": {"type": "number", "minimum": 0, "maximum": 1},
        "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"}},
        "evidence": {"type": "array", "items": _EVIDENCE},
    }
)
_CHANGE = _closed(
    {
        "fields": {"type": "array", "items": {"enum": ["title", "subtitle", "body"]}},
        "words_added": {"type": "integer", "minimum": 0},
        "words_removed": {"type": "integer", "minimum": 0},
    }
)
_IMAGE = _closed({"url": _TEXT_OR_NULL, "caption": _TEXT_OR_NULL, "credit": _TEXT_OR_NULL})
# Each field: what it may be, and what it means.
_RECORD: dict[str, tuple[dict[str, Any], str]] = {
    "schema": ({"const": RECORD_SCHEMA}, "the version of this form"),
    "record_id": (_TEXT, "this version; the same however often it is delivered"),
    "event": (
        {"enum": [str(event) for event in Event]},
        "new: the first version; updated: title, subtitle or body changed in "
        "substance; removed: 404 or 410 at two checks, an hour or more apart",
    ),
    "novelty": (
        {"enum": [str(novelty) for novelty in Novelty]},
        "baseline: found in the site's first successful cycle; backfill: older "
        "than alerts.max_age_days when first seen; new: the rest",
    ),
    "change": (
        {"anyOf": [_CHANGE, {"type": "null"}]},
        "of an update: the fields that changed, words added and removed",
    ),
    "article_id": (_TEXT, "the article, in all its versions"),
    "version": ({"type": "integer", "minimum": 1}, "of the article, from 1"),
    "site": (_TEXT, "the name of the site's profile"),
    "url": ({"type": "string", "format": "uri"}, "the canonical address"),
    "aliases": (_TEXTS, "other addresses that led to it"),
    "found_in": (_TEXTS, "paths of the sources that showed it before this record"),
    "title": (_TEXT_OR_NULL, "as printed"),
    "subtitle": (_TEXT_OR_NULL, "as printed"),
    "authors": (_TEXTS, "names as printed"),
    "sections": (_TEXTS, "the slugs in their addresses, in page order"),
    "tags": (_TEXTS, "the slugs in their addresses, in page order"),
    "language": (_TEXT_OR_NULL, "a code such as en"),
    "published_at": (_MOMENT_OR_NULL, "as the page says"),
    "modified_at": (_MOMENT_OR_NULL, "as the page says"),
    "first_seen_at": (_MOMENT, "when a source first showed it"),
    "fetched_at": (_MOMENT, "when this version was fetched"),
    "body": (
        _TEXT_OR_NULL,
        "the article's own paragraphs, a blank line between two; null once "
        "rscrawler prune has forgotten it",
    ),
    "word_count": ({"type": ["integer", "null"], "minimum": 0}, "of the body"),
    "image": (
        {"anyOf": [_IMAGE, {"type": "null"}]},
        "the lead image: url (its tokens may expire), caption, credit",
    ),
    "republished_from": (
        _TEXT_OR_NULL,
        "the outlet that a line on the page names: 'This article was republished "
        "with permission from …'",
    ),
    "duplicate_of": (
        _TEXT_OR_NULL,
        "article_id of the first-seen article whose news it repeats, on any site",
    ),
    "follows": (
        _TEXT_OR_NULL,
        "article_id of the article whose story it continues with new facts",
    ),
    "topics": (
        {"type": "array", "items": _FLAG},
        "for each watch-list: level, score, countries and evidence",
    ),
    "extraction": (
        _closed(
            {
                "method": _TEXT,
                "warnings": _TEXTS,
                "provenance": {"type": "object", "additionalProperties": _TEXT},
            }
        ),
        "method: profile, structured or fallback; warnings; and what gave each field (provenance)",
    ),
}


def _article_schema() -> dict[str, Any]:
    return {
        "$schema": _DRAFT,
        "title": "Article",
        "description": "One line of output/articles and output/flagged.",
        **_closed({name: {**kind, "description": text} for name, (kind, text) in _RECORD.items()}),
    }
