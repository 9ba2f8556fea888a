"""What is known of a page when it is asked for; travels with the request to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from scrapy import Request

from rscrawler.decisions import KnownArticle
from rscrawler.sites import Source
from rscrawler.store.discovery import SourceState


@dataclass(frozen=True, slots=True)
class AskedSource:
    """One page of a source: its number, and whether "not modified" is an answer to it."""

    source: Source
    state: SourceState
    page: int
    is_conditional: bool


@dataclass(frozen=True, slots=True)
class AskedArticle:
    """An article page.

    Attributes:
        key: of the address that is asked for.
        found_at: when that address was found, or the piece first seen.
        hint: the date that a feed or sitemap gave it.
        attempts: earlier requests in vain.
        known: the piece as it is stored; None if the page was never read.
        is_second_look: whether it was taken for no article before.
        is_elsewhere: whether the address is another one, after the piece's own led to nothing.
    """

    key: str
    found_at: datetime
    hint: datetime | None = None
    attempts: int = 0
    known: KnownArticle | None = None
    is_second_look: bool = False
    is_elsewhere: bool = False


def asked_by(request: Request) -> AskedSource | AskedArticle | None:
    """What a request of the spider asks for; None for any other (robots.txt)."""
    asked = request.cb_kwargs.get("asked")
    return asked if isinstance(asked, AskedSource | AskedArticle) else None
