"""A dashboard that is really served, over a store that a test fills."""

from __future__ import annotations

import asyncio
import shutil
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.message import Message
from hashlib import scrypt
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest
import uvicorn
from lxml import html

from rscrawler.config import Config
from rscrawler.store import Store
from rscrawler.web.app import listening, server_config
from rscrawler.web.dashboard import Dashboard
from tests.delivery.helpers import NOW, a_config
from tests.workspace import DEADLINE_SECONDS


@dataclass(frozen=True)
class Answer:
    """What the server sent."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def tree(self) -> html.HtmlElement:
        return html.document_fromstring(self.text)

    def texts(self, selector: str) -> list[str]:
        """The text of each element that a CSS-like XPath finds, its white space settled."""
        return [" ".join(each.text_content().split()) for each in self.tree.xpath(selector)]

    @property
    def rows(self) -> list[str]:
        """The rows of the tables, their cells divided by a blank."""
        return [
            " ".join(" ".join(row.itertext()).split()) for row in self.tree.xpath("//table//tr[td]")
        ]


class Browser:
    """Asks one server, and keeps its cookies."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def get(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_SECONDS)
        sent = dict(headers or {})
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, headers=sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(cookie).items():
                self.cookies[name] = morsel.value
        return answer

    def submit(
        self,
        action: str,
        fields: Mapping[str, str | Sequence[str]],
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form as a browser does from one of the server's pages; an empty header is left."""
        own = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{self.port}",
            "Sec-Fetch-Site": "same-origin",
            **(headers or {}),
        }
        sent = {name: value for name, value in own.items() if value}
        return self.get(action, "POST", sent, urlencode(fields, doseq=True))


def quickly_hashed(password: str) -> str:
    """A password as `[web] users` keeps it, at the least cost: else it takes a quarter second."""
    salt = b"sixteen of bytes"
    digest = scrypt(password.encode(), salt=salt, n=1024, r=1, p=1, dklen=32)
    return f"scrypt$1024$1$1${b64encode(salt).decode()}${b64encode(digest).decode()}"


class Server(uvicorn.Server):
    """Ends when it is told to; else it would look ten times a second, and then wait for clients."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.end_requested = Future[None]()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await asyncio.wrap_future(self.end_requested)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.gather(*self.server_state.tasks)  # a file is closed after its last byte
        await self.lifespan.shutdown()


@contextmanager
def served(dashboard: Dashboard) -> Iterator[Browser]:
    """A dashboard on a free port, served as the command serves it, in a thread."""
    with closing(listening("127.0.0.1", 0)) as listener:
        server = Server(server_config(dashboard, "127.0.0.1"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield Browser(listener.getsockname()[1])
        finally:
            server.end_requested.set_result(None)
            thread.join()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Alerts on Central Asia; a mail server that is not there."""
    return a_config(
        tmp_path / "out",
        email={
            "host": "127.0.0.1",
            "port": 1,
            "security": "none",
            "sender": "monitor@example.org",
            "recipients": ["secret.desk@example.org"],
        },
        channels={"ops": "json://user:hidden-token@127.0.0.1:1/"},
    )


@pytest.fixture
def shelf(config: Config, empty_database: Path) -> Iterator[Store]:
    """The store that the dashboard shows."""
    config.output_dir.mkdir(parents=True, exist_ok=True)
    shutil.copy(empty_database, config.output_dir)
    store = Store.open(config.database)
    yield store
    store.close()


@pytest.fixture
def browser(config: Config, shelf: Store) -> Iterator[Browser]:
    """Asks the served dashboard, whose clock stands at `NOW`."""
    with served(Dashboard(config, shelf, now=lambda: NOW)) as browser:
        yield browser
