"""Crawl leases: one crawl of a site, and of a host, at a time, on any number of machines.

A crawl ends at once if another one holds the lease of its site. It waits for the leases of
its hosts, since another profile may have pages on the same host. After its release, a host's
lease rests for the download delay, so that the next crawl keeps the delay to the last request,
on whatever machine it runs.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rscrawler.errors import StoreError
from rscrawler.store.leases import LEASE_DURATION, LEASE_RENEWAL, LeaseStore

logger = logging.getLogger(__name__)

HOST_POLL = timedelta(milliseconds=200)


@dataclass(slots=True)
class CrawlLease:
    """The leases of one crawl.

    `owner` names the crawl: two crawls of one process have different names. `site` is the lease of
    the site, `hosts` are those of its hosts, in an order common to all crawls; `delay` is the
    site's download delay.
    """

    leases: LeaseStore
    owner: str
    site: str
    hosts: tuple[str, ...]
    delay: timedelta
    now: Callable[[], datetime]
    _held: list[str] = field(default_factory=list, init=False)

    def begin(self) -> bool:
        """Acquire the site's lease; False if another crawl holds it."""
        if not self.leases.acquire(self.site, self.owner, self.now()):
            return False
        self._held.append(self.site)
        return True

    async def wait_for_hosts(self) -> None:
        """Acquire the lease of each host, once it is free and has rested."""
        for host in self.hosts:
            while not self.leases.acquire(host, self.owner, self.now(), rest=self.delay):
                await asyncio.sleep(HOST_POLL.total_seconds())
            self._held.append(host)

    async def keep(self) -> None:
        """Renew the leases until one is lost; retry after database errors until they expire."""
        renewed_at = self.now()
        while True:
            await asyncio.sleep(LEASE_RENEWAL.total_seconds())
            now = self.now()
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
        now = self.now()
        return all(self.leases.renew(name, self.owner, now) for name in self._held)

    def end(self) -> None:
        """Release all leases; those of the hosts rest for the download delay."""
        rested_at = self.now() + self.delay
        for name in self._held:
            if name in self.hosts:
                self.leases.rest(name, self.owner, rested_at)
            else:
                self.leases.release(name, self.owner)
        self._held.clear()
