"""After a database was lost, what was published meanwhile is told once, in one message."""

from __future__ import annotations

import json
from datetime import timedelta

from rscrawler.delivery import deliver
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.messages import NewMessage
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW, an_article, on_sqlite, record
from tests.delivery.mailbox import Mailbox

SITE = "responsiblestatecraft"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@on_sqlite
def test_only_what_is_recent_and_newer_than_the_last_known_article_is_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    def found(number: int, published: timedelta, seen: timedelta) -> None:
        times = {"published_at": NOW - published, "first_seen_at": NOW - seen}
        record(store, an_article(number, site=SITE, fetched_at=NOW - seen, **times), at=NOW - seen)

    found(1, published=16 * DAY, seen=15 * DAY)  # rebuilt from the JSONL
    store.health.raise_problem("database", ProblemCode.REBUILT, "was missing", NOW - 2 * HOUR)
    store.health.record_start("run", SITE, NOW - HOUR)
    found(2, published=17 * DAY, seen=HOUR)  # an old one that the first cycle finds
    found(5, published=15 * DAY, seen=HOUR)  # newer, but beyond `alerts.max_age_days`
    found(3, published=3 * HOUR, seen=HOUR)
    found(4, published=4 * HOUR, seen=HOUR)
    assert deliver(email_config(), store, now=NOW).served == 0  # the baseline goes on
    store.health.record_end("run", SITE, NOW, succeeded=True, counters={})
    for _ in range(2):
        deliver(email_config(), store, now=NOW)
    mail = mailbox.only().mail
    assert str(mail["Subject"]).startswith("Possibly sent before: 2 new articles on Central Asia")
    assert mail["X-RSCrawler-Articles"] == f"{an_article(3).article_id}, {an_article(4).article_id}"


def test_what_the_spool_has_given_back_keeps_nothing_else_from_being_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({"webhooks": {"hook": {"url": "http://127.0.0.1:1/", "secret": "x"}}})
    seen, before = NOW - HOUR, NOW - 72 * HOUR
    old = an_article(1, site=SITE, published_at=before, first_seen_at=before, fetched_at=before)
    record(store, old, at=before)
    store.health.raise_problem("database", ProblemCode.REBUILT, "was missing", NOW - 2 * HOUR)
    store.health.record_start("run", SITE, seen)
    two = [an_article(n, site=SITE, published_at=seen, first_seen_at=seen) for n in (2, 3)]
    for article in two:
        record(store, article, at=seen)
    store.health.record_end("run", SITE, NOW, succeeded=True, counters={})
    waiting = f"webhook:hook/{two[0].record_id}"
    content = json.dumps({"record_id": two[0].record_id}).encode()
    store.messages.add(NewMessage(waiting, "webhook:hook", "alert", before, content, ("hook",)))
    deliver(config, store, now=NOW)
    articles = set(mailbox.only().mail["X-RSCrawler-Articles"].split(", "))
    assert articles == {each.article_id for each in two}
    hooks = [each.message_id for each in store.messages.undelivered()]
    assert sorted(hooks) == sorted(f"webhook:hook/{each.record_id}" for each in two)


@on_sqlite
def test_what_the_spool_has_given_back_for_a_daily_digest_is_told_in_that_alone(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config, seen, before = email_config(digest="daily"), NOW - HOUR, NOW - 72 * HOUR
    old = an_article(1, site=SITE, published_at=before, first_seen_at=before, fetched_at=before)
    record(store, old, at=before)
    store.health.raise_problem("database", ProblemCode.REBUILT, "was missing", NOW - 2 * HOUR)
    store.health.record_start("run", SITE, seen)
    waiting = record(store, an_article(2, site=SITE, published_at=seen), at=seen)
    store.outbox.restore_rows(
        [{"channel": "email", "record_id": waiting.record_id, "run_id": "lost", "created_at": seen}]
    )
    store.health.record_end("run", SITE, NOW, succeeded=True, counters={})
    deliver(config, store, now=NOW)
    assert not mailbox.received
    deliver(config, store, now=NOW + 24 * HOUR)
    assert mailbox.only().mail["X-RSCrawler-Articles"] == waiting.article_id
