"""Leases keep two processes from doing one thing at once."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from rscrawler.store import Store
from rscrawler.store.leases import (
    LEASE_DURATION,
    SERVICE,
    is_alive,
    process_identity,
)

SAYS_WHO_IT_IS = """
from rscrawler.store.leases import process_identity
print(process_identity())
"""
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ELSEWHERE = "another-machine/17/4711"


def test_a_lease_has_one_holder_until_it_is_released(store: Store) -> None:
    assert store.leases.acquire("site:a", "first/1/1", NOW)
    assert not store.leases.acquire("site:a", ELSEWHERE, NOW)
    assert store.leases.holder("site:a") == "first/1/1"
    store.leases.release("site:a", "first/1/1")
    assert store.leases.acquire("site:a", ELSEWHERE, NOW)


def test_a_lease_that_ran_out_can_be_taken_and_is_then_lost_to_its_old_holder(store: Store) -> None:
    store.leases.acquire("site:a", "first/1/1", NOW)
    later = NOW + LEASE_DURATION + timedelta(seconds=1)
    assert store.leases.acquire("site:a", ELSEWHERE, later)
    assert not store.leases.renew("site:a", "first/1/1", later)
    store.leases.release("site:a", "first/1/1")
    assert store.leases.holder("site:a") == ELSEWHERE


def test_a_dead_process_of_this_machine_loses_its_lease_at_once(store: Store) -> None:
    host, _, _ = process_identity().split("/")
    dead = f"{host}/999999999/1"
    assert not is_alive(dead)
    assert store.leases.acquire("site:a", dead, NOW)
    assert store.leases.acquire("site:a", process_identity(), NOW)


def test_a_process_that_has_ended_holds_no_lease_though_nobody_has_waited_for_it(
    store: Store,
) -> None:
    command = [sys.executable, "-c", SAYS_WHO_IT_IS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        killed = child.stdout.read().strip()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
        assert store.leases.acquire("site:a", killed, NOW)
        assert store.leases.acquire("site:a", process_identity(), NOW)


def test_a_rest_does_not_last_longer_because_the_clock_was_set_back(store: Store) -> None:
    assert store.leases.acquire("host:a", "first/1/1", NOW)
    store.leases.rest("host:a", "first/1/1", NOW + timedelta(seconds=1))
    earlier = NOW - timedelta(hours=5)
    assert store.leases.acquire("host:a", ELSEWHERE, earlier, rest=timedelta(seconds=1))


def test_a_lease_by_a_clock_that_was_ahead_is_free_unless_its_owner_runs_here(store: Store) -> None:
    ahead = NOW + timedelta(days=300)
    assert store.leases.acquire("site:a", ELSEWHERE, ahead)
    assert store.leases.acquire("site:b", process_identity(), ahead)
    assert store.leases.held(NOW) == {"site:b": process_identity()}
    assert store.leases.acquire("site:a", "third-machine/1/1", NOW)
    assert not store.leases.acquire("site:b", "third-machine/1/1", NOW)


def test_this_process_is_alive_and_one_of_another_machine_may_be() -> None:
    assert is_alive(process_identity())
    assert is_alive(ELSEWHERE)


def test_a_living_service_forgets_those_that_died(store: Store) -> None:
    dead_here, silent = f"{process_identity().split('/')[0]}/999999999/1", "third-machine/1/1"
    for owner, at in ((silent, NOW - LEASE_DURATION), (dead_here, NOW), (ELSEWHERE, NOW)):
        store.leases.acquire(f"service:{owner}", owner, at)
    assert [each.owner for each in store.leases.services() if each.is_alive_at(NOW)] == [ELSEWHERE]
    store.leases.forget_dead(SERVICE, NOW)
    assert [(sign.owner, sign.seen_at) for sign in store.leases.services()] == [(ELSEWHERE, NOW)]
