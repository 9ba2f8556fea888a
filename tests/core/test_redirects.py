"""Which cookies of redirects go along with later requests."""

from __future__ import annotations

from scrapy import Request
from scrapy.http import Response

from rscrawler.middlewares.redirects import RedirectsMiddleware

SITE = "https://gazette.example"


def redirected(middleware: RedirectsMiddleware, url: str, to: str, cookie: str) -> None:
    """Let a request be redirected with a cookie, and its redirect get a page."""
    request = Request(url)
    middleware.process_request(request)
    headers = {"Location": to, "Set-Cookie": f"{cookie}; Path=/"}
    middleware.process_response(request, Response(url, status=302, headers=headers))
    chain = {"redirect_urls": [url], "redirect_reasons": [302]}
    following = request.replace(url=to, meta=request.meta | chain)
    middleware.process_request(following)
    middleware.process_response(following, Response(to))


def cookies_for(middleware: RedirectsMiddleware, url: str) -> bytes | None:
    request = Request(url)
    middleware.process_request(request)
    return request.headers.get("Cookie")


def test_only_cookies_of_a_chain_that_led_back_go_with_later_requests() -> None:
    middleware = RedirectsMiddleware()
    redirected(middleware, f"{SITE}/one/", f"{SITE}/kk/one/", "language=kk")
    assert cookies_for(middleware, f"{SITE}/three/") is None
    redirected(middleware, f"{SITE}/two/", f"{SITE}/two/", "checked=1")
    redirected(middleware, f"{SITE}/one/", f"{SITE}/kk/one/", "language=kk")
    assert cookies_for(middleware, f"{SITE}/three/") == b"checked=1"
    redirected(middleware, f"{SITE}/two/", f"{SITE}/two/", "checked=2")
    assert cookies_for(middleware, f"{SITE}/three/") == b"checked=2"


def test_a_cookie_goes_to_the_host_that_set_it_alone() -> None:
    middleware = RedirectsMiddleware()
    redirected(middleware, f"{SITE}/two/", f"{SITE}/two/", "checked=1; Secure")
    assert cookies_for(middleware, "https://elsewhere.example/") is None
    assert cookies_for(middleware, "http://gazette.example/") is None
    redirected(middleware, "https://elsewhere.example/", "https://elsewhere.example/", "its=1")
    assert cookies_for(middleware, f"{SITE}/three/") == b"checked=1"
