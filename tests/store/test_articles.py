"""Articles in the database: a version becomes known whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from rscrawler.identity.fingerprints import Fingerprint, fingerprint_of
from rscrawler.items import Article, Event, Evidence, Extraction, Image, Level, Novelty, TopicFlag
from rscrawler.store import Store
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.discovery import Address, SourceState
from rscrawler.store.tables import ARTICLES_CHANNEL, FLAGGED_CHANNEL

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE = "site"
BODY = " ".join(f"word{number}" for number in range(80))


def article(name: str = "a", version: int = 1, **fields: Any) -> Article:
    values: dict[str, Any] = {
        "site": SITE,
        "url": f"https://example.org/{name}/",
        "fetched_at": NOON,
        "article_id": name * 16,
        "version": version,
        "record_id": f"{name * 16}-{version}",
        "event": Event.NEW if version == 1 else Event.UPDATED,
        "first_seen_at": NOON,
        "title": "A title",
        "body": BODY,
    }
    return Article(**{**values, **fields})


def recording(article: Article, at: datetime = NOON, **fields: Any) -> Recording:
    name = article.article_id[0]
    visit_values = {"next_check_at": NOON + HOUR, **fields.pop("visit", {})}
    values: dict[str, Any] = {
        "fingerprint": replace(
            fingerprint_of(article, name),
            text_digest=f"{article.version:032}",
            body_digest="b" * 32,
        ),
        "channels": (ARTICLES_CHANNEL,),
    }
    visit = Visit({f"/{name}": article.url}, "p" * 32, **visit_values)
    given = {"article": article, "run_id": "run", "recorded_at": at, "visit": visit}
    return Recording(**{**given, **values, **fields})


def record(store: Store, article: Article, at: datetime = NOON, **fields: Any) -> None:
    store.articles.record(recording(article, at, **fields))


WHOLE = article(
    subtitle="Sub “quoted”",
    authors=["A. Writer", "Б. Автор"],
    sections=["analysis", "europe"],
    tags=["ukraine-war"],
    language="en",
    published_at=NOON - HOUR,
    modified_at=NOON,
    image=Image("https://example.org/i.jpg?token=1", "Caption", None),
    republished_from="Eurasianet",
    aliases=["https://example.org/2022/06/21/a/"],
    found_in=["/feed"],
    extraction=Extraction("profile", ("title: not found",)),
    topics=[
        TopicFlag(
            "central-asia",
            Level.PRIMARY,
            0.97,
            ("KZ",),
            (Evidence("Tokayev", "Kassym-Jomart Tokayev", "KZ", "body", 3, "…", 0, 7),),
        )
    ],
)


def test_a_restoring_that_breaks_off_leaves_an_empty_store(store: Store) -> None:
    def recordings() -> Iterator[Recording]:
        yield Recording(
            article=article(),
            fingerprint=Fingerprint(text_digest="t", body_digest=None, slug_stem="a"),
            visit=Visit(addresses={"/a": article().url}, page_digest=""),
            run_id="run",
            recorded_at=NOON,
            channels=(),
        )
        raise OSError("the folder went away")

    with pytest.raises(OSError, match="went away"):
        store.articles.restore(recordings())
    assert store.articles.is_empty()


def test_versions_that_are_restored_in_any_order_can_be_followed_by_the_next(store: Store) -> None:
    versions = [article(version=number, title=f"Title {number}") for number in (2, 1, 3)]
    assert store.articles.restore([recording(each) for each in versions[:2]]) == 2
    assert store.articles.by_ids(["a" * 16])["a" * 16].version == 2
    latest = store.articles.latest_record("a" * 16)
    assert latest is not None
    assert latest.title == "Title 2"
    record(store, versions[2])
    assert [each.version for each in store.articles.history("a" * 16)] == [1, 2, 3]


def test_an_article_that_has_moved_is_asked_for_where_it_is_now(store: Store) -> None:
    record(store, article())
    visit = Visit(next_check_at=NOON + HOUR)
    moved_to = "https://example.org/elsewhere/"
    store.articles.record_unchanged(SITE, article().article_id, visit, NOON + HOUR, moved_to)
    (due,) = store.articles.due(SITE, NOON + HOUR)
    assert due.url == moved_to


def test_a_record_comes_back_as_it_went_in(store: Store) -> None:
    record(store, WHOLE)
    back = store.articles.latest_record(WHOLE.article_id)
    assert back is not None
    assert back.to_record() == WHOLE.to_record()
    assert list(store.articles.records()) == [WHOLE.to_record()]


def test_a_version_is_known_by_its_id_and_by_every_address(store: Store) -> None:
    record(store, article())
    visit = Visit({"/other": "https://example.org/other/"})
    store.articles.record_unchanged(SITE, "a" * 16, visit, NOON)
    known = store.articles.by_ids(["a" * 16, "x" * 16])
    assert list(known) == ["a" * 16]
    assert known["a" * 16].novelty is Novelty.NEW
    found = store.discovery.addresses(SITE, ["/unknown", "/a", "/other"])
    assert {key: each.article_id for key, each in found.items()} == {
        "/a": "a" * 16,
        "/other": "a" * 16,
    }
    assert store.discovery.addresses("elsewhere", ["/a"]) == {}
    assert [each.url for each in store.discovery.addresses_of("a" * 16)] == [
        "https://example.org/a/",
        "https://example.org/other/",
    ]


def test_no_version_is_written_twice(store: Store) -> None:
    record(store, article())
    record(store, article(version=2, title="Another"), NOON + HOUR)
    for version in (1, 2):
        with pytest.raises(Exception, match=r"(?i)unique"):
            record(store, article(version=version), NOON + HOUR)
    assert [each.version for each in store.articles.history("a" * 16)] == [1, 2]
    assert store.articles.by_ids(["a" * 16])["a" * 16].version == 2


def test_new_and_updated_articles_are_recorded_together_or_not_at_all(store: Store) -> None:
    record(store, article("a"))
    record(store, article("b"))
    together = [article("a", 2), article("c"), article("b", 2, title="Another")]
    with pytest.raises(Exception, match=r"(?i)unique"):
        store.articles.record(*map(recording, [*together[:2], article("b")]))
    store.articles.record(*map(recording, together))
    known = store.articles.by_ids(name * 16 for name in "abc")
    assert {name[0]: each.version for name, each in known.items()} == {"a": 2, "b": 2, "c": 1}
    assert candidates(store, "third", "none", None, BODY) == ["a", "b", "c"]


def test_the_last_version_is_read_without_those_before_it(store: Store) -> None:
    for number in range(1, 11):
        record(store, article(version=number, title=f"Title {number}"))
    with patch.object(Article, "from_json", wraps=Article.from_json) as read:
        last = store.articles.latest_record("a" * 16)
    assert last is not None
    assert (last.version, last.title, read.call_count) == (10, "Title 10", 1)


def test_what_fails_in_the_middle_leaves_nothing_of_it(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)unique"):
        record(store, article(), channels=(ARTICLES_CHANNEL, ARTICLES_CHANNEL))
    assert store.articles.by_ids(["a" * 16]) == {}
    assert store.articles.latest_record("a" * 16) is None
    assert store.discovery.addresses(SITE, ["/a"]) == {}
    assert store.outbox.pending_lines(10) == []


def test_a_version_and_its_outbox_rows_are_written_together(store: Store) -> None:
    record(store, article(), channels=(ARTICLES_CHANNEL, FLAGGED_CHANNEL))
    assert {row.channel for row in store.outbox.pending_lines(10)} == {
        ARTICLES_CHANNEL,
        FLAGGED_CHANNEL,
    }


def test_articles_are_due_by_their_schedule_the_longest_due_first(store: Store) -> None:
    for name, hours in (("a", 2), ("b", 1), ("c", None)):
        at = None if hours is None else NOON + hours * HOUR
        record(store, article(name), visit={"next_check_at": at})
    assert [known.article_id[0] for known in store.articles.due(SITE, NOON + 2 * HOUR)] == [
        "b",
        "a",
    ]
    assert store.articles.due(SITE, NOON) == []
    assert store.articles.due("elsewhere", NOON + 9 * HOUR) == []


def test_an_article_that_a_source_dates_later_is_due_at_once_and_stays_so(store: Store) -> None:
    record(store, article(), visit={"next_check_at": None})
    state = SourceState("https://example.org/s.xml", kind="sitemap", requested_at=NOON)
    shown = Address("/a", "https://example.org/a/", NOON, dated_at=NOON)
    store.discovery.record_reading(SITE, "/s.xml", state, [shown], due_articles=["a" * 16])
    assert [known.article_id for known in store.articles.due(SITE, NOON)] == ["a" * 16]


def test_an_unchanged_page_keeps_validators_after_304_and_renews_them_after_200(
    store: Store,
) -> None:
    record(store, article(), visit={"etag": '"1"', "last_modified": "then"})
    store.articles.record_unchanged(SITE, "a" * 16, Visit(), NOON + HOUR)
    known = store.articles.by_ids(["a" * 16])["a" * 16]
    assert (known.etag, known.fetched_at) == ('"1"', NOON + HOUR)
    visit = Visit(page_digest="q" * 32)
    store.articles.record_unchanged(SITE, "a" * 16, visit, NOON + HOUR)
    known = store.articles.by_ids(["a" * 16])["a" * 16]
    assert (known.etag, known.last_modified, known.page_digest) == (None, None, "q" * 32)


def test_an_article_that_is_there_again_is_no_longer_gone(store: Store) -> None:
    record(store, article())
    store.articles.record_gone("a" * 16, gone_at=NOON, next_check_at=NOON + HOUR)
    assert store.articles.by_ids(["a" * 16])["a" * 16].gone_at == NOON
    store.articles.record_unchanged(SITE, "a" * 16, Visit(), NOON)
    assert store.articles.by_ids(["a" * 16])["a" * 16].gone_at is None


def test_a_removal_is_a_version_and_a_return_the_next(store: Store) -> None:
    record(store, article())
    removal = article(version=2, event=Event.REMOVED)
    store.articles.record_removal(
        removal, removed_at=NOON + HOUR, run_id="run", channels=(ARTICLES_CHANNEL,)
    )
    known = store.articles.by_ids(["a" * 16])["a" * 16]
    assert (known.removed_at, known.next_check_at, known.version) == (NOON + HOUR, None, 2)
    record(store, article(version=3), NOON + 2 * HOUR)
    assert store.articles.by_ids(["a" * 16])["a" * 16].removed_at is None
    events = [each.event for each in store.articles.history("a" * 16)]
    assert events == [Event.NEW, Event.REMOVED, Event.UPDATED]


def test_who_was_told_is_kept_through_later_versions(store: Store) -> None:
    flag = TopicFlag("central-asia", Level.PRIMARY, 0.9)
    record(store, article(topics=[flag]), alerted_topics=("central-asia",))
    lower = replace(flag, level=Level.MENTION)
    record(store, article(version=2, topics=[lower, TopicFlag("other", Level.NONE, 0.0)]))
    assert store.articles.alerted_topics("a" * 16) == {"central-asia"}
    assert store.articles.alerted_topics("b" * 16) == set()


def candidates(store: Store, site: str, stem: str, digest: str | None, body: str) -> list[str]:
    wanted = replace(fingerprint_of(article(body=body), stem), body_digest=digest)
    return [each.article_id[0] for each in store.articles.candidates(site, wanted)]


def test_candidates_share_a_body_a_key_or_on_one_site_a_slug(store: Store) -> None:
    other = " ".join(f"else{number}" for number in range(80))
    record(store, article("a", first_seen_at=NOON))
    record(
        store,
        article("b", site="elsewhere", body=other, first_seen_at=NOON - HOUR),
        fingerprint=Fingerprint("t" * 32, "c" * 32, "a"),
    )
    changed = BODY.replace("word7 ", "changed ")
    assert candidates(store, SITE, "none", "b" * 32, "") == ["a"]
    assert candidates(store, "third", "none", None, changed) == ["a"]
    assert candidates(store, SITE, "a", None, "") == ["a"]
    assert candidates(store, "elsewhere", "a", None, "") == ["b"]
    assert candidates(store, "third", "a", None, "") == []
    assert candidates(store, "elsewhere", "a", "b" * 32, "") == ["b", "a"]


def test_of_a_text_that_is_printed_again_and_again_only_some_are_candidates(store: Store) -> None:
    names = [f"{number:02}" for number in range(60)]
    for name in names:
        record(store, article(name, article_id=name * 8, record_id=f"{name * 8}-1"))
    found = candidates(store, "third", "none", None, BODY)
    assert 10 <= len(found) <= 40


def test_a_merged_article_is_no_candidate_and_what_repeats_it_repeats_the_other(
    store: Store,
) -> None:
    record(store, article("a"))
    record(store, article("b", body="", duplicate_of="a" * 16), is_folded=True)
    record(store, article("c", duplicate_of="a" * 16), is_folded=True)
    store.articles.merge("a" * 16, "b" * 16)
    assert candidates(store, SITE, "a", "b" * 32, BODY) == ["b", "c"]
    known = store.articles.by_ids(["b" * 16, "c" * 16])
    assert {name[0]: each.duplicate_of for name, each in known.items()} == {
        "b": None,
        "c": "b" * 16,
    }


def test_what_was_told_of_a_text_is_what_the_first_says_and_its_alerted_copies(
    store: Store,
) -> None:
    def flag(country: str) -> TopicFlag:
        return TopicFlag("central-asia", Level.PRIMARY, 0.9, (country,))

    record(store, article("a", topics=[flag("KZ")]))
    for name, country, alerted in (
        ("b", "UZ", ("central-asia",)),
        ("c", "TJ", ()),
        ("d", "TM", ()),
    ):
        copy = article(name, duplicate_of="a" * 16, topics=[flag(country)])
        record(store, copy, alerted_topics=alerted)
    flags = store.articles.flags_alerted("a" * 16, excluding="d" * 16)
    assert sorted(each.countries[0] for each in flags) == ["KZ", "UZ"]


def test_records_are_read_by_the_time_of_recording(store: Store) -> None:
    for number, name in enumerate("abc"):
        record(store, article(name), NOON + number * HOUR)

    def names(**span: datetime) -> str:
        return "".join(record["article_id"][0] for record in store.articles.records(**span))

    assert names() == "abc"
    assert names(since=NOON + HOUR) == "bc"
    assert names(until=NOON + HOUR) == "a"
    assert names(since=NOON + HOUR, until=NOON + HOUR) == ""


def test_the_latest_version_of_each_article_is_read(store: Store) -> None:
    record(store, article("a"))
    record(store, article("b"), NOON + HOUR)
    record(store, article("a", version=2, title="New"), NOON + 2 * HOUR)
    latest = [(a.article_id[0], a.version) for a in store.articles.latest_articles()]
    assert latest == [("b", 1), ("a", 2)]
    since = store.articles.latest_articles(since=NOON + 2 * HOUR)
    assert [a.article_id[0] for a in since] == ["a"]
    assert store.articles.count(SITE) == 2


def test_an_article_that_turns_out_to_be_another_leaves_it_its_addresses_and_its_alerts(
    store: Store,
) -> None:
    flag = TopicFlag("central-asia", Level.PRIMARY, 0.9)
    for name in "abc":
        alerted = ("central-asia",) if name == "a" else ()
        record(store, article(name, topics=[flag]), alerted_topics=alerted)
    store.articles.merge("a" * 16, "b" * 16)
    store.articles.merge("b" * 16, "c" * 16)
    assert store.articles.alerted_topics("c" * 16) == {"central-asia"}
    known = store.discovery.addresses(SITE, ["/a", "/b", "/c"])
    assert {address.article_id for address in known.values()} == {"c" * 16}
    due = store.articles.due(SITE, NOON + 2 * HOUR)
    assert [each.article_id for each in due] == ["c" * 16]
