"""What all pages share: the store, the configuration, and the rendering of templates."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import Any

from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse

from rscrawler.clock import span_in_words
from rscrawler.config import Config
from rscrawler.delivery.wording import (
    country_name,
    day_in_words,
    one_line,
    safe_link,
    templates,
    words_of_slug,
)
from rscrawler.errors import StoreError
from rscrawler.items import rfc3339
from rscrawler.maintenance.recovery import StoreKeeper
from rscrawler.monitoring.status import Status, read_status
from rscrawler.sites import load_sites
from rscrawler.store import Store
from rscrawler.topics import Flagger, usable_topics
from rscrawler.web.access import user_name
from rscrawler.web.plots import week_label
from rscrawler.web.texts import channel_in_words, path_on, shortened, without_addresses

logger = logging.getLogger(__name__)

_RECENT_SECONDS = 5.0
# The largest backlog that a page indexes itself: this takes some hundredths of a second.
_INDEXED_AT_ONCE = 60
_RELATIVE_WITHIN = timedelta(days=30)


class Dashboard:
    """The store, and the profiles and watch-lists that explain its names.

    `sites`, `flagger`, `titles` and `states` (title and states of each topic) are those of the
    start of the dashboard.

    Raises:
        ConfigurationError: a site profile is invalid.
    """

    def __init__(
        self, config: Config, store: Store | StoreKeeper, *, now: Callable[[], datetime]
    ) -> None:
        watchlists = usable_topics(config).lists
        self.config, self.now = config, now
        self.sites = load_sites(config)
        self.titles = {name: watchlist.title for name, watchlist in watchlists.items()}
        self.states = {name: watchlist.states for name, watchlist in watchlists.items()}
        self.flagger = Flagger(watchlists.values())
        self._opened = store
        self._reopening, self._indexing, self._counting = Lock(), Lock(), Lock()
        self._problem_count, self._count_until = 0, 0.0

    def topics(self, others: Iterable[str]) -> dict[str, str]:
        """The titles of topics by name, to choose from: first those that alerts are sent on."""
        return {name: self.titles.get(name, name) for name in (*self.config.alerts.topics, *others)}

    @property
    def store(self) -> Store:
        """The store; that of a keeper is reopened if its file was replaced.

        Raises:
            StoreError: the database is missing or damaged.
        """
        if isinstance(self._opened, Store):
            return self._opened
        with self._reopening:
            return self._opened.reopen() if self._opened.is_lost else self._opened.store

    def countries(self, topics: Iterable[str]) -> list[str]:
        """The codes of the states that flags on some topics may name, sorted."""
        return sorted({code for name in topics for code in self.states.get(name, ())})

    def site_names(self) -> list[str]:
        """The names of the enabled sites, then of all others that were ever crawled."""
        enabled = [name for name, profile in self.sites.items() if profile.enabled]
        return list(dict.fromkeys([*enabled, *self.store.health.crawled_sites()]))

    def status(self) -> Status:
        """The health of everything at this moment."""
        return read_status(self.config, self.store, self.now())

    def catch_up(self) -> None:
        """Index new records, so that the page shows them; a large backlog is left to the server."""
        index = self.store.index
        try:
            with self._indexing:
                if index.backlog() <= _INDEXED_AT_ONCE:
                    index.catch_up()
        except StoreError as error:  # such as a read-only database
            logger.info("the search index cannot be updated: %s", error)

    def problem_count(self) -> int:
        """The number of problems. Every page shows it: one thread counts them every few seconds."""
        with self._counting:
            if time.monotonic() >= self._count_until:
                self._problem_count = len(self.status().problems)
                self._count_until = time.monotonic() + _RECENT_SECONDS
            return self._problem_count

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: Status | None = None,
        status_code: int = 200,
        **values: Any,
    ) -> HTMLResponse:
        """Render a page within the common frame."""
        content = render(
            template,
            now=self.now(),
            here=request.url.path,
            problem_count=len(status.problems) if status else self.problem_count(),
            feeds=self.config.alerts.topics,
            topic_titles=self.titles,
            visitor=user_name(self.config, request),
            can_log_in=bool(self.config.web.users),
            **values,
        )
        return HTMLResponse(content, status_code)


def chosen(
    values: Mapping[str, str], name: str, allowed: Collection[str], default: str | None = ""
) -> str:
    """A value of a form or address, which must be `allowed`; `default` if it is empty.

    Raises:
        HTTPException: the value is not allowed, or empty without a default (400).
    """
    value = values.get(name) or default
    if value is None or (value and value not in allowed):
        raise HTTPException(
            400, f"{name}: {(value or '')[:80]!r} is not known; allowed: {', '.join(allowed)}"
        )
    return value


# Rendering: every value is escaped.


def render(template: str, **values: Any) -> bytes:
    """Render a template as UTF-8; a variable that is not defined raises."""
    text = _environment().get_template(template).render(values)
    return text.encode("utf-8", "replace")


@cache
def _environment() -> Environment:
    return templates(
        "web",
        channel=channel_in_words,
        country=country_name,
        day=day_in_words,
        line=one_line,
        link=safe_link,
        path_on=path_on,
        relative=_relative,
        rfc3339=rfc3339,
        shortened=shortened,
        slug=words_of_slug,
        span=span_in_words,
        thousands="{:,}".format,
        week=week_label,
        without_addresses=without_addresses,
    )


def _relative(moment: datetime, now: datetime) -> str:
    """`3 h ago`, `in 5 min`; the day, when it is more than 30 days away."""
    distance = now - moment
    if abs(distance) > _RELATIVE_WITHIN:
        return day_in_words(moment)
    if abs(distance) < timedelta(minutes=1):
        return "just now"
    span = span_in_words(abs(distance))
    return f"{span} ago" if distance > timedelta(0) else f"in {span}"
