"""Chats, by Apprise address: Slack, Telegram, Teams and many more."""

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from rscrawler.config import Config
from rscrawler.delivery.alert import countries_of, subject_of
from rscrawler.delivery.channel import SERVED, Batch, Fate, MessageChannel, Notice, Outcome, within
from rscrawler.delivery.wording import rendered

# What Apprise logs when no connection was made, in the words of its HTTP library: nothing was
# sent. After any other broken connection the service may have taken the message.
_NOTHING_SENT = re.compile("NewConnectionError|ConnectTimeout|NameResolutionError|SSLError")
# What it logs of each post that was taken: another attempt is another copy of it.
_SENT = re.compile(r"^Sent ", re.MULTILINE)
_LEAST_PART = 2_000  # letters
_LONGEST_SECONDS = 600  # for an answer: the claim on a message lasts for 15 min
# What it logs holds addresses with tokens: it is for us alone, and all of it.
logging.getLogger("apprise").propagate = False
logging.getLogger("apprise").setLevel(logging.DEBUG)


@dataclass(frozen=True, kw_only=True)
class Chat(MessageChannel):
    """`alerts.channels.NAME`: Apprise addresses, which hold tokens, by what stands for them."""

    urls: Mapping[str, str]
    timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A short list, or for a flood only its size."""
        alerts = batch.alerts
        text = rendered(
            "chat.txt.j2",
            alerts=alerts,
            note=batch.note,
            is_flood=batch.is_flood,
            countries=countries_of(alerts),
        )
        return _stored(subject_of(alerts), text.strip())

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """Subject and text."""
        return _stored(notice.subject, notice.text)

    def attempt(self, content: bytes, address: str) -> Outcome:
        """Send a stored message to one Apprise address.

        Apprise only says whether it worked, so every failure counts as passing, but for an
        address that it cannot read. Its log tells one that was answered from one that was not.
        """
        # Imported here: it takes a quarter of the time that a delivery without chats needs.
        from apprise import Apprise, AppriseAsset, NotifyFormat, OverflowMode

        if (url := self.urls.get(address)) is None:
            return Outcome(Fate.REFUSED, "its address is no longer in the configuration")
        # Its own limit of a minute for all would be taken for a refusal.
        apprise = Apprise(asset=AppriseAsset(service_timeout=0))
        message = json.loads(content)
        if not apprise.add(url):
            return Outcome(Fate.REFUSED, "not an address that Apprise knows")
        seconds = self.timeout.total_seconds()
        for service in apprise:
            # The 4 s of its own are too short: a slow service has posted the message by then.
            if service.socket_read_timeout == type(service).socket_read_timeout:
                service.socket_read_timeout = seconds
            service.socket_read_timeout = min(service.socket_read_timeout, _LONGEST_SECONDS)
            seconds = max(seconds, service.socket_read_timeout)
            # A service refuses what is too long; one of few letters would get dozens of parts.
            is_divided = service.overflow_mode == OverflowMode.UPSTREAM
            if is_divided and service.body_maxlen >= _LEAST_PART:
                service.overflow_mode = OverflowMode.SPLIT
                parts = len(message["text"]) // service.body_maxlen
                seconds += parts * service.request_rate_per_sec  # it pauses between them

        def notify() -> Outcome:
            # Declared as plain text, it is escaped for services that read HTML or Markdown.
            result = apprise.notify(
                body=message["text"],
                title=message["title"],
                body_format=NotifyFormat.TEXT,
                log_level=logging.DEBUG,
            )
            return SERVED if result else _failure("\n".join(each.message for each in result.logs()))

        try:
            # The library's own time-outs say more.
            return within(1.1 * timedelta(seconds=seconds), notify)
        except TimeoutError:
            late = f"no answer within {seconds:g} s; it may have been taken"
            return Outcome(Fate.UNANSWERED, late)
        except Exception as error:  # whatever a plug-in raises; its text may hold the address
            return Outcome(Fate.PASSING, f"the service failed: {type(error).__name__}")


def configured(config: Config) -> Iterator[Chat]:
    """A channel for each name in `[alerts.channels]`; one of the operators gets no alerts."""
    for name in config.alerts.channels:
        urls = {
            f"{name}#{hashlib.blake2b(url.encode(), digest_size=4).hexdigest()}": url
            for url in config.alerts.channel_addresses(name)
        }
        is_for_operators = name in config.alerts.ops.channels
        yield Chat(
            f"channel:{name}",
            tuple(urls),
            tuple(urls) if is_for_operators else (),
            not is_for_operators,
            urls=urls,
        )


def are_known_addresses(addresses: Sequence[str]) -> bool:
    """Whether Apprise can read every one of these addresses; nothing is sent."""
    from apprise import Apprise

    return all(Apprise().add(address) for address in addresses)


def _stored(title: str, text: str) -> bytes:
    return json.dumps({"title": title, "text": text}, ensure_ascii=False).encode()


def _failure(said: str) -> Outcome:
    if _SENT.search(said):  # to one of the address's targets, or one part of a long message
        return Outcome(Fate.UNANSWERED, "the service took a part of it only")
    if "Socket Exception" not in said:
        return Outcome(Fate.PASSING, "the service did not take it")
    if _NOTHING_SENT.search(said):
        return Outcome(Fate.UNREACHABLE, "cannot be reached")
    if "timed out" in said:
        return Outcome(Fate.UNANSWERED, "no answer in time; it may have been taken")
    return Outcome(Fate.CUT_OFF, "the connection broke; it may have been taken")
