"""The sample site on the wire: HTTP/1.1 over asyncio streams, nothing but the standard library.

Responses are built once for an edition of the site and then sent as they are. Pages with
image addresses are built twice, with other tokens, and served in turn: two fetches in a
row never see the same tokens.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cached_property
from hashlib import blake2b
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from tests.sample_site.routes import Resource, find_resource
from tests.sample_site.state import SiteState

_TOKEN, _EXPIRES = b"@@TOKEN@@", b"@@EXPIRES@@"
_DAY_SECONDS = 86_400
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """A response; it announces the length of its body, unless a header says otherwise."""

    status: int
    headers: Headers
    body: bytes = b""

    @cached_property
    def head(self) -> bytes:
        """Status line and headers, as sent."""
        headers = {"Server": "sample", **self.headers}
        if self.status != 304:
            headers.setdefault("Content-Length", str(len(self.body)))
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    @cached_property
    def packed(self) -> Reply:
        """The same, compressed; a redirect has nothing to compress."""
        if not self.body:
            return self
        body = gzip.compress(self.body, compresslevel=5, mtime=0)
        return replace(self, headers={**self.headers, "Content-Encoding": "gzip"}, body=body)


@dataclass(slots=True)
class _Built:
    """A resource ready to be sent: a reply for each set of tokens."""

    edition: int
    replies: list[Reply]
    not_modified: Reply
    turn: int = 0

    def next_reply(self, *, zipped: bool) -> Reply:
        self.turn += 1
        reply = self.replies[self.turn % len(self.replies)]
        return reply.packed if zipped else reply

    def is_fresh(self, headers: Headers) -> bool:
        """Whether what the client has is still so (RFC 9110, 13.2.2): ETags before dates."""
        etag, last_modified = map(self.not_modified.headers.get, ("ETag", "Last-Modified"))
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


async def end_other_tasks() -> None:
    """Cancel every other task of this loop, such as conversations, and wait for their ends.

    A listener is closed after it, not before: a task that accepts a connection and has not begun
    by then would never close its socket.
    """
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.sleep(0)  # let each begin
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Server:
    """Serves a `SiteState`."""

    def __init__(self, state: SiteState) -> None:
        self.state = state
        self._built: dict[tuple[str, int], _Built] = {}
        # The validators that a path had when last rendered: a date moves only with a change.
        self._stamps: dict[tuple[str, int], tuple[str, datetime]] = {}
        # A loop itself keeps no task: one that hangs would be collected when its client has gone.
        self._conversations: set[asyncio.Task[None] | None] = set()
        self._listener: asyncio.Server | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen on loopback; `port` 0 takes a free one. Sets the state's `base_url`.

        Raises:
            OSError: the port is taken.
        """
        self._listener = await asyncio.start_server(self._converse, host, port, backlog=512)
        bound = self._listener.sockets[0].getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        self.state.base_url = f"http://{name}:{bound}"

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._listener is None:
            return
        await end_other_tasks()
        self._listener.close()
        await self._listener.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._conversations.add(task := asyncio.current_task())
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ")
                pairs = (line.partition(":") for line in lines[1:] if line)
                headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
                if not await self.answer(method, target, headers, writer):
                    break
            writer.close()
            await writer.wait_closed()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client went away
        except ValueError:
            pass  # it speaks no HTTP
        except asyncio.CancelledError:
            pass  # the site is being stopped
        finally:
            self._conversations.discard(task)
            writer.transport.abort()

    async def answer(
        self, method: str, target: str, headers: Headers, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; returns whether the connection stays open."""
        reply = self.reply(method, target, headers)
        writer.write(reply.head if method == "HEAD" else reply.head + reply.body)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    def reply(self, method: str, target: str, headers: Headers) -> Reply:
        """The response to one request; the names of its headers are in lower case."""
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

    def resource(self, path: str, page_number: int) -> Resource:
        """What a path shows now."""
        return find_resource(self.state, path, page_number)

    def built(self, path: str, page_number: int = 1) -> _Built:
        """What is sent for a path, made anew only after a change of the site."""
        key, state = (path, page_number), self.state
        with state.lock:
            if (known := self._built.get(key)) and known.edition == state.edition:
                return known
            resource = self.resource(path, page_number)
            validators = self._validators(key, resource)
            turns = (0, 1) if _TOKEN in resource.body else (0,)
            bodies = [_with_tokens(state, path, resource.body, turn) for turn in turns]
            replies = [_reply(state, resource, body, validators) for body in bodies]
            not_modified = Reply(304, {**validators, "Vary": "Accept-Encoding"})
            built = _Built(state.edition, replies, not_modified)
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


def _with_tokens(state: SiteState, path: str, body: bytes, turn: int) -> bytes:
    """`body` with its image tokens filled in; another `turn` or edition gives others."""
    token = blake2b(f"{state.seed}:{path}:{state.edition}:{turn}".encode(), digest_size=24)
    expires = int(state.changed_at.timestamp()) + _DAY_SECONDS * (state.edition + 1) + turn
    return body.replace(_TOKEN, token.hexdigest().encode()).replace(_EXPIRES, str(expires).encode())


def _reply(state: SiteState, resource: Resource, body: bytes, validators: Headers) -> Reply:
    if resource.location is not None:
        return Reply(resource.status, {"Location": state.base_url + resource.location})
    headers = {"Content-Type": resource.content_type, **validators, "Vary": "Accept-Encoding"}
    return Reply(resource.status, headers, body)
