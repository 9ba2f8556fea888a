from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message

import pytest

from tests.sample_site import SampleSite
from tests.workspace import DEADLINE_SECONDS

NOON = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)


@dataclass
class HandClock:
    """A clock that moves when it is told to."""

    time: datetime = NOON

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


Get = Callable[..., Reply]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def site(clock: HandClock) -> Iterator[SampleSite]:
    with SampleSite(stories=60, seed=7, now=clock) as running:
        yield running


@pytest.fixture
def get(site: SampleSite) -> Iterator[Get]:
    """Asks the site over one kept-alive connection."""
    host = site.base_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=DEADLINE_SECONDS)

    def ask(path: str, method: str = "GET", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path.removeprefix(site.base_url), headers=named)
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())

    yield ask
    connection.close()
