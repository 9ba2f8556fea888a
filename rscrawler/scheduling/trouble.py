"""What a service logs and does while its store, or its deliveries, fail.

It keeps trying, and reopens the store each time. It logs the failure at once and then every
hour. After five minutes it notifies the operators directly, since nothing can be stored or
delivered, and again every five minutes until one of them has it. Damage is reported by the
rebuilding, and logged here only if it lasts. A failure that looks like a bug may affect only this
process: after a quarter of an hour the service ends, for its supervisor to start another.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from rscrawler.config import Config, format_duration
from rscrawler.delivery.channel import bounded
from rscrawler.errors import RscrawlerError
from rscrawler.monitoring.direct import STORE_FAILS, STORE_WORKS, notify_directly, send_heartbeat
from rscrawler.store import Store
from rscrawler.store.database import DamagedDatabase, first_line
from rscrawler.store.jobs import DatabaseFailure

logger = logging.getLogger(__name__)

REBUILT_WITHIN = timedelta(minutes=1)
NOTIFIED_AFTER = timedelta(minutes=5)
ENDED_AFTER = timedelta(minutes=15)
LOGGED_EVERY = timedelta(hours=1)
NOTIFICATION_LIMIT = timedelta(seconds=20)
_notifying = threading.Lock()  # held while the operators are being notified


class StoreTrouble:
    """Tracks a failure of the store, and notifies the operators that `config` names."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self.error: Exception | None = None
        self._complaint = ""
        self._since: datetime | None = None
        self._logged_at: datetime | None = None
        self._notified_at: datetime | None = None
        self._is_notified = False  # reset if nobody could be reached

    def is_hopeless(self, now: datetime) -> bool:
        """Whether the service should end, so that another process can try."""
        if self._since is None or isinstance(self.error, RscrawlerError):
            return False
        return now - self._since >= ENDED_AFTER

    def failed(self, error: Exception, now: datetime) -> None:
        """Log a failure of the store, once and then hourly; notify the operators if it lasts."""
        complaint = first_line(error)
        self._since = min(self._since or now, now)
        lasted = now - self._since
        is_bug = not isinstance(error, DatabaseFailure | RscrawlerError)
        is_new_bug = is_bug and complaint != self._complaint
        is_being_rebuilt = isinstance(error, DamagedDatabase) and lasted < REBUILT_WITHIN
        # On a full disk some writes succeed in between: that is one failure.
        again_after = NOTIFIED_AFTER if self.error is None else LOGGED_EVERY
        is_due = self._logged_at is None or abs(now - self._logged_at) >= again_after
        if is_new_bug or (is_due and not is_being_rebuilt):
            logger.error(
                "the store %s, trying again: %s",
                f"has failed for {_in_words(lasted)}" if lasted >= LOGGED_EVERY else "failed",
                complaint,
                exc_info=is_new_bug,
            )
            self._logged_at = now
        self.error, self._complaint = error, complaint
        tried_at = self._notified_at or self._since
        if not self._is_notified and abs(now - tried_at) >= NOTIFIED_AFTER:
            self._notify(now)

    def recovered(self, now: datetime) -> None:
        """Log that the store works again, and notify the operators if they know that it failed."""
        if self.error is None:
            return
        level = logging.DEBUG if self._notified_at is None else logging.INFO
        logger.log(level, "the store works again")
        if self._is_notified and self._since is not None:
            text = f"The store works again. It had failed for {_in_words(now - self._since)}."
            config = self._config()
            _briefly(lambda: notify_directly(config, STORE_WORKS, text, now))
        self.error = self._since = self._notified_at = None
        self._is_notified = False

    def _notify(self, now: datetime) -> None:
        self._is_notified, self._notified_at, since = True, now, self._since
        text = (
            "been able to use its store, so it starts no crawl and sends no alert. "
            f"It keeps trying.\n\n{self._complaint}"
        )

        def on_notified(served: int) -> None:
            if not served and self._since == since:
                self._is_notified = False  # try again: the network may fail as well

        _alarm(self._config(), STORE_FAILS, text, now, on_notified)


def notify_directly_of_undelivered(config: Config, store: Store, now: datetime) -> None:
    """Notify the operators of problems that a delivery should have reported minutes ago.

    If nobody can be reached, they stay unreported. A delivery reports their end.
    """
    if _notifying.locked():  # a thread still waits for a server, and will store whom it reached
        return
    unreported = [problem for problem in store.health.problems() if problem.notified_at is None]
    if not any(abs(now - problem.since) >= NOTIFIED_AFTER for problem in unreported):
        return
    problems = "\n".join(f"{each.subject}: {each.code}: {each.message}" for each in unreported)
    text = f"been able to deliver anything, so no alert goes out. It keeps trying.\n\n{problems}"

    def on_notified(served: int) -> None:
        if served:
            for problem in unreported:
                store.health.notify_start(problem, (), now)

    _alarm(config, "Problem: nothing is delivered", text, now, on_notified)


def _alarm(
    config: Config, subject: str, what: str, now: datetime, on_notified: Callable[[int], None]
) -> None:
    """Notify the operators of what the service has not done; `on_notified` gets the number reached.

    It may be called late, by the thread that waits for a slow server; until then no further
    notification is sent.
    """
    _briefly(lambda: send_heartbeat(config, is_good=False))
    text = f"For {format_duration(NOTIFIED_AFTER)} the service has not {what}"

    def notify() -> None:
        try:
            on_notified(notify_directly(config, subject, text, now))
        finally:
            _notifying.release()

    if _notifying.acquire(blocking=False):
        _briefly(notify)
    else:
        on_notified(0)


def _briefly(call: Callable[[], object]) -> None:
    """Wait for a call up to `NOTIFICATION_LIMIT`; a slower one goes on in its thread."""
    with suppress(TimeoutError):
        bounded(NOTIFICATION_LIMIT, call)


def _in_words(span: timedelta) -> str:
    return format_duration(timedelta(minutes=max(span // timedelta(minutes=1), 1)))
