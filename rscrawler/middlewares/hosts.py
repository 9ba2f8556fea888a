"""Keeps requests and redirects on the site's own hosts."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.utils.httpobj import urlparse_cached

from rscrawler.sites import host_of
from rscrawler.spiders.http import OffSite
from rscrawler.spiders.session import session_of


class SiteHostsMiddleware:
    """Refuses every request to a host (and port) that the profile does not name.

    Scrapy's own middleware compares host names without ports and knows no aliases.
    """

    def __init__(self, hosts: frozenset[str]) -> None:
        self._hosts = hosts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Built for the site of the crawler's spider."""
        return cls(session_of(crawler).profile.all_hosts)

    def process_request(self, request: Request) -> None:
        """Let the request pass, or raise `OffSite`."""
        if host_of(urlparse_cached(request)) not in self._hosts:
            raise OffSite(f"{request.url} is not on this site's hosts")
