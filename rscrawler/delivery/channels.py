"""The table of channels: everything else finds them here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rscrawler.config import Config, QuietHours
from rscrawler.delivery import chat, mail, webhook
from rscrawler.delivery.alert import Interest
from rscrawler.delivery.channel import ALERT_KINDS, MessageChannel, Notice
from rscrawler.delivery.feeds import write_feeds
from rscrawler.delivery.jsonl import deliver_jsonl
from rscrawler.delivery.timing import Wait, quiet_until
from rscrawler.store import Store
from rscrawler.store.outbox import NewMessage

# What each finds of itself in the configuration.
CHANNELS: tuple[Callable[[Config], Iterator[MessageChannel]], ...] = (
    mail.configured,
    chat.configured,
    webhook.configured,
)
# Files that nobody has to take, in the order in which they are brought up to date: what writes
# them gives how many lines or files it wrote, or raises `OutputError`, and nothing is lost.
FILES: Mapping[str, Callable[[Config, Store, Interest, datetime], int]] = {
    "lines": lambda config, store, _, now: deliver_jsonl(config, store, now.astimezone(UTC).date()),
    "feeds": lambda config, store, interest, _: write_feeds(config, store, interest),
}
_UNKNOWN = Wait("the channel is not configured")  # a setting may be missing by mistake


@dataclass(frozen=True, slots=True)
class Channels:
    """The configured channels that send, by name."""

    by_name: Mapping[str, MessageChannel]
    quiet_hours: QuietHours | None

    def composing_waits(self, name: str, oldest: datetime, now: datetime) -> Wait | None:
        """Why rows, the oldest written at `oldest`, are not composed yet; None: they are."""
        channel = self.by_name.get(name)
        if channel is None or not channel.gets_alerts:
            return _UNKNOWN
        # A clock that was far ahead has written it: it has waited enough.
        is_of_wrong_clock = oldest > now + timedelta(days=1)
        wait = None if is_of_wrong_clock else channel.waits(oldest, now)
        return self.sending_waits(name, "alert", now) or wait

    def sending_waits(self, name: str, kind: str, now: datetime) -> Wait | None:
        """Why a message of a kind is not sent yet; None: it is."""
        channel = self.by_name.get(name)
        if channel is None:
            return _UNKNOWN
        if kind not in ALERT_KINDS or not channel.is_for_people or self.quiet_hours is None:
            return None
        until = quiet_until(self.quiet_hours, now)
        return Wait("quiet hours", until) if until else None

    def is_addressed(self, name: str, address: str) -> bool:
        """Whether the configuration still sends to an address of a channel."""
        return name in self.by_name and address in self.by_name[name].everybody

    def notices(self, notice: Notice) -> list[NewMessage]:
        """A message to each channel of the operators."""
        return [message for each in self.by_name.values() if (message := each.notice(notice))]


def message_channels(config: Config) -> Channels:
    """The configured channels that send."""
    found = (channel for configured in CHANNELS for channel in configured(config))
    return Channels({each.name: each for each in found}, config.alerts.quiet_hours)


def alert_channels(config: Config) -> tuple[str, ...]:
    """The names of the channels that an alert goes to."""
    by_name = message_channels(config).by_name
    return tuple(name for name, each in by_name.items() if each.gets_alerts)
