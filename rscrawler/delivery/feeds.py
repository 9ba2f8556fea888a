"""Atom and JSON feeds of flagged coverage, one of each for a topic."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from lxml import etree

from rscrawler.config import Config
from rscrawler.delivery.alert import Alert, Interest, alert_of
from rscrawler.delivery.channel import FileChannel
from rscrawler.delivery.jsonl import output_errors, replace_file
from rscrawler.delivery.wording import in_words, one_line
from rscrawler.items import Article, rfc3339
from rscrawler.store import Store

FEED_SIZE = 100
# Records looked at for one feed: flagged pieces are few, and one piece may have many versions.
_RECORDS_READ = 1_000
_ATOM = "http://www.w3.org/2005/Atom"
# The stubs know no default namespace.
_NAMESPACES: dict[Any, str] = {None: _ATOM}
_JSON_FEED = "https://jsonfeed.org/version/1.1"


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece in a feed, in its last version, of which `updated` is the date.

    `published` is the date that the piece gives, or when it was first seen if it gives none.
    """

    alert: Alert
    article_id: str
    published: datetime
    updated: datetime
    language: str | None
    summary: str

    @property
    def uri(self) -> str:
        """The identity of the piece, the same in every feed and for good."""
        return _uri(f"article:{self.article_id}")


@dataclass(frozen=True)
class Feeds(FileChannel):
    """An Atom and a JSON feed in a folder, for each topic."""

    folder: Path
    name = "feeds"

    def write(self, store: Store, interest: Interest, now: datetime) -> int:
        """Bring the feeds up to date; returns how many files changed."""
        with closing(store.outbox.flagged_records()) as records:
            entries = _entries(records, interest)
        with output_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            changed = 0
            for topic in interest.topics:
                shown, path = list(entries[topic].values()), self.folder / topic
                changed += replace_file(
                    path.with_name(f"{topic}.atom"), atom_feed(topic, shown, interest)
                )
                changed += replace_file(
                    path.with_name(f"{topic}.json"), json_feed(topic, shown, interest)
                )
            return changed


def configured(config: Config) -> Iterator[Feeds]:
    """The feeds under `output_dir`."""
    yield Feeds(config.output_dir / "feeds")


def _entries(records: Iterator[str], interest: Interest) -> dict[str, dict[str, Entry]]:
    """For each topic, the last version of each piece flagged on it, by id; newest first."""
    found: dict[str, dict[str, Entry]] = {topic: {} for topic in interest.topics}
    alone = {topic: Interest([topic], interest.minimum, interest.titles) for topic in found}
    seen: set[str] = set()
    for record in islice(records, _RECORDS_READ):
        open_topics = [topic for topic, entries in found.items() if len(entries) < FEED_SIZE]
        if not open_topics:
            break
        article = Article.from_record(json.loads(record))
        if article.article_id in seen:
            continue
        seen.add(article.article_id)
        for topic in open_topics:
            if article.level_on(topic).reaches(interest.minimum):
                found[topic][article.article_id] = _entry(article, alone[topic])
    return found


def _entry(article: Article, interest: Interest) -> Entry:
    alert = alert_of(article, interest)
    quotes = " … ".join(
        "".join(each.text for each in passage.stretches) for passage in alert.passages
    )
    first = article.first_seen_at or article.fetched_at
    return Entry(
        alert,
        article.article_id,
        article.published_at or first,
        article.fetched_at,
        one_line(article.language, 35) or None,
        one_line(article.subtitle, 500) or one_line(quotes, 500) or alert.title,
    )


# Atom (RFC 4287).


def feed_of(articles: Sequence[Article], interest: Interest, *, name: str, title: str) -> bytes:
    """Any articles as Atom; `name` is what tells this feed from all others."""
    entries = [_entry(article, interest) for article in articles]
    return _atom(_uri(f"feed:?{name}"), one_line(title), entries)


def atom_feed(topic: str, entries: Sequence[Entry], interest: Interest) -> bytes:
    """The feed as Atom."""
    return _atom(_uri(f"feed:{topic}"), _title(topic, interest), entries)


def _atom(uri: str, title: str, entries: Sequence[Entry]) -> bytes:
    feed = etree.Element(_name("feed"), nsmap=_NAMESPACES)
    _add(feed, "id", uri)
    _add(feed, "title", title)
    _add(feed, "updated", _newest(entries))
    _add(_add(feed, "author"), "name", "rscrawler")
    _add(feed, "generator", "rscrawler")
    for entry in entries:
        _add_entry(feed, entry)
    etree.indent(feed)
    return bytes(etree.tostring(feed, xml_declaration=True, encoding="utf-8")) + b"\n"


def _add_entry(feed: etree._Element, entry: Entry) -> None:
    element, alert = _add(feed, "entry"), entry.alert
    _add(element, "id", entry.uri)
    _add(element, "title", alert.title)
    _add(element, "updated", rfc3339(entry.updated))
    _add(element, "published", rfc3339(entry.published))
    if alert.link:
        _add(element, "link", rel="alternate", href=alert.link)
    for name in alert.authors:
        _add(_add(element, "author"), "name", name)
    for term in (*alert.topics, *alert.countries):
        _add(element, "category", term=term)
    _add(element, "summary", entry.summary, type="text")


def _add(
    parent: etree._Element, name: str, text: str | None = None, **attributes: str
) -> etree._Element:
    child = etree.SubElement(parent, _name(name), attributes)
    child.text = text
    return child


def _name(local: str) -> str:
    return f"{{{_ATOM}}}{local}"


# JSON Feed 1.1.


def json_feed(topic: str, entries: Sequence[Entry], interest: Interest) -> bytes:
    """The feed as JSON Feed 1.1."""
    feed = {
        "version": _JSON_FEED,
        "title": _title(topic, interest),
        "authors": [{"name": "rscrawler"}],
        "items": [_item(entry) for entry in entries],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode() + b"\n"


def _item(entry: Entry) -> dict[str, Any]:
    alert = entry.alert
    item: dict[str, Any] = {
        "id": entry.uri,
        "title": alert.title,
        "content_text": f"{entry.summary}\n\n{in_words([*alert.levels, *alert.countries])}",
        "summary": entry.summary,
        "date_published": rfc3339(entry.published),
        "date_modified": rfc3339(entry.updated),
        "tags": [*alert.topics, *alert.countries],
    }
    if alert.link:
        item["url"] = alert.link
    if alert.authors:
        item["authors"] = [{"name": name} for name in alert.authors]
    if entry.language:
        item["language"] = entry.language
    return item


# Both.


def _title(topic: str, interest: Interest) -> str:
    return f"{interest.title(topic)}: flagged coverage"


def _newest(entries: Sequence[Entry]) -> str | None:
    # A feed without entries must have a date too, and must not change with every look.
    nothing_yet = datetime(1970, 1, 1, tzinfo=UTC)
    return rfc3339(max((entry.updated for entry in entries), default=nothing_yet))


def _uri(name: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"rscrawler:{name}").urn
