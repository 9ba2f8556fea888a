"""Sends a mail to an SMTP server, with an outcome for each recipient."""

import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from email.utils import parseaddr

from rscrawler.config.models import EmailSettings
from rscrawler.delivery.channel import SERVED, Outcome, OutcomeKind, Step, bounded
from rscrawler.delivery.wording import one_line

_CLOSING = 421  # service not available, closing the channel
_USUAL_SECURITY = {465: "tls", 587: "starttls"}  # by port
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)  # OpenSSL's codes, also for a self-signed certificate
_TOO_LARGE = (452, 552)  # to MAIL: too large now, or for good; a smaller mail may pass
# Has a domain, and none of the underscores of a container's name.
_SERVER_NAME = re.compile(r"(?!localhost\.)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
# For the response to the whole mail: a server that takes longer than its client waits may accept
# the mail all the same (RFC 5321, 4.5.3.2.6 and 6.1).
_RESPONSE_TIMEOUTS = 20
_LONGEST_RESPONSE_TIMEOUT = timedelta(minutes=10)


def address_of(written: str) -> str:
    """The bare address in `Name <address>`."""
    return parseaddr(written)[1]


def send_mail(settings: EmailSettings, content: bytes, recipients: Sequence[str]) -> Iterator[Step]:
    """Send the bytes to these addresses; yields steps with their outcomes.

    A server that got the end of the mail and does not respond may have accepted it. An unreachable
    server, a refused login and a refused sender are for the operator to fix, so they never count as
    a refusal. If the mail is too large, only this mail fails. Outcomes are yielded before QUIT.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        with _session(settings) as session:
            for step in _hand_over(session, settings, content, recipients):
                outcomes |= step
                yield step
    except (smtplib.SMTPException, OSError) as error:
        unreachable = Outcome(OutcomeKind.UNREACHABLE, _reason(error, settings, settings.timeout))
        kind = OutcomeKind.UNANSWERED if isinstance(error, TimeoutError) else OutcomeKind.CUT_OFF
        reason = _reason(error, settings, _response_timeout(settings))
        in_doubt = Outcome(kind, f"{reason}; it may have been accepted")
        yield {
            address: in_doubt if address in outcomes else unreachable
            for address in recipients
            if address not in outcomes or outcomes[address].kind is OutcomeKind.SENDING
        }


class _Connection(smtplib.SMTP):
    """`smtplib.SMTP` with timeouts for whole responses; its own start again with each byte."""

    def getreply(self) -> tuple[int, bytes]:
        """The server's response.

        Raises:
            TimeoutError: the response was not complete in time.
        """
        connection = self.sock
        try:
            return bounded(timedelta(seconds=self.timeout), super().getreply)
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, TimeoutError):
                raise TimeoutError from error
            raise
        except TimeoutError:
            if connection is not None:
                with suppress(OSError):  # ends the thread that still reads
                    connection.shutdown(socket.SHUT_RDWR)
            self.close()
            raise

    def end_mail(self, limit: timedelta) -> tuple[int, bytes]:
        """Send the end of the mail; returns the response, which may take up to `limit`."""
        usual = self.timeout
        self._wait_at_most(limit.total_seconds())
        self.send(b".\r\n")
        response = self.getreply()
        self._wait_at_most(usual)
        return response

    def _wait_at_most(self, seconds: float) -> None:
        self.timeout = seconds
        if self.sock is not None:
            self.sock.settimeout(seconds)


class _SecureConnection(_Connection, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""


def tls_context(settings: EmailSettings) -> ssl.SSLContext:
    """What verifies the server's certificate.

    Raises:
        OSError: `ca_file` cannot be used; the message names the file.
    """
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # also ssl.SSLError
        reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise OSError(f"{settings.ca_file}: {reason}") from None


@contextmanager
def _session(settings: EmailSettings) -> Iterator[_Connection]:
    """A connection, logged in if a username is configured."""
    timeout, context = settings.timeout.total_seconds(), None
    if settings.security != "none":
        context = tls_context(settings)
    session: _Connection
    place = settings.host, settings.port, _own_name()
    if settings.security == "tls":
        session = _SecureConnection(*place, timeout=timeout, context=context)
    else:
        session = _Connection(*place, timeout=timeout)
    with closing(session):
        if session.sock is not None:
            # Otherwise Nagle's algorithm delays the end of a mail until its text is acknowledged.
            session.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if settings.security == "starttls":
            session.starttls(context=context)
        session.ehlo_or_helo_if_needed()
        if settings.username is not None:
            session.login(settings.username, settings.password.get_secret_value())
        yield session
        # The outcomes are known: a failing QUIT changes nothing.
        with suppress(smtplib.SMTPException, OSError):
            session.quit()


def _own_name() -> str | None:
    """What to say in EHLO: this machine's name, unless servers would refuse it."""
    name = socket.getfqdn()
    if "." not in name:
        return None  # smtplib says the machine's address
    return name if _SERVER_NAME.fullmatch(name) else "[127.0.0.1]"


def _hand_over(
    session: _Connection, settings: EmailSettings, content: bytes, recipients: Sequence[str]
) -> Iterator[Step]:
    """Send MAIL, RCPT for each recipient, and DATA."""
    sender = address_of(settings.sender)
    options = [f"size={len(content)}"] if session.has_extn("size") else []
    code, reply = session.mail(sender, options)
    if code in _TOO_LARGE or reply[1:5] == b".3.4":  # RFC 3463: too big, whatever the code
        yield dict.fromkeys(recipients, _refusal(code, reply))
        return
    if not _is_success(code):
        raise smtplib.SMTPSenderRefused(code, reply, sender)
    accepted = []
    for address in recipients:
        code, reply = session.rcpt(address)
        if _is_success(code):
            accepted.append(address)
            yield {}
        elif code == _CLOSING:
            raise smtplib.SMTPResponseException(code, reply)
        else:
            yield {address: _refusal(code, reply)}
    if not accepted:
        return
    code, reply = session.docmd("DATA")
    if code != 354:  # even 250, of a server that responds twice to a recipient
        yield dict.fromkeys(accepted, _refusal(code, reply))
        return
    dotted = re.sub(rb"(?m)^\.", b"..", content)
    session.send(dotted if dotted.endswith(b"\r\n") else dotted + b"\r\n")
    on_its_way = Outcome(OutcomeKind.SENDING, "interrupted before the server confirmed it")
    yield dict.fromkeys(accepted, on_its_way)
    code, reply = session.end_mail(_response_timeout(settings))
    yield dict.fromkeys(accepted, _confirmation(code, reply))


def _is_success(code: int) -> bool:
    return code // 100 == 2  # RFC 5321, 4.3.2: the first digit decides


def _confirmation(code: int, reply: bytes) -> Outcome:
    """The outcome of a whole mail; `code` is -1 if the response has none, such as an empty line."""
    if _is_success(code):
        return SERVED
    if 400 <= code < 600:
        return _refusal(code, reply)
    return Outcome(OutcomeKind.UNANSWERED, "no valid response; it may have been accepted")


def _response_timeout(settings: EmailSettings) -> timedelta:
    longest = min(_RESPONSE_TIMEOUTS * settings.timeout, _LONGEST_RESPONSE_TIMEOUT)
    return max(longest, settings.timeout)


def _refusal(code: int, reply: bytes) -> Outcome:
    kind = OutcomeKind.REFUSED if 500 <= code < 600 else OutcomeKind.TEMPORARY
    return Outcome(kind, f"{code} {_shown(reply)}".strip())


def _reason(error: Exception, settings: EmailSettings, limit: timedelta) -> str:
    """The server and the error, on one line; `limit` is the timeout that applied."""
    match error:
        case smtplib.SMTPResponseException():
            what = f"{error.smtp_code} {_shown(error.smtp_error)}"
            if isinstance(error, smtplib.SMTPAuthenticationError):
                what = f"login refused: {what}"
            elif isinstance(error, smtplib.SMTPSenderRefused):
                what = f"sender refused: {what}"
        case TimeoutError():
            what = f"no response within {limit.total_seconds():g} s"
            if limit == settings.timeout:
                what += " (alerts.email.timeout)"
        case ssl.SSLCertVerificationError():
            what = f"its certificate is not valid: {error.verify_message}"
            if error.verify_code in _UNKNOWN_AUTHORITY:
                what += "; name its authority in alerts.email.ca_file"
        case _:
            what = _shown(str(getattr(error, "strerror", None) or error)).rstrip(".")
    usual = _USUAL_SECURITY.get(settings.port, settings.security)
    if usual != settings.security:
        what += f'; port {settings.port} usually needs security = "{usual}"'
    return f"{settings.host}:{settings.port}: {what}"


def _shown(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return one_line(text, 200)
