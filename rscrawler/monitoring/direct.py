"""Word to the operators without the store: for when it is the store that fails.

Nothing is remembered of it: it is sent at once, and not tried again.
"""

from __future__ import annotations

import logging
from datetime import datetime

from rscrawler.config import Config
from rscrawler.delivery.channel import Notice
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.ops import notices
from rscrawler.delivery.outcome import Served, last_words
from rscrawler.monitoring.heartbeat import send_heartbeat

logger = logging.getLogger(__name__)


def tell_directly(config: Config, subject: str, text: str, now: datetime) -> int:
    """Send a message to the operators; gives how many of them have it."""
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


def beat_badly(config: Config) -> None:
    """Request the heartbeat address of a bad cycle, if there is one."""
    if config.monitoring.heartbeat_url is not None:
        url = config.monitoring.heartbeat_url.get_secret_value()
        if problem := send_heartbeat(url, is_good=False):
            logger.warning("the heartbeat did not arrive: %s", problem)
