"""What the dashboard asks, on both databases."""

from __future__ import annotations

from datetime import timedelta

from rscrawler.items import Level
from rscrawler.store import Store
from rscrawler.store.browsing import Copy, Coverage
from tests.delivery.helpers import HOSTILE_TITLES, NOW, a_flag, a_piece, record

TOPICS = ["central-asia"]


def test_coverage_is_found_by_words_country_and_level(store: Store) -> None:
    record(store, a_piece(1, title="Қазақстан мен Ресей"))
    record(store, a_piece(2, title="Kazakhstan", topics=[a_flag(Level.MENTION)]))
    record(store, a_piece(3, title="Kazakhstan", topics=[]))

    def found(**wanted: object) -> list[str]:
        coverage = Coverage(**{"topics": TOPICS, "minimum": Level.SUBSTANTIAL, **wanted})  # type: ignore[arg-type]
        page = store.browsing.coverage(coverage, 10)
        return [piece.title or "" for piece in page.articles]

    assert found() == ["Қазақстан мен Ресей"]
    assert found(words=["ҚАЗАҚСТАН"]) == ["Қазақстан мен Ресей"]
    assert found(country="KG") == []
    assert len(found(minimum=Level.MENTION)) == 2


def test_a_flag_that_the_last_version_lost_no_longer_counts(store: Store) -> None:
    record(store, a_piece(1))
    record(store, a_piece(1, version=2, topics=[]))
    assert store.browsing.coverage(Coverage(TOPICS, Level.MENTION), 10).articles == []


def test_hostile_titles_do_not_break_the_list(store: Store) -> None:
    for number, title in enumerate(HOSTILE_TITLES.values()):
        record(store, a_piece(number, title=title))
    page = store.browsing.coverage(Coverage(TOPICS, Level.PRIMARY), 100)
    assert {piece.title for piece in page.articles} == set(HOSTILE_TITLES.values())


def test_pages_follow_each_other_without_a_gap(store: Store) -> None:
    for number in range(7):
        record(store, a_piece(number, published_at=NOW - timedelta(days=number // 3)))
    wanted, seen, behind = Coverage(TOPICS, Level.PRIMARY), [], None
    while True:
        page = store.browsing.coverage(wanted, 3, behind=behind)
        seen += [piece.url for piece in page.articles]
        if not page.has_more:
            break
        behind = page.articles[-1].article_id
    assert len(seen) == len(set(seen)) == 7


def test_days_are_those_of_publication_as_far_as_it_can_be_believed(store: Store) -> None:
    record(store, a_piece(1, published_at=NOW - timedelta(days=2)))
    record(store, a_piece(2, published_at=None))
    record(store, a_piece(3, published_at=NOW + timedelta(days=5)))
    record(store, a_piece(4, published_at=NOW - timedelta(days=40)))
    since = NOW - timedelta(days=28)
    assert store.browsing.pieces_per_day("sample", since) == {"2026-11-22": 1, "2026-11-24": 2}


def test_a_piece_is_found_by_its_id_and_by_that_of_any_version(store: Store) -> None:
    piece = record(store, a_piece(1))
    for identity in (piece.article_id, piece.record_id):
        assert store.browsing.article_of(identity) == piece.article_id
    assert store.browsing.article_of("nobody") is None


def test_copies_are_found_by_the_piece_that_was_first(store: Store) -> None:
    first = record(store, a_piece(1))
    later, copy = (
        record(store, a_piece(number, duplicate_of=first.article_id, first_seen_at=seen_at))
        for number, seen_at in ((2, NOW + timedelta(hours=1)), (3, NOW))
    )
    assert store.browsing.copies([first.article_id, copy.article_id]) == {
        first.article_id: [
            Copy(each.article_id, "sample", each.url, each.first_seen_at or NOW)
            for each in (copy, later)
        ]
    }
