"""A dashboard that is really served, over a store that a test fills."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path

import pytest
from lxml import html

from rscrawler.config import Config
from rscrawler.store import Store
from rscrawler.web.dashboard import Dashboard
from rscrawler.web.server import DashboardServer
from tests.delivery.helpers import NOW, a_config


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
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def get(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request(method, path, headers=dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()


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
def shelf(config: Config) -> Iterator[Store]:
    """The store that the dashboard shows."""
    store = Store.open(config.database)
    yield store
    store.close()


@pytest.fixture
def server(config: Config, shelf: Store) -> Iterator[DashboardServer]:
    """The dashboard on a free port, in a thread; its clock stands at `NOW`."""
    dashboard = Dashboard.of(config, shelf, now=lambda: NOW)
    with DashboardServer(dashboard, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def browser(server: DashboardServer) -> Browser:
    """Asks the served dashboard."""
    return Browser(server.port)
