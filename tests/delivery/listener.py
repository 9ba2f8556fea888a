"""An HTTP server for the tests: what webhooks and Apprise's `json://` post to."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Posted:
    """One request: its path, headers (in lower case) and body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listener:
    """What was posted; `statuses` answers by path, `hanging` paths are never answered.

    A body that has `refused` in it is answered with 403. `on_post` is called before each answer.
    """

    statuses: dict[str, int] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    refused: bytes = b""
    on_post: Callable[[], object] = lambda: None
    posted: list[Posted] = field(default_factory=list)
    port: int = 0

    def at(self, path: str) -> list[Posted]:
        """What was posted to one path."""
        return [each for each in self.posted if each.path == path]


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener on a free port of 127.0.0.1."""
    listener, ended = Listener(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            listener.posted.append(Posted(self.path, headers, body))
            if self.path in listener.hanging:
                ended.wait()
                return
            listener.on_post()
            is_refused = listener.refused and listener.refused in body
            status = 403 if is_refused else listener.statuses.get(self.path, 200)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield listener
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def dripping(beginning: bytes) -> Iterator[int]:
    """The port of a server that begins an answer at once, and goes on by a letter for ever."""
    ended = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(beginning)
                while not ended.wait(0.05):
                    self.request.sendall(b"a")

    with _serving(Handler, ended) as port:
        yield port


@contextmanager
def dropping() -> Iterator[int]:
    """The port of a server that reads a request to its end and hangs up."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while (line := self.rfile.readline().strip().lower()) != b"":
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            self.rfile.read(length)

    with _serving(Handler, threading.Event()) as port:
        yield port


@contextmanager
def _serving(
    handler: type[socketserver.BaseRequestHandler], ended: threading.Event
) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            ended.set()
            server.shutdown()
            thread.join()
