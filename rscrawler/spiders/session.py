"""The session: what all components of one cycle over one site share; and its crawl leases."""

import asyncio
import logging
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.spider import DefaultSpider

from rscrawler import decisions
from rscrawler.clock import utc_now
from rscrawler.config import Config, find_config, load_config
from rscrawler.errors import ConfigurationError, RscrawlerError, StoreError
from rscrawler.items import Novelty
from rscrawler.sites import SiteProfile, chosen_sites, load_sites
from rscrawler.spiders.pool import Readers
from rscrawler.spiders.reading import PageReader
from rscrawler.store import Store
from rscrawler.store.health import SiteState
from rscrawler.store.leases import (
    LEASE_DURATION,
    LEASE_RENEWAL,
    host_lease,
    in_words,
    process_identity,
    site_lease,
)
from rscrawler.topics import Flagger, check_alerted, usable_flagger

logger = logging.getLogger(__name__)

HOST_POLL = timedelta(milliseconds=200)


def new_run_id() -> str:
    """A unique name for one cycle: the time to the second, and a random part."""
    return f"{utc_now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class CrawlSession:
    """One cycle over one site; the sites of one process share store and readers.

    Attributes:
        readers: None if no pages are fetched.
        limit: the maximum of article pages to request; None for no limit.
        state: the site's state before this cycle.
        has_new_links: whether the profile's rules for links have changed since the last cycle.
        over_limit: the keys of addresses whose pages last exceeded a limit.
        unread_robots: why the robots.txt of a host could not be read, by host.
        failed_sources: why a source failed, by its address.
        unparsed: the addresses of sources that sent pages of which the first could not be parsed.
        truncated: the number of a source's first truncated page, by its address.
        linked: how many articles the first page of a source showed, by its address.
        whole_feeds: the addresses of feeds whose every entry on the first page is an article.
        shown: the keys of the articles on all pages of a source, by its address.
        reaching_back: the addresses of sources that show an article from before their last reading,
            or had none.
        published_hints: the dates of publication that a source gave, by address key.
        revisits: the known articles requested again for a source's later date, with that date, by
            id; None for a removed one that a source shows again.
    """

    config: Config
    site: str
    profile: SiteProfile
    store: Store
    flagger: Flagger
    readers: Readers | None = None
    run_id: str = field(default_factory=new_run_id)
    is_full: bool = False
    limit: int | None = None
    started_at: datetime = field(default_factory=utc_now)
    now: Callable[[], datetime] = utc_now
    state: SiteState = field(init=False)
    has_new_links: bool = field(init=False)
    over_limit: frozenset[str] = field(init=False)
    unread_robots: dict[str, str] = field(default_factory=dict)
    failed_sources: dict[str, str] = field(default_factory=dict)
    unparsed: set[str] = field(default_factory=set)
    truncated: dict[str, int] = field(default_factory=dict)
    linked: dict[str, int] = field(default_factory=dict)
    whole_feeds: set[str] = field(default_factory=set)
    shown: dict[str, set[str]] = field(default_factory=dict)
    reaching_back: set[str] = field(default_factory=set)
    published_hints: dict[str, datetime] = field(default_factory=dict)
    revisits: dict[str, datetime | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = self.store.health.site(self.site, as_of=self.started_at)
        former = self.state.rules_digest
        self.has_new_links = former is not None and not former.startswith(self.profile.links_digest)
        over_limit = self.store.discovery.over_limit(self.site)
        self.over_limit = frozenset(each.key for each in over_limit)

    def novelty_of(self, published_at: datetime | None, found_at: datetime) -> Novelty:
        """The novelty of an article that was found, and that is not known yet."""
        baseline_at = self.state.baseline_at
        return decisions.novelty_of(
            published_at,
            found_at,
            timedelta(days=self.config.alerts.max_age_days),
            in_baseline=baseline_at is None or found_at <= baseline_at,
        )


class CrawlLease:
    """The leases of one crawl: one crawl of a site, and of a host, at a time, on any machine.

    A crawl ends at once if another one holds the lease of its site. It waits for the leases of
    its hosts, since another profile may have pages on the same host. After its release, a host's
    lease rests for the download delay, so that the next crawl keeps the delay to the last request,
    on whatever machine it runs.

    `owner` names the crawl: two crawls of one process have different names.
    """

    def __init__(self, session: CrawlSession, owner: str | None = None) -> None:
        self._leases, self._now = session.store.leases, session.now
        self._owner = owner or f"{process_identity()}/{session.site}"
        self._site = site_lease(session.site)
        # In an order common to all crawls.
        self._hosts = [host_lease(host) for host in sorted(session.profile.all_hosts)]
        self._delay = timedelta(seconds=session.profile.download_delay)
        self._held: list[str] = []

    def begin(self) -> bool:
        """Acquire the site's lease; False if another crawl holds it."""
        if not self._leases.acquire(self._site, self._owner, self._now()):
            return False
        self._held.append(self._site)
        return True

    def holder(self) -> str:
        """The process that holds the site's lease, in words."""
        return in_words(self._leases.holder(self._site) or "another process")

    async def wait_for_hosts(self) -> None:
        """Acquire the lease of each host, once it is free and has rested."""
        for host in self._hosts:
            while not self._leases.acquire(host, self._owner, self._now(), rest=self._delay):
                await asyncio.sleep(HOST_POLL.total_seconds())
            self._held.append(host)

    async def keep(self) -> None:
        """Renew the leases until one is lost; retry after database errors until they expire."""
        renewed_at = self._now()
        while True:
            await asyncio.sleep(LEASE_RENEWAL.total_seconds())
            now = self._now()
            try:
                if not self.renew():
                    return
                renewed_at = now
            except StoreError as error:
                logger.warning("the leases could not be renewed: %s", error)
                if now - renewed_at + LEASE_RENEWAL >= LEASE_DURATION:
                    return

    def renew(self) -> bool:
        """Renew the leases; False if one has been lost."""
        now = self._now()
        return all(self._leases.renew(name, self._owner, now) for name in self._held)

    def end(self) -> None:
        """Release all leases; those of the hosts rest for the download delay."""
        rested_at = self._now() + self._delay
        for name in self._held:
            if name in self._hosts:
                self._leases.rest(name, self._owner, rested_at)
            else:
                self._leases.release(name, self._owner)
        self._held.clear()


def session_of(crawler: Crawler) -> CrawlSession:
    """The session of a crawler's spider, for middlewares, pipelines and extensions.

    Raises:
        NotConfigured: no spider runs, as in `scrapy shell` and `scrapy fetch`.
        TypeError: the spider is not `news`.
    """
    session = getattr(crawler.spider, "session", None)
    if isinstance(session, CrawlSession):
        return session
    if crawler.spider is None or isinstance(crawler.spider, DefaultSpider):
        raise NotConfigured
    raise TypeError(f"{crawler.spider} has no session; this component works with `news` only")


def log_error(crawler: Crawler, error: str, level: int = logging.WARNING) -> None:
    """Log and count an error of a cycle; its end names the last one."""
    logger.log(level, "%s", error)
    crawler.stats.inc_value("rscrawler/errors")
    crawler.stats.set_value("rscrawler/last_error", error)


class SiteComponent:
    """The base class of middlewares and pipelines, each built for the site of one crawl."""

    def __init__(self, session: CrawlSession) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        return cls(session_of(crawler))


def session_from_arguments(
    site: str | None = None,
    config: str | None = None,
    full: str | bool = False,
    limit: str | int | None = None,
    **unknown: Any,
) -> CrawlSession:
    """The session for `scrapy crawl news -a site=… -a full=1 -a limit=5 -a config=FILE`.

    Raises:
        SystemExit: an argument, the configuration or the database is wrong. For other exceptions
            Scrapy shows a traceback, and then one of a task whose exception was never retrieved.
    """
    try:
        allowed = "is not known; allowed: site, config, full, limit"
        if names := [name for name in unknown if not name.startswith("_")]:  # Scrapyd adds `_job`
            raise ConfigurationError(*(f"spider argument {name}: {allowed}" for name in names))
        loaded = load_config(find_config(Path(config) if config else None))
        profiles = load_sites(loaded)
        chosen = chosen_sites(profiles, [site] if site else [])
        if len(chosen) != 1:
            known = ", ".join(sorted(profiles))
            raise ConfigurationError(f"spider argument site: is missing; allowed: {known}")
        if limit is not None and not (str(limit).isdecimal() and int(limit) > 0):
            raise ConfigurationError(f"spider argument limit: {limit!r} is not a number from 1 on")
        check_alerted(loaded)
        flagger = usable_flagger(loaded)
        # Before the database is opened: forked processes must not share its connections.
        readers = Readers(loaded.crawl, PageReader(chosen, flagger))
        store = Store.open(loaded.database)
    except RscrawlerError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2 if isinstance(error, ConfigurationError) else 1) from None
    ((name, profile),) = chosen.items()
    session = CrawlSession(loaded, name, profile, store, flagger, readers)
    session.is_full = str(full).lower() in {"1", "true", "yes"}
    session.limit = None if limit is None else int(limit)
    return session
