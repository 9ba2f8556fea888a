"""Drift is told from a site's own past: what changed, and not what merely is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rscrawler.monitoring.drift import (
    ARTICLES,
    LISTINGS,
    READINGS_FOR_GOOD,
    Lack,
    as_message,
    find_drift,
    is_deserted,
    is_unlikely,
    source_failure,
)
from rscrawler.monitoring.observation import FIELDS, Observation
from rscrawler.store import Store
from rscrawler.store.discovery import SourceState
from tests.monitoring.pages import BY_METADATA, LOST, USUAL, cycle, usual_past

SELECTORS = {
    "container": [".own article"],
    "body": [".text"],
    "title": ["h1.headline", "h1", "h2"],
    "authors": ["a.author"],
    "published_at": ["time"],
    "sections": ["a.section"],
    "tags": ["a.tag"],
    "image": ["img"],
}
SECTION, FEED = "https://a.example/reporting/", "https://a.example/feed.rss"


def drift(
    now: Observation,
    past: list[Observation] | None = None,
    source_failures: Mapping[str, str] | None = None,
    selectors: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    past = usual_past() if past is None else past
    return find_drift(
        now,
        past,
        past,
        selectors={**SELECTORS, **(selectors or {})},
        source_failures=source_failures or {},
        addresses=[SECTION, FEED],
    )


def test_usual_pages_are_no_drift() -> None:
    assert drift(cycle(3, USUAL)) == {}


def test_a_cycle_that_read_nothing_says_nothing() -> None:
    assert drift(Observation()) == {}


@pytest.mark.parametrize("pages", [1, 2, 5, 40])
def test_new_markup_is_drift_with_its_first_pages(pages: int) -> None:
    message = drift(cycle(pages, LOST))[ARTICLES]
    assert (
        f"container .own article matches no page of {pages}; articles read by fallback" in message
    )
    assert f"body .text matches no page of {pages} (densest region stands in)" in message


def test_new_markup_is_told_after_a_small_first_crawl_too() -> None:
    assert ARTICLES in drift(cycle(1, LOST), [cycle(5, USUAL)])


def test_one_odd_page_among_many_is_no_drift() -> None:
    assert drift(cycle(9, USUAL).plus(cycle(1, LOST))) == {}


def test_a_page_without_an_author_is_no_drift_though_it_is_the_only_one() -> None:
    assert drift(cycle(1, {**USUAL, "authors": ""})) == {}


def test_many_pages_without_an_author_are_drift() -> None:
    message = drift(cycle(4, {**USUAL, "authors": ""}))[ARTICLES]
    assert message == "authors a.author matches no page of 4 (nothing stands in)"


def test_authors_that_cease_are_told_though_each_cycle_reads_one_page_only() -> None:
    past, cycles = usual_past(), 0
    while not (found := drift(cycle(1, {**USUAL, "authors": ""}), past)) and cycles < 10:
        past.insert(0, cycle(1, {**USUAL, "authors": ""}))
        cycles += 1
    assert ARTICLES in found
    assert 1 <= cycles <= 4


def test_a_field_that_only_metadata_still_gives_is_drift_from_the_third_page_on() -> None:
    assert drift(cycle(2, {**USUAL, "authors": BY_METADATA})) == {}
    message = drift(cycle(3, {**USUAL, "authors": BY_METADATA}))[ARTICLES]
    assert message == "authors a.author matches no page of 3 (meta: author stands in)"


def test_a_field_that_metadata_gave_now_and_then_is_no_drift() -> None:
    past = [cycle(1, {**USUAL, "authors": BY_METADATA}), *usual_past()]
    past.append(cycle(3, {**USUAL, "authors": BY_METADATA}))
    assert drift(cycle(1, {**USUAL, "authors": BY_METADATA}), past) == {}


def test_one_author_in_another_place_is_no_drift_where_many_pages_have_none() -> None:
    past = [cycle(3, {**USUAL, "authors": ""}), cycle(20, {**USUAL, "authors": ""}), *usual_past()]
    other = cycle(1, {**USUAL, "authors": "fallback: byline"})
    assert drift(cycle(1, {**USUAL, "authors": ""}).plus(other), past) == {}


def test_the_few_pages_that_have_a_field_are_too_few_to_tell_where_it_comes_from() -> None:
    past = [cycle(30, {**USUAL, "authors": ""}), cycle(1, USUAL)]
    assert drift(cycle(3, {**USUAL, "authors": BY_METADATA}), past) == {}


def test_a_field_that_few_pages_have_may_be_missing() -> None:
    past = [cycle(30, {**USUAL, "image": ""}), cycle(30, USUAL)]
    assert drift(cycle(3, {**USUAL, "image": ""}), past) == {}


def test_a_selector_of_second_choice_is_told_when_it_takes_over() -> None:
    assert drift(cycle(1, {**USUAL, "title": "profile: h2"})) == {}
    message = drift(cycle(3, {**USUAL, "title": "profile: h2"}))[ARTICLES]
    assert message == "title h1 matches no page of 3 (h2 stands in)"


def test_a_mended_profile_is_no_drift() -> None:
    assert drift(cycle(3, {**USUAL, "title": "profile: h1.headline"})) == {}
    past = [cycle(60, {**USUAL, "title": "profile: h1.of-old"})]
    assert drift(cycle(3, {**USUAL, "title": "profile: h2"}), past) == {}


def test_what_was_declared_or_guessed_and_a_selector_finds_now_is_no_drift() -> None:
    now = {**USUAL, "published_at": "profile: time"}
    for before in (
        {"authors": BY_METADATA, "title": "meta: og:title", "image": "meta: og:image"},
        {"container": "fallback: densest region", "body": "densest region"},
        {"published_at": "fallback: address"},
    ):
        assert drift(cycle(8, now), [cycle(60, {**now, **before})]) == {}


@pytest.mark.parametrize("usual", [USUAL["authors"], BY_METADATA])
def test_a_field_whose_selectors_the_profile_no_longer_has_may_be_missing(usual: str) -> None:
    without, past = cycle(8, {**USUAL, "authors": ""}), [cycle(60, {**USUAL, "authors": usual})]
    assert "authors" in drift(without, past)[ARTICLES]
    assert drift(without, past, selectors={"authors": []}) == {}


def test_a_declared_date_is_missed_whether_or_not_the_profile_has_selectors() -> None:
    without = cycle(8, {**USUAL, "published_at": ""})
    assert "published_at" in drift(without, selectors={"published_at": []})[ARTICLES]


def test_a_date_that_metadata_no_longer_gives_is_named_by_its_origin() -> None:
    message = drift(cycle(3, {**USUAL, "published_at": "hint: published_at"}))[ARTICLES]
    assert message.startswith("published_at from meta: article:published_time is on no page of 3")


def test_articles_that_the_feed_no_longer_lists_are_no_drift_though_only_it_dates_them() -> None:
    dated = {**USUAL, "published_at": "hint: published_at"}
    past = [*(cycle(1, dated) for _ in range(6)), cycle(58, dated)]
    for origin in ("", "fallback: text near the headline"):
        catching_up = cycle(10, dated).plus(cycle(39, {**dated, "published_at": origin}))
        assert drift(catching_up, past) == {}


def test_a_feed_that_dates_no_article_any_more_is_drift() -> None:
    past = [cycle(60, {**USUAL, "published_at": "hint: published_at"})]
    message = drift(cycle(20, {**USUAL, "published_at": ""}), past)[ARTICLES]
    assert message == "published_at from hint: published_at is on no page of 20 (nothing stands in)"


def test_articles_in_none_of_the_profiles_sections_are_no_drift_after_a_crawl_of_a_section() -> (
    None
):
    in_section = {**USUAL, "sections": "fallback: links to sections"}
    past = [cycle(40, in_section).plus(cycle(9, {**in_section, "sections": ""}))]
    assert drift(cycle(8, {**in_section, "sections": ""}), past) == {}
    message = drift(cycle(8, {**USUAL, "sections": ""}))[ARTICLES]
    assert message == "sections a.section matches no page of 8 (nothing stands in)"


def test_drift_is_over_with_the_first_page_as_usual() -> None:
    past = [with_drift(cycle(4, LOST)), *usual_past()]
    assert drift(cycle(1, USUAL), past) == {}


def test_drift_stays_through_cycles_that_read_no_page() -> None:
    past = [with_drift(cycle(4, LOST)), *usual_past()]
    assert drift(Observation(links={SECTION: 12.0}), past) == {ARTICLES: "broken"}


def test_what_a_clock_that_was_ahead_saw_is_past_when_it_is_set_back_and_stays_so(
    store: Store,
) -> None:
    noon, hour = datetime(2026, 11, 24, 12, tzinfo=UTC), timedelta(hours=1)
    ahead = [(noon + 5 * hour, "first"), (noon + 6 * hour, "second")]
    for at, seen in [*ahead, (noon, "back")]:
        run_id = f"{at:%Y%m%dT%H%M%S}-0"
        store.health.record_start(run_id, "sample", at)
        if seen == "back":
            assert store.history.observations("sample", noon, 9) == ["second", "first"]
        store.health.record_end(run_id, "sample", at, succeeded=True, counters={}, observation=seen)
    assert store.history.observations("sample", noon + 7 * hour, 1) == ["back"]


def test_drift_never_becomes_the_usual() -> None:
    past = [*(with_drift(cycle(5, LOST)) for _ in range(200)), *usual_past()]
    assert ARTICLES in drift(cycle(1, LOST), past)


def test_a_first_crawl_by_fallback_is_no_drift() -> None:
    assert drift(cycle(20, LOST), []) == {}


def test_pages_that_must_be_articles_and_cannot_be_read_are_drift() -> None:
    found = drift(Observation(unread=2))
    assert found == {ARTICLES: "2 of 2 pages hold no article that can be read"}


def test_one_page_that_is_no_article_any_more_is_no_drift_however_often_it_is_requested() -> None:
    gone = Observation(unread=1)
    assert drift(gone, [*[gone] * 5, *usual_past()]) == {}


def test_texts_far_from_their_usual_length_are_drift_and_one_of_them_is_not() -> None:
    assert drift(cycle(1, USUAL, words=12)) == {}
    message = drift(cycle(3, USUAL, words=12))[ARTICLES]
    assert message == "the text of 3 of 3 pages is far from its usual length"


def test_dates_that_are_not_the_feeds_are_drift() -> None:
    now = Observation(3, misdated=3).plus(Observation(origins=cycle(3, USUAL).origins))
    message = drift(now)[ARTICLES]
    assert message == "published_at of 3 of 3 pages is not the date in the feed"


@pytest.mark.parametrize(
    ("count", "readings", "expected"),
    [
        (0, [12, 12, 11], True),
        (5, [12, 12, 11], True),
        (11, [12, 12], False),
        (6, [12, 30], False),  # half of the fewest
        (0, [2, 3], True),
        (0, [1, 3], False),  # the last article of a tag may go
        (1, [3, 3], False),
        (0, [], False),
    ],
)
def test_a_listing_is_deserted(count: float, readings: list[float], expected: bool) -> None:
    assert is_deserted(count, readings) is expected


def test_a_section_that_leads_nowhere_is_named() -> None:
    past = [Observation(links={SECTION: 12.0, FEED: 30.0}), *usual_past()]
    found = drift(Observation(links={SECTION: 0.0, FEED: 30.0}), past)
    assert found == {SECTION: "/reporting/ leads to 0 articles a page, usually 12"}


def test_a_deserted_section_stays_one_until_it_is_read_again() -> None:
    past = [Observation(links={SECTION: 0.0}, findings={SECTION: "deserted"})]
    past.append(Observation(links={SECTION: 12.0}))
    assert drift(Observation(links={FEED: 30.0}), past) == {SECTION: "deserted"}
    assert SECTION in drift(Observation(links={SECTION: 0.0}), past)
    assert drift(Observation(links={SECTION: 12.0}), past) == {}


@pytest.mark.parametrize(("count", "lasts"), [(5.0, False), (0.0, True)])
def test_a_section_that_has_shrunk_for_good_is_as_usual_after_days_unless_it_is_empty(
    count: float, lasts: bool
) -> None:
    past = [Observation(links={SECTION: 12.0})]
    for _ in range(READINGS_FOR_GOOD):
        found = drift(Observation(links={SECTION: count}), past)
        assert SECTION in found
        past.insert(0, Observation(links={SECTION: count}, findings=found))
    found = drift(Observation(links={SECTION: count}), past)
    assert (SECTION in found) is lasts


def test_a_source_that_left_the_profile_is_forgotten() -> None:
    gone = "https://a.example/gone/"
    past = [Observation(links={gone: 0.0}, findings={gone: "deserted"})]
    assert drift(Observation(links={SECTION: 12.0}), past) == {}


def test_sources_that_never_led_to_an_article_are_told_together() -> None:
    found = drift(Observation(links={SECTION: 0.0, FEED: 0.0}), [])
    assert found == {LISTINGS: "no source leads to an article, of 2 that could be read"}


def test_a_source_that_cannot_be_read_is_told_each_time_and_only_as_long() -> None:
    found = drift(Observation(), [], {FEED: "no feed"})
    assert list(found.values()) == ["no feed"]
    assert drift(Observation(), [Observation(findings=found)]) == {}


def trouble(*, failures: int, is_answered: bool, was_read: bool) -> str | None:
    read_at = datetime(2026, 1, 1, tzinfo=UTC) if was_read else None
    state = SourceState(FEED, read_at=read_at, failures=failures, last_error="HTTP 503")
    return source_failure(state, kind="feed", is_answered=is_answered)


def test_a_source_is_in_trouble_when_it_is_no_longer_what_it_was() -> None:
    assert trouble(failures=1, is_answered=True, was_read=True) == (
        "/feed.rss no longer answers with a feed: HTTP 503"
    )
    assert trouble(failures=1, is_answered=True, was_read=False) is None


def test_a_source_is_in_trouble_when_it_fails_for_long_and_not_before() -> None:
    assert trouble(failures=2, is_answered=False, was_read=True) is None
    assert trouble(failures=3, is_answered=False, was_read=True) == (
        "/feed.rss could not be read in 3 cycles: HTTP 503"
    )


def test_chance_explains_a_lack_that_is_as_usual() -> None:
    assert not is_unlikely(Lack(1, 1), Lack(0, 60))
    assert is_unlikely(Lack(2, 2), Lack(0, 60))
    assert not is_unlikely(Lack(5, 10), Lack(30, 60))
    assert is_unlikely(Lack(10, 10), Lack(3, 60))


def test_a_long_list_of_findings_is_cut_and_begins_with_the_articles() -> None:
    findings = {f"https://a.example/{number}/": f"{number}" for number in range(9)}
    words = as_message({**findings, ARTICLES: "container"})
    assert words == "container; 0; 1; 2; 3; and 5 more"


def test_what_was_observed_is_stored_whole() -> None:
    seen = cycle(3, LOST).plus(Observation(unread=1, misdated=1))
    assert Observation.from_json(seen.to_json()) == seen
    assert set(seen.origins) == set(FIELDS)


def with_drift(seen: Observation) -> Observation:
    return replace(seen, findings={ARTICLES: "broken"})


@pytest.mark.parametrize("pages", [1, 2])
def test_a_video_or_photo_essay_without_a_text_is_no_drift(pages: int) -> None:
    textless = {**USUAL, "body": "profile: .text, empty"}
    assert drift(cycle(pages, textless, words=0)) == {}


def test_texts_that_are_gone_from_their_element_are_drift() -> None:
    textless = {**USUAL, "body": "profile: .text, empty"}
    message = drift(cycle(3, textless, words=0))[ARTICLES]
    assert "body .text matches no page of 3 (nothing stands in)" in message
