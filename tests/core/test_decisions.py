"""What should happen, decided over plain values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rscrawler import decisions
from rscrawler.decisions import KnownArticle
from rscrawler.items import Article, Event, Extraction, Level, Novelty, TopicFlag

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGES = [HOUR, 6 * HOUR, DAY, 7 * DAY]
MOMENTS = st.integers(0, 4_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))
SPANS = st.timedeltas(timedelta(seconds=1), timedelta(days=400))

KNOWN = KnownArticle(
    article_id="a" * 16,
    url="https://example.org/slug/",
    version=3,
    novelty=Novelty.NEW,
    first_seen_at=NOON - DAY,
    fetched_at=NOON - HOUR,
    text_digest="0" * 32,
    page_digest="1" * 32,
)


def article(**fields: object) -> Article:
    values: dict[str, object] = {
        "site": "site",
        "url": "https://example.org/slug/",
        "fetched_at": NOON,
        "title": "Kazakhstan's “multi-vector” policy",
        "subtitle": "A balance – for now…",
        "body": "First paragraph, it's short.\n\nSecond — and last — one.",
    }
    return Article(**{**values, **fields})  # type: ignore[arg-type]


# Event and novelty.


def test_a_page_of_nothing_known_is_new_and_a_known_text_is_unchanged() -> None:
    assert decisions.event_of(None, "0" * 32) is Event.NEW
    assert decisions.event_of(KNOWN, KNOWN.text_digest) is None
    assert decisions.event_of(KNOWN, "f" * 32) is Event.UPDATED


@pytest.mark.parametrize(
    ("before", "after", "body", "is_degraded"),
    [
        ("profile", "profile", "Another text.", False),
        ("fallback", "profile", "Another text.", False),
        ("structured", "fallback", "Another text.", False),
        ("profile", "fallback", "Another text.", True),
        ("fallback", "structured", "Another text.", True),
        ("profile", "profile", "", True),
    ],
)
def test_what_a_poorer_reading_makes_of_a_text_is_no_edit(
    before: str, after: str, body: str, is_degraded: bool
) -> None:
    stored = article(extraction=Extraction(before))
    read = article(extraction=Extraction(after), body=body)
    assert decisions.is_mere_degradation(stored, read) is is_degraded


def test_an_article_that_comes_back_is_an_update_though_its_text_is_the_old_one() -> None:
    removed = replace(KNOWN, removed_at=NOON)
    assert decisions.event_of(removed, KNOWN.text_digest) is Event.UPDATED


def test_a_record_that_does_not_say_where_its_date_is_from_proves_no_sign_of_its_page() -> None:
    old = article(published_at=NOON, authors=["Ann Lee"], extraction=Extraction("structured"))
    assert decisions.reading_hints(old, None) == (NOON, False)


@pytest.mark.parametrize(
    ("known", "age", "digest", "expected"),
    [
        (KNOWN, 2 * HOUR, KNOWN.page_digest, False),
        (KNOWN, 2 * HOUR, "2" * 32, True),
        (KNOWN, timedelta(minutes=30), "2" * 32, False),
        (replace(KNOWN, removed_at=NOON), HOUR, KNOWN.page_digest, True),
        (replace(KNOWN, removed_at=NOON), -HOUR, KNOWN.page_digest, False),
    ],
)
def test_an_archived_page_is_overtaken_by_a_later_visit_that_saw_something_else(
    known: KnownArticle, age: timedelta, digest: str, expected: bool
) -> None:
    assert decisions.is_overtaken(known, NOON - age, digest) is expected


@pytest.mark.parametrize(
    ("age", "in_baseline", "expected"),
    [
        (timedelta(days=1), False, Novelty.NEW),
        (timedelta(days=14), False, Novelty.NEW),
        (timedelta(days=14, seconds=1), False, Novelty.BACKFILL),
        (timedelta(days=-3), False, Novelty.NEW),  # dated in the future by a slip
        (None, False, Novelty.NEW),
        (timedelta(days=1), True, Novelty.BASELINE),
        (timedelta(days=400), True, Novelty.BASELINE),
        (None, True, Novelty.BASELINE),
    ],
)
def test_novelty_goes_by_age_at_first_sight_and_by_the_baseline(
    age: timedelta | None, in_baseline: bool, expected: Novelty
) -> None:
    published_at = None if age is None else NOON - age
    found = decisions.novelty_of(published_at, NOON, timedelta(days=14), in_baseline=in_baseline)
    assert found is expected


# Alerts.


def flagged(level: Level, topic: str = "central-asia") -> TopicFlag:
    return TopicFlag(topic, level, 0.9)


def to_alert(version: Article, **changes: object) -> list[str]:
    values: dict[str, object] = {
        "levels_before": {},
        "already_alerted": (),
        "topics": ["central-asia", "pipelines"],
        "minimum": Level.SUBSTANTIAL,
    }
    found = decisions.topics_to_alert(version, **{**values, **changes})  # type: ignore[arg-type]
    return [flag.topic for flag in found]


@pytest.mark.parametrize("level", list(Level))
def test_a_new_article_alerts_from_the_minimum_on(level: Level) -> None:
    expected = ["central-asia"] if level in (Level.SUBSTANTIAL, Level.PRIMARY) else []
    assert to_alert(article(topics=[flagged(level)])) == expected


@pytest.mark.parametrize("novelty", [Novelty.BASELINE, Novelty.BACKFILL])
def test_what_is_no_news_when_first_seen_never_alerts(novelty: Novelty) -> None:
    assert to_alert(article(novelty=novelty, topics=[flagged(Level.PRIMARY)])) == []


@pytest.mark.parametrize("novelty", list(Novelty))
def test_an_update_alerts_when_its_level_rises_to_the_minimum(novelty: Novelty) -> None:
    version = article(event=Event.UPDATED, novelty=novelty, topics=[flagged(Level.SUBSTANTIAL)])
    assert to_alert(version, levels_before={"central-asia": Level.MENTION}) == ["central-asia"]
    assert to_alert(version, levels_before={}) == ["central-asia"]


def test_an_update_whose_level_only_rises_above_the_minimum_tells_nothing_new() -> None:
    version = article(event=Event.UPDATED, topics=[flagged(Level.PRIMARY)])
    assert to_alert(version, levels_before={"central-asia": Level.SUBSTANTIAL}) == []


def test_a_changed_watch_list_alone_never_alerts() -> None:
    # The text before, judged by the present list, had this level already.
    version = article(event=Event.UPDATED, topics=[flagged(Level.PRIMARY)])
    assert to_alert(version, levels_before={"central-asia": Level.PRIMARY}) == []


def test_nobody_is_told_of_a_removal_or_twice_on_one_topic() -> None:
    flags = [flagged(Level.PRIMARY), flagged(Level.PRIMARY, "pipelines")]
    assert to_alert(article(topics=flags, event=Event.REMOVED)) == []
    assert to_alert(article(topics=flags), already_alerted=["central-asia"]) == ["pipelines"]


def test_a_duplicate_alerts_only_where_it_says_more_than_what_it_repeats() -> None:
    kazakh = replace(flagged(Level.PRIMARY), countries=("KZ",))
    version = article(topics=[kazakh], duplicate_of="b" * 16)
    assert to_alert(version, repeated=[kazakh]) == []
    assert to_alert(version, repeated=[replace(kazakh, countries=("UZ", "KZ"))]) == []
    assert to_alert(version, repeated=[replace(kazakh, countries=("UZ",))]) == ["central-asia"]
    assert to_alert(version, repeated=[replace(kazakh, level=Level.MENTION)]) == ["central-asia"]
    assert to_alert(version) == ["central-asia"]
    assert decisions.is_folded(version, [kazakh])
    assert not decisions.is_folded(version, [])
    assert not decisions.is_folded(replace(version, duplicate_of=None), [kazakh])


@pytest.mark.parametrize("novelty", list(Novelty))
def test_a_copy_that_becomes_another_article_alerts_if_it_was_news(novelty: Novelty) -> None:
    flags = [flagged(Level.PRIMARY), flagged(Level.PRIMARY, "pipelines")]
    version = article(event=Event.UPDATED, novelty=novelty, topics=flags)
    levels = {"central-asia": Level.PRIMARY, "pipelines": Level.PRIMARY}
    found = to_alert(version, levels_before=levels, already_alerted=["pipelines"], was_copy=True)
    assert found == (["central-asia"] if novelty is Novelty.NEW else [])


def test_a_topic_that_is_not_among_those_to_alert_on_is_silent() -> None:
    assert to_alert(article(topics=[flagged(Level.PRIMARY, "sports")])) == []


@given(st.data())
def test_an_alert_is_always_of_a_wanted_topic_at_the_minimum_and_not_told_before(
    data: st.DataObject,
) -> None:
    names = ["central-asia", "pipelines", "sports"]
    levels = st.dictionaries(st.sampled_from(names), st.sampled_from(list(Level)))
    now, before = data.draw(levels), data.draw(levels)
    alerted = data.draw(st.sets(st.sampled_from(names)))
    minimum = data.draw(st.sampled_from([Level.MENTION, Level.SUBSTANTIAL, Level.PRIMARY]))
    version = article(
        event=data.draw(st.sampled_from([Event.NEW, Event.UPDATED])),
        topics=[flagged(level, topic) for topic, level in now.items()],
    )
    alerts = to_alert(version, levels_before=before, already_alerted=alerted, minimum=minimum)
    expected = {
        topic
        for topic, level in now.items()
        if topic != "sports"
        and topic not in alerted
        and level.reaches(minimum)
        and not before.get(topic, Level.NONE).reaches(minimum)
    }
    assert set(alerts) == expected
    assert len(alerts) == len(expected)


# Times.


def test_the_ageing_schedule_counts_from_first_sight() -> None:
    seen = NOON
    assert decisions.next_check(seen, seen, AGES) == seen + HOUR
    assert decisions.next_check(seen, seen + HOUR, AGES) == seen + 6 * HOUR
    assert decisions.next_check(seen, seen + 2 * DAY, AGES) == seen + 7 * DAY
    assert decisions.next_check(seen, seen + 7 * DAY, AGES) is None
    assert decisions.next_check(seen, seen, []) is None
    assert decisions.next_check(seen, seen, AGES[::-1]) == seen + HOUR
    edited = seen + 30 * DAY
    assert decisions.next_check(seen, edited, AGES, edited) == edited + HOUR
    assert decisions.next_check(seen, edited + 2 * HOUR, AGES) is None


@given(MOMENTS, SPANS, st.lists(SPANS, max_size=6))
def test_the_next_check_is_the_first_age_still_to_come(
    seen: datetime, since: timedelta, ages: list[timedelta]
) -> None:
    now = seen + since
    found = decisions.next_check(seen, now, ages)
    to_come = [seen + age for age in ages if seen + age > now]
    assert found == (min(to_come) if to_come else None)


def test_a_date_counts_against_the_last_one_of_its_kind_and_failing_that_against_others() -> None:
    edited = replace(KNOWN, modified_at=NOON + DAY, published_at=NOON + DAY)
    assert decisions.is_dated_later(edited, NOON + HOUR, NOON)
    assert not decisions.is_dated_later(edited, NOON, NOON)
    modified = replace(KNOWN, modified_at=NOON, published_at=NOON - DAY)
    assert not decisions.is_dated_later(modified, NOON - HOUR, None)
    published = replace(KNOWN, published_at=NOON)
    assert decisions.is_dated_later(published, NOON + HOUR, None)
    assert decisions.is_dated_later(KNOWN, NOON, None)
    assert not decisions.is_dated_later(KNOWN, KNOWN.fetched_at, None)
    assert not decisions.is_dated_later(KNOWN, None, NOON)


def test_an_article_is_removed_at_the_second_check_an_hour_or_more_after_the_first() -> None:
    assert decisions.after_gone(KNOWN, NOON, HOUR) == (False, NOON, NOON + HOUR)
    assert decisions.after_gone(KNOWN, NOON, timedelta()) == (False, NOON, NOON)
    gone = replace(KNOWN, gone_at=NOON)
    early = decisions.after_gone(gone, NOON + HOUR - timedelta(seconds=1), HOUR)
    assert early == (False, NOON, NOON + HOUR)
    assert decisions.after_gone(gone, NOON + HOUR, HOUR) == (True, NOON, None)
    removed = replace(gone, removed_at=NOON + HOUR)
    assert decisions.after_gone(removed, NOON + DAY, HOUR) == (False, NOON, None)


@given(MOMENTS, st.lists(st.timedeltas(timedelta(minutes=1), timedelta(hours=3)), max_size=12))
def test_no_order_of_checks_removes_an_article_sooner_than_an_hour_after_it_went(
    start: datetime, waits: list[timedelta]
) -> None:
    known, now, went = KNOWN, start, None
    for wait in waits:
        is_removed, gone_at, _ = decisions.after_gone(known, now, HOUR)
        went = went or now
        assert gone_at == went
        if is_removed:
            assert now - went >= HOUR
            return
        known = replace(known, gone_at=gone_at)
        now += wait


@given(st.integers(min_value=0, max_value=10_000))
def test_an_attempt_waits_longer_than_the_one_before_and_never_past_six_hours(
    attempts: int,
) -> None:
    wait = decisions.retry_at(attempts, NOON) - NOON
    assert (timedelta() if attempts <= 1 else timedelta(minutes=1)) <= wait <= timedelta(hours=6)
    assert decisions.retry_at(attempts + 1, NOON) - NOON >= wait


# Walks.


def follows_pagination(**changes: object) -> bool:
    values: dict[str, object] = {
        "page": 1,
        "max_pages": 2,
        "must_reach": 0,
        "is_first_run": False,
        "is_full": False,
        "has_links": True,
        "has_news": False,
    }
    return decisions.follows_pagination(**{**values, **changes})  # type: ignore[arg-type]


def test_a_first_run_goes_to_max_pages_whatever_it_meets() -> None:
    assert follows_pagination(is_first_run=True, has_news=True)
    assert not follows_pagination(is_first_run=True, has_news=True, page=2)


def test_a_later_run_goes_on_while_a_page_shows_something_unknown() -> None:
    assert follows_pagination(has_news=True, page=40)
    assert not follows_pagination(has_news=False)
    # The archive of a site that was not paged before.
    assert not follows_pagination(has_news=True, page=50)


def test_a_full_run_goes_on_while_there_is_anything() -> None:
    assert follows_pagination(is_full=True, page=400)
    assert not follows_pagination(is_full=True, has_links=False)


def test_an_unfinished_walk_goes_on_to_where_it_was() -> None:
    assert follows_pagination(must_reach=3, page=2, has_links=False)
    assert not follows_pagination(must_reach=3, page=3)


def test_not_modified_is_trusted_for_a_day() -> None:
    assert not decisions.trusts_not_modified(None, NOON)
    assert decisions.trusts_not_modified(NOON - DAY + HOUR, NOON)
    assert not decisions.trusts_not_modified(NOON - DAY, NOON)
    for ahead in (HOUR, 30 * DAY):
        assert not decisions.trusts_not_modified(NOON + ahead, NOON)  # by a clock that was ahead


def test_a_page_that_a_clock_ahead_found_is_requested_again_within_a_week() -> None:
    found_at = NOON + 400 * DAY
    check_at = decisions.next_check_of_rejected(found_at, NOON, was_out_of_reach=False)
    assert check_at == NOON + 7 * DAY


def test_a_page_out_of_reach_is_asked_for_at_once_and_then_less_and_less_often() -> None:
    def wait(due_for: timedelta, unreached_for: timedelta) -> timedelta:
        page = replace(KNOWN, next_check_at=NOON - due_for, fetched_at=NOON - unreached_for)
        return decisions.recheck_at(page, NOON) - NOON

    assert wait(timedelta(minutes=5), timedelta(days=3)) == -timedelta(minutes=5)  # as it was
    assert wait(timedelta(minutes=15), timedelta(minutes=90)) == timedelta(minutes=90)
    assert wait(timedelta(hours=2), timedelta(days=9)) == timedelta(days=1)
    assert decisions.recheck_at(replace(KNOWN, next_check_at=None), NOON) == NOON


def test_a_day_is_over_twelve_hours_later_than_in_utc() -> None:
    day = NOON - timedelta(hours=12)
    assert decisions.was_read_too_soon(day, day + DAY + 11 * HOUR)
    assert not decisions.was_read_too_soon(day, day + DAY + 12 * HOUR)


def test_a_source_that_dates_all_it_has_later_says_nothing_of_any_article() -> None:
    assert decisions.are_rewritten(changed=40, known=50)
    assert not decisions.are_rewritten(changed=15, known=15)
    assert not decisions.are_rewritten(changed=40, known=400)
