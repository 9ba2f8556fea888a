"""Which page answers which path, and what answer an error is."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from http import HTTPStatus

from rscrawler.errors import RscrawlerError
from rscrawler.web import pages
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.messages import HTML, JSON, BadRequest, NotFound, Request, Response
from rscrawler.web.rendering import content_security_policy, render

logger = logging.getLogger(__name__)

Page = Callable[..., Response]
ROUTES: list[tuple[re.Pattern[str], Page]] = [
    (re.compile(pattern), page)
    for pattern, page in (
        (r"/", pages.coverage),
        (rf"/articles/(?P<article_id>{pages.ARTICLE_ID})", pages.article),
        (r"/sites", pages.sites),
        (r"/outbox", pages.outbox),
        (r"/feeds/(?P<topic>[\w-]+)\.(?P<kind>atom|json)", pages.feed),
        (r"/metrics", pages.metrics),
        (r"/healthz", pages.healthz),
    )
]
# The first that fits; anything else is a bug.
_STATUS_OF: list[tuple[type[RscrawlerError], HTTPStatus]] = [
    (NotFound, HTTPStatus.NOT_FOUND),
    (BadRequest, HTTPStatus.BAD_REQUEST),
    (RscrawlerError, HTTPStatus.SERVICE_UNAVAILABLE),
]
_METHODS = ("GET", "HEAD")


def respond(dashboard: Dashboard, request: Request) -> Response:
    """The answer to a request, whatever happens."""
    if request.method not in _METHODS:
        refused = _error(request, HTTPStatus.METHOD_NOT_ALLOWED, "this can only be read")
        return Response(
            refused.body, refused.content_type, refused.status, {"Allow": ", ".join(_METHODS)}
        )
    try:
        return _page(dashboard, request)
    except RscrawlerError as error:
        status = next(status for kind, status in _STATUS_OF if isinstance(error, kind))
        return _error(request, status, str(error))
    except Exception:
        logger.exception("the page %r broke", request.path)
        return _error(
            request, HTTPStatus.INTERNAL_SERVER_ERROR, "this page broke; the log has the reason"
        )


def _page(dashboard: Dashboard, request: Request) -> Response:
    for pattern, page in ROUTES:
        if match := pattern.fullmatch(request.path):
            return page(dashboard, request, **match.groupdict())
    raise NotFound("there is no such page")


def _error(request: Request, status: HTTPStatus, message: str) -> Response:
    if request.path == "/healthz":
        body = json.dumps({"healthy": False, "error": message}).encode() + b"\n"
        return Response(body, JSON, max(status, HTTPStatus.SERVICE_UNAVAILABLE))
    # Without the frame: what broke may be what the frame is made of.
    return Response(render("error.html.j2", status=status, message=message), HTML, status)


def common_headers() -> dict[str, str]:
    """The headers of every answer: nothing runs, nothing frames it, nothing leaks."""
    return {
        "Content-Security-Policy": content_security_policy(),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
