"""Handing a mail over to an SMTP server, with an answer for each recipient."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from rscrawler.config import EmailSettings
from rscrawler.delivery.email.mail import address_of
from rscrawler.delivery.outcome import SERVED, Outcome, Passing, Permanent, Unreachable
from rscrawler.delivery.wording import one_line

# Replies to RCPT TO and to the mail itself; the last is "mailbox busy, closing".
_PERMANENT = range(500, 600)
_CLOSING = 421


def send_mail(
    settings: EmailSettings, content: bytes, recipients: Sequence[str]
) -> Mapping[str, Outcome]:
    """Send the bytes to these addresses; gives what came of each.

    A connection that breaks leaves open whether the server took the mail: its
    recipients count as not served and get the same bytes again. A server that cannot
    be reached, refuses the login or refuses the sender is something the operator can
    mend, so it never counts as permanent.
    """
    outcomes: dict[str, Outcome] = {}
    try:
        with _session(settings) as session:
            _hand_over(session, address_of(settings.sender), content, recipients, outcomes)
    except (smtplib.SMTPException, OSError) as error:
        failure = Unreachable(_reason(error, settings))
        outcomes = dict.fromkeys(recipients, failure) | outcomes
    return outcomes


@contextmanager
def _session(settings: EmailSettings) -> Iterator[smtplib.SMTP]:
    """A connection on which the login is done."""
    timeout = settings.timeout.total_seconds()
    context = ssl.create_default_context(cafile=settings.ca_file)
    session: smtplib.SMTP
    if settings.security == "tls":
        session = smtplib.SMTP_SSL(settings.host, settings.port, timeout=timeout, context=context)
    else:
        session = smtplib.SMTP(settings.host, settings.port, timeout=timeout)
    try:
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
    session: smtplib.SMTP,
    sender: str,
    content: bytes,
    recipients: Sequence[str],
    outcomes: dict[str, Outcome],
) -> None:
    """MAIL, RCPT for each, DATA; fills `outcomes` as far as they are certain."""
    options = [f"size={len(content)}"] if session.has_extn("size") else []
    code, reply = session.mail(sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, reply, sender)
    accepted = []
    for address in recipients:
        code, reply = session.rcpt(address)
        if code in (250, 251):
            accepted.append(address)
        elif code == _CLOSING:
            raise smtplib.SMTPResponseException(code, reply)
        else:
            outcomes[address] = _refusal(code, reply)
    if not accepted:
        return
    outcomes |= dict.fromkeys(accepted, _data(session, content))


def _data(session: smtplib.SMTP, content: bytes) -> Outcome:
    try:
        code, reply = session.data(content)
    except smtplib.SMTPDataError as error:
        return _refusal(error.smtp_code, error.smtp_error)
    return SERVED if code == 250 else _refusal(code, reply)


def _refusal(code: int, reply: bytes | str) -> Outcome:
    text = f"{code} {_shown(reply)}".strip()
    return Permanent(text) if code in _PERMANENT else Passing(text)


def _reason(error: Exception, settings: EmailSettings) -> str:
    where = f"{settings.host}:{settings.port}"
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


def _shown(reply: bytes | str) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return one_line(text, 200)
