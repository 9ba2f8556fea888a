"""Notifications that need no store: the heartbeat, and messages directly to the operators.

A file in the spool marks that the operators were notified of a failing store, and has the reason.
So commands and services notify once, and whichever can use the store again reports the end. The
mark is made before the report, and removed before that of the end: a process that dies while it
sends leaves either unreported.
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
from rscrawler.delivery.ops import DATABASE_SUBJECT
from rscrawler.delivery.spool import spool_folder
from rscrawler.delivery.webhook import outcome_of
from rscrawler.delivery.wording import date_in_words
from rscrawler.store.database import first_line
from rscrawler.store.health import Problem, ProblemCode

logger = logging.getLogger(__name__)

HEARTBEAT_TIMEOUT = timedelta(seconds=10)
_unmarked: dict[Path, datetime] = {}  # marks that could not be created: when it was reported


def send_heartbeat(config: Config, *, is_good: bool) -> None:
    """Request the heartbeat address, if there is one.

    As healthchecks and similar services expect: the plain address if all is well, with `/fail`
    behind its path if not. Errors are logged without the address, since it usually holds a secret.
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


def report_store_failure(
    config: Config, error: Exception, now: datetime, *, goes_on: bool = False
) -> bool:
    """Request the heartbeat with `/fail`, and notify the operators; returns whether they know.

    If nobody can be reached, the next call tries again. If the mark cannot be created, only a
    process that `goes_on` notifies them, and remembers it; each command would do it again.
    """
    send_heartbeat(config, is_good=False)
    mark, reason = _failure_mark(config), first_line(error)
    if mark in _unmarked:
        return True
    with suppress(OSError):
        mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        mark.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return True
    except OSError:  # the folder may be another user's, or its disk fails
        if not goes_on:
            return False
        _unmarked[mark] = now
    else:
        with suppress(OSError):  # no space left for it
            mark.write_text(reason, encoding="utf-8", errors="replace")
    text = (
        "The database cannot be used, so nothing is recorded and no alert is sent."
        f"\n\n{reason}\n\nIt is tried again by itself."
    )
    if _send_now(config, "Problem: the database fails", text, now):
        return True
    _unmarked.pop(mark, None)
    with suppress(OSError):
        mark.unlink()
    return False


def report_store_recovery(config: Config, now: datetime) -> None:
    """Notify the operators that the store works again, if they know that it failed."""
    mark = _failure_mark(config)
    with suppress(OSError):
        since = _unmarked.pop(mark, None)
        if since is None:
            since = _created_at(mark)
            mark.unlink()  # of several processes, one succeeds
        text = f"The database works again. Its failure was reported on {date_in_words(since)}."
        _send_now(config, "Over: the database fails", text, now)


def store_problem(config: Config) -> Problem | None:
    """The problem of a failing store of which the operators were notified; None without one."""
    mark = _failure_mark(config)
    try:
        since = _created_at(mark)
        reason = mark.read_text(encoding="utf-8", errors="replace") or "the log says why"
    except OSError:
        return None
    message = f"the database could not be used: {reason}"
    return Problem(DATABASE_SUBJECT, ProblemCode.OVERDUE, message, since)


def _failure_mark(config: Config) -> Path:
    return spool_folder(config) / "store-fails"


def _created_at(mark: Path) -> datetime:
    return datetime.fromtimestamp(mark.stat().st_mtime, UTC)


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
