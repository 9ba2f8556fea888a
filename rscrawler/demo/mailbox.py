"""A mail server on loopback that stores each mail as a file, for the demo."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from socketserver import StreamRequestHandler
from threading import Lock

from rscrawler.demo.server import LoopbackServer


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
