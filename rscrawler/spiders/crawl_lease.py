"""Crawl leases: one crawl of a site, and of a host, at a time, on any number of machines.

A crawl ends at once if another one holds the lease of its site. It waits for the leases of
its hosts, since another profile may have pages on the same host. After its release, a host's
lease rests for the download delay, so that the next crawl keeps the delay to the last request,
on whatever machine it runs.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from rscrawler.errors import StoreError
from rscrawler.store.leases import LEASE_DURATION, LEASE_RENEWAL, LeaseStore

logger = logging.getLogger(__name__)

HOST_POLL = timedelta(milliseconds=200)


class CrawlLease:
    """The leases of one crawl.

    Args:
        leases: the store of leases.
        owner: names the crawl; two crawls of one process have different names.
        site: the lease of the site.
        hosts: the leases of its hosts, in an order common to all crawls.
        delay: the site's download delay, between two requests.
        now: the current time.
    """

    def __init__(
        self,
        leases: LeaseStore,
        owner: str,
        site: str,
        hosts: tuple[str, ...],
        delay: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._leases, self._owner, self._now = leases, owner, now
        self._site, self._hosts, self._delay = site, hosts, delay
        self._held: list[str] = []

    def begin(self) -> bool:
        """Acquire the site's lease; False if another crawl holds it."""
        if not self._leases.acquire(self._site, self._owner, self._now()):
            return False
        self._held.append(self._site)
        return True

    async def wait_for_hosts(self) -> None:
        """Acquire the lease of each host, once it is free and has rested."""
        for host in self._hosts:
            while not self._leases.acquire(host, self._owner, self._now(), rest=self._delay):
                await asyncio.sleep(HOST_POLL.total_seconds())
            self._held.append(host)

    async def keep(self) -> None:
        """Renew the leases until one is lost; retry after database errors until they expire."""
        renewed_at = self._now()
        while True:
            await asyncio.sleep(LEASE_RENEWAL.total_seconds())
            now = self._now()
            try:
                if not self.renew():
                    return
                renewed_at = now
            except StoreError as error:
                logger.warning("the leases could not be renewed: %s", error)
                if now - renewed_at + LEASE_RENEWAL >= LEASE_DURATION:
                    return

    def renew(self) -> bool:
        """Renew the leases; False if one has been lost."""
        now = self._now()
        return all(self._leases.renew(name, self._owner, now) for name in self._held)

    def end(self) -> None:
        """Release all leases; those of the hosts rest for the download delay."""
        rested_at = self._now() + self._delay
        for name in self._held:
            if name in self._hosts:
                self._leases.rest(name, self._owner, rested_at)
            else:
                self._leases.release(name, self._owner)
        self._held.clear()
