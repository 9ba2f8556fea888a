"""Versions that wait for one transaction are lost neither to a bad neighbour nor to the disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rscrawler.errors import StoreError
from rscrawler.identity.fingerprints import Fingerprint
from rscrawler.items import Article
from rscrawler.store.articles import Recording, Visit
from rscrawler.store.batch import RecordingBatch

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class FakeArticles:
    """Records what it is given, unless told otherwise."""

    def __init__(self) -> None:
        self.recorded: list[str] = []
        self.calls = 0
        self.is_away = False
        self.refused = ""

    def record(self, *recordings: Recording, waits_for_disk: bool = True) -> None:
        self.calls += 1
        slugs = [each.fingerprint.slug_stem for each in recordings]
        if self.is_away:
            raise StoreError("database is locked")
        if self.refused in slugs:
            raise ValueError(self.refused)
        self.recorded += slugs


def recording(slug: str, at: datetime = NOON) -> Recording:
    return Recording(
        article=Article(site="site", url=f"https://example.org/{slug}/", fetched_at=at),
        fingerprint=Fingerprint(text_digest=slug, body_digest=slug, slug_stem=slug),
        visit=Visit(addresses={f"/{slug}": ""}, page_digest=""),
        run_id="run",
        recorded_at=at,
        channels=(),
    )


def unexpected(error: Exception) -> None:
    raise AssertionError from error


@pytest.fixture
def articles() -> FakeArticles:
    return FakeArticles()


@pytest.fixture
def batch(articles: FakeArticles) -> RecordingBatch:
    return RecordingBatch(articles)  # type: ignore[arg-type]


def test_what_waits_is_recorded_together_once_it_has_waited_long(
    batch: RecordingBatch, articles: FakeArticles
) -> None:
    batch.add(recording("one"), unexpected)
    assert articles.recorded == []
    batch.add(recording("two", NOON + timedelta(seconds=1)), unexpected)
    assert (articles.recorded, articles.calls) == (["one", "two"], 1)


def test_a_version_that_cannot_be_recorded_keeps_no_other_back(
    batch: RecordingBatch, articles: FakeArticles
) -> None:
    articles.refused = "bad"
    refused: list[str] = []
    for slug in ("one", "bad", "two"):
        batch.add(recording(slug), lambda error, slug=slug: refused.append(f"{slug}: {error}"))  # type: ignore[misc]
    batch.flush()
    assert articles.recorded == ["one", "two"]
    assert refused == ["bad: bad"]


def test_a_refusal_that_stops_the_caller_leaves_those_behind_it_waiting(
    batch: RecordingBatch, articles: FakeArticles
) -> None:
    articles.refused = "bad"
    for slug in ("one", "bad", "two"):
        batch.add(recording(slug), unexpected)
    with pytest.raises(AssertionError):
        batch.flush()
    batch.flush()
    assert articles.recorded == ["one", "two"]


def test_while_the_database_is_away_all_go_on_waiting_and_are_tried_once(
    batch: RecordingBatch, articles: FakeArticles
) -> None:
    articles.is_away = True
    for slug in ("one", "two"):
        batch.add(recording(slug), unexpected)
    with pytest.raises(StoreError):
        batch.flush()
    assert articles.calls == 1
    articles.is_away = False
    batch.flush()
    assert articles.recorded == ["one", "two"]


def test_a_page_that_shares_address_or_text_with_what_waits_concerns_it(
    batch: RecordingBatch,
) -> None:
    batch.add(recording("one"), unexpected)
    other = Fingerprint(text_digest="x", body_digest=None, slug_stem="x")
    assert batch.concerns("site", ["/one"], other)
    assert batch.concerns("site", ["/x"], recording("one").fingerprint)
    assert not batch.concerns("site", ["/x"], other)
    in_a_frame = Fingerprint(text_digest="x", body_digest="x", slug_stem="one")
    assert not batch.concerns("site", ["/x"], in_a_frame)
