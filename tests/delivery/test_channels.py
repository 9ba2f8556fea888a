"""Chats and webhooks get what is theirs, and none holds up another."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import threading
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.delivery.channel import Notice, OutcomeKind, last_outcomes
from rscrawler.delivery.channels import due_since, outbox_summary
from rscrawler.delivery.chat import Chat
from rscrawler.items import ChangeSummary
from rscrawler.store import Store
from tests.certificates import self_signed
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import (
    HOSTILE_TITLES,
    NOW,
    a_config,
    an_article,
    deliver_when_due,
    on_sqlite,
    record,
    record_all,
)
from tests.delivery.listener import Listener, dripping, dropping
from tests.delivery.mailbox import Mailbox, serving
from tests.workspace import Workspace, wait_until

# A plug-in that Apprise loads with all others uses it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
HOUR = timedelta(hours=1)
TOKEN = "xoxb-very-secret"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(listener: Listener, tmp_path: Path) -> Config:
    """A webhook and a chat channel of two addresses, all at the listener."""
    return make_config(listener, tmp_path)


def make_config(listener: Listener, tmp_path: Path, **changes: Any) -> Config:
    base = f"localhost:{listener.port}"
    alerts = {
        "webhooks": {
            "hook": {"url": f"http://{base}/hook?key={TOKEN}", "secret": "s3cret", "timeout": "30s"}
        },
        "channels": {"desk": [f"json://{base}/desk-{TOKEN}", f"json://{base}/second"]},
    }
    return a_config(tmp_path / "out", **(alerts | changes))


HOOK = f"/hook?key={TOKEN}"
DESK = f"/desk-{TOKEN}"


@on_sqlite
def test_a_webhook_gets_each_record_signed(
    store: Store, listener: Listener, config: Config
) -> None:
    articles = [record(store, an_article(number), "webhook:hook") for number in (1, 2)]
    assert deliver(config, store, now=NOW).served == 2
    assert [each.json for each in listener.at(HOOK)] == [
        article.to_record() for article in articles
    ]
    for article, each in zip(articles, listener.at(HOOK), strict=True):
        expected = hmac.new(b"s3cret", each.body, hashlib.sha256).hexdigest()
        assert each.headers["x-rscrawler-signature"] == f"sha256={expected}"
        assert each.headers["x-rscrawler-record"] == article.record_id
        assert each.headers["content-type"] == "application/json; charset=utf-8"


@on_sqlite
def test_a_webhook_that_failed_gets_the_same_request_again(
    store: Store, listener: Listener, config: Config
) -> None:
    listener.statuses[HOOK] = 500
    record(store, an_article(1), "webhook:hook")
    assert deliver(config, store, now=NOW).put_off == 1
    listener.statuses.clear()
    assert deliver(config, store, now=NOW + HOUR).served == 1
    first, second = listener.at(HOOK)
    assert first.body == second.body
    same = "x-rscrawler-record"
    assert first.headers[same] == second.headers[same]


@pytest.mark.parametrize(
    ("status", "is_passing"),
    [(408, True), (425, True), (429, True), (500, True), (503, True), (400, False), (404, False),
     (410, False), (302, False)],
)  # fmt: skip
@on_sqlite
def test_what_a_webhook_answers_says_whether_to_try_again(
    store: Store, listener: Listener, config: Config, status: int, is_passing: bool
) -> None:
    listener.statuses[HOOK] = status
    record(store, an_article(1), "webhook:hook")
    report = deliver(config, store, now=NOW)
    assert (report.put_off, report.failed) == (int(is_passing), int(not is_passing))
    assert listener.at("/elsewhere") == []
    assert outbox_summary(config, store, NOW).waiting[-1].last_error == f"hook: HTTP {status}"


@on_sqlite
def test_a_webhook_that_hangs_holds_up_one_record_only(
    store: Store, listener: Listener, config: Config, tmp_path: Path
) -> None:
    hook = {"url": f"http://localhost:{listener.port}{HOOK}", "secret": "x", "timeout": "0.2s"}
    impatient = make_config(listener, tmp_path, webhooks={"hook": hook})
    listener.hanging.add(HOOK)
    for number in range(5):
        record(store, an_article(number), "webhook:hook", "channel:desk")
    report = deliver(impatient, store, now=NOW)
    assert (report.put_off, report.served) == (1, 2)
    wait_until(lambda: bool(listener.at(HOOK)))
    assert len(listener.at(HOOK)) == 1
    listener.hanging.clear()
    assert deliver(config, store, now=NOW + HOUR).served == 5


@on_sqlite
def test_a_webhook_must_answer_whole_within_the_time_out(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    with dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ") as port:
        hook = {"url": f"http://127.0.0.1:{port}/", "secret": "x", "timeout": "0.5s"}
        config = make_config(listener, tmp_path, webhooks={"hook": hook})
        record(store, an_article(1), "webhook:hook", "channel:desk")
        report = deliver(config, store, now=NOW)
    assert (report.put_off, report.served) == (1, 2)
    assert outbox_summary(config, store, NOW).waiting[-1].last_error == (
        "hook: no response within 0.5 s; it may have been accepted"
    )


@on_sqlite
def test_a_chat_gets_one_short_message_for_a_cycle(
    store: Store, listener: Listener, config: Config
) -> None:
    both = [an_article(1), an_article(2, title="Kazakhstan")]
    for each in both:
        record(store, each, "channel:desk")
    deliver(config, store, now=NOW)
    (message,) = (each.json for each in listener.at("/second"))
    assert message["title"] == "2 new articles on Central Asia: Kazakhstan, Uzbekistan"
    assert an_article(1).url in message["message"]
    assert "primary – it is about Central Asia" in message["message"]
    titles = [line for line in message["message"].splitlines() if line.startswith("•")]
    assert titles == [f"• {article.title}" for article in both]
    assert len(listener.at(DESK)) == 1


@on_sqlite
def test_a_chat_names_a_single_article_once_and_says_what_an_update_changed(
    store: Store, listener: Listener, config: Config
) -> None:
    change = ChangeSummary(("body",), 42, 0)
    updated = record(store, an_article(1, version=2, change=change), "channel:desk")
    deliver(config, store, now=NOW)
    (message,) = (each.json for each in listener.at("/second"))
    assert message["title"] == f"Updated: {updated.title}"
    assert str(updated.title) not in message["message"]
    assert "Changed: 42 words added in the text" in message["message"]


@on_sqlite
def test_a_headline_that_a_service_cuts_is_whole_in_the_text(
    store: Store, listener: Listener, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.title_maxlen", 20)
    only = record(store, an_article(1, title="Astana and Tashkent agree"), "channel:desk")
    deliver(config, store, now=NOW)
    (message,) = (each.json for each in listener.at("/second"))
    assert message["title"] == "Astana and Tashkent"
    assert message["message"].startswith(f"{only.title}\n")


@on_sqlite
@pytest.mark.parametrize("status", [401, 500])
def test_the_answer_of_a_chat_service_that_does_not_accept_a_message_is_shown(
    store: Store, listener: Listener, config: Config, status: int
) -> None:
    listener.statuses[DESK] = status
    record(store, an_article(1), "channel:desk")
    deliver(config, store, now=NOW)
    (waiting,) = outbox_summary(config, store, NOW).waiting
    assert str(waiting.last_error).endswith(f": the service did not accept it: HTTP {status}")


@on_sqlite
def test_one_address_of_a_chat_channel_that_fails_is_tried_again_alone(
    store: Store, listener: Listener, config: Config
) -> None:
    listener.statuses[DESK] = 500
    record(store, an_article(1), "channel:desk")
    report = deliver(config, store, now=NOW)
    assert (report.served, report.put_off) == (1, 1)
    listener.statuses.clear()
    deliver(config, store, now=NOW + HOUR)
    assert (len(listener.at(DESK)), len(listener.at("/second"))) == (2, 1)


def test_what_comes_late_of_one_address_of_a_chat_is_not_taken_for_the_next_one(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chat, "timeout", timedelta(seconds=0.5))
    listener.statuses["/second"] = 500
    with ExitStack() as slow:
        port = slow.enter_context(dripping(b"HTTP/1.1 200 OK\r\nX: "))

        def end_the_first() -> None:
            slow.close()
            wait_until(lambda: [each.name for each in threading.enumerate()].count("bounded") == 1)

        listener.on_post = end_the_first
        urls = {
            "first": f"json://127.0.0.1:{port}/first",
            "second": f"json://127.0.0.1:{listener.port}/second?rto=30",
        }
        chat = Chat("channel:desk", tuple(urls), tuple(urls), urls=urls)
        content = chat.notice_content(Notice("subject", "text", "key", "ops", NOW), "id")
        outcomes = last_outcomes(chat.send(content, chat.addresses))
    assert {address: outcome.kind for address, outcome in outcomes.items()} == {
        "first": OutcomeKind.UNANSWERED,
        "second": OutcomeKind.TEMPORARY,
    }


@on_sqlite
def test_a_chat_has_the_time_that_its_address_gives_it(
    store: Store, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Chat, "timeout", timedelta(seconds=0.2))
    answering = threading.Event()
    listener.on_post = answering.wait
    threading.Timer(0.6, answering.set).start()
    desk = f"json://localhost:{listener.port}/desk?rto=30"
    record(store, an_article(1), "channel:desk")
    config = make_config(listener, tmp_path, channels={"desk": desk})
    assert deliver(config, store, now=NOW).served == 1


@on_sqlite
def test_a_chat_gets_a_list_that_is_too_long_for_one_message_in_parts(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    room = f"mmost://localhost:{listener.port}/{'t' * 24}"
    config = make_config(listener, tmp_path, channels={"room": room})
    record_all(store, map(an_article, range(20)), "channel:room")
    deliver(config, store, now=NOW)
    texts = [each.json["text"] for each in listener.posted]
    assert len(texts) > 1
    assert max(map(len, texts)) <= 4_000  # more is refused
    assert all(any(an_article(number).url in text for text in texts) for number in range(20))


@on_sqlite
def test_a_list_is_whole_at_a_service_that_cuts_long_messages_off(
    store: Store, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushover = "apprise.plugins.pushover.NotifyPushover"
    monkeypatch.setattr(f"{pushover}.notify_url", f"http://localhost:{listener.port}/push")
    monkeypatch.setattr(f"{pushover}.request_rate_per_sec", 0)
    config = make_config(listener, tmp_path, channels={"push": f"pover://{'u' * 30}@{'t' * 30}"})
    record_all(store, map(an_article, range(20)), "channel:push")
    deliver(config, store, now=NOW)
    texts = [parse_qs(each.body.decode())["message"][0] for each in listener.at("/push")]
    assert max(map(len, texts)) <= 1_024
    assert all(any(an_article(number).url in text for text in texts) for number in range(20))


@on_sqlite
def test_links_work_and_lines_stay_apart_at_a_service_that_reads_markdown_only(
    store: Store, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Escaped as text, an address would be `https://24\\.kg/english/1\\_Talks`; Teams joins lines.
    monkeypatch.setattr("apprise.plugins.rocketchat.NotifyRocketChat.request_rate_per_sec", 0)
    room = f"rocket://{'w' * 24}/{'t' * 43}@localhost:{listener.port}/#desk"
    config = make_config(listener, tmp_path, channels={"room": room})
    urls = [f"https://24.kg/english/{number}_Talks_(part_1)/" for number in range(20)]
    title = "_Osh_ and *Khujand* [photos](https://evil.example)"
    articles = [an_article(n, url=url, title=f"{title} {n}" * 3) for n, url in enumerate(urls)]
    record_all(store, articles, "channel:room")
    deliver(config, store, now=NOW)
    texts = [each.json["text"] for each in listener.posted]
    assert max(map(len, texts)) <= 5_000  # more is refused
    for url in urls:
        dest = url.replace("(", "%28").replace(")", "%29")
        assert any(f"\n\n[24.kg]({dest})" in text for text in texts)
    assert r"\_Osh\_ and \*Khujand\*" in texts[0]
    assert "](https://evil" not in "".join(texts)


@pytest.mark.parametrize(
    ("address", "text", "shown"),
    [
        (f"rocket://{'w' * 24}/{'t' * 43}@localhost:PORT/#desk", "Talks\n  https://24.kg/1_Talks/",
         "Talks\n\n[24.kg](https://24.kg/1_Talks/)"),
        # WhatsApp has no links with a name: Apprise would put the address of one in parentheses.
        ("evolution://apikey@localhost:PORT/instance/12125551234", "Talks\nhttps://24.kg/1_Talks/",
         "Talks\nhttps://24.kg/1_Talks/"),
    ],
)  # fmt: skip
def test_a_link_of_a_notice_works_indented_in_markdown_and_alone_in_whatsapp(
    listener: Listener, address: str, text: str, shown: str
) -> None:
    urls = {"desk": address.replace("PORT", str(listener.port))}
    chat = Chat("channel:desk", (), tuple(urls), urls=urls)
    notice = Notice("A", text, "key", "ops", NOW)
    last_outcomes(chat.send(chat.notice_content(notice, "id"), chat.operators))
    (posted,) = listener.posted
    assert posted.json["text"].endswith(shown)


@on_sqlite
def test_ntfy_gets_a_list_in_parts_that_its_server_does_not_make_files_of(
    store: Store, listener: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apprise.plugins.ntfy.NotifyNtfy.request_rate_per_sec", 0)
    topic = f"ntfy://localhost:{listener.port}/desk?mode=private"
    config = make_config(listener, tmp_path, channels={"push": topic})
    title = "Президент Казахстана обсудил с соседями общую границу и воду, часть"
    articles = [an_article(number, title=f"{title} {number}") for number in range(20)]
    record_all(store, articles, "channel:push")
    deliver(config, store, now=NOW)
    texts = [each.json["message"] for each in listener.posted]
    assert max(len(text.encode()) for text in texts) < 4_096
    assert max(len(each.body) for each in listener.posted) < 8_192  # as JSON
    assert all(any(each.url in text for text in texts) for each in articles)


@on_sqlite
@pytest.mark.parametrize("address", [f"wxteams://{'t' * 80}/", f"wxteams://{'t' * 80}/room"])
def test_webex_gets_a_list_in_parts_that_it_does_not_refuse(
    store: Store,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    webex = "apprise.plugins.webexteams.NotifyWebexTeams"
    for name in ("notify_url", "api_url"):
        monkeypatch.setattr(f"{webex}.{name}", f"http://localhost:{listener.port}/webex")
    monkeypatch.setattr(f"{webex}.request_rate_per_sec", 0)
    config = make_config(listener, tmp_path, channels={"room": address})
    title = "Президент Казахстана обсудил с соседями общую границу и воду, часть"
    articles = [an_article(number, title=f"{title} {number}" * 3) for number in range(20)]
    record_all(store, articles, "channel:room")
    deliver(config, store, now=NOW)
    texts = [each.json["markdown"] for each in listener.posted]
    assert max(len(text.encode()) for text in texts) <= 7_439
    assert all(any(each.url in text for text in texts) for each in articles)


@on_sqlite  # five seconds of the library's own waiting
def test_a_chat_that_reaches_a_part_of_its_targets_is_not_posted_again_soon(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    topics = f"ntfy://localhost:{listener.port}/desk/closed?mode=private"
    config = make_config(listener, tmp_path, channels={"topics": topics})
    listener.refused = b'"closed"'
    record(store, an_article(1), "channel:topics")
    deliver_when_due(config, store, NOW + HOUR)  # the library waits between two posts
    copies = sum(b'"desk"' in each.body for each in listener.posted)
    assert 1 < copies <= 2


@on_sqlite
def test_an_address_that_cannot_be_reached_for_days_keeps_nothing_from_the_others(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    desk = ["json://127.0.0.1:1/dead", f"json://localhost:{listener.port}/second"]
    config = make_config(listener, tmp_path, channels={"desk": desk})
    for hours in range(0, 36, 6):
        record(store, an_article(hours), "channel:desk", at=NOW + hours * HOUR)
        # What the dead address has not got is due each time, and comes first.
        assert deliver(config, store, now=NOW + hours * HOUR).served == 1
    assert len(listener.at("/second")) == 6


@on_sqlite
def test_a_flood_is_one_short_message_for_people_and_every_record_for_machines(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    config = make_config(listener, tmp_path, flood_limit=2)
    for number in range(4):
        record(store, an_article(number), "channel:desk", "webhook:hook")
    deliver(config, store, now=NOW)
    (message,) = (each.json for each in listener.at("/second"))
    assert "4  Kazakhstan" in message["message"]
    assert an_article(1).url not in message["message"]
    assert len(listener.at(HOOK)) == 4


def test_channels_that_are_down_hold_up_none_that_is_up(
    store: Store, listener: Listener, tmp_path: Path
) -> None:
    email = {
        "host": "127.0.0.1", "port": 1, "security": "none",
        "sender": "m@example.org", "recipients": ["d@example.org"],
    }  # fmt: skip
    dead = {"url": "http://127.0.0.1:1/", "secret": "x"}
    config = make_config(listener, tmp_path, email=email, webhooks={"hook": dead})
    record(store, an_article(1), "email", "webhook:hook", "channel:desk")
    report = deliver(config, store, now=NOW)
    assert (report.served, report.put_off) == (2, 2)


@pytest.fixture
def changed(store: Store, listener: Listener, config: Config, tmp_path: Path) -> Config:
    """The configuration with another address for the desk, whose old one refused an alert."""
    listener.statuses[DESK] = 500
    record(store, an_article(1), "channel:desk")
    deliver(config, store, now=NOW)
    return make_config(
        listener, tmp_path, channels={"desk": f"json://localhost:{listener.port}/second"}
    )


@on_sqlite
def test_an_address_that_left_the_configuration_is_given_up(store: Store, changed: Config) -> None:
    assert deliver(changed, store, now=NOW + HOUR).failed == 1
    assert outbox_summary(changed, store, NOW + HOUR).failed == 0


@on_sqlite
def test_what_will_go_to_another_address_is_pending_until_then(
    store: Store, changed: Config
) -> None:
    assert deliver(changed, store, now=NOW + HOUR).waiting == 1
    summary = outbox_summary(changed, store, NOW + HOUR)
    reason = "its address is no longer in the configuration"
    assert [str(each.last_error).endswith(reason) for each in summary.waiting] == [True]
    assert (summary.pending, summary.failed) == (1, 0)


def test_what_waits_for_an_address_goes_to_the_one_that_takes_its_place(
    store: Store, listener: Listener, config: Config, tmp_path: Path
) -> None:
    listener.statuses[DESK] = 403
    record(store, an_article(1), "channel:desk")
    deliver(config, store, now=NOW)
    base = f"json://localhost:{listener.port}"
    renewed = make_config(listener, tmp_path, channels={"desk": [f"{base}/new", f"{base}/second"]})
    for hours in range(1, 9):
        deliver(renewed, store, now=NOW + hours * HOUR)
    assert (len(listener.at("/new")), len(listener.at("/second"))) == (1, 1)
    assert store.messages.undelivered() == []
    deliver(config, store, now=NOW + 9 * HOUR)  # by a service that has not read it yet
    assert (len(listener.at(DESK)), len(listener.at("/new"))) == (1, 1)


@on_sqlite
def test_an_address_that_comes_back_gets_what_waited_for_the_one_in_its_place(
    store: Store, listener: Listener, config: Config, tmp_path: Path
) -> None:
    listener.statuses |= {DESK: 403, "/new": 403}
    record(store, an_article(1), "channel:desk")
    base = f"json://localhost:{listener.port}"
    renewed = make_config(listener, tmp_path, channels={"desk": [f"{base}/new"]})
    for hours in range(8):
        deliver(config if hours < 2 else renewed, store, now=NOW + hours * HOUR)
    assert listener.at("/new")
    listener.statuses.clear()
    before = len(listener.at(DESK)), len(listener.at("/new"))
    for hours in range(8, 40, 8):
        deliver(config, store, now=NOW + hours * HOUR)
    assert (len(listener.at(DESK)), len(listener.at("/new"))) == (before[0] + 1, before[1])
    assert store.messages.undelivered() == []


@on_sqlite
@pytest.mark.parametrize("title", HOSTILE_TITLES.values(), ids=HOSTILE_TITLES)
def test_a_hostile_title_arrives_harmless(
    store: Store, listener: Listener, config: Config, title: str
) -> None:
    record(store, an_article(1, title=title), "channel:desk", "webhook:hook")
    deliver(config, store, now=NOW)
    (webhook,) = listener.at(HOOK)
    assert webhook.json["title"] == title
    assert b"\n" not in webhook.body
    (chat,) = (each.json for each in listener.at("/second"))
    assert "\n" not in chat["title"]
    assert not set(chat["title"] + chat["message"]) & set("\r\x00\x07\x1b\u202e\u2066\u2028")
    assert len(chat["title"]) <= 120
    assert not {"@everyone", "@Here", "@**stream**"} & {*re.split(r"[\s,]", chat["title"])}


@on_sqlite
def test_a_link_with_a_mention_of_all_still_leads_to_its_page(
    store: Store, listener: Listener, config: Config
) -> None:
    record(store, an_article(1, url="https://medium.com/@all/water"), "channel:desk")
    deliver(config, store, now=NOW)
    (chat,) = (each.json for each in listener.at("/second"))
    assert "https://medium.com/%40all/water" in chat["message"].splitlines()


DAY = 24 * HOUR


@on_sqlite
@pytest.mark.parametrize("channel", ["email", "channel:desk", "webhook:hook"])
def test_who_takes_an_alert_and_never_answers_is_told_a_few_times_in_three_days(
    store: Store, listener: Listener, mailbox: Mailbox, email_config: EmailConfig, channel: str
) -> None:
    """Each attempt may be another copy: the pace is slow, whatever the channel."""
    base = f"localhost:{listener.port}"
    mailbox.drop = True
    listener.hanging = {"/hook", "/desk"}
    hook = {"url": f"http://{base}/hook", "secret": "s3cret", "timeout": "0.1s"}
    desk = f"json://{base}/desk?rto=0.1"
    config = email_config({"webhooks": {"hook": hook}, "channels": {"desk": desk}})
    record(store, an_article(1), channel)
    assert due_since(config, store, NOW)
    deliver_when_due(config, store, NOW + 4 * DAY)

    def copies() -> int:
        return len(mailbox.received) + len(listener.at("/hook")) + len(listener.at("/desk"))

    wait_until(lambda: copies() >= 12)
    assert copies() <= 18
    (given_up,) = store.messages.undelivered()
    assert given_up.state == "failed"
    assert "may have been accepted" in given_up.reason


@on_sqlite
@pytest.mark.parametrize("channel", ["channel:desk", "webhook:hook"])
def test_a_connection_that_breaks_before_the_answer_leaves_it_in_doubt(
    store: Store, tmp_path: Path, channel: str
) -> None:
    with dropping() as port:
        alerts = {
            "webhooks": {"hook": {"url": f"http://127.0.0.1:{port}/", "secret": "x"}},
            "channels": {"desk": f"json://127.0.0.1:{port}/"},
        }
        config = a_config(tmp_path / "out", **alerts)
        record(store, an_article(1), channel)
        due = [NOW]
        for _ in range(3):
            deliver(config, store, now=due[-1])
            due.append(store.messages.undelivered()[0].next_try_at)
    pauses = [later - earlier for earlier, later in pairwise(due)]
    # Once is more often a lost message than a lost answer.
    assert pauses[0] < timedelta(minutes=2) < timedelta(minutes=30) < pauses[1] < pauses[2]
    assert "may have been accepted" in store.messages.undelivered()[0].reason


@on_sqlite
def test_a_certificate_that_is_not_valid_is_named_without_the_address(
    store: Store, tmp_path: Path
) -> None:
    with serving(Mailbox(), ssl_context=self_signed(tmp_path).context) as server:  # only TLS counts
        place = f"127.0.0.1:{server.port}/{TOKEN}"
        hook = {"url": f"https://{place}", "secret": "x"}
        alerts = {"webhooks": {"hook": hook}, "channels": {"desk": f"jsons://{place}"}}
        record(store, an_article(1), "channel:desk", "webhook:hook")
        deliver(a_config(tmp_path / "out", **alerts), store, now=NOW)
    assert [each.reason for each in store.messages.undelivered()] == 2 * [
        "cannot be reached: certificate verify failed: self-signed certificate"
    ]


def test_a_proxy_that_refuses_is_named_and_no_message_was_sent(
    listener: Listener, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)  # a new process: the library reads the environment once
    alerts = f"""
[alerts.webhooks.hook]
url = "https://hook.invalid/{TOKEN}"
secret = "x"
[alerts.channels]
desk = "jsons://hook.invalid/{TOKEN}"
"""
    workspace.config.write_text(alerts, "utf-8")
    proxy = f"http://desk:hunter2@127.0.0.1:{listener.port}"
    environment = {"https_proxy": proxy, "no_proxy": "", "PYTHONPATH": str(ROOT)}
    result = workspace.run("alerts", "test", **environment)
    lines = result.stderr.splitlines()
    reason = ": cannot be reached: Tunnel connection failed: 501 Unsupported method"
    assert [line[-len(reason) :] for line in lines] == [reason, reason]
    assert not any(secret in line for line in lines for secret in (TOKEN, "hunter2"))


@on_sqlite
def test_secrets_are_neither_stored_nor_logged_nor_shown(
    store: Store,
    listener: Listener,
    config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    heard: list[logging.LogRecord] = []
    everything = logging.Handler()  # caplog would listen to loggers that tell nobody
    monkeypatch.setattr(everything, "emit", heard.append)
    monkeypatch.setattr(logging.getLogger(), "handlers", [everything])
    caplog.set_level(logging.DEBUG)
    listener.statuses |= {HOOK: 404, DESK: 500}
    record(store, an_article(1), "channel:desk", "webhook:hook")
    report = deliver(config, store, now=NOW)
    dead = make_config(listener, tmp_path, channels={"desk": f"json://127.0.0.1:1/{TOKEN}"})
    record(store, an_article(2), "channel:desk")
    later = deliver(dead, store, now=NOW + HOUR)
    shown = [report, later, outbox_summary(config, store, NOW), store.messages.undelivered()]
    due = store.messages.due(NOW + 9 * HOUR)
    for text in (str(shown), str(due), *capfd.readouterr()):
        assert TOKEN not in text
    # The libraries' own debugging lines of a connection are not ours to keep.
    ours = [entry for entry in heard if not entry.name.startswith("urllib3")]
    assert heard
    assert not any(TOKEN in entry.getMessage() for entry in ours)


@on_sqlite
def test_a_webhook_body_is_the_record_of_the_jsonl(
    store: Store, listener: Listener, config: Config
) -> None:
    record(store, an_article(1, title="Қазақстан"), "webhook:hook")
    deliver(config, store, now=NOW)
    (line,) = (config.output_dir / "articles/2026-11-24.jsonl").read_bytes().splitlines()
    assert listener.at(HOOK)[0].body == line
    assert json.loads(line)["title"] == "Қазақстан"
