"""Notifications that need no store: the heartbeat, and messages directly to the operators.

A file in the spool marks that the operators were notified of a failing store, and has the reason.
So crawls from cron notify once, and the next command that can use the store reports the end. If the
file cannot be created, only the heartbeat reports the failure.
"""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from urllib.request import Request

from rscrawler import __version__
from rscrawler.config import Config
from rscrawler.delivery.channel import POSSIBLY_ACCEPTED, SERVED, Notice, last_outcomes
from rscrawler.delivery.channels import message_channels
from rscrawler.delivery.messages import DATABASE_SUBJECT
from rscrawler.delivery.spool import spool_folder
from rscrawler.delivery.webhook import outcome_of
from rscrawler.store.health import Problem, ProblemCode

logger = logging.getLogger(__name__)

STORE_FAILS, STORE_WORKS = "Problem: the store fails", "Over: the store fails"
HEARTBEAT_TIMEOUT = timedelta(seconds=10)


def send_heartbeat(config: Config, *, is_good: bool) -> None:
    """Request the heartbeat address, if there is one, for a good or bad cycle.

    As healthchecks and similar services expect: the plain address after a good cycle, with
    `/fail` behind its path after a bad one. Errors are logged without the address, since it
    usually holds a secret.
    """
    if config.monitoring.heartbeat_url is None:
        return
    parts = urlsplit(config.monitoring.heartbeat_url.get_secret_value())
    if not is_good:
        parts = parts._replace(path=parts.path.rstrip("/") + "/fail")
    request = Request(  # noqa: S310 - the configuration lets only http and https through
        urlunsplit(parts), headers={"User-Agent": f"rscrawler/{__version__}"}
    )
    if (outcome := outcome_of(request, HEARTBEAT_TIMEOUT)) != SERVED:
        logger.warning("the heartbeat did not arrive: %s", outcome.error)


def report_store_failure(config: Config, error: Exception, now: datetime) -> None:
    """Request the heartbeat of a bad cycle, and notify the operators unless they know."""
    send_heartbeat(config, is_good=False)
    mark = _failure_mark(config)
    try:
        mark.parent.mkdir(mode=0o700, exist_ok=True)
        mark.touch(mode=0o600, exist_ok=False)
    except OSError:
        return  # they know; or, without a mark, every cycle would notify them
    with suppress(OSError):  # no space left for it
        mark.write_text(str(error), encoding="utf-8", errors="replace")
    text = (
        "A command could not use its store, so nothing is recorded and no alert sent."
        f"\n\n{error}\n\nThe next cycle tries again."
    )
    if not _send_now(config, STORE_FAILS, text, now):
        mark.unlink(missing_ok=True)


def report_store_recovery(config: Config, now: datetime) -> None:
    """Notify the operators that the store works again, if they know that it failed."""
    with suppress(OSError):
        if known := store_problem(config):
            _failure_mark(config).unlink()
            text = f"The store works again. It failed from {known.since:%Y-%m-%d %H:%M} UTC."
            _send_now(config, STORE_WORKS, text, now)


def store_problem(config: Config) -> Problem | None:
    """The problem of a failing store of which the operators were notified; None without one."""
    mark = _failure_mark(config)
    try:
        since = datetime.fromtimestamp(mark.stat().st_mtime, UTC)
        reason = mark.read_text(encoding="utf-8", errors="replace") or "the log says why"
    except OSError:
        return None
    message = f"the store could not be used: {reason}"
    return Problem(DATABASE_SUBJECT, ProblemCode.OVERDUE, message, since)


def notify_directly(config: Config, subject: str, text: str, now: datetime) -> int:
    """Send a message to the operators; returns how many of them have it.

    That the store fails is reported once, by whichever process comes first.
    """
    known = store_problem(config)
    if known and subject == STORE_FAILS:
        return 1  # or more
    if known and subject == STORE_WORKS:
        _failure_mark(config).unlink(missing_ok=True)
    return _send_now(config, subject, text, now)


def _failure_mark(config: Config) -> Path:
    return spool_folder(config) / "store-fails"


def _send_now(config: Config, subject: str, text: str, now: datetime) -> int:
    """Send at once, without a retry; returns how many have it."""
    served, channels = 0, message_channels(config)
    notice = Notice(subject, text, f"{subject} {now.isoformat()}", "direct", now)
    for message in channels.notices(notice):
        channel = channels.by_name[message.channel]
        steps = channel.send_guarded(message.content, message.addresses)
        for address, outcome in last_outcomes(steps).items():
            # Whoever may have it counts, so that it is not sent again and again.
            served += outcome.kind in POSSIBLY_ACCEPTED
            if outcome != SERVED:
                logger.warning("%s: %s: %s", message.channel, address, outcome.error)
    return served
