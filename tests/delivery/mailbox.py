"""A real SMTP server for the tests, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass(frozen=True, slots=True)
class Received:
    """One mail as it came in: who it was for, and its bytes."""

    recipients: tuple[str, ...]
    content: bytes

    @property
    def mail(self) -> EmailMessage:
        return message_from_bytes(self.content, policy=default)

    @property
    def text(self) -> str:
        return self._part("plain")

    @property
    def html(self) -> str:
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.mail.get_body((kind,))
        assert part is not None
        return str(part.get_content())


@dataclass
class Mailbox:
    """The handler of the server, and what it took.

    `refuse` gives the reply to a recipient, `reply` the one to a mail; `drop` ends the
    connection instead of replying, after the mail was taken; `hang` never replies, and
    does not take it; without `answering` it takes it, and replies when that is set.
    `on_recipient` is called before each reply to a recipient.
    """

    refuse: dict[str, str] = field(default_factory=dict)
    sender_reply: str = ""
    reply: str = "250 OK"
    drop: bool = False
    hang: bool = False
    on_recipient: Callable[[], object] = lambda: None
    answering: threading.Event = field(default_factory=threading.Event)
    received: list[Received] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    greeting: str | None = None
    said_goodbye: bool = False
    port: int = 0

    def __post_init__(self) -> None:
        self.answering.set()

    def only(self) -> Received:
        """The one mail that came."""
        (mail,) = self.received
        return mail

    async def handle_MAIL(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.greeting = session.host_name
        if self.sender_reply:
            return self.sender_reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.on_recipient()
        if reply := self.refuse.get(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.hang:
            await asyncio.sleep(3600)
        if self.reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.received.append(Received(tuple(envelope.rcpt_tos), envelope.content))
        while not self.answering.is_set():
            await asyncio.sleep(0.01)
        if self.drop:
            assert server.transport is not None
            server.transport.close()
        return self.reply

    async def handle_QUIT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.said_goodbye = True
        return "221 Bye"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login = (data.login.decode(), data.password.decode())
        self.logins.append(login)
        return AuthResult(success=login == ("monitor", "right"), handled=False)


class _Controller(Controller):
    """The library's, which does not know which port it was given for port 0."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[Mailbox]:
    """The mailbox behind an SMTP server on a free port of 127.0.0.1."""
    controller = _Controller(
        mailbox, hostname="127.0.0.1", port=mailbox.port, ready_timeout=60, **options
    )
    controller.start()
    try:
        mailbox.port = controller.port
        yield mailbox
    finally:
        controller.stop()
