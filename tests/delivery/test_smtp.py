"""Login and encryption on the way to the SMTP server."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rscrawler.config.models import EmailSettings
from rscrawler.delivery import smtp
from rscrawler.delivery.channel import SERVED, Outcome, OutcomeKind, last_outcomes
from rscrawler.delivery.smtp import send_mail
from tests.certificates import Certificate, self_signed
from tests.delivery.listener import dripping
from tests.delivery.mailbox import Mailbox, serving
from tests.workspace import wait_until

CONTENT = b"Subject: x\r\n\r\n.a line that begins with a full stop\r\nlast\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("tls"))


def sent(mailbox: Mailbox, **changes: Any) -> Mapping[str, Outcome]:
    """Send the content to one recipient."""
    values = {
        "host": "127.0.0.1",
        "port": mailbox.port,
        "sender": "Monitor <monitor@example.org>",
        "recipients": ["desk@example.org"],
        "timeout": "30s",
    }
    settings = EmailSettings.model_validate(values | changes)
    return last_outcomes(send_mail(settings, CONTENT, ["desk@example.org"]))


def test_the_bytes_arrive_as_they_were(mailbox: Mailbox) -> None:
    assert sent(mailbox, security="none") == {"desk@example.org": SERVED}
    assert mailbox.only().content == CONTENT


def test_a_server_may_think_about_a_mail_for_longer_than_about_anything_else(
    mailbox: Mailbox,
) -> None:
    mailbox.answering.clear()
    threading.Timer(3.2, mailbox.answering.set).start()
    assert sent(mailbox, security="none", timeout="3s") == {"desk@example.org": SERVED}
    assert len(mailbox.received) == 1


def test_a_mail_that_is_never_answered_may_have_been_taken(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "_response_timeout", lambda _: timedelta(seconds=0.5))
    mailbox.answering.clear()
    outcome = sent(mailbox, security="none")["desk@example.org"]
    assert outcome == Outcome(
        OutcomeKind.UNANSWERED,
        f"127.0.0.1:{mailbox.port}: no response within 0.5 s; it may have been accepted",
    )
    wait_until(lambda: bool(mailbox.received))


@pytest.mark.parametrize("reply", ["200 OK", "251 Queued"])
def test_every_reply_of_success_confirms_a_mail(mailbox: Mailbox, reply: str) -> None:
    mailbox.reply = reply
    assert sent(mailbox, security="none") == {"desk@example.org": SERVED}


@pytest.mark.parametrize("reply", ["\r\n250 OK", "OK, queued", "354 End data with a full stop"])
def test_a_mail_that_gets_no_valid_response_may_have_been_taken(
    mailbox: Mailbox, reply: str
) -> None:
    mailbox.reply = reply
    outcome = sent(mailbox, security="none")["desk@example.org"]
    assert outcome == Outcome(
        OutcomeKind.UNANSWERED, "no valid response; it may have been accepted"
    )


def test_a_server_that_confirms_a_recipient_twice_has_not_taken_the_mail(
    mailbox: Mailbox,
) -> None:
    mailbox.refuse["desk@example.org"] = "250 Accepted\r\n250 Accepted"
    outcome = sent(mailbox, security="none")["desk@example.org"]
    assert outcome == Outcome(OutcomeKind.TEMPORARY, "250 Accepted")
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("timeout", "waits"),
    [(timedelta(seconds=10), timedelta(seconds=200)), (timedelta(minutes=2), timedelta(minutes=10)),
     (timedelta(minutes=20), timedelta(minutes=20))],
)  # fmt: skip
def test_a_whole_mail_gets_twenty_timeouts_for_its_response_and_at_most_ten_minutes(
    timeout: timedelta, waits: timedelta
) -> None:
    settings = EmailSettings.model_validate(
        {"host": "127.0.0.1", "sender": "m@example.org", "recipients": ["desk@example.org"],
         "timeout": timeout}
    )  # fmt: skip
    assert smtp._response_timeout(settings) == waits


def test_an_answer_must_be_whole_within_the_time_out(mailbox: Mailbox) -> None:
    with dripping(b"220 ") as port:
        (outcome,) = sent(mailbox, port=port, security="none", timeout="0.5s").values()
    reason = f"127.0.0.1:{port}: no response within 0.5 s (alerts.email.timeout)"
    assert outcome == Outcome(OutcomeKind.UNREACHABLE, reason)


def test_nobody_waits_for_a_server_that_does_not_say_goodbye(mailbox: Mailbox) -> None:
    settings = EmailSettings.model_validate(
        {"host": "127.0.0.1", "port": mailbox.port, "security": "none",
         "sender": "m@example.org", "recipients": ["desk@example.org"]}
    )  # fmt: skip
    for outcomes in send_mail(settings, CONTENT, ["desk@example.org"]):
        said_goodbye = mailbox.said_goodbye
        if outcomes == {"desk@example.org": SERVED}:
            break
    assert not said_goodbye


@pytest.mark.parametrize(
    ("name", "shown"),
    [("monitor.example.org", "monitor.example.org"), ("news_monitor_1.news_default", "[127.0.0.1]"),
     ("localhost.localdomain", "[127.0.0.1]"), ("müller.example.org", "[127.0.0.1]")],
)  # fmt: skip
def test_a_server_sees_no_name_of_the_machine_that_it_would_refuse(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, name: str, shown: str
) -> None:
    monkeypatch.setattr("socket.getfqdn", lambda *_: name)
    assert sent(mailbox, security="none") == {"desk@example.org": SERVED}
    assert mailbox.greeting == shown


def test_starttls_with_a_login(certificate: Certificate) -> None:
    mailbox = Mailbox()
    with serving(
        mailbox,
        tls_context=certificate.context,
        require_starttls=True,
        authenticator=mailbox.authenticate,
        auth_required=True,
    ):
        login = {"username": "monitor", "password": "right", "ca_file": certificate.path}
        assert sent(mailbox, **login) == {"desk@example.org": SERVED}
    assert mailbox.logins == [("monitor", "right")]


def test_tls_from_the_start(certificate: Certificate) -> None:
    with serving(Mailbox(), ssl_context=certificate.context) as mailbox:
        outcome = sent(mailbox, security="tls", ca_file=certificate.path)
        assert outcome == {"desk@example.org": SERVED}


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Certificate) -> None:
    with serving(Mailbox(), tls_context=certificate.context, require_starttls=True) as mailbox:
        (outcome,) = sent(mailbox).values()
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert outcome.error.endswith(
        "its certificate is not valid: self-signed certificate; "
        "name its authority in alerts.email.ca_file"
    )
    assert mailbox.received == []


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), ("", "holds no certificate")]
)
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    mailbox: Mailbox, tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    (outcome,) = sent(mailbox, security="tls", ca_file=file).values()
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert outcome.error == f"127.0.0.1:{mailbox.port}: {file}: {reason}"


@pytest.mark.parametrize(
    ("port", "security", "usual"), [(465, "starttls", "tls"), (587, "tls", "starttls")]
)
def test_a_port_with_the_wrong_kind_of_encryption_is_told_the_right_one(
    mailbox: Mailbox, port: int, security: str, usual: str
) -> None:
    host = "127.0.0.2"  # nothing listens there
    (outcome,) = sent(mailbox, host=host, port=port, security=security).values()
    hint = f'port {port} usually needs security = "{usual}"'
    assert outcome.error == f"{host}:{port}: Connection refused; {hint}"


def test_a_server_without_starttls_is_not_sent_anything_in_the_clear(mailbox: Mailbox) -> None:
    (outcome,) = sent(mailbox, security="starttls").values()
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "STARTTLS" in outcome.error
    assert mailbox.received == []


def test_a_wrong_password_passes_once_it_is_mended_and_is_not_shown(
    certificate: Certificate,
) -> None:
    mailbox = Mailbox()
    with serving(mailbox, tls_context=certificate.context, authenticator=mailbox.authenticate):
        login = {"username": "monitor", "password": "wr0ng", "ca_file": certificate.path}
        (outcome,) = sent(mailbox, **login).values()
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert "login refused: 535" in outcome.error
    assert "wr0ng" not in outcome.error


def test_a_server_that_is_not_there_is_named(mailbox: Mailbox) -> None:
    (outcome,) = sent(mailbox, port=1, security="none").values()
    assert outcome.kind is OutcomeKind.UNREACHABLE
    assert outcome.error == "127.0.0.1:1: Connection refused"
