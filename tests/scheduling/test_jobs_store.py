"""What the store keeps of jobs, and for how long."""

from __future__ import annotations

from rscrawler.store import Store
from rscrawler.store.jobs import KEPT, Firing
from tests.scheduling.services import MINUTE, NOON

OWNER = "a-machine/17/4711"


def claim(store: Store, minutes: int, now_minutes: int | None = None) -> Firing | None:
    """Claims the run of a minute, and schedules the one of the next."""
    at = NOON + minutes * MINUTE
    now = at if now_minutes is None else NOON + now_minutes * MINUTE
    firing = Firing("job", at, OWNER)
    claimed = store.jobs.claim(firing, next_fire_at=at + MINUTE, now=now)
    return firing if claimed else None


def test_a_job_keeps_its_next_time_until_its_times_change(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    store.jobs.schedule("job", "every 1m", NOON + MINUTE)
    assert store.jobs.states()["job"].next_fire_at == NOON
    store.jobs.schedule("job", "every 2m", NOON + MINUTE)
    assert store.jobs.states()["job"].next_fire_at == NOON + MINUTE


def test_a_run_is_not_claimed_while_another_of_the_job_has_not_ended(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    first = claim(store, 0)
    assert first is not None
    assert claim(store, 1) is None
    assert store.jobs.end(first, outcome="ok", has_failed=False, now=NOON)
    assert claim(store, 1) is not None


def test_a_run_is_not_claimed_once_another_service_has_moved_the_job_on(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    assert store.jobs.move("job", expected=NOON, to=NOON + 5 * MINUTE, now=NOON)
    assert claim(store, 0) is None
    assert store.jobs.states()["job"].next_fire_at == NOON + 5 * MINUTE


def test_a_run_that_was_given_back_is_due_again_and_cannot_be_ended(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    first = claim(store, 0)
    assert first is not None
    assert store.jobs.give_back(first)
    assert not store.jobs.give_back(first)
    assert not store.jobs.end(first, outcome="ok", has_failed=False, now=NOON)
    assert store.jobs.states()["job"].next_fire_at == NOON
    assert claim(store, 0) is not None


def test_failures_are_counted_in_a_row(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    counted = []
    for minute, has_failed in enumerate([True, True, False, True]):
        firing = claim(store, minute)
        assert firing is not None
        store.jobs.end(firing, outcome="…", has_failed=has_failed, now=NOON)
        counted.append(store.jobs.states()["job"].failures)
    assert counted == [1, 2, 0, 1]


def test_a_fire_time_cannot_be_claimed_again_as_long_as_its_run_is_remembered(store: Store) -> None:
    store.jobs.schedule("job", "every 1m", NOON)
    for minute, now_minutes in ((0, 0), (1, 1), (2, KEPT // MINUTE + 1)):
        firing = claim(store, minute, now_minutes)
        assert firing is not None
        store.jobs.end(firing, outcome="ok", has_failed=False, now=NOON)
    store.jobs.schedule("job", "other times", NOON + MINUTE)
    assert claim(store, 1) is None
    store.jobs.schedule("job", "yet other times", NOON)
    assert claim(store, 0) is not None  # its run was forgotten when the last one was claimed
