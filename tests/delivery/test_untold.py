"""After a database was lost, what was published meanwhile is told once, in one message."""

from __future__ import annotations

from datetime import timedelta

from rscrawler.delivery import deliver
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW, an_article, record
from tests.delivery.mailbox import Mailbox

SITE = "responsiblestatecraft"
HOUR = timedelta(hours=1)


def test_only_what_is_recent_and_newer_than_the_last_known_article_is_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    def found(number: int, published: timedelta, seen: timedelta) -> None:
        times = {"published_at": NOW - published, "first_seen_at": NOW - seen}
        record(store, an_article(number, site=SITE, fetched_at=NOW - seen, **times), at=NOW - seen)

    found(1, published=72 * HOUR, seen=71 * HOUR)  # rebuilt from the JSONL
    store.health.raise_problem("database", ProblemCode.REBUILT, "was missing", NOW - 2 * HOUR)
    store.health.record_start("run", SITE, NOW - HOUR)
    found(2, published=80 * HOUR, seen=HOUR)  # an old one that the first cycle finds
    found(3, published=3 * HOUR, seen=HOUR)
    found(4, published=4 * HOUR, seen=HOUR)
    assert deliver(email_config(), store, now=NOW).served == 0  # the baseline goes on
    store.health.record_end("run", SITE, NOW, succeeded=True, counters={})
    for _ in range(2):
        deliver(email_config(), store, now=NOW)
    mail = mailbox.only().mail
    assert str(mail["Subject"]).startswith("Possibly told before: 2 new articles on Central Asia")
    assert mail["X-RSCrawler-Articles"] == f"{an_article(3).article_id}, {an_article(4).article_id}"
