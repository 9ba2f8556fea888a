"""Logging in and out."""

from __future__ import annotations

import logging

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.web.access import checked_form, local_path
from rscrawler.web.dashboard import dashboard_of
from rscrawler.web.passwords import is_password

logger = logging.getLogger(__name__)
# One attempt at a time: guessing is slow, and cannot keep processors or pages busy.
_ATTEMPTS = CapacityLimiter(1)


def login(request: Request) -> Response:
    """The form."""
    return _page(request, local_path(request.query_params.get("next", "/")))


def _page(request: Request, following: str, *, name: str = "", status: int = 200) -> Response:
    dashboard = dashboard_of(request)
    return dashboard.page(
        request,
        "login.html.j2",
        status_code=status,
        following=following,
        name=name,
        has_failed=status != 200,
        has_users=bool(dashboard.config.web.users),
    )


async def log_in(request: Request) -> Response:
    """Begin a session, if name and password are right."""
    dashboard = dashboard_of(request)
    form = await checked_form(request, dashboard.key)
    name, password = (form.get(field, [""])[-1] for field in ("name", "password"))
    following = local_path(form.get("next", ["/"])[-1])
    hashed = dashboard.config.web.users.get(name)

    def is_right() -> bool:
        return is_password(password[:1000], hashed.get_secret_value() if hashed else None)

    if not await to_thread.run_sync(is_right, limiter=_ATTEMPTS):
        host = request.client.host if request.client else "unknown"
        logger.warning("a login from %s as %r was refused", host, name[:64])
        return await run_in_threadpool(_page, request, following, name=name[:64], status=403)
    request.session.clear()
    request.session["user"] = name
    return RedirectResponse(following, 303)


async def log_out(request: Request) -> Response:
    """End the session."""
    await checked_form(request, dashboard_of(request).key)
    request.session.clear()
    return RedirectResponse("/", 303)
