"""Word to the operators without the store: for when it is the store that fails.

A file in the spool remembers that they were told, so that a crawl from cron tells once, and
whatever can use the store next says that it is over. Where not even that file can be made,
the heartbeat alone tells.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from rscrawler.config import Config
from rscrawler.delivery.channel import Notice
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.ops import notices
from rscrawler.delivery.outcome import Served, last_words
from rscrawler.delivery.spool import spool_folder
from rscrawler.monitoring.heartbeat import send_heartbeat

logger = logging.getLogger(__name__)

STORE_FAILS, STORE_WORKS = "Problem: the store fails", "Over: the store fails"


def tell_store_fails(config: Config, error: Exception, now: datetime) -> None:
    """Request the heartbeat address of a bad cycle, and tell the operators unless they know."""
    beat_badly(config)
    mark = _mark_of(config)
    try:
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        mark.touch(mode=0o600, exist_ok=False)
    except OSError:
        return  # they know, or would be told with each cycle
    text = (
        f"A command could not use its store, so nothing is recorded and no alert sent.\n\n{error}"
    )
    if not _tell(config, STORE_FAILS, f"{text}\n\nThe next cycle tries again.", now):
        mark.unlink(missing_ok=True)


def tell_store_works(config: Config, now: datetime) -> None:
    """Tell the operators that it is over, if they were told that the store fails."""
    since = store_failed_since(config)
    with suppress(OSError):
        if since is not None:
            _mark_of(config).unlink()
            _tell(
                config,
                STORE_WORKS,
                f"The store works again. It failed from {since:%Y-%m-%d %H:%M} UTC.",
                now,
            )


def store_failed_since(config: Config) -> datetime | None:
    """Since when the operators know that the store fails; None: it does not."""
    try:
        return datetime.fromtimestamp(_mark_of(config).stat().st_mtime, UTC)
    except OSError:
        return None


def tell_directly(config: Config, subject: str, text: str, now: datetime) -> int:
    """Send a message to the operators; returns how many of them have it.

    That the store fails is told once, whoever tells it.
    """
    known = store_failed_since(config) is not None
    if known and subject == STORE_FAILS:
        return 0
    if known and subject == STORE_WORKS:
        _mark_of(config).unlink(missing_ok=True)
    return _tell(config, subject, text, now)


def beat_badly(config: Config) -> None:
    """Request the heartbeat address of a bad cycle, if there is one."""
    if config.monitoring.heartbeat_url is not None:
        url = config.monitoring.heartbeat_url.get_secret_value()
        if problem := send_heartbeat(url, is_good=False):
            logger.warning("the heartbeat did not arrive: %s", problem)


def _mark_of(config: Config) -> Path:
    return spool_folder(config) / "store-fails"


def _tell(config: Config, subject: str, text: str, now: datetime) -> int:
    """Send at once, and once; returns how many have it."""
    served, channels = 0, message_channels(config)
    notice = Notice(subject, text, f"{subject} {now.isoformat()}", "direct", now)
    for message in notices(channels, notice):
        try:
            steps = channels[message.channel].send(message.content, message.addresses)
            for address, outcome in last_words(steps).items():
                if isinstance(outcome, Served):
                    served += 1
                else:
                    logger.warning("%s: %s: %s", message.channel, address, outcome.error)
        except Exception:
            logger.exception("%s: the operators could not be told", message.channel)
    return served
