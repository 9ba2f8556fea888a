"""Chats, by Apprise address: Slack, Telegram, Teams and many more."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from rscrawler.config import Config
from rscrawler.delivery.alert import Alert
from rscrawler.delivery.bounded import within
from rscrawler.delivery.channel import Batch, MessageChannel, Notice
from rscrawler.delivery.email.mail import subject_of
from rscrawler.delivery.outcome import (
    CUT_SHORT,
    SERVED,
    Doubtful,
    Outcome,
    Passing,
    Refused,
    Unreachable,
)
from rscrawler.delivery.wording import date_in_words, in_words, isolated

# What Apprise logs when no connection was made, in the words of its HTTP library: nothing was
# sent. After any other broken connection the service may have taken the message.
_NOTHING_SENT = re.compile("NewConnectionError|ConnectTimeout|NameResolutionError|SSLError")


@dataclass(frozen=True)
class Chat(MessageChannel):
    """`alerts.channels.NAME`: one Apprise address, or several."""

    key: str
    urls: tuple[str, ...]  # they hold tokens
    is_for_operators: bool
    timeout: ClassVar[timedelta] = timedelta(seconds=30)

    @property
    def name(self) -> str:
        """`channel:NAME`."""
        return f"channel:{self.key}"

    @property
    def gets_alerts(self) -> bool:  # type: ignore[override]
        """A channel of the operators gets no alerts."""
        return not self.is_for_operators

    @property
    def addresses(self) -> tuple[str, ...]:
        """What stands in the store for each address."""
        return tuple(dict.fromkeys(map(self._stand_in, self.urls)))

    @property
    def operators(self) -> tuple[str, ...]:
        """All of it, or nobody."""
        return self.addresses if self.is_for_operators else ()

    def _stand_in(self, url: str) -> str:
        return f"{self.key}#{hashlib.blake2b(url.encode(), digest_size=4).hexdigest()}"

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A short list, or for a flood only its size."""
        title, note = subject_of(batch.alerts), f"{batch.note}\n\n" if batch.note else ""
        if batch.is_flood:
            counts = Counter(name for alert in batch.alerts for name in alert.countries)
            listed = "\n".join(f"{count}  {name}" for name, count in counts.most_common())
            return _stored(title, f"{note}Too many at once to be listed here.\n\n{listed}".strip())
        return _stored(title, note + "\n\n".join(map(_entry, batch.alerts)))

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """Subject and text."""
        return _stored(notice.subject, notice.text)

    def send(self, content: bytes, addresses: Sequence[str]) -> Iterator[Mapping[str, Outcome]]:
        """One request for each address."""
        known = {self._stand_in(url): url for url in self.urls}
        for address in addresses:
            yield {address: CUT_SHORT}
            if url := known.get(address):
                yield {address: _notify(url, content, self.timeout)}
            else:
                yield {address: Refused("its address is no longer in the configuration")}


def configured(config: Config) -> Iterator[Chat]:
    """A channel for each name in `[alerts.channels]`."""
    for name in config.alerts.channels:
        urls = tuple(config.alerts.channel_addresses(name))
        yield Chat(name, urls, name in config.alerts.ops.channels)


def are_known_addresses(addresses: Sequence[str]) -> bool:
    """Whether Apprise can read every one of these addresses; nothing is sent."""
    from apprise import Apprise

    return all(Apprise().add(address) for address in addresses)


def _stored(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text}, ensure_ascii=False).encode()


def _entry(alert: Alert) -> str:
    facts = [date_in_words(alert.published_at), *alert.levels]
    if alert.countries:
        facts.append(in_words(alert.countries))
    lines = [isolated(alert.title), " · ".join(facts)]
    if alert.byline:
        lines.append(f"By {isolated(alert.byline)}")
    if alert.follows:
        lines.append(f"Follows {isolated(str(alert.follows))}")
    if alert.link:
        lines.append(alert.link)
    return "\n".join(lines)


def _notify(url: str, content: bytes, timeout: timedelta) -> Outcome:
    """Send a stored message to one Apprise address.

    Apprise only says whether it worked, so every failure counts as passing, but for an
    address that it cannot read. Its log tells one that was answered from one that was not.
    """
    # Imported here: it takes a quarter of the time that a delivery without chats needs.
    from apprise import Apprise, NotifyFormat

    apprise, message = Apprise(), json.loads(content)
    if not apprise.add(url):
        return Refused("not an address that Apprise knows")
    for service in apprise:
        # The 4 s of its own are too short: a slow service has posted the message by then.
        if service.socket_read_timeout == type(service).socket_read_timeout:
            service.socket_read_timeout = timeout.total_seconds()

    def notify() -> Outcome:
        _EAR.said.clear()
        # Declared as plain text, it is escaped for services that read HTML or Markdown.
        is_taken = apprise.notify(
            body=message["text"], title=message["title"], body_format=NotifyFormat.TEXT
        )
        return SERVED if is_taken else _failure("\n".join(_EAR.said))

    try:
        return within(1.1 * timeout, notify)  # the library's own time-outs say more
    except TimeoutError:
        return Doubtful(f"no answer within {timeout.total_seconds():g} s; it may have been taken")
    except Exception as error:  # whatever a plug-in raises; its text may hold the address
        return Passing(f"the service failed: {type(error).__name__}")


def _failure(said: str) -> Outcome:
    if "Socket Exception" not in said:
        return Passing("the service did not take it")
    if _NOTHING_SENT.search(said):
        return Unreachable("cannot be reached")
    if "timed out" in said:
        return Doubtful("no answer in time; it may have been taken")
    return Doubtful("the connection broke; it may have been taken", was_cut=True)


class _Ear(logging.Filter):
    """Hears what Apprise logs, and lets nobody else hear it: it holds addresses with tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the message, in whatever thread it is logged."""
        self.said.append(record.getMessage())
        return False


_EAR = _Ear()
_APPRISE_LOG = logging.getLogger("apprise")
_APPRISE_LOG.setLevel(logging.DEBUG)
_APPRISE_LOG.addFilter(_EAR)
