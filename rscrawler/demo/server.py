"""The servers of `rscrawler demo` on loopback: an invented magazine, and a mailbox.

`python -m rscrawler.demo.server --port 8000` serves the magazine until SIGTERM or SIGINT; the
first line of its output is the site's address.

The articles are in TOML files in `articles/`. Blank lines in a body divide paragraphs; a paragraph
that begins with `## `, `- ` or `> ` is a subhead, a list item or a quotation. The keys `level`,
`countries` and `shapes` are for the sample site of the tests, which has the same articles.
"""

import argparse
import signal
import tomllib
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler
from itertools import zip_longest
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from rscrawler.clock import utc_now
from rscrawler.delivery.wording import templates, words_of_slug

ARTICLES = Path(__file__).parent / "articles"
SECTIONS = (
    "analysis", "reporting", "qiosk", "europe", "asia-pacific", "middle-east", "africa",
    "latin-america", "north-america", "washington-politics", "global-crises",
    "military-industrial-complex", "media",
)  # fmt: skip
SPREAD = timedelta(days=60)  # the dates of the articles are spread over this span
_ELEMENTS = {"##": "h3", "-": "li", ">": "blockquote"}
_HTML, _XML = "text/html; charset=utf-8", "application/xml"
_TEMPLATES = templates("demo", label=words_of_slug, rfc5322=format_datetime)
_TEMPLATES.globals["SECTIONS"] = SECTIONS


class Story(BaseModel):
    """One article, as its table in a file has it."""

    slug: str
    title: str
    subtitle: str | None = None
    authors: list[str] = []
    sections: list[str] = []
    tags: list[str] = []
    image_caption: str | None = None
    image_credit: str | None = None
    body: str
    published_at: datetime

    @property
    def blocks(self) -> list[tuple[str, str]]:
        """(element, text) of each paragraph of the body."""
        texts = [" ".join(text.split()) for text in self.body.split("\n\n")]
        marked = [(_ELEMENTS.get(text.partition(" ")[0]), text) for text in texts]
        return [(tag, text.partition(" ")[2]) if tag else ("p", text) for tag, text in marked]


class LoopbackServer(ThreadingTCPServer):
    """A context manager that serves from a thread; `port` 0 takes a free one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, handler: type[BaseRequestHandler], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.port: int = self.server_address[1]

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()


class SampleSite(LoopbackServer):
    """The running site."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(_RequestHandler, port)
        self.base_url = f"http://127.0.0.1:{self.port}"
        files = {
            path.stem: tomllib.loads(path.read_text(encoding="utf-8"))["story"]
            for path in sorted(ARTICLES.glob("*.toml"))
        }
        self._held_back = iter(files.pop("held_back"))
        # One article of each file in turn, so that the subjects are mixed.
        tables = [table for row in zip_longest(*files.values()) for table in row if table]
        newest = utc_now().replace(microsecond=0) - timedelta(minutes=20)
        step = SPREAD / len(tables)
        self.stories = [  # newest first
            Story(**table, published_at=(newest - rank * step).replace(microsecond=0))
            for rank, table in enumerate(tables)
        ]

    def publish(self) -> Story:
        """Publish the next held-back article, dated now."""
        story = Story(**next(self._held_back), published_at=utc_now().replace(microsecond=0))
        self.stories = [story, *self.stories]
        return story

    def page(self, path: str, *, is_first: bool = True) -> tuple[str, str] | None:
        """(media type, text) of a page, None if there is none; further pages of lists are empty."""
        stories, by_slug = self.stories, {each.slug: each for each in self.stories}
        shown = stories if is_first else []
        match path.strip("/").split("/"):
            case ["robots.txt"]:
                return "text/plain", f"User-agent: *\nSitemap: {self.base_url}/sitemap.xml\n"
            case ["sitemap.xml"]:
                return _XML, self._rendered("sitemap.xml.j2", stories=stories)
            case ["feeds", "feed.rss"]:
                return _XML, self._rendered("feed.xml.j2", stories=shown)
            case ["tag", tag] if any(tag in each.tags for each in stories):
                shown = [each for each in shown if tag in each.tags]
            case [section] if section in SECTIONS:
                shown = [each for each in shown if section in each.sections]
            case [slug] if slug in by_slug:
                others = [each for each in stories if each.slug != slug][:3]
                return _HTML, self._rendered("article.html.j2", story=by_slug[slug], others=others)
            case [""]:
                pass  # the front page
            case _:
                return None
        return _HTML, self._rendered("listing.html.j2", stories=shown)

    def _rendered(self, template: str, **values: Any) -> str:
        return _TEMPLATES.get_template(template).render(base_url=self.base_url, **values)


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body are sent together
    server: SampleSite

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        found = self.server.page(parts.path, is_first="page=" not in parts.query)
        kind, text = found or (_HTML, "<h1>There is no such page.</h1>")
        body = text.encode()
        etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
        is_known = found is not None and self.headers["If-None-Match"] == etag
        self.send_response(304 if is_known else 200 if found else 404)
        self.send_header("ETag", etag)
        if not is_known:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not is_known:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Mailbox(LoopbackServer):
    """A folder of `.eml` files with an SMTP server in front of it, on a free port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(_Conversation)
        self.folder = folder
        self._numbering = Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, message: bytes) -> None:
        """Write one message to a file."""
        with self._numbering:
            (self.folder / f"{len(self.paths()) + 1:03}.eml").write_bytes(message)

    def paths(self) -> list[Path]:
        """The files of the messages, in order of arrival."""
        return sorted(self.folder.glob("*.eml"))

    def messages(self) -> list[EmailMessage]:
        """The messages, parsed, in order of arrival."""
        return [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in self.paths()
        ]


class _Conversation(StreamRequestHandler):
    """As much of SMTP (RFC 5321) as a client needs to hand over its mail."""

    def handle(self) -> None:
        """Accept every message; it is in a file before the reply is sent."""
        assert isinstance(self.server, Mailbox)
        self._say("220 the demo's mailbox")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"DATA":
                self._say("354 end with a dot on a line of its own")
                message = self._message()
                if message is None:
                    return
                self.server.keep(message)
            self._say("221 bye" if command == b"QUIT" else "250 OK")
            if command == b"QUIT":
                return

    def _message(self) -> bytes | None:
        """The message that the client sends; None if it disconnects before the end."""
        lines: list[bytes] = []
        for line in self.rfile:
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line.removeprefix(b"."))
        return None

    def _say(self, reply: str) -> None:
        self.wfile.write(f"{reply}\r\n".encode())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m rscrawler.demo.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    options = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with SampleSite(options.port) as site:
        print(site.base_url, flush=True)  # noqa: T201
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
