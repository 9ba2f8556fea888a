"""Every alert reaches every recipient by mail once, whatever the server does."""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from datetime import datetime, timedelta
from threading import Thread

import pytest

from rscrawler.delivery import deliver, smtp
from rscrawler.delivery.channels import due_since, message_channels, outbox_summary
from rscrawler.delivery.messages import FEW_ATTEMPTS, DeliveryReport
from rscrawler.delivery.ops import judge_delivery
from rscrawler.delivery.timing import GIVE_UP_AFTER, LEAST_ATTEMPTS
from rscrawler.items import ChangeSummary
from rscrawler.store import Store, database
from rscrawler.store.leases import process_identity, site_lease
from rscrawler.store.messages import CLAIM_DURATION
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import (
    BODY,
    NOW,
    an_article,
    deliver_when_due,
    lines_of,
    on_sqlite,
    record,
)
from tests.delivery.mailbox import Mailbox, serving
from tests.workspace import Program, Script, taken_port, wait_until

THREE = ["one@example.org", "two@example.org", "Three <three@example.org>"]
HOUR = timedelta(hours=1)


def counts(report: DeliveryReport) -> dict[str, int]:
    """The counters of a report that say what came of the messages."""
    names = ("composed", "messages", "served", "put_off", "failed")
    return {name: value for name, value in asdict(report).items() if name in names and value}


@on_sqlite
def test_all_of_a_cycle_comes_in_one_mail(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config()
    articles = [record(store, an_article(number), "email") for number in (1, 2)]
    assert counts(deliver(config, store, now=NOW)) == {"composed": 1, "messages": 1, "served": 1}
    mail = mailbox.only().mail
    assert mail["X-RSCrawler-Articles"] == ", ".join(article.article_id for article in articles)
    assert mail["X-RSCrawler-Run"] == "run-1"
    assert mailbox.only().recipients == ("desk@example.org",)
    assert len(lines_of(config.output_dir / "articles/2026-11-24.jsonl")) == 2


@on_sqlite
def test_nothing_is_mailed_twice(store: Store, mailbox: Mailbox, email_config: EmailConfig) -> None:
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    later = deliver(email_config(), store, now=NOW + HOUR)
    assert counts(later) == {}
    assert later.waiting == 0
    assert len(mailbox.received) == 1


@on_sqlite
def test_nothing_is_mailed_when_nothing_is_new(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    record(store, an_article(1))
    assert deliver(email_config(), store, now=NOW).composed == 0
    assert mailbox.received == []


def test_a_delivery_during_a_cycle_leaves_its_alerts_for_the_one_mail_at_its_end(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.leases.acquire(site_lease("sample"), process_identity(), NOW)
    store.health.record_start("run-1", "sample", NOW)
    record(store, an_article(1), "email")
    record(store, an_article(2), "email", run_id="run-of-another-site")
    deliver(email_config(), store, now=NOW)
    assert due_since(email_config(), store, NOW) is None
    (waiting,) = outbox_summary(email_config(), store, NOW).waiting
    assert (waiting.count, waiting.why) == (1, "to go out at the end of the cycle")
    record(store, an_article(3), "email")
    store.health.record_end("run-1", "sample", NOW, succeeded=True, counters={})
    deliver(email_config(), store, now=NOW)
    articles = [each.mail["X-RSCrawler-Articles"] for each in mailbox.received]
    first, second, third = (an_article(number).article_id for number in (1, 2, 3))
    assert articles == [second, f"{first}, {third}"]


def test_a_channel_that_waits_for_no_cycle_has_one_line_for_all_its_alerts(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.leases.acquire(site_lease("sample"), process_identity(), NOW)
    store.health.record_start("run-1", "sample", NOW)
    record(store, an_article(1), "email", run_id="run-of-another-site")
    record(store, an_article(2), "email")
    waiting = outbox_summary(email_config(digest="daily"), store, NOW).waiting
    by_mail = [(each.count, each.why) for each in waiting if each.channel == "email"]
    assert by_mail == [(2, "daily digest")]


@on_sqlite
def test_a_cycle_of_more_than_ten_minutes_holds_its_alerts_up_no_longer(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.record_start("run-1", "sample", NOW)
    record(store, an_article(1), "email")
    for minutes, mails in ((9, 0), (10, 1)):
        now = NOW + timedelta(minutes=minutes)
        store.leases.acquire(site_lease("sample"), process_identity(), now)
        deliver(email_config(), store, now=now)
        assert len(mailbox.received) == mails


def test_what_a_killed_cycle_has_found_goes_out_and_a_daily_mail_waits_for_no_cycle(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.record_start("run-1", "sample", NOW)
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    record(store, an_article(2), "email")
    store.leases.acquire(site_lease("sample"), process_identity(), NOW + 24 * HOUR)
    deliver(email_config(digest="daily"), store, now=NOW + 24 * HOUR)
    assert len(mailbox.received) == 2


@on_sqlite
@pytest.mark.parametrize(
    ("profile", "outlet"),
    [
        ({"base_url": "https://sample.example.org", "title": "The Sample"}, "The Sample"),
        ({"base_url": "nowhere", "title": "The Sample"}, "sample.example.org"),
    ],
)
def test_the_mail_names_the_site_by_its_profile_and_a_wrong_one_holds_nothing_up(
    store: Store,
    mailbox: Mailbox,
    email_config: EmailConfig,
    profile: dict[str, str],
    outlet: str,
) -> None:
    config = email_config().model_copy(update={"sites": {"sample": profile}})
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)
    assert f"21 June 2022, 14:05 UTC · {outlet}" in mailbox.only().text


@on_sqlite
def test_the_mail_of_an_update_tells_of_no_change_but_those_that_count(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    old = {"title": "Kazakhstan's choice", "body": BODY + " More."}
    for number, change in ((1, ChangeSummary(("body",), 0, 1)), (2, None)):
        record(store, an_article(number, **old))
        new = an_article(number, version=2, title="Kazakhstan’s choice", change=change)
        record(store, new, "email")
    deliver(email_config(), store, now=NOW)
    changed = re.findall(r"Changed: +(.*)\r", mailbox.only().text)
    assert changed == ["1 word removed in the text"]


@on_sqlite
def test_the_mail_of_a_new_headline_gives_the_one_before_it(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    for version, title in enumerate(("The first", "The second", "The third"), start=1):
        change = ChangeSummary(("title",), 1, 1) if version > 1 else None
        article = an_article(1, version=version, title=title, change=change)
        record(store, article, *(["email"] if version == 3 else []))
    deliver(email_config(), store, now=NOW)
    changed = re.findall(r"Changed: +(.*)\r", mailbox.only().text)
    assert changed == ["headline was “The second”"]


# A server that does not take it.


@on_sqlite
def test_a_server_that_refuses_connections_for_an_hour_gets_the_mail_when_it_is_back(
    store: Store, email_config: EmailConfig, mailbox: Mailbox
) -> None:
    with taken_port() as port:
        config = email_config(port=port)
        record(store, an_article(1), "email")
        reports = deliver_when_due(config, store, NOW + timedelta(minutes=50))
        # At once, and after pauses of 1, 2, 4, 8 and 16 minutes, more or less.
        assert sum(report.put_off for report in reports) == 6
        record(store, an_article(2), "email")
        with serving(Mailbox(port=port)) as back:
            deliver(config, store, now=NOW + 2 * HOUR)
            articles = [mail.mail["X-RSCrawler-Articles"] for mail in back.received]
    assert articles == [an_article(1).article_id, an_article(2).article_id]
    assert outbox_summary(config, store, NOW + 2 * HOUR).pending == 0


def test_a_server_that_never_answers_a_mail_does_not_get_it_again_soon(
    store: Store, mailbox: Mailbox, email_config: EmailConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = email_config()
    mailbox.hang = True
    record(store, an_article(1), "email")
    with monkeypatch.context() as impatient:
        impatient.setattr(smtp, "_response_timeout", lambda _: timedelta(seconds=0.5))
        report = deliver(config, store, now=NOW)
    assert counts(report) == {"composed": 1, "put_off": 1}
    (waiting,) = outbox_summary(config, store, NOW).waiting
    assert waiting.last_error is not None
    assert "no response within 0.5 s; it may have been accepted" in waiting.last_error
    mailbox.hang = False
    assert counts(deliver(config, store, now=NOW + HOUR / 3)) == {}
    deliver(config, store, now=NOW + HOUR)
    assert len(mailbox.received) == 1


def test_after_processes_killed_before_a_mail_was_answered_copies_are_few(
    store: Store,
    database_url: str,
    program: Program,
    mailbox: Mailbox,
    email_config: EmailConfig,
) -> None:
    record(store, an_article(1), "email")
    for attempt in range(1, FEW_ATTEMPTS + 1):
        mailbox.answering.clear()
        tried_at = NOW + timedelta(minutes=attempt)
        process = Script(program, _DELIVERER, database_url, tried_at.isoformat())
        process.type(f"{email_config().model_dump_json()}\ngo")
        wait_until(lambda attempt=attempt: len(mailbox.received) == attempt)  # type: ignore[misc]
        process.kill()
        mailbox.answering.set()
    assert counts(deliver(email_config(), store, now=NOW + HOUR)) == {}
    assert deliver(email_config(), store, now=NOW + 3 * HOUR).served == 1
    assert len({mail.content for mail in mailbox.received}) == 1


@on_sqlite
def test_a_connection_that_is_lost_again_and_again_after_the_mail_makes_few_copies(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.drop = True
    record(store, an_article(1), "email")
    deliver_when_due(email_config(), store, NOW + timedelta(days=1))
    assert 4 <= len(mailbox.received) <= 8
    assert len({mail.mail["Message-ID"] for mail in mailbox.received}) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_is_busy_when_a_mail_is_taken_makes_no_copy(
    open_store: Callable[[], Store],
    database_url: str,
    mailbox: Mailbox,
    email_config: EmailConfig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_TIMEOUT_SECONDS", 0.1)
    store, config = open_store(), email_config()
    record(store, an_article(1), "email")
    mailbox.answering.clear()
    delivering = Thread(target=deliver, args=(config, store), kwargs={"now": NOW})
    delivering.start()
    wait_until(lambda: bool(mailbox.received))
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as pruning:
        pruning.execute("BEGIN IMMEDIATE")  # as `prune` does, for as long as it compacts the file
        mailbox.answering.set()
        wait_until(lambda: store.last_write_error is not None)
    delivering.join()
    deliver(config, open_store(), now=NOW + HOUR)
    assert len(mailbox.received) == 1


@on_sqlite
def test_a_connection_lost_after_the_mail_gets_the_same_bytes_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.drop = True
    record(store, an_article(1), "email")
    assert deliver(email_config(), store, now=NOW).put_off == 1
    mailbox.drop = False
    # What comes up in the meantime gets a mail of its own.
    record(store, an_article(2), "email")
    deliver(email_config(), store, now=NOW + HOUR)
    first, again, second = mailbox.received
    assert first.content == again.content
    assert first.mail["Message-ID"] == again.mail["Message-ID"] != second.mail["Message-ID"]


@on_sqlite
@pytest.mark.parametrize(
    ("attribute", "reply"),
    [("reply", "451 try again later"), ("sender_reply", "550 not you"), ("reply", "421 closing")],
)
def test_what_may_pass_is_tried_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig, attribute: str, reply: str
) -> None:
    usual = getattr(mailbox, attribute)
    setattr(mailbox, attribute, reply)
    record(store, an_article(1), "email")
    assert counts(deliver(email_config(), store, now=NOW)) == {"composed": 1, "put_off": 1}
    setattr(mailbox, attribute, usual)
    assert counts(deliver(email_config(), store, now=NOW + HOUR)) == {"messages": 1, "served": 1}
    assert len(mailbox.received) == 1


@on_sqlite
def test_a_mail_that_is_too_large_for_the_server_holds_up_no_other(
    store: Store, email_config: EmailConfig
) -> None:
    with serving(Mailbox(), data_size_limit=10_000) as small:
        config = email_config({"ops": {"recipients": ["ops@example.org"]}}, port=small.port)
        for number in range(1, 9):
            record(store, an_article(number), "email")
        report = deliver(config, store, now=NOW)
        assert (report.failed, report.served) == (1, 1)
        (problem,) = report.problems
        assert problem.startswith("email: desk@example.org: 552 ")
        assert small.only().recipients == ("ops@example.org",)
        record(store, an_article(9), "email")
        deliver(config, store, now=NOW + HOUR)  # when the first is due again
        sent = [mail.mail["X-RSCrawler-Articles"] for mail in small.received]
    assert sent == [None, an_article(9).article_id]


@on_sqlite
def test_a_mail_that_is_too_large_for_now_holds_up_no_other_and_is_taken_later(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config()
    mailbox.sender_reply = "452 4.3.1 Insufficient system storage"
    record(store, an_article(1), "email")
    assert counts(deliver(config, store, now=NOW)) == {"composed": 1, "put_off": 1}
    record(store, an_article(2), "email")
    report = deliver(config, store, now=NOW + HOUR)
    assert counts(report) == {"composed": 1, "put_off": 2}  # each was tried
    mailbox.sender_reply = ""
    assert deliver(config, store, now=NOW + 2 * HOUR).served == 2


@on_sqlite
def test_recipients_who_are_refused_for_the_same_reason_are_one_line(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    addresses = ("one@example.org", "two@example.org", "three@example.org")
    mailbox.refuse |= dict.fromkeys(addresses, "550 no such user")
    for number in (1, 2):  # two mails to each of the three
        record(store, an_article(number), "email")
        (problem,) = deliver(email_config(recipients=THREE), store, now=NOW).problems
    assert problem == "email: two@example.org: 550 no such user (and 2 more)"


@on_sqlite
def test_one_refused_recipient_of_three_does_not_stop_the_others(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(recipients=THREE)
    mailbox.refuse["two@example.org"] = "550 5.1.1 no such user"
    record(store, an_article(1), "email")
    report = deliver(config, store, now=NOW)
    assert counts(report) == {"composed": 1, "messages": 1, "served": 2, "failed": 1}
    assert mailbox.only().recipients == ("one@example.org", "three@example.org")
    assert report.problems == ("email: two@example.org: 550 5.1.1 no such user",)
    assert outbox_summary(config, store, NOW).failed == 1
    deliver(config, store, now=NOW + HOUR)
    assert len(mailbox.received) == 1


@on_sqlite
def test_a_recipient_put_off_is_served_later_and_the_others_not_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(recipients=THREE)
    mailbox.refuse["two@example.org"] = "450 greylisted"
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)
    mailbox.refuse.clear()
    deliver(config, store, now=NOW + HOUR)
    first, second = mailbox.received
    assert first.recipients == ("one@example.org", "three@example.org")
    assert second.recipients == ("two@example.org",)
    assert first.content == second.content
    assert second.mail["To"].addresses[1].addr_spec == "two@example.org"


@on_sqlite
def test_a_mail_counts_as_delivered_once_though_one_of_two_refuses_it_again_and_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(recipients=["one@example.org", "two@example.org"])
    mailbox.refuse["two@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    sent = [deliver(config, store, now=NOW + number * 8 * HOUR) for number in range(4)]
    assert [each.failed for each in sent] == [1, 1, 1, 1]
    assert [each.messages for each in sent] == [1, 0, 0, 0]


@on_sqlite
def test_a_refusal_that_is_tried_again_just_now_is_still_a_problem(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(recipients=["one@example.org", "two@example.org"])
    mailbox.refuse["two@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)
    (before,) = store.health.problems()
    mailbox.on_recipient = lambda: judge_delivery(message_channels(config), store, NOW + HOUR)
    deliver(config, store, now=NOW + HOUR)
    (after,) = store.health.problems()
    assert (after.code, after.since) == (before.code, before.since)
    assert store.health.problems(ended=True) == []


@on_sqlite
def test_a_refusal_is_shown_at_once_and_passes_later_all_the_same(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.reply = "554 rejected"
    record(store, an_article(1), "email")
    sent = deliver(email_config(), store, now=NOW)
    assert (sent.failed, sent.messages) == (1, 0)
    assert sent.problems == ("email: desk@example.org: 554 rejected",)
    assert store.history.delivered_by_site("run-1") == {}
    mailbox.reply = "250 OK"
    assert counts(deliver(email_config(), store, now=NOW + HOUR / 3)) == {}
    summary = outbox_summary(email_config(), store, NOW + HOUR / 3)
    assert (summary.pending, summary.failed) == (0, 1)
    assert summary.waiting[0].why == "refused once"
    later = deliver(email_config(), store, now=NOW + 3 * HOUR)
    assert counts(later) == {"messages": 1, "served": 1}
    assert later.problems == ()
    assert len(mailbox.received) == 1
    assert store.history.delivered_by_site("run-1") == {"sample": 1}


@on_sqlite
def test_what_an_address_refused_goes_out_as_soon_as_it_takes_something_else(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(recipients=THREE)
    mailbox.refuse = {"one@example.org": "550 no such user", "two@example.org": "550 neither"}
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)
    del mailbox.refuse["one@example.org"]
    record(store, an_article(2), "email")
    deliver(config, store, now=NOW + timedelta(minutes=20))
    assert [mail.recipients for mail in mailbox.received] == [
        ("three@example.org",),
        ("one@example.org", "three@example.org"),
        ("one@example.org",),
    ]
    first, _, late = mailbox.received
    assert first.content == late.content
    assert {each.state for each in store.messages.undelivered()} == {"refused"}


@on_sqlite
def test_a_refusal_that_does_not_pass_is_tried_now_and_then_and_given_up_after_three_days(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    reports = deliver_when_due(email_config(), store, NOW + 100 * HOUR)
    assert sum(report.failed for report in reports) in range(LEAST_ATTEMPTS, LEAST_ATTEMPTS + 7)
    (given_up,) = store.messages.undelivered()
    assert (given_up.state, given_up.reason) == ("failed", "550 no such user")
    assert outbox_summary(email_config(), store, NOW + 100 * HOUR).waiting[0].why == "given up"


@on_sqlite
def test_a_failure_that_does_not_pass_is_given_up_after_three_days_and_shown(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.reply = "451 not now"
    record(store, an_article(1), "email")
    for attempt in range(LEAST_ATTEMPTS - 1):
        tried_at = NOW + attempt * GIVE_UP_AFTER / LEAST_ATTEMPTS
        assert deliver(email_config(), store, now=tried_at).put_off == 1
    assert deliver(email_config(), store, now=NOW + GIVE_UP_AFTER + HOUR).failed == 1
    summary = outbox_summary(email_config(), store, NOW + GIVE_UP_AFTER + HOUR)
    assert (summary.pending, summary.failed) == (0, 1)
    assert summary.waiting[0].last_error == "desk@example.org: 451 not now"


@on_sqlite
def test_the_last_attempt_before_giving_up_counts_when_it_is_taken(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.reply = "451 not now"
    record(store, an_article(1), "email")
    for attempt in range(LEAST_ATTEMPTS - 1):
        deliver(email_config(), store, now=NOW + attempt * GIVE_UP_AFTER / LEAST_ATTEMPTS)
    mailbox.reply = "250 OK"
    later = NOW + GIVE_UP_AFTER + HOUR
    assert counts(deliver(email_config(), store, now=later)) == {"messages": 1, "served": 1}
    assert outbox_summary(email_config(), store, later).failed == 0


@on_sqlite
def test_what_was_given_up_can_be_sent_after_all(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 relaying denied"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    mailbox.refuse.clear()
    later = NOW + 10 * GIVE_UP_AFTER
    assert store.messages.retry_failed(later) == 1
    assert deliver(email_config(), store, now=later).served == 1
    assert outbox_summary(email_config(), store, later).failed == 0


@on_sqlite
def test_what_was_given_up_passes_through_a_short_failure_when_it_is_tried_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 relaying denied"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    later = NOW + 2 * GIVE_UP_AFTER
    store.messages.retry_failed(later)
    mailbox.refuse["desk@example.org"] = "451 greylisted"
    assert deliver(email_config(), store, now=later).put_off == 1
    mailbox.refuse.clear()
    assert deliver(email_config(), store, now=later + HOUR).served == 1


@on_sqlite
def test_a_failure_is_over_when_something_later_reaches_the_address(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 mailbox full"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    assert outbox_summary(email_config(), store, NOW).failed == 1
    mailbox.refuse.clear()
    record(store, an_article(2), "email")
    deliver(email_config(), store, now=NOW + HOUR)
    assert outbox_summary(email_config(), store, NOW + HOUR).failed == 0


@on_sqlite
def test_a_failure_is_over_when_the_address_is_no_longer_configured(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 gone"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    changed = email_config(recipients=["new@example.org"])
    assert outbox_summary(changed, store, NOW).failed == 0


@on_sqlite
def test_what_a_misspelt_recipient_could_not_get_goes_to_the_one_that_was_meant(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["dsek@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    wrong = email_config(recipients=["dsek@example.org", "chief@example.org"])
    deliver(wrong, store, now=NOW)
    right = email_config(recipients=["desk@example.org", "chief@example.org"])
    for hours in range(1, 9):
        deliver(right, store, now=NOW + hours * HOUR)
    assert [mail.recipients for mail in mailbox.received] == [
        ("chief@example.org",),
        ("desk@example.org",),
    ]
    assert outbox_summary(right, store, NOW + 9 * HOUR).pending == 0


@on_sqlite
def test_alerts_wait_while_their_channel_is_not_configured(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    record(store, an_article(1), "email")
    without = email_config().model_copy(
        update={"alerts": email_config().alerts.model_copy(update={"email": None})}
    )
    assert counts(deliver(without, store, now=NOW)) == {}
    assert [each.why for each in outbox_summary(without, store, NOW).waiting] == [
        "no configured channel of this name takes it; configure one to send what waits"
    ]
    deliver(email_config(), store, now=NOW + HOUR)
    assert len(mailbox.received) == 1


# When it goes out.


@on_sqlite
def test_a_daily_digest_gathers_everything_until_its_time(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(digest="daily", digest_at="07:00", timezone="Asia/Almaty")
    record(store, an_article(1), "email", at=NOW)  # 17:00 in Almaty
    record(store, an_article(2), "email", at=NOW + HOUR, run_id="run-2")
    deliver(config, store, now=NOW + 13 * HOUR)
    assert mailbox.received == []
    (waiting,) = outbox_summary(config, store, NOW + HOUR).waiting
    assert (waiting.why, waiting.until) == ("daily digest", NOW + 14 * HOUR)
    deliver(config, store, now=NOW + 15 * HOUR)
    assert len(mailbox.only().mail["X-RSCrawler-Articles"].split(", ")) == 2
    assert mailbox.only().mail["X-RSCrawler-Run"] == "run-1, run-2"


@on_sqlite
def test_a_daily_digest_waits_for_no_day_that_a_clock_ahead_has_named(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    record(store, an_article(1), "email", at=NOW + timedelta(days=300))
    deliver(email_config(digest="daily"), store, now=NOW)
    assert len(mailbox.received) == 1


@on_sqlite
def test_quiet_hours_put_off_composing_and_sending_and_drop_nothing(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    quiet = {"quiet_hours": {"start": "22:00", "end": "06:00"}}
    config = email_config(quiet)
    mailbox.reply = "451 not now"
    record(store, an_article(1), "email")
    deliver(config, store, now=NOW)  # composed, and not taken
    mailbox.reply = "250 OK"
    night = NOW.replace(hour=23)
    record(store, an_article(2), "email", at=night)
    assert counts(deliver(config, store, now=night)) == {}
    assert {each.why for each in outbox_summary(config, store, night).waiting} == {"quiet hours"}
    deliver(config, store, now=NOW + timedelta(hours=18))
    assert len(mailbox.received) == 2


def test_a_flood_becomes_one_summary_with_the_usual_text_attached(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({"flood_limit": 3})
    for number in range(4):
        record(store, an_article(number), "email")
    deliver(config, store, now=NOW)
    (attachment,) = mailbox.only().mail.iter_attachments()
    listed = attachment.get_content()
    assert attachment.get_filename() == "articles.txt"
    assert [an_article(number).url in listed for number in range(4)] == [True] * 4
    assert [listed.count(line) for line in ("  By: ", "  Level: ", "  > ")] == [4] * 3
    assert "4  primary" in mailbox.only().text
    assert "4  Kazakhstan" in mailbox.only().text
    assert "attached" in mailbox.only().html
    assert len(mailbox.only().mail["X-RSCrawler-Articles"].split(", ")) == 4


# Several processes.

_DELIVERER = """
import sys
from datetime import datetime
from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.store import Store
config = Config.model_validate_json(sys.stdin.readline())
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(deliver(config, store, now=datetime.fromisoformat(sys.argv[2])).served)
"""


def test_two_processes_send_each_mail_once(
    store: Store,
    database_url: str,
    program: Program,
    mailbox: Mailbox,
    email_config: EmailConfig,
) -> None:
    config = email_config(recipients=THREE)
    for number in range(12):
        record(store, an_article(number), "email")
        if number % 4 == 3:  # three messages wait, and rows besides
            mailbox.reply = "451 not now"
            deliver(config, store, now=NOW + timedelta(minutes=number))
            mailbox.reply = "250 OK"
    record(store, an_article(12), "email")
    later = (NOW + timedelta(hours=2)).isoformat()
    processes = [Script(program, _DELIVERER, database_url, later) for _ in range(2)]
    for process in processes:
        process.type(config.model_dump_json())
        assert process.line() == "ready"
    for process in processes:
        process.type("go")
    served = [int(process.end()) for process in processes]
    assert sum(served) == 4 * 3
    identities = [mail.mail["Message-ID"] for mail in mailbox.received]
    assert len(identities) == len(set(identities)) == 4
    articles = [
        article
        for mail in mailbox.received
        for article in mail.mail["X-RSCrawler-Articles"].split(", ")
    ]
    assert sorted(articles) == [an_article(number).article_id for number in range(13)]


def test_the_claim_of_a_dead_process_is_void_and_that_of_a_living_one_is_not(
    open_store: Callable[[], Store], mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store = open_store()
    mailbox.reply = "451 not now"
    record(store, an_article(1), "email")
    deliver(email_config(), store, now=NOW)
    mailbox.reply = "250 OK"
    later = NOW + HOUR
    (due,) = store.messages.due(later)
    host = process_identity().split("/")[0]
    assert store.messages.claim(due.message_id, f"{host}/999999999/1", later)
    assert store.messages.claim(due.message_id, "another-machine/1/1", later)
    assert deliver(email_config(), open_store(), now=later).served == 0
    assert deliver(email_config(), open_store(), now=later + CLAIM_DURATION + HOUR).served == 1


@on_sqlite
def test_an_alert_that_was_put_off_by_a_clock_that_was_ahead_is_due_when_it_is_right(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config, ahead = email_config(), NOW + timedelta(days=30)
    record(store, an_article(1), "email")
    mailbox.refuse["desk@example.org"] = "450 busy"
    for moment in (NOW, ahead):
        deliver(config, store, now=moment)
    mailbox.refuse.clear()
    (waiting,) = outbox_summary(config, store, NOW + HOUR).waiting
    assert (waiting.why, waiting.until) == ("failed 2 times", None)
    assert deliver(config, store, now=NOW + HOUR).served == 1
    assert mailbox.only().recipients == ("desk@example.org",)


def test_a_mail_to_many_slow_recipients_stays_with_one_process(
    open_store: Callable[[], Store], mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store, other = open_store(), open_store()
    record(store, an_article(1), "email")
    minutes = itertools.count(step=10)  # at each look on the clock; a claim holds for 15
    seen = [NOW]

    def clock() -> datetime:
        seen.append(NOW + timedelta(minutes=next(minutes)))
        return seen[-1]

    def another_delivers() -> None:
        assert deliver(email_config(), other, now=seen[-1] + timedelta(minutes=10)).served == 0

    mailbox.on_recipient = another_delivers
    report = deliver(email_config(recipients=THREE), store, now=NOW, clock=clock)
    assert report.served == 3
    assert len(mailbox.only().recipients) == 3


def test_a_claim_is_not_renewed_for_each_of_many_quick_recipients(
    open_store: Callable[[], Store], mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store, other = open_store(), open_store()
    record(store, an_article(1), "email")
    seconds = itertools.count()
    held: list[datetime | None] = []
    mailbox.on_recipient = lambda: held.append(other.messages.undelivered()[0].claimed_until)
    deliver(
        email_config(recipients=THREE),
        store,
        now=NOW,
        clock=lambda: NOW + timedelta(seconds=next(seconds)),
    )
    assert len(held) == 3
    assert held[1] == held[2]


def test_a_process_that_lost_its_claim_sends_nothing(
    open_store: Callable[[], Store], mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store, other = open_store(), open_store()
    record(store, an_article(1), "email")

    def another_takes_over() -> None:
        (due,) = other.messages.due(NOW)
        assert other.messages.claim(due.message_id, "another-machine/1/1", NOW + HOUR)

    mailbox.on_recipient = another_takes_over
    assert deliver(email_config(), store, now=NOW).served == 0
    assert mailbox.received == []
