"""`alerts test` sends one alert through everything that is configured."""

from __future__ import annotations

import pytest

from rscrawler.delivery.trial import send_test_alert
from tests.delivery.conftest import EmailConfig
from tests.delivery.listener import Listener
from tests.delivery.mailbox import Mailbox

# A plug-in that Apprise loads with all others uses it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def everything(listener: Listener) -> dict[str, object]:
    base = f"localhost:{listener.port}"
    return {
        "webhooks": {"hook": {"url": f"http://{base}/hook", "secret": "s3cret"}},
        "channels": {"desk": f"json://{base}/desk", "ops": [f"json://{base}/ops"]},
        "ops": {"channels": ["ops"], "recipients": ["ops@example.org"]},
    }


def test_every_address_gets_one_alert(
    mailbox: Mailbox, listener: Listener, email_config: EmailConfig, everything: dict[str, object]
) -> None:
    results = send_test_alert(email_config(everything))
    assert not any(result.error for result in results)
    assert [(result.channel, result.address.split("#")[0]) for result in results] == [
        ("email", "desk@example.org"),
        ("email", "ops@example.org"),
        ("channel:desk", "desk"),
        ("channel:ops", "ops"),
        ("webhook:hook", "hook"),
    ]
    assert mailbox.only().mail["Subject"] == "A test alert: everything is set up"
    assert listener.at("/hook")[0].json["record_id"] == "test-1"
    assert len(listener.at("/desk")) == len(listener.at("/ops")) == 1


def test_what_does_not_work_says_why_and_the_rest_is_tried(
    mailbox: Mailbox, listener: Listener, email_config: EmailConfig, everything: dict[str, object]
) -> None:
    listener.statuses["/hook"] = 401
    mailbox.refuse["ops@example.org"] = "550 no such user"
    results = send_test_alert(email_config(everything))
    assert {result.address: result.error for result in results if result.error} == {
        "ops@example.org": "550 no such user",
        "hook": "HTTP 401",
    }


def test_two_tests_are_two_mails(mailbox: Mailbox, email_config: EmailConfig) -> None:
    for _ in range(2):
        send_test_alert(email_config())
    first, second = (mail.mail["Message-ID"] for mail in mailbox.received)
    assert first != second


def test_nothing_configured_gives_nothing(mailbox: Mailbox, email_config: EmailConfig) -> None:
    config = email_config()
    without = config.alerts.model_copy(update={"email": None})
    assert send_test_alert(config.model_copy(update={"alerts": without})) == []
