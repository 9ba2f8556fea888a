"""What one cycle over one site works with: made once, handed to every component."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.spider import DefaultSpider

from rscrawler.clock import utc_now
from rscrawler.config import Config, find_config, load_config
from rscrawler.errors import ConfigurationError, RscrawlerError
from rscrawler.sites import SiteProfile, chosen_sites, load_sites
from rscrawler.spiders.crawl_lease import CrawlLease
from rscrawler.spiders.pool import Readers
from rscrawler.spiders.reading import PageReader
from rscrawler.store import Store
from rscrawler.store.health import SiteState
from rscrawler.store.leases import process_identity, site_lease
from rscrawler.topics import Flagger, usable_watchlists


def new_run_id() -> str:
    """A name for one cycle: its second, and enough chance to tell two of them apart."""
    return f"{utc_now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class CrawlSession:
    """One cycle over one site.

    `state` is the site's state before this cycle; `rules_digest` is that of the profile;
    `limit` is the most article pages to ask for (None: no limit); `unread_robots` says of hosts
    why their robots.txt could not be read in this cycle, `failed_sources` why a source could not,
    by address; `over_limit` are the keys of addresses whose pages were over their limit when they
    were last read.
    """

    config: Config
    site: str
    profile: SiteProfile
    store: Store
    run_id: str
    started_at: datetime
    state: SiteState
    flagger: Flagger
    readers: Readers
    rules_digest: str
    is_full: bool = False
    limit: int | None = None
    owner: str = field(default_factory=process_identity)
    now: Callable[[], datetime] = utc_now
    unread_robots: dict[str, str] = field(default_factory=dict)
    failed_sources: dict[str, str] = field(default_factory=dict)
    over_limit: frozenset[str] = frozenset()

    @property
    def lease_name(self) -> str:
        """The lease that keeps two crawls of the site apart."""
        return site_lease(self.site)

    @property
    def has_new_rules(self) -> bool:
        """Whether this is the first cycle since the profile was mended."""
        return self.state.rules_digest not in (None, self.rules_digest)

    def crawl_lease(self) -> CrawlLease:
        """The leases of this crawl's site and hosts."""
        return CrawlLease(
            self.store.leases,
            f"{self.owner}/{self.site}",
            self.lease_name,
            tuple(f"host:{host}" for host in sorted(self.profile.all_hosts)),
            timedelta(seconds=self.profile.download_delay),
            self.now,
        )

    @classmethod
    def open(
        cls,
        config: Config,
        site: str,
        profile: SiteProfile,
        *,
        run_id: str | None = None,
        flagger: Flagger | None = None,
        readers: Readers | None = None,
        store: Store | None = None,
        is_full: bool = False,
        limit: int | None = None,
    ) -> CrawlSession:
        """A session; the sites of one process must share store and readers.

        Without `readers` pages are read in this process.

        Raises:
            StoreError: the database cannot be used.
        """
        flagger = flagger or Flagger(usable_watchlists(config))
        if readers is None:
            settings = config.crawl.model_copy(update={"readers": 0})
            readers = Readers(settings, PageReader({site: profile}, flagger))
        store = store or Store.open(config.database)
        return cls(
            config=config,
            site=site,
            profile=profile,
            store=store,
            run_id=run_id or new_run_id(),
            started_at=utc_now(),
            state=store.health.site(site),
            flagger=flagger,
            readers=readers,
            rules_digest=profile.rules_digest,
            is_full=is_full,
            limit=limit,
            over_limit=frozenset(each.key for each in store.discovery.over_limit(site)),
        )


def session_of(crawler: Crawler) -> CrawlSession:
    """The session of a crawler's spider, for middlewares, pipelines and extensions.

    Raises:
        NotConfigured: no spider runs, as in `scrapy shell` and `scrapy fetch`.
        TypeError: the spider is not ours.
    """
    session = getattr(crawler.spider, "session", None)
    if isinstance(session, CrawlSession):
        return session
    if crawler.spider is None or isinstance(crawler.spider, DefaultSpider):
        raise NotConfigured
    raise TypeError(f"{crawler.spider} has no session; this component works with `news` only")


def session_from_arguments(
    site: str | None, config: str | None, full: str | bool, limit: str | int | None
) -> CrawlSession:
    """The session that `scrapy crawl news -a site=… -a full=1 -a limit=5 -a config=FILE` means.

    Raises:
        SystemExit: an argument, the configuration or the database is wrong. Scrapy would show
            the error with a traceback, and after it as a task whose exception nobody asked for.
    """
    try:
        return _session_meant(site, config, full, limit)
    except RscrawlerError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2 if isinstance(error, ConfigurationError) else 1) from None


def _session_meant(
    site: str | None, config: str | None, full: str | bool, limit: str | int | None
) -> CrawlSession:
    loaded = load_config(find_config(Path(config) if config else None))
    if not site:
        enabled = list(chosen_sites(load_sites(loaded), []))
        if len(enabled) != 1:
            known = ", ".join(sorted(load_sites(loaded)))
            raise ConfigurationError(f"spider argument site: is missing; allowed: {known}")
        site = enabled[0]
    try:
        maximum = None if limit is None else int(limit)
    except ValueError:
        raise ConfigurationError(f"spider argument limit: {limit!r} is not a number") from None
    if maximum is not None and maximum < 1:
        raise ConfigurationError(f"spider argument limit: {limit!r} is not 1 or more")
    is_full = full if isinstance(full, bool) else full.lower() in {"1", "true", "yes"}
    profile = chosen_sites(load_sites(loaded), [site])[site]
    flagger = Flagger(usable_watchlists(loaded))
    # Before there is a database, whose connections are not for processes forked from this one.
    readers = Readers(loaded.crawl, PageReader({site: profile}, flagger))
    return CrawlSession.open(
        loaded, site, profile, flagger=flagger, readers=readers, is_full=is_full, limit=maximum
    )
