"""Many tiny sites in one thread: a host each (127.0.x.y), a feed, articles, every request kept."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from tests.sample_site.server import end_other_tasks

_LETTERS = "aeiourstlnmkdp"


@dataclass(frozen=True, slots=True)
class Article:
    """One article on Kazakhstan; no two are near-duplicates of each other."""

    number: int
    published_at: datetime

    @property
    def path(self) -> str:
        return f"/kazakhstan-grain-deal-{self.number}-of-the-season/"

    @property
    def title(self) -> str:
        return f"Kazakhstan signs grain deal number {self.number}"

    def page(self) -> str:
        words = random.Random(self.number)
        paragraphs = "".join(
            "<p>Kazakhstan's government in Astana spoke of "
            + " ".join("".join(words.choices(_LETTERS, k=6)) for _ in range(40))
            + ".</p>"
            for _ in range(3)
        )
        return (
            f"<html lang=en><head><title>{self.title}</title></head><body><article>"
            f"<h1>{self.title}</h1><time datetime='{self.published_at.isoformat()}'></time>"
            f"<div class=body>{paragraphs}</div></article></body></html>"
        )


@dataclass(frozen=True, slots=True)
class Requested:
    """One request: when it came (monotonic seconds), to whom, by which crawl, for what."""

    at: float
    host: str
    crawl: str
    path: str


@dataclass
class TinySite:
    """What one host shows."""

    host: str
    articles: list[Article] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, type and body."""
        if path == "/feed/":
            return 200, "application/rss+xml", self._feed()
        for article in self.articles:
            if article.path == path:
                return 200, "text/html; charset=utf-8", article.page()
        return 404, "text/plain", "not here"

    def _feed(self) -> str:
        items = "".join(
            f"<item><title>{article.title}</title><link>http://{self.host}{article.path}</link>"
            f"<pubDate>{format_datetime(article.published_at, usegmt=True)}</pubDate></item>"
            for article in reversed(self.articles)
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'


class TinySites:
    """The sites, by host (with port), served until closed."""

    def __init__(self, count: int, articles: int = 2) -> None:
        self._addresses = [f"127.0.{n // 200}.{1 + n % 200}" for n in range(count)]
        self._articles_at_first = articles
        self._numbers = iter(range(1, 1_000_000))
        self.sites: dict[str, TinySite] = {}
        self.requested: list[Requested] = []

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        first = await asyncio.start_server(self._converse, self._addresses[0], 0)
        port = first.sockets[0].getsockname()[1]
        rest = self._addresses[1:]
        self._listeners = [first]
        if rest:
            self._listeners.append(await asyncio.start_server(self._converse, rest, port))
        for address in self._addresses:
            host = f"{address}:{port}"
            self.sites[host] = TinySite(host)
            for _ in range(self._articles_at_first):
                self.publish(host)

    async def _stop(self) -> None:
        await end_other_tasks()
        for listener in self._listeners:
            listener.close()

    def publish(self, host: str) -> Article:
        """One more article on a site."""
        article = Article(next(self._numbers), datetime.now(UTC).replace(microsecond=0))
        self.sites[host].articles.append(article)
        return article

    def urls(self) -> set[str]:
        """Every article of every site."""
        return {
            f"http://{host}{article.path}"
            for host, site in self.sites.items()
            for article in site.articles
        }

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._reply(head.decode("latin-1")))
                    await writer.drain()
        finally:
            writer.transport.abort()

    def _reply(self, head: str) -> bytes:
        at = time.monotonic()
        path = head.split(" ", 2)[1]
        headers = dict(re.findall(r"^([\w-]+): *(.*?)\r$", head.lower(), re.MULTILINE))
        agent = re.search(r"monitor; ([\w-]+)\)", headers["user-agent"])
        self.requested.append(Requested(at, headers["host"], agent[1] if agent else "", path))
        status, kind, body = self.sites[headers["host"]].answer(path)
        content = body.encode()
        etag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
        if headers.get("if-none-match") == etag:
            return f"HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n".encode()
        reason = "OK" if status == 200 else "Not Found"
        lines = [f"HTTP/1.1 {status} {reason}", f"Content-Type: {kind}", f"ETag: {etag}"]
        lines.append(f"Content-Length: {len(content)}")
        return "\r\n".join([*lines, "", ""]).encode() + content
