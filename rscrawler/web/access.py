"""Who may change something: whoever is logged in; without users, whoever sits at the machine.

Changes are made by POST alone. Each is refused unless it comes from a page of ours: by the
browser's word (`Origin`, `Sec-Fetch-Site`) and by a signed token that only such a page has.
Passwords of `[web] users` are kept as scrypt hashes alone.
"""

from __future__ import annotations

import hmac
import logging
import secrets
from base64 import b64decode, b64encode
from hashlib import blake2b, scrypt
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import CapacityLimiter, to_thread
from itsdangerous import BadSignature, TimestampSigner
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rscrawler.config import Config

if TYPE_CHECKING:
    from rscrawler.web.dashboard import Dashboard

logger = logging.getLogger(__name__)

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]")
SESSION_SECONDS = 14 * 86_400
MAX_FORM_BYTES = 64 * 1024
_ANYBODY = "somebody at this machine"
# One login at a time: guessing is slow, and cannot keep processors or pages busy.
_ATTEMPTS = CapacityLimiter(1)


def signing_key(config: Config) -> str:
    """The key of cookies and forms.

    It changes with the users, so a user or password that is taken out ends every session;
    without users it is a new one at each start.
    """
    users = sorted(
        f"{name}:{hashed.get_secret_value()}" for name, hashed in config.web.users.items()
    )
    if not users:
        return secrets.token_hex(32)
    return blake2b("\n".join(users).encode(), digest_size=32).hexdigest()


def visitor_of(request: Request) -> str | None:
    """The name that a judgement of whoever sends a request is signed with; None: may only look."""
    users = dashboard_of(request).config.web.users
    if users:
        name: str | None = request.session.get("user")
        return name if name in users else None
    return _ANYBODY if _is_at_this_machine(request) else None


def dashboard_of(request: Request) -> Dashboard:
    """The dashboard that a request is for."""
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard


def _is_at_this_machine(request: Request) -> bool:
    """Whether both ends are the loopback, by address and by name, and no proxy says otherwise."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via")):
        return False
    server = request.scope.get("server") or ("", 0)
    ends = (request.client.host if request.client else "", server[0])
    try:
        is_loopback = all(ip_address(end).is_loopback for end in ends)
    except ValueError:
        return False
    return is_loopback and request.url.hostname in LOOPBACK_NAMES


# Forms.


def form_token(request: Request) -> str:
    """A token for the forms of a page, good for this session alone; another one each time."""
    session = request.session.setdefault("id", secrets.token_hex(16))
    return _signer(request).sign(session).decode()


async def checked_form(request: Request) -> QueryParams:
    """The fields of a form that was sent from a page of ours.

    Raises:
        HTTPException: it is too large, or no form (400); it comes from elsewhere, or from a page
            that is too old (403).
    """
    _check_origin(request)
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(400, f"the form is larger than {MAX_FORM_BYTES} bytes")
    try:
        form = QueryParams(body.decode())
    except UnicodeDecodeError:
        raise HTTPException(400, "what was sent is not a form") from None
    _check_token(request, form.get("token", ""))
    return form


async def signed_form(request: Request, to_do: str) -> tuple[str, QueryParams]:
    """Who sends a form, and its fields.

    Raises:
        HTTPException: as `checked_form`; or whoever it is may only look (403).
    """
    form, name = await checked_form(request), visitor_of(request)
    if name is None:
        raise HTTPException(
            403, f"log in to {to_do}, or open the dashboard on the machine that it runs on"
        )
    return name, form


def _check_origin(request: Request) -> None:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = f"{request.url.scheme}://{request.headers['host'].lower()}"
    own = {host, dashboard_of(request).config.web.url}
    if site != "same-origin" or (origin is not None and origin.lower() not in own):
        raise HTTPException(403, "this was sent from a page of another site")


def _check_token(request: Request, token: str) -> None:
    session = request.session.get("id")
    try:
        signed = _signer(request).unsign(token, max_age=SESSION_SECONDS).decode()
    except BadSignature:
        signed = None
    if session is None or signed != session:
        raise HTTPException(
            403, "the page that sent this is too old; go back, reload it and try again"
        )


def _signer(request: Request) -> TimestampSigner:
    return TimestampSigner(dashboard_of(request).key, salt="form")


def local_path(address: str) -> str:
    """The address if it leads to a page of ours, else the first page."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    is_plain = address.isprintable() and not address.startswith(("//", "/\\"))
    return address if is_local and is_plain else "/"


# Logging in and out.


def login(request: Request) -> Response:
    """The form."""
    return _login_page(request, local_path(request.query_params.get("next", "/")))


def _login_page(request: Request, following: str, *, name: str = "", status: int = 200) -> Response:
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
        return await run_in_threadpool(_login_page, request, following, name=name[:64], status=403)
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
    return scrypt(
        password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=room, dklen=32
    )


_NOBODY = f"scrypt${_N}${_R}${_P}${'A' * 22}==${'A' * 43}="
