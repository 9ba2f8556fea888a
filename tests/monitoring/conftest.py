"""What the tests of monitoring share: cycles written down, and who listens for heartbeats."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rscrawler.store import Store

RunCycle = Callable[..., None]


@dataclass
class Pulse:
    """Who gets the heartbeats: the paths that were requested, and the status to answer."""

    url: str = ""
    status: int = 200
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    """A listener on a free port."""
    pulse = Pulse()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pulse.paths.append(self.path)
            self.send_response(pulse.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    pulse.url = f"http://127.0.0.1:{server.server_port}/ping/some-secret"
    yield pulse
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def run_cycle(store: Store) -> RunCycle:
    """Writes a cycle over a site down, as its end does."""

    def run(at: datetime, *, site: str = "sample", succeeded: bool = True, **counters: int) -> None:
        run_id = f"run-{at:%Y%m%dT%H%M}"
        store.health.record_start(run_id, site, at)
        store.health.record_end(run_id, site, at, succeeded=succeeded, counters=counters)

    return run
