"""What every page is made from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Self

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.monitoring.status import Status, read_status
from rscrawler.recovery import StoreKeeper
from rscrawler.scheduling.schedules import ScheduledJob, load_schedules
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.topics import load_watchlists
from rscrawler.web.rendering import render

logger = logging.getLogger(__name__)


def newest_store(keeper: StoreKeeper) -> Callable[[], Store]:
    """Gives the store of a keeper, opened anew when its file is another one, to any thread."""
    lock = Lock()

    def newest() -> Store:
        with lock:
            return keeper.reopen() if keeper.is_lost else keeper.store

    return newest


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A store to look at, and the files that say what its names mean.

    `topics` has the title of each watch-list, `countries` the ISO 3166 codes that any
    of them knows. They, and `sites`, are as they were when the dashboard started.
    """

    config: Config
    newest: Callable[[], Store]
    now: Callable[[], datetime]
    sites: Mapping[str, SiteProfile]
    topics: Mapping[str, str]
    countries: tuple[str, ...]

    @classmethod
    def of(
        cls, config: Config, store: Store | Callable[[], Store], *, now: Callable[[], datetime]
    ) -> Self:
        """The dashboard of a configuration; of a store, or of whichever is the newest.

        Raises:
            ConfigurationError: a site profile or a watch-list is wrong.
        """
        watchlists = load_watchlists(None, config.topics_dir)
        entities = (entity for watchlist in watchlists.values() for entity in watchlist.entity)
        return cls(
            config=config,
            newest=(lambda: store) if isinstance(store, Store) else store,
            now=now,
            sites=load_sites(config),
            topics={name: watchlist.title for name, watchlist in watchlists.items()},
            countries=tuple(sorted({code for entity in entities for code in entity.countries})),
        )

    @property
    def store(self) -> Store:
        """The store to look at.

        Raises:
            StoreError: it is gone, or damaged.
        """
        return self.newest()

    @property
    def minimum(self) -> Level:
        """The level from which a piece counts as flagged."""
        return self.config.alerts.minimum

    def status(self) -> Status:
        """The health of everything, now."""
        return read_status(self.config, self.store, self.now(), self.jobs())

    def jobs(self) -> tuple[ScheduledJob, ...]:
        """The jobs that run, as the files say now; none if a file is wrong."""
        try:
            return load_schedules(self.config).active
        except ConfigurationError as error:
            logger.warning("%s", error)
            return ()

    def render(self, template: str, status: Status, **values: Any) -> bytes:
        """A page within the frame that all pages share."""
        return render(
            template,
            problem_count=len(status.problems),
            feeds=self.config.alerts.topics,
            topic_titles=self.topics,
            **values,
        )
