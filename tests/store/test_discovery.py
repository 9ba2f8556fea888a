"""Sources and addresses: what was shown is never forgotten, whatever comes in between."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rscrawler.sites import SiteProfile
from rscrawler.store import Store
from rscrawler.store.discovery import Address, AddressState, KeptRobots, SourceState

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SITE, FEED = "site", "https://example.org/feed"


def found(slug: str, **fields: Any) -> Address:
    return Address(f"/{slug}", f"https://example.org/{slug}/", NOON, **fields)


def read(store: Store, *addresses: Address, **changes: Any) -> None:
    """Record a page of the feed that shows these addresses, or of another source."""
    path, url = changes.pop("path", "/feed"), changes.pop("url", FEED)
    sitemaps = changes.pop("sitemaps", ())
    known = store.discovery.sources(SITE).get(url, SourceState(url, kind="feed"))
    values = {"etag": '"1"', "read_at": NOON, "requested_at": NOON, "pagination_cursor": None}
    state = replace(known, failures=0, **{**values, **changes})
    store.discovery.record_reading(SITE, path, state, addresses, sitemaps=sitemaps)


def pending(store: Store, now: datetime = NOON, **options: bool) -> list[str]:
    return [address.key for address in store.discovery.due(SITE, now, **options)]


# Sources.


def test_the_state_of_a_source_is_stored_with_its_page(store: Store) -> None:
    read(store, etag='"2"', pagination_cursor=2, read_at=None)
    state = SourceState(FEED, etag='"2"', requested_at=NOON, pagination_cursor=2, kind="feed")
    assert store.discovery.sources(SITE) == {FEED: state}


def test_a_response_ends_the_failures_in_a_row(store: Store) -> None:
    read(store)
    store.discovery.record_source_failure(SITE, FEED, "feed", error="HTTP 503", now=NOON)
    read(store, requested_at=NOON + HOUR)
    state = store.discovery.sources(SITE)[FEED]
    assert (state.failures, state.failed_at, state.last_error) == (0, NOON, "HTTP 503")


def test_failures_count_in_a_row_and_leave_validators_and_walk(store: Store) -> None:
    store.discovery.record_source_failure(SITE, FEED, "feed", error="HTTP 503", now=NOON)
    read(store, pagination_cursor=3)
    for _ in range(2):
        store.discovery.record_source_failure(SITE, FEED, "feed", error="HTTP 503", now=NOON)
    state = store.discovery.sources(SITE)[FEED]
    assert (state.failures, state.etag, state.pagination_cursor) == (2, '"1"', 3)


def test_a_source_of_another_site_is_another(store: Store) -> None:
    read(store)
    assert store.discovery.sources("other") == {}


def test_a_sitemap_that_an_index_names_stays_unread_until_it_is_read(store: Store) -> None:
    child = "https://example.org/s1.xml"
    read(store, kind="sitemap", sitemaps=(SourceState(child, dated_at=NOON),))
    state = store.discovery.sources(SITE)[child]
    assert (state.pagination_cursor, state.dated_at) == (1, NOON)
    read(store, url=child, kind="sitemap")
    state = store.discovery.sources(SITE)[child]
    assert (state.pagination_cursor, state.read_at) == (None, NOON)
    read(store, kind="sitemap", sitemaps=(SourceState(child, dated_at=NOON + HOUR),))
    state = store.discovery.sources(SITE)[child]
    assert (state.pagination_cursor, state.dated_at, state.etag) == (1, NOON + HOUR, '"1"')


def test_the_date_that_an_index_gave_a_sitemap_meanwhile_stays(store: Store) -> None:
    loaded = SourceState("https://example.org/s1.xml", dated_at=NOON, kind="sitemap")
    read(store, kind="sitemap", sitemaps=(replace(loaded, dated_at=NOON + HOUR),))
    store.discovery.record_reading(SITE, "/sitemap.xml", loaded)
    assert store.discovery.sources(SITE)[loaded.url].dated_at == NOON + HOUR


# Addresses.


def test_an_address_is_pending_from_its_first_sight_until_its_page_is_read(store: Store) -> None:
    read(store, found("b"), found("a"))
    read(store, found("a"), found("c"), read_at=NOON + HOUR)
    assert pending(store) == ["/a", "/b", "/c"]
    known = store.discovery.addresses(SITE, ["/a", "/x"])
    assert list(known) == ["/a"]
    assert known["/a"].seen_at == NOON


def test_an_attempt_puts_an_address_off(store: Store) -> None:
    read(store, found("a"))
    store.discovery.record_attempt(SITE, "/a", NOON + HOUR)
    assert pending(store) == []
    (address,) = store.discovery.due(SITE, NOON + HOUR)
    assert address.attempts == 1


def test_a_time_that_a_clock_ahead_stored_puts_no_address_off(store: Store) -> None:
    ahead = NOON + timedelta(days=400)
    read(store, found("a"))
    store.discovery.record_attempt(SITE, "/a", ahead)
    store.discovery.record_rejected(SITE, "/b", "https://example.org/b/", NOON, ahead)
    store.discovery.record_rejected(SITE, "/c", "https://example.org/c/", NOON, None)
    assert pending(store) == ["/a", "/b"]


def test_a_page_that_is_no_article_is_not_pending_until_it_is_wanted_again(store: Store) -> None:
    read(store, found("a"))
    store.discovery.record_rejected(SITE, "/a", "https://example.org/a/", NOON, None)
    read(store, found("a", state=AddressState.REJECTED))
    assert pending(store, with_skipped=True) == []
    read(store, found("a"))
    assert pending(store) == ["/a"]
    store.discovery.record_rejected(SITE, "/new", "https://example.org/new/", NOON, None)
    state = store.discovery.addresses(SITE, ["/new"])["/new"].state
    assert state is AddressState.REJECTED


def test_an_address_that_leads_to_an_article_meanwhile_is_not_pending_again(store: Store) -> None:
    read(store, found("a", state=AddressState.KNOWN), found("b"))
    for key in ("/a", "/b"):
        store.discovery.record_attempt(SITE, key, NOON)
    assert pending(store) == ["/b"]
    assert store.discovery.addresses(SITE, ["/a"])["/a"].state is AddressState.KNOWN


def test_other_rules_forget_validators_and_make_what_was_no_article_pending(store: Store) -> None:
    store.health.record_start("run", SITE, NOON)
    read(store, found("a"), found("b"), etag='"1"')
    first = SiteProfile(base_url="https://example.org")
    other = SiteProfile(base_url="https://example.org", hosts=["example.com"])
    for rules, etag, waiting in (
        (first, '"1"', ["/b"]),
        (first, '"1"', ["/b"]),
        (other, None, ["/a", "/b"]),
    ):
        store.discovery.record_rejected(SITE, "/a", "https://example.org/a/", NOON, None)
        store.discovery.adopt_rules(SITE, rules)
        assert store.discovery.sources(SITE)[FEED].etag == etag
        assert pending(store) == waiting
    assert store.health.site(SITE).rules_digest == other.rules_digest


def test_an_archive_is_passed_over_until_a_listing_shows_it(store: Store) -> None:
    passed = AddressState.SKIPPED
    read(store, found("a", state=passed), found("b", state=passed))
    assert pending(store) == []
    assert pending(store, with_skipped=True) == ["/a", "/b"]
    read(store, found("a", state=passed))
    assert pending(store) == []
    read(store, found("b"))
    assert pending(store) == ["/b"]


def test_the_latest_of_an_archive_are_those_with_the_last_dates(store: Store) -> None:
    passed = AddressState.SKIPPED
    dates = {"a": None, "b": NOON - HOUR, "c": NOON, "d": NOON - 2 * HOUR}
    read(store, *(found(slug, dated_at=at, state=passed) for slug, at in dates.items()), found("e"))
    latest = store.discovery.latest_skipped(SITE, 3)
    assert [each.key for each in latest] == ["/c", "/b", "/d"]


def test_an_address_never_falls_back_to_passed(store: Store) -> None:
    read(store, found("a"))
    read(store, found("a", state=AddressState.SKIPPED))
    assert pending(store) == ["/a"]


def test_an_address_knows_the_sources_that_showed_it_each_once(store: Store) -> None:
    for path in ("/feed", "/europe/", "/feed", "/euro", "/europe/"):
        read(store, found("a"), path=path)
    known = store.discovery.addresses(SITE, ["/a", "/x"])
    assert {key: each.seen_in for key, each in known.items()} == {
        "/a": ("/feed", "/europe/", "/euro")
    }


def test_dates_only_grow_and_the_first_publication_stays(store: Store) -> None:
    for hours, day in ((1, 1), (3, 2), (2, 3)):
        dated_at, published_hint = NOON + hours * HOUR, NOON.replace(day=day)
        read(store, found("a", dated_at=dated_at, published_hint=published_hint))
    read(store, found("a"))
    address = store.discovery.addresses(SITE, ["/a"])["/a"]
    assert address.dated_at == NOON + 3 * HOUR
    assert address.published_hint == NOON.replace(day=1)


def test_more_addresses_than_a_statement_takes_are_looked_up_and_written(store: Store) -> None:
    many = [found(f"slug-{number}") for number in range(1_100)]
    read(store, *many)
    assert len(store.discovery.addresses(SITE, [each.key for each in many])) == len(many)


# robots.txt.


def test_the_last_robots_txt_of_a_host_is_kept_with_its_validators(store: Store) -> None:
    second = KeptRobots("example.org", b"", NOON, etag='"2"')
    store.discovery.record_robots(KeptRobots("example.org", b"\xff old", NOON - HOUR, etag='"1"'))
    store.discovery.record_robots(second)
    assert store.discovery.robots("example.org") == second
    assert store.discovery.robots("other.org") is None


def test_sources_whose_paths_differ_in_a_sign_or_in_case_are_both_kept(store: Store) -> None:
    paths = ("/tag/war-a/", "/tag/war_a/", "/Tag/War-A/", "/tag/war%/")
    for path in (*paths, *paths):
        read(store, found("a"), path=path)
    (address,) = store.discovery.addresses(SITE, ["/a"]).values()
    assert address.seen_in == paths
