"""Who may change something: whoever is logged in; without users, whoever sits at the machine.

Changes are made by POST alone. Each is refused unless it comes from a page of ours: by the
browser's word (`Origin`, `Sec-Fetch-Site`) and by a signed token that only such a page has.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import Request

from rscrawler.config import Config
from rscrawler.web.errors import BadRequest, Forbidden

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1", "[::1]")
SESSION_SECONDS = 14 * 86_400
MAX_FORM_BYTES = 64 * 1024
_ANYBODY = "somebody at this machine"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever asks. `name` is what a judgement is signed with; None: may only look."""

    name: str | None
    is_logged_in: bool = False


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


def visitor_of(request: Request, config: Config) -> Visitor:
    """Who sends a request."""
    if config.web.users:
        name = request.session.get("user")
        return Visitor(name, True) if name in config.web.users else Visitor(None)
    return Visitor(_ANYBODY if _is_at_this_machine(request) else None)


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


def form_token(request: Request, key: str) -> str:
    """A token for the forms of a page, good for this session alone; another one each time."""
    session = request.session.setdefault("id", secrets.token_hex(16))
    return TimestampSigner(key, salt="form").sign(session).decode()


async def checked_form(request: Request, key: str) -> dict[str, list[str]]:
    """The fields of a form that was sent from a page of ours.

    Raises:
        BadRequest: it is too large, or no form.
        Forbidden: it comes from elsewhere, or from a page that is too old.
    """
    check_origin(request)
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_FORM_BYTES:
            raise BadRequest(f"the form is larger than {MAX_FORM_BYTES} bytes")
    try:
        form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise BadRequest("what was sent is not a form") from None
    _check_token(request, key, form.pop("token", [""])[-1])
    return form


def check_origin(request: Request) -> None:
    """Refuse what another site's page sends.

    Raises:
        Forbidden: it does.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    config: Config = request.app.state.dashboard.config
    own = {f"{request.url.scheme}://{request.headers['host'].lower()}", config.web.url}
    if site != "same-origin" or (origin is not None and origin.lower() not in own):
        raise Forbidden("this was sent from a page of another site")


def _check_token(request: Request, key: str, token: str) -> None:
    session = request.session.get("id")
    try:
        signed = TimestampSigner(key, salt="form").unsign(token, max_age=SESSION_SECONDS).decode()
    except BadSignature:
        signed = None
    if session is None or signed != session:
        raise Forbidden("the page that sent this is too old; go back, reload it and try again")


def local_path(address: str) -> str:
    """The address if it leads to a page of ours, else the first page."""
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    is_plain = address.isprintable() and not address.startswith(("//", "/\\"))
    return address if is_local and is_plain else "/"
