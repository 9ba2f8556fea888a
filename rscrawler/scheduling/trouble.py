"""What a service says and does while its store fails, or its own deliveries.

It goes on trying, and opens the store anew once a minute. The log says so at once and
then every hour; after five minutes the operators hear of it directly, since no alert
can be stored, or sent. Trouble that nobody but a programmer can mend may be this process's own:
after a quarter of an hour of it the service ends, for its supervisor to start another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from rscrawler.config import Config, format_duration
from rscrawler.delivery.bounded import within
from rscrawler.errors import RscrawlerError
from rscrawler.monitoring.direct import beat_badly, tell_directly
from rscrawler.store import Store
from rscrawler.store.database import DamagedDatabase
from rscrawler.store.jobs import DatabaseFailure

logger = logging.getLogger(__name__)

REOPENED_EVERY = timedelta(minutes=1)
TOLD_AFTER = timedelta(minutes=5)
ENDED_AFTER = timedelta(minutes=15)
SAID_EVERY = timedelta(hours=1)
LONGEST_WORD = timedelta(seconds=20)

ResultT = TypeVar("ResultT")


class StoreTrouble:
    """A store that fails, or does not; `config` gives whom to tell."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._error: Exception | None = None
        self._complaint = ""
        self._since: datetime | None = None
        self._said_at: datetime | None = None
        self._reopened_at: datetime | None = None
        self._is_told = False

    @property
    def is_damage(self) -> bool:
        """Whether it is the file that is damaged."""
        return isinstance(self._error, DamagedDatabase)

    def wants_reopening(self, now: datetime) -> bool:
        """Whether the store should be opened anew now."""
        if self._error is None:
            return False
        is_time = self._reopened_at is None or abs(now - self._reopened_at) >= REOPENED_EVERY
        if is_time:
            self._reopened_at = now
        return is_time

    def is_hopeless(self, now: datetime) -> bool:
        """Whether another process should try."""
        if self._since is None or isinstance(self._error, RscrawlerError):
            return False
        return now - self._since >= ENDED_AFTER

    def met(self, error: Exception, now: datetime) -> None:
        """The store has failed: complain once and then hourly, and tell who is to be told."""
        complaint = str(error).strip().partition("\n")[0] or type(error).__name__
        self._since = min(self._since or now, now)
        lasted = now - self._since
        is_new = complaint != self._complaint
        if is_new or self._said_at is None or abs(now - self._said_at) >= SAID_EVERY:
            is_bug = not isinstance(error, DatabaseFailure | RscrawlerError)
            logger.error(
                "the store %s, trying again: %s",
                f"has failed for {_in_words(lasted)}" if lasted >= SAID_EVERY else "failed",
                complaint,
                exc_info=is_bug and is_new,
            )
            self._said_at = now
        self._error, self._complaint = error, complaint
        if lasted >= TOLD_AFTER and not self._is_told:
            self._tell(now)

    def over(self, now: datetime) -> None:
        """The store works."""
        if self._error is None:
            return
        logger.info("the store works again")
        if self._is_told and self._since is not None:
            text = f"The store works again. It had failed for {_in_words(now - self._since)}."
            config = self._config()
            _briefly(lambda: tell_directly(config, "Over: the store fails", text, now))
        self._error = self._since = self._said_at = self._reopened_at = None
        self._complaint, self._is_told = "", False

    def _tell(self, now: datetime) -> None:
        self._is_told = True
        config = self._config()
        _briefly(lambda: beat_badly(config))
        text = (
            f"For {format_duration(TOLD_AFTER)} the service has not been able to use its store, "
            f"so it starts no crawl and sends no alert. It goes on trying.\n\n{self._complaint}"
        )
        _briefly(lambda: tell_directly(config, "Problem: the store fails", text, now))


def notify_directly_of_undelivered(config: Config, store: Store, now: datetime) -> None:
    """Tell the operators of problems that deliveries should tell of, which have failed for minutes.

    Where nobody can be reached the problems stay untold. Their end is told by a delivery.
    """
    untold = [problem for problem in store.health.problems() if problem.told_at is None]
    if not any(abs(now - problem.since) >= TOLD_AFTER for problem in untold):
        return
    _briefly(lambda: beat_badly(config))
    problems = "\n".join(f"{each.subject}: {each.code}: {each.message}" for each in untold)
    text = (
        f"For {format_duration(TOLD_AFTER)} the service has not been able to deliver anything, "
        f"so no alert goes out. It goes on trying.\n\n{problems}"
    )
    if not _briefly(lambda: tell_directly(config, "Problem: nothing is delivered", text, now)):
        return
    for problem in untold:
        store.health.tell_start(problem, (), now)


def _briefly(call: Callable[[], ResultT]) -> ResultT | None:
    """Let a call go on by itself if it takes long: the service has other things to do."""
    with suppress(TimeoutError):
        return within(LONGEST_WORD, call)
    return None


def _in_words(span: timedelta) -> str:
    return format_duration(timedelta(minutes=max(span // timedelta(minutes=1), 1)))
