"""The sample site on the wire: HTTP/1.1 over asyncio streams, nothing but the standard library.

Responses are built once for an edition of the site and then sent as they are. Pages with
image addresses are built twice, with other tokens, and served in turn: two fetches in a
row never see the same tokens.

`python -m rscrawler.demo.server --stories 2000 --port 8000` serves until it is told to
end (SIGTERM or SIGINT); the first line that it prints is the site's address.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import signal
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from random import Random
from urllib.parse import parse_qs, urlsplit

from rscrawler.demo.pages import SITE_NAME, render_notice, render_robots
from rscrawler.demo.routes import HTML, Resource, find_resource
from rscrawler.demo.state import SiteState

_REMEMBERED_REQUESTS = 100_000
_HUGE_BYTES = 48 * 2**20
_HUGE_CHUNK = b"<p>" + b"All work and no play. " * 2978 + b"</p>"
_TOKEN, _EXPIRES = b"@@TOKEN@@", b"@@EXPIRES@@"
_DAY_SECONDS = 86_400
_HTML = {"Content-Type": HTML}
_VALIDATORS = ("ETag", "Last-Modified")
_CONDITIONS = ("if-none-match", "if-modified-since")


class Fault(StrEnum):
    """A way in which the site misbehaves."""

    SERVER_ERROR = "server-error"  # 500
    TOO_MANY = "too-many"  # 429 with Retry-After
    HANG = "hang"  # the request is read and never answered
    TRUNCATED = "truncated"  # half of the announced bytes, then the connection closes
    GARBAGE = "garbage"  # random bytes, called text/html
    HUGE = "huge"  # 48 MiB of text, without a Content-Length
    EMPTY = "empty"  # 200 and no body
    WALL = "wall"  # 200 and a form of consent, a whole page, in the place of what is asked
    FORBIDDEN_ROBOTS = "forbidden-robots"  # robots.txt disallows everything
    LYING_304 = "lying-304"  # "not modified" to any conditional request
    NO_VALIDATORS = "no-validators"  # neither sends nor honours ETag and Last-Modified
    REDIRECT_AWAY = "redirect-away"  # 302 to another host


@dataclass(slots=True)
class FaultRule:
    """A fault on every path that begins with `prefix`, `remaining` times (None: always)."""

    prefix: str
    fault: Fault
    remaining: int | None
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request and how it was answered."""

    at: datetime
    method: str
    path: str  # with the query
    status: int  # 0 when no answer was sent
    bytes_sent: int  # head and body, as sent (compressed where the client accepts it)
    conditional: bool  # it had If-None-Match or If-Modified-Since
    headers: Mapping[str, str] = field(repr=False)  # the request's, names in lower case


@dataclass(frozen=True)
class Reply:
    """A response; it announces the length of its body, unless a header says otherwise.

    With status 0 it is its body alone: nothing, or what is no HTTP.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def head(self) -> bytes:
        """Status line and headers, as sent."""
        if not self.status:
            return b""
        headers = {"Server": "sample", **self.headers}
        if self.status != 304 and "Transfer-Encoding" not in headers:
            headers.setdefault("Content-Length", str(len(self.body)))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(slots=True)
class _Built:
    """A resource ready to be sent: for each set of tokens the plain and the gzip reply."""

    edition: tuple[int, int]  # of the site, and of its tokens
    replies: list[tuple[Reply, Reply]]
    not_modified: Reply
    turn: int = 0

    def next_reply(self, *, zipped: bool) -> Reply:
        self.turn += 1
        return self.replies[self.turn % len(self.replies)][zipped]

    def is_fresh(self, headers: Mapping[str, str]) -> bool:
        """Whether what the client has is still so (RFC 9110, 13.2.2): ETags before dates."""
        etag, last_modified = map(self.not_modified.headers.get, _VALIDATORS)
        if wanted := headers.get("if-none-match"):
            tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
            return etag is not None and (etag.removeprefix("W/") in tags or "*" in tags)
        since = headers.get("if-modified-since")
        if since is None or last_modified is None:
            return False
        try:
            return parsedate_to_datetime(last_modified) <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False  # a date that cannot be read is ignored


class Server:
    """Serves a `SiteState`.

    `requests` are the last 100,000 that it answered; of `faults` the first matching one decides.
    """

    def __init__(self, state: SiteState) -> None:
        self.state = state
        self.faults: list[FaultRule] = []
        self.requests: deque[ServedRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._built: dict[tuple[str, int], _Built] = {}
        # The validators that a path had when last rendered: a date moves only with a change.
        self._stamps: dict[tuple[str, int], tuple[str, datetime]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 takes a free one. Sets the state's `base_url`.

        Raises:
            OSError: the port is taken.
        """
        self._listener = await asyncio.start_server(self._converse, "127.0.0.1", port, backlog=512)
        bound = self._listener.sockets[0].getsockname()[1]
        self.state.base_url = f"http://127.0.0.1:{bound}"

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._listener is None:
            return
        self._listener.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._listener.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while await self._answer(await reader.readuntil(b"\r\n\r\n"), writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client went away, or never spoke HTTP
        except asyncio.CancelledError:
            pass  # the site is being stopped
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; returns whether the connection stays open."""
        lines = request.decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
        except ValueError:
            return False
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        rule = self._fault_of(target)
        fault = rule.fault if rule else None
        reply = (
            self._faulty(rule, target, headers) if rule else self._reply(method, target, headers)
        )
        sent = reply.head if method == "HEAD" else reply.head + reply.body
        size = _HUGE_BYTES if fault is Fault.HUGE else len(sent)
        conditional = not headers.keys().isdisjoint(_CONDITIONS)
        # Recorded before it is sent: whoever has the answer finds the request in the list.
        self.requests.append(
            ServedRequest(
                self.state.now(), method, target, reply.status, size, conditional, headers
            )
        )
        writer.write(sent)
        await writer.drain()
        if fault is Fault.HANG:
            await asyncio.Event().wait()
        if fault is Fault.HUGE:
            await _send_huge(writer)
        if fault in (Fault.TRUNCATED, Fault.HUGE):
            return False
        return headers.get("connection", "").lower() != "close"

    def _fault_of(self, target: str) -> FaultRule | None:
        """The rule for a request, used up by one; None when it is to be served well."""
        with self.state.lock:
            for rule in self.faults:
                if target.startswith(rule.prefix) and rule.remaining != 0:
                    if rule.remaining is not None:
                        rule.remaining -= 1
                    return rule
        return None

    def _reply(self, method: str, target: str, headers: Mapping[str, str]) -> Reply:
        """A good answer."""
        if method not in ("GET", "HEAD"):
            return Reply(405, {"Allow": "GET, HEAD"})
        parts = urlsplit(target)
        number = parse_qs(parts.query).get("page", ["1"])[0]
        page_number = max(1, int(number)) if number.isdecimal() else 1
        built = self.built(parts.path, page_number)
        if built.is_fresh(headers):
            return built.not_modified
        reply = built.next_reply(zipped="gzip" in headers.get("accept-encoding", ""))
        if reply.status == 301 and parts.query:  # redirects keep the query
            location = f"{reply.headers['Location']}?{parts.query}"
            return replace(reply, headers={"Location": location})
        return reply

    def built(self, path: str, page_number: int = 1) -> _Built:
        """What is sent for a path, made anew only after a change of the site."""
        key, state = (path, page_number), self.state
        with state.lock:
            edition = (state.edition, state.rotation)
            if (known := self._built.get(key)) and known.edition == edition:
                return known
            resource = find_resource(state, path, page_number)
            validators = self._validators(key, resource)
            turns = (0, 1) if _TOKEN in resource.body else (0,)
            bodies = [_with_tokens(state, path, resource.body, turn) for turn in turns]
            replies = [_replies(state, resource, body, validators) for body in bodies]
            not_modified = Reply(304, {**validators, "Vary": "Accept-Encoding"})
            built = _Built(edition, replies, not_modified)
            if resource.lasts and resource.status == 200:
                self._built[key] = built
            return built

    def _validators(self, key: tuple[str, int], resource: Resource) -> dict[str, str]:
        etag = f'W/"{blake2b(resource.body, digest_size=12).hexdigest()}"'
        validators = {"ETag": etag} if resource.has_etag else {}
        if resource.has_last_modified:
            # When it took on its present content, as far as the site has noticed.
            if key not in self._stamps or self._stamps[key][0] != etag:
                self._stamps[key] = (etag, self.state.changed_at)
            validators["Last-Modified"] = format_datetime(self._stamps[key][1], usegmt=True)
        return validators

    def _faulty(self, rule: FaultRule, target: str, headers: Mapping[str, str]) -> Reply:
        path = urlsplit(target).path
        plain = {name: value for name, value in headers.items() if name not in _CONDITIONS}
        match rule.fault:
            case Fault.SERVER_ERROR:
                return Reply(500, _HTML, b"<h1>Internal Server Error</h1>")
            case Fault.TOO_MANY:
                retry = {**_HTML, "Retry-After": str(rule.retry_after_seconds)}
                return Reply(429, retry, b"<h1>Too Many Requests</h1>")
            case Fault.HANG:
                return Reply(0, {})
            case Fault.TRUNCATED:
                whole = self._reply("GET", target, plain)
                length = {"Content-Length": str(len(whole.body))}
                half = whole.body[: len(whole.body) // 2]
                return Reply(whole.status, {**whole.headers, **length}, half)
            case Fault.GARBAGE:
                return Reply(200, _HTML, Random(f"{self.state.seed}:{target}").randbytes(20_000))
            case Fault.HUGE:
                return Reply(200, {**_HTML, "Transfer-Encoding": "chunked"})
            case Fault.EMPTY:
                return Reply(200, _HTML)
            case Fault.WALL:
                notice = "<form><label>Cookies, please</label><button>Accept</button></form>"
                return Reply(200, _HTML, render_notice(SITE_NAME, notice).encode())
            case Fault.REDIRECT_AWAY:
                return Reply(302, {"Location": f"http://elsewhere.invalid{path}"})
            case Fault.FORBIDDEN_ROBOTS if path == "/robots.txt":
                body = render_robots(self.state, "Disallow: /").encode()
                return Reply(200, {"Content-Type": "text/plain"}, body)
            case Fault.LYING_304 if plain != headers:
                return Reply(304, {})
            case Fault.NO_VALIDATORS:
                whole = self._reply("GET", target, plain)
                kept = {name: of for name, of in whole.headers.items() if name not in _VALIDATORS}
                return Reply(whole.status, kept, whole.body)
        return self._reply("GET", target, headers)


def _with_tokens(state: SiteState, path: str, body: bytes, turn: int) -> bytes:
    """`body` with its image tokens filled in; another `turn` or rotation gives others."""
    token = blake2b(f"{state.seed}:{path}:{state.rotation}:{turn}".encode(), digest_size=24)
    expires = int(state.changed_at.timestamp()) + _DAY_SECONDS * (state.rotation + 1) + turn
    return body.replace(_TOKEN, token.hexdigest().encode()).replace(_EXPIRES, str(expires).encode())


def _replies(
    state: SiteState, resource: Resource, body: bytes, validators: Mapping[str, str]
) -> tuple[Reply, Reply]:
    """The plain and the compressed reply; a redirect has one."""
    if resource.location is not None:
        redirect = Reply(resource.status, {"Location": state.base_url + resource.location})
        return redirect, redirect
    headers = {"Content-Type": resource.content_type, **validators, "Vary": "Accept-Encoding"}
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    return (
        Reply(resource.status, headers, body),
        Reply(resource.status, {**headers, "Content-Encoding": "gzip"}, packed),
    )


async def _send_huge(writer: asyncio.StreamWriter) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(_HUGE_CHUNK), _HUGE_CHUNK)
    for _ in range(_HUGE_BYTES // len(_HUGE_CHUNK)):
        writer.write(chunk)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def main() -> None:
    """The command line."""
    from rscrawler.demo.site import SampleSite

    parser = argparse.ArgumentParser(prog="python -m rscrawler.demo.server", description=__doc__)
    parser.add_argument("--stories", type=int, default=120, help="public stories (default 120)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another site")
    options = parser.parse_args()
    told = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, told)
    with SampleSite(options.stories, options.seed, port=options.port) as site:
        site.warm_up()
        print(site.base_url, flush=True)  # noqa: T201
        signal.sigwait(told)


if __name__ == "__main__":
    main()
