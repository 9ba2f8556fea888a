"""Atom and JSON feeds of flagged coverage, one of each per topic."""

import json
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import islice
from typing import Any

from rscrawler import __version__
from rscrawler.config import Config
from rscrawler.delivery.alert import Interest, alert_of
from rscrawler.delivery.jsonl import output_errors, replace_file
from rscrawler.delivery.wording import one_line, rendered
from rscrawler.identity.fingerprints import digest
from rscrawler.items import Article, rfc3339
from rscrawler.store import Store

FEED_SIZE = 100
_FIRST_RECORDS = 4 * FEED_SIZE  # more than a feed is made of: an article may have several versions
_GAPS = re.compile("…[ …]*…")
Item = dict[str, Any]  # an item of JSON Feed 1.1


def write_feeds(config: Config, store: Store, interest: Interest, today: date) -> int:
    """Update the feeds of each topic; returns how many files changed."""
    folder, changed = config.output_dir / "feeds", 0
    for topic in interest.topics:
        state, path = _state(store, topic, interest, today), folder / f"{topic}.atom"
        with output_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            is_current = path.is_file() and path.read_bytes().endswith(state)
            if is_current and path.with_suffix(".json").is_file():
                continue
        items, title = _items(store, topic, interest), f"{interest.title(topic)}: flagged coverage"
        with output_errors(folder):
            # The Atom feed, which has the state, is last: a kill in between leaves the old state.
            changed += replace_file(folder / f"{topic}.json", _json_feed(title, items))
            atom = _atom_feed(_uri(f"feed:{topic}"), title, items)
            changed += replace_file(path, atom.rstrip() + state)
    return changed


def _state(store: Store, topic: str, interest: Interest, today: date) -> bytes:
    """A comment for the end of an Atom feed: a digest of what the topic's feeds depend on.

    To make the feeds from the records takes longer than a cycle that finds nothing new. Pruning
    shortens records, so they are made once a day in any case.
    """
    ids = store.outbox.flagged_ids(topic, interest.levels, _FIRST_RECORDS)
    basis = [__version__, today.isoformat(), interest.title(topic), str(interest.minimum), *ids]
    return f"\n<!-- {digest(' '.join(basis))} -->\n".encode()


def feed_of(
    articles: Sequence[Article], interest: Interest, *, name: str, title: str, url: str
) -> bytes:
    """An Atom feed of these articles at `url`; `name` distinguishes it from all other feeds."""
    items = [_item(article, interest) for article in articles]
    return _atom_feed(_uri(f"feed:?{name}"), one_line(title), items, url)


def _items(store: Store, topic: str, interest: Interest) -> list[Item]:
    """The last articles flagged on a topic in their last flagged version, newest first."""
    alone, levels = Interest([topic], interest.minimum, interest.titles), interest.levels
    with closing(store.outbox.flagged_records(topic, levels)) as records:
        articles = map(Article.from_json, records)
        found = (each for each in _first_of_each(articles) if each.level_on(topic) in levels)
        return [_item(article, alone) for article in islice(found, FEED_SIZE)]


def _first_of_each(articles: Iterator[Article]) -> Iterator[Article]:
    """The articles, each in the version that comes first."""
    seen: set[str] = set()
    for article in articles:
        if article.article_id not in seen:
            seen.add(article.article_id)
            yield article


def _item(article: Article, interest: Interest) -> Item:
    alert = alert_of(article, interest)
    quotes = _GAPS.sub("… ", " … ".join(passage.text for passage in alert.passages))
    summary = one_line(article.subtitle, 500) or one_line(quotes, 500) or alert.title
    # The article's own date, else when it was first seen.
    published = article.published_at or article.first_seen_at or article.fetched_at
    item = {
        "id": _uri(f"article:{article.article_id}"),  # permanent, and the same in every feed
        "title": alert.title,
        "content_text": f"{summary}\n\n{', '.join([*alert.levels, *alert.countries])}",
        "summary": summary,
        "date_published": rfc3339(published),
        "date_modified": rfc3339(article.fetched_at),
        "tags": [*alert.topics, *alert.countries],
        "url": alert.link,
        "authors": [{"name": name} for name in alert.authors],
        "language": alert.language,
    }
    return {name: value for name, value in item.items() if value}


def _json_feed(title: str, items: Sequence[Item]) -> bytes:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "authors": [{"name": "rscrawler"}],
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode() + b"\n"


def _atom_feed(uri: str, title: str, items: Sequence[Item], url: str = "") -> bytes:
    # An empty feed needs a date too, which must not change each time the feed is made.
    updated = max((item["date_modified"] for item in items), default="1970-01-01T00:00:00Z")
    named = {"uri": uri, "url": url, "title": title, "updated": updated}
    return rendered("feed.atom.j2", articles=items, **named).encode()


def _uri(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"rscrawler:{name}").urn
