"""What is known of a page when it is asked for; travels with the request to its answer."""

from __future__ import annotations

from dataclasses import dataclass

from scrapy import Request

from rscrawler.sites import Source
from rscrawler.spiders.outcomes import AskedArticle
from rscrawler.store.discovery import SourceState


@dataclass(frozen=True, slots=True)
class AskedSource:
    """One page of a source.

    Attributes:
        page: its number.
        is_conditional: whether "not modified" is an answer to it.
        depth: 0 for a source of the profile, 1 for a sitemap that an index names, and so on.
    """

    source: Source
    state: SourceState
    page: int
    is_conditional: bool
    depth: int = 0


def asked_by(request: Request) -> AskedSource | AskedArticle | None:
    """What a request of the spider asks for; None for any other (robots.txt)."""
    asked = request.cb_kwargs.get("asked")
    return asked if isinstance(asked, AskedSource | AskedArticle) else None
