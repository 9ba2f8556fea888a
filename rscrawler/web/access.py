"""Who may change something: whoever is logged in; without users, whoever sits at the machine.

Changes are made by POST alone. Each is refused unless it comes from a page of ours: by the
browser's word (`Origin`, `Sec-Fetch-Site`) and by a signed token that only such a page has.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request

from rscrawler.config import Config

if TYPE_CHECKING:
    from rscrawler.web.dashboard import Dashboard

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]")
SESSION_SECONDS = 14 * 86_400
MAX_FORM_BYTES = 64 * 1024
_ANYBODY = "somebody at this machine"


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
    users = _dashboard(request).config.web.users
    if users:
        name: str | None = request.session.get("user")
        return name if name in users else None
    return _ANYBODY if _is_at_this_machine(request) else None


def _dashboard(request: Request) -> Dashboard:
    dashboard: Dashboard = request.app.state.dashboard
    return dashboard


def _is_at_this_machine(request: Request) -> bool:
    """Whether both ends are the loopback, by address and by name, and no proxy says otherwise."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "via")):
        return False
    server = request.scope.get("server") or ("", 0)
    ends = (request.client.host if request.client else "", server[0])
    return all(map(_is_loopback, ends)) and request.url.hostname in LOOPBACK_NAMES


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


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
    own = {host, _dashboard(request).config.web.url}
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
    return TimestampSigner(_dashboard(request).key, salt="form")


def local_path(address: str) -> str:
    """The address if it leads to a page of ours, else the first page."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    is_plain = address.isprintable() and not address.startswith(("//", "/\\"))
    return address if is_local and is_plain else "/"
