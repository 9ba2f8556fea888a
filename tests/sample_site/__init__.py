"""The sample site under control: its truth is known; it changes and misbehaves when told to."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from random import Random
from typing import Any
from urllib.parse import urlsplit

from rscrawler.clock import utc_now
from tests.sample_site.bodies import image_path
from tests.sample_site.pages import SITE_NAME, render_not_found, render_notice, render_robots
from tests.sample_site.routes import HTML, Resource
from tests.sample_site.server import Headers, Reply, Server
from tests.sample_site.site import SampleSite as ServedSite
from tests.sample_site.state import Clock
from tests.sample_site.stories import SITE, Shape, Story

_REMEMBERED_REQUESTS = 100_000
_HUGE_BYTES = 48 * 2**20
_HUGE_CHUNK = b"<p>" + b"All work and no play. " * 2978 + b"</p>"
_HUGE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
_HTML = {"Content-Type": HTML}
_VALIDATORS = ("ETag", "Last-Modified")
COOKIE_CHECK = "/remote/check_cookie.html"
_CONDITIONS = ("if-none-match", "if-modified-since")


class Theme(StrEnum):
    """How the markup names its parts."""

    REBELMOUSE = "rebelmouse"
    RENAMED = "renamed"  # the same elements, every class another one
    BARE = "bare"  # no classes and no data attributes at all


class Fault(StrEnum):
    """A way in which the site misbehaves."""

    SERVER_ERROR = "server-error"  # 500
    TOO_MANY = "too-many"  # 429 with Retry-After
    HANG = "hang"  # the request is read and never answered
    TRUNCATED = "truncated"  # half of the announced bytes, then the connection closes
    GARBAGE = "garbage"  # random bytes, called text/html
    HUGE = "huge"  # 48 MiB of text, without a Content-Length
    EMPTY = "empty"  # 200 and no body
    WALL = "wall"  # 200 and a form of consent, a whole page, in the place of what is asked
    FORBIDDEN_ROBOTS = "forbidden-robots"  # robots.txt disallows everything
    LYING_304 = "lying-304"  # "not modified" to any conditional request
    NO_VALIDATORS = "no-validators"  # neither sends nor honours ETag and Last-Modified
    REDIRECT_AWAY = "redirect-away"  # 302 to another host
    COOKIE_CHECK = "cookie-check"  # 302 to a page that redirects back, until its cookie comes


class RawReply(Reply):
    """A response that is its body alone: nothing, or what is no HTTP."""

    head = b""


@dataclass(slots=True)
class FaultRule:
    """A fault on every path that begins with `prefix`, `remaining` times (None: always)."""

    prefix: str
    fault: Fault
    remaining: int | None
    retry_after_seconds: int


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request and how it was answered."""

    at: datetime
    method: str
    path: str  # with the query
    status: int  # 0 when no answer was sent
    bytes_sent: int  # head and body, as sent (compressed where the client accepts it)
    conditional: bool  # it had If-None-Match or If-Modified-Since
    headers: Mapping[str, str] = field(repr=False)  # the request's, names in lower case


@dataclass(frozen=True)
class TrueArticle:
    """What a record of a story has to say, whatever its page looks like.

    Its other attributes are those of `story`.
    """

    story: Story
    url: str  # canonical
    aliases: tuple[str, ...]  # they redirect to it; a crawl may know fewer
    published_at: datetime | None  # None if the site does not say it anywhere
    modified_at: datetime | None
    image_url: str | None  # without token and expiry; a record holds it with both
    language: str = "en"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.story, name)


class SampleSite(ServedSite):
    """A running site that says what it was asked, and does what it is told.

    A slug that no public story has raises KeyError. A change takes effect with the next request.
    """

    def __init__(
        self, stories: int = 120, seed: int = 1, now: Clock = utc_now, port: int = 0
    ) -> None:
        super().__init__(stories, seed, now, port)
        self.theme = Theme.REBELMOUSE
        self.gone: dict[str, tuple[Story, int]] = {}  # the stories taken away, and their status
        self.served: deque[ServedRequest] = deque(maxlen=_REMEMBERED_REQUESTS)
        self.faults: list[FaultRule] = []  # the first that fits a request decides
        self.extra_pages: dict[str, Resource] = {}  # by path, also in the place of the site's own
        self.answers: dict[str, Reply] = {}  # by target, its query included: sent as they are
        self.held: dict[str, tuple[str, asyncio.Event]] = {}  # targets, and what they wait for
        self.server = FaultyServer(self)

    # What is true.

    def truth(self) -> list[TrueArticle]:
        """What is to be known about each public story, newest first."""
        return [self.truth_of(story) for story in self.stories]

    def truth_of(self, story: Story) -> TrueArticle:
        """The same for one story."""
        return TrueArticle(
            story=story,
            url=self.base_url + story.path,
            aliases=tuple(self.base_url + path for path in self.old_addresses(story)),
            published_at=story.published_at if story.is_dated else None,
            modified_at=story.modified_at if story.is_dated else None,
            image_url=self.base_url + image_path(story) if story.has_image else None,
        )

    def old_addresses(self, story: Story) -> tuple[str, ...]:
        """The same as ever, but for an address that a story had which was taken away."""
        return tuple(
            path for path in super().old_addresses(story) if path.strip("/") not in self.gone
        )

    def shaped(self, shape: Shape) -> list[Story]:
        """The public stories whose pages have that shape, newest first."""
        return [story for story in self.stories if shape in story.shapes]

    @property
    def requests(self) -> list[ServedRequest]:
        """What was asked so far, in order."""
        return list(self.served)

    def forget_requests(self) -> None:
        """Empty `requests`, before the part of a test that counts them."""
        self.served.clear()

    # What changes.

    def edit(self, slug: str, **changes: Any) -> Story:
        """Replace fields of a public story and date it modified now; returns it."""
        with self.lock:
            before = self._public[slug]
            if "paragraphs" in changes:
                changes["paragraphs"] = tuple(changes["paragraphs"])
                changes.setdefault("kinds", ())
            at_least = before.changed_at + timedelta(seconds=1)
            modified_at = max(self._whole_second(), at_least)
            self._public[slug] = replace(before, **{"modified_at": modified_at, **changes})
            self._changed()
            return self._public[slug]

    def change_typography(self, slug: str) -> Story:
        """Turn straight quotation marks curly in title, subtitle and text: an edit in form only."""
        story = self.story(slug)
        return self.edit(
            slug,
            title=_curled(story.title),
            subtitle=_curled(story.subtitle) if story.subtitle else None,
            paragraphs=map(_curled, story.paragraphs),
            kinds=story.kinds,
        )

    def remove(self, slug: str, status: int = 410) -> None:
        """Take a story away: its address answers `status`, and nothing lists it any more."""
        with self.lock:
            self.gone[slug] = (self._public.pop(slug), status)
            self._changed()

    def restore(self, slug: str) -> None:
        """Bring back a story that was taken away, as it was."""
        with self.lock:
            self._public[slug], _ = self.gone.pop(slug)
            self._changed()

    def change_markup(self, theme: Theme) -> None:
        """Give every page another theme."""
        with self.lock:
            self.theme = theme
            self._changed()

    def rotate_tokens(self) -> None:
        """Give every image address another token and expiry. No validator changes."""
        with self.lock:
            self.edition += 1

    # What goes wrong.

    def fail(
        self,
        path_prefix: str,
        fault: Fault,
        times: int | None = None,
        retry_after_seconds: int = 1,
    ) -> None:
        """Answer requests to such paths with `fault`, `times` times (None: until healed)."""
        with self.lock:
            self.faults.insert(0, FaultRule(path_prefix, fault, times, retry_after_seconds))

    def hold(self, target: str, *, behind: str) -> None:
        """Answer requests to a target only once `behind` has been answered from now on."""
        self.held[target] = (behind, asyncio.Event())

    def heal(self) -> None:
        """End all faults."""
        with self.lock:
            self.faults.clear()

    def fault_of(self, target: str) -> FaultRule | None:
        """The rule for a request, used up by one; None when it is to be served well."""
        with self.lock:
            for rule in self.faults:
                if target.startswith(rule.prefix) and rule.remaining != 0:
                    if rule.remaining is not None:
                        rule.remaining -= 1
                    return rule
        return None


class FaultyServer(Server):
    """Serves a site with its theme and its faults, and writes down each request."""

    state: SampleSite

    def reply(self, method: str, target: str, headers: Headers) -> Reply:
        if urlsplit(target).path in self.state.extra_pages:
            self._built.clear()
        return self.state.answers.get(target) or super().reply(method, target, headers)

    def resource(self, path: str, page_number: int) -> Resource:
        site, slug = self.state, path.strip("/")
        found = site.extra_pages.get(path) or super().resource(path, page_number)
        if found.status == 404 and path == f"/{slug}/" and slug in site.gone:
            text = render_not_found("This article has been taken down.")
            return Resource(site.gone[slug][1], text.encode())
        if found.content_type.startswith("text/html"):
            return replace(found, body=themed(found.body, site.theme))
        return found

    async def answer(
        self, method: str, target: str, headers: Headers, writer: asyncio.StreamWriter
    ) -> bool:
        if target in self.state.held:
            await self.state.held[target][1].wait()
        rule = self.state.fault_of(target)
        fault = rule.fault if rule else None
        reply = self._faulty(rule, target, headers) if rule else self.reply(method, target, headers)
        sent = reply.head if method == "HEAD" else reply.head + reply.body
        size = _HUGE_BYTES if fault is Fault.HUGE else len(sent)
        conditional = not headers.keys().isdisjoint(_CONDITIONS)
        # Recorded before it is sent: whoever has the answer finds the request in the list.
        self.state.served.append(
            ServedRequest(
                self.state.now(), method, target, reply.status, size, conditional, headers
            )
        )
        writer.write(sent)
        await writer.drain()
        for other, is_answered in self.state.held.values():
            if other == target:
                is_answered.set()
        if fault is Fault.HANG:
            await asyncio.Event().wait()
        if fault is Fault.HUGE:
            await _send_huge(writer)
        if fault in (Fault.TRUNCATED, Fault.HUGE):
            return False
        return headers.get("connection", "").lower() != "close"

    def _faulty(self, rule: FaultRule, target: str, headers: Headers) -> Reply:
        path = urlsplit(target).path
        plain = {name: value for name, value in headers.items() if name not in _CONDITIONS}
        match rule.fault:
            case Fault.SERVER_ERROR:
                return Reply(500, _HTML, b"<h1>Internal Server Error</h1>")
            case Fault.TOO_MANY:
                retry = {**_HTML, "Retry-After": str(rule.retry_after_seconds)}
                return Reply(429, retry, b"<h1>Too Many Requests</h1>")
            case Fault.TRUNCATED:
                whole = self.reply("GET", target, plain)
                length = {"Content-Length": str(len(whole.body))}
                half = whole.body[: len(whole.body) // 2]
                return Reply(whole.status, {**whole.headers, **length}, half)
            case Fault.GARBAGE:
                return Reply(200, _HTML, Random(f"{self.state.seed}:{target}").randbytes(20_000))
            case Fault.HANG:
                return RawReply(0, {})
            case Fault.HUGE:
                return RawReply(200, {}, _HUGE_HEAD)
            case Fault.EMPTY:
                return Reply(200, _HTML)
            case Fault.WALL:
                notice = "<form><label>Cookies, please</label><button>Accept</button></form>"
                return Reply(200, _HTML, render_notice(SITE_NAME, notice).encode())
            case Fault.REDIRECT_AWAY:
                return Reply(302, {"Location": f"http://elsewhere.invalid{path}"})
            case Fault.COOKIE_CHECK if "checked=1" not in headers.get("cookie", ""):
                return _cookie_check(target, headers)
            case Fault.FORBIDDEN_ROBOTS if path == "/robots.txt":
                rules = re.sub("(?:Disallow: .*\n)+", "Disallow: /\n", render_robots(self.state))
                return Reply(200, {"Content-Type": "text/plain"}, rules.encode())
            case Fault.LYING_304 if plain != headers:
                return Reply(304, {})
            case Fault.NO_VALIDATORS:
                whole = self.reply("GET", target, plain)
                kept = {name: of for name, of in whole.headers.items() if name not in _VALIDATORS}
                return Reply(whole.status, kept, whole.body)
        return self.reply("GET", target, headers)


def _cookie_check(target: str, headers: Headers) -> Reply:
    """The redirects of News Corp Australia: a first cookie, a page that checks it, and back."""
    if not target.startswith(COOKIE_CHECK):
        location = f"{COOKIE_CHECK}?url={target}"
        return Reply(302, {"Location": location, "Set-Cookie": "check=1; Path=/; HttpOnly"})
    if "check=1" not in headers.get("cookie", ""):
        notice = render_notice(SITE_NAME, "<p>Cookies must be enabled.</p>")
        return Reply(200, _HTML, notice.encode())
    back = target.partition("?url=")[2]
    return Reply(302, {"Location": back, "Set-Cookie": "checked=1; Path=/; Max-Age=3600"})


async def _send_huge(writer: asyncio.StreamWriter) -> None:
    chunk = b"%x\r\n%b\r\n" % (len(_HUGE_CHUNK), _HUGE_CHUNK)
    for _ in range(_HUGE_BYTES // len(_HUGE_CHUNK)):
        writer.write(chunk)
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def appeal_texts() -> tuple[str, ...]:
    """Every sentence-bearing paragraph that asks for something; none belongs in a body."""
    appeals = SITE["appeals"]
    long = (text for appeal in appeals["long"] for text in appeal)
    return (*long, *appeals["short"], appeals["newsletter"])


def themed(html: bytes, theme: Theme) -> bytes:
    """`html` with its classes named as `theme` has them."""
    if theme is Theme.REBELMOUSE:
        return html
    html = re.sub(rb' data-[a-z-]+="[^"]*"', b"", html)
    if theme is Theme.BARE:
        return re.sub(rb' class="[^"]*"', b"", html)

    def renamed(match: re.Match[bytes]) -> bytes:
        digests = (blake2b(name, digest_size=3) for name in match[1].split())
        return f' class="{" ".join(f"c{digest.hexdigest()}" for digest in digests)}"'.encode()

    return re.sub(rb' class="([^"]*)"', renamed, html)


def _curled(text: str) -> str:
    """`text` with curly quotation marks and apostrophes for the straight ones."""
    opening = {'"': "“", "'": "‘"}
    text = re.sub(r"""(?<![^ (—[“‘])["']""", lambda mark: opening[mark[0]], text)
    return text.translate(str.maketrans("\"'", "”’"))
