"""The application: its routes, its middleware, and the server."""

import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from http import HTTPStatus

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from rscrawler import PACKAGE_DIR
from rscrawler.errors import ConfigurationError, RscrawlerError
from rscrawler.web import access, article, charts, coverage, health, judgements
from rscrawler.web.dashboard import Dashboard, render

logger = logging.getLogger(__name__)

# More threads would only wait for each other, since one CPU makes all pages.
THREADS = 8
_PAUSE_SECONDS = 2.0  # between two updates of the index
# Of every response. No scripts, no framing, no leaks. The referrer is sent only to our own pages:
# without it, browsers hide the origin of a form.
HEADERS = {
    "Cache-Control": "no-cache",
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
PAGES: dict[str, Callable[..., Response]] = {
    "/": coverage.coverage,
    "/articles/{article_id:str}": article.article,
    "/judgements": judgements.judgements,
    "/charts": charts.charts,
    "/sites": health.sites,
    "/outbox": health.outbox,
    "/login": access.login_page,
    "/feeds/{topic:str}.{kind:str}": coverage.feed,
    "/metrics": health.metrics,
    "/healthz": health.healthz,
}
FORMS: dict[str, Callable[..., Awaitable[Response]]] = {  # sent by POST, to change something
    "/articles/{article_id:str}/judgements": judgements.judge,
    "/outbox/retry": health.change_message,
    "/outbox/cancel": health.change_message,
    "/login": access.log_in,
    "/logout": access.log_out,
}
# In place of Starlette's own messages.
_ERROR_TEXTS = {
    "Not Found": "there is no such page",
    "Method Not Allowed": "this address does not accept such a request",
}
_KEEP_ALIVE_SECONDS = 20  # an idle connection stays open
_SHUTDOWN_SECONDS = 10  # running requests may go on when the server is told to stop
_BACKLOG = 512  # connections that wait to be accepted


def create_app(dashboard: Dashboard, *, bound_to: str = "localhost") -> Starlette:
    """The application; the address that it is `bound_to` is one of its host names."""
    app = Starlette(
        routes=[
            *(Route(path, partial(view, dashboard)) for path, view in PAGES.items()),
            *(Route(p, partial(do, dashboard), methods=["POST"]) for p, do in FORMS.items()),
            Mount("/static", StaticFiles(directory=PACKAGE_DIR / "web" / "static")),
        ],
        middleware=[
            Middleware(access.host_check, dashboard.config, bound_to),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=5),
            Middleware(access.sessions, dashboard.config),
        ],
        exception_handlers=dict.fromkeys((HTTPException, RscrawlerError, Exception), _error),
        lifespan=partial(_lifespan, dashboard),
    )
    app.router.redirect_slashes = False
    return app


@asynccontextmanager
async def _lifespan(dashboard: Dashboard, _: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_keep_index, dashboard)
        yield
        tasks.cancel_scope.cancel()


async def _keep_index(dashboard: Dashboard) -> None:
    """Keep indexing what crawls record."""
    trouble = ""
    while True:
        try:
            while await anyio.to_thread.run_sync(lambda: dashboard.store.index.index_some()):
                pass
            trouble = ""
        except Exception as error:
            if repr(error) != trouble:  # logged once, not every two seconds
                trouble = repr(error)
                is_bug = not isinstance(error, RscrawlerError)
                logger.warning("the search index cannot be updated: %s", error, exc_info=is_bug)
        await anyio.sleep(_PAUSE_SECONDS)


def _error(request: Request, error: Exception) -> Response:
    status, headers = HTTPStatus.SERVICE_UNAVAILABLE, None
    if isinstance(error, HTTPException):
        status, headers = HTTPStatus(error.status_code), error.headers
        message = _ERROR_TEXTS.get(error.detail, error.detail)
    elif isinstance(error, RscrawlerError):
        message = str(error)
    else:  # Starlette raises it again, and uvicorn logs its traceback
        logger.error("the page %r failed", request.url.path)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        message = "this page broke; the log has the reason"
    if request.url.path == "/healthz":
        content = {"healthy": False, "error": message}
        return JSONResponse(content, max(status, HTTPStatus.SERVICE_UNAVAILABLE), headers)
    # Without the frame: the failure may be in what the frame needs.
    page = render("error.html.j2", status=status, message=message)
    return HTMLResponse(page, status, headers)


# The server.


def serve(dashboard: Dashboard, host: str, port: int, *, announce: Callable[[str], None]) -> None:
    """Serve the dashboard until SIGTERM or SIGINT; port 0 takes a free one.

    `announce` is called with the URL once the server listens.

    Raises:
        ConfigurationError: the server cannot listen on host and port.
    """
    with closing(listening(host, port)) as listener:
        name, taken = listener.getsockname()[:2]
        announce(f"http://[{name}]:{taken}/" if ":" in name else f"http://{name}:{taken}/")
        for number in (signal.SIGTERM, signal.SIGINT):
            # Uvicorn, once stopped by one, raises it again for this handler.
            signal.signal(number, signal.SIG_IGN)
        uvicorn.Server(server_config(dashboard, host)).run(sockets=[listener])


def server_config(dashboard: Dashboard, host: str) -> uvicorn.Config:
    """The configuration of a server for sockets that are bound to `host`."""
    return uvicorn.Config(
        create_app(dashboard, bound_to=host),
        log_config=None,
        access_log=False,
        server_header=False,
        headers=list(HEADERS.items()),
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


def listening(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ConfigurationError: the socket cannot listen on host and port.
    """
    is_v6 = ":" in host
    try:
        return socket.create_server(
            (host, port),
            family=socket.AF_INET6 if is_v6 else socket.AF_INET,
            backlog=_BACKLOG,
            dualstack_ipv6=is_v6 and socket.has_dualstack_ipv6(),
        )
    except (OSError, OverflowError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise ConfigurationError(
            f"--host {host} --port {port}: cannot be listened on: {reason}"
        ) from error
