"""The dashboard on the wire: the standard library's server, a thread for each request."""

from __future__ import annotations

import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from types import FrameType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rscrawler.errors import ConfigurationError
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.messages import Request, Response
from rscrawler.web.routes import common_headers, respond

logger = logging.getLogger(__name__)
_MAX_PARAMETERS = 20


class _Handler(BaseHTTPRequestHandler):
    """One request: read, answered, closed."""

    server: DashboardServer
    # A client that says nothing for so long is let go.
    timeout = 20.0

    def _answer(self) -> None:
        try:
            parts = urlsplit(self.path)
            parameters = dict(parse_qsl(parts.query, max_num_fields=_MAX_PARAMETERS))
        except ValueError:
            self.send_error(400)
            return
        request = Request(
            self.command, unquote(parts.path), parameters, self.headers.get("If-None-Match")
        )
        self._send(respond(self.server.dashboard, request))

    do_GET = do_HEAD = _answer  # noqa: N815 - the names that the library calls
    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        own = {"Content-Type": response.content_type, "Content-Length": str(len(response.body))}
        for name, value in {**common_headers(), **own, **response.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What cannot be read as a request gets a line of text."""
        text = self.responses.get(code, ("error", ""))[0]
        # What names no version of ours would be answered without headers.
        self.request_version = self.protocol_version
        self._send(Response(f"{code} {text}\n".encode(), "text/plain; charset=utf-8", code))

    def version_string(self) -> str:
        """Who answers; of which version is nobody's business."""
        return "rscrawler"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """To the log, where what a client sent cannot start a line."""
        logger.info("%s %r", self.address_string(), format % args)


class DashboardServer(ThreadingTCPServer):
    """A dashboard that listens; port 0 takes a free one.

    Raises:
        ConfigurationError: the host and port cannot be listened on.
    """

    allow_reuse_address = True
    # Nothing is lost with a request that is cut off: it only reads.
    daemon_threads = True

    def __init__(self, dashboard: Dashboard, host: str, port: int) -> None:
        self.dashboard = dashboard
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"--host {host} --port {port}: cannot be listened on: {reason}"
            ) from error

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """Where it is, for people."""
        host = str(self.server_address[0])
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is a bug."""
        if isinstance(sys.exception(), ConnectionError | TimeoutError):
            logger.info("a request from %s was cut off", client_address[0])
        else:
            logger.exception("a request from %s broke", client_address[0])


@contextmanager
def stopped_by_signals(server: DashboardServer) -> Iterator[None]:
    """While this lasts, SIGTERM and SIGINT end `server.serve_forever`."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        # `shutdown` waits for the loop that this very thread runs.
        Thread(target=server.shutdown, name="stop", daemon=True).start()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
