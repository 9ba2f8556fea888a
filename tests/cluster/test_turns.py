"""One crawl of a host at a time, and its delay is kept from one crawl to the next."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from itertools import pairwise

from rscrawler.config import Config
from rscrawler.sites import SiteProfile
from rscrawler.spiders.session import CrawlLease, CrawlSession
from rscrawler.store import Store
from rscrawler.topics import Flagger
from tests.cluster.sites import TinySites
from tests.crawl.probes import FEW_SOURCES, articles_requested, change_database, rows_of
from tests.sample_site import SampleSite
from tests.scheduling.services import NOON, Clock
from tests.workspace import Workspace, wait_until

DELAY = timedelta(seconds=5)
DEAD = f"{socket.gethostname()}/999999999/1"
SITE, OTHER = "site:responsiblestatecraft", "elsewhere/1/1/responsiblestatecraft"
RENEWED_OFTEN = """
from datetime import timedelta

import rscrawler.spiders.session as module

module.LEASE_RENEWAL = timedelta(milliseconds=20)
"""


def turn(store: Store, owner: str, clock: Clock, site: str = "a") -> CrawlLease:
    keys = {"base_url": "https://x", "hosts": ["y"], "download_delay": DELAY.total_seconds()}
    profile = SiteProfile.model_validate(keys)
    session = CrawlSession(Config(), site, profile, store, Flagger(()), now=clock)
    return CrawlLease(session, owner)


async def gets_the_hosts(waiting: CrawlLease) -> bool:
    """Whether it need not wait."""
    try:
        await asyncio.wait_for(waiting.wait_for_hosts(), 0.05)
    except TimeoutError:
        return False
    return True


def test_a_site_that_is_being_crawled_is_left_alone(store: Store) -> None:
    clock = Clock()
    first = turn(store, "one/1/1/a", clock)
    assert first.begin()
    assert not turn(store, "two/1/1/a", clock).begin()
    first.end()
    assert turn(store, "two/1/1/a", clock).begin()


def test_another_site_on_the_same_host_waits_until_the_host_has_rested(store: Store) -> None:
    clock = Clock()

    async def scenario() -> None:
        first, second = turn(store, "one/1/1/a", clock), turn(store, "two/1/1/b", clock, "b")
        assert first.begin()
        assert await gets_the_hosts(first)
        assert second.begin()
        assert not await gets_the_hosts(second)
        first.end()
        assert not await gets_the_hosts(second)
        clock.advance(DELAY - timedelta(milliseconds=1))
        assert not await gets_the_hosts(second)
        clock.advance(timedelta(milliseconds=1))
        assert await gets_the_hosts(second)

    asyncio.run(scenario())


def test_the_host_of_a_crawl_that_died_rests_before_it_is_asked_again(store: Store) -> None:
    clock = Clock()
    store.leases.acquire("host:x", DEAD, NOON)

    async def scenario() -> None:
        second = turn(store, "two/1/1/a", clock)
        assert not await gets_the_hosts(second)
        clock.advance(DELAY)
        assert await gets_the_hosts(second)

    asyncio.run(scenario())


def test_two_sites_of_one_host_are_crawled_in_turn_by_one_command(workspace: Workspace) -> None:
    with TinySites(1) as served:
        (host,) = served.sites
        tables = "".join(
            f'[sites.{name}]\nbase_url = "http://{host}"\ndownload_delay = 1.0\n'
            f'sources = [{{kind = "feed", path = "/feed/", page_parameter = ""}}]\n'
            for name in ("rferl", "novastan")
        )
        workspace.config.write_text(
            tables + "[crawl]\nretries = 0\n[alerts]\nmin_level = 'primary'\n"
        )
        report = workspace.run("crawl", "rferl", "novastan", "--json").json
        requested = [request.at for request in served.requested]
    assert [site["note"] for site in report["sites"].values()] == [None, None]
    assert len(requested) >= 2
    # A busy machine makes a request late, and so the next gap short.
    assert min(later - earlier for earlier, later in pairwise(requested)) > 0.3


def test_a_crawl_whose_lease_is_taken_over_ends_by_itself_and_says_why(
    workspace: Workspace,
) -> None:
    with SampleSite(stories=60) as site:
        workspace.write_config(site.base_url, FEW_SOURCES)
        slow = workspace.config.read_text().replace("delay = 0.0\nconcurrency = 8", "delay = 0.3")
        workspace.config.write_text(slow)
        crawl = workspace.start("crawl", "--json", before=RENEWED_OFTEN)
        wait_until(lambda: bool(articles_requested(site)))
        change_database(workspace, f"UPDATE lease SET owner = '{OTHER}' WHERE name = '{SITE}'")
        ended = crawl.wait()
        assert len(articles_requested(site)) < 60
    assert ended.status == 1
    assert "its lease was lost or could not be renewed; stopping" in ended.stderr
    assert rows_of(workspace, "SELECT ended_at IS NOT NULL, succeeded FROM run") == [(1, 0)]
    owners = dict(rows_of(workspace, "SELECT name, owner FROM lease"))
    assert owners.pop(SITE) == OTHER
    assert set(owners.values()) == {"(resting)"}
