"""Runs one cycle over any number of sites in this process.

A Twisted reactor cannot be restarted, so a process runs one cycle; the scheduler
starts a child process for each.
"""

import gc
import logging
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import chain

# Imported early, since Scrapy would import it from a stack twice as deep. For each deprecated class
# in it and in its TLS modules, Scrapy inspects every frame of the stack, and every module for each
# frame: a twentieth of an idle cycle. The import installs no reactor.
import scrapy.core.downloader.contextfactory  # noqa: F401
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from rscrawler.clock import utc_now
from rscrawler.config import Config, cache_for, cached
from rscrawler.delivery.wording import compile_templates
from rscrawler.errors import CrawlStopped, StoreError
from rscrawler.maintenance.recovery import open_store
from rscrawler.monitoring.cycle import CycleExtension, CycleOutcome, CycleReport
from rscrawler.monitoring.status import TOPICS_SUBJECT
from rscrawler.sites import chosen_sites, load_sites
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.pool import GARBAGE_THRESHOLD, Readers
from rscrawler.spiders.reading import PageReader
from rscrawler.spiders.session import CrawlSession, new_run_id
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.topics import (
    Flagger,
    check_alerted,
    keep_good_copies,
    shipped_flagger,
    usable_topics,
)

logger = logging.getLogger(__name__)


@cached
def load_flagger(config: Config) -> Flagger:
    """The flagger for the configured watch-lists.

    Raises:
        ConfigurationError: `alerts.topics` names an unknown topic.
    """
    check_alerted(config)
    topics = usable_topics(config)
    return Flagger(topics.lists.values()) if config.topics_dir else shipped_flagger()


def prepare(config: Config) -> None:
    """Load and compile what cycles of enabled sites need, for this process and its forks.

    Raises:
        ConfigurationError: a profile or `alerts.topics` is wrong.
    """
    cache_for(config)
    sites = {name: site for name, site in load_sites(config).items() if site.enabled}
    reader = PageReader(sites, load_flagger(config))
    reader.prepare(config.crawl.page_time_limit.total_seconds())
    compile_templates()


def run_cycle(
    config: Config,
    names: Sequence[str],
    *,
    is_full: bool = False,
    limit: int | None = None,
    on_crawler: Callable[[str, Crawler], None] | None = None,
) -> CycleReport:
    """Crawl the named sites concurrently; without names, all enabled ones.

    A lost store is rebuilt before the first request. `on_crawler` is called with each site's name
    and crawler before the crawl starts, to watch its progress.

    Raises:
        ConfigurationError: a site is unknown or its profile is wrong.
        StoreError: the database cannot be used.
        CrawlStopped: a crawl ended before its outcome was recorded, as after a second signal.
    """
    sites = chosen_sites(load_sites(config), list(names))
    flagger = load_flagger(config)
    # First, since it forks: before the reactor starts and the database is opened.
    readers = Readers(config.crawl, PageReader(sites, flagger))
    settings = Settings()
    settings.setmodule("rscrawler.settings", priority="project")
    settings.set("LOG_INSTALL_ROOT_HANDLER", False)  # the command line installs one
    if not config.archive.enabled:  # its import is slow
        settings["EXTENSIONS"].delete("rscrawler.extensions.archive.ArchiveExtension", "project")
    run_id, started_at = new_run_id(), utc_now()
    process = AsyncCrawlerProcess(settings)
    # The process has set Scrapy's logger to DEBUG, which logs every request and every item.
    logging.getLogger("scrapy").setLevel(settings.get("LOG_LEVEL"))
    # It logs failed downloads, which the spider logs with their cause.
    logging.getLogger("scrapy.core.downloader.handlers.http11").setLevel(logging.CRITICAL)
    crawlers: dict[str, Crawler] = {}
    with closing(readers), closing(open_store(config)) as store:
        topic_problems = _judge_topics(config, store, started_at)
        for name, profile in sites.items():
            session = CrawlSession(
                config, name, profile, store, flagger, readers, run_id, is_full=is_full, limit=limit
            )
            crawler = crawlers[name] = process.create_crawler(NewsSpider)
            if on_crawler is not None:
                on_crawler(name, crawler)
            process.crawl(crawler, session=session)
        # Watch-lists and modules are some hundred thousand objects; scanning them again and again
        # took a tenth of a full crawl.
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        process.start()
        write_error = store.last_write_error
    return CycleReport(
        run_id=run_id,
        started_at=started_at,
        elapsed_seconds=(utc_now() - started_at).total_seconds(),
        sites={name: _outcome(crawler, write_error) for name, crawler in crawlers.items()},
        topic_problems=topic_problems,
    )


def _judge_topics(config: Config, store: Store, now: datetime) -> tuple[str, ...]:
    """Raise or clear the problem of wrong watch-lists, and keep a copy of each good one."""
    problems = tuple(chain.from_iterable(usable_topics(config).problems.values()))
    text = "; ".join(problems) or None
    store.health.raise_or_clear(TOPICS_SUBJECT, ProblemCode.WATCH_LIST, text, now)
    try:
        keep_good_copies(config)
    except OSError as error:
        logger.warning("%s: cannot keep a copy of a watch-list: %s", error.filename, error.strerror)
    return problems


def _outcome(crawler: Crawler, write_error: StoreError | None) -> CycleOutcome:
    extension = crawler.get_extension(CycleExtension)
    if extension is None or extension.outcome is None:
        raise write_error or CrawlStopped(
            "a crawl was stopped before it began, or its outcome could not be recorded: "
            "by a signal, or by an error in the log above"
        )
    return extension.outcome
