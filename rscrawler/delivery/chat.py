"""Chat channels through Apprise: Slack, Telegram, Teams and many more."""

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
from rscrawler.delivery.channel import (
    SERVED,
    Batch,
    MessageChannel,
    Notice,
    Outcome,
    OutcomeKind,
    bounded,
    unreachable,
)
from rscrawler.delivery.wording import rendered, safe_link, shown_host

# Errors of Apprise's HTTP library, in its log, that mean no connection was made: nothing was sent.
# After any other connection error, the service may have accepted the message.
_NOTHING_SENT = re.compile(
    "NewConnectionError|ConnectTimeout|NameResolutionError|ProxyError|SSLError"
)
# Apprise logs this for each accepted post; a retry would post another copy.
_SENT = re.compile(r"^Sent ", re.MULTILINE)
# The plug-ins log a refusal so. Only its number is shown: the text may hold a token.
_HTTP_STATUS = re.compile(r"\berror=([45]\d\d)\b")
# If a title has it, Discord, Mattermost and Zulip notify everyone in a channel.
_MENTION_OF_ALL = re.compile(
    r"@(?=\**(?:all|channel|everyone|here|room|stream|topic)\b)", re.IGNORECASE
)
_LEAST_PART = 1_024  # characters; Pushover's limit: it cuts off what is longer, without an error
# Characters that the servers accept, other than Apprise says. ntfy's make a file of more than 4,096
# bytes, Webex refuses more than 7,439; no alphabet of the region has more than two for a letter.
_PARTS = {"ntfy": 2_000, "Rocket.Chat": 5_000, "Cisco Webex Teams": 3_700}
# Services of WhatsApp, which reads no Markdown: Apprise would put addresses in parentheses.
_WHATSAPP = {"Evolution API", "Whapi.Cloud"}
_MARKUP = re.compile(r"[\\*_~`<]|(?<=\])\(")
_LONGEST_SECONDS = 600  # for a response; less than the claim on a message, 15 min
# Apprise logs addresses with tokens: its log is only for us, but at every level.
logging.getLogger("apprise").propagate = False
logging.getLogger("apprise").setLevel(logging.DEBUG)


@dataclass(frozen=True, kw_only=True)
class Chat(MessageChannel):
    """`alerts.channels.NAME`; `urls` maps stored addresses to Apprise URLs, which hold tokens."""

    urls: Mapping[str, str]
    timeout: ClassVar[timedelta] = timedelta(seconds=30)

    def content(self, batch: Batch, message_id: str) -> bytes:
        """A short list of articles; for a flood only the counts by country.

        Each title has a bullet, since Telegram gets no blank lines from Apprise. The title of a
        single article is that of the message.
        """
        alerts, subject = batch.alerts, subject_of(batch.alerts)
        text = rendered(
            "chat.txt.j2",
            subject=subject,
            alerts=alerts,
            note=batch.note,
            is_flood=batch.is_flood,
            countries=countries_of(alerts),
        )
        return _stored(subject, text.strip())

    def notice_content(self, notice: Notice, message_id: str) -> bytes:
        """The subject and text."""
        return _stored(notice.subject, notice.text)

    def attempt(self, content: bytes, address: str) -> Outcome:
        """Send a stored message to one Apprise address.

        Apprise only reports success or failure; its log shows whether the service may have accepted
        the message. An address is refused only if it is not configured or Apprise cannot read it.
        """
        # Imported here: the import takes a quarter of the time of a delivery without chats.
        from apprise import Apprise, AppriseAsset, NotifyFormat, OverflowMode

        if (url := self.urls.get(address)) is None:
            return Outcome(OutcomeKind.REFUSED, "its address is no longer in the configuration")
        # Apprise's own limit, a minute for all, would look like a failure of the service.
        apprise = Apprise(asset=AppriseAsset(service_timeout=0))
        message = json.loads(content)
        if not apprise.add(url):
            return Outcome(OutcomeKind.REFUSED, "not an address that Apprise knows")
        title, body = message["title"], message["text"]
        if any(0 < service.title_maxlen < len(title) for service in apprise):  # Zulip's topic
            body = f"{title}\n{body}"
        body_format = NotifyFormat.TEXT
        formats = {each.resolve_format(body_format) for each in apprise}
        names = {str(each.service_name) for each in apprise}
        if formats == {NotifyFormat.MARKDOWN} and names.isdisjoint(_WHATSAPP):
            body_format, body = NotifyFormat.MARKDOWN, _in_markdown(body)
            title = title if apprise[0].title_maxlen else _in_markdown(title)
        seconds = self.timeout.total_seconds()
        for service in apprise:
            # The default of 4 s is too short: a slow service posts the message and responds later.
            if service.socket_read_timeout == type(service).socket_read_timeout:
                service.socket_read_timeout = seconds
            service.socket_read_timeout = min(service.socket_read_timeout, _LONGEST_SECONDS)
            seconds = max(seconds, service.socket_read_timeout)
            if accepted := _PARTS.get(str(service.service_name)):
                type(service).body_maxlen = accepted  # some have a property that cannot be set
            # A long message is refused, so split it; but not into dozens of short parts.
            is_divided = service.overflow_mode == OverflowMode.UPSTREAM
            if is_divided and service.body_maxlen >= _LEAST_PART:
                service.overflow_mode = OverflowMode.SPLIT
                parts = len(body) // service.body_maxlen
                seconds += parts * service.request_rate_per_sec  # Apprise pauses between them

        def notify() -> Outcome:
            # Apprise escapes plain text for services that read HTML or Markdown.
            result = apprise.notify(body, title, body_format=body_format, log_level=logging.DEBUG)
            return SERVED if result else _failure("\n".join(each.message for each in result.logs()))

        try:
            # Slightly longer than the library's own timeouts, whose errors say more.
            return bounded(1.1 * timedelta(seconds=seconds), notify)
        except TimeoutError:
            late = f"no response within {seconds:g} s; it may have been accepted"
            return Outcome(OutcomeKind.UNANSWERED, late)
        except Exception as error:  # from any plug-in; its text may hold the address
            return Outcome(OutcomeKind.TEMPORARY, f"the service failed: {type(error).__name__}")


def configured(config: Config) -> Iterator[Chat]:
    """A channel for each name in `[alerts.channels]`; those of the operators get no alerts."""
    for name in config.alerts.channels:
        urls = {
            f"{name}#{hashlib.blake2b(url.encode(), digest_size=4).hexdigest()}": url
            for url in config.alerts.channel_addresses(name)
        }
        is_for_operators = name in config.alerts.ops.channels
        recipients, operators = ((), tuple(urls)) if is_for_operators else (tuple(urls), ())
        yield Chat(f"channel:{name}", recipients, operators, urls=urls)


def are_known_addresses(addresses: Sequence[str]) -> bool:
    """Whether Apprise can read every one of these addresses; nothing is sent."""
    from apprise import Apprise

    return all(Apprise().add(address) for address in addresses)


def _stored(title: str, text: str) -> bytes:
    message = {"title": _notifying_nobody(title), "text": _notifying_nobody(text)}
    return json.dumps(message, ensure_ascii=False).encode()


def _notifying_nobody(text: str) -> str:
    """The text with each mention of all broken up; a link with one still leads to its page."""
    return "\n".join(
        _MENTION_OF_ALL.sub("%40" if safe_link(line.strip()) else "@\u200b", line)
        for line in text.split("\n")
    )


def _in_markdown(text: str) -> str:
    """The text for services that read nothing else: lines as paragraphs, or Teams would join them.

    Apprise would escape addresses as well, which breaks them.
    """
    return "\n\n".join(
        f"[{shown_host(line)}]({line.replace('(', '%28').replace(')', '%29')})"
        if safe_link(line)
        else _MARKUP.sub(r"\\\g<0>", line)
        for line in filter(None, map(str.strip, text.splitlines()))
    )


def _failure(log: str) -> Outcome:
    if _SENT.search(log):  # to one of several targets, or one part of a long message
        return Outcome(OutcomeKind.UNANSWERED, "the service accepted only a part of it")
    if "Socket Exception" not in log:
        status = _HTTP_STATUS.search(log)
        answer = f": HTTP {status[1]}" if status else ""
        return Outcome(OutcomeKind.TEMPORARY, f"the service did not accept it{answer}")
    if _NOTHING_SENT.search(log):
        return unreachable(log)
    if "timed out" in log:
        return Outcome(OutcomeKind.UNANSWERED, "no response in time; it may have been accepted")
    return Outcome(OutcomeKind.CUT_OFF, "the connection broke; it may have been accepted")
