"""The feeds hold flagged coverage, are valid, and are replaced at one stroke."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest
from lxml import etree

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.items import Event, Evidence, Level, TopicFlag
from rscrawler.store import Store
from tests.delivery.helpers import (
    HOSTILE_TITLES,
    NOW,
    a_config,
    a_flag,
    an_article,
    on_sqlite,
    record,
    record_all,
)

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return a_config(tmp_path)


def feeds(config: Config, topic: str = "central-asia") -> tuple[list[Any], list[dict[str, Any]]]:
    """The entries of both feeds of a topic, after both were found valid."""
    folder = config.output_dir / "feeds"
    atom = (folder / f"{topic}.atom").read_bytes()
    json_feed = json.loads((folder / f"{topic}.json").read_bytes())
    check_atom(atom)
    check_json_feed(json_feed)
    parsed = feedparser.parse(atom)
    assert not parsed.bozo
    return parsed.entries, json_feed["items"]


def check_atom(data: bytes) -> None:
    """RFC 4287: the elements that must be there, once, and what they must look like."""
    feed = etree.fromstring(data)
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert found.text
        uri = element.findtext(f"{ATOM}id") or ""
        assert urlsplit(uri).scheme == "urn"
        for moment in (*element.findall(f"{ATOM}updated"), *element.findall(f"{ATOM}published")):
            assert datetime.fromisoformat(moment.text or "").tzinfo is not None
        assert len(element.findall(f"{ATOM}published")) <= (0 if element is feed else 1)
    (author,) = feed.findall(f"{ATOM}author")
    assert author.findtext(f"{ATOM}name")
    for entry in entries:
        assert all(each.findtext(f"{ATOM}name") for each in entry.findall(f"{ATOM}author"))
        assert all(each.get("term") for each in entry.findall(f"{ATOM}category"))
        links = entry.findall(f"{ATOM}link")
        assert all(urlsplit(link.get("href") or "").scheme in ("http", "https") for link in links)
        assert links or entry.find(f"{ATOM}content") is not None
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(ids) == len(set(ids))


def check_json_feed(feed: dict[str, Any]) -> None:
    """JSON Feed 1.1: the keys that must be there, and their types."""
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert isinstance(feed["title"], str)
    for item in feed["items"]:
        assert isinstance(item["id"], str)
        assert item.get("content_text") or item.get("content_html")
        for name in ("date_published", "date_modified"):
            assert datetime.fromisoformat(item[name]).tzinfo is not None
        assert all(isinstance(tag, str) for tag in item["tags"])
        assert all(set(author) <= {"name", "url", "avatar"} for author in item.get("authors", []))
    ids = [item["id"] for item in feed["items"]]
    assert len(ids) == len(set(ids))


@on_sqlite
def test_each_entry_names_the_language_of_its_article(store: Store, config: Config) -> None:
    for number, language in enumerate((None, "ru"), 1):
        record(store, an_article(number, language=language))
    deliver(config, store, now=NOW)
    atom, items = feeds(config)
    assert [entry.title_detail.language for entry in atom] == ["ru", None]
    assert [item.get("language") for item in items] == ["ru", None]


@on_sqlite
def test_flagged_articles_are_in_both_feeds_newest_first(store: Store, config: Config) -> None:
    for number in (1, 2):
        record(store, an_article(number))
    deliver(config, store, now=NOW)
    atom, items = feeds(config)
    assert [entry.link for entry in atom] == [an_article(2).url, an_article(1).url]
    assert [item["url"] for item in items] == [an_article(2).url, an_article(1).url]
    assert atom[0].title == an_article(2).title
    assert [each.name for each in atom[0].authors] == ["Joanna Lillis", "Eldar Mamedov"]
    assert {tag.term for tag in atom[0].tags} == {"Central Asia", "Kazakhstan", "Uzbekistan"}
    assert "Tokayev was sharing the stage" in items[0]["summary"]


@on_sqlite
def test_a_summary_does_not_repeat_the_title_or_its_gaps(store: Store, config: Config) -> None:
    title = "The road to Osh"
    quotes = ("…the road to Osh is closed…", "…and Osh is cut off…", "Osh.")
    evidence = [
        Evidence("Osh", "Osh", "KG", "body", number, quote, 0, 3)
        for number, quote in enumerate(quotes)
    ]
    evidence.append(Evidence("Osh", "Osh", "KG", "title", None, title, 12, 15))
    flag = TopicFlag("central-asia", Level.PRIMARY, 0.9, ("KG",), tuple(evidence))
    body = "\n\n".join(quotes)
    record(store, an_article(1, title=title, subtitle=None, body=body, topics=[flag]))
    deliver(config, store, now=NOW)
    [item] = feeds(config)[1]
    assert item["summary"] == "…the road to Osh is closed… and Osh is cut off… Osh."


@on_sqlite
def test_an_article_is_in_a_feed_once_with_its_last_version(store: Store, config: Config) -> None:
    record(store, an_article(1))
    record(store, an_article(1, version=2, title="Second", fetched_at=NOW + timedelta(days=1)))
    deliver(config, store, now=NOW)
    atom, (item,) = feeds(config)
    assert [entry.title for entry in atom] == ["Second"]
    assert item["date_modified"] == "2026-11-25T12:00:00Z"


@on_sqlite
def test_an_alerted_article_stays_in_the_feed_after_an_edit_that_lowers_its_level(
    store: Store, config: Config
) -> None:
    record(store, an_article(1), alerted=("central-asia",))
    record(store, an_article(1, version=2, topics=[a_flag(Level.MENTION)]), is_flagged=False)
    deliver(config, store, now=NOW)
    assert [entry.link for entry in feeds(config)[0]] == [an_article(1).url]


@on_sqlite
def test_an_article_that_no_longer_names_the_topic_is_left_out_unless_it_was_alerted(
    store: Store, config: Config
) -> None:
    record(store, an_article(1))
    record(store, an_article(2), alerted=("central-asia",))
    for number in (1, 2):
        record(store, an_article(number, version=2, topics=[]), is_flagged=False)
    deliver(config, store, now=NOW)
    assert [entry.link for entry in feeds(config)[0]] == [an_article(2).url]


@on_sqlite
def test_removed_articles_and_copies_are_left_out(store: Store, config: Config) -> None:
    for number in (1, 2):
        record(store, an_article(number))
    record(store, an_article(3, duplicate_of=an_article(2).article_id))
    gone = an_article(1, version=2, event=Event.REMOVED)
    store.articles.record_removal(
        gone, removed_at=NOW, run_id="run-2", channels=("articles", "flagged")
    )
    deliver(config, store, now=NOW)
    atom, _ = feeds(config)
    assert [entry.link for entry in atom] == [an_article(2).url]


@on_sqlite
def test_each_topic_has_its_own_feeds(store: Store, tmp_path: Path) -> None:
    config = a_config(tmp_path, topics=["central-asia", "drones"])
    config = config.model_copy(update={"topics_dir": tmp_path})
    watchlist = 'title = "Drones & more"\n[[entity]]\nname = "Lancet"\nkind = "project"\n'
    (tmp_path / "drones.toml").write_text(f'{watchlist}spellings = ["Lancet"]\n')
    record(store, an_article(1))
    record(store, an_article(2, topics=[a_flag(Level.PRIMARY, "drones"), a_flag(Level.MENTION)]))
    deliver(config, store, now=NOW)
    assert [entry.link for entry in feeds(config)[0]] == [an_article(1).url]
    assert [entry.link for entry in feeds(config, "drones")[0]] == [an_article(2).url]
    title = json.loads((tmp_path / "feeds/drones.json").read_text())["title"]
    assert title == "Drones & more: flagged coverage"


@on_sqlite
def test_a_busy_topic_leaves_a_rare_one_its_feed(store: Store, tmp_path: Path) -> None:
    config = a_config(tmp_path, topics=["central-asia", "drones"])
    record(store, an_article(0, topics=[a_flag(topic="drones"), a_flag(Level.MENTION)]))
    topics = [a_flag(), a_flag(Level.MENTION, "drones")]
    record_all(store, (an_article(number, topics=topics) for number in range(1, 1_001)))
    deliver(config, store, now=NOW)
    assert len(feeds(config)[0]) == 100
    assert [entry.link for entry in feeds(config, "drones")[0]] == [an_article(0).url]


@on_sqlite
def test_feeds_are_written_only_when_something_changed(store: Store, config: Config) -> None:
    assert deliver(config, store, now=NOW).feeds == 2
    assert deliver(config, store, now=NOW + timedelta(hours=1)).feeds == 0
    record(store, an_article(1))
    assert deliver(config, store, now=NOW).feeds == 2
    (config.output_dir / "feeds/central-asia.atom").unlink()
    assert deliver(config, store, now=NOW).feeds == 1
    assert len(feeds(config)[0]) == 1


def test_feeds_are_made_again_on_another_day_and_by_another_version(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, an_article(1))
    assert deliver(config, store, now=NOW).feeds == 2
    tomorrow = NOW + timedelta(days=1)
    assert deliver(config, store, now=tomorrow).feeds == 1  # the Atom feed, which has the state
    monkeypatch.setattr("rscrawler.delivery.feeds.__version__", "9.9")
    assert deliver(config, store, now=tomorrow).feeds == 1
    assert deliver(config, store, now=tomorrow).feeds == 0
    assert len(feeds(config)[0]) == 1


def test_feeds_are_made_again_after_a_kill_between_the_two_files(
    store: Store, config: Config
) -> None:
    deliver(config, store, now=NOW)
    record(store, an_article(1))
    atom = config.output_dir / "feeds/central-asia.atom"
    before = atom.read_bytes()
    deliver(config, store, now=NOW)
    atom.write_bytes(before)  # as if the JSON feed alone had been replaced
    assert deliver(config, store, now=NOW).feeds == 1
    assert len(feeds(config)[0]) == 1


def test_a_feed_holds_a_hundred_articles(store: Store, config: Config) -> None:
    record_all(store, map(an_article, range(120)))
    deliver(config, store, now=NOW)
    atom, items = feeds(config)
    assert len(atom) == len(items) == 100
    assert atom[0].link == an_article(119).url


@on_sqlite
@pytest.mark.parametrize("title", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES)
def test_a_hostile_title_leaves_the_feeds_valid(store: Store, config: Config, title: str) -> None:
    record(store, an_article(1, title=title, subtitle=title, authors=[title], language=title))
    deliver(config, store, now=NOW)
    atom, (item,) = feeds(config)
    assert len(atom) == 1
    assert "\n" not in item["title"]
    assert not set(item["title"]) & set("\x00\x1b\u202e\u2066\u2028")
    raw = (config.output_dir / "feeds/central-asia.atom").read_bytes()
    assert b"<script" not in raw


@on_sqlite
def test_a_crash_while_writing_leaves_the_old_feed(
    store: Store, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, an_article(1))
    deliver(config, store, now=NOW)
    record(store, an_article(2))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    deliver_lines = store.outbox.pending_line_count()
    assert deliver_lines == 2
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left on device" in (deliver(config, store, now=NOW).output_problem or "")
    assert len(feeds(config)[0]) == 1
    assert not list((config.output_dir / "feeds").glob(".*"))
    deliver(config, store, now=NOW)
    assert len(feeds(config)[0]) == 2
