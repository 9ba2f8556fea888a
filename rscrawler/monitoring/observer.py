"""What a crawl reads, counted as it goes by."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from scrapy import Request
from scrapy.http import Response

from rscrawler.items import Article
from rscrawler.monitoring.observation import FIELDS, Observation
from rscrawler.spiders.news import GONE_STATUSES, NewsSpider
from rscrawler.spiders.outcomes import AskedSource, Kind, PageOutcome, asked_by

FAR_APART = timedelta(days=1)  # two dates that differ by more are not the same one


class Observer:
    """Watches one crawl through Scrapy's signals, and counts."""

    def __init__(self) -> None:
        self._expected: dict[str, bool] = {}  # whole pages not read so far: should they be articles
        self._source_pages: Counter[str] = Counter()
        self._absent: set[str] = set()
        self._pages = self._misdated = 0
        self._origins: dict[str, Counter[str]] = {name: Counter() for name in FIELDS}
        self._lengths: Counter[int] = Counter()

    def response_received(self, response: Response, request: Request) -> None:
        """Note that a source has answered."""
        asked = asked_by(request)
        if isinstance(asked, AskedSource) and response.status in GONE_STATUSES:
            self._absent.add(asked.state.url)
        if response.status != 200:
            return
        if isinstance(asked, AskedSource):
            self._source_pages[asked.state.url] += 1

    def outcome_recorded(self, outcome: PageOutcome) -> None:
        """Count the outcome of an article page."""
        asked = outcome.asked
        if outcome.page is None:
            is_told_elsewhere = asked.is_second_look or outcome.kind is Kind.OVER_LIMIT
            if outcome.is_whole_page and not is_told_elsewhere:
                self._expected[asked.key] = bool(asked.known or asked.hint)
            return
        self._expected.pop(asked.key, None)
        article = outcome.page.article
        self._pages += 1
        for name in FIELDS:
            self._origins[name][article.extraction.provenance.get(name, "")] += 1
        self._lengths[article.word_count.bit_length()] += 1
        self._misdated += _is_misdated(article, asked.hint)

    def answered(self, url: str) -> bool:
        """Whether a source sent a page in this crawl."""
        return self._source_pages[url] > 0

    def is_absent(self, url: str) -> bool:
        """Whether the site said in this crawl that there is no such source."""
        return url in self._absent

    def observation(self, spider: NewsSpider) -> Observation:
        """What was seen so far."""
        return Observation(
            pages=self._pages,
            unread=sum(self._expected.values()),
            rejected=len(self._expected),
            misdated=self._misdated,
            origins={name: dict(counts) for name, counts in self._origins.items() if counts},
            lengths=dict(self._lengths),
            links={
                url: round(len(keys) / self._source_pages[url], 1)
                for url, keys in spider.discovery.shown.items()
                if self._source_pages[url]
            },
        )


def _is_misdated(article: Article, hint: datetime | None) -> bool:
    if hint is None or article.published_at is None:
        return False
    return abs(article.published_at - hint) > FAR_APART
