"""Fetches a few pages of a site, one at a time, as its robots.txt allows."""

import socket
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException, HTTPMessage
from ipaddress import ip_address
from typing import IO
from urllib.error import HTTPError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from lxml.etree import _Element as Element
from protego import Protego
from scrapy.utils.gz import gunzip
from w3lib.url import safe_url_string

from rscrawler.config import Config, is_web_address
from rscrawler.errors import RscrawlerError
from rscrawler.extraction.page import Page, parse_page
from rscrawler.identity.addresses import absolute, root_of
from rscrawler.settings import BOT_NAME
from rscrawler.sites import DEFAULT_PORTS, host_of, hosts_of
from rscrawler.spiders.http import robots_rules

MOST_REQUESTS = 40
LONGEST_WISHED_DELAY_SECONDS = 10.0
_BUSY = frozenset({429, 503})


class PageUnavailable(RscrawlerError):
    """A page cannot be fetched; `status` is the response's error status, 0 without a response."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """A server's response; `url` is its final address, after redirects."""

    url: str
    body: bytes
    content_type: str | None

    def tree(self) -> Element:
        """The page's tree, parsed anew at each call, since the caller may change it."""
        return parse_page(self.body, self.content_type)

    def page(self, fetched_at: datetime, published_at: datetime | None = None) -> Page:
        """The page, parsed anew for extraction; `published_at` is its date in a feed."""
        return Page.of(self.url, self.body, self.content_type, fetched_at, published_at)


class Visitor:
    """Fetches pages of a site.

    A host's robots.txt is read before the first request to it. Pages that it forbids are not
    requested, not even after a redirect. Its Crawl-delay applies if it is longer than `delay`,
    but only up to ten seconds, since somebody is waiting for these few pages. A host that
    answers 429 or 503 gets no further request.

    Args:
        config: for User-Agent, timeout and size limit.
        delay: seconds between the starts of two requests.
        most: the limit of requests, including those for robots.txt.
        hosts: the hosts that may get requests, as `sites.host_of` gives them. None: the host of
            the first address, and the one that it redirects to if that is a public one.
    """

    def __init__(
        self,
        config: Config,
        *,
        delay: float = 1.0,
        most: int = MOST_REQUESTS,
        sleep: Callable[[float], None] = time.sleep,
        hosts: Iterable[str] | None = None,
    ) -> None:
        self._config, self._delay, self._most, self._sleep = config, delay, most, sleep
        self._hosts = set(hosts or ())
        self._may_add_host = hosts is None  # until the first page has arrived
        self._rules: dict[str, Protego] = {}  # by scheme and host
        self._last = float("-inf")
        self._busy: set[str] = set()
        # Some sites redirect to the same address until a cookie comes back.
        self._opener = build_opener(_Redirects(self._check), HTTPCookieProcessor())
        self.requests = 0

    def get(self, url: str) -> Response:
        """Fetch `url`.

        Raises:
            PageUnavailable: it is off the site, or robots.txt forbids it; the server answers with
                an error or not at all; it exceeds `crawl.max_response_mib`; or `most` requests
                were made.
        """
        if not self._hosts and is_web_address(url):
            self._hosts |= hosts_of(url, ())
        self._check(url)
        response = self._fetch(url)
        self._may_add_host = False
        return response

    def sitemaps(self, url: str) -> list[str]:
        """The sitemaps that robots.txt names at the host of `url`.

        Raises:
            PageUnavailable: robots.txt cannot be fetched, although there may be one.
        """
        return [absolute(address, url) for address in self._rules_of(url).sitemaps]

    def _check(self, url: str) -> None:
        """Refuse other hosts and forbidden pages; no redirect may lead into our own network."""
        if not is_web_address(url):
            raise PageUnavailable(f"{url}: is not an http(s) address")
        parts = urlsplit(url)
        host = host_of(parts)
        if host not in self._hosts:
            if not self._may_add_host:
                raise PageUnavailable(
                    f"{url}: {host} is not a host of the site, so it is not requested"
                )
            if not _is_public(parts):
                raise PageUnavailable(
                    f"{url}: {host} is in a private network; name it yourself if it is meant"
                )
            self._hosts |= hosts_of(url, ())
        if parts.path != "/robots.txt" and not self._rules_of(url).can_fetch(url, BOT_NAME):
            raise PageUnavailable(f"{url}: robots.txt forbids it, and is always obeyed")

    def _rules_of(self, url: str) -> Protego:
        root = root_of(url)
        if root not in self._rules:
            self._rules[root] = robots_rules(b"")  # for its own redirects
            try:
                body = self._fetch(f"{root}/robots.txt").body
            except PageUnavailable as error:
                # RFC 9309, 2.3.1: without a robots.txt all is allowed, with a broken one nothing.
                if not error.status or error.status >= 500 or error.status in _BUSY:
                    del self._rules[root]
                    raise
                body = b""
            self._rules[root] = robots_rules(body)
        return self._rules[root]

    def _fetch(self, url: str) -> Response:
        host = urlsplit(url).netloc
        if host in self._busy:
            raise PageUnavailable(f"{url}: not requested, since {host} asked for a pause")
        if self.requests >= self._most:
            raise PageUnavailable(f"{url}: not requested, after {self._most} requests")
        self._pause(url)
        self.requests += 1
        headers = {"User-Agent": self._config.user_agent, "Accept": "text/html,*/*"}
        timeout = self._config.crawl.timeout.total_seconds()
        limit = int(self._config.crawl.max_response_mib * 2**20)
        try:
            request = Request(safe_url_string(url), headers=headers)  # noqa: S310 - `_check` lets only http(s) pass
            with self._opener.open(request, timeout=timeout) as response:
                body, received = response.read(limit + 1), response.headers
                is_packed = received.get("Content-Encoding", "").lower() == "gzip"
                if is_packed and body.startswith(b"\x1f\x8b"):
                    body = gunzip(body, max_size=limit)  # not requested, but S3 sends it
        except HTTPError as error:
            if error.code in _BUSY:
                self._busy.add(host)
            error.close()
            message = f"{url}: answers {error.code}; look at it in a browser"
            raise PageUnavailable(message, error.code) from error
        except (OSError, HTTPException, ValueError, EOFError, zlib.error) as error:
            cause = getattr(error, "reason", None) or error
            message = f"{url}: cannot be reached: {cause}; check the address"
            raise PageUnavailable(message) from error
        if len(body) > limit:
            raise PageUnavailable(f"{url}: is larger than crawl.max_response_mib allows")
        return Response(response.url, body, received.get("Content-Type"))

    def _pause(self, url: str) -> None:
        rules = self._rules.get(root_of(url))
        wished = rules.crawl_delay(BOT_NAME) if rules is not None else None
        pause = max(self._delay, min(wished or 0.0, LONGEST_WISHED_DELAY_SECONDS))
        wait = self._last + pause - time.monotonic()
        if wait > 0:
            self._sleep(wait)
        self._last = time.monotonic()


def _is_public(parts: SplitResult) -> bool:
    """Whether every IP address of a host is public; True if the host cannot be resolved."""
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or DEFAULT_PORTS[parts.scheme])
    except (OSError, UnicodeError):
        return True  # the request says why it cannot be reached
    return all(ip_address(str(each[4][0]).partition("%")[0]).is_global for each in found)


class _Redirects(HTTPRedirectHandler):
    """Follows a redirect only to an address that `check` allows."""

    def __init__(self, check: Callable[[str], None]) -> None:
        self._check = check

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        self._check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
