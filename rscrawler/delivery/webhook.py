"""Signed JSON webhooks: one POST for each record."""

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rscrawler import __version__
from rscrawler.config.models import Config, WebhookSettings
from rscrawler.delivery.channel import (
    SERVED,
    Batch,
    MessageChannel,
    Outcome,
    OutcomeKind,
    bounded,
    unreachable,
)
from rscrawler.delivery.records import line_of
from rscrawler.store.messages import NewMessage
from rscrawler.store.outbox import OutboxRow


@dataclass(frozen=True, kw_only=True)
class Webhook(MessageChannel):
    """`alerts.webhooks.NAME`: for a machine, so each record is sent alone and at any hour."""

    settings: WebhookSettings
    is_for_people = False

    def compose(self, batch: Batch) -> Iterator[tuple[NewMessage, Sequence[OutboxRow]]]:
        """One message for each record, however many there are."""
        for row in batch.rows:
            message_id = f"{self.name}/{row.record_id}"
            content = line_of(row.record).rstrip(b"\n")
            new = NewMessage(message_id, self.name, "alert", batch.now, content, self.addresses)
            yield new, [row]

    def attempt(self, content: bytes, address: str) -> Outcome:
        """POST a record's JSON."""
        settings = self.settings
        secret, timestamp = settings.secret.get_secret_value(), str(int(time.time()))
        dated = f"{timestamp}.".encode() + content
        request = urllib.request.Request(  # noqa: S310 - the configuration allows http and https alone
            settings.url.get_secret_value(),
            data=content,
            method="POST",
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": f"rscrawler/{__version__}",
                "X-RSCrawler-Timestamp": timestamp,
                "X-RSCrawler-Signature-V2": signature_of(dated, secret),
                # Signs the body alone; the next release removes it.
                "X-RSCrawler-Signature": signature_of(content, secret),
                "X-RSCrawler-Record": str(json.loads(content)["record_id"]),
            },
        )
        return outcome_of(request, settings.timeout)


def configured(config: Config) -> Iterator[Webhook]:
    """A channel for each table under `[alerts.webhooks]`.

    The store has its name in place of the address, which may hold a token.
    """
    for name, settings in config.alerts.webhooks.items():
        yield Webhook(f"webhook:{name}", (name,), settings=settings)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect of a POST, which would arrive as a GET without its body."""

    def redirect_request(self, req: urllib.request.Request, *rest: Any) -> Any:
        return None if req.data is not None else super().redirect_request(req, *rest)


_OPENER = urllib.request.build_opener(_Redirects)


def outcome_of(request: urllib.request.Request, timeout: timedelta) -> Outcome:
    """Send a request, and judge it by the status of its response.

    The error never shows the address, which may hold a token.
    """
    seconds = timeout.total_seconds()
    late = f"no response within {seconds:g} s"

    def send() -> Outcome:
        with _OPENER.open(request, timeout=seconds):
            return SERVED

    try:
        # The library's timeout starts again with each byte of the response; ours limits the
        # whole. A connection that is not made in time still fails by the library's.
        return bounded(1.1 * timeout, send)
    except urllib.error.HTTPError as error:
        error.close()
        return Outcome(_kind_of(error.code), f"HTTP {error.code}")
    except urllib.error.URLError as error:  # raised before the whole request is sent
        reason = error.reason
        shown = reason.strerror if isinstance(reason, OSError) else None
        if isinstance(reason, TimeoutError):
            shown = late
        return unreachable(str(reason), shown)
    except TimeoutError:
        return Outcome(OutcomeKind.UNANSWERED, f"{late}; it may have been accepted")
    except UnicodeError:  # of a host that is no name
        return Outcome(OutcomeKind.UNREACHABLE, "cannot be reached")
    except (OSError, http.client.HTTPException, ValueError) as error:
        broken = f"the connection broke: {type(error).__name__}; it may have been accepted"
        return Outcome(OutcomeKind.CUT_OFF, broken)


def signature_of(body: bytes, secret: str) -> str:
    """`sha256=` and the HMAC-SHA256 of the body, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _kind_of(code: int) -> OutcomeKind:
    if code in (429, 503):  # too many requests, unavailable
        return OutcomeKind.UNREACHABLE
    # 408 (timeout) and 425 (too early) ask for a retry as well.
    return OutcomeKind.TEMPORARY if code >= 500 or code in (408, 425) else OutcomeKind.REFUSED
