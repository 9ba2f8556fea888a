"""The table of channels: everything else finds them here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rscrawler.config import Config
from rscrawler.delivery import chat, email, feeds, jsonl, webhook
from rscrawler.delivery.channel import Channel, Channels, FileChannel, MessageChannel

# What each finds of itself in the configuration. Files are written in this order.
CHANNELS: tuple[Callable[[Config], Iterator[Channel]], ...] = (
    jsonl.configured,
    feeds.configured,
    email.configured,
    chat.configured,
    webhook.configured,
)


def message_channels(config: Config) -> Channels:
    """The configured channels that send, by name."""
    return {each.name: each for each in _all(config) if isinstance(each, MessageChannel)}


def file_channels(config: Config) -> Iterator[FileChannel]:
    """The channels that write files."""
    return (each for each in _all(config) if isinstance(each, FileChannel))


def alert_channels(config: Config) -> tuple[str, ...]:
    """The names of the channels that an alert goes to."""
    return tuple(name for name, each in message_channels(config).items() if each.gets_alerts)


def _all(config: Config) -> Iterator[Channel]:
    for configured in CHANNELS:
        yield from configured(config)
