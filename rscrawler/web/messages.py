"""Requests and responses as plain values, and what a view raises instead of a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rscrawler.errors import RscrawlerError

HTML, JSON = "text/html; charset=utf-8", "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; `path` is decoded, `parameters` has the last value of each name."""

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, before the headers that every answer carries."""

    body: bytes
    content_type: str = HTML
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class NotFound(RscrawlerError):
    """There is nothing at this address."""


class BadRequest(RscrawlerError):
    """A parameter has a value that it cannot have; the message says which and what it can."""
