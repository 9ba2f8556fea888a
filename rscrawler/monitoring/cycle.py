"""Judges a cycle over one site at its end: its counters, its success and its problems."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler

from rscrawler.clock import to_the_minute
from rscrawler.config import format_duration
from rscrawler.decisions import requested_pause
from rscrawler.errors import StoreError
from rscrawler.monitoring import drift
from rscrawler.monitoring.observation import FIELDS, WITHOUT_PAGES, Observation, Observer
from rscrawler.monitoring.status import site_silence
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.outcomes import outcome_recorded
from rscrawler.spiders.session import CrawlSession, session_of
from rscrawler.store.database import FullDisk
from rscrawler.store.discovery import SourceState
from rscrawler.store.health import ProblemCode

logger = logging.getLogger(__name__)

# The counters of a cycle by their public names, and the Scrapy statistic of each.
COUNTERS: Mapping[str, str] = {
    "requests": "downloader/request_count",
    "not_modified": "downloader/response_status_count/304",
    "bytes": "downloader/response_bytes",
    "articles_new": "rscrawler/articles/new",
    "articles_updated": "rscrawler/articles/updated",
    "articles_unchanged": "rscrawler/articles/unchanged",
    "articles_removed": "rscrawler/articles/removed",
    "duplicates": "rscrawler/duplicates",
    "flagged": "rscrawler/flagged",
    "dropped": "rscrawler/rejected",
    "errors": "rscrawler/errors",
}
REMEMBERED_CYCLES = 500  # to compare with; as many again that read article pages
ABANDONED = timedelta(days=365)  # a sitemap without a later date leads to no news
LONG_PAUSE = timedelta(hours=1)  # a longer pause that a site asks for is a problem
# A page is reported after so many failed attempts, from this age to that.
UNREAD_ATTEMPTS, UNREAD_AFTER, UNREAD_UNTIL = 4, timedelta(hours=2), timedelta(days=14)
# If so many article pages are gone, and none could be recorded, the addresses are wrong.
MANY_GONE = 5
FEW_FORBIDDEN = 3  # article pages; fewer may be of a part of the site
FIXED_LENGTH = 10  # entries, as of WordPress' feeds; shorter ones often begin anew each day
LONGEST_WAIT = 3  # cycles, for unread sources: until the baseline, nothing is alerted


@dataclass(frozen=True, slots=True)
class CycleOutcome:
    """The outcome of a cycle over one site."""

    counters: Mapping[str, int]
    succeeded: bool
    problems: Mapping[ProblemCode, str]
    note: str | None = None  # why the site was not crawled, if it was not
    failed_sources: Mapping[str, str] = field(default_factory=dict)  # causes, by address
    last_error: str = ""  # the last of those that were counted


@dataclass(frozen=True, slots=True)
class CycleReport:
    """The outcome of a cycle, by site."""

    run_id: str
    started_at: datetime
    elapsed_seconds: float
    sites: dict[str, CycleOutcome] = field(default_factory=dict)
    topic_problems: tuple[str, ...] = ()  # errors in watch-lists

    @property
    def is_healthy(self) -> bool:
        """Whether every site succeeded, without an error or a problem anywhere."""
        return not self.topic_problems and all(
            outcome.succeeded and not outcome.problems and not outcome.counters["errors"]
            for outcome in self.sites.values()
        )

    def total(self, counter: str) -> int:
        """The sum of a counter over the sites."""
        return sum(outcome.counters[counter] for outcome in self.sites.values())


def _count(stats: Mapping[str, Any], *names: str) -> int:
    """The sum of some of this project's statistics, `rscrawler/NAME`."""
    return sum(int(stats.get(f"rscrawler/{name}", 0)) for name in names)


def judge(
    stats: Mapping[str, Any],
    finish_reason: str,
    *,
    unread_robots: Mapping[str, str] = {},
    failed_sources: Mapping[str, str] = {},
    paused_until: datetime | None = None,
    write_error: StoreError | None = None,
) -> CycleOutcome:
    """Judge from its statistics whether a cycle succeeded, and which problems it shows.

    It succeeds if it ran to its end, reached any source, and could record what it read. A host
    whose robots.txt cannot be read gets no other requests (RFC 9309), so it is unreachable; it
    has not forbidden anything. `unread_robots` maps such hosts to the reason, `failed_sources`
    sources to the cause. `paused_until` is the end of a pause that is long enough to report,
    `write_error` the error of the last failed write.
    """
    count = partial(_count, stats)
    counters = {name: int(stats.get(statistic, 0)) for name, statistic in COUNTERS.items()}
    if count("leased"):
        return CycleOutcome(counters, True, {}, "is being crawled by another process")
    problems: dict[ProblemCode, str] = {}
    if paused_until is not None:
        until = to_the_minute(paused_until)
        problems[ProblemCode.UNREACHABLE] = f"it asked for a pause until {until}"
    if count("paused"):
        return CycleOutcome(counters, True, problems, "asked for a pause that has not passed")
    reached = count("sources/read", "sources/unchanged")
    if unread_robots and (not reached or count("sources/held_back")):
        problems[ProblemCode.UNREACHABLE] = "; ".join(
            f"the robots.txt of {host} {reason}, so nothing else was requested there"
            for host, reason in unread_robots.items()
        )
    if forbidden := count("sources/forbidden"):
        problems[ProblemCode.ROBOTS_DISALLOWED] = f"robots.txt forbids {forbidden} of its sources"
    total = count("sources/failed", "sources/held_back", "sources/absent")  # 0: none was requested
    if total and not reached and not problems and not count("unrecorded"):
        causes = _causes(failed_sources, count("sources/absent"), count("sources/held_back"))
        problems[ProblemCode.UNREACHABLE] = f"{total} of {total} sources failed{causes}"
    if count("unrecorded"):
        code = ProblemCode.DISK_FULL if isinstance(write_error, FullDisk) else ProblemCode.OVERDUE
        problems[code] = f"not everything could be recorded: {write_error or 'the log says why'}"
    succeeded = finish_reason == "finished" and reached > 0 and not count("unrecorded")
    return CycleOutcome(
        counters,
        succeeded,
        problems,
        failed_sources=failed_sources,
        last_error=stats.get("rscrawler/last_error", ""),
    )


def _causes(failed_sources: Mapping[str, str], absent: int, held_back: int) -> str:
    """The causes of failed sources, most frequent first: ` (21 × HTTP 503, 1 × timeout)`."""
    counts = Counter(failed_sources.values())
    counts["HTTP 404 or 410"] = absent
    counts["not requested"] = held_back
    shown = ", ".join(f"{count} × {cause}" for cause, count in counts.most_common() if count)
    return f" ({shown})" if shown else ""


class CycleExtension:
    """Judges a cycle when its spider closes, and records the outcome."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._observer = Observer(session_of(crawler))
        self.outcome: CycleOutcome | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the signals of one crawl."""
        extension = cls(crawler)  # not configured in `scrapy shell` and the like
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        crawler.signals.connect(extension._observer.outcome_recorded, outcome_recorded)
        return extension

    def spider_closed(self, spider: NewsSpider, reason: str) -> None:
        """Judge and record a cycle, if one began: `scrapy parse` and the like begin none."""
        if not spider.has_begun:
            return
        session, stats = session_of(self._crawler), self._crawler.stats.get_stats()
        now = session.now()
        outcome = judge(
            stats,
            reason,
            unread_robots=session.unread_robots,
            failed_sources=session.failed_sources,
            paused_until=_reported_pause(session, now, is_left_alone=_count(stats, "paused") > 0),
            write_error=session.store.last_write_error,
        )
        if outcome.note is None:
            outcome = _conclude(session, outcome, self._observer, stats)
        else:
            for code, message in outcome.problems.items():
                session.store.health.raise_problem(session.site, code, message, now)
        self.outcome = outcome  # only now: an outcome that could not be recorded is none


def _reported_pause(
    session: CrawlSession, now: datetime, *, is_left_alone: bool
) -> datetime | None:
    """The end of a requested pause that is a problem: a long one, or of an unreachable site."""
    end = requested_pause(session.store.health.site(session.site).not_before, now)
    if end is None or end - now > LONG_PAUSE:
        return end
    known = session.store.health.problems() if is_left_alone else []
    sought = session.site, ProblemCode.UNREACHABLE
    return end if any((each.subject, each.code) == sought for each in known) else None


def _conclude(
    session: CrawlSession, outcome: CycleOutcome, observer: Observer, stats: Mapping[str, Any]
) -> CycleOutcome:
    """Compare a cycle with the site's past, and record its outcome and problems.

    A failed cycle tells nothing about layout, silence and single pages; such problems stay as they
    were.
    """
    store, site, now = session.store, session.site, session.now()
    problems, succeeded, observed = dict(outcome.problems), outcome.succeeded, None
    standing: dict[ProblemCode, str] = {}  # of earlier cycles; this one is healthy all the same
    judged = set[ProblemCode]()  # of a cycle that a signal ended: none
    if succeeded or problems:
        judged |= {ProblemCode.UNREACHABLE, ProblemCode.ROBOTS_DISALLOWED, ProblemCode.DISK_FULL}
    if succeeded:
        judged |= {ProblemCode.LAYOUT_DRIFT, ProblemCode.SILENT}
        judged |= {ProblemCode.PAGES_FAILING, ProblemCode.OVER_LIMIT}
        seen, is_kept = _with_findings(session, observer, stats)
        observed = seen.to_json() if is_kept else None
        if seen.findings:
            problems[ProblemCode.LAYOUT_DRIFT] = drift.as_message(seen.findings)
        if late := site_silence(session.config, store, site, now):
            problems[ProblemCode.SILENT] = late.message
        over_limit = _count(stats, "over_limit")
        if (heavy := _over_limit(session, over_limit, now)) is not None:
            found_in = problems if over_limit else standing
            found_in[ProblemCode.OVER_LIMIT] = heavy
        if forbidden := _forbidden(stats):
            problems.setdefault(ProblemCode.ROBOTS_DISALLOWED, forbidden)
        if unread := _unread(session, now):
            problems[ProblemCode.PAGES_FAILING] = unread
        _warn_of_gaps(session)
        is_lost = not {drift.ARTICLES, drift.LISTINGS}.isdisjoint(seen.findings)
        if session.state.baseline_at is None and (is_lost or _has_no_article_yet(session)):
            succeeded = False  # no article was ever read: this is no baseline
            problems = problems or _no_article_problem(_count(stats, "articles/forbidden"))
    # What a source shows that was not read yet is older than the baseline.
    waits = session.state.baseline_at is None and _awaits_a_source(session)
    store.health.record_end(
        session.run_id,
        site,
        now,
        succeeded=succeeded and not waits,
        counters=outcome.counters,
        observation=observed,
    )
    for code in judged | problems.keys():
        store.health.raise_or_clear(site, code, problems.get(code) or standing.get(code), now)
    return replace(outcome, succeeded=succeeded, problems=problems)


def _has_no_article_yet(session: CrawlSession) -> bool:
    """Whether no article of the site was ever recorded, and some are still to be requested."""
    is_empty = not session.store.articles.count(session.site)
    return is_empty and session.store.discovery.has_outstanding(session.site)


def _awaits_a_source(session: CrawlSession) -> bool:
    """Whether an unread source may be read in one of the next cycles; not what is no source.

    It failed, or is a sitemap beyond those of this cycle.
    """
    if len(session.store.health.runs(session.site, LONGEST_WAIT)) == LONGEST_WAIT:
        return False
    return any(
        each.read_at is None
        and (each.url in session.failed_sources or each.pagination_cursor is not None)
        and each.url not in session.unparsed
        for each in session.store.discovery.sources(session.site).values()
    )


def _no_article_problem(forbidden_articles: int) -> dict[ProblemCode, str]:
    """The problem of a site of which no article could be recorded so far."""
    if forbidden_articles:
        return {ProblemCode.ROBOTS_DISALLOWED: "robots.txt forbids its article pages"}
    none = "none of the article pages that its sources lead to could be recorded so far"
    return {ProblemCode.LAYOUT_DRIFT: none}


def _forbidden(stats: Mapping[str, Any]) -> str | None:
    """The message that robots.txt forbids all article pages, known ones among them."""
    forbidden = _count(stats, "articles/forbidden")
    is_any_read = _count(stats, "articles/new", "articles/updated", "articles/unchanged") > 0
    if is_any_read or not _count(stats, "articles/known_forbidden") or forbidden < FEW_FORBIDDEN:
        return None
    return f"robots.txt forbids every article page that is due ({forbidden})"


def _with_findings(
    session: CrawlSession, observer: Observer, stats: Mapping[str, Any]
) -> tuple[Observation, bool]:
    """The cycle's observation with its findings, and whether to store it for later cycles."""
    store, profile = session.store, session.profile
    kinds = {url: source.kind for url, source in profile.own_sources.items()}
    # The links of sitemaps are no sign of drift: one with the news of two days may be empty.
    listings = kinds.keys() - profile.sitemap_addresses
    links = {url: count for url, count in session.linked.items() if url in listings}
    seen = observer.observation(links)
    limit = REMEMBERED_CYCLES if seen.says_something else 1
    stored = partial(store.history.observations, session.site, session.started_at)
    past = [Observation.from_json(text) for text in stored(limit)]
    # On its own, since links are read far more often than pages on a site with little news.
    read_before = stored(REMEMBERED_CYCLES, skipping=WITHOUT_PAGES) if seen.holds_pages else []
    # A short feed of articles alone is no drift: some begin anew each midnight.
    short = {
        url
        for url in session.whole_feeds & links.keys()
        if drift.is_deserted(links[url], drift.usual_readings(url, past))
    }
    seen = replace(seen, links={url: links[url] for url in links if url not in short})
    if session.has_new_links:
        # Link counts under former rules are only a measure for a source that has no links now.
        for at, each in enumerate(past):
            of_deserted = {url: count for url, count in each.links.items() if not links.get(url)}
            past[at] = replace(each, links=of_deserted)
    sources = store.discovery.sources(session.site)
    source_failures = {
        url: drift.source_failure(state, kind=kinds[url], is_answered=url in session.unparsed)
        for url, state in sources.items()
        if url in kinds and url in session.failed_sources
    }
    findings = drift.find_drift(
        seen,
        past,
        [Observation.from_json(text) for text in read_before],
        selectors={name: getattr(profile.markup, key) for name, key in FIELDS.items()},
        source_failures={url: why for url, why in source_failures.items() if why},
        addresses=kinds.keys() - short,
    )
    before = past[0].findings if past else {}
    was_found = drift.LISTINGS in before or not links.keys().isdisjoint(before)
    is_lasting = was_found and session.state.baseline_at is not None
    if drift.LISTINGS in findings and not is_lasting and _has_live_sitemap(session, sources):
        del findings[drift.LISTINGS]
    if session.state.baseline_at is not None and (dead := _dead_links(stats, before)):
        findings[drift.DEAD_LINKS] = dead
    return replace(seen, findings=findings), seen.says_something or findings != before


def _warn_of_gaps(session: CrawlSession) -> None:
    """Warn of sources whose entries of the last visit are all gone: some may have come and gone.

    Not beside a sitemap, which has them, nor by new rules for links, nor before the last page.
    """
    sources = session.store.discovery.sources(session.site)
    if session.has_new_links or _has_live_sitemap(session, sources):
        return
    own = session.profile.own_sources.keys() - session.profile.sitemap_addresses
    unfinished = {url for url, each in sources.items() if each.pagination_cursor is not None}
    for url in own - session.failed_sources.keys() - unfinished - session.reaching_back:
        if len(session.shown.get(url, ())) >= FIXED_LENGTH:
            logger.warning(
                "source %s: shows nothing of its last visit; what came and went since then is "
                "missed: visit it more often, or follow a sitemap too",
                url,
            )


def _has_live_sitemap(session: CrawlSession, sources: Mapping[str, SourceState]) -> bool:
    """Whether an own sitemap was read, and some address is not dated long ago."""
    own = session.profile.sitemap_addresses & sources.keys()
    is_read = any(sources[url].read_at is not None for url in own)
    since = session.now() - ABANDONED
    return is_read and session.store.discovery.has_recent(session.site, since)


def _dead_links(stats: Mapping[str, Any], before: Mapping[str, str]) -> str | None:
    """The finding that every requested article page is gone; it lasts until one has news."""
    if _count(stats, "articles/new", "articles/updated"):
        return None
    # Dead links are requested again, in a quiet cycle they alone.
    gone = _count(stats, "articles/gone", "articles/gone_again")
    is_new = _count(stats, "articles/gone") and not _count(stats, "articles/unchanged")
    if is_new and gone >= MANY_GONE:
        return f"every requested article page ({gone}) is gone: HTTP 404, 410 or sent to a listing"
    return before.get(drift.DEAD_LINKS)


def _over_limit(session: CrawlSession, in_this_cycle: int, now: datetime) -> str | None:
    """The message about pages that exceeded a limit when last parsed, if any."""
    pages = [
        each
        for each in session.store.discovery.over_limit(session.site)
        if each.key not in session.over_limit or each.seen_at >= now - UNREAD_UNTIL
    ]
    count = max(len(pages), in_this_cycle)
    if not count:
        return None
    crawl = session.config.crawl
    limits = f"{format_duration(crawl.page_time_limit)}, {crawl.page_memory_limit // 2**20} MiB"
    first = f"; the first is {pages[0].url}" if pages else "; the log says which"
    what = "1 page was" if count == 1 else f"{count} pages were"
    return f"{what} over the limits for a page ({limits}){first}; each is tried again later"


def _unread(session: CrawlSession, now: datetime) -> str | None:
    """The message about pages that have failed for a while though the site responds, if any."""
    seen = (now - UNREAD_UNTIL, now - UNREAD_AFTER)
    unread = session.store.discovery.failing(session.site, seen, UNREAD_ATTEMPTS)
    if not unread:
        return None
    what, first = "1 page" if len(unread) == 1 else f"{len(unread)} pages", unread[0]
    return (
        f"{what} could not be read, the first since {to_the_minute(first.seen_at)}: "
        f"{first.url}; if it is no article, exclude it in the profile's links.not_article"
    )
