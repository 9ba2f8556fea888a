"""A tiny site on loopback: pages by path, and what was requested."""

from __future__ import annotations

import gzip
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

BASE = "@@BASE@@"  # stands for the site's address in a page
_LONGEST_WAIT = 5  # seconds


@dataclass(frozen=True)
class Reply:
    """What a path answers: a page, or a redirect to `location`.

    `after`: a path; the answer waits until that is requested, a few seconds at most.
    """

    text: str = ""
    kind: str = "text/html; charset=utf-8"
    status: int = 200
    location: str | None = None
    is_packed: bool = False
    cookie: str | None = None
    after: str | None = None


@dataclass
class SmallSite:
    """Serves `pages`; a path that is not among them answers 404. `requested` is in order.

    A client's cookie is a part of the path, behind a space, if there is such a page.
    """

    pages: dict[str, Reply]
    requested: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)

    def __enter__(self) -> Self:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requested.append(self.path)
                site.agents.add(self.headers.get("User-Agent", ""))
                plain = site.pages.get(self.path, Reply("<h1>Not found</h1>", status=404))
                reply = site.pages.get(f"{self.path} {self.headers.get('Cookie')}", plain)
                ends_at = time.monotonic() + _LONGEST_WAIT
                while reply.after not in (None, *site.requested) and time.monotonic() < ends_at:
                    time.sleep(0.01)
                body = reply.text.replace(BASE, site.base_url).encode()
                self.send_response(reply.status)
                if reply.is_packed:
                    body = gzip.compress(body)
                    self.send_header("Content-Encoding", "gzip")
                if reply.location is not None:
                    self.send_header("Location", reply.location.replace(BASE, site.base_url))
                if reply.cookie is not None:
                    self.send_header("Set-Cookie", reply.cookie)
                self.send_header("Content-Type", reply.kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def page(text: str) -> Reply:
    return Reply(text)


def xml(text: str) -> Reply:
    return Reply(text, "application/xml; charset=utf-8")


def plain(text: str) -> Reply:
    return Reply(text, "text/plain")
