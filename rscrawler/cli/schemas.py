"""The JSON Schemas of everything that others read or write."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel

from rscrawler.config import Config
from rscrawler.items import record_schema
from rscrawler.scheduling.schedules import ScheduleFile
from rscrawler.sites import SiteProfile
from rscrawler.topics import WatchList

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


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
        return {"$schema": _DRAFT, **record_schema()}
    models: dict[SchemaName, type[BaseModel]] = {
        SchemaName.CONFIG: Config,
        SchemaName.SITE: SiteProfile,
        SchemaName.TOPIC: WatchList,
        SchemaName.SCHEDULE: ScheduleFile,
    }
    return {"$schema": _DRAFT, **models[name].model_json_schema()}
