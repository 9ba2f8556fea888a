"""Request contexts, and the item that the spider yields: the outcome of an article page.

The spider creates an outcome once, when a page was parsed or could not be fetched. The dedupe
pipeline identifies its article, the store pipeline records it, and monitoring counts it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scrapy import Request

from rscrawler.decisions import KnownArticle
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article, Event
from rscrawler.sites import Source
from rscrawler.store.articles import Visit
from rscrawler.store.discovery import Address, SourceState


@dataclass(frozen=True, slots=True)
class RequestedSource:
    """The context of a request for one page of a source; the callback gets it in `cb_kwargs`.

    Attributes:
        page: its number, from 1.
        is_conditional: whether the response may show that the source is unchanged.
        depth: 0 for a source of the profile, 1 for a sitemap that an index names, and so on.
    """

    source: Source
    state: SourceState
    page: int
    is_conditional: bool
    depth: int = 0


@dataclass(frozen=True, slots=True)
class RequestedArticle:
    """The context of a request for an article page; the callback gets it in `cb_kwargs`.

    Attributes:
        address: the requested address, as stored; of a known article only when it was first seen,
            and the date of publication if a source gave one in this cycle.
        known: the stored article; None if the page was never read.
        is_elsewhere: whether this is another address, since the own one is gone or leads there.
    """

    address: Address
    known: KnownArticle | None = None
    is_elsewhere: bool = False


def request_context(of: Any) -> RequestedSource | RequestedArticle | None:
    """The context of a request of the spider; None for any other (robots.txt).

    For a response or a failure, the context of its request.
    """
    request = of if isinstance(of, Request) else getattr(of, "request", None)
    requested = request.cb_kwargs.get("requested") if isinstance(request, Request) else None
    return requested if isinstance(requested, RequestedSource | RequestedArticle) else None


@dataclass(slots=True)
class FetchedArticle:
    """A fetched and extracted article page; the dedupe pipeline sets `known` and what follows it.

    Attributes:
        visit: the addresses that led to the page and those that it declares to be its own, and what
            to store of the response.
        declared_keys: of the addresses that only the page itself declares.
        fingerprint: the digests of its text.
        has_topics: whether the watch-lists were applied: not if the last version has its text.
        has_moved: whether the requested address redirects here permanently.
        is_archived: whether the page comes from the archive. Then it alerts nobody, and is not a
            visit: the next check stays when it was.
        known: the stored article of this page; None if it is new.
        event: the event to record; None if there is nothing to record.
        before: the last version, if the text seems to have changed since.
        merged: another stored article that turned out to be this one.
        led_here: another stored article whose address led here; both stay separate.
    """

    article: Article
    visit: Visit
    fingerprint: Fingerprint
    declared_keys: frozenset[str] = frozenset()
    has_topics: bool = True
    has_moved: bool = False
    is_archived: bool = False
    known: KnownArticle | None = None
    event: Event | None = None
    before: Article | None = None
    merged: KnownArticle | None = None
    led_here: KnownArticle | None = None


# A Scrapy signal: the outcome of an article page has been recorded. Handlers get `outcome`.
outcome_recorded = object()


class PageKind(StrEnum):
    """The kinds of page outcome, of a request for an article page."""

    READ = "read"  # new, updated, moved or unchanged: `page` says which after the dedupe pipeline
    UNCHANGED = "unchanged"  # "not modified", or the same bytes as before
    GONE = "gone"  # 404 or 410
    NOT_ARTICLE = "not an article"
    INCOMPLETE = "incomplete"  # truncated, empty or garbage
    OVER_LIMIT = "over its limit"  # of time, memory or size, when it was parsed
    REFUSED = "refused"  # no response, an error status, or an exception in our code
    OFF_SITE = "off site"  # a redirect to another site
    FORBIDDEN = "forbidden"  # by robots.txt


@dataclass(slots=True)
class PageOutcome:
    """The outcome of a request for one article page: the item of the spider.

    Attributes:
        url: the final address.
        at: when the outcome was known.
        reason: why there is no article, if there is none.
        page: the extracted page, if `kind` is READ.
        record: the recorded version or removal; None if nothing was recorded.
        is_whole_page: whether a page that gave no article is complete HTML.
    """

    kind: PageKind
    requested: RequestedArticle
    url: str
    at: datetime
    reason: str = ""
    page: FetchedArticle | None = None
    record: dict[str, Any] | None = None
    is_whole_page: bool = False

    def __repr__(self) -> str:
        """Short, since Scrapy logs items."""
        return f"<PageOutcome {self.kind} {self.url}>"
