"""The end of a cycle over one site: its counters, whether it succeeded, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from scrapy import Spider, signals
from scrapy.crawler import Crawler

from rscrawler.spiders.session import session_of
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


def judge(stats: Mapping[str, Any], finish_reason: str) -> CycleOutcome:
    """Whether a cycle succeeded, and which of its problems it shows.

    It succeeds when it ran to its end, reached a source at all and no page broke it.
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
    if not reached and not forbidden:
        problems[ProblemCode.UNREACHABLE] = (
            f"none of its {failed + count('sources/absent')} sources could be read; "
            "the log says why for each"
        )
    if forbidden:
        problems[ProblemCode.ROBOTS_DISALLOWED] = (
            f"robots.txt forbids {forbidden} of its sources, or could not be read"
        )
    succeeded = finish_reason == "finished" and reached > 0 and not count("broken")
    return CycleOutcome(counters, succeeded, problems)


class CycleExtension:
    """Judges a cycle when its spider closes, and writes the verdict down."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self.outcome: CycleOutcome | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connected to the signals of one crawl."""
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_error(self, spider: Spider) -> None:
        """A callback broke: Scrapy logs it with its traceback, the cycle counts it."""
        self._crawler.stats.inc_value("rscrawler/callback_errors")
        self._crawler.stats.inc_value("rscrawler/broken")

    def spider_closed(self, spider: Spider, reason: str) -> None:
        """Judge and record."""
        session = session_of(self._crawler)
        outcome = judge(self._crawler.stats.get_stats(), reason)
        self.outcome = outcome
        if outcome.note is not None:
            return
        now, health = session.now(), session.store.health
        health.record_end(
            session.run_id,
            session.site,
            now,
            succeeded=outcome.succeeded,
            counters=outcome.counters,
        )
        for code in (ProblemCode.UNREACHABLE, ProblemCode.ROBOTS_DISALLOWED):
            if message := outcome.problems.get(code):
                health.raise_problem(session.site, code, message, now)
            else:
                health.clear_problem(session.site, code)
