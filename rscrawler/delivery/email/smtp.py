"""Handing a mail over to an SMTP server, with an answer for each recipient."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

from rscrawler.config import EmailSettings
from rscrawler.delivery.email.mail import address_of
from rscrawler.delivery.outcome import (
    SERVED,
    Doubtful,
    Outcome,
    Passing,
    Refused,
    Sending,
    Unreachable,
)
from rscrawler.delivery.wording import one_line

# Replies to RCPT TO and to the mail itself; the last is "mailbox busy, closing".
_REFUSALS = range(500, 600)
_CLOSING = 421
# For the answer to the whole mail: a server that thinks for longer than its client waits has
# taken the mail all the same (RFC 5321, 4.5.3.2.6 and 6.1).
_TIMEOUTS_TO_TAKE_IT = 20
_LONGEST_TO_TAKE_IT = timedelta(minutes=10)


def send_mail(
    settings: EmailSettings, content: bytes, recipients: Sequence[str]
) -> Iterator[Mapping[str, Outcome]]:
    """Send the bytes to these addresses; tells step by step what came of each.

    A server that got the end of the mail and does not answer may have taken it. One
    that cannot be reached, refuses the login or refuses the sender is something the
    operator can mend, so it never counts as a refusal. Whoever was served is told
    before the server has said goodbye.
    """
    told: dict[str, Outcome] = {}
    try:
        with _session(settings) as session:
            for outcomes in _hand_over(session, settings, content, recipients):
                told |= outcomes
                yield outcomes
    except (smtplib.SMTPException, OSError) as error:
        yield {
            address: outcome
            for address in recipients
            if (outcome := _broken_off(told.get(address), error, settings))
        }


def _broken_off(
    told: Outcome | None, error: Exception, settings: EmailSettings
) -> Unreachable | None:
    """What an error means for somebody of whom `told` was said last; None: nothing."""
    if told is None:
        return Unreachable(_reason(error, settings))
    if not isinstance(told, Sending):
        return None
    if isinstance(error, TimeoutError):
        waited = f"no answer within {_seconds_to_take_it(settings):g} s"
        return Doubtful(f"{_where(settings)}: {waited}; it may have been taken")
    return Doubtful(f"{_reason(error, settings)}; it may have been taken", was_cut=True)


class _Connection(smtplib.SMTP):
    """The library's, with time-outs for whole answers; its own begin anew with each byte."""

    def getreply(self) -> tuple[int, bytes]:
        """The server's answer.

        Raises:
            TimeoutError: it was not there in time.
        """
        is_late = threading.Event()

        def cut(connection: socket.socket) -> None:
            is_late.set()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(self.timeout, cut, [self.sock])
        timer.daemon = True
        timer.start()
        try:
            answer = super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if is_late.is_set() or isinstance(error.__context__, TimeoutError):
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
        if is_late.is_set():
            self.close()
            raise TimeoutError  # half a line counts as one at the end of a connection
        return answer

    def end_mail(self, seconds: float) -> tuple[int, bytes]:
        """Send the end of the mail; gives the answer to it, which may take so many seconds."""
        usual = self.timeout
        self._wait_at_most(seconds)
        self.send(b".\r\n")
        answer = self.getreply()
        self._wait_at_most(usual)
        return answer

    def _wait_at_most(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)


class _SecureConnection(_Connection, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


@contextmanager
def _session(settings: EmailSettings) -> Iterator[_Connection]:
    """A connection on which the login is done."""
    timeout = settings.timeout.total_seconds()
    context = ssl.create_default_context(cafile=settings.ca_file)
    session: _Connection
    if settings.security == "tls":
        session = _SecureConnection(settings.host, settings.port, timeout=timeout, context=context)
    else:
        session = _Connection(settings.host, settings.port, timeout=timeout)
    try:
        if session.sock is not None:
            # Else the end of a mail, sent by itself, waits until its text is acknowledged.
            session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.security == "starttls":
            session.starttls(context=context)
        session.ehlo_or_helo_if_needed()
        if settings.username is not None:
            session.login(settings.username, settings.password.get_secret_value())
        yield session
        # The mail has been taken: a server that does not say goodbye changes nothing.
        with suppress(smtplib.SMTPException, OSError):
            session.quit()
    finally:
        session.close()


def _hand_over(
    session: _Connection, settings: EmailSettings, content: bytes, recipients: Sequence[str]
) -> Iterator[Mapping[str, Outcome]]:
    """MAIL, RCPT for each, DATA."""
    sender = address_of(settings.sender)
    options = [f"size={len(content)}"] if session.has_extn("size") else []
    code, reply = session.mail(sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, reply, sender)
    accepted = []
    for address in recipients:
        code, reply = session.rcpt(address)
        if code in (250, 251):
            accepted.append(address)
            yield {}
        elif code == _CLOSING:
            raise smtplib.SMTPResponseException(code, reply)
        else:
            yield {address: _refusal(code, reply)}
    if not accepted:
        return
    code, reply = session.docmd("DATA")
    if code == 354:
        session.send(_dotted(content))
        yield dict.fromkeys(accepted, Sending("cut short before the server said that it took it"))
        code, reply = session.end_mail(_seconds_to_take_it(settings))
    yield dict.fromkeys(accepted, SERVED if code == 250 else _refusal(code, reply))


def _dotted(content: bytes) -> bytes:
    """The bytes as they follow DATA: a full stop at the start of a line is doubled."""
    doubled = re.sub(rb"(?m)^\.", b"..", content)
    return doubled if doubled.endswith(b"\r\n") else doubled + b"\r\n"


def _seconds_to_take_it(settings: EmailSettings) -> float:
    longest = min(_TIMEOUTS_TO_TAKE_IT * settings.timeout, _LONGEST_TO_TAKE_IT)
    return max(longest, settings.timeout).total_seconds()


def _refusal(code: int, reply: bytes | str) -> Outcome:
    text = f"{code} {_shown(reply)}".strip()
    return Refused(text) if code in _REFUSALS else Passing(text)


def _reason(error: Exception, settings: EmailSettings) -> str:
    where = _where(settings)
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"{where}: login refused: {error.smtp_code} {_shown(error.smtp_error)}"
        case smtplib.SMTPSenderRefused():
            return f"{where}: sender refused: {error.smtp_code} {_shown(error.smtp_error)}"
        case smtplib.SMTPResponseException():
            return f"{where}: {error.smtp_code} {_shown(error.smtp_error)}"
        case TimeoutError():
            return f"{where}: no answer within {settings.timeout.total_seconds():g} s"
        case ssl.SSLCertVerificationError():
            return f"{where}: its certificate is not valid: {error.verify_message}"
        case _:
            return f"{where}: {_shown(str(getattr(error, 'strerror', None) or error))}"


def _where(settings: EmailSettings) -> str:
    return f"{settings.host}:{settings.port}"


def _shown(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return one_line(text, 200)
