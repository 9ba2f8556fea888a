"""The signed JSON webhook: one record, one POST."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import urllib.error
import urllib.request
from typing import IO, Any

from rscrawler import __version__
from rscrawler.config import WebhookSettings
from rscrawler.delivery.bounded import within
from rscrawler.delivery.outcome import SERVED, Outcome, Passing, Refused, Unreachable

SIGNATURE_HEADER = "X-RSCrawler-Signature"
RECORD_HEADER = "X-RSCrawler-Record"
# Codes that mean "later": time-out, too early, too many requests.
_PASSING_CODES = frozenset({408, 425, 429})


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> None:  # fmt: skip
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def signature_of(body: bytes, secret: str) -> str:
    """`sha256=` and the HMAC-SHA256 of the body, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post_record(settings: WebhookSettings, content: bytes) -> Outcome:
    """POST a record's JSON; the same bytes, signature and headers at every attempt.

    Errors never show the address: it may hold a token.
    """
    request = urllib.request.Request(  # noqa: S310 - the configuration allows http and https alone
        settings.url.get_secret_value(),
        data=content,
        method="POST",
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"rscrawler/{__version__}",
            SIGNATURE_HEADER: signature_of(content, settings.secret.get_secret_value()),
            RECORD_HEADER: str(json.loads(content)["record_id"]),
        },
    )
    timeout = settings.timeout.total_seconds()

    def post() -> Outcome:
        with _OPENER.open(request, timeout=timeout):
            return SERVED

    try:
        # The library's time-out begins anew with each byte of the answer.
        return within(settings.timeout, post)
    except urllib.error.HTTPError as error:
        error.close()
        return _answered(error.code)
    except TimeoutError:
        return Unreachable(f"no answer within {timeout:g} s")
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            return Unreachable(f"no answer within {timeout:g} s")
        shown = reason.strerror if isinstance(reason, OSError) else None
        return Unreachable(shown or "cannot be reached")
    except (OSError, http.client.HTTPException) as error:
        return Unreachable(f"the connection broke: {type(error).__name__}")


def _answered(code: int) -> Outcome:
    if code in (429, 503):
        return Unreachable(f"HTTP {code}")
    if code >= 500 or code in _PASSING_CODES:
        return Passing(f"HTTP {code}")
    return Refused(f"HTTP {code}")
