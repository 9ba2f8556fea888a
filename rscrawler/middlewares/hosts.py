"""Keeps requests on the site's own hosts; answers for articles that redirect to its listings."""

from urllib.parse import unquote, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.utils.httpobj import urlparse_cached

from rscrawler.sites import host_of
from rscrawler.spiders.http import OffSite, has_moved
from rscrawler.spiders.outcomes import RequestedArticle, request_context
from rscrawler.spiders.session import CrawlSession, SiteComponent

GONE = 410


class SiteHostsMiddleware(SiteComponent):
    """Refuses every request to a host (and port) that the profile does not name, or with a user.

    Scrapy's own middleware compares host names without ports and knows no aliases.

    Some sites redirect deleted articles permanently to the front page or a section. For a known
    article such a redirect counts as 410, and its target is not requested. A redirect to any other
    page may lead to the article's new address, or to a login or consent page.
    """

    def __init__(self, session: CrawlSession) -> None:
        super().__init__(session)
        self._hosts = session.profile.all_hosts
        front = unquote(urlsplit(session.profile.base_url).path).rstrip("/")
        self._listings = session.profile.source_paths | {"", front}

    def process_request(self, request: Request) -> Response | None:
        """Let the request pass, raise `OffSite`, or answer 410 for a deleted article."""
        if (host := host_of(urlparse_cached(request))) not in self._hosts:
            raise OffSite(f"{host} is not one of this site's hosts")
        if urlparse_cached(request).username is not None:
            raise OffSite("the address names a user")
        if self._redirects_to_listing(request):
            return Response(request.meta["redirect_urls"][0], status=GONE)
        return None

    def _redirects_to_listing(self, request: Request) -> bool:
        """Whether a known article redirects permanently to this address, which is a listing's."""
        requested, parts = request_context(request), urlparse_cached(request)
        return (
            isinstance(requested, RequestedArticle)
            and requested.known is not None
            and has_moved(request.meta)
            and not parts.query
            and unquote(parts.path).rstrip("/") in self._listings
        )
