"""Chat channels, by Apprise address (Slack, Telegram, Teams and many more)."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from rscrawler.delivery.alert import Alert
from rscrawler.delivery.bounded import within
from rscrawler.delivery.email.mail import subject_of
from rscrawler.delivery.outcome import SERVED, Outcome, Passing, Refused, Unreachable
from rscrawler.delivery.wording import date_in_words, in_words, isolated

CHAT_TIMEOUT = timedelta(seconds=30)
# Apprise logs the addresses it was given, and they hold tokens; what is wrong we say ourselves.
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)


def chat_content(title: str, text: str) -> bytes:
    """A chat message as it is stored."""
    return json.dumps({"title": title, "text": text}, ensure_ascii=False).encode()


def alerts_content(alerts: Sequence[Alert], *, is_summary: bool) -> bytes:
    """One message for all alerts of a cycle: a short list, or for a flood only its size."""
    title = subject_of(alerts)
    if is_summary:
        counts = Counter(name for alert in alerts for name in alert.countries).most_common()
        listed = "\n".join(f"{count}  {name}" for name, count in counts)
        return chat_content(title, f"Too many at once to be listed here.\n\n{listed}".strip())
    return chat_content(title, "\n\n".join(map(_entry, alerts)))


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


def address_key(name: str, address: str) -> str:
    """What stands for an Apprise address in the store: its channel and a digest, no token."""
    return f"{name}#{hashlib.blake2b(address.encode(), digest_size=4).hexdigest()}"


def are_known_addresses(addresses: Sequence[str]) -> bool:
    """Whether Apprise can read every one of these addresses; nothing is sent."""
    from apprise import Apprise

    return all(Apprise().add(address) for address in addresses)


def send_chat(address: str, content: bytes, timeout: timedelta = CHAT_TIMEOUT) -> Outcome:
    """Send a stored chat message to one Apprise address.

    Apprise only says whether it worked, so every failure counts as passing, but for an
    address that it cannot read.
    """
    # Imported here: it takes a quarter of the time that a delivery without chats needs.
    from apprise import Apprise, NotifyFormat

    apprise = Apprise()
    if not apprise.add(address):
        return Refused("not an address that Apprise knows")
    message = json.loads(content)

    def notify() -> bool:
        # Declared as plain text, it is escaped for services that read HTML or Markdown.
        return bool(
            apprise.notify(
                body=message["text"], title=message["title"], body_format=NotifyFormat.TEXT
            )
        )

    try:
        return SERVED if within(timeout, notify) else Passing("the service did not take it")
    except TimeoutError:
        return Unreachable(f"no answer within {timeout.total_seconds():g} s")
    except Exception as error:  # whatever a plug-in raises; its text may hold the address
        return Passing(f"the service failed: {type(error).__name__}")
