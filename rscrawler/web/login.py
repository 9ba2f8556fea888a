"""Logging in and out; passwords of `[web] users` are kept as scrypt hashes alone."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from base64 import b64decode, b64encode

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.web.access import checked_form, local_path
from rscrawler.web.dashboard import dashboard_of

logger = logging.getLogger(__name__)
# One attempt at a time: guessing is slow, and cannot keep processors or pages busy.
_ATTEMPTS = CapacityLimiter(1)


def login(request: Request) -> Response:
    """The form."""
    return _page(request, local_path(request.query_params.get("next", "/")))


def _page(request: Request, following: str, *, name: str = "", status: int = 200) -> Response:
    return dashboard_of(request).page(
        request,
        "login.html.j2",
        status_code=status,
        following=following,
        name=name,
        has_failed=status != 200,
    )


async def log_in(request: Request) -> Response:
    """Begin a session, if name and password are right."""
    dashboard = dashboard_of(request)
    form = await checked_form(request)
    name, password = form.get("name", ""), form.get("password", "")
    following = local_path(form.get("next", "/"))
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
    await checked_form(request)
    request.session.clear()
    return RedirectResponse("/", 303)


# Passwords.

# OWASP's choice for scrypt: 32 MiB and about a quarter of a second for each attempt.
_N, _R, _P = 2**15, 8, 3


def hash_password(password: str) -> str:
    """What stands for a password in the configuration: `scrypt$N$R$P$SALT$HASH`."""
    salt = secrets.token_bytes(16)
    digest = _digest(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_password(password: str, hashed: str | None) -> bool:
    """Whether it is the password that was hashed; for a name that is not known (None) it is not.

    It takes as long either way.
    """
    _, n, r, p, salt, known = (hashed or _NOBODY).split("$")
    digest = _digest(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(digest, b64decode(known)) and hashed is not None


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    room = 132 * n * r * p
    return hashlib.scrypt(
        password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=32
    )


_NOBODY = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="
