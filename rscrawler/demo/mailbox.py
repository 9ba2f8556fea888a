"""A mail server on loopback that keeps what it is sent as files, for the demo and for trials."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class FreePortController(Controller):
    """The library's, which does not know by itself which port it was given for port 0."""

    def _trigger_server(self) -> None:
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class Mailbox:
    """A folder of `.eml` files with an SMTP server in front of it, on a free port.

    Use as a context manager; `port` is known inside.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._controller = FreePortController(self, hostname="127.0.0.1", port=0)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Write one message down before it is accepted."""
        content = cast("bytes", envelope.content)
        number = len(self.paths()) + 1
        (self.folder / f"{number:03}.eml").write_bytes(content)
        return "250 OK"

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return int(self._controller.port)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._controller.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._controller.stop()

    def paths(self) -> list[Path]:
        """The messages, in the order in which they came."""
        return sorted(self.folder.glob("*.eml"))

    def messages(self) -> list[EmailMessage]:
        """The messages, parsed, in the order in which they came."""
        return [
            message_from_bytes(path.read_bytes(), policy=policy.default) for path in self.paths()
        ]
