"""The past of a site, as the schedules and the health checks use it."""

from datetime import UTC, datetime, timedelta

import pytest

from rscrawler.items import Novelty
from rscrawler.store import Store
from tests.store.test_articles import SITE, article, record

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def crawl(store: Store, at: datetime, *, succeeded: bool = True) -> None:
    store.health.record_start(f"{at:%d%H%M}", SITE, at)
    store.health.record_end(f"{at:%d%H%M}", SITE, at + MINUTE, succeeded=succeeded, counters={})


def moments(store: Store, published: datetime | None, novelty: Novelty = Novelty.NEW) -> object:
    """When an article first seen at noon counts as published; cycles began every hour."""
    for hours in range(-3, 0):
        crawl(store, NOON + hours * HOUR)
    store.health.record_start("noon", SITE, NOON - MINUTE)
    record(store, article(published_at=published, novelty=novelty))
    return store.history.publications(SITE, NOON - 7 * DAY)


@pytest.mark.parametrize("ago", [timedelta(0), 30 * MINUTE])
def test_an_article_counts_by_its_date_if_no_cycle_could_see_it_before(
    store: Store, ago: timedelta
) -> None:
    assert moments(store, NOON - ago) == [NOON - ago]


@pytest.mark.parametrize("ahead", [5 * HOUR, -2 * HOUR, -DAY])  # local time; late listing; a day
def test_an_article_counts_from_first_sight_if_its_date_is_wrong(
    store: Store, ahead: timedelta
) -> None:
    assert moments(store, NOON + ahead) == [NOON]


@pytest.mark.parametrize("novelty", [Novelty.BASELINE, Novelty.BACKFILL])
def test_what_was_old_when_it_was_first_seen_counts_by_its_date(
    store: Store, novelty: Novelty
) -> None:
    assert moments(store, NOON - DAY, novelty) == [NOON - DAY]


def test_a_failed_cycle_says_nothing_about_a_date(store: Store) -> None:
    crawl(store, NOON - HOUR, succeeded=False)
    record(store, article(published_at=NOON - 2 * HOUR, novelty=Novelty.NEW))

    assert store.history.publications(SITE, NOON - DAY) == [NOON - 2 * HOUR]


def test_a_site_has_published_in_a_span_if_an_article_was_published_and_seen_in_it(
    store: Store,
) -> None:
    record(store, article(published_at=NOON - HOUR))  # seen at noon
    has_published = store.history.has_published
    assert has_published(SITE, NOON - DAY, NOON)
    assert not has_published(SITE, NOON - DAY, NOON - MINUTE)
    assert not has_published(SITE, NOON, NOON + DAY)


def test_an_article_dated_after_first_sight_does_not_show_that_a_site_has_published(
    store: Store,
) -> None:
    record(store, article(published_at=NOON + HOUR))
    assert not store.history.has_published(SITE, NOON - DAY, NOON + DAY)
