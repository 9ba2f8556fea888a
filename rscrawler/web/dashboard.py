"""What every page is made from."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, Self

from starlette.requests import Request
from starlette.responses import HTMLResponse

from rscrawler.config import Config
from rscrawler.errors import ConfigurationError
from rscrawler.items import Level
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.monitoring.status import Status, read_status
from rscrawler.scheduling.schedules import ScheduledJob, load_schedules
from rscrawler.sites import SiteProfile, load_sites
from rscrawler.store import Store
from rscrawler.topics import Flagger, usable_topics
from rscrawler.web.access import form_token, signing_key, visitor_of
from rscrawler.web.rendering import render

_RECENT_SECONDS = 5.0
logger = logging.getLogger(__name__)


def newest_store(keeper: StoreKeeper) -> Callable[[], Store]:
    """Gives the store of a keeper, opened anew when its file is another one, to any thread."""
    lock = Lock()

    def newest() -> Store:
        with lock:
            return keeper.reopen() if keeper.is_lost else keeper.store

    return newest


@dataclass(frozen=True, slots=True)
class Topic:
    """A watch-list as the pages name it; `countries` are the ISO 3166 codes that it knows."""

    title: str
    countries: tuple[str, ...]


class RecentCount:
    """A number that is counted anew after some seconds; of many at once, one counts."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0
        self._until = 0.0

    def count(self, anew: Callable[[], int]) -> int:
        """The number."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._count = anew()
                self._until = time.monotonic() + _RECENT_SECONDS
            return self._count


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A store to look at, and the files that say what its names mean.

    `topics`, `flagger` and `sites` are as they were when the dashboard started. `key` signs
    cookies and forms.
    """

    config: Config
    newest: Callable[[], Store]
    now: Callable[[], datetime]
    sites: Mapping[str, SiteProfile]
    topics: Mapping[str, Topic]
    flagger: Flagger
    key: str
    problems: RecentCount

    @classmethod
    def of(
        cls, config: Config, store: Store | Callable[[], Store], *, now: Callable[[], datetime]
    ) -> Self:
        """The dashboard of a configuration; of a store, or of whichever is the newest.

        Raises:
            ConfigurationError: a site profile is wrong.
        """
        watchlists = usable_topics(config).lists
        topics = {
            name: Topic(
                watchlist.title,
                tuple(sorted({code for entity in watchlist.entity for code in entity.countries})),
            )
            for name, watchlist in watchlists.items()
        }
        return cls(
            config=config,
            newest=(lambda: store) if isinstance(store, Store) else store,
            now=now,
            sites=load_sites(config),
            topics=topics,
            flagger=Flagger(watchlists.values()),
            key=signing_key(config),
            problems=RecentCount(),
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
        """The level from which an article counts as flagged."""
        return self.config.alerts.minimum

    @property
    def titles(self) -> dict[str, str]:
        """The title of each topic, by name."""
        return {name: topic.title for name, topic in self.topics.items()}

    def countries(self, topics: list[str]) -> list[str]:
        """The codes of the countries of some topics, in order."""
        known = (self.topics[name].countries for name in topics if name in self.topics)
        return sorted({code for codes in known for code in codes})

    def site_names(self) -> list[str]:
        """The names of the sites that are watched, or ever were."""
        enabled = [name for name, profile in self.sites.items() if profile.enabled]
        return list(dict.fromkeys([*enabled, *self.store.health.crawled_sites()]))

    def status(self) -> Status:
        """The health of everything, now."""
        return read_status(self.config, self.store, self.now(), self.jobs())

    def problem_count(self) -> int:
        """How many problems there are, or were some seconds ago: every page shows it."""
        return self.problems.count(lambda: len(self.status().problems))

    def jobs(self) -> tuple[ScheduledJob, ...]:
        """The jobs that run, as the files say now; none if a file is wrong."""
        try:
            return load_schedules(self.config).active
        except ConfigurationError as error:
            logger.warning("%s", error)
            return ()

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: Status | None = None,
        status_code: int = 200,
        **values: Any,
    ) -> HTMLResponse:
        """A page within the frame that all pages share."""
        visitor, can_log_in = visitor_of(request, self.config), bool(self.config.web.users)
        content = render(
            template,
            now=self.now(),
            here=request.url.path,
            problem_count=len(status.problems) if status else self.problem_count(),
            feeds=self.config.alerts.topics,
            topic_titles=self.titles,
            visitor=visitor,
            can_log_in=can_log_in,
            token=form_token(request, self.key) if can_log_in or visitor.name else "",
            **values,
        )
        return HTMLResponse(content, status_code)


def dashboard_of(request: Request) -> Dashboard:
    """The dashboard that a request is for."""
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard
