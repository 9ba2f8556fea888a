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


def _article_schema() -> dict[str, Any]:
    evidence = _closed(
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
    flag = _closed(
        {
            "topic": _TEXT,
            "level": {"enum": [str(level) for level in Level]},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"}},
            "evidence": {"type": "array", "items": evidence},
        }
    )
    change = _closed(
        {
            "fields": {"type": "array", "items": {"enum": ["title", "subtitle", "body"]}},
            "words_added": {"type": "integer", "minimum": 0},
            "words_removed": {"type": "integer", "minimum": 0},
        }
    )
    image = _closed({"url": _TEXT_OR_NULL, "caption": _TEXT_OR_NULL, "credit": _TEXT_OR_NULL})
    return {
        "$schema": _DRAFT,
        "title": "Article",
        "description": "One line of output/articles and output/flagged.",
        **_closed(
            {
                "schema": {"const": RECORD_SCHEMA},
                "record_id": _TEXT,
                "event": {"enum": [str(event) for event in Event]},
                "novelty": {"enum": [str(novelty) for novelty in Novelty]},
                "change": {"anyOf": [change, {"type": "null"}]},
                "article_id": _TEXT,
                "version": {"type": "integer", "minimum": 1},
                "site": _TEXT,
                "url": {"type": "string", "format": "uri"},
                "aliases": _TEXTS,
                "found_in": _TEXTS,
                "title": _TEXT_OR_NULL,
                "subtitle": _TEXT_OR_NULL,
                "authors": _TEXTS,
                "sections": _TEXTS,
                "tags": _TEXTS,
                "language": _TEXT_OR_NULL,
                "published_at": _MOMENT_OR_NULL,
                "modified_at": _MOMENT_OR_NULL,
                "first_seen_at": _MOMENT,
                "fetched_at": _MOMENT,
                "body": _TEXT_OR_NULL,
                "word_count": {"type": ["integer", "null"], "minimum": 0},
                "image": {"anyOf": [image, {"type": "null"}]},
                "republished_from": _TEXT_OR_NULL,
                "duplicate_of": _TEXT_OR_NULL,
                "follows": _TEXT_OR_NULL,
                "topics": {"type": "array", "items": flag},
                "extraction": _closed(
                    {
                        "method": _TEXT,
                        "warnings": _TEXTS,
                        "provenance": {"type": "object", "additionalProperties": _TEXT},
                    }
                ),
            }
        ),
    }
