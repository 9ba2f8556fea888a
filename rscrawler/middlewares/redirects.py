"""Follows redirects that set a cookie and lead back; refuses to go in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

if TYPE_CHECKING:
    from scrapy.http.cookies import CookieJar

_COOKIES = "redirect_cookies"  # in the meta of a request, which its redirects inherit
MOST_VISITS = 2  # of an address by one chain of redirects


class RedirectsMiddleware:
    """Sends the cookies that redirects set, as far as a site needs them.

    Some sites answer a client without their cookie by a redirect that sets it, and that leads back
    to the same address, at once or through a page that checks the cookie. So cookies go along a
    chain of redirects. If it led back to an address, which then sent its page, they go with all
    later requests of the cycle, too. All other cookies are ignored: no page depends on what was
    requested before it.
    """

    def __init__(self) -> None:
        self._needed: CookieJar | None = None

    def process_request(self, request: Request) -> None:
        """Add the cookies; raise `IgnoreRequest` in a circle."""
        if request.meta.get("redirect_urls", []).count(request.url) >= MOST_VISITS:
            raise IgnoreRequest("redirects in a circle")
        jar = request.meta.get(_COOKIES, self._needed)
        if jar is not None:
            request.headers.pop("Cookie", None)  # a retry has that of the attempt before
            jar.add_cookie_header(request)

    def process_response(self, request: Request, response: Response) -> Response:
        """Keep the cookies of a redirect; leave the way back to an address out of its chain."""
        urls = request.meta.get("redirect_urls", [])
        if "Location" in response.headers:
            if "Set-Cookie" in response.headers:
                from scrapy.http.cookies import CookieJar  # few sites need it

                if _COOKIES not in request.meta:
                    jar = request.meta[_COOKIES] = CookieJar()
                    for cookie in self._needed or ():
                        jar.set_cookie(cookie)
                request.meta[_COOKIES].extract_cookies(response, request)
        elif request.url in urls:
            self._needed = request.meta.get(_COOKIES, self._needed)
            start = urls.index(request.url)
            # A page that checks cookies is no address of an article.
            del urls[start:], request.meta["redirect_reasons"][start:]
        return response
