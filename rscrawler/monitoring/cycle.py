"""The end of a cycle over one site: its counters, whether it succeeded, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy import Spider, signals
from scrapy.crawler import Crawler

from rscrawler.monitoring.drift import ARTICLES, find_drift, is_lost, path_of
from rscrawler.monitoring.lateness import HISTORY, silence
from rscrawler.monitoring.observation import Observation
from rscrawler.monitoring.observer import Observer
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.session import CrawlSession, session_of
from rscrawler.store.health import ProblemCode

# The counters of a cycle as the contract names them, and the statistics that make each up.
COUNTERS: Mapping[str, tuple[str, ...]] = {
    "requests": ("downloader/request_count",),
    "not_modified": ("downloader/response_status_count/304",),
    "bytes": ("downloader/response_bytes",),
    "articles_new": ("rscrawler/articles/new",),
    "articles_updated": ("rscrawler/articles/updated",),
    "articles_unchanged": ("rscrawler/articles/unchanged",),
    "articles_removed": ("rscrawler/articles/removed",),
    "duplicates": ("rscrawler/duplicates",),
    "flagged": ("rscrawler/flagged",),
    "dropped": ("rscrawler/rejected", "item_dropped_count"),
    "errors": ("rscrawler/errors", "rscrawler/callback_errors"),
}
DROPPED_BY_PIPELINE = "item_dropped_reasons_count/"
REMEMBERED_CYCLES = 500  # cycles that observed something, to compare with
ROBOTS_FRESH_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """How a cycle over one site went."""

    counters: Mapping[str, int]
    succeeded: bool
    problems: Mapping[ProblemCode, str]
    note: str | None = None  # why nothing was done, if nothing was


def counters_of(stats: Mapping[str, Any]) -> dict[str, int]:
    """The counters of a cycle from Scrapy's statistics."""
    return {
        name: sum(int(stats.get(part, 0)) for part in parts) for name, parts in COUNTERS.items()
    }


def drops_of(stats: Mapping[str, Any]) -> dict[str, int]:
    """Pages that were not recorded, by reason: `NotAnArticle`, or why a pipeline dropped them."""
    drops = {
        name.removeprefix(DROPPED_BY_PIPELINE): int(count)
        for name, count in stats.items()
        if name.startswith(DROPPED_BY_PIPELINE)
    }
    if rejected := int(stats.get("rscrawler/rejected", 0)):
        drops["NotAnArticle"] = rejected
    return drops


def judge(
    stats: Mapping[str, Any], finish_reason: str, *, robots_were_read: bool = True
) -> CycleOutcome:
    """Whether a cycle succeeded, and whether it could reach its site.

    It succeeds when it ran to its end, reached a source at all and no page broke it. A
    host whose robots.txt cannot be read is not asked for anything (RFC 9309), and so is
    unreachable; it has forbidden nothing.
    """

    def count(name: str) -> int:
        return int(stats.get(f"rscrawler/{name}", 0))

    counters = counters_of(stats)
    if count("leased"):
        return CycleOutcome(counters, True, {}, "is being crawled by another process")
    if count("paused"):
        return CycleOutcome(counters, True, {}, "asked for a pause that has not passed")
    reached = count("sources/read") + count("sources/unchanged")
    failed, forbidden = count("sources/failed"), count("sources/forbidden")
    problems: dict[ProblemCode, str] = {}
    if forbidden and not robots_were_read:
        problems[ProblemCode.UNREACHABLE] = "its robots.txt could not be read, so nothing was asked"
    elif forbidden:
        problems[ProblemCode.ROBOTS_DISALLOWED] = f"robots.txt forbids {forbidden} of its sources"
    elif not reached:
        problems[ProblemCode.UNREACHABLE] = (
            f"none of its {failed + count('sources/absent')} sources could be read; "
            "the log says why for each"
        )
    succeeded = finish_reason == "finished" and reached > 0 and not count("broken")
    return CycleOutcome(counters, succeeded, problems)


class CycleExtension:
    """Judges a cycle when its spider closes, and writes the verdict down."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._observer = Observer()
        self.outcome: CycleOutcome | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connected to the signals of one crawl."""
        extension = cls(crawler)
        observer = extension._observer
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        crawler.signals.connect(observer.response_received, signals.response_received)
        crawler.signals.connect(observer.item_scraped, signals.item_scraped)
        return extension

    def spider_error(self, spider: Spider) -> None:
        """A callback broke: Scrapy logs it with its traceback, the cycle counts it."""
        self._crawler.stats.inc_value("rscrawler/callback_errors")
        self._crawler.stats.inc_value("rscrawler/broken")

    def spider_closed(self, spider: NewsSpider, reason: str) -> None:
        """Judge and record."""
        session, stats = session_of(self._crawler), self._crawler.stats.get_stats()
        outcome = judge(stats, reason, robots_were_read=_robots_were_read(session))
        if outcome.note is None:
            outcome = self._judged_by_history(spider, session, outcome)
            _raise_and_clear(session, outcome.problems)
        self.outcome = outcome

    def _judged_by_history(
        self, spider: NewsSpider, session: CrawlSession, outcome: CycleOutcome
    ) -> CycleOutcome:
        """The outcome with drift and silence added, written down."""
        problems, succeeded = dict(outcome.problems), outcome.succeeded
        seen = Observation()
        if succeeded:
            seen = self._observed(spider, session)
            succeeded = session.state.baseline_at is not None or not _is_nothing(seen)
        if seen.findings:
            problems[ProblemCode.LAYOUT_DRIFT] = "; ".join(seen.findings.values())
        session.store.health.record_end(
            session.run_id,
            session.site,
            session.now(),
            succeeded=succeeded,
            counters=outcome.counters,
            drops=drops_of(self._crawler.stats.get_stats()),
            observation=seen.to_json() if seen.says_something or seen.findings else None,
        )
        if message := _standing(session, outcome, seen):
            problems.setdefault(ProblemCode.LAYOUT_DRIFT, message)
        if succeeded and (late := _silence(session)):
            problems[ProblemCode.SILENT] = late
        return replace(outcome, succeeded=succeeded, problems=problems)
