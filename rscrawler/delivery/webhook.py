"""The signed JSON webhook: one record, one POST."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from rscrawler import __version__
from rscrawler.config import Config, WebhookSettings
from rscrawler.delivery.bounded import within
from rscrawler.delivery.channel import Batch, MessageChannel
from rscrawler.delivery.jsonl import line_of
from rscrawler.delivery.outcome import (
    CUT_SHORT,
    SERVED,
    Doubtful,
    Outcome,
    Passing,
    Refused,
    Unreachable,
)
from rscrawler.store.outbox import NewMessage, OutboxRow

TIMESTAMP_HEADER = "X-RSCrawler-Timestamp"
SIGNATURE_HEADER = "X-RSCrawler-Signature-V2"
OLD_SIGNATURE_HEADER = "X-RSCrawler-Signature"  # of the body alone; gone with release 2
RECORD_HEADER = "X-RSCrawler-Record"
# Codes that mean "later": time-out, too early, too many requests.
_PASSING_CODES = frozenset({408, 425, 429})


@dataclass(frozen=True)
class Webhook(MessageChannel):
    """`alerts.webhooks.NAME`: a machine, which waits for nothing and gets each record alone."""

    key: str
    settings: WebhookSettings
    is_for_people = False

    @property
    def name(self) -> str:
        """`webhook:NAME`."""
        return f"webhook:{self.key}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The name stands for the address, which may hold a token."""
        return (self.key,)

    def compose(self, batch: Batch) -> Iterator[tuple[NewMessage, Sequence[OutboxRow]]]:
        """A message for each record, whatever the flood."""
        for row in batch.rows:
            content = line_of(row.record).rstrip(b"\n")
            message_id = f"{self.name}/{row.record_id}"
            yield (
                NewMessage(message_id, self.name, "alert", batch.now, content, self.addresses),
                [row],
            )

    def content(self, batch: Batch, message_id: str) -> bytes:
        """Not asked for: `compose` has it."""
        raise NotImplementedError

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Mapping[str, Outcome]]:
        """One POST."""
        yield dict.fromkeys(addresses, CUT_SHORT)
        yield dict.fromkeys(addresses, _posted(self.settings, content))


def configured(config: Config) -> Iterator[Webhook]:
    """A channel for each table under `[alerts.webhooks]`."""
    for name, settings in config.alerts.webhooks.items():
        yield Webhook(name, settings)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any,
        newurl: str,
    ) -> None:  # fmt: skip
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def signature_of(body: bytes, secret: str) -> str:
    """`sha256=` and the HMAC-SHA256, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _posted(settings: WebhookSettings, content: bytes) -> Outcome:
    """POST a record's JSON. Errors never show the address: it may hold a token."""
    secret, timestamp = settings.secret.get_secret_value(), str(int(time.time()))
    request = urllib.request.Request(  # noqa: S310 - the configuration allows http and https alone
        settings.url.get_secret_value(),
        data=content,
        method="POST",
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": f"rscrawler/{__version__}",
            TIMESTAMP_HEADER: timestamp,
            SIGNATURE_HEADER: signature_of(f"{timestamp}.".encode() + content, secret),
            OLD_SIGNATURE_HEADER: signature_of(content, secret),
            RECORD_HEADER: str(json.loads(content)["record_id"]),
        },
    )
    seconds = settings.timeout.total_seconds()
    late = f"no answer within {seconds:g} s"

    def post() -> Outcome:
        with _OPENER.open(request, timeout=seconds):
            return SERVED

    try:
        # The library's time-out begins anew with each byte of the answer. A connection that is
        # not made in time fails by it before ours is up.
        return within(1.1 * settings.timeout, post)
    except urllib.error.HTTPError as error:
        error.close()
        return _answered(error.code)
    except urllib.error.URLError as error:  # what the library meets before all is sent
        reason = error.reason
        if isinstance(reason, TimeoutError):
            return Unreachable(late)
        shown = reason.strerror if isinstance(reason, OSError) else None
        return Unreachable(shown or "cannot be reached")
    except TimeoutError:
        return Doubtful(f"{late}; it may have been taken")
    except (OSError, http.client.HTTPException) as error:
        reason = f"the connection broke: {type(error).__name__}"
        return Doubtful(f"{reason}; it may have been taken", was_cut=True)


def _answered(code: int) -> Outcome:
    if code in (429, 503):
        return Unreachable(f"HTTP {code}")
    if code >= 500 or code in _PASSING_CODES:
        return Passing(f"HTTP {code}")
    return Refused(f"HTTP {code}")
