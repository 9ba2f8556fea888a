"""Articles to deliver, and places to deliver them to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.delivery.messages import DeliveryReport
from rscrawler.identity.fingerprints import Fingerprint, new_record_id
from rscrawler.items import Article, Event, Evidence, Extraction, Level, TopicFlag
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.tables import ARTICLES_CHANNEL, FLAGGED_CHANNEL

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BODY = (
    "Kazakhstan and Russia quarrelled over the war.\n\n"
    "Tokayev was sharing the stage with Putin, and Astana listened."
)
QUOTE = "…Tokayev was sharing the stage with Putin, and Astana listened."
# For what the program decides by itself, whatever the database.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# Each is something a page might say to do harm.
HOSTILE_TITLES = {
    "line feeds": "Kazakhstan\r\nBcc: victim@example.org\r\n\r\nhello",
    "markup": "<script>alert(1)</script> & \"Kazakhstan\" <img src=x onerror='alert(2)'>",
    "ten thousand letters": "Kazakhstan " + "x" * 10_000,
    "direction overrides": "Kazakhstan \u202eevil\u202c \u2066x\u2069 \u200f!",
    "right to left": "قازاقستان و \u05e9\u05dc\u05d5\u05dd",
    "emoji": "Kazakhstan 🇰🇿 👩‍👩‍👧‍👦 e\u0301",
    "separators": "Kazakhstan\u2028one\u2029two\u0085three",
    "mentions of everyone": "Kazakhstan @everyone, @Here and @**stream**",
    "controls": "Kazakhstan \x00\x07\x1b[31mred\x1b[0m\x7f",
    "template": "{{ 7 * 7 }} {% raw %} %(x)s =?utf-8?q?=0ABcc=3A?=",
}


def an_article(number: int, **changes: Any) -> Article:
    """An article on Kazakhstan with evidence; `number` tells articles apart."""
    values: dict[str, Any] = {
        "site": "sample",
        "url": f"https://sample.example.org/article-{number}/",
        "title": f"Tensions flare between Russia and Kazakhstan, part {number}",
        "authors": ["Joanna Lillis", "Eldar Mamedov"],
        "sections": ["analysis", "asia-pacific"],
        "published_at": datetime(2022, 6, 21, 14, 5, tzinfo=UTC),
        "first_seen_at": NOW,
        "fetched_at": NOW,
        "body": BODY,
        "article_id": f"{number:016x}",
        "version": 1,
        "topics": [a_flag()],
        "extraction": Extraction("profile"),
    }
    article = Article(**(values | changes))
    article.record_id = new_record_id(article.article_id, article.version)
    if article.version > 1 and "event" not in changes:
        article.event = Event.UPDATED
    return article


def a_flag(level: Level = Level.PRIMARY, topic: str = "central-asia") -> TopicFlag:
    """A verdict with two terms in one passage of the second paragraph."""
    paragraph = BODY.split("\n\n")[1]
    evidence = tuple(
        Evidence(term, term, "KZ", "body", 1, QUOTE, paragraph.index(term), 0)
        for term in ("Tokayev", "Astana")
    )
    return TopicFlag(topic, level, 0.97, ("KZ", "UZ"), evidence)


def record(store: Store, article: Article, *channels: str, **fields: Any) -> Article:
    """Make an article known; arguments as for `recording_of`."""
    store.articles.record(recording_of(article, *channels, **fields))
    return article


def record_all(store: Store, articles: Iterable[Article], *channels: str, **fields: Any) -> None:
    """The same of many, in one transaction."""
    store.articles.record(*(recording_of(each, *channels, **fields) for each in articles))


def recording_of(
    article: Article,
    *channels: str,
    at: datetime = NOW,
    run_id: str = "run-1",
    is_folded: bool | None = None,
    is_flagged: bool = True,
    alerted: tuple[str, ...] = (),
) -> Recording:
    """What is stored of an article for `channels` and, if it is flagged, both JSONL files.

    `is_folded`: as a copy that says no more than its first; every copy, by default. `alerted` are
    the topics on which it alerts.
    """
    return Recording(
        article=article,
        fingerprint=Fingerprint(article.record_id, None, article.article_id),
        visit=Visit(page_digest="digest"),
        run_id=run_id,
        recorded_at=at,
        channels=(ARTICLES_CHANNEL, *((FLAGGED_CHANNEL,) if is_flagged else ()), *channels),
        alerted_topics=alerted,
        is_folded=article.duplicate_of is not None if is_folded is None else is_folded,
    )


def a_config(output_dir: Path, **alerts: Any) -> Config:
    """A configuration that writes to a folder and sends as `alerts` says."""
    return Config(output_dir=output_dir, alerts=alerts)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The records in a JSONL file; fails on anything that is not a whole line."""
    data = path.read_bytes()
    assert data.endswith(b"\n")
    return [json.loads(line) for line in data.decode("utf-8").splitlines()]


def record_ids(path: Path) -> list[str]:
    """The record ids in a JSONL file, in its order."""
    return [line["record_id"] for line in lines_of(path)]


def deliver_when_due(config: Config, store: Store, until: datetime) -> list[DeliveryReport]:
    """Deliver at `NOW` and each time that another attempt is due; a second before, none is made."""
    reports, due = [], NOW
    while due <= until:
        reports.append(deliver(config, store, now=due))
        waiting = [each for each in store.messages.undelivered() if each.state != "failed"]
        if not waiting:
            break
        last, due = due, min(each.next_try_at for each in waiting)
        assert due > last
        early = due - timedelta(seconds=1)
        # However long it takes, it is this early.
        report = deliver(config, store, now=early, clock=repeat(early).__next__)
        assert (report.served, report.put_off, report.failed) == (0, 0, 0)
    return reports
