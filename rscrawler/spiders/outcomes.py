"""What the spider asks for, and what it hands to the pipelines: the outcome for an article page.

An outcome is made once, by whoever read the page or failed to get it; one pipeline says whose
page it is, another records it, and the observer counts it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from scrapy import Request

from rscrawler.decisions import KnownArticle
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article, Event, TopicFlag
from rscrawler.sites import Source
from rscrawler.store.discovery import SourceState


@dataclass(frozen=True, slots=True)
class RequestedSource:
    """One page of a source that is requested; travels with the request to its answer.

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


@dataclass(frozen=True, slots=True)
class RequestedArticle:
    """An article page that is requested; travels with the request to its answer.

    Attributes:
        key: of the address that is requested.
        found_at: when that address was found, or the article first seen.
        hint: the date that a feed or sitemap gave it.
        attempts: earlier requests in vain.
        known: the article as it is stored; None if the page was never read.
        is_second_look: whether it was taken for no article before.
        is_elsewhere: whether the address is another one, after the article's own led to nothing.
    """

    key: str
    found_at: datetime
    hint: datetime | None = None
    attempts: int = 0
    known: KnownArticle | None = None
    is_second_look: bool = False
    is_elsewhere: bool = False


def request_context(asked: Any) -> RequestedSource | RequestedArticle | None:
    """What a request of the spider asks for; None for any other (robots.txt).

    Of an answer or a failure, what its request asked for.
    """
    request = asked if isinstance(asked, Request) else getattr(asked, "request", None)
    requested = request.cb_kwargs.get("requested") if isinstance(request, Request) else None
    return requested if isinstance(requested, RequestedSource | RequestedArticle) else None


@dataclass(slots=True)
class FetchedArticle:
    """An article page that was fetched and read; from `known` on, what the dedupe pipeline adds.

    Attributes:
        addresses: (key, url) of every address that led to the page, and of those that it declares
            to be its own.
        declared: the keys of such as only the page itself says so.
        fingerprint: what tells its text from another.
        flags: what the watch-lists say of its text; None if nobody looked.
        has_moved: the one that was requested leads on for good.
        is_archived: the page was read from the archive. That is no news, and no visit: the next
            one stays when it was.
        known: the article whose page this is; None if it is a new one.
        event: what its record is; None if it is as it was.
        merged: an article that turns out to be this one.
        led_here: an article whose address leads here, though they stay two.
    """

    article: Article
    addresses: tuple[tuple[str, str], ...]
    fingerprint: Fingerprint
    page_digest: str
    declared: frozenset[str] = frozenset()
    flags: list[TopicFlag] | None = None
    has_moved: bool = False
    etag: str | None = None
    last_modified: str | None = None
    is_archived: bool = False
    known: KnownArticle | None = None
    event: Event | None = None
    merged: KnownArticle | None = None
    led_here: KnownArticle | None = None


# A signal, as Scrapy's are: what came of an article page is recorded. Handlers get `outcome`.
outcome_recorded = object()


class Kind(StrEnum):
    """What came of asking for an article page."""

    READ = "read"  # new, updated, moved or unchanged: `page` says which, once it is identified
    UNCHANGED = "unchanged"  # not modified, or the very bytes that were read before
    GONE = "gone"  # 404 or 410
    NOT_ARTICLE = "not an article"
    INCOMPLETE = "incomplete"  # cut off, empty or garbage
    OVER_LIMIT = "over its limit"  # of time or memory, while it was read
    REFUSED = "refused"  # no answer, an error, or one that the program broke on
    OFF_SITE = "off site"  # a redirect to another site
    FORBIDDEN = "forbidden"  # by robots.txt


@dataclass(slots=True)
class PageOutcome:
    """What came of asking for one article page.

    Attributes:
        url: the final address.
        at: when it was found out.
        reason: why it is no article, where it is none.
        page: what was read, where `kind` is READ.
        record: the version, or the removal, that was recorded of it, if one was.
        is_whole_page: HTML from its beginning to its end, that no reading was needed to know.
    """

    kind: Kind
    requested: RequestedArticle
    url: str
    at: datetime
    reason: str = ""
    page: FetchedArticle | None = None
    record: dict[str, Any] | None = None
    is_whole_page: bool = False

    def __repr__(self) -> str:
        """Short: Scrapy puts items into its log."""
        return f"<PageOutcome {self.kind} {self.url}>"
