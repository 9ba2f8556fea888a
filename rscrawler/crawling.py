"""One cycle over any number of sites, in this process.

A Twisted reactor does not start twice, so a process runs one cycle; the scheduler
starts a child for each.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from rscrawler.clock import utc_now
from rscrawler.config import Config, keep, kept
from rscrawler.errors import StoreError
from rscrawler.monitoring.cycle import CycleExtension, CycleOutcome
from rscrawler.sites import chosen_sites, load_sites
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.pool import Readers
from rscrawler.spiders.reading import PageReader
from rscrawler.spiders.session import CrawlSession, new_run_id
from rscrawler.store import Store
from rscrawler.topics import Flagger, load_topics

GARBAGE_THRESHOLD = 10_000  # new objects from which the youngest are gone through


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What a cycle did, site by site."""

    run_id: str
    started_at: datetime
    elapsed_seconds: float
    sites: dict[str, CycleOutcome] = field(default_factory=dict)

    @property
    def is_healthy(self) -> bool:
        """Whether every site succeeded, without an error or a problem."""
        return all(
            outcome.succeeded and not outcome.problems and not outcome.counters["errors"]
            for outcome in self.sites.values()
        )

    def total(self, counter: str) -> int:
        """The sum of a counter over the sites."""
        return sum(outcome.counters[counter] for outcome in self.sites.values())


@kept
def load_flagger(config: Config) -> Flagger:
    """What flags texts by the configured watch-lists.

    Raises:
        ConfigurationError: a watch-list is wrong.
    """
    return Flagger(load_topics(config).values())


def prepare(config: Config) -> None:
    """Read and compile what each cycle needs, for this process and those forked from it.

    Raises:
        ConfigurationError: a profile or a watch-list is wrong.
    """
    keep(config)
    PageReader(load_sites(config), load_flagger(config)).prepare()


def run_cycle(
    config: Config,
    names: Sequence[str],
    *,
    is_full: bool = False,
    limit: int | None = None,
    on_crawler: Callable[[str, Crawler], None] | None = None,
) -> CycleReport:
    """Crawl the named sites (none: all enabled ones), side by side.

    `on_crawler` is told of each site's crawler before it starts, to watch its progress.

    Raises:
        ConfigurationError: a site is unknown or its profile is wrong.
        StoreError: the database cannot be used.
    """
    sites = chosen_sites(load_sites(config), list(names))
    flagger = load_flagger(config)
    # Forks, and so comes before the reactor and the database.
    readers = Readers(config.crawl, PageReader(sites, flagger))
    settings = Settings()
    settings.setmodule("rscrawler.settings", priority="project")
    settings.set("LOG_INSTALL_ROOT_HANDLER", False)  # the command line has one
    if not config.archive.enabled:  # it takes long to import
        settings["EXTENSIONS"].delete("rscrawler.extensions.archive.ArchiveExtension", "project")
    run_id, started_at = new_run_id(), utc_now()
    process = AsyncCrawlerProcess(settings)
    # Which has opened Scrapy's logger for every level: a line for each request and each item.
    logging.getLogger("scrapy").setLevel(settings.get("LOG_LEVEL"))
    crawlers: dict[str, Crawler] = {}
    with closing(readers), closing(Store.open(config.database)) as store:
        for name, profile in sites.items():
            session = CrawlSession.open(
                config,
                name,
                profile,
                run_id=run_id,
                flagger=flagger,
                readers=readers,
                store=store,
                is_full=is_full,
                limit=limit,
            )
            crawlers[name] = process.create_crawler(NewsSpider)
            if on_crawler is not None:
                on_crawler(name, crawlers[name])
            process.crawl(crawlers[name], session=session)
        _collect_garbage_seldom()
        process.start()
        trouble = store.trouble
    return CycleReport(
        run_id=run_id,
        started_at=started_at,
        elapsed_seconds=(utc_now() - started_at).total_seconds(),
        sites={name: _outcome(crawler, trouble) for name, crawler in crawlers.items()},
    )


def _collect_garbage_seldom() -> None:
    """Let what this process keeps to its end be, and look for cycles among the rest less often.

    Watch-lists and modules are some hundred thousand objects; going through them again and
    again was a tenth of a full crawl.
    """
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _outcome(crawler: Crawler, trouble: StoreError | None) -> CycleOutcome:
    extension = crawler.get_extension(CycleExtension)
    if extension is None or extension.outcome is None:
        raise trouble or StoreError(
            "a crawl was stopped before it began, or its end could not be written down: "
            "a signal, or what the log above says"
        )
    return extension.outcome
