"""The past, for monitoring: observations, totals, publications, delays, the last weekly mail."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, exists, func, or_, select

from rscrawler.items import Event, Novelty
from rscrawler.store.database import Part
from rscrawler.store.messages import ALERT_KINDS
from rscrawler.store.tables import Moment, article, message, outbox, recipient, run, total, version

WEEKLY_KIND = "weekly"
# New articles with a date: only they have a delay since publication.
_IS_DATED_NEWS = and_(version.c.event == Event.NEW, article.c.published_at.is_not(None))
Delay = tuple[str, datetime, timedelta]  # site, moment, time from publication to that moment
_SINCE, _UNTIL = bindparam("since", type_=Moment), bindparam("until", type_=Moment)
_PUBLISHED_AND_SEEN = (
    select(article.c.number)
    .where(article.c.site == bindparam("site"), article.c.published_at.between(_SINCE, _UNTIL))
    .where(article.c.first_seen_at.between(article.c.published_at, _UNTIL))
    .limit(1)
)


class HistoryStore(Part):
    """Past cycles, records and messages in the database."""

    def observations(
        self, site: str, before: datetime, limit: int, *, skipping: str | None = None
    ) -> list[str]:
        """The observations of cycles that started before a time, as JSON, newest first.

        Those that begin with the text `skipping` are left out.
        """
        query = (
            select(run.c.observation)
            .where(run.c.site == site, run.c.started_at < before, run.c.observation.is_not(None))
            .order_by(run.c.started_at.desc(), run.c.run_id.desc())
            .limit(limit)
        )
        if skipping is not None:
            query = query.where(~run.c.observation.startswith(skipping, autoescape=True))
        return self._database.scalars(query)

    def last_recorded_at(self) -> datetime | None:
        """When the newest version of any article was recorded."""
        return self._database.scalar(select(func.max(version.c.recorded_at)))

    def totals(self) -> dict[str, dict[str, int]]:
        """Counters summed over all cycles ever, by site and name."""
        sums: dict[str, dict[str, int]] = {}
        for row in self._database.rows(select(total).order_by(total.c.site, total.c.name)):
            sums.setdefault(row.site, {})[row.name] = int(row.value)
        return sums

    def first_run_at(self) -> datetime | None:
        """When the first cycle that is still stored began; None without one."""
        return self._database.scalar(select(func.min(run.c.started_at)))

    def publications(self, site: str, since: datetime, limit: int | None = None) -> list[datetime]:
        """When a site's articles (the last `limit` of them) were published since a time, sorted.

        First sight counts if there is no date, or a wrong one: later than first sight, or so early
        that a cycle in between did not see the article. Of the baseline, only dates count.
        """
        of_site = article.c.site == site
        published, seen = article.c.published_at, article.c.first_seen_at
        is_news = article.c.novelty == Novelty.NEW
        has_missed_cycle = exists().where(
            run.c.site == site,
            run.c.started_at.between(published, seen),
            run.c.ended_at < seen,
            run.c.succeeded == 1,
        )
        is_wrong = and_(is_news, or_(published > seen, has_missed_cycle))
        dated = select(case((is_wrong, seen), else_=published)).where(of_site, published >= since)
        undated = select(seen).where(
            of_site, seen >= since, published.is_(None), article.c.novelty != Novelty.BASELINE
        )
        parts = (dated.order_by(published.desc()), undated.order_by(seen.desc()))
        moments = [at for part in parts for at in self._database.scalars(part.limit(limit))]
        return sorted(moments)[-limit:] if limit else sorted(moments)

    def has_published(self, site: str, since: datetime, until: datetime) -> bool:
        """Whether an article of a site was published, and seen thereafter, in a span of time."""
        of_site = {"site": site, "since": since, "until": until}
        return bool(self._database.lookup(_PUBLISHED_AND_SEEN, **of_site))

    def record_delays(self, since: datetime) -> list[Delay]:
        """How long it took to record each new article that was recorded since a time."""
        at = version.c.recorded_at
        query = (
            select(article.c.site, at, article.c.published_at)
            .join(version, version.c.article_id == article.c.article_id)
            .where(at >= since, article.c.novelty == Novelty.NEW, _IS_DATED_NEWS)
        )
        return self._delays(query)

    def alert_delays(self, since: datetime, until: datetime | None = None) -> list[Delay]:
        """How long it took to alert each new article that was alerted in a span of time.

        The alert's time is when its message was composed. Only messages that are done count;
        an article on several channels counts for each.
        """
        at = message.c.created_at
        is_alert = message.c.kind.in_(ALERT_KINDS), message.c.state == "done"
        query = (
            select(article.c.site, at, article.c.published_at)
            .join(version, version.c.article_id == article.c.article_id)
            .join(outbox, outbox.c.record_id == version.c.record_id)
            .join(message, message.c.message_id == outbox.c.message_id)
            .where(at >= since, *is_alert, _IS_DATED_NEWS)
        )
        return self._delays(query if until is None else query.where(at < until))

    def _delays(self, query: Select[Any, Any, Any]) -> list[Delay]:
        return [(site, at, at - published) for site, at, published in self._database.rows(query)]

    def delivered_by_site(self, run_id: str) -> dict[str, int]:
        """The number of messages with articles of a run that reached somebody, by site."""
        has_served = exists().where(
            recipient.c.message_id == outbox.c.message_id, recipient.c.state == "done"
        )
        query = (
            select(article.c.site, func.count(outbox.c.message_id.distinct()))
            .join(version, version.c.record_id == outbox.c.record_id)
            .join(article, article.c.article_id == version.c.article_id)
            .where(outbox.c.run_id == run_id, outbox.c.state == "done")
            .where(outbox.c.message_id.is_not(None), has_served)  # the index has no others
            .group_by(article.c.site)
        )
        return {row[0]: row[1] for row in self._database.rows(query)}

    def last_weekly_at(self, now: datetime) -> datetime | None:
        """When the last weekly message was composed, by no clock that was ahead; None: never."""
        is_weekly = message.c.kind == WEEKLY_KIND, message.c.created_at <= now
        return self._database.scalar(select(func.max(message.c.created_at)).where(*is_weekly))
