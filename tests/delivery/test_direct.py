"""A store that fails under cron is told once, and once that it is over."""

from __future__ import annotations

from rscrawler.delivery.ops import advice_for
from rscrawler.errors import StoreError
from rscrawler.monitoring.direct import report_store_failure, report_store_recovery, store_problem
from rscrawler.monitoring.status import read_status
from rscrawler.store import Store
from tests.delivery.conftest import EmailConfig
from tests.delivery.helpers import NOW
from tests.delivery.mailbox import Mailbox

OPS = {"ops": {"recipients": ["ops@example.org"]}}


def test_operators_are_told_with_the_first_cycle_that_fails_and_the_first_that_does_not(
    mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    for _ in range(3):
        report_store_failure(config, StoreError("database x.db: cannot be written"), NOW)
    assert "database x.db: cannot be written" in mailbox.only().text
    assert (problem := store_problem(config)) is not None
    assert advice_for(problem).startswith("fix what the reason names")
    for _ in range(2):
        report_store_recovery(config, NOW)
    assert [each.mail["Subject"] for each in mailbox.received] == [
        "Problem: the database fails",
        "Over: the database fails",
    ]
    assert store_problem(config) is None


def test_who_cannot_be_reached_is_told_with_the_next_cycle(
    mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    mailbox.refuse["ops@example.org"] = "451 later"
    report_store_failure(config, StoreError("x"), NOW)
    mailbox.refuse.clear()
    report_store_failure(config, StoreError("x"), NOW)
    assert mailbox.only().mail["Subject"] == "Problem: the database fails"


def test_a_store_that_refuses_is_told_in_its_own_words_and_as_no_full_disk(
    mailbox: Mailbox, email_config: EmailConfig, store: Store
) -> None:
    config = email_config(OPS)
    refusal = "the database has schema 99, this program knows up to 9"
    report_store_failure(config, StoreError(refusal), NOW)
    (problem,) = read_status(config, store, NOW).others["database"]
    assert (problem.code, refusal in problem.message) == ("overdue", True)


def test_without_a_place_for_the_mark_no_command_writes_to_the_operators_each_time(
    mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    config.output_dir.write_text("a file where the folder should be")
    report_store_failure(config, StoreError("x"), NOW)
    report_store_recovery(config, NOW)
    assert mailbox.received == []


def test_a_process_that_goes_on_remembers_whom_it_told_without_a_mark(
    mailbox: Mailbox, email_config: EmailConfig
) -> None:
    config = email_config(OPS)
    config.output_dir.write_text("a file where the folder should be")
    report_store_failure(config, StoreError("x"), NOW, goes_on=True)
    config.output_dir.unlink()
    report_store_failure(config, StoreError("x"), NOW, goes_on=True)
    for _ in range(2):
        report_store_recovery(config, NOW)
    assert [each.mail["Subject"] for each in mailbox.received] == [
        "Problem: the database fails",
        "Over: the database fails",
    ]
