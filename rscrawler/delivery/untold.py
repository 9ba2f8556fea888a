"""After a database was lost: one message with what was published meanwhile.

The first cycle after a rebuilding is a baseline, in which nobody is alerted. What it finds
flagged, recent and newer than the last known piece of its site is news all the same, but for
what was told before the loss and not yet recorded: so it is marked as possibly told before.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from rscrawler.delivery.channel import Round
from rscrawler.delivery.messages import batch_of
from rscrawler.items import Article, Level
from rscrawler.store.health import ProblemCode
from rscrawler.store.outbox import OutboxRow

DATABASE_SUBJECT = "database"
NOTE = (
    "The database was lost and has been rebuilt. These were published about that time: "
    "they may have been told before."
)


def tell_untold(delivery: Round, now: datetime) -> int:
    """Compose the messages of a rebuilding, and end it when every site has had its baseline.

    Returns the number of messages.
    """
    store, interest = delivery.store, delivery.interest
    problem = next((p for p in store.health.problems() if p.code is ProblemCode.REBUILT), None)
    if problem is None:
        return 0
    levels = [level for level in Level if level.reaches(interest.minimum)]
    found = store.outbox.untold(interest.topics, levels, problem.since)
    composed = _tell(delivery, found, now)
    known = [name for name, site in interest.sites.items() if site.enabled]
    waiting = (n for n in known if store.articles.count(n) and not store.health.site(n).baseline_at)
    if known and not any(waiting):
        store.health.clear_problem(problem.subject, problem.code)
    return composed


def _tell(delivery: Round, found: list[tuple[str, str]], now: datetime) -> int:
    oldest = now - timedelta(days=delivery.alerts.max_age_days)
    told: list[tuple[str, str]] = []
    rows: dict[str, OutboxRow] = {}
    for topic, record in found:
        article = Article.from_record(json.loads(record))
        published = article.published_at
        if article.record_id is not None and published is not None and published >= oldest:
            told.append((article.article_id, topic))
            seen_at = article.first_seen_at or now
            row = OutboxRow(0, "", article.record_id, "rebuilt", seen_at, seen_at, record)
            rows[row.record_id] = row
    if not rows:
        return 0
    batch = batch_of(delivery, list(rows.values()), now, NOTE)
    messages = [
        message
        for channel in delivery.channels.values()
        if channel.gets_alerts
        for message, _ in channel.compose(batch)
    ]
    return len(messages) if delivery.store.outbox.tell_untold(told, messages, now) else 0
