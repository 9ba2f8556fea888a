"""What a view raises instead of a page."""

from __future__ import annotations

from rscrawler.errors import RscrawlerError


class NotFound(RscrawlerError):
    """There is nothing at this address."""


class BadRequest(RscrawlerError):
    """A parameter has a value that it cannot have; the message says which and what it can."""


class Forbidden(RscrawlerError):
    """This visitor may not do that; the message says why."""
