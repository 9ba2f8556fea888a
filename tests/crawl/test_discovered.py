"""What follows from the dates on a page of a source."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rscrawler.sites import Source, SourceKind
from rscrawler.spiders.discovered import DiscoveredLinks
from rscrawler.spiders.news import state_after
from rscrawler.spiders.outcomes import RequestedSource
from rscrawler.store.discovery import Address, AddressState, SourceState
from tests.core.test_decisions import KNOWN

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADDRESS = Address("a.example/about", "https://a.example/about", NOW, state=AddressState.REJECTED)


@pytest.mark.parametrize(
    ("articles", "rejected", "changed", "retried"),
    [
        ((30, 30), (0, 40), 0, 0),  # articles dated now, other pages without a date
        ((0, 30), (25, 25), 0, 25),  # most were not dated anew
        ((5, 10), (25, 25), 5, 0),
        ((5, 100), (10, 25), 5, 10),
    ],
)
def test_dates_that_mean_nothing_are_told_by_their_number(
    articles: tuple[int, int], rejected: tuple[int, int], changed: int, retried: int
) -> None:
    found = DiscoveredLinks(
        cast("Any", None),
        Source(kind=SourceKind.SITEMAP, path="/sitemap.xml"),
        SourceState("https://a.example/sitemap.xml"),
        NOW,
        articles=articles[1],
        rejected=rejected[1],
    )
    for number in range(articles[0]):
        found.dated_later[replace(KNOWN, article_id=f"{number}")] = NOW
    for number in range(rejected[0]):
        found.rejected_later.append((ADDRESS, replace(ADDRESS, key=f"{number}", dated_at=NOW)))
    assert (len(found.revisits), len(found.retried)) == (changed, retried)
    states = {each.state for each in found.to_store}
    assert states <= {AddressState.PENDING if retried else AddressState.REJECTED}


def test_the_end_of_a_walk_is_an_end_though_its_last_page_was_not_there() -> None:
    source = Source(kind=SourceKind.SECTION, path="/news/")
    before = SourceState("https://a.example/news/", etag='"1"', pagination_cursor=3, failures=2)
    session = cast("Any", SimpleNamespace(truncated={}))
    after = state_after(session, RequestedSource(source, before, 3, is_conditional=False), NOW)
    assert (after.pagination_cursor, after.read_at, after.requested_at) == (None, NOW, NOW)
    assert (after.etag, after.failures, after.kind) == ('"1"', 0, "section")
