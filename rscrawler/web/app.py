"""Which view serves what, and the guards around them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rscrawler import PACKAGE_DIR
from rscrawler.config import Config
from rscrawler.errors import RscrawlerError
from rscrawler.web import (
    article,
    charts,
    coverage,
    judgements,
    login,
    machines,
    outbox,
    sites,
)
from rscrawler.web.access import LOOPBACK_NAMES, SESSION_SECONDS
from rscrawler.web.catching_up import catching_up
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.errors import BadRequest, Forbidden, NotFound
from rscrawler.web.rendering import render

logger = logging.getLogger(__name__)

# More threads only wait for each other: pages are made by one processor.
THREADS = 8
# Nothing runs, nothing frames it, nothing leaks. A referrer is sent to ourselves alone:
# without one, browsers hide where a form comes from.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ROUTES = [
    Route("/", coverage.coverage),
    Route("/articles/{article_id:str}", article.article),
    Route("/articles/{article_id:str}/judgements", judgements.judge, methods=["POST"]),
    Route("/judgements", judgements.judgements),
    Route("/charts", charts.charts),
    Route("/sites", sites.sites),
    Route("/outbox", outbox.outbox),
    Route("/outbox/retry", outbox.retry, methods=["POST"]),
    Route("/outbox/cancel", outbox.cancel, methods=["POST"]),
    Route("/login", login.login, methods=["GET"]),
    Route("/login", login.log_in, methods=["POST"]),
    Route("/logout", login.log_out, methods=["POST"]),
    Route("/feeds/{topic:str}.{kind:str}", machines.feed),
    Route("/metrics", machines.metrics),
    Route("/healthz", machines.healthz),
    Mount("/static", StaticFiles(directory=PACKAGE_DIR / "web" / "static")),
]
_STATUS_OF: dict[type[RscrawlerError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    BadRequest: HTTPStatus.BAD_REQUEST,
    Forbidden: HTTPStatus.FORBIDDEN,
}


def create_app(dashboard: Dashboard, *, bound_to: str | None = None) -> Starlette:
    """The application; it also answers to the address that it is `bound_to`."""
    app = Starlette(
        routes=ROUTES,
        middleware=[
            Middleware(_Guard),
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=own_hosts(dashboard.config, bound_to),
                www_redirect=False,
            ),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),
            Middleware(
                SessionMiddleware,
                secret_key=dashboard.key,
                session_cookie="rscrawler",
                max_age=SESSION_SECONDS,
                https_only=(dashboard.config.web.url or "").startswith("https:"),
            ),
        ],
        exception_handlers={
            HTTPException: _http_error,
            RscrawlerError: _known_error,
        },
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.dashboard = dashboard
    return app


def own_hosts(config: Config, bound_to: str | None) -> list[str]:
    """The names that the dashboard answers to: whoever comes by another was led there."""
    names = [*LOOPBACK_NAMES, *config.web.hosts]
    if config.web.url is not None:
        names.append(urlsplit(config.web.url).hostname or "")
    if bound_to:
        names += [bound_to, f"[{bound_to}]"]
    return [name for name in names if "*" not in name]


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    async with catching_up(app.state.dashboard):
        yield


class _Guard:
    """Puts the same headers on every answer, and answers for a page that broke."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            if is_begun or scope["type"] != "http":
                raise
            logger.exception("the page %r broke", scope["path"])
            message = "this page broke; the log has the reason"
            answer = _error(Request(scope), HTTPStatus.INTERNAL_SERVER_ERROR, message)
            await answer(scope, receive, send_guarded)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    message = {404: "there is no such page", 405: "this can only be read"}.get(status, error.detail)
    return _error(request, status, message, error.headers)


def _known_error(request: Request, error: Exception) -> Response:
    status = next(
        (status for kind, status in _STATUS_OF.items() if isinstance(error, kind)),
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    return _error(request, status, str(error))


def _error(
    request: Request,
    status: HTTPStatus,
    message: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    if request.url.path == "/healthz":
        content = {"healthy": False, "error": message}
        return JSONResponse(content, max(status, HTTPStatus.SERVICE_UNAVAILABLE), headers)
    # Without the frame: what broke may be what the frame is made of.
    page = render("error.html.j2", status=status, message=message)
    return HTMLResponse(page, status, headers)
