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
import contextlib
import gzip
import signal
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b
from http import HTTPStatus
from random import Random
from urllib.parse import parse_qs, urlsplit

from rscrawler.clock import utc_now
from rscrawler.demo import feeds
from rscrawler.demo.faults import Fault, FaultRule, Faults
from rscrawler.demo.generator import build_stories
from rscrawler.demo.pages import render_notice
from rscrawler.demo.routes import Resource, find_resource
from rscrawler.demo.state import SiteState
from rscrawler.demo.templating import SITE_NAME

_REMEMBERED_REQUESTS = 100_000
_HUGE_BYTES = 48 * 2**20
_HUGE_CHUNK = b"<p>" + b"All work and no play. " * 2978 + b"</p>"
_TOKEN, _EXPIRES = b"@@TOKEN@@", b"@@EXPIRES@@"
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request and how it was answered.

    Attributes:
        path: with the query.
        status: 0 when no answer was sent.
        bytes_sent: head and body, as sent (compressed where the client accepts it).
        conditional: whether it had If-None-Match or If-Modified-Since.
        headers: the request's, names in lower case.
    """

    at: datetime
    method: str
    path: str
    status: int
    bytes_sent: int
    conditional: bool
    headers: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class _Built:
    """A resource ready to be sent: for each set of tokens the plain and the gzip response."""

    edition: int
    rotation: int
    status: int
    etag: str | None
    last_modified: datetime | None
    responses: list[tuple[bytes, bytes]]
    not_modified: bytes
    turn: int = 0

    def next_response(self, *, zipped: bool) -> bytes:
        self.turn += 1
        return self.responses[self.turn % len(self.responses)][zipped]


class Server:
    """Serves a `SiteState`; `requests` are the last 100,000 that it answered."""

    def __init__(self, state: SiteState) -> None:
        self.state = state
        self.faults = Faults()
        self.requests: deque[ServedRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        self._built: dict[tuple[str, int], _Built] = {}
        # The validators that a path had when last rendered: a date moves only with a change.
        self._stamps: dict[tuple[str, int], tuple[str, datetime]] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listens on loopback; `port` 0 takes a free one. Sets the state's `base_url`.

        Raises:
            OSError: the port is taken.
        """
        self._listener = await asyncio.start_server(self._converse, "127.0.0.1", port, backlog=512)
        bound = self._listener.sockets[0].getsockname()[1]
        self.state.base_url = f"http://127.0.0.1:{bound}"

    async def stop(self) -> None:
        """Closes every connection and the port."""
        if self._listener is None:
            return
        self._listener.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._listener.wait_closed()

    def warm_up(self) -> None:
        """Builds every article ahead, so that the first visitor does not wait."""
        for story in self.state.stories:
            self._resource(story.path, 1)

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

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; returns whether the connection stays open."""
        lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
        except ValueError:
            return False
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        with self.state.lock:
            rule = self.faults.take(target)
        if rule is not None:
            known, reply, stays_open = self._faulty(rule, target, headers)
        else:
            known, reply, stays_open = *self._reply(method, target, headers), True
        conditional = "if-none-match" in headers or "if-modified-since" in headers
        is_huge = rule is not None and rule.fault is Fault.HUGE
        sent = _HUGE_BYTES if is_huge else len(reply)
        # Recorded before it is sent: whoever has the answer finds the request in the list.
        self.requests.append(
            ServedRequest(self.state.now(), method, target, known, sent, conditional, headers)
        )
        if reply:
            writer.write(_head_alone(reply) if method == "HEAD" else reply)
        await writer.drain()
        if is_huge:
            await _send_huge(writer)
        if rule is not None and rule.fault is Fault.HANG:
            await asyncio.Event().wait()
        return stays_open and headers.get("connection", "").lower() != "close"

    def _reply(self, method: str, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and bytes of a good answer."""
        if method not in ("GET", "HEAD"):
            return 405, _head(405, {"Allow": "GET, HEAD", "Content-Length": "0"})
        parts = urlsplit(target)
        page_number = _page_number(parts.query)
        built = self._resource(parts.path, page_number)
        if built.status == 301 and parts.query:
            # Redirects keep the query, so they are written for this request alone.
            resource = find_resource(self.state, parts.path, page_number)
            return 301, _redirect(301, f"{self.state.base_url}{resource.location}?{parts.query}")
        if built.status == 200 and _is_fresh(built, headers):
            return 304, built.not_modified
        zipped = "gzip" in headers.get("accept-encoding", "")
        return built.status, built.next_response(zipped=zipped)

    def _resource(self, path: str, page_number: int) -> _Built:
        key = (path, page_number)
        with self.state.lock:
            state = self.state
            built = self._built.get(key)
            if built and (built.edition, built.rotation) == (state.edition, state.rotation):
                return built
            resource = find_resource(state, path, page_number)
            built = self._build(key, resource)
            if resource.lasts and resource.status == 200:
                self._built[key] = built
            return built

    def _build(self, key: tuple[str, int], resource: Resource) -> _Built:
        state = self.state
        etag = f'W/"{blake2b(resource.body, digest_size=12).hexdigest()}"'
        changed_at = self._changed_at(key, etag) if resource.has_last_modified else None
        validators = {}
        if resource.has_etag:
            validators["ETag"] = etag
        if changed_at is not None:
            validators["Last-Modified"] = format_datetime(changed_at, usegmt=True)
        if resource.location is not None:
            reply = _redirect(resource.status, state.base_url + resource.location)
            responses = [(reply, reply)]
        else:
            turns = (0, 1) if _TOKEN in resource.body else (0,)
            bodies = [_with_tokens(state, key[0], resource.body, turn) for turn in turns]
            responses = [_responses(resource, body, validators) for body in bodies]
        return _Built(
            edition=state.edition,
            rotation=state.rotation,
            status=resource.status,
            etag=etag if resource.has_etag else None,
            last_modified=changed_at,
            responses=responses,
            not_modified=_head(304, {**validators, "Vary": "Accept-Encoding"}),
        )

    def _changed_at(self, key: tuple[str, int], etag: str) -> datetime:
        """When the resource took on its present content, as far as the site has noticed."""
        stamp = self._stamps.get(key)
        if stamp is None or stamp[0] != etag:
            stamp = self._stamps[key] = (etag, self.state.changed_at)
        return stamp[1]

    def _faulty(
        self, rule: FaultRule, target: str, headers: Mapping[str, str]
    ) -> tuple[int, bytes, bool]:
        """Status, bytes, and whether the connection stays open afterwards."""
        html = {"Content-Type": "text/html; charset=utf-8"}
        match rule.fault:
            case Fault.SERVER_ERROR:
                return 500, _whole(500, html, b"<h1>Internal Server Error</h1>"), True
            case Fault.TOO_MANY:
                retry = {**html, "Retry-After": str(rule.retry_after_seconds)}
                return 429, _whole(429, retry, b"<h1>Too Many Requests</h1>"), True
            case Fault.HANG:
                return 0, b"", False
            case Fault.TRUNCATED:
                status, reply = self._reply("GET", target, _unconditional(headers))
                body_start = len(_head_alone(reply))
                return status, reply[: (body_start + len(reply)) // 2], False
            case Fault.GARBAGE:
                noise = Random(f"{self.state.seed}:{target}").randbytes(20_000)
                return 200, _whole(200, html, noise), True
            case Fault.HUGE:
                return 200, _head(200, {**html, "Transfer-Encoding": "chunked"}), False
            case Fault.EMPTY:
                return 200, _whole(200, html, b""), True
            case Fault.WALL:
                notice = "<form><label>Cookies, please</label><button>Accept</button></form>"
                return 200, _whole(200, html, render_notice(SITE_NAME, notice).encode()), True
            case Fault.REDIRECT_AWAY:
                path = urlsplit(target).path
                return 302, _redirect(302, f"http://elsewhere.invalid{path}"), True
            case Fault.FORBIDDEN_ROBOTS if urlsplit(target).path == "/robots.txt":
                body = feeds.render_robots(self.state, forbid_all=True).encode()
                return 200, _whole(200, {"Content-Type": "text/plain"}, body), True
            case Fault.LYING_304 if _unconditional(headers) != headers:
                return 304, _head(304, {}), True
            case Fault.NO_VALIDATORS:
                status, reply = self._reply("GET", target, _unconditional(headers))
                return status, _without_validators(reply), True
        return *self._reply("GET", target, headers), True


def _page_number(query: str) -> int:
    values = parse_qs(query).get("page", ["1"])
    return max(1, int(values[0])) if values[0].isdecimal() else 1


def _is_fresh(built: _Built, headers: Mapping[str, str]) -> bool:
    """Whether what the client has is still so (RFC 9110, 13.2.2): ETags before dates."""
    wanted = headers.get("if-none-match")
    if wanted is not None:
        tags = {tag.strip().removeprefix("W/") for tag in wanted.split(",")}
        return built.etag is not None and (built.etag.removeprefix("W/") in tags or "*" in tags)
    since = headers.get("if-modified-since")
    if since is None or built.last_modified is None:
        return False
    try:
        return built.last_modified <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False  # a date that cannot be read is ignored


def _unconditional(headers: Mapping[str, str]) -> dict[str, str]:
    conditions = ("if-none-match", "if-modified-since")
    return {name: value for name, value in headers.items() if name not in conditions}


def _with_tokens(state: SiteState, path: str, body: bytes, turn: int) -> bytes:
    """`body` with its image tokens filled in; another `turn` or rotation gives others."""
    token = blake2b(f"{state.seed}:{path}:{state.rotation}:{turn}".encode(), digest_size=24)
    expires = int(state.changed_at.timestamp()) + _DAY_SECONDS * (state.rotation + 1) + turn
    return body.replace(_TOKEN, token.hexdigest().encode()).replace(_EXPIRES, str(expires).encode())


def _responses(
    resource: Resource, body: bytes, validators: Mapping[str, str]
) -> tuple[bytes, bytes]:
    headers = {"Content-Type": resource.content_type, **validators, "Vary": "Accept-Encoding"}
    packed = gzip.compress(body, compresslevel=5, mtime=0)
    return (
        _whole(resource.status, headers, body),
        _whole(resource.status, {**headers, "Content-Encoding": "gzip"}, packed),
    )


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Server: sample"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _whole(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    return _head(status, {**headers, "Content-Length": str(len(body))}) + body


def _head_alone(reply: bytes) -> bytes:
    return reply[: reply.index(b"\r\n\r\n") + 4]


def _redirect(status: int, location: str) -> bytes:
    return _head(status, {"Location": location, "Content-Length": "0"})


def _without_validators(reply: bytes) -> bytes:
    head, _, body = reply.partition(b"\r\n\r\n")
    kept = [
        line
        for line in head.split(b"\r\n")
        if not line.lower().startswith((b"etag:", b"last-modified:"))
    ]
    return b"\r\n".join(kept) + b"\r\n\r\n" + body


async def _send_huge(writer: asyncio.StreamWriter) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(_HUGE_CHUNK), _HUGE_CHUNK)
    for _ in range(_HUGE_BYTES // len(_HUGE_CHUNK)):
        writer.write(chunk)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _serve_until_told(stories: int, seed: int, port: int) -> None:
    public, held_back = build_stories(stories, seed, utc_now())
    server = Server(SiteState(public, held_back, seed, utc_now))
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    await server.start(port)
    server.warm_up()
    sys.stdout.write(f"{server.state.base_url}\n")
    sys.stdout.flush()
    await told.wait()
    await server.stop()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m rscrawler.demo.server", description=__doc__)
    parser.add_argument("--stories", type=int, default=120, help="public stories (default 120)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another site")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve_until_told(options.stories, options.seed, options.port))


if __name__ == "__main__":
    main()
