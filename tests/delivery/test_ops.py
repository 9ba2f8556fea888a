"""Operators hear of each problem once when it starts and once when it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from rscrawler.config import Config
from rscrawler.delivery import deliver
from rscrawler.delivery.ops import compose_notices
from rscrawler.store import Store
from rscrawler.store.health import ProblemCode
from rscrawler.store.leases import process_identity
from rscrawler.store.messages import RecipientOutcome, Undelivered
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW, an_article, on_sqlite, record
from tests.delivery.listener import Listener
from tests.delivery.mailbox import Mailbox

# A plug-in that Apprise loads with all others uses it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
HOUR = timedelta(hours=1)
OPS = {"ops": {"recipients": ["ops@example.org"]}}
UNREACHABLE, OVERDUE = ProblemCode.UNREACHABLE, ProblemCode.OVERDUE


def subjects(mailbox: Mailbox, address: str = "ops@example.org") -> list[str]:
    """The subjects of the mails to an operator."""
    return [mail.mail["Subject"] for mail in mailbox.received if address in mail.recipients]


@on_sqlite
def test_a_problem_is_told_when_it_starts_and_when_it_ends(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    for minutes in range(3):
        store.health.raise_problem("sample", UNREACHABLE, f"no answer {minutes}", NOW)
        deliver(config, store, now=NOW + timedelta(minutes=minutes))
    assert subjects(mailbox) == ["Problem: sample: unreachable"]
    assert "no answer 0" in mailbox.only().text
    store.health.clear_problem("sample", UNREACHABLE)
    assert store.health.problems() == []
    for hours in (1, 2):
        deliver(config, store, now=NOW + hours * HOUR)
    assert subjects(mailbox) == ["Problem: sample: unreachable", "Over: sample: unreachable"]
    assert store.health.problems(ended=True) == []


@on_sqlite
def test_a_problem_that_comes_back_later_is_told_again(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    for hours in (0, 2):
        store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW + hours * HOUR)
        deliver(email_config(OPS), store, now=NOW + hours * HOUR)
        store.health.clear_problem("sample", UNREACHABLE)
        deliver(email_config(OPS), store, now=NOW + (hours + 1) * HOUR)
    assert len(subjects(mailbox)) == 4


@on_sqlite
def test_a_problem_that_was_over_before_anybody_was_told_is_not_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    store.health.clear_problem("sample", UNREACHABLE)
    deliver(email_config(OPS), store, now=NOW)
    assert mailbox.received == []


@on_sqlite
def test_a_problem_that_came_back_before_its_end_was_told_has_never_ended(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(email_config(OPS), store, now=NOW)
    store.health.clear_problem("sample", UNREACHABLE)
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW + HOUR)
    deliver(email_config(OPS), store, now=NOW + HOUR)
    assert subjects(mailbox) == ["Problem: sample: unreachable"]


def test_a_problem_is_not_told_after_its_end(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({"ops": {"recipients": ["ops@example.org", "boss@example.org"]}})
    mailbox.refuse["ops@example.org"] = "450 busy"
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(config, store, now=NOW)
    mailbox.refuse.clear()
    store.health.clear_problem("sample", UNREACHABLE)
    for minutes in (0, 2, 60):  # its notice is due again after a minute
        deliver(config, store, now=NOW + timedelta(minutes=minutes))
    assert subjects(mailbox) == ["Over: sample: unreachable"]
    assert subjects(mailbox, "boss@example.org")[0] == "Problem: sample: unreachable"
    assert "It began 24 November 2026, 12:00 UTC, and was:" in mailbox.received[1].text
    assert store.messages.undelivered() == []


@on_sqlite
def test_of_problems_that_began_and_ended_without_a_mail_server_only_the_ends_are_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    names = ("one", "two", "three")
    for name in names:
        store.health.raise_problem(name, UNREACHABLE, "no answer", NOW)
    for minutes in (0, 1):  # after the first notice, the others are not tried
        deliver(email_config(OPS, port=9), store, now=NOW + timedelta(minutes=minutes))
    for name in names:
        store.health.clear_problem(name, UNREACHABLE)
    for minutes in (20, 60):
        deliver(email_config(OPS), store, now=NOW + timedelta(minutes=minutes))
    assert sorted(subjects(mailbox)) == sorted(f"Over: {name}: unreachable" for name in names)


@on_sqlite
def test_a_mail_server_that_works_again_brings_only_the_end_of_its_problem(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    record(store, an_article(1), "email")
    mailbox.reply = "451 try again later"
    for hours in range(6):
        deliver(email_config(OPS), store, now=NOW + hours * HOUR)
    assert [problem.subject for problem in store.health.problems()] == ["outbox/email"]
    mailbox.reply = "250 OK"
    deliver(email_config(OPS), store, now=NOW + 12 * HOUR)
    assert subjects(mailbox) == ["Over: outbox/email: delivery-failing"]
    assert store.health.problems() == []


def undelivered_start(store: Store, mailbox: Mailbox, config: Config) -> Undelivered:
    """The notice that a problem began, which the server did not take."""
    mailbox.refuse["ops@example.org"] = "450 busy"
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(config, store, now=NOW)
    mailbox.refuse.clear()
    (notice,) = store.messages.undelivered()
    return notice


def test_an_end_waits_while_another_process_sends_the_notice_of_the_start(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    notice = undelivered_start(store, mailbox, email_config(OPS))
    claimed = store.messages.claim(notice.message_id, "other", NOW + HOUR)
    assert claimed is not None
    store.health.clear_problem("sample", UNREACHABLE)
    deliver(email_config(OPS), store, now=NOW + HOUR)
    assert subjects(mailbox) == []
    failed = RecipientOutcome(notice.address, "pending", "timeout", NOW + 3 * HOUR)
    store.messages.mark(notice.message_id, [failed])
    store.messages.release(claimed)
    for hours in (1, 3):
        deliver(email_config(OPS), store, now=NOW + hours * HOUR)
    assert subjects(mailbox) == ["Over: sample: unreachable"]


@on_sqlite
def test_an_end_waits_for_no_process_that_died_while_it_sent_the_notice_of_the_start(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    notice = undelivered_start(store, mailbox, email_config(OPS))
    dead = f"{process_identity().split('/')[0]}/999999999/1"
    assert store.messages.claim(notice.message_id, dead, NOW + HOUR)
    store.health.clear_problem("sample", UNREACHABLE)
    for hours in (1, 2):
        deliver(email_config(OPS), store, now=NOW + hours * HOUR)
    assert subjects(mailbox) == ["Over: sample: unreachable"]


@on_sqlite
def test_an_operator_who_is_reached_again_is_no_failure_of_that_delivery(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["ops@example.org"] = "450 busy"
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    reports = [deliver(email_config(OPS), store, now=NOW + hours * HOUR) for hours in range(3)]
    assert [bool(report.problems) for report in reports] == [False, False, True]
    deliver(email_config(OPS), store, now=NOW + 3 * HOUR)
    mailbox.refuse.clear()
    assert deliver(email_config(OPS), store, now=NOW + 12 * HOUR).problems == ()
    deliver(email_config(OPS), store, now=NOW + 12 * HOUR)
    assert subjects(mailbox)[1:] == [
        "Problem: outbox/email: delivery-failing",
        "Over: outbox/email: delivery-failing",
    ]


def test_what_a_misspelt_operator_could_not_get_goes_to_the_one_that_was_meant(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["osp@example.org"] = "550 no such user"
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(email_config({"ops": {"recipients": ["osp@example.org"]}}), store, now=NOW)
    for hours in range(1, 9):
        deliver(email_config(OPS), store, now=NOW + hours * HOUR)
    assert subjects(mailbox) == ["Problem: sample: unreachable"]


@on_sqlite
def test_operators_are_told_at_night(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    quiet = {"quiet_hours": {"start": "11:00", "end": "13:00"}}
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(email_config(OPS | quiet, digest="daily"), store, now=NOW)
    assert subjects(mailbox) == ["Problem: sample: unreachable"]


@on_sqlite
def test_a_channel_of_the_operators_is_told(
    store: Store, listener: Listener, email_config: EmailConfig
) -> None:
    channels = {"ops": [f"json://localhost:{listener.port}/ops"]}
    config = email_config({"channels": channels, "ops": {"channels": ["ops"]}})
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    deliver(config, store, now=NOW)
    fail(store, *(f"site-{number}" for number in range(150)))
    deliver(config, store, now=NOW)
    one, many = (each.json for each in listener.at("/ops"))
    assert one["title"] == "Problem: sample: unreachable"
    assert many["title"].startswith("Problem: 150 problems: site-0: unreachable, site-1: ")
    assert len(many["title"]) <= 120
    assert many["message"].startswith("site-0: unreachable: site-0 gives no answer\n")


def test_two_processes_tell_once(
    open_store: Callable[[], Store], mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store, other = open_store(), open_store()
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    (problem,) = store.health.problems()
    assert other.health.notify_start([problem], [], NOW)
    assert not store.health.notify_start([problem], [], NOW)
    store.health.clear_problem("sample", UNREACHABLE)
    (ended,) = store.health.problems(ended=True)
    assert other.health.notify_end([ended], [])
    assert not store.health.notify_end([ended], [])


@on_sqlite
def test_a_delivery_that_fails_three_times_is_a_problem_until_it_works(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    mailbox.refuse["desk@example.org"] = "450 busy"
    record(store, an_article(1), "email")
    for hours in range(3):
        assert store.health.problems() == []
        deliver(config, store, now=NOW + hours * HOUR)
    (problem,) = store.health.problems()
    assert (problem.subject, problem.code) == ("outbox/email", ProblemCode.DELIVERY_FAILING)
    assert problem.message == "email: desk@example.org: 450 busy"
    assert subjects(mailbox) == ["Problem: outbox/email: delivery-failing"]
    mailbox.refuse.clear()
    deliver(config, store, now=NOW + 5 * HOUR)
    assert store.health.problems() == []
    assert subjects(mailbox)[1:] == ["Over: outbox/email: delivery-failing"]


@on_sqlite
def test_a_recipient_refused_for_good_is_a_problem_at_once(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    deliver(email_config(OPS), store, now=NOW)
    assert subjects(mailbox) == ["Problem: outbox/email: delivery-failing"]


@on_sqlite
def test_each_channel_that_begins_to_fail_is_told_and_so_is_its_end(
    store: Store, mailbox: Mailbox, listener: Listener, email_config: EmailConfig
) -> None:
    hook = {"url": f"http://127.0.0.1:{listener.port}/hook", "secret": "s"}
    chat = {"channels": {"ops": [f"json://localhost:{listener.port}/ops"]}}
    config = email_config(chat | {"ops": {"channels": ["ops"]}, "webhooks": {"hook": hook}})

    def notices() -> list[str]:
        return [message.json["title"] for message in listener.at("/ops")]

    listener.statuses["/hook"] = 410
    for number in (1, 2):
        record(store, an_article(number), "webhook:hook")
        deliver(config, store, now=NOW)
    assert notices() == ["Problem: outbox/webhook:hook: delivery-failing"]
    mailbox.refuse["desk@example.org"] = "550 no such user"
    record(store, an_article(3), "email")
    deliver(config, store, now=NOW)
    assert notices()[1:] == ["Problem: outbox/email: delivery-failing"]
    assert [(each.subject, each.message) for each in store.health.problems()] == [
        ("outbox/email", "email: desk@example.org: 550 no such user"),
        ("outbox/webhook:hook", "webhook:hook: hook: HTTP 410"),
    ]
    mailbox.refuse.clear()
    deliver(config, store, now=NOW + HOUR)
    assert notices()[2:] == ["Over: outbox/email: delivery-failing"]
    listener.statuses.clear()
    deliver(config, store, now=NOW + 3 * HOUR)
    assert notices()[3:] == ["Over: outbox/webhook:hook: delivery-failing"]


@on_sqlite
def test_a_problem_of_all_channels_that_an_older_version_stored_ends_when_all_work(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    mailbox.refuse["desk@example.org"] = "550 no such user"
    record(store, an_article(1), "email")
    store.health.raise_problem("outbox", ProblemCode.DELIVERY_FAILING, "email: …", NOW)
    deliver(email_config(OPS), store, now=NOW)
    assert [each.subject for each in store.health.problems()] == ["outbox", "outbox/email"]
    mailbox.refuse.clear()
    deliver(email_config(OPS), store, now=NOW + HOUR)
    assert store.health.problems() == []
    assert sorted(subjects(mailbox)[-2:]) == [  # their order is that of their ids
        "Over: outbox/email: delivery-failing",
        "Over: outbox: delivery-failing",
    ]


@on_sqlite
def test_nobody_is_told_when_nobody_is_named(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.raise_problem("sample", UNREACHABLE, "no answer", NOW)
    compose_notices(email_config(), store, NOW)
    (problem,) = store.health.problems()
    assert problem.notified_at is None


def a_good_cycle(store: Store, site: str, hours: int) -> None:
    """A cycle over a site that succeeded so long after now."""
    store.health.record_start(f"run-{hours}", site, NOW + hours * HOUR)
    store.health.record_end(f"run-{hours}", site, NOW + hours * HOUR, succeeded=True, counters={})


@on_sqlite
def test_overdue_is_over_with_a_good_cycle_and_a_delivery_whoever_runs_them(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    a_good_cycle(store, "sample", -1)
    for subject in ("sample", "other"):
        store.health.raise_problem(subject, OVERDUE, "job sample failed", NOW)
    deliver(config, store, now=NOW)
    assert sorted(subjects(mailbox)) == ["Problem: other: overdue", "Problem: sample: overdue"]
    a_good_cycle(store, "sample", 1)
    deliver(config, store, now=NOW + HOUR)
    assert subjects(mailbox)[2:] == ["Over: sample: overdue"]
    assert [problem.subject for problem in store.health.problems()] == ["other"]


@on_sqlite
def test_overdue_by_a_clock_that_was_ahead_is_over_with_a_good_cycle(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    store.health.raise_problem("sample", OVERDUE, "job sample failed", NOW + timedelta(days=60))
    deliver(email_config(OPS), store, now=NOW)
    assert [problem.subject for problem in store.health.problems()] == ["sample"]
    a_good_cycle(store, "sample", 1)
    deliver(email_config(OPS), store, now=NOW + HOUR)
    assert subjects(mailbox) == ["Problem: sample: overdue", "Over: sample: overdue"]


@on_sqlite
def test_an_outbox_that_is_overdue_is_so_until_a_delivery_can_write(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    record(store, an_article(1))
    blocked = config.output_dir / "articles"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where the folder should be")
    for subject in ("outbox", "sample"):
        store.health.raise_problem(subject, OVERDUE, "job (outbox) failed", NOW)
    for hours in (1, 2):
        a_good_cycle(store, "sample", hours)
        assert deliver(config, store, now=NOW + hours * HOUR).output_problem is not None
    what = ["outbox: overdue", "output: delivery-failing", "sample: overdue"]
    assert sorted(subjects(mailbox)) == [f"Problem: {each}" for each in what]
    blocked.unlink()
    deliver(config, store, now=NOW + 3 * HOUR)
    assert sorted(subjects(mailbox)[3:]) == [f"Over: {each}" for each in what]


@on_sqlite
def test_a_problem_says_what_happened_since_when_what_comes_next_and_what_to_do(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    site, message = "responsiblestatecraft", "2 of 2 sources failed (2 × HTTP 503)"
    store.health.raise_problem(site, UNREACHABLE, message, NOW)
    store.jobs.schedule("rs-sections", "every 20m", NOW + HOUR)  # of the shipped schedule
    deliver(email_config(OPS), store, now=NOW)
    assert mailbox.only().text.splitlines() == [
        "2 of 2 sources failed (2 × HTTP 503)",
        "",
        "Since 24 November 2026, 12:00 UTC.",
        "",
        "Next try 24 November 2026, 13:00 UTC.",
        "",
        "What to do: let a pause that it asked for pass; else open the site: if it is up, "
        "fix the cause named, or ask it to lift a block of our address.",
    ]


@on_sqlite
def test_no_next_try_is_announced_within_a_pause_that_the_site_asked_for(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    site = "responsiblestatecraft"
    a_good_cycle(store, site, 0)
    store.health.record_not_before(site, NOW + timedelta(minutes=90))
    store.health.raise_problem(site, UNREACHABLE, "it asked for a pause", NOW)
    store.jobs.schedule("rs-sections", "every 20m", NOW + timedelta(minutes=20))
    deliver(email_config(OPS), store, now=NOW)
    assert "Next try 24 November 2026, 13:40 UTC." in mailbox.only().text


SITES = tuple(f"site-{number}" for number in range(9))


def fail(store: Store, *names: str, minutes: float = 0) -> None:
    """Make these sites unreachable, so long after now."""
    for name in names:
        at = NOW + timedelta(minutes=minutes)
        store.health.raise_problem(name, UNREACHABLE, f"{name} gives no answer", at)


def test_problems_of_many_sites_that_begin_or_end_together_are_one_notice_each(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({**OPS, "flood_limit": 5})
    fail(store, *SITES)
    deliver(config, store, now=NOW)
    for name in SITES:
        store.health.clear_problem(name, UNREACHABLE)
    deliver(config, store, now=NOW + HOUR)
    names = "site-0: unreachable, site-1: unreachable, site-2: unreachable"
    begun, over = (subject.partition(names)[0] for subject in subjects(mailbox))
    assert (begun, over) == ("Problem: 9 problems: ", "Over: 9 problems: ")
    for mail in mailbox.received:
        assert [name for name in SITES if f"{name} gives no answer" not in mail.text] == []
    assert mailbox.received[0].text.count("What to do:") == 1
    assert store.health.problems(ended=True) == []


@on_sqlite
def test_of_many_problems_that_began_and_ended_without_a_mail_server_only_the_end_is_told(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({**OPS, "flood_limit": 5}, port=9)
    fail(store, "first")
    deliver(config, store, now=NOW - timedelta(hours=1))
    fail(store, *SITES)
    for minutes in (0, 1):
        deliver(config, store, now=NOW + timedelta(minutes=minutes))
    for name in ("first", *SITES):
        store.health.clear_problem(name, UNREACHABLE)
    for minutes in (20, 60):
        config = email_config({**OPS, "flood_limit": 5})
        deliver(config, store, now=NOW + timedelta(minutes=minutes))
    (subject,) = subjects(mailbox)
    assert subject.startswith("Over: 10 problems: first: unreachable, site-0: unreachable, ")


@pytest.fixture
def put_off(store: Store, mailbox: Mailbox, email_config: EmailConfig) -> Config:
    """The configuration; the server has put off the one notice that many problems began."""
    config = email_config({**OPS, "flood_limit": 5})
    mailbox.reply = "451 try again later"
    fail(store, *SITES)
    deliver(config, store, now=NOW)
    mailbox.reply = "250 OK"
    return config


@on_sqlite
@pytest.mark.parametrize("is_last_over", [True, False])
def test_the_notice_of_many_starts_goes_out_only_while_one_of_the_problems_lasts(
    store: Store, mailbox: Mailbox, put_off: Config, is_last_over: bool
) -> None:
    for minutes, names in ((0.2, SITES[:1]), (0.4, SITES[1 : 9 if is_last_over else 8])):
        for name in names:
            store.health.clear_problem(name, UNREACHABLE)
        deliver(put_off, store, now=NOW + timedelta(minutes=minutes))
    deliver(put_off, store, now=NOW + HOUR)
    over, others, *begun = (subject.split(" problems")[0] for subject in subjects(mailbox))
    assert (over, others) == ("Over: site-0: unreachable", f"Over: {8 if is_last_over else 7}")
    assert begun == ([] if is_last_over else ["Problem: 9"])


@on_sqlite
def test_the_ends_of_many_wait_while_another_process_sends_the_notice_of_their_starts(
    store: Store, mailbox: Mailbox, put_off: Config
) -> None:
    (notice,) = store.messages.undelivered()
    claimed = store.messages.claim(notice.message_id, "other", NOW + HOUR)
    assert claimed is not None
    for name in SITES:
        store.health.clear_problem(name, UNREACHABLE)
    deliver(put_off, store, now=NOW + HOUR)
    assert subjects(mailbox) == []
    store.messages.release(claimed)
    for hours in (1, 2):
        deliver(put_off, store, now=NOW + hours * HOUR)
    (subject,) = subjects(mailbox)
    assert subject.startswith("Over: 9 problems: ")


@on_sqlite
def test_after_many_notices_in_ten_minutes_the_rest_waits_and_is_one(
    store: Store, mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config({**OPS, "flood_limit": 5})
    for minute, name in enumerate(SITES):
        fail(store, name, minutes=minute)
        deliver(config, store, now=NOW + timedelta(minutes=minute))
    singles = [f"Problem: {name}: unreachable" for name in SITES[:5]]
    assert subjects(mailbox) == singles
    store.health.clear_problem(SITES[5], UNREACHABLE)  # nobody was told that it began
    for minutes in (9, 10.5):
        deliver(config, store, now=NOW + timedelta(minutes=minutes))
    rest = "site-6: unreachable, site-7: unreachable, site-8: unreachable"
    assert subjects(mailbox) == [*singles, f"Problem: 3 problems: {rest}"]
