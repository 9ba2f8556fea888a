"""The moment at which a piece becomes known."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Self

from scrapy.crawler import Crawler
from scrapy.statscollectors import StatsCollector

from rscrawler import decisions
from rscrawler.changes import summarize
from rscrawler.decisions import KnownArticle
from rscrawler.delivery import alert_channels
from rscrawler.identity.fingerprints import new_record_id
from rscrawler.items import Article, Event, Level, Novelty, TopicFlag
from rscrawler.spiders.session import CrawlSession, session_of
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.tables import ARTICLES_CHANNEL, FLAGGED_CHANNEL
from rscrawler.topics import FlaggableText
from rscrawler.visits import FetchedArticle, GoneArticle

logger = logging.getLogger(__name__)


class StorePipeline:
    """Writes versions, removals and checks down; versions in batches."""

    def __init__(self, session: CrawlSession, stats: StatsCollector) -> None:
        self._session = session
        self._stats = stats
        self._alerts = session.config.alerts
        self._alert_channels = alert_channels(session.config)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        return cls(session_of(crawler), crawler.stats)

    def process_item(self, item: FetchedArticle | GoneArticle) -> FetchedArticle | GoneArticle:
        """The same item, after it has been made durable."""
        if isinstance(item, GoneArticle):
            self._record_gone(item)
        else:
            self._settle_others(item)
            if item.event is None and item.known is not None:
                self._record_unchanged(item, item.known)
            else:
                self._record_version(item)
        return item

    def _settle_others(self, item: FetchedArticle) -> None:
        articles = self._session.store.articles
        if item.merged is not None:
            articles.merge(item.merged.article_id, item.article.article_id)
        if item.led_here is not None and item.is_elsewhere:
            self._record_gone(GoneArticle(item.led_here, self._session.now()))
        elif item.led_here is not None:
            again_at = decisions.recheck_at(item.led_here, self._session.now())
            articles.record_failed_check(item.led_here.article_id, again_at)

    def close_spider(self) -> None:
        """Record what still waits; a cycle that cannot is no good one."""
        try:
            self._session.store.batch.flush()
        except Exception:
            self._count("errors")
            self._count("unrecorded")
            raise

    def _record_version(self, item: FetchedArticle) -> None:
        session, article, now = self._session, item.article, self._session.now()
        if item.event is None or item.fingerprint is None or article.first_seen_at is None:
            raise ValueError(f"{article.url}: the dedupe pipeline must come before this one")
        article.event = item.event
        article.novelty = item.known.novelty if item.known else self._novelty(item)
        before = session.store.articles.latest_record(item.known.article_id) if item.known else None
        if before is not None and not before.is_pruned:
            article.change = summarize(before, article)
        repeated = self._repeated_flags(article)
        alerts = [] if item.is_archived else self._alerts_for(article, before, repeated)
        session.store.batch.add(
            Recording(
                article=article,
                fingerprint=item.fingerprint,
                visit=Visit(
                    run_id=session.run_id,
                    address_keys=item.addresses,
                    page_digest=item.page_digest,
                    etag=item.etag,
                    last_modified=item.last_modified,
                    dated_at=item.dated_at,
                    next_check_at=self._next_check(item),
                ),
                recorded_at=now,
                channels=(
                    *self._jsonl_channels(article),
                    *(self._alert_channels if alerts else ()),
                ),
                alerted_topics=tuple(flag.topic for flag in alerts),
                is_folded=decisions.is_folded(article, repeated),
            )
        )
        self._count(f"articles/{article.event}")
        if article.duplicate_of is not None and article.event is Event.NEW:
            self._count("duplicates")
        if self._is_flagged(article):
            self._count("flagged")
        if alerts:
            self._count("alerts")

    def _novelty(self, item: FetchedArticle) -> Novelty:
        baseline_at = self._session.state.baseline_at
        return decisions.novelty_of(
            item.article.published_at,
            item.found_at,
            timedelta(days=self._alerts.max_age_days),
            in_baseline=baseline_at is None or item.found_at <= baseline_at,
        )

    def _repeated_flags(self, article: Article) -> list[TopicFlag]:
        """What the article that this one repeats says, and what was told of its other copies."""
        if article.duplicate_of is None or not article.topics:
            return []
        return self._session.store.articles.flags_told(
            article.duplicate_of, besides=article.article_id
        )

    def _alerts_for(
        self, article: Article, before: Article | None, repeated: list[TopicFlag]
    ) -> list[TopicFlag]:
        """The flags that somebody should be told of; the costly look-ups only if any may be."""
        if not self._is_flagged(article):
            return []
        levels_before: dict[str, Level] = {}
        already_alerted: set[str] = set()
        if before is not None:
            already_alerted = self._session.store.articles.alerted_topics(article.article_id)
            # Judged by the present watch-list: a change of that alone is no news.
            flags = (
                before.topics  # its text was forgotten, its verdict was not
                if before.is_pruned
                else self._session.flagger.flag(FlaggableText.from_article(before))
            )
            levels_before = {flag.topic: flag.level for flag in flags}
        return decisions.topics_to_alert(
            article,
            levels_before=levels_before,
            already_alerted=already_alerted,
            topics=self._alerts.topics,
            minimum=self._alerts.minimum,
            was_copy=before is not None and before.duplicate_of is not None,
            repeated=repeated,
        )

    def _jsonl_channels(self, article: Article) -> tuple[str, ...]:
        if self._is_flagged(article):
            return (ARTICLES_CHANNEL, FLAGGED_CHANNEL)
        return (ARTICLES_CHANNEL,)

    def _is_flagged(self, article: Article) -> bool:
        return any(
            article.level_on(topic).reaches(self._alerts.minimum) for topic in self._alerts.topics
        )

    def _next_check(self, item: FetchedArticle) -> datetime | None:
        if item.is_archived and item.known is not None:
            return item.known.next_check_at
        if item.article.first_seen_at is None:
            raise ValueError(f"{item.article.url} was never seen")
        return decisions.next_check(
            item.article.first_seen_at,
            self._session.now(),
            self._session.config.crawl.recheck_after,
        )

    def _record_unchanged(self, item: FetchedArticle, known: KnownArticle) -> None:
        self._session.store.articles.record_unchanged(
            known.article_id,
            site=item.article.site,
            address_keys=item.addresses,
            fetched_at=self._session.now(),
            next_check_at=self._next_check(item),
            url=item.article.url,
            page_digest=item.page_digest,
            etag=item.etag,
            last_modified=item.last_modified,
            dated_at=item.dated_at,
        )
        self._count("articles/unchanged")

    def _record_gone(self, item: GoneArticle) -> None:
        session, known = self._session, item.known
        decision = decisions.after_gone(known, item.checked_at, session.config.crawl.removal_after)
        if not decision.record_removal:
            session.store.articles.record_gone(
                known.article_id, gone_at=decision.gone_at, next_check_at=decision.next_check_at
            )
            self._count("articles/gone")
            return
        last = session.store.articles.latest_record(known.article_id)
        if last is None:
            raise ValueError(f"{known.article_id} has no recorded version")
        version = known.version + 1
        removal = replace(
            last,
            event=Event.REMOVED,
            change=None,
            version=version,
            record_id=new_record_id(known.article_id, version),
            fetched_at=item.checked_at,
        )
        session.store.articles.record_removal(
            removal,
            removed_at=session.now(),
            run_id=session.run_id,
            channels=self._jsonl_channels(removal),
        )
        self._count("articles/removed")

    def _count(self, name: str) -> None:
        self._stats.inc_value(f"rscrawler/{name}")
