"""The next visit of an adaptive job, from what the store knows of its sites."""

from __future__ import annotations

from datetime import datetime

from rscrawler.decisions import asked_pause
from rscrawler.scheduling.adaptive import Adaptive, NextVisit, VisitState
from rscrawler.scheduling.rates import MEMORY, PublicationHistory
from rscrawler.scheduling.triggers import AdaptiveTrigger
from rscrawler.store import Store


def plan_visit(
    store: Store, sites: tuple[str, ...], limits: Adaptive, failures: int, now: datetime
) -> NextVisit:
    """The earliest next visit that any of the sites calls for, after one that ended at `now`.

    `failures` counts the job's failed runs in a row.
    """
    sources = [_source(store, site, failures, now) for site in sites]
    return AdaptiveTrigger(limits, sources).next_visit(now)


def paused_until(store: Store, sites: tuple[str, ...], now: datetime) -> datetime:
    """When the first of the sites may be visited again; not after `now` if one asks no pause."""
    return min(asked_pause(store.health.site(site).not_before, now) or now for site in sites)


def _source(
    store: Store, site: str, failures: int, now: datetime
) -> tuple[PublicationHistory, VisitState]:
    state = store.health.site(site)
    history = PublicationHistory.of(
        store.history.publications(site, now - MEMORY), since=state.baseline_at or now
    )
    return history, VisitState(failures, retry_after=state.not_before)
