"""The table of channels; all other code finds the configured channels here."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rscrawler.config import Config, QuietHours
from rscrawler.delivery import chat, mail, webhook
from rscrawler.delivery.channel import ALERT_KINDS, MessageChannel, Notice
from rscrawler.delivery.timing import Wait, quiet_until
from rscrawler.store.outbox import NewMessage

# Each function yields the channels of its kind that are configured.
CHANNELS: tuple[Callable[[Config], Iterator[MessageChannel]], ...] = (
    mail.configured,
    chat.configured,
    webhook.configured,
)
_NOT_CONFIGURED = Wait(
    "no configured channel of this name takes it; configure one to send what waits"
)


@dataclass(frozen=True, slots=True)
class Channels:
    """The configured channels that send messages, by name."""

    by_name: Mapping[str, MessageChannel]
    quiet_hours: QuietHours | None

    def wait_to_compose(self, name: str, oldest: datetime, now: datetime) -> Wait | None:
        """Why rows, the oldest created at `oldest`, are not composed yet; None if they are due."""
        channel = self.by_name.get(name)
        if channel is None or not channel.gets_alerts:
            return _NOT_CONFIGURED
        # The row was created by a clock that was far ahead; it has waited long enough.
        is_of_wrong_clock = oldest > now + timedelta(days=1)
        wait = None if is_of_wrong_clock else channel.reason_to_wait(oldest, now)
        return self.wait_to_send(name, "alert", now) or wait

    def wait_to_send(self, name: str, kind: str, now: datetime) -> Wait | None:
        """Why a message of this kind is not sent yet; None if it may go out."""
        channel = self.by_name.get(name)
        if channel is None:
            return _NOT_CONFIGURED
        if kind not in ALERT_KINDS or not channel.is_for_people or self.quiet_hours is None:
            return None
        until = quiet_until(self.quiet_hours, now)
        return Wait("quiet hours", until) if until else None

    def is_addressed(self, name: str, address: str) -> bool:
        """Whether the address is still configured for the channel."""
        return name in self.by_name and address in self.by_name[name].all_addresses

    def notices(self, notice: Notice) -> list[NewMessage]:
        """A message for each channel that has operators."""
        return [message for each in self.by_name.values() if (message := each.notice(notice))]


def message_channels(config: Config) -> Channels:
    """The configured channels that send messages."""
    found = (channel for configured in CHANNELS for channel in configured(config))
    return Channels({each.name: each for each in found}, config.alerts.quiet_hours)


def alert_channels(config: Config) -> tuple[str, ...]:
    """The names of the channels that get alerts."""
    by_name = message_channels(config).by_name
    return tuple(name for name, each in by_name.items() if each.gets_alerts)
