"""Helpers for requests, responses and failures; the reasons not to send a request."""

import hashlib
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from gzip import BadGzipFile
from typing import Any

from OpenSSL import SSL
from protego import Protego
from scrapy import Request
from scrapy.core.downloader.handlers.http11 import TunnelError
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from service_identity import VerificationError
from twisted.internet.error import ConnectionDone, ConnectionLost, TCPTimedOutError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from rscrawler.clock import in_utc
from rscrawler.decisions import CLOCK_TOLERANCE
from rscrawler.extraction.dates import EARLIEST
from rscrawler.settings import BOT_NAME


class ForbiddenByRobots(IgnoreRequest):
    """robots.txt forbids the address."""


class OffSite(IgnoreRequest):
    """The address, or a redirect's target, is not on the site's hosts."""


class HeldBack(IgnoreRequest):
    """No more requests go to the host in this cycle.

    It asked for a pause, does not respond, or its robots.txt cannot be read.
    """


_WORDS = {
    (DownloadTimeoutError, TCPTimedOutError, TimeoutError): "timeout",
    (DownloadConnectionRefusedError,): "the connection was refused",
    (CannotResolveHostError,): "there is no such host",
    (ResponseDataLossError,): "the response was truncated",
    (BadGzipFile, zlib.error, EOFError): "the response cannot be unpacked",
}
_TUNNEL_STATUS = re.compile(r"'status': (\d+)")
PERMANENT_REDIRECTS = frozenset({301, 308})
_OF_CODING = re.compile(r'-(?:gzip|br)"$')
MAX_ROBOTS_BYTES = 512 * 1024  # RFC 9309, 2.5, asks for at least 500 KiB
# What Protego takes for the name of this robot: each beginning of it, `*`, and both as `*name*`.
_OURS = "|".join(BOT_NAME[:length] for length in range(len(BOT_NAME) + 1))
_OTHER_ROBOT = re.compile(
    rf"^(\s*user-?\s*agent[\s:]++)(?!\**+(?:{_OURS})\**+\s*(?:#|$))[^\s#].*", re.IGNORECASE
)
_OUR_VERSION = re.compile(rf"^(\s*user-?\s*agent[\s:]++{BOT_NAME})/[^#]*", re.IGNORECASE)


def page_digest(body: bytes) -> str:
    """The digest of a page's bytes, 32 hex digits."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def validators(
    etag: str | None, last_modified: str | None, read_at: datetime | None
) -> dict[str, str]:
    """The headers of a conditional request for what was last read at `read_at`.

    Last-Modified counts whole seconds: if it was read that soon, it may have changed again with the
    same date (RFC 9110, 8.8.2.2), and only the ETag tells. Nor does a date from before the web:
    App Engine and Nix date all files 1980 or 1970.

    Apache appends the coding to the ETag of what it compresses, `"1f-gzip"`, and then compares with
    the ETag without it: both are sent, since lighttpd and Apache's own cache compare the whole one.
    """
    headers = {}
    if etag:
        etags = dict.fromkeys((etag, _OF_CODING.sub('"', etag)))
        headers["If-None-Match"] = ", ".join(etags)
    modified_at = http_date(last_modified) if last_modified else None
    is_true = modified_at and read_at and EARLIEST <= modified_at <= read_at - CLOCK_TOLERANCE
    if last_modified and is_true:
        headers["If-Modified-Since"] = last_modified
    return headers


def http_date(text: str) -> datetime | None:
    """A date in a header; None if it is invalid."""
    try:
        return in_utc(parsedate_to_datetime(text))  # "-0000" is an unknown zone
    except (ValueError, OverflowError):
        return None


def header_of(response: Response, name: str) -> str | None:
    """A response header as text; None if it is missing or empty.

    Without NUL, which no valid header has, and PostgreSQL cannot store.
    """
    value = response.headers.get(name) or b""
    return value.replace(b"\0", b"").decode("latin-1") or None


def whole_lines(body: bytes) -> bytes:
    """The whole lines in the first `MAX_ROBOTS_BYTES` of a robots.txt, which alone count."""
    is_short = len(body) <= MAX_ROBOTS_BYTES
    return body if is_short else body[:MAX_ROBOTS_BYTES].rpartition(b"\n")[0]


def robots_rules(body: bytes) -> Protego:
    """The rules of a robots.txt; those for other robots are as if for one.

    Our name with a version is ours too: real files name robots so (`AhrefsBot/5.0`).
    """
    text = whole_lines(body).decode("utf-8-sig", "ignore")
    lines = [_OUR_VERSION.sub(r"\1", line) for line in text.splitlines()]
    # Protego copies the rules of a group for each of its names: hours for thousands of both.
    return Protego.parse("\n".join(_OTHER_ROBOT.sub(r"\1others", line) for line in lines))


def status_of(failure: Failure) -> int | None:
    """The status code of a failed request; None if there was no response."""
    return failure.value.response.status if isinstance(failure.value, HttpError) else None


def has_moved(meta: Mapping[str, Any]) -> bool:
    """Whether there were redirects, all permanent; `meta` is that of the request or response."""
    reasons = meta.get("redirect_reasons", ())
    return bool(reasons) and PERMANENT_REDIRECTS.issuperset(reasons)


def reason_of(failure: Failure) -> str:
    """Why a request failed, in a few words: `HTTP 503`, `timeout`."""
    status, request = status_of(failure), failure.request  # type: ignore[attr-defined]
    if status == 407:  # which only a proxy sends
        return _through_proxy("HTTP 407", request)
    return f"HTTP {status}" if status else error_text(failure.value or Exception(), request)


def error_text(error: BaseException, request: Request) -> str:
    """Why there is no response, or no readable one, in a few words.

    It names the proxy, if the environment has one: it may be that which does not respond.
    """
    for kinds, words in _WORDS.items():
        if isinstance(error, kinds):
            return _through_proxy(words, request)
    if isinstance(error, TunnelError) and (status := _TUNNEL_STATUS.search(str(error))):
        return _through_proxy(f"HTTP {status[1]}", request)
    if isinstance(cause := error.__cause__, ResponseFailed):
        match cause.reasons[-1].value:
            case ConnectionDone() | ConnectionLost():
                return "the connection was closed without a response"
            case SSL.Error(args=[[(_, _, words), *_]]):  # "certificate verify failed"
                return f"TLS error: {words}"
            case VerificationError():
                return "TLS error: the certificate is for another host"
        return "no valid HTTP"
    return str(error).rstrip(".") or type(error).__name__


def _through_proxy(words: str, request: Request) -> str:
    proxy = request.meta.get("proxy")  # without its password
    return f"{words} (through the proxy {proxy})" if proxy else words


def was_held_back(failure: Failure, request: Request) -> bool:
    """Whether the request was never sent, since its host is held back; that is no failure."""
    return isinstance(failure.value, HeldBack) and not request.meta.get("retry_times")
