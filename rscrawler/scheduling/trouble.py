"""What a service logs and does while its store, or its deliveries, fail.

It keeps trying, and reopens the store each time. It logs the failure at once and then every
hour. After five minutes it notifies the operators directly, since nothing can be stored, and tries
again every five minutes if none of them was reached. Damage is reported by the rebuilding, and
logged here only if it lasts. A failure that looks like a bug may affect only this process: after a
quarter of an hour the service ends, for its supervisor to start another.

If only its delivery processes fail for five minutes, the service sends the notices itself.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from rscrawler.clock import span_in_words
from rscrawler.config import Config
from rscrawler.delivery import send_notices
from rscrawler.delivery.channel import bounded
from rscrawler.delivery.ops import OUTBOX_SUBJECT
from rscrawler.errors import RscrawlerError
from rscrawler.monitoring.direct import report_store_failure, report_store_recovery, send_heartbeat
from rscrawler.store import Store
from rscrawler.store.database import DamagedDatabase, DatabaseFailure, first_line
from rscrawler.store.health import ProblemCode

logger = logging.getLogger(__name__)

REBUILT_WITHIN = timedelta(minutes=1)
NOTIFIED_AFTER = timedelta(minutes=5)
ENDED_AFTER = timedelta(minutes=15)
LOGGED_EVERY = timedelta(hours=1)
NOTIFICATION_LIMIT = timedelta(seconds=20)


class StoreTrouble:
    """Tracks a failure of the store, and notifies the operators that `config` names.

    `is_quiet`: it only logs, since another process notifies them.
    """

    def __init__(self, config: Callable[[], Config], *, is_quiet: bool = False) -> None:
        self._config, self._is_quiet = config, is_quiet
        self.error: Exception | None = None
        self._complaint = ""
        self._since: datetime | None = None
        self._logged_at: datetime | None = None
        self._reported_at: datetime | None = None
        self._is_known = False  # to the operators

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
                "the database %s, trying again: %s",
                f"has failed for {span_in_words(lasted)}" if lasted >= LOGGED_EVERY else "failed",
                complaint,
                exc_info=is_new_bug,
            )
            self._logged_at = now
        self.error, self._complaint = error, complaint
        if abs(now - (self._reported_at or self._since)) >= NOTIFIED_AFTER:
            self._reported_at = now
            if not self._is_quiet:
                _briefly(lambda: self._report(error, now))

    def _report(self, error: Exception, now: datetime) -> None:
        # Once: a command that can use the store ends the problem, though this process cannot.
        if self._is_known:
            send_heartbeat(self._config(), is_good=False)
        else:
            since = self._since
            is_known = report_store_failure(self._config(), error, now, goes_on=True)
            self._is_known = is_known and self._since == since  # it may have taken long

    def recovered(self, now: datetime) -> None:
        """Log that the store works again, and notify the operators if they know that it failed."""
        if self.error is None:
            return
        if self._reported_at is None:
            logger.debug("the database works again")
        else:
            logger.info("the database works again")
            if not self._is_quiet:
                _briefly(lambda: report_store_recovery(self._config(), now))
        self.error = self._since = self._reported_at = None
        self._is_known = False


def notify_of_undelivered(config: Config, store: Store, clock: Callable[[], datetime]) -> None:
    """Send the notices to the operators if the service's own deliveries have failed for minutes."""
    now, overdue = clock(), (OUTBOX_SUBJECT, ProblemCode.OVERDUE)
    if any(
        (problem.subject, problem.code) == overdue and abs(now - problem.since) >= NOTIFIED_AFTER
        for problem in store.health.problems()
    ):
        send_heartbeat(config, is_good=False)
        _briefly(lambda: send_notices(config, store, clock))


def _briefly(call: Callable[[], object]) -> None:
    """Wait for a call up to `NOTIFICATION_LIMIT`; a slower one goes on in its thread."""
    try:
        bounded(NOTIFICATION_LIMIT, call)
    except TimeoutError:
        pass
    except Exception:  # the service goes on without it
        logger.exception("the operators could not be notified")
