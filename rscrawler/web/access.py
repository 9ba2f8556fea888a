"""Access control: who may change something, logins and passwords.

Logged-in users may make changes; if no users are configured, anybody at the machine itself. Only
POST requests change something, and only from our own pages, by `Sec-Fetch-Site` and `Origin`; the
session's cookie is SameSite. Passwords of `[web] users` are kept only as scrypt hashes.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from hashlib import scrypt
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rscrawler.config import Config

if TYPE_CHECKING:
    from rscrawler.web.dashboard import Dashboard

logger = logging.getLogger(__name__)

SESSION_SECONDS = 14 * 86_400
MAX_FORM_BYTES = 64 * 1024
_PORT = re.compile(r":\d*$")
_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_LOCAL_USER = "somebody at this machine"
# One login at a time: guessing is slow, and cannot use up the CPU or the threads for pages.
_ATTEMPTS = CapacityLimiter(1)


def signing_key(config: Config) -> str:
    """The key that signs cookies.

    It depends on the users, so a changed user or password ends every session; without users, each
    start has a new key.
    """
    users = (f"{name}:{hashed.get_secret_value()}" for name, hashed in config.web.users.items())
    return "\n".join(sorted(users)) or secrets.token_hex(32)


def user_name(config: Config, request: Request) -> str | None:
    """The name under which the sender of a request makes changes; None if it may only read."""
    if users := config.web.users:
        name: str | None = request.session.get("user")
        return name if name in users else None
    return _LOCAL_USER if _is_at_this_machine(request) else None


def _is_at_this_machine(request: Request) -> bool:
    """Whether client, server, host name and origin are the loopback, and no proxy added a header.

    A proxy that adds none and changes the host name leaves the origin of a form as it is.
    """
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via")):
        return False
    server = request.scope.get("server") or ("", 0)
    ends = (request.client.host if request.client else "", server[0])
    try:
        is_loopback = all(ip_address(end).is_loopback for end in ends)
        origin = urlsplit(request.headers.get("origin", str(request.url))).hostname
    except ValueError:
        return False
    return is_loopback and {request.url.hostname, origin} <= _LOOPBACK_NAMES


def host_check(app: ASGIApp, config: Config, bound_to: str) -> ASGIApp:
    """Refuse requests for foreign host names, which may be an attack by DNS rebinding.

    An IP address cannot be one, and the health checks of Kubernetes and Prometheus send the one
    of the pod, which nobody knows beforehand.
    """
    url = urlsplit(config.web.url or "")
    own = {"localhost", *config.web.hosts, url.hostname, bound_to.lower()} - {""}

    def is_foreign(headers: Headers) -> bool:
        name = _PORT.sub("", headers.get("host", "")).lower()
        with suppress(ValueError):
            return name not in own and not ip_address(name.strip("[]"))
        return True

    return _chosen(is_foreign, PlainTextResponse("Invalid host header", 400), app)


def sessions(app: ASGIApp, config: Config) -> ASGIApp:
    """Keep sessions in a signed cookie, which is Secure if `web.url` is https.

    Not for a form that was sent over plain http, as in a local network: browsers drop a Secure
    cookie there, and a login would have no effect.
    """
    key, is_https = signing_key(config), (config.web.url or "").startswith("https:")
    plain, usual = (
        SessionMiddleware(app, key, "rscrawler", SESSION_SECONDS, https_only=is_secure)
        for is_secure in (False, is_https)
    )
    return _chosen(lambda headers: headers.get("origin", "").startswith("http:"), plain, usual)


def _chosen(is_chosen: Callable[[Headers], bool], app: ASGIApp, other: ASGIApp) -> ASGIApp:
    """`app` for requests with headers for which `is_chosen` is true, else the `other`."""

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        is_http = scope["type"] == "http"
        chosen = app if is_http and is_chosen(Headers(scope=scope)) else other
        await chosen(scope, receive, send)

    return choose


# Forms.


async def checked_form(config: Config, request: Request) -> QueryParams:
    """The fields of a form that was sent from one of our pages.

    Raises:
        HTTPException: the form is too large or not UTF-8 (400); it comes from another site (403).
    """
    _check_origin(config, request)
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(400, f"the form is larger than {MAX_FORM_BYTES} bytes")
    try:
        return QueryParams(body.decode())
    except UnicodeDecodeError:
        raise HTTPException(400, "the request is not a form") from None


async def authorized_form(config: Config, request: Request, to_do: str) -> tuple[str, QueryParams]:
    """The name of a form's sender, and its fields; `to_do` is what the form is for.

    Raises:
        HTTPException: as `checked_form`; or the sender may only read (403).
    """
    form, name = await checked_form(config, request), user_name(config, request)
    if name is None:
        local = "open the dashboard on the machine itself, or run `rscrawler web --add-user`,"
        raise HTTPException(403, f"{'log in' if config.web.users else local} to {to_do}")
    return name, form


def _check_origin(config: Config, request: Request) -> None:
    """Refuse a form unless the browser says that it was sent from one of our pages.

    Browsers send `Origin` with every form, but `Sec-Fetch-Site` only over https or to loopback.
    They leave out the usual port, but some proxies add it; and not every proxy tells where https
    ends.
    """
    headers, url = request.headers, config.web.url
    sent = {headers.get("sec-fetch-site"), headers.get("origin", "").lower()} - {None, ""}
    host = headers["host"].lower()
    own = {"same-origin", url, f"https://{host.removesuffix(':443')}"}
    if request.url.scheme == "http":
        own.add(f"http://{host.removesuffix(':80')}")
    if not sent or not sent <= own:
        raise HTTPException(403, "this was sent from a page of another site")


def _following(request: Request) -> str:
    """The page to go to after a login, a path on the dashboard."""
    address = request.query_params.get("next", "/")
    is_path = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_path and address.isprintable() else "/"


# Logging in and out.


def login_page(dashboard: Dashboard, request: Request, refused: str | None = None) -> Response:
    """The login page, which leads to `next` in its address; `refused` is a name that failed."""
    return dashboard.page(
        request,
        "login.html.j2",
        status_code=200 if refused is None else 403,
        following=_following(request),
        refused=refused,
    )


async def log_in(dashboard: Dashboard, request: Request) -> Response:
    """Start a session if name and password are right."""
    form = await checked_form(dashboard.config, request)
    name, password = form.get("name", ""), form.get("password", "")
    user = dashboard.config.web.users.get(name)
    hashed = user.get_secret_value() if user else None
    if not await to_thread.run_sync(is_password, password[:1000], hashed, limiter=_ATTEMPTS):
        host = request.client.host if request.client else "unknown"
        logger.warning("a login from %s as %r was refused", host, name[:64])
        return await run_in_threadpool(login_page, dashboard, request, refused=name[:64])
    request.session.clear()
    request.session["user"] = name
    return RedirectResponse(_following(request), 303)


async def log_out(dashboard: Dashboard, request: Request) -> Response:
    """End the session."""
    await checked_form(dashboard.config, request)
    request.session.clear()
    return RedirectResponse("/", 303)


# Passwords.

# As OWASP recommends for scrypt: 32 MiB and about a quarter of a second for each attempt.
_N, _R, _P = 2**15, 8, 3
_NO_HASH = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="  # no password is known to have it


def hash_password(password: str) -> str:
    """The hash of a password, as the configuration has it: `scrypt$N$R$P$SALT$HASH`."""
    salt = secrets.token_bytes(16)
    digest = _digest(password, salt, _N, _R, _P)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_password(password: str, hashed: str | None) -> bool:
    """Whether a password matches its hash; False for an unknown name, which has no hash (None).

    Both take equally long.
    """
    _, n, r, p, salt, known = (hashed or _NO_HASH).split("$")
    digest = _digest(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(digest, b64decode(known)) and hashed is not None


def _digest(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    memory = 132 * n * r * p
    return scrypt(
        password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=32
    )
