"""Records the outcomes of article pages in the database."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from twisted.python.failure import Failure

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.delivery.channels import alert_channels
from rscrawler.errors import StoreError
from rscrawler.identity.addresses import end_of_month
from rscrawler.identity.changes import summarize
from rscrawler.identity.fingerprints import new_record_id
from rscrawler.items import Article, Event, Level, Novelty, TopicFlag
from rscrawler.spiders.news import NewsSpider
from rscrawler.spiders.outcomes import (
    FetchedArticle,
    PageKind,
    PageOutcome,
    RequestedArticle,
    outcome_recorded,
    request_context,
)
from rscrawler.spiders.session import CrawlSession, log_error, session_of
from rscrawler.store.articles import Recording, Visit, record_text
from rscrawler.store.discovery import AddressState
from rscrawler.store.tables import ARTICLES_CHANNEL, JSONL_CHANNELS
from rscrawler.topics import FlaggableText

logger = logging.getLogger(__name__)

ERROR_FOR = timedelta(days=14)  # then it is no error any more that a known page fails
RETRY_PAUSE = timedelta(hours=1)  # a page that exceeded a limit, or is not there, mostly stays so


class StorePipeline:
    """Records the outcome of every page: versions in batches, all else at once.

    Without a crawler, of archived pages, it counts nothing and sends no signal.
    """

    def __init__(self, session: CrawlSession, crawler: Crawler | None = None) -> None:
        self._session, self._crawler = session, crawler
        self._articles, self._discovery = session.store.articles, session.store.discovery
        self._alerts = session.config.alerts
        self._alert_channels = alert_channels(session.config)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        pipeline = cls(session_of(crawler), crawler)
        # Scrapy logs both with their tracebacks.
        crawler.signals.connect(pipeline.on_broken_page, signals.item_error)
        crawler.signals.connect(pipeline.on_broken_page, signals.spider_error)
        return pipeline

    def process_item(self, outcome: PageOutcome) -> PageOutcome:
        """Record the outcome, send `outcome_recorded`, and return the same outcome."""
        match outcome.kind:
            case PageKind.READ:
                assert outcome.page is not None
                self._record_read(outcome, outcome.page)
            case PageKind.UNCHANGED:
                self._record_unchanged(outcome, outcome.requested.known)
            case PageKind.GONE | PageKind.NOT_ARTICLE | PageKind.OFF_SITE:
                self._record_no_article(outcome)
            case PageKind.FORBIDDEN:
                self._count("articles/forbidden")
                if outcome.requested.known is None:
                    self._record_attempt(outcome)  # it stays pending: robots.txt may change
                else:
                    self._count("articles/known_forbidden")
            case PageKind.INCOMPLETE | PageKind.OVER_LIMIT | PageKind.REFUSED:
                self._record_failure(outcome)
        self._record_limit(outcome)
        if self._crawler is not None:
            self._crawler.signals.send_catch_log(outcome_recorded, outcome=outcome)
        return outcome

    def close_spider(self) -> None:
        """Record the rest of the batch; if that fails, so has the cycle."""
        try:
            self._session.store.batch.flush()
        except Exception:
            self._count("errors")
            self._count("unrecorded")
            raise

    def on_broken_page(self, response: Any, failure: Failure, spider: NewsSpider) -> None:
        """Record an exception of our code as the failure of its page; stop if the store fails."""
        # If an errback raised, Scrapy passes the failure that the errback handled.
        requested = request_context(response)
        reason = f"rscrawler failed on it: {failure.value!r}"
        if isinstance(failure.value, StoreError):
            # Request no page that cannot be recorded; its address stays pending.
            self._count("errors")
            self._count("unrecorded")
            spider.stop()
        elif isinstance(requested, RequestedArticle):
            url, now = response.request.url, self._session.now()
            self.process_item(PageOutcome(PageKind.REFUSED, requested, url, now, reason))
        elif requested is not None:
            spider.record_source_failure(requested, requested.state.url, reason)
        else:
            log_error(spider.crawler, reason)

    # Pages that were read.

    def _record_read(self, outcome: PageOutcome, page: FetchedArticle) -> None:
        """Record a version or a visit, and what became of other articles that led here."""
        former, now = page.led_here, self._session.now()
        if page.merged is not None:
            self._articles.merge(page.merged.article_id, page.article.article_id)
        if former is not None and outcome.requested.is_elsewhere:
            self._record_gone(former, now)
        elif former is not None:
            again_at = decisions.recheck_at(former, now)
            self._articles.record_failed_check(former.article_id, again_at)
        if page.event is None and page.known is not None:
            self._record_unchanged(outcome, page.known)
        else:
            self._record_version(outcome, page)

    def _record_unchanged(self, outcome: PageOutcome, known: KnownArticle | None) -> None:
        assert known is not None
        url = outcome.page.article.url if outcome.page is not None else None
        visit = self._visit(outcome, known.article_id, known.first_seen_at)
        site, fetched_at = self._session.site, outcome.at
        if outcome.page and outcome.page.fingerprint.text_digest != known.text_digest:
            # Extraction got worse: keep the old digest, so a fixed profile parses the page again.
            visit, fetched_at = replace(visit, page_digest=None), known.fetched_at
        self._articles.record_unchanged(site, known.article_id, visit, fetched_at, url)
        self._count("articles/unchanged")

    def _visit(self, outcome: PageOutcome, article_id: str, first_seen_at: datetime) -> Visit:
        """What to store of a request; without a page, only the next check."""
        page, session = outcome.page, self._session
        recheck_after = session.config.crawl.recheck_after
        dated_at = session.revisits.get(article_id)
        next_check_at = decisions.next_check(first_seen_at, session.now(), recheck_after, dated_at)
        if page is not None and page.is_archived and page.known is not None:
            next_check_at = page.known.next_check_at
        return replace(page.visit if page else Visit(), next_check_at=next_check_at)

    # Pages that were not read.

    def _record_no_article(self, outcome: PageOutcome) -> None:
        """Record a page that is gone, is not an article, or redirects to another site."""
        requested, is_gone = outcome.requested, outcome.kind is PageKind.GONE
        if (known := requested.known) is not None:
            # Its own address is gone, and its other address does not show an article: it is gone.
            if is_gone or (outcome.kind is PageKind.NOT_ARTICLE and requested.is_elsewhere):
                outcome.record = self._record_gone(known, outcome.at)
                return
            if outcome.kind is PageKind.NOT_ARTICLE:
                outcome.reason = f"was an article and is not one now: {outcome.reason}"
            self._record_failure(outcome)
            return
        if is_gone:
            self._count("articles/gone_again" if requested.address.attempts else "articles/gone")
        if self._must_reject(outcome):
            self._reject(outcome)
        elif is_gone:
            self._record_attempt(outcome)
        else:
            self._record_failure(outcome)

    def _must_reject(self, outcome: PageOutcome) -> bool:
        """Whether to reject the address: its page is not an article, or failed too often."""
        address = outcome.requested.address
        is_last_attempt = address.attempts + 1 >= decisions.MAX_ATTEMPTS
        if outcome.kind is not PageKind.NOT_ARTICLE and not is_last_attempt:
            return False
        hint = address.published_hint
        return not decisions.is_surely_an_article(hint, address.seen_at, outcome.at)

    def _record_failure(self, outcome: PageOutcome) -> None:
        has_long_failed = self._has_long_failed(outcome.requested, outcome.at)
        error = f"article {outcome.url}: {outcome.reason}"
        if has_long_failed:
            logger.info("%s", error)
        elif self._crawler is not None:
            log_error(self._crawler, error)
        if outcome.kind is PageKind.OVER_LIMIT:
            self._count("over_limit")
        self._record_attempt(outcome)

    def _has_long_failed(self, requested: RequestedArticle, at: datetime) -> bool:
        """Whether a known page, due long ago by age or a source's date, has failed since."""
        if (known := requested.known) is None:
            return False
        addresses = self._discovery.addresses_of(known.article_id)  # a source may date any of them
        dates = [each.dated_at for each in addresses if each.dated_at is not None]
        due_at = decisions.next_check(
            known.first_seen_at,
            known.fetched_at,
            self._session.config.crawl.recheck_after,
            max(dates, default=None),
        )
        return at - (due_at or max([known.fetched_at, *dates])) > ERROR_FOR

    def _record_attempt(self, outcome: PageOutcome) -> None:
        """Schedule the next request of a page that failed, later each time."""
        known, address = outcome.requested.known, outcome.requested.address
        site = self._session.site
        # A feed can show what was deleted, or is not there yet: not a failing page to report.
        is_absent = outcome.kind is PageKind.GONE and address.attempts >= decisions.MAX_ATTEMPTS
        is_counted = not is_absent and outcome.kind is not PageKind.FORBIDDEN
        is_lasting = is_absent or outcome.kind is PageKind.OVER_LIMIT
        earliest = outcome.at + (RETRY_PAUSE if is_lasting else timedelta())
        if known is None:
            again_at = max(decisions.retry_at(address.attempts + 1, outcome.at), earliest)
            self._discovery.record_attempt(site, address.key, again_at, is_counted=is_counted)
        else:
            again_at = max(decisions.recheck_at(known, outcome.at), earliest)
            # Behind a notice, the page is parsed even if it is as it was before: so drift ends.
            self._articles.record_failed_check(
                known.article_id, again_at, parse_again=outcome.is_whole_page
            )

    def _reject(self, outcome: PageOutcome) -> None:
        address = outcome.requested.address
        is_failed = address.attempts > 0 and address.state is not AddressState.REJECTED
        # A feed can list a page before its date, on which the page is first there.
        since = max(address.seen_at, address.published_hint or address.seen_at)
        next_try_at = decisions.next_check_of_rejected(
            since,
            outcome.at,
            was_out_of_reach=is_failed and outcome.kind is not PageKind.GONE,
        )
        self._count("rejected")
        logger.info("%s is not an article: %s", outcome.url, outcome.reason)
        self._discovery.record_rejected(
            self._session.site, address.key, outcome.url, outcome.at, next_try_at
        )

    def _record_limit(self, outcome: PageOutcome) -> None:
        session, key = self._session, outcome.requested.address.key
        is_over = outcome.kind is PageKind.OVER_LIMIT
        if is_over or key in session.over_limit:
            self._discovery.record_over_limit(session.site, key, is_over=is_over)

    # Versions and removals.

    def _record_version(self, outcome: PageOutcome, page: FetchedArticle) -> None:
        session, article, now = self._session, page.article, self._session.now()
        assert page.event is not None and article.first_seen_at is not None  # noqa: PT018
        if not page.has_topics:
            article.topics = session.flagger.flag(FlaggableText.from_article(article))
        article.event = page.event
        found_at = outcome.requested.address.seen_at
        published_at = article.published_at or end_of_month(article.url)
        article.novelty = (
            page.known.novelty if page.known else session.novelty_of(published_at, found_at)
        )
        if page.before is not None and not page.before.is_pruned:
            article.change = summarize(page.before, article)
        repeated = self._repeated_flags(article)
        alerts = [] if page.is_archived else self._alerts_for(article, page.before, repeated)
        outcome.record = article.to_record()
        session.store.batch.add(
            Recording(
                article=article,
                fingerprint=page.fingerprint,
                visit=self._visit(outcome, article.article_id, article.first_seen_at),
                run_id=session.run_id,
                recorded_at=now,
                channels=self._files_of(article) + (self._alert_channels if alerts else ()),
                alerted_topics=tuple(flag.topic for flag in alerts),
                is_folded=decisions.is_folded(article, repeated),
                line=record_text(outcome.record),
            ),
            lambda error: self._record_refused(outcome, error),
        )
        self._count(f"articles/{article.event}")
        if article.duplicate_of is not None and article.event is Event.NEW:
            self._count("duplicates")
        if self._is_flagged(article):
            self._count("flagged")
        if alerts:
            self._count("alerts")

    def _record_refused(self, outcome: PageOutcome, error: Exception) -> None:
        """Handle a version that the database rejects, while it accepts others: retry later."""
        if outcome.page is not None and outcome.page.is_archived:
            raise error
        reason = f"the database rejects this version of it: {error!r}"
        outcome = replace(outcome, kind=PageKind.REFUSED, reason=reason, at=self._session.now())
        self._record_failure(outcome)

    def _repeated_flags(self, article: Article) -> list[TopicFlag]:
        """The flags of the article that this one repeats, and of its other copies that alerted."""
        if article.duplicate_of is None or not article.topics:
            return []
        return self._articles.flags_alerted(article.duplicate_of, excluding=article.article_id)

    def _alerts_for(
        self, article: Article, before: Article | None, repeated: list[TopicFlag]
    ) -> list[TopicFlag]:
        """The flags that warrant an alert; queries the store only for flagged articles."""
        if not self._is_flagged(article):
            return []
        levels_before: dict[str, Level] = {}
        already_alerted: set[str] = set()
        if before is not None:
            already_alerted = self._articles.alerted_topics(article.article_id)
            # By the present watch-list, so that a change of the list alone does not alert.
            flags = (
                before.topics  # its text was deleted, its flags were not
                if before.is_pruned
                else self._session.flagger.flag(FlaggableText.from_article(before))
            )
            # What an earlier version had is no rise: a notice may have hidden the text for a while.
            # But a copy alerted nobody.
            is_news = article.novelty is Novelty.NEW
            earlier = (
                flag
                for each in self._articles.history(article.article_id)
                if not (is_news and each.duplicate_of is not None)
                for flag in each.topics
            )
            for flag in sorted((*flags, *earlier), key=lambda each: each.level.rank):
                levels_before[flag.topic] = flag.level
        return decisions.topics_to_alert(
            article,
            levels_before=levels_before,
            already_alerted=already_alerted,
            topics=self._alerts.topics,
            minimum=self._alerts.minimum,
            was_copy=before is not None and before.duplicate_of is not None,
            repeated=repeated,
        )

    def _files_of(self, article: Article) -> tuple[str, ...]:
        return JSONL_CHANNELS if self._is_flagged(article) else (ARTICLES_CHANNEL,)

    def _is_flagged(self, article: Article) -> bool:
        return any(
            article.level_on(topic).reaches(self._alerts.minimum) for topic in self._alerts.topics
        )

    def _record_gone(self, known: KnownArticle, at: datetime) -> dict[str, Any] | None:
        """Record that a page is gone; returns the record of the removal, if it is one."""
        session = self._session
        removal_after = session.config.crawl.removal_after
        is_removed, gone_at, next_at = decisions.after_gone(known, at, removal_after)
        if not is_removed:
            self._articles.record_gone(known.article_id, gone_at=gone_at, next_check_at=next_at)
            self._count("articles/gone")
            return None
        last = self._articles.latest_record(known.article_id)
        assert last is not None
        version = known.version + 1
        removal = replace(
            last,
            event=Event.REMOVED,
            change=None,
            version=version,
            record_id=new_record_id(known.article_id, version),
            fetched_at=at,
        )
        self._articles.record_removal(
            removal,
            removed_at=session.now(),
            run_id=session.run_id,
            channels=self._files_of(removal),
        )
        self._count("articles/removed")
        return removal.to_record()

    def _count(self, name: str) -> None:
        if self._crawler is not None:
            self._crawler.stats.inc_value(f"rscrawler/{name}")
