"""The application on the wire."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import uvicorn

from rscrawler.errors import ConfigurationError
from rscrawler.web.app import create_app
from rscrawler.web.dashboard import Dashboard

# What a client may keep open without asking anything.
_KEEP_ALIVE_SECONDS = 20
# A page in the making may be finished when the server is told to stop.
_SHUTDOWN_SECONDS = 10
_BACKLOG = 512  # clients that wait to be let in


def serve(dashboard: Dashboard, host: str, port: int, *, announce: Callable[[str], None]) -> None:
    """Serve the dashboard until SIGTERM or SIGINT; port 0 takes a free one.

    `announce` is told the address once it listens.

    Raises:
        ConfigurationError: the host and port cannot be listened on.
    """
    with closing(listening(host, port)) as listener:
        name, taken = listener.getsockname()[:2]
        announce(f"http://[{name}]:{taken}/" if ":" in name else f"http://{name}:{taken}/")
        with _signals_left_alone():
            server_of(dashboard, host).run(sockets=[listener])


def server_of(dashboard: Dashboard, host: str) -> uvicorn.Server:
    """A server for sockets that are bound to `host`."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(dashboard, bound_to=host),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        ConfigurationError: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"--host {host} --port {port}: cannot be listened on: {reason}"
        ) from error
    return listener


@contextmanager
def _signals_left_alone() -> Iterator[None]:
    """Uvicorn stops at a signal, and then sends it once more to whoever handled it before."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
