"""Why a request was not sent, where the spider must tell one reason from another."""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest


class ForbiddenByRobots(IgnoreRequest):
    """robots.txt forbids the address."""


class OffSite(IgnoreRequest):
    """An address, or a redirect's target, that is not on the site's hosts."""


class HeldBack(IgnoreRequest):
    """The host is left alone for the rest of the cycle.

    It asked for that, does not answer, or its robots.txt cannot be read.
    """
